/**
 * The one thing an application depends on: credentials that are always fresh.
 *
 * A provider of credentials resolves them once and keeps nothing; what is here keeps them, renews them before they
 * expire, and knows no provider.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { CredentialsProvider } from "effect-aws-identity"
 *
 * const program = Effect.gen(function*() {
 *   const provider = yield* CredentialsProvider.CredentialsProvider
 *   const credentials = yield* provider.get
 *   yield* Console.log(credentials.accessKeyId)
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { Credentials } from "./Credentials.js"
import * as IdentityError from "./IdentityError.js"
import { countRefresh } from "./internal/metrics.js"
import { refreshTimes, retryDelay } from "./internal/refreshPolicy.js"
import * as SingleFlight from "./internal/singleFlight.js"
import { timeLimit } from "./internal/timeLimit.js"

/**
 * Cached, self-renewing credentials.
 *
 * @since 0.1.0
 * @category services
 */
export class CredentialsProvider extends Context.Tag("effect-aws-identity/CredentialsProvider")<CredentialsProvider, {
  /**
   * Credentials that have not expired. Near their end they are renewed in the background; in their last minute
   * (or quarter of life, if that is shorter) callers wait for the new ones. However many ask, one request is made.
   */
  readonly get: Effect.Effect<Credentials, IdentityError.IdentityError>
  /** Forgets the given credentials, because AWS rejected them; ones renewed in the meantime are kept. */
  readonly invalidate: (rejected: Credentials) => Effect.Effect<void>
  /**
   * The credentials in hand, as long as nothing is to be done about them. It runs nothing, so that who has no fiber
   * need not start one; `get` is for when it gives none, and for providers without it.
   */
  readonly peek?: () => Credentials | undefined
}>() {}

/** Credentials in the cache, with the times (ms since 1970) at which something is to be done about them. */
interface Cell {
  readonly value: Credentials
  readonly hit: Effect.Effect<Credentials>
  readonly expiration: number
  /** From here on, whoever asks has them renewed in the background. */
  readonly advisoryAt: number
  /** From here on, whoever asks waits for the new ones. */
  readonly mandatoryAt: number
}

const expirationOf = ({ expiration }: Credentials): number =>
  Option.match(expiration, { onNone: () => Infinity, onSome: DateTime.toEpochMillis })

const counted = countRefresh("CredentialsProvider", expirationOf)

const cellOf = (value: Credentials, now: number): Cell => {
  const expiration = expirationOf(value)
  return { value, hit: Effect.succeed(value), expiration, ...refreshTimes(now, expiration) }
}

/** ms between two looks of the background, however short-lived the credentials are. */
const shortestPause = 1000
/** And however long-lived: somebody may reject them. */
const longestPause = 60_000

/** All wait for the one who asks, and he may wait for a person. */
const longestWait = "5 minutes"

const tooLong = () =>
  new IdentityError.CredentialsUnavailable({
    source: "the provider",
    reason: "Unreachable",
    problem: `it did not answer within ${longestWait}`,
    remedy: "Give the effects that it is made of (a token, a code, a program) time limits of their own."
  })

/** Where credentials came from once, none is not the same as never any: no chain must go on from there. */
const stillConfigured = (error: IdentityError.IdentityError): IdentityError.IdentityError =>
  error._tag === "NotConfigured"
    ? new IdentityError.CredentialsUnavailable({
      source: error.provider,
      reason: "Missing",
      problem: `it gave credentials before, and now: ${error.problem}`,
      remedy: `${error.remedy} To use others from now on, start this program again.`
    })
    : error

/** The same, left alone for a while because a renewal has failed; not as long by all who failed at once. */
const postponed = (cell: Cell, now: number, random: number): Cell => {
  const until = Math.min(now + retryDelay * (1 - random / 3), cell.expiration)
  return { ...cell, advisoryAt: until, mandatoryAt: Math.max(cell.mandatoryAt, until) }
}

/**
 * How a cache renews what it has.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Whether credentials are got at once and renewed as they near their end, also while nobody asks: then nobody ever
   * waits for them. Else they are got when somebody asks.
   */
  readonly background?: boolean | undefined
}

