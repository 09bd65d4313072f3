import {
  AssumeRoleWithWebIdentityCommand,
  ExpiredTokenException,
  InvalidIdentityTokenException,
  STSClient,
  type STSServiceException
} from "@aws-sdk/client-sts"
import { HttpClient, HttpServer } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FastCheck as fc, Layer, Runtime, TestClock } from "effect"
import { Emulator, IdentityCenter, OpenIdProvider, type SecurityTokenService } from "effect-aws-identity-testing"
import * as jose from "jose"
import { createHmac } from "node:crypto"
import { createServer } from "node:http"

const arn = "arn:aws:iam::111122223333:role/ci"
const start = 1_700_000_000

/** A provider, and the STS that knows it. */
const worldOf = (
  options: OpenIdProvider.Options = {},
  center: Omit<IdentityCenter.Options, "openIdProviders"> = {},
  clientIds: ReadonlyArray<string> = ["sts.amazonaws.com"]
) =>
  Layer.unwrapEffect(
    Effect.map(OpenIdProvider.OpenIdProvider, (provider) =>
      IdentityCenter.layer({ ...center, openIdProviders: [{ provider, clientIds }] }))
  ).pipe(
    Layer.provideMerge(OpenIdProvider.layer(options)),
    Layer.provideMerge(Layer.effectDiscard(TestClock.setTime(start * 1000)))
  )

const world = worldOf()

const assume = (WebIdentityToken: string, RoleArn = arn) =>
  Effect.flatMap(
    IdentityCenter.IdentityCenter,
    ({ sts }) => sts.assumeRoleWithWebIdentity({ RoleArn, RoleSessionName: "build", WebIdentityToken })
  )

const refusal = <A, R>(effect: Effect.Effect<A, SecurityTokenService.Exception, R>) =>
  Effect.map(Effect.flip(effect), ({ description, name }) => `${name}: ${description}`)

/** As it comes over the wire. */
const published = Effect.flatMap(
  OpenIdProvider.OpenIdProvider,
  ({ jwks }) => Effect.map(jwks, (jwks): jose.JSONWebKeySet => JSON.parse(JSON.stringify(jwks)))
)

const now = Effect.map(TestClock.currentTimeMillis, (millis) => new Date(millis))

const verifyWithJose = (token: string, audience = "sts.amazonaws.com") =>
  Effect.gen(function*() {
    const keys = jose.createLocalJWKSet(yield* published)
    const currentDate = yield* now
    return yield* Effect.promise(() =>
      jose.jwtVerify(token, keys, { currentDate, issuer: "https://oidc.example.com", audience, algorithms: ["RS256"] })
    )
  })

const noKey = "InvalidIdentityToken: Couldn't retrieve verification key from your identity provider, please " +
  "reference AssumeRoleWithWebIdentity documentation for requirements"
const notAJwt = "InvalidIdentityToken: The ID Token provided is not a valid JWT. (You may see this error if you sent " +
  "an Access Token)"
const denied = "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"

