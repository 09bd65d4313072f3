/**
 * A valid token for a signed-in session: `AWS.SSOTokenProvider` as a service.
 *
 * The token comes from the cache that all AWS tools share. Near its end it is renewed with its refresh token and
 * written back, once for all who wait; only when that cannot be does anybody have to sign in again.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as IdentityError from "./IdentityError.js"
import { countRefresh } from "./internal/metrics.js"
import { decideToken, type TokenDecision } from "./internal/refreshPolicy.js"
import * as SingleFlight from "./internal/singleFlight.js"
import type { SsoSession } from "./SharedConfig.js"
import { SsoOidc } from "./SsoOidc.js"
import { orMemory, SsoToken, SsoTokenCache } from "./SsoTokenCache.js"

/**
 * Valid tokens by session.
 *
 * @since 0.1.0
 * @category services
 */
export class SsoTokenProvider extends Context.Tag("effect-aws-identity/SsoTokenProvider")<SsoTokenProvider, {
  /**
   * The session's token: the cached one while it is good for five minutes, else a renewed one. One that cannot be
   * renewed is given out until it expires; then it is `SsoLoginRequired`. One process renews, the others wait for it.
   */
  readonly get: (session: SsoSession) => Effect.Effect<SsoToken, IdentityError.TokenError>
  /** Says that AWS rejected the token, whatever its time: the next `get` renews it, unless it is another by then. */
  readonly invalidate: (session: SsoSession, rejected: SsoToken) => Effect.Effect<void>
}>() {}

/** What a process remembers of a session; the token itself is in the cache. */
interface SessionState {
  readonly flight: SingleFlight.SingleFlight<SsoToken, IdentityError.TokenError>
  lastAttemptAt: number | undefined
  /** Why the last attempt came to nothing, if there was no token to go on with. */
  failure: IdentityError.TokenError | undefined
  /** The access token that AWS rejected, and when (ms since 1970). */
  rejected: { readonly accessToken: Redacted.Redacted; readonly at: number } | undefined
  /** The access token that came in the place of a rejected one: if it is rejected too, renewing does not help. */
  replacement: Redacted.Redacted | undefined
  /** The refresh token that AWS will never take again, and what it said. */
  refused: { readonly refreshToken: Redacted.Redacted; readonly error: IdentityError.SsoLoginRequired } | undefined
}

