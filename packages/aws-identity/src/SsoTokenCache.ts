/**
 * The tokens of signed-in sessions, kept where every AWS tool keeps them: one file a session in `~/.aws/sso/cache`.
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { sha1 } from "@noble/hashes/legacy.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"
import * as Clock from "effect/Clock"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as IdentityError from "./IdentityError.js"
import { AccessToken } from "./internal/accessToken.js"
import { replaceFile } from "./internal/atomicFile.js"
import * as CacheFile from "./internal/cacheFile.js"
import { homeDirectory, isNowhere, variable } from "./internal/environment.js"
import { fileError, isNotFound, noHome } from "./internal/fileError.js"
import * as FileLock from "./internal/fileLock.js"
import { isSettled, look, stampOf } from "./internal/fileStamp.js"
import { retry } from "./internal/retry.js"
import { schemaProblem } from "./internal/schemaProblem.js"

const optional = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optionalWith(schema, { as: "Option" }).pipe(Schema.withConstructorDefault(Option.none))

/**
 * The token of a session, and what renews it. All secrets are `Redacted`.
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
  /** What other tools wrote beside: kept when the token is written again, and hidden, for it may be secret. */
  unknown: Schema.optionalWith(Schema.Redacted(Schema.Record({ key: Schema.String, value: Schema.Unknown })), {
    default: () => Redacted.make({})
  })
}) {}

/**
 * A store of tokens by `SsoSession.cacheKey`. It only keeps; what is fresh and what to do about it is decided in
 * `SsoTokenProvider`.
 *
 * @since 0.1.0
 * @category services
 */
