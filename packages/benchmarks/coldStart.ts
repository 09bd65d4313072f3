import { readdirSync } from "node:fs"
import { join } from "node:path"
import { bundle, compile, programs } from "./build.js"
import { portsOf } from "./http.js"
import type { Work } from "./measure.js"
import { atMost, times } from "./report.js"
import type { Scenario } from "./scenarios.js"

/** What an application has loaded and begun before it wants credentials: Effect and its platform, as barrels. */
const application = async () => {
  const { FileSystem } = await import("@effect/platform")
  const { NodeContext } = await import("@effect/platform-node")
  const { Effect, Layer, ManagedRuntime } = await import("effect")
  const runtime = ManagedRuntime.make(Layer.merge(NodeContext.layer, await portsOf("node:http")))
  await runtime.runPromise(Effect.flatMap(FileSystem.FileSystem, (files) => files.exists(process.env["HOME"] ?? "")))
  return { Effect, runtime }
}

/** What the first credentials take from there: the loading of their provider, and all that it does. */
const added: Work = {
  warmUp: 0,
  operations: 1,
  requests: () => 1,
  contenders: {
    "AWS SDK v3": async () => {
      await application()
      return async () => {
        const { fromSSO } = await import("@aws-sdk/credential-provider-sso")
        return (await fromSSO()()).accessKeyId
      }
    },
    "ours": async () => {
      const { Effect, runtime } = await application()
      return async () => {
        const { layer } = await import("effect-aws-identity/AwsIdentity")
        const { CredentialsProvider } = await import("effect-aws-identity/CredentialsProvider")
        const get = Effect.flatMap(CredentialsProvider, ({ get }) => get)
        return (await runtime.runPromise(Effect.provide(get, layer({ profile: "dev" })))).accessKeyId
      }
    },
    "ours, its barrel": async () => {
      const { Effect, runtime } = await application()
      return async () => {
        const { AwsIdentity, CredentialsProvider } = await import("effect-aws-identity")
        const get = Effect.flatMap(CredentialsProvider.CredentialsProvider, ({ get }) => get)
        return (await runtime.runPromise(Effect.provide(get, AwsIdentity.layer({ profile: "dev" })))).accessKeyId
      }
    }
  }
}

export const coldStart: Scenario = {
  id: "S1",
  title: "Cold start: the first SSO credentials of a process",
  works: { added },
  run: async (bench) => {
    const outdir = join(bench.directory, "programs")
    const all = readdirSync(programs).map((name) => join(programs, name))
    await compile(all, outdir)
    const rounds = bench.quick ? 5 : 25
    const source = (name: string) => join(outdir, `${name}.js`)
    const bundled = async (name: string) => (await bundle(join(programs, `${name}.ts`), outdir, "dist")).file

    const fromBundle = await bench.programs({
      "plain Node": await bundled("floor"),
      "aws-sdk v2": await bundled("v2"),
      "AWS SDK v3": await bundled("v3"),
      "Effect's platform alone": await bundled("effect"),
      "ours": await bundled("ours"),
      "ours, AwsIdentity": await bundled("oursAwsIdentity"),
      "ours, as the README begins": await bundled("oursReadme")
    }, rounds)
    const fromSource = await bench.programs({
      "plain Node": source("floor"),
      "aws-sdk v2": source("v2"),
      "AWS SDK v3": source("v3"),
      "Effect's platform alone": source("effect"),
      "ours": source("ours"),
      "ours, AwsIdentity": source("oursAwsIdentity"),
      "ours, as the README begins": source("oursReadme")
    }, rounds)
    const toApplication = await bench.compare("S1", "added", added, rounds)
    return {
      tables: [
        times("A process from start to end, bundled", "ms", fromBundle, "AWS SDK v3"),
        times("The same from the published files", "ms", fromSource, "AWS SDK v3"),
        times("Added to an application that runs on Effect and its platform", "ms", toApplication, "AWS SDK v3")
      ],
      budgets: [
        atMost("bundled", fromBundle, "ours", "AWS SDK v3", 1),
        atMost("added to an application", toApplication, "ours", "AWS SDK v3", 0.5),
        atMost("added through our barrel", toApplication, "ours, its barrel", "AWS SDK v3", 0.5)
      ]
    }
  }
}
