import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { identity } from "effect/Function"
import * as Runtime from "effect/Runtime"

/**
 * `Effect.timeoutFail` at half its price, which was nearly half of a call to AWS: the effect has a fiber of its own,
 * and what it does to fiber refs stays there. Unlike there, time is over also for who cannot be interrupted.
 */
export const timeLimit = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  { duration, onTimeout, prepare = identity }: {
    readonly duration: Duration.DurationInput
    readonly onTimeout: () => E2
    /** What else that fiber has, for less than `Effect.locally`, which puts back what it replaces. */
    readonly prepare?: (runtime: Runtime.Runtime<R>) => Runtime.Runtime<R>
  }
): Effect.Effect<A, E | E2, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.runtime<R>(), (runtime) => {
      // As a value: the runtime would log a fiber that fails.
      const work = Runtime.runFork(prepare(runtime), Effect.exit(Effect.interruptible(effect)))
      const timer = Runtime.runFork(runtime, Effect.interruptible(Effect.sleep(duration)))
      const first = Effect.async<A, E | E2>((resume) => {
        work.addObserver((exit) => {
          timer.unsafeInterruptAsFork(FiberId.none)
          resume(Exit.flatten(exit))
        })
        timer.addObserver((exit) => {
          if (Exit.isInterrupted(exit)) return
          resume(Fiber.interrupt(work).pipe(Effect.zipRight(exit), Effect.zipRight(Effect.failSync(onTimeout))))
        })
      })
      return Effect.onInterrupt(restore(first), () => Fiber.interruptAll([work, timer]))
    })
  )
