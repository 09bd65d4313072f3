import { HttpClient, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Option, Redacted } from "effect"
import type { IdentityError } from "effect-aws-identity"
import { AccountId, Credentials, Region, Sso, SsoOidc, Sts } from "effect-aws-identity"
import { toServiceError } from "../src/internal/serviceError.js"
import { observed } from "./observed.js"
import { overClient } from "./ports.js"

// Whatever answers in AWS's place, and however, is a typed error, in bounded memory, and tells no secret.

const region = Region.make("eu-west-1")

/** Stands in every secret of an input, and must not be seen anywhere. */
const marked = "MARKED+SECRET/1"
const secret = Redacted.make(marked)
const credentials = new Credentials.Credentials({
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: secret,
  sessionToken: Option.some(Redacted.make(`${marked}-session`))
})
const client = { region, clientId: "client", clientSecret: secret }
const application = { region, credentials, clientId: "arn:aws:sso::111122223333:application/a/b" }
const role = { region, roleArn: "arn:aws:iam::111122223333:role/r", roleSessionName: "session" }

const operations: ReadonlyArray<{
  readonly name: string
  readonly call: Effect.Effect<unknown, { readonly _tag: string }, Sso.Sso | SsoOidc.SsoOidc | Sts.Sts>
}> = [
  {
    name: "getRoleCredentials",
    call: Effect.flatMap(
      Sso.Sso,
      (sso) =>
        sso.getRoleCredentials({
          region,
          accessToken: secret,
          accountId: AccountId.make("111122223333"),
          roleName: "r"
        })
    )
  },
  { name: "listAccounts", call: Effect.flatMap(Sso.Sso, (sso) => sso.listAccounts({ region, accessToken: secret })) },
  {
    name: "listAccountRoles",
    call: Effect.flatMap(
      Sso.Sso,
      (sso) => sso.listAccountRoles({ region, accessToken: secret, accountId: AccountId.make("111122223333") })
    )
  },
  { name: "logout", call: Effect.flatMap(Sso.Sso, (sso) => sso.logout({ region, accessToken: secret })) },
  {
    name: "registerClient",
    call: Effect.flatMap(
      SsoOidc.SsoOidc,
      (oidc) => oidc.registerClient({ region, clientName: "c", clientType: "public" })
    )
  },
  {
    name: "startDeviceAuthorization",
    call: Effect.flatMap(SsoOidc.SsoOidc, (oidc) => oidc.startDeviceAuthorization({ ...client, startUrl: "https://s" }))
  },
  {
    name: "createToken",
    call: Effect.flatMap(
      SsoOidc.SsoOidc,
      (oidc) => oidc.createToken({ ...client, grantType: "refresh_token", refreshToken: secret })
    )
  },
  {
    name: "createTokenWithIAM",
    call: Effect.flatMap(
      SsoOidc.SsoOidc,
      (oidc) => oidc.createTokenWithIAM({ ...application, grantType: "refresh_token", refreshToken: secret })
    )
  },
  {
    name: "assumeRoleWithWebIdentity",
    call: Effect.flatMap(Sts.Sts, (sts) => sts.assumeRoleWithWebIdentity({ ...role, webIdentityToken: secret }))
  },
  { name: "assumeRole", call: Effect.flatMap(Sts.Sts, (sts) => sts.assumeRole({ ...role, credentials })) },
  {
    name: "getCallerIdentity",
    call: Effect.flatMap(Sts.Sts, (sts) => sts.getCallerIdentity({ region, credentials }))
  }
]

const speakXml = ["assumeRoleWithWebIdentity", "assumeRole", "getCallerIdentity"]

interface Answer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body: BodyInit | null | (() => BodyInit)
}

const answering = ({ body, headers = {}, status }: Answer) => {
  const http = overClient(
    HttpClient.make((request) =>
      Effect.sync(() =>
        HttpClientResponse.fromWeb(
          request,
          new Response(typeof body === "function" ? body() : body, { status, headers })
        )
      )
    )
  )
  const settings = { maxAttempts: 1 }
  return Layer.mergeAll(Sso.layer(settings), SsoOidc.layer(settings), Sts.layer(settings)).pipe(Layer.provide(http))
}

