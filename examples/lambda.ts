/**
 * A function on AWS Lambda. Its layer is built once for each container, at the first event.
 *
 *   npx tsx examples/lambda.ts                                        on an STS embedded in this program
 *
 *   AWS_ACCESS_KEY_ID=... npx tsx examples/lambda.ts --aws            with credentials in your environment
 *
 * On Lambda itself, bundle the first part to one file.
 */
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, ManagedRuntime } from "effect"
import { CredentialsProvider, EnvironmentCredentials, Sts } from "effect-aws-identity"
import { Emulator, IdentityCenter } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { createServer } from "node:http"
import { parseArgs } from "node:util"

// ---------------------------------------------------------------------------------------------------------------
// The application.
// ---------------------------------------------------------------------------------------------------------------

const handle = (event: { readonly name: string }) =>
  Effect.gen(function*() {
    const sts = yield* Sts.Sts
    const { arn } = yield* sts.getCallerIdentity({ credentials: yield* CredentialsProvider.get })
    return { statusCode: 200, body: `Hello ${event.name}, from ${arn}` }
  }).pipe(
    // A refusal of AWS is an answer to this event. Any other error fails the function: Lambda shows it and tries again.
    Effect.catchTag(
      "AccessDeniedException",
      ({ description }) => Effect.succeed({ statusCode: 403, body: description })
    )
  )

/** Lambda puts the credentials of the function's role and `AWS_REGION`, the region of STS, into its environment. */
const aws = Layer.merge(EnvironmentCredentials.layer(), Sts.layerEnvironment()).pipe(
  Layer.provide(NodeIdentity.layerPorts())
)

const runtime = ManagedRuntime.make(aws)

export const handler = (event: { readonly name: string }) => runtime.runPromise(handle(event))

// ---------------------------------------------------------------------------------------------------------------
// Here we are Lambda: we set the environment, and send two events.
// ---------------------------------------------------------------------------------------------------------------

const send = Effect.gen(function*() {
  for (const name of ["Ada", "Grace"]) {
    const { body } = yield* Effect.promise(() => handler({ name }))
    yield* Console.log(body)
  }
})

const onOurOwn = Effect.gen(function*() {
  const { sts } = yield* IdentityCenter.IdentityCenter
  const key = yield* sts.issue({ roleArn: "arn:aws:iam::111122223333:role/greeter", sessionName: "greeter" })
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: key.accessKeyId,
    AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
    AWS_SESSION_TOKEN: key.sessionToken,
    AWS_REGION: "eu-central-1",
    AWS_ENDPOINT_URL_STS: yield* Emulator.serve
  })
  yield* send
}).pipe(
  Effect.scoped,
  Effect.provide([IdentityCenter.layer(), NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })])
)

const { aws: isAws } = parseArgs({ options: { aws: { type: "boolean" } } }).values

const main: Effect.Effect<void, unknown> = isAws === true ? send : onOurOwn

NodeRuntime.runMain(main)
