/**
 * The HTTP face of `IdentityCenter` and its STS, byte for byte as AWS's clients expect it: in process as an
 * `HttpClient`, or as a server on a real socket. The portal, the OIDC service and STS share one origin; their paths do
 * not clash. Signatures are verified for any region, and every answer is dated by the Identity Center's `Clock`.
 *
 * S3's list of buckets is there too, for tests of code that signs requests. It is empty and owned by the signer.
 *
 * The discovery documents and keys of the OpenID providers that are registered with STS are served below the paths of
 * their issuers. So that others can fetch them, an issuer is the emulator's own URL, which the `HttpServer` says before
 * it serves.
 *
 * @example
 * ```ts
 * import { HttpServer } from "@effect/platform"
 * import { Effect, Layer } from "effect"
 * import { IdentityCenter, OpenIdProvider } from "effect-aws-identity-testing"
 *
 * // Below `NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })`, beside `Emulator.serve`.
 * const world = Layer.unwrapEffect(Effect.gen(function*() {
 *   const { address } = yield* HttpServer.HttpServer
 *   const provider = yield* OpenIdProvider.make({ issuer: `${HttpServer.formatAddress(address)}/oidc` })
 *   return Layer.merge(
 *     Layer.succeed(OpenIdProvider.OpenIdProvider, provider),
 *     IdentityCenter.layer({ openIdProviders: [{ provider, clientIds: ["sts.amazonaws.com"] }] })
 *   )
 * }))
 * ```
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Transport from "effect-aws-identity/Transport"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Exception, exceptions, type Fault, IdentityCenter, type Operation } from "./IdentityCenter.js"
import * as Query from "./internal/query.js"
import { randomText } from "./internal/randomText.js"
import * as Signature from "./internal/signature.js"
import { configuration } from "./OpenIdProvider.js"

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Only half of the body arrives. */
  readonly half?: boolean
}

type Service = "portal" | "sso-oauth" | "sts"

type QueryOperation = "assumeRole" | "assumeRoleWithWebIdentity" | "getCallerIdentity"
type JsonOperation = Exclude<Operation, QueryOperation>

const routes: Readonly<Record<string, JsonOperation>> = {
  "POST /client/register": "registerClient",
  "POST /device_authorization": "startDeviceAuthorization",
  "POST /token": "createToken",
  "POST /token?aws_iam=t": "createTokenWithIAM",
  "GET /federation/credentials": "getRoleCredentials",
  "GET /assignment/accounts": "listAccounts",
  "GET /assignment/roles": "listAccountRoles",
  "POST /logout": "logout"
}

const actions: Readonly<Record<string, QueryOperation>> = {
  AssumeRole: "assumeRole",
  AssumeRoleWithWebIdentity: "assumeRoleWithWebIdentity",
  GetCallerIdentity: "getCallerIdentity"
}

const portalOperations: ReadonlyArray<Operation> = ["getRoleCredentials", "listAccounts", "listAccountRoles", "logout"]

const isQuery = (operation: Operation): operation is QueryOperation =>
  Object.values<Operation>(actions).includes(operation)

const serviceOf = (operation: Operation): Service =>
  isQuery(operation) ? "sts" : portalOperations.includes(operation) ? "portal" : "sso-oauth"

const text = Schema.NonEmptyString
const texts = Schema.Array(Schema.String)
const client = { clientId: text, clientSecret: text }
const codeGrant = {
  code: Schema.optional(text),
  redirectUri: Schema.optional(text),
  codeVerifier: Schema.optional(text)
}
const portal = { accessToken: text }
const page = {
  maxResults: Schema.optional(Schema.NumberFromString.pipe(Schema.int(), Schema.between(1, 100))),
  nextToken: Schema.optional(text)
}

/** What an operation takes, by AWS's names; then the operation. Anything else is AWS's `InvalidRequestException`. */
const perform = (
  center: IdentityCenter["Type"],
  operation: JsonOperation,
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
        Schema.Struct({
          clientName: text,
          clientType: text,
          scopes: Schema.optional(texts),
          redirectUris: Schema.optional(texts),
          grantTypes: Schema.optional(texts),
          issuerUrl: Schema.optional(text),
          entitledApplicationArn: Schema.optional(text)
        }),
        center.registerClient
      )
    case "startDeviceAuthorization":
      return run(Schema.Struct({ ...client, startUrl: text }), center.startDeviceAuthorization)
    case "createToken":
      return run(
        Schema.Struct({
          ...client,
          ...codeGrant,
          grantType: text,
          deviceCode: Schema.optional(text),
          refreshToken: Schema.optional(text)
        }),
        center.createToken
      )
    case "createTokenWithIAM":
      return run(
        Schema.Struct({
          ...codeGrant,
          clientId: text,
          grantType: text,
          refreshToken: Schema.optional(text),
          assertion: Schema.optional(text),
          subjectToken: Schema.optional(text),
          subjectTokenType: Schema.optional(text),
          requestedTokenType: Schema.optional(text),
          scope: Schema.optional(texts)
        }),
        center.createTokenWithIAM
      )
    case "getRoleCredentials":
      return run(Schema.Struct({ ...portal, accountId: text, roleName: text }), center.getRoleCredentials)
    case "listAccounts":
      return run(Schema.Struct({ ...portal, ...page }), center.listAccounts)
    case "listAccountRoles":
      return run(Schema.Struct({ ...portal, ...page, accountId: text }), center.listAccountRoles)
    case "logout":
      return run(Schema.Struct(portal), center.logout)
  }
}

