/** When a value that expires is refreshed: decisions only, all times in milliseconds since 1970. */
import type { Kind } from "../IdentityError.js"

const second = 1000
const minute = 60 * second

/** A token this close to its end is renewed before it is used, if it can be (AWS's SDKs agree on five minutes). */
export const tokenWindow = 5 * minute

/** Between two attempts to renew one token while it still counts (likewise agreed). */
export const attemptInterval = 30 * second

/** `Pause`: the last attempt failed a moment ago, and there is nothing to go on with. */
export type TokenDecision = "Use" | "Refresh" | "LoginRequired" | "Pause"

/** What is known of a token, and of the last attempt to renew it in this process. */
export interface TokenState {
  readonly expiresAt: number
  /** It came with a refresh token and a client registration. */
  readonly renewable: boolean
  /** After which the registration cannot renew anything; unknown if undefined. */
  readonly registrationExpiresAt: number | undefined
  readonly lastAttemptAt: number | undefined
}

/**
 * A token that still counts is never refused: renewed when near its end and renewable, used when not. One that
 * counts no more is renewed, or else a person must sign in. Attempts are half a minute apart, but the first after the
 * end of a token is made at once.
 */
export const decideToken = (now: number, token: TokenState): TokenDecision => {
  if (token.expiresAt - now > tokenWindow) return "Use"
  const { lastAttemptAt, registrationExpiresAt } = token
  const isRenewable = token.renewable && (registrationExpiresAt === undefined || registrationExpiresAt > now)
  // An attempt in the future was made before the clock was set back.
  const wasTriedLately = lastAttemptAt !== undefined && lastAttemptAt <= now && now - lastAttemptAt < attemptInterval
  if (token.expiresAt > now) return isRenewable && !wasTriedLately ? "Refresh" : "Use"
  if (!isRenewable) return "LoginRequired"
  return wasTriedLately && lastAttemptAt >= token.expiresAt ? "Pause" : "Refresh"
}

/** When credentials are refreshed in the background, and from when on callers wait for the refresh. */
export interface RefreshTimes {
  readonly advisoryAt: number
  readonly mandatoryAt: number
}

/**
 * In the background from five minutes before the expiration, and with waiting callers from one minute before it. For
 * short-lived credentials the times are at half and at three quarters of their life.
 *
 * With `before`, callers wait from that long before the expiration. If the credentials do not live that long, waiting
 * gains nothing: then a refresh in the background tries for better ones after `attemptInterval`.
 */
export const refreshTimes = (now: number, expiration: number, before = 0): RefreshTimes => {
  const lifetime = Math.max(expiration - now, 0)
  const advisoryAt = expiration - Math.min(5 * minute, lifetime / 2)
  const mandatoryAt = expiration - Math.min(minute, lifetime / 4)
  const wished = expiration - before
  if (wished >= mandatoryAt) return { advisoryAt, mandatoryAt }
  return wished >= now + attemptInterval
    ? { advisoryAt: Math.min(advisoryAt, wished - Math.min(4 * minute, (wished - now) / 3)), mandatoryAt: wished }
    : { advisoryAt: Math.min(advisoryAt, now + attemptInterval), mandatoryAt }
}

/** The longest wait before a failed refresh is tried again, while the old credentials have not expired. */
export const retryDelay = 30 * second

/** What a cache of credentials has in hand. */
export type Held<A, F> = None | Good<A> | Failed<F>

/** Nothing yet, or what there was has been rejected. */
export interface None {
  readonly _tag: "None"
}

/** Credentials. */
export interface Good<A> extends RefreshTimes {
  readonly _tag: "Good"
  readonly value: A
  /** `Infinity` if they do not expire. */
  readonly expiration: number
  /** When the last attempt to get credentials ended. */
  readonly triedAt: number
}

/** The failure of the last attempt, which is the answer for a pause. */
interface Failed<F> {
  readonly _tag: "Failed"
  readonly failure: F
  readonly at: number
  readonly until: number
}

export const none: None = { _tag: "None" }

export const good = <A>(now: number, value: A, expiration: number, before = 0): Good<A> => ({
  _tag: "Good",
  value,
  expiration,
  triedAt: now,
  ...refreshTimes(now, expiration, before)
})

/** `Hit`: give what is held. `HitAndRefresh`: and refresh in the background. `Wait`: for a refresh. `Fail`: as before. */
export type CredentialsDecision = "Hit" | "HitAndRefresh" | "Wait" | "Fail"

/**
 * What a caller gets who asks for credentials that live at least so long. Held credentials that live less are
 * refreshed first, unless the last attempt is less than `attemptInterval` ago: it did not bring longer-lived ones.
 */
export const decideCredentials = <A, F>(now: number, held: Held<A, F>, atLeast = 0): CredentialsDecision => {
  switch (held._tag) {
    case "None":
      return "Wait"
    case "Failed":
      // A failure in the future was before the clock was set back.
      return held.at <= now && now < held.until ? "Fail" : "Wait"
    case "Good": {
      if (now >= held.mandatoryAt) return "Wait"
      const wasTriedLately = held.triedAt <= now && now - held.triedAt < attemptInterval
      if (held.expiration - now < atLeast && !wasTriedLately) return "Wait"
      return now < held.advisoryAt ? "Hit" : "HitAndRefresh"
    }
  }
}

/** Shortest and longest pause after a failure. A final answer of AWS rarely changes within seconds (as in AWS's SDKs). */
const pauses: { readonly [K in Kind]: readonly [number, number] } = {
  // Only looks at the configuration, which may change at any time.
  NotConfigured: [0, 0],
  // Only looks at the token file, and a person who has just signed in must not wait.
  LoginRequired: [0, 0],
  InvalidConfig: [second, 5 * second],
  AccessDenied: [second, 5 * second],
  Unavailable: [second / 2, second],
  InvalidAnswer: [second / 2, second]
}

/**
 * What is held after a failed attempt, with `random` in [0, 1). Credentials that have not expired are kept, and the
 * next attempt is 20 to 30 seconds later: random, so that processes which failed together do not retry together.
 */
export const afterFailure = <A, F>(
  now: number,
  held: Held<A, F>,
  failure: F,
  kind: Kind,
  random: number
): Held<A, F> => {
  if (held._tag === "Good" && held.expiration > now) {
    const until = Math.min(now + retryDelay * (1 - random / 3), held.expiration)
    return { ...held, triedAt: now, advisoryAt: until, mandatoryAt: Math.max(held.mandatoryAt, until) }
  }
  const [shortest, longest] = pauses[kind]
  return longest === 0
    ? none
    : { _tag: "Failed", failure, at: now, until: now + shortest + (longest - shortest) * random }
}
