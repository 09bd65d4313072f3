import { HttpServer } from "@effect/platform"
import { NodeHttpClient, NodeHttpServer, Undici } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { AccountId, IdentityError, Region, Sso, SsoOidc, Sts, type Transport } from "effect-aws-identity"
import { Emulator, IdentityCenter } from "effect-aws-identity-testing"
import { createServer as createHttpServer } from "node:http"
import { Agent, createServer as createHttpsServer } from "node:https"
import { connect, type Socket } from "node:net"
import { generate } from "selfsigned"
import { fetchHttp, nodeHttp, nodeTransport, undici, undiciTransport, withTransport } from "./ports.js"

// The HttpClient that an application provides is the way of every call. On real sockets.

const region = Region.make("eu-central-1")
const anyPort = { host: "127.0.0.1", port: 0 }
const awsHosts = ["oidc", "portal.sso", "sts"].map((service) => `${service}.${region}.amazonaws.com`)

const portOf = ({ address }: HttpServer.HttpServer) => address._tag === "TcpAddress" ? address.port : 0

/** An Identity Center over https, with a certificate that nobody knows, for AWS's hosts and the loopback. */
const https = Effect.gen(function*() {
  const { cert, private: key } = yield* Effect.promise(() =>
    generate([{ name: "commonName", value: "test" }], {
      keyType: "ec",
      algorithm: "sha256",
      extensions: [{
        name: "subjectAltName",
        altNames: [...awsHosts.map((value) => ({ type: 2 as const, value })), { type: 7, ip: "127.0.0.1" }]
      }]
    })
  )
  /** The client's port of each connection, in the order in which they came. */
  const connections: Array<number | undefined> = []
  const server = yield* NodeHttpServer.make(
    () => createHttpsServer({ cert, key }).on("connection", (socket: Socket) => connections.push(socket.remotePort)),
    anyPort
  )
  yield* Effect.provideService(Emulator.serve, HttpServer.HttpServer, server)
  return { cert, connections, port: portOf(server) }
})

/** A proxy that answers every CONNECT with a way to one port of ours. */
const proxyTo = (port: number) =>
  Effect.gen(function*() {
    const asked: Array<string | undefined> = []
    const ways: Array<number | undefined> = []
    const server = yield* NodeHttpServer.make(() =>
      createHttpServer((request, response) => {
        asked.push(`${request.method} ${request.url}, not tunnelled`)
        response.writeHead(502).end()
      }).on("connect", (request, client, head) => {
        asked.push(request.url)
        const upstream = connect(port, "127.0.0.1", () => {
          ways.push(upstream.localPort)
          client.write("HTTP/1.1 200 Connection Established\r\n\r\n")
          upstream.write(head)
          upstream.pipe(client)
          client.pipe(upstream)
        })
        upstream.on("error", () => client.destroy())
        client.on("error", () => upstream.destroy())
      }), anyPort)
    return { asked, ways, url: `http://127.0.0.1:${portOf(server)}` }
  })

type ProxyOptions = Undici.EnvHttpProxyAgent.Options

const proxyAgent = (options: ProxyOptions) => new Undici.EnvHttpProxyAgent({ noProxy: "", ...options })

const proxied: Readonly<Record<string, (options: ProxyOptions) => Layer.Layer<Transport.Transport>>> = {
  "an HttpClient of undici": (options) =>
    withTransport(NodeHttpClient.layerUndiciWithoutDispatcher.pipe(
      Layer.provide(Layer.scoped(
        NodeHttpClient.Dispatcher,
        Effect.acquireRelease(
          Effect.sync(() => proxyAgent(options)),
          (dispatcher) => Effect.promise(() => dispatcher.destroy())
        )
      ))
    )),
  "NodeIdentity with a dispatcher": (options) => undiciTransport(() => proxyAgent(options))
}

const register = Effect.flatMap(
  SsoOidc.SsoOidc,
  (oidc) => oidc.registerClient({ region, clientName: "test", clientType: "public" })
)

/** One call of each service. */
const oneOfEach = Effect.gen(function*() {
  const center = yield* IdentityCenter.IdentityCenter
  const sso = yield* Sso.Sso
  const sts = yield* Sts.Sts
  yield* register
  const accessToken = Redacted.make((yield* center.signIn).accessToken)
  const { roleCredentials } = yield* sso.getRoleCredentials({
    region,
    accessToken,
    accountId: AccountId.make("111122223333"),
    roleName: "Developer"
  })
  const { account } = yield* sts.getCallerIdentity({ region, credentials: roleCredentials })
  assert.strictEqual(account, "111122223333")
})

