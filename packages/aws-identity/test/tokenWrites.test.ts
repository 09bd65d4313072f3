import { FileSystem } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Either, Fiber, Layer, Option, Redacted, TestClock } from "effect"
import { Files, IdentityError, SharedConfig, SsoLogin, SsoTokenCache, SsoTokenProvider } from "effect-aws-identity"
import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import { withMemory } from "../src/internal/tokenMemory.js"
import { nodeContext, overFileSystem } from "./ports.js"

// What a write of the token file does when the file changes at that moment, and what is left when a writer is killed.

type Tamper = (fs: FileSystem.FileSystem) => Partial<FileSystem.FileSystem>

const storeIn = (directory: string, tamper: Tamper = () => ({})) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* SsoTokenCache.SsoTokenCache.pipe(
      Effect.provide(Layer.provide(SsoTokenCache.layer({ directory }), overFileSystem({ ...fs, ...tamper(fs) })))
    )
  })

/** Runs an effect when a temporary file is about to be opened: after the answer of AWS, before the rename. */
const whenWriting = (effect: (fs: FileSystem.FileSystem) => Effect.Effect<unknown, unknown>): Tamper => (fs) => ({
  open: (path, options) =>
    path.endsWith(".tmp") ? Effect.zipRight(Effect.ignore(effect(fs)), fs.open(path, options)) : fs.open(path, options)
})

const tokenOf = (accessToken: string, expiresAt = "2030-01-01T00:00:00Z", clientId = "client") =>
  new SsoTokenCache.SsoToken({
    accessToken: Redacted.make(accessToken),
    expiresAt: DateTime.unsafeMake(expiresAt),
    clientId: Option.some(clientId),
    clientSecret: Option.some(Redacted.make("secret")),
    refreshToken: Option.some(Redacted.make(`${accessToken}-refresh`))
  })

const accessTokenIn = (cache: SsoTokenCache.SsoTokenCache["Type"], key = "corp") =>
  Effect.map(
    cache.get(key),
    (found) => Option.getOrUndefined(Option.map(found, ({ accessToken }) => Redacted.value(accessToken)))
  )

/** A home that is signed in to the session `example` with an expired token, and a provider over its token file. */
const expiredHome = (tamper: (file: string) => Tamper) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const directory = `${yield* fs.makeTempDirectoryScoped()}/cache`
    const session = yield* SharedConfig.session("example")
    const issued = Option.getOrThrow(yield* (yield* SsoTokenCache.SsoTokenCache).get("example"))
    const plain = yield* storeIn(directory)
    const file = plain.location("example")
    yield* plain.set("example", new SsoTokenCache.SsoToken({ ...issued, expiresAt: DateTime.unsafeMake(0) }))
    const store = yield* storeIn(directory, tamper(file))
    const provider = yield* Effect.provideService(SsoTokenProvider.make, SsoTokenCache.SsoTokenCache, store)
    return { directory, file, get: provider.get(session), plain, store }
  })

const world = Layer.merge(TestIdentity.layer(), nodeContext)

describe("SsoTokenProvider.get while it writes a refreshed token", () => {
  const removals: Readonly<Record<string, (fs: FileSystem.FileSystem, file: string) => Effect.Effect<void, unknown>>> =
    {
      "the token file": (fs, file) => fs.remove(file),
      "the cache directory": (fs, file) => fs.remove(file.replace(/\/[^/]+$/, ""), { recursive: true })
    }
  for (const [name, remove] of Object.entries(removals)) {
    it.live(`stays signed out when "aws sso logout" removes ${name} between AWS's answer and the rename`, () =>
      Effect.gen(function*() {
        const { get, plain, store } = yield* expiredHome((file) => whenWriting((fs) => remove(fs, file)))
        const error = yield* Effect.flip(get)
        assert.strictEqual(error._tag, "SsoLoginRequired")
        assert.strictEqual(yield* accessTokenIn(plain, "example"), undefined)
        assert.strictEqual(yield* accessTokenIn(store, "example"), undefined)
      }).pipe(Effect.scoped, Effect.provide(world)))
  }

  it.live("gives and keeps the token of a sign-in by another tool between AWS's answer and the rename", () =>
    Effect.gen(function*() {
      const newer = SsoTokenCache.encode(tokenOf("newer"))
      const { directory, file, get, plain } = yield* expiredHome((file) =>
        whenWriting((fs) => fs.writeFileString(file, newer))
      )
      assert.strictEqual(Redacted.value((yield* get).accessToken), "newer")
      assert.strictEqual(yield* accessTokenIn(plain, "example"), "newer")
      const fs = yield* FileSystem.FileSystem
      assert.deepStrictEqual(yield* fs.readDirectory(directory), [file.slice(directory.length + 1)])
    }).pipe(Effect.scoped, Effect.provide(world)))

  const harmless: Readonly<Record<string, (text: string) => string>> = {
    "was only rewritten": (text) => `${text}\n`,
    "was emptied by a writer that was killed": () => ""
  }
  for (const [name, change] of Object.entries(harmless)) {
    it.live(`writes the refreshed token over a file that ${name} between AWS's answer and the rename`, () =>
      Effect.gen(function*() {
        const { get, plain } = yield* expiredHome((file) =>
          whenWriting((fs) => Effect.flatMap(fs.readFileString(file), (text) => fs.writeFileString(file, change(text))))
        )
        const given = Redacted.value((yield* get).accessToken)
        assert.strictEqual(yield* accessTokenIn(plain, "example"), given)
      }).pipe(Effect.scoped, Effect.provide(world)))
  }
})

