import { type Client, portsOf } from "./http.js"
import type { Contender, Work } from "./measure.js"
import { atLeast, times } from "./report.js"
import type { Scenario } from "./scenarios.js"

/** Reads and asks again each time, on one connection that is kept. */
const floor: Contender = async () => {
  const { createHash } = await import("node:crypto")
  const { readFile } = await import("node:fs/promises")
  const { Agent, get } = await import("node:http")
  const { text } = await import("node:stream/consumers")
  const { AWS_ENDPOINT_URL_SSO, AWS_PROFILE, HOME } = process.env
  const agent = new Agent({ keepAlive: true })
  const valueOf = (section: string, key: string): string =>
    new RegExp(`^${key} *= *(.*)$`, "m").exec(section)?.[1]?.trim() ?? ""
  return async () => {
    const config = await readFile(`${HOME}/.aws/config`, "utf8")
    const start = config.indexOf(`[profile ${AWS_PROFILE}]`)
    const end = config.indexOf("\n[", start)
    const profile = config.slice(start, end === -1 ? undefined : end)
    const name = createHash("sha1").update(valueOf(profile, "sso_session")).digest("hex")
    const token = JSON.parse(await readFile(`${HOME}/.aws/sso/cache/${name}.json`, "utf8"))
    const body = await new Promise<string>((resolve, reject) =>
      get(
        `${AWS_ENDPOINT_URL_SSO}/federation/credentials?account_id=${valueOf(profile, "sso_account_id")}&role_name=${
          valueOf(profile, "sso_role_name")
        }`,
        { agent, headers: { "x-amz-sso_bearer_token": token.accessToken } },
        (response) => resolve(text(response))
      ).on("error", reject)
    )
    return JSON.parse(body).roleCredentials.accessKeyId
  }
}

const v2 = (reuse: boolean): Contender => async () => {
  const { default: AWS } = await import("aws-sdk")
  const endpoint = process.env["AWS_ENDPOINT_URL_SSO"] ?? ""
  Object.assign(AWS.config, { sso: { endpoint } })
  const ssoClient = new AWS.SSO({ region: "eu-central-1" })
  return async () => {
    const credentials = new AWS.SsoCredentials(reuse ? { ssoClient } : {})
    await credentials.getPromise()
    return credentials.accessKeyId
  }
}

const v3 = (reuse: boolean): Contender => async () => {
  const { SSOClient } = await import("@aws-sdk/client-sso")
  const { fromSSO } = await import("@aws-sdk/credential-provider-sso")
  const options: Parameters<typeof fromSSO>[0] = {}
  // Its type is that of a copy of this client, which is not exported.
  if (reuse) Object.assign(options, { ssoClient: new SSOClient({ region: "eu-central-1" }) })
  return async () => (await fromSSO(options)()).accessKeyId
}

const ours = (client: Client): Contender => async () => {
  const { Effect, Layer, ManagedRuntime } = await import("effect")
  const { AwsIdentity, SsoCredentials } = await import("effect-aws-identity")
  const runtime = ManagedRuntime.make(Layer.provide(AwsIdentity.layer(), await portsOf(client)))
  const resolve = Effect.map(SsoCredentials.resolveProfile(), ({ accessKeyId }) => accessKeyId)
  return () => runtime.runPromise(resolve)
}

/** What is not ours to make faster: Effect's client at the same request, with nothing around it. */
const effectClient: Contender = async () => {
  const { HttpClient, HttpClientRequest } = await import("@effect/platform")
  const { NodeHttpClient } = await import("@effect/platform-node")
  const { Effect, ManagedRuntime } = await import("effect")
  const runtime = ManagedRuntime.make(NodeHttpClient.layerUndici)
  const request = HttpClientRequest.get(
    `${process.env["AWS_ENDPOINT_URL_SSO"]}/federation/credentials?account_id=111122223333&role_name=Developer`,
    { headers: { "x-amz-sso_bearer_token": "token" } }
  )
  const ask = Effect.gen(function*() {
    const client = HttpClient.withTracerDisabledWhen(yield* HttpClient.HttpClient, () => true)
    const response = yield* client.execute(request)
    return JSON.parse(yield* response.text).roleCredentials.accessKeyId
  })
  return () => runtime.runPromise(ask)
}

export const contenders: Readonly<Record<string, Contender>> = {
  "plain Node": floor,
  "Effect's client, the request alone": effectClient,
  "aws-sdk v2, one client": v2(true),
  "aws-sdk v2": v2(false),
  "AWS SDK v3, one client": v3(true),
  "AWS SDK v3": v3(false),
  "ours": ours("node:http"),
  "ours, undici": ours("undici"),
  "ours, the platform's undici": ours("the platform's undici")
}

const requests = (operations: number) => operations
const work: Work = { contenders, warmUp: 200, operations: 600, requests }
/** By then V8 has compiled what is run each time. */
const compiled: Work = {
  contenders: {
    "plain Node": floor,
    "aws-sdk v2, one client": v2(true),
    "AWS SDK v3, one client": v3(true),
    "ours": ours("node:http"),
    "ours, undici": ours("undici"),
    "ours, the platform's undici": ours("the platform's undici")
  },
  warmUp: 3000,
  operations: 1000,
  requests
}

export const resolve: Scenario = {
  id: "S3",
  title: "Resolving without a cache of credentials: config, token and GetRoleCredentials",
  works: { work, compiled },
  run: async (bench) => {
    const samples = await bench.compare("S3", "work", work, bench.quick ? 3 : 5)
    const later = await bench.compare("S3", "compiled", compiled, bench.quick ? 1 : 5)
    return {
      tables: [
        times("One resolve, after 200", "ms", samples, "AWS SDK v3, one client"),
        times("One resolve, after 3,000", "ms", later, "AWS SDK v3, one client")
      ],
      budgets: [
        atLeast("resolves a second, late", later, "ours", "aws-sdk v2, one client", 1.5),
        atLeast("resolves a second, late", later, "ours", "AWS SDK v3, one client", 2),
        atLeast("resolves a second, early", samples, "ours", "aws-sdk v2, one client", 0.8),
        atLeast("resolves a second, early", samples, "ours", "AWS SDK v3, one client", 1)
      ]
    }
  }
}
