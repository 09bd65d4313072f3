import { HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { assertEquals } from "@effect/vitest/utils"
import {
  Config,
  ConfigError,
  ConfigProvider,
  DateTime,
  Deferred,
  Effect,
  Either,
  Equal,
  Exit,
  Fiber,
  Layer,
  Logger,
  Metric,
  Option,
  Redacted,
  Schema,
  Scope,
  TestClock
} from "effect"
import type { AwsIdentity } from "effect-aws-identity"
import {
  AccountId,
  CredentialsProvider,
  IdentityError,
  IdentityErrorSchema,
  Region,
  SharedConfig,
  Sso,
  SsoCredentials,
  SsoLogin,
  SsoOidc,
  SsoSession,
  SsoTokenCache,
  SsoTokenProvider
} from "effect-aws-identity"
import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import { emulator, overClient } from "./ports.js"

// Every flow runs on `TestClock` through the in-process emulator: no socket, no sleep.

const signedOut = TestIdentity.layer({ signedIn: false })

const session = SharedConfig.session("example")

/** Starts a device login. Returns the prompt that the person sees, and the fiber that waits for the approval. */
const startLogin = Effect.gen(function*() {
  const prompted = yield* Deferred.make<SsoLogin.DevicePrompt>()
  const fiber = yield* Effect.fork(
    SsoLogin.device(yield* session, { onPrompt: (prompt) => Deferred.succeed(prompted, prompt) })
  )
  return { fiber, prompt: yield* Deferred.await(prompted) }
})

const callsOf = (operation: IdentityCenter.Operation) =>
  Effect.map(
    Effect.flatMap(IdentityCenter.IdentityCenter, (center) => center.calls),
    (calls) => calls.filter((call) => call === operation).length
  )

describe("SsoLogin.device", () => {
  it.effect("polls after each interval, adds 5 s to the interval on slow_down, and ends with the approval", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const { fiber, prompt } = yield* startLogin
      assert.match(prompt.userCode, /^[A-Z]{4}-[A-Z]{4}$/)
      assert.strictEqual(DateTime.toEpochMillis(prompt.expiresAt), 600_000)

      yield* TestClock.adjust("4999 millis")
      assert.strictEqual(yield* callsOf("createToken"), 0, "RFC 8628: not before the interval has passed")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* callsOf("createToken"), 1, "pending")

      yield* center.fail("createToken", "SlowDownException")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* callsOf("createToken"), 2, "slow_down")

      yield* center.approve(prompt.userCode)
      yield* TestClock.adjust("9999 millis")
      assert.strictEqual(yield* callsOf("createToken"), 2, "the interval is 10 s from now on")
      yield* TestClock.adjust("1 millis")
      const token = yield* Fiber.join(fiber)
      assert.strictEqual(yield* callsOf("createToken"), 3)

      assert.strictEqual(DateTime.toEpochMillis(token.expiresAt), 20_000 + 3_600_000)
      const cache = yield* SsoTokenCache.SsoTokenCache
      assertEquals(yield* cache.get("example"), Option.some(token))
    }).pipe(Effect.provide(signedOut)))

  it.effect.each([0, 0.01])(
    "waits at least one second between polls when the service asks for an interval of %s s",
    (interval) =>
      Effect.gen(function*() {
        const center = yield* IdentityCenter.IdentityCenter
        yield* center.fail("startDeviceAuthorization", {
          status: 200,
          body: JSON.stringify({
            deviceCode: "device-code",
            userCode: "ABCD-EFGH",
            verificationUri: "https://example.awsapps.com/start/#/device",
            expiresIn: 600,
            interval
          })
        })
        yield* center.fail("createToken", "AuthorizationPendingException", 100)
        yield* startLogin
        for (let second = 0; second < 5; second++) {
          assert.strictEqual(yield* callsOf("createToken"), second)
          yield* TestClock.adjust("999 millis")
          assert.strictEqual(yield* callsOf("createToken"), second)
          yield* TestClock.adjust("1 millis")
        }
      }).pipe(Effect.provide(signedOut))
  )

  it.effect("keeps polling with a growing wait after network failures and 5xx answers", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const { fiber, prompt } = yield* startLogin
      yield* center.fail("createToken", "ConnectionRefused")
      yield* center.fail("createToken", "InternalServerException")
      yield* center.approve(prompt.userCode)
      for (const [seconds, calls] of [[5, 1], [9, 1], [1, 2], [19, 2]] as const) {
        yield* TestClock.adjust(`${seconds} seconds`)
        assert.strictEqual(yield* callsOf("createToken"), calls)
      }
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.join(fiber)
    }).pipe(Effect.provide(TestIdentity.layer({ signedIn: false, client: { maxAttempts: 1 } }))))

  it.effect("fails with LoginDenied when the person refuses", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const { fiber, prompt } = yield* startLogin
      yield* center.deny(prompt.userCode)
      yield* TestClock.adjust("5 seconds")
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.instanceOf(error, IdentityError.LoginDenied)
      assert.strictEqual(error.session, "example")
    }).pipe(Effect.provide(signedOut)))

  it.effect("fails with DeviceCodeExpired when no approval comes in time", () =>
    Effect.gen(function*() {
      const { fiber } = yield* startLogin
      yield* TestClock.adjust("599 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("1 seconds")
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.instanceOf(error, IdentityError.DeviceCodeExpired)
      assert.strictEqual(error.session, "example")
    }).pipe(Effect.provide(signedOut)))

  it.effect("fails with DeviceCodeExpired when AWS reports the expiry before the deadline", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const { fiber } = yield* startLogin
      yield* center.fail("createToken", "ExpiredTokenException")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Effect.flip(Fiber.join(fiber)))._tag, "DeviceCodeExpired")
    }).pipe(Effect.provide(signedOut)))

  it.effect("leaves no token behind when interrupted", () =>
    Effect.gen(function*() {
      const { fiber, prompt } = yield* startLogin
      yield* Fiber.interrupt(fiber)
      const center = yield* IdentityCenter.IdentityCenter
      yield* center.approve(prompt.userCode)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* callsOf("createToken"), 0)
      const cache = yield* SsoTokenCache.SsoTokenCache
      assertEquals(yield* cache.get("example"), Option.none())
    }).pipe(Effect.provide(signedOut)))
})

