/** What an application has loaded already before it wants credentials: Effect and its platform, as barrels. */
import { NodeContext, NodeHttpClient } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"

export const platform = Layer.merge(
  NodeContext.layer,
  Layer.provide(NodeHttpClient.layerWithoutAgent, NodeHttpClient.makeAgentLayer({ keepAlive: true }))
)

export const main = <A, E>(program: Effect.Effect<A, E>) =>
  Effect.runPromise(Effect.flatMap(program, (answer) => Console.log(answer)))
