/** A `Transport` over the application's `HttpClient`. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as Transport from "../../Transport.js"
import { collect } from "../collect.js"
import { certificateProblem } from "../connectionProblem.js"
import { otherUrl } from "../httpExchange.js"

export const make: Effect.Effect<Transport.Service, never, HttpClient.HttpClient> = Effect.gen(function*() {
  const http = yield* HttpClient.HttpClient
  const given = Option.getOrUndefined(yield* Effect.serviceOption(FetchHttpClient.RequestInit))
  // For a client over `fetch`. The other settings are the application's, except those inside the layer of its client.
  const requestInit: RequestInit = { ...given, redirect: "manual" }

  const execute = (request: HttpClientRequest.HttpClientRequest) =>
    http.execute(request).pipe(
      // A client that fails on some statuses still has the answer.
      Effect.catchTag(
        "ResponseError",
        (error) => error.reason === "StatusCode" ? Effect.succeed(error.response) : Effect.fail(error)
      ),
      Effect.mapError((error) => {
        const code = codeOf(error)
        return new Transport.TransportError({
          reason: certificateProblem(code) === undefined ? "Connect" : "Certificate",
          code
        })
      }),
      Effect.flatMap(answerOf),
      Effect.catchSomeDefect((defect) =>
        defect instanceof DivertedRequest
          ? Option.some(
            defect.isRedirect
              ? Effect.succeed({ status: 0, url: request.url, headers: {}, text: "" })
              : Effect.fail(new Transport.TransportError({ reason: "Diverted", code: defect.elsewhere }))
          )
          : Option.none()
      )
    )

  return Transport.make((request) => {
    const plain = requestOf(request)
    return execute(plain).pipe(
      (effect) => withoutTraces(effect, plain),
      Effect.provideService(FetchHttpClient.RequestInit, requestInit)
    )
  })
})

const requestOf = ({ body, headers, method, url }: Transport.Request): HttpClientRequest.HttpClientRequest => {
  const request = HttpClientRequest.make(method)(url, { headers })
  if (body === undefined) return request
  const type = headers["content-type"]
  return typeof body === "string"
    ? HttpClientRequest.bodyText(request, body, type)
    : HttpClientRequest.bodyUint8Array(request, body, type)
}

/** Stops a request that is about to leave for another URL. */
class DivertedRequest {
  readonly elsewhere: string
  readonly isRedirect: boolean
  constructor(elsewhere: string, isRedirect: boolean) {
    this.elsewhere = elsewhere
    this.isRedirect = isRedirect
  }
}

/** Runs a request so that the client records no spans, follows no redirect and sends the request to no other URL. */
const withoutTraces = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<A, E, R> => {
  let isSent = false
  return effect.pipe(
    // The client's spans would record headers, and its failed spans whole requests. Our own spans hold no secrets.
    // The client runs this check right before it sends a request, after `mapRequest` and `followRedirects` have changed
    // it. This is the last moment to keep secrets from another server.
    Effect.locally(HttpClient.currentTracerDisabledWhen, (actual: HttpClientRequest.HttpClientRequest) => {
      const elsewhere = otherUrl(request.url, actual.url)
      if (elsewhere !== undefined) throw new DivertedRequest(elsewhere, isSent)
      isSent = true
      return true
    }),
    // The client runs that check only if tracing is on. The check switches tracing off for the request itself.
    Effect.locally(FiberRef.currentTracerEnabled, true),
    Effect.locallyWith(Headers.currentRedactedNames, (names) => [...names, ...secretHeaders])
  )
}

const secretHeaders = [
  "authorization",
  "x-amz-sso_bearer_token",
  "x-amz-security-token",
  "x-aws-ec2-metadata-token"
]

/** The system's error code at the bottom of a failed request, or the client's word for it. */
const codeOf = (error: HttpClientError.HttpClientError): string => {
  let cause: unknown = error.cause
  for (let depth = 0; depth < 6 && Predicate.isRecord(cause); depth++) {
    if (typeof cause["code"] === "string" && /^[A-Z][A-Z0-9_]+$/.test(cause["code"])) return cause["code"]
    // Deno's errors have no code.
    const rustls = /invalid peer certificate: ([A-Za-z]+)/.exec(String(cause["message"]))?.[1]
    if (rustls !== undefined) return rustls
    cause = Array.isArray(cause["errors"]) ? cause["errors"][0] : cause["cause"]
  }
  return error.reason
}

/** Reads the body, because an answer that is left unread keeps its connection. */
const answerOf = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<Transport.Response, Transport.TransportError> => {
  const { headers, request: { url }, status } = response
  return Effect.matchEffect(textOf(response), {
    // The body of an error is not needed to tell the error.
    onFailure: (reason) =>
      status >= 200 && status <= 299
        ? Effect.fail(new Transport.TransportError({ reason, code: reason, status }))
        : Effect.succeed({ status, url, headers, text: "" }),
    onSuccess: (text) => Effect.succeed({ status, url, headers, text })
  })
}

/** Bytes. The answers that this library reads are small. */
const longestBody = 1_048_576

const textOf = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<string, "TooLong" | "BrokenOff"> => {
  const { "content-encoding": encoding, "content-length": length } = response.headers
  // No client reads more than the length that it was told, and reading all at once costs a fraction of a stream. As
  // text, because clients keep a text that was read before: the application's `transformResponse` may have read it.
  return encoding === undefined && length !== undefined && /^\d{1,7}$/.test(length) && Number(length) <= longestBody
    ? Effect.mapError(response.text, () => "BrokenOff")
    : textOfStream(response)
}

const textOfStream = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<string, "TooLong" | "BrokenOff"> =>
  Effect.map(
    collect(
      Stream.catchAll(
        response.stream,
        (error) => error.reason === "EmptyBody" ? Stream.empty : Stream.fail("BrokenOff" as const)
      ),
      longestBody
    ),
    (body) => new TextDecoder().decode(body)
  )