describe("SsoLogin.device with a start URL and region", () => {
  const center = "https://example.awsapps.com/start"

  /** `startUrl` is in line 5, after `[profile dev]`, its two keys, and the session's header. */
  const signIn = (startUrl: string, region = "eu-west-1") =>
    Effect.gen(function*() {
      const files = yield* SharedConfig.read
      const session = yield* files.sessionOf(yield* files.profile("dev"))
      return yield* SsoLogin.device(session, { onPrompt: () => Effect.fail("prompted" as const) })
    }).pipe(
      Effect.flip,
      Effect.provide(SharedConfig.layerMemory({
        config:
          `[profile dev]\nsso_session = corp\nregion = eu-west-1\n[sso-session corp]\nsso_start_url = ${startUrl}\n` +
          `sso_region = ${region}\n`
      })),
      Effect.scoped
    )

  it.effect.each(
    [
      ["example.awsapps.com/start", "does not begin with https://"],
      ["http://example.awsapps.com/start", "begins with http:"],
      ["ftp://example.awsapps.com/start", "begins with ftp:"],
      ["https://corp.okta.com/home/amazon_aws_sso/0oa1/2", "identity provider"],
      ["https://corp.oktapreview.com/app", "identity provider"],
      ["https://login.microsoftonline.com/1/saml2", "identity provider"],
      ["https://myapps.microsoft.com/signin/1", "identity provider"],
      ["https://accounts.google.com/o/saml2", "identity provider"],
      ["https://eu-west-1.console.aws.amazon.com/singlesignon", "AWS console"],
      ["https://console.aws.amazon.com/", "AWS console"],
      ["https://111122223333.signin.aws.amazon.com/console", "AWS console"],
      ["https://oidc.eu-west-1.amazonaws.com", "an API of AWS"],
      ["https://example.awsapps.com\\start", "backslash"],
      ["https://example.awsapps.com/start\\", "backslash"],
      ["https://", "is not a URL"],
      ["\"https://example.awsapps.com/start\"", "quotes", "Remove the quotes"],
      ["'https://example.awsapps.com/start'", "quotes", "Remove the quotes"],
      ["<https://example.awsapps.com/start>", "brackets", "Write the value itself"],
      ["https://example.awsapps.com/ start", "white space", "Remove it"],
      ["https://example.awsapps.com/start\u200b", "invisible", "Type it anew"]
    ] as const
  )(
    "refuses a malformed start URL before a request is sent: %s",
    ([startUrl, says, remedy = "https://d-1234567890.awsapps.com"]) =>
      Effect.gen(function*() {
        const error = yield* signIn(startUrl)
        assert.instanceOf(error, IdentityError.InvalidConfig)
        for (const words of ["config:5:1: [sso-session corp]", "sso_start_url", says, remedy]) {
          assert.include(error.message, words)
        }
        const { calls } = yield* IdentityCenter.IdentityCenter
        assert.deepEqual(yield* calls, [])
      }).pipe(Effect.provide(signedOut))
  )

  it.effect.each(
    [
      ["https://exmaple.awsapps.com/start", "eu-west-1", []],
      ["https://portal.example.com/start", "eu-west-1", []],
      ["https://ssoins-1234567890abcdef.portal.us-east-2.app.aws", "eu-west-1", ["the start URL is of us-east-2"]],
      ["https://ssoins-1234567890abcdef.eu-west-1.portal.amazonaws.com", "eu-west-1", []]
    ] as const
  )(
    "names session, URL and region with their lines when AWS refuses them: %s",
    ([startUrl, region, says]) =>
      Effect.gen(function*() {
        const error = yield* signIn(startUrl, region)
        assert.instanceOf(error, IdentityError.ServiceError)
        assert.strictEqual(error.code, "InvalidRequestException")
        for (
          const words of [
            "session \"corp\"",
            `sso_start_url = ${startUrl} (config:5)`,
            `sso_region = ${region} (config:6)`,
            "IAM Identity Center console",
            ...says
          ]
        ) assert.include(error.message, words)
      }).pipe(Effect.provide(signedOut))
  )

  it.effect.each([`${center}/`, `${center}#`, `${center}/#`, `${center}#/`, `${center}/#/?tab=accounts`])(
    "accepts a start URL with the ending that a browser adds: %s",
    (startUrl) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* signIn(startUrl), "prompted")
      }).pipe(Effect.provide(signedOut))
  )

  it.effect("names the session in the error when it is not from a file", () =>
    Effect.gen(function*() {
      const session = SsoSession.make({ name: "corp", startUrl: "corp.okta.com", region: Region.make("eu-west-1") })
      const error = yield* Effect.flip(SsoLogin.device(session, { onPrompt: () => Effect.void }))
      assert.instanceOf(error, IdentityError.InvalidInput)
      assert.include(error.message, "session \"corp\" does not begin with https://")
    }).pipe(Effect.provide(signedOut)))

  it.effect("says that URL and region do not belong together when AWS refuses the device code after the approval", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const { fiber } = yield* startLogin
      yield* center.fail("createToken", "InvalidGrantException")
      yield* TestClock.adjust("5 seconds")
      const error = yield* Effect.flip(Fiber.join(fiber))
      for (const words of ["sso_start_url = ", "sso_region = ", "do not belong together"]) {
        assert.include(error.message, words)
      }
    }).pipe(Effect.provide(signedOut)))
})

