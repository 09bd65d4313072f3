/**
 * One HTTP request and its whole answer, of which nothing can get into an error, a span or a log by itself.
 *
 * `HttpClientError`, requests and responses end here: Effect prints their headers and bodies, and those hold secrets.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { isTransientConnection } from "./answerKind.js"
import { collect } from "./collect.js"
import { certificateProblem } from "./connectionProblem.js"
import { timeLimit } from "./timeLimit.js"

/** An application's client, as those who send secrets use it. */
export interface Wire {
  readonly http: HttpClient.HttpClient
  /** For a client over `fetch`. */
  readonly requestInit: RequestInit
}

export const wire: Effect.Effect<Wire, never, HttpClient.HttpClient> = Effect.gen(function*() {
  const requestInit = yield* Effect.serviceOption(FetchHttpClient.RequestInit)
  return {
    http: yield* HttpClient.HttpClient,
    // AWS does not redirect, and another server must not get the token. The other settings are the application's,
    // except those inside the layer of its client.
    requestInit: { ...Option.getOrUndefined(requestInit), redirect: "manual" }
  }
})

/** An answer of whichever status. */
export interface Answer<Text = string> {
  readonly status: number
  readonly headers: Headers.Headers
  readonly text: Text
}

/** Why no answer came. */
export interface NoAnswer {
  /** The system's code for the cause, such as `ECONNREFUSED`. */
  readonly code: string
  readonly isTransient: boolean
}

/** The application's `HttpClient` sends requests to another URL than they were made for. */
export interface Diverted {
  readonly problem: string
  /** Of the answer; 0 for a redirect that was not followed, undefined if nothing was sent. */
  readonly status: number | undefined
}

/**
 * The whole answer to a request, with any status, or why its body could not be read. A request that the client would
 * send to another URL is not sent.
 */
export const exchange = <E>(
  { http, requestInit }: Wire,
  request: HttpClientRequest.HttpClientRequest,
  { duration, onDiverted, onFailure, onTimeout }: {
    readonly onFailure: (why: NoAnswer) => E
    readonly onDiverted: (why: Diverted) => E
    readonly duration: Duration.DurationInput
    readonly onTimeout: () => E
  }
): Effect.Effect<Answer<Either.Either<string, "TooLong" | "BrokenOff">>, E> =>
  http.execute(request).pipe(
    // A client that was told to fail on any status still has the answer.
    Effect.catchTag(
      "ResponseError",
      (error) => error.reason === "StatusCode" ? Effect.succeed(error.response) : Effect.fail(error)
    ),
    Effect.mapError((error) => {
      const code = codeOf(error)
      return onFailure({ code, isTransient: isTransientConnection(code) })
    }),
    // Read whatever it is: an answer that is left unread keeps its connection.
    Effect.flatMap((response) =>
      Effect.flatMap(Effect.either(textOf(response)), (text) => {
        // A client that was not made by `HttpClient.make` does not run this check before it sends.
        const elsewhere = otherUrl(request, response.request)
        return elsewhere === undefined
          ? Effect.succeed({ status: response.status, headers: response.headers, text })
          : Effect.fail(onDiverted({
            problem: `the HttpClient sent the request to ${elsewhere}. ${undivert}`,
            status: response.status
          }))
      })
    ),
    Effect.catchSomeDefect((defect) =>
      defect instanceof DivertedRequest
        ? Option.some(Effect.fail(onDiverted(
          defect.isRedirect
            ? { problem: "a redirect, which is not followed", status: 0 }
            : {
              problem: `the HttpClient would send the request to ${defect.elsewhere}. ${undivert}`,
              status: undefined
            }
        )))
        : Option.none()
    ),
    (effect) => timeLimit(effect, { duration, onTimeout, prepare: unseen(requestInit, request) })
  )

const undivert = "Give this library an HttpClient without a base URL (HttpClient.mapRequest, prependUrl) and without " +
  "followRedirects, and set endpoint_url or AWS_ENDPOINT_URL* to reach AWS elsewhere"

/** Stops a request that is about to leave. */
class DivertedRequest {
  readonly elsewhere: string
  readonly isRedirect: boolean
  constructor(elsewhere: string, isRedirect: boolean) {
    this.elsewhere = elsewhere
    this.isRedirect = isRedirect
  }
}

/** The origin that a request goes to instead of its own, or its own if only the path is another. */
const otherUrl = (
  own: HttpClientRequest.HttpClientRequest,
  actual: HttpClientRequest.HttpClientRequest
): string | undefined => {
  if (actual.url === own.url) return undefined
  const target = URL.canParse(actual.url) ? new URL(actual.url) : undefined
  const meant = new URL(own.url)
  return target !== undefined && target.origin === meant.origin && target.pathname === meant.pathname
    ? undefined
    : target === undefined
    ? "something that is no URL"
    : target.origin === meant.origin
    ? `another path of ${target.origin}`
    : target.origin
}

