import { FileSystem } from "@effect/platform"
import { NodeHttpClient, Undici } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Exit, FastCheck, Fiber, Layer, Redacted, type Scope } from "effect"
import { Files, IdentityError, type Transport, WebIdentityToken } from "effect-aws-identity"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { join } from "node:path"
import { observed } from "./observed.js"
import { nodeContext, nodeHttp, withTransport } from "./ports.js"

// On real files, sockets and processes; each server behaves as its provider documents.

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

const begun = Math.floor(Date.now() / 1000)

/** A token that ends so many seconds after these tests began. The mark is in its signature: whoever shows the token shows that. */
const tokenOf = (seconds: number, mark = "signature") =>
  `${part({ alg: "RS256", typ: "JWT" })}.${
    part({ iss: "https://issuer.example", sub: "me", aud: "sts", exp: begun + seconds })
  }.${mark}`

type Source<R> = Effect.Effect<
  Redacted.Redacted,
  IdentityError.CredentialsUnavailable,
  R
>
type World = Layer.Layer.Success<typeof platform>

const platform = Layer.merge(nodeContext, nodeHttp)

const inWorld = <A, E>(
  effect: Effect.Effect<A, E, World | Scope.Scope>,
  variables: Readonly<Record<string, string>> = {}
) =>
  Effect.provide(effect, platform).pipe(
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
  )

const get = (source: Source<World>, variables?: Readonly<Record<string, string>>) =>
  Effect.map(Effect.scoped(inWorld(source, variables)), Redacted.value)

/** The error of a source, which must show nothing of what is secret. */
const failure = (
  source: Source<World>,
  variables: Readonly<Record<string, string>> = {},
  secrets: ReadonlyArray<string> = []
) =>
  Effect.gen(function*() {
    const { exit, seen } = yield* observed(Effect.scoped(inWorld(source, variables)))
    for (const secret of secrets) assert.notInclude(seen, secret)
    assert.isTrue(Exit.isFailure(exit), "it should fail")
    return yield* Effect.flip(exit)
  })

const unavailable = (
  error: IdentityError.CredentialsUnavailable,
  reason: IdentityError.CredentialsUnavailable["reason"],
  ...says: ReadonlyArray<string>
) => {
  assert.instanceOf(error, IdentityError.CredentialsUnavailable)
  assert.strictEqual(error.reason, reason, error.message)
  for (const text of says) assert.include(error.message, text)
}

