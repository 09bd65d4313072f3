/** Time limits that give a process that was stopped a moment to read what arrived during the stop. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { callback, type FiberServices, withFiberServices } from "./edition.js"

/** ms that an effect has at least after this process was stopped: the answer may be in the socket, not yet read. */
const graceMillis = 1000

/**
 * Calls `run` after so many ms, or a moment later if this process was stopped (SIGSTOP, a suspended machine) or starved
 * at the end: the timers of a process that was stopped fire before it reads its sockets. The result stops the timer.
 */
const afterRunning = (
  services: Pick<FiberServices, "after" | "uptime">,
  millis: number,
  run: () => void
): () => void => {
  let stop = (): void => {}
  const sleep = (millis: number, then: (isLate: boolean) => void): void => {
    const start = services.uptime()
    stop = services.after(millis, () => then(services.uptime() - start > millis + graceMillis / 2))
  }
  const end = (isLate: boolean): void => isLate ? sleep(graceMillis, end) : run()
  // A stop that ends just before the time is over makes the first part late.
  const last = Math.min(graceMillis, millis / 2)
  sleep(millis - last, (isFirstLate) => sleep(last, (isLate) => end(isLate || isFirstLate)))
  return () => stop()
}

/**
 * Starts work and calls `done` with its result, or with `onTimeout` after closing the work if it takes longer than so many
 * ms. The result closes the work and stops the timer.
 */
export const startLimited = <A, E, R>(
  services: Pick<FiberServices, "after" | "uptime">,
  { done, millis, onTimeout, start }: {
    /** Its result closes the work. */
    readonly start: (done: (result: Effect.Effect<A, E, R>) => void) => Effect.Effect<void>
    readonly millis: number
    readonly onTimeout: Effect.Effect<A, E, R>
    readonly done: (result: Effect.Effect<A, E, R>) => void
  }
): Effect.Effect<void> => {
  let stop = (): void => {}
  let isOver = false
  const close = start((result) => {
    isOver = true
    stop()
    done(result)
  })
  // Work may end before `start` returns. A timer that is never stopped would keep the process alive.
  if (!isOver) stop = afterRunning(services, millis, () => done(Effect.zipRight(close, onTimeout)))
  return Effect.suspend(() => {
    stop()
    return close
  })
}

/**
 * Fails if the effect takes longer than the duration. The effect has a fiber of its own, and its changes of fiber refs
 * stay there. Unlike with `Effect.timeoutFail`, the time limit also ends a wait that cannot be interrupted.
 *
 * If this process was stopped, the effect gets a moment longer to read an answer that arrived during the stop.
 */
export const timeLimit = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  { duration, onTimeout }: { readonly duration: Duration.DurationInput; readonly onTimeout: () => E2 }
): Effect.Effect<A, E | E2, R> =>
  withFiberServices<A, E | E2, never, R>((services) =>
    callback((done) =>
      startLimited<A, E | E2, never>(services, {
        start: (done) => services.start(effect, done),
        millis: Duration.toMillis(duration),
        onTimeout: Effect.failSync(onTimeout),
        done
      })
    )
  )
