/**
 * Cached credentials that are refreshed before they expire: the one service that an application depends on.
 *
 * A provider resolves credentials once and keeps no state. This module caches the credentials of any provider.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { CredentialsProvider } from "effect-aws-identity"
 *
 * export const program = Effect.gen(function*() {
 *   const { accessKeyId } = yield* CredentialsProvider.get
 *   yield* Console.log(accessKeyId)
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { Credentials } from "./Credentials.js"
import * as IdentityError from "./IdentityError.js"
import { type OwnError, toOwnError } from "./internal/applicationError.js"
import { applicationLimit } from "./internal/applicationLimit.js"
import { countRefresh } from "./internal/metrics.js"
import { withPeek } from "./internal/peek.js"
import { perSource } from "./internal/perSource.js"
import { afterFailure, decideCredentials, good, type Held, none, retryDelay } from "./internal/refreshPolicy.js"
import { RefusalChecks } from "./internal/refusalChecks.js"
import * as SingleFlight from "./internal/singleFlight.js"

/**
 * Cached credentials that are refreshed before they expire.
 *
 * @since 0.1.0
 * @category services
 */
export class CredentialsProvider extends Context.Tag("effect-aws-identity/CredentialsProvider")<CredentialsProvider, {
  /**
   * Returns credentials that have not expired. In their last 5 minutes (or half of their life, if that is shorter) they
   * are refreshed in the background. In their last minute (or quarter of life) callers wait for the new ones. All
   * callers share one request.
   *
   * After a failure, if no unexpired credentials are left, `get` pauses: it fails with the same error without asking
   * again. The pause is 1 to 5 seconds after a refusal or a broken configuration, and half a second to a second if AWS
   * could not be reached or its answer was invalid. `invalidate` and a new sign-in end the pause. There is no pause
   * after `LoginRequired` and `NotConfigured`.
   */
  readonly get: Effect.Effect<Credentials, IdentityError.IdentityError>
  /** Forgets these credentials because AWS rejected them. Credentials that have replaced them are kept. */
  readonly invalidate: (rejected: Credentials) => Effect.Effect<void>
  /** See `getFor` of this module, which also works with a provider that does not have it. */
  readonly getFor?: (atLeast: Duration.DurationInput) => Effect.Effect<Credentials, IdentityError.IdentityError>
}>() {}

/**
 * The type of the service. A program with several identities has a tag of its own for each, of this type.
 *
 * @since 0.1.0
 * @category models
 */
export type Service = Context.Tag.Service<CredentialsProvider>

/**
 * Credentials that have not expired, from the `CredentialsProvider` in the context: `get` of the service.
 *
 * @since 0.1.0
 * @category accessors
 */
export const get: Effect.Effect<Credentials, IdentityError.IdentityError, CredentialsProvider> = Effect.flatMap(
  CredentialsProvider,
  (provider) => provider.get
)

/**
 * Credentials that stay valid for at least the given time, for uses that end with the credentials: a presigned URL, or
 * the token of a database.
 *
 * Cached credentials that expire sooner are refreshed once. If the new ones expire sooner too, they are returned all
 * the same, because the sessions of a permission set have a fixed length. Check their `expiration`. The next refresh
 * for the same reason is made half a minute later at the earliest.
 *
 * @example
 * ```ts
 * import { CredentialsProvider } from "effect-aws-identity"
 *
 * // For a job that cannot change its credentials while it runs
 * export const credentials = CredentialsProvider.getFor("30 minutes")
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const getFor = (
  atLeast: Duration.DurationInput
): Effect.Effect<Credentials, IdentityError.IdentityError, CredentialsProvider> =>
  Effect.flatMap(CredentialsProvider, (provider) => provider.getFor?.(atLeast) ?? provider.get)

const expirationOf = ({ expiration }: Credentials): number =>
  Option.match(expiration, { onNone: () => Infinity, onSome: DateTime.toEpochMillis })

const counted = countRefresh("CredentialsProvider", expirationOf)

/** The shortest time (ms) between two looks of the background fiber, however short-lived the credentials are. */
const shortestPause = 1000
/** The longest time (ms) between two such looks, because credentials may be rejected and a machine may sleep. */
const longestPause = 60_000

