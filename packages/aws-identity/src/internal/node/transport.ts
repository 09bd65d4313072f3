/** A `Transport` over `node:http` and `node:https`, or over a dispatcher of undici. */
// This module is where the port meets Node.
// @effect-diagnostics asyncFunction:off nodeBuiltinImport:off
import * as Http from "node:http"
import type * as Https from "node:https"
import * as Transport from "../../Transport.js"
import { join } from "../collect.js"
import { certificateProblem } from "../connectionProblem.js"

/** The agent of a URL; undefined for the agent that keeps connections. */
export type AgentOf = (url: URL) => Http.Agent | undefined

/** The part of undici's `Dispatcher` that is used, as versions 5 to 7 have it. */
export interface Dispatcher {
  readonly request: (options: {
    readonly origin: string
    readonly path: string
    readonly method: "GET" | "HEAD" | "POST" | "PUT"
    readonly headers: Record<string, string>
    readonly body: string | Uint8Array | null
    readonly signal: AbortSignal
  }) => Promise<{
    readonly statusCode: number
    readonly headers: Record<string, string | Array<string> | undefined>
    readonly body: AsyncIterable<Uint8Array> & { readonly destroy: () => unknown }
  }>
}

/** Bytes. The answers that this library reads are small. */
const longestBody = 1_048_576

type Done = Parameters<Transport.SendCallback>[1]

/** Makes the transport, and a function that closes its kept connections. */
export const make = (
  { agentOf, dispatcher }: { readonly agentOf?: AgentOf | undefined; readonly dispatcher?: Dispatcher | undefined }
): { readonly transport: Transport.Service; readonly close: () => void } => {
  const agents = new Map<string, Http.Agent>()
  let https: typeof Https | undefined

  const agentFor = (url: URL, { Agent }: { readonly Agent: new(options: Http.AgentOptions) => Http.Agent }) => {
    const given = isLinkLocal(url) ? undefined : agentOf?.(url)
    if (given !== undefined) return given
    const known = agents.get(url.protocol)
    if (known !== undefined) return known
    const agent = new Agent({ keepAlive: true })
    agents.set(url.protocol, agent)
    return agent
  }

  const send: Transport.SendCallback = (request, done) => {
    const url = new URL(request.url)
    if (dispatcher !== undefined && !isLinkLocal(url)) return dispatch(dispatcher, request, url, done)
    if (url.protocol !== "https:") return exchange(Http.request, agentFor(url, Http), request, url, done)
    if (https !== undefined) return exchange(https.request, agentFor(url, https), request, url, done)
    let cancel = (): void => {}
    let isCancelled = false
    // Loaded with the first request, because TLS takes some ms that a program on plain http does not need.
    import("node:https").then((module) => {
      https = module
      if (!isCancelled) cancel = exchange(module.request, agentFor(url, module), request, url, done)
    }, (error) => done(failed(error)))
    return () => {
      isCancelled = true
      cancel()
    }
  }
  return {
    transport: Transport.makeCallback(send),
    close: () => {
      for (const agent of agents.values()) agent.destroy()
    }
  }
}

