import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/**
 * Monotonic time in ms since an arbitrary moment. Setting the wall clock does not change it. It does not use
 * `Clock.currentTimeNanos`, because with `TestClock` that dies after a sleep of a fraction of a millisecond.
 */
export const uptimeOf = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1e6

export const uptime: Effect.Effect<number> = Effect.clockWith((clock) => Effect.sync(() => uptimeOf(clock)))
