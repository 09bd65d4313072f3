/** The port `Files` over the `FileSystem` and `Path` of `@effect/platform`. */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type CreateOptions, FilesError, type Look, type Service } from "../../Files.js"
import { passwordHome } from "./home.js"

const reasons: Readonly<Record<string, FilesError["reason"]>> = {
  NotFound: "NotFound",
  AlreadyExists: "AlreadyExists",
  PermissionDenied: "PermissionDenied"
}

/** The system's code, such as `ENOSPC`, of an error that the platform gives no name. */
const systemCode = (cause: unknown): string | undefined => {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined
  return typeof code === "string" ? code : undefined
}

const filesError = (path: string) => (error: PlatformError): FilesError => {
  const code = error._tag === "SystemError" ? error.reason : error._tag
  return new FilesError({
    path,
    reason: reasons[code] ?? "Other",
    code: code === "Unknown" ? systemCode(error.cause) ?? code : code
  })
}

const tooLong = (path: string) => Effect.fail(new FilesError({ path, reason: "TooLong", code: "TooLong" }))

const lookOf = ({ gid, ino, mode, mtime, size, type, uid }: FileSystem.File.Info): Look => {
  const changedAt = Option.match(mtime, { onNone: () => Infinity, onSome: (time) => time.getTime() })
  return {
    type: type === "SymbolicLink" || type === "Unknown" ? "Other" : type,
    size: Number(size),
    stamp: `${Option.getOrNull(ino)} ${size} ${changedAt}`,
    changedAt,
    mode: mode & 0o777,
    owner: Option.all({ uid, gid })
  }
}

export const make = (fs: FileSystem.FileSystem, path: Path.Path): Service => {
  const at = <A, R>(file: string, effect: Effect.Effect<A, PlatformError, R>) =>
    Effect.mapError(effect, filesError(file))

  /** Linux reports the size 0 for the files of /proc and for pipes, and some of these are endless. */
  const readUpTo = (file: string, limit: number) =>
    Effect.scoped(Effect.gen(function*() {
      const handle = yield* at(file, fs.open(file, { flag: "r" }))
      const chunks: Array<Uint8Array> = []
      let length = 0
      for (;;) {
        const chunk = Option.getOrUndefined(yield* at(file, handle.readAlloc(65_536)))
        if (chunk === undefined) break
        chunks.push(chunk)
        length += chunk.length
        if (length > limit) return yield* tooLong(file)
      }
      const bytes = new Uint8Array(length)
      let start = 0
      for (const chunk of chunks) {
        bytes.set(chunk, start)
        start += chunk.length
      }
      return bytes
    }))

  /** Changes owner and mode before the content is written, so that no one else can read it. */
  const createSynced = (file: string, text: string, { mode, owner, sync }: CreateOptions) =>
    Effect.scoped(Effect.gen(function*() {
      const handle = yield* fs.open(file, { flag: "wx", mode })
      if (owner !== undefined) {
        const { gid, uid } = yield* handle.stat
        const isOwner = owner.uid === Option.getOrNull(uid) && owner.gid === Option.getOrNull(gid)
        if (!isOwner) yield* Effect.ignore(fs.chown(file, owner.uid, owner.gid))
        // `open` has applied the umask to the mode.
        yield* Effect.ignore(fs.chmod(file, mode))
      }
      // `writeAll` fails for no bytes.
      if (text !== "") yield* handle.writeAll(new TextEncoder().encode(text))
      if (sync === true) yield* handle.sync
    }))

  return {
    paths: path,
    home: passwordHome(fs),
    look: (file) =>
      fs.stat(file).pipe(
        Effect.mapBoth({ onFailure: filesError(file), onSuccess: (info) => Option.some(lookOf(info)) }),
        Effect.catchIf(({ reason }) => reason === "NotFound", () => Effect.succeedNone)
      ),
    read: (file, limit) =>
      Effect.flatMap(at(file, fs.stat(file)), ({ size, type }) => {
        if (size > limit) return tooLong(file)
        return type === "File" && size > 0 ? at(file, fs.readFile(file)) : readUpTo(file, limit)
      }),
    create: (file, text, options) =>
      at(
        file,
        options.sync === true || options.owner !== undefined
          ? createSynced(file, text, options)
          : fs.writeFileString(file, text, { flag: "wx", mode: options.mode })
      ),
    overwrite: (file, text) => at(file, fs.writeFileString(file, text, { flag: "r+" })),
    rename: (from, to) => at(to, fs.rename(from, to)),
    remove: (file) => at(file, fs.remove(file)),
    // The platform removes a directory only together with what is in it.
    removeDirectory: (directory) =>
      Effect.flatMap(at(directory, fs.readDirectory(directory)), (names) =>
        names.length === 0
          ? at(directory, fs.remove(directory, { recursive: true }))
          : Effect.fail(new FilesError({ path: directory, reason: "Other", code: "ENOTEMPTY" }))),
    list: (directory) => at(directory, fs.readDirectory(directory)),
    makeDirectory: (directory) => at(directory, fs.makeDirectory(directory, { recursive: true, mode: 0o700 })),
    readLink: (file) => Effect.option(fs.readLink(file)),
    realPath: (file) => at(file, fs.realPath(file))
  }
}
