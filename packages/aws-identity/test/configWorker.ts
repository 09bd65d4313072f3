import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { SharedConfig } from "effect-aws-identity"
import { nodeContext } from "./ports.js"

// One of many processes that add profiles to one config file. Its arguments are the file, the start of the names and how
// many. It prints "ready", begins when its input has a line, and prints the name of each profile that is in the file.

const [, , configFile = "", prefix = "", count = "0"] = process.argv

const main = Effect.gen(function*() {
  const config = yield* SharedConfig.SharedConfig
  yield* Console.log("ready")
  yield* Effect.async<void>((resume) => {
    process.stdin.once("data", () => resume(Effect.void))
  })
  for (let index = 0; index < Number(count); index++) {
    yield* config.set({ profile: `${prefix}${index}` }, { region: "eu-west-1", output: "json" })
    yield* Console.log(`${prefix}${index}`)
  }
  yield* Effect.sync(() => process.stdin.destroy())
}).pipe(
  Effect.provide(
    Layer.provide(SharedConfig.layer({ configFile, credentialsFile: `${configFile}.none` }), nodeContext)
  )
)

NodeRuntime.runMain(main)
