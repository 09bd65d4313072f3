import { Cause, Effect, Exit, HashMap, Layer, Logger, LogLevel, Option, Tracer } from "effect"
import { inspect } from "node:util"

/**
 * Runs an effect and returns its exit and everything that its caller or a log can show: its result or error in every form
 * that people print, every log line at every level, every span with its attributes, events and exit.
 */
export const observed = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<{ readonly exit: Exit.Exit<A, E>; readonly seen: string }, never, R> =>
  Effect.suspend(() => {
    const seen: Array<string> = []
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      context: (f) => f(),
      span(name, parent, context, links, startTime, kind) {
        const span: Tracer.Span = {
          _tag: "Span",
          name,
          spanId: String(spans.length),
          traceId: "trace",
          parent,
          context,
          status: { _tag: "Started", startTime },
          attributes: new Map(),
          links,
          sampled: true,
          kind,
          attribute: (key, value) => seen.push(`${key}=${inspect(value, { depth: Infinity })}`),
          event: (name, _, attributes) => seen.push(`${name} ${inspect(attributes, { depth: Infinity })}`),
          addLinks: () => {},
          end: (_, exit) => seen.push(`${name} ends ${inspect(exit, { depth: 12, showHidden: true })}`, show(exit))
        }
        spans.push(span)
        return span
      }
    })
    const logger = Logger.make(({ annotations, cause, message }) => {
      seen.push(
        inspect(message, { depth: Infinity }),
        Cause.pretty(cause, { renderErrorCause: true }),
        inspect(HashMap.toEntries(annotations), { depth: Infinity })
      )
    })
    return Effect.exit(effect).pipe(
      Effect.map((exit) => ({ exit, seen: [...seen, show(exit)].join("\n") })),
      Effect.provide(Layer.mergeAll(
        Layer.setTracer(tracer),
        Logger.replace(Logger.defaultLogger, logger),
        Logger.minimumLogLevel(LogLevel.All)
      ))
    )
  })

const show = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.match(exit, {
    onSuccess: forms,
    onFailure: (cause) =>
      [
        Cause.pretty(cause),
        Cause.pretty(cause, { renderErrorCause: true }),
        forms(cause),
        ...Option.match(Cause.failureOption(cause), {
          onNone: () => [],
          onSome: (error) => [forms(error), error instanceof Error ? `${error.message} ${error.stack}` : ""]
        })
      ].join("\n")
  })

const forms = (value: unknown): string =>
  [String(value), JSON.stringify(value), inspect(value, { depth: 12, showHidden: true })].join("\n")
