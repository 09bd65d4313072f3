/**
 * The tokens of signed-in sessions, stored where every AWS tool stores them: one file for each session in
 * `~/.aws/sso/cache`.
 *
 * @since 0.1.0
 */
import { sha1Hex } from "#hashes"
import * as Clock from "effect/Clock"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Files from "./Files.js"
import * as IdentityError from "./IdentityError.js"
import { AccessToken } from "./internal/accessToken.js"
import { leftovers, replaceFile } from "./internal/atomicFile.js"
import { readBoundedText } from "./internal/boundedFile.js"
import * as CacheFile from "./internal/cacheFile.js"
import { homeDirectory, isNowhere, variable } from "./internal/environment.js"
import { fileError, isNotFound, noHome } from "./internal/fileError.js"
import * as FileLock from "./internal/fileLock.js"
import { isSettled } from "./internal/fileStamp.js"
import * as Lease from "./internal/lease.js"
import { perSource } from "./internal/perSource.js"
import { retry } from "./internal/retry.js"
import { schemaProblem } from "./internal/schemaProblem.js"
import { shownPath } from "./internal/shownPath.js"
import { isSame, withMemory } from "./internal/tokenMemory.js"

const optional = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optionalWith(schema, { as: "Option" }).pipe(Schema.withConstructorDefault(Option.none))

/**
 * The token of a session, and what is needed to refresh it. All secrets are `Redacted`.
 *
 * @since 0.1.0
 * @category models
 */
export class SsoToken extends Schema.Class<SsoToken>("effect-aws-identity/SsoToken")({
  startUrl: optional(Schema.String),
  region: optional(Schema.String),
  accessToken: AccessToken,
  expiresAt: CacheFile.Timestamp,
  clientId: optional(Schema.NonEmptyString),
  clientSecret: optional(Schema.Redacted(Schema.NonEmptyString)),
  registrationExpiresAt: optional(CacheFile.Timestamp),
  refreshToken: optional(Schema.Redacted(Schema.NonEmptyString)),
  /** Fields of other tools. They are kept when the token is written again, and redacted because they may be secret. */
  unknown: Schema.optionalWith(Schema.Redacted(Schema.Record({ key: Schema.String, value: Schema.Unknown })), {
    default: () => Redacted.make({})
  })
}) {}

/**
 * What a store holds for a key is not a token: it is cut off, is not JSON, or lacks a required field. `SsoTokenProvider`
 * fails with `SsoLoginRequired` and the reason `CorruptFile` then.
 *
 * @since 0.1.0
 * @category errors
 */
export class CorruptToken extends Data.TaggedError("CorruptToken")<{
  /** Where the token is stored: `location` of its key. */
  readonly location: string
  /** Names the field, never its value. */
  readonly problem: string
}> {
  override get message(): string {
    return `The token in ${this.location} cannot be used: ${this.problem}. Sign in again to replace it.`
  }
}

/** Why a store could not read, write or remove a token: a `FileError` of files, a `StoreError` of any other store. */
type Failure = IdentityError.FileError | IdentityError.StoreError

/**
 * A store of tokens by `SsoSession.cacheKey`. It only stores them; `SsoTokenProvider` decides when to refresh one.
 *
 * A store of your own fails with a `StoreError` when it cannot write. `SsoLogin` and `SsoTokenProvider` then keep the
 * token in memory.
 *
 * @since 0.1.0
 * @category services
 */
