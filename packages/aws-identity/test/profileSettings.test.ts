import { HttpClient, HttpClientResponse } from "@effect/platform"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { ConfigProvider, DateTime, Effect, Fiber, Layer, Option, Redacted, TestClock } from "effect"
import {
  AccountId,
  AllowedAccounts,
  CredentialsProvider,
  ProfileCredentials,
  Region,
  SharedConfig,
  Sso,
  SsoOidc,
  SsoTokenCache,
  SsoTokenProvider,
  Sts,
  type Transport
} from "effect-aws-identity"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { nodeContext, overClient, withTransport } from "./ports.js"

// The settings of a client (endpoint, region of STS, FIPS, dual-stack, retries) are those of the profile whose
// credentials are asked for, also if `SharedConfig` has another profile or none.

interface Sent {
  readonly operation:
    | "AssumeRole"
    | "GetCallerIdentity"
    | "AssumeRoleWithWebIdentity"
    | "GetRoleCredentials"
    | "CreateToken"
  readonly origin: string
}

const keys = "<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>" +
  "<SessionToken>session</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration>"

const answers: { readonly [Operation in Sent["operation"]]: string } = {
  AssumeRole:
    `<AssumeRoleResponse><AssumeRoleResult><Credentials>${keys}</Credentials></AssumeRoleResult></AssumeRoleResponse>`,
  AssumeRoleWithWebIdentity:
    `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>${keys}</Credentials>` +
    "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
  GetCallerIdentity: "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/a</Arn>" +
    "<UserId>AIDA</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
  GetRoleCredentials: JSON.stringify({
    roleCredentials: {
      accessKeyId: "ASIA",
      secretAccessKey: "secret",
      sessionToken: "session",
      expiration: 4_102_444_800_000
    }
  }),
  CreateToken: JSON.stringify({ accessToken: "new", expiresIn: 28_800, refreshToken: "next", tokenType: "Bearer" })
}

const operationOf = (url: URL, body: string): Sent["operation"] =>
  url.pathname.endsWith("/federation/credentials")
    ? "GetRoleCredentials"
    : url.pathname.endsWith("/token")
    ? "CreateToken"
    : body.includes("Action=AssumeRoleWithWebIdentity")
    ? "AssumeRoleWithWebIdentity"
    : body.includes("Action=GetCallerIdentity")
    ? "GetCallerIdentity"
    : "AssumeRole"

/** AWS at every origin; it records what it is sent. */
const makeAws = (status = 200) => {
  const sent: Array<Sent> = []
  const client = HttpClient.make((request, url) => {
    const body = request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
    const operation = operationOf(url, body)
    sent.push({ operation, origin: url.origin })
    return Effect.succeed(
      HttpClientResponse.fromWeb(request, new Response(status === 200 ? answers[operation] : "", { status }))
    )
  })
  return { sent, layer: overClient(client) }
}

/** A token that expired and can be refreshed. */
const token = new SsoTokenCache.SsoToken({
  accessToken: Redacted.make("old"),
  expiresAt: DateTime.unsafeMake(0),
  clientId: Option.some("client"),
  clientSecret: Option.some(Redacted.make("client secret")),
  registrationExpiresAt: Option.some(DateTime.unsafeMake("2100-01-01T00:00:00Z")),
  refreshToken: Option.some(Redacted.make("refresh"))
})

/** The only real file: a web identity token that never expires. */
const directory = mkdtempSync(join(tmpdir(), "profile-settings-"))
const tokenFile = join(directory, "token")
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")
writeFileSync(tokenFile, `${part({ alg: "RS256" })}.${part({ exp: 4_102_444_800 })}.${part({ signature: 1 })}`)
afterAll(() => rmSync(directory, { recursive: true }))

/** Files of a session, of keys, and of a profile of each kind that asks AWS. */
const filesWith = (settings: string, more = "") =>
  `[default]
region = us-east-2
endpoint_url = http://localhost:1111
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
[profile keys]
aws_access_key_id = AKIA
aws_secret_access_key = secret
endpoint_url = http://localhost:9999
[profile role]
role_arn = arn:aws:iam::111122223333:role/a
source_profile = keys
${settings}
[profile web]
role_arn = arn:aws:iam::111122223333:role/a
web_identity_token_file = ${tokenFile}
${settings}
[profile sso]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Developer
${settings}
[profile legacy]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 111122223333
sso_role_name = Developer
${settings}
${more}`

const cache = Layer.effect(
  SsoTokenCache.SsoTokenCache,
  Effect.tap(
    SsoTokenCache.SsoTokenCache,
    (cache) => Effect.zipRight(cache.set("corp", token), cache.set("https://corp.awsapps.com/start", token))
  )
).pipe(Layer.provide(SsoTokenCache.layerMemory()))

/** All services over one `SharedConfig` without a profile. */
const services = (http: Layer.Layer<Transport.Transport>, config: string) =>
  SsoTokenProvider.layer().pipe(
    Layer.provideMerge(Layer.mergeAll(Sso.layerProfile(), SsoOidc.layerProfile(), Sts.layerProfile())),
    Layer.provideMerge(Layer.mergeAll(SharedConfig.layerMemory({ config }), http, cache)),
    Layer.provideMerge(nodeContext)
  )

