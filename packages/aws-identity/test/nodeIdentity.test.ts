import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, DateTime, Effect, Exit, Fiber, Layer, Option, Scope } from "effect"
import { CredentialsProvider, Files, Programs, SsoTokenCache, Transport } from "effect-aws-identity"
import { Emulator, IdentityCenter } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { once } from "node:events"
import * as Fs from "node:fs"
import { Agent, createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib"

// On real sockets, files and programs.

/** A server, and the sockets on which requests came. */
const serve = (listener: RequestListener) =>
  Effect.gen(function*() {
    const sockets: Array<Socket> = []
    const server = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const server = createServer({ keepAliveTimeout: 0 }, listener)
        server.on("connection", (socket) => sockets.push(socket)).listen(0, "127.0.0.1")
        await once(server, "listening")
        return server
      }),
      (server) =>
        Effect.promise(async () => {
          server.closeAllConnections()
          await new Promise((resolve) => server.close(resolve))
        })
    )
    return { sockets, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
  })

const closed = (socket: Socket) =>
  Effect.async<void>((resume) => {
    if (socket.destroyed) resume(Effect.void)
    else socket.on("error", () => {}).on("close", () => resume(Effect.void))
  })

const request = (url: string, rest: Partial<Transport.Request> = {}) =>
  Effect.flatMap(Transport.Transport, ({ send }) => send({ method: "GET", url, headers: {}, ...rest }))

const textOf = (url: string) => Effect.map(request(url), ({ text }) => text)

/** A scope of its own for the ports, so that a test can close it. */
const ports = (options?: NodeIdentity.PortsOptions) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(NodeIdentity.layerPorts(options), scope)
    return { context, close: Scope.close(scope, Exit.void) }
  })

