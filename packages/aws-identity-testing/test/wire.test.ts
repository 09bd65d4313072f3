import { HttpClient, HttpClientRequest, type HttpClientResponse } from "@effect/platform"
import { NodeHttpClient, NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Schedule, TestClock } from "effect"
import { Emulator, IdentityCenter } from "effect-aws-identity-testing"
import { createHash, createHmac } from "node:crypto"
import { createServer } from "node:http"

// What no client of AWS's sends, or would not show: once in process, once on a real socket.

const key = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  arn: "arn:aws:iam::123456789012:user/me"
}

const center = IdentityCenter.layer({ accessKeys: [key] })

const faces = {
  "in process": Layer.provideMerge(
    Layer.effect(
      HttpClient.HttpClient,
      Effect.map(HttpClient.HttpClient, HttpClient.mapRequest(HttpClientRequest.prependUrl("http://in.process")))
    ).pipe(Layer.provide(Emulator.layerHttpClient)),
    center
  ),
  "on a socket": Layer.scoped(
    HttpClient.HttpClient,
    Effect.gen(function*() {
      const url = yield* Emulator.serve
      return HttpClient.mapRequest(yield* HttpClient.HttpClient, HttpClientRequest.prependUrl(url))
    })
  ).pipe(
    Layer.provide([
      NodeHttpClient.layerWithoutAgent,
      NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })
    ]),
    Layer.provide(NodeHttpClient.makeAgentLayer({ keepAlive: false })),
    Layer.provideMerge(center)
  )
}

