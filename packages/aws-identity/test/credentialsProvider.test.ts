import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Clock,
  Data,
  DateTime,
  Deferred,
  Effect,
  Exit,
  Fiber,
  Layer,
  ManagedRuntime,
  Option,
  Redacted,
  Ref,
  Scope,
  TestClock
} from "effect"
import {
  AccountId,
  AllowedAccounts,
  AssumeRoleCredentials,
  AwsSdk,
  Credentials,
  CredentialsProvider,
  IdentityError,
  Region,
  SharedConfig,
  Sts,
  WebIdentityCredentials
} from "effect-aws-identity"
import { SsoTokenCache, SsoTokenProvider } from "effect-aws-identity"
import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import { peek } from "../src/internal/peek.js"

type Provider = CredentialsProvider.Service

const second = 1000
const minute = 60 * second

const keyOf = (accessKeyId: string, lifetime = 60 * minute) =>
  Effect.map(Clock.currentTimeMillis, (now) =>
    new Credentials.Credentials({
      accessKeyId,
      secretAccessKey: Redacted.make("secret"),
      expiration: Option.some(DateTime.unsafeMake(now + lifetime))
    }))

/** A source that counts how often it is asked, and a way to change its answer. */
const makeSource = (answer: Effect.Effect<Credentials.Credentials, IdentityError.IdentityError>) => {
  const source = { asked: 0, answer }
  const resolve = Effect.suspend(() => {
    source.asked += 1
    return source.answer
  })
  return Object.assign(source, { resolve })
}

const leftMillis = (credentials: Credentials.Credentials) =>
  Effect.map(
    Clock.currentTimeMillis,
    (now) => DateTime.toEpochMillis(Option.getOrThrow(credentials.expiration)) - now
  )

const getFor = (provider: Provider, atLeast: number) => provider.getFor?.(atLeast) ?? Effect.dieMessage("no getFor")

const call = { service: "STS", operation: "assumeRole" }
const answered = (status: number, code: string) => new IdentityError.ServiceError({ ...call, status, code })
const unavailable = (reason: IdentityError.CredentialsUnavailable["reason"]) =>
  new IdentityError.CredentialsUnavailable({ source: "a vault", reason, problem: "it has none", remedy: "Ask." })
const refused = new IdentityError.RoleNotAssigned({ accountId: "111122223333", roleName: "Developer" })

describe("a CredentialsProvider whose scope is closed", () => {
  const assertClosed = (exit: Exit.Exit<unknown, IdentityError.IdentityError>) => {
    const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
    assert.instanceOf(error, IdentityError.CredentialsUnavailable)
    assert.include(error.message, "the scope or layer that made it has been closed. Keep that open")
  }

  const states: ReadonlyArray<readonly [string, Effect.Effect<Credentials.Credentials, IdentityError.IdentityError>]> =
    [
      ["has no credentials and a source that never answers", Effect.never],
      ["has credentials", keyOf("KEY")],
      ["has expired credentials", keyOf("KEY", 1)],
      ["pauses after a refusal", Effect.fail(refused)],
      ["has a source that cannot be interrupted for 10 s", Effect.uninterruptible(Effect.delay(keyOf("KEY"), 10_000))]
    ]
  for (const [name, answer] of states) {
    it.effect(`fails at once when it ${name}`, () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const source = makeSource(answer)
        const provider = yield* Scope.extend(CredentialsProvider.make(source.resolve), scope)
        const caller = yield* Effect.fork(Effect.exit(provider.get))
        const uninterruptible = yield* Effect.fork(Effect.uninterruptible(Effect.exit(provider.get)))
        yield* TestClock.adjust(2)
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* Effect.yieldNow()
        // Also while it closes.
        const during = yield* Effect.fork(Effect.exit(provider.get))
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(closing)
        const asked = source.asked
        for (const fiber of [caller, uninterruptible]) {
          const exit = yield* Fiber.join(fiber)
          if (source.answer === Effect.never) assertClosed(exit)
        }
        assertClosed(yield* Fiber.join(during))
        assertClosed(yield* Effect.exit(provider.get))
        assertClosed(yield* Effect.exit(getFor(provider, minute)))
        assert.isUndefined(peek(provider))
        yield* provider.invalidate(yield* keyOf("KEY"))
        assertClosed(yield* Effect.exit(provider.get))
        assert.strictEqual(source.asked, asked)
      }))
  }

  it.effect("fails at once when its layer is disposed of with the runtime", () =>
    Effect.gen(function*() {
      const runtime = ManagedRuntime.make(CredentialsProvider.layer(Effect.never, { background: true }))
      const provider = yield* Effect.promise(() => runtime.runPromise(CredentialsProvider.CredentialsProvider))
      const waiting = yield* Effect.fork(Effect.exit(provider.get))
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      yield* Effect.promise(() => runtime.dispose())
      assertClosed(yield* Fiber.join(waiting))
      assertClosed(yield* Effect.exit(provider.get))
    }))

  it.scoped("fails with an error of its own when the source interrupts itself, and asks again", () =>
    Effect.gen(function*() {
      const source = makeSource(Effect.interrupt)
      const provider = yield* CredentialsProvider.make(source.resolve)
      const error = yield* Effect.flip(provider.get)
      assert.include(error.message, "it interrupted itself")
      source.answer = keyOf("KEY")
      assert.strictEqual((yield* provider.get).accessKeyId, "KEY")
    }))
})

