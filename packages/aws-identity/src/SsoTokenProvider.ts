/**
 * A valid token for a signed-in session: `AWS.SSOTokenProvider` as a service.
 *
 * The token comes from the cache that all AWS tools share. Before it expires, it is refreshed with its refresh token
 * and written back. All callers share one refresh. A person has to sign in again only if the token cannot be refreshed.
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
import type * as Scope from "effect/Scope"
import * as IdentityError from "./IdentityError.js"
import { traced } from "./internal/edition.js"
import * as Lease from "./internal/lease.js"
import { loginRequired } from "./internal/loginRequired.js"
import { countRefresh } from "./internal/metrics.js"
import { perSource } from "./internal/perSource.js"
import { ResendCheck } from "./internal/resendCheck.js"
import { toServiceError } from "./internal/serviceError.js"
import * as SingleFlight from "./internal/singleFlight.js"
import { withMemory } from "./internal/tokenMemory.js"
import { foreignOwner } from "./internal/tokenOwner.js"
import * as TokenRefresh from "./internal/tokenRefresh.js"
import { SsoOidc } from "./SsoOidc.js"
import type { SsoSession } from "./SsoSession.js"
import { SsoToken, SsoTokenCache } from "./SsoTokenCache.js"

/**
 * Valid tokens by session.
 *
 * @since 0.1.0
 * @category services
 */
export class SsoTokenProvider extends Context.Tag("effect-aws-identity/SsoTokenProvider")<SsoTokenProvider, {
  /**
   * Returns the session's token. A cached token that expires within five minutes is refreshed first. A token that
   * cannot be refreshed is returned until it expires; then `get` fails with `SsoLoginRequired`. One process refreshes
   * the token, and the others wait for the result.
   */
  readonly get: (session: SsoSession) => Effect.Effect<SsoToken, IdentityError.TokenError>
  /** Reports that AWS rejected the token. The next `get` refreshes it, unless the cache holds another token by then. */
  readonly invalidate: (session: SsoSession, rejected: SsoToken) => Effect.Effect<void>
}>() {}

/**
 * The type of the service.
 *
 * @since 0.1.0
 * @category models
 */
export type Service = Context.Tag.Service<SsoTokenProvider>

interface SessionState {
  readonly flight: SingleFlight.SingleFlight<SsoToken, IdentityError.TokenError>
  memory: TokenRefresh.Memory
}

/** A token of the cache, and what it is refreshed with if it needs to be. */
interface Look {
  readonly token: SsoToken
  readonly grant: TokenRefresh.Grant | undefined
}

/**
 * How a turn under the lock ended. `LockLost`: before the refresh token was sent. `Refused`: by AWS, perhaps because
 * another process used the refresh token. That process may store its new token for another `othersMillis`.
 */
type Turn =
  | { readonly _tag: "Done"; readonly token: SsoToken }
  | { readonly _tag: "LockLost" }
  | { readonly _tag: "Refused"; readonly error: IdentityError.SsoLoginRequired; readonly othersMillis: number }

type Refusal = Exclude<IdentityError.CreateTokenError, IdentityError.CallError>

const isRefusal = (error: IdentityError.CreateTokenError): error is Refusal => error._tag.endsWith("Exception")

/** Whether AWS does not accept a refresh token of the session again. Another refusal may be temporary. */
const isFinal = (error: IdentityError.CreateTokenError): error is Refusal =>
  ["InvalidGrantException", "InvalidClientException", "ExpiredTokenException"].includes(error._tag)

const span = traced("SsoTokenProvider.get")

const counted = countRefresh("SsoTokenProvider", ({ expiresAt }: SsoToken) => DateTime.toEpochMillis(expiresAt))

