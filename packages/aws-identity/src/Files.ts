/**
 * The files of this library: config, credentials, token caches, locks and web identity tokens. Everything of this library
 * that reads or writes a file uses this port.
 *
 * `NodeIdentity` makes it from `node:fs`, and `PlatformPorts` from the `FileSystem` and `Path` of `@effect/platform`. Each
 * member is one operation of the file system, so that a test can let any of them fail, or stop between two of them.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

/**
 * What a look at a path tells.
 *
 * @since 0.1.0
 * @category models
 */
export interface Look {
  readonly type: "File" | "Directory" | "FIFO" | "Socket" | "CharacterDevice" | "BlockDevice" | "Other"
  /** Bytes. */
  readonly size: number
  /** Another one after each change of the file, as far as its inode, size and time of change tell. */
  readonly stamp: string
  /** When the content was last changed: ms since 1970. `Infinity` if the file system does not tell. */
  readonly changedAt: number
  /** The permission bits, such as `0o600`. */
  readonly mode: number
  /** None where the file system has no owners. */
  readonly owner: Option.Option<Owner>
}

/**
 * The owner of a file.
 *
 * @since 0.1.0
 * @category models
 */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/**
 * Why an operation failed. It holds no content.
 *
 * @since 0.1.0
 * @category errors
 */
export class FilesError extends Data.TaggedError("FilesError")<{
  readonly reason: "NotFound" | "AlreadyExists" | "PermissionDenied" | "TooLong" | "Other"
  readonly path: string
  /** The cause in a word, such as `NotFound`, `PermissionDenied` or `ENOSPC`. */
  readonly code: string
}> {
  override get message(): string {
    return `${this.path}: ${this.code}`
  }
}

/**
 * The path functions of the runtime, as `node:path` has them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Paths {
  readonly sep: string
  readonly join: (...parts: ReadonlyArray<string>) => string
  readonly resolve: (...parts: ReadonlyArray<string>) => string
  readonly dirname: (path: string) => string
  readonly basename: (path: string) => string
}

/**
 * How `create` makes a file.
 *
 * @since 0.1.0
 * @category models
 */
export interface CreateOptions {
  readonly mode: number
  /** Waits until the content is on the disk. Default: false. */
  readonly sync?: boolean | undefined
  /** Given to the file if this process may change owners. `mode` then holds regardless of the umask. */
  readonly owner?: Owner | undefined
}

/**
 * The port. Links are followed, except by `readLink`, `rename` and `remove`.
 *
 * To replace a file atomically, `create` a temporary file beside it with `sync`, look whether the file is still the one
 * that was read, and `rename` the temporary file.
 *
 * @since 0.1.0
 * @category services
 */
export class Files extends Context.Tag("effect-aws-identity/Files")<Files, {
  readonly paths: Paths
  /**
   * The home directory of this process's user as the system knows it; none if it does not, or if the process has a `HOME`,
   * which the application's `ConfigProvider` may hide on purpose.
   */
  readonly home: Effect.Effect<Option.Option<string>>
  /** Looks at a path; none if nothing is there. */
  readonly look: (path: string) => Effect.Effect<Option.Option<Look>, FilesError>
  /** Reads the bytes of a file, at most `limit` of them, else fails with `TooLong`. */
  readonly read: (path: string, limit: number) => Effect.Effect<Uint8Array, FilesError>
  /** Creates a file, or fails with `AlreadyExists`. If writing fails, an incomplete file may be left. */
  readonly create: (path: string, text: string, options: CreateOptions) => Effect.Effect<void, FilesError>
  /** Writes a text over the start of a file that exists, and creates none. */
  readonly overwrite: (path: string, text: string) => Effect.Effect<void, FilesError>
  /** Renames a file, and replaces the target atomically. */
  readonly rename: (from: string, to: string) => Effect.Effect<void, FilesError>
  /** Removes a file or a link, but not a directory. */
  readonly remove: (path: string) => Effect.Effect<void, FilesError>
  /** Removes an empty directory. */
  readonly removeDirectory: (path: string) => Effect.Effect<void, FilesError>
  /** The names in a directory. */
  readonly list: (directory: string) => Effect.Effect<ReadonlyArray<string>, FilesError>
  /** Makes a directory of mode 0700, and those above it. Succeeds if it exists. */
  readonly makeDirectory: (path: string) => Effect.Effect<void, FilesError>
  /** The target of a link; none if the path is not a link. */
  readonly readLink: (path: string) => Effect.Effect<Option.Option<string>, FilesError>
  /** The path without any link in it. */
  readonly realPath: (path: string) => Effect.Effect<string, FilesError>
}>() {}

/**
 * The type of the service.
 *
 * @since 0.1.0
 * @category models
 */
export type Service = Context.Tag.Service<Files>

