/** Decides what to do about a session's token: from the cached token, what this process remembers, and AWS's answer. */
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type { SsoLoginRequired, TokenError } from "../IdentityError.js"
import { decideToken } from "./refreshPolicy.js"

/** The fields of an `SsoToken` that these decisions depend on. */
export interface Token {
  readonly accessToken: Redacted.Redacted
  readonly expiresAt: DateTime.Utc
  readonly clientId: Option.Option<string>
  readonly clientSecret: Option.Option<Redacted.Redacted>
  readonly registrationExpiresAt: Option.Option<DateTime.Utc>
  readonly refreshToken: Option.Option<Redacted.Redacted>
}

/** What a process remembers of a session between calls. The token itself is in the cache. */
export interface Memory {
  /** The last refresh request; `error` says why it failed. */
  readonly lastAttempt:
    | { readonly at: number; readonly refreshToken: Redacted.Redacted; readonly error?: TokenError }
    | undefined
  /** The last access tokens that AWS rejected (at most 8), and when it did (ms since 1970). */
  readonly rejections: ReadonlyArray<{ readonly accessToken: Redacted.Redacted; readonly at: number }>
  /** The access token that replaced a rejected one. If AWS rejects this one too, another refresh does not help. */
  readonly replacement: Redacted.Redacted | undefined
}

export const empty: Memory = { lastAttempt: undefined, rejections: [], replacement: undefined }

/** The fields that a refresh request needs. */
export interface Grant {
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted
  readonly refreshToken: Redacted.Redacted
}

const grantOf = ({ clientId, clientSecret, refreshToken }: Token): Option.Option<Grant> =>
  Option.all({ clientId, clientSecret, refreshToken })

/** Remembers that AWS rejected a token. Only the first report counts, so that a late report does not extend a pause. */
export const reject = (now: number, memory: Memory, { accessToken }: Token): Memory =>
  rejectionOf(accessToken, memory) === undefined
    ? { ...memory, rejections: [{ accessToken, at: now }, ...memory.rejections.slice(0, 7)] }
    : memory

const rejectionOf = (accessToken: Redacted.Redacted, { rejections }: Memory) =>
  rejections.find((rejection) => Equal.equals(rejection.accessToken, accessToken))

/**
 * When a token expires or was rejected (ms since 1970). A rejection with a time in the future happened before the clock
 * was set back.
 */
const endOf = (now: number, { accessToken, expiresAt }: Token, memory: Memory): number => {
  const rejection = rejectionOf(accessToken, memory)
  const end = DateTime.toEpochMillis(expiresAt)
  return rejection === undefined ? end : Math.min(end, rejection.at > now ? -Infinity : rejection.at)
}

/** Whether the token has neither expired nor been rejected. */
export const isUsable = (now: number, token: Token, memory: Memory): boolean => endOf(now, token, memory) > now

export type Next =
  | { readonly _tag: "Use" }
  | { readonly _tag: "Refresh"; readonly grant: Grant }
  | { readonly _tag: "Fail"; readonly error: TokenError }
  | { readonly _tag: "LoginRequired"; readonly reason: SsoLoginRequired["reason"]; readonly detail: string | undefined }

/** What to do about the token that the cache holds. */
export const next = (now: number, token: Token, memory: Memory): Next => {
  const grant = grantOf(token)
  const { lastAttempt, replacement } = memory
  const isRejected = rejectionOf(token.accessToken, memory) !== undefined
  const decision = decideToken(now, {
    expiresAt: endOf(now, token, memory),
    renewable: Option.isSome(grant),
    registrationExpiresAt: Option.getOrUndefined(Option.map(token.registrationExpiresAt, DateTime.toEpochMillis)),
    lastAttemptAt: lastAttempt?.at
  })
  if (decision === "Use") return { _tag: "Use" }
  if (decision === "Pause" && lastAttempt?.error !== undefined) return { _tag: "Fail", error: lastAttempt.error }
  const isBeyondHelp = isRejected && replacement !== undefined && Equal.equals(token.accessToken, replacement)
  if (decision === "LoginRequired" || Option.isNone(grant) || isBeyondHelp) {
    return isRejected
      ? { _tag: "LoginRequired", reason: "TokenRejected", detail: undefined }
      : { _tag: "LoginRequired", reason: "Expired", detail: whyNotRefreshable(token) }
  }
  // AWS never accepts a refresh token that it has refused before.
  if (
    lastAttempt?.error?._tag === "SsoLoginRequired" && Equal.equals(lastAttempt.refreshToken, grant.value.refreshToken)
  ) {
    return isUsable(now, token, memory) ? { _tag: "Use" } : { _tag: "Fail", error: lastAttempt.error }
  }
  return { _tag: "Refresh", grant: grant.value }
}

const whyNotRefreshable = (token: Token): string => {
  const expired = `it was good until ${DateTime.formatIso(token.expiresAt)}`
  return Option.isNone(grantOf(token))
    ? `${expired}, and there is no refresh token and client with it`
    : `${expired}, and its client registration until ${
      Option.match(token.registrationExpiresAt, { onNone: () => "then", onSome: DateTime.formatIso })
    }`
}

/** A refresh request and its outcome. */
export interface Attempt<T extends Token> {
  readonly at: number
  /** The token that was refreshed. */
  readonly token: T
  readonly refreshToken: Redacted.Redacted
  readonly outcome: Either.Either<T, TokenError>
  /** What the cache holds after the answer. */
  readonly current: Either.Either<T, TokenError>
}

/** Whether a person signed out or in to another session. A file that is not a token is replaced instead. */
export const isSignedOut = (error: TokenError): boolean =>
  error._tag === "SsoLoginRequired" && error.reason !== "CorruptFile"

/** What to return to the caller, and what to write to the cache. */
export interface Settled<T extends Token> {
  readonly memory: Memory
  readonly result: Either.Either<T, TokenError>
  readonly write?: T
  /** Why the request failed, when `result` is a token all the same. */
  readonly warning?: TokenError
}

/**
 * Decides what to return and to write after a refresh request. A sign-in, a sign-out or a refresh by another process
 * during the request takes precedence over AWS's answer: the answer replaces only the token that was refreshed. After a
 * failed request, the old token is used as long as it is usable.
 */
export const settle = <T extends Token>(
  now: number,
  { at, current, outcome, refreshToken, token }: Attempt<T>,
  before: Memory
): Settled<T> => {
  const memory: Memory = {
    ...before,
    lastAttempt: Either.isLeft(outcome) ? { at, refreshToken, error: outcome.left } : { at, refreshToken },
    replacement: Either.isRight(outcome) && rejectionOf(token.accessToken, before) !== undefined
      ? outcome.right.accessToken
      : before.replacement
  }
  if (Either.isLeft(current) && isSignedOut(current.left)) return { memory, result: current }
  if (Either.isRight(current) && !Equal.equals(current.right.accessToken, token.accessToken)) {
    if (Either.isRight(outcome) || isUsable(now, current.right, memory)) return { memory, result: current }
  }
  if (Either.isRight(outcome)) return { memory, result: outcome, write: outcome.right }
  return isUsable(now, token, memory)
    ? { memory, result: Either.right(token), warning: outcome.left }
    : { memory, result: outcome }
}
