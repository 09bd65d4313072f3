/**
 * AWS's standard retry mode as of 2026: what is tried again, after which wait, and when a client has retried enough.
 * Times are in milliseconds.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type { RetryableFailure } from "../ClientConfig.js"
import type { Wait } from "./retrying.js"

/** The first attempt included. */
export const defaultMaxAttempts = 3

const quota = 500
const costs = { Transient: 14, ClockSkew: 14, Throttling: 5 } as const
const bases = { Transient: 50, ClockSkew: 50, Throttling: 1000 } as const
const longestDelay = 20_000
/** How much longer than its own delay a client waits because a server asks it to. */
const longestAsked = 5000

/** The wait before the retry of the given number (from 0), with `random` in [0, 1). */
export const retryDelay = (
  retry: number,
  { kind, retryAfter }: Pick<RetryableFailure, "kind" | "retryAfter">,
  random: number
): number => {
  const own = random * Math.min(bases[kind] * 2 ** retry, longestDelay)
  return Option.match(retryAfter, {
    onNone: () => own,
    onSome: (asked) => Math.max(own, Math.min(Duration.toMillis(asked), own + longestAsked))
  })
}

/** How much a client may still retry: what keeps a whole fleet from retrying a service to death. */
export interface RetryQuota {
  /** Pays for a retry, if there is enough left. */
  readonly take: (kind: RetryableFailure["kind"]) => boolean
  /** A success gives back what its last retry cost, or one token if it needed none. */
  readonly giveBack: (kind: RetryableFailure["kind"] | undefined) => void
}

export const makeQuota = (): RetryQuota => {
  let left = quota
  return {
    take: (kind) => {
      if (left < costs[kind]) return false
      left -= costs[kind]
      return true
    },
    giveBack: (kind) => {
      left = Math.min(left + (kind === undefined ? 1 : costs[kind]), quota)
    }
  }
}

/** AWS's standard mode: waits as `retryDelay` says, `maxAttempts - 1` times at most, while the quota lasts. */
export const standard = (maxAttempts: number, quota: RetryQuota): Wait => (retry, failure) =>
  retry + 1 >= maxAttempts || !quota.take(failure.kind)
    ? Effect.succeed(false)
    : Effect.flatMap(Random.next, (random) => Effect.as(Effect.sleep(retryDelay(retry, failure, random)), true))

/** A schedule of the application. Of one call, because its driver counts. */
export const ofSchedule = (schedule: Schedule.Schedule<unknown, RetryableFailure>): Wait => {
  let driver: Schedule.ScheduleDriver<unknown, RetryableFailure> | undefined
  return (_, failure) =>
    Effect.flatMap(driver === undefined ? Schedule.driver(schedule) : Effect.succeed(driver), (current) => {
      driver = current
      return Effect.isSuccess(current.next(failure))
    })
}

/** `x-amz-retry-after` (ms) or `Retry-After` (s, or a date). */
export const retryAfterOf = (
  headers: Readonly<Record<string, string | undefined>>,
  now: number
): Option.Option<Duration.Duration> => {
  const own = headers["x-amz-retry-after"]
  if (own !== undefined && /^\d{1,15}$/.test(own)) return Option.some(Duration.millis(Number(own)))
  const standard = headers["retry-after"]
  if (standard === undefined) return Option.none()
  const asked = /^\d{1,12}(?:\.\d+)?$/.test(standard) ? Number(standard) * 1000 : Date.parse(standard) - now
  return Number.isNaN(asked) ? Option.none() : Option.some(Duration.millis(Math.max(asked, 0)))
}

/** A clock this far from AWS's is corrected. */
const toleratedSkew = 240_000
/** An answer that was this long on its way does not tell the time. */
const longestRoundTrip = 900_000

/** 9999-12-31, the last that a signature can name. */
const latestTime = 253_402_214_400_000

/** How far AWS's clock is ahead of ours, or the offset as it was if the answer does not say otherwise. */
export const clockOffset = (
  offset: number,
  headers: Readonly<Record<string, string | undefined>>,
  { receivedAt, sentAt }: { readonly sentAt: number; readonly receivedAt: number }
): number => {
  const serverTime = Date.parse(headers["date"] ?? "")
  // An answer from some cache bears its age.
  if (!(serverTime < latestTime) || headers["age"] !== undefined || receivedAt - sentAt > longestRoundTrip) {
    return offset
  }
  return Math.abs(serverTime - (receivedAt + offset)) >= toleratedSkew ? serverTime - receivedAt : offset
}
