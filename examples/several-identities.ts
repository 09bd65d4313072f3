/**
 * Several AWS identities in one program: two accounts at once, many by name, and another one for each request.
 *
 *   npx tsx examples/several-identities.ts          on an Identity Center embedded in this program
 *
 *   npx tsx examples/several-identities.ts --aws    on your own profiles "dev", "prod", "team-a" and "team-b"
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Context, Effect, Layer, LayerMap, Option } from "effect"
import { AwsIdentity, CredentialsProvider, ProfileCredentials, SharedConfig, SsoTokenCache } from "effect-aws-identity"
import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { parseArgs } from "node:util"

// ---------------------------------------------------------------------------------------------------------------
// The application.
// ---------------------------------------------------------------------------------------------------------------

/** Identities that are known when you write the program: a tag of your own for each. */
class Dev extends Context.Tag("app/Dev")<Dev, CredentialsProvider.Service>() {
  static readonly layer = Layer.scoped(this, CredentialsProvider.make(ProfileCredentials.resolve({ profile: "dev" })))
}

class Prod extends Context.Tag("app/Prod")<Prod, CredentialsProvider.Service>() {
  static readonly layer = Layer.scoped(this, CredentialsProvider.make(ProfileCredentials.resolve({ profile: "prod" })))
}

/** Identities that have a name at run time. `idleTimeToLive` keeps a provider, and so its cache, between two uses. */
class Teams extends LayerMap.Service<Teams>()("app/Teams", {
  lookup: (team: string) => ProfileCredentials.layer({ profile: `team-${team}` }),
  idleTimeToLive: "1 hour"
}) {}

/** All of them share the config files, the token cache and the clients, and so one sign-in. */
const identities = Layer.mergeAll(Dev.layer, Prod.layer, Teams.Default)

/** No identity is the default one here: without a `CredentialsProvider`, code that forgets to choose does not compile. */
const aws = identities.pipe(
  Layer.provide(AwsIdentity.layerServices()),
  Layer.provide([SharedConfig.layer(), SsoTokenCache.layer()]),
  Layer.provide(NodeIdentity.layerPorts())
)

const accountOf = (provider: CredentialsProvider.Service) =>
  Effect.map(provider.get, ({ accountId }) => Option.getOrElse(accountId, () => "unknown"))

/** Two accounts at once. */
const copy = Effect.gen(function*() {
  const source = yield* accountOf(yield* Prod)
  const target = yield* accountOf(yield* Dev)
  yield* Console.log(`Copies from account ${source} to account ${target}`)
})

/** Code that reads the one tag, as `SignedHttpClient` and `AwsSdk.credentials` do, and knows nothing of the others. */
const report = (title: string) =>
  Effect.gen(function*() {
    const { accountId } = yield* CredentialsProvider.get
    yield* Console.log(`${title}: account ${Option.getOrElse(accountId, () => "unknown")}`)
  })

/** One of many, by its name. */
const reportOf = (team: string) => Effect.provide(report(`Team ${team}`), Teams.get(team))

/** One for each request. The providers exist already, so a request costs nothing until their credentials expire. */
const handle = ({ path, stage }: { readonly path: string; readonly stage: "dev" | "prod" }) =>
  Effect.gen(function*() {
    const provider = stage === "prod" ? yield* Prod : yield* Dev
    yield* Effect.provideService(report(`Request ${path}`), CredentialsProvider.CredentialsProvider, provider)
  })

const application = Effect.gen(function*() {
  yield* copy
  yield* Effect.forEach(["a", "b", "a"], reportOf)
  yield* Effect.forEach([{ path: "/1", stage: "dev" }, { path: "/2", stage: "prod" }] as const, handle)
}).pipe(
  Effect.catchTag("SsoLoginRequired", ({ command }) => Console.error(`You are not signed in: run "${command}".`))
)

// ---------------------------------------------------------------------------------------------------------------
// The same on an Identity Center of our own, with four accounts.
// ---------------------------------------------------------------------------------------------------------------

const profiles = { dev: "111122223333", prod: "444455556666", "team-a": "777788889999", "team-b": "000011112222" }

const config = `${
  Object.entries(profiles).map(([name, accountId]) =>
    `[profile ${name}]
sso_session = example
sso_account_id = ${accountId}
sso_role_name = Developer
`
  ).join("\n")
}
[sso-session example]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
sso_registration_scopes = sso:account:access
`

const accounts = Object.entries(profiles).map(([accountName, accountId]) => ({
  accountId,
  accountName,
  emailAddress: `${accountName}@example.com`,
  roles: ["Developer"]
}))

const onOurOwn = Effect.gen(function*() {
  yield* application
  const center = yield* IdentityCenter.IdentityCenter
  yield* Console.log(`Asked of AWS: ${(yield* center.calls).join(", ")}`)
}).pipe(
  Effect.provide(identities.pipe(
    Layer.provideMerge(TestIdentity.layer({ config, identityCenter: { accounts } })),
    Layer.provide(NodeIdentity.layerPorts())
  ))
)

const { aws: isAws } = parseArgs({ options: { aws: { type: "boolean" } } }).values

const main: Effect.Effect<void, unknown> = isAws === true ? Effect.provide(application, aws) : onOurOwn

NodeRuntime.runMain(main)
