import { type Error, FileSystem } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, FastCheck as fc, Fiber, Option, Scope, TestClock } from "effect"
import { Files } from "effect-aws-identity"
import { execFileSync } from "node:child_process"
import * as FileLock from "../src/internal/fileLock.js"
import * as Lease from "../src/internal/lease.js"
import { observed } from "./observed.js"
import { nodeContext } from "./ports.js"

// The lock between processes: its decisions as properties, its flows on TestClock over files in memory, and what a
// path can hold on real files.

const runs = { numRuns: 5000 }
const file = "/cache/corp.lock"

interface Entry {
  readonly type: Files.Look["type"] | "SymbolicLink"
  readonly text: string
  readonly isReadable?: boolean
  readonly isRemovable?: boolean
}

const failure = (reason: Files.FilesError["reason"], path: string) =>
  Effect.fail(new Files.FilesError({ reason, path, code: reason }))

/** Files in memory. Every operation is one step, so that a test on TestClock waits for nothing else. */
const disk = () => {
  const entries = new Map<string, Entry>()
  const log: Array<string> = []
  const at = <A>(path: string, use: (entry: Entry) => Effect.Effect<A, Files.FilesError>) =>
    Effect.suspend(() => {
      const entry = entries.get(path)
      return entry === undefined ? failure("NotFound", path) : use(entry)
    })
  const write = (path: string, text: string) =>
    Effect.sync(() => {
      entries.set(path, { type: "File", text })
      log.push(`write ${path}`)
    })
  const remove = (path: string) =>
    at(path, ({ isRemovable = true }) => {
      if (!isRemovable) return failure("PermissionDenied", path)
      entries.delete(path)
      log.push(`remove ${path}`)
      return Effect.void
    })
  const fs: Files.Service = {
    ...Files.makeMemory(),
    create: (path, text) =>
      Effect.suspend(() => entries.has(path) ? failure("AlreadyExists", path) : write(path, text)),
    overwrite: (path, text) => at(path, () => write(path, text)),
    read: (path) =>
      at(path, ({ isReadable = true, text, type }) => {
        if (type === "FIFO") return Effect.never
        return isReadable ? Effect.succeed(new TextEncoder().encode(text)) : failure("PermissionDenied", path)
      }),
    readLink: (path) =>
      Effect.sync(() => {
        const entry = entries.get(path)
        return entry?.type === "SymbolicLink" ? Option.some(entry.text) : Option.none()
      }),
    look: (path) =>
      Effect.sync(() => {
        const entry = entries.get(path)
        return entry === undefined || entry.type === "SymbolicLink" ? Option.none() : Option.some({
          type: entry.type,
          size: entry.text.length,
          stamp: `1 ${entry.text.length} 0`,
          changedAt: 0,
          mode: 0o600,
          owner: Option.none()
        })
      }),
    list: (path) => at(path, ({ text }) => Effect.succeed(text.split(" ").filter((name) => name !== ""))),
    remove,
    removeDirectory: remove
  }
  return { entries, fs, log, put: (entry: Partial<Entry>) => entries.set(file, { type: "File", text: "", ...entry }) }
}

/** Another process asks for the lock; `seconds` later the lease it has, if any. */
const asking = (fs: Files.Service) => Effect.fork(Effect.scoped(FileLock.make(fs)(file)))
const leaseAfter = <E>(fiber: Fiber.Fiber<Lease.Lease["Type"], E>, seconds: number) =>
  Effect.flatMap(
    TestClock.adjust(Math.round(seconds * 1000)),
    () => Effect.map(Fiber.poll(fiber), Option.flatMap(Exit.match({ onFailure: Option.none, onSuccess: Option.some })))
  )

const oldFormat = (until: number) => JSON.stringify({ owner: "dead", until })
const dead = (isSending: boolean) => JSON.stringify({ owner: "dead", beat: 3, isSending }).padEnd(100)

