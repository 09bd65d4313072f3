/**
 * Every call through your HTTP proxy.
 *
 *   npx tsx examples/proxy.ts    on a proxy and an Identity Center embedded in this program
 *
 *   HTTPS_PROXY=http://HOST:PORT npx tsx examples/proxy.ts --profile NAME    on your own AWS files
 */
import { HttpServer } from "@effect/platform"
import { NodeHttpServer, NodeRuntime, Undici } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import {
  AwsIdentity,
  CredentialsProvider,
  SharedConfig,
  SsoCredentials,
  SsoLogin,
  SsoTokenCache,
  Sts
} from "effect-aws-identity"
import { Emulator, IdentityCenter } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { createServer as createHttpServer } from "node:http"
import { createServer as createHttpsServer } from "node:https"
import { connect } from "node:net"
import { parseArgs } from "node:util"
import { generate } from "selfsigned"

// ---------------------------------------------------------------------------------------------------------------
// What an application does: its HttpClient is the one that knows of the proxy.
// ---------------------------------------------------------------------------------------------------------------

/**
 * Through the proxies of `HTTPS_PROXY` and `HTTP_PROXY`, and past them to the hosts of `NO_PROXY`; the options of the
 * same names take the place of these variables. A user and password stand in the proxy's URL.
 */
const proxyAgent = (options?: Undici.EnvHttpProxyAgent.Options) =>
  Effect.acquireRelease(
    Effect.sync(() => new Undici.EnvHttpProxyAgent(options)),
    (dispatcher) => Effect.promise(() => dispatcher.destroy())
  )

const throughProxy = (options?: Undici.EnvHttpProxyAgent.Options): Layer.Layer<NodeIdentity.Ports> =>
  Layer.unwrapScoped(Effect.map(proxyAgent(options), (dispatcher) => NodeIdentity.layerPorts({ dispatcher })))

const whoAmI = Effect.gen(function*() {
  const sts = yield* Sts.Sts
  const { region } = yield* SharedConfig.sessionOfProfile()
  const credentials = yield* CredentialsProvider.get
  const { arn } = yield* sts.getCallerIdentity({ region, credentials })
  yield* Console.log(`You are ${arn}`)
})

const onYourFiles = (profile: string) =>
  whoAmI.pipe(
    Effect.provide(Layer.provide(AwsIdentity.layer({ profile }), throughProxy()))
  )

// ---------------------------------------------------------------------------------------------------------------
// The same on a proxy of our own. It leads every host to an embedded Identity Center, so that AWS's own host names
// can be asked for: the certificate for them is made on the spot, and trusted behind the proxy.
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

const hosts = ["oidc", "portal.sso", "sts"].map((service) => `${service}.eu-central-1.amazonaws.com`)

const certificate = Effect.promise(() =>
  generate([{ name: "commonName", value: "demo" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames: hosts.map((value) => ({ type: 2, value })) }]
  })
)

const anyPort = { host: "127.0.0.1", port: 0 }

const portOf = ({ address }: HttpServer.HttpServer) => address._tag === "TcpAddress" ? address.port : 0

/** An HTTP proxy that leads every CONNECT to one port of ours, and gives its URL. */
const proxyTo = (port: number, onConnect: (host: string | undefined) => void) =>
  Effect.map(
    NodeHttpServer.make(() =>
      createHttpServer().on("connect", (request, client, head) => {
        onConnect(request.url)
        const upstream = connect(port, "127.0.0.1", () => {
          client.write("HTTP/1.1 200 Connection Established\r\n\r\n")
          upstream.write(head)
          upstream.pipe(client)
          client.pipe(upstream)
        })
        upstream.on("error", () => client.destroy())
        client.on("error", () => upstream.destroy())
      }), anyPort),
    (server) => `http://127.0.0.1:${portOf(server)}`
  )

const onOurOwn = Effect.gen(function*() {
  const { cert, private: key } = yield* certificate
  const server = yield* NodeHttpServer.make(() => createHttpsServer({ cert, key }), anyPort)
  yield* Effect.provideService(Emulator.serve, HttpServer.HttpServer, server)
  const connected: Array<string | undefined> = []
  const proxy = yield* proxyTo(portOf(server), (host) => connected.push(host))

  const center = yield* IdentityCenter.IdentityCenter
  const loginAtOnce = Effect.flatMap(
    SharedConfig.session("demo"),
    (session) => SsoLogin.device(session, { onPrompt: ({ userCode }) => center.approve(userCode) })
  )
  yield* Console.log(`A proxy listens on ${proxy}`)
  yield* Effect.zipRight(loginAtOnce, whoAmI).pipe(
    Effect.provide(
      CredentialsProvider.layer(SsoCredentials.resolveProfile()).pipe(
        Layer.provideMerge(AwsIdentity.layerServices()),
        Layer.provideMerge(Layer.merge(SharedConfig.layerMemory({ config: configText }), SsoTokenCache.layerMemory())),
        Layer.provide(throughProxy({ httpsProxy: proxy, noProxy: "", requestTls: { ca: cert } }))
      )
    )
  )
  yield* Console.log("Connected through the proxy:")
  yield* Effect.forEach(connected, (host) => Console.log(`   ${host}`))
}).pipe(Effect.scoped, Effect.provide(IdentityCenter.layer({ interval: "1 second" })))

// ---------------------------------------------------------------------------------------------------------------

const { profile } = parseArgs({ options: { profile: { type: "string" } } }).values

const main: Effect.Effect<void, { readonly message: string }> = profile === undefined ? onOurOwn : onYourFiles(profile)

NodeRuntime.runMain(main)
