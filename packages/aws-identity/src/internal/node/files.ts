/** `Files` over `node:fs`. */
// This module is where the port meets Node.
// @effect-diagnostics asyncFunction:off processEnv:off nodeBuiltinImport:off
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Files from "../../Files.js"
import { join } from "../collect.js"

/** ms. A look that takes longer blocks the process noticeably, as on a slow network drive. */
const slowMillis = 2
/** ms for which the operations on a slow path run in the thread pool. */
const slowPause = 60_000
/** Bytes. Longer files are read in the thread pool. */
const smallFile = 262_144

export const make = (): Files.Service => {
  /** The slow paths, and until when they count as slow (ms of `performance.now`). */
  const slow = new Map<string, number>()
  const isSlow = (path: string): boolean => slow.size > 0 && (slow.get(path) ?? 0) > performance.now()

  /** Looks at a path without a trip through the thread pool, which takes 20 times as long. */
  const statNow = (path: string): Fs.Stats | undefined => {
    const start = performance.now()
    const stats = Fs.statSync(path, { throwIfNoEntry: false })
    const end = performance.now()
    if (end - start > slowMillis) slow.set(path, end + slowPause)
    else if (slow.size > 0) slow.delete(path)
    return stats
  }

  const look = (path: string): Effect.Effect<Option.Option<Files.Look>, Files.FilesError> =>
    isSlow(path)
      ? Effect.catchIf(
        Effect.map(attempt(path, () => Fs.promises.stat(path)), (stats) => Option.some(lookOf(stats))),
        ({ reason }) => reason === "NotFound",
        () => Effect.succeedNone
      )
      : attemptNow(path, () => Option.map(Option.fromNullable(statNow(path)), lookOf))

  return {
    paths: Path,
    home: Effect.sync(homeOfUser),
    look: (path) => Effect.suspend(() => look(path)),
    read: (path, limit) =>
      Effect.suspend(() => {
        if (isSlow(path)) return readStream(path, limit)
        return Effect.flatMap(attemptNow(path, () => statNow(path)), (stats) => {
          // The size of a file of /proc is 0, and a read of a pipe blocks.
          const isSmall = stats !== undefined && stats.isFile() && stats.size > 0 && stats.size <= smallFile
          if (!isSmall) return readStream(path, limit)
          return Effect.flatMap(attemptNow(path, () => Fs.readFileSync(path)), (bytes) =>
            bytes.length > limit ? Effect.fail(tooLong(path)) : Effect.succeed(bytes))
        })
      }),
    create: (path, text, { mode, owner, sync = false }) =>
      attempt(path, async () => {
        const file = await Fs.promises.open(path, "wx", mode)
        try {
          if (owner !== undefined) await own(file, owner, mode)
          await file.writeFile(text)
          if (sync) await file.sync()
        } finally {
          await file.close()
        }
      }),
    overwrite: (path, text) =>
      attempt(path, async () => {
        const file = await Fs.promises.open(path, "r+")
        try {
          await file.write(text, 0)
        } finally {
          await file.close()
        }
      }),
    rename: (from, to) =>
      Effect.retry(attempt(to, () => Fs.promises.rename(from, to)), {
        // A virus scanner or an indexer holds a file open for a moment.
        while: ({ code }) => process.platform === "win32" && (code === "PermissionDenied" || code === "Busy"),
        schedule: Schedule.spaced("20 millis"),
        times: 25
      }),
    remove: (path) => attempt(path, () => Fs.promises.unlink(path)),
    removeDirectory: (path) => attempt(path, () => Fs.promises.rmdir(path)),
    list: (directory) => attempt(directory, () => Fs.promises.readdir(directory)),
    makeDirectory: (path) =>
      Effect.asVoid(attempt(path, () => Fs.promises.mkdir(path, { recursive: true, mode: 0o700 }))),
    readLink: (path) => Effect.option(attempt(path, () => Fs.promises.readlink(path))),
    realPath: (path) => attempt(path, () => Fs.promises.realpath(path))
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "Unknown"

/** The names that the errors of `@effect/platform` have, and the system's code for the rest. */
const names: Readonly<Record<string, string>> = {
  ENOENT: "NotFound",
  EEXIST: "AlreadyExists",
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
  EBUSY: "Busy",
  EISDIR: "BadResource",
  ENOTDIR: "BadResource",
  ELOOP: "BadResource"
}

const filesError = (path: string, error: unknown): Files.FilesError => {
  const code = names[codeOf(error)] ?? codeOf(error)
  return new Files.FilesError({
    reason: code === "NotFound" || code === "AlreadyExists" || code === "PermissionDenied" ? code : "Other",
    path,
    code
  })
}

const tooLong = (path: string): Files.FilesError => new Files.FilesError({ reason: "TooLong", path, code: "TooLong" })

/** Uninterruptible, so that an operation is never left half done. */
const attempt = <A>(path: string, run: () => Promise<A>): Effect.Effect<A, Files.FilesError> =>
  Effect.uninterruptible(Effect.tryPromise({ try: run, catch: (error) => filesError(path, error) }))

const attemptNow = <A>(path: string, run: () => A): Effect.Effect<A, Files.FilesError> => {
  try {
    return Effect.succeed(run())
  } catch (error) {
    return Effect.fail(filesError(path, error))
  }
}

const own = async (file: Fs.promises.FileHandle, owner: Files.Owner, mode: number): Promise<void> => {
  const { gid, uid } = await file.stat()
  if (uid !== owner.uid || gid !== owner.gid) await file.chown(owner.uid, owner.gid).catch(() => {})
  // `open` has applied the umask to the mode.
  await file.chmod(mode).catch(() => {})
}

const readStream = (path: string, limit: number): Effect.Effect<Uint8Array, Files.FilesError> =>
  Effect.async((resume) => {
    const chunks: Array<Uint8Array> = []
    let length = 0
    const stream = Fs.createReadStream(path, { highWaterMark: 65_536 })
    stream.on("data", (chunk) => {
      const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk
      chunks.push(bytes)
      length += bytes.length
      if (length <= limit) return
      stream.destroy()
      resume(Effect.fail(tooLong(path)))
    })
    stream.on("end", () => resume(Effect.succeed(join(chunks))))
    stream.on("error", (error) => resume(Effect.fail(filesError(path, error))))
    return Effect.sync(() => {
      stream.destroy()
    })
  })

const lookOf = (stats: Fs.Stats): Files.Look => ({
  type: typeOf(stats),
  size: stats.size,
  stamp: `${stats.ino} ${stats.size} ${stats.mtimeMs}`,
  changedAt: stats.mtimeMs,
  mode: stats.mode & 0o777,
  owner: Option.some({ uid: stats.uid, gid: stats.gid })
})

const typeOf = (stats: Fs.Stats): Files.Look["type"] => {
  if (stats.isFile()) return "File"
  if (stats.isDirectory()) return "Directory"
  if (stats.isFIFO()) return "FIFO"
  if (stats.isSocket()) return "Socket"
  if (stats.isCharacterDevice()) return "CharacterDevice"
  return stats.isBlockDevice() ? "BlockDevice" : "Other"
}

/** A `HOME` that a `ConfigProvider` hides is hidden on purpose. */
const homeOfUser = (): Option.Option<string> => {
  if (process.env["HOME"] !== undefined && process.env["HOME"] !== "") return Option.none()
  try {
    const { homedir } = process.getBuiltinModule("node:os").userInfo()
    return Path.isAbsolute(homedir) ? Option.some(homedir) : Option.none()
  } catch {
    // The user has no entry in the password database.
    return Option.none()
  }
}
