/**
 * A job on GitHub Actions that runs longer than its tokens, in a role that only its first role may assume.
 *
 *   npx tsx examples/github-actions.ts          on a GitHub and an STS embedded in this program
 *
 *   npx tsx examples/github-actions.ts --aws    in a job with "permissions: id-token: write", on roles of yours
 */
import { HttpServer, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { ConfigProvider, Console, Effect, Layer, TestClock, TestContext } from "effect"
import {
  AccountId,
  AllowedAccounts,
  AssumeRoleCredentials,
  CredentialsProvider,
  Sts,
  WebIdentityCredentials,
  WebIdentityToken
} from "effect-aws-identity"
import { Emulator, IdentityCenter, OpenIdProvider } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { createServer } from "node:http"
import { parseArgs } from "node:util"

// ---------------------------------------------------------------------------------------------------------------
// The application.
// ---------------------------------------------------------------------------------------------------------------

const ciRole = "arn:aws:iam::111122223333:role/ci"
const deployRole = "arn:aws:iam::444455556666:role/deploy"

const upload = (what: string) =>
  Effect.gen(function*() {
    const sts = yield* Sts.Sts
    const { arn } = yield* sts.getCallerIdentity({ credentials: yield* CredentialsProvider.get })
    yield* Console.log(`${what}: uploaded as ${arn}`)
  })

const job = (tests: Effect.Effect<void>) =>
  upload("The build").pipe(
    Effect.zipRight(tests),
    Effect.zipRight(upload("The report")),
    Effect.tapErrorTag("CredentialsUnavailable", ({ message }) => Console.error(`GitHub: ${message}`)),
    Effect.tapErrorTag("AccountNotAllowed", ({ accountId }) => Console.error(`Not in account ${accountId}!`))
  )

/** From the bottom up: the job's token gives the first role, that gives the second, and its account is checked. */
const aws = AllowedAccounts.layer({ accounts: [AccountId.make("444455556666")] }).pipe(
  Layer.provide(AssumeRoleCredentials.layer({ roleArn: deployRole, sessionName: "deploy" })),
  Layer.provide(WebIdentityCredentials.layer({ roleArn: ciRole, token: WebIdentityToken.githubActions() })),
  Layer.provideMerge(Sts.layerEnvironment()),
  Layer.provide(NodeIdentity.layerPorts())
)

// ---------------------------------------------------------------------------------------------------------------
// The same on a GitHub of our own, whose tokens expire after five minutes, with a clock that the program moves.
// ---------------------------------------------------------------------------------------------------------------

const onOurOwn = Effect.gen(function*() {
  const github = yield* OpenIdProvider.make({
    issuer: "https://token.actions.githubusercontent.com",
    lifetime: "5 minutes"
  })
  const center = yield* IdentityCenter.make({
    openIdProviders: [{ provider: github, clientIds: ["sts.amazonaws.com"] }],
    roles: [
      { arn: ciRole, trusts: [{ issuer: github.issuer, StringLike: { sub: "repo:me/app:*" } }] },
      { arn: deployRole, trusts: ["111122223333"] }
    ]
  })
  const answer = Effect.gen(function*() {
    const { headers, url } = yield* HttpServerRequest.HttpServerRequest
    if (!url.startsWith("/github/token?")) return yield* Emulator.app
    if (headers["authorization"] !== "Bearer of-this-job") return HttpServerResponse.empty({ status: 401 })
    const value = yield* github.issue({ claims: { sub: "repo:me/app:ref:refs/heads/main" } })
    yield* Console.log("   GitHub gives a token")
    return yield* HttpServerResponse.json({ value })
  })
  yield* HttpServer.serveEffect(Effect.provideService(answer, IdentityCenter.IdentityCenter, center))
  const { address } = yield* HttpServer.HttpServer
  const url = HttpServer.formatAddress(address)
  const environment = ConfigProvider.fromMap(
    new Map([
      ["ACTIONS_ID_TOKEN_REQUEST_URL", `${url}/github/token?api-version=2.0`],
      ["ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-this-job"],
      ["AWS_REGION", "eu-central-1"],
      ["AWS_ENDPOINT_URL_STS", url],
      ["HOME", "/nowhere"]
    ])
  )
  const longTests = Effect.zipRight(Console.log("   Three hours of tests"), TestClock.adjust("3 hours"))
  yield* job(longTests).pipe(Effect.provide(aws), Effect.withConfigProvider(environment))
}).pipe(
  Effect.scoped,
  Effect.provide([NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }), TestContext.TestContext])
)

const { aws: isAws } = parseArgs({ options: { aws: { type: "boolean" } } }).values

const main: Effect.Effect<void, unknown> = isAws === true
  ? Effect.provide(job(Effect.sleep("3 hours")), aws)
  : onOurOwn

NodeRuntime.runMain(main)
