import { join } from "node:path"
import { type Bundle, bundle, programs } from "./build.js"
import type { Table } from "./report.js"
import type { Scenario } from "./scenarios.js"

/** In gzipped kB. */
const ownBudget = 18
/** Of the whole, to that of AWS SDK v3. */
const wholeBudget = 1.35
/** The same for the first program of the README. */
const readmeBudget = 2

const contenders: Readonly<Record<string, string>> = {
  "plain Node": "floor",
  "aws-sdk v2": "v2",
  "AWS SDK v3": "v3",
  "Effect's platform alone": "effect",
  "ours": "ours",
  "ours, AwsIdentity": "oursAwsIdentity",
  "ours, as the README begins": "oursReadme"
}

export const bundleSize: Scenario = {
  id: "S2",
  title: "Size of the minimal program that gets SSO credentials, as one minified file",
  works: {},
  run: async (bench) => {
    const bundles = await Promise.all(
      Object.entries(contenders).map(async ([name, program]) => ({
        name,
        ...(await bundle(join(programs, `${program}.ts`), join(bench.directory, "programs"), "dist"))
      }))
    )
    const v3 = bundles.find(({ name }) => name === "AWS SDK v3")
    const ours = bundles.find(({ name }) => name === "ours")
    const readme = bundles.find(({ name }) => name === "ours, as the README begins")
    if (v3 === undefined || ours === undefined || readme === undefined) throw new Error("A contender is missing")
    const table = (title: string, size: (of: Bundle) => number): Table => ({
      title,
      unit: "kB",
      peer: "AWS SDK v3",
      rows: bundles.map((each) => ({
        name: each.name,
        value: size(each) / 1000,
        worst: undefined,
        ratio: size(each) / size(v3)
      }))
    })
    return {
      tables: [table("Minified and gzipped", ({ gzipped }) => gzipped), table("Minified", ({ bytes }) => bytes)],
      budgets: [
        { what: `our own part, gzipped: ≤ ${ownBudget} kB`, value: ours.ownGzipped / 1000, limit: ownBudget },
        {
          what: `the whole, gzipped: ≤ ${wholeBudget} × AWS SDK v3`,
          value: ours.gzipped / v3.gzipped,
          limit: wholeBudget
        },
        {
          what: `the README's first program, gzipped: ≤ ${readmeBudget} × AWS SDK v3`,
          value: readme.gzipped / v3.gzipped,
          limit: readmeBudget
        }
      ]
    }
  }
}