describe("observe and judge", () => {
  const gaps = fc.array(
    fc.oneof(
      fc.integer({ min: 0, max: 300 }),
      fc.constantFrom(9000, 3_600_000, -600_000),
      fc.integer({ min: -5000, max: 100_000 })
    ),
    { maxLength: 200 }
  )
  const locks = fc.record({ isSending: fc.boolean(), start: fc.integer({ min: 0, max: 1e9 }), gaps })

  it("never call a lock dead before a whole lease of looks at most 250 ms apart has shown the same text", () => {
    fc.assert(
      fc.property(locks, ({ gaps, isSending, start }) => {
        const found: Lease.Found = { _tag: "Lock", text: "x", isSending }
        const lease = isSending ? Lease.sendingLeaseMillis : Lease.leaseMillis
        let now = start
        let seen = 0
        let watch = Lease.observe(undefined, now, "x")
        for (const gap of gaps) {
          now += gap
          seen += Math.min(Math.max(gap, 0), 250)
          watch = Lease.observe(watch, now, "x")
          assert.strictEqual(watch.unchanged, seen)
          assert.strictEqual(Lease.judge(found, watch.unchanged, 0) === "Wait", seen <= lease)
        }
      }),
      runs
    )
  })

  it("start again when the text changes, whatever the clock did", () => {
    fc.assert(
      fc.property(locks, fc.integer({ min: -1e9, max: 1e9 }), ({ gaps, start }, jump) => {
        let watch = Lease.observe(undefined, start, "x")
        for (const gap of gaps) watch = Lease.observe(watch, watch.lookedAt + gap, "x")
        assert.strictEqual(Lease.observe(watch, watch.lookedAt + jump, "y").unchanged, 0)
      }),
      runs
    )
  })

  it("end every wait after 75 s, and at once for what is not a lock", () => {
    const live: Lease.Found = { _tag: "Lock", text: "x", isSending: true }
    assert.strictEqual(Lease.judge(live, 0, 75_000), "Wait")
    assert.strictEqual(Lease.judge(live, 0, 75_001), "GiveUp")
    assert.strictEqual(Lease.judge({ _tag: "Foreign", text: "x", problem: "it is a FIFO" }, 0, 0), "GiveUp")
  })
})

describe("a dead lock", () => {
  const texts = { empty: "", nonsense: "nonsense", past: oldFormat(1), future: oldFormat(1e15), ours: dead(false) }
  it.effect.each(Object.entries(texts))(
    "is taken over after 5 s without a change (%s)",
    ([, text]) =>
      Effect.gen(function*() {
        const { fs, log, put } = disk()
        put({ text })
        const waiting = yield* asking(fs)
        assert.isTrue(Option.isNone(yield* leaseAfter(waiting, 4.9)))
        assert.isTrue(Option.getOrThrow(yield* leaseAfter(waiting, 0.5)).isHeld)
        assert.strictEqual(log.at(-1), `remove ${file}`)
      })
  )

  it.effect("whose holder began to send is taken over after 30 s, and the new holder is told to wait for the old one", () =>
    Effect.gen(function*() {
      const { fs, put } = disk()
      put({ text: dead(true) })
      const waiting = yield* asking(fs)
      assert.isTrue(Option.isNone(yield* leaseAfter(waiting, 29)))
      const lease = Option.getOrThrow(yield* leaseAfter(waiting, 3))
      assert.isTrue(lease.isHeld)
      assert.strictEqual(lease.othersMillis, 30_000)
    }))

  it.effect("is removed by one of many processes that find it dead at once", () =>
    Effect.gen(function*() {
      const { fs, put } = disk()
      put({ text: dead(false) })
      let now = 0
      let most = 0
      const work = Effect.scoped(Effect.gen(function*() {
        yield* FileLock.make(fs)(file)
        most = Math.max(most, ++now)
        yield* Effect.sleep(10)
        now--
      }))
      const all = yield* Effect.fork(Effect.all(Array.from({ length: 8 }, () => work), { concurrency: "unbounded" }))
      yield* TestClock.adjust("8 seconds")
      yield* Fiber.join(all)
      assert.strictEqual(most, 1)
    }))

  it.effect("is not removed when its holder renews it in the moment in which it is found dead", () =>
    Effect.gen(function*() {
      const { entries, fs, put } = disk()
      put({ text: dead(false) })
      const renewed = JSON.stringify({ owner: "dead", beat: 4, isSending: false }).padEnd(100)
      const waiting = yield* asking({
        ...fs,
        create: (path, text, options) =>
          Effect.tap(fs.create(path, text, options), () =>
            Effect.sync(() => {
              if (path.endsWith(".take") && entries.get(file)?.text === dead(false)) put({ text: renewed })
            }))
      })
      assert.isTrue(Option.isNone(yield* leaseAfter(waiting, 8)))
      assert.strictEqual(entries.get(file)?.text, renewed)
      yield* Fiber.interrupt(waiting)
    }))

  it.effect("is removed after 10 s when the process that claimed it died too", () =>
    Effect.gen(function*() {
      const { entries, fs, put } = disk()
      put({ text: dead(false) })
      entries.set(`${file}.take`, { type: "File", text: "" })
      const waiting = yield* asking(fs)
      assert.isTrue(Option.isNone(yield* leaseAfter(waiting, 9.5)))
      assert.isTrue(Option.getOrThrow(yield* leaseAfter(waiting, 2)).isHeld)
      assert.deepStrictEqual([...entries.keys()], [])
    }))
})