const inEnvironment = (variables: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

/** What AWS is sent for the credentials of the profiles, one after the other. */
const sentFor = (
  profiles: ReadonlyArray<string>,
  config: string,
  variables: Readonly<Record<string, string>> = {}
) =>
  Effect.gen(function*() {
    const aws = makeAws()
    yield* Effect.forEach(profiles, (profile) => ProfileCredentials.resolve({ profile })).pipe(
      Effect.provide(services(aws.layer, config)),
      inEnvironment(variables)
    )
    return aws.sent
  })

const originsFor = (profile: string, config: string, variables?: Readonly<Record<string, string>>) =>
  Effect.map(sentFor([profile], config, variables), (sent) => [...new Set(sent.map(({ origin }) => origin))])

/** Of each kind of profile: the hosts that its calls go to. */
const kinds = {
  role: ["sts"],
  web: ["sts"],
  sso: ["oidc", "portal.sso"],
  legacy: ["oidc", "portal.sso"]
} as const

describe("ProfileCredentials.resolve({ profile }) over a SharedConfig without a profile", () => {
  for (const [profile, prefixes] of Object.entries(kinds)) {
    const regional = (suffix: (prefix: string) => string) => prefixes.map((prefix) => `https://${suffix(prefix)}`)

    it.effect(`calls the endpoint_url of the profile: ${profile}`, () =>
      Effect.gen(function*() {
        const config = filesWith("endpoint_url = http://localhost:2222")
        assert.deepStrictEqual(yield* originsFor(profile, config), ["http://localhost:2222"])
      }))

    it.effect(`calls the endpoints in the services section of the profile: ${profile}`, () =>
      Effect.gen(function*() {
        const section = ["sts", "sso", "sso_oidc"].map((name) => `${name} =\n  endpoint_url = http://localhost:3333\n`)
        const config = filesWith("services = local", `[services local]\n${section.join("")}`)
        assert.deepStrictEqual(yield* originsFor(profile, config), ["http://localhost:3333"])
      }))

    it.effect(`calls the FIPS endpoint if the profile says so, and ignores the endpoint of [default]: ${profile}`, () =>
      Effect.gen(function*() {
        const config = filesWith("use_fips_endpoint = true\nregion = eu-west-1")
        assert.deepStrictEqual(
          yield* originsFor(profile, config),
          regional((prefix) => `${prefix}-fips.eu-west-1.amazonaws.com`)
        )
      }))

    it.effect(`calls the dual-stack endpoint if the profile says so: ${profile}`, () =>
      Effect.gen(function*() {
        const config = filesWith("use_dualstack_endpoint = true\nregion = eu-west-1")
        assert.deepStrictEqual(
          yield* originsFor(profile, config),
          regional((prefix) => `${prefix}.eu-west-1.api.aws`)
        )
      }))

    it.effect(`calls the endpoint of the environment before that of the profile: ${profile}`, () =>
      Effect.gen(function*() {
        const config = filesWith("endpoint_url = http://localhost:2222")
        const variables = { AWS_ENDPOINT_URL: "http://localhost:4444" }
        assert.deepStrictEqual(yield* originsFor(profile, config, variables), ["http://localhost:4444"])
      }))

    it.effect(`makes as many attempts as the profile says: ${profile}`, () =>
      Effect.gen(function*() {
        const aws = makeAws(500)
        const config = filesWith("max_attempts = 1\nendpoint_url = http://localhost:2222")
        const fiber = yield* Effect.fork(
          Effect.exit(ProfileCredentials.resolve({ profile })).pipe(
            Effect.provide(services(aws.layer, config)),
            inEnvironment({})
          )
        )
        // The read of the token file is real and does not wait for the clock of the test.
        yield* Effect.repeat(Effect.promise(() => new Promise(setImmediate)), { until: () => aws.sent.length > 0 })
        yield* TestClock.adjust("5 minutes")
        yield* Fiber.join(fiber)
        assert.strictEqual(aws.sent.length, 1)
      }))
  }

  it.effect("calls STS in the region of the profile, not in that of [default]", () =>
    Effect.gen(function*() {
      for (const profile of ["role", "web"]) {
        const config = filesWith("region = eu-north-1").replace("endpoint_url = http://localhost:1111\n", "")
        assert.deepStrictEqual(yield* originsFor(profile, config), ["https://sts.eu-north-1.amazonaws.com"])
      }
    }))

  it.effect("keeps the settings of two profiles on one layer apart, whatever the order of the calls", () =>
    Effect.gen(function*() {
      const other = "[profile other]\nrole_arn = arn:aws:iam::111122223333:role/b\nsource_profile = keys\n" +
        "endpoint_url = http://localhost:3333\n"
      const sent = yield* sentFor(
        ["role", "other", "web", "other", "role"],
        filesWith("endpoint_url = http://localhost:2222", other)
      )
      assert.deepStrictEqual(sent.map(({ origin }) => origin.slice(-4)), ["2222", "3333", "2222", "3333", "2222"])
    }))

  it.effect("finds the settings anew when the file changes", () =>
    Effect.gen(function*() {
      const aws = makeAws()
      yield* Effect.gen(function*() {
        yield* ProfileCredentials.resolve({ profile: "role" })
        const config = yield* SharedConfig.SharedConfig
        yield* config.set({ profile: "role" }, { endpoint_url: "http://localhost:5555" })
        yield* ProfileCredentials.resolve({ profile: "role" })
      }).pipe(
        Effect.provide(services(aws.layer, filesWith("endpoint_url = http://localhost:2222"))),
        inEnvironment({})
      )
      assert.deepStrictEqual(aws.sent.map(({ origin }) => origin.slice(-4)), ["2222", "5555"])
    }))

  it.effect("fails with InvalidConfig at the line of the profile's wrong setting", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(originsFor("role", filesWith("max_attempts = many")))
      assert.strictEqual(error._tag, "InvalidConfig")
      assert.include(error.message, "max_attempts")
      assert.include(error.message, "[profile role]")
    }))
})