describe("NodeIdentity.layerPorts, Transport", () => {
  it.scopedLive("sends requests in turn on one connection, and closes it with the layer", () =>
    Effect.gen(function*() {
      const { sockets, url } = yield* serve((_, response) => response.end("hello"))
      const { close, context } = yield* ports()
      for (const _ of [1, 2, 3]) {
        assert.strictEqual(yield* Effect.provide(textOf(url), context), "hello")
      }
      assert.strictEqual(sockets.length, 1)
      assert.isFalse(sockets[0]?.destroyed)
      yield* close
      yield* Effect.forEach(sockets, closed)
    }))

  const onStale = (method: Transport.Request["method"]) =>
    Effect.gen(function*() {
      let requests = 0
      const { sockets, url } = yield* serve((incoming, response) => {
        requests += 1
        // The server closes the kept connection when the next request arrives on it.
        if (requests === 2) incoming.socket.destroy()
        else response.end("hello")
      })
      const { close, context } = yield* ports()
      yield* Effect.provide(request(url, { method }), context)
      const second = yield* Effect.either(Effect.provide(request(url, { method }), context))
      yield* close
      return { connections: sockets.length, requests, second: second._tag }
    })

  it.scopedLive("sends a GET again that a server has answered by closing a kept connection", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* onStale("GET"), { connections: 2, requests: 3, second: "Right" })
    }))

  it.scopedLive("does not send a POST twice, because the first may have had its effect", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* onStale("POST"), { connections: 1, requests: 2, second: "Left" })
    }))

  it.scopedLive("does not send a GET again that a new connection has not answered", () =>
    Effect.gen(function*() {
      const { sockets, url } = yield* serve(({ socket }) => void socket.destroy())
      const error = yield* Effect.flip(request(url))
      assert.deepInclude({ ...error }, { reason: "Connect", code: "ECONNRESET" })
      assert.strictEqual(sockets.length, 1)
    }).pipe(Effect.provide(NodeIdentity.layerPorts())))

  const awaits: Readonly<Record<string, (response: ServerResponse) => void>> = {
    "the answer has begun": () => {},
    "the body has begun": (response) => response.flushHeaders(),
    "the body has ended": (response) => void response.write("part")
  }
  for (const [name, begin] of Object.entries(awaits)) {
    it.scopedLive(`closes the connection when a request is interrupted before ${name}`, () =>
      Effect.gen(function*() {
        let reached = (_: IncomingMessage): void => {}
        const arrival = new Promise<IncomingMessage>((resolve) => reached = resolve)
        const { url } = yield* serve((incoming, response) => {
          begin(response)
          reached(incoming)
        })
        const fiber = yield* Effect.fork(request(url))
        const { socket } = yield* Effect.promise(() => arrival)
        yield* Fiber.interrupt(fiber)
        yield* closed(socket)
      }).pipe(Effect.provide(NodeIdentity.layerPorts())))
  }

  const MiB = 1_048_576
  const encodings = { br: brotliCompressSync, deflate: deflateSync, gzip: gzipSync }
  for (const [encoding, compress] of Object.entries(encodings)) {
    it.scopedLive(`decodes ${encoding}, and counts the limit after it`, () =>
      Effect.gen(function*() {
        const { url } = yield* serve(({ headers, url }, response) => {
          assert.isUndefined(headers["accept-encoding"])
          response.writeHead(200, { "content-encoding": encoding })
          response.end(compress(Buffer.alloc(url === "/long" ? MiB + 1 : MiB, "ö")))
        })
        assert.strictEqual(yield* textOf(url), "ö".repeat(MiB / 2))
        const error = yield* Effect.flip(request(`${url}long`))
        assert.deepInclude({ ...error }, { reason: "TooLong", status: 200 })
      }).pipe(Effect.provide(NodeIdentity.layerPorts())))
  }

  it.scopedLive("ends an endless body at the limit, and closes its connection", () =>
    Effect.gen(function*() {
      const { sockets, url } = yield* serve((_, response) => {
        const chunk = Buffer.alloc(65_536)
        const more = (): void => {
          while (!response.destroyed && response.write(chunk));
          if (!response.destroyed) response.once("drain", more)
        }
        more()
      })
      assert.deepInclude({ ...yield* Effect.flip(request(url)) }, { reason: "TooLong", status: 200 })
      yield* Effect.forEach(sockets, closed)
    }).pipe(Effect.provide(NodeIdentity.layerPorts())))

  it.scopedLive("fails for a body that breaks off, except for that of an error status", () =>
    Effect.gen(function*() {
      const { url } = yield* serve(({ socket, url }, response) => {
        response.writeHead(url === "/error" ? 503 : 200, { "content-length": "10" })
        response.write("part", () => socket.destroy())
      })
      assert.deepInclude({ ...yield* Effect.flip(request(url)) }, { reason: "BrokenOff", status: 200 })
      const { status, text } = yield* request(`${url}error`)
      assert.deepStrictEqual({ status, text }, { status: 503, text: "" })
    }).pipe(Effect.provide(NodeIdentity.layerPorts())))

  it.scopedLive("shows neither the header nor the body of a request that cannot be sent", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        request("http://127.0.0.1:1/", { headers: { "x-token": "secret\n" }, body: "secret" })
      )
      assert.deepInclude({ ...error }, { reason: "Connect", code: "ERR_INVALID_CHAR" })
      assert.notInclude(String(error) + JSON.stringify(error), "secret")
    }).pipe(Effect.provide(NodeIdentity.layerPorts())))

  it.scopedLive("asks the agent for the URL, except for metadata servers", () =>
    Effect.gen(function*() {
      const { url } = yield* serve((_, response) => response.end())
      const asked: Array<string> = []
      const agent = new Agent()
      const { close, context } = yield* ports({
        agent: ({ hostname }) => {
          asked.push(hostname)
          return agent
        }
      })
      yield* Effect.provide(request(url), context)
      for (const host of ["169.254.169.254", "169.254.170.23", "[fd00:ec2::254]", "metadata.google.internal"]) {
        const fiber = yield* Effect.fork(Effect.provide(request(`http://${host}/`), context))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
      }
      yield* close
      assert.deepStrictEqual(asked, ["127.0.0.1"])
    }))
})

describe("NodeIdentity.layer", () => {
  it.scopedLive("gives the credentials of an SSO profile with nothing to provide", () =>
    Effect.gen(function*() {
      const url = yield* Emulator.serve
      const center = yield* IdentityCenter.IdentityCenter
      const home = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync(join(tmpdir(), "home-"))),
        (home) => Effect.sync(() => Fs.rmSync(home, { recursive: true }))
      )
      const cache = join(home, ".aws", "sso", "cache")
      Fs.mkdirSync(cache, { recursive: true })
      Fs.writeFileSync(
        join(home, ".aws", "config"),
        `[profile dev]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Developer
[sso-session corp]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-west-1
`
      )
      const expiresAt = DateTime.formatIso(DateTime.add(yield* DateTime.now, { hours: 1 }))
      Fs.writeFileSync(
        join(cache, SsoTokenCache.fileName("corp")),
        JSON.stringify({ ...yield* center.signIn, expiresAt, registrationExpiresAt: undefined })
      )
      // Its type has no requirements.
      const identity = NodeIdentity.layer({ profile: "dev", client: { endpoint: url }, homeDirectory: home })
      const program = Effect.gen(function*() {
        const { accountId } = yield* CredentialsProvider.get
        const ports = [yield* Transport.Transport, yield* Files.Files, yield* Programs.Programs]
        return { accountId: `${Option.getOrUndefined(accountId)}`, ports: ports.length }
      }).pipe(
        Effect.provide(identity),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map()))
      )
      assert.deepStrictEqual(yield* program, { accountId: "111122223333", ports: 3 })
    }).pipe(
      Effect.provide([
        NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }),
        IdentityCenter.layer()
      ])
    ))
})