describe("time", () => {
  it.effect("of the wall clock does not matter: set back or ahead while waiting, the lease is as long", () =>
    Effect.gen(function*() {
      const real = yield* Clock.clockWith(Effect.succeed)
      for (const hours of [-1, 1]) {
        const { fs, put } = disk()
        put({ text: oldFormat(yield* Clock.currentTimeMillis) })
        let offset = 0
        const clock: Clock.Clock = {
          ...real,
          [Clock.ClockTypeId]: Clock.ClockTypeId,
          unsafeCurrentTimeMillis: () => real.unsafeCurrentTimeMillis() + offset,
          currentTimeMillis: Effect.map(real.currentTimeMillis, (now) => now + offset),
          unsafeCurrentTimeNanos: () => real.unsafeCurrentTimeNanos(),
          currentTimeNanos: real.currentTimeNanos,
          sleep: (duration) => real.sleep(duration)
        }
        const waiting = yield* Effect.withClock(asking(fs), clock)
        yield* TestClock.adjust("2 seconds")
        offset = hours * 3_600_000
        assert.isTrue(Option.isNone(yield* leaseAfter(waiting, 2.8)))
        assert.isTrue(Option.getOrThrow(yield* leaseAfter(waiting, 0.8)).isHeld)
      }
    }))

  it.effect("for which the waiting process was suspended does not count", () =>
    Effect.gen(function*() {
      const real = yield* Clock.clockWith(Effect.succeed)
      const { fs, put } = disk()
      put({ text: dead(false) })
      let suspended = 0n
      const clock: Clock.Clock = {
        ...real,
        [Clock.ClockTypeId]: Clock.ClockTypeId,
        unsafeCurrentTimeMillis: () => real.unsafeCurrentTimeMillis(),
        currentTimeMillis: real.currentTimeMillis,
        unsafeCurrentTimeNanos: () => real.unsafeCurrentTimeNanos() + suspended,
        currentTimeNanos: Effect.map(real.currentTimeNanos, (now) => now + suspended),
        sleep: (duration) => real.sleep(duration)
      }
      const waiting = yield* Effect.withClock(asking(fs), clock)
      yield* TestClock.adjust("2 seconds")
      suspended = 9_000_000_000n
      assert.isTrue(Option.isNone(yield* leaseAfter(waiting, 2.6)))
      assert.isTrue(Option.getOrThrow(yield* leaseAfter(waiting, 1)).isHeld)
    }))
})

describe("a holder", () => {
  it.effect("keeps its lock for as long as it lives, and hands it on at its end", () =>
    Effect.gen(function*() {
      const { entries, fs } = disk()
      const scope = yield* Scope.make()
      yield* Scope.extend(FileLock.make(fs)(file), scope)
      const waiting = yield* asking(fs)
      assert.isTrue(Option.isNone(yield* leaseAfter(waiting, 8)))
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Option.getOrThrow(yield* leaseAfter(waiting, 0.5)).isHeld)
      assert.deepStrictEqual([...entries.keys()], [])
    }))

  it.effect("that lost its lock is told before it sends, leaves the other's file at its end, and writes to it no more", () =>
    Effect.gen(function*() {
      const { entries, fs } = disk()
      const scope = yield* Scope.make()
      const lease = yield* Scope.extend(FileLock.make(fs)(file), scope)
      assert.isTrue(yield* lease.beginSending)
      const other: Entry = { type: "File", text: JSON.stringify({ owner: "other", beat: 1, isSending: false }) }
      entries.set(file, other)
      yield* TestClock.adjust("3 seconds")
      assert.isFalse(yield* lease.beginSending)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(entries.get(file), other)
    }))

  it.effect("marks its lock before it sends, and keeps the mark with each change of the text", () =>
    Effect.gen(function*() {
      const { entries, fs } = disk()
      yield* Effect.scoped(Effect.gen(function*() {
        const lease = yield* FileLock.make(fs)(file)
        assert.include(entries.get(file)?.text, `"isSending":false`)
        yield* lease.beginSending
        const marked = entries.get(file)?.text
        assert.include(marked, `"isSending":true`)
        yield* TestClock.adjust("1500 millis")
        assert.include(entries.get(file)?.text, `"isSending":true`)
        assert.notStrictEqual(entries.get(file)?.text, marked)
      }))
    }))

  it.effect("whose lock file was removed is told before it sends", () =>
    Effect.gen(function*() {
      const { entries, fs } = disk()
      yield* Effect.scoped(Effect.gen(function*() {
        const lease = yield* FileLock.make(fs)(file)
        entries.delete(file)
        assert.isFalse(yield* lease.beginSending)
      }))
    }))

  it.effect("that is paused between its look at the lock and its mark does not send", () =>
    Effect.gen(function*() {
      const { fs } = disk()
      yield* Effect.scoped(Effect.gen(function*() {
        const lease = yield* FileLock.make({
          ...fs,
          read: (...args) => Effect.tap(fs.read(...args), () => Effect.sleep("9 seconds"))
        })(file)
        const sending = yield* Effect.fork(lease.beginSending)
        yield* TestClock.adjust("10 seconds")
        assert.isFalse(yield* Fiber.join(sending))
        yield* Effect.forkDaemon(TestClock.adjust("20 seconds"))
      }))
    }))
})

