import { HttpClient, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Fiber, Option, Redacted, TestClock } from "effect"
import {
  AccountId,
  ContainerCredentials,
  Files,
  type IdentityError,
  InstanceMetadataCredentials,
  Region,
  Sso,
  SsoCredentials,
  SsoOidc,
  Sts,
  type Transport,
  WebIdentityToken
} from "effect-aws-identity"
import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import { observed } from "./observed.js"
import { overClient } from "./ports.js"

// What proxies, firewalls and captive portals answer in the place of AWS and of the servers of a machine.

const region = Region.make("eu-west-1")
const marked = "MARKED/SECRET+0123456789=="
const secret = Redacted.make(marked)

interface Page {
  readonly name: string
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
  readonly says: ReadonlyArray<string>
}

const pages: ReadonlyArray<Page> = [
  {
    name: "a proxy's 403 in HTML that repeats the request",
    status: 403,
    headers: { "content-type": "text/html" },
    body: "<!DOCTYPE html>\n<html><head><title>Access &amp; Policy</title><style>p { color: red }</style></head>" +
      `<body><script>var t = "${marked}"</script><h1>Blocked</h1><p>by rule 7 for ${encodeURIComponent(marked)}` +
      `<!-- ${marked} --><br>\nAccessDenied</p></body></html>`,
    says: ["an HTML page", "\"Access & Policy Blocked by rule 7 for <redacted> AccessDenied\"", "(403)"]
  },
  {
    name: "a proxy's 401 in HTML",
    status: 401,
    body: "<HTML><BODY>Unauthorized</BODY></HTML>",
    says: ["an HTML page", "\"Unauthorized\"", "(401)"]
  },
  {
    name: "a proxy's 407 in plain text",
    status: 407,
    headers: { "content-type": "text/plain" },
    body: `Proxy authentication required\r\nfor ${marked.replace(/(.{5})/g, "$1\n")}`,
    says: ["plain text", "\"Proxy authentication required for <redacted>\"", "(407)", "credentials of the proxy"]
  },
  {
    name: "a load balancer's 503 in plain text of a megabyte",
    status: 503,
    body: `no healthy upstream ${"x ".repeat(400_000)}`,
    says: ["plain text", "\"no healthy upstream x x", "(503)", "try again"]
  },
  {
    name: "a 404 in XML of another service",
    status: 404,
    body: "<?xml version=\"1.0\"?><fault><reason>no route</reason></fault>",
    says: ["XML", "\"no route\"", "(404)"]
  },
  {
    name: "a 403 whose page has nothing but a script that never ends",
    status: 403,
    body: `<html><script>${"<script>".repeat(1000)}`,
    says: ["an HTML page", "(403)"]
  },
  {
    name: "a captive portal's 200",
    status: 200,
    headers: { "content-type": "text/html; charset=utf-8" },
    body: `<html><title>Hotel Wi-Fi</title>Please accept the terms. <a href="/accept?t=${marked}">Accept</a></html>`,
    says: ["an HTML page", "\"Hotel Wi-Fi Please accept the terms. Accept\"", "captive portal"]
  },
  {
    name: "a captive portal's redirect",
    status: 302,
    headers: { location: `https://login.hotel.example/start?t=${marked}` },
    body: "",
    says: ["a redirect, which is not followed, to https://login.hotel.example", "captive portal"]
  }
]

const httpOf = ({ body, headers, status }: Page) =>
  overClient(
    HttpClient.make((request) =>
      Effect.sync(() => HttpClientResponse.fromWeb(request, new Response(body, { status, headers: headers ?? {} })))
    )
  )

const session = { maxAttempts: 1 }
const role = { region, roleArn: "arn:aws:iam::111122223333:role/r", roleSessionName: "session" }

const calls: Readonly<Record<string, Effect.Effect<unknown, IdentityError.CallError | Error, Transport.Transport>>> = {
  getRoleCredentials: Effect.flatMap(
    Sso.make(session),
    (sso) =>
      sso.getRoleCredentials({
        region,
        accessToken: secret,
        accountId: AccountId.make("111122223333"),
        roleName: "r"
      })
  ),
  createToken: Effect.flatMap(
    SsoOidc.make(session),
    (oidc) =>
      oidc.createToken({
        region,
        clientId: "c",
        clientSecret: secret,
        grantType: "refresh_token",
        refreshToken: secret
      })
  ),
  assumeRoleWithWebIdentity: Effect.flatMap(
    Sts.make(session),
    (sts) => sts.assumeRoleWithWebIdentity({ ...role, webIdentityToken: secret })
  )
}

