import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { identity } from "effect/Function"
import * as Runtime from "effect/Runtime"
import { uptime } from "./uptime.js"

/** ms that the effect has at least after this process was stopped: the answer may be in the socket, not yet read. */
const graceMillis = 1000

/** Sleeps, and says whether this process was stopped (SIGSTOP, a suspended machine) or starved at the end of it. */
const isLateAfter = (millis: number) =>
  Effect.gen(function*() {
    const start = yield* uptime
    yield* Effect.sleep(millis)
    return (yield* uptime) - start > millis + graceMillis / 2
  })

/**
 * Sleeps for the duration, and for a moment longer if the process was stopped at the end. The timers of a process that
 * was stopped fire before it reads its sockets.
 */
const sleepRunning = (duration: Duration.DurationInput): Effect.Effect<void> =>
  Effect.gen(function*() {
    const millis = Duration.toMillis(duration)
    // A stop that ends just before the time is over makes the first part late.
    const end = Math.min(graceMillis, millis / 2)
    const isFirstLate = yield* isLateAfter(millis - end)
    let isLate = (yield* isLateAfter(end)) || isFirstLate
    while (isLate) isLate = yield* isLateAfter(graceMillis)
  })

/**
 * Fails if the effect takes longer than the duration, at half the price of `Effect.timeoutFail`, which was nearly half
 * of a call to AWS. The effect has a fiber of its own, and its changes of fiber refs stay there. Unlike with
 * `Effect.timeoutFail`, the time limit also ends a wait that cannot be interrupted.
 *
 * If this process was stopped, the effect gets a moment longer to read an answer that arrived during the stop.
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
      const timer = Runtime.runFork(runtime, Effect.interruptible(sleepRunning(duration)))
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
