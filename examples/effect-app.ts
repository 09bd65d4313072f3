/**
 * An application that uses AWS credentials and does not say whose. The layer at its edge does.
 *
 *   npx tsx examples/effect-app.ts                    on an Identity Center embedded in this program
 *
 *   npx tsx examples/effect-app.ts --profile NAME     on your own AWS files and the real endpoints
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Context, Effect, Layer, Schedule } from "effect"
import { CredentialsProvider, type IdentityError } from "effect-aws-identity"
import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { parseArgs } from "node:util"

// ---------------------------------------------------------------------------------------------------------------
// The application. Its service Archive depends on CredentialsProvider, and the rest on Archive.
// ---------------------------------------------------------------------------------------------------------------

class Archive extends Context.Tag("app/Archive")<Archive, {
  readonly store: (document: string) => Effect.Effect<string, IdentityError.IdentityError>
}>() {
  static readonly layer = Layer.effect(
    Archive,
    Effect.map(CredentialsProvider.CredentialsProvider, (provider) => ({
      // Gets them at each use: credentials in a variable would expire.
      store: (document: string) =>
        Effect.map(provider.get, ({ accessKeyId }) => `${document}, signed with ${accessKeyId}`)
    }))
  )
}

const application = Effect.gen(function*() {
  const archive = yield* Archive
  yield* Console.log(yield* archive.store("Some report"))
}).pipe(
  Effect.repeat(Schedule.spaced("600 millis").pipe(Schedule.intersect(Schedule.recurs(4)))),
  Effect.catchTag("SsoLoginRequired", ({ command }) => Console.error(`You are not signed in: run "${command}".`)),
  Effect.provide(Archive.layer)
)

/** The edge. `background` refreshes the credentials before they expire, so that no caller waits for them. */
const aws = (profile: string) => NodeIdentity.layer({ profile, background: true })

// ---------------------------------------------------------------------------------------------------------------
// The same on an Identity Center of our own: another layer at the edge, of credentials that live for two seconds.
// ---------------------------------------------------------------------------------------------------------------

const onOurOwn = Effect.gen(function*() {
  yield* application
  const center = yield* IdentityCenter.IdentityCenter
  const calls = yield* center.calls
  yield* Console.log(`Meanwhile, in the background: ${calls.join(", ")}`)
}).pipe(Effect.provide(TestIdentity.layer({ background: true, identityCenter: { credentialsLifetime: "2 seconds" } })))

const { profile } = parseArgs({ options: { profile: { type: "string" } } }).values

const main: Effect.Effect<void, unknown> = profile === undefined ? onOurOwn : Effect.provide(application, aws(profile))

NodeRuntime.runMain(main)