describe("a token of the provider", () => {
  it.effect("is one that others verify by the published keys", () =>
    Effect.gen(function*() {
      const provider = yield* OpenIdProvider.OpenIdProvider
      const { payload, protectedHeader } = yield* verifyWithJose(yield* provider.issue())
      assert.deepStrictEqual({ ...payload }, {
        iss: "https://oidc.example.com",
        sub: "user@example.com",
        aud: "sts.amazonaws.com",
        iat: start,
        exp: start + 3600
      })
      const [key, ...more] = (yield* published).keys
      assert.isEmpty(more)
      assert.deepInclude(key, { kty: "RSA", use: "sig", alg: "RS256", kid: protectedHeader.kid ?? "" })
      assert.hasAllKeys(key, ["kty", "use", "alg", "kid", "n", "e"])
      assert.strictEqual(
        yield* Effect.promise(() => jose.calculateJwkThumbprint(key ?? {})),
        protectedHeader.kid
      )
      assert.strictEqual(Buffer.from(key?.n ?? "", "base64url").length, 256)
    }).pipe(Effect.provide(world)))

  it.effect("says what a test wants it to", () =>
    Effect.gen(function*() {
      const provider = yield* OpenIdProvider.OpenIdProvider
      const claims = { aud: ["a", "b"], azp: "a", nbf: start, "https://aws.amazon.com/source_identity": "me" }
      const { payload } = yield* verifyWithJose(
        yield* provider.issue({ lifetime: "90 seconds", claims: { ...claims, sub: undefined } }),
        "b"
      )
      assert.deepStrictEqual({ ...payload }, {
        ...claims,
        iss: "https://oidc.example.com",
        iat: start,
        exp: start + 90
      })
      const short = yield* OpenIdProvider.make({ issuer: "https://other.example", lifetime: "1 minute" })
      const { exp, iss } = jose.decodeJwt(yield* short.issue())
      assert.deepStrictEqual({ exp, iss }, { iss: "https://other.example", exp: start + 60 })
    }).pipe(Effect.provide(world)))

  it.effect("is signed with one key, however many ask at once", () =>
    Effect.gen(function*() {
      const provider = yield* OpenIdProvider.OpenIdProvider
      const tokens = yield* Effect.replicateEffect(provider.issue(), 5, { concurrency: "unbounded" })
      assert.strictEqual(new Set(tokens.map((token) => jose.decodeProtectedHeader(token).kid)).size, 1)
      assert.lengthOf((yield* provider.jwks).keys, 1)
    }).pipe(Effect.provide(world)))
})

