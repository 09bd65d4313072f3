import { type Client, portsOf } from "./http.js"
import type { Contender, Work } from "./measure.js"
import { atLeast, times } from "./report.js"
import type { Scenario } from "./scenarios.js"

const floor: Contender = async () => {
  const { readFile } = await import("node:fs/promises")
  const { Agent, request } = await import("node:http")
  const { text } = await import("node:stream/consumers")
  const { AWS_ENDPOINT_URL_STS, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME, AWS_WEB_IDENTITY_TOKEN_FILE } = process.env
  const agent = new Agent({ keepAlive: true })
  return async () => {
    const body = new URLSearchParams({
      Action: "AssumeRoleWithWebIdentity",
      Version: "2011-06-15",
      RoleArn: AWS_ROLE_ARN ?? "",
      RoleSessionName: AWS_ROLE_SESSION_NAME ?? "",
      WebIdentityToken: await readFile(AWS_WEB_IDENTITY_TOKEN_FILE ?? "", "utf8")
    }).toString()
    const answer = await new Promise<string>((resolve, reject) =>
      request(`${AWS_ENDPOINT_URL_STS}/`, {
        method: "POST",
        agent,
        headers: { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(body) }
      }, (response) => resolve(text(response))).on("error", reject).end(body)
    )
    return /<AccessKeyId>(.*)<\/AccessKeyId>/.exec(answer)?.[1] ?? ""
  }
}

const v2 = (reuse: boolean): Contender => async () => {
  const { default: AWS } = await import("aws-sdk")
  Object.assign(AWS.config, { sts: { endpoint: process.env["AWS_ENDPOINT_URL_STS"] } })
  const kept = new AWS.TokenFileWebIdentityCredentials()
  return async () => {
    const credentials = reuse ? kept : new AWS.TokenFileWebIdentityCredentials()
    await credentials.refreshPromise()
    return credentials.accessKeyId
  }
}

const v3 = (reuse: boolean): Contender => async () => {
  const { getDefaultRoleAssumerWithWebIdentity } = await import("@aws-sdk/client-sts")
  const { fromTokenFile } = await import("@aws-sdk/credential-provider-web-identity")
  const roleAssumerWithWebIdentity = getDefaultRoleAssumerWithWebIdentity({ region: "eu-central-1" })
  return async () => (await fromTokenFile(reuse ? { roleAssumerWithWebIdentity } : {})()).accessKeyId
}

const ours = (client: Client): Contender => async () => {
  const { Effect, Layer, ManagedRuntime } = await import("effect")
  const { SharedConfig, Sts, WebIdentityCredentials } = await import("effect-aws-identity")
  const runtime = ManagedRuntime.make(
    Sts.layerProfile().pipe(
      Layer.provide(SharedConfig.layer()),
      Layer.provideMerge(await portsOf(client))
    )
  )
  const resolve = Effect.map(WebIdentityCredentials.resolve(), ({ accessKeyId }) => accessKeyId)
  return () => runtime.runPromise(resolve)
}

const work: Work = {
  warmUp: 200,
  operations: 600,
  requests: (operations) => operations,
  contenders: {
    "plain Node": floor,
    "aws-sdk v2, one client": v2(true),
    "aws-sdk v2": v2(false),
    "AWS SDK v3, one client": v3(true),
    "AWS SDK v3": v3(false),
    "ours": ours("node:http"),
    "ours, undici": ours("undici")
  }
}

/** By then V8 has compiled what is run each time. */
const compiled: Work = {
  ...work,
  warmUp: 3000,
  operations: 1000,
  contenders: { "plain Node": floor, "aws-sdk v2, one client": v2(true), "ours": ours("node:http") }
}

export const webIdentity: Scenario = {
  id: "S7",
  title: "AssumeRoleWithWebIdentity with the token of a file",
  works: { work, compiled },
  run: async (bench) => {
    const samples = await bench.compare("S7", "work", work, bench.quick ? 3 : 5)
    const later = await bench.compare("S7", "compiled", compiled, bench.quick ? 1 : 5)
    return {
      tables: [
        times("One exchange, after 200", "ms", samples, "aws-sdk v2, one client"),
        times("One exchange, after 3,000", "ms", later, "aws-sdk v2, one client")
      ],
      budgets: [
        atLeast("exchanges a second, late", later, "ours", "aws-sdk v2, one client", 1),
        atLeast("exchanges a second, early", samples, "ours", "aws-sdk v2, one client", 0.7)
      ]
    }
  }
}
