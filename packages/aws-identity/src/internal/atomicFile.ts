/** Replaces files atomically, and finds the temporary files of killed processes. */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { isNotFound } from "./fileError.js"

const encoder = new TextEncoder()

interface Owner {
  readonly uid: number
  readonly gid: number
}

/**
 * Writes a text to a new file beside `file`, syncs it to disk and renames it to `file`: a reader sees the old text or
 * the new one, also after a crash. The new file's name is random, so that no other user can have put a link there. With
 * `owner`, the new file gets that owner if this process may change owners, and `mode` regardless of the umask.
 *
 * `isCurrent` runs after the sync, right before the rename. If it gives false, the file stays as it is. The result says
 * whether the file was replaced.
 */
export const replaceFile = (
  fs: FileSystem.FileSystem,
  file: string,
  text: string,
  mode: number,
  isCurrent: Effect.Effect<boolean, PlatformError> = Effect.succeed(true),
  owner?: Owner
): Effect.Effect<boolean, PlatformError> => {
  const attempt = Effect.gen(function*() {
    const random = (yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)).toString(36).padStart(11, "0")
    const temporary = `${file}.${random}.tmp`
    const write = Effect.gen(function*() {
      const handle = yield* fs.open(temporary, { flag: "wx", mode })
      if (owner !== undefined) {
        const { gid, uid } = yield* handle.stat
        const isOwner = owner.uid === Option.getOrNull(uid) && owner.gid === Option.getOrNull(gid)
        if (!isOwner) yield* Effect.ignore(fs.chown(temporary, owner.uid, owner.gid))
        // `open` has applied the umask to the mode.
        yield* Effect.ignore(fs.chmod(temporary, mode))
      }
      yield* handle.writeAll(encoder.encode(text))
      yield* handle.sync
    })
    return yield* Effect.scoped(write).pipe(
      Effect.zipRight(isCurrent),
      Effect.flatMap((current) => Effect.as(current ? fs.rename(temporary, file) : fs.remove(temporary), current)),
      Effect.tapErrorCause(() => Effect.ignore(fs.remove(temporary)))
    )
  })
  // If this process was stopped for long, another may have taken it for dead and removed its temporary file.
  return Effect.uninterruptible(Effect.retry(attempt, { while: isNotFound, times: 2 }))
}

/**
 * The temporary files that `replaceFile` left beside `file` when its process was killed or stopped. Only a process that
 * holds the lock of `file` may remove them. A writer that was only stopped writes its temporary file again.
 */
export const leftovers = (
  fs: FileSystem.FileSystem,
  path: Path.Path,
  file: string
): Effect.Effect<ReadonlyArray<string>, PlatformError> => {
  const directory = path.dirname(file)
  const start = `${path.basename(file)}.`
  return Effect.map(fs.readDirectory(directory), (names) =>
    names
      .filter((name) => name.startsWith(start) && /^[0-9a-z]+\.tmp$/.test(name.slice(start.length)))
      .map((name) => path.join(directory, name)))
}
