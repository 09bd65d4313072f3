/**
 * `@effect-aws/client-*` with our credentials, which are refreshed while the client lives as long as the program.
 *
 *   npx tsx examples/effect-aws.ts                    on an Identity Center and an STS embedded in this program
 *
 *   npx tsx examples/effect-aws.ts --profile NAME     on your own AWS files and the real endpoints
 */
import { STSService } from "@effect-aws/client-sts"
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { AwsSdk, CredentialsProvider } from "effect-aws-identity"
import { Emulator, TestIdentity } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { createServer } from "node:http"
import { parseArgs } from "node:util"

// ---------------------------------------------------------------------------------------------------------------
// The application.
// ---------------------------------------------------------------------------------------------------------------

/** The same for every service: its `layer` takes the options of the SDK client, with `credentials` and `region`. */
const sts = (config?: STSService.Config) =>
  Layer.unwrapEffect(Effect.map(AwsSdk.clientConfig, (identity) => STSService.layer({ ...identity, ...config })))

const application = Effect.gen(function*() {
  // Fails with the tagged error if there are no credentials. A client would fail with an SdkError.
  yield* CredentialsProvider.get
  const { Arn } = yield* STSService.getCallerIdentity({})
  yield* Console.log(`You are ${Arn}`)
}).pipe(
  Effect.catchTags({
    SsoLoginRequired: ({ command }) => Console.error(`You are not signed in: run "${command}".`),
    SdkError: ({ message }) => Console.error(`AWS did not like it: ${message}`)
  })
)

const aws = (profile: string) =>
  sts().pipe(
    Layer.provideMerge(NodeIdentity.layer({ profile }))
  )

// ---------------------------------------------------------------------------------------------------------------
// The same on an Identity Center of our own, whose STS verifies the signatures.
// ---------------------------------------------------------------------------------------------------------------

const emulated = Layer.unwrapScoped(Effect.map(Emulator.serve, (endpoint) => sts({ endpoint }))).pipe(
  Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
  Layer.provideMerge(TestIdentity.layer())
)

const { profile } = parseArgs({ options: { profile: { type: "string" } } }).values

const main: Effect.Effect<void, unknown> = profile === undefined
  ? Effect.provide(application, emulated)
  : Effect.provide(application, aws(profile))

NodeRuntime.runMain(main)
