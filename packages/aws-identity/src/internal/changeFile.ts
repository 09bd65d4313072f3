/** Changes a text file that other programs change too, without losing a change of any of them. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Files from "../Files.js"
import { leftovers, replaceFile } from "./atomicFile.js"
import { isNotFound } from "./fileError.js"
import * as FileLock from "./fileLock.js"

/** The content of a file while no program is writing it. A file that does not exist is empty and has no `look`. */
export interface Snapshot {
  readonly bytes: Uint8Array
  readonly look: Files.Look | undefined
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
export const changeFile = <E, E2>({ change, files, path, read }: {
  readonly files: Files.Service
  readonly path: string
  readonly read: (path: string) => Effect.Effect<Snapshot, E | Files.FilesError>
  readonly change: (before: Snapshot) => Effect.Effect<string | undefined, E2>
}): Effect.Effect<boolean, E | E2 | Files.FilesError> => {
  const { paths } = files

  /** The file that a link points to, even if it does not exist yet. Renaming over the link would break the link. */
  const target = (path: string, links: number): Effect.Effect<string> =>
    files.realPath(path).pipe(
      Effect.catchIf((error) => isNotFound(error) && links > 0, (error) =>
        Effect.flatMap(files.readLink(path), (link) => {
          if (Option.isNone(link)) {
            return Effect.fail(error)
          }
          const directory = Effect.orElseSucceed(files.realPath(paths.dirname(path)), () =>
            paths.dirname(path))
          return Effect.flatMap(directory, (directory) => target(paths.resolve(directory, link.value), links - 1))
        })),
      Effect.orElseSucceed(() =>
        path
      )
    )

  const attempt = (path: string) =>
    Effect.gen(function*() {
      const before = yield* read(path)
      const text = yield* change(before)
      if (text === undefined) return true
      const isCurrent = Effect.gen(function*() {
        const look = Option.getOrUndefined(yield* files.look(path))
        if (look === undefined || before.look === undefined) return look === before.look
        return look.stamp === before.look.stamp && isSame(yield* files.read(path, look.size), before.bytes)
      })
      const mode = before.look?.mode ?? 0o600
      const owner = before.look && Option.getOrUndefined(before.look.owner)
      return yield* replaceFile(files, path, text, mode, isCurrent, owner)
    })

  return Effect.gen(function*() {
    const file = yield* target(path, 40)
    yield* files.makeDirectory(paths.dirname(file))
    if (yield* FileLock.acquire(files, `${file}.lock`)) {
      // A process that was stopped for so long that it lost the lock cannot rename its file any more. It starts again.
      const found = yield* Effect.orElseSucceed(leftovers(files, file), () => [])
      yield* Effect.forEach(found.filter(isRandom), (leftover) => Effect.ignore(files.remove(leftover)), {
        discard: true
      })
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
