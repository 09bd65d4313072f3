import * as Effect from "effect/Effect"

/**
 * ms since some moment. It goes on evenly, whatever is done to the wall clock. (Not `Clock.currentTimeNanos`: that of
 * the TestClock dies after a sleep of a fraction of a millisecond.)
 */
export const uptime: Effect.Effect<number> = Effect.clockWith((clock) =>
  Effect.sync(() => Number(clock.unsafeCurrentTimeNanos()) / 1e6)
)