/**
 * A cache around one way to resolve credentials. Renewals run in the scope, with what `make` was run with and nothing
 * of their callers.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R>(
  resolve: Effect.Effect<Credentials, IdentityError.IdentityError, R>,
  options?: Options
): Effect.Effect<Context.Tag.Service<CredentialsProvider>, never, Exclude<R, Scope.Scope> | Scope.Scope> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<Exclude<R, Scope.Scope>>()
    const clock = yield* Effect.clock
    const flight = (yield* SingleFlight.make)<Credentials, IdentityError.IdentityError>()
    let cell: Cell | undefined
    let hasGiven = false

    /** `start` is the cell that it is to replace: if another is there by then, it was made for another world. */
    const refresh = (start: Cell | undefined) =>
      Effect.gen(function*() {
        const value = yield* timeLimit(Effect.scoped(resolve), { duration: longestWait, onTimeout: tooLong })
          .pipe(
            Effect.mapError((error) => hasGiven ? stillConfigured(error) : error)
          )
        const now = yield* Clock.currentTimeMillis
        const renewed = cellOf(value, now)
        if (renewed.expiration <= now) {
          return yield* new IdentityError.CredentialsExpired({
            expiration: Option.match(value.expiration, { onNone: () => "never", onSome: DateTime.formatIso }),
            now: DateTime.formatIso(DateTime.unsafeMake(now))
          })
        }
        if (cell === start) cell = renewed
        hasGiven = true
        return value
      }).pipe(
        counted,
        Effect.catchAllCause((cause) =>
          Effect.flatMap(Effect.zip(Clock.currentTimeMillis, Random.next), ([now, random]) => {
            if (cell === undefined || cell !== start || cell.expiration <= now || Cause.isInterrupted(cause)) {
              return Effect.failCause(cause)
            }
            cell = postponed(cell, now, random)
            return Effect.as(
              Effect.logWarning("The credentials are used on, but could not be renewed.", cause),
              cell.value
            )
          })
        ),
        Effect.withSpan("CredentialsProvider.refresh"),
        Effect.provide(context)
      )

    const get = Effect.suspend(() => {
      const now = clock.unsafeCurrentTimeMillis()
      if (cell === undefined || now >= cell.mandatoryAt) return flight.run(refresh(cell))
      if (now < cell.advisoryAt) return cell.hit
      return Effect.zipRight(flight.start(refresh(cell)), cell.hit)
    })

    if (options?.background === true) {
      const ask = Effect.gen(function*() {
        yield* Effect.exit(get)
        const now = yield* Clock.currentTimeMillis
        const pause = cell === undefined || cell.expiration <= now ? retryDelay : cell.advisoryAt - now
        yield* Effect.sleep(Math.min(Math.max(pause, shortestPause), longestPause))
      })
      yield* Effect.forkScoped(Effect.forever(ask))
    }

    return {
      get,
      invalidate: (rejected) =>
        Effect.sync(() => {
          if (cell?.value.accessKeyId !== rejected.accessKeyId) return
          cell = undefined
          // What is under way may bring the same ones back.
          flight.leave()
        }),
      peek: () => cell !== undefined && clock.unsafeCurrentTimeMillis() < cell.advisoryAt ? cell.value : undefined
    }
  })

/**
 * A provider as a layer: caches what `resolve` gives.
 *
 * @example
 * ```ts
 * import { Effect, Layer, Redacted } from "effect"
 * import { Credentials, CredentialsProvider } from "effect-aws-identity"
 *
 * const fixed: Layer.Layer<CredentialsProvider.CredentialsProvider> = CredentialsProvider.layer(
 *   Effect.succeed(
 *     new Credentials.Credentials({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: Redacted.make("example") })
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R>(
  resolve: Effect.Effect<Credentials, IdentityError.IdentityError, R>,
  options?: Options
): Layer.Layer<CredentialsProvider, never, Exclude<R, Scope.Scope>> =>
  Layer.scoped(CredentialsProvider, make(resolve, options))

/**
 * The first of several ways to credentials that something says to use.
 *
 * Only `NotConfigured` lets it go on to the next; any other error is the chain's, because what is configured and
 * broken must not make a program act as somebody else. For the same reason the one that gave the first credentials
 * gives all that follow. When none is configured it is a `NotConfigured` that lists what each lacks.
 *
 * @example
 * ```ts
 * import { ContainerCredentials, CredentialsProvider, EnvironmentCredentials } from "effect-aws-identity"
 *
 * export const credentials = CredentialsProvider.firstConfigured([
 *   EnvironmentCredentials.resolve,
 *   ContainerCredentials.resolve
 * ])
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const firstConfigured = <R extends ReadonlyArray<unknown>>(
  providers: { readonly [K in keyof R]: Effect.Effect<Credentials, IdentityError.IdentityError, R[K]> },
  options?: Options
): Layer.Layer<CredentialsProvider, never, Exclude<R[number], Scope.Scope>> =>
  Layer.scoped(CredentialsProvider, Effect.suspend(() => make(chain<R[number]>(providers), options)))

/** Keeps which one it was. */
const chain = <R>(
  providers: ReadonlyArray<Effect.Effect<Credentials, IdentityError.IdentityError, R>>
): Effect.Effect<Credentials, IdentityError.IdentityError, R> => {
  let chosen: Effect.Effect<Credentials, IdentityError.IdentityError, R> | undefined
  const choose = Effect.gen(function*() {
    const tried: Array<IdentityError.NotConfigured> = []
    for (const provider of providers) {
      const result = yield* Effect.either(provider)
      if (Either.isRight(result)) {
        chosen = provider
        return result.right
      }
      if (result.left._tag !== "NotConfigured") return yield* Effect.fail(result.left)
      tried.push(result.left)
    }
    return yield* new IdentityError.NotConfigured({
      provider: "Chain",
      problem: "No credentials are configured",
      remedy: "Configure one of these; on your own machine, run \"aws configure sso\".",
      tried: tried.flatMap((error) => error.tried ?? [error])
    })
  })
  return Effect.suspend(() => chosen ?? choose)
}
