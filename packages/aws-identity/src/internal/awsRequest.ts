/**
 * One call to an AWS service: validated input out, decoded output or a typed error back.
 *
 * `HttpClientError`, requests and responses end here: Effect prints their headers and bodies, and those hold secrets.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as IdentityError from "../IdentityError.js"
import { partition, type Region } from "../Region.js"
import { schemaProblem } from "./schemaProblem.js"

/** An AWS service as its endpoints and its messages name it. */
export interface Service {
  /** AWS's name of it: `SSO`. */
  readonly id: string
  /** Ours, which its spans are named by. */
  readonly module: string
  /** What its host names begin with: `portal.sso`. */
  readonly endpointPrefix: string
  readonly http: HttpClient.HttpClient
  /** Takes the place of every region's endpoint. */
  readonly endpoint: Option.Option<string>
  /** For a client over `fetch`. */
  readonly requestInit: RequestInit
}

export const make = (
  service: Pick<Service, "id" | "module" | "endpointPrefix"> & { readonly endpoint: string | undefined }
): Effect.Effect<Service, never, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const http = yield* HttpClient.HttpClient
    const requestInit = yield* Effect.serviceOption(FetchHttpClient.RequestInit)
    return {
      ...service,
      endpoint: Option.map(Option.fromNullable(service.endpoint), (url) => url.replace(/\/+$/, "")),
      // Its client spans would carry headers, and its failed spans whole requests. Ours tell what is fit to tell.
      http: HttpClient.withTracerDisabledWhen(http, () => true),
      // AWS does not redirect; whoever does must not get the token. The rest is as the application has it.
      requestInit: { ...Option.getOrUndefined(requestInit), redirect: "manual" }
    }
  })

export interface Call<Input extends { readonly region: Region }, EncodedInput, Output, EncodedOutput> {
  readonly operation: string
  readonly input: Schema.Schema<Input, EncodedInput>
  readonly output: Schema.Schema<Output, EncodedOutput>
  readonly request: (input: EncodedInput, endpoint: string) => HttpClientRequest.HttpClientRequest
}

/** An operation of a service, as a function of its input. */
export const operation = <Input extends { readonly region: Region }, EncodedInput, Output, EncodedOutput>(
  service: Service,
  call: Call<Input, EncodedInput, Output, EncodedOutput>
): (input: Input) => Effect.Effect<Output, IdentityError.CallError> => {
  const names = { service: service.id, operation: call.operation }
  const encode = Schema.encode(call.input)
  const decode = Schema.decodeUnknown(Schema.parseJson(call.output))
  return Effect.fn(`${service.module}.${call.operation}`, { kind: "client" })(
    function*(input) {
      const endpoint = Option.getOrElse(
        service.endpoint,
        () => `https://${service.endpointPrefix}.${input.region}.${partition(input.region).dnsSuffix}`
      )
      yield* Effect.annotateCurrentSpan({
        "rpc.system": "aws-api",
        "rpc.service": service.id,
        "rpc.method": call.operation,
        "aws.region": input.region
      })
      if (!isEndpoint(endpoint)) {
        return yield* new IdentityError.InvalidInput({ ...names, problem: "its endpoint is not an http or https URL" })
      }
      const encoded = yield* Effect.mapError(
        encode(input),
        (error) => new IdentityError.InvalidInput({ ...names, problem: schemaProblem(error) })
      )
      const unreachable = (reason: string): IdentityError.ServiceUnreachable =>
        new IdentityError.ServiceUnreachable({ ...names, endpoint, reason })
      const response = yield* service.http.execute(call.request(encoded, endpoint)).pipe(
        // A client that was told to fail on any status still has the answer.
        Effect.catchTag(
          "ResponseError",
          (error) => error.reason === "StatusCode" ? Effect.succeed(error.response) : Effect.fail(error)
        ),
        Effect.mapError((error) => unreachable(reasonOf(error))),
        timeout(unreachable),
        Effect.provideService(FetchHttpClient.RequestInit, service.requestInit),
        Effect.locallyWith(Headers.currentRedactedNames, (names) => [...names, "x-amz-sso_bearer_token"])
      )
      const requestId = requestIdOf(response, secretsOf(input))
      yield* Effect.annotateCurrentSpan({
        "aws.request_id": requestId,
        "http.response.status_code": response.status
      })
      const invalid = (problem: string): IdentityError.InvalidResponse =>
        new IdentityError.InvalidResponse({ ...names, endpoint, status: response.status, problem, requestId })
      if (response.status >= 300 && response.status < 400) return yield* invalid("a redirect, which is not followed")
      const text = yield* textOf(response).pipe(
        Effect.mapError(invalid),
        timeout(unreachable)
      )
      if (response.status < 200 || response.status > 299) {
        return yield* new IdentityError.ServiceError({
          ...names,
          status: response.status,
          requestId,
          ...errorOf(response, text, secretsOf(input))
        })
      }
      return yield* Effect.mapError(decode(text), (error) => invalid(schemaProblem(error)))
    }
  )
}

