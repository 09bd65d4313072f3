/**
 * The HTTP face of `IdentityCenter`, byte for byte as AWS's clients expect it: in process as an `HttpClient`, or as
 * a server on a real socket. The portal and the OIDC service share one origin; their paths do not clash.
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type Exception, exceptions, type Fault, IdentityCenter, type Operation } from "./IdentityCenter.js"

interface Request {
  readonly method: string
  /** Path and query */
  readonly url: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const routes: Readonly<Record<string, Operation>> = {
  "POST /client/register": "registerClient",
  "POST /device_authorization": "startDeviceAuthorization",
  "POST /token": "createToken",
  "GET /federation/credentials": "getRoleCredentials",
  "GET /assignment/accounts": "listAccounts",
  "GET /assignment/roles": "listAccountRoles"
}

const text = Schema.NonEmptyString
const client = { clientId: text, clientSecret: text }
const portal = { accessToken: text }
const page = {
  maxResults: Schema.optional(Schema.NumberFromString.pipe(Schema.int(), Schema.between(1, 100))),
  nextToken: Schema.optional(text)
}

/** What an operation takes, by AWS's names; then the operation. Anything else is AWS's `InvalidRequestException`. */
const perform = (
  center: IdentityCenter["Type"],
  operation: Operation,
  fields: unknown
): Effect.Effect<unknown, Exception> => {
  const run = <A, I>(schema: Schema.Schema<A, I>, call: (input: A) => Effect.Effect<unknown, Exception>) =>
    Effect.flatMap(
      Effect.mapError(
        Schema.decodeUnknown(schema)(fields),
        (): Exception => ({ _tag: "Exception", name: "InvalidRequestException", description: "Invalid request" })
      ),
      call
    )
  switch (operation) {
    case "registerClient":
      return run(
        Schema.Struct({ clientName: text, clientType: text, scopes: Schema.optional(Schema.Array(text)) }),
        center.registerClient
      )
    case "startDeviceAuthorization":
      return run(Schema.Struct({ ...client, startUrl: text }), center.startDeviceAuthorization)
    case "createToken":
      return run(
        Schema.Struct({
          ...client,
          grantType: text,
          deviceCode: Schema.optional(text),
          refreshToken: Schema.optional(text)
        }),
        center.createToken
      )
    case "getRoleCredentials":
      return run(Schema.Struct({ ...portal, accountId: text, roleName: text }), center.getRoleCredentials)
    case "listAccounts":
      return run(Schema.Struct({ ...portal, ...page }), center.listAccounts)
    case "listAccountRoles":
      return run(Schema.Struct({ ...portal, ...page, accountId: text }), center.listAccountRoles)
  }
}

const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body)
})

/** The two services word their errors differently. */
const exceptionAnswer = (operation: Operation, { description, name }: Omit<Exception, "_tag">): Answer => {
  const { error, status } = exceptions[name]
  const isOidc = routeOf(operation).startsWith("POST")
  return isOidc
    ? json(status, { error, error_description: description }, {
      "x-amzn-errortype": `${name}:http://internal.amazon.com/coral/com.amazonaws.sso.oidc/`
    })
    : json(status, { message: description, __type: `com.amazonaws.switchboard.portal#${name}` }, {
      "x-amzn-errortype": `${name}:http://internal.amazon.com/coral/com.amazonaws.switchboard.portal/`
    })
}

const routeOf = (operation: Operation): string =>
  Object.keys(routes).find((route) => routes[route] === operation) ?? operation

const answerOf = (operation: Operation, fault: Exclude<Fault, "ConnectionRefused">): Answer =>
  typeof fault === "string"
    ? exceptionAnswer(operation, { name: fault, description: `${fault}, as the test asked` })
    : { headers: {}, ...fault }

