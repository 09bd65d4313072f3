/**
 * The portal, the OIDC service and STS for every contender: what AWS answers, with as little work as Node can do it
 * with, so that the contenders are what is measured. It runs as a process of its own and tells its parent how many
 * requests came and how busy it was.
 */
import { createServer, type IncomingMessage } from "node:http"
import { performance } from "node:perf_hooks"
import { buffer } from "node:stream/consumers"

/** How long credentials live, in ms: the first of these for the next answer; the last one stays. */
let lifetimes = [3_600_000]
/** How long the answer takes, in ms. */
let delay = 0
let requests = 0
let utilization = performance.eventLoopUtilization()

const accountsPerPage = 50

/** What the next child expects of us. */
export interface Plan {
  readonly lifetimes?: ReadonlyArray<number>
  readonly delay?: number
}

/** What came since the last report. */
export interface Report {
  readonly requests: number
  /** Of its core, 0 to 1. */
  readonly busy: number
}

const json = (value: unknown) => ({ type: "application/json", body: JSON.stringify(value) })

const credentials = (account: string) => {
  const lifetime = (lifetimes.length > 1 ? lifetimes.shift() : lifetimes[0]) ?? 0
  return {
    accessKeyId: `ASIA${account}`,
    secretAccessKey: "s".repeat(40),
    sessionToken: "t".repeat(600),
    expiration: Date.now() + lifetime
  }
}

const answer = async (request: IncomingMessage, url: URL) => {
  switch (`${request.method} ${url.pathname}`) {
    case "GET /federation/credentials":
      return json({ roleCredentials: credentials(url.searchParams.get("account_id") ?? "") })
    case "GET /assignment/accounts": {
      // The access token says how many accounts there are: `list-5000`.
      const all = Number(String(request.headers["x-amz-sso_bearer_token"]).slice(5))
      const start = Number(url.searchParams.get("next_token") ?? 0)
      const end = Math.min(start + accountsPerPage, all)
      return json({
        accountList: Array.from({ length: end - start }, (_, index) => ({
          accountId: String(100_000_000_000 + start + index),
          accountName: `account ${start + index}`,
          emailAddress: `account-${start + index}@example.com`
        })),
        nextToken: end < all ? String(end) : undefined
      })
    }
    case "GET /assignment/roles": {
      const accountId = url.searchParams.get("account_id")
      return json({ roleList: ["Administrator", "Developer"].map((roleName) => ({ roleName, accountId })) })
    }
    case "POST /token":
      await buffer(request)
      return json({ accessToken: "renewed", refreshToken: "refresh", expiresIn: 28_800, tokenType: "Bearer" })
    case "POST /": {
      const form = new URLSearchParams((await buffer(request)).toString())
      const role = form.get("RoleArn") ?? ""
      const account = role.split(":")[4] ?? ""
      const { accessKeyId, expiration, secretAccessKey, sessionToken } = credentials(account)
      return {
        type: "text/xml",
        body: `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <Audience>sts.amazonaws.com</Audience>
    <AssumedRoleUser>
      <AssumedRoleId>AROAEXAMPLE:session</AssumedRoleId>
      <Arn>arn:aws:sts::${account}:assumed-role/deploy/session</Arn>
    </AssumedRoleUser>
    <Provider>arn:aws:iam::${account}:oidc-provider/token.example.com</Provider>
    <Credentials>
      <AccessKeyId>${accessKeyId}</AccessKeyId>
      <SecretAccessKey>${secretAccessKey}</SecretAccessKey>
      <SessionToken>${sessionToken}</SessionToken>
      <Expiration>${new Date(expiration).toISOString()}</Expiration>
    </Credentials>
    <SubjectFromWebIdentityToken>subject</SubjectFromWebIdentityToken>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>`
      }
    }
    default:
      return undefined
  }
}

const server = createServer(async (request, response) => {
  requests += 1
  const found = await answer(request, new URL(request.url ?? "/", "http://localhost"))
  if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay))
  response.writeHead(found === undefined ? 404 : 200, {
    "content-type": found?.type ?? "text/plain",
    "content-length": Buffer.byteLength(found?.body ?? ""),
    "x-amzn-requestid": "00000000-0000-4000-8000-000000000000"
  })
  response.end(found?.body)
})
// Contenders come and go; a connection that ends between two of their requests would be our fault.
server.keepAliveTimeout = 60_000

process.on("message", (plan: Plan) => {
  const now = performance.eventLoopUtilization()
  const report: Report = { requests, busy: performance.eventLoopUtilization(now, utilization).utilization }
  requests = 0
  utilization = now
  lifetimes = [...plan.lifetimes ?? [3_600_000]]
  delay = plan.delay ?? 0
  process.send?.(report)
})
process.on("disconnect", () => process.exit())
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  process.send?.(typeof address === "object" ? address?.port : undefined)
})
