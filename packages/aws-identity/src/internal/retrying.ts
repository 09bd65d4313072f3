/** Repeats attempts until one succeeds, the policy gives up or the time is over. Knows nothing of AWS or HTTP. */
import * as Effect from "effect/Effect"
import type { RetryableFailure } from "../ClientConfig.js"
import type { FiberServices } from "./edition.js"
import { ResendCheck } from "./resendCheck.js"

/** What an attempt comes to. */
export type Outcome<A, E> = Done<A> | Refused<E>

export interface Done<A> {
  readonly _tag: "Done"
  readonly value: A
}

/** An attempt that failed. `retry` is undefined if another attempt cannot help. */
export interface Refused<E> {
  readonly _tag: "Refused"
  readonly error: E
  readonly retry: RetryableFailure | undefined
}

export const done = <A>(value: A): Done<A> => ({ _tag: "Done", value })

export const refused = <E>(error: E, retry?: RetryableFailure): Refused<E> => ({ _tag: "Refused", error, retry })

/** Waits before the retry of the given number (from 0). The result is false if there should be no retry. */
export type Wait = (retry: number, failure: RetryableFailure) => Effect.Effect<boolean>

/** The number of an attempt (from 1), the time that it has, and what it comes to if there is no answer by then. */
export interface Turn<E> {
  readonly number: number
  readonly millis: number
  readonly onTimeout: () => Refused<E>
}

export const retrying = <A, E>(services: FiberServices, { attempt, attemptMillis, millis, onDone, unanswered, wait }: {
  readonly attempt: (turn: Turn<E>) => Effect.Effect<Outcome<A, E>>
  /** ms of one attempt. */
  readonly attemptMillis: number
  /** ms of all attempts and the waits between them. */
  readonly millis: number
  /** The failure of an attempt that had no answer in its own time, or in what was left of the whole time. */
  readonly unanswered: (attempts: number, isWhole: boolean) => Refused<E>
  readonly wait: Wait
  /** Receives the last failure before the success. */
  readonly onDone: (last: RetryableFailure | undefined) => void
}): Effect.Effect<A, E> => {
  const deadline = services.uptime() + millis
  const from = (number: number, last: Refused<E> | undefined): Effect.Effect<A, E> => {
    const left = deadline - services.uptime()
    if (last !== undefined && left <= 0) return Effect.fail(last.error)
    const turn: Turn<E> = attemptMillis < left
      ? { number, millis: attemptMillis, onTimeout: () => unanswered(number, false) }
      : { number, millis: left, onTimeout: () => refused((last ?? unanswered(number, true)).error) }
    return Effect.flatMap(attempt(turn), (outcome) => {
      if (outcome._tag === "Refused") return again(number, outcome)
      onDone(last?.retry)
      return Effect.succeed(outcome.value)
    })
  }
  const again = (number: number, last: Refused<E>): Effect.Effect<A, E> => {
    if (last.retry === undefined) return Effect.fail(last.error)
    const mayResend = Effect.timeoutTo(wait(number - 1, last.retry), {
      duration: Math.max(deadline - services.uptime(), 0),
      onSuccess: (goesOn) => goesOn ? Effect.flatten(ResendCheck) : Effect.succeed(false),
      onTimeout: () => Effect.succeed(false)
    })
    return Effect.flatMap(Effect.flatten(mayResend), (isAllowed) => {
      if (!isAllowed) return Effect.fail(last.error)
      services.annotate({ "http.request.resend_count": number })
      return from(number + 1, last)
    })
  }
  return from(1, undefined)
}
