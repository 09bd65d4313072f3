/**
 * What the library takes from a running fiber by hand: its clocks, timers, span and environment. Callbacks need these, because a
 * callback is not an effect. This is the only module that uses timers and the insides of fibers.
 */
import * as Clock from "effect/Clock"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Tracer from "effect/Tracer"
import { uptimeOf } from "./uptime.js"

/** The clock, timers and span of a fiber, as plain functions. */
export interface FiberServices<R = never> {
  /** ms since 1970, by the fiber's `Clock`. */
  readonly now: () => number
  /** Monotonic ms since an arbitrary moment, by the fiber's `Clock`. */
  readonly uptime: () => number
  /** Calls `run` after so many ms of the fiber's `Clock`. The result stops the timer. */
  readonly after: (millis: number, run: () => void) => () => void
  /** Adds attributes to the fiber's current span, if there is one. */
  readonly annotate: (attributes: Readonly<Record<string, unknown>>) => void
  /** Runs an effect in a fiber of its own, with the fiber's settings. The result interrupts it and waits for its end. */
  readonly start: <A, E>(effect: Effect.Effect<A, E, R>, done: (exit: Exit.Exit<A, E>) => void) => Effect.Effect<void>
}

const liveClock = Context.get(DefaultServices.liveServices, Clock.Clock)
const nativeTracer = Context.get(DefaultServices.liveServices, Tracer.Tracer)

const liveConfigProvider = Context.get(DefaultServices.liveServices, ConfigProvider.ConfigProvider)

/**
 * Gives an effect the variables of this process, or undefined if the fiber has a `ConfigProvider` of the application.
 * Effect's own `ConfigProvider` reads these variables too, one at a time and in many more steps.
 */
export const withProcessEnvironment = <A, E, R>(
  use: (variables: Readonly<Record<string, string | undefined>> | undefined) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.withFiberRuntime((fiber) => {
    const provider = Context.get(fiber.currentDefaultServices, ConfigProvider.ConfigProvider)
    return use(provider === liveConfigProvider && typeof process !== "undefined" ? process.env : undefined)
  })

/** The longest delay of `setTimeout`. */
const longestTimer = 2 ** 31 - 1

const after = (clock: Clock.Clock, millis: number, run: () => void): () => void => {
  if (clock === liveClock) {
    // `Clock` has no timer for a callback.
    // @effect-diagnostics-next-line globalTimers:off
    const timer = setTimeout(run, Math.min(millis, longestTimer))
    return () => clearTimeout(timer)
  }
  const fiber = Effect.runFork(clock.sleep(Duration.millis(millis)))
  fiber.addObserver((exit) => {
    if (Exit.isSuccess(exit)) run()
  })
  return () => fiber.unsafeInterruptAsFork(FiberId.none)
}

/** Gives an effect the services of the fiber that runs it. */
export const withFiberServices = <A, E, R, R2 = never>(
  use: (services: FiberServices<R2>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | R2> =>
  Effect.withFiberRuntime<A, E, R | R2>((fiber) => {
    const clock = Context.get(fiber.currentDefaultServices, Clock.Clock)
    return use({
      now: () => clock.unsafeCurrentTimeMillis(),
      uptime: () => uptimeOf(clock),
      after: (millis, run) => after(clock, millis, run),
      annotate: (attributes) => {
        const span = Context.getOption(fiber.currentContext, Tracer.ParentSpan)
        if (Option.isNone(span) || span.value._tag !== "Span") return
        for (const [name, value] of Object.entries(attributes)) span.value.attribute(name, value)
      },
      start: (effect, done) => {
        // A value: the runtime would log a fiber that fails.
        const work = Runtime.runFork(runtimeOf<R2>(fiber), Effect.exit(Effect.interruptible(effect)))
        work.addObserver((exit) => done(Exit.flatten(exit)))
        return Effect.asVoid(Fiber.interrupt(work))
      }
    })
  })

/**
 * Starts work by a function that calls `done` once, and waits for it. On interruption the function's result runs, which
 * closes the work. `Effect.async` alone would not close it if the interruption arrives while the function runs.
 */
export const callback = <A, E, R>(
  start: (done: (result: Effect.Effect<A, E, R>) => void) => Effect.Effect<void>
): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      let result: Effect.Effect<A, E, R> | undefined
      let resume: ((result: Effect.Effect<A, E, R>) => void) | undefined
      const close = start((given) => {
        if (resume === undefined) result = given
        else resume(given)
      })
      const wait = Effect.async<A, E, R>((ready) => {
        if (result === undefined) resume = ready
        else ready(result)
      })
      return Effect.onInterrupt(restore(wait), () => close)
    })
  )

const runtimeOf = <R>(fiber: Fiber.RuntimeFiber<unknown, unknown>): Runtime.Runtime<R> =>
  Runtime.make({
    context: fiber.currentContext as Context.Context<R>,
    runtimeFlags: Runtime.defaultRuntime.runtimeFlags,
    fiberRefs: fiber.getFiberRefs()
  })

/**
 * Runs an effect in a span. With Effect's own tracer, which exports nothing, the span is made only when the effect fails:
 * the cause then shows the span, and a success does not pay for it.
 */
export const traced =
  (name: string, options: Tracer.SpanOptions = {}) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    const inSpan = (effect: Effect.Effect<A, E, R>) =>
      Effect.withSpan(effect, name, { captureStackTrace: false, ...options }) as Effect.Effect<A, E, R>
    return Effect.withFiberRuntime((fiber) =>
      fiber.currentTracer === nativeTracer
        ? Effect.catchAllCause(effect, (cause) => inSpan(Effect.failCause(cause)))
        : inSpan(effect)
    )
  }
