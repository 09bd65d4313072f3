/**
 * The five classes of aws-sdk v2, each with its replacement. `coming-from-aws-sdk-v2.md` has the rest.
 *
 *   npx tsx examples/migrate-from-v2.ts                    on an Identity Center embedded in this program
 *
 *   npx tsx examples/migrate-from-v2.ts --profile NAME     on your own AWS files and the real endpoints
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Option, Redacted, Stream } from "effect"
import {
  CredentialsProvider,
  Region,
  SharedConfig,
  SsoOidc,
  SsoRoles,
  SsoTokenProvider,
  WebIdentityCredentials
} from "effect-aws-identity"
import { OpenIdProvider, TestIdentity } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { parseArgs } from "node:util"

// ---------------------------------------------------------------------------------------------------------------
// The application. The comment before each part is the same in v2.
// ---------------------------------------------------------------------------------------------------------------

// const credentials = new AWS.SsoCredentials({ profile })
// await credentials.getPromise()
// console.log(credentials.accessKeyId)
const credentials = Effect.gen(function*() {
  const { accessKeyId } = yield* CredentialsProvider.get
  yield* Console.log(`SsoCredentials: ${accessKeyId}`)
})

// const provider = new AWS.SSOTokenProvider({ profile })
// await provider.getPromise()
// const accessToken = provider.token
const token = Effect.gen(function*() {
  const session = yield* SharedConfig.sessionOfProfile()
  const tokens = yield* SsoTokenProvider.SsoTokenProvider
  const { accessToken } = yield* tokens.get(session)
  yield* Console.log(`SSOTokenProvider: ${accessToken}`)
})

// const { accountList } = await new AWS.SSO({ region }).listAccounts({ accessToken }).promise()
// const { roleList } = await new AWS.SSO({ region }).listAccountRoles({ accessToken, accountId }).promise()
const roles = Effect.gen(function*() {
  const session = yield* SharedConfig.sessionOfProfile()
  // All pages of all accounts, with a token that is refreshed. `Sso.Sso` has the operations.
  yield* SsoRoles.stream(session).pipe(
    Stream.runForEach(({ accountId, roleName }) => Console.log(`SSO: role ${roleName} of account ${accountId}`))
  )
})

// const { clientId } = await new AWS.SSOOIDC({ region }).registerClient({ clientName, clientType: "public" }).promise()
const client = Effect.gen(function*() {
  const oidc = yield* SsoOidc.SsoOidc
  const { clientId } = yield* oidc.registerClient({
    region: Region.make("us-east-1"),
    clientName: "my-app",
    clientType: "public"
  })
  yield* Console.log(`SSOOIDC: client ${clientId}`)
})

// const credentials = new AWS.WebIdentityCredentials({ RoleArn, RoleSessionName, WebIdentityToken })
// await credentials.getPromise()
// console.log(credentials.data.SubjectFromWebIdentityToken)
const role = (token: Effect.Effect<Redacted.Redacted>) =>
  Effect.gen(function*() {
    const answer = yield* WebIdentityCredentials.assumeRole({
      roleArn: "arn:aws:iam::111122223333:role/ci",
      sessionName: "build",
      token
    })
    yield* Console.log(`WebIdentityCredentials: ${Option.getOrNull(answer.subjectFromWebIdentityToken)}`)
  })

const application = Effect.all([credentials, token, roles, client], { discard: true }).pipe(
  // if (error.code === "SSOTokenProviderFailure") ...
  Effect.catchTag("SsoLoginRequired", ({ command }) => Console.error(`You are not signed in: run "${command}".`))
)

const aws = (profile: string) => NodeIdentity.layer({ profile })

// ---------------------------------------------------------------------------------------------------------------
// The same on an Identity Center of our own, and an identity provider whose word it takes.
// ---------------------------------------------------------------------------------------------------------------

const onOurOwn = Effect.gen(function*() {
  yield* application
  const provider = yield* OpenIdProvider.make()
  yield* role(Effect.map(provider.issue(), Redacted.make))
}).pipe(Effect.provide(TestIdentity.layer()))

const { profile } = parseArgs({ options: { profile: { type: "string" } } }).values

const main: Effect.Effect<void, unknown> = profile === undefined ? onOurOwn : Effect.provide(application, aws(profile))

NodeRuntime.runMain(main)
