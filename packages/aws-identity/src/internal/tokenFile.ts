/** A file with a secret that somebody else replaces from time to time, as Kubernetes mounts tokens. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Files from "../Files.js"
import type { FileError } from "../IdentityError.js"
import { readBoundedText } from "./boundedFile.js"
import { fileError, isNotFound } from "./fileError.js"
import { retry } from "./retry.js"

/** Why there is nothing in it that could be used. */
export interface Unusable {
  readonly _tag: "Unusable"
  readonly reason: "Missing" | "Invalid"
  readonly problem: string
}

/**
 * The text of a file of at most `longest` bytes, links followed. One that is not there, is empty or changes is read
 * again, for a fifth of a second: somebody may just be writing it.
 */
export const readTokenFile = (
  path: string,
  longest: number
): Effect.Effect<string, Unusable | FileError, Files.Files> => {
  const unusable = (reason: Unusable["reason"], problem: string, mayChange: boolean) =>
    Effect.fail({ mayChange, error: { _tag: "Unusable", reason, problem } as const })
  const missing = unusable("Missing", "there is no such file", true)
  return Effect.gen(function*() {
    const files = yield* Files.Files
    const before = yield* files.look(path)
    if (Option.isNone(before)) return yield* missing
    const text = yield* readBoundedText(files, path, before.value, longest)
    const after = yield* files.look(path)
    if (text.trim() === "") return yield* unusable("Invalid", "it is empty", true)
    return Option.isSome(after) && before.value.stamp === after.value.stamp
      ? text
      : yield* unusable("Invalid", "it changes faster than it can be read", true)
  }).pipe(
    Effect.catchTags({
      Unreadable: ({ problem }) => unusable("Invalid", problem, false),
      FilesError: (error) =>
        isNotFound(error) ? missing : Effect.fail({ mayChange: false, error: fileError(path, "read")(error) })
    }),
    (attempt) =>
      retry(attempt, () => ({ while: ({ mayChange }) => mayChange, schedule: Schedule.spaced("50 millis"), times: 4 })),
    Effect.mapError(({ error }) => error)
  )
}