describe("an SsoTokenProvider whose scope is closed", () => {
  it.effect("fails at once when the token has to be refreshed, also for callers that wait", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const session = yield* SharedConfig.session("example")
      const scope = yield* Scope.make()
      const tokens = yield* Scope.extend(SsoTokenProvider.make, scope)
      yield* tokens.get(session)
      yield* TestClock.adjust("61 minutes")
      yield* center.fail("createToken", "NoAnswer", 9)
      const waiting = yield* Effect.fork(Effect.exit(tokens.get(session)))
      yield* TestClock.adjust("1 second")
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      // A refresh under way is carried to its end, so that no refresh token is lost.
      yield* TestClock.adjust("2 minutes")
      yield* Fiber.join(closing)
      for (const exit of [yield* Fiber.join(waiting), yield* Effect.exit(tokens.get(session))]) {
        const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
        assert.instanceOf(error, IdentityError.CredentialsUnavailable)
        assert.include(error.message, "the SSO token provider: the scope or layer that made it has been closed")
      }
    }).pipe(Effect.provide(TestIdentity.layer())))
})

describe("a failure without credentials in hand", () => {
  const pauses: ReadonlyArray<
    readonly [name: string, error: IdentityError.IdentityError | undefined, shortest: number, longest: number]
  > = [
    ["a role that is not assigned", refused, 1000, 5000],
    [
      "AccessDenied of STS",
      new IdentityError.AccessDeniedException({ ...call, status: 403, code: "AccessDenied" }),
      1000,
      5000
    ],
    ["another account", new IdentityError.AccountNotAllowed({ arn: "", accountId: "", allowed: [] }), 1000, 5000],
    ["an unknown access key", answered(403, "InvalidClientTokenId"), 1000, 5000],
    [
      "a token that the issuer's keys did not sign",
      new IdentityError.InvalidIdentityTokenException({ ...call, status: 400, code: "InvalidIdentityToken" }),
      1000,
      5000
    ],
    ["a source that refuses", unavailable("Refused"), 1000, 5000],
    [
      "a broken config file",
      new IdentityError.InvalidConfig({
        file: "config",
        line: 1,
        column: 1,
        section: "[a]",
        problem: "is broken",
        remedy: "Mend it."
      }),
      1000,
      5000
    ],
    ["a bad session policy", answered(400, "MalformedPolicyDocument"), 1000, 5000],
    [
      "no answer",
      new IdentityError.ServiceUnreachable({ ...call, endpoint: "https://sts", code: "ECONNRESET" }),
      500,
      1000
    ],
    ["throttling", answered(400, "Throttling"), 500, 1000],
    ["too many requests", answered(429, "Unknown"), 500, 1000],
    ["a fault of AWS", answered(503, "ServiceUnavailable"), 500, 1000],
    [
      "an identity provider that STS cannot reach",
      new IdentityError.IDPCommunicationErrorException({ ...call, status: 400, code: "IDPCommunicationError" }),
      500,
      1000
    ],
    ["a source that cannot be reached", unavailable("Unreachable"), 500, 1000],
    [
      "a proxy's page in place of an answer",
      new IdentityError.InvalidResponse({ ...call, endpoint: "https://sts", status: 200, problem: "not XML" }),
      500,
      1000
    ],
    ["a defect", undefined, 500, 1000]
  ]
  for (const [name, error, shortest, longest] of pauses) {
    it.scoped(`is the answer for ${shortest} to ${longest} ms: ${name}`, () =>
      Effect.gen(function*() {
        const source = makeSource(error === undefined ? Effect.die("a bug") : Effect.fail(error))
        const provider = yield* CredentialsProvider.make(source.resolve)
        const first = yield* Effect.exit(provider.get)
        yield* TestClock.adjust(shortest - 1)
        assert.deepStrictEqual(yield* Effect.exit(provider.get), first)
        assert.strictEqual(source.asked, 1)
        yield* TestClock.adjust(longest - shortest + 1)
        source.answer = keyOf("KEY")
        assert.strictEqual((yield* provider.get).accessKeyId, "KEY")
        assert.strictEqual(source.asked, 2)
      }))
  }

  const login = {
    session: "example",
    command: "aws sso login",
    startUrl: "https://example.awsapps.com/start",
    region: "eu-west-1"
  }
  const atOnce: ReadonlyArray<IdentityError.IdentityError> = [
    new IdentityError.NotConfigured({ provider: "Profile", problem: "no profile", remedy: "Add one." }),
    new IdentityError.SsoLoginRequired({ reason: "Expired", ...login }),
    new IdentityError.SsoLoginRequired({ reason: "CorruptFile", ...login })
  ]
  for (const error of atOnce) {
    it.scoped(`is not kept when its kind is ${error.kind} (${"reason" in error ? error.reason : error._tag}), because a person may have corrected it`, () =>
      Effect.gen(function*() {
        const source = makeSource(Effect.fail(error))
        const provider = yield* CredentialsProvider.make(source.resolve)
        yield* Effect.exit(provider.get)
        source.answer = keyOf("KEY")
        assert.strictEqual((yield* provider.get).accessKeyId, "KEY")
      }))
  }

  it.scoped("is one to three requests in 2 s, however many callers ask one after the other or together", () =>
    Effect.gen(function*() {
      const source = makeSource(keyOf("KEY", minute))
      const provider = yield* CredentialsProvider.make(source.resolve)
      yield* provider.get
      yield* TestClock.adjust("2 minutes")
      source.answer = Effect.fail(refused)
      source.asked = 0
      for (let step = 0; step < 20; step++) {
        for (let caller = 0; caller < 10; caller++) yield* Effect.exit(provider.get)
        yield* Effect.all(Array.from({ length: 10 }, () => Effect.exit(provider.get)), { concurrency: "unbounded" })
        yield* TestClock.adjust(100)
      }
      assert.isAtMost(source.asked, 3)
    }))

  it.scoped("is forgotten by invalidate, whichever credentials are named", () =>
    Effect.gen(function*() {
      const source = makeSource(Effect.fail(refused))
      const provider = yield* CredentialsProvider.make(source.resolve)
      yield* Effect.flip(provider.get)
      source.answer = keyOf("KEY")
      yield* provider.invalidate(yield* keyOf("AN OLD ONE"))
      assert.strictEqual((yield* provider.get).accessKeyId, "KEY")
    }))

  it.scoped("is forgotten when the clock is set back", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(60 * minute)
      const source = makeSource(Effect.fail(refused))
      const provider = yield* CredentialsProvider.make(source.resolve)
      yield* Effect.flip(provider.get)
      yield* TestClock.setTime(59 * minute)
      source.answer = keyOf("KEY")
      assert.strictEqual((yield* provider.get).accessKeyId, "KEY")
    }))

  /** A new token in the cache that all AWS tools share, as "aws sso login" writes it. */
  const signInElsewhere = Effect.gen(function*() {
    const center = yield* IdentityCenter.IdentityCenter
    const cache = yield* SsoTokenCache.SsoTokenCache
    const issued = yield* center.signIn
    const now = yield* Clock.currentTimeMillis
    yield* cache.set(
      "example",
      new SsoTokenCache.SsoToken({
        accessToken: Redacted.make(issued.accessToken),
        expiresAt: DateTime.unsafeMake(now + issued.expiresIn * second)
      })
    )
  })

  const identities = {
    "a role of the session": TestIdentity.layer(),
    "a guarded role of the session": TestIdentity.layer({ allowedAccountIds: [AccountId.make("111122223333")] })
  }
  for (const [name, layer] of Object.entries(identities)) {
    it.effect(`ends with a new sign-in: ${name}`, () =>
      Effect.gen(function*() {
        const center = yield* IdentityCenter.IdentityCenter
        const provider = yield* CredentialsProvider.CredentialsProvider
        const requests = Effect.map(center.calls, (calls) => calls.filter((one) => one === "getRoleCredentials").length)
        yield* center.fail("getRoleCredentials", "ForbiddenException")
        assert.strictEqual((yield* Effect.flip(provider.get))._tag, "RoleNotAssigned")
        assert.strictEqual((yield* Effect.flip(provider.get))._tag, "RoleNotAssigned")
        assert.strictEqual(yield* requests, 1)
        yield* signInElsewhere
        yield* provider.get
        assert.strictEqual(yield* requests, 2)
      }).pipe(Effect.provide(layer)))

    it.effect(`is "sign in" at once after a sign-out: ${name}`, () =>
      Effect.gen(function*() {
        const center = yield* IdentityCenter.IdentityCenter
        const provider = yield* CredentialsProvider.CredentialsProvider
        yield* center.fail("getRoleCredentials", "ForbiddenException")
        yield* Effect.flip(provider.get)
        yield* Effect.flatMap(SsoTokenCache.SsoTokenCache, (cache) => cache.remove("example"))
        assert.strictEqual((yield* Effect.flip(provider.get))._tag, "SsoLoginRequired")
        yield* signInElsewhere
        yield* provider.get
      }).pipe(Effect.provide(layer)))
  }
})

