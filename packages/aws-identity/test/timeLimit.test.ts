import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { startLimited, timeLimit } from "../src/internal/timeLimit.js"

/** Timers that a test fires itself. */
const timers = () => {
  const pending = new Set<() => void>()
  return {
    pending,
    services: {
      uptime: () => 0,
      after: (_millis: number, run: () => void) => {
        pending.add(run)
        return () => {
          pending.delete(run)
        }
      }
    },
    /** Fires all timers, and those that they start. */
    fire: () => {
      for (const run of pending) {
        pending.delete(run)
        run()
      }
    }
  }
}

/** Work that the test ends with `end`, and what `startLimited` made of it. */
const limited = (endsAtOnce: boolean) => {
  const { fire, pending, services } = timers()
  const results: Array<string> = []
  let closed = 0
  let end = (): void => {}
  const close = startLimited<string, never, never>(services, {
    start: (done) => {
      end = () => done(Effect.succeed("ended"))
      if (endsAtOnce) end()
      return Effect.sync(() => {
        closed += 1
      })
    },
    millis: 300_000,
    onTimeout: Effect.succeed("too late"),
    done: (result) => results.push(Effect.runSync(result))
  })
  return { close, closed: () => closed, end, fire, pending, results }
}

describe("startLimited", () => {
  it("starts no timer for work that ends before its start returns", () => {
    const { closed, pending, results } = limited(true)
    assert.deepStrictEqual([results, pending.size, closed()], [["ended"], 0, 0])
  })

  it("stops its timer when the work ends", () => {
    const { closed, end, pending, results } = limited(false)
    assert.strictEqual(pending.size, 1)
    end()
    assert.deepStrictEqual([results, pending.size, closed()], [["ended"], 0, 0])
  })

  it("stops its timer and closes the work when it is closed", () => {
    const { close, closed, pending, results } = limited(false)
    Effect.runSync(close)
    assert.deepStrictEqual([results, pending.size, closed()], [[], 0, 1])
  })

  it("closes the work when the time is over, before it gives the result of the timeout", () => {
    const { closed, fire, pending, results } = limited(false)
    fire()
    assert.deepStrictEqual([results, pending.size, closed()], [["too late"], 0, 1])
  })
})

describe("timeLimit", () => {
  it.effect("interrupts the effect and fails when the time is over", () =>
    Effect.gen(function*() {
      let interrupted = 0
      const endless = Effect.onInterrupt(Effect.never, () =>
        Effect.sync(() => {
          interrupted += 1
        }))
      const limit = timeLimit(endless, { duration: "5 minutes", onTimeout: () => "too late" })
      const fiber = yield* Effect.fork(Effect.flip(limit))
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* Fiber.join(fiber), "too late")
      assert.strictEqual(interrupted, 1)
    }))
})
