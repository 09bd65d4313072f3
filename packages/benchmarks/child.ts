/** One contender at one work, in a process of its own: `child.js SCENARIO WORK CONTENDER`. */
import assert from "node:assert"
import { performance } from "node:perf_hooks"
import { accessKeyId } from "./home.js"
import type { Sample } from "./measure.js"
import { scenarios } from "./scenarios.js"

const [id, name, contender] = process.argv.slice(2)
const work = scenarios.find((scenario) => scenario.id === id)?.works[name ?? ""]
const start = work?.contenders[contender ?? ""]
assert(work !== undefined && start !== undefined, `No contender ${contender} in ${id}`)

const run = await start()
const { answer = accessKeyId, operations, repetitions = 1, warmUp } = work
for (let operation = 0; operation < warmUp; operation++) assert.strictEqual(await run(), answer)
globalThis.gc?.()

const times = new Array<number>(operations)
for (let operation = 0; operation < operations; operation++) {
  const before = performance.now()
  const answered = await run()
  times[operation] = (performance.now() - before) / repetitions
  assert.strictEqual(answered, answer)
}
const sample: Sample = { times }
process.send?.(sample, () => process.exit())
