import { HttpClient, HttpClientError, HttpClientResponse } from "@effect/platform"
import { Effect } from "effect"
import { createServer } from "node:http"
import { overClient } from "./ports.js"

// A server of credentials on the machine, as a function: behind a real socket, or behind no socket at all.

export interface Asked {
  readonly method: string
  /** `http://host:port` as the client was told. */
  readonly origin: string
  /** Path and query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
}

/** An answer; one that never comes; a connection that is not made, or that breaks off within the body. */
export type Given =
  | { readonly status?: number; readonly headers?: Record<string, string>; readonly body?: string }
  | "Never"
  | "Refused"
  | "BreaksOff"

export type Handler = (asked: Asked) => Given

/** The first answers in turn, and the last for ever. */
export const inTurn = (...answers: readonly [Given, ...ReadonlyArray<Given>]): Handler => {
  let next = 0
  return () => answers[Math.min(next++, answers.length - 1)] ?? "Never"
}

/** The client of an application, and what it was asked. */
export const inProcess = (handler: Handler) => {
  const asked: Array<Asked> = []
  const layer = overClient(
    HttpClient.make((request, url) => {
      const one = {
        method: request.method,
        origin: url.origin,
        path: url.pathname + url.search,
        headers: request.headers
      }
      asked.push(one)
      const given = handler(one)
      const refused = () =>
        new HttpClientError.RequestError({
          request,
          reason: "Transport",
          cause: Object.assign(new Error("connect"), { code: "ECONNREFUSED" })
        })
      if (given === "Never") return Effect.never
      if (given === "Refused" || given === "BreaksOff") return Effect.fail(refused())
      const { body = "", headers = {}, status = 200 } = given
      return Effect.succeed(HttpClientResponse.fromWeb(request, new Response(body, { status, headers })))
    })
  )
  return { asked, layer }
}

/** A real server on the loopback, and what it was asked. */
export const listening = (handler: Handler) =>
  Effect.gen(function*() {
    const asked: Array<Asked> = []
    const server = createServer((request, response) => {
      const one = {
        method: request.method ?? "",
        origin: `http://${request.headers.host}`,
        path: request.url ?? "",
        headers: request.headers
      }
      asked.push(one)
      const given = handler(one)
      if (given === "Never") return
      if (given === "Refused") return void request.socket.destroy()
      if (given === "BreaksOff") {
        response.writeHead(200, { "content-length": "100" })
        response.write("{", () => request.socket.destroy())
        return
      }
      response.writeHead(given.status ?? 200, given.headers).end(given.body)
    })
    const port = yield* Effect.acquireRelease(
      Effect.async<number>((resume) => {
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
        })
      }),
      () =>
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    )
    return { asked, url: `http://127.0.0.1:${port}` }
  })