const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: body === undefined ? "" : JSON.stringify(body)
})

const xml = (status: number, body: string): Answer => ({ status, headers: { "content-type": "text/xml" }, body })

/** The three services word their errors differently. */
const exceptionAnswer = (
  service: Service,
  requestId: string,
  { description, detailCode, endpoint, name, region }: Omit<Exception, "_tag">
): Answer => {
  const { error, status } = exceptions[name]
  if (service === "sts") {
    return xml(status, Query.errorResponse(status, name, description, requestId))
  }
  if (service === "portal") {
    return json(status, { message: description, __type: `com.amazonaws.switchboard.portal#${name}` }, {
      "x-amzn-errortype": `${name}:http://internal.amazon.com/coral/com.amazonaws.switchboard.portal/`
    })
  }
  return json(status, { error, error_description: description, reason: detailCode, region, endpoint }, {
    "x-amzn-errortype": `${name}:http://internal.amazon.com/coral/com.amazonaws.sso.oidc/`
  })
}

/** What the JSON services call the refusals that STS has its own names for. */
const jsonRefusals: Readonly<Record<Signature.Refusal["name"], string>> = {
  ExpiredToken: "ExpiredTokenException",
  IncompleteSignature: "IncompleteSignatureException",
  InvalidClientTokenId: "UnrecognizedClientException",
  MissingAuthenticationToken: "MissingAuthenticationTokenException",
  SignatureDoesNotMatch: "InvalidSignatureException"
}

const elsewhere = { region: "eu-central-1", endpoint: "https://oidc.eu-central-1.amazonaws.com" }

/** What a fault says, be it one of AWS's exceptions. */
const faultAnswer = (
  service: Service,
  requestId: string,
  fault: Exclude<Fault, "ConnectionRefused" | "HalfAnswer" | "NoAnswer">
): Answer => {
  if (typeof fault === "string") {
    const words = { name: fault, description: `${fault}, as the test asked` }
    return exceptionAnswer(
      service,
      requestId,
      fault === "InvalidRequestRegionException" ? { ...words, ...elsewhere } : words
    )
  }
  return "status" in fault ? { headers: {}, ...fault } : exceptionAnswer(service, requestId, fault)
}

const Body = Schema.parseJson(Schema.Unknown)

/** Whose key a request is signed with. */
const verified = (request: Signature.Signed, service: Service | "s3") =>
  Effect.flatMap(IdentityCenter, ({ sts }) => Signature.verify(request, { service, keyOf: sts.accessKey }))

const jsonAnswer = Effect.fnUntraced(
  function*(operation: JsonOperation, request: Signature.Signed) {
    const center = yield* IdentityCenter
    if (operation === "createTokenWithIAM") yield* verified(request, "sso-oauth")
    const { searchParams } = new URL(request.url, "http://localhost")
    const fields = portalOperations.includes(operation)
      ? {
        accessToken: request.headers["x-amz-sso_bearer_token"],
        accountId: searchParams.get("account_id") ?? undefined,
        roleName: searchParams.get("role_name") ?? undefined,
        maxResults: searchParams.get("max_result") ?? undefined,
        nextToken: searchParams.get("next_token") ?? undefined
      }
      // What is no JSON is refused as any other body that is not what the operation takes.
      : Option.getOrUndefined(Schema.decodeOption(Body)(request.body))
    return json(200, yield* perform(center, operation, fields))
  },
  Effect.catchTag(
    "Refusal",
    ({ description, name }) =>
      Effect.succeed(json(403, { message: description }, { "x-amzn-errortype": jsonRefusals[name] }))
  )
)