describe("credentials that are resolved while others are rejected", () => {
  it.scoped("are not waited for twice: a flight that was left and ends does not end the next one", () =>
    Effect.gen(function*() {
      const gates = [yield* Deferred.make<void>(), yield* Deferred.make<void>(), yield* Deferred.make<void>()] as const
      const calls = yield* Ref.make(0)
      const provider = yield* CredentialsProvider.make(Effect.gen(function*() {
        const number = yield* Ref.getAndUpdate(calls, (n) => n + 1)
        if (number > 0) yield* Deferred.await(gates[number === 1 ? 1 : 2])
        return yield* keyOf(`KEY${number}`)
      }))
      const rejected = yield* provider.get
      yield* TestClock.adjust("56 minutes")
      // The first flight, in the background.
      yield* provider.get
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      yield* provider.invalidate(rejected)
      const second = yield* Effect.fork(provider.get)
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      yield* Deferred.succeed(gates[1], void 0)
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      const third = yield* Effect.fork(provider.get)
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      yield* Deferred.succeed(gates[2], void 0)
      assert.strictEqual((yield* Fiber.join(second)).accessKeyId, "KEY2")
      assert.strictEqual((yield* Fiber.join(third)).accessKeyId, "KEY2")
      assert.strictEqual(yield* Ref.get(calls), 3)
    }))
})

