/**
 * The AWS SDK for JavaScript v3 with our credentials, in a program of Promises that has no Effect of its own.
 *
 *   npx tsx examples/aws-sdk-v3.ts                    on an Identity Center and an STS embedded in this program
 *
 *   npx tsx examples/aws-sdk-v3.ts --profile NAME     on your own AWS files and the real endpoints
 */
import { GetCallerIdentityCommand, STSClient, type STSClientConfig } from "@aws-sdk/client-sts"
import { NodeHttpServer } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { AwsSdk, IdentityError } from "effect-aws-identity"
import { Emulator, TestIdentity } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { createServer } from "node:http"
import { parseArgs } from "node:util"

// ---------------------------------------------------------------------------------------------------------------
// The application.
// ---------------------------------------------------------------------------------------------------------------

/** The clients of all services take the same identity, and so share its cache. */
const whoAmI = async (identity: AwsSdk.Identity, config?: STSClientConfig) => {
  const sts = new STSClient({ ...identity.clientConfig, ...config })
  try {
    const { Arn } = await sts.send(new GetCallerIdentityCommand({}))
    console.log(`You are ${Arn}`)
  } catch (error) {
    // The SDK passes on the tagged error of this library.
    if (!(error instanceof IdentityError.SsoLoginRequired)) throw error
    console.error(`You are not signed in: run "${error.command}".`)
  } finally {
    sts.destroy()
  }
}

const onYourFiles = async (profile: string) => {
  // Closes the layer when the function returns. Without "await using", call identity.dispose().
  await using identity = AwsSdk.fromLayer(
    NodeIdentity.layer({ profile })
  )
  await whoAmI(identity)
}

// ---------------------------------------------------------------------------------------------------------------
// The same on an Identity Center of our own, whose STS verifies the signatures.
// ---------------------------------------------------------------------------------------------------------------

const onOurOwn = async () => {
  let endpoint = ""
  const served = Layer.scopedDiscard(Effect.map(Emulator.serve, (url) => {
    endpoint = url
  }))
  await using identity = AwsSdk.fromLayer(
    served.pipe(
      Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
      Layer.provideMerge(TestIdentity.layer())
    )
  )
  await identity.credentials() // the first use builds the layer
  await whoAmI(identity, { endpoint })
}

const { profile } = parseArgs({ options: { profile: { type: "string" } } }).values

await (profile === undefined ? onOurOwn() : onYourFiles(profile))