describe("a signed-in session", () => {
  it.effect("gives credentials after the sign-in, and refreshes them and the token before they expire", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const provider = yield* CredentialsProvider.CredentialsProvider
      assert.strictEqual((yield* Effect.flip(provider.get))._tag, "SsoLoginRequired")

      const { fiber, prompt } = yield* startLogin
      yield* center.approve(prompt.userCode)
      yield* TestClock.adjust("5 seconds")
      const { accessToken } = yield* Fiber.join(fiber)

      const first = yield* provider.get
      assertEquals(first.accountId, Option.some("111122223333"))
      assert.strictEqual(yield* provider.get, first, "cached")
      assert.strictEqual(yield* callsOf("getRoleCredentials"), 1)

      // Five minutes before they expire, `get` returns the old credentials and starts a refresh in the background.
      yield* TestClock.adjust("55 minutes")
      assert.strictEqual(yield* provider.get, first)
      yield* TestClock.adjust("0 millis")
      const second = yield* provider.get
      assert.notStrictEqual(second.accessKeyId, first.accessKeyId)
      assert.strictEqual(yield* callsOf("getRoleCredentials"), 2)

      // The token was in its last five minutes too, so the refresh of the credentials refreshed it.
      const cache = yield* SsoTokenCache.SsoTokenCache
      const refreshed = Option.getOrThrow(yield* cache.get("example"))
      assert.isFalse(Equal.equals(refreshed.accessToken, accessToken))
      assert.strictEqual(yield* callsOf("createToken"), 2)

      // After a long idle time, token and credentials have expired, and the refresh token is still valid.
      yield* TestClock.adjust("5 hours")
      const third = yield* provider.get
      assert.notStrictEqual(third.accessKeyId, second.accessKeyId)
      assert.strictEqual(yield* callsOf("createToken"), 3)

      // The session has ended: a person must sign in again.
      yield* TestClock.adjust("5 hours")
      const error = yield* Effect.flip(provider.get)
      assert.instanceOf(error, IdentityError.SsoLoginRequired)
      assert.strictEqual(error.reason, "RefreshRejected")
    }).pipe(Effect.provide(signedOut)))

  it.effect("uses a token without refresh token until it expires, then fails with the reason Expired", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const tokens = yield* SsoTokenProvider.SsoTokenProvider
      const cache = yield* SsoTokenCache.SsoTokenCache
      const issued = yield* center.signIn
      const token = new SsoTokenCache.SsoToken({
        accessToken: Redacted.make(issued.accessToken),
        expiresAt: DateTime.unsafeMake(60 * 60 * 1000)
      })
      yield* cache.set("example", token)
      yield* TestClock.adjust("59 minutes")
      assert.strictEqual(yield* tokens.get(yield* session), token)
      yield* TestClock.adjust("1 minute")
      const error = yield* Effect.flip(tokens.get(yield* session))
      assert.instanceOf(error, IdentityError.SsoLoginRequired)
      assert.strictEqual(error.reason, "Expired")
      assert.include(error.message, "no refresh token")
    }).pipe(Effect.provide(signedOut)))

  it.effect("keeps using the token while refreshes fail, and keeps its refresh token if the answer has none", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const tokens = yield* SsoTokenProvider.SsoTokenProvider
      const old = yield* tokens.get(yield* session)
      yield* TestClock.adjust("56 minutes")
      yield* center.fail("createToken", "InternalServerException")
      assert.strictEqual(yield* tokens.get(yield* session), old)
      assert.strictEqual(yield* tokens.get(yield* session), old, "no second attempt within 30 s")
      assert.strictEqual(yield* callsOf("createToken"), 1)
      yield* TestClock.adjust("30 seconds")
      yield* center.fail("createToken", {
        status: 200,
        body: JSON.stringify({ accessToken: "refreshed", tokenType: "Bearer", expiresIn: 3600 })
      })
      const refreshed = yield* tokens.get(yield* session)
      assert.strictEqual(Redacted.value(refreshed.accessToken), "refreshed")
      assertEquals(refreshed.refreshToken, old.refreshToken)
      assert.isTrue(Option.isSome(refreshed.refreshToken))
    }).pipe(Effect.provide(TestIdentity.layer({ client: { maxAttempts: 1 } }))))

  it.effect("refreshes a token once when the portal rejects it before its expiry", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const provider = yield* CredentialsProvider.CredentialsProvider
      yield* center.fail("getRoleCredentials", "UnauthorizedException")
      yield* provider.get
      assert.deepStrictEqual(yield* center.calls, ["getRoleCredentials", "createToken", "getRoleCredentials"])
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("uses a token that another process writes to the cache at once", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const provider = yield* CredentialsProvider.CredentialsProvider
      const cache = yield* SsoTokenCache.SsoTokenCache
      assert.isTrue(Either.isLeft(yield* Effect.either(provider.get)))
      const issued = yield* center.signIn
      yield* cache.set(
        "example",
        new SsoTokenCache.SsoToken({
          accessToken: Redacted.make(issued.accessToken),
          expiresAt: DateTime.unsafeMake(issued.expiresIn * 1000)
        })
      )
      assert.isTrue(Either.isRight(yield* Effect.either(provider.get)))
    }).pipe(Effect.provide(signedOut)))
})

