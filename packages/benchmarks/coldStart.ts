import { readdirSync } from "node:fs"
import { join } from "node:path"
import { bundle, compile, programs } from "./build.js"
import type { Samples } from "./measure.js"
import { atMost, type Budget, of, times } from "./report.js"
import type { Scenario } from "./scenarios.js"

/**
 * What is added to the application, beside what v3 adds, in the time of processors: small differences of large times
 * drown in what others do on the machine, and only the best rounds say anything.
 */
const added = (samples: Samples, ours: string): number => {
  const best = (name: string) => Math.min(...of(samples, name).map(({ cpu }) => cpu))
  return (best(ours) - best("nothing added")) / (best("AWS SDK v3 added") - best("nothing added"))
}

export const coldStart: Scenario = {
  id: "S1",
  title: "Cold start: a process from its start to its end, with the first SSO credentials",
  works: {},
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
    const application = await bench.programs({
      "nothing added": source("applicationAlone"),
      "AWS SDK v3 added": source("applicationWithV3"),
      "ours added": source("applicationWithOurs"),
      "ours added, its barrel": source("applicationWithBarrel")
    }, rounds)

    const budget: Budget = {
      what: "what we add to an application with Effect, from source: ≤ 0.5 × what AWS SDK v3 adds",
      value: added(application, "ours added"),
      limit: 0.5
    }
    return {
      tables: [
        times("Bundled", "ms", fromBundle, "AWS SDK v3"),
        times("From the published files", "ms", fromSource, "AWS SDK v3"),
        times("In an application that loads the barrels of Effect and its platform", "ms", application, "nothing added")
      ],
      budgets: [
        atMost("bundled", fromBundle, "ours", "AWS SDK v3", 1),
        budget,
        {
          ...budget,
          what: "the same through our barrel: ≤ 0.5 × what AWS SDK v3 adds",
          value: added(application, "ours added, its barrel")
        }
      ]
    }
  }
}
