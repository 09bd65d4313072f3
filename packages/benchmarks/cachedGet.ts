import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import type { Contender, Work } from "./measure.js"
import { typical } from "./measure.js"
import { atMost, of, times } from "./report.js"
import type { Scenario } from "./scenarios.js"

const repetitions = 10_000

/** An application that awaits what a promise-giving provider has in hand. */
const awaited = (provide: () => Promise<{ readonly accessKeyId: string }>) => async (): Promise<string> => {
  let last = ""
  for (let i = 0; i < repetitions; i++) last = (await provide()).accessKeyId
  return last
}

const oursLayer = async () => {
  return NodeIdentity.layer()
}

const promises: Work = {
  repetitions,
  warmUp: 20,
  operations: 50,
  requests: (_, contender) => contender.startsWith("plain") ? 0 : 1,
  contenders: {
    "plain promise": async () => {
      const { accessKeyId } = await import("./home.js")
      const cached = Promise.resolve({ accessKeyId })
      return awaited(() => cached)
    },
    "aws-sdk v2": async () => {
      const { default: AWS } = await import("aws-sdk")
      Object.assign(AWS.config, { sso: { endpoint: process.env["AWS_ENDPOINT_URL_SSO"] } })
      const credentials = new AWS.SsoCredentials()
      return awaited(() => credentials.getPromise().then(() => credentials))
    },
    "AWS SDK v3 memoize": async () => {
      const { fromSSO } = await import("@aws-sdk/credential-provider-sso")
      const { doesIdentityRequireRefresh, isIdentityExpired, memoizeIdentityProvider } = await import("@smithy/core")
      const provide = memoizeIdentityProvider(fromSSO(), isIdentityExpired, doesIdentityRequireRefresh)
      if (provide === undefined) throw new Error("No provider")
      return awaited(() => provide())
    },
    "AWS SDK v3, its client's": async () => {
      const { fromSSO } = await import("@aws-sdk/credential-provider-sso")
      const { STSClient } = await import("@aws-sdk/client-sts")
      const { config } = new STSClient({ credentials: fromSSO() })
      return awaited(() => config.credentials())
    },
    "ours, AwsSdk": async () => {
      const { ManagedRuntime } = await import("effect")
      const { AwsSdk } = await import("effect-aws-identity")
      const runtime = ManagedRuntime.make(await oursLayer())
      const provide = await runtime.runPromise(AwsSdk.credentials)
      return awaited(() => provide())
    },
    "ours, AwsSdk in a client of v3": async () => {
      const { ManagedRuntime } = await import("effect")
      const { AwsSdk } = await import("effect-aws-identity")
      const { STSClient } = await import("@aws-sdk/client-sts")
      const runtime = ManagedRuntime.make(await oursLayer())
      const { config } = new STSClient({ credentials: await runtime.runPromise(AwsSdk.credentials) })
      return awaited(() => config.credentials())
    },
    "ours, runPromise": async () => {
      const { Effect, ManagedRuntime } = await import("effect")
      const { CredentialsProvider } = await import("effect-aws-identity")
      const runtime = ManagedRuntime.make(await oursLayer())
      const get = Effect.flatMap(CredentialsProvider.CredentialsProvider, (provider) => provider.get)
      return awaited(() => runtime.runPromise(get))
    }
  }
}

const inFiber: Contender = async () => {
  const { Effect, ManagedRuntime } = await import("effect")
  const { CredentialsProvider } = await import("effect-aws-identity")
  const runtime = ManagedRuntime.make(await oursLayer())
  return () =>
    runtime.runPromise(Effect.gen(function*() {
      const { get } = yield* CredentialsProvider.CredentialsProvider
      let last = ""
      for (let i = 0; i < repetitions; i++) last = (yield* get).accessKeyId
      return last
    }))
}

const fibers: Work = {
  repetitions,
  warmUp: 20,
  operations: 50,
  requests: (_, contender) => contender.startsWith("ours") ? 1 : 0,
  contenders: {
    "Effect's own floor": async () => {
      const { Effect } = await import("effect")
      const { accessKeyId } = await import("./home.js")
      const hit = Effect.succeed({ accessKeyId })
      const get = Effect.suspend(() => hit)
      return () =>
        Effect.runPromise(Effect.gen(function*() {
          let last = ""
          for (let i = 0; i < repetitions; i++) last = (yield* get).accessKeyId
          return last
        }))
    },
    "Effect.cachedWithTTL": async () => {
      const { Effect } = await import("effect")
      const { accessKeyId } = await import("./home.js")
      const get = await Effect.runPromise(Effect.cachedWithTTL(Effect.succeed({ accessKeyId }), "1 hour"))
      return () =>
        Effect.runPromise(Effect.gen(function*() {
          let last = ""
          for (let i = 0; i < repetitions; i++) last = (yield* get).accessKeyId
          return last
        }))
    },
    "ours": inFiber
  }
}

export const cachedGet: Scenario = {
  id: "S4",
  title: "Getting credentials that are in the cache",
  works: { promises, fibers },
  run: async (bench) => {
    const rounds = bench.quick ? 3 : 5
    const awaited = await bench.compare("S4", "promises", promises, rounds)
    const yielded = await bench.compare("S4", "fibers", fibers, rounds)
    return {
      tables: [
        times("Awaited", "ns", awaited, "AWS SDK v3 memoize"),
        times("In a fiber", "ns", yielded, "Effect's own floor")
      ],
      budgets: [
        atMost("awaited", awaited, "ours, AwsSdk", "AWS SDK v3 memoize", 1),
        atMost("awaited through a client", awaited, "ours, AwsSdk in a client of v3", "AWS SDK v3, its client's", 1.5),
        { what: "in a fiber: ≤ 600 ns", value: typical(of(yielded, "ours")) * 1e6, limit: 600 }
      ]
    }
  }
}
