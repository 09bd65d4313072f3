import { Error, FileSystem, KeyValueStore, Path } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import {
  Clock,
  ConfigProvider,
  Context,
  DateTime,
  Deferred,
  Duration,
  Effect,
  Either,
  Fiber,
  Layer,
  Option,
  Redacted,
  Ref,
  TestClock
} from "effect"
import { Files, IdentityError, SharedConfig, SsoTokenCache, SsoTokenProvider } from "effect-aws-identity"
import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import * as FileLock from "../src/internal/fileLock.js"
import { withMemory } from "../src/internal/tokenMemory.js"
import { observed } from "./observed.js"
import { nodeContext, overFileSystem } from "./ports.js"

// The store of tokens: on real files, in memory, and as a user may write one.

const tokenOf = (accessToken: string) =>
  new SsoTokenCache.SsoToken({
    accessToken: Redacted.make(accessToken),
    expiresAt: DateTime.unsafeMake("2030-01-01T00:00:00Z"),
    refreshToken: Option.some(Redacted.make(`${accessToken}-refresh`))
  })

/** The access token that a store has for a key. */
const held = (cache: SsoTokenCache.SsoTokenCache["Type"], key: string) =>
  Effect.map(
    cache.get(key),
    (found) => Option.getOrUndefined(Option.map(found, ({ accessToken }) => Redacted.value(accessToken)))
  )

const old = tokenOf("old")
const young = tokenOf("young")

const directory = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

/** The store in a directory, over a file system that may have been tampered with. */
const storeIn = (
  directory: string,
  tamper: (fs: FileSystem.FileSystem) => Partial<FileSystem.FileSystem> = () => ({})
) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* SsoTokenCache.SsoTokenCache.pipe(
      Effect.provide(Layer.provide(SsoTokenCache.layer({ directory }), overFileSystem({ ...fs, ...tamper(fs) })))
    )
  })

/** What a user would write over a `KeyValueStore`, of Redis, a database or a keychain. */
const overKeyValueStore: Layer.Layer<SsoTokenCache.SsoTokenCache, never, KeyValueStore.KeyValueStore> = Layer.effect(
  SsoTokenCache.SsoTokenCache,
  Effect.gen(function*() {
    const store = KeyValueStore.prefix(yield* KeyValueStore.KeyValueStore, "sso-token/")
    const location = (key: string) => `sso-token/${key}`
    const failed = (operation: IdentityError.StoreError["operation"]) => ({ _tag }: { readonly _tag: string }) =>
      new IdentityError.StoreError({ store: "the key-value store", operation, code: _tag })
    return {
      location,
      get: (key) =>
        Effect.flatMap(
          Effect.mapError(store.get(key), failed("read")),
          Option.match({
            onNone: () => Effect.succeedNone,
            onSome: (text) =>
              Either.match(SsoTokenCache.decode(text), {
                onLeft: (problem) => Effect.fail(new SsoTokenCache.CorruptToken({ location: location(key), problem })),
                onRight: Effect.succeedSome
              })
          })
        ),
      set: (key, token) =>
        Effect.mapBoth(store.set(key, SsoTokenCache.encode(token)), {
          onFailure: failed("write"),
          onSuccess: () => true
        }),
      remove: (key) => Effect.mapError(store.remove(key), failed("remove")),
      // The store has no lock: a renewal may be made twice.
      exclusively: () => (effect) => effect
    }
  })
)

const stores: Readonly<Record<string, Layer.Layer<SsoTokenCache.SsoTokenCache>>> = {
  "on files": Layer.unwrapScoped(Effect.map(directory, (directory) => SsoTokenCache.layer({ directory }))).pipe(
    Layer.provide(nodeContext),
    Layer.orDie
  ),
  "in memory": SsoTokenCache.layerMemory(),
  "over a KeyValueStore": Layer.provide(overKeyValueStore, KeyValueStore.layerMemory)
}