describe("concurrent callers", () => {
  it.effect("share one request at first use, and one token refresh for several profiles of one session", () =>
    Effect.gen(function*() {
      yield* TestClock.adjust("2 hours")
      const roles = yield* Effect.all(
        [
          ...Array.from({ length: 50 }, () => SsoCredentials.resolveProfile()),
          ...Array.from({ length: 50 }, () => SsoCredentials.resolveProfile("production"))
        ],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(yield* callsOf("createToken"), 1)
      assert.deepStrictEqual(
        [...new Set(roles.map(({ accountId }) => Option.getOrThrow(accountId)))],
        ["111122223333", "012345678901"]
      )
      const provider = yield* CredentialsProvider.CredentialsProvider
      const before = yield* callsOf("getRoleCredentials")
      const all = yield* Effect.all(Array.from({ length: 1000 }, () => provider.get), { concurrency: "unbounded" })
      assert.strictEqual(new Set(all).size, 1)
      assert.strictEqual(yield* callsOf("getRoleCredentials"), before + 1)
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("get the result of a request although the caller that started it is interrupted", () =>
    Effect.gen(function*() {
      const provider = yield* CredentialsProvider.CredentialsProvider
      const starter = yield* Effect.fork(provider.get)
      const waiter = yield* Effect.fork(provider.get)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(starter)
      yield* Fiber.join(waiter)
      assert.strictEqual(yield* callsOf("getRoleCredentials"), 1)
    }).pipe(Effect.provide(TestIdentity.layer())))
})

describe("a token refresh whose answer is delayed", () => {
  /** Makes a token provider whose requests wait until the gate opens. */
  const gated = Effect.gen(function*() {
    const gate = yield* Effect.makeLatch(false)
    const http = yield* HttpClient.HttpClient
    const scope = yield* Scope.make()
    const oidc = yield* Effect.provide(
      SsoOidc.make({ maxAttempts: 1 }),
      overClient(HttpClient.mapRequestEffect(http, (request) => Effect.as(gate.await, request)))
    )
    const tokens = yield* SsoTokenProvider.make.pipe(
      Effect.provideService(SsoOidc.SsoOidc, oidc),
      Scope.extend(scope)
    )
    return { gate, scope, tokens }
  }).pipe(Effect.provide(emulator))

  it.effect("stores the new token although the provider's scope closes before the answer", () =>
    Effect.gen(function*() {
      const { gate, scope, tokens } = yield* gated
      const cache = yield* SsoTokenCache.SsoTokenCache
      const old = Option.getOrThrow(yield* cache.get("example"))
      yield* TestClock.adjust("2 hours")
      const waiting = yield* Effect.fork(tokens.get(yield* session))
      yield* TestClock.adjust("1 second")
      yield* Effect.fork(Fiber.interrupt(waiting))
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Option.isNone(yield* Fiber.poll(closing)), "waits for the request under way")
      yield* gate.open
      yield* Fiber.join(closing)
      assert.strictEqual(yield* callsOf("createToken"), 1)
      const refreshed = Option.getOrThrow(yield* cache.get("example"))
      assert.isFalse(Equal.equals(refreshed.refreshToken, old.refreshToken))
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("fails with ServiceUnreachable after 30 seconds", () =>
    Effect.gen(function*() {
      const { tokens } = yield* gated
      yield* TestClock.adjust("2 hours")
      const waiting = yield* Effect.fork(tokens.get(yield* session))
      yield* TestClock.adjust("29 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
      yield* TestClock.adjust("1 second")
      const error = yield* Effect.flip(Fiber.join(waiting))
      assert.instanceOf(error, IdentityError.ServiceUnreachable)
      assert.include(error.message, "no answer within 30s")
    }).pipe(Effect.provide(TestIdentity.layer())))
})

describe("CredentialsProvider over IAM Identity Center", () => {
  it.effect("drops rejected credentials, but not the credentials that replaced them", () =>
    Effect.gen(function*() {
      const provider = yield* CredentialsProvider.CredentialsProvider
      const first = yield* provider.get
      yield* provider.invalidate(first)
      const second = yield* provider.get
      assert.notStrictEqual(second.accessKeyId, first.accessKeyId)
      yield* provider.invalidate(first)
      assert.strictEqual(yield* provider.get, second)
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("keeps using credentials while refreshes fail, retries after 30 s, and fails when they have expired", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const provider = yield* CredentialsProvider.CredentialsProvider
      const first = yield* provider.get
      yield* center.fail("getRoleCredentials", "InternalServerException", 100)
      yield* TestClock.adjust("56 minutes")
      assert.strictEqual(yield* provider.get, first)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* provider.get, first)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* callsOf("getRoleCredentials"), 2, "one attempt, then a pause")
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* provider.get, first)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* callsOf("getRoleCredentials"), 3)
      yield* TestClock.adjust("4 minutes")
      const error = yield* Effect.flip(provider.get)
      assert.strictEqual(error._tag, "ServiceError")
    }).pipe(Effect.provide(TestIdentity.layer({ client: { maxAttempts: 1 } }))))

  it.effect("with background: true, refreshes credentials without a caller", () =>
    Effect.gen(function*() {
      const provider = yield* CredentialsProvider.make(SsoCredentials.resolveProfile(), { background: true })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* callsOf("getRoleCredentials"), 1, "got at once")
      yield* TestClock.adjust("54 minutes")
      assert.strictEqual(yield* callsOf("getRoleCredentials"), 1)
      yield* TestClock.adjust("10 hours")
      // Credentials live one hour, and are refreshed five minutes before they expire.
      assert.strictEqual(yield* callsOf("getRoleCredentials"), 1 + 11)
      const before = yield* callsOf("getRoleCredentials")
      yield* provider.get
      assert.strictEqual(yield* callsOf("getRoleCredentials"), before, "nobody waits")
      yield* provider.invalidate(yield* provider.get)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* callsOf("getRoleCredentials"), before + 1, "nor after a rejection")
    }).pipe(Effect.scoped, Effect.provide(TestIdentity.layer({ identityCenter: { sessionLifetime: "100 hours" } }))))

  it.effect("with background: true, retries after failures every half minute, and stops when its scope closes", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      yield* center.fail("getRoleCredentials", "InternalServerException", 3)
      const scope = yield* Scope.make()
      yield* CredentialsProvider.make(SsoCredentials.resolveProfile(), { background: true }).pipe(Scope.extend(scope))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* callsOf("getRoleCredentials"), 1)
      yield* TestClock.adjust("90 seconds")
      assert.strictEqual(yield* callsOf("getRoleCredentials"), 4)
      // An outage that outlasts the credentials does not shorten the half minute between attempts.
      yield* center.fail("getRoleCredentials", "InternalServerException", 1000)
      yield* TestClock.adjust("1 hours")
      const atExpiry = yield* callsOf("getRoleCredentials")
      yield* TestClock.adjust("10 minutes")
      assert.isAtMost((yield* callsOf("getRoleCredentials")) - atExpiry, 20)
      yield* Scope.close(scope, Exit.void)
      const after = yield* callsOf("getRoleCredentials")
      yield* TestClock.adjust("1 hours")
      assert.strictEqual(yield* callsOf("getRoleCredentials"), after)
    }).pipe(Effect.provide(TestIdentity.layer({ client: { maxAttempts: 1 } }))))

  it.effect("counts requests and refreshes in metrics, and sets the seconds to expiry", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const provider = yield* CredentialsProvider.make(SsoCredentials.resolveProfile())
      // Metrics belong to the whole process, so the test compares them before and after.
      const metrics = Effect.map(Metric.snapshot, (pairs) =>
        new Map(Array.from(pairs, ({ metricKey, metricState }) => {
          const tags = Array.from(metricKey.tags, ({ key, value }) => `${key}=${value}`).sort().join(" ")
          return [`${metricKey.name} ${tags}`, metricState as { readonly count?: number; readonly value?: number }]
        })))
      const before = yield* metrics
      yield* center.fail("getRoleCredentials", "TooManyRequestsException")
      yield* Effect.flip(provider.get)
      yield* TestClock.adjust("1 second")
      yield* provider.get
      const after = yield* metrics
      const added = (name: string) => Number(after.get(name)?.count ?? 0) - Number(before.get(name)?.count ?? 0)
      const call = "rpc.method=getRoleCredentials rpc.service=SSO"
      assert.strictEqual(added(`aws_identity_requests code=TooManyRequestsException ${call}`), 1)
      assert.strictEqual(added(`aws_identity_requests code=OK ${call}`), 1)
      assert.strictEqual(added("aws_identity_refreshes outcome=failure provider=CredentialsProvider"), 1)
      assert.strictEqual(added("aws_identity_refreshes outcome=success provider=CredentialsProvider"), 1)
      assert.strictEqual(after.get("aws_identity_seconds_to_expiry provider=CredentialsProvider")?.value, 3600)
    }).pipe(Effect.scoped, Effect.provide(TestIdentity.layer({ client: { maxAttempts: 1 } }))))

  it.effect("takes session and role from the application's Config with SsoCredentials.layerConfig", () =>
    Effect.gen(function*() {
      const config = {
        startUrl: Config.string("START_URL"),
        region: Schema.Config("SSO_REGION", Region.Region),
        session: Config.succeed("example"),
        accountId: Schema.Config("ACCOUNT_ID", AccountId.AccountId),
        roleName: Config.succeed("ReadOnly")
      }
      const layer = Layer.fresh(SsoCredentials.layerConfig(config))
      const get = Effect.flatMap(CredentialsProvider.CredentialsProvider, (provider) => provider.get)
      const variables = new Map([
        ["START_URL", "https://example.awsapps.com/start"],
        ["SSO_REGION", "us-east-1"],
        ["ACCOUNT_ID", "012345678901"]
      ])
      const credentials = yield* Effect.provide(get, layer).pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(variables))
      )
      assertEquals(credentials.accountId, Option.some("012345678901"))
      const missing = yield* Effect.provide(get, layer).pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([...variables, ["SSO_REGION", "no region"]]))),
        Effect.flip
      )
      assert.include(String(missing), "SSO_REGION")
      for (const [name, value] of [["START_URL", ""], ["ACCOUNT_ID", "12"]] as const) {
        const bad = yield* Effect.provide(get, layer).pipe(
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map([...variables, [name, value]]))),
          Effect.flip
        )
        assert.isTrue(ConfigError.isConfigError(bad), name)
      }
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("fails with CredentialsExpired for new credentials that have already expired", () =>
    Effect.gen(function*() {
      const provider = yield* CredentialsProvider.CredentialsProvider
      assert.strictEqual((yield* Effect.flip(provider.get))._tag, "CredentialsExpired")
    }).pipe(Effect.provide(TestIdentity.layer({ identityCenter: { credentialsLifetime: "0 seconds" } }))))
})

