/**
 * Everything wired up, on the user's own AWS files and the real endpoints.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { AccountId } from "./AccountId.js"
import * as AllowedAccounts from "./AllowedAccounts.js"
import type { ClientConfig } from "./ClientConfig.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import * as DefaultCredentials from "./DefaultCredentials.js"
import type * as Files from "./Files.js"
import { combineErrors } from "./internal/clientSettings.js"
import { perSource } from "./internal/perSource.js"
import * as ProfileCredentials from "./ProfileCredentials.js"
import type * as Programs from "./Programs.js"
import * as SharedConfig from "./SharedConfig.js"
import * as Sso from "./Sso.js"
import * as SsoOidc from "./SsoOidc.js"
import * as SsoTokenCache from "./SsoTokenCache.js"
import * as SsoTokenProvider from "./SsoTokenProvider.js"
import * as Sts from "./Sts.js"
import type * as Transport from "./Transport.js"

/**
 * `CredentialsProvider`, which is what an application needs, and the services below it, for programs that sign users in
 * or list their accounts.
 *
 * @since 0.1.0
 * @category models
 */
export type AwsIdentity =
  | CredentialsProvider.CredentialsProvider
  | SharedConfig.SharedConfig
  | Sso.Sso
  | SsoOidc.SsoOidc
  | SsoTokenCache.SsoTokenCache
  | SsoTokenProvider.SsoTokenProvider
  | Sts.Sts

/**
 * Options of `layer`: whose credentials, and how to reach AWS.
 *
 * With a `profile`, they are what that profile describes, and nothing else (`ProfileCredentials`). Without one, they
 * are those of the default chain (`DefaultCredentials`), in which the profile is that of `AWS_PROFILE`, else
 * `default`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never>
  extends ProfileCredentials.Options<R>, CredentialsProvider.CacheOptions, ServicesOptions
{
  /** The accounts that the program may act in: see `AllowedAccounts`. */
  readonly allowedAccountIds?: Arr.NonEmptyReadonlyArray<AccountId> | undefined
  /**
   * The directory that contains `.aws`, for a program that runs without `HOME`. Default: see `SharedConfig.Options`.
   */
  readonly homeDirectory?: string | undefined
}

/**
 * Options of `layerServices`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServicesOptions {
  /**
   * How to reach AWS. These settings take precedence over those of the environment and the profile, and apply to every
   * service: an `endpoint` is that of all services, such as an emulator.
   */
  readonly client?: ClientConfig | undefined
}

/**
 * The identity that the user's AWS files and the environment describe. It needs the ports `Transport`, `Files` and
 * `Programs`: `PlatformPorts.layer` makes them from a platform of Effect. On Node, `NodeIdentity.layer` has them.
 *
 * It makes all of its services itself, so it uses none that it is provided with.
 * `Layer.provide(AwsIdentity.layer(), myCache)` compiles, and logs a warning.
 * `Layer.merge(AwsIdentity.layer(), myCache)` is worse: `SsoLogin` then writes a token to `myCache`, and
 * `SsoTokenProvider` reads the files. Use `layerServices` to replace a store or the provider. For a second identity, use
 * `CredentialsProvider.make` and not a second `AwsIdentity.layer`.
 *
 * @example
 * ```ts
 * import { NodeContext, NodeHttpClient } from "@effect/platform-node"
 * import { Console, Effect, Layer } from "effect"
 * import { AwsIdentity, CredentialsProvider, PlatformPorts } from "effect-aws-identity"
 *
 * const program = Effect.gen(function*() {
 *   yield* Console.log((yield* CredentialsProvider.get).accessKeyId)
 * })
 *
 * const live = AwsIdentity.layer({ profile: "dev" }).pipe(
 *   Layer.provide(PlatformPorts.layer),
 *   Layer.provide([NodeContext.layer, NodeHttpClient.layer])
 * )
 *
 * export const main = Effect.provide(program, live) // for NodeRuntime.runMain
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(
  options: Options<R> = {}
): Layer.Layer<
  AwsIdentity,
  ConfigError.ConfigError,
  | Exclude<NoInfer<R>, Scope.Scope>
  | Programs.Programs
  | Files.Files
  | Transport.Transport
> => {
  const { allowedAccountIds } = options
  const credentials = options.profile === undefined
    ? DefaultCredentials.layer(options)
    : ProfileCredentials.layer(options)
  const allowed = allowedAccountIds === undefined
    ? credentials
    : Layer.provide(AllowedAccounts.layer({ ...options, accounts: allowedAccountIds }), credentials)
  return perSource(Layer.provideMerge(allowed, Layer.scopedContext(everythingElse(options))))
}

/** The stores and the services, made in turn: layers that are merged take a fiber each. */
const everythingElse = ({ client, homeDirectory, profile }: Options<unknown>) =>
  Effect.gen(function*() {
    yield* warnOfUnused(
      "AwsIdentity.layer",
      [
        CredentialsProvider.CredentialsProvider,
        SharedConfig.SharedConfig,
        SsoTokenCache.SsoTokenCache,
        ...ownServices
      ],
      "To replace a part, use AwsIdentity.layerServices. For a second identity, use CredentialsProvider.make."
    )
    const stores = Context.merge(
      yield* Layer.build(SharedConfig.layer({ profile, homeDirectory })),
      yield* Layer.build(SsoTokenCache.layer({ homeDirectory }))
    )
    return Context.merge(stores, yield* Effect.provide(services(client), stores))
  })

