/** Reads regular files up to a size limit, without blocking on a FIFO or a device. */
import * as Effect from "effect/Effect"
import type * as Files from "../Files.js"

/** Why a file is not read: its type or its size. */
export interface Unreadable {
  readonly _tag: "Unreadable"
  readonly problem: string
}

export const unreadableFile = (problem: string): Effect.Effect<never, Unreadable> =>
  Effect.fail({ _tag: "Unreadable", problem })

const typeNames: Readonly<Record<Exclude<Files.Look["type"], "File">, string>> = {
  BlockDevice: "a block device",
  CharacterDevice: "a character device",
  Directory: "a directory",
  FIFO: "a FIFO (named pipe)",
  Socket: "a socket",
  Other: "something else"
}

const inWords = (bytes: number): string => bytes % 1_048_576 === 0 ? `${bytes / 1_048_576} MiB` : `${bytes} bytes`

/**
 * Reads a regular file of at most `limit` bytes. Other types and sizes are refused:
 * opening a FIFO blocks until a writer appears and cannot be interrupted, and a device or a disk image would exhaust
 * memory.
 */
export const readBounded = (
  files: Files.Service,
  path: string,
  { size, type }: Files.Look,
  limit: number
): Effect.Effect<Uint8Array, Files.FilesError | Unreadable> => {
  if (type !== "File") return unreadableFile(`it is not a file but ${typeNames[type]}`)
  const isTooLong = unreadableFile(`it is longer than ${inWords(limit)}`)
  return size > limit
    ? isTooLong
    // Linux reports the size 0 for the files of /proc, and some of these are endless.
    : Effect.catchIf(files.read(path, limit), ({ reason }) => reason === "TooLong", () => isTooLong)
}

/** Reads the text of such a file, without its byte order mark. */
export const readBoundedText = (
  files: Files.Service,
  path: string,
  look: Files.Look,
  limit: number
): Effect.Effect<string, Files.FilesError | Unreadable> => Effect.map(readBounded(files, path, look, limit), decodeText)

const decoder = new TextDecoder()

export const decodeText = (bytes: Uint8Array): string => decoder.decode(bytes)

/**
 * The two kinds of special file that can be read: `/dev/null`, which often stands for no configuration, and a pipe that
 * the parent process opened, as shells do for `<(...)`. Opening such a pipe does not wait for a writer. It can be read
 * only once. Undefined for every other file.
 */
export const specialFile = (path: string, { type }: Files.Look): "Null" | "Pipe" | undefined => {
  if (type === "CharacterDevice" && (path === "/dev/null" || /^(?:\\\\[.?]\\)?nul$/i.test(path))) return "Null"
  return type === "FIFO" && /^\/(?:dev\/stdin|(?:dev|proc\/self)\/fd\/\d+)$/.test(path) ? "Pipe" : undefined
}

/** Reads a pipe that `specialFile` found. Fails if the writer does not close the pipe within 10 s. */
export const readPipe = (
  files: Files.Service,
  path: string,
  limit: number
): Effect.Effect<Uint8Array, Files.FilesError | Unreadable> =>
  Effect.timeoutFail(files.read(path, limit), {
    duration: "10 seconds",
    onTimeout: (): Unreadable => ({ _tag: "Unreadable", problem: "it is a pipe that was not closed within 10 s" })
  })