for (const [name, store] of Object.entries(stores)) {
  describe(`tokens ${name}`, () => {
    it.live("are kept by key, replaced as a whole, and removed", () =>
      Effect.gen(function*() {
        const cache = yield* SsoTokenCache.SsoTokenCache
        assert.strictEqual(yield* held(cache, "corp"), undefined)
        yield* cache.set("corp", old)
        yield* cache.set("other", young)
        assert.strictEqual(yield* held(cache, "corp"), "old")
        yield* cache.set("corp", young)
        assert.strictEqual(yield* held(cache, "corp"), "young")
        yield* cache.remove("corp")
        yield* cache.remove("corp")
        assert.strictEqual(yield* held(cache, "corp"), undefined)
        assert.strictEqual(yield* held(cache, "other"), "young")
      }).pipe(Effect.provide(Layer.fresh(store))))

    it.live("keep a session signed in", () =>
      Effect.gen(function*() {
        const center = yield* IdentityCenter.IdentityCenter
        const signedIn = Option.getOrThrow(yield* (yield* SsoTokenCache.SsoTokenCache).get("example"))
        const session = yield* SharedConfig.session("example")
        yield* Effect.gen(function*() {
          const cache = yield* SsoTokenCache.SsoTokenCache
          yield* cache.set("example", new SsoTokenCache.SsoToken({ ...signedIn, expiresAt: DateTime.unsafeMake(0) }))
          const renewed = yield* (yield* SsoTokenProvider.make).get(session)
          assert.deepStrictEqual(yield* center.calls, ["createToken"])
          assert.strictEqual(yield* held(cache, "example"), Redacted.value(renewed.accessToken))
        }).pipe(Effect.provide(Layer.fresh(store)))
      }).pipe(Effect.scoped, Effect.provide(TestIdentity.layer())))
  })
}

