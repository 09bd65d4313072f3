/**
 * The ports of this library on Node: HTTP by `node:http`, files by `node:fs`, programs by `node:child_process`. Bun and
 * Deno have these modules too. For programs that wire up the rest themselves; `NodeIdentity` has the rest.
 *
 * It is not in the barrel of this package, so that the other modules run anywhere.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
// Only the type of an agent.
// @effect-diagnostics-next-line nodeBuiltinImport:off
import type * as Http from "node:http"
import { Files } from "./Files.js"
import { make as makeFiles } from "./internal/node/files.js"
import { make as makePrograms } from "./internal/node/programs.js"
import * as NodeTransport from "./internal/node/transport.js"
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
export interface Options {
  /**
   * An agent of Node for proxies and certificates, or a function that gives the agent for a URL. Default: an agent that
   * keeps connections, until the layer is closed.
   */
  readonly agent?: Http.Agent | ((url: URL) => Http.Agent | undefined) | undefined
  /** A dispatcher of undici, such as a `ProxyAgent`, instead of `node:http`. The application closes it. */
  readonly dispatcher?: NodeTransport.Dispatcher | undefined
}

/**
 * The ports of this library on Node, for programs that wire up the rest themselves.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { AwsIdentity, CredentialsProvider, SharedConfig, SsoTokenCache, WebIdentityCredentials } from "effect-aws-identity"
 * import { WebIdentityToken } from "effect-aws-identity"
 * import * as NodePorts from "effect-aws-identity/NodePorts"
 *
 * export const ci: Layer.Layer<CredentialsProvider.CredentialsProvider, unknown> = WebIdentityCredentials.layer({
 *   roleArn: "arn:aws:iam::111122223333:role/ci",
 *   token: WebIdentityToken.githubActions()
 * }).pipe(
 *   Layer.provide(AwsIdentity.layerServices()),
 *   Layer.provide([SharedConfig.layer(), SsoTokenCache.layer()]),
 *   Layer.provide(NodePorts.layer())
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = ({ agent, dispatcher }: Options = {}): Layer.Layer<Ports> =>
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
