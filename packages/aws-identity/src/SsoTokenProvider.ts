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
import { foreignOwner } from "./internal/tokenOwner.js"
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
  /** The access tokens that AWS rejected lately, and when (ms since 1970). */
  rejections: ReadonlyArray<{ readonly accessToken: Redacted.Redacted; readonly at: number }>
  /** The access token that came in the place of a rejected one: if it is rejected too, renewing does not help. */
  replacement: Redacted.Redacted | undefined
  /** The refresh token that AWS will never take again, and what it said. */
  refused: { readonly refreshToken: Redacted.Redacted; readonly error: IdentityError.SsoLoginRequired } | undefined
}

const counted = countRefresh("SsoTokenProvider", ({ expiresAt }: SsoToken) => DateTime.toEpochMillis(expiresAt))

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
  // Whichever store it is, of which some do so themselves: no refresh token is lost because it could not be written.
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
      rejections: [],
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
        onSome: (token) => {
          const problem = foreignOwner(token, session)
          return problem === undefined ? Effect.succeed(token) : Effect.fail(loginRequired(session, "NoToken", problem))
        }
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
      if (isRejected(token, state)) state.replacement = renewed.accessToken
      // A person may have signed in or out in the meantime: then theirs counts.
      const current = yield* Effect.either(read(session))
      if (Either.isLeft(current) && current.left._tag === "SsoLoginRequired") return yield* current.left
      if (Either.isRight(current) && !isToken(current.right, token.accessToken)) return current.right
      yield* cache.set(session.cacheKey, renewed, { replaces: Option.some(token) })
      const stored = yield* Effect.either(read(session))
      if (Either.isLeft(stored) && stored.left._tag === "SsoLoginRequired") return yield* stored.left
      return Either.isRight(stored) ? stored.right : renewed
    },
    counted,
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
      const grant = grantOf(token)
      const isBeyondHelp = isRejected(token, state) && isToken(token, state.replacement)
      if (decision === "LoginRequired" || Option.isNone(grant) || isBeyondHelp) {
        return yield* isRejected(token, state)
          ? loginRequired(session, "TokenRejected")
          : loginRequired(session, "Expired", whyNotRenewable(token))
      }
      return { token, grant }
    })

  /** Looks first: another process may have renewed the token, or a person signed in, since it was found stale. */
  const refresh = (
    session: SsoSession,
    state: SessionState,
    isSecond = false
  ): Effect.Effect<SsoToken, IdentityError.TokenError> =>
    Effect.gen(function*() {
      const { grant, token } = yield* look(session, state)
      if (Option.isNone(grant)) return token
      state.lastAttemptAt = yield* Clock.currentTimeMillis
      const { refused } = state
      const renewal = refused !== undefined && Equal.equals(refused.refreshToken, grant.value.refreshToken)
        ? Effect.fail(refused.error)
        : renew(session, state, token, grant.value)
      const renewed = yield* Effect.catchAll(renewal, (error) =>
        withoutRenewal(session, state, token, grant.value, error))
      if (counts(yield* Clock.currentTimeMillis, renewed, state)) {
        return renewed
      }
      // The machine slept while AWS answered: what it gave has a refresh token at least.
      if (!isSecond) {
        return yield* refresh(session, state, true)
      }
      return yield* new IdentityError.InvalidResponse({
        service: "SSO OIDC",
        operation: "createToken",
        endpoint: `The OIDC service of ${session.region}`,
        status: 200,
        problem: "the token has expired already"
      })
    })

  /** What there is to go on with when a renewal has failed. */
  const withoutRenewal = Effect.fnUntraced(function*(
    session: SsoSession,
    state: SessionState,
    token: SsoToken,
    { refreshToken }: Grant,
    error: IdentityError.TokenError
  ) {
    const current = yield* Effect.either(read(session))
    const now = yield* Clock.currentTimeMillis
    // Signed out meanwhile: then the old one counts no more, whatever its time.
    if (Either.isLeft(current) && current.left._tag === "SsoLoginRequired") return yield* current.left
    // Whoever was quicker to spend the same refresh token has left a better one.
    if (Either.isRight(current) && !isToken(current.right, token.accessToken) && counts(now, current.right, state)) {
      return current.right
    }
    if (error._tag === "SsoLoginRequired") state.refused = { refreshToken, error }
    if (!counts(now, token, state)) {
      state.failure = error
      return yield* error
    }
    yield* Effect.logWarning(`The SSO token is used on, but could not be renewed. ${error.message}`)
    return token
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
        const state = stateOf(session)
        // The first time counts: who hears of it late does not put off the end of a pause.
        if (isRejected(rejected, state)) return
        state.rejections = [{ accessToken: rejected.accessToken, at }, ...state.rejections.slice(0, 7)]
      })
  }
})

const isToken = (token: SsoToken, accessToken: Redacted.Redacted | undefined): boolean =>
  accessToken !== undefined && Equal.equals(token.accessToken, accessToken)

const rejectionOf = (token: SsoToken, { rejections }: SessionState) =>
  rejections.find(({ accessToken }) => isToken(token, accessToken))

const isRejected = (token: SsoToken, state: SessionState): boolean => rejectionOf(token, state) !== undefined

/** From when on a token is of no use (ms since 1970); a rejection in the future was before the clock was set back. */
const endOf = (now: number, token: SsoToken, state: SessionState): number => {
  const rejection = rejectionOf(token, state)
  const expiresAt = DateTime.toEpochMillis(token.expiresAt)
  return rejection === undefined ? expiresAt : Math.min(expiresAt, rejection.at > now ? -Infinity : rejection.at)
}

const counts = (now: number, token: SsoToken, state: SessionState): boolean => endOf(now, token, state) > now

const decide = (now: number, token: SsoToken, state: SessionState): TokenDecision =>
  decideToken(now, {
    expiresAt: endOf(now, token, state),
    renewable: Option.isSome(grantOf(token)),
    registrationExpiresAt: Option.getOrUndefined(Option.map(token.registrationExpiresAt, DateTime.toEpochMillis)),
    lastAttemptAt: state.lastAttemptAt
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
 * token may be spent, and the new one must reach the cache. (Uninterruptible, its pauses could not be cut short.)
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
