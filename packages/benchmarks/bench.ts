/**
 * We beside our peers, at the same work, in one run.
 *
 *   npm run bench                        every scenario; some forty minutes
 *   npm run bench -- --only S4,S6        these alone
 *   npm run bench -- --quick             few rounds, for a first look
 *   npm run bench -- --output FILE       where the report goes, besides the terminal
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { availableParallelism, cpus } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { compile, root } from "./build.js"
import { open } from "./measure.js"
import { isMet, markdown } from "./report.js"
import { scenarios } from "./scenarios.js"

const { only, output, quick } = parseArgs({
  options: {
    only: { type: "string", default: scenarios.map(({ id }) => id).join(",") },
    output: { type: "string", default: join(root, "dist", "RESULTS.md") },
    quick: { type: "boolean", default: false }
  }
}).values

const chosen = only.split(",").map((id) => {
  const scenario = scenarios.find((scenario) => scenario.id === id)
  if (scenario === undefined) throw new Error(`There is no scenario ${id}`)
  return scenario
})

const directory = join(root, "dist")
rmSync(directory, { recursive: true, force: true })
mkdirSync(directory)
await compile([join(root, "child.ts"), join(root, "server.ts")], directory)

const parts = [
  `# Beside our peers

${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${
    cpus()[0]?.model.trim()
  } (${availableParallelism()} cores). \
Medians; p99 of all rounds together. The times are this machine's; the ratios, each within its round, are what carries over.${
    quick ? " Few rounds." : ""
  }`
]
const say = (part: string): void => {
  parts.push(part)
  console.log(`\n${part}`)
}
const bench = await open({ directory, quick })
let missed = 0
try {
  for (const { id, run, title } of chosen) {
    const result = await run(bench)
    missed += result.budgets.filter((budget) => !isMet(budget)).length
    const busy = bench.busiest()
    const note = busy === 0 ? "" : `\n\nThe server was busy for ${(100 * busy).toFixed(0)} % of the time at most.`
    say(`## ${id}. ${title}\n\n${markdown(result)}${note}`)
  }
} finally {
  bench.close()
}
writeFileSync(resolve(process.env["INIT_CWD"] ?? ".", output), `${parts.join("\n\n")}\n`)
console.log(`\n${missed === 0 ? "Every budget is met" : `Budgets missed: ${missed}`}; see ${output}`)