describe("a registered provider", () => {
  it.effect("is believed, with what its token says", () =>
    Effect.gen(function*() {
      const provider = yield* OpenIdProvider.OpenIdProvider
      const answer = yield* assume(
        yield* provider.issue({ claims: { "https://aws.amazon.com/source_identity": "me" } })
      )
      assert.deepInclude(answer, {
        SubjectFromWebIdentityToken: "user@example.com",
        Audience: "sts.amazonaws.com",
        Provider: "https://oidc.example.com",
        SourceIdentity: "me"
      })
      assert.notProperty(answer, "claims")
    }).pipe(Effect.provide(world)))

  it.effect("has no token of which any character can be changed", () =>
    Effect.gen(function*() {
      const provider = yield* OpenIdProvider.OpenIdProvider
      const token = yield* provider.issue()
      yield* assume(token)
      const base64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
      const other = (index: number, by: number) => {
        const char = base64Url[(base64Url.indexOf(token[index] ?? "") + by) % 64]
        return `${token.slice(0, index)}${char}${token.slice(index + 1)}`
      }
      // The last character has bits that belong to no byte.
      const last = Array.from({ length: 63 }, (_, by) => other(token.length - 1, by + 1))
      const changed = Array.from(token, (char, index) => char === "." ? [] : [other(index, 1), other(index, 32)]).flat()
      for (const forged of [...last, ...changed]) {
        assert.strictEqual((yield* Effect.flip(assume(forged))).name, "InvalidIdentityToken", forged)
      }

      const runtime = yield* Effect.runtime<IdentityCenter.IdentityCenter>()
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(
            fc.nat(token.length - 1),
            fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
            async (index, char) => {
              fc.pre(char !== token[index])
              const forged = `${token.slice(0, index)}${char}${token.slice(index + 1)}`
              return (await Runtime.runPromise(runtime)(Effect.flip(assume(forged)))).name === "InvalidIdentityToken"
            }
          ),
          { numRuns: 500 }
        )
      )
    }).pipe(Effect.provide(world)))

  it.effect("is told in AWS's words what is wrong", () =>
    Effect.gen(function*() {
      const provider = yield* OpenIdProvider.OpenIdProvider
      const refused = (options: OpenIdProvider.TokenOptions) =>
        Effect.flatMap(provider.issue(options), (token) => refusal(assume(token)))
      const claims = (claims: Readonly<Record<string, unknown>>) => refused({ claims })

      assert.strictEqual(
        yield* claims({ iss: "https://elsewhere.example" }),
        "InvalidIdentityToken: No OpenIDConnect provider found in your account for https://elsewhere.example"
      )
      // As a claim, a slash more is another issuer.
      assert.match(yield* claims({ iss: "https://oidc.example.com/" }), /No OpenIDConnect provider found/)
      assert.strictEqual(yield* claims({ aud: "sts" }), "InvalidIdentityToken: Incorrect token audience")
      assert.strictEqual(
        yield* claims({ aud: "sts.amazonaws.com", azp: "app" }),
        "InvalidIdentityToken: Incorrect token audience"
      )
      assert.strictEqual(yield* refused({ flaw: "UnknownKey" }), noKey)
      assert.strictEqual(yield* refused({ flaw: "OtherKey" }), "InvalidIdentityToken: Token signature invalid")
      assert.strictEqual(yield* refused({ flaw: "Unsigned" }), notAJwt)
      assert.strictEqual(yield* claims({ exp: start + 0.5 }), notAJwt)
      assert.strictEqual(yield* claims({ iat: String(start) }), notAJwt)
      for (const claim of ["iss", "sub", "aud", "exp", "iat"]) {
        assert.strictEqual(
          yield* claims({ [claim]: undefined }),
          `InvalidIdentityToken: Missing a required claim: ${claim}`
        )
      }
      assert.strictEqual(
        yield* claims({ nbf: start + 1 }),
        `InvalidIdentityToken: Token not yet valid: current date/time ${start} is before ${start + 1}`
      )
      const early = yield* provider.issue({ lifetime: "60 seconds", claims: { nbf: start } })
      yield* assume(early)
      yield* TestClock.adjust("59 seconds")
      yield* assume(early)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(
        yield* refusal(assume(early)),
        `ExpiredTokenException: Token expired: current date/time ${start + 60} must be before the expiration ` +
          `date/time ${start + 60}`
      )
      // A forged token is not told that it is too old, too.
      assert.match(yield* refused({ flaw: "OtherKey", claims: { exp: start } }), /signature invalid$/)
    }).pipe(Effect.provide(world)))

  it.effect("may have more than one client, and a token more than one audience", () =>
    Effect.gen(function*() {
      const provider = yield* OpenIdProvider.OpenIdProvider
      const audience = (claims: Readonly<Record<string, unknown>>) =>
        Effect.map(Effect.flatMap(provider.issue({ claims }), (token) => assume(token)), ({ Audience }) => Audience)
      assert.strictEqual(yield* audience({ aud: "b" }), "b")
      assert.strictEqual(yield* audience({ aud: ["a", "x"] }), "a")
      assert.strictEqual(yield* audience({ aud: ["x", "y"], azp: "a" }), "a")
      assert.match(yield* refusal(audience({ aud: ["x", "y"] })), /Incorrect token audience/)
      assert.match(yield* refusal(audience({})), /Incorrect token audience/)
    }).pipe(Effect.provide(worldOf({}, {}, ["a", "b"]))))

  it.effect("may change its key, and stop to publish the old one", () =>
    Effect.gen(function*() {
      const provider = yield* OpenIdProvider.OpenIdProvider
      const first = yield* provider.issue()
      yield* provider.rotate()
      const second = yield* provider.issue()
      assert.notStrictEqual(jose.decodeProtectedHeader(first).kid, jose.decodeProtectedHeader(second).kid)
      assert.deepStrictEqual(
        (yield* provider.jwks).keys.map(({ kid }) => kid),
        [second, first].map((token) => jose.decodeProtectedHeader(token).kid)
      )
      yield* assume(first)
      yield* assume(second)
      yield* verifyWithJose(first)
      yield* provider.rotate({ keepOld: false })
      assert.strictEqual(yield* refusal(assume(first)), noKey)
      assert.strictEqual(yield* refusal(assume(second)), noKey)
      assert.lengthOf((yield* provider.jwks).keys, 1)
      yield* assume(yield* provider.issue())
    }).pipe(Effect.provide(world)))
})