const interrupted = (why: SingleFlight.Interruption) =>
  new IdentityError.CredentialsUnavailable(
    why === "Closed"
      ? {
        source: "the provider",
        reason: "Missing",
        problem: "the scope or layer that made it has been closed",
        remedy: "Keep that open until the last request is done."
      }
      : {
        source: "the provider",
        reason: "Missing",
        problem: "it interrupted itself",
        remedy: "Look for an interruption in the effects that it is made of (a token, a code, a program)."
      }
  )

/** A provider that gave credentials before is configured, so a chain must not go on from it. */
const stillConfigured = (error: IdentityError.IdentityError): IdentityError.IdentityError =>
  error._tag === "NotConfigured"
    ? new IdentityError.CredentialsUnavailable({
      source: error.provider,
      reason: "Missing",
      problem: `it gave credentials before, and now: ${error.problem}`,
      remedy: `${error.remedy} To use others from now on, start this program again.`
    })
    : error

/** Why there are no credentials, and the checks that tell whether this is out of date. */
interface Failure {
  readonly cause: Cause.Cause<IdentityError.IdentityError>
  readonly checks: ReadonlyArray<Effect.Effect<boolean>>
}

/** The kind of a failure. A defect counts as `Unavailable`, because it may pass. */
const kindOf = (cause: Cause.Cause<IdentityError.IdentityError>) =>
  Option.match(Cause.failureOption(cause), { onNone: () => "Unavailable" as const, onSome: ({ kind }) => kind })

/**
 * What the cache holds between two rejections. A refresh that began before a rejection may bring the rejected
 * credentials back. It writes to its own generation, which `get` does not read any more.
 */
interface Generation {
  readonly flight: SingleFlight.SingleFlight<Credentials, IdentityError.IdentityError>
  held: Held<Credentials, Failure>
}

/**
 * How a cache refreshes its credentials.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheOptions {
  /**
   * Whether the cache resolves credentials as soon as it is made and refreshes them also while no caller asks, so that
   * no caller waits. By default, credentials are resolved when a caller asks.
   */
  readonly background?: boolean | undefined
  /**
   * How long before the expiration callers wait for new credentials, if longer than by default. Credentials that do not
   * live that long are returned all the same, and the cache asks for longer-lived ones in the background half a minute
   * later.
   */
  readonly refreshBefore?: Duration.DurationInput | undefined
}

