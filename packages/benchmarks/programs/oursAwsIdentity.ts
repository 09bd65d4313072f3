/** With all the wiring in one layer, on what the library recommends for Node; modules by their path. */
import * as NodeCommandExecutor from "@effect/platform-node/NodeCommandExecutor"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodePath from "@effect/platform-node/NodePath"
import * as AwsIdentity from "effect-aws-identity/AwsIdentity"
import * as CredentialsProvider from "effect-aws-identity/CredentialsProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const http = Layer.provide(NodeHttpClient.layerWithoutAgent, NodeHttpClient.makeAgentLayer({ keepAlive: true }))

const program = Effect.flatMap(CredentialsProvider.CredentialsProvider, ({ get }) => get)

Effect.runPromise(Effect.provide(
  program,
  AwsIdentity.layer().pipe(
    Layer.provide([NodeCommandExecutor.layer, NodePath.layer, http]),
    Layer.provide(NodeFileSystem.layer)
  )
)).then(({ accessKeyId }) => console.log(accessKeyId))