describe("a file", () => {
  const directory = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

  const withFile = <A, E>(
    content: string | Uint8Array | undefined,
    use: (path: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E, World | Scope.Scope>
  ) =>
    inWorld(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = join(yield* directory, "token")
      if (content !== undefined) {
        yield* fs.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content)
      }
      return yield* use(path, fs)
    }))

  it.scopedLive("is read anew each time, without the white space around the token", () =>
    withFile(`\n ${tokenOf(3600, "first")}\r\n`, (path, fs) =>
      Effect.gen(function*() {
        const source = WebIdentityToken.fromFile(path)
        assert.strictEqual(yield* get(source), tokenOf(3600, "first"))
        yield* fs.writeFileString(path, tokenOf(3600, "second"))
        assert.strictEqual(yield* get(source), tokenOf(3600, "second"))
      })))

  it.scopedLive("is followed through the links that Kubernetes swaps", () =>
    inWorld(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const mount = yield* directory
      const publish = (name: string, token: string) =>
        Effect.gen(function*() {
          yield* fs.makeDirectory(join(mount, name))
          yield* fs.writeFileString(join(mount, name, "token"), token)
          yield* fs.symlink(name, join(mount, "..data_tmp"))
          yield* fs.rename(join(mount, "..data_tmp"), join(mount, "..data"))
        })
      yield* publish("..2026_1", tokenOf(3600, "first"))
      yield* fs.symlink("..data/token", join(mount, "token"))
      const source = WebIdentityToken.fromFile(join(mount, "token"))
      assert.strictEqual(yield* get(source), tokenOf(3600, "first"))
      yield* publish("..2026_2", tokenOf(3600, "second"))
      yield* fs.remove(join(mount, "..2026_1"), { recursive: true })
      assert.strictEqual(yield* get(source), tokenOf(3600, "second"))
    })))

  it.scopedLive(
    "is never read in halves while it is being replaced, neither as a whole nor in place",
    () =>
      withFile(tokenOf(3600, "0".repeat(4000)), (path, fs) =>
        Effect.gen(function*() {
          const tokens = Array.from({ length: 8 }, (_, index) => tokenOf(3600, String(index).repeat(4000)))
          const writer = yield* Effect.forkScoped(Effect.forever(Effect.gen(function*() {
            for (const [index, token] of tokens.entries()) {
              if (index % 2 === 0) yield* fs.writeFileString(path, token)
              else {
                yield* fs.writeFileString(`${path}.next`, token)
                yield* fs.rename(`${path}.next`, path)
              }
              yield* Effect.sleep("40 millis")
            }
          })))
          for (let look = 0; look < 100; look++) {
            assert.include(tokens, yield* get(WebIdentityToken.fromFile(path)))
            yield* Effect.sleep("5 millis")
          }
          yield* Fiber.interrupt(writer)
        })),
    20_000
  )

  it.scopedLive("never gives the first half of a token that is written in place while it is read", () => {
    const token = tokenOf(3600, "0".repeat(4000))
    // The signature is cut, so the half still looks like a token.
    return withFile(token.slice(0, -2000), (path, fs) =>
      Effect.gen(function*() {
        let reads = 0
        const files = yield* Files.Files
        const written: Files.Service = {
          ...files,
          read: (file, limit) =>
            Effect.tap(files.read(file, limit), () =>
              ++reads === 1 ? Effect.orDie(fs.writeFileString(file, token)) : Effect.void)
        }
        const given = yield* Effect.provideService(WebIdentityToken.fromFile(path), Files.Files, written)
        assert.strictEqual(Redacted.value(given), token)
      }))
  })

  it.scopedLive("is waited for while it is empty", () =>
    withFile("", (path, fs) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(get(WebIdentityToken.fromFile(path)))
        yield* Effect.sleep("80 millis")
        yield* fs.writeFileString(path, tokenOf(3600))
        assert.strictEqual(yield* Fiber.join(fiber), tokenOf(3600))
      })))

  const bad: ReadonlyArray<
    readonly [string, string | Uint8Array | undefined, "Missing" | "Invalid" | "Expired", string]
  > = [
    ["that is not there", undefined, "Missing", "no such file"],
    ["that is empty", "", "Invalid", "empty"],
    ["of white space", " \n\t\r\n", "Invalid", "empty"],
    ["of two lines", `${tokenOf(3600, "MARKED")}\n${tokenOf(3600, "MARKED")}`, "Invalid", "more than one line"],
    ["with something else", "MARKED", "Invalid", "not a signed JSON web token"],
    ["with a token that nobody signed", `${tokenOf(3600, "")}`, "Invalid", "not a signed JSON web token"],
    ["with two parts of a token", tokenOf(3600, "MARKED").split(".").slice(1).join("."), "Invalid", "not a signed"],
    ["with five parts, which only its receiver can read", `${tokenOf(3600, "MARKED")}.a.b`, "Invalid", "not a signed"],
    ["of bytes that are no text", new Uint8Array([0xff, 0xfe, 0, 1, 2]), "Invalid", "not a signed JSON web token"],
    ["that is too long", tokenOf(3600, "MARKED".repeat(3400)), "Invalid", "longer than 20000"],
    ["that is much too long", "MARKED".repeat(200_000), "Invalid", "longer than 40000 bytes"],
    ["with a token that has expired", tokenOf(-1, "MARKED"), "Expired", "expired at 20"],
    ["with a token that expires now", tokenOf(0, "MARKED"), "Expired", "expired at 20"]
  ]
  for (const [name, content, reason, says] of bad) {
    it.scopedLive(`${name} is refused, and not shown`, () =>
      withFile(content, (path) =>
        Effect.gen(function*() {
          const error = yield* failure(WebIdentityToken.fromFile(path), {}, ["MARKED"])
          unavailable(error, reason, path, says, "AWS_WEB_IDENTITY_TOKEN_FILE")
        })))
  }

  it.scopedLive("that is a directory, or hangs in a loop of links, is told from one that is not there", () =>
    inWorld(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* directory
      unavailable(yield* failure(WebIdentityToken.fromFile(path)), "Invalid", "not a file")
      unavailable(yield* failure(WebIdentityToken.fromFile("/dev/zero")), "Invalid", "not a file")
      yield* fs.symlink("loop", join(path, "loop"))
      const loop = join(path, "loop")
      unavailable(yield* failure(WebIdentityToken.fromFile(loop)), "Invalid", loop, "it cannot be read (", "its links")
    })))
})

