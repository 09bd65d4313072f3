/** When a value that expires is refreshed: decisions only, all times in milliseconds since 1970. */
import type { Kind } from "../IdentityError.js"

const second = 1000
const minute = 60 * second

/** A token that expires within this time is refreshed before it is used, if possible. AWS's SDKs use the same time. */
export const tokenWindow = 5 * minute

/** The shortest time between two attempts to refresh a token that has not expired. AWS's SDKs use the same. */
export const attemptInterval = 30 * second

/** `Pause`: the token has expired, and the last attempt to refresh it failed a moment ago. */
export type TokenDecision = "Use" | "Refresh" | "LoginRequired" | "Pause"

/** What is known of a token, and of the last attempt to refresh it in this process. */
export interface TokenState {
  readonly expiresAt: number
  /** Whether it came with a refresh token and a client registration. */
  readonly renewable: boolean
  /** When the registration expires, after which it cannot refresh a token; unknown if undefined. */
  readonly registrationExpiresAt: number | undefined
  readonly lastAttemptAt: number | undefined
}

/**
 * Decides what to do about a token. A token that has not expired is used, and refreshed if it expires soon and can be
 * refreshed. An expired token is refreshed, or a person must sign in. Attempts are half a minute apart, but the first
 * one after the expiry is made at once.
 */
export const decideToken = (now: number, token: TokenState): TokenDecision => {
  if (token.expiresAt - now > tokenWindow) return "Use"
  const { lastAttemptAt, registrationExpiresAt } = token
  const isRenewable = token.renewable && (registrationExpiresAt === undefined || registrationExpiresAt > now)
  // An attempt with a time in the future was made before the clock was set back.
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
 * Credentials are refreshed in the background from five minutes before they expire. Callers wait for the refresh from
 * one minute before they expire. For short-lived credentials, these times are at half and three quarters of their life.
 *
 * With `before`, callers wait from that long before the expiration. If the credentials do not live that long, waiting
 * would not help, so a refresh in the background asks for longer-lived ones after `attemptInterval`.
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

/** What a cache of credentials holds. */
export type Held<A, F> = None | Good<A> | Failed<F>

/** No credentials yet, or the last ones were rejected. */
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

/** The failure of the last attempt. Callers get it until the pause ends. */
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

/** `Hit`: use what is held. `HitAndRefresh`: refresh in the background too. `Wait`: refresh first. `Fail`: again. */
export type CredentialsDecision = "Hit" | "HitAndRefresh" | "Wait" | "Fail"

/**
 * Decides what a caller gets that asks for credentials which live at least `atLeast` ms. Held credentials that expire
 * sooner are refreshed first, unless the last attempt, which did not bring longer-lived ones, is less than
 * `attemptInterval` ago.
 */
export const decideCredentials = <A, F>(now: number, held: Held<A, F>, atLeast = 0): CredentialsDecision => {
  switch (held._tag) {
    case "None":
      return "Wait"
    case "Failed":
      // A failure with a time in the future happened before the clock was set back.
      return held.at <= now && now < held.until ? "Fail" : "Wait"
    case "Good": {
      if (now >= held.mandatoryAt) return "Wait"
      const wasTriedLately = held.triedAt <= now && now - held.triedAt < attemptInterval
      if (held.expiration - now < atLeast && !wasTriedLately) return "Wait"
      return now < held.advisoryAt ? "Hit" : "HitAndRefresh"
    }
  }
}

/** Shortest and longest pause after a failure (ms), as in AWS's SDKs: a refusal rarely changes within seconds. */
const pauses: { readonly [K in Kind]: readonly [number, number] } = {
  // The next attempt only reads the configuration, which may change at any time.
  NotConfigured: [0, 0],
  // The next attempt only reads the token file, and a person who has just signed in must not wait.
  LoginRequired: [0, 0],
  InvalidConfig: [second, 5 * second],
  AccessDenied: [second, 5 * second],
  Unavailable: [second / 2, second],
  InvalidAnswer: [second / 2, second]
}

/**
 * What the cache holds after a failed attempt; `random` is in [0, 1). Credentials that have not expired are kept, and
 * the next attempt is 20 to 30 seconds later. The delay is random so that processes that failed together do not retry
 * together.
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