describe("a chain of profiles by source_profile", () => {
  const role = (name: string, source: string, settings: string) =>
    `[profile ${name}]\nrole_arn = arn:aws:iam::111122223333:role/${name}\nsource_profile = ${source}\n${settings}\n`

  it.effect("calls STS with the settings of the chosen profile for each role, as AWS SDK v3 does", () =>
    Effect.gen(function*() {
      const config = filesWith(
        "",
        role("outer", "inner", "endpoint_url = http://localhost:2222") +
          role("inner", "keys", "endpoint_url = http://localhost:3333")
      )
      assert.deepStrictEqual(yield* sentFor(["outer"], config), [
        { operation: "AssumeRole", origin: "http://localhost:2222" },
        { operation: "AssumeRole", origin: "http://localhost:2222" }
      ])
    }))

  it.effect("calls STS with the settings of the chosen profile for a web identity below it", () =>
    Effect.gen(function*() {
      const config = filesWith(
        "endpoint_url = http://localhost:3333",
        role("outer", "web", "endpoint_url = http://localhost:2222")
      )
      assert.deepStrictEqual(yield* sentFor(["outer"], config), [
        { operation: "AssumeRoleWithWebIdentity", origin: "http://localhost:2222" },
        { operation: "AssumeRole", origin: "http://localhost:2222" }
      ])
    }))

  it.effect("calls SSO with the settings of the profile that signs in, and STS with those of the chosen one", () =>
    Effect.gen(function*() {
      const config = filesWith(
        "endpoint_url = http://localhost:3333",
        role("outer", "sso", "endpoint_url = http://localhost:2222")
      )
      assert.deepStrictEqual(yield* sentFor(["outer"], config), [
        { operation: "CreateToken", origin: "http://localhost:3333" },
        { operation: "GetRoleCredentials", origin: "http://localhost:3333" },
        { operation: "AssumeRole", origin: "http://localhost:2222" }
      ])
    }))
})

describe("AllowedAccounts.layer({ profile })", () => {
  it.effect("asks STS with the settings of that profile, not with those of [default]", () =>
    Effect.gen(function*() {
      const aws = makeAws()
      const guarded = AllowedAccounts.layer({ accounts: [AccountId.make("111122223333")], profile: "keys" }).pipe(
        Layer.provide(ProfileCredentials.layer({ profile: "keys" })),
        Layer.provide(services(aws.layer, filesWith("")))
      )
      yield* Effect.provide(CredentialsProvider.get, guarded).pipe(inEnvironment({}))
      assert.deepStrictEqual(aws.sent, [{ operation: "GetCallerIdentity", origin: "http://localhost:9999" }])
    }))
})

describe("the profile of a call", () => {
  it.effect("is an input of the operations of Sts, Sso and SsoOidc, and is not sent", () =>
    Effect.gen(function*() {
      const aws = makeAws()
      const bodies: Array<string> = []
      const listening = Layer.effect(
        HttpClient.HttpClient,
        Effect.map(HttpClient.HttpClient, (client) =>
          HttpClient.mapRequest(client, (request) => {
            bodies.push(request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : "")
            return request
          }))
      ).pipe(Layer.provide(aws.layer), withTransport)
      const region = Region.make("eu-west-1")
      yield* Effect.gen(function*() {
        const oidc = yield* SsoOidc.SsoOidc
        yield* oidc.createToken({
          profile: "role",
          region,
          clientId: "client",
          clientSecret: Redacted.make("secret"),
          grantType: "refresh_token",
          refreshToken: Redacted.make("refresh")
        })
      }).pipe(
        Effect.provide(services(listening, filesWith("endpoint_url = http://localhost:2222"))),
        inEnvironment({})
      )
      assert.deepStrictEqual(aws.sent.map(({ origin }) => origin), ["http://localhost:2222"])
      assert.deepStrictEqual(Object.keys(JSON.parse(bodies.join(""))).sort(), [
        "clientId",
        "clientSecret",
        "grantType",
        "refreshToken"
      ])
    }))
})
