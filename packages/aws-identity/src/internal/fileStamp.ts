/** What tells whether a file has changed since it was last read, at the price of a look. */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { isNotFound } from "./fileError.js"

/** A file changed so lately may change again within the same tick of the file system's clock (of up to 2 s). */
const unsettledMillis = 2500

/** Nothing for a file that is not there. */
export const look = (
  fs: FileSystem.FileSystem,
  path: string
): Effect.Effect<FileSystem.File.Info | undefined, PlatformError> =>
  Effect.catchAll(fs.stat(path), (error) => isNotFound(error) ? Effect.succeed(undefined) : Effect.fail(error))

/** ms since 1970; in the future where the file system does not tell. */
export const changedAt = ({ mtime }: FileSystem.File.Info): number =>
  mtime._tag === "Some" ? mtime.value.getTime() : Infinity

/** Another one after each change, if the last one was settled. */
export const stampOf = (info: FileSystem.File.Info): string =>
  `${Option.getOrNull(info.ino)} ${info.size} ${changedAt(info)}`

export const isSettled = (info: FileSystem.File.Info, now: number): boolean => now - changedAt(info) > unsettledMillis