describe("WebIdentityToken.fromFile", () => {
  it.effect("fails with CredentialsUnavailable when this process may not read the file", () =>
    Effect.gen(function*() {
      const denied = new Files.FilesError({ reason: "PermissionDenied", path: "/run/token", code: "PermissionDenied" })
      const error = yield* WebIdentityToken.fromFile("/run/token").pipe(
        Effect.provideService(Files.Files, { ...Files.makeMemory(), look: () => Effect.fail(denied) }),
        Effect.flip
      )
      unavailable(error, "Invalid", "/run/token", "it cannot be read (PermissionDenied)", "its mode")
    }))
})

it("a token of any content is taken or refused, and never a defect", () =>
  FastCheck.assert(
    FastCheck.asyncProperty(
      FastCheck.oneof(
        FastCheck.string({ unit: "binary" }),
        FastCheck.json().map((json) => `e30.${Buffer.from(json).toString("base64url")}.c2ln`),
        FastCheck.record({ exp: FastCheck.anything(), iss: FastCheck.anything(), aud: FastCheck.anything() })
          .map((claims) => `e30.${part(claims)}.c2ln`),
        FastCheck.double().map((exp) => `e30.${part({ exp })}.c2ln`)
      ),
      async (text) => {
        const exit = await Effect.runPromiseExit(
          WebIdentityToken.fromEffect("the test", Effect.succeed(Redacted.make(text)))
        )
        if (Exit.isFailure(exit)) assert.strictEqual(exit.cause._tag, "Fail")
        else assert.strictEqual(Redacted.value(exit.value), text.trim())
      }
    ),
    { numRuns: 2000 }
  ))

describe("a variable", () => {
  it.live("gives the token in it", () =>
    Effect.gen(function*() {
      const source = WebIdentityToken.fromVariable("CI_TOKEN")
      assert.strictEqual(yield* get(source, { CI_TOKEN: ` ${tokenOf(3600)}\n` }), tokenOf(3600))
      unavailable(yield* failure(source), "Missing", "CI_TOKEN is not set")
      unavailable(yield* failure(source, { CI_TOKEN: "" }), "Missing", "CI_TOKEN is not set")
      unavailable(yield* failure(source, { CI_TOKEN: "MARKED" }, ["MARKED"]), "Invalid", "CI_TOKEN", "signed JSON")
      unavailable(yield* failure(source, { CI_TOKEN: tokenOf(-60) }, [tokenOf(-60)]), "Expired", "CI_TOKEN")
    }))

  it.live("is where Vercel puts its own", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* get(WebIdentityToken.vercel(), { VERCEL_OIDC_TOKEN: tokenOf(3600) }), tokenOf(3600))
      unavailable(yield* failure(WebIdentityToken.vercel()), "Missing", "VERCEL_OIDC_TOKEN", "vercel env pull")
    }))
})

describe("an effect of one's own", () => {
  it.live("is run each time; its failure is named by its tag, and not shown", () =>
    Effect.gen(function*() {
      let runs = 0
      const source = WebIdentityToken.fromEffect(
        "Vault",
        Effect.sync(() => Redacted.make(tokenOf(3600, String(++runs))))
      )
      yield* get(source)
      assert.strictEqual(yield* get(source), tokenOf(3600, "2"))
      const sealed = { _tag: "Sealed", key: "MARKED" }
      unavailable(
        yield* failure(WebIdentityToken.fromEffect("Vault", Effect.fail(sealed)), {}, ["MARKED"]),
        "Refused",
        "Vault",
        "Sealed"
      )
      unavailable(
        yield* failure(WebIdentityToken.fromEffect("Vault", Effect.fail(new Error("MARKED"))), {}, ["MARKED"]),
        "Refused",
        "Vault"
      )
    }))
})

