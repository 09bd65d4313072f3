/**
 * `AwsIdentity.layer` without AWS: config, token cache, network and Identity Center all in memory.
 *
 * @since 0.1.0
 */
import * as AllowedAccounts from "effect-aws-identity/AllowedAccounts"
import * as AwsIdentity from "effect-aws-identity/AwsIdentity"
import * as Files from "effect-aws-identity/Files"
import * as ProfileCredentials from "effect-aws-identity/ProfileCredentials"
import * as Programs from "effect-aws-identity/Programs"
import * as Region from "effect-aws-identity/Region"
import * as SharedConfig from "effect-aws-identity/SharedConfig"
import * as SsoTokenCache from "effect-aws-identity/SsoTokenCache"
import * as Clock from "effect/Clock"
import * as ConfigProvider from "effect/ConfigProvider"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Emulator from "./Emulator.js"
import * as IdentityCenter from "./IdentityCenter.js"

/**
 * Options of `layer`: those of `AwsIdentity.layer`, and the state in which a test begins.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> extends AwsIdentity.Options<R> {
  /** The text of `~/.aws/config`. Default: `config` of this module. */
  readonly config?: string | undefined
  /** The text of `~/.aws/credentials`. */
  readonly credentials?: string | undefined
  /** Whether a test begins signed in to every session of the config. Default: true. */
  readonly signedIn?: boolean | undefined
  readonly identityCenter?: IdentityCenter.Options | undefined
}

/**
 * The config of a test that has none of its own: profile `default` is a developer, profile `production` reads only.
 *
 * @since 0.1.0
 * @category models
 */
export const config = `[default]
sso_session = example
sso_account_id = 111122223333
sso_role_name = Developer
region = us-east-1

[profile production]
sso_session = example
sso_account_id = 012345678901
sso_role_name = ReadOnly
region = us-east-1

[sso-session example]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
sso_registration_scopes = sso:account:access
`

const signIn: Effect.Effect<
  void,
  never,
  IdentityCenter.IdentityCenter | SharedConfig.SharedConfig | SsoTokenCache.SsoTokenCache
> = Effect.gen(function*() {
  const center = yield* IdentityCenter.IdentityCenter
  const shared = yield* SharedConfig.read
  const cache = yield* SsoTokenCache.SsoTokenCache
  const sessions = [
    ...shared.sessions.map((name) => shared.session(name)),
    ...shared.profiles.map((name) => Effect.flatMap(shared.profile(name), shared.sessionOf))
  ]
  // A test may well begin with config that cannot be signed in with.
  const [, complete] = yield* Effect.partition(sessions, (session) => session)
  const byKey = new Map(complete.map((session) => [session.cacheKey, session]))
  for (const session of byKey.values()) {
    const issued = yield* center.signIn
    const now = yield* Clock.currentTimeMillis
    yield* cache.set(
      session.cacheKey,
      new SsoTokenCache.SsoToken({
        startUrl: Option.some(session.startUrl),
        region: Option.some(session.region),
        accessToken: Redacted.make(issued.accessToken),
        expiresAt: DateTime.unsafeMake(now + issued.expiresIn * 1000),
        clientId: Option.some(issued.clientId),
        clientSecret: Option.some(Redacted.make(issued.clientSecret)),
        registrationExpiresAt: Option.some(DateTime.unsafeMake(issued.clientSecretExpiresAt * 1000)),
        refreshToken: Option.map(Option.fromNullable(issued.refreshToken), Redacted.make)
      })
    )
  }
}).pipe(Effect.orDie)

/**
 * A drop-in for `AwsIdentity.layer`, with an `IdentityCenter` beside it to steer it. It has no requirements, waits only for
 * the clock, and starts signed in. Its credentials are always those of a profile, because the environment is empty.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { CredentialsProvider } from "effect-aws-identity"
 * import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
 *
 * const test = Effect.gen(function*() {
 *   const center = yield* IdentityCenter.IdentityCenter
 *   yield* CredentialsProvider.get
 *   yield* CredentialsProvider.get
 *   return yield* center.calls // ["getRoleCredentials"]
 * }).pipe(Effect.provide(TestIdentity.layer()))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(
  options: Options<R> = {}
): Layer.Layer<AwsIdentity.AwsIdentity | IdentityCenter.IdentityCenter, never, Exclude<NoInfer<R>, Scope.Scope>> =>
  // TypeScript accepts the nested Excludes of R; the diagnostic does not follow them.
  // @effect-diagnostics-next-line missingLayerContext:off
  guarded(options).pipe(
    Layer.provideMerge(options.signedIn === false ? Layer.empty : Layer.effectDiscard(signIn)),
    // `Sts` needs a region to ask for the identity behind credentials, even if the test's config names none.
    Layer.provideMerge(AwsIdentity.layerServices({
      client: { ...options.client, region: options.client?.region ?? Region.make("us-east-1") }
    })),
    Layer.provideMerge(Layer.merge(
      SharedConfig.layerMemory({
        config: options.config ?? config,
        credentials: options.credentials,
        profile: options.profile
      }),
      SsoTokenCache.layerMemory()
    )),
    Layer.orDie, // the settings of an environment that is empty
    Layer.provide(nowhere),
    Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map()))),
    Layer.provide(Emulator.layerTransport()),
    Layer.provideMerge(IdentityCenter.layer(options.identityCenter))
  )

const guarded = <R>(options: Options<R>) => {
  const credentials = ProfileCredentials.layer(options)
  return options.allowedAccountIds === undefined
    ? credentials
    : Layer.provide(AllowedAccounts.layer({ ...options, accounts: options.allowedAccountIds }), credentials)
}

/** Has no files and no programs, so that a test is the same on every machine. */
const nowhere = Layer.merge(Files.layerMemory(), Programs.layerMemory())
