/**
 * The SSO token as a bearer token, for an MCP server or an API that takes it. It is refreshed, and replaced if refused.
 *
 *   npx tsx examples/bearer-token.ts                                    on a server embedded in this program
 *
 *   AWS_PROFILE=NAME npx tsx examples/bearer-token.ts --url URL         on your own AWS files and a server of yours
 *
 * The token gives access to every role that you have. Send it only to servers that may have that access.
 */
import { HttpClient, HttpClientRequest, HttpServer, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpClient, NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { SharedConfig, type SsoSession, SsoTokenProvider } from "effect-aws-identity"
import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { createServer } from "node:http"
import { parseArgs } from "node:util"

// ---------------------------------------------------------------------------------------------------------------
// The application.
// ---------------------------------------------------------------------------------------------------------------

/** A client that is signed in to a session. If a server refuses a token with 401, the request is sent once more with another. */
const loggedIn = (session: SsoSession.SsoSession) =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const tokens = yield* SsoTokenProvider.SsoTokenProvider
    const send = (request: HttpClientRequest.HttpClientRequest) =>
      Effect.gen(function*() {
        const token = yield* tokens.get(session)
        const response = yield* client.execute(HttpClientRequest.bearerToken(request, token.accessToken))
        if (response.status === 401) yield* tokens.invalidate(session, token)
        return response
      }).pipe(Effect.repeat({ times: 1, while: ({ status }) => status === 401 }))
    return HttpClient.makeWith(
      (request: Effect.Effect<HttpClientRequest.HttpClientRequest>) => Effect.flatMap(request, send),
      Effect.succeed
    )
  })

const application = (url: string) =>
  Effect.gen(function*() {
    const client = yield* loggedIn(yield* SharedConfig.sessionOfProfile())
    const response = yield* client.get(url)
    yield* Console.log(`${response.status}: ${yield* response.text}`)
  }).pipe(
    Effect.scoped,
    Effect.catchTag("SsoLoginRequired", ({ command }) => Console.error(`You are not signed in: run "${command}".`))
  )

const aws = Layer.merge(NodeIdentity.layer(), NodeHttpClient.layer)

// ---------------------------------------------------------------------------------------------------------------
// The same on a server of our own that refuses the first token it sees.
// ---------------------------------------------------------------------------------------------------------------

const serve = Effect.gen(function*() {
  let first: string | undefined
  yield* HttpServer.serveEffect(Effect.gen(function*() {
    const { headers } = yield* HttpServerRequest.HttpServerRequest
    first ??= headers["authorization"]
    const isRefused = headers["authorization"] === first
    yield* Console.log(`   The server gets ${isRefused ? "a token: refused" : "another token: taken"}`)
    return isRefused ? HttpServerResponse.empty({ status: 401 }) : HttpServerResponse.text("Welcome")
  }))
  const { address } = yield* HttpServer.HttpServer
  return HttpServer.formatAddress(address)
})

const onOurOwn = Effect.gen(function*() {
  yield* application(yield* serve)
  const center = yield* IdentityCenter.IdentityCenter
  const calls = yield* center.calls
  yield* Console.log(`Asked of the Identity Center: ${calls.join(", ")}`)
}).pipe(
  Effect.scoped,
  Effect.provide([
    TestIdentity.layer(),
    NodeHttpClient.layer,
    NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })
  ])
)

const { url } = parseArgs({ options: { url: { type: "string" } } }).values

const main: Effect.Effect<void, unknown> = url === undefined ? onOurOwn : Effect.provide(application(url), aws)

NodeRuntime.runMain(main)
