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
import * as Equal from "effect/Equal"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as IdentityError from "./IdentityError.js"
import { decideToken, type TokenDecision } from "./internal/refreshPolicy.js"
import * as SingleFlight from "./internal/singleFlight.js"
import type { SsoSession } from "./SharedConfig.js"
import { SsoOidc } from "./SsoOidc.js"
import { SsoToken, SsoTokenCache } from "./SsoTokenCache.js"

/**
 * Valid tokens by session.
 *
 * @since 0.1.0
 * @category services
 */
export class SsoTokenProvider extends Context.Tag("effect-aws-identity/SsoTokenProvider")<SsoTokenProvider, {
  /**
   * The session's token: the cached one while it is good for five minutes, else a renewed one. One that cannot be
   * renewed is given out until it expires; then it is `SsoLoginRequired`.
   */
  readonly get: (session: SsoSession) => Effect.Effect<SsoToken, IdentityError.TokenError>
  /** Says that AWS rejected the token, whatever its time: the next `get` renews it, unless it is another by then. */
  readonly invalidate: (session: SsoSession, rejected: SsoToken) => Effect.Effect<void>
}>() {}

/** What a process remembers of a session; the token itself is in the cache. */
interface SessionState {
  readonly flight: SingleFlight.SingleFlight<SsoToken, IdentityError.TokenError>
  lastAttemptAt: number | undefined
  rejected: Redacted.Redacted | undefined
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
  const cache = yield* SsoTokenCache
  const oidc = yield* SsoOidc
  const scope = yield* Effect.scope
  const states = new Map<string, SessionState>()

  const stateOf = (session: SsoSession): SessionState => {
    const known = states.get(session.cacheKey)
    if (known !== undefined) return known
    const state = { flight: SingleFlight.make(scope), lastAttemptAt: undefined, rejected: undefined } as SessionState
    states.set(session.cacheKey, state)
    return state
  }

  const isRejected = (session: SsoSession, token: SsoToken): boolean =>
    Equal.equals(stateOf(session).rejected, token.accessToken)

  const decide = (now: number, session: SsoSession, token: SsoToken): TokenDecision =>
    decideToken(now, {
      expiresAt: isRejected(session, token) ? now : DateTime.toEpochMillis(token.expiresAt),
      renewable: Option.isSome(grantOf(token)),
      registrationExpiresAt: Option.getOrUndefined(Option.map(token.registrationExpiresAt, DateTime.toEpochMillis)),
      lastAttemptAt: stateOf(session).lastAttemptAt
    })

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
    function*(session: SsoSession, token: SsoToken, grant: Grant) {
      const now = yield* DateTime.now
      stateOf(session).lastAttemptAt = DateTime.toEpochMillis(now)
      const answer = yield* oidc.createToken({ region: session.region, grantType: "refresh_token", ...grant }).pipe(
        Effect.catchIf(
          (error) => error._tag === "ServiceError" && sessionEnded.has(error.code),
          (error) => Effect.fail(loginRequired(session, "RefreshRejected", error.message))
        )
      )
      const renewed = new SsoToken({
        ...token,
        accessToken: answer.accessToken,
        expiresAt: DateTime.add(now, { seconds: answer.expiresIn }),
        // No new refresh token in the answer means that the old one goes on counting.
        refreshToken: Option.orElse(answer.refreshToken, () => token.refreshToken)
      })
      yield* Effect.catchAll(
        cache.set(session.cacheKey, renewed),
        (error) => Effect.logWarning(`The renewed SSO token could not be kept. ${error.message}`)
      )
      return renewed
    },
    carryThrough
  )

  /** Reads first: another process may have renewed the token, or a person signed in, since it was found stale. */
  const refresh = (session: SsoSession) =>
    Effect.gen(function*() {
      const token = yield* read(session)
      const now = yield* Clock.currentTimeMillis
      const decision = decide(now, session, token)
      if (decision === "Use") return token
      const rejected = isRejected(session, token)
      const grant = grantOf(token)
      if (decision === "LoginRequired" || Option.isNone(grant)) {
        return yield* loginRequired(session, rejected ? "TokenRejected" : "Expired", whyNotRenewable(token))
      }
      const usable = !rejected && DateTime.toEpochMillis(token.expiresAt) > now
      return yield* Effect.catchAll(renew(session, token, grant.value), (error) =>
        usable
          ? Effect.as(Effect.logWarning(`The SSO token is used on, but could not be renewed. ${error.message}`), token)
          : Effect.fail(error))
    })

  return {
    get: Effect.fn("SsoTokenProvider.get")(function*(session) {
      const token = yield* read(session)
      const now = yield* Clock.currentTimeMillis
      return decide(now, session, token) === "Use" ? token : yield* stateOf(session).flight.run(refresh(session))
    }),
    invalidate: (session, rejected) =>
      Effect.sync(() => {
        stateOf(session).rejected = rejected.accessToken
      })
  }
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

/** AWS's ways to say that no refresh token of this session will ever be taken again; other errors may pass. */
const sessionEnded: ReadonlySet<string> = new Set([
  "InvalidGrantException",
  "InvalidClientException",
  "ExpiredTokenException"
])

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
    ? `${expired}, and no refresh token came with it`
    : `${expired}, and its client registration until ${
      Option.match(token.registrationExpiresAt, { onNone: () => "then", onSome: DateTime.formatIso })
    }`
}