const bytes = (size: number, read: { count: number }) => () =>
  new ReadableStream({
    pull: (controller) => {
      if (read.count >= size) return controller.close()
      read.count += 65_536
      controller.enqueue(new Uint8Array(65_536).fill(97))
    }
  })

const echo = `${marked} ${encodeURIComponent(marked)} ${marked}-session`
const typed = ["ServiceError", "InvalidResponse", "ServiceUnreachable", "TooManyRequestsException"]

const json = JSON.stringify({ __type: "a.b#OddException", message: `odd\n${echo}` })
const xml = "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>" +
  `<Type>Sender</Type><Code>OddException</Code><Message>odd &amp; <![CDATA[<${echo}>]]></Message></Error>` +
  "<RequestId>1234-abc</RequestId></ErrorResponse>"

/** By what they are; those without a status come with each of 200, 400, 403, 404, 429, 500 and 503. */
const bodies: ReadonlyArray<{ readonly name: string; readonly body: Answer["body"]; readonly type?: string }> = [
  { name: "a JSON error", body: json, type: "application/json" },
  { name: "a JSON error in the clothes of HTML", body: json, type: "text/html" },
  { name: "an XML error", body: xml, type: "text/xml" },
  { name: "an XML error in the clothes of JSON", body: xml, type: "application/json" },
  { name: "HTML", body: `<!doctype html><html><p>${echo}</html>`, type: "text/html" },
  { name: "nothing", body: "" },
  { name: "no body", body: null },
  { name: "half of JSON", body: json.slice(0, -5), type: "application/json" },
  { name: "half of XML", body: xml.slice(0, -5), type: "text/xml" },
  { name: "null", body: "null", type: "application/json" },
  { name: "a list", body: "[1,2]", type: "application/json" },
  { name: "fields of other types", body: JSON.stringify({ __type: 1, code: [], message: {}, error: null }) },
  { name: "a record called __proto__", body: "{\"__proto__\":{\"__type\":\"x\"},\"constructor\":1}" },
  { name: "deep JSON", body: "[".repeat(100_000) + "]".repeat(100_000), type: "application/json" },
  { name: "deep XML", body: "<a>".repeat(50_000) + "</a>".repeat(50_000), type: "text/xml" },
  {
    name: "an entity bomb",
    body: "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">]>" +
      "<ErrorResponse><Error><Code>&b;</Code></Error></ErrorResponse>",
    type: "text/xml"
  },
  { name: "bytes that are no text", body: new Uint8Array(256).map((_, index) => index) },
  {
    name: "a body that breaks off",
    body: () => new ReadableStream({ start: (controller) => controller.error(new Error(marked)) })
  }
]

const isRecord = (body: Answer["body"]) => typeof body === "string" && /^\{.*\}$/.test(body)

