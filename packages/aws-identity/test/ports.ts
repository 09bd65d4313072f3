import { FetchHttpClient, FileSystem, HttpClient, Path } from "@effect/platform"
import { NodeContext, NodeHttpClient } from "@effect/platform-node"
import { Layer } from "effect"
import { PlatformPorts } from "effect-aws-identity"
import { Emulator } from "effect-aws-identity-testing"

// The platform together with the library's ports over it.

/** A platform together with a `Transport` over its client. */
export const withTransport = <A, E, R>(platform: Layer.Layer<A, E, R>) =>
  Layer.provideMerge(PlatformPorts.layerTransport, platform)

/** A `Transport` over a client of the test, and the client. */
export const overClient = (client: HttpClient.HttpClient) => withTransport(Layer.succeed(HttpClient.HttpClient, client))

export const nodeHttp = withTransport(NodeHttpClient.layer)
export const undici = withTransport(NodeHttpClient.layerUndici)
export const fetchHttp = withTransport(FetchHttpClient.layer)

export const emulator = withTransport(Emulator.layerHttpClient)

/** A platform together with `Files` over its file system. */
export const withFiles = <A, E, R>(platform: Layer.Layer<A, E, R>) =>
  Layer.provideMerge(PlatformPorts.layerFiles, platform)

/** `Files` over a file system of the test, and the file system. */
export const overFileSystem = (fs: FileSystem.FileSystem) =>
  withFiles(Layer.merge(Layer.succeed(FileSystem.FileSystem, fs), Path.layer))

export const nodeContext = Layer.merge(PlatformPorts.layerFiles, PlatformPorts.layerPrograms).pipe(
  Layer.provideMerge(NodeContext.layer)
)
