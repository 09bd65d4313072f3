/** As the README begins: barrels, and the layers of the platform as they come. */
import { NodeContext, NodeHttpClient, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { AwsIdentity, CredentialsProvider } from "effect-aws-identity"

const program = Effect.gen(function*() {
  const provider = yield* CredentialsProvider.CredentialsProvider
  yield* Console.log((yield* provider.get).accessKeyId)
})

const aws = AwsIdentity.layer().pipe(Layer.provide([NodeContext.layer, NodeHttpClient.layer]))

program.pipe(Effect.provide(aws), NodeRuntime.runMain)
