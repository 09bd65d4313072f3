import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Redacted } from "effect"
import { ProcessCredentials } from "effect-aws-identity"
import { appendFileSync } from "node:fs"
import { nodeContext } from "./ports.js"

// A `credential_process` that is itself built on this library: the credentials of the profile of its first argument,
// whose command line is in a variable of that name. It leaves its mark in the file of its second argument.

const [, , profile = "", marks = ""] = process.argv

appendFileSync(marks, `${profile}\n`)

const main = Effect.gen(function*() {
  const commandLine = process.env[`LINE_${profile}`] ?? ""
  const { accessKeyId, secretAccessKey } = yield* ProcessCredentials.resolve(commandLine, { profile })
  yield* Console.log(JSON.stringify({
    Version: 1,
    AccessKeyId: accessKeyId,
    SecretAccessKey: Redacted.value(secretAccessKey)
  }))
}).pipe(
  Effect.tapError((error) => Console.error(error.message)),
  Effect.provide(nodeContext)
)

NodeRuntime.runMain(main, { disableErrorReporting: true })