/**
 * Tokens from the cache, renewed through the OIDC service. What it remembers between calls lives as long as the
 * scope; closing it waits for a renewal under way, so that no refresh token is lost.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<
  Context.Tag.Service<SsoTokenProvider>,
  never,
  SsoTokenCache | SsoOidc | Scope.Scope
> = Effect.gen(function*() {
  const cache = orMemory(yield* SsoTokenCache)
  const oidc = yield* SsoOidc
  const newFlight = yield* SingleFlight.make
  const states = new Map<string, SessionState>()

  const stateOf = (session: SsoSession): SessionState => {
    const known = states.get(session.cacheKey)
    if (known !== undefined) return known
    const state: SessionState = {
      flight: newFlight(),
      lastAttemptAt: undefined,
      failure: undefined,
      rejected: undefined,
      replacement: undefined,
      refused: undefined
    }
    states.set(session.cacheKey, state)
    return state
  }

  const loginRequired = (
    session: SsoSession,
    reason: IdentityError.SsoLoginRequired["reason"],
    detail?: string
  ): IdentityError.SsoLoginRequired =>
    new IdentityError.SsoLoginRequired({
      reason,
      session: session.cacheKey,
      path: cache.location(session.cacheKey),
      detail,
      command: session.loginCommand
    })

  const read = (session: SsoSession) =>
    Effect.flatMap(
      cache.get(session.cacheKey),
      Option.match({
        onNone: () => Effect.fail(loginRequired(session, "NoToken", "there is no token file")),
        onSome: Effect.succeed
      })
    )

  const renew = Effect.fn("SsoTokenProvider.renew")(
    function*(session: SsoSession, state: SessionState, token: SsoToken, grant: Grant) {
      const now = yield* DateTime.now
      const ended = (error: IdentityError.ServiceException) =>
        Effect.fail(
          loginRequired(session, "RefreshRejected", [error.code, error.description].filter(Boolean).join(": "))
        )
      const failed = (error: IdentityError.ServiceException) => Effect.fail(IdentityError.toServiceError(error))
      const answer = yield* oidc.createToken({ region: session.region, grantType: "refresh_token", ...grant }).pipe(
        Effect.catchTags({
          // No refresh token of this session will ever be taken again.
          InvalidGrantException: ended,
          InvalidClientException: ended,
          ExpiredTokenException: ended,
          // Whatever else it is may pass.
          AccessDeniedException: failed,
          AuthorizationPendingException: failed,
          SlowDownException: failed
        })
      )
      const renewed = new SsoToken({
        ...token,
        accessToken: answer.accessToken,
        expiresAt: DateTime.add(now, { seconds: answer.expiresIn }),
        // No new refresh token in the answer means that the old one goes on counting.
        refreshToken: Option.orElse(answer.refreshToken, () => token.refreshToken)
      })
      if (isToken(token, state.rejected?.accessToken)) state.replacement = renewed.accessToken
      // A person may have signed in or out in the meantime: then theirs counts.
      const current = yield* Effect.either(read(session))
      if (Either.isLeft(current) && current.left._tag === "SsoLoginRequired") return yield* current.left
      if (Either.isRight(current) && !isToken(current.right, token.accessToken)) return current.right
      yield* cache.set(session.cacheKey, renewed)
      return renewed
    },
    (renewal) =>
      countRefresh("SsoTokenProvider", ({ expiresAt }: SsoToken) => DateTime.toEpochMillis(expiresAt))(renewal),
    carryThrough
  )

  /** The token, with what renews it if that is to be done now. */
  const look = (session: SsoSession, state: SessionState) =>
    Effect.gen(function*() {
      const token = yield* read(session)
      const now = yield* Clock.currentTimeMillis
      const decision = decide(now, token, state)
      if (decision === "Use") return { token, grant: Option.none<Grant>() }
      if (decision === "Pause" && state.failure !== undefined) return yield* state.failure
      const isRejected = isToken(token, state.rejected?.accessToken)
      const grant = grantOf(token)
      if (decision === "LoginRequired" || Option.isNone(grant) || (isRejected && isToken(token, state.replacement))) {
        return yield* loginRequired(
          session,
          isRejected ? "TokenRejected" : "Expired",
          isRejected ? undefined : whyNotRenewable(token)
        )
      }
      return { token, grant }
    })

  /** Looks first: another process may have renewed the token, or a person signed in, since it was found stale. */
  const refresh = (session: SsoSession, state: SessionState) =>
    Effect.gen(function*() {
      const { grant, token } = yield* look(session, state)
      if (Option.isNone(grant)) return token
      state.lastAttemptAt = yield* Clock.currentTimeMillis
      const { refused } = state
      const renewal = refused !== undefined && Equal.equals(refused.refreshToken, grant.value.refreshToken)
        ? Effect.fail(refused.error)
        : renew(session, state, token, grant.value)
      return yield* Effect.catchAll(renewal, (error) =>
        Effect.gen(function*() {
          // Whoever was quicker to spend the same refresh token has left a better one.
          const current = yield* Effect.option(read(session))
          const after = yield* Clock.currentTimeMillis
          if (Option.isSome(current) && !isToken(current.value, token.accessToken)) {
            if (decide(after, current.value, state) === "Use") return current.value
          }
          // Signed out meanwhile: then the old one counts no more, whatever its time.
          if (error._tag === "SsoLoginRequired" && error.reason === "NoToken") return yield* error
          if (error._tag === "SsoLoginRequired") {
            state.refused = { refreshToken: grant.value.refreshToken, error }
          }
          if (isToken(token, state.rejected?.accessToken) || DateTime.toEpochMillis(token.expiresAt) <= after) {
            state.failure = error
            return yield* error
          }
          yield* Effect.logWarning(`The SSO token is used on, but could not be renewed. ${error.message}`)
          return token
        }))
    })

  return {
    get: Effect.fn("SsoTokenProvider.get")(function*(session) {
      const state = stateOf(session)
      const { grant, token } = yield* look(session, state)
      if (Option.isNone(grant)) return token
      return yield* state.flight.run(cache.exclusively(session.cacheKey)(refresh(session, state)))
    }),
    invalidate: (session, rejected) =>
      Effect.map(Clock.currentTimeMillis, (at) => {
        stateOf(session).rejected = { accessToken: rejected.accessToken, at }
      })
  }
})

const isToken = (token: SsoToken, accessToken: Redacted.Redacted | undefined): boolean =>
  accessToken !== undefined && Equal.equals(token.accessToken, accessToken)

const decide = (now: number, token: SsoToken, { lastAttemptAt, rejected }: SessionState): TokenDecision =>
  decideToken(now, {
    expiresAt: rejected !== undefined && isToken(token, rejected.accessToken)
      ? rejected.at
      : DateTime.toEpochMillis(token.expiresAt),
    renewable: Option.isSome(grantOf(token)),
    registrationExpiresAt: Option.getOrUndefined(Option.map(token.registrationExpiresAt, DateTime.toEpochMillis)),
    lastAttemptAt
  })

/**
 * Tokens from the cache, renewed through the OIDC service.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<SsoTokenProvider, never, SsoTokenCache | SsoOidc> = Layer.scoped(SsoTokenProvider, make)

/**
 * Whoever is interrupted waits for it, for as long as a request may take: once AWS has answered, the old refresh
 * token may be spent, and the new one must reach the cache. (Uninterruptible, the request could not time out.)
 */
const carryThrough = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.uninterruptible(
    Effect.flatMap(Effect.forkDaemon(Effect.interruptible(effect)), (fiber) => Effect.flatten(Fiber.await(fiber)))
  )

interface Grant {
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted
  readonly refreshToken: Redacted.Redacted
}

/** What renews the token, if the file has all of it. */
const grantOf = ({ clientId, clientSecret, refreshToken }: SsoToken): Option.Option<Grant> =>
  Option.all({ clientId, clientSecret, refreshToken })

const whyNotRenewable = (token: SsoToken): string => {
  const expired = `it was good until ${DateTime.formatIso(token.expiresAt)}`
  return Option.isNone(grantOf(token))
    ? `${expired}, and there is no refresh token and client with it`
    : `${expired}, and its client registration until ${
      Option.match(token.registrationExpiresAt, { onNone: () => "then", onSome: DateTime.formatIso })
    }`
}