describe("CredentialsProvider.invalidate", () => {
  it.scoped("keeps the credentials that have replaced the rejected ones, however often those are reported", () =>
    Effect.gen(function*() {
      const source = makeSource(keyOf("FIRST"))
      const provider = yield* CredentialsProvider.make(source.resolve)
      const first = yield* provider.get
      source.answer = keyOf("SECOND")
      for (let report = 0; report < 5; report++) {
        yield* provider.invalidate(first)
        assert.strictEqual((yield* provider.get).accessKeyId, "SECOND")
      }
      assert.strictEqual(source.asked, 2)
    }))
})

describe("CredentialsProvider.getFor", () => {
  it.scoped("gives the cached credentials if they live long enough", () =>
    Effect.gen(function*() {
      const source = makeSource(keyOf("KEY"))
      const provider = yield* CredentialsProvider.make(source.resolve)
      yield* provider.get
      yield* TestClock.adjust("40 minutes")
      yield* getFor(provider, 20 * minute)
      assert.strictEqual(source.asked, 1)
    }))

  it.scoped("refreshes credentials that do not, once for all callers", () =>
    Effect.gen(function*() {
      const source = makeSource(keyOf("KEY"))
      const provider = yield* CredentialsProvider.make(source.resolve)
      yield* provider.get
      yield* TestClock.adjust("40 minutes")
      const all = yield* Effect.all(
        Array.from({ length: 50 }, () => getFor(provider, 20 * minute + 1)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(yield* leftMillis(all[0] ?? (yield* keyOf("none", 0))), 60 * minute)
      assert.strictEqual(new Set(all).size, 1)
      assert.strictEqual(source.asked, 2)
    }))

  it.scoped("gives the newest there are when no credentials live so long, and tries twice a minute at most", () =>
    Effect.gen(function*() {
      const source = makeSource(keyOf("KEY"))
      const provider = yield* CredentialsProvider.make(source.resolve)
      for (let step = 0; step < 20; step++) {
        for (let caller = 0; caller < 5; caller++) {
          const credentials = yield* getFor(provider, 12 * 60 * minute)
          assert.isAtLeast(yield* leftMillis(credentials), 59 * minute)
        }
        yield* TestClock.adjust("6 seconds")
      }
      assert.strictEqual(source.asked, 4)
    }))

  it.scoped("gives what is cached when the refresh fails, and does not repeat it for 20 s", () =>
    Effect.gen(function*() {
      const source = makeSource(keyOf("KEY"))
      const provider = yield* CredentialsProvider.make(source.resolve)
      const cached = yield* provider.get
      yield* TestClock.adjust("10 minutes")
      source.answer = Effect.fail(refused)
      for (let attempt = 0; attempt < 10; attempt++) {
        assert.strictEqual(yield* getFor(provider, 55 * minute), cached)
        yield* TestClock.adjust("2 seconds")
      }
      assert.strictEqual(source.asked, 2)
    }))

  it.scoped("uses a provider's `get` when the provider has no `getFor`", () =>
    Effect.gen(function*() {
      const credentials = yield* keyOf("KEY")
      const given = yield* Effect.provideService(
        CredentialsProvider.getFor("1 hour"),
        CredentialsProvider.CredentialsProvider,
        { get: Effect.succeed(credentials), invalidate: () => Effect.void }
      )
      assert.strictEqual(given, credentials)
    }))

  it.effect("reaches through a guard of accounts to the guarded provider", () =>
    Effect.gen(function*() {
      const provider = yield* CredentialsProvider.CredentialsProvider
      yield* provider.get
      yield* TestClock.adjust("40 minutes")
      assert.strictEqual(yield* leftMillis(yield* CredentialsProvider.getFor("30 minutes")), 60 * minute)
      assert.strictEqual(yield* leftMillis(yield* provider.get), 60 * minute)
    }).pipe(Effect.provide(TestIdentity.layer({ allowedAccountIds: [AccountId.make("111122223333")] }))))
})

describe("the option refreshBefore", () => {
  it.scoped("lets callers wait for new credentials from that long before the expiration", () =>
    Effect.gen(function*() {
      const source = makeSource(keyOf("KEY"))
      const provider = yield* CredentialsProvider.make(source.resolve, { refreshBefore: "30 minutes" })
      for (let minutes = 0; minutes < 180; minutes += 9) {
        assert.isAbove(yield* leftMillis(yield* provider.get), 30 * minute)
        yield* TestClock.adjust("9 minutes")
      }
      assert.isAtMost(source.asked, 7)
    }))

  it.scoped("does not make callers wait for credentials that never live so long", () =>
    Effect.gen(function*() {
      const source = makeSource(keyOf("KEY"))
      const provider = yield* CredentialsProvider.make(source.resolve, { refreshBefore: "2 hours" })
      yield* provider.get
      source.answer = Effect.never
      yield* TestClock.adjust("58 minutes")
      yield* provider.get
      yield* TestClock.adjust(1)
      assert.strictEqual(source.asked, 2)
    }))
})

describe("credentials that AWS rejects", () => {
  const assumable = "arn:aws:iam::444455556666:role/deploy"
  const region = Region.make("us-east-1")

  it.effect("of the source of a role are replaced once, and the role is assumed with the new ones", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      for (const fault of ["ExpiredToken", "InvalidClientTokenId"] as const) {
        yield* center.fail("assumeRole", fault)
        yield* Effect.exit(AssumeRoleCredentials.resolve({ roleArn: assumable, region }))
      }
      const calls = yield* center.calls
      assert.strictEqual(calls.filter((one) => one === "assumeRole").length, 4)
      assert.strictEqual(calls.filter((one) => one === "getRoleCredentials").length, 3)
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("under a guard of accounts are replaced once, and STS is asked about the new ones", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const provider = yield* CredentialsProvider.CredentialsProvider
      yield* center.fail("getCallerIdentity", "ExpiredToken")
      yield* provider.get
      const calls = yield* center.calls
      assert.strictEqual(calls.filter((one) => one === "getCallerIdentity").length, 2)
      assert.strictEqual(calls.filter((one) => one === "getRoleCredentials").length, 2)
    }).pipe(Effect.provide(TestIdentity.layer({ allowedAccountIds: [AccountId.make("111122223333")] }))))

  it.effect("under a guard of accounts are not shown to STS twice when the source has no others", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const fixed = CredentialsProvider.layer(keyOf("AKIDEXAMPLE"))
      yield* center.fail("getCallerIdentity", "InvalidClientTokenId", 9)
      yield* Effect.gen(function*() {
        const provider = yield* CredentialsProvider.CredentialsProvider
        yield* Effect.flip(provider.get)
        yield* TestClock.adjust("10 seconds")
        yield* Effect.flip(provider.get)
      }).pipe(
        Effect.provide(Layer.provide(AllowedAccounts.layer({ accounts: [AccountId.make("111122223333")] }), fixed))
      )
      const calls = yield* center.calls
      assert.strictEqual(calls.filter((one) => one === "getCallerIdentity").length, 1)
      assert.isDefined(yield* Sts.Sts)
    }).pipe(Effect.provide(TestIdentity.layer())))
})

