import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, FastCheck, Option, Redacted } from "effect"
import { IdentityError, SharedConfig, SsoTokenCache, SsoTokenProvider } from "effect-aws-identity"
import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import { foreignOwner } from "../src/internal/tokenOwner.js"

// The session's token file holds a token that another IAM Identity Center issued.

const session = { startUrl: "https://example.awsapps.com/start", region: "eu-west-1" }

const problemOf = (token: { readonly startUrl?: string; readonly region?: string }, of = session) =>
  foreignOwner({ startUrl: Option.fromNullable(token.startUrl), region: Option.fromNullable(token.region) }, of)

describe("foreignOwner", () => {
  it("accepts every spelling of the session's start URL that AWS's tools write or accept", () => {
    const spellings = [
      "https://example.awsapps.com/start",
      "https://example.awsapps.com/start/",
      "https://example.awsapps.com/start//",
      "https://example.awsapps.com/start#",
      "https://example.awsapps.com/start#/",
      "https://example.awsapps.com/start/#/",
      "https://example.awsapps.com/start/#/?tab=accounts",
      "https://example.awsapps.com/start/?language=en",
      "https://EXAMPLE.awsapps.com/start",
      "HTTPS://example.awsapps.com:443/Start",
      " https://example.awsapps.com/start\n"
    ]
    for (const left of spellings) {
      for (const right of spellings) {
        assert.strictEqual(
          problemOf({ startUrl: left }, { ...session, startUrl: right }),
          undefined,
          `${left} ${right}`
        )
      }
    }
  })

  it("accepts a token without start URL or region, because some tools do not write them", () => {
    assert.strictEqual(problemOf({}), undefined)
    assert.strictEqual(problemOf({ region: " EU-West-1 " }), undefined)
    assert.strictEqual(problemOf({ startUrl: session.startUrl }), undefined)
  })

  it("names the start URL and region of token and session when they differ", () => {
    assert.strictEqual(
      problemOf({ startUrl: "https://other.awsapps.com/start", region: "us-east-1" }),
      "the token file belongs to the start URL \"https://other.awsapps.com/start\" and region \"us-east-1\", " +
        "but the session has the start URL \"https://example.awsapps.com/start\" and region \"eu-west-1\""
    )
    assert.strictEqual(
      problemOf({ startUrl: `${session.startUrl}/`, region: "us-east-1" }),
      "the token file belongs to region \"us-east-1\", but the session has region \"eu-west-1\""
    )
  })

  it("refuses another host, path, port, scheme or text that is not a URL", () => {
    for (
      const startUrl of [
        "https://example2.awsapps.com/start",
        "https://example.awsapps.com/start2",
        "https://example.awsapps.com",
        "https://example.awsapps.com:8443/start",
        "http://example.awsapps.com/start",
        "https://ssoins-1234.portal.eu-west-1.app.aws",
        "example.awsapps.com/start",
        "nonsense"
      ]
    ) assert.include(problemOf({ startUrl }), JSON.stringify(startUrl))
    assert.strictEqual(problemOf({ startUrl: "nonsense/" }, { ...session, startUrl: "nonsense" }), undefined)
  })

  it("shows any text of the file on one line of bounded length", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string({ maxLength: 300, unit: "binary" }), (startUrl) => {
        const problem = problemOf({ startUrl }) ?? ""
        assert.match(problem, /^[ -~]*$/)
        assert.isBelow(problem.length, 2000)
      }),
      { numRuns: 2000 }
    )
  })
})

describe("SsoTokenProvider.get with a token file of another Identity Center", () => {
  const foreign: Readonly<Record<string, Partial<SsoTokenCache.SsoToken>>> = {
    "another start URL": { startUrl: Option.some("https://other.awsapps.com/start") },
    "another region": { region: Option.some("eu-north-1") }
  }
  const ages: Readonly<Record<string, string>> = { valid: "2100-01-01T00:00:00Z", expired: "1969-01-01T00:00:00Z" }
  for (const [name, fields] of Object.entries(foreign)) {
    for (const [age, expiresAt] of Object.entries(ages)) {
      it.effect(`fails with SsoLoginRequired and sends nothing when the ${age} token has ${name}`, () =>
        Effect.gen(function*() {
          const center = yield* IdentityCenter.IdentityCenter
          const cache = yield* SsoTokenCache.SsoTokenCache
          const session = yield* SharedConfig.session("example")
          const token = Option.getOrThrow(yield* cache.get("example"))
          const spoilt = new SsoTokenCache.SsoToken({ ...token, ...fields, expiresAt: DateTime.unsafeMake(expiresAt) })
          yield* cache.set("example", spoilt)
          const error = yield* Effect.flip(
            Effect.flatMap(SsoTokenProvider.SsoTokenProvider, (provider) => provider.get(session))
          )
          assert.instanceOf(error, IdentityError.SsoLoginRequired)
          assert.strictEqual(error.reason, "NoToken")
          assert.include(error.message, name.includes("URL") ? "other.awsapps.com" : "eu-north-1")
          assert.include(error.message, "aws sso login --sso-session example")
          assert.deepStrictEqual(yield* center.calls, [])
          assert.deepStrictEqual(Option.getOrThrow(yield* cache.get("example")), spoilt)
        }).pipe(Effect.provide(TestIdentity.layer())))
    }
  }

  it.effect("does not return a token of another Identity Center that is written during a refresh", () =>
    Effect.gen(function*() {
      const cache = yield* SsoTokenCache.SsoTokenCache
      const session = yield* SharedConfig.session("example")
      const token = Option.getOrThrow(yield* cache.get("example"))
      yield* cache.set("example", new SsoTokenCache.SsoToken({ ...token, expiresAt: DateTime.unsafeMake(0) }))
      const other = new SsoTokenCache.SsoToken({
        ...token,
        accessToken: Redacted.make("other"),
        startUrl: Option.some("https://other.awsapps.com/start")
      })
      let reads = 0
      const provider = yield* Effect.provideService(SsoTokenProvider.make, SsoTokenCache.SsoTokenCache, {
        ...cache,
        get: (key) =>
          Effect.zipRight(Effect.suspend(() => ++reads === 3 ? cache.set(key, other) : Effect.void), cache.get(key))
      })
      const error = yield* Effect.flip(provider.get(session))
      assert.strictEqual(error._tag, "SsoLoginRequired")
      assert.include(error.message, "other.awsapps.com")
      assert.deepStrictEqual(Option.getOrThrow(yield* cache.get("example")), other)
    }).pipe(Effect.scoped, Effect.provide(TestIdentity.layer())))
})