/**
 * Settings of the fiber that makes a request. With them, the client records no spans, follows no redirect and sends the
 * request to no other URL.
 */
const unseen = (
  requestInit: RequestInit,
  request: HttpClientRequest.HttpClientRequest
) =>
(runtime: Runtime.Runtime<never>): Runtime.Runtime<never> => {
  let isAnswered = false
  return runtime.pipe(
    // The client runs this check only if tracing is on. Tracing is switched off for the request itself.
    FiberRefs.getOrDefault(runtime.fiberRefs, FiberRef.currentTracerEnabled)
      ? identity
      : Runtime.setFiberRef(FiberRef.currentTracerEnabled, true),
    // The client's spans would record headers, and its failed spans whole requests. Our own spans hold no secrets.
    // The client runs this check right before it sends a request, after `mapRequest` and `followRedirects` have changed
    // it. This is the last moment to keep secrets from another server.
    Runtime.setFiberRef(HttpClient.currentTracerDisabledWhen, (actual: HttpClientRequest.HttpClientRequest) => {
      const elsewhere = otherUrl(request, actual)
      if (elsewhere !== undefined) throw new DivertedRequest(elsewhere, isAnswered)
      isAnswered = true
      return true
    }),
    Runtime.setFiberRef(Headers.currentRedactedNames, [
      ...FiberRefs.getOrDefault(runtime.fiberRefs, Headers.currentRedactedNames),
      ...secretHeaders
    ]),
    Runtime.provideService(FetchHttpClient.RequestInit, requestInit)
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

/** 0 is what fetch makes of a redirect that it is told not to follow. */
export const isRedirect = (status: number): boolean => status === 0 || (status >= 300 && status < 400)

/** What we are sent is small. */
const longestBody = 1_048_576

/** The body, or why there is none. */
const textOf = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<string, "TooLong" | "BrokenOff"> => {
  const { "content-encoding": encoding, "content-length": length } = response.headers
  // No client reads more than the length that it was told, and to read all at once costs a fraction of a stream. As
  // text, which clients keep: the application's may have looked at it.
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

/** Why there is none that could be read. */
export interface Silence {
  readonly reason: "Unreachable" | "Invalid"
  /** Whole, in words that hold nothing of request or answer: `it cannot be reached (ECONNREFUSED)`. */
  readonly problem: string
}

/**
 * Asks a server that is no service of AWS's, such as the metadata server of a machine. Lost connections, time limits,
 * 429 and 5xx are tried again, `attempts` times in all, with pauses of about 100 ms that double.
 */
export const ask = (
  wire: Wire,
  request: HttpClientRequest.HttpClientRequest,
  { attempts, timeout }: {
    readonly attempts: number
    /** Of one attempt. */
    readonly timeout: Duration.DurationInput
  }
): Effect.Effect<Answer, Silence> => {
  const silent = (reason: Silence["reason"], problem: string, isTransient: boolean): Trouble => ({
    isTransient,
    outcome: Either.left({ reason, problem })
  })
  return Effect.gen(function*() {
    const { headers, status, text } = yield* exchange(wire, request, {
      onFailure: ({ code, isTransient }) => {
        const certificate = certificateProblem(code)
        return silent(
          "Unreachable",
          certificate === undefined
            ? `it cannot be reached (${code})`
            : `${certificate.problem} (${code}). ${certificate.remedy.replace(/\.$/, "")}`,
          isTransient
        )
      },
      duration: timeout,
      onDiverted: ({ problem, status }) =>
        silent(
          "Invalid",
          status === 0
            ? "it answered with a redirect, which is not followed"
            : status === undefined
            ? `nothing was sent, because ${problem}`
            : problem,
          false
        ),
      onTimeout: () => silent("Unreachable", `it gave no answer within ${Duration.format(timeout)}`, true)
    })
    if (isRedirect(status)) {
      return yield* Effect.fail(silent("Invalid", "it answered with a redirect, which is not followed", false))
    }
    if (Either.isLeft(text)) {
      return yield* Effect.fail(
        text.left === "TooLong"
          ? silent("Invalid", "its answer is longer than 1 MiB", false)
          : silent("Unreachable", "its answer broke off", true)
      )
    }
    const answer = { status, headers, text: text.right }
    if (status === 429 || status >= 500) {
      return yield* Effect.fail<Trouble>({ isTransient: true, outcome: Either.right(answer) })
    }
    return answer
  }).pipe(
    Effect.retry({
      while: ({ isTransient }) => isTransient,
      times: attempts - 1,
      schedule: Schedule.jittered(Schedule.exponential("100 millis"))
    }),
    Effect.catchAll(({ outcome }) => outcome)
  )
}

/** An attempt that may be repeated, and what it comes to if it is not. */
interface Trouble {
  readonly isTransient: boolean
  readonly outcome: Either.Either<Answer, Silence>
}
