/**
 * A lock between processes. The process that creates the lock file holds the lock, and changes the file's text once a
 * second (the heartbeat).
 *
 * A lock is dead when a waiting process has seen the same text for a whole lease. The waiting process measures the
 * lease by its own monotonic clock, so wall clocks that disagree or are set do not matter. Time for which the waiting
 * process itself was suspended does not count. After the whole machine was suspended, the holder has a whole lease for
 * its next heartbeat.
 *
 * A caller that cannot get the lock runs without it. The lock saves requests; callers stay correct without it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Files from "../Files.js"
import { decodeText } from "./boundedFile.js"
import { isNotFound } from "./fileError.js"
import { uptime } from "./uptime.js"

/** ms without a change after which a lock is dead. */
export const leaseMillis = 5000
/** The same for a holder that has begun to send. Its request may take effect and must not be made twice. */
export const sendingLeaseMillis = 30_000
/** ms between two changes of the text by the holder. */
const heartbeatMillis = 1000
/** ms that a process waits for a lock. It is longer than the requests that a holder makes. */
const patienceMillis = 75_000
/** ms between two looks at the lock file. The pause grows from the shortest to the longest. */
const shortestPause = 20
const longestPause = 200
/** At most so many ms count between two looks. A longer gap means that the waiting process was suspended or starved. */
const longestGap = 250
/** Characters of a lock file. The length is fixed, so that a heartbeat overwrites the whole last text. */
const width = 100
/** Bytes. A longer file is not a lock file, and is not read. */
const longestFile = 4096

/** The lock as a process holds it, or runs without it. */
export class Lease extends Context.Tag("effect-aws-identity/internal/fileLock/Lease")<Lease, {
  /** False if the lock could not be had. */
  readonly isHeld: boolean
  /**
   * Marks the lock before a request that must not be made twice. The result says whether this process still holds the
   * lock. If not, another process may have made the request.
   */
  readonly beginSending: Effect.Effect<boolean>
  /** ms within which another process may still store the result of a request that it made before. */
  readonly othersMillis: number
}>() {}

/** The lease of a process that does not share the resource, or that could not get the lock. */
export const withoutLock = (othersMillis: number): Lease["Type"] => ({
  isHeld: false,
  beginSending: Effect.succeed(true),
  othersMillis
})

const Text = Schema.parseJson(Schema.Struct({
  owner: Schema.String,
  beat: Schema.Number,
  isSending: Schema.Boolean
}))
const decode = Schema.decodeOption(Text)

/** The text of a lock file. */
const read = (files: Files.Service, file: string): Effect.Effect<string, Files.FilesError> =>
  Effect.map(files.read(file, longestFile), decodeText)

/**
 * What is found at the path of the lock file. `Lock`: a lock file. `Leftover`: a link, an empty directory or a file
 * that cannot be read, which is removed if it does not change for a lease. `Foreign`: anything else, which is never
 * removed.
 */
export type Found =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Lock"; readonly text: string; readonly isSending: boolean }
  | { readonly _tag: "Leftover"; readonly text: string }
  | { readonly _tag: "Foreign"; readonly text: string; readonly problem: string }

/** What a waiting process has seen of a lock. */
export interface Watch {
  readonly text: string
  /** ms of this process's own running time for which the text has not changed. */
  readonly unchanged: number
  /** The monotonic time of the last look (ms). */
  readonly lookedAt: number
}

/** ms that count between two looks: none if the clock went back, at most `longestGap` if the process did not run. */
const elapsed = (from: number, to: number): number => Math.min(Math.max(to - from, 0), longestGap)

export const observe = (last: Watch | undefined, now: number, text: string): Watch =>
  last === undefined || last.text !== text
    ? { text, unchanged: 0, lookedAt: now }
    : { text, unchanged: last.unchanged + elapsed(last.lookedAt, now), lookedAt: now }

/** `Clear`: remove the dead lock. `ClearClaim`: also remove the claim of a process that died while it did so. */
export type Verdict = "Wait" | "Clear" | "ClearClaim" | "GiveUp"