const queryAnswer = Effect.fnUntraced(
  function*(operation: QueryOperation, request: Signature.Signed, form: URLSearchParams, requestId: string) {
    const { sts } = yield* IdentityCenter
    switch (operation) {
      case "assumeRole": {
        const caller = yield* verified(request, "sts")
        const output = yield* sts.assumeRole(caller, yield* Query.decode(Query.AssumeRole, form))
        return xml(200, Query.result("AssumeRole", output, requestId))
      }
      case "assumeRoleWithWebIdentity": {
        const output = yield* sts.assumeRoleWithWebIdentity(yield* Query.decode(Query.AssumeRoleWithWebIdentity, form))
        return xml(200, Query.result("AssumeRoleWithWebIdentity", output, requestId))
      }
      case "getCallerIdentity": {
        const output = yield* sts.getCallerIdentity(yield* verified(request, "sts"))
        return xml(200, Query.result("GetCallerIdentity", output, requestId))
      }
    }
  },
  Effect.mapError((error): Exception => ({ ...error, _tag: "Exception" }))
)

/** What a registered provider publishes at this path; where more than one does, the one of this host. */
const openIdAnswer = Effect.fnUntraced(function*({ headers, method }: Signature.Signed, pathname: string) {
  const { sts } = yield* IdentityCenter
  const documents = sts.openIdProviders.flatMap(({ provider: { issuer, jwks } }) => {
    const discovery = configuration(issuer)
    const keys = Effect.match(jwks, {
      onFailure: ({ message }) => json(503, { message }),
      onSuccess: (keys) => json(200, keys)
    })
    return [
      { url: `${issuer}/.well-known/openid-configuration`, answer: Effect.succeed(json(200, discovery)) },
      { url: discovery.jwks_uri, answer: keys }
    ].flatMap(({ answer, url }) => URL.canParse(url) ? [{ answer, url: new URL(url) }] : [])
  })
  const found = documents.filter(({ url }) => method === "GET" && url.pathname === pathname)
  const document = found.find(({ url }) => url.host === headers["host"]) ?? found[0]
  return document === undefined ? json(404, { message: `No such path: ${pathname}` }) : yield* document.answer
})

/** Whether a request is signed for S3, whose paths are those of buckets. */
const isForS3 = ({ headers }: Signature.Signed): boolean => /\/s3\/aws4_request\b/.test(headers["authorization"] ?? "")

/** What S3 calls the refusals that STS has its own names for, with its status. */
const s3Refusals: Readonly<Record<Signature.Refusal["name"], readonly [code: string, status: number]>> = {
  ExpiredToken: ["ExpiredToken", 400],
  IncompleteSignature: ["AuthorizationHeaderMalformed", 400],
  InvalidClientTokenId: ["InvalidAccessKeyId", 403],
  MissingAuthenticationToken: ["AccessDenied", 403],
  SignatureDoesNotMatch: ["SignatureDoesNotMatch", 403]
}

/** The owner of the buckets, of which there are none, is whoever signed. */
const s3Answer = (request: Signature.Signed, route: string, requestId: string) =>
  Effect.match(verified(request, "s3"), {
    onFailure: ({ description, name }) => {
      const [code, status] = s3Refusals[name]
      return xml(status, Query.s3Error(code, description, requestId))
    },
    onSuccess: ({ arn }) =>
      route === "GET /"
        ? xml(200, Query.buckets(arn))
        : xml(501, Query.s3Error("NotImplemented", "This S3 lists its buckets, and nothing else", requestId))
  })

/** None stands for no answer at all. */
const handle = Effect.fnUntraced(function*(request: Signature.Signed) {
  const center = yield* IdentityCenter
  const requestId = yield* randomText("0123456789abcdef", 32)
  const date = DateTime.toDateUtc(DateTime.unsafeMake(yield* Clock.currentTimeMillis)).toUTCString()
  const answered = (answer: Answer): Option.Option<Answer> =>
    Option.some({ ...answer, headers: { "x-amzn-requestid": requestId, date, ...Headers.fromInput(answer.headers) } })

  const { pathname, searchParams } = new URL(request.url, "http://localhost")
  const route = `${request.method} ${pathname}`
  if (isForS3(request)) return answered(yield* s3Answer(request, route, requestId))
  const form = new URLSearchParams(request.body)
  const found: Either.Either<Operation | undefined, Exception> = route === "POST /"
    ? Query.action(form, actions)
    : Either.right(routes[searchParams.get("aws_iam") === "t" ? `${route}?aws_iam=t` : route])
  if (Either.isLeft(found)) return answered(exceptionAnswer("sts", requestId, found.left))
  const operation = found.right
  if (operation === undefined) return answered(yield* openIdAnswer(request, pathname))

  const service = serviceOf(operation)
  const fault = Option.getOrUndefined(yield* center.receive(operation))
  if (fault === "ConnectionRefused") return Option.none()
  if (fault === "NoAnswer") return yield* Effect.never
  if (fault !== undefined && fault !== "HalfAnswer") return answered(faultAnswer(service, requestId, fault))
  const answer = yield* Effect.merge(Effect.mapError(
    isQuery(operation) ? queryAnswer(operation, request, form, requestId) : jsonAnswer(operation, request),
    (error) => exceptionAnswer(service, requestId, error)
  ))
  return answered({ ...answer, half: fault === "HalfAnswer" })
})

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
        headers: { host: url.host, ...request.headers },
        body: bodyText(request)
      }).pipe(
        Effect.provide(context),
        Effect.flatMap(Option.match({
          onNone: () =>
            Effect.fail(
              new HttpClientError.RequestError({ request, reason: "Transport", cause: { code: "ECONNREFUSED" } })
            ),
          onSome: (answer) => Effect.succeed(HttpClientResponse.fromWeb(request, webResponse(answer)))
        }))
      )
    ))
)

