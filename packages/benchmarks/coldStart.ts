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
    "ours, SSO alone": async () => {
      const { Effect, runtime } = await application()
      return async () => {
        const { Layer } = await import("effect")
        const { CredentialsProvider, layer } = await import("effect-aws-identity/CredentialsProvider")
        const SharedConfig = await import("effect-aws-identity/SharedConfig")
        const Sso = await import("effect-aws-identity/Sso")
        const SsoCredentials = await import("effect-aws-identity/SsoCredentials")
        const SsoOidc = await import("effect-aws-identity/SsoOidc")
        const SsoTokenCache = await import("effect-aws-identity/SsoTokenCache")
        const SsoTokenProvider = await import("effect-aws-identity/SsoTokenProvider")
        const aws = layer(SsoCredentials.resolveProfile("dev")).pipe(
          Layer.provide(SsoTokenProvider.layer()),
          Layer.provide([Sso.layerProfile(), SsoOidc.layerProfile(), SsoTokenCache.layer()]),
          Layer.provide(SharedConfig.layer())
        )
        const get = Effect.flatMap(CredentialsProvider, ({ get }) => get)
        return (await runtime.runPromise(Effect.provide(get, aws))).accessKeyId
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
    const rounds = bench.quick ? 5 : 11
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
        atMost("bundled", fromBundle, "ours", "AWS SDK v3", 1.3),
        atMost("the README's first program, bundled", fromBundle, "ours, as the README begins", "AWS SDK v3", 1.6),
        atMost("added to an application, SSO alone", toApplication, "ours, SSO alone", "AWS SDK v3", 0.9),
        atMost("added to an application, AwsIdentity", toApplication, "ours", "AWS SDK v3", 1.1)
      ]
    }
  }
}
