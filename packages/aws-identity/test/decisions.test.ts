import { assert, describe, it } from "@effect/vitest"
import { assertEquals } from "@effect/vitest/utils"
import { DateTime, Either, FastCheck as fc, Option, Redacted } from "effect"
import { IdentityError, Region, SsoTokenCache } from "effect-aws-identity"
import { nextPoll, type PollState } from "../src/internal/devicePolling.js"
import {
  afterFailure,
  attemptInterval,
  decideCredentials,
  decideToken,
  good,
  type Held,
  none,
  refreshTimes,
  tokenWindow
} from "../src/internal/refreshPolicy.js"

const runs = { numRuns: 5000 }

describe("decideToken", () => {
  const state = fc.record({
    now: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    left: fc.integer({ min: -10_000_000, max: 10_000_000 }),
    renewable: fc.boolean(),
    registrationLeft: fc.option(fc.integer({ min: -10_000_000, max: 10_000_000 }), { nil: undefined }),
    attemptAgo: fc.option(fc.integer({ min: -100_000, max: 100_000 }), { nil: undefined })
  })

  const decide = (
    { attemptAgo, left, now, registrationLeft, renewable }: typeof state extends fc.Arbitrary<infer A> ? A : never
  ) =>
    decideToken(now, {
      expiresAt: now + left,
      renewable,
      registrationExpiresAt: registrationLeft === undefined ? undefined : now + registrationLeft,
      lastAttemptAt: attemptAgo === undefined ? undefined : now - attemptAgo
    })

  it("never uses an expired token, and never requires a sign-in before the token has expired", () => {
    fc.assert(
      fc.property(state, (s) => {
        const decision = decide(s)
        if (s.left <= 0) assert.notStrictEqual(decision, "Use")
        else assert.notStrictEqual(decision, "LoginRequired")
      }),
      runs
    )
  })

  it("refreshes a refreshable token near its expiry, at most once per interval, and at once after the expiry", () => {
    fc.assert(
      fc.property(state, (s) => {
        const canRefresh = s.renewable && (s.registrationLeft === undefined || s.registrationLeft > 0)
        const attemptedLately = s.attemptAgo !== undefined && s.attemptAgo >= 0 && s.attemptAgo < attemptInterval
        const expected = s.left > tokenWindow
          ? "Use"
          : s.left <= 0
          ? !canRefresh ? "LoginRequired" : attemptedLately && (s.attemptAgo ?? 0) <= -s.left ? "Pause" : "Refresh"
          : canRefresh && !attemptedLately
          ? "Refresh"
          : "Use"
        assert.strictEqual(decide(s), expected)
      }),
      runs
    )
  })
})

describe("refreshTimes", () => {
  it("are ordered, lie in the second half of the lifetime, and are at most 5 min and 1 min before the expiry", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e13 }), fc.integer({ min: 1, max: 1e9 }), (now, lifetime) => {
        const expiration = now + lifetime
        const { advisoryAt, mandatoryAt } = refreshTimes(now, expiration)
        assert.isTrue(now < advisoryAt && advisoryAt <= mandatoryAt && mandatoryAt < expiration)
        assert.isAtLeast(advisoryAt, now + lifetime / 2 - 1e-3)
        assert.isAtLeast(advisoryAt, expiration - 300_000)
        assert.isAtLeast(mandatoryAt, expiration - 60_000)
      }),
      runs
    )
  })

  it("are 60 s and 30 s before the expiry of credentials that live 2 minutes: half and a quarter of the lifetime", () => {
    assert.deepStrictEqual(refreshTimes(0, 120_000), { advisoryAt: 60_000, mandatoryAt: 90_000 })
  })

  it("leave the lifetime that refreshBefore asks for, if the credentials live that long", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e8 }), fc.integer({ min: 1, max: 1e8 }), (lifetime, before) => {
        const { advisoryAt, mandatoryAt } = refreshTimes(0, lifetime, before)
        const usual = refreshTimes(0, lifetime)
        assert.isTrue(0 < advisoryAt && advisoryAt <= mandatoryAt && mandatoryAt <= usual.mandatoryAt)
        if (lifetime - before >= attemptInterval) assert.isAtMost(mandatoryAt, lifetime - before)
        // Callers wait at most twice a minute because of this option.
        else assert.strictEqual(mandatoryAt, usual.mandatoryAt)
        if (mandatoryAt < usual.mandatoryAt) assert.isAtLeast(mandatoryAt, attemptInterval)
      }),
      runs
    )
  })

  it("are infinite for credentials that do not expire", () => {
    assert.deepStrictEqual(refreshTimes(0, Infinity), { advisoryAt: Infinity, mandatoryAt: Infinity })
  })
})