describe("the lists of the portal", () => {
  const accounts = Array.from({ length: 3 }, (_, index) => ({
    accountId: `00000000000${index}`,
    accountName: `Account ${index}`,
    emailAddress: `${index}@example.com`,
    roles: ["Admin", "ReadOnly"]
  }))

  it.effect("come by pages, with account ids as they are", () =>
    Effect.gen(function*() {
      const sso = yield* Sso.Sso
      const tokens = yield* SsoTokenProvider.SsoTokenProvider
      const { region } = yield* session
      const { accessToken } = yield* tokens.get(yield* session)
      const first = yield* sso.listAccounts({ region, accessToken, maxResults: 2 })
      const second = yield* sso.listAccounts({
        region,
        accessToken,
        maxResults: 2,
        nextToken: Option.getOrUndefined(first.nextToken)
      })
      assert.deepStrictEqual(
        [...first.accountList, ...second.accountList].map(({ accountId }) => accountId),
        ["000000000000", "000000000001", "000000000002"]
      )
      assertEquals(second.nextToken, Option.none())
      const { roleList } = yield* sso.listAccountRoles({
        region,
        accessToken,
        accountId: AccountId.make("000000000001")
      })
      assert.deepStrictEqual(roleList.map(({ roleName }) => roleName), ["Admin", "ReadOnly"])
    }).pipe(Effect.provide(TestIdentity.layer({ identityCenter: { accounts } }))))
})