/**
 * Makes a cache around a provider. The cache runs the provider in its own scope and with the context of `make`, not
 * with those of its callers. When the scope is closed, `get` fails with `CredentialsUnavailable` at once, also for
 * callers that are waiting.
 *
 * The cache sets no time limit for the provider, because a sign-in takes as long as a person needs. The providers of
 * this library have limits for each thing that they wait for; make others with `fromEffect`, which sets one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R>(
  resolve: Effect.Effect<Credentials, IdentityError.IdentityError, R>,
  options?: CacheOptions
): Effect.Effect<Service, never, Exclude<R, Scope.Scope> | Scope.Scope> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<Exclude<R, Scope.Scope>>()
    const clock = yield* Effect.clock
    const newFlight = yield* SingleFlight.make<Credentials, IdentityError.IdentityError>(interrupted)
    const refreshBefore = Duration.toMillis(options?.refreshBefore ?? 0)
    const begin = (held: Generation["held"]): Generation => ({ flight: newFlight(), held })
    let generation = begin(none)
    let hasGiven = false
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        const failure = { cause: Cause.fail(interrupted("Closed")), checks: [] }
        generation = begin({ _tag: "Failed", failure, at: -Infinity, until: Infinity })
      })
    )

    const attempt = Effect.gen(function*() {
      const value = yield* Effect.mapError(
        Effect.scoped(resolve),
        (error) => hasGiven ? stillConfigured(error) : error
      )
      const now = yield* Clock.currentTimeMillis
      if (expirationOf(value) <= now) {
        return yield* new IdentityError.CredentialsExpired({
          expiration: Option.match(value.expiration, { onNone: () => "never", onSome: DateTime.formatIso }),
          now: DateTime.formatIso(DateTime.unsafeMake(now))
        })
      }
      return value
    }).pipe(counted)

    /** Makes one attempt and writes its result to the generation in which the attempt was started. */
    const refresh = (mine: Generation) =>
      Effect.suspend(() => {
        const checks: Array<Effect.Effect<boolean>> = []
        return attempt.pipe(
          Effect.tap((value) =>
            Effect.map(Clock.currentTimeMillis, (now) => {
              mine.held = good(now, value, expirationOf(value), refreshBefore)
              hasGiven = true
            })
          ),
          Effect.catchAllCause((cause) =>
            Effect.flatMap(Effect.zip(Clock.currentTimeMillis, Random.next), ([now, random]) => {
              if (Cause.isInterrupted(cause)) return Effect.failCause(cause)
              const { held } = mine
              mine.held = afterFailure(now, held, { cause, checks }, kindOf(cause), random)
              if (mine.held._tag !== "Good") return Effect.failCause(cause)
              return Effect.as(
                Effect.logWarning("The credentials could not be refreshed. They are used until they expire.", cause),
                mine.held.value
              )
            })
          ),
          Effect.withSpan("CredentialsProvider.refresh"),
          Effect.provideService(RefusalChecks, { add: (check) => void checks.push(check) }),
          Effect.provide(context)
        )
      })

    /** Fails with the same failure again, unless a check says that it is out of date. */
    const failAgain = (mine: Generation, { cause, checks }: Failure) =>
      checks.length === 0
        ? Effect.failCause(cause)
        : mine.flight.run(
          Effect.flatMap(
            Effect.exists(checks, identity),
            (isOutdated) => isOutdated ? refresh(mine) : Effect.failCause(cause)
          )
        )

    const getWith = (atLeast: number): Effect.Effect<Credentials, IdentityError.IdentityError> =>
      Effect.suspend(() => {
        const mine = generation
        const { held } = mine
        const decision = decideCredentials(clock.unsafeCurrentTimeMillis(), held, atLeast)
        if (held._tag === "Good" && decision !== "Wait") {
          const hit = Effect.succeed(held.value)
          return decision === "Hit" ? hit : Effect.zipRight(mine.flight.start(refresh(mine)), hit)
        }
        const waiting = held._tag === "Failed" && decision === "Fail"
          ? failAgain(mine, held.failure)
          : mine.flight.run(refresh(mine))
        // A cache around this one, such as that of a role assumed with these credentials, checks this during its pause.
        return Effect.tapError(waiting, (error) => {
          const isOutdated = Effect.match(get, { onFailure: (other) => other !== error, onSuccess: () => true })
          return Effect.map(RefusalChecks, ({ add }) => add(isOutdated))
        })
      })
    const get = getWith(0)

    if (options?.background === true) {
      const ask = Effect.gen(function*() {
        yield* Effect.exit(get)
        const now = yield* Clock.currentTimeMillis
        const { held } = generation
        const pause = held._tag === "Good" && held.expiration > now ? held.advisoryAt - now : retryDelay
        yield* Effect.sleep(Math.min(Math.max(pause, shortestPause), longestPause))
      })
      yield* Effect.forkScoped(Effect.forever(ask))
    }

    const service: Service = {
      get,
      getFor: (atLeast) => getWith(Duration.toMillis(atLeast)),
      invalidate: (rejected) =>
        Effect.sync(() => {
          const { held } = generation
          if (held._tag === "Failed") generation.held = none
          if (held._tag === "Good" && held.value.accessKeyId === rejected.accessKeyId) generation = begin(none)
        })
    }
    return withPeek(service, () => {
      const { held } = generation
      return held._tag === "Good" && decideCredentials(clock.unsafeCurrentTimeMillis(), held) === "Hit"
        ? held.value
        : undefined
    })
  })