it.effect("without a provider, any text is a signature", () =>
  Effect.gen(function*() {
    const { issue } = yield* OpenIdProvider.OpenIdProvider
    const [header, payload] = (yield* issue({ flaw: "OtherKey" })).split(".")
    for (const signature of ["signature", "sig", "c2ln", "=", "!"]) {
      assert.strictEqual((yield* assume(`${header}.${payload}.${signature}`)).Audience, "sts.amazonaws.com")
    }
    assert.strictEqual(yield* refusal(assume(`${header}.${payload}.`)), notAJwt)
  }).pipe(Effect.provide(Layer.merge(OpenIdProvider.layer(), IdentityCenter.layer({ openIdProviders: [] })))))

describe("a provider of someone else", () => {
  const issuer = "https://elsewhere.example"

  const keyOf = (alg: string) =>
    Effect.promise(async () => {
      const { privateKey, publicKey } = await jose.generateKeyPair(alg, { extractable: true })
      return { alg, privateKey, jwk: { ...await jose.exportJWK(publicKey), kid: alg } }
    })

  const sign = (key: CryptoKey | Uint8Array, header: jose.JWTHeaderParameters) =>
    Effect.promise(() =>
      new jose.SignJWT({ sub: "someone", aud: "sts.amazonaws.com" }).setProtectedHeader(header).setIssuer(issuer)
        .setIssuedAt(start).setExpirationTime(start + 60).sign(key)
    )

  const centerOf = (jwks: SecurityTokenService.RegisteredOpenIdProvider["provider"]["jwks"]) =>
    Layer.merge(
      IdentityCenter.layer({
        openIdProviders: [{ provider: { issuer, jwks }, clientIds: ["sts.amazonaws.com"] }]
      }),
      Layer.effectDiscard(TestClock.setTime(start * 1000))
    )

  it.effect("may sign with every algorithm that AWS takes, and no other", () =>
    Effect.gen(function*() {
      const keys = yield* Effect.forEach(
        ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "EdDSA"],
        keyOf,
        { concurrency: "unbounded" }
      )
      const jwks = { keys: keys.map(({ jwk }) => jwk) }
      for (const { alg, privateKey } of keys) {
        const token = yield* sign(privateKey, { alg, kid: alg })
        const outcome = assume(token).pipe(
          Effect.match({ onFailure: ({ description }) => description, onSuccess: ({ Provider }) => Provider }),
          Effect.provide(centerOf(Effect.succeed(jwks)))
        )
        assert.strictEqual(yield* outcome, /^[RE]S/.test(alg) ? issuer : notAJwt.replace(/^\w+: /, ""), alg)
      }
    }))

  it.effect("has keys that only sign as they are meant to", () =>
    Effect.gen(function*() {
      const [rs, es, es384] = yield* Effect.all([keyOf("RS256"), keyOf("ES256"), keyOf("ES384")])
      const { n = "" } = rs.jwk
      const refused = (token: string, ...keys: ReadonlyArray<OpenIdProvider.JsonWebKey>) =>
        refusal(assume(token)).pipe(Effect.provide(centerOf(Effect.succeed({ keys }))))
      const token = yield* sign(rs.privateKey, { alg: "RS256", kid: "k" })
      yield* assume(token).pipe(Effect.provide(centerOf(Effect.succeed({ keys: [{ ...rs.jwk, kid: "k" }] }))))
      assert.strictEqual(yield* refused(token), noKey)
      assert.strictEqual(yield* refused(token, { ...rs.jwk, kid: "other" }), noKey)
      assert.strictEqual(yield* refused(token, { ...rs.jwk, kid: undefined }), noKey)
      assert.strictEqual(yield* refused(token, { ...rs.jwk, kid: "k", alg: "RS512" }), noKey)
      assert.strictEqual(yield* refused(token, { ...es.jwk, kid: "k" }), noKey)
      assert.strictEqual(yield* refused(token, { kty: "RSA", kid: "k", n }), noKey)
      assert.strictEqual(
        yield* refused(yield* sign(es.privateKey, { alg: "ES256", kid: "k" }), { ...es384.jwk, kid: "k" }),
        noKey
      )
      // A token that names no key is of no key, also where there is only one.
      assert.strictEqual(
        yield* refused(yield* sign(rs.privateKey, { alg: "RS256" }), { ...rs.jwk, kid: undefined }),
        noKey
      )
      // What is public is no shared secret.
      const hmac = yield* sign(new TextEncoder().encode(n), { alg: "HS256", kid: "k" })
      assert.strictEqual(hmac.split(".")[2], createHmac("sha256", n).update(hmac.slice(0, -44)).digest("base64url"))
      assert.strictEqual(yield* refused(hmac, { ...rs.jwk, kid: "k" }), notAJwt)
    }))

  it.effect("may be out of reach", () =>
    Effect.gen(function*() {
      const { privateKey } = yield* keyOf("ES256")
      assert.strictEqual(yield* refusal(assume(yield* sign(privateKey, { alg: "ES256", kid: "k" }))), noKey)
      const { status } = yield* HttpClient.get(`${issuer}/.well-known/jwks`).pipe(
        Effect.provide(Emulator.layerHttpClient)
      )
      assert.strictEqual(status, 503)
    }).pipe(Effect.provide(centerOf(Effect.fail({ message: "No route to host" })))))
})

