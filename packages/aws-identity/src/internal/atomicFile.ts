/** Replaces files atomically, and finds the temporary files of killed processes. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Files from "../Files.js"
import { isNotFound } from "./fileError.js"

/**
 * Writes a text to a new file beside `file`, syncs it to disk and renames it to `file`: a reader sees the old text or
 * the new one, also after a crash. The new file's name is random, so that no other user can have put a link there. With
 * `owner`, the new file gets that owner if this process may change owners, and `mode` regardless of the umask.
 *
 * `isCurrent` runs after the sync, right before the rename. If it gives false, the file stays as it is. The result says
 * whether the file was replaced.
 */
export const replaceFile = (
  files: Files.Service,
  file: string,
  text: string,
  mode: number,
  isCurrent: Effect.Effect<boolean, Files.FilesError> = Effect.succeed(true),
  owner?: Files.Owner
): Effect.Effect<boolean, Files.FilesError> => {
  const attempt = Effect.flatMap(Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER), (random) => {
    const temporary = `${file}.${random.toString(36).padStart(11, "0")}.tmp`
    return files.create(temporary, text, { mode, sync: true, owner }).pipe(
      Effect.zipRight(isCurrent),
      Effect.flatMap((current) =>
        Effect.as(current ? files.rename(temporary, file) : files.remove(temporary), current)
      ),
      Effect.tapErrorCause(() => Effect.ignore(files.remove(temporary)))
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
  { list, paths }: Files.Service,
  file: string
): Effect.Effect<ReadonlyArray<string>, Files.FilesError> => {
  const directory = paths.dirname(file)
  const start = `${paths.basename(file)}.`
  return Effect.map(list(directory), (names) =>
    names
      .filter((name) => name.startsWith(start) && /^[0-9a-z]+\.tmp$/.test(name.slice(start.length)))
      .map((name) => paths.join(directory, name)))
}