describe("a program", () => {
  const script = (code: string) => WebIdentityToken.fromCommand({ command: process.execPath, args: ["-e", code] })

  it.live("prints the token", () =>
    Effect.gen(function*() {
      const token = tokenOf(3600)
      assert.strictEqual(yield* get(script(`console.log("${token}")`)), token)
      unavailable(yield* failure(script("")), "Invalid", process.execPath, "it is empty")
      unavailable(
        yield* failure(script("console.error('no such job'); process.exit(3)")),
        "Refused",
        "exit code 3",
        "no such job"
      )
      unavailable(
        yield* failure(WebIdentityToken.fromCommand({ command: "no-such-program-here" })),
        "Missing",
        "no-such-program-here"
      )
      const line = `"${process.execPath}" -e 'console.log("${token}")'`
      assert.strictEqual(yield* get(WebIdentityToken.fromCommand(line)), token)
      unavailable(yield* failure(WebIdentityToken.fromCommand("print 'it")), "Invalid", "never closed")
      unavailable(yield* failure(WebIdentityToken.fromCommand(" ")), "Invalid", "it names no program")
    }))

  it.scopedLive("is Buildkite's agent, which is asked as it documents", () =>
    inWorld(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const agent = join(directory, "buildkite-agent")
      // Says what it was asked as the issuer of its token.
      yield* fs.writeFileString(
        agent,
        `#!${process.execPath}
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url")
console.log([part({ alg: "RS256" }), part({ iss: process.argv.slice(2).join(" "), exp: ${
          Math.floor(Date.now() / 1000) + 300
        } }), "c2ln"].join("."))`
      )
      yield* fs.chmod(agent, 0o755)
      const path = process.env["PATH"]
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          process.env["PATH"] = `${directory}:${path}`
        }),
        () =>
          Effect.sync(() => {
            process.env["PATH"] = path
          })
      )
      const token = yield* get(WebIdentityToken.buildkite({ audience: "https://aws.example" }))
      assert.include(
        Buffer.from(token.split(".")[1] ?? "", "base64url").toString(),
        "oidc request-token --audience https://aws.example"
      )
    })))
})

// ---------------------------------------------------------------------------------------------------------------
// Servers
// ---------------------------------------------------------------------------------------------------------------

interface Asked {
  readonly url: URL
  readonly request: IncomingMessage
  readonly body: string
}

/** A server on the loopback or a Unix socket, and all that it was asked. */
const serve = (
  answer: (asked: Asked, response: ServerResponse) => void,
  socket?: string
): Effect.Effect<{ readonly url: string; readonly asked: ReadonlyArray<Asked> }, never, Scope.Scope> =>
  Effect.gen(function*() {
    const asked: Array<Asked> = []
    const server = createServer(async (request, response) => {
      let body = ""
      for await (const chunk of request) body += String(chunk)
      const one = { request, body, url: new URL(request.url ?? "", "http://localhost") }
      asked.push(one)
      answer(one, response)
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(socket ?? { host: "127.0.0.1", port: 0 }, () => resume(Effect.void))
      }),
      () =>
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    )
    const address = server.address()
    return { asked, url: typeof address === "object" ? `http://127.0.0.1:${address?.port}` : "" }
  })

interface Provider {
  readonly name: string
  readonly source: Source<Transport.Transport>
  /** As the provider documents it. */
  readonly answer: (token: string) => (asked: Asked, response: ServerResponse) => void
  readonly environment: (url: string) => Readonly<Record<string, string>>
  readonly secrets: ReadonlyArray<string>
}

const requestToken = "MARKED-request-token"

const providers: ReadonlyArray<Provider> = [
  {
    name: "GitHub Actions",
    source: WebIdentityToken.githubActions({ audience: "a&b c" }),
    answer: (token) => ({ request, url }, response) => {
      const allowed = request.method === "GET" && request.headers.authorization === `Bearer ${requestToken}` &&
        url.searchParams.get("api-version") === "2.0" && url.searchParams.get("audience") === "a&b c"
      response.writeHead(allowed ? 200 : 401, { "content-type": "application/json" })
      response.end(JSON.stringify(allowed ? { count: token.length, value: token } : { message: "no" }))
    },
    environment: (url) => ({
      ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/pipelines/idtoken?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken
    }),
    secrets: [requestToken]
  },
  {
    name: "the Google metadata server",
    source: WebIdentityToken.googleMetadata({ audience: "a&b c" }),
    answer: (token) => ({ request, url }, response) => {
      const allowed = request.method === "GET" && request.headers["metadata-flavor"] === "Google" &&
        url.pathname === "/computeMetadata/v1/instance/service-accounts/default/identity" &&
        url.searchParams.get("audience") === "a&b c"
      response.writeHead(allowed ? 200 : 403, { "metadata-flavor": "Google", "content-type": "text/html" })
      response.end(token)
    },
    environment: (url) => ({ GCE_METADATA_HOST: url.slice("http://".length) }),
    secrets: []
  }
]