describe("the trust policy of a role", () => {
  const issuer = "https://oidc.example.com"
  const sub = "repo:me/app:ref:refs/heads/main"
  const holds = (
    trust: Omit<SecurityTokenService.FederatedTrust, "issuer">,
    claims: Readonly<Record<string, unknown>> = {}
  ) =>
    Effect.gen(function*() {
      const provider = yield* OpenIdProvider.OpenIdProvider
      const token = yield* provider.issue({ claims: { sub, ...claims } })
      const decide = (trusts: SecurityTokenService.Role["trusts"]) =>
        assume(token).pipe(
          Effect.match({
            onFailure: ({ description, name }) => `${name}: ${description}`,
            onSuccess: ({ Provider }) => Provider
          }),
          Effect.provide(IdentityCenter.layer({ roles: [{ arn, trusts }] }))
        )
      // A statement more that does not apply changes nothing.
      const outcome = yield* decide([{ issuer, ...trust }])
      assert.strictEqual(
        yield* decide(["111122223333", { issuer: "https://x.example" }, { issuer, ...trust }]),
        outcome
      )
      assert.include([issuer, denied], outcome)
      return outcome === issuer
    })

  it.effect("has conditions on the claims, all of which must hold", () =>
    Effect.gen(function*() {
      const aud = "sts.amazonaws.com"
      for (
        const [trust, claims, expected] of [
          [{}, {}, true],
          [{ StringEquals: {} }, {}, true],
          [{ StringEquals: { sub } }, {}, true],
          [{ StringEquals: { sub: sub.toUpperCase() } }, {}, false],
          [{ StringEquals: { sub: "repo:me/app:*" } }, {}, false],
          [{ StringEquals: { sub: ["other", sub] } }, {}, true],
          [{ StringEquals: { sub: [] } }, {}, false],
          [{ StringEquals: { sub, aud } }, {}, true],
          [{ StringEquals: { sub, aud: "other" } }, {}, false],
          [{ StringEquals: { aud }, StringLike: { sub: "repo:me/*" } }, {}, true],
          [{ StringEquals: { aud: "other" }, StringLike: { sub: "repo:me/*" } }, {}, false],
          [{ StringEquals: { aud }, StringLike: { sub: "repo:you/*" } }, {}, false],
          [{ StringEquals: { aud } }, { aud: ["other", aud] }, true],
          [{ StringEquals: { aud } }, { aud, azp: "app" }, false],
          [{ StringEquals: { aud: "app" } }, { aud, azp: "app" }, true],
          [{ StringEquals: { repository: "me/app" } }, {}, false],
          [{ StringEquals: { repository: "me/app" } }, { repository: "me/app" }, true],
          [{ StringEquals: { attempt: "1" } }, { attempt: 1 }, false],
          [{ StringLike: { constructor: "*" } }, {}, false]
        ] as const
      ) {
        assert.strictEqual(yield* holds(trust, claims), expected, JSON.stringify([trust, claims]))
      }
    }).pipe(Effect.provide(OpenIdProvider.layer())))

  it.effect("knows * and ?, and no other sign", () =>
    Effect.gen(function*() {
      for (
        const [pattern, text, expected] of [
          ["*", "x", true],
          ["*", "a\nb", true],
          ["a*", "a", true],
          ["a*c", "abbc", true],
          ["a*c", "abbcd", false],
          ["*b*", "abc", true],
          ["a**c", "abc", true],
          ["?", "a", true],
          ["?", "ab", false],
          ["a?", "a", false],
          ["?", "😀", true],
          ["a.c", "abc", false],
          ["a.c", "a.c", true],
          ["[a-c]", "b", false],
          ["[a-c]", "[a-c]", true],
          ["a+(b)|^c$\\{d}/", "a+(b)|^c$\\{d}/", true],
          ["A", "a", false],
          ["", "a", false]
        ] as const
      ) {
        assert.strictEqual(
          yield* holds({ StringLike: { sub: pattern } }, { sub: text }),
          expected,
          `${pattern} ${text}`
        )
      }
    }).pipe(Effect.provide(OpenIdProvider.layer())))

  it.effect("comes after the token itself", () =>
    Effect.gen(function*() {
      const provider = yield* OpenIdProvider.OpenIdProvider
      yield* assume(yield* provider.issue({ claims: { sub: "me" } }))
      assert.strictEqual(yield* refusal(assume(yield* provider.issue())), denied)
      assert.match(
        yield* refusal(assume(yield* provider.issue({ claims: { sub: "me" }, flaw: "OtherKey" }))),
        /^InvalidIdentityToken/
      )
    }).pipe(
      Effect.provide(worldOf({}, { roles: [{ arn, trusts: [{ issuer, StringEquals: { sub: "me" } }] }] }))
    ))
})