const post = (path: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
  HttpClient.execute(
    HttpClientRequest.post(path).pipe(
      HttpClientRequest.bodyText(body, "application/x-www-form-urlencoded"),
      HttpClientRequest.setHeaders(headers)
    )
  )

const hmac = (secret: string | Buffer, text: string) => createHmac("sha256", secret).update(text).digest()
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")

const whoAmI = "Action=GetCallerIdentity&Version=2011-06-15"

interface Signing {
  readonly at?: string
  readonly scope?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signed?: ReadonlyArray<string>
  readonly path?: string
  /** What is sent in place of what was signed. */
  readonly body?: string
  readonly sent?: Readonly<Record<string, string>>
  readonly canonicalPath?: string
  readonly canonicalQuery?: string
  readonly authorization?: (authorization: string) => string
}

/** A request signed by hand, as AWS's documentation has it, at the beginning of the TestClock. */
const signed = ({
  at = "19700101T000000Z",
  authorization = (text) => text,
  body = whoAmI,
  canonicalPath = "/",
  canonicalQuery = "",
  headers = {},
  path = "/",
  sent = {},
  scope = `${at.slice(0, 8)}/us-east-1/sts/aws4_request`,
  signed = ["host", "x-amz-date"]
}: Signing = {}) => {
  const all: Record<string, string> = { host: "sts.example.com", "x-amz-date": at, ...headers }
  const canonical = [
    "POST",
    canonicalPath,
    canonicalQuery,
    ...signed.map((name) => `${name}:${(all[name] ?? "").trim().replace(/ +/g, " ")}`),
    "",
    signed.join(";"),
    sha256(whoAmI)
  ].join("\n")
  const signingKey = scope.split("/").reduce<string | Buffer>(hmac, `AWS4${key.secretAccessKey}`)
  const signature = hmac(signingKey, ["AWS4-HMAC-SHA256", at, scope, sha256(canonical)].join("\n")).toString("hex")
  return post(path, body, {
    ...all,
    ...sent,
    authorization: authorization(
      `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scope}, SignedHeaders=${
        signed.join(";")
      }, Signature=${signature}`
    )
  })
}

const refusal = (request: Effect.Effect<HttpClientResponse.HttpClientResponse, unknown, HttpClient.HttpClient>) =>
  Effect.gen(function*() {
    const response = yield* request
    const [, code, message] = /<Code>(.*)<\/Code><Message>(.*)<\/Message>/.exec(yield* response.text) ?? []
    return `${response.status} ${code}: ${message}`
  })

for (const [name, face] of Object.entries(faces)) {
  describe(name, () => {
    it.scoped("dates every answer by its clock and gives it an id", () =>
      Effect.gen(function*() {
        yield* TestClock.setTime(Date.UTC(2026, 0, 31, 12, 34, 56, 789))
        for (const path of ["/", "/token", "/nowhere"]) {
          const { headers } = yield* post(path, "")
          assert.strictEqual(headers["date"], "Sat, 31 Jan 2026 12:34:56 GMT")
          assert.match(headers["x-amzn-requestid"] ?? "", /^[0-9a-f]{32}$/)
        }
      }).pipe(Effect.provide(face)))

    it.scoped("speaks STS's Query protocol", () =>
      Effect.gen(function*() {
        const response = yield* signed()
        const id = response.headers["x-amzn-requestid"]
        assert.strictEqual(
          yield* response.text,
          "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>" +
            `<UserId>AKIDEXAMPLE</UserId><Account>123456789012</Account><Arn>${key.arn}</Arn>` +
            `</GetCallerIdentityResult><ResponseMetadata><RequestId>${id}</RequestId></ResponseMetadata>` +
            "</GetCallerIdentityResponse>"
        )
        assert.strictEqual(response.headers["content-type"], "text/xml")
        const refused = yield* post("/", whoAmI)
        assert.strictEqual(
          yield* refused.text,
          "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>" +
            "<Code>MissingAuthenticationToken</Code><Message>Request is missing Authentication Token</Message></Error>" +
            `<RequestId>${refused.headers["x-amzn-requestid"]}</RequestId></ErrorResponse>`
        )
        const unknown = "400 InvalidAction: Could not find operation"
        assert.strictEqual(yield* refusal(post("/", "")), `${unknown}  for version NO_VERSION_SPECIFIED`)
        assert.strictEqual(
          yield* refusal(post("/", "Action=AssumeRoleWithSAML&Version=2011-06-15")),
          `${unknown} AssumeRoleWithSAML for version 2011-06-15`
        )
        assert.strictEqual(
          yield* refusal(post("/", "Action=GetCallerIdentity&Version=2010-01-01")),
          `${unknown} GetCallerIdentity for version 2010-01-01`
        )
      }).pipe(Effect.provide(face)))

    it.scoped("verifies what is signed", () =>
      Effect.gen(function*() {
        const mismatch = "403 SignatureDoesNotMatch: The request signature we calculated"
        const more = ["host", "x-amz-date", "x-more"]
        assert.strictEqual((yield* signed({ headers: { "x-more": "a   b" }, signed: more })).status, 200)
        assert.strictEqual(
          (yield* signed({ path: "/?b=2&a=%C3%A4+!", canonicalQuery: "a=%C3%A4%20%21&b=2" })).status,
          200
        )
        assert.include(yield* refusal(signed({ path: "/?b=2", canonicalQuery: "" })), mismatch)
        assert.include(yield* refusal(signed({ path: "/?b=2&a=1", canonicalQuery: "b=2&a=1" })), mismatch)
        assert.include(yield* refusal(signed({ canonicalPath: "/other" })), mismatch)
        const forged = (text: string) => text.replace(/.$/, (digit) => digit === "0" ? "1" : "0")
        assert.include(yield* refusal(signed({ authorization: forged })), mismatch)
        assert.include(yield* refusal(signed({ body: `${whoAmI}&More=1` })), mismatch)
        assert.include(
          yield* refusal(signed({ headers: { "x-more": "a" }, sent: { "x-more": "b" }, signed: more })),
          mismatch
        )
      }).pipe(Effect.provide(face)))

    it.scoped("refuses what is no signature, or one for something else", () =>
      Effect.gen(function*() {
        const mismatch = "403 SignatureDoesNotMatch:"
        for (
          const authorization of [
            () => "Bearer token",
            () => "AWS4-HMAC-SHA256",
            (text: string) => text.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
            (text: string) => text.replace("/aws4_request", ""),
            (text: string) => text.slice(0, -1)
          ]
        ) {
          assert.match(yield* refusal(signed({ authorization })), /^400 IncompleteSignature: /)
        }
        assert.match(yield* refusal(signed({ at: "1970-01-01T00:00:00Z" })), /^400 IncompleteSignature: /)
        assert.match(yield* refusal(signed({ at: "19701301T000000Z" })), /^400 IncompleteSignature: /)
        assert.include(
          yield* refusal(signed({ scope: "19700102/us-east-1/sts/aws4_request" })),
          `${mismatch} Date in Credential scope does not match`
        )
        assert.include(
          yield* refusal(signed({ scope: "19700101//sts/aws4_request" })),
          `${mismatch} Credential should be scoped to a valid region`
        )
        assert.include(
          yield* refusal(signed({ scope: "19700101/us-east-1/sso-oauth/aws4_request" })),
          `${mismatch} Credential should be scoped to correct service: 'sts'`
        )
        assert.include(yield* refusal(signed({ signed: ["x-amz-date"] })), `${mismatch} 'Host' or ':authority' must be`)
        const query = "aws_iam=t"
        const oidc = { path: `/token?${query}`, canonicalPath: "/token", canonicalQuery: query }
        const scope = "19700101/us-east-1/sso-oauth/aws4_request"
        const wrong = yield* signed(oidc)
        assert.strictEqual(wrong.status, 403)
        assert.strictEqual(wrong.headers["x-amzn-errortype"], "InvalidSignatureException")
        assert.deepStrictEqual(yield* wrong.json, {
          message: "Credential should be scoped to correct service: 'sso-oauth'."
        })
        const right = yield* signed({ ...oidc, scope })
        assert.match(right.headers["x-amzn-errortype"] ?? "", /^InvalidRequestException:/, "only its body is nonsense")
        const unsigned = yield* post(oidc.path, "{}")
        assert.strictEqual(unsigned.status, 403)
        assert.strictEqual(unsigned.headers["x-amzn-errortype"], "MissingAuthenticationTokenException")
      }).pipe(Effect.provide(face)))

    it.scoped("says of a body that is no JSON that it is an invalid request", () =>
      Effect.gen(function*() {
        for (const path of ["/token", "/client/register", "/device_authorization"]) {
          for (const body of ["", "{", "[]", "null"]) {
            const response = yield* post(path, body)
            assert.strictEqual(response.status, 400)
            assert.match(response.headers["x-amzn-errortype"] ?? "", /^InvalidRequestException:/)
            assert.deepInclude(yield* response.json, { error: "invalid_request" })
          }
        }
      }).pipe(Effect.provide(face)))

    it.scoped("takes a logout with an empty body and with an empty object", () =>
      Effect.gen(function*() {
        const model = yield* IdentityCenter.IdentityCenter
        for (const body of ["", "{}"]) {
          const { accessToken } = yield* model.signIn
          const response = yield* post("/logout", body, { "x-amz-sso_bearer_token": accessToken })
          assert.strictEqual(response.status, 200)
          assert.strictEqual(yield* response.text, "")
        }
        assert.strictEqual((yield* post("/logout", "")).status, 400)
      }).pipe(Effect.provide(face)))

    it.scoped("answers as a test asks, headers included", () =>
      Effect.gen(function*() {
        const model = yield* IdentityCenter.IdentityCenter
        const headers = { "Retry-After": "7", Date: "Thu, 01 Jan 2026 00:00:00 GMT", age: "3" }
        yield* model.fail("logout", { status: 429, headers, body: "{}" })
        yield* model.fail("logout", { status: 204, body: "superfluous" })
        const response = yield* post("/logout", "")
        assert.strictEqual(response.status, 429)
        assert.deepInclude(response.headers, { "retry-after": "7", date: headers.Date, age: "3" })
        const empty = yield* post("/logout", "")
        assert.strictEqual(empty.status, 204)
        assert.strictEqual(yield* empty.text, "")
      }).pipe(Effect.provide(face)))

    it.scoped("breaks an answer off half way, when what was asked for is done", () =>
      Effect.gen(function*() {
        const model = yield* IdentityCenter.IdentityCenter
        const issued = yield* model.signIn
        yield* model.fail("createToken", "HalfAnswer")
        const response = yield* post("/token", JSON.stringify({ ...issued, grantType: "refresh_token" }))
        assert.strictEqual(response.status, 200)
        assert.isTrue(Exit.isFailure(yield* Effect.exit(response.text)))
        const again = yield* Effect.flip(model.createToken({ ...issued, grantType: "refresh_token" }))
        assert.strictEqual(again.name, "InvalidGrantException", "the refresh token is spent")
      }).pipe(Effect.provide(face)))

    it.live("can be silent until the client gives up", () =>
      Effect.gen(function*() {
        const model = yield* IdentityCenter.IdentityCenter
        yield* model.fail("logout", "NoAnswer")
        const silent = yield* Effect.fork(post("/logout", ""))
        assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.timeout(Fiber.join(silent), "200 millis"))))
        yield* Fiber.interrupt(silent)
        assert.strictEqual((yield* post("/logout", "")).status, 400)
        assert.deepStrictEqual(yield* model.calls, ["logout", "logout"])
      }).pipe(Effect.provide(face)))
  })
}

it.live("a server that is silent closes with its scope all the same", () =>
  Effect.gen(function*() {
    const model = yield* IdentityCenter.IdentityCenter
    yield* model.fail("logout", "NoAnswer")
    const ended = yield* Effect.scoped(
      Effect.gen(function*() {
        const url = yield* Emulator.serve
        // A client that outlives the server.
        const waiting = yield* Effect.forkDaemon(HttpClient.post(`${url}/logout`))
        yield* Effect.repeat(model.calls, {
          until: (calls) => calls.length > 0,
          schedule: Schedule.spaced("10 millis")
        })
        return waiting
      })
    ).pipe(Effect.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })))
    assert.isTrue(Exit.isFailure(yield* Fiber.await(ended)))
  }).pipe(Effect.provide([center, NodeHttpClient.layer])))
