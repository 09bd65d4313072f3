/**
 * What can a program do about an error? Four answers: sign in again, ask for access, try again later, or correct the
 * configuration.
 *
 *   npx tsx examples/errors.ts                    on an Identity Center embedded in this program, without a sign-in
 *
 *   npx tsx examples/errors.ts --profile NAME     on your own AWS files and the real endpoints
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { CredentialsProvider, IdentityError } from "effect-aws-identity"
import { TestIdentity } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { parseArgs } from "node:util"

const application = Effect.gen(function*() {
  yield* Console.log(`access key ${(yield* CredentialsProvider.get).accessKeyId}`)
}).pipe(
  IdentityError.catchKind("LoginRequired", ({ message }) => Console.log(`Sign in again.\n${message}`)),
  IdentityError.catchKind("AccessDenied", ({ message }) => Console.log(`Ask for access.\n${message}`)),
  IdentityError.catchKind("Unavailable", ({ message }) => Console.log(`Try again later.\n${message}`)),
  // NotConfigured, InvalidConfig or InvalidAnswer: the message names what to correct.
  Effect.catchAll(({ message }) => Console.log(`Correct the configuration.\n${message}`))
)

const { profile } = parseArgs({ options: { profile: { type: "string" } } }).values

NodeRuntime.runMain(
  profile === undefined
    ? Effect.provide(application, TestIdentity.layer({ signedIn: false }))
    : Effect.provide(
      application,
      NodeIdentity.layer({ profile })
    )
)