describe("an answer that is none of AWS's", () => {
  for (const { call, name } of operations) {
    it.effect(`${name}: a typed error that tells no secret`, () =>
      Effect.gen(function*() {
        for (const { body, name: what, type } of bodies) {
          for (const status of [200, 400, 403, 404, 429, 500, 503]) {
            // A logout needs no answer but that it is done, and a record without a list is an empty list.
            if (status === 200 && (name === "logout" || (name.startsWith("list") && isRecord(body)))) continue
            const answer: Answer = { status, body, headers: type === undefined ? {} : { "content-type": type } }
            const { exit, seen } = yield* observed(Effect.provide(call, answering(answer)))
            const context = `${what}, ${status}`
            assert.isTrue(Exit.isFailure(exit), context)
            const failure = Option.getOrThrow(Exit.causeOption(exit))
            assert.isTrue(Option.isNone(Cause.dieOption(failure)), context)
            const error = Option.getOrThrow(Cause.failureOption(failure)) as IdentityError.CallError
            assert.include(typed, error._tag, context)
            if (status !== 200) assert.include(error.message, `(${status})`, context)
            // Nothing that is sent to register is a secret.
            if (name === "registerClient") continue
            assert.notInclude(seen, marked, context)
            assert.notInclude(seen, encodeURIComponent(marked), context)
            if (what.startsWith("a JSON error") && status === 400) {
              assert.deepInclude({ ...error }, { code: "OddException", status: 400 }, context)
              assert.include(error.message, "odd <redacted> <redacted> <redacted>", context)
            }
            if (what.startsWith("an XML error") && status === 400 && speakXml.includes(name)) {
              assert.deepInclude({ ...error }, { code: "OddException", status: 400, requestId: "1234-abc" }, context)
              assert.include(error.message, "odd &<<redacted> <redacted> <redacted>", context)
            }
          }
        }
      }), 120_000)

    it.effect(`${name}: 10 MB are not read to their end`, () =>
      Effect.gen(function*() {
        for (const status of [200, 400, 503]) {
          const read = { count: 0 }
          const exit = yield* Effect.exit(Effect.provide(call, answering({ status, body: bytes(10_000_000, read) })))
          assert.isTrue(Exit.isFailure(exit))
          const tag = status === 200 ? "InvalidResponse" : "ServiceError"
          assert.strictEqual((yield* Effect.flip(exit))._tag, tag)
          assert.isBelow(read.count, 1_500_000)
        }
      }))
  }
})

const named = (name: string) => {
  const found = operations.find((operation) => operation.name === name)
  return found === undefined ? Effect.die(`no operation ${name}`) : found.call
}

/** The fields of all of them: each test knows which are there. */
const errorFor = (answer: Answer, name = "listAccounts") =>
  Effect.map(
    Effect.flip(Effect.provide(named(name), answering(answer))),
    (error) => error as IdentityError.InvalidRequestRegionException
  )

