import type { Deferred } from "effect"
import { setTimeout } from "node:timers/promises"
import { figures } from "./figures.js"
import { portsOf } from "./http.js"
import { type Contender, median, type Work } from "./measure.js"
import { atMost, of, times } from "./report.js"
import { contenders as resolvers } from "./resolve.js"
import type { Scenario } from "./scenarios.js"

const callers = 10_000

interface Identity {
  readonly accessKeyId: string
}

/** Everybody asks at once, and all have to get the same. */
const crowd = async (ask: () => Promise<Identity>): Promise<string> => {
  const answers = await Promise.all(Array.from({ length: callers }, ask))
  return allOf(answers)
}

const allOf = (answers: ReadonlyArray<Identity>): string => {
  const keys = new Set(answers.map(({ accessKeyId }) => accessKeyId))
  return answers.length === callers && keys.size === 1 ? [...keys].join() : `${answers.length} answers`
}

interface Gates {
  /** One caller alone. */
  readonly one: () => Promise<unknown>
  readonly all: () => Promise<string>
}

const oursRuntime = async () => {
  const { Layer, ManagedRuntime } = await import("effect")
  const { AwsIdentity } = await import("effect-aws-identity")
  return ManagedRuntime.make(Layer.provide(AwsIdentity.layer(), await portsOf("node:http")))
}

const gates: Readonly<Record<string, () => Promise<Gates>>> = {
  "aws-sdk v2": async () => {
    const { default: AWS } = await import("aws-sdk")
    Object.assign(AWS.config, { sso: { endpoint: process.env["AWS_ENDPOINT_URL_SSO"] } })
    // Its constructor asks already, and who asks meanwhile waits for that.
    let credentials: InstanceType<typeof AWS.SsoCredentials> | undefined
    const ask = () => {
      const provider = credentials ??= new AWS.SsoCredentials()
      return provider.getPromise().then(() => provider)
    }
    return { one: ask, all: () => crowd(ask) }
  },
  "AWS SDK v3": async () => {
    const { fromSSO } = await import("@aws-sdk/credential-provider-sso")
    const { doesIdentityRequireRefresh, isIdentityExpired, memoizeIdentityProvider } = await import("@smithy/core")
    const ask = memoizeIdentityProvider(fromSSO(), isIdentityExpired, doesIdentityRequireRefresh)
    if (ask === undefined) throw new Error("No provider")
    return { one: () => ask(), all: () => crowd(() => ask()) }
  },
  "Effect sketch, fibers": async () => {
    const { Deferred, Effect, FiberId } = await import("effect")
    const resolve = await resolvers["plain Node"]?.()
    if (resolve === undefined) throw new Error("No floor")
    let waiting: Deferred.Deferred<Identity> | undefined
    const get = Effect.suspend(() => {
      if (waiting !== undefined) return Deferred.await(waiting)
      const deferred = waiting = Deferred.unsafeMake<Identity>(FiberId.none)
      return Effect.promise(resolve).pipe(
        Effect.map((accessKeyId) => ({ accessKeyId })),
        Effect.intoDeferred(deferred),
        Effect.forkDaemon,
        Effect.zipRight(Deferred.await(deferred)),
        Effect.ensuring(Effect.sync(() => {
          waiting = undefined
        }))
      )
    })
    return {
      one: () => Effect.runPromise(get),
      all: () =>
        Effect.runPromise(
          Effect.map(Effect.all(Array.from({ length: callers }, () => get), { concurrency: "unbounded" }), allOf)
        )
    }
  },
  "ours, fibers": async () => {
    const { Effect } = await import("effect")
    const { CredentialsProvider } = await import("effect-aws-identity")
    const runtime = await oursRuntime()
    const { get } = await runtime.runPromise(CredentialsProvider.CredentialsProvider)
    return {
      one: () => runtime.runPromise(get),
      all: () =>
        runtime.runPromise(
          Effect.map(Effect.all(Array.from({ length: callers }, () => get), { concurrency: "unbounded" }), allOf)
        )
    }
  },
  "ours, runPromise": async () => {
    const { CredentialsProvider } = await import("effect-aws-identity")
    const runtime = await oursRuntime()
    const { get } = await runtime.runPromise(CredentialsProvider.CredentialsProvider)
    return { one: () => runtime.runPromise(get), all: () => crowd(() => runtime.runPromise(get)) }
  },
  "ours, AwsSdk": async () => {
    const { AwsSdk } = await import("effect-aws-identity")
    const runtime = await oursRuntime()
    const ask = await runtime.runPromise(AwsSdk.credentials)
    return { one: () => ask(), all: () => crowd(() => ask()) }
  }
}

