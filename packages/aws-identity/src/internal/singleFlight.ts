import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"

/**
 * One run at a time for all who ask: the first starts it, the others wait for it. It runs on a fiber of its own, with
 * the fiber refs that its maker had and none of a caller's: no caller's interruption takes it from the others or
 * breaks it off half way, and no caller's settings reach what the others get. Closing the maker's scope ends it.
 */
export interface SingleFlight<A, E> {
  /** Waits for the run under way, or for a new one. */
  readonly run: (effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  /** Starts a run unless one is under way, and does not wait. */
  readonly start: (effect: Effect.Effect<A, E>) => Effect.Effect<void>
  /** Lets the run under way end for those who wait for it; who asks from now on gets a new one. */
  readonly leave: () => void
}

/** Makes single flights that run in the current scope, with the fiber refs of now. */
export const make: Effect.Effect<<A, E>() => SingleFlight<A, E>, never, Scope.Scope> = Effect.gen(function*() {
  const scope = yield* Effect.scope
  const runFork = Runtime.runFork(yield* Effect.runtime())
  return <A, E>(): SingleFlight<A, E> => {
    let flight: Fiber.RuntimeFiber<A, E> | undefined
    // All in one step of the calling fiber: nobody comes between the look and the start.
    const join = (effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> => {
      if (flight !== undefined) return flight
      const fiber = runFork(Effect.interruptible(effect), { scope, immediate: false })
      flight = fiber
      fiber.addObserver(() => {
        if (flight === fiber) flight = undefined
      })
      return fiber
    }
    return {
      run: (effect) => Effect.suspend(() => Effect.flatten(Fiber.await(join(effect)))),
      start: (effect) =>
        Effect.sync(() => {
          join(effect)
        }),
      leave: () => {
        flight = undefined
      }
    }
  }
})