const services = Layer.mergeAll(Sso.layer(), SsoOidc.layer(), Sts.layer())

describe.each(Object.entries(proxied))("through a proxy by %s", (_, throughProxy) => {
  it.scopedLive("every service goes, to AWS's own hosts, and nothing goes directly", () =>
    Effect.gen(function*() {
      const { cert, connections, port } = yield* https
      const { asked, url, ways } = yield* proxyTo(port)
      const http = throughProxy({ httpsProxy: url, requestTls: { ca: cert } })
      yield* Effect.provide(oneOfEach, Layer.provide(services, http))
      assert.sameMembers([...new Set(asked)], awsHosts.map((host) => `${host}:443`))
      assert.deepStrictEqual(connections, ways)
    }).pipe(Effect.provide(IdentityCenter.layer())))

  it.scopedLive("that is not there is a ServiceUnreachable, and is tried again", () =>
    Effect.gen(function*() {
      const url = yield* Effect.scoped(Effect.map(proxyTo(0), ({ url }) => url))
      const oidc = Layer.provide(SsoOidc.layer(), throughProxy({ httpsProxy: url }))
      const error = yield* Effect.flip(Effect.provide(register, oidc))
      assert.instanceOf(error, IdentityError.ServiceUnreachable)
      assert.deepInclude({ ...error }, { code: "ECONNREFUSED", attempts: 3 })
      assert.strictEqual(error.endpoint, "https://oidc.eu-central-1.amazonaws.com")
    }))
})

