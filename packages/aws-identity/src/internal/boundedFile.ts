/** Reads files that end and that can be read without waiting. */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** Why a file is not read: its type or its size. */
export interface Unreadable {
  readonly _tag: "Unreadable"
  readonly problem: string
}

const unreadable = (problem: string): Effect.Effect<never, Unreadable> => Effect.fail({ _tag: "Unreadable", problem })

/** Types of `FileSystem.File.Info` in words. */
const typeNames: Readonly<Record<string, string>> = {
  BlockDevice: "a block device",
  CharacterDevice: "a character device",
  Directory: "a directory",
  FIFO: "a FIFO (named pipe)",
  Socket: "a socket"
}

const bytesInWords = (bytes: number): string => bytes % 1_048_576 === 0 ? `${bytes / 1_048_576} MiB` : `${bytes} bytes`

/**
 * The text of a regular file of at most `longest` bytes, whose `info` is known. Opening a FIFO blocks until a writer
 * appears, and cannot be interrupted; a device or a disk image would fill the memory.
 */
export const readBounded = (
  fs: FileSystem.FileSystem,
  file: string,
  info: FileSystem.File.Info,
  longest: number
): Effect.Effect<string, PlatformError | Unreadable> => {
  if (info.type !== "File") return unreadable(`it is not a file but ${typeNames[info.type] ?? "something else"}`)
  const tooLong = unreadable(`it is longer than ${bytesInWords(longest)}`)
  if (info.size > longest) return tooLong
  // Linux reports the size 0 for the files of /proc, of which some have no end.
  return info.size > 0n ? fs.readFileString(file) : Effect.scoped(Effect.gen(function*() {
    const handle = yield* fs.open(file, { flag: "r" })
    const decoder = new TextDecoder()
    let text = ""
    for (let length = 0;;) {
      const chunk = yield* handle.readAlloc(65_536)
      if (Option.isNone(chunk)) return text + decoder.decode()
      length += chunk.value.length
      if (length > longest) return yield* tooLong
      text += decoder.decode(chunk.value, { stream: true })
    }
  }))
}
