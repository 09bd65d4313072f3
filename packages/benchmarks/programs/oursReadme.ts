/** As the README begins: barrels, and the layers of the platform as they come. */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { CredentialsProvider } from "effect-aws-identity"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"

const program = Effect.gen(function*() {
  const provider = yield* CredentialsProvider.CredentialsProvider
  yield* Console.log((yield* provider.get).accessKeyId)
})

const aws = NodeIdentity.layer()

program.pipe(Effect.provide(aws), NodeRuntime.runMain)