/**
 * Makes a provider from an effect of the application, such as a call to a vault. An error of the effect becomes a
 * `CredentialsUnavailable` with the name of the source and the tag of the error. The rest of the error is left out,
 * because it may be secret. An `IdentityError` stays as it is. An effect that takes longer than 5 minutes becomes a
 * `CredentialsUnavailable` with the reason `Unreachable`.
 *
 * @example
 * ```ts
 * import { Data, Effect } from "effect"
 * import type { Credentials } from "effect-aws-identity"
 * import { CredentialsProvider } from "effect-aws-identity"
 *
 * class VaultError extends Data.TaggedError("VaultError") {}
 *
 * export const fromVault = (read: Effect.Effect<Credentials.Credentials, VaultError>) =>
 *   CredentialsProvider.layer(CredentialsProvider.fromEffect("Vault", read))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromEffect = <E, R>(
  name: string,
  credentials: Effect.Effect<Credentials, E, R>
): Effect.Effect<Credentials, IdentityError.CredentialsUnavailable | OwnError<E>, R> =>
  Effect.mapError(
    credentials,
    toOwnError({ source: name, what: "it", remedy: "Look at where the program gets its credentials from." })
  ).pipe(applicationLimit(name))

/**
 * A cache around the provider `resolve`, as a layer.
 *
 * The layer is built once for each source that it is provided with, as are the other layers of this library. The same
 * layer value over two environments, sets of files or providers gives two identities. Uses of the value over one source
 * share one cache.
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
  options?: CacheOptions
): Layer.Layer<CredentialsProvider, never, Exclude<R, Scope.Scope>> =>
  perSource(Layer.scoped(CredentialsProvider, make(resolve, options)))

/**
 * A chain of providers as a value: uses the first provider that is configured.
 *
 * Run the effect once for each cache, or for each role that the chain is the source of: each run returns a resolver that
 * remembers which provider it has chosen.
 *
 * Only `NotConfigured` lets the chain go on to the next provider. Any other error is the error of the chain, because a
 * provider that is configured and broken must not make a program act with another identity. For the same reason, the
 * provider that gave the first credentials gives all later ones. If no provider is configured, the chain fails with a
 * `NotConfigured` that lists what each of them lacks, so a chain can be a part of another chain.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { AssumeRoleCredentials, ContainerCredentials, CredentialsProvider, EnvironmentCredentials } from "effect-aws-identity"
 *
 * // A role, assumed with the keys of the environment, else with the credentials of the container
 * export const deploy = Effect.gen(function*() {
 *   const source = yield* CredentialsProvider.firstConfigured([
 *     EnvironmentCredentials.resolve(),
 *     ContainerCredentials.resolve()
 *   ])
 *   return yield* CredentialsProvider.make(
 *     AssumeRoleCredentials.assume({ roleArn: "arn:aws:iam::111122223333:role/deploy" }, source)
 *   )
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const firstConfigured = <R extends ReadonlyArray<unknown>>(
  resolvers: { readonly [K in keyof R]: Effect.Effect<Credentials, IdentityError.IdentityError, R[K]> }
): Effect.Effect<Effect.Effect<Credentials, IdentityError.IdentityError, R[number]>> =>
  Effect.sync(() => chain<R[number]>(resolvers))

/** A resolver that remembers the provider which gave the first credentials. */
const chain = <R>(
  resolvers: ReadonlyArray<Effect.Effect<Credentials, IdentityError.IdentityError, R>>
): Effect.Effect<Credentials, IdentityError.IdentityError, R> => {
  let chosen: Effect.Effect<Credentials, IdentityError.IdentityError, R> | undefined
  const choose = Effect.gen(function*() {
    const tried: Array<IdentityError.NotConfigured> = []
    for (const resolve of resolvers) {
      const result = yield* Effect.either(resolve)
      // Another fiber may have made the choice meanwhile.
      if (chosen !== undefined) return yield* chosen
      if (Either.isRight(result)) {
        chosen = Effect.mapError(resolve, stillConfigured)
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

/**
 * A cache around a chain of providers, as a layer: see `firstConfigured`.
 *
 * @example
 * ```ts
 * import { ContainerCredentials, CredentialsProvider, EnvironmentCredentials } from "effect-aws-identity"
 *
 * export const credentials = CredentialsProvider.layerFirstConfigured([
 *   EnvironmentCredentials.resolve(),
 *   ContainerCredentials.resolve()
 * ])
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFirstConfigured = <R extends ReadonlyArray<unknown>>(
  resolvers: { readonly [K in keyof R]: Effect.Effect<Credentials, IdentityError.IdentityError, R[K]> },
  options?: CacheOptions
): Layer.Layer<CredentialsProvider, never, Exclude<R[number], Scope.Scope>> =>
  perSource(Layer.scoped(
    CredentialsProvider,
    Effect.flatMap(firstConfigured<R>(resolvers), (resolve) => make(resolve, options))
  ))
