import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { identity } from "effect/Function"
import * as Runtime from "effect/Runtime"

/**
 * `Effect.timeoutFail` at half its price, which was nearly half of a call to AWS: the effect has a fiber of its own,
 * and what it does to fiber refs stays there. `prepare` says what else that fiber has, for less than `Effect.locally`,
 * which puts back what it replaces.
 */
export const timeLimit = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  { duration, onTimeout, prepare = identity }: {
    readonly duration: Duration.DurationInput
    readonly onTimeout: () => E2
    readonly prepare?: (runtime: Runtime.Runtime<R>) => Runtime.Runtime<R>
  }
): Effect.Effect<A, E | E2, R> =>
  Effect.flatMap(Effect.runtime<R>(), (runtime) =>
    Effect.async<A, E | E2>((resume) => {
      // As those of `timeoutFail`, both can be interrupted, wherever this is done.
      const work = Runtime.runFork(prepare(runtime), Effect.interruptible(effect))
      const timer = Runtime.runFork(runtime, Effect.interruptible(Effect.sleep(duration)))
      work.addObserver((exit) => {
        timer.unsafeInterruptAsFork(FiberId.none)
        resume(exit)
      })
      timer.addObserver((exit) => {
        if (Exit.isSuccess(exit)) resume(Effect.zipRight(Fiber.interrupt(work), Effect.failSync(onTimeout)))
      })
      return Fiber.interruptAll([work, timer])
    }))
