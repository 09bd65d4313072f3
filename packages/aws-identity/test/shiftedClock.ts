import { Clock, Effect } from "effect"

/** A clock that can be put ahead of the machine's; its sleeps are real. */
export const shiftedClock = (): { readonly clock: Clock.Clock; readonly shift: (millis: number) => void } => {
  const real = Clock.make()
  let ahead = 0
  const millis = () => real.unsafeCurrentTimeMillis() + ahead
  const nanos = () => real.unsafeCurrentTimeNanos() + BigInt(ahead) * 1_000_000n
  return {
    clock: {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis: millis,
      currentTimeMillis: Effect.sync(millis),
      unsafeCurrentTimeNanos: nanos,
      currentTimeNanos: Effect.sync(nanos),
      sleep: (duration) => real.sleep(duration)
    },
    shift: (millis) => {
      ahead = millis
    }
  }
}
