/**
 * `AwsIdentity` for Node without a platform to provide: HTTP by `node:http`, files by `node:fs`, programs by
 * `node:child_process`. Bun and Deno have these modules too.
 *
 * It loads in less time and costs less per call than the same identity over `@effect/platform`, because it uses only what
 * an identity needs. It is not in the barrel of this package, so that the other modules run anywhere.
 *
 * @since 0.1.0
 */
import type * as ConfigError from "effect/ConfigError"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as AwsIdentity from "./AwsIdentity.js"
import { perSource } from "./internal/perSource.js"
import * as NodePorts from "./NodePorts.js"

/**
 * The ports of this library.
 *
 * @since 0.1.0
 * @category models
 */
export type Ports = NodePorts.Ports

/**
 * How requests are sent; see `NodePorts.Options`.
 *
 * @since 0.1.0
 * @category models
 */
export type PortsOptions = NodePorts.Options

/**
 * Options of `layer`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> extends AwsIdentity.Options<R>, PortsOptions {}

/**
 * The ports alone: `NodePorts.layer`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPorts: (options?: PortsOptions) => Layer.Layer<Ports> = NodePorts.layer

/**
 * The identity that the user's AWS files and the environment describe: `AwsIdentity.layer` and the ports, with nothing to
 * provide.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { CredentialsProvider } from "effect-aws-identity"
 * import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
 *
 * const program = Effect.gen(function*() {
 *   yield* Console.log((yield* CredentialsProvider.get).accessKeyId)
 * })
 *
 * export const main = Effect.provide(program, NodeIdentity.layer({ profile: "dev" }))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(
  options: Options<R> = {}
): Layer.Layer<AwsIdentity.AwsIdentity | Ports, ConfigError.ConfigError, Exclude<NoInfer<R>, Scope.Scope>> =>
  // TypeScript accepts the nested Excludes of R; the diagnostic does not follow them.
  // @effect-diagnostics-next-line missingLayerContext:off
  perSource(Layer.provideMerge(AwsIdentity.layer(options), layerPorts(options)))
