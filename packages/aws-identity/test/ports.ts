import { FetchHttpClient, FileSystem, HttpClient, Path } from "@effect/platform"
import { NodeContext, NodeHttpClient, Undici } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { type Files, PlatformPorts, type Programs, type Transport } from "effect-aws-identity"
import { Emulator } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { Agent } from "node:http"

// The platform together with the library's ports over it. With IDENTITY_PORTS=node (a project of vitest), real sockets,
// files and programs are reached by NodeIdentity's ports instead. A client or file system of the test's own stays.

const isOnNode = process.env["IDENTITY_PORTS"] === "node"

/** A platform together with a `Transport` over its client. */
export const withTransport = <A, E, R>(platform: Layer.Layer<A, E, R>) =>
  Layer.provideMerge(PlatformPorts.layerTransport, platform)

/** A `Transport` over a client of the test, and the client. */
export const overClient = (client: HttpClient.HttpClient) => withTransport(Layer.succeed(HttpClient.HttpClient, client))

/** The `Transport` of `NodeIdentity`. */
export const nodeTransport = (options?: NodeIdentity.PortsOptions): Layer.Layer<Transport.Transport> =>
  NodeIdentity.layerPorts(options)

/** The `Transport` of `NodeIdentity` over a dispatcher of undici, which is destroyed with the layer. */
export const undiciTransport = (make: () => Undici.Dispatcher): Layer.Layer<Transport.Transport> =>
  Layer.unwrapScoped(Effect.map(
    Effect.acquireRelease(Effect.sync(make), (dispatcher) => Effect.promise(() => dispatcher.destroy())),
    (dispatcher) => nodeTransport({ dispatcher })
  ))

const nodeFilesAndPrograms: Layer.Layer<Files.Files | Programs.Programs> = NodeIdentity.layerPorts()

export const nodeHttp = isOnNode
  ? Layer.merge(nodeTransport(), NodeHttpClient.layer)
  : withTransport(NodeHttpClient.layer)
export const nodeHttpWithoutKeepAlive = isOnNode
  ? nodeTransport({ agent: new Agent({ keepAlive: false }) })
  : withTransport(
    Layer.provide(NodeHttpClient.layerWithoutAgent, NodeHttpClient.makeAgentLayer({ keepAlive: false }))
  )
export const undici = isOnNode
  ? Layer.merge(undiciTransport(() => new Undici.Agent()), NodeHttpClient.layerUndici)
  : withTransport(NodeHttpClient.layerUndici)
export const fetchHttp = withTransport(FetchHttpClient.layer)

export const emulator = withTransport(Emulator.layerHttpClient)

/** A platform together with `Files` over its file system. */
const withFiles = <A, E, R>(platform: Layer.Layer<A, E, R>) => Layer.provideMerge(PlatformPorts.layerFiles, platform)

/** `Files` over a file system of the test, and the file system. */
export const overFileSystem = (fs: FileSystem.FileSystem) =>
  withFiles(Layer.merge(Layer.succeed(FileSystem.FileSystem, fs), Path.layer))

export const nodeContext = isOnNode
  ? Layer.merge(nodeFilesAndPrograms, NodeContext.layer)
  : Layer.merge(PlatformPorts.layerFiles, PlatformPorts.layerPrograms).pipe(Layer.provideMerge(NodeContext.layer))
