import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

/**
 * One run at a time for all who ask: the first starts it, the others wait for it. It runs on a fiber of `scope`,
 * not of a caller, so that no caller's interruption takes it from the others or breaks it off half way.
 */
export interface SingleFlight<A, E> {
  /** Waits for the run under way, or for a new one. */
  readonly run: (effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  /** Starts a run unless one is under way, and does not wait. */
  readonly start: (effect: Effect.Effect<A, E>) => Effect.Effect<void>
}

export const make = <A, E>(scope: Scope.Scope): SingleFlight<A, E> => {
  let flight: Fiber.Fiber<A, E> | undefined
  const join = (effect: Effect.Effect<A, E>): Effect.Effect<Fiber.Fiber<A, E>> =>
    Effect.suspend(() =>
      flight !== undefined ? Effect.succeed(flight) : Effect.interruptible(effect).pipe(
        Effect.ensuring(Effect.sync(() => {
          flight = undefined
        })),
        Effect.forkIn(scope),
        Effect.tap((fiber) => {
          flight = fiber
        })
      )
    )
  return {
    run: (effect) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(join(effect), (fiber) => Effect.flatten(restore(Fiber.await(fiber))))
      ),
    start: (effect) => Effect.uninterruptible(Effect.asVoid(join(effect)))
  }
}