export class SsoTokenCache extends Context.Tag("effect-aws-identity/SsoTokenCache")<SsoTokenCache, {
  /** None when there is no token; `TokenCacheCorrupt` when there is something else in its place. */
  readonly get: (
    key: string
  ) => Effect.Effect<Option.Option<SsoToken>, IdentityError.TokenCacheCorrupt | IdentityError.FileError>
  /** Replaces the token as a whole: a reader sees the old one or the new one. */
  readonly set: (key: string, token: SsoToken) => Effect.Effect<void, IdentityError.FileError>
  readonly remove: (key: string) => Effect.Effect<void, IdentityError.FileError>
  /**
   * Runs an effect while nobody else who uses the store runs one for the same key. It waits 75 seconds at most and
   * then does without: what it is for, a renewal, is only done twice then.
   */
  readonly exclusively: (key: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Where the token of a key is kept, for messages. */
  readonly location: (key: string) => string
}>() {}

const decodeToken = (fields: unknown) => Schema.decodeUnknownEither(SsoToken)(fields)
const essential: ReadonlyArray<string> = ["accessToken", "expiresAt"]
const fields = Object.keys(SsoToken.fields).filter((name) => name !== "unknown")

/**
 * A token from the text of a token file of any AWS tool: any case of keys, any RFC 3339 time, unknown fields kept. A
 * field that a token can do without and that cannot be read counts as not there. The text in the left says what is
 * wrong and shows no value.
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

/** What makes any one field more a token. */
const placeholder = { accessToken: "-", expiresAt: "1970-01-01T00:00:00Z" }

/**
 * The text of a token file that every AWS tool reads.
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
export const fileName = (key: string): string => `${bytesToHex(sha1(utf8ToBytes(key)))}.json`

/**
 * A store that keeps in memory what another one could not take, as that of a read-only home: until the other takes
 * something again, or somebody puts another token there. Says so once, as a warning in the log.
 *
 * @since 0.1.0
 * @category combinators
 */
export const orMemory = (store: Context.Tag.Service<SsoTokenCache>): Context.Tag.Service<SsoTokenCache> => {
  /** What could not be taken, and the access token that is there instead. */
  const unsaved = new Map<string, {
    readonly instead: Option.Option<Redacted.Redacted>
    readonly token: SsoToken
    /** When it was last tried to put it there (ms since 1970). */
    triedAt: number
  }>()
  /** What was there when it could last be read. */
  const seen = new Map<string, Option.Option<Redacted.Redacted>>()
  let hasWarned = false
  const accessTokenOf = Option.map((token: SsoToken) => token.accessToken)

  /** What failed may have been of a moment, and other processes wait for the token. */
  const saveLater = (key: string, kept: { readonly token: SsoToken; triedAt: number }) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (Math.abs(now - kept.triedAt) < saveInterval) return Effect.void
      kept.triedAt = now
      return Effect.matchEffect(store.set(key, kept.token), {
        onFailure: () => Effect.void,
        onSuccess: () =>
          Effect.sync(() => {
            if (unsaved.get(key) === kept) unsaved.delete(key)
          })
      })
    })

  return {
    ...store,
    get: (key) =>
      Effect.matchEffect(store.get(key), {
        onFailure: (error) => {
          const kept = unsaved.get(key)
          return kept === undefined ? Effect.fail(error) : Effect.succeedSome(kept.token)
        },
        onSuccess: (found) => {
          seen.set(key, accessTokenOf(found))
          const kept = unsaved.get(key)
          if (kept !== undefined && Equal.equals(accessTokenOf(found), kept.instead)) {
            return Effect.as(saveLater(key, kept), Option.some(kept.token))
          }
          unsaved.delete(key)
          return Effect.succeed(found)
        }
      }),
    set: (key, token) =>
      Effect.matchEffect(store.set(key, token), {
        onSuccess: () =>
          Effect.sync(() => {
            unsaved.delete(key)
          }),
        onFailure: (error) =>
          Effect.gen(function*() {
            const found = yield* Effect.either(store.get(key))
            const instead = Either.isRight(found) ? accessTokenOf(found.right) : seen.get(key) ?? Option.none()
            unsaved.set(key, { token, instead, triedAt: yield* Clock.currentTimeMillis })
            if (hasWarned) return
            hasWarned = true
            yield* Effect.logWarning(`SSO tokens are kept in memory only, for as long as this runs. ${error.message}`)
          })
      }),
    remove: (key) =>
      Effect.suspend(() => {
        unsaved.delete(key)
        return store.remove(key)
      })
  }
}

/** ms between two tries to put somewhere what could not be put there. */
const saveInterval = 30_000

/** A token file is some kB; what is longer than this is none. */
const longestFile = 1_048_576