describe("files", () => {
  it.scopedLive("are of mode 0600 in a directory of mode 0700, whatever was there before", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const base = yield* directory
      const cache = yield* storeIn(path.join(base, "sso", "cache"))
      yield* cache.set("corp", old)
      const file = cache.location("corp")
      const modeOf = (file: string) => Effect.map(fs.stat(file), ({ mode }) => (mode & 0o777).toString(8))
      assert.strictEqual(yield* modeOf(path.join(base, "sso", "cache")), "700")
      assert.strictEqual(yield* modeOf(file), "600")
      yield* fs.chmod(file, 0o644)
      yield* cache.set("corp", young)
      assert.strictEqual(yield* modeOf(file), "600")
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("are read again only when they have changed, whoever changed them", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      let reads = 0
      const cache = yield* storeIn(yield* directory, (fs) => ({
        readFile: (path) =>
          Effect.suspend(() => {
            if (path.endsWith(".json")) reads++
            return fs.readFile(path)
          })
      }))
      const path = cache.location("corp")
      const textOf = (name: string) => SsoTokenCache.encode(tokenOf(name))
      const rested = new Date("2020-01-01")
      const write = (text: string, time = rested) =>
        Effect.zipRight(fs.writeFileString(path, text), fs.utimes(path, time, time))
      const readings = (expected: string | undefined, count: number) =>
        Effect.gen(function*() {
          reads = 0
          assert.strictEqual(yield* held(cache, "corp"), expected)
          assert.strictEqual(yield* held(cache, "corp"), expected)
          assert.strictEqual(reads, count, String(expected))
        })

      yield* write(textOf("one"))
      yield* readings("one", 1)
      yield* write(textOf("two"), new Date("2020-01-02"))
      yield* readings("two", 1)
      yield* fs.writeFileString(`${path}.new`, textOf("six"))
      yield* fs.utimes(`${path}.new`, new Date("2020-01-02"), new Date("2020-01-02"))
      yield* fs.rename(`${path}.new`, path)
      yield* readings("six", 1)
      // What was changed just now may change again within the same tick.
      yield* write(textOf("ten"), new Date())
      yield* readings("ten", 2)
      yield* cache.set("corp", tokenOf("own"))
      yield* readings("own", 2)
      yield* write(textOf("one"))
      yield* readings("one", 1)
      yield* fs.remove(path)
      yield* readings(undefined, 0)
      yield* write(textOf("one"))
      yield* readings("one", 1)
      // Another machine may have changed it in a way that a look does not show: whoever has the lock reads it.
      reads = 0
      yield* cache.exclusively("corp")(held(cache, "corp"))
      assert.strictEqual(reads, 1)
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("that are links are replaced, and what they led to is left alone", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const base = yield* directory
      const cache = yield* storeIn(path.join(base, "cache"))
      const target = path.join(base, "elsewhere")
      yield* fs.makeDirectory(path.join(base, "cache"))
      yield* fs.writeFileString(target, SsoTokenCache.encode(old))
      yield* fs.symlink(target, cache.location("corp"))
      assert.strictEqual(yield* held(cache, "corp"), "old")
      yield* cache.set("corp", young)
      assert.strictEqual(yield* fs.readFileString(target), SsoTokenCache.encode(old))
      assert.strictEqual(yield* held(cache, "corp"), "young")
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("that are something else are a typed error that names them, and a new token goes on in memory or over them", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const base = yield* directory
      const cache = yield* storeIn(base)
      const file = cache.location("corp")
      const { exec } = yield* Effect.promise(() => import("node:child_process"))
      const shell = (command: string) =>
        Effect.async<void>((resume) => {
          exec(command, { cwd: base }, () => resume(Effect.void))
        })
      const kinds: Readonly<Record<string, readonly [Effect.Effect<unknown, unknown>, string]>> = {
        "nothing in it": [fs.writeFileString(file, ""), "it is empty"],
        "bytes that are no text": [fs.writeFile(file, new Uint8Array(300).map((_, i) => i)), "not a JSON object"],
        "100 MB": [fs.truncate(file, 100_000_000), "longer than 1 MiB"],
        "a directory": [Effect.zipRight(fs.remove(file), fs.makeDirectory(file)), "a directory"],
        "a pipe": [
          Effect.zipRight(fs.remove(file, { recursive: true }), shell(`mkfifo '${file}'`)),
          "a FIFO"
        ],
        "a link to itself": [Effect.zipRight(fs.remove(file), fs.symlink(file, file)), ""]
      }
      for (const [name, [make, problem]] of Object.entries(kinds)) {
        yield* make
        const error = yield* Effect.flip(Effect.timeout(cache.get("corp"), "5 seconds"))
        assert.include(["CorruptToken", "FileError"], error._tag, name)
        assert.include(error.message, file, name)
        assert.include(error.message, problem, name)
      }
      const fresh = yield* storeIn(base)
      yield* fresh.set("corp", young)
      assert.strictEqual(yield* held(fresh, "corp"), "young")
    }).pipe(Effect.provide(nodeContext)))

  it.live.each(
    [
      [undefined, { HOME: "/home/me" }, "/home/me/.aws/sso/cache"],
      [undefined, { HOME: "/home/me", AWS_SSO_CACHE_DIR: "/run/tokens" }, "/run/tokens"],
      [{ homeDirectory: "/opt/me" }, { HOME: "/home/me" }, "/opt/me/.aws/sso/cache"],
      [{ homeDirectory: "/opt/me" }, { AWS_SSO_CACHE_DIR: "/run/tokens" }, "/run/tokens"],
      [{ directory: "/own" }, { HOME: "/home/me", AWS_SSO_CACHE_DIR: "/run/tokens" }, "/own"]
    ] as const
  )(
    "SsoTokenCache.layer(%j) in the environment %j stores tokens in %s",
    ([options, environment, directory]) =>
      Effect.gen(function*() {
        const cache = yield* Effect.provide(SsoTokenCache.SsoTokenCache, SsoTokenCache.layer(options))
        assert.strictEqual(cache.location("corp"), `${directory}/${SsoTokenCache.fileName("corp")}`)
      }).pipe(
        Effect.provide(nodeContext),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
      )
  )

  it.effect("each SsoTokenCache.layerMemory() is a store of its own, and all uses of one share its tokens", () =>
    Effect.gen(function*() {
      const [mine, other] = [SsoTokenCache.layerMemory(), SsoTokenCache.layerMemory()]
      class Mine extends Context.Tag("Mine")<Mine, SsoTokenCache.Service>() {}
      class Other extends Context.Tag("Other")<Other, SsoTokenCache.Service>() {}
      yield* Effect.gen(function*() {
        yield* (yield* Mine).set("corp", old)
        assert.strictEqual(yield* held(yield* SsoTokenCache.SsoTokenCache, "corp"), "old")
        assert.strictEqual(yield* held(yield* Other, "corp"), undefined)
      }).pipe(Effect.provide(Layer.mergeAll(
        mine,
        Layer.provide(Layer.effect(Mine, SsoTokenCache.SsoTokenCache), mine),
        Layer.provide(Layer.effect(Other, SsoTokenCache.SsoTokenCache), other)
      )))
    }))

  it.scopedLive("are where AWS_SSO_CACHE_DIR says", () =>
    Effect.gen(function*() {
      const base = yield* directory
      const cache = yield* SsoTokenCache.SsoTokenCache.pipe(
        Effect.provide(SsoTokenCache.layer()),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["AWS_SSO_CACHE_DIR", base], ["HOME", "/nowhere"]])))
      )
      yield* cache.set("corp", old)
      assert.strictEqual(cache.location("corp"), `${base}/${SsoTokenCache.fileName("corp")}`)
      assert.strictEqual(yield* held(yield* storeIn(base), "corp"), "old")
    }).pipe(Effect.provide(nodeContext)))
})