describe("the name of an error", () => {
  const body = (fields: Record<string, unknown>) => JSON.stringify(fields)

  it.effect.each<readonly [string, Answer, string, string?]>([
    [
      "the header before all else",
      {
        status: 400,
        headers: { "x-amzn-errortype": "HeaderException:http://internal.amazon.com/coral/" },
        body: body({ __type: "TypeException", code: "CodeException", error: "invalid_grant" })
      },
      "HeaderException"
    ],
    [
      "then __type",
      { status: 400, body: body({ __type: "com.amazonaws.x#TypeException", code: "CodeException" }) },
      "TypeException"
    ],
    ["then code", { status: 400, body: body({ code: "CodeException", error: "invalid_grant" }) }, "CodeException"],
    ["or Code", { status: 400, body: body({ Code: "CodeException" }) }, "CodeException"],
    ["then OAuth's error", { status: 400, body: body({ error: "invalid_scope" }) }, "InvalidScopeException"],
    [
      "XML with a document type is not read",
      { status: 400, body: "<!DOCTYPE x><Error><Code>XmlException</Code></Error>" },
      "Unknown",
      "getCallerIdentity"
    ],
    [
      "then XML",
      { status: 400, body: "<Error><Code>XmlException</Code></Error>" },
      "XmlException",
      "getCallerIdentity"
    ],
    [
      "which the services that speak JSON do not send",
      { status: 400, body: "<Error><Code>XmlException</Code></Error>" },
      "Unknown"
    ],
    [
      "a header that names nothing is passed over",
      { status: 400, headers: { "x-amzn-errortype": ":http://x" }, body: body({ __type: "TypeException" }) },
      "TypeException"
    ],
    [
      "a name that is none is passed over",
      { status: 400, body: body({ __type: "not a name", code: "<script>", error: "nope" }) },
      "Unknown"
    ],
    ["a comma ends it", { status: 400, body: body({ __type: "TypeException,more" }) }, "TypeException"]
  ])("%s", ([, answer, code, operation]) =>
    Effect.map(errorFor(answer, operation), (error) => {
      assert.strictEqual(error.code, code)
    }))

  it.effect("and its words: error_description, then message", () =>
    Effect.gen(function*() {
      const words = (fields: Record<string, unknown>) =>
        Effect.map(errorFor({ status: 400, body: body(fields) }), ({ description }) => description)
      assert.strictEqual(yield* words({ error_description: "a", message: "b", Message: "c" }), "a")
      assert.strictEqual(yield* words({ message: "b", Message: "c" }), "b")
      assert.strictEqual(yield* words({ Message: "c" }), "c")
      assert.strictEqual(yield* words({}), undefined)
      assert.strictEqual((yield* words({ message: "x".repeat(2000) }))?.length, 1000)
      assert.strictEqual(yield* words({ message: "line\r\n2\u0000" }), "line 2 ")
    }))

  it.effect("and its request id, from a header before the body, if it is one", () =>
    Effect.gen(function*() {
      const requestId = (headers: Record<string, string>, body: string) =>
        Effect.map(errorFor({ status: 400, headers, body }, "getCallerIdentity"), ({ requestId }) => requestId)
      const inBody = "<ErrorResponse><Error><Code>X</Code></Error><RequestId>body</RequestId></ErrorResponse>"
      assert.strictEqual(yield* requestId({ "x-amzn-requestid": "header" }, inBody), "header")
      assert.strictEqual(yield* requestId({ "x-amzn-requestid": "not an id" }, inBody), "body")
      assert.strictEqual(yield* requestId({}, "{}"), undefined)
    }))

  it.effect.each(["constructor", "toString", "__proto__", "hasOwnProperty"])(
    "is not found on an object: %s",
    (word) =>
      Effect.gen(function*() {
        const byError = yield* errorFor({ status: 400, body: body({ error: word }) }, "createToken")
        assert.strictEqual(byError.code, "Unknown")
        const byCode = yield* errorFor({ status: 400, body: body({ code: word }) })
        assert.include(byCode.message, "Check the settings")
      })
  )

  it.effect("and the words stay as they are when a test's secrets are ordinary words", () =>
    Effect.gen(function*() {
      const call = Effect.flatMap(SsoOidc.SsoOidc, (oidc) =>
        oidc.createToken({
          ...client,
          clientSecret: Redacted.make("e"),
          grantType: "refresh_token",
          refreshToken: Redacted.make("test")
        }))
      const answer = { status: 400, body: body({ error: "invalid_grant", error_description: "the latest test" }) }
      const error = yield* Effect.flip(Effect.provide(call, answering(answer)))
      assert.deepInclude({ ...error }, {
        _tag: "InvalidGrantException",
        description: "the latest test"
      })
    }))

  it.effect("and the words hold no secret in whatever spelling a server repeats it", () =>
    Effect.gen(function*() {
      const token = "eyJ/MARKED+one.two_three-four(x)=y&z:0123456789"
      const call = Effect.flatMap(Sso.Sso, (sso) => sso.listAccounts({ region, accessToken: Redacted.make(token) }))
      const spellings: Readonly<Record<string, string>> = {
        "as it is": token,
        "percent-encoded": encodeURIComponent(token),
        "percent-encoded in lower case": encodeURIComponent(token).toLowerCase(),
        "percent-encoded twice": encodeURIComponent(encodeURIComponent(token)),
        "with plus signs as spaces": token.replaceAll("+", " "),
        "in HTML": token.replaceAll("&", "&amp;").replaceAll("=", "&equals;").replaceAll("+", "&#43;"),
        "in hexadecimal HTML entities": [...token].map((c) => `&#x${c.charCodeAt(0).toString(16)};`).join(""),
        "as JSON in JSON": JSON.stringify(JSON.stringify({ token }).replaceAll("/", "\\/")),
        "as \\u escapes": [...token].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join(""),
        "with line breaks": token.replace(/.{7}/g, "$&\r\n"),
        "with zero-width spaces": token.replace(/.{3}/g, "$&\u200b"),
        "in base64": btoa(token),
        "in base64 after two other bytes": btoa(`a:${token}`),
        "in hex": [...token].map((c) => c.charCodeAt(0).toString(16)).join(""),
        "in upper case": token.toUpperCase(),
        "without its end": token.slice(0, 19),
        "without its beginning": token.slice(-20)
      }
      for (const [name, spelling] of Object.entries(spellings)) {
        const answer = { status: 400, body: body({ message: `bad token ${spelling} here` }) }
        const { exit, seen } = yield* observed(Effect.provide(call, answering(answer)))
        const error = yield* Effect.flip(exit) as Effect.Effect<IdentityError.ServiceError>
        assert.match(error.description ?? "", /^bad token .{0,14}<redacted>.{0,6} here$/, name)
        assert.notInclude(seen, spelling.trim(), name)
      }
    }))

  it.effect("and a secret across their thousandth character is not cut before it is redacted", () =>
    Effect.gen(function*() {
      const token = "MARKEDabcdefghijklmnopqrstuvwxyz0123456789"
      const call = Effect.flatMap(Sso.Sso, (sso) => sso.listAccounts({ region, accessToken: Redacted.make(token) }))
      for (let before = 1000 - token.length; before <= 1000; before++) {
        const message = `${"-".repeat(before - 1)} ${token}`
        const { exit, seen } = yield* observed(
          Effect.provide(call, answering({ status: 400, body: body({ message }) }))
        )
        assert.isTrue(Exit.isFailure(exit))
        assert.notInclude(seen, "MARK", String(before))
      }
    }))

  it.effect("is no secret that the server puts in its place", () =>
    Effect.gen(function*() {
      const accessToken = Redacted.make("aPlainSecretToken")
      const headers = { "x-amzn-errortype": "aPlainSecretToken", "x-amzn-requestid": "id-aPlainSecretToken" }
      const call = Effect.flatMap(Sso.Sso, (sso) => sso.listAccounts({ region, accessToken }))
      const error = yield* Effect.flip(Effect.provide(call, answering({ status: 400, headers, body: "{}" })))
      assert.deepInclude({ ...error }, { code: "Unknown", requestId: undefined })
    }))
})