/**
 * Everything of `layer` but an identity and the two stores: for a provider of your own, several identities, or another
 * place for tokens and config.
 *
 * The stores are in its requirements, so a program that forgets one does not compile. Neither does one that forgets the
 * provider. The store that you provide is the only one: `SsoLogin` writes the token where `SsoTokenProvider` reads it.
 * Keep the layer of a store in one constant if you provide it in several places: two calls of
 * `SsoTokenCache.layerMemory()` are two caches, and no type tells them apart.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import {
 *   AwsIdentity,
 *   ProfileCredentials,
 *   SharedConfig,
 *   SsoTokenCache,
 *   WebIdentityCredentials,
 *   WebIdentityToken
 * } from "effect-aws-identity"
 * import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
 *
 * const roleArn = "arn:aws:iam::111122223333:role/ci"
 *
 * // A token cache in memory. `provideMerge` also gives it to `SsoLogin`.
 * export const inMemory = ProfileCredentials.layer({ profile: "dev" }).pipe(
 *   Layer.provideMerge(AwsIdentity.layerServices()),
 *   Layer.provideMerge(Layer.merge(SharedConfig.layer(), SsoTokenCache.layerMemory())),
 *   Layer.provide(NodeIdentity.layerPorts())
 * )
 *
 * // Another provider, on the files
 * export const ci = WebIdentityCredentials.layer({ roleArn, token: WebIdentityToken.githubActions() }).pipe(
 *   Layer.provideMerge(AwsIdentity.layerServices()),
 *   Layer.provide([SharedConfig.layer(), SsoTokenCache.layer()]),
 *   Layer.provide(NodeIdentity.layerPorts())
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerServices = (
  options: ServicesOptions = {}
): Layer.Layer<
  Sso.Sso | SsoOidc.SsoOidc | SsoTokenProvider.SsoTokenProvider | Sts.Sts,
  ConfigError.ConfigError,
  Transport.Transport | SharedConfig.SharedConfig | SsoTokenCache.SsoTokenCache
> =>
  perSource(Layer.scopedContext(Effect.zipRight(
    warnOfUnused(
      "AwsIdentity.layerServices",
      ownServices,
      "Provide another client to the layer that is to use it."
    ),
    services(options.client)
  )))

/** The services of `layerServices`, whatever their context has. */
const services = (client: ClientConfig | undefined) =>
  Effect.gen(function*() {
    // All wrong variables are reported together.
    const { sso, ssoOidc, sts } = yield* Effect.mapError(
      Effect.all({
        sts: Layer.build(Sts.layerProfile(client)),
        sso: Effect.flatMap(SharedConfig.clientConfig("sso", client), Sso.make),
        ssoOidc: Effect.flatMap(SharedConfig.clientConfig("sso_oidc", client), SsoOidc.make)
      }, { mode: "validate" }),
      combineErrors
    )
    const tokens = yield* Effect.provideService(SsoTokenProvider.make, SsoOidc.SsoOidc, ssoOidc)
    return sts.pipe(
      Context.add(Sso.Sso, sso),
      Context.add(SsoOidc.SsoOidc, ssoOidc),
      Context.add(SsoTokenProvider.SsoTokenProvider, tokens)
    )
  })

const ownServices = [Sso.Sso, SsoOidc.SsoOidc, Sts.Sts, SsoTokenProvider.SsoTokenProvider]

/**
 * Warns of services that a layer is provided with and does not use, because it makes its own. They are no compile error,
 * because a layer may be provided with more than it needs.
 */
const warnOfUnused = (name: string, own: ReadonlyArray<{ readonly key: string }>, remedy: string) =>
  Effect.gen(function*() {
    const context = yield* Effect.context<never>()
    const unused = own.filter(({ key }) => context.unsafeMap.has(key))
    if (unused.length === 0) return
    const names = unused.map(({ key }) => key.slice(key.lastIndexOf("/") + 1)).join(", ")
    yield* Effect.logWarning(
      `${name} is provided with services that it does not use, because it makes its own: ${names}. ${remedy}`
    )
  })