describe("decideCredentials", () => {
  const kinds: ReadonlyArray<IdentityError.Kind> = [
    "NotConfigured",
    "InvalidConfig",
    "LoginRequired",
    "AccessDenied",
    "Unavailable",
    "InvalidAnswer"
  ]
  const event = fc.record({
    pass: fc.oneof(fc.integer({ min: 0, max: 6000 }), fc.integer({ min: 0, max: 4_000_000 })),
    atLeast: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 8_000_000 })),
    lifetime: fc.option(fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 4_000_000 }))),
    kind: fc.constantFrom(...kinds),
    random: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
  })

  it("never returns expired credentials, never fails while credentials are valid, and spaces its attempts", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        let now = 0
        let held: Held<string, string> = none
        let failed: { readonly at: number; readonly kind: IdentityError.Kind; readonly wasGood: boolean } | undefined
        let triedAt = -Infinity
        for (const { atLeast, kind, lifetime, pass, random } of events) {
          now += pass
          const decision = decideCredentials(now, held, atLeast)
          const isGood = held._tag === "Good" && held.expiration > now
          if (decision === "Hit" || decision === "HitAndRefresh") {
            assert.isTrue(isGood)
            if (held._tag === "Good" && held.expiration - now < atLeast) assert.isBelow(now - triedAt, attemptInterval)
            if (decision === "Hit") continue
          }
          if (decision === "Fail") {
            assert.isFalse(isGood)
            const longest = failed?.kind === "AccessDenied" || failed?.kind === "InvalidConfig" ? 5000 : 1000
            assert.isBelow(now - (failed?.at ?? -Infinity), longest)
            continue
          }
          // An attempt.
          if (failed !== undefined && failed.wasGood && isGood) assert.isAtLeast(now - failed.at, 20_000 - 1e-6)
          if (failed !== undefined && !failed.wasGood) {
            const shortest = { NotConfigured: 0, LoginRequired: 0, InvalidConfig: 1000, AccessDenied: 1000 }
            assert.isAtLeast(now - failed.at, kindOf(shortest, failed.kind))
          }
          triedAt = now
          if (lifetime !== null) {
            held = good(now, "value", now + lifetime)
            failed = undefined
          } else {
            held = afterFailure(now, held, "failure", kind, random)
            failed = { at: now, kind, wasGood: isGood }
            assert.strictEqual(held._tag === "Good", isGood)
          }
        }
      }),
      { numRuns: 3000 }
    )
  })

  const kindOf = (pauses: Partial<Record<IdentityError.Kind, number>>, kind: IdentityError.Kind): number =>
    pauses[kind] ?? 500

  it("ignores a failure whose time is in the future because the clock was set back", () => {
    const held = afterFailure(10_000, none, "failure", "AccessDenied", 0.5)
    assert.strictEqual(decideCredentials(10_000, held), "Fail")
    assert.strictEqual(decideCredentials(9999, held), "Wait")
  })
})

describe("nextPoll", () => {
  const call = { service: "SSO OIDC", operation: "createToken" }
  const answer = (code: string, status = 400) => ({ ...call, code, status })
  const unreachable = new IdentityError.ServiceUnreachable({
    ...call,
    endpoint: "",
    code: "ECONNRESET"
  })
  const answers = fc.constantFrom(
    new IdentityError.AuthorizationPendingException(answer("AuthorizationPendingException")),
    new IdentityError.SlowDownException(answer("SlowDownException")),
    new IdentityError.ServiceError(answer("InternalServerException", 500)),
    new IdentityError.ServiceError(answer("TooManyRequestsException", 429)),
    new IdentityError.InvalidResponse({ ...call, endpoint: "", status: 200, problem: "garbage" }),
    unreachable
  )
  const start: PollState = { intervalMillis: 5000, waitMillis: 5000, deadline: 600_000 }

  it("waits at least the interval, which grows by 5 s on slow_down only", () => {
    fc.assert(
      fc.property(fc.array(answers, { maxLength: 20 }), (sequence) => {
        let state = start
        let slowDowns = 0
        for (const answer of sequence) {
          const next = nextPoll(state, answer)
          assert(next._tag === "Wait")
          if (answer._tag === "SlowDownException") slowDowns += 1
          state = next.state
          assert.strictEqual(state.intervalMillis, 5000 + 5000 * slowDowns)
          assert.isAtLeast(state.waitMillis, state.intervalMillis)
          assert.isAtMost(state.waitMillis, Math.max(60_000, state.intervalMillis))
        }
      }),
      runs
    )
  })

  it("ends as Denied, Expired or Failed when the person or the service decides", () => {
    const { AccessDeniedException, ExpiredTokenException, InvalidClientException, InvalidGrantException } =
      IdentityError
    const tagOf = (error: IdentityError.CreateTokenError) => nextPoll(start, error)._tag
    assert.strictEqual(tagOf(new AccessDeniedException(answer("AccessDeniedException"))), "Denied")
    assert.strictEqual(tagOf(new ExpiredTokenException(answer("ExpiredTokenException"))), "Expired")
    assert.strictEqual(tagOf(new InvalidGrantException(answer("InvalidGrantException"))), "Failed")
    assert.strictEqual(tagOf(new InvalidClientException(answer("InvalidClientException", 401))), "Failed")
    assert.strictEqual(tagOf(new IdentityError.ServiceError(answer("InvalidScopeException"))), "Failed")
    assert.strictEqual(tagOf(new IdentityError.InvalidInput({ ...call, problem: "" })), "Failed")
    const locked = { ...answer("AccessDeniedException"), detailCode: "KMS_AccessDeniedException" }
    assert.strictEqual(tagOf(new AccessDeniedException(locked)), "Failed", "no person refused")
  })
})

