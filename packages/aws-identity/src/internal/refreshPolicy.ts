/** When a value that expires is renewed: decisions only, all times in milliseconds since 1970. */

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

/** When credentials are renewed in the background, and from when on callers wait for it. */
export interface RefreshTimes {
  readonly advisoryAt: number
  readonly mandatoryAt: number
}

/** Five minutes before they expire, and one; for short-lived ones no sooner than at half and three quarters of life. */
export const refreshTimes = (now: number, expiration: number): RefreshTimes => {
  const lifetime = Math.max(expiration - now, 0)
  return {
    advisoryAt: expiration - Math.min(5 * minute, lifetime / 2),
    mandatoryAt: expiration - Math.min(minute, lifetime / 4)
  }
}

/** How long after a failed renewal the next is tried, while the old value still counts. */
export const retryDelay = 30 * second