describe("what cannot be written", () => {
  const errors = ["PermissionDenied", "NotFound", "WriteZero", "Unknown"] as const

  it.scopedLive.each(errors)(
    "is kept in memory (%s), with one warning, and nothing is left behind",
    (reason) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const base = yield* directory
        yield* (yield* storeIn(base)).set("corp", old)
        const refused = new Error.SystemError({
          reason,
          module: "FileSystem",
          method: "rename",
          pathOrDescriptor: base
        })
        let full = true
        const cache = yield* storeIn(base, (fs) => ({
          rename: (a, b) => full ? Effect.fail(refused) : fs.rename(a, b)
        }))
        const { seen } = yield* observed(Effect.gen(function*() {
          yield* cache.set("corp", young)
          yield* cache.set("other", young)
        }))
        assert.strictEqual(seen.split("kept in memory only").length, 2)
        assert.include(seen, reason)
        assert.notInclude(seen, "young")
        assert.strictEqual(yield* held(cache, "corp"), "young")
        assert.strictEqual(yield* held(cache, "other"), "young")
        assert.deepStrictEqual(yield* fs.readDirectory(base), [SsoTokenCache.fileName("corp")])

        // Somebody else's token is the better one: it was made by a person.
        const third = tokenOf("third")
        yield* (yield* storeIn(base)).set("corp", third)
        assert.strictEqual(yield* held(cache, "corp"), "third")
        yield* (yield* storeIn(base)).remove("corp")
        assert.strictEqual(yield* held(cache, "corp"), undefined)

        full = false
        yield* cache.set("other", young)
        assert.strictEqual(yield* held(yield* storeIn(base), "other"), "young")
      }).pipe(Effect.provide(nodeContext))
  )

  it.effect("is written when the store can be written again", () =>
    Effect.gen(function*() {
      let full = true
      const store = yield* Effect.provide(SsoTokenCache.SsoTokenCache, SsoTokenCache.layerMemory())
      const refused = new IdentityError.FileError({ path: "", operation: "write", code: "NoSpace" })
      const cache = withMemory({
        ...store,
        set: (key, token) => full ? Effect.fail(refused) : store.set(key, token)
      })
      yield* cache.set("corp", young)
      full = false
      assert.strictEqual(yield* held(cache, "corp"), "young")
      assert.strictEqual(yield* held(store, "corp"), undefined)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* held(cache, "corp"), "young")
      assert.strictEqual(yield* held(store, "corp"), "young")
      yield* store.remove("corp")
      assert.strictEqual(yield* held(cache, "corp"), undefined)
    }))

  it.scopedLive("is gone from memory too when it is removed, or when its file was", () =>
    Effect.gen(function*() {
      const base = yield* directory
      yield* (yield* storeIn(base)).set("corp", old)
      const cache = yield* storeIn(base, (fs) => ({ rename: (from) => fs.rename(from, "/no/such/place") }))
      yield* cache.set("corp", young)
      assert.strictEqual(yield* held(cache, "corp"), "young")
      yield* (yield* storeIn(base)).remove("corp")
      assert.strictEqual(yield* held(cache, "corp"), undefined)
      yield* cache.set("corp", young)
      yield* cache.remove("corp")
      assert.strictEqual(yield* held(cache, "corp"), undefined)
    }).pipe(Effect.provide(nodeContext)))
})

