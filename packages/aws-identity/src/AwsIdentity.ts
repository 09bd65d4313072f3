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
import * as Layer from "effect/Layer"
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
  /** Ids of the accounts, 12 digits each, that the program may act in: see `AllowedAccounts`. */
  readonly allowedAccountIds?: Arr.NonEmptyReadonlyArray<string> | undefined
  /**
   * The directory that contains `.aws`, for a program that runs without `HOME`. `homedir()` of `node:os` finds it in
   * the password database.
   */
  readonly homeDirectory?: string | undefined
  /**
   * How to reach AWS, where it is not to be as the environment and the profile say. It counts for every service: an
   * `endpoint` here is that of them all, as an emulator has it.
   */
  readonly client?: ClientConfig | undefined
}

/**
 * The identity that the user's AWS files and the environment describe. It needs a platform: on Node,
 * `NodeContext.layer` and `NodeHttpClient.layer` of `@effect/platform-node`.
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
  const services = Layer.mergeAll(
    Sso.layerConfig(options.client),
    SsoOidc.layerConfig(options.client),
    Sts.layerConfig(options.client),
    options.homeDirectory === undefined
      ? SsoTokenCache.layerConfig
      : SsoTokenCache.layerHome(options.homeDirectory)
  )
  return perSource(allowed.pipe(
    Layer.provideMerge(SsoTokenProvider.layer),
    Layer.provideMerge(services),
    Layer.provideMerge(SharedConfig.layerConfig(options))
  ))
}
