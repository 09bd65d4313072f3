/**
 * Our credentials for every tool that reads `~/.aws/config`: a `credential_process`.
 *
 *   npx tsx examples/credential-process.ts                    on an Identity Center embedded in this program
 *
 *   npx tsx examples/credential-process.ts --profile NAME     on your own AWS files and the real endpoints
 *
 * Bundled and installed, another profile names it: `credential_process = /opt/bin/credential-process --profile NAME`.
 * Standard output is for the one document alone: warnings and errors go to standard error.
 */
import { NodeRuntime } from "@effect/platform-node"
import type { Layer } from "effect"
import { Console, DateTime, Effect, Logger, Option, Redacted } from "effect"
import { type Credentials, CredentialsProvider } from "effect-aws-identity"
import { TestIdentity } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { parseArgs } from "node:util"

// ---------------------------------------------------------------------------------------------------------------
// The application.
// ---------------------------------------------------------------------------------------------------------------

/** `JSON.stringify` leaves out what is undefined: long-lived keys have no session token and no expiration. */
const documentOf = ({ accessKeyId, accountId, expiration, secretAccessKey, sessionToken }: Credentials.Credentials) =>
  JSON.stringify({
    Version: 1,
    AccessKeyId: accessKeyId,
    SecretAccessKey: Redacted.value(secretAccessKey),
    SessionToken: Option.getOrUndefined(Option.map(sessionToken, Redacted.value)),
    Expiration: Option.getOrUndefined(Option.map(expiration, DateTime.formatIso)),
    AccountId: Option.getOrUndefined(accountId)
  })

const application = Effect.gen(function*() {
  yield* Console.log(documentOf(yield* CredentialsProvider.get))
})

const aws = (profile: string) => NodeIdentity.layer({ profile })

/** The library logs its warnings. */
const toStandardError = Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))

/** On failure the exit code is 1 and the cause is on standard error, where AWS's tools show it. */
const run = <E extends { readonly message: string }>(
  layer: Layer.Layer<CredentialsProvider.CredentialsProvider, E>
) =>
  application.pipe(
    Effect.provide(layer),
    Effect.tapError(({ message }) => Console.error(message)),
    Effect.provide(toStandardError),
    NodeRuntime.runMain({ disableErrorReporting: true, disablePrettyLogger: true })
  )

// ---------------------------------------------------------------------------------------------------------------
// The same on an Identity Center of our own.
// ---------------------------------------------------------------------------------------------------------------

const { profile } = parseArgs({ options: { profile: { type: "string" } } }).values

if (profile === undefined) run(TestIdentity.layer())
else run(aws(profile))
