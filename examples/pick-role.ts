/**
 * All accounts and roles that you may use, each as soon as it is known, and a program that acts in the role you pick.
 *
 *   npx tsx examples/pick-role.ts                    on an Identity Center embedded in this program
 *
 *   npx tsx examples/pick-role.ts --profile NAME     on your own AWS files and the real endpoints
 */
import { Terminal } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Option, Stream } from "effect"
import { CredentialsProvider, SharedConfig, SsoCredentials, SsoRoles } from "effect-aws-identity"
import { TestIdentity } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { parseArgs } from "node:util"

// ---------------------------------------------------------------------------------------------------------------
// The application.
// ---------------------------------------------------------------------------------------------------------------

/** Code that acts in the role, and does not know how it was found. */
const work = Effect.gen(function*() {
  const { accessKeyId, accountId } = yield* CredentialsProvider.get
  yield* Console.log(`Works in account ${Option.getOrNull(accountId)} with ${accessKeyId}`)
})

const application = (ask: Effect.Effect<string>) =>
  Effect.gen(function*() {
    const session = yield* SharedConfig.sessionOfProfile()
    // Requests pages as rows are taken: a program that takes ten rows requests no more than these need.
    const roles = yield* SsoRoles.stream(session).pipe(
      Stream.zipWithIndex,
      Stream.tap(([{ accountId, accountName, roleName }, index]) =>
        Console.log(
          `${index + 1}  ${accountId}  ${Option.getOrElse(accountName, () => "").padEnd(20)}  ${roleName}`
        )
      ),
      Stream.map(([role]) => role),
      Stream.runCollect
    )
    yield* Console.log("Which one? Type its number.")
    const picked = [...roles][Number(yield* ask) - 1]
    if (picked === undefined) return yield* Console.error("There is no role of that number.")
    const { accountId, roleName } = picked
    yield* Effect.provide(work, SsoCredentials.layer({ session, accountId, roleName }))
  }).pipe(
    Effect.catchTag("SsoLoginRequired", ({ command }) => Console.error(`You are not signed in: run "${command}".`))
  )

const aws = (profile: string) => NodeIdentity.layer({ profile })

const onYourFiles = (profile: string) =>
  Effect.flatMap(Terminal.Terminal, ({ readLine }) => application(Effect.orElseSucceed(readLine, () => ""))).pipe(
    Effect.provide([aws(profile), NodeContext.layer])
  )

// ---------------------------------------------------------------------------------------------------------------
// The same on an Identity Center of our own, and a person who picks the fourth role.
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
  ? Effect.provide(application(Effect.succeed("4")), emulated)
  : onYourFiles(profile)

NodeRuntime.runMain(main)
