/** The form of a transport that starts a request by a plain function, which costs no fiber. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Transport from "../Transport.js"
import { callback, type FiberServices } from "./edition.js"

/** A transport that was made from a callback. */
export class CallbackTransport implements Transport.Service {
  readonly start: Transport.SendCallback

  constructor(send: Transport.SendCallback) {
    this.start = (request, done) => {
      // A transport may answer late, twice, or before this function has returned.
      let isOver = false
      const cancel = send(request, (result) => {
        if (isOver) return
        isOver = true
        done(result)
      })
      return () => {
        if (isOver) return
        isOver = true
        cancel()
      }
    }
  }

  readonly send: Transport.Service["send"] = (request) =>
    callback((done) =>
      Effect.sync(
        this.start(request, (result) => done("_tag" in result ? Effect.fail(result) : Effect.succeed(result)))
      )
    )
}

/** Starts a request on any transport, and calls `done` once. The result closes the request. */
export const startRequest = (
  transport: Transport.Service,
  services: FiberServices,
  request: Transport.Request,
  done: (exit: Exit.Exit<Transport.Response, Transport.TransportError>) => void
): Effect.Effect<void> => {
  if (transport instanceof CallbackTransport) {
    const cancel = transport.start(
      request,
      (result) => done("_tag" in result ? Exit.fail(result) : Exit.succeed(result))
    )
    return Effect.sync(cancel)
  }
  return services.start(transport.send(request), done)
}
