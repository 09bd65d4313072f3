import { portsOf } from "./http.js"
import { typical } from "./measure.js"
import type { Contender, Samples, Work } from "./measure.js"
import { atMost, of, times } from "./report.js"
import type { Scenario } from "./scenarios.js"

const paths = () => ({
  configFile: `${process.env["HOME"]}/.aws/config`,
  credentialsFile: `${process.env["HOME"]}/.aws/credentials`
})

const work = (profiles: number): Work => {
  const last = `account-${profiles - 1}.Administrator`
  const answer = String(100_000_000_000 + profiles - 1)
  const ours = (every: boolean): Contender => async () => {
    const { Effect, ManagedRuntime } = await import("effect")
    const { SharedConfig } = await import("effect-aws-identity")
    const platform = ManagedRuntime.make(await portsOf("node:http"))
    // Nothing has been read before.
    const read = Effect.provide(SharedConfig.read, SharedConfig.layer(paths()))
    return () =>
      platform.runPromise(Effect.gen(function*() {
        const files = yield* read
        if (every && files.diagnostics().length > 0) return "the file is wrong"
        const { values } = yield* files.profile(last)
        return values.get("sso_account_id")?.value ?? ""
      }))
  }
  return {
    profiles,
    answer,
    // Warm: what a program pays that has just begun is in the cold start.
    warmUp: profiles > 10_000 ? 3 : 20,
    operations: profiles > 10_000 ? 5 : 15,
    requests: () => 0,
    contenders: {
      "reading the file": async () => {
        const { readFile } = await import("node:fs/promises")
        return async () => (await readFile(paths().configFile, "utf8")).length > 0 ? answer : ""
      },
      "aws-sdk v2": async () => {
        const { default: AWS } = await import("aws-sdk")
        return async () =>
          new AWS.IniLoader().loadFrom({ filename: paths().configFile, isConfig: true })[last]?.["sso_account_id"] ?? ""
      },
      "@smithy/shared-ini-file-loader": async () => {
        const { loadSharedConfigFiles } = await import("@smithy/shared-ini-file-loader")
        const { configFile: configFilepath, credentialsFile: filepath } = paths()
        return async () =>
          (await loadSharedConfigFiles({ configFilepath, filepath, ignoreCache: true }))
            .configFile[last]?.["sso_account_id"] ?? ""
      },
      "ours, every line": ours(true),
      "ours, one profile": ours(false)
    }
  }
}

const tenThousand = work(10_000)
const hundredThousand = work(100_000)
const loader = "@smithy/shared-ini-file-loader"

export const readConfig: Scenario = {
  id: "S6",
  title: "Reading a config file of many profiles",
  works: { tenThousand, hundredThousand },
  run: async (bench) => {
    const rounds = bench.quick ? 2 : 3
    const small = await bench.compare("S6", "tenThousand", tenThousand, rounds)
    const large = await bench.compare("S6", "hundredThousand", hundredThousand, bench.quick ? 1 : 3)
    const time = (samples: Samples) => typical(of(samples, "ours, every line"))
    return {
      tables: [times("10,000 profiles", "ms", small, loader), times("100,000 profiles", "ms", large, loader)],
      budgets: [
        atMost("10,000 profiles, every line", small, "ours, every line", loader, 0.5),
        atMost("100,000 profiles, every line", large, "ours, every line", loader, 0.5),
        { what: "ten times the profiles: ≤ 13 × the time", value: time(large) / time(small), limit: 13 },
        atMost("10,000 profiles, one of them", small, "ours, one profile", "reading the file", 3),
        atMost("100,000 profiles, one of them", large, "ours, one profile", "reading the file", 3)
      ]
    }
  }
}