describe("a path that is not a lock", () => {
  const kinds: Readonly<
    Record<string, { readonly entry: Partial<Entry>; readonly seconds: number; readonly had: boolean }>
  > = {
    "a file of another user in one's own directory": { entry: { isReadable: false }, seconds: 5.5, had: true },
    "a file of another user in a directory of another user": {
      entry: { isReadable: false, isRemovable: false },
      seconds: 5.5,
      had: false
    },
    "a file on a read-only disk": { entry: { text: dead(false), isRemovable: false }, seconds: 5.5, had: false },
    "a link": { entry: { type: "SymbolicLink", text: "/nowhere" }, seconds: 5.5, had: true },
    "an empty directory": { entry: { type: "Directory" }, seconds: 5.5, had: true },
    "a directory with files": { entry: { type: "Directory", text: "a b" }, seconds: 0, had: false },
    "a FIFO": { entry: { type: "FIFO" }, seconds: 0, had: false },
    "a socket": { entry: { type: "Socket" }, seconds: 0, had: false },
    "a device": { entry: { type: "CharacterDevice" }, seconds: 0, had: false },
    "a huge file": { entry: { text: "x".repeat(5000) }, seconds: 0, had: false }
  }
  it.effect.each(Object.entries(kinds))(
    "is cleared, or done without with one warning, after a lease at most and never waited for twice: %s",
    ([, { entry, had, seconds }]) =>
      Effect.gen(function*() {
        const { entries, fs, put } = disk()
        put(entry)
        const acquire = FileLock.make(fs)
        const ask = Effect.fork(Effect.scoped(acquire(file)))
        const { seen } = yield* observed(Effect.gen(function*() {
          const first = yield* ask
          assert.strictEqual(Option.getOrThrow(yield* leaseAfter(first, seconds)).isHeld, had)
          const second = yield* ask
          assert.strictEqual(Option.getOrThrow(yield* leaseAfter(second, 0)).isHeld, had)
        }))
        assert.strictEqual(seen.split(`${file}: The lock file cannot be used`).length, had ? 1 : 2)
        if (!had) assert.include(seen, `Run "rm -r '${file}'"`)
        assert.strictEqual(entries.has(file), !had)
      })
  )

  it.effect("is left alone when its directory does not exist", () =>
    Effect.gen(function*() {
      const { fs } = disk()
      const waiting = yield* asking({ ...fs, create: (path) => failure("NotFound", path) })
      assert.isFalse(Option.getOrThrow(yield* leaseAfter(waiting, 0)).isHeld)
    }))
})

describe("real files", () => {
  const lock = (
    had: boolean,
    make: (path: string, fs: FileSystem.FileSystem) => Effect.Effect<void, Error.PlatformError>
  ) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/corp.lock`
      const files = yield* Files.Files
      yield* make(path, fs)
      assert.strictEqual((yield* Effect.scoped(FileLock.make(files)(path))).isHeld, had)
      assert.strictEqual((yield* Effect.scoped(FileLock.make(files)(path))).isHeld, had)
    }).pipe(Effect.provide(nodeContext))

  const run = (program: string, ...options: ReadonlyArray<string>) =>
    Effect.sync(() => {
      execFileSync(program, options)
    })

  it.scopedLive("a FIFO is done without and not opened", () => lock(false, (path) => run("mkfifo", path)))

  it.scopedLive("a directory with a file is done without and kept", () =>
    lock(false, (path, fs) => Effect.zipRight(fs.makeDirectory(path), fs.writeFileString(`${path}/mine`, "x"))))

  it.scopedLive.each(["dangling", "looping", "to a file"] as const)(
    "a link (%s) is removed, and its target is kept",
    (kind) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const target = `${yield* fs.makeTempDirectoryScoped()}/target`
        if (kind === "to a file") yield* fs.writeFileString(target, "mine")
        yield* lock(true, (path, fs) => fs.symlink(kind === "looping" ? path : target, path))
        if (kind === "to a file") assert.strictEqual(yield* fs.readFileString(target), "mine")
      }).pipe(Effect.provide(nodeContext)),
    60_000
  )

  it.scopedLive("an empty directory is removed", () => lock(true, (path, fs) => fs.makeDirectory(path)), 60_000)
})
