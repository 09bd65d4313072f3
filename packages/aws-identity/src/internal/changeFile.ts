/** Changes a text file that other programs change too, without losing a change of any of them. */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { leftovers, replaceFile } from "./atomicFile.js"
import { isNotFound } from "./fileError.js"
import * as FileLock from "./fileLock.js"
import { look, stampOf } from "./fileStamp.js"

/** The content of a file while no program is writing it. A file that does not exist is empty and has no `info`. */
export interface Snapshot {
  readonly bytes: Uint8Array
  readonly info: FileSystem.File.Info | undefined
}

/** How often a change starts again because another program has changed the file. */
const maxRestarts = 100

/**
 * Replaces the file by the text that `change` returns, or leaves it alone if `change` returns undefined. Creates the
 * directory if needed, and keeps mode, owner and links. The result is false if other programs change the file all the
 * time.
 *
 * Processes that use this function take turns by a lock file beside the file. Other programs, such as `aws configure`,
 * do not know the lock. So the file is read again right before it is replaced. If it has changed, the change starts
 * again from its new content.
 */
export const changeFile = <E, E2>(options: {
  readonly fs: FileSystem.FileSystem
  readonly path: Path.Path
  readonly file: string
  readonly read: (file: string) => Effect.Effect<Snapshot, E | PlatformError>
  readonly change: (before: Snapshot) => Effect.Effect<string | undefined, E2>
}): Effect.Effect<boolean, E | E2 | PlatformError> => {
  const { change, fs, path, read } = options

  /** The file that a link points to, even if it does not exist yet. Renaming over the link would break the link. */
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
      // A process that was stopped for so long that it lost the lock cannot rename its file any more. It starts again.
      const files = yield* Effect.orElseSucceed(leftovers(fs, path, file), () => [])
      yield* Effect.forEach(files.filter(isRandom), (leftover) => Effect.ignore(fs.remove(leftover)), { discard: true })
    }
    for (let restarts = 0; restarts <= maxRestarts; restarts++) {
      if (yield* attempt(file)) return true
    }
    return false
  }).pipe(Effect.scoped)
}

/** Whether `replaceFile` chose the name of a temporary file. A person may choose a name such as `config.backup.tmp`. */
const isRandom = (file: string): boolean => /\.[0-2][0-9a-z]{10}\.tmp$/.test(file)

const isSame = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, at) => byte === right[at])