/** AWS's answers are small; whoever sends more must not fill the memory. */
const longestBody = 1_048_576

/** The body, or what is wrong with it. */
const textOf = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<string, string> =>
  response.stream.pipe(
    Stream.catchAll((error) => error.reason === "EmptyBody" ? Stream.empty : Stream.fail("the body could not be read")),
    Stream.runFoldEffect({ size: 0, chunks: Array<Uint8Array>() }, ({ chunks, size }, chunk) =>
      size + chunk.length > longestBody
        ? Effect.fail("the body is longer than 1 MiB")
        : Effect.succeed({ size: size + chunk.length, chunks: [...chunks, chunk] })),
    Effect.map(({ chunks, size }) => {
      const body = new Uint8Array(size)
      let offset = 0
      for (const chunk of chunks) {
        body.set(chunk, offset)
        offset += chunk.length
      }
      return new TextDecoder().decode(body)
    })
  )

/** Without credentials, query and fragment: it is shown in messages. */
const isEndpoint = (endpoint: string): boolean => /^https?:\/\/[^/?#@\s]+(?:\/[^?#@\s]*)?$/.test(endpoint)

/** For the head of an answer, and again for its body: nobody waits for a connection that died in silence. */
const timeout = <E>(onTimeout: (reason: string) => E) =>
  Effect.timeoutFail({ duration: "30 seconds", onTimeout: () => onTimeout("no answer within 30 seconds") })

/** The system's error code at the bottom of a failed request (`ECONNREFUSED`), or the client's word for it. */
const reasonOf = (error: HttpClientError.HttpClientError): string => {
  let cause: unknown = error.cause
  for (let depth = 0; depth < 4 && Predicate.isRecord(cause); depth++) {
    if (typeof cause["code"] === "string" && /^[A-Z][A-Z0-9_]+$/.test(cause["code"])) return cause["code"]
    cause = Array.isArray(cause["errors"]) ? cause["errors"][0] : cause["cause"]
  }
  return error.reason
}

const requestIdOf = (
  response: HttpClientResponse.HttpClientResponse,
  secrets: ReadonlyArray<string>
): string | undefined => {
  const id = response.headers["x-amzn-requestid"]
  return id !== undefined && /^[\w-]{1,128}$/.test(id) && !secrets.includes(id) ? id : undefined
}

const secretsOf = (input: object): ReadonlyArray<string> =>
  Object.values(input).filter(Redacted.isRedacted).map((secret) => String(Redacted.value(secret)))

/** Errors of the OIDC service by the OAuth code in their body, which a proxy that drops headers leaves. */
const oauthCodes: Readonly<Record<string, string>> = {
  access_denied: "AccessDeniedException",
  authorization_pending: "AuthorizationPendingException",
  expired_token: "ExpiredTokenException",
  invalid_client: "InvalidClientException",
  invalid_client_metadata: "InvalidClientMetadataException",
  invalid_grant: "InvalidGrantException",
  invalid_redirect_uri: "InvalidRedirectUriException",
  invalid_request: "InvalidRequestException",
  invalid_scope: "InvalidScopeException",
  server_error: "InternalServerException",
  slow_down: "SlowDownException",
  unauthorized_client: "UnauthorizedClientException",
  unsupported_grant_type: "UnsupportedGrantTypeException"
}

const decodeErrorBody = Schema.decodeOption(
  Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
)

/** AWS's name for an error and its words, in the order of trust: header, `__type`, `code`, OAuth's `error`. */
const errorOf = (
  response: HttpClientResponse.HttpClientResponse,
  bodyText: string,
  secrets: ReadonlyArray<string>
): { readonly code: string; readonly description: string | undefined } => {
  const body = Option.getOrElse(decodeErrorBody(bodyText), (): Readonly<Record<string, unknown>> => ({}))
  const field = (name: string): string | undefined => {
    const value = body[name]
    return typeof value === "string" ? scrub(value, secrets) : undefined
  }
  const code = [response.headers["x-amzn-errortype"], field("__type"), field("code")]
    // `Name:http://…` in the header, `com.amazonaws.namespace#Name` in the body
    .map((name) => name === undefined ? undefined : scrub(name, secrets).split(":")[0]?.split("#").at(-1))
    .find((name) => name !== undefined && /^[A-Za-z][A-Za-z0-9_.]{0,127}$/.test(name))
  return {
    code: code ?? oauthCodes[field("error") ?? ""] ?? "Unknown",
    description: (field("error_description") ?? field("message") ?? field("Message"))?.slice(0, 1000)
  }
}

/** A server may echo what it was sent, and try to write lines of its own into a log. */
const scrub = (text: string, secrets: ReadonlyArray<string>): string =>
  secrets
    .flatMap((secret) => [secret, encodeURIComponent(secret)])
    .reduce((text, secret) => text.replaceAll(secret, "<redacted>"), text)
    .replace(/\p{Cc}+/gu, " ")