describe("time limits", () => {
  it.scoped("there is none around a provider, because a sign-in takes as long as a person needs", () =>
    Effect.gen(function*() {
      const provider = yield* CredentialsProvider.make(Effect.delay(keyOf("KEY"), "9 minutes"))
      const fiber = yield* Effect.fork(provider.get)
      yield* TestClock.adjust("9 minutes")
      assert.strictEqual((yield* fiber).accessKeyId, "KEY")
    }))

  const roleArn = "arn:aws:iam::444455556666:role/deploy"
  const device = "arn:aws:iam::111122223333:mfa/user"
  const hanging: Readonly<
    Record<string, readonly [Effect.Effect<Credentials.Credentials, IdentityError.IdentityError, Sts.Sts>, string]>
  > = {
    "an effect of the application": [CredentialsProvider.fromEffect("Vault", Effect.never), "Vault"],
    "a token source": [WebIdentityCredentials.resolve({ roleArn, token: Effect.never }), "the given source"],
    "a source of OAuth 2.0 access tokens": [
      WebIdentityCredentials.resolve({ roleArn, token: Effect.never, providerId: "www.amazon.com" }),
      "the given source"
    ],
    "the code of an MFA device": [
      AssumeRoleCredentials.assume({ roleArn, mfa: { device, mfaCode: () => Effect.never } }, keyOf("KEY")),
      device
    ],
    "a provider of the AWS SDK": [AwsSdk.fromProvider(() => new Promise(() => {})), "the provider of the AWS SDK"]
  }
  for (const [name, [resolve, source]] of Object.entries(hanging)) {
    it.effect(`end the wait for ${name} after 5 minutes, for all callers, and the next one asks again`, () =>
      Effect.gen(function*() {
        let asked = 0
        const provider = yield* CredentialsProvider.make(
          Effect.suspend(() => asked++ === 0 ? resolve : keyOf("KEY"))
        )
        const fibers = yield* Effect.forEach([1, 2], () => Effect.fork(Effect.flip(provider.get)))
        yield* TestClock.adjust("299 seconds")
        assert.isTrue(Option.isNone(yield* Fiber.poll(Fiber.all(fibers))))
        yield* TestClock.adjust("1 second")
        for (const error of yield* Fiber.join(Fiber.all(fibers))) {
          assert.deepInclude({ ...error }, { _tag: "CredentialsUnavailable", reason: "Unreachable" })
          assert.include(error.message, source)
          assert.include(error.message, "it did not answer within 5 minutes")
        }
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* provider.get).accessKeyId, "KEY")
      }).pipe(Effect.scoped, Effect.provide(TestIdentity.layer())))
  }
})