export class SsoTokenCache extends Context.Tag("effect-aws-identity/SsoTokenCache")<SsoTokenCache, {
  /** Reads a token: none if there is no token, `CorruptToken` if what is stored is not a token. */
  readonly get: (
    key: string
  ) => Effect.Effect<Option.Option<SsoToken>, CorruptToken | Failure>
  /**
   * Replaces the token atomically: a reader sees the old one or the new one.
   *
   * With `replaces`, the store changes only if it still holds that token, or no token if `replaces` is none. A person
   * may have signed in or out in the meantime. A store without transactions checks this as late as it can. The result
   * says whether the store took the token.
   */
  readonly set: (
    key: string,
    token: SsoToken,
    options?: { readonly replaces?: Option.Option<SsoToken> | undefined }
  ) => Effect.Effect<boolean, Failure>
  readonly remove: (key: string) => Effect.Effect<void, Failure>
  /**
   * Runs an effect under a lock, so that no other user of the store runs one for the same key at the same time. After
   * 75 seconds of waiting, the effect runs without the lock; the worst result is that a token is refreshed twice.
   */
  readonly exclusively: (key: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Where the token of a key is stored, for messages. */
  readonly location: (key: string) => string
}>() {}

/**
 * The type of the service.
 *
 * @since 0.1.0
 * @category models
 */
export type Service = Context.Tag.Service<SsoTokenCache>

const decodeToken = (fields: unknown) => Schema.decodeUnknownEither(SsoToken)(fields)
const essential: ReadonlyArray<string> = ["accessToken", "expiresAt"]
const fields = Object.keys(SsoToken.fields).filter((name) => name !== "unknown")

/**
 * Decodes the text of a token file of any AWS tool. Accepts keys in any case and any RFC 3339 time, and keeps unknown
 * fields. An optional field that cannot be read counts as missing. The text in the left says what is wrong and shows no
 * value.
 *
 * @since 0.1.0
 * @category codec
 */
export const decode = (text: string): Either.Either<SsoToken, string> =>
  Either.mapLeft(CacheFile.parse(text, fields), () => text === "" ? "it is empty" : "it is not a JSON object").pipe(
    Either.flatMap((file) =>
      Either.orElse(decodeToken(file), () => {
        const readable = Object.keys(file).filter((name) =>
          essential.includes(name) || Either.isRight(decodeToken({ ...placeholder, [name]: file[name] }))
        )
        return decodeToken(Object.fromEntries(readable.map((name) => [name, file[name]])))
      })
    ),
    Either.mapLeft((error) => typeof error === "string" ? error : schemaProblem(error))
  )

/** The required fields, to check whether one more field can be decoded. */
const placeholder = { accessToken: "-", expiresAt: "1970-01-01T00:00:00Z" }

/**
 * Encodes a token as the text of a token file that every AWS tool can read.
 *
 * @since 0.1.0
 * @category codec
 */
export const encode = (token: SsoToken): string => CacheFile.print(Schema.encodeSync(SsoToken)(token))

/**
 * The name of a key's file: the SHA-1 of the key.
 *
 * @example
 * ```ts
 * import { SsoTokenCache } from "effect-aws-identity"
 *
 * console.log(SsoTokenCache.fileName("my-sso")) // 0ad374308c5a4e22f723adf10145eafad7c4031c.json
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const fileName = (key: string): string => `${sha1Hex(key)}.json`

/** Bytes. A token file has some kB. */
const longestFile = 1_048_576

/**
 * Whether the token of a temporary file is the result of refreshing the current one, by a process that was killed
 * before the rename. A refresh keeps the client registration and gives a later expiry. A sign-in after that refresh has
 * an even later expiry, so its token is kept.
 */
const isSuccessor = (token: SsoToken, current: SsoToken): boolean =>
  DateTime.greaterThan(token.expiresAt, current.expiresAt) &&
  ([token.clientId, token.startUrl, token.region] as const).every((value, at) =>
    Equal.equals(value, [current.clientId, current.startUrl, current.region][at])
  ) && Option.isSome(token.clientId) && Option.isSome(token.refreshToken)

/**
 * Where the files of the tokens are.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Default: `AWS_SSO_CACHE_DIR`, which only this library reads, else `.aws/sso/cache` in the home directory. */
  readonly directory?: string | undefined
  /**
   * The directory that contains `.aws`, for a program that runs without `HOME`. Default: `HOME`, else `USERPROFILE`,
   * else `HOMEDRIVE` with `HOMEPATH`, else on Linux that of `/etc/passwd`.
   */
  readonly homeDirectory?: string | undefined
}

