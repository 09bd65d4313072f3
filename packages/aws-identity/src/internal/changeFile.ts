/** Changes a text file that other programs change too, so that no change of any of them is lost. */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { leftovers, replaceFile } from "./atomicFile.js"
import { isNotFound } from "./fileError.js"
import * as FileLock from "./fileLock.js"
import { look, stampOf } from "./fileStamp.js"

/** A file when no program was writing it. A file that does not exist is empty and has no `info`. */
export interface Snapshot {
  readonly bytes: Uint8Array
  readonly info: FileSystem.File.Info | undefined
}

/** Other programs may change the file so often while one change is made. */
const maxRestarts = 100

/**
 * Replaces the file by the text that `change` makes of it, or leaves it alone if `change` gives undefined. The directory
 * is made if needed; mode, owner and links are kept. Says whether it could: the result is false when the file is
 * changed by other programs all the time.
 *
 * Processes with this code take turns by a lock beside the file. Programs without it, such as `aws configure`, are
 * noticed by reading the file again right before it is replaced: then the change starts again from what they wrote.
 */
export const changeFile = <E, E2>(options: {
  readonly fs: FileSystem.FileSystem
  readonly path: Path.Path
  readonly file: string
  readonly read: (file: string) => Effect.Effect<Snapshot, E | PlatformError>
  readonly change: (before: Snapshot) => Effect.Effect<string | undefined, E2>
}): Effect.Effect<boolean, E | E2 | PlatformError> => {
  const { change, fs, path, read } = options

  /** The file that a link leads to, or will lead to once it exists: renaming over the link would break it. */
  const target = (file: string, links: number): Effect.Effect<string> =>
    fs.realPath(file).pipe(
      Effect.catchIf((error) => isNotFound(error) && links > 0, () =>
        Effect.flatMap(fs.readLink(file), (link) =>
          Effect.flatMap(
            Effect.orElseSucceed(fs.realPath(path.dirname(file)), () =>
              path.dirname(file)),
            (directory) => target(path.resolve(directory, link), links - 1)
          ))),
      Effect.orElseSucceed(() =>
        file
      )
    )

  const attempt = (file: string) =>
    Effect.gen(function*() {
      const before = yield* read(file)
      const text = yield* change(before)
      if (text === undefined) return true
      const isCurrent = Effect.gen(function*() {
        const info = yield* look(fs, file)
        if (info === undefined || before.info === undefined) return info === before.info
        return stampOf(info) === stampOf(before.info) && isSame(yield* fs.readFile(file), before.bytes)
      })
      const { info } = before
      const mode = info === undefined ? 0o600 : info.mode & 0o777
      const owner = info && Option.getOrUndefined(Option.all({ uid: info.uid, gid: info.gid }))
      return yield* replaceFile(fs, file, text, mode, isCurrent, owner)
    })

  return Effect.gen(function*() {
    const file = yield* target(options.file, 40)
    yield* fs.makeDirectory(path.dirname(file), { recursive: true, mode: 0o700 })
    if (yield* FileLock.acquire(fs, `${file}.lock`)) {
      // A process that lost the lock, because it was stopped for long, cannot rename its file any more and starts again.
      const files = yield* Effect.orElseSucceed(leftovers(fs, path, file), () => [])
      yield* Effect.forEach(files.filter(isRandom), (leftover) => Effect.ignore(fs.remove(leftover)), { discard: true })
    }
    for (let restarts = 0; restarts <= maxRestarts; restarts++) {
      if (yield* attempt(file)) return true
    }
    return false
  }).pipe(Effect.scoped)
}

/** Whether a temporary file has a name of `replaceFile`, and not one that a person may choose as `config.backup.tmp`. */
const isRandom = (file: string): boolean => /\.[0-2][0-9a-z]{10}\.tmp$/.test(file)

const isSame = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, at) => byte === right[at])
