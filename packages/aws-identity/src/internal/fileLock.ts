/**
 * A lock between processes in a file; see `lease.ts`. The process that creates the lock file holds the lock.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Files from "../Files.js"
import { decodeText } from "./boundedFile.js"
import { isNotFound } from "./fileError.js"
import * as Lease from "./lease.js"

/** Characters of a lock file. The length is fixed, so that a heartbeat overwrites the whole last text. */
const width = 100
/** Bytes. A longer file is not a lock file, and is not read. */
const longestFile = 4096

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
 * A link, an empty directory and a file that cannot be read are leftovers. Checks the type before it opens anything,
 * because opening a FIFO blocks until a writer appears.
 */
const inspect = (files: Files.Service, file: string): Effect.Effect<Lease.Found> =>
  Effect.gen(function*() {
    const link = yield* files.readLink(file)
    if (Option.isSome(link)) return { _tag: "Leftover", text: `link to ${link.value}` } as const
    const look = yield* files.look(file)
    if (Option.isNone(look)) return { _tag: "Nothing", text: "" } as const
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
  }).pipe(Effect.catchAll((error): Effect.Effect<Lease.Found> =>
    Effect.succeed(isNotFound(error) ? { _tag: "Nothing", text: "" } : { _tag: "Leftover", text: error.message })
  ))

/**
 * Removes a dead lock. Only the process that holds the claim file may do so: if two processes found the same lock dead,
 * the second would remove the new lock of the first.
 */
const clear = (files: Files.Service, file: string, dead: Lease.Found, verdict: "Clear" | "ClearClaim") => {
  const claim = `${file}.take`
  // Only an empty directory is a leftover.
  const isDirectory = dead._tag === "Leftover" && dead.text.startsWith("directory ")
  const remove = isDirectory ? files.removeDirectory(file) : files.remove(file)
  return Effect.when(Effect.ignore(files.remove(claim)), () => verdict === "ClearClaim").pipe(
    Effect.zipRight(Effect.acquireUseRelease(
      files.create(claim, "", { mode: 0o600 }),
      () =>
        Effect.flatMap(
          inspect(files, file),
          ({ text }) => text === dead.text ? Effect.as(remove, true) : Effect.succeed(false)
        ),
      () => Effect.ignore(files.remove(claim))
    )),
    Effect.catchAll((error) => isTaken(error) || isNotFound(error) ? Effect.succeed(false) : Effect.fail(error.code))
  )
}

const isTaken = (error: Files.FilesError): boolean => error.reason === "AlreadyExists"

/**
 * Creates the lock file. The holder reads the file before it changes or removes it: a look does not tell on every file
 * system that another process has replaced it.
 */
const tryAcquire = (files: Files.Service, file: string): Lease.Place["tryAcquire"] =>
  Effect.gen(function*() {
    const owner = (yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)).toString(36)
    let beat = 0
    const text = (isSending: boolean) => Schema.encodeSync(Text)({ owner, beat: beat++, isSending }).padEnd(width)
    const isOurs = read(files, file).pipe(
      Effect.map((text) => Option.exists(decode(text), (lock) => lock.owner === owner)),
      // Another error may be temporary and does not mean that another process holds the lock.
      Effect.catchAll((error) => Effect.succeed(!isNotFound(error)))
    )
    const ifOurs = (change: Effect.Effect<void, Files.FilesError>) =>
      Effect.tap(isOurs, (isOurs) => isOurs ? Effect.ignore(change) : Effect.void)
    yield* Effect.catchAll(files.create(file, text(false), { mode: 0o600 }), (error) =>
      isTaken(error)
        ? Effect.fail("Taken" as const)
        // On a full disk, the file is created and cannot be written.
        : Effect.zipRight(Effect.ignore(files.remove(file)), Effect.fail("Impossible" as const)))
    return {
      extend: (isSending) => ifOurs(Effect.suspend(() => files.overwrite(file, text(isSending)))),
      release: Effect.asVoid(ifOurs(files.remove(file)))
    }
  })

/** Makes the function that takes the locks of files until the scope closes; see `Lease.make`. */
export const make = (files: Files.Service) => {
  const acquire = Lease.make()
  return (file: string): Effect.Effect<Lease.Lease["Type"], never, Scope.Scope> =>
    acquire({
      name: file,
      tryAcquire: tryAcquire(files, file),
      inspect: inspect(files, file),
      clear: (dead, verdict) => clear(files, file, dead, verdict),
      warn: (problem) =>
        Effect.logWarning(
          `${file}: The lock file cannot be used: ${problem}. Run "rm -r '${
            file.replaceAll("'", `'\\''`)
          }'" to remove ` +
            `it. Without the lock, two processes may do the same work at once.`
        )
    })
}

/** Takes a lock once; see `make`. */
export const acquire = (files: Files.Service, file: string): Effect.Effect<boolean, never, Scope.Scope> =>
  Effect.map(make(files)(file), ({ isHeld }) => isHeld)