const directoryOf = (options: Options) =>
  Effect.gen(function*() {
    const { paths } = yield* Files.Files
    const given = options.directory ?? Option.getOrUndefined(yield* variable("AWS_SSO_CACHE_DIR"))
    return given ?? paths.join(options.homeDirectory ?? (yield* homeDirectory), ".aws", "sso", "cache")
  })

/**
 * Stores tokens as files of mode 0600 in the directory that AWS's tools share, or in that of the options. The directory
 * is created with mode 0700, and files are replaced atomically. A token that cannot be written stays in memory until it
 * can be, and one warning is logged. `SsoLogin` and `SsoTokenProvider` do the same for any other store.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options = {}
): Layer.Layer<SsoTokenCache, ConfigError.ConfigError, Files.Files> =>
  perSource(Layer.effect(
    SsoTokenCache,
    Effect.gen(function*() {
      const directory = yield* directoryOf(options)
      const files = yield* Files.Files
      const acquire = FileLock.make(files)
      const location = (key: string): string => files.paths.join(directory, fileName(key))
      const corrupt = (file: string, problem: string) =>
        Effect.fail(new CorruptToken({ location: shownPath(file), problem }))
      /** The last token read from each file, valid as long as the file has that stamp. */
      const known = new Map<string, { readonly stamp: string; readonly token: Option.Option<SsoToken> }>()

      /** Reads a file if its stamp has changed, else returns the known token. None if the file does not exist. */
      const readOnce = (file: string) =>
        Effect.matchEffect(files.look(file), {
          onFailure: (error) => Effect.fail(fileError(file, "read")(error)),
          onSuccess: (found) => {
            const last = known.get(file)
            const look = Option.getOrUndefined(found)
            if (last !== undefined && last.stamp === look?.stamp) return Effect.succeed(last.token)
            // Another file may later have the same inode and time.
            known.delete(file)
            return look === undefined ? Effect.succeedNone : readAnew(file, look)
          }
        })

      const readAnew = (file: string, look: Files.Look) =>
        Effect.gen(function*() {
          const now = yield* Clock.currentTimeMillis
          const decoded = decode(yield* readBoundedText(files, file, look, longestFile))
          if (Either.isLeft(decoded)) return yield* corrupt(file, decoded.left)
          const token = Option.some(decoded.right)
          if (isSettled(look, now)) known.set(file, { stamp: look.stamp, token })
          return token
        }).pipe(Effect.catchTags({
          Unreadable: ({ problem }) => corrupt(file, problem),
          FilesError: (error) => isNotFound(error) ? Effect.succeedNone : Effect.fail(fileError(file, "read")(error))
        }))

      const read = (file: string) =>
        // The AWS CLI and the SDKs empty the file before they write it.
        retry(readOnce(file), () => ({
          while: ({ _tag }) => _tag === "CorruptToken",
          schedule: Schedule.spaced("25 millis"),
          times: 4
        }))

      const write = (file: string, token: SsoToken, replaces?: Option.Option<SsoToken>) =>
        Effect.gen(function*() {
          const text = yield* Effect.try({
            try: () => encode(token),
            catch: () => new IdentityError.FileError({ path: shownPath(file), operation: "write", code: "InvalidData" })
          })
          const isCurrent = replaces &&
            // A file that is not a token is replaced.
            Effect.match(read(file), { onFailure: () => true, onSuccess: (found) => isSame(found, replaces) })
          const replace = replaceFile(files, file, text, 0o600, isCurrent)
          return yield* replace.pipe(
            Effect.catchIf(isNotFound, () => Effect.zipRight(files.makeDirectory(directory), replace)),
            Effect.mapError(fileError(file, "write"))
          )
        })

      const removeLeftovers = (paths: ReadonlyArray<string>) =>
        Effect.forEach(paths, (path) => Effect.ignore(files.remove(path)), { discard: true })

      /**
       * Finishes the write of a killed process. If that process got a new token but did not rename its temporary file,
       * the refresh token in the token file is spent, so the newer token is written. All temporary files are removed,
       * because they hold secrets.
       */
      const recover = (file: string) =>
        Effect.gen(function*() {
          const temporaries = yield* leftovers(files, file)
          if (temporaries.length === 0) return
          const current = yield* read(file)
          let newest = current
          for (const temporary of temporaries) {
            const found = yield* Effect.orElseSucceed(readOnce(temporary), () => Option.none<SsoToken>())
            known.delete(temporary)
            if (Option.isSome(found) && Option.exists(newest, (token) => isSuccessor(found.value, token))) {
              newest = found
            }
          }
          if (Option.isSome(newest) && !isSame(newest, current)) yield* write(file, newest.value, current)
          yield* removeLeftovers(temporaries)
        }).pipe(Effect.ignore)

      const store: Service = {
        location: (key) => shownPath(location(key)),
        get: (key) => {
          const file = location(key)
          return isNowhere(file) ? Effect.succeedNone : read(file)
        },
        set: (key, token, options) => {
          const file = location(key)
          return isNowhere(file) ? noHome(file, "write") : write(file, token, options?.replaces)
        },
        remove: (key) => {
          const file = location(key)
          return Effect.suspend(() => {
            known.delete(file)
            return files.remove(file)
          }).pipe(
            Effect.catchIf(isNotFound, () => Effect.void),
            Effect.zipLeft(Effect.ignore(Effect.flatMap(leftovers(files, file), removeLeftovers))),
            Effect.mapError(fileError(file, "remove"))
          )
        },
        exclusively: (key) => (effect) => {
          const file = location(key)
          return isNowhere(file)
            ? effect
            : Effect.scoped(Effect.flatMap(acquire(file.replace(/json$/, "lock")), (lease) => {
              // On a network drive, the stamp may not yet show that the last holder has written the file.
              known.delete(file)
              return Effect.provideService(
                lease.isHeld ? Effect.zipRight(recover(file), effect) : effect,
                Lease.Lease,
                lease
              )
            }))
        }
      }
      return withMemory(store)
    })
  ))

