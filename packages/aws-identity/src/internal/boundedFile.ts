/** Reads regular files up to a size limit, without blocking on a FIFO or a device. */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** Why a file is not read: its type or its size. */
export interface Unreadable {
  readonly _tag: "Unreadable"
  readonly problem: string
}

export const unreadableFile = (problem: string): Effect.Effect<never, Unreadable> =>
  Effect.fail({ _tag: "Unreadable", problem })

/** Types of `FileSystem.File.Info` in words. */
const typeNames: Readonly<Record<string, string>> = {
  BlockDevice: "a block device",
  CharacterDevice: "a character device",
  Directory: "a directory",
  FIFO: "a FIFO (named pipe)",
  Socket: "a socket"
}

const inWords = (bytes: number): string => bytes % 1_048_576 === 0 ? `${bytes / 1_048_576} MiB` : `${bytes} bytes`

/**
 * Reads the text of a regular file of at most `longest` bytes; `info` is the file's. Other types and sizes are refused:
 * opening a FIFO blocks until a writer appears and cannot be interrupted, and a device or a disk image would exhaust
 * memory.
 */
export const readBoundedText = (
  fs: FileSystem.FileSystem,
  file: string,
  info: FileSystem.File.Info,
  longest: number
): Effect.Effect<string, PlatformError | Unreadable> =>
  read(fs, file, info, longest, fs.readFileString(file), (bytes) => new TextDecoder().decode(bytes))

/** Reads the bytes of such a file. */
export const readBoundedBytes = (
  fs: FileSystem.FileSystem,
  file: string,
  info: FileSystem.File.Info,
  longest: number
): Effect.Effect<Uint8Array, PlatformError | Unreadable> =>
  read(fs, file, info, longest, fs.readFile(file), (bytes) => bytes)

const read = <A>(
  fs: FileSystem.FileSystem,
  file: string,
  info: FileSystem.File.Info,
  longest: number,
  whole: Effect.Effect<A, PlatformError>,
  ofBytes: (bytes: Uint8Array) => A
): Effect.Effect<A, PlatformError | Unreadable> => {
  if (info.type !== "File") return unreadableFile(`it is not a file but ${typeNames[info.type] ?? "something else"}`)
  if (info.size > longest) return unreadableFile(`it is longer than ${inWords(longest)}`)
  // Linux reports the size 0 for the files of /proc, and some of these are endless.
  return info.size > 0 ? whole : Effect.map(readUpTo(fs, file, longest), ofBytes)
}

const readUpTo = (fs: FileSystem.FileSystem, file: string, longest: number) =>
  Effect.scoped(Effect.gen(function*() {
    const handle = yield* fs.open(file, { flag: "r" })
    const chunks: Array<Uint8Array> = []
    let length = 0
    for (;;) {
      const chunk = Option.getOrUndefined(yield* handle.readAlloc(65_536))
      if (chunk === undefined) break
      chunks.push(chunk)
      length += chunk.length
      if (length > longest) return yield* unreadableFile(`it is longer than ${inWords(longest)}`)
    }
    const bytes = new Uint8Array(length)
    let at = 0
    for (const chunk of chunks) {
      bytes.set(chunk, at)
      at += chunk.length
    }
    return bytes
  }))

/**
 * The two kinds of special file that can be read: `/dev/null`, which often stands for no configuration, and a pipe that
 * the parent process opened, as shells do for `<(...)`. Opening such a pipe does not wait for a writer. It can be read
 * only once. Undefined for every other file.
 */
export const specialFile = (file: string, { type }: FileSystem.File.Info): "Null" | "Pipe" | undefined => {
  if (type === "CharacterDevice" && (file === "/dev/null" || /^(?:\\\\[.?]\\)?nul$/i.test(file))) return "Null"
  return type === "FIFO" && /^\/(?:dev\/stdin|(?:dev|proc\/self)\/fd\/\d+)$/.test(file) ? "Pipe" : undefined
}

/** Reads the bytes of a pipe that `specialFile` found. Fails if the writer does not close the pipe within 10 s. */
export const readPipe = (
  fs: FileSystem.FileSystem,
  file: string
): Effect.Effect<Uint8Array, PlatformError | Unreadable> =>
  Effect.timeoutFail(fs.readFile(file), {
    duration: "10 seconds",
    onTimeout: (): Unreadable => ({ _tag: "Unreadable", problem: "it is a pipe that was not closed within 10 s" })
  })