const contendersOf = (contender: (gates: () => Promise<Gates>) => Contender): Readonly<Record<string, Contender>> =>
  Object.fromEntries(Object.entries(gates).map(([name, gates]) => [name, contender(gates)]))

const once = { warmUp: 0, operations: 1 }

/** Nobody has asked yet. */
const cold: Work = {
  ...once,
  contenders: contendersOf((gates) => async () => (await gates()).all),
  requests: () => 1
}

/** The credentials that one got have expired; or soon do, in `pause` of `lifetime` ms. */
const later = (lifetime: number, pause: number): Work => ({
  ...once,
  contenders: contendersOf((gates) => async () => {
    const { all, one } = await gates()
    await one()
    await setTimeout(pause)
    return all
  }),
  plan: { lifetimes: [lifetime, 3_600_000] },
  // A renewal in the background has to have been made.
  rest: 300,
  requests: () => 2
})
const expired = later(400, 500)
const window = later(4000, 2300)

/** What one who waits costs while an answer takes its time. */
const memory: Work = {
  ...once,
  contenders: contendersOf((gates) => async () => {
    const { all } = await gates()
    return async () => {
      globalThis.gc?.()
      const before = process.memoryUsage().heapUsed
      const waiting = all()
      await setTimeout(800)
      globalThis.gc?.()
      figures["kB"] = (process.memoryUsage().heapUsed - before) / callers / 1000
      return waiting
    }
  }),
  plan: { delay: 2500 },
  requests: () => 1
}

export const crowdOfCallers: Scenario = {
  id: "S5",
  title: "10,000 callers at once; each case makes exactly one request, or the run fails",
  works: { cold, expired, window, memory },
  run: async (bench) => {
    const rounds = bench.quick ? 1 : 3
    const sketch = "Effect sketch, fibers"
    const [first, afterEnd, nearEnd] = [
      await bench.compare("S5", "cold", cold, rounds),
      await bench.compare("S5", "expired", expired, rounds),
      await bench.compare("S5", "window", window, bench.quick ? 1 : 3)
    ]
    const waiting = await bench.compare("S5", "memory", memory, bench.quick ? 1 : 3)
    const kilobytes = (name: string) => median(of(waiting, name).map(({ figures }) => figures?.["kB"] ?? NaN))
    return {
      tables: [
        times("Cold", "ms", first, "AWS SDK v3"),
        times("Expired", "ms", afterEnd, "AWS SDK v3"),
        times("Near their end", "ms", nearEnd, "AWS SDK v3"),
        {
          title: "Memory of one who waits",
          unit: "kB",
          peer: "AWS SDK v3",
          rows: [...waiting.keys()].map((name) => ({
            name,
            value: kilobytes(name),
            worst: undefined,
            ratio: kilobytes(name) / kilobytes("AWS SDK v3")
          }))
        }
      ],
      budgets: [
        atMost("fibers, cold", first, "ours, fibers", sketch, 1.5),
        atMost("fibers, expired", afterEnd, "ours, fibers", sketch, 1.5),
        atMost("fibers, near their end", nearEnd, "ours, fibers", sketch, 1.5),
        { what: "a waiting fiber: ≤ 30 kB", value: kilobytes("ours, fibers"), limit: 30 }
      ]
    }
  }
}
