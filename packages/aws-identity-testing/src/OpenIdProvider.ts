/**
 * An OpenID provider you own: its keys, and the signed tokens it gives out, such as GitHub Actions or a Kubernetes
 * cluster do. Register it with the STS of `IdentityCenter`, which then believes no other token; `Emulator` serves its
 * discovery document and its keys.
 *
 * Its times are those of `Clock`, but cryptography takes real time also under `TestClock`: a test must wait for a token
 * before it adjusts the clock. A key is made when it is first needed, in about a quarter of a second.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { IdentityCenter, OpenIdProvider } from "effect-aws-identity-testing"
 *
 * const program = Effect.gen(function*() {
 *   const provider = yield* OpenIdProvider.OpenIdProvider
 *   const { sts } = yield* IdentityCenter.IdentityCenter
 *   return yield* sts.assumeRoleWithWebIdentity({
 *     RoleArn: "arn:aws:iam::111122223333:role/ci",
 *     RoleSessionName: "build",
 *     WebIdentityToken: yield* provider.issue({ claims: { sub: "repo:me/app:ref:refs/heads/main" } })
 *   })
 * })
 *
 * const world = Layer.unwrapEffect(Effect.map(OpenIdProvider.OpenIdProvider, (provider) =>
 *   IdentityCenter.layer({
 *     openIdProviders: [{ provider, clientIds: ["sts.amazonaws.com"] }],
 *     roles: [{
 *       arn: "arn:aws:iam::111122223333:role/ci",
 *       trusts: [{ issuer: provider.issuer, StringLike: { sub: "repo:me/app:*" } }]
 *     }]
 *   }))).pipe(Layer.provideMerge(OpenIdProvider.layer()))
 *
 * const credentials = program.pipe(Effect.provide(world))
 * ```
 *
 * @since 0.1.0
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { utf8ToBytes } from "@noble/hashes/utils.js"
import * as Array from "effect/Array"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as SynchronizedRef from "effect/SynchronizedRef"
import * as Jwt from "./internal/jwt.js"

/**
 * Options of a provider. Every option has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The URL of the provider, without a slash at the end: the claim `iss`. Default: `https://oidc.example.com`. */
  readonly issuer?: string | undefined
  /** How long its tokens are valid. Default: 1 hour. */
  readonly lifetime?: Duration.DurationInput | undefined
}

/**
 * One key of a `JsonWebKeySet` (RFC 7517).
 *
 * @since 0.1.0
 * @category models
 */
export interface JsonWebKey extends Jwt.PublicKey {
  /** By which a token says what it is signed with. */
  readonly kid?: string | undefined
  readonly use?: string | undefined
  readonly alg?: string | undefined
}

/**
 * The public keys of a provider.
 *
 * @since 0.1.0
 * @category models
 */
export interface JsonWebKeySet {
  readonly keys: ReadonlyArray<JsonWebKey>
}

/**
 * Options of a token. Every option has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenOptions {
  /**
   * Claims, right or wrong ones. They are added to the default ones, or replace them: `iss`, `sub` (`user@example.com`),
   * `aud` (`sts.amazonaws.com`), and `iat` and `exp` in seconds since 1970. A claim that is `undefined` is left out.
   */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
  /** How long the token is valid. Default: the `lifetime` of the provider. */
  readonly lifetime?: Duration.DurationInput | undefined
  /**
   * What is wrong with the signature. Default: nothing. `OtherKey` is signed with another key than the token names,
   * `UnknownKey` names a key that the provider does not publish, and `Unsigned` has the algorithm `none`.
   */
  readonly flaw?: "OtherKey" | "UnknownKey" | "Unsigned" | undefined
}

/**
 * A provider's tokens and keys.
 *
 * @since 0.1.0
 * @category services
 */
export class OpenIdProvider extends Context.Tag("effect-aws-identity-testing/OpenIdProvider")<OpenIdProvider, {
  readonly issuer: string
  /** Issues a token, signed with RS256 and the newest key. */
  readonly issue: (options?: TokenOptions) => Effect.Effect<string>
  /** The keys that it publishes, the newest first. */
  readonly jwks: Effect.Effect<JsonWebKeySet>
  /** Makes a new key for all later tokens. The old keys stay published unless `keepOld` is false. */
  readonly rotate: (options?: { readonly keepOld?: boolean | undefined }) => Effect.Effect<void>
}>() {}

/**
 * What a provider publishes at `/.well-known/openid-configuration` below its issuer (OpenID Connect Discovery 1.0).
 *
 * @since 0.1.0
 * @category constructors
 */
export const configuration = (issuer: string) => ({
  issuer,
  jwks_uri: `${issuer}/.well-known/jwks`,
  response_types_supported: ["id_token"],
  subject_types_supported: ["public"],
  id_token_signing_alg_values_supported: ["RS256"],
  claims_supported: ["iss", "sub", "aud", "iat", "exp"]
})

/** A key is named by its thumbprint (RFC 7638). */
const generate = Effect.map(Jwt.generateKey, ({ privateKey, publicKey: { e, n } }) => {
  const kid = Encoding.encodeBase64Url(sha256(utf8ToBytes(`{"e":"${e}","kty":"RSA","n":"${n}"}`)))
  return { privateKey, jwk: { kid, kty: "RSA", use: "sig", alg: "RS256", n, e } }
})

type SigningKey = Effect.Effect.Success<typeof generate>

/**
 * Makes a provider as a value, for tests with more than one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(options: Options = {}) {
  const issuer = options.issuer ?? "https://oidc.example.com"
  const keys = yield* SynchronizedRef.make<ReadonlyArray<SigningKey>>([])
  const otherKey = yield* Effect.cached(generate)

  const made = SynchronizedRef.modifyEffect(keys, (keys) =>
    Effect.map(
      Array.isNonEmptyReadonlyArray(keys) ? Effect.succeed(keys) : Effect.map(generate, Array.of),
      (made) => [made, made]
    ))

  return OpenIdProvider.of({
    issuer,
    issue: Effect.fnUntraced(function*({ claims, flaw, lifetime = options.lifetime ?? "1 hour" } = {}) {
      const iat = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      const payload = {
        iss: issuer,
        sub: "user@example.com",
        aud: "sts.amazonaws.com",
        iat,
        exp: iat + Math.floor(Duration.toSeconds(lifetime)),
        ...claims
      }
      if (flaw === "Unsigned") return yield* Jwt.encode(payload, "", { typ: "JWT", alg: "none" })
      const { jwk, privateKey } = flaw === "UnknownKey" ? yield* otherKey : Array.headNonEmpty(yield* made)
      return yield* Jwt.sign(flaw === "OtherKey" ? (yield* otherKey).privateKey : privateKey, jwk.kid, payload)
    }),
    jwks: Effect.map(made, (keys) => ({ keys: keys.map(({ jwk }) => jwk) })),
    rotate: ({ keepOld = true } = {}) =>
      SynchronizedRef.updateEffect(keys, (old) => Effect.map(generate, (key) => keepOld ? [key, ...old] : [key]))
  })
})

/**
 * A provider.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<OpenIdProvider> => Layer.effect(OpenIdProvider, make(options))