export const judge = (found: Found, unchanged: number, waited: number): Verdict => {
  if (found._tag === "Foreign" || waited > patienceMillis) return "GiveUp"
  if (found._tag === "Nothing") return "Wait"
  const overdue = unchanged - (found._tag === "Lock" && found.isSending ? sendingLeaseMillis : leaseMillis)
  if (overdue <= 0) return "Wait"
  return overdue <= leaseMillis ? "Clear" : overdue <= 2 * leaseMillis ? "ClearClaim" : "GiveUp"
}

const isTaken = (error: Files.FilesError): boolean => error.reason === "AlreadyExists"

/** Checks the type before it opens anything, because opening a FIFO blocks until a writer appears. */
const inspect = (files: Files.Service, file: string): Effect.Effect<Found> =>
  Effect.gen(function*() {
    const link = yield* files.readLink(file)
    if (Option.isSome(link)) return { _tag: "Leftover", text: `link to ${link.value}` } as const
    const look = yield* files.look(file)
    if (Option.isNone(look)) return { _tag: "Nothing" } as const
    // The lock file of another user may be unreadable. Its heartbeat then shows in the file's modification time.
    const { size, stamp, type } = look.value
    const foreign = (problem: string) => ({ _tag: "Foreign", text: `${problem} ${stamp}`, problem }) as const
    if (type === "Directory") {
      const entries = yield* Effect.orElseSucceed(files.list(file), () => ["?"])
      return entries.length === 0
        ? { _tag: "Leftover", text: `directory ${stamp}` } as const
        : foreign("it is a directory with files in it")
    }
    if (type !== "File") return foreign(`it is not a regular file but a ${type}`)
    if (size > longestFile) return foreign(`it is not a lock file, because it is longer than ${longestFile} bytes`)
    const text = yield* Effect.option(read(files, file))
    return Option.isNone(text)
      ? { _tag: "Leftover", text: stamp } as const
      : {
        _tag: "Lock",
        text: text.value,
        isSending: Option.exists(decode(text.value), (lock) => lock.isSending)
      } as const
  }).pipe(Effect.catchAll((error): Effect.Effect<Found> =>
    Effect.succeed(isNotFound(error) ? { _tag: "Nothing" } : { _tag: "Leftover", text: error.message })
  ))

const sameText = (a: Found, b: Found): boolean => a._tag !== "Nothing" && b._tag !== "Nothing" && a.text === b.text

/** Only an empty directory is a leftover. */
const isDirectory = (found: Found): boolean => found._tag === "Leftover" && found.text.startsWith("directory ")

/**
 * Removes a dead lock. Only the process that holds the claim file may do so: if two processes found the same lock dead,
 * the second would remove the new lock of the first. The result says whether this process removed it, or why it cannot.
 */
const clear = (files: Files.Service, file: string, found: Found) =>
  Effect.acquireUseRelease(
    files.create(`${file}.take`, "", { mode: 0o600 }),
    () =>
      Effect.flatMap(
        inspect(files, file),
        (now) =>
          sameText(now, found)
            ? Effect.as(isDirectory(found) ? files.removeDirectory(file) : files.remove(file), true)
            : Effect.succeed(false)
      ),
    () => Effect.ignore(files.remove(`${file}.take`))
  ).pipe(
    Effect.catchIf((error) => isTaken(error) || isNotFound(error), () => Effect.succeed(false)),
    Effect.either
  )

const warn = (file: string, problem: string) =>
  Effect.logWarning(
    `${file}: The lock file cannot be used: ${problem}. Run "rm -r '${file.replaceAll("'", `'\\''`)}'" to remove it. ` +
      `Without the lock, two processes may do the same work at once.`
  )