/**
 * Stores tokens in memory, for tests and for programs that leave nothing on disk. Each call of the function makes a
 * store of its own; all uses of one such layer share its store.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (): Layer.Layer<SsoTokenCache> =>
  Layer.effect(
    SsoTokenCache,
    Effect.gen(function*() {
      const tokens = yield* Ref.make<ReadonlyMap<string, SsoToken>>(new Map())
      const locks = new Map<string, Effect.Semaphore>()
      return {
        location: (key) => `${fileName(key)} (in memory)`,
        get: (key) => Effect.map(Ref.get(tokens), (tokens) => Option.fromNullable(tokens.get(key))),
        set: (key, token, options) =>
          Ref.modify(
            tokens,
            (tokens) =>
              options?.replaces === undefined || isSame(Option.fromNullable(tokens.get(key)), options.replaces)
                ? [true, new Map(tokens).set(key, token)]
                : [false, tokens]
          ),
        remove: (key) => Ref.update(tokens, (tokens) => new Map([...tokens].filter(([other]) => other !== key))),
        exclusively: (key) => (effect) =>
          Effect.suspend(() => {
            const lock = locks.get(key) ?? Effect.unsafeMakeSemaphore(1)
            locks.set(key, lock)
            // No other process uses this store, so there is no other process to wait for.
            return lock.withPermits(1)(Effect.provideService(effect, Lease.Lease, Lease.withoutLock(0)))
          })
      }
    })
  )