describe("an answer", () => {
  it.effect("may have empty members, which count as none", () =>
    Effect.gen(function*() {
      const body = JSON.stringify({
        accessToken: "token",
        expiresIn: 3600,
        tokenType: "",
        refreshToken: "",
        idToken: null,
        awsAdditionalDetails: { identityContext: "" },
        more: { than: ["is", "known"] }
      })
      const token = yield* Effect.provide(named("createTokenWithIAM"), answering({ status: 200, body }))
      assert.deepInclude(token, { expiresIn: 3600, refreshToken: Option.none(), idToken: Option.none(), scope: [] })
    }))

  it.effect("that fetch made of a redirect is a redirect", () =>
    Effect.gen(function*() {
      const opaque = Object.create(new Response("{}"), { status: { value: 0 } })
      const http = HttpClient.make((request) => Effect.succeed(HttpClientResponse.fromWeb(request, opaque)))
      const sso = yield* Effect.provide(Sso.make(), overClient(http))
      const error = yield* Effect.flip(sso.logout({ region, accessToken: secret }))
      assert.include(error.message, "a redirect, which is not followed")
    }))

  it.effect("is awaited whatever else is in the input", () =>
    Effect.gen(function*() {
      const input = { region, accessToken: secret, more: {} as Record<string, unknown> }
      input.more["more"] = input.more
      const call = Effect.flatMap(Sso.Sso, (sso) => sso.logout(input))
      yield* Effect.provide(call, answering({ status: 200, body: "" }))
    }))
})

