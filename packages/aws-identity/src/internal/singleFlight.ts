import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"

/**
 * At most one run at a time: the first caller starts it, the others wait for its result. The run has a fiber of its own
 * with the fiber refs of the maker. So a caller's interruption does not end it, and a caller's settings do not affect
 * the others. Closing the maker's scope interrupts the run.
 */
export interface SingleFlight<A, E> {
  /** Waits for the run under way, or for a new one. Fails with the error of `make` when the run is interrupted. */
  readonly run: (effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  /** Starts a run unless one is under way, and does not wait. */
  readonly start: (effect: Effect.Effect<A, E>) => Effect.Effect<void>
}

/** Why a run has no result: its scope is closed, or the run interrupted itself. */
export type Interruption = "Closed" | "Interrupted"

/** Makes single flights that run in the current scope, with the present fiber refs. */
export const make = <A, E>(
  interrupted: (why: Interruption) => E
): Effect.Effect<() => SingleFlight<A, E>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const runFork = Runtime.runFork(yield* Effect.runtime())
    let isClosed = false
    // A scope of its own, because the flag must be set before the runs in the scope are interrupted.
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope, exit) => {
      isClosed = true
      return Scope.close(scope, exit)
    })
    return () => {
      let flight: Fiber.RuntimeFiber<A, E> | undefined
      // Synchronous: no other caller can start a run between the check and the start.
      const join = (effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> => {
        if (flight !== undefined) return flight
        const fiber = runFork(Effect.interruptible(effect), { scope, immediate: false })
        flight = fiber
        fiber.addObserver(() => {
          flight = undefined
        })
        return fiber
      }
      const resultOf = (exit: Exit.Exit<A, E>): Effect.Effect<A, E> => {
        if (Exit.isSuccess(exit)) return Effect.succeed(exit.value)
        return Cause.isInterruptedOnly(exit.cause)
          ? Effect.fail(interrupted(isClosed ? "Closed" : "Interrupted"))
          : Effect.failCause(exit.cause)
      }
      return {
        run: (effect) =>
          Effect.suspend(() =>
            isClosed ? Effect.fail(interrupted("Closed")) : Effect.flatMap(Fiber.await(join(effect)), resultOf)
          ),
        start: (effect) =>
          Effect.sync(() => {
            if (!isClosed) join(effect)
          })
      }
    }
  })