describe("SsoTokenProvider.get on files", () => {
  /** Files that note their operations, in order. */
  const counting = (files: Files.Service) => {
    const log: Array<string> = []
    const noted = new Proxy(files, {
      get: (target, name: keyof Files.Service) => {
        const member: unknown = target[name]
        return typeof member !== "function" ?
          member :
          (path: string, ...rest: ReadonlyArray<unknown>) =>
            Effect.suspend(() => {
              log.push(`${name} ${/\.(?:lock|tmp|json)$/.exec(path)?.[0] ?? "directory"}`)
              return member(path, ...rest)
            })
      }
    })
    return { log, files: noted }
  }

  it.effect("makes 1 file operation for a valid token, and 13 for a refresh", () =>
    Effect.gen(function*() {
      const session = yield* SharedConfig.session("example")
      const issued = Option.getOrThrow(yield* (yield* SsoTokenCache.SsoTokenCache).get("example"))
      const { files, log } = counting(Files.makeMemory())
      const cache = yield* Effect.provide(SsoTokenCache.SsoTokenCache, SsoTokenCache.layer({ directory: "/cache" }))
        .pipe(
          Effect.provideService(Files.Files, files)
        )
      const provider = yield* Effect.provideService(SsoTokenProvider.make, SsoTokenCache.SsoTokenCache, cache)
      yield* cache.set("example", issued)
      yield* TestClock.adjust("1 minute")
      yield* provider.get(session)
      log.length = 0
      yield* provider.get(session)
      assert.deepStrictEqual(log, ["look .json"])

      yield* cache.set("example", new SsoTokenCache.SsoToken({ ...issued, expiresAt: DateTime.unsafeMake(0) }))
      yield* TestClock.adjust("1 minute")
      yield* cache.get("example")
      log.length = 0
      yield* provider.get(session)
      assert.deepStrictEqual(log, [
        "look .json",
        "create .lock",
        // Temporary files of killed processes are found.
        "list directory",
        // On a network drive, only a read is sure to give what the last holder of the lock wrote.
        "look .json",
        "read .json",
        // The lock is marked before the refresh token is sent.
        "read .lock",
        "overwrite .lock",
        // AWS has answered.
        "look .json",
        "create .tmp",
        "look .json",
        "rename .tmp",
        "read .lock",
        "remove .lock"
      ])
    }).pipe(Effect.scoped, Effect.provide(TestIdentity.layer())))
})