/**
 * Tokens as files of mode 0600 in `directory` (made with mode 0700), replaced atomically. What cannot be written is
 * kept in memory; see `orMemory`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: { readonly directory: string }
): Layer.Layer<SsoTokenCache, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    SsoTokenCache,
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const location = (key: string): string => path.join(options.directory, fileName(key))
      const corrupt = (file: string, problem: string) =>
        Effect.fail(new IdentityError.TokenCacheCorrupt({ path: file, problem }))
      /** What was read last of each file, as long as the file is that. */
      const known = new Map<string, { readonly stamp: string; readonly token: Option.Option<SsoToken> }>()
      return orMemory({
        location,
        get: (key) => {
          const file = location(key)
          if (isNowhere(file)) return Effect.succeedNone
          return Effect.gen(function*() {
            const now = yield* Clock.currentTimeMillis
            const info = yield* look(fs, file)
            const stamp = info && stampOf(info)
            const last = known.get(key)
            if (last !== undefined && last.stamp === stamp) return last.token
            known.delete(key)
            if (info === undefined || stamp === undefined) return Option.none()
            // Whoever opens a pipe waits for its writer, and whoever reads a disk image fills the memory.
            if (info.type !== "File") return yield* corrupt(file, `it is no file but a ${info.type}`)
            if (info.size > longestFile) return yield* corrupt(file, "it is longer than 1 MiB")
            const decoded = decode(yield* fs.readFileString(file))
            if (Either.isLeft(decoded)) return yield* corrupt(file, decoded.left)
            const token = Option.some(decoded.right)
            if (isSettled(info, now)) known.set(key, { stamp, token })
            return token
          }).pipe(
            // Gone between the look and the reading.
            Effect.catchIf(
              (error) => error._tag === "SystemError" && isNotFound(error),
              () => Effect.succeedNone
            ),
            Effect.catchTags({
              BadArgument: (error) => Effect.fail(fileError(file, "read")(error)),
              SystemError: (error) => Effect.fail(fileError(file, "read")(error))
            }),
            // The AWS CLI and the SDKs empty the file before they write it.
            (attempt) =>
              retry(attempt, () => ({
                while: ({ _tag }) => _tag === "TokenCacheCorrupt",
                schedule: Schedule.spaced("25 millis"),
                times: 4
              }))
          )
        },
        set: (key, token) => {
          const file = location(key)
          return Effect.gen(function*() {
            if (isNowhere(file)) return yield* noHome(file, "write")
            const text = yield* Effect.try({
              try: () => encode(token),
              catch: () => new IdentityError.FileError({ path: file, operation: "write", reason: "InvalidData" })
            })
            const write = replaceFile(fs, file, text, 0o600)
            yield* write.pipe(
              Effect.catchIf(isNotFound, () =>
                Effect.zipRight(fs.makeDirectory(options.directory, { recursive: true, mode: 0o700 }), write)),
              Effect.mapError(fileError(file, "write"))
            )
          })
        },
        remove: (key) => {
          const file = location(key)
          return Effect.suspend(() => {
            known.delete(key)
            return fs.remove(file)
          }).pipe(
            Effect.catchIf(isNotFound, () =>
              Effect.void),
            Effect.mapError(fileError(file, "remove"))
          )
        },
        exclusively: (key) => (effect) => {
          const file = location(key)
          return isNowhere(file)
            ? effect
            : Effect.scoped(Effect.flatMap(FileLock.acquire(fs, file.replace(/json$/, "lock")), () => {
              // Who had the lock may have written the file on another machine, which a look may not tell for a while.
              known.delete(key)
              return effect
            }))
        }
      })
    })
  )

/**
 * Tokens in the directory that AWS's tools share, `~/.aws/sso/cache`; or in that of `AWS_SSO_CACHE_DIR`, which no
 * other tool knows of.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<
  SsoTokenCache,
  ConfigError.ConfigError,
  FileSystem.FileSystem | Path.Path
> = Layer.unwrapEffect(Effect.gen(function*() {
  const path = yield* Path.Path
  const home = yield* homeDirectory
  const configured = yield* variable("AWS_SSO_CACHE_DIR")
  return layer({ directory: Option.getOrElse(configured, () => path.join(home, ".aws", "sso", "cache")) })
}))

/**
 * Tokens in memory: for tests, and for programs that leave nothing on disk.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<SsoTokenCache> = Layer.effect(
  SsoTokenCache,
  Effect.gen(function*() {
    const tokens = yield* Ref.make<ReadonlyMap<string, SsoToken>>(new Map())
    const locks = new Map<string, Effect.Semaphore>()
    return {
      location: (key) => `${fileName(key)} (in memory)`,
      get: (key) => Effect.map(Ref.get(tokens), (tokens) => Option.fromNullable(tokens.get(key))),
      set: (key, token) => Ref.update(tokens, (tokens) => new Map(tokens).set(key, token)),
      remove: (key) => Ref.update(tokens, (tokens) => new Map([...tokens].filter(([other]) => other !== key))),
      exclusively: (key) => (effect) =>
        Effect.suspend(() => {
          const lock = locks.get(key) ?? Effect.unsafeMakeSemaphore(1)
          locks.set(key, lock)
          return lock.withPermits(1)(effect)
        })
    }
  })
)
