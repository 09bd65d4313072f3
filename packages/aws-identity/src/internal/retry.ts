import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"

/** `Effect.retry` that costs nothing unless the effect fails: a schedule costs more than most of what is retried. */
export const retry = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  policy: () => {
    readonly while: (error: E) => boolean
    readonly schedule: Schedule.Schedule<unknown, E>
    /** After the first. */
    readonly times?: number
  }
): Effect.Effect<A, E, R> =>
  Effect.catchAll(effect, (error) => {
    let isCounted = false
    const next = Effect.suspend(() => {
      if (isCounted) return effect
      isCounted = true
      return Effect.fail(error)
    })
    return Effect.retry(next, policy())
  })