describe("an answer of a proxy in the place of AWS", () => {
  for (const page of pages) {
    for (const [operation, call] of Object.entries(calls)) {
      it.effect(`${operation} tells of ${page.name} in its words, without secrets`, () =>
        Effect.gen(function*() {
          const { exit, seen } = yield* observed(Effect.provide(call, httpOf(page)))
          const error = yield* Effect.flip(exit)
          assert.include(["ServiceError", "InvalidResponse"], (error as IdentityError.CallError)._tag)
          for (const part of page.says) assert.include(error.message, part)
          assert.isBelow(error.message.length, 700)
          assert.notMatch(error.message, /\p{Cc}/u)
          assert.notInclude(seen, marked)
          assert.notInclude(seen, marked.slice(0, 16))
        }))
    }
  }

  it.effect("is neither a missing role nor a reason to sign in again", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      for (const { body, status } of pages.filter(({ status }) => status >= 400 && status < 500)) {
        yield* center.fail("getRoleCredentials", { status, body })
        const error = yield* Effect.flip(SsoCredentials.resolveProfile())
        assert.strictEqual(error._tag, "ServiceError", body)
      }
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("is shown as far as 200 characters", () =>
    Effect.gen(function*() {
      const page = { name: "", status: 403, body: "word ".repeat(1000), says: [] }
      const error = yield* Effect.flip(Effect.provide(calls["getRoleCredentials"] ?? Effect.void, httpOf(page)))
      assert.match(error.message, /"(?:word ){40}…"/)
    }))
})

/** Runs through the pauses between attempts. */
const overPauses = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    for (let step = 0; step < 100; step++) {
      yield* TestClock.adjust("100 millis")
      if (Option.isSome(yield* Fiber.poll(fiber))) break
    }
    return yield* Fiber.join(fiber)
  })

describe("an answer of a proxy in the place of a server of the machine", () => {
  const environment = ConfigProvider.fromMap(
    new Map([
      ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/credentials"],
      ["AWS_CONTAINER_AUTHORIZATION_TOKEN", marked],
      ["ACTIONS_ID_TOKEN_REQUEST_URL", "https://actions.example/token"],
      ["ACTIONS_ID_TOKEN_REQUEST_TOKEN", marked]
    ])
  )
  const sources: Readonly<Record<string, Effect.Effect<unknown, Error, Transport.Transport>>> = {
    "ContainerCredentials.resolve": Effect.provide(ContainerCredentials.resolve(), Files.layerMemory()),
    "InstanceMetadataCredentials.resolve": InstanceMetadataCredentials.resolve(),
    "WebIdentityToken.githubActions": WebIdentityToken.githubActions(),
    "WebIdentityToken.googleMetadata": WebIdentityToken.googleMetadata()
  }
  for (const [name, source] of Object.entries(sources)) {
    for (const page of pages.filter(({ status }) => status !== 302)) {
      // A metadata service that refuses a token is one that is switched off, or no EC2.
      if (name.startsWith("Instance") && (page.status === 403 || page.status === 404)) continue
      it.effect(`${name} tells of ${page.name} in its words, without secrets`, () =>
        Effect.gen(function*() {
          const { exit, seen } = yield* overPauses(observed(source.pipe(
            Effect.provide(httpOf(page)),
            Effect.withConfigProvider(environment)
          )))
          const error = yield* Effect.flip(exit)
          const [kind = "", words = ""] = page.says
          assert.include(error.message, kind)
          // Without a secret in the request, there is none to redact.
          if (name.startsWith("Container") || name.endsWith("githubActions")) {
            if (words.startsWith("\"")) assert.include(error.message, words)
            assert.notInclude(seen, marked)
            assert.notInclude(seen, marked.slice(0, 16))
          }
          assert.isBelow(error.message.length, 900)
        }))
    }
  }
})
