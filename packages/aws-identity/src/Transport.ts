/**
 * One HTTP exchange: a request and its whole answer. Everything of this library that speaks HTTP uses this port.
 *
 * `NodeIdentity` makes it from `node:http`, and `PlatformPorts` from an `HttpClient` of `@effect/platform`. A transport of
 * your own can send requests through a Unix socket, add a proxy, or record what is sent.
 *
 * A transport sends each request as it is, to its URL and to no other. It follows no redirect, because another server must
 * not get the secrets in the request. It has no retries and no timeout: its callers retry, and interrupt it when their
 * time is over. It records no header and no body in spans, logs or errors.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CallbackTransport } from "./internal/callbackTransport.js"

/**
 * A request. Its headers and its body hold secrets.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  readonly method: "GET" | "HEAD" | "POST" | "PUT"
  /** Absolute, `http:` or `https:`. */
  readonly url: string
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | undefined
}

/**
 * An answer of any status. Its headers and its text may hold secrets.
 *
 * @since 0.1.0
 * @category models
 */
export interface Response {
  readonly status: number
  /** The URL that answered. A caller refuses an answer of another origin or path than it has asked. */
  readonly url: string
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The whole body, decoded from its content encoding and as UTF-8. Empty if the body of an error status broke off. */
  readonly text: string
}

/**
 * Why there is no answer. It holds neither the cause nor any header or body, because those hold secrets.
 *
 * | `reason` | what happened |
 * | --- | --- |
 * | `Connect` | no connection, or it was lost before the answer began |
 * | `Certificate` | the server's certificate was refused, or TLS failed |
 * | `TooLong` | the body is longer than 1 MiB |
 * | `BrokenOff` | the body broke off |
 * | `Diverted` | the request would go to another URL, and was not sent |
 *
 * @since 0.1.0
 * @category errors
 */
export class TransportError extends Data.TaggedError("TransportError")<{
  readonly reason: "Connect" | "Certificate" | "TooLong" | "BrokenOff" | "Diverted"
  /** The system's code for the cause, such as `ECONNREFUSED`. For `Diverted`, the URL's origin in words. */
  readonly code: string
  /** The status of the answer, if it had begun. */
  readonly status?: number | undefined
}> {
  override get message(): string {
    return `No answer: ${this.reason} (${this.code})`
  }
}

/**
 * The port.
 *
 * @since 0.1.0
 * @category services
 */
export class Transport extends Context.Tag("effect-aws-identity/Transport")<Transport, {
  /** Sends the request and reads the answer of whichever status. Interruption closes the request. */
  readonly send: (request: Request) => Effect.Effect<Response, TransportError>
}>() {}

/**
 * The type of the service.
 *
 * @since 0.1.0
 * @category models
 */
export type Service = Context.Tag.Service<Transport>

/**
 * Sends a request and calls `done` once with its result. Returns the function that cancels the request.
 *
 * @since 0.1.0
 * @category models
 */
export type SendCallback = (request: Request, done: (result: Response | TransportError) => void) => () => void

/**
 * Makes a transport from an effect.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (send: Service["send"]): Service => ({ send })

/**
 * Makes a transport from a callback. A call to AWS through it costs no fiber.
 *
 * @example
 * ```ts
 * import { Transport } from "effect-aws-identity"
 *
 * // Every request is refused.
 * export const offline = Transport.makeCallback((_, done) => {
 *   done(new Transport.TransportError({ reason: "Connect", code: "ENETDOWN" }))
 *   return () => {}
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeCallback = (send: SendCallback): Service =>
  new CallbackTransport<Request, Response, TransportError>(send)

/**
 * A transport that answers from memory, for tests.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Transport } from "effect-aws-identity"
 *
 * export const test = Transport.layerMemory(({ url }) =>
 *   Effect.succeed({ status: 404, url, headers: {}, text: "" })
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (answer: Service["send"]): Layer.Layer<Transport> => Layer.succeed(Transport, make(answer))