describe("SsoTokenCache.set with `replaces`", () => {
  const stores: Readonly<Record<string, Layer.Layer<SsoTokenCache.SsoTokenCache>>> = {
    "on files": Layer.unwrapScoped(
      Effect.map(
        Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped()),
        (directory) => SsoTokenCache.layer({ directory })
      )
    ).pipe(Layer.provide(nodeContext), Layer.orDie),
    "in memory": SsoTokenCache.layerMemory()
  }
  for (const [name, store] of Object.entries(stores)) {
    it.live(`writes only if the store ${name} still holds that token`, () =>
      Effect.gen(function*() {
        const cache = yield* SsoTokenCache.SsoTokenCache
        const [first, second, third] = [tokenOf("first"), tokenOf("second"), tokenOf("third")]
        yield* cache.set("corp", first, { replaces: Option.some(second) })
        assert.strictEqual(yield* accessTokenIn(cache), undefined)
        yield* cache.set("corp", first, { replaces: Option.none() })
        assert.strictEqual(yield* accessTokenIn(cache), "first")
        yield* cache.set("corp", second, { replaces: Option.none() })
        yield* cache.set("corp", second, { replaces: Option.some(third) })
        assert.strictEqual(yield* accessTokenIn(cache), "first")
        yield* cache.set("corp", second, { replaces: Option.some(first) })
        assert.strictEqual(yield* accessTokenIn(cache), "second")
        yield* cache.set("corp", third)
        assert.strictEqual(yield* accessTokenIn(cache), "third")
      }).pipe(Effect.provide(Layer.fresh(store))))
  }

  it.effect("does not write a token that is only in memory over a newer sign-in, nor keep it", () =>
    Effect.gen(function*() {
      const store = yield* Effect.provide(SsoTokenCache.SsoTokenCache, SsoTokenCache.layerMemory())
      yield* store.set("corp", tokenOf("old"))
      const refused = new IdentityError.FileError({ path: "", operation: "write", code: "NoSpace" })
      let isFull = true
      let meanwhile: Effect.Effect<unknown, unknown> = Effect.void
      const cache = withMemory({
        ...store,
        set: (key, token, options) =>
          Effect.zipRight(Effect.ignore(meanwhile), isFull ? Effect.fail(refused) : store.set(key, token, options))
      })
      yield* cache.set("corp", tokenOf("unsaved"))
      assert.strictEqual(yield* accessTokenIn(cache), "unsaved")
      // The next attempt to save it comes after another tool's sign-in.
      yield* TestClock.adjust("31 seconds")
      isFull = false
      meanwhile = store.set("corp", tokenOf("newer"))
      yield* cache.get("corp")
      assert.strictEqual(yield* accessTokenIn(store), "newer")
      assert.strictEqual(yield* accessTokenIn(cache), "newer")
      // A refresh whose write fails after a sign-out leaves nothing in memory.
      isFull = true
      meanwhile = store.remove("corp")
      yield* cache.set("corp", tokenOf("refreshed"), { replaces: Option.some(tokenOf("newer")) })
      assert.strictEqual(yield* accessTokenIn(cache), undefined)
    }))
})

