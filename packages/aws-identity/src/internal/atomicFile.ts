import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

const encoder = new TextEncoder()

/**
 * Puts a text in the place of a file as a whole: a reader sees the old one or the new one, also after a crash. It is
 * written beside it first, to a file that nobody could have put there.
 */
export const replaceFile = (
  fs: FileSystem.FileSystem,
  file: string,
  text: string,
  mode: number
): Effect.Effect<void, PlatformError> =>
  Effect.gen(function*() {
    const temporary = `${file}.${(yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)).toString(36)}.tmp`
    const write = Effect.gen(function*() {
      const handle = yield* fs.open(temporary, { flag: "wx", mode })
      yield* handle.writeAll(encoder.encode(text))
      yield* handle.sync
    })
    yield* Effect.scoped(write).pipe(
      Effect.andThen(fs.rename(temporary, file)),
      Effect.tapErrorCause(() => Effect.ignore(fs.remove(temporary)))
    )
  }).pipe(Effect.uninterruptible)