describe("errors to be told apart", () => {
  const answer = (status: number, code: string, more: Record<string, unknown> = {}): Answer => ({
    status,
    headers: { "x-amzn-errortype": code },
    body: JSON.stringify({ error_description: "words", ...more })
  })

  it.effect.each<readonly [string, number, string, string]>([
    ["getRoleCredentials", 403, "ForbiddenException", "RoleNotAssigned"],
    ["getRoleCredentials", 401, "UnauthorizedException", "UnauthorizedException"],
    ["getRoleCredentials", 429, "TooManyRequestsException", "TooManyRequestsException"],
    ["getRoleCredentials", 404, "ResourceNotFoundException", "ServiceError"],
    ["listAccounts", 401, "UnauthorizedException", "UnauthorizedException"],
    ["listAccounts", 401, "Unknown", "ServiceError"],
    ["listAccountRoles", 429, "Unknown", "TooManyRequestsException"],
    ["logout", 401, "UnauthorizedException", "UnauthorizedException"],
    ["registerClient", 400, "SlowDownException", "SlowDownException"],
    ["registerClient", 400, "InvalidClientMetadataException", "ServiceError"],
    ["startDeviceAuthorization", 401, "InvalidClientException", "InvalidClientException"],
    ["createToken", 400, "AuthorizationPendingException", "AuthorizationPendingException"],
    ["createToken", 400, "SlowDownException", "SlowDownException"],
    ["createToken", 400, "ExpiredTokenException", "ExpiredTokenException"],
    ["createToken", 400, "AccessDeniedException", "AccessDeniedException"],
    ["createToken", 400, "InvalidGrantException", "InvalidGrantException"],
    ["createToken", 401, "InvalidClientException", "InvalidClientException"],
    ["createToken", 400, "UnauthorizedClientException", "ServiceError"],
    ["createTokenWithIAM", 400, "InvalidRequestRegionException", "InvalidRequestRegionException"],
    ["createTokenWithIAM", 400, "InvalidGrantException", "InvalidGrantException"],
    ["assumeRoleWithWebIdentity", 400, "InvalidIdentityToken", "InvalidIdentityTokenException"],
    ["assumeRoleWithWebIdentity", 400, "IDPCommunicationError", "IDPCommunicationErrorException"],
    ["assumeRoleWithWebIdentity", 403, "IDPRejectedClaim", "IDPRejectedClaimException"],
    ["assumeRoleWithWebIdentity", 400, "ExpiredTokenException", "ExpiredTokenException"],
    ["assumeRoleWithWebIdentity", 403, "AccessDenied", "AccessDeniedException"],
    ["assumeRoleWithWebIdentity", 403, "RegionDisabledException", "RegionDisabledException"],
    ["assumeRoleWithWebIdentity", 400, "MalformedPolicyDocument", "ServiceError"],
    ["assumeRole", 403, "ExpiredToken", "ExpiredTokenException"],
    ["assumeRole", 403, "AccessDenied", "AccessDeniedException"],
    ["getCallerIdentity", 403, "InvalidClientTokenId", "ServiceError"]
  ])("%s %i %s", ([name, status, code, tag]) =>
    Effect.gen(function*() {
      const error = yield* errorFor(answer(status, code), name)
      assert.strictEqual(String(error._tag), tag)
      assert.match(error.message, /\.$/)
      if (tag === "RoleNotAssigned") return
      assert.deepInclude({ ...error }, { code, status, description: "words", operation: name, attempts: 1 })
      const generic = toServiceError(error)
      assert.deepInclude({ ...generic }, { _tag: "ServiceError", code, status, description: "words" })
    }))

  it.effect("with what they say besides", () =>
    Effect.gen(function*() {
      const elsewhere = yield* errorFor(
        answer(400, "InvalidRequestRegionException", { region: "us-west-2", endpoint: "https://oidc.us-west-2" }),
        "createTokenWithIAM"
      )
      assert.deepInclude({ ...elsewhere }, { region: "us-west-2", endpoint: "https://oidc.us-west-2" })
      assert.include(elsewhere.message, "Call it in us-west-2.")
      const key = answer(400, "AccessDeniedException", { reason: "KMS_AccessDeniedException" })
      const locked = yield* errorFor(key, "createToken")
      assert.deepInclude({ ...locked }, { detailCode: "KMS_AccessDeniedException" })
      assert.include(locked.message, "KMS key")
      const disabled = answer(400, "InvalidRequestException", { reason: "KMS_DisabledException" })
      assert.include((yield* errorFor(disabled, "createToken")).message, "words, KMS_DisabledException")
    }))
})
