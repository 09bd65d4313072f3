/**
 * Everything wired up, on the user's own AWS files and the real endpoints.
 *
 * @since 0.1.0
 */
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Path from "@effect/platform/Path"
import type * as Arr from "effect/Array"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { AccountId } from "./AccountId.js"
import * as AllowedAccounts from "./AllowedAccounts.js"
import type { ClientConfig } from "./ClientConfig.js"
import type * as CredentialsProvider from "./CredentialsProvider.js"
import * as DefaultCredentials from "./DefaultCredentials.js"
import { perSource } from "./internal/perSource.js"
import * as ProfileCredentials from "./ProfileCredentials.js"
import * as SharedConfig from "./SharedConfig.js"
import * as Sso from "./Sso.js"
import * as SsoOidc from "./SsoOidc.js"
import * as SsoTokenCache from "./SsoTokenCache.js"
import * as SsoTokenProvider from "./SsoTokenProvider.js"
import * as Sts from "./Sts.js"

/**
 * `CredentialsProvider`, which is what an application needs, and the services it is made of, for those that sign
 * users in or list their accounts.
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
 * Whose credentials, and how to reach AWS.
 *
 * With a `profile`, they are what that profile describes, and nothing else (`ProfileCredentials`). Without one, they
 * are those of the default chain (`DefaultCredentials`), in which the profile is that of `AWS_PROFILE`, else
 * `default`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends ProfileCredentials.Options, CredentialsProvider.Options {
  /** The accounts that the program may act in: see `AllowedAccounts`. */
  readonly allowedAccountIds?: Arr.NonEmptyReadonlyArray<AccountId> | undefined
  /**
   * The directory that contains `.aws`, for a program that runs without `HOME`. `homedir()` of `node:os` finds it in
   * the password database.
   */
  readonly homeDirectory?: string | undefined
  /** See `ServicesOptions.client`. */
  readonly client?: ClientConfig | undefined
}

/**
 * Options of `layerServices`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServicesOptions {
  /**
   * How to reach AWS: these settings count before those of the environment and the profile. They apply to every
   * service. An `endpoint` is the endpoint of all services, as of an emulator.
   */
  readonly client?: ClientConfig | undefined
}

/**
 * The identity that the user's AWS files and the environment describe. It needs a platform: on Node,
 * `NodeContext.layer` and `NodeHttpClient.layer` of `@effect/platform-node`.
 *
 * It brings its own `SharedConfig` and `SsoTokenCache`. A store that is provided to it is not used, although
 * `Layer.provide(AwsIdentity.layer(), myCache)` compiles; it logs a warning. `Layer.merge(AwsIdentity.layer(), myCache)`
 * is worse: `SsoLogin` then writes a token to `myCache`, and `SsoTokenProvider` reads the files. Use `layerServices` to
 * replace a store or the provider. Use `CredentialsProvider.make`, and not a second `AwsIdentity.layer`, for a second
 * identity.
 *
 * @example
 * ```ts
 * import { NodeContext, NodeHttpClient } from "@effect/platform-node"
 * import { Console, Effect, Layer } from "effect"
 * import { AwsIdentity, CredentialsProvider } from "effect-aws-identity"
 *
 * const program = Effect.gen(function*() {
 *   yield* Console.log((yield* CredentialsProvider.get).accessKeyId)
 * })
 *
 * const live = AwsIdentity.layer({ profile: "dev" }).pipe(
 *   Layer.provide([NodeContext.layer, NodeHttpClient.layer])
 * )
 *
 * export const main = Effect.provide(program, live) // for NodeRuntime.runMain
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options = {}
): Layer.Layer<
  AwsIdentity,
  ConfigError.ConfigError,
  CommandExecutor.CommandExecutor | FileSystem.FileSystem | Path.Path | HttpClient.HttpClient
> => {
  const { allowedAccountIds } = options
  const credentials = options.profile === undefined
    ? DefaultCredentials.layer(options, options)
    : ProfileCredentials.layer(options, options)
  const allowed = allowedAccountIds === undefined
    ? credentials
    : Layer.provide(AllowedAccounts.layer(allowedAccountIds, options), credentials)
  const stores = Layer.merge(
    SharedConfig.layer({ profile: options.profile, homeDirectory: options.homeDirectory }),
    SsoTokenCache.layer({ homeDirectory: options.homeDirectory })
  )
  return perSource(allowed.pipe(
    Layer.provideMerge(layerServices(options)),
    Layer.provideMerge(stores),
    Layer.merge(warnOfUnusedStores)
  ))
}

/**
 * Everything of `layer` but an identity and the two stores: for a provider of your own, several identities, or another
 * place for tokens and config.
 *
 * The stores are in its requirements, so a program that forgets one does not compile. Neither does one that forgets the
 * provider. The store that you provide is the only one: `SsoLogin` writes the token where `SsoTokenProvider` reads it.
 *
 * @example
 * ```ts
 * import { NodeContext, NodeHttpClient } from "@effect/platform-node"
 * import { Layer } from "effect"
 * import {
 *   AwsIdentity,
 *   ProfileCredentials,
 *   SharedConfig,
 *   SsoTokenCache,
 *   WebIdentityCredentials,
 *   WebIdentityToken
 * } from "effect-aws-identity"
 *
 * const platform = [NodeContext.layer, NodeHttpClient.layer] as const
 * const roleArn = "arn:aws:iam::111122223333:role/ci"
 *
 * // A token cache in memory. `provideMerge` also gives it to `SsoLogin`.
 * export const inMemory = ProfileCredentials.layer({ profile: "dev" }).pipe(
 *   Layer.provideMerge(AwsIdentity.layerServices()),
 *   Layer.provideMerge(Layer.merge(SharedConfig.layer(), SsoTokenCache.layerMemory())),
 *   Layer.provide(platform)
 * )
 *
 * // Another provider, on the files
 * export const ci = WebIdentityCredentials.layer({ roleArn, token: WebIdentityToken.githubActions() }).pipe(
 *   Layer.provideMerge(AwsIdentity.layerServices()),
 *   Layer.provide([SharedConfig.layer(), SsoTokenCache.layer()]),
 *   Layer.provide(platform)
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
  HttpClient.HttpClient | SharedConfig.SharedConfig | SsoTokenCache.SsoTokenCache
> =>
  perSource(
    SsoTokenProvider.layer().pipe(
      Layer.provideMerge(Layer.mergeAll(
        Sso.layerProfile(options.client),
        SsoOidc.layerProfile(options.client),
        Sts.layerProfile(options.client)
      ))
    )
  )

/** A layer may be provided with more than it needs, so a store that `layer` does not use is no compile error. */
const warnOfUnusedStores = Layer.effectDiscard(Effect.gen(function*() {
  const hasConfig = Option.isSome(yield* Effect.serviceOption(SharedConfig.SharedConfig))
  const hasCache = Option.isSome(yield* Effect.serviceOption(SsoTokenCache.SsoTokenCache))
  if (!hasConfig && !hasCache) return
  const unused = [...hasConfig ? ["SharedConfig"] : [], ...hasCache ? ["SsoTokenCache"] : []].join(" and the ")
  yield* Effect.logWarning(
    `AwsIdentity.layer does not use the ${unused} that it is provided with, because it has its own. ` +
      "To replace a store, use AwsIdentity.layerServices. For a second identity, use CredentialsProvider.make."
  )
}))