/**
 * Files in memory, by their absolute POSIX paths, for tests. Directories exist where a file is, or where one was made.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory = (initial: Readonly<Record<string, string>> = {}): Service => {
  interface Entry {
    readonly text: string
    readonly mode: number
    readonly inode: number
    readonly changedAt: number
  }
  let inodes = 0
  const entries = new Map<string, Entry>()
  const directories = new Set<string>()
  const failure = (reason: "NotFound" | "AlreadyExists" | "TooLong", path: string) =>
    Effect.fail(new FilesError({ reason, path, code: reason }))
  const names = (directory: string): ReadonlyArray<string> => {
    const start = directory.endsWith("/") ? directory : `${directory}/`
    const below = [...entries.keys(), ...directories].filter((path) => path.startsWith(start))
    return [...new Set(below.map((path) => path.slice(start.length).split("/")[0] ?? ""))].sort()
  }
  const isDirectory = (path: string): boolean => directories.has(path) || names(path).length > 0
  const at = <A>(path: string, use: (entry: Entry) => Effect.Effect<A, FilesError>): Effect.Effect<A, FilesError> =>
    Effect.suspend(() => {
      const entry = entries.get(path)
      return entry === undefined ? failure("NotFound", path) : use(entry)
    })
  const write = (path: string, text: string, mode: number, inode: number) =>
    Effect.map(Clock.currentTimeMillis, (changedAt) => {
      entries.set(path, { text, mode, inode, changedAt })
    })
  for (const [path, text] of Object.entries(initial)) {
    entries.set(path, { text, mode: 0o600, inode: ++inodes, changedAt: 0 })
  }
  return {
    paths: posixPaths,
    home: Effect.succeedNone,
    look: (path) =>
      Effect.sync(() => {
        const entry = entries.get(path)
        const shared = { owner: Option.none() }
        if (entry !== undefined) {
          const { changedAt, inode, mode, text } = entry
          const size = new TextEncoder().encode(text).length
          return Option.some({ ...shared, type: "File", size, mode, changedAt, stamp: `${inode} ${size} ${changedAt}` })
        }
        return isDirectory(path)
          ? Option.some({ ...shared, type: "Directory", size: 0, mode: 0o700, changedAt: 0, stamp: path })
          : Option.none()
      }),
    read: (path, limit) =>
      at(path, ({ text }) => {
        const bytes = new TextEncoder().encode(text)
        return bytes.length > limit ? failure("TooLong", path) : Effect.succeed(bytes)
      }),
    create: (path, text, { mode }) =>
      Effect.suspend(() => {
        if (entries.has(path) || isDirectory(path)) return failure("AlreadyExists", path)
        return isDirectory(posixPaths.dirname(path)) || posixPaths.dirname(path) === "/"
          ? write(path, text, mode, ++inodes)
          : failure("NotFound", path)
      }),
    overwrite: (path, text) =>
      at(path, (entry) => write(path, text + entry.text.slice(text.length), entry.mode, entry.inode)),
    rename: (from, to) =>
      at(from, (entry) =>
        Effect.sync(() => {
          entries.delete(from)
          entries.set(to, entry)
        })),
    remove: (path) => Effect.suspend(() => entries.delete(path) ? Effect.void : failure("NotFound", path)),
    removeDirectory: (path) =>
      Effect.suspend(() => {
        if (names(path).length > 0) return Effect.fail(new FilesError({ reason: "Other", path, code: "ENOTEMPTY" }))
        return directories.delete(path) ? Effect.void : failure("NotFound", path)
      }),
    list: (directory) =>
      Effect.suspend(() => isDirectory(directory) ? Effect.succeed(names(directory)) : failure("NotFound", directory)),
    makeDirectory: (path) =>
      Effect.sync(() => {
        directories.add(path)
      }),
    readLink: () => Effect.succeedNone,
    realPath: (path) =>
      Effect.suspend(() => entries.has(path) || isDirectory(path) ? Effect.succeed(path) : failure("NotFound", path))
  }
}

/** Joins paths and resolves `.` and `..`. */
const normalized = (path: string): string => {
  const parts: Array<string> = []
  for (const part of path.split("/")) {
    if (part === "..") parts.pop()
    else if (part !== "" && part !== ".") parts.push(part)
  }
  return (path.startsWith("/") ? "/" : "") + parts.join("/")
}

const posixPaths: Paths = {
  sep: "/",
  join: (...parts) => normalized(parts.join("/")),
  resolve: (...parts) => normalized(parts.reduce((path, part) => part.startsWith("/") ? part : `${path}/${part}`, "")),
  dirname: (path) => path.slice(0, Math.max(path.lastIndexOf("/"), 1)),
  basename: (path) => path.slice(path.lastIndexOf("/") + 1)
}

/**
 * Files in memory. Each call of the function makes files of its own.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { Files, SharedConfig } from "effect-aws-identity"
 *
 * export const config = SharedConfig.layer({ homeDirectory: "/home/me" }).pipe(
 *   Layer.provide(Files.layerMemory({ "/home/me/.aws/config": "[default]\nregion = eu-west-1\n" }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (initial?: Readonly<Record<string, string>>): Layer.Layer<Files> =>
  Layer.sync(Files, () => makeMemory(initial))