/**
 * Tokens from the cache, refreshed through the OIDC service. What the provider remembers between calls lives as long as
 * the scope. Closing the scope waits for a refresh in progress, so that no refresh token is lost.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<
  Service,
  never,
  SsoTokenCache | SsoOidc | Scope.Scope
> = Effect.gen(function*() {
  const cache = withMemory(yield* SsoTokenCache)
  const oidc = yield* SsoOidc
  const newFlight = yield* SingleFlight.make<SsoToken, IdentityError.TokenError>(interrupted)
  const states = new Map<string, SessionState>()

  const stateOf = (session: SsoSession): SessionState => {
    const known = states.get(session.cacheKey)
    if (known !== undefined) return known
    const state: SessionState = { flight: newFlight(), memory: TokenRefresh.empty }
    states.set(session.cacheKey, state)
    return state
  }

  const required = (session: SsoSession, reason: IdentityError.SsoLoginRequired["reason"], detail?: string) =>
    loginRequired(session, { reason, detail, path: cache.location(session.cacheKey) })

  const read = (session: SsoSession) =>
    Effect.matchEffect(cache.get(session.cacheKey), {
      onFailure: (error) =>
        Effect.fail(error._tag === "CorruptToken" ? required(session, "CorruptFile", error.problem) : error),
      onSuccess: (found) => {
        if (Option.isNone(found)) return Effect.fail(required(session, "NoToken", "there is no token file"))
        const problem = foreignOwner(found.value, session)
        return problem === undefined ? Effect.succeed(found.value) : Effect.fail(required(session, "NoToken", problem))
      }
    })

  /**
   * Asks AWS for a new token and stores it, also if the lock was lost in the meantime. `mayResend` runs before the
   * refresh token is sent again.
   */
  const createToken = Effect.fn("SsoTokenProvider.refresh")(
    function*(
      session: SsoSession,
      state: SessionState,
      token: SsoToken,
      grant: TokenRefresh.Grant,
      mayResend: Effect.Effect<boolean>
    ) {
      const at = yield* Clock.currentTimeMillis
      const outcome = yield* oidc.createToken({
        region: session.region,
        profile: Option.getOrUndefined(session.profile),
        grantType: "refresh_token",
        ...grant
      }).pipe(
        Effect.mapBoth({
          onFailure: (error) =>
            isFinal(error)
              ? required(session, "RefreshRejected", [error.code, error.description].filter(Boolean).join(": "))
              : isRefusal(error)
              ? toServiceError(error)
              : error,
          onSuccess: (answer) =>
            new SsoToken({
              ...token,
              accessToken: answer.accessToken,
              expiresAt: DateTime.add(DateTime.unsafeMake(at), { seconds: answer.expiresIn }),
              // No new refresh token in the answer means that the old one stays valid.
              refreshToken: Option.orElse(answer.refreshToken, () => token.refreshToken)
            })
        }),
        counted,
        Effect.provideService(ResendCheck, mayResend),
        Effect.either
      )
      const settled = TokenRefresh.settle(yield* Clock.currentTimeMillis, {
        at,
        token,
        refreshToken: grant.refreshToken,
        outcome,
        current: yield* Effect.either(read(session))
      }, state.memory)
      state.memory = settled.memory
      if (settled.warning !== undefined) {
        yield* Effect.logWarning(
          `The SSO token could not be refreshed. It is used until it expires. ${settled.warning.message}`
        )
      }
      const { result, write } = settled
      if (write === undefined || (yield* cache.set(session.cacheKey, write, { replaces: Option.some(token) }))) {
        return yield* result
      }
      // The store has changed since it was read a moment ago.
      const current = yield* Effect.either(read(session))
      return Either.isLeft(current) && !TokenRefresh.isSignedOut(current.left) ? write : yield* current
    },
    carryThrough
  )

  /** Reads the token from the cache. The result has a grant if the token needs a refresh. */
  const look = (session: SsoSession, state: SessionState): Effect.Effect<Look, IdentityError.TokenError> =>
    Effect.flatMap(
      read(session),
      (token) =>
        Effect.clockWith((clock): Effect.Effect<Look, IdentityError.TokenError> => {
          const next = TokenRefresh.next(clock.unsafeCurrentTimeMillis(), token, state.memory)
          if (next._tag === "Fail") return Effect.fail(next.error)
          if (next._tag === "LoginRequired") return Effect.fail(required(session, next.reason, next.detail))
          return Effect.succeed({ token, grant: next._tag === "Refresh" ? next.grant : undefined })
        })
    )

  /** The token in the cache; fails if it is not usable. */
  const usable = (
    session: SsoSession,
    state: SessionState
  ): Effect.Effect<Turn, IdentityError.TokenError | "Unusable"> =>
    Effect.flatMap(
      Effect.zip(read(session), Clock.currentTimeMillis),
      ([token, now]) =>
        TokenRefresh.isUsable(now, token, state.memory)
          ? Effect.succeed<Turn>({ _tag: "Done", token })
          : Effect.fail("Unusable" as const)
    )

  /** If AWS refused the refresh token, waits until the process that may have used it has stored its new token. */
  const afterRefusal = (session: SsoSession, state: SessionState, turn: Turn): Effect.Effect<Turn> =>
    turn._tag !== "Refused" || turn.othersMillis === 0
      ? Effect.succeed(turn)
      : Effect.retry(Effect.delay(usable(session, state), watchMillis), {
        times: Math.ceil(turn.othersMillis / watchMillis) - 1
      }).pipe(
        Effect.orElseSucceed(() => ({ ...turn, othersMillis: 0 }))
      )

  /** Refreshes under the lock, if the token still needs it. Sends nothing without the lock if `needsLock`. */
  const refresh = (
    session: SsoSession,
    state: SessionState,
    needsLock: boolean
  ): Effect.Effect<Turn, IdentityError.TokenError> =>
    Effect.gen(function*() {
      const lease = Option.getOrElse(
        yield* Effect.serviceOption(Lease.Lease),
        () => Lease.withoutLock(Lease.leaseMillis)
      )
      const maySend = Effect.map(lease.beginSending, (isHeld) => isHeld || !needsLock)
      // Twice, because the machine may sleep while AWS answers. The new token may then have expired, but it still has a
      // refresh token.
      for (let attempt = 1; attempt <= 2; attempt++) {
        const { grant, token } = yield* look(session, state)
        if (grant === undefined) return { _tag: "Done", token }
        if (!(yield* maySend)) return { _tag: "LockLost" }
        let isLost = false
        // This process may have been stopped while AWS answered, and another may have refreshed the token by now.
        const mayResend = Effect.gen(function*() {
          const current = yield* Effect.option(read(session))
          if (!Option.exists(current, (current) => Equal.equals(current.refreshToken, token.refreshToken))) return false
          isLost = !(yield* maySend)
          return !isLost
        })
        const answer = yield* Effect.either(createToken(session, state, token, grant, mayResend))
        if (Either.isLeft(answer)) {
          const error = answer.left
          if (isLost) return { _tag: "LockLost" }
          if (error._tag !== "SsoLoginRequired" || error !== state.memory.lastAttempt?.error) {
            return yield* Effect.fail(error)
          }
          return { _tag: "Refused", error, othersMillis: lease.othersMillis }
        }
        if (TokenRefresh.isUsable(yield* Clock.currentTimeMillis, answer.right, state.memory)) {
          return { _tag: "Done", token: answer.right }
        }
      }
      return yield* new IdentityError.InvalidResponse({
        service: "SSO OIDC",
        operation: "createToken",
        endpoint: `The OIDC service of ${session.region}`,
        status: 200,
        problem: "the token has expired already"
      })
    })

  /**
   * Refreshes under the lock. Ends the wait for the lock as soon as the cache has a usable token: the holder's new one,
   * or the current one while it is still usable.
   */
  const underLock = (
    session: SsoSession,
    state: SessionState,
    restarts = 3
  ): Effect.Effect<SsoToken, IdentityError.TokenError> =>
    Effect.suspend(() => {
      let isWaiting = true
      const turn = Effect.suspend(() => {
        isWaiting = false
        return Effect.flatMap(refresh(session, state, restarts > 0), (turn) =>
          // The process whose lock was taken over may still run and store its new token. Keep the lock until then, so
          // that no other process sends the same refresh token.
          turn._tag === "Refused" && turn.othersMillis > Lease.leaseMillis
            ? afterRefusal(session, state, turn)
            : Effect.succeed(turn))
      })
      const other = Effect.eventually(
        Effect.delay(Effect.suspend(() => isWaiting ? usable(session, state) : Effect.never), watchMillis)
      )
      return Effect.raceFirst(cache.exclusively(session.cacheKey)(turn), other).pipe(
        // The AWS CLI and the SDKs refresh without our lock, and store the new token a moment later.
        Effect.flatMap((turn) => afterRefusal(session, state, turn)),
        Effect.flatMap((turn) => {
          if (turn._tag === "LockLost") return underLock(session, state, restarts - 1)
          return turn._tag === "Done" ? Effect.succeed(turn.token) : Effect.fail(turn.error)
        })
      )
    })

  return {
    get: (session) =>
      span(Effect.suspend(() => {
        const state = stateOf(session)
        return Effect.flatMap(look(session, state), ({ grant, token }) =>
          grant === undefined ? Effect.succeed(token) : state.flight.run(underLock(session, state)))
      })),
    invalidate: (session, rejected) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const state = stateOf(session)
        state.memory = TokenRefresh.reject(now, state.memory, rejected)
      })
  }
})

const interrupted = (why: SingleFlight.Interruption) =>
  new IdentityError.CredentialsUnavailable({
    source: "the SSO token provider",
    reason: "Missing",
    problem: why === "Closed" ? "the scope or layer that made it has been closed" : "the refresh interrupted itself",
    remedy: "Keep its scope or layer open until the last request is done."
  })

/** ms between two looks at the token file while another process may write it. */
const watchMillis = 200

/**
 * Tokens from the cache, refreshed through the OIDC service.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (): Layer.Layer<SsoTokenProvider, never, SsoTokenCache | SsoOidc> =>
  perSource(Layer.scoped(SsoTokenProvider, make))

/**
 * Runs an effect to its end even if its caller is interrupted; the interruption waits for it. Once AWS has answered,
 * the old refresh token may be spent, so the new one must reach the cache. The effect runs in a fiber of its own that
 * is interruptible, because an uninterruptible pause cannot be cut short.
 */
const carryThrough = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.uninterruptible(
    Effect.flatMap(Effect.forkDaemon(Effect.interruptible(effect)), (fiber) => Effect.flatten(Fiber.await(fiber)))
  )
