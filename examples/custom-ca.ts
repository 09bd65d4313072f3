/**
 * A certificate authority of your own: that of a proxy that reads along, or of an endpoint in your network.
 *
 *   npx tsx examples/custom-ca.ts    on an Identity Center embedded in this program, with a certificate of its own
 *
 *   AWS_PROFILE=NAME npx tsx examples/custom-ca.ts --ca FILE    on your own AWS files and the real endpoints
 *
 * FILE holds a certificate as PEM. Without a line of code, `NODE_EXTRA_CA_CERTS=FILE` does it for a whole Node process.
 */
import { FileSystem, HttpServer } from "@effect/platform"
import { NodeContext, NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import {
  AwsIdentity,
  CredentialsProvider,
  SharedConfig,
  SsoCredentials,
  SsoLogin,
  SsoTokenCache
} from "effect-aws-identity"
import { Emulator, IdentityCenter } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { Agent, createServer } from "node:https"
import { rootCertificates } from "node:tls"
import { parseArgs } from "node:util"
import { generate } from "selfsigned"

// ---------------------------------------------------------------------------------------------------------------
// What an application does: the agent of its requests trusts the authority.
// ---------------------------------------------------------------------------------------------------------------

/** Trusts `ca` (PEM) beside the authorities that Node trusts: the list of an agent takes the place of Node's own. */
const trusting = (ca: string): Agent => new Agent({ ca: [...rootCertificates, ca], keepAlive: true })

const showKey = Effect.gen(function*() {
  const { accessKeyId } = yield* CredentialsProvider.get
  yield* Console.log(`   access key ${accessKeyId}`)
})

const onYourFiles = (file: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const ca = yield* fs.readFileString(file)
    yield* Effect.provide(showKey, NodeIdentity.layer({ agent: trusting(ca) }))
  }).pipe(Effect.provide(NodeContext.layer))

// ---------------------------------------------------------------------------------------------------------------
// The same on an Identity Center of our own, over https, without and with its certificate.
// ---------------------------------------------------------------------------------------------------------------

const configText = `[default]
sso_session = demo
sso_account_id = 111122223333
sso_role_name = Developer

[sso-session demo]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-central-1
sso_registration_scopes = sso:account:access
`

const certificate = Effect.promise(() =>
  generate([{ name: "commonName", value: "demo" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }]
  })
)

const onOurOwn = Effect.gen(function*() {
  const { cert, private: key } = yield* certificate
  const server = yield* NodeHttpServer.make(() => createServer({ cert, key }), { host: "127.0.0.1", port: 0 })
  const served = yield* Effect.provideService(Emulator.serve, HttpServer.HttpServer, server)
  const endpoint = served.replace("http:", "https:")

  const center = yield* IdentityCenter.IdentityCenter
  const loginAtOnce = Effect.flatMap(
    SharedConfig.session("demo"),
    (session) => SsoLogin.device(session, { onPrompt: ({ userCode }) => center.approve(userCode) })
  )
  const run = (ports: Layer.Layer<NodeIdentity.Ports>) =>
    Effect.provide(
      Effect.zipRight(loginAtOnce, showKey),
      CredentialsProvider.layer(SsoCredentials.resolveProfile()).pipe(
        Layer.provideMerge(AwsIdentity.layerServices({ client: { endpoint } })),
        Layer.provideMerge(Layer.merge(SharedConfig.layerMemory({ config: configText }), SsoTokenCache.layerMemory())),
        Layer.provide(ports)
      )
    )

  yield* Console.log("Without its certificate:")
  const error = yield* Effect.orDieWith(
    Effect.flip(run(NodeIdentity.layerPorts())),
    () => "It was trusted nevertheless"
  )
  yield* Console.log(`   ${error._tag}: ${error.message}`)
  yield* Console.log("With it:")
  yield* run(NodeIdentity.layerPorts({ agent: trusting(cert) }))
}).pipe(Effect.scoped, Effect.provide(IdentityCenter.layer({ interval: "1 second" })))

// ---------------------------------------------------------------------------------------------------------------

const { ca } = parseArgs({ options: { ca: { type: "string" } } }).values

const main: Effect.Effect<void, { readonly message: string }> = ca === undefined ? onOurOwn : onYourFiles(ca)

NodeRuntime.runMain(main)
