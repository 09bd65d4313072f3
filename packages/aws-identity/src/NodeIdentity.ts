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
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
// Only the type of an agent.
// @effect-diagnostics-next-line nodeBuiltinImport:off
import type * as Http from "node:http"
import * as AwsIdentity from "./AwsIdentity.js"
import { Files } from "./Files.js"
import { make as makeFiles } from "./internal/node/files.js"
import { make as makePrograms } from "./internal/node/programs.js"
import * as NodeTransport from "./internal/node/transport.js"
import { perSource } from "./internal/perSource.js"
import { Programs } from "./Programs.js"
import { Transport } from "./Transport.js"

/**
 * The ports of this library.
 *
 * @since 0.1.0
 * @category models
 */
export type Ports = Transport | Files | Programs

/**
 * How requests are sent. Requests to metadata servers (169.254.0.0/16, fd00:ec2::/32, `metadata.google.internal`) use
 * neither the agent nor the dispatcher, because they cannot be reached through a proxy.
 *
 * @since 0.1.0
 * @category models
 */
export interface PortsOptions {
  /**
   * An agent of Node for proxies and certificates, or a function that gives the agent for a URL. Default: an agent that
   * keeps connections, until the layer is closed.
   */
  readonly agent?: Http.Agent | ((url: URL) => Http.Agent | undefined) | undefined
  /** A dispatcher of undici, such as a `ProxyAgent`, instead of `node:http`. The application closes it. */
  readonly dispatcher?: NodeTransport.Dispatcher | undefined
}

/**
 * Options of `layer`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> extends AwsIdentity.Options<R>, PortsOptions {}

/**
 * The ports of this library on Node, for programs that wire up the rest themselves.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { AwsIdentity, CredentialsProvider, SharedConfig, SsoTokenCache, WebIdentityCredentials } from "effect-aws-identity"
 * import { WebIdentityToken } from "effect-aws-identity"
 * import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
 *
 * export const ci: Layer.Layer<CredentialsProvider.CredentialsProvider, unknown> = WebIdentityCredentials.layer({
 *   roleArn: "arn:aws:iam::111122223333:role/ci",
 *   token: WebIdentityToken.githubActions()
 * }).pipe(
 *   Layer.provide(AwsIdentity.layerServices()),
 *   Layer.provide([SharedConfig.layer(), SsoTokenCache.layer()]),
 *   Layer.provide(NodeIdentity.layerPorts())
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPorts = ({ agent, dispatcher }: PortsOptions = {}): Layer.Layer<Ports> =>
  Layer.scopedContext(Effect.gen(function*() {
    const agentOf = typeof agent === "function" ? agent : () => agent
    const { transport } = yield* Effect.acquireRelease(
      Effect.sync(() => NodeTransport.make({ agentOf, dispatcher })),
      ({ close }) => Effect.sync(close)
    )
    return Context.make(Transport, transport).pipe(
      Context.add(Files, makeFiles()),
      Context.add(Programs, makePrograms())
    )
  }))

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
