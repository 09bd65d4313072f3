/**
 * The contenders of a scenario take turns, round by round and each round in another order, each in a fresh process:
 * whatever the machine does meanwhile, it does to all of them. Every answer and every request is checked.
 */
import assert from "node:assert"
import { fork, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { performance } from "node:perf_hooks"
import { conditions } from "./build.js"
import { accessKeyId, environmentOf, makeHome, webIdentityOf } from "./home.js"
import type { Plan, Report } from "./server.js"

/** What is run again and again; it gives what has to be checked. */
type Operation = () => Promise<string>

/** Everything up to there is not timed. */
export type Contender = () => Promise<Operation>

/** The same work for all. */
export interface Work {
  readonly contenders: Readonly<Record<string, Contender>>
  /** The right answer; without one, the access key of the portal. */
  readonly answer?: string
  /** Each of these is timed. */
  readonly operations: number
  /** And these before are not. */
  readonly warmUp: number
  /** How often an operation does what is reported. */
  readonly repetitions?: number
  /** How many requests so many operations make. */
  readonly requests: (operations: number, contender: string) => number
  readonly plan?: Plan
  /** How long the process goes on after the last operation, in ms. */
  readonly rest?: number
  /** How many profiles there are beside the one that is used. */
  readonly profiles?: number
}

/** What a process measured: one number for each operation, and others by name. */
export interface Sample {
  readonly times: ReadonlyArray<number>
  /** What processors were busy with it, in ms. */
  readonly cpu: number
  readonly figures?: Readonly<Record<string, number>>
}

/** By contender, then by round. */
export type Samples = ReadonlyMap<string, ReadonlyArray<Sample>>

const quantile = (values: ReadonlyArray<number>, part: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN
}

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

/** The middle round's median. */
export const typical = (samples: ReadonlyArray<Sample>): number => median(samples.map(({ times }) => median(times)))

/** Of all rounds together. */
export const p99 = (samples: ReadonlyArray<Sample>): number => quantile(samples.flatMap(({ times }) => times), 0.99)

/** Compared within each round, for the machine is not the same in the next. */
export const ratio = (
  ours: ReadonlyArray<Sample>,
  peer: ReadonlyArray<Sample>,
  figure = ({ times }: Sample): number => median(times)
): number =>
  median(ours.flatMap((sample, round) => {
    const other = peer[round]
    return other === undefined ? [] : [figure(sample) / figure(other)]
  }))

export interface Bench {
  /** Where programs and bundles are put. */
  readonly directory: string
  readonly quick: boolean
  /** Work of a scenario, in processes that run it. */
  readonly compare: (scenario: string, work: string, of: Work, rounds: number) => Promise<Samples>
  /** Programs that print the access key, from start to end, in ms. */
  readonly programs: (files: Readonly<Record<string, string>>, rounds: number) => Promise<Samples>
  /** The busiest the server was since it was last asked, 0 to 1: it must not be what is measured. */
  readonly busiest: () => number
  readonly close: () => void
}

export const open = async (options: { readonly directory: string; readonly quick: boolean }): Promise<Bench> => {
  const { directory, quick } = options
  const home = mkdtempSync(join(tmpdir(), "benchmark-"))
  makeHome(home)
  const server = fork(join(directory, "server.js"), { execArgv: [], stdio: "inherit" })
  const [port] = await once(server, "message")
  const environment = environmentOf(home, `http://127.0.0.1:${port}`)
  let busiest = 0

  /** Makes the server ready, and gives what came until then. */
  const plan = async (next: Plan): Promise<Report> => {
    const answered: Promise<ReadonlyArray<Report>> = once(server, "message")
    server.send(next)
    const [report = { requests: 0, busy: 0 }] = await answered
    return report
  }

  const inTurns = async (
    names: ReadonlyArray<string>,
    rounds: number,
    run: (name: string) => Promise<Sample>
  ): Promise<Samples> => {
    const samples = new Map(names.map((name) => [name, Array<Sample>()]))
    for (let round = 0; round < rounds; round++) {
      const first = round % names.length
      for (const name of [...names.slice(first), ...names.slice(0, first)]) samples.get(name)?.push(await run(name))
    }
    return samples
  }

  const checkRequests = async (expected: number, name: string): Promise<void> => {
    const { busy, requests } = await plan({})
    assert.strictEqual(requests, expected, `${name} made ${requests} requests, not ${expected}`)
    busiest = Math.max(busiest, busy)
  }

  return {
    directory,
    quick,
    compare: (scenario, work, of, rounds) => {
      makeHome(home, of.profiles)
      return inTurns(Object.keys(of.contenders), rounds, async (name) => {
        await plan(of.plan ?? {})
        const child = fork(join(directory, "child.js"), [scenario, work, name], {
          env: { ...environment, ...webIdentityOf(home) },
          execArgv: ["--expose-gc", ...conditions],
          stdio: "inherit"
        })
        const exit = once(child, "exit")
        const [sample] = await Promise.race([
          once(child, "message"),
          exit.then(([code]) => {
            throw new Error(`${scenario}: ${name} ended with ${code}`)
          })
        ])
        await exit
        await checkRequests(of.requests(of.operations + of.warmUp, name), `${scenario}: ${name}`)
        return sample
      })
    },
    programs: (files, rounds) => {
      makeHome(home)
      return inTurns(Object.keys(files), rounds, async (name) => {
        await plan({})
        const start = performance.now()
        // The shell says what processors were busy with.
        const { stderr, stdout } = spawnSync(
          "sh",
          ["-c", `"$0" ${conditions.join(" ")} "$1"; times`, process.execPath, files[name] ?? ""],
          {
            env: environment,
            encoding: "utf8"
          }
        )
        const time = performance.now() - start
        const [answer, , children = ""] = stdout.split("\n")
        assert.strictEqual(answer, accessKeyId, `${name}: ${stderr.slice(-2000)}`)
        await checkRequests(1, name)
        const seconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(([, minutes, rest]) =>
          60 * Number(minutes) + Number(rest)
        )
        return { times: [time], cpu: 1000 * seconds.reduce((sum, each) => sum + each, 0) }
      })
    },
    busiest: () => {
      const last = busiest
      busiest = 0
      return last
    },
    close: () => {
      server.kill()
      rmSync(home, { recursive: true })
    }
  }
}
