/**
 * The files of this library: config, credentials, token caches, locks and web identity tokens. Everything of this library
 * that reads or writes a file uses this port.
 *
 * `NodeIdentity` makes it from `node:fs`, and `PlatformPorts` from the `FileSystem` and `Path` of `@effect/platform`. Each
 * member is one operation of the file system, so that a test can let any of them fail, or stop between two of them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"

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
