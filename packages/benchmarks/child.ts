/** One contender at one work, in a process of its own: `child.js SCENARIO WORK CONTENDER`. */
import assert from "node:assert"
import { performance } from "node:perf_hooks"
import { setTimeout } from "node:timers/promises"
import { figures } from "./figures.js"
import { accessKeyId } from "./home.js"
import type { Sample } from "./measure.js"
import { scenarios } from "./scenarios.js"

const [id, name, contender] = process.argv.slice(2)
const work = scenarios.find((scenario) => scenario.id === id)?.works[name ?? ""]
const start = work?.contenders[contender ?? ""]
assert(work !== undefined && start !== undefined, `No contender ${contender} in ${id}`)

const run = await start()
const { answer = accessKeyId, operations, repetitions = 1, rest = 0, warmUp } = work
for (let operation = 0; operation < warmUp; operation++) assert.strictEqual(await run(), answer)
globalThis.gc?.()

const busyBefore = process.cpuUsage()
const times = new Array<number>(operations)
for (let operation = 0; operation < operations; operation++) {
  const before = performance.now()
  const answered = await run()
  times[operation] = (performance.now() - before) / repetitions
  assert.strictEqual(answered, answer)
}
const { system, user } = process.cpuUsage(busyBefore)
await setTimeout(rest)
const sample: Sample = { times, cpu: (system + user) / 1000 / operations / repetitions, figures }
process.send?.(sample, () => process.exit())
