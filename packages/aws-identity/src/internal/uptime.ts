import * as Effect from "effect/Effect"

/**
 * Monotonic time in ms since an arbitrary moment. Setting the wall clock does not change it. It does not use
 * `Clock.currentTimeNanos`, because with `TestClock` that dies after a sleep of a fraction of a millisecond.
 */
export const uptime: Effect.Effect<number> = Effect.clockWith((clock) =>
  Effect.sync(() => Number(clock.unsafeCurrentTimeNanos()) / 1e6)
)