/** None stands for no answer at all. */
const handle = Effect.fnUntraced(function*(request: Request) {
  const center = yield* IdentityCenter
  const requestId = (yield* Effect.replicateEffect(Random.nextIntBetween(0, 16), 32))
    .map((digit) => digit.toString(16)).join("")
  const withRequestId = (answer: Answer): Option.Option<Answer> =>
    Option.some({ ...answer, headers: { "x-amzn-requestid": requestId, ...answer.headers } })
  const { pathname, searchParams } = new URL(request.url, "http://localhost")
  const operation = routes[`${request.method} ${pathname}`]
  if (operation === undefined) return withRequestId(json(404, { message: `No such path: ${pathname}` }))
  const fault = yield* center.receive(operation)
  if (Option.isSome(fault)) {
    return fault.value === "ConnectionRefused" ? Option.none() : withRequestId(answerOf(operation, fault.value))
  }
  const fields = request.method === "POST" ? yield* Schema.decode(Body)(request.body) : {
    accessToken: request.headers["x-amz-sso_bearer_token"],
    accountId: searchParams.get("account_id") ?? undefined,
    roleName: searchParams.get("role_name") ?? undefined,
    maxResults: searchParams.get("max_result") ?? undefined,
    nextToken: searchParams.get("next_token") ?? undefined
  }
  return yield* perform(center, operation, fields).pipe(
    Effect.map((output) => json(200, output)),
    Effect.catchAll((exception) => Effect.succeed(exceptionAnswer(operation, exception))),
    Effect.map(withRequestId)
  )
}, Effect.catchTag("ParseError", () => Effect.succeed(Option.some(json(400, { message: "The body is not JSON" })))))

const Body = Schema.parseJson(Schema.Unknown)

const bodyText = ({ body }: HttpClientRequest.HttpClientRequest): string => {
  switch (body._tag) {
    case "Uint8Array":
      return new TextDecoder().decode(body.body)
    case "Raw":
      return String(body.body)
    default:
      return ""
  }
}

/**
 * An `HttpClient` that reaches the Identity Center without a socket, whatever the host: no waiting but the clock's.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHttpClient: Layer.Layer<HttpClient.HttpClient, never, IdentityCenter> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(Effect.context<IdentityCenter>(), (context) =>
    HttpClient.make((request, url) =>
      handle({
        method: request.method,
        url: url.pathname + url.search,
        headers: request.headers,
        body: bodyText(request)
      }).pipe(
        Effect.provide(context),
        Effect.flatMap(Option.match({
          onNone: () =>
            Effect.fail(
              new HttpClientError.RequestError({ request, reason: "Transport", cause: { code: "ECONNREFUSED" } })
            ),
          onSome: ({ body, ...init }) =>
            Effect.succeed(HttpClientResponse.fromWeb(request, new Response(body === "" ? null : body, init)))
        }))
      )
    ))
)

/**
 * The Identity Center as an `HttpApp`, to be served anywhere.
 *
 * @since 0.1.0
 * @category constructors
 */
export const app: HttpApp.Default<never, IdentityCenter> = Effect.gen(function*() {
  const request = yield* HttpServerRequest.HttpServerRequest
  const body = yield* Effect.orElseSucceed(request.text, () => "")
  const answer = yield* handle({ method: request.method, url: request.url, headers: request.headers, body })
  return Option.match(answer, {
    onNone: () => {
      hangUp(request.source)
      return HttpServerResponse.empty({ status: 503 })
    },
    onSome: ({ body, headers, status }) =>
      HttpServerResponse.text(body, { status, headers, contentType: headers["content-type"] ?? "text/plain" })
  })
})

/** A server cannot refuse a connection that it has, but it can cut it: on Node, by the request's own socket. */
const hangUp = (source: unknown): void => {
  const socket: unknown = Predicate.hasProperty(source, "socket") ? source.socket : undefined
  if (Predicate.hasProperty(socket, "destroy") && Predicate.isFunction(socket.destroy)) socket.destroy()
}

/**
 * Serves the Identity Center on the given `HttpServer` until the scope closes, and says at which URL. A
 * `ConnectionRefused` fault cuts the connection instead (on a server other than Node's, it is a 503).
 *
 * @since 0.1.0
 * @category constructors
 */
export const serve: Effect.Effect<string, never, HttpServer.HttpServer | IdentityCenter | Scope.Scope> = Effect.gen(
  function*() {
    yield* HttpServer.serveEffect(app)
    const { address } = yield* HttpServer.HttpServer
    return HttpServer.formatAddress(address)
  }
)