describe("credentials from an effect of the application", () => {
  class VaultError extends Data.TaggedError("VaultError")<{ readonly token: string }> {}

  it.effect("fail with the name of the source and the tag of the error, and show nothing else of it", () =>
    Effect.gen(function*() {
      const read = Effect.fail(new VaultError({ token: "MARKED" }))
      const error = yield* CredentialsProvider.get.pipe(
        Effect.provide(CredentialsProvider.layer(CredentialsProvider.fromEffect("Vault", read))),
        Effect.flip
      )
      assert.strictEqual(error._tag, "CredentialsUnavailable")
      assert.strictEqual(
        error.message,
        "No credentials from Vault: it failed with VaultError. Look at where the program gets its credentials from."
      )
      assert.notInclude(JSON.stringify(error), "MARKED")
    }))

  it.effect("keep the errors of this library, so that a chain goes on from NotConfigured", () =>
    Effect.gen(function*() {
      const own = new IdentityError.NotConfigured({ provider: "Vault", problem: "no Vault", remedy: "Install one." })
      const error = yield* Effect.flip(CredentialsProvider.fromEffect("Vault", Effect.fail(own)))
      assert.strictEqual<unknown>(error, own)
    }))

  it.effect("fail with CredentialsUnavailable for errors of a sign-in or an operation, which get does not have", () =>
    Effect.gen(function*() {
      const answer = { service: "SSO", operation: "getRoleCredentials", code: "UnauthorizedException", status: 401 }
      for (
        const own of [
          new IdentityError.LoginDenied({ session: "corp" }),
          new IdentityError.DeviceCodeExpired({ session: "corp" }),
          new IdentityError.UnauthorizedException(answer),
          new IdentityError.TooManyRequestsException(answer)
        ]
      ) {
        const error = yield* Effect.flip(CredentialsProvider.fromEffect("Vault", Effect.fail(own)))
        assert.strictEqual(error._tag, "CredentialsUnavailable")
        assert.include(error.message, `it failed with ${own._tag}`)
        assert.strictEqual(error.reason, own.kind === "Unavailable" ? "Unreachable" : "Refused")
      }
    }))
})