/** Metadata servers are not reachable through a proxy, and a proxy must not see their credentials. */
const isLinkLocal = ({ hostname }: URL): boolean =>
  hostname.startsWith("169.254.") || /^\[f(?:d00:ec2:|e[89ab])/.test(hostname) ||
  hostname === "metadata.google.internal"

const exchange = (
  start: typeof Http.request,
  agent: Http.Agent,
  { body, headers, method }: Transport.Request,
  url: URL,
  done: Done
): () => void => {
  let isCancelled = false
  let cancel = (): void => {}

  const begin = (): void => {
    const outgoing = start(url, { method, headers, agent })
    let answer: ReturnType<typeof collector> | undefined
    cancel = () => outgoing.destroy()
    outgoing.on("error", (error) => {
      if (answer !== undefined) return answer.breakOff()
      // A server may close a kept connection at the moment of the next request. A new connection is never `reusedSocket`.
      const isStale = outgoing.reusedSocket && /^(?:ECONNRESET|EPIPE)$/.test(codeOf(error))
      if (isStale && method !== "POST" && !isCancelled) begin()
      else done(failed(error))
    })
    outgoing.on("response", (incoming) => {
      const collected = collector(url.href, incoming.statusCode ?? 0, headersOf(incoming.headers), done, cancel)
      answer = collected
      incoming.on("data", collected.add)
      incoming.on("end", () => incoming.complete ? collected.end() : collected.breakOff())
      incoming.on("error", collected.breakOff)
      incoming.on("close", collected.breakOff)
    })
    outgoing.end(body)
  }

  try {
    begin()
  } catch (error) {
    // Node throws for a header that no request can have.
    done(failed(error))
  }
  return () => {
    isCancelled = true
    cancel()
  }
}

const dispatch = (
  dispatcher: Dispatcher,
  { body, headers, method }: Transport.Request,
  url: URL,
  done: Done
): () => void => {
  const controller = new AbortController()
  const run = async (): Promise<void> => {
    const answer = await dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: { ...headers },
      body: body ?? null,
      signal: controller.signal
    })
    const collected = collector(
      url.href,
      answer.statusCode,
      headersOf(answer.headers),
      done,
      () => answer.body.destroy()
    )
    try {
      for await (const chunk of answer.body) collected.add(chunk)
      collected.end()
    } catch {
      collected.breakOff()
    }
  }
  run().catch((error) => done(failed(error)))
  return () => controller.abort()
}

/** Collects a body up to the limit, and gives the answer once. */
const collector = (
  url: string,
  status: number,
  headers: Readonly<Record<string, string>>,
  done: Done,
  close: () => void
) => {
  const chunks: Array<Uint8Array> = []
  let length = 0
  let isComplete = false
  let isOver = false
  const finish = (result: Transport.Response | Transport.TransportError): void => {
    if (isOver) return
    isOver = true
    done(result)
  }
  // An error status says enough without its body.
  const withoutBody = (reason: "TooLong" | "BrokenOff"): void =>
    finish(
      status >= 200 && status <= 299
        ? new Transport.TransportError({ reason, code: reason, status })
        : { status, url, headers, text: "" }
    )
  return {
    add: (chunk: Uint8Array): void => {
      length += chunk.length
      if (length <= longestBody) {
        chunks.push(chunk)
        return
      }
      withoutBody("TooLong")
      close()
    },
    end: (): void => {
      isComplete = true
      const encoding = headers["content-encoding"]
      if (encoding === undefined || encoding === "identity" || length === 0) {
        finish({ status, url, headers, text: decoder.decode(join(chunks)) })
        return
      }
      decompressed(encoding, join(chunks)).then(
        (body) => finish({ status, url, headers, text: decoder.decode(body) }),
        (error) => withoutBody(codeOf(error) === "ERR_BUFFER_TOO_LARGE" ? "TooLong" : "BrokenOff")
      )
    },
    // The connection also closes while a complete body is decompressed.
    breakOff: (): void => {
      if (!isComplete) withoutBody("BrokenOff")
    }
  }
}

const decoder = new TextDecoder()

/** No encoding is asked for, but some proxies compress all the same. */
const decompressed = async (encoding: string, body: Uint8Array): Promise<Uint8Array> => {
  const { brotliDecompressSync, unzipSync } = await import("node:zlib")
  const options = { maxOutputLength: longestBody }
  return encoding === "br" ? brotliDecompressSync(body, options) : unzipSync(body, options)
}

const headersOf = (
  headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
): Readonly<Record<string, string>> => {
  const plain: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain[name.toLowerCase()] = typeof value === "string" ? value : value.join(", ")
  }
  return plain
}

const failed = (error: unknown): Transport.TransportError => {
  const code = codeOf(error)
  return new Transport.TransportError({
    reason: certificateProblem(code) === undefined ? "Connect" : "Certificate",
    code
  })
}

/** The system's code for the error. An error of several addresses has one for each. */
const codeOf = (error: unknown): string => {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 6; depth++) {
    if ("code" in cause && typeof cause.code === "string" && /^[A-Z][A-Z0-9_]+$/.test(cause.code)) return cause.code
    // Deno's errors of certificates have no code.
    const rustls = /invalid peer certificate: ([A-Za-z]+)/.exec(cause.message)?.[1]
    if (rustls !== undefined) return rustls
    cause = cause instanceof AggregateError ? cause.errors[0] : cause.cause
  }
  return "Transport"
}