describe("GitHub Actions says what to do by the cause:", () => {
  const variables = (url: string) => ({
    ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/token?a=b`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken
  })
  const source = WebIdentityToken.githubActions()

  const rows: ReadonlyArray<readonly [string, (response: ServerResponse) => void, string]> = [
    ["400, a job that has ended", (response) => response.writeHead(400).end("no"), "cancelled"],
    ["401", (response) => response.writeHead(401).end("{}"), "running job only"],
    ["403", (response) => response.writeHead(403).end("{}"), "running job only"],
    ["404", (response) => response.writeHead(404).end(), "pending"],
    ["429", (response) => response.writeHead(429).end(), "githubstatus.com"],
    ["503", (response) => response.writeHead(503).end("<html>"), "githubstatus.com"],
    ["no connection", (response) => response.destroy(), "firewall"],
    ["HTML", (response) => response.writeHead(200).end("<html>"), "proxy"],
    ["an expired token", (response) => response.end(JSON.stringify({ value: tokenOf(-5) })), "clock"]
  ]
  it.scopedLive.each(rows)("%s", ([, respond, says]) =>
    Effect.gen(function*() {
      const { url } = yield* serve((_, response) => respond(response))
      const { message } = yield* failure(source, variables(url), [requestToken])
      assert.include(message, says)
      assert.notInclude(message, "id-token: write")
    }), 20_000)

  it.live.each<readonly [string, Readonly<Record<string, string>>, string]>([
    ["no permission", {}, "id-token: write"],
    ["a pull request from a fork", {}, "fork"],
    ["a broken URL", variables("nowhere"), "as the runner sets it"],
    ["a refused connection", variables("http://127.0.0.1:1"), "actions.githubusercontent.com"]
  ])("%s", ([, environment, says]) =>
    Effect.gen(function*() {
      assert.include((yield* failure(source, environment, [requestToken])).message, says)
    }), 20_000)
})

for (const { answer, environment, name, secrets, source } of providers) {
  describe(name, () => {
    it.scopedLive("gives a token for the audience, a new one each time", () =>
      Effect.gen(function*() {
        let count = 0
        const { asked, url } = yield* serve((one, response) => answer(tokenOf(3600, String(++count)))(one, response))
        assert.strictEqual(yield* get(source, environment(url)), tokenOf(3600, "1"))
        assert.strictEqual(yield* get(source, environment(url)), tokenOf(3600, "2"))
        assert.strictEqual(asked.length, 2)
      }))

    const refusals: ReadonlyArray<
      readonly [string, (response: ServerResponse) => void, IdentityError.CredentialsUnavailable["reason"], string]
    > = [
      ["401", (response) => response.writeHead(401).end("MARKED"), "Refused", "status 401"],
      ["404", (response) => response.writeHead(404).end("MARKED"), "Refused", "status 404"],
      ["500, again and again", (response) => response.writeHead(500).end("MARKED"), "Refused", "status 500"],
      ["429, again and again", (response) => response.writeHead(429).end("MARKED"), "Refused", "status 429"],
      ["a redirect", (response) => response.writeHead(302, { location: "/MARKED" }).end(), "Invalid", "redirect"],
      ["a broken connection", (response) => response.destroy(), "Unreachable", "cannot be reached"],
      ["more than 1 MiB", (response) => response.writeHead(200).end("MARKED".repeat(400_000)), "Invalid", "1 MiB"]
    ]
    for (const [what, respond, reason, says] of refusals) {
      it.scopedLive(`is a typed error on ${what}`, () =>
        Effect.gen(function*() {
          const { asked, url } = yield* serve((_, response) => respond(response))
          unavailable(yield* failure(source, environment(url), [...secrets, "MARKED"]), reason, name, says)
          assert.strictEqual(asked.length, /again|broken/.test(what) ? 5 : 1)
        }), 20_000)
    }

    const tokens: ReadonlyArray<readonly [string, string, IdentityError.CredentialsUnavailable["reason"]]> = [
      ["an empty token", "", "Invalid"],
      ["no token", "MARKED", "Invalid"],
      ["an expired token", tokenOf(-5, "MARKED"), "Expired"]
    ]
    for (const [what, token, reason] of tokens) {
      it.scopedLive(`is a typed error on ${what}`, () =>
        Effect.gen(function*() {
          const { url } = yield* serve(answer(token))
          unavailable(yield* failure(source, environment(url), [...secrets, "MARKED"]), reason, name)
        }))
    }

    it.scopedLive("is asked again after a fault that passes", () =>
      Effect.gen(function*() {
        let count = 0
        const { url } = yield* serve((one, response) =>
          ++count < 3 ? response.writeHead(503).end() : answer(tokenOf(3600))(one, response)
        )
        assert.strictEqual(yield* get(source, environment(url)), tokenOf(3600))
      }))
  })
}

describe("GitHub Actions", () => {
  const source = WebIdentityToken.githubActions()

  it.live("says which permission is missing", () =>
    Effect.gen(function*() {
      const url = "https://actions.example/?api-version=2.0"
      unavailable(yield* failure(source), "Missing", "ACTIONS_ID_TOKEN_REQUEST_URL", "id-token: write")
      unavailable(
        yield* failure(source, { ACTIONS_ID_TOKEN_REQUEST_URL: url }),
        "Missing",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "id-token: write"
      )
    }))

  it.live("sends its secret nowhere in plain text, and no header of somebody else's", () =>
    Effect.gen(function*() {
      for (const url of ["http://actions.example/?a=b", "ftp://actions.example", "actions.example", "MARKED"]) {
        const variables = { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken }
        unavailable(yield* failure(source, variables, ["MARKED"]), "Invalid", "no https URL")
      }
      const variables = {
        ACTIONS_ID_TOKEN_REQUEST_URL: "https://actions.example/?a=b",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: "MARKED\r\nx-evil: 1"
      }
      unavailable(yield* failure(source, variables, ["MARKED"]), "Invalid", "cannot be sent")
    }))

  it.scopedLive("has an answer that is no JSON, or has no value", () =>
    Effect.gen(function*() {
      for (const body of ["MARKED", "{}", "{\"value\":1}", "[]", "null", ""]) {
        const { url } = yield* serve((_, response) => response.writeHead(200).end(body))
        const variables = { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken }
        unavailable(yield* failure(source, variables, ["MARKED"]), "Invalid", "\"value\"")
      }
    }))
})

describe("Fly.io", () => {
  it.scopedLive("is asked at its Unix socket", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const socket = join(yield* fs.makeTempDirectoryScoped(), "api")
      const { asked } = yield* serve(({ body, request, url }, response) => {
        const allowed = request.method === "POST" && url.pathname === "/v1/tokens/oidc" &&
          request.headers["content-type"] === "application/json" && body === "{\"aud\":\"sts.amazonaws.com\"}"
        response.writeHead(allowed ? 200 : 400).end(tokenOf(3600))
      }, socket)
      const clientOf = (socketPath: string) =>
        withTransport(NodeHttpClient.layerUndiciWithoutDispatcher.pipe(
          Layer.provide(Layer.sync(NodeHttpClient.Dispatcher, () => new Undici.Agent({ connect: { socketPath } })))
        ))
      const api = clientOf(socket)
      assert.strictEqual(Redacted.value(yield* Effect.provide(WebIdentityToken.fly(), api)), tokenOf(3600))
      assert.strictEqual(asked.length, 1)
      const elsewhere = clientOf(`${socket}-not-there`)
      unavailable(
        yield* Effect.flip(Effect.provide(WebIdentityToken.fly(), elsewhere)),
        "Unreachable",
        "Fly.io",
        "/.fly/api"
      )
    }).pipe(Effect.provide(nodeContext)))
})

it.scopedLive("whoever waits for a server that never answers can go away", () =>
  Effect.gen(function*() {
    const reached = yield* Deferred.make<void>()
    const { url } = yield* serve(() => Deferred.unsafeDone(reached, Effect.void))
    const fiber = yield* Effect.fork(
      get(WebIdentityToken.googleMetadata(), { GCE_METADATA_HOST: url.slice("http://".length) })
    )
    yield* Deferred.await(reached)
    assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
  }))