/**
 * A `Transport` that reaches the Identity Center without a socket, whatever the host. It waits for nothing but the clock.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTransport = (): Layer.Layer<Transport.Transport, never, IdentityCenter> =>
  Layer.effect(
    Transport.Transport,
    Effect.map(Effect.context<IdentityCenter>(), (context) =>
      Transport.make((request) => {
        const { host, pathname, search } = new URL(request.url)
        return handle({
          method: request.method,
          url: pathname + search,
          headers: { host, ...request.headers },
          body: typeof request.body === "object" ? new TextDecoder().decode(request.body) : request.body ?? ""
        }).pipe(
          Effect.provide(context),
          Effect.flatMap(Option.match({
            onNone: () => Effect.fail(new Transport.TransportError({ reason: "Connect", code: "ECONNREFUSED" })),
            onSome: (answer) => responseOf(request.url, answer)
          }))
        )
      }))
  )

const responseOf = (
  url: string,
  { body, half = false, headers, status }: Answer
): Effect.Effect<Transport.Response, Transport.TransportError> => {
  if (!half) return Effect.succeed({ status, url, headers, text: withoutBody.includes(status) ? "" : body })
  return status >= 200 && status <= 299
    ? Effect.fail(new Transport.TransportError({ reason: "BrokenOff", code: "ECONNRESET", status }))
    : Effect.succeed({ status, url, headers, text: "" })
}

/** These have no body, whatever a test asks for, and `Response` throws for one. */
const withoutBody = [101, 204, 205, 304]

const webResponse = ({ body, half = false, ...init }: Answer): Response => {
  if (body === "" || withoutBody.includes(init.status)) return new Response(null, init)
  return new Response(half ? brokenOff(firstHalf(body)) : body, init)
}

const firstHalf = (body: string): Uint8Array => {
  const bytes = new TextEncoder().encode(body)
  return bytes.subarray(0, bytes.length / 2)
}

const brokenOff = (bytes: Uint8Array): ReadableStream<Uint8Array> => {
  let sent = false
  return new ReadableStream({
    pull: (controller) => {
      if (sent) controller.error(new TypeError("terminated"))
      else controller.enqueue(bytes)
      sent = true
    }
  })
}

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
  if (Option.isNone(answer)) return yield* cutOff
  const { half = false, headers, status } = answer.value
  const options = { status, headers, contentType: headers["content-type"] ?? "text/plain" }
  if (!half) return HttpServerResponse.text(answer.value.body, options)
  const cut = Stream.execute(Effect.sync(() => hangUp(request.source, "destroySoon")))
  return HttpServerResponse.stream(Stream.concat(Stream.make(firstHalf(answer.value.body)), cut), {
    ...options,
    contentLength: new TextEncoder().encode(answer.value.body).length
  })
})

const cutOff = Effect.map(HttpServerRequest.HttpServerRequest, ({ source }) => {
  hangUp(source, "destroy")
  return HttpServerResponse.empty({ status: 503 })
})

/**
 * A server cannot refuse a connection that it has, but it can cut it: on Node, by the request's own socket, at once or
 * (`destroySoon`) after what was written.
 */
const hangUp = (source: unknown, how: "destroy" | "destroySoon"): void => {
  const socket: unknown = Predicate.hasProperty(source, "socket") ? source.socket : undefined
  if (Predicate.hasProperty(socket, how) && Predicate.isFunction(socket[how])) socket[how]()
}

/**
 * Serves the Identity Center on the given `HttpServer` until the scope closes, and says at which URL. A
 * `ConnectionRefused` fault cuts the connection instead (on a server other than Node's, it is a 503). A `NoAnswer` is
 * over when the client hangs up, or with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const serve: Effect.Effect<string, never, HttpServer.HttpServer | IdentityCenter | Scope.Scope> = Effect.gen(
  function*() {
    // A server waits for its requests before it closes, so one that would wait for ever ends with the scope.
    const over = yield* Deferred.make<void>()
    const untilThen = Effect.raceFirst(app, Effect.zipRight(Deferred.await(over), cutOff))
    yield* HttpServer.serveEffect(Effect.interruptible(untilThen))
    yield* Effect.addFinalizer(() => Deferred.succeed(over, undefined))
    const { address } = yield* HttpServer.HttpServer
    return HttpServer.formatAddress(address)
  }
)
