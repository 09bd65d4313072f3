/** One HTTP request and its whole answer within a time limit, and the requests to servers that are not AWS's. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schedule from "effect/Schedule"
import type { Request, Response, Service, TransportError } from "../Transport.js"
import { isTransientConnection } from "./answerKind.js"
import { CallbackTransport, toEffect } from "./callbackTransport.js"
import { certificateProblem } from "./connectionProblem.js"
import { callback, type FiberServices, withFiberServices } from "./edition.js"
import { startLimited } from "./timeLimit.js"

/** What an exchange comes to. */
export type Outcome = Response | NoResponse

export type NoResponse = TransportError | Diversion | Lateness

/** The request went to another URL than it was made for. */
export interface Diversion {
  readonly _tag: "Diversion"
  readonly problem: string
  /** Of the answer; undefined if nothing was sent. */
  readonly status: number | undefined
}

/** No answer came in time. */
export interface Lateness {
  readonly _tag: "Lateness"
}

/** Starts a request on any transport, and calls `done` once. The result closes the request. */
const startRequest = (
  transport: Service,
  services: FiberServices,
  request: Request,
  done: (result: Effect.Effect<Response, TransportError>) => void
): Effect.Effect<void> =>
  transport instanceof CallbackTransport
    ? Effect.sync(transport.start(request, (result) => done(toEffect<Response, TransportError>(result))))
    : services.start(transport.send(request), done)

/** Starts a request, and calls `done` once with what it comes to within so many ms. The result closes the request. */
export const startExchange = (
  transport: Service,
  services: FiberServices,
  request: Request,
  millis: number,
  done: (outcome: Effect.Effect<Outcome>) => void
): Effect.Effect<void> =>
  startLimited<Outcome, never, never>(services, {
    start: (done) =>
      startRequest(transport, services, request, (result) =>
        done(Effect.match(result, {
          onFailure: diverted,
          onSuccess: (response) => checked(request, response)
        }))),
    millis,
    onTimeout: Effect.succeed({ _tag: "Lateness" }),
    done
  })

const diverted = (error: TransportError): Outcome =>
  error.reason === "Diverted"
    ? {
      _tag: "Diversion",
      problem: `the HttpClient would send the request to ${error.code}. ${undivert}`,
      status: undefined
    }
    : error

const checked = (request: Request, response: Response): Outcome => {
  const elsewhere = otherUrl(request.url, response.url)
  return elsewhere === undefined ? response : {
    _tag: "Diversion",
    problem: `the HttpClient sent the request to ${elsewhere}. ${undivert}`,
    status: response.status
  }
}

/** The outcome, in which an error status counts as an answer also if its body could not be read. */
export const responseOf = (outcome: Outcome): Outcome =>
  "_tag" in outcome && outcome._tag === "TransportError" && outcome.status !== undefined && outcome.status >= 300
    ? { status: outcome.status, url: "", headers: {}, text: "" }
    : outcome

const undivert = "Give this library an HttpClient without a base URL (HttpClient.mapRequest, prependUrl) and without " +
  "followRedirects, and set endpoint_url or AWS_ENDPOINT_URL* to reach AWS elsewhere"

/** The origin of a URL that a request went to instead of its own, in words; undefined if it is the request's own. */
export const otherUrl = (own: string, actual: string): string | undefined => {
  if (actual === own) return undefined
  const target = URL.canParse(actual) ? new URL(actual) : undefined
  const meant = new URL(own)
  return target !== undefined && target.origin === meant.origin && target.pathname === meant.pathname
    ? undefined
    : target === undefined
    ? "something that is no URL"
    : target.origin === meant.origin
    ? `another path of ${target.origin}`
    : target.origin
}

/** Whether an answer is a redirect. Its status is 0 where `fetch` was told not to follow it. */
export const isRedirect = (status: number): boolean => status === 0 || (status >= 300 && status < 400)

/** Why there is no answer that can be used. */
export interface Silence {
  readonly reason: "Unreachable" | "Invalid"
  /** In words that show nothing of request or answer: `it cannot be reached (ECONNREFUSED)`. */
  readonly problem: string
}

/**
 * Asks a server that is not a service of AWS, such as the metadata server of a machine. Lost connections, timeouts, 429
 * and 5xx are retried, `attempts` times in all, with pauses of about 100 ms that double.
 */
export const ask = (
  transport: Service,
  request: Request,
  { attempts, timeout }: {
    readonly attempts: number
    /** Of one attempt. */
    readonly timeout: Duration.DurationInput
  }
): Effect.Effect<Response, Silence> =>
  withFiberServices<Outcome, never, never>((services) =>
    callback((done) => startExchange(transport, services, request, Duration.toMillis(timeout), done))
  ).pipe(
    Effect.flatMap((outcome) => {
      const { isTransient, result } = answerOf(outcome, timeout)
      return isTransient || Either.isLeft(result) ? Effect.fail({ isTransient, result }) : Effect.succeed(result.right)
    }),
    Effect.retry({
      while: ({ isTransient }) => isTransient,
      times: attempts - 1,
      schedule: Schedule.jittered(Schedule.exponential("100 millis"))
    }),
    Effect.catchAll(({ result }) => result)
  )

/** An answer or the lack of one, and whether another attempt may get a better one. */
interface Attempt {
  readonly isTransient: boolean
  readonly result: Either.Either<Response, Silence>
}

const answerOf = (outcome: Outcome, timeout: Duration.DurationInput): Attempt => {
  const silent = (reason: Silence["reason"], problem: string, isTransient = false): Attempt => ({
    isTransient,
    result: Either.left({ reason, problem })
  })
  if (!("_tag" in outcome)) {
    const { status } = outcome
    return isRedirect(status)
      ? silent("Invalid", "it answered with a redirect, which is not followed")
      : { isTransient: status === 429 || status >= 500, result: Either.right(outcome) }
  }
  switch (outcome._tag) {
    case "Lateness":
      return silent("Unreachable", `it gave no answer within ${Duration.format(timeout)}`, true)
    case "Diversion":
      return silent(
        "Invalid",
        outcome.status === undefined ? `nothing was sent, because ${outcome.problem}` : outcome.problem
      )
    case "TransportError":
      return withoutAnswer(outcome, silent)
  }
}

const withoutAnswer = (
  { code, reason }: TransportError,
  silent: (reason: Silence["reason"], problem: string, isTransient?: boolean) => Attempt
): Attempt => {
  if (reason === "TooLong") return silent("Invalid", "its answer is longer than 1 MiB")
  if (reason === "BrokenOff") return silent("Unreachable", "its answer broke off", true)
  const certificate = certificateProblem(code)
  return silent(
    "Unreachable",
    certificate === undefined
      ? `it cannot be reached (${code})`
      : `${certificate.problem} (${code}). ${certificate.remedy.replace(/\.$/, "")}`,
    isTransientConnection(code)
  )
}
