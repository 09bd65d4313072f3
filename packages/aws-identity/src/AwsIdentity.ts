/**
 * Everything wired up, on the user's own AWS files and the real endpoints.
 *
 * @since 0.1.0
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Path from "@effect/platform/Path"
import type * as ConfigError from "effect/ConfigError"
import * as Layer from "effect/Layer"
import type { ClientConfig } from "./ClientConfig.js"
import type { CredentialsProvider } from "./CredentialsProvider.js"
import * as SharedConfig from "./SharedConfig.js"
import * as Sso from "./Sso.js"
import * as SsoCredentials from "./SsoCredentials.js"
import * as SsoOidc from "./SsoOidc.js"
import * as SsoTokenCache from "./SsoTokenCache.js"
import * as SsoTokenProvider from "./SsoTokenProvider.js"

/**
 * `CredentialsProvider`, which is what an application needs, and the services it is made of, for those that sign
 * users in or list their accounts.
 *
 * @since 0.1.0
 * @category models
 */
export type AwsIdentity =
  | CredentialsProvider
  | SharedConfig.SharedConfig
  | Sso.Sso
  | SsoOidc.SsoOidc
  | SsoTokenCache.SsoTokenCache
  | SsoTokenProvider.SsoTokenProvider

/**
 * Which profile to be (without one, that of `AWS_PROFILE`, else `default`), and how to reach AWS.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly profile?: string | undefined
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
 *   const provider = yield* CredentialsProvider.CredentialsProvider
 *   yield* Console.log((yield* provider.get).accessKeyId)
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
  options?: Options
): Layer.Layer<
  AwsIdentity,
  ConfigError.ConfigError,
  FileSystem.FileSystem | Path.Path | HttpClient.HttpClient
> =>
  // Fresh, or two profiles of one application would share one provider: layers are built once for each reference.
  Layer.fresh(layerWithoutServices).pipe(
    Layer.provideMerge(Layer.mergeAll(
      Sso.layerConfig(options?.client),
      SsoOidc.layerConfig(options?.client),
      SsoTokenCache.layerConfig
    )),
    Layer.provideMerge(SharedConfig.layerConfig(options))
  )

/**
 * What stands on the four services of the outside world, for whoever brings other forms of them.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWithoutServices: Layer.Layer<
  CredentialsProvider | SsoTokenProvider.SsoTokenProvider,
  never,
  SharedConfig.SharedConfig | Sso.Sso | SsoOidc.SsoOidc | SsoTokenCache.SsoTokenCache
> = Layer.provideMerge(SsoCredentials.layerProfile(), SsoTokenProvider.layer)