it("TestIdentity.layer provides every service that AwsIdentity.layer provides", () => {
  const dropIn: Layer.Layer<AwsIdentity.AwsIdentity> = TestIdentity.layer()
  assert.isTrue(Layer.isLayer(dropIn))
})

describe("a store that cannot be written", () => {
  const codes = ["ECONNREFUSED", "NOAUTH", "READONLY You can't write against a read only replica"]
  for (const code of codes) {
    it.effect(`loses no sign-in, logs one warning, and gives the token to the token provider: ${code}`, () =>
      Effect.gen(function*() {
        const center = yield* IdentityCenter.IdentityCenter
        const inner = yield* SsoTokenCache.SsoTokenCache
        let isFull = true
        const store: SsoTokenCache.Service = {
          ...inner,
          set: (key, token, options) =>
            isFull
              ? Effect.fail(new IdentityError.StoreError({ store: "Redis", operation: "write", code }))
              : inner.set(key, token, options)
        }
        const logged: Array<string> = []
        const logger = Logger.make(({ message }) => void logged.push(String(message)))
        const login = Effect.gen(function*() {
          const { fiber, prompt } = yield* startLogin
          yield* center.approve(prompt.userCode)
          yield* TestClock.adjust("5 seconds")
          return yield* fiber
        })
        yield* Effect.gen(function*() {
          const tokens = yield* SsoTokenProvider.make
          const token = yield* login
          assert.strictEqual(yield* tokens.get(yield* session), token)
          // Another provider of the same store, and another sign-in.
          assert.strictEqual(yield* (yield* SsoTokenProvider.make).get(yield* session), token)
          const second = yield* login
          assert.strictEqual(yield* tokens.get(yield* session), second)
          assertEquals(yield* inner.get("example"), Option.none())
          isFull = false
          yield* TestClock.adjust("30 seconds")
          assert.strictEqual(yield* tokens.get(yield* session), second)
          assertEquals(yield* inner.get("example"), Option.some(second))
        }).pipe(
          Effect.scoped,
          Effect.provideService(SsoTokenCache.SsoTokenCache, store),
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
        assert.lengthOf(logged, 1)
        assert.include(logged[0], "SSO tokens are kept in memory only")
        assert.include(logged[0], code)
        for (const secret of yield* center.secrets) assert.notInclude(logged[0], secret)
      }).pipe(Effect.provide(signedOut)))
  }
})

describe("a store that is an instance of a class", () => {
  class Store implements SsoTokenCache.Service {
    #tokens = new Map<string, SsoTokenCache.SsoToken>()
    get(key: string) {
      return Effect.sync(() => Option.fromNullable(this.#tokens.get(key)))
    }
    set(key: string, token: SsoTokenCache.SsoToken) {
      return Effect.sync(() => this.#tokens.set(key, token).has(key))
    }
    remove(key: string) {
      return Effect.sync(() => void this.#tokens.delete(key))
    }
    exclusively(key: string) {
      return <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.annotateLogs(effect, { place: this.location(key) })
    }
    location(key: string) {
      return `place ${this.#tokens.size} of ${key}`
    }
  }

  it.effect("keeps its methods and private fields in a sign-in and in the token provider", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const tokens = yield* SsoTokenProvider.make
      const error = yield* Effect.flip(tokens.get(yield* session))
      assert.include(error.message, "[place 0 of example]")
      const { fiber, prompt } = yield* startLogin
      yield* center.approve(prompt.userCode)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* tokens.get(yield* session), yield* fiber)
      yield* TestClock.adjust("56 minutes")
      assert.notStrictEqual(yield* tokens.get(yield* session), yield* fiber)
    }).pipe(Effect.scoped, Effect.provideService(SsoTokenCache.SsoTokenCache, new Store()), Effect.provide(signedOut)))
})

describe("SsoLoginRequired", () => {
  const config = `[profile named]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Developer

[profile scoped]
sso_session = scoped
sso_account_id = 111122223333
sso_role_name = Developer

[profile legacy]
sso_start_url = https://legacy.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 111122223333
sso_role_name = Developer

[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-central-1

[sso-session scoped]
sso_start_url = https://scoped.awsapps.com/start
sso_region = us-west-2
sso_registration_scopes = sso:account:access, codewhisperer:completions
`
  const sessions = {
    named: { session: "corp", sessionName: "corp", startUrl: "https://corp.awsapps.com/start", region: "eu-central-1" },
    scoped: {
      session: "scoped",
      sessionName: "scoped",
      startUrl: "https://scoped.awsapps.com/start",
      region: "us-west-2",
      registrationScopes: ["sso:account:access", "codewhisperer:completions"]
    },
    legacy: {
      session: "https://legacy.awsapps.com/start",
      sessionName: undefined,
      startUrl: "https://legacy.awsapps.com/start",
      region: "eu-west-1"
    }
  }

  /** What has to happen to a signed-in session for each reason. */
  const causes: Readonly<
    Record<
      IdentityError.SsoLoginRequired["reason"],
      (key: string) => Effect.Effect<unknown, unknown, IdentityCenter.IdentityCenter | SsoTokenCache.SsoTokenCache>
    >
  > = {
    NoToken: (key) => Effect.flatMap(SsoTokenCache.SsoTokenCache, (cache) => cache.remove(key)),
    Expired: (key) =>
      Effect.flatMap(SsoTokenCache.SsoTokenCache, (cache) =>
        cache.set(
          key,
          new SsoTokenCache.SsoToken({ accessToken: Redacted.make("old"), expiresAt: DateTime.unsafeMake(0) })
        )),
    RefreshRejected: () =>
      Effect.gen(function*() {
        yield* TestClock.adjust("2 hours")
        const center = yield* IdentityCenter.IdentityCenter
        yield* center.fail("createToken", "InvalidGrantException", 2)
      }),
    TokenRejected: () =>
      Effect.flatMap(
        IdentityCenter.IdentityCenter,
        (center) => center.fail("getRoleCredentials", "UnauthorizedException", 2)
      ),
    CorruptFile: () => Effect.void
  }
  it.scoped("can be handled by a sign-in of 9 minutes within a provider", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const prompts: Array<string> = []
      const role = {
        session: yield* session,
        accountId: AccountId.make("111122223333"),
        roleName: "Developer"
      }
      const resolve = SsoCredentials.resolve(role)
      const provider = yield* CredentialsProvider.make(
        Effect.catchTag(resolve, "SsoLoginRequired", (error) =>
          SsoLogin.device(SsoSession.fromError(error), {
            onPrompt: ({ userCode }) => Effect.sync(() => prompts.push(userCode))
          }).pipe(Effect.mapError(() => error), Effect.zipRight(resolve)))
      )
      // All callers share one sign-in.
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.fork(provider.get))
      yield* TestClock.adjust("9 minutes")
      for (const userCode of prompts) yield* center.approve(userCode)
      yield* TestClock.adjust("10 seconds")
      for (const { accessKeyId } of yield* Fiber.join(Fiber.all(fibers))) assert.match(accessKeyId, /^ASIA/)
      assert.lengthOf(prompts, 1)
    }).pipe(Effect.provide(signedOut)))

  for (const [profile, fields] of Object.entries(sessions)) {
    it.effect(`leads back to its session, also over a wire, and signing in to that is enough: ${profile}`, () =>
      Effect.gen(function*() {
        const center = yield* IdentityCenter.IdentityCenter
        const files = yield* SharedConfig.read
        const ofProfile = yield* Effect.flatMap(files.profile(), files.sessionOf)
        const credentials = CredentialsProvider.get.pipe(
          Effect.catchTag("SsoLoginRequired", (error) => {
            const received = Schema.decodeUnknownSync(IdentityErrorSchema.IdentityErrorSchema)(
              JSON.parse(JSON.stringify(error))
            )
            assert.instanceOf(received, IdentityError.SsoLoginRequired)
            const session = SsoSession.fromError(received)
            // Without the places in the files, which a sign-in does not need.
            assert.deepStrictEqual({ ...session, places: ofProfile.places }, { ...ofProfile })
            assert.strictEqual(session.cacheKey, fields.session)
            assert.strictEqual(session.loginCommand, error.command)
            return SsoLogin.device(session, { onPrompt: ({ userCode }) => center.approve(userCode) }).pipe(
              Effect.zipRight(CredentialsProvider.get)
            )
          })
        )
        const fiber = yield* Effect.fork(credentials)
        yield* TestClock.adjust("10 seconds")
        assert.match((yield* fiber).accessKeyId, /^ASIA/)
      }).pipe(
        Effect.provide(
          TestIdentity.layer({ profile, config, signedIn: false, identityCenter: { startUrl: fields.startUrl } })
        )
      ))

    for (const [reason, happens] of Object.entries(causes)) {
      it.effect(`names start URL and region of its session, and no secret: ${profile}, ${reason}`, () =>
        Effect.gen(function*() {
          const inner = yield* SsoTokenCache.SsoTokenCache
          yield* happens(fields.session)
          const store: SsoTokenCache.Service = reason === "CorruptFile"
            ? {
              ...inner,
              get: (key) => Effect.fail(new SsoTokenCache.CorruptToken({ location: key, problem: "it is empty" }))
            }
            : inner
          const tokens = yield* Effect.provideService(SsoTokenProvider.make, SsoTokenCache.SsoTokenCache, store)
          const files = yield* SharedConfig.read
          const role = {
            session: yield* Effect.flatMap(files.profile(), files.sessionOf),
            accountId: AccountId.make("111122223333"),
            roleName: "Developer"
          }
          const fiber = yield* SsoCredentials.resolve(role).pipe(
            Effect.provideService(SsoTokenProvider.SsoTokenProvider, tokens),
            Effect.flip,
            Effect.fork
          )
          yield* TestClock.adjust("10 seconds")
          const error = yield* fiber
          assert.instanceOf(error, IdentityError.SsoLoginRequired)
          assert.deepInclude<object>({ ...error }, { reason, ...fields })
          for (const secret of yield* (yield* IdentityCenter.IdentityCenter).secrets) {
            assert.notInclude(JSON.stringify(error), secret)
          }
        }).pipe(Effect.scoped, Effect.provide(TestIdentity.layer({ profile, config }))))
    }
  }
})
