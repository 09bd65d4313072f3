/**
 * One at a time, across processes: whoever has made the lock file. It says who has it and until when; the holder puts
 * that off for as long as it lives, so the lock of a process that was killed is free again a few seconds later.
 *
 * A lock that cannot be had in time, or cannot be made at all, is done without: it saves work, it guards nothing that
 * would be wrong without it.
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/** ms that a lock lasts after its holder was last heard of. */
const lease = 5000
/** ms between two signs of life. */
const heartbeat = 1000
/** ms that anybody waits: longer than the requests that a lock is held for. */
const patience = 75_000
/** ms between two looks at a lock, and half as many more by chance. */
const interval = 20
/** Characters of a lock file. */
const width = 80

const Lock = Schema.parseJson(Schema.Struct({
  owner: Schema.String,
  /** ms since 1970 */
  until: Schema.Number
}))
const decode = (text: string) => Schema.decodeOption(Lock)(text)

/** Holds the lock until the scope closes; says whether it does. */
export const acquire = (fs: FileSystem.FileSystem, file: string): Effect.Effect<boolean, never, Scope.Scope> =>
  Effect.gen(function*() {
    const owner = (yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)).toString(36)
    const started = yield* Clock.currentTimeMillis
    let seen = { text: "", since: started }
    for (;;) {
      const made = yield* Effect.either(hold(fs, file, owner))
      if (Either.isRight(made)) return true
      if (!isTaken(made.left)) return false
      const now = yield* Clock.currentTimeMillis
      // A clock that was set back must not make anybody wait for ever.
      if (now - started >= patience || now < started) return false
      const text = yield* Effect.orElseSucceed(fs.readFileString(file), () => "")
      if (text !== seen.text) seen = { text, since: now }
      // Its time is over; or it gives none, or one of another clock, and no sign of life.
      const isDead = Option.exists(decode(text), ({ until }) => until <= now) || now - seen.since > lease
      // Whoever had the claim to it may have been killed with it.
      if (now - seen.since > 2 * lease) yield* Effect.ignore(fs.remove(`${file}.take`))
      if (isDead && (yield* clear(fs, file, text))) continue
      yield* Effect.sleep(interval + (yield* Random.nextIntBetween(0, interval / 2)))
    }
  })

const isTaken = (error: PlatformError): boolean => error._tag === "SystemError" && error.reason === "AlreadyExists"

const write = (fs: FileSystem.FileSystem, file: string, owner: string, flag: "wx" | "r+") =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    // Always of one length: a sign of life overwrites the whole of the last, and a reader sees one or the other.
    fs.writeFileString(file, Schema.encodeSync(Lock)({ owner, until: now + lease }).padEnd(width), {
      flag,
      mode: 0o600
    }))

const ownerOf = (fs: FileSystem.FileSystem, file: string) =>
  Effect.map(
    Effect.option(fs.readFileString(file)),
    (text) => Option.getOrUndefined(Option.map(Option.flatMap(text, decode), (lock) => lock.owner))
  )

const hold = (
  fs: FileSystem.FileSystem,
  file: string,
  owner: string
): Effect.Effect<void, PlatformError, Scope.Scope> =>
  Effect.gen(function*() {
    yield* Effect.acquireRelease(
      write(fs, file, owner, "wx").pipe(
        // Made, but not written: the disk is full.
        Effect.tapError((error) => isTaken(error) ? Effect.void : Effect.ignore(fs.remove(file)))
      ),
      () => Effect.flatMap(ownerOf(fs, file), (found) => found === owner ? Effect.ignore(fs.remove(file)) : Effect.void)
    )
    const live = Effect.flatMap(ownerOf(fs, file), (found) =>
      found !== undefined && found !== owner ? Effect.interrupt : Effect.ignore(write(fs, file, owner, "r+")))
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(Effect.sleep(heartbeat), live)))
  })

/**
 * Takes a dead lock away, by its text, and says whether it did. Only who has the claim may: of two who find the same
 * one dead, the second would take the first one's new lock.
 */
const clear = (fs: FileSystem.FileSystem, file: string, text: string): Effect.Effect<boolean> => {
  const claim = `${file}.take`
  return Effect.acquireUseRelease(
    fs.writeFileString(claim, "", { flag: "wx", mode: 0o600 }),
    () =>
      Effect.flatMap(
        fs.readFileString(file),
        (now) => now === text ? Effect.as(fs.remove(file), true) : Effect.succeed(false)
      ),
    () => Effect.ignore(fs.remove(claim))
  ).pipe(Effect.orElseSucceed(() => false))
}
