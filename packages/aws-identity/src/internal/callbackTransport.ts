/** The form of a transport that starts a request by a plain function, which costs no fiber. */
import * as Effect from "effect/Effect"
import { callback } from "./edition.js"

/** Starts a request and calls `done` once. The result cancels the request. */
type Start<Request, Response, E> = (request: Request, done: (result: Response | E) => void) => () => void

/** A transport that was made from a callback. */
export class CallbackTransport<Request, Response extends object, E extends { readonly _tag: string }> {
  readonly start: Start<Request, Response, E>

  constructor(send: Start<Request, Response, E>) {
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

  readonly send = (request: Request): Effect.Effect<Response, E> =>
    callback((done) => Effect.sync(this.start(request, (result) => done(toEffect<Response, E>(result)))))
}

/** Only an error has a tag. */
export const toEffect = <Response extends object, E extends { readonly _tag: string }>(
  result: Response | E
): Effect.Effect<Response, E> => "_tag" in result ? Effect.fail(result as E) : Effect.succeed(result as Response)