describe("the lock", () => {
  it.scopedLive("lets one at a time do it, all in their turn, and leaves nothing", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const base = yield* directory
      const active = yield* Ref.make({ now: 0, most: 0, done: 0 })
      const work = Effect.gen(function*() {
        yield* Ref.update(active, ({ done, most, now }) => ({ now: now + 1, most: Math.max(most, now + 1), done }))
        yield* Effect.sleep("2 millis")
        yield* Ref.update(active, ({ done, most, now }) => ({ now: now - 1, most, done: done + 1 }))
      })
      // Each on a store of its own, as processes are.
      yield* Effect.forEach(
        Array.from({ length: 20 }),
        () => Effect.flatMap(storeIn(base), (cache) => cache.exclusively("corp")(work)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(yield* Ref.get(active), { now: 0, most: 1, done: 20 })
      assert.deepStrictEqual(yield* fs.readDirectory(base), [])
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("is of one key, and is given back by failure, defect and interruption", () =>
    Effect.gen(function*() {
      const base = yield* directory
      const cache = yield* storeIn(base)
      const held = yield* Deferred.make<void>()
      const holder = yield* Effect.fork(
        cache.exclusively("corp")(Effect.zipRight(Deferred.succeed(held, undefined), Effect.never))
      )
      yield* Deferred.await(held)
      assert.strictEqual(yield* cache.exclusively("other")(Effect.succeed(1)), 1)
      const waiting = yield* Effect.fork(cache.exclusively("corp")(Effect.succeed(2)))
      yield* Effect.sleep("100 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
      yield* Fiber.interrupt(holder)
      assert.strictEqual(yield* Fiber.join(waiting), 2)
      assert.strictEqual(yield* Effect.flip(cache.exclusively("corp")(Effect.fail("no"))), "no")
      yield* Effect.exit(cache.exclusively("corp")(Effect.die("worse")))
      assert.strictEqual(yield* cache.exclusively("corp")(Effect.succeed(3)), 3)
    }).pipe(Effect.provide(nodeContext)))

  /** Whether the lock was had, and how long that took (ms). */
  const tried = (base: string) =>
    Effect.gen(function*() {
      const files = yield* Files.Files
      const before = yield* Clock.currentTimeMillis
      const had = yield* Effect.scoped(FileLock.acquire(files, `${base}/corp.lock`))
      return { had, took: (yield* Clock.currentTimeMillis) - before }
    })

  it.scopedLive("that a full disk lets be made but not written leaves nothing, and is done without", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const base = yield* directory
      const full = new Error.SystemError({ reason: "Unknown", module: "FileSystem", method: "write" })
      const cache = yield* storeIn(base, (fs) => ({
        writeFileString: (path, _, options) => Effect.zipRight(fs.writeFileString(path, "", options), Effect.fail(full))
      }))
      const [took, result] = yield* Effect.timed(cache.exclusively("corp")(Effect.succeed(1)))
      assert.strictEqual(result, 1)
      assert.isBelow(Duration.toMillis(took), 1000)
      assert.deepStrictEqual(yield* fs.readDirectory(base), [])
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("that cannot be made is done without, at once", () =>
    Effect.gen(function*() {
      for (const base of ["/no/such/directory", "/proc"]) {
        const { had, took } = yield* tried(base)
        assert.isFalse(had)
        assert.isBelow(took, 1000)
      }
    }).pipe(Effect.provide(nodeContext)))
})