describe("over HTTP", () => {
  const server = NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })

  it.scoped("the provider is found by the emulator's own URL, and AWS's client knows the refusals", () =>
    Effect.gen(function*() {
      const endpoint = yield* Emulator.serve
      const { issue, issuer, rotate } = yield* OpenIdProvider.OpenIdProvider
      assert.strictEqual(issuer, `${endpoint}/oidc/1`)
      const discovery = yield* Effect.promise(async () => {
        const response = await fetch(`${issuer}/.well-known/openid-configuration`)
        assert.match(response.headers.get("content-type") ?? "", /^application\/json/)
        return await response.json() as { readonly issuer: string; readonly jwks_uri: string }
      })
      assert.strictEqual(discovery.issuer, issuer)
      const keys = jose.createRemoteJWKSet(new URL(discovery.jwks_uri), { cooldownDuration: 0 })
      const currentDate = yield* now
      const verified = (token: string) =>
        Effect.promise(() => jose.jwtVerify(token, keys, { issuer, audience: "sts.amazonaws.com", currentDate }))
      yield* verified(yield* issue())
      yield* rotate({ keepOld: false })
      yield* verified(yield* issue())

      const client = new STSClient({
        region: "us-east-1",
        endpoint,
        maxAttempts: 1,
        credentials: { accessKeyId: "", secretAccessKey: "" }
      })
      const send = (options?: OpenIdProvider.TokenOptions) =>
        Effect.flatMap(issue(options), (WebIdentityToken) =>
          Effect.tryPromise({
            try: () =>
              client.send(
                new AssumeRoleWithWebIdentityCommand({ RoleArn: arn, RoleSessionName: "build", WebIdentityToken })
              ),
            catch: (error) => error as STSServiceException
          }))
      assert.strictEqual((yield* send()).Provider, issuer)
      for (
        const [options, message] of [
          [{ flaw: "OtherKey" }, "Token signature invalid"],
          [{ flaw: "UnknownKey" }, noKey.replace(/^\w+: /, "")],
          [{ flaw: "Unsigned" }, notAJwt.replace(/^\w+: /, "")],
          [{ claims: { aud: "other" } }, "Incorrect token audience"],
          [{ claims: { aud: undefined } }, "Missing a required claim: aud"],
          [
            { claims: { iss: "https://elsewhere.example" } },
            "No OpenIDConnect provider found in your account for https://elsewhere.example"
          ]
        ] as const
      ) {
        const error = yield* Effect.flip(send(options))
        assert.instanceOf(error, InvalidIdentityTokenException)
        assert.strictEqual(error.$metadata.httpStatusCode, 400)
        assert.strictEqual(error.message, message)
      }
      const expired = yield* Effect.flip(send({ claims: { exp: start } }))
      assert.instanceOf(expired, ExpiredTokenException)
      assert.strictEqual(expired.$metadata.httpStatusCode, 400)
      const untrusted = yield* Effect.flip(send({ claims: { sub: "someone else" } }))
      assert.deepInclude(untrusted, { name: "AccessDenied", message: denied.replace(/^\w+: /, "") })
      assert.strictEqual(untrusted.$metadata.httpStatusCode, 403)
    }).pipe(
      Effect.provide(
        Layer.unwrapEffect(Effect.map(HttpServer.HttpServer, ({ address }) => {
          const issuer = `${HttpServer.formatAddress(address)}/oidc/1`
          return worldOf({ issuer }, {
            roles: [{ arn, trusts: [{ issuer, StringEquals: { sub: "user@example.com" } }] }]
          })
        })).pipe(Layer.provideMerge(server))
      )
    ))

  it.effect("each provider is found by its host, and otherwise by its path", () =>
    Effect.gen(function*() {
      const providers = yield* Effect.forEach(
        ["https://one.example", "https://two.example", "https://two.example/path", "no URL"],
        (issuer) => OpenIdProvider.make({ issuer })
      )
      const found = (url: string) =>
        Effect.flatMap(HttpClient.get(url), (response) =>
          Effect.map(response.json, (body) => [response.status, (body as { readonly issuer?: string }).issuer]))
      const wellKnown = ".well-known/openid-configuration"
      yield* Effect.gen(function*() {
        for (const issuer of ["https://one.example", "https://two.example", "https://two.example/path"]) {
          assert.deepStrictEqual(yield* found(`${issuer}/${wellKnown}`), [200, issuer])
        }
        assert.deepStrictEqual(yield* found(`http://127.0.0.1/path/${wellKnown}`), [200, "https://two.example/path"])
        assert.deepStrictEqual(yield* found(`https://one.example/other/${wellKnown}`), [404, undefined])
        const posted = yield* HttpClient.post(`https://one.example/${wellKnown}`)
        assert.strictEqual(posted.status, 404)
        const { calls } = yield* IdentityCenter.IdentityCenter
        assert.isEmpty(yield* calls)
      }).pipe(
        Effect.provide(Layer.provideMerge(
          Emulator.layerHttpClient,
          IdentityCenter.layer({ openIdProviders: providers.map((provider) => ({ provider, clientIds: [] })) })
        ))
      )
    }))
})