/** Creates the lock file, keeps up its heartbeat, and removes it with the scope if this process still holds it. */
const hold = (
  files: Files.Service,
  file: string,
  othersMillis: number
): Effect.Effect<Lease["Type"], Files.FilesError, Scope.Scope> =>
  Effect.gen(function*() {
    const owner = (yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)).toString(36)
    let beat = 0
    let isSending = false
    const text = () => Schema.encodeSync(Text)({ owner, beat: beat++, isSending }).padEnd(width)
    const isOurs = read(files, file).pipe(
      Effect.map((text) => Option.exists(decode(text), (lock) => lock.owner === owner)),
      // Another error may be temporary and does not mean that another process holds the lock.
      Effect.catchAll((error) => Effect.succeed(!isNotFound(error)))
    )
    const renew = Effect.tap(isOurs, (isOurs) => isOurs ? Effect.ignore(files.overwrite(file, text())) : Effect.void)
    yield* Effect.acquireRelease(
      Effect.tapError(files.create(file, text(), { mode: 0o600 }), (error) =>
        // On a full disk, the file is created and cannot be written.
        isTaken(error) ? Effect.void : Effect.ignore(files.remove(file))),
      () => Effect.flatMap(isOurs, (isOurs) => isOurs ? Effect.ignore(files.remove(file)) : Effect.void)
    )
    yield* Effect.forkScoped(Effect.repeat(Effect.delay(renew, heartbeatMillis), { while: (isOurs) => isOurs }))
    return {
      isHeld: true,
      othersMillis,
      beginSending: Effect.gen(function*() {
        isSending = true
        const before = yield* uptime
        const isOurs = yield* renew
        // If this process paused between the read and the write, another may have taken over in between.
        return isOurs && (yield* uptime) - before < leaseMillis / 2
      })
    }
  })

/**
 * Makes the function that takes locks. The function remembers locks that cannot be cleared, so that no caller waits
 * twice for one and the warning is logged once.
 */
export const make = (files: Files.Service) => {
  const watches = new Map<string, Watch>()
  /** The text of each lock that cannot be cleared, by its file. */
  const hopeless = new Map<string, string>()

  const giveUp = (file: string, found: Found, problem: string) =>
    Effect.suspend(() => {
      if (found._tag === "Nothing") return Effect.void
      hopeless.set(file, found.text)
      return warn(file, problem)
    })

  /** Holds the lock until the scope closes. If this process cannot get the lock, `isHeld` of the lease is false. */
  return (file: string): Effect.Effect<Lease["Type"], never, Scope.Scope> =>
    Effect.gen(function*() {
      let waited = 0
      let othersMillis = leaseMillis
      for (;;) {
        const held = yield* Effect.either(hold(files, file, othersMillis))
        if (Either.isRight(held)) {
          watches.delete(file)
          hopeless.delete(file)
          return held.right
        }
        if (!isTaken(held.left)) return withoutLock(othersMillis)
        const found = yield* inspect(files, file)
        const now = yield* uptime
        const last = watches.get(file)
        const watch = observe(last, now, found._tag === "Nothing" ? "" : found.text)
        watches.set(file, watch)
        if (hopeless.get(file) === watch.text) return withoutLock(othersMillis)
        const verdict = judge(found, watch.unchanged, waited)
        if (verdict === "GiveUp") {
          if (found._tag === "Foreign") yield* giveUp(file, found, found.problem)
          else if (watch.unchanged > leaseMillis) yield* giveUp(file, found, "it is dead and cannot be removed")
          return withoutLock(sendingLeaseMillis)
        }
        if (verdict === "ClearClaim") yield* Effect.ignore(files.remove(`${file}.take`))
        if (verdict !== "Wait") {
          if (found._tag === "Lock" && found.isSending) othersMillis = sendingLeaseMillis
          const cleared = yield* clear(files, file, found)
          if (Either.isLeft(cleared)) {
            yield* giveUp(file, found, `it is dead and cannot be removed (${cleared.left.code})`)
            return withoutLock(othersMillis)
          }
          if (cleared.right) continue
        }
        const pause = Math.min(shortestPause + Math.floor(waited / 10), longestPause)
        yield* Effect.sleep(pause + (yield* Random.nextIntBetween(0, shortestPause)))
        waited += elapsed(now, yield* uptime)
      }
    })
}

/** Takes a lock once; see `make`. */
export const acquire = (files: Files.Service, file: string): Effect.Effect<boolean, never, Scope.Scope> =>
  Effect.map(make(files)(file), ({ isHeld }) => isHeld)
