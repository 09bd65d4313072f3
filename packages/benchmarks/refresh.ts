import { createHash } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { tokenFile, tokenText } from "./home.js"
import { type Client, portsOf } from "./http.js"
import type { Contender, Work } from "./measure.js"
import { atLeast, times } from "./report.js"
import type { Scenario } from "./scenarios.js"

/** Nobody renews a token twice in half a minute, so each time is a minute later for all that runs in the process. */
const laterEachTime = (contender: Contender): Contender => async () => {
  const RealDate = Date
  let ahead = 0
  const now = () => RealDate.now() + ahead
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, given) => Reflect.construct(target, given.length === 0 ? [now()] : given),
    get: (target, name, receiver) => name === "now" ? now : Reflect.get(target, name, receiver)
  })
  const file = tokenFile(process.env["HOME"] ?? "")
  const run = await contender()
  return async () => {
    ahead += 60_000
    writeFileSync(file, tokenText(now() - 1000))
    const key = await run()
    return `${key} ${JSON.parse(readFileSync(file, "utf8")).accessToken}`
  }
}

const floor: Contender = async () => {
  const { readFile, rename, writeFile } = await import("node:fs/promises")
  const { Agent, get, request } = await import("node:http")
  const { text } = await import("node:stream/consumers")
  const { AWS_ENDPOINT_URL_SSO, AWS_PROFILE, HOME } = process.env
  const agent = new Agent({ keepAlive: true })
  const valueOf = (section: string, key: string): string =>
    new RegExp(`^${key} *= *(.*)$`, "m").exec(section)?.[1]?.trim() ?? ""
  return async () => {
    const config = await readFile(`${HOME}/.aws/config`, "utf8")
    const profile = config.slice(config.indexOf(`[profile ${AWS_PROFILE}]`))
    const name = createHash("sha1").update(valueOf(profile, "sso_session")).digest("hex")
    const file = `${HOME}/.aws/sso/cache/${name}.json`
    const token = JSON.parse(await readFile(file, "utf8"))
    const { clientId, clientSecret, refreshToken } = token
    const body = JSON.stringify({ clientId, clientSecret, refreshToken, grantType: "refresh_token" })
    const renewed = JSON.parse(
      await new Promise<string>((resolve, reject) =>
        request(`${AWS_ENDPOINT_URL_SSO}/token`, {
          method: "POST",
          agent,
          headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) }
        }, (response) => resolve(text(response))).on("error", reject).end(body)
      )
    )
    const { accessToken, expiresIn } = renewed
    const expiresAt = new Date(Date.now() + expiresIn * 1000).toISOString()
    await writeFile(`${file}.new`, JSON.stringify({ ...token, ...renewed, expiresAt }), { mode: 0o600 })
    await rename(`${file}.new`, file)
    const answer = await new Promise<string>((resolve, reject) =>
      get(
        `${AWS_ENDPOINT_URL_SSO}/federation/credentials?account_id=${valueOf(profile, "sso_account_id")}&role_name=${
          valueOf(profile, "sso_role_name")
        }`,
        { agent, headers: { "x-amz-sso_bearer_token": accessToken } },
        (response) => resolve(text(response))
      ).on("error", reject)
    )
    return JSON.parse(answer).roleCredentials.accessKeyId
  }
}

const v2: Contender = async () => {
  const { default: AWS } = await import("aws-sdk")
  const endpoint = process.env["AWS_ENDPOINT_URL_SSO"]
  Object.assign(AWS.config, { sso: { endpoint }, ssooidc: { endpoint } })
  return async () => {
    const credentials = new AWS.SsoCredentials()
    await credentials.getPromise()
    return credentials.accessKeyId
  }
}

const v3: Contender = async () => {
  const { fromSSO } = await import("@aws-sdk/credential-provider-sso")
  return async () => (await fromSSO()()).accessKeyId
}

const ours = (client: Client): Contender => async () => {
  const { Effect, Layer, ManagedRuntime } = await import("effect")
  const { AwsIdentity, SsoCredentials } = await import("effect-aws-identity")
  const runtime = ManagedRuntime.make(
    Layer.provide(AwsIdentity.layer(), await portsOf(client))
  )
  const resolve = Effect.map(SsoCredentials.resolveProfile(), ({ accessKeyId }) => accessKeyId)
  return () => runtime.runPromise(resolve)
}

const work: Work = {
  contenders: {
    "plain Node, replacing the file": laterEachTime(floor),
    "aws-sdk v2": laterEachTime(v2),
    "AWS SDK v3": laterEachTime(v3),
    "ours, with lock and fsync": laterEachTime(ours("node:http")),
    "ours, undici": laterEachTime(ours("undici"))
  },
  answer: "ASIA111122223333 renewed",
  warmUp: 40,
  operations: 150,
  requests: (operations) => 2 * operations,
  plan: { lifetimes: [30 * 86_400_000] }
}

/** By then V8 has compiled what is run each time. */
const compiled: Work = {
  ...work,
  contenders: { "aws-sdk v2": laterEachTime(v2), "ours, with lock and fsync": laterEachTime(ours("node:http")) },
  warmUp: 1000,
  operations: 300
}

export const refresh: Scenario = {
  id: "S10",
  title: "From an expired token to credentials: refresh, cache write, GetRoleCredentials",
  works: { work, compiled },
  run: async (bench) => {
    const samples = await bench.compare("S10", "work", work, bench.quick ? 3 : 5)
    const later = await bench.compare("S10", "compiled", compiled, bench.quick ? 1 : 3)
    return {
      tables: [
        times("One refresh, after 40", "ms", samples, "aws-sdk v2"),
        times("One refresh, after 1,000", "ms", later, "aws-sdk v2")
      ],
      budgets: [
        atLeast("refreshes a second, late", later, "ours, with lock and fsync", "aws-sdk v2", 0.5),
        atLeast("refreshes a second, early", samples, "ours, with lock and fsync", "aws-sdk v2", 0.5)
      ]
    }
  }
}
