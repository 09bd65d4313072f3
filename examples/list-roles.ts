/**
 * All accounts and roles that you may become, each as soon as it is known.
 *
 *   npx tsx examples/list-roles.ts                    on an Identity Center embedded in this program
 *
 *   npx tsx examples/list-roles.ts --profile NAME     on your own AWS files and the real endpoints
 */
import { NodeContext, NodeHttpClient, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Option, Stream } from "effect"
import { AwsIdentity, SharedConfig, Sso, SsoTokenProvider } from "effect-aws-identity"
import { TestIdentity } from "effect-aws-identity-testing"
import { parseArgs } from "node:util"

// ---------------------------------------------------------------------------------------------------------------
// The application.
// ---------------------------------------------------------------------------------------------------------------

/** Pages and accounts are asked for as rows are taken: who takes ten asks for no more than these need. */
const roles = Stream.unwrap(Effect.gen(function*() {
  const config = yield* SharedConfig.read
  const session = yield* config.sessionOf(yield* config.profile())
  const tokens = yield* SsoTokenProvider.SsoTokenProvider
  const { accessToken } = yield* tokens.get(session)
  return Sso.streamAllRoles({ region: session.region, accessToken })
}))

const application = roles.pipe(
  Stream.runForEach(({ accountId, accountName, roleName }) =>
    Console.log(`${accountId}  ${Option.getOrElse(accountName, () => "").padEnd(20)}  ${roleName}`)
  ),
  Effect.catchTags({
    SsoLoginRequired: ({ command }) => Console.error(`Nobody is signed in: run "${command}".`),
    UnauthorizedException: () => Console.error("AWS has ended the sign-in: sign in again.")
  })
)

const aws = (profile: string) =>
  AwsIdentity.layer({ profile }).pipe(Layer.provide([NodeContext.layer, NodeHttpClient.layerUndici]))

// ---------------------------------------------------------------------------------------------------------------
// The same on an Identity Center of our own.
// ---------------------------------------------------------------------------------------------------------------

const accounts = ["Billing", "Development", "Production"].map((accountName, index) => ({
  accountId: `${index + 1}`.repeat(12),
  accountName,
  emailAddress: `${accountName.toLowerCase()}@example.com`,
  roles: ["Administrator", "ReadOnly"]
}))

const emulated = TestIdentity.layer({ identityCenter: { accounts } })

const { profile } = parseArgs({ options: { profile: { type: "string" } } }).values

const main: Effect.Effect<void, unknown> = profile === undefined
  ? Effect.provide(application, emulated)
  : Effect.provide(application, aws(profile))

NodeRuntime.runMain(main)
