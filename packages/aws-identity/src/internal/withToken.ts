import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as IdentityError from "../IdentityError.js"
import type { SsoSession } from "../SsoSession.js"
import { loginRequired } from "./loginRequired.js"

interface Tokens<Token, E> {
  readonly get: (session: SsoSession) => Effect.Effect<Token, E>
  readonly invalidate: (session: SsoSession, rejected: Token) => Effect.Effect<void>
}

type Rejection = IdentityError.UnauthorizedException

const isRejection = <E>(error: E | Rejection): error is Rejection => Predicate.isTagged(error, "UnauthorizedException")

/**
 * Calls the portal with a session's token. If the portal rejects a token that has not expired, the token is refreshed
 * and the call is made once more. If that token is rejected too, a person has to sign in.
 */
export const withToken = <Token, TokenError, A, E, R>(
  tokens: Tokens<Token, TokenError>,
  session: SsoSession,
  call: (token: Token) => Effect.Effect<A, E | Rejection, R>
): Effect.Effect<A, E | TokenError | IdentityError.SsoLoginRequired, R> => {
  const attempt: Effect.Effect<A, E | TokenError | Rejection, R> = Effect.flatMap(
    tokens.get(session),
    (token) =>
      Effect.tapError(call(token), (error) => isRejection(error) ? tokens.invalidate(session, token) : Effect.void)
  )
  return attempt.pipe(
    Effect.catchAll((error) => isRejection(error) ? attempt : Effect.fail(error)),
    Effect.mapError((error) =>
      isRejection(error)
        ? loginRequired(session, { reason: "TokenRejected", detail: error.description })
        : error
    )
  )
}