describe("the token file", () => {
  const text = fc.string({ minLength: 1 })
  const secret = text.map(Redacted.make)
  const time = fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => DateTime.unsafeMake(seconds * 1000))
  const optional = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary).map(Option.fromNullable)
  const token = fc.record({
    startUrl: optional(text),
    region: optional(text),
    accessToken: fc.stringMatching(/^[\x21-\x7e]+$/).map(Redacted.make),
    expiresAt: time,
    clientId: optional(text),
    clientSecret: optional(secret),
    registrationExpiresAt: optional(time),
    refreshToken: optional(secret),
    unknown: fc.dictionary(text.map((key) => `x-${key}`), fc.jsonValue({ noUnicodeString: false })).map((fields) =>
      Redacted.make(JSON.parse(JSON.stringify(fields)) as Record<string, unknown>)
    )
  }).map((fields) => new SsoTokenCache.SsoToken(fields))

  it("decodes to the token that was encoded", () => {
    fc.assert(
      fc.property(token, (token) => {
        const decoded = Either.getOrThrow(SsoTokenCache.decode(SsoTokenCache.encode(token)))
        assertEquals(decoded.accessToken, token.accessToken)
        for (const key of ["startUrl", "region", "clientId", "clientSecret", "refreshToken", "expiresAt"] as const) {
          assertEquals<unknown>(decoded[key], token[key])
        }
        assertEquals(decoded.registrationExpiresAt, token.registrationExpiresAt)
        assert.deepStrictEqual(Redacted.value(decoded.unknown), Redacted.value(token.unknown))
      }),
      { numRuns: 1000 }
    )
  })

  it("is decoded or refused without a throw, whatever its content", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.tuple(token, fc.nat(), fc.nat()).map(([token, from, to]) =>
            SsoTokenCache.encode(token).slice(from % 40, -(to % 40))
          )
        ),
        (text) => {
          assert.isTrue(Either.isEither(SsoTokenCache.decode(text)))
        }
      ),
      runs
    )
  })

  const written = (fields: Record<string, unknown>) =>
    SsoTokenCache.decode(JSON.stringify({ accessToken: "t", expiresAt: "2030-01-01T00:00:00Z", ...fields }))

  it("accepts every format of time that a tool writes, and refuses other texts", () => {
    for (
      const [text, expected] of [
        ["2021-12-25T13:30:00Z", "2021-12-25T13:30:00.000Z"],
        ["2021-12-25T13:30:00.123Z", "2021-12-25T13:30:00.123Z"],
        ["2021-12-25T13:30:00.123456789Z", "2021-12-25T13:30:00.123Z"],
        ["2020-06-05T03:14:05UTC", "2020-06-05T03:14:05.000Z"],
        ["2020-06-05T03:14:05 GMT", "2020-06-05T03:14:05.000Z"],
        ["2020-06-05T03:14:05+02:00", "2020-06-05T01:14:05.000Z"],
        ["2020-06-05T03:14:05-0230", "2020-06-05T05:44:05.000Z"]
      ] as const
    ) {
      const token = Either.getOrThrow(written({ expiresAt: text }))
      assert.strictEqual(DateTime.formatIso(token.expiresAt), expected)
    }
    for (const text of ["soon", "2020-06-05", "2020-13-45T99:00:00Z", "1591326845", 1591326845, null, ""]) {
      assert.isTrue(Either.isLeft(written({ expiresAt: text })), String(text))
    }
  })

  it("has times in whole seconds, which older readers require, rounded down", () => {
    const token = Either.getOrThrow(written({ expiresAt: "2030-01-01T00:00:00.999Z" }))
    assert.include(SsoTokenCache.encode(token), "\"expiresAt\": \"2030-01-01T00:00:00Z\"")
  })

  it("refuses a file whose JSON is nested so deeply that writing it back would overflow the stack", () => {
    const file = (depth: number) =>
      `{"accessToken":"hidden","expiresAt":"2030-01-01T00:00:00Z","x":${"[".repeat(depth)}${"]".repeat(depth)}}`
    const refused = SsoTokenCache.decode(file(200_000))
    assert.isTrue(Either.isLeft(refused))
    assert.notInclude(String(Either.merge(refused)), "hidden")
    const token = Either.getOrThrow(SsoTokenCache.decode(file(50)))
    assert.strictEqual(
      JSON.stringify(JSON.parse(SsoTokenCache.encode(token)).x),
      JSON.stringify(JSON.parse(file(50)).x)
    )
  })

  it("accepts keys in any letter case, and treats null and empty fields as absent", () => {
    const token = Either.getOrThrow(
      SsoTokenCache.decode(
        "{\"AccessToken\":\"t\",\"EXPIRESAT\":\"2030-01-01T00:00:00Z\",\"refreshToken\":\"\",\"clientId\":null,\"idToken\":\"x\"}"
      )
    )
    assert.strictEqual(Redacted.value(token.accessToken), "t")
    assert.isTrue(Option.isNone(token.refreshToken))
    assert.isTrue(Option.isNone(token.clientId))
    assert.deepStrictEqual(JSON.parse(SsoTokenCache.encode(token)), {
      accessToken: "t",
      expiresAt: "2030-01-01T00:00:00Z",
      idToken: "x"
    })
  })

  it("ignores an optional field that is not valid", () => {
    const token = Either.getOrThrow(
      written({ registrationExpiresAt: "soon", region: 7, clientSecret: [], refreshToken: "r", other: 1 })
    )
    assert.isTrue(Option.isNone(token.registrationExpiresAt))
    assert.isTrue(Option.isNone(token.region))
    assert.isTrue(Option.isNone(token.clientSecret))
    assert.isTrue(Option.isSome(token.refreshToken))
    assert.deepStrictEqual(Redacted.value(token.unknown), { other: 1 })
    assertEquals(written({ accessToken: "", region: 7 }), Either.left("\"accessToken\" is missing"))
  })

  it("is named by the SHA-1 of the session's name or start URL, as in every AWS tool", () => {
    for (
      const [key, sha1] of [
        ["my-sso", "0ad374308c5a4e22f723adf10145eafad7c4031c"],
        ["admin", "d033e22ae348aeb5660fc2140aec35850c4da997"],
        ["https://d-92671207e4.awsapps.com/start", "13f9d35043871d073ab260e020f0ffde092cb14b"],
        ["café", "f424452a9673918c6f09b0cdd35b20be8e6ae7d7"]
      ] as const
    ) {
      assert.strictEqual(SsoTokenCache.fileName(key), `${sha1}.json`)
    }
  })
})

describe("Region", () => {
  it("finds the partition by the region's name", () => {
    for (
      const [region, suffix] of [
        ["us-east-1", "amazonaws.com"],
        ["mx-central-1", "amazonaws.com"],
        ["xx-new-1", "amazonaws.com"],
        ["cn-northwest-1", "amazonaws.com.cn"],
        ["us-gov-west-1", "amazonaws.com"],
        ["eusc-de-east-1", "amazonaws.eu"],
        ["us-iso-east-1", "c2s.ic.gov"],
        ["us-isob-east-1", "sc2s.sgov.gov"],
        ["eu-isoe-west-1", "cloud.adc-e.uk"],
        ["us-isof-south-1", "csp.hci.ic.gov"]
      ] as const
    ) {
      assert.strictEqual(Region.partition(Region.make(region)).dnsSuffix, suffix)
    }
  })

  it("refuses any text that is not a host label", () => {
    for (const name of ["", "-", "us-east-1.", "us_east", "US-EAST-1", "a".repeat(64), "us-east-1\n", "a/b", "@"]) {
      assert.throws(() => Region.make(name))
    }
  })
})