describe("https with an authority of one's own", () => {
  const oidcOf = (http: Layer.Layer<Transport.Transport>, port: number) =>
    Layer.provide(SsoOidc.layer({ endpoint: `https://127.0.0.1:${port}` }), http)

  const clients: Readonly<
    Record<string, {
      readonly ignorant: Layer.Layer<Transport.Transport>
      readonly trusting?: (ca: string) => Layer.Layer<Transport.Transport>
    }>
  > = {
    "node:http": {
      ignorant: nodeHttp,
      trusting: (ca) =>
        withTransport(
          Layer.provide(NodeHttpClient.layerWithoutAgent, NodeHttpClient.makeAgentLayer({ ca, keepAlive: true }))
        )
    },
    undici: {
      ignorant: undici,
      trusting: (ca) =>
        withTransport(Layer.provide(
          NodeHttpClient.layerUndiciWithoutDispatcher,
          Layer.scoped(
            NodeHttpClient.Dispatcher,
            Effect.acquireRelease(
              Effect.sync(() => new Undici.Agent({ connect: { ca } })),
              (dispatcher) => Effect.promise(() => dispatcher.destroy())
            )
          )
        ))
    },
    fetch: { ignorant: fetchHttp },
    "NodeIdentity with an agent": {
      ignorant: nodeTransport(),
      trusting: (ca) => nodeTransport({ agent: new Agent({ ca, keepAlive: true }) })
    },
    "NodeIdentity with a dispatcher": {
      ignorant: undiciTransport(() => new Undici.Agent()),
      trusting: (ca) => undiciTransport(() => new Undici.Agent({ connect: { ca } }))
    }
  }

  const day = 24 * 60 * 60 * 1000
  const daysFromNow = (days: number) => new Date(Date.now() + days * day)
  const loopback = [{ type: 7 as const, ip: "127.0.0.1" }]

  /** A certificate for the loopback, valid now, unless `options` says otherwise; trusted if `ca` is given. */
  const issue = (
    { altNames = loopback, trusted = false, ...options }: Parameters<typeof generate>[1] & {
      readonly altNames?: ReadonlyArray<{ readonly type: 2; readonly value: string } | typeof loopback[number]>
      readonly trusted?: boolean
    }
  ) =>
    Effect.promise(async () => {
      const { cert, private: key } = await generate([{ name: "commonName", value: "test" }], {
        keyType: "ec",
        algorithm: "sha256",
        extensions: [{ name: "subjectAltName", altNames: [...altNames] }],
        ...options
      })
      return { cert, key, ca: trusted ? cert : undefined }
    })

  const byUnknownAuthority = Effect.gen(function*() {
    const authority = yield* Effect.promise(() =>
      generate([{ name: "commonName", value: "authority" }], {
        keyType: "ec",
        algorithm: "sha256",
        extensions: [{ name: "basicConstraints", cA: true, critical: true }]
      })
    )
    return yield* issue({ ca: { key: authority.private, cert: authority.cert } })
  })

  const certificates: Readonly<
    Record<string, {
      readonly certificate: Effect.Effect<
        { readonly cert: string; readonly key: string; readonly ca: string | undefined }
      >
      readonly code: string
      readonly says: ReadonlyArray<string>
    }>
  > = {
    "has expired": {
      certificate: issue({ notBeforeDate: daysFromNow(-9), notAfterDate: daysFromNow(-1), trusted: true }),
      code: "CERT_HAS_EXPIRED",
      says: ["its certificate has expired", "Check the clock"]
    },
    "is not valid yet": {
      certificate: issue({ notBeforeDate: daysFromNow(1), notAfterDate: daysFromNow(9), trusted: true }),
      code: "CERT_NOT_YET_VALID",
      says: ["its certificate is not valid yet", "Check the clock"]
    },
    "is for another host": {
      certificate: issue({ altNames: [{ type: 2, value: "elsewhere.example.com" }], trusted: true }),
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
      says: ["its certificate is for another host name", "Check the host in AWS_ENDPOINT_URL*"]
    },
    "is self-signed": {
      certificate: issue({}),
      code: "DEPTH_ZERO_SELF_SIGNED_CERT",
      says: ["its certificate is self-signed", "If that is meant, give the certificate to Node as NODE_EXTRA_CA_CERTS="]
    },
    "is of an unknown authority": {
      certificate: byUnknownAuthority,
      code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      says: ["its certificate is of an authority that this machine does not know"]
    }
  }

  for (const [name, { ignorant, trusting }] of Object.entries(clients)) {
    it.scopedLive(`${name}: without it, a ServiceUnreachable that says why, after one connection`, () =>
      Effect.gen(function*() {
        const { connections, port } = yield* https
        const error = yield* Effect.flip(Effect.provide(register, oidcOf(ignorant, port)))
        assert.instanceOf(error, IdentityError.ServiceUnreachable)
        assert.deepInclude({ ...error }, { code: "DEPTH_ZERO_SELF_SIGNED_CERT", attempts: 1 })
        assert.lengthOf(connections, 1)
      }).pipe(Effect.provide(IdentityCenter.layer())))

    for (const [kind, { certificate, code, says }] of Object.entries(certificates)) {
      it.scopedLive(`${name}: a certificate that ${kind} is a ServiceUnreachable that says so, without a retry`, () =>
        Effect.gen(function*() {
          const { ca, cert, key } = yield* certificate
          const connections: Array<number | undefined> = []
          const server = yield* NodeHttpServer.make(
            () =>
              createHttpsServer({ cert, key }).on(
                "connection",
                (socket: Socket) => connections.push(socket.remotePort)
              ),
            anyPort
          )
          const http = ca === undefined ? ignorant : trusting?.(ca)
          // Node's fetch takes further authorities from NODE_EXTRA_CA_CERTS alone, as the process starts.
          if (http === undefined) return
          const error = yield* Effect.flip(Effect.provide(register, oidcOf(http, portOf(server))))
          assert.instanceOf(error, IdentityError.ServiceUnreachable)
          assert.deepInclude({ ...error }, { code, attempts: 1 })
          for (const words of says) assert.include(error.message, words)
          assert.include(error.message, `https://127.0.0.1:${portOf(server)}`)
          assert.lengthOf(connections, 1)
        }))
    }

    it.scopedLive(`${name}: a server without TLS is a ServiceUnreachable that says so`, () =>
      Effect.gen(function*() {
        const server = yield* NodeHttpServer.make(() => createHttpServer((_, response) => response.end()), anyPort)
        const error = yield* Effect.flip(Effect.provide(register, oidcOf(ignorant, portOf(server))))
        assert.instanceOf(error, IdentityError.ServiceUnreachable)
        assert.include(error.message, "the TLS handshake failed")
        assert.include(error.message, "Check whether AWS_ENDPOINT_URL* or endpoint_url says https where http is spoken")
      }))

    if (trusting === undefined) continue
    it.scopedLive(`${name}: with it, an answer`, () =>
      Effect.gen(function*() {
        const { cert, connections, port } = yield* https
        yield* Effect.provide(register, oidcOf(trusting(cert), port))
        assert.lengthOf(connections, 1)
      }).pipe(Effect.provide(IdentityCenter.layer())))
  }
})
