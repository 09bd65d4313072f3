/**
 * The ports of this library from the services of `@effect/platform`, on any runtime that has them.
 *
 * A program on Node needs `NodeIdentity` instead, which loads faster and costs less per call. These layers are for other
 * runtimes, and for programs that have an `HttpClient` or a `FileSystem` of their own.
 *
 * @since 0.1.0
 */
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Files } from "./Files.js"
import { perSource } from "./internal/perSource.js"
import { make as makeFiles } from "./internal/platform/files.js"
import { make as makePrograms } from "./internal/platform/programs.js"
import { make as makeTransport } from "./internal/platform/transport.js"
import { Programs } from "./Programs.js"
import { Transport } from "./Transport.js"

/**
 * Makes a `Transport` of the application's `HttpClient`.
 *
 * The client records no spans of these requests and follows no redirect. A client with a base URL or another change of
 * the URL is refused, because the server there would receive the tokens. `FetchHttpClient.RequestInit` in the context of
 * this layer applies to every request, except for its `redirect`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTransport: Layer.Layer<Transport, never, HttpClient.HttpClient> = perSource(
  Layer.effect(Transport, makeTransport)
)

/**
 * Makes `Files` of the application's `FileSystem` and `Path`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFiles: Layer.Layer<Files, never, FileSystem.FileSystem | Path.Path> = perSource(
  Layer.effect(Files, Effect.zipWith(FileSystem.FileSystem, Path.Path, makeFiles))
)

/**
 * Makes `Programs` of the application's `CommandExecutor` and `Path`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPrograms: Layer.Layer<Programs, never, CommandExecutor.CommandExecutor | Path.Path> = perSource(
  Layer.effect(Programs, makePrograms)
)

/**
 * Makes all ports of the platform of the application.
 *
 * @example
 * ```ts
 * import { NodeContext, NodeHttpClient } from "@effect/platform-node"
 * import { Layer } from "effect"
 * import { AwsIdentity, PlatformPorts } from "effect-aws-identity"
 *
 * export const live = AwsIdentity.layer({ profile: "dev" }).pipe(
 *   Layer.provide(PlatformPorts.layer),
 *   Layer.provide([NodeContext.layer, NodeHttpClient.layer])
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<
  Transport | Files | Programs,
  never,
  HttpClient.HttpClient | FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor
> = Layer.mergeAll(layerTransport, layerFiles, layerPrograms)
