import { Command, FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { fileURLToPath } from "node:url"

// Each example as a user runs it; all need nothing but Node.

const examples = fileURLToPath(new URL("..", import.meta.url))

/** What an example says when it has done what it is there for. */
const outputs: Readonly<Record<string, RegExp>> = {
  "custom-ca.ts": /ServiceUnreachable: .* DEPTH_ZERO_SELF_SIGNED_CERT[^]*With it:\n +access key ASIA/,
  "proxy.ts": /You are arn:[^]*through the proxy:(?=[^]*oidc\.)(?=[^]*portal\.sso\.)(?=[^]*sts\.)/,
  "sign-in.ts": /You are role Developer/
}

it.effect("none is forgotten", () =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const files = yield* fs.readDirectory(examples)
    assert.sameMembers(files.filter((file) => file.endsWith(".ts")), Object.keys(outputs))
  }).pipe(Effect.provide(NodeContext.layer)))

for (const [file, output] of Object.entries(outputs)) {
  it.live(file, () =>
    Effect.gen(function*() {
      const process = yield* Command.start(
        Command.make("node", "--import", "tsx", file).pipe(
          Command.workingDirectory(examples),
          Command.stderr("inherit")
        )
      )
      const { code, text } = yield* Effect.all({
        text: process.stdout.pipe(Stream.decodeText(), Stream.mkString),
        code: process.exitCode
      }, { concurrency: "unbounded" })
      assert.strictEqual(code, 0, text)
      assert.match(text, output)
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer)), 60_000)
}