describe("the temporary file of a token", () => {
  /** What `replaceFile` would have left under a random name. */
  const leave = (file: string, text: string, name = "k3j2x9") =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(`${file}.${name}.tmp`, text, { mode: 0o600 })
    })

  const refreshed = (current: SsoTokenCache.SsoToken | undefined, left: ReadonlyArray<readonly [string, string]>) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const cache = yield* storeIn(directory)
      const file = cache.location("corp")
      if (current !== undefined) yield* cache.set("corp", current)
      yield* Effect.forEach(left, ([name, text]) => leave(file, text, name))
      yield* fs.writeFileString(`${directory}/other.json.k3j2x9.tmp`, "of another session")
      const held = yield* cache.exclusively("corp")(accessTokenIn(cache))
      const names = yield* fs.readDirectory(directory)
      return { held, left: names.filter((name) => name.endsWith(".tmp")) }
    })

  const current = tokenOf("current", "2026-01-01T00:00:00Z")
  const successor = tokenOf("successor", "2026-01-01T01:00:00Z")
  const text = SsoTokenCache.encode

  it.scopedLive("that is complete and follows the current token replaces it when its writer was killed", () =>
    Effect.gen(function*() {
      const others = [["a", ""], ["b", text(successor).slice(0, 100)], ["c", text(successor)], [
        "d",
        text(current)
      ]] as const
      assert.deepStrictEqual(yield* refreshed(current, others), {
        held: "successor",
        left: ["other.json.k3j2x9.tmp"]
      })
    }).pipe(Effect.provide(nodeContext)))

  const useless: Readonly<Record<string, readonly [SsoTokenCache.SsoToken | undefined, string]>> = {
    "is cut": [current, text(successor).slice(0, -3)],
    "is empty": [current, ""],
    "expires before the current token": [current, text(tokenOf("earlier", "2025-12-31T00:00:00Z"))],
    "is of another client registration": [current, text(tokenOf("foreign", "2026-01-01T01:00:00Z", "other"))],
    "has no refresh token": [
      current,
      text(new SsoTokenCache.SsoToken({ ...successor, refreshToken: Option.none() }))
    ],
    "is left after a sign-out": [undefined, text(successor)]
  }
  for (const [name, [token, left]] of Object.entries(useless)) {
    it.scopedLive(`is removed and not used when it ${name}`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* refreshed(token, [["k3j2x9", left]]), {
          held: token && "current",
          left: ["other.json.k3j2x9.tmp"]
        })
      }).pipe(Effect.provide(nodeContext)))
  }

  it.scopedLive("is removed with the token file", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const cache = yield* storeIn(directory)
      yield* cache.set("corp", current)
      yield* leave(cache.location("corp"), text(successor))
      yield* cache.remove("corp")
      assert.deepStrictEqual(yield* fs.readDirectory(directory), [])
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("is written again when another process removes it before the rename", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      let removals = 0
      const cache = yield* storeIn(yield* fs.makeTempDirectoryScoped(), (fs) => ({
        rename: (from, to) => Effect.zipRight(removals++ < 2 ? fs.remove(from) : Effect.void, fs.rename(from, to))
      }))
      yield* cache.set("corp", successor)
      assert.strictEqual(removals, 3)
      assert.deepStrictEqual(yield* fs.readDirectory(cache.location("corp").replace(/\/[^/]+$/, "")), [
        SsoTokenCache.fileName("corp")
      ])
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("is synced to disk before it is renamed", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const calls: Array<string> = []
      const noted = <A, E, R>(name: string, effect: Effect.Effect<A, E, R>) =>
        Effect.tap(effect, () => Effect.sync(() => calls.push(name)))
      const cache = yield* storeIn(yield* fs.makeTempDirectoryScoped(), (fs) => ({
        open: (path, options) =>
          noted("open", fs.open(path, options)).pipe(
            Effect.map((file) =>
              new Proxy(file, {
                get: (target, key) =>
                  key === "sync"
                    ? noted("sync", target.sync)
                    : key === "writeAll"
                    ? (bytes: Uint8Array) => noted("write", target.writeAll(bytes))
                    : Reflect.get(target, key) as unknown
              })
            )
          ),
        rename: (from, to) => noted("rename", fs.rename(from, to))
      }))
      yield* cache.set("corp", current)
      assert.deepStrictEqual(calls, ["open", "write", "sync", "rename"])
    }).pipe(Effect.provide(nodeContext)))
})

describe("SsoLogin.device", () => {
  it.effect("writes its token while it holds the lock of the session", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const store = yield* SsoTokenCache.SsoTokenCache
      let isHeld = false
      const writes: Array<boolean> = []
      const session = yield* SharedConfig.session("example")
      const login = yield* SsoLogin.device(session, { onPrompt: ({ userCode }) => center.approve(userCode) }).pipe(
        Effect.provideService(SsoTokenCache.SsoTokenCache, {
          ...store,
          exclusively: () => (effect) =>
            Effect.acquireUseRelease(
              Effect.sync(() => {
                isHeld = true
              }),
              () => effect,
              () =>
                Effect.sync(() => {
                  isHeld = false
                })
            ),
          set: (key, token, options) =>
            Effect.zipRight(Effect.sync(() => writes.push(isHeld)), store.set(key, token, options))
        }),
        Effect.fork
      )
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(login)
      assert.deepStrictEqual(writes, [true])
    }).pipe(Effect.provide(TestIdentity.layer())))
})

describe("SsoTokenCache.decode", () => {
  it("prefers the canonical spelling of a key to another one, in any order", () => {
    const rest = { expiresAt: "2030-01-01T00:00:00Z" }
    for (
      const file of [
        { accesstoken: "other", accessToken: "canonical", ...rest },
        { accessToken: "canonical", accesstoken: "other", ...rest },
        { ACCESSTOKEN: "other", accessToken: "canonical", AccessToken: "another", ...rest }
      ]
    ) {
      const decoded = Either.getOrThrowWith(SsoTokenCache.decode(JSON.stringify(file)), (problem) => new Error(problem))
      assert.strictEqual(Redacted.value(decoded.accessToken), "canonical", JSON.stringify(file))
    }
  })
})
