import { Command, FileSystem, Path } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Clock, ConfigProvider, DateTime, Effect, Layer, Option, Redacted, Schema } from "effect"
import {
  AwsIdentity,
  CredentialsProvider,
  SharedConfig,
  SsoLogin,
  SsoTokenCache,
  SsoTokenProvider
} from "effect-aws-identity"
import { Emulator, IdentityCenter } from "effect-aws-identity-testing"
import { createServer } from "node:http"
import { fileURLToPath } from "node:url"
import { nodeContext, nodeHttp } from "./ports.js"

// AWS's own SDKs beside us: real processes, real files, real sockets.

const startUrl = "https://example.awsapps.com/start"

const config = `[profile dev]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Developer
region = eu-west-1

[profile legacy]
sso_start_url = ${startUrl}
sso_region = eu-west-1
sso_account_id = 111122223333
sso_role_name = Developer
region = eu-west-1

[sso-session corp]
sso_start_url = ${startUrl}
sso_region = eu-west-1
sso_registration_scopes = sso:account:access
`

/** A home with the config above, and how both sides are told of it and of the emulator. */
const world = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const url = yield* Emulator.serve
  const home = yield* fs.makeTempDirectoryScoped()
  yield* fs.makeDirectory(path.join(home, ".aws"))
  yield* fs.writeFileString(path.join(home, ".aws", "config"), config)
  return {
    environment: { HOME: home, AWS_ENDPOINT_URL_SSO: url, AWS_ENDPOINT_URL_SSO_OIDC: url, AWS_REGION: "eu-west-1" },
    tokenFile: path.join(home, ".aws", "sso", "cache", SsoTokenCache.fileName("corp")),
    legacyTokenFile: path.join(home, ".aws", "sso", "cache", SsoTokenCache.fileName(startUrl))
  }
})

type Environment = Effect.Effect.Success<typeof world>["environment"]

type Profile = "dev" | "legacy"

const within = (environment: Environment) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))

const identity = (profile: Profile) => AwsIdentity.layer({ profile }).pipe(Layer.provide([nodeContext, nodeHttp]))

/** With nothing in memory from the time before, like a process of its own. */
const ours = (environment: Environment, profile: Profile = "dev") => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.provide(identity(profile)), within(environment))

const Identity = Schema.parseJson(Schema.Struct({
  accessKeyId: Schema.String,
  secretAccessKey: Schema.String,
  sessionToken: Schema.String,
  expiration: Schema.DateTimeUtc
}))

const Token = Schema.parseJson(Schema.Struct({ token: Schema.String, expiration: Schema.DateTimeUtc }))

/** Its last expression is what it prints, as JSON. */
const run = (environment: Environment, imports: string, expression: string) =>
  Command.make(
    process.execPath,
    "--input-type=module",
    "--eval",
    `${imports}
     console.log(JSON.stringify(await ${expression}))`
  ).pipe(
    Command.workingDirectory(fileURLToPath(new URL("..", import.meta.url))),
    // The SDKs' warnings of the end of Node 20 and of v2 are not what this is about.
    Command.env({ ...environment, NODE_NO_WARNINGS: "1", AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE: "1" }),
    Command.stderr("inherit"),
    Command.string
  )

/** `@aws-sdk/credential-provider-sso`, as a process of its own. */
const sdk = (environment: Environment, profile: Profile = "dev") =>
  run(
    environment,
    `import { fromSSO } from "@aws-sdk/credential-provider-sso"`,
    `fromSSO({ profile: "${profile}" })()`
  ).pipe(Effect.flatMap(Schema.decode(Identity)))

/** `@aws-sdk/token-providers`, as a process of its own. */
const sdkToken = (environment: Environment) =>
  run(environment, `import { fromSso } from "@aws-sdk/token-providers"`, `fromSso({ profile: "dev" })()`).pipe(
    Effect.flatMap(Schema.decode(Token))
  )

/** v2 knows no variables for endpoints, and reads the config file for credentials only when it is told to. */
const v2 = (environment: Environment, expression: string) =>
  run(
    environment,
    `process.env.AWS_SDK_LOAD_CONFIG = "1"
     const { default: AWS } = await import("aws-sdk")
     AWS.config.update({
       sso: { endpoint: process.env.AWS_ENDPOINT_URL_SSO },
       ssooidc: { endpoint: process.env.AWS_ENDPOINT_URL_SSO_OIDC }
     })
     const got = async (provider) => (await provider.getPromise(), provider)`,
    expression
  )

/** `SsoCredentials` of `aws-sdk`, as a process of its own. */
const sdk2 = (environment: Environment, profile: Profile = "dev") =>
  v2(
    environment,
    `got(new AWS.SsoCredentials({ profile: "${profile}" })).then(
       ({ accessKeyId, secretAccessKey, sessionToken, expireTime: expiration }) =>
         ({ accessKeyId, secretAccessKey, sessionToken, expiration })
     )`
  ).pipe(Effect.flatMap(Schema.decode(Identity)))

/** `SSOTokenProvider` of `aws-sdk`, as a process of its own. */
const sdk2Token = (environment: Environment) =>
  v2(
    environment,
    `got(new AWS.SSOTokenProvider({ profile: "dev" })).then(
       ({ token, expireTime: expiration }) => ({ token, expiration })
     )`
  ).pipe(Effect.flatMap(Schema.decode(Token)))

const signIn = Effect.gen(function*() {
  const center = yield* IdentityCenter.IdentityCenter
  return yield* SsoLogin.device(yield* SharedConfig.session("corp"), {
    onPrompt: ({ userCode }) => center.approve(userCode)
  })
})

const signInLegacy = Effect.gen(function*() {
  const center = yield* IdentityCenter.IdentityCenter
  const files = yield* SharedConfig.read
  return yield* SsoLogin.device(yield* files.sessionOf(yield* files.profile("legacy")), {
    onPrompt: ({ userCode }) => center.approve(userCode)
  })
})

const get = Effect.flatMap(CredentialsProvider.CredentialsProvider, (provider) => provider.get)

const getIdentity = Effect.map(get, (identity): typeof Identity.Type => ({
  accessKeyId: identity.accessKeyId,
  secretAccessKey: Redacted.value(identity.secretAccessKey),
  sessionToken: Redacted.value(Option.getOrThrow(identity.sessionToken)),
  expiration: Option.getOrThrow(identity.expiration)
}))

const getToken = Effect.gen(function*() {
  const tokens = yield* SsoTokenProvider.SsoTokenProvider
  const { accessToken, expiresAt } = yield* tokens.get(yield* SharedConfig.session("corp"))
  return { token: Redacted.value(accessToken), expiration: expiresAt }
})

/** The portal makes new credentials for each call, but for so many to come. */
const sameCredentials = (times: number) =>
  Effect.gen(function*() {
    const center = yield* IdentityCenter.IdentityCenter
    const body = JSON.stringify({
      roleCredentials: {
        accessKeyId: "ASIAIOSFODNN7EXAMPLE",
        secretAccessKey: "a/secret+key",
        sessionToken: "a/session+token==",
        expiration: (yield* Clock.currentTimeMillis) + 3_600_000
      }
    })
    yield* center.fail("getRoleCredentials", { status: 200, body }, times)
  })

/** As if written long ago: so close to its end that whoever reads it renews it first. */
const age = (tokenFile: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const soon = DateTime.formatIso(DateTime.unsafeMake((yield* Clock.currentTimeMillis) + 60_000))
    const fields = JSON.parse(yield* fs.readFileString(tokenFile))
    yield* fs.writeFileString(tokenFile, JSON.stringify({ ...fields, expiresAt: soon, writtenBy: "another tool" }))
    return fields
  })

const layer = Layer.mergeAll(
  nodeContext,
  NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }),
  IdentityCenter.layer({ interval: "0 seconds" })
)

describe("@aws-sdk/credential-provider-sso and we", () => {
  it.scopedLive("get the same credentials from the token file that we wrote", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const fs = yield* FileSystem.FileSystem
      const { environment, tokenFile } = yield* world
      yield* ours(environment)(signIn)
      assert.strictEqual((yield* fs.stat(tokenFile)).mode & 0o777, 0o600)
      assert.strictEqual((yield* fs.stat(tokenFile.replace(/\/[^/]*$/, ""))).mode & 0o777, 0o700)

      yield* sameCredentials(2)
      const mine = yield* ours(environment)(getIdentity)
      const theirs = yield* sdk(environment)
      assert.deepStrictEqual(mine, theirs)
      assert.notStrictEqual((yield* sdk(environment)).accessKeyId, theirs.accessKeyId)
      assert.deepStrictEqual(
        yield* center.calls,
        [
          "registerClient",
          "startDeviceAuthorization",
          "createToken",
          "getRoleCredentials",
          "getRoleCredentials",
          "getRoleCredentials"
        ],
        "nobody had to renew"
      )
    }).pipe(Effect.provide(layer)))

  it.scopedLive("read the token file that the other renewed, and keep what is in it", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const fs = yield* FileSystem.FileSystem
      const { environment, tokenFile } = yield* world
      yield* ours(environment)(signIn)

      const old = yield* age(tokenFile)
      yield* sdk(environment)
      const renewed = JSON.parse(yield* fs.readFileString(tokenFile))
      assert.notStrictEqual(renewed.accessToken, old.accessToken, "it did renew")
      const token = yield* ours(environment)(Effect.gen(function*() {
        const tokens = yield* SsoTokenProvider.SsoTokenProvider
        yield* get
        return yield* tokens.get(yield* SharedConfig.session("corp"))
      }))
      assert.strictEqual(Redacted.value(token.accessToken), renewed.accessToken)
      assert.strictEqual(Redacted.value(Option.getOrThrow(token.refreshToken)), renewed.refreshToken)

      yield* age(tokenFile)
      yield* ours(environment)(get)
      const again = JSON.parse(yield* fs.readFileString(tokenFile))
      assert.notStrictEqual(again.accessToken, renewed.accessToken, "we did renew")
      assert.strictEqual(again.writtenBy, "another tool")
      yield* sdk(environment)
      const calls = yield* center.calls
      assert.strictEqual(calls.filter((call) => call === "createToken").length, 3, "the login and one renewal each")
    }).pipe(Effect.provide(layer)))
})

describe("aws-sdk v2, @aws-sdk/token-providers and we", () => {
  it.scopedLive("take turns at renewing a token whose refresh tokens count once", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const fs = yield* FileSystem.FileSystem
      const { environment, tokenFile } = yield* world
      const read = Effect.map(fs.readFileString(tokenFile), (text) => JSON.parse(text))
      const renewals = Effect.map(center.calls, (calls) => calls.filter((call) => call === "createToken").length)
      const tools = {
        we: ours(environment)(getToken),
        v2: sdk2Token(environment),
        v3: sdkToken(environment)
      }
      yield* ours(environment)(signIn)
      const { accessToken: _, expiresAt: __, refreshToken: ___, ...kept } = yield* read
      assert.hasAllKeys(kept, ["startUrl", "region", "clientId", "clientSecret", "registrationExpiresAt"])

      // One of us that runs all the time, and must not go on with what it has seen before.
      const running = yield* within(environment)(Layer.build(identity("dev")))
      const readers = { ...tools, "one that runs on": Effect.provide(getToken, running) }

      const accessTokens = new Set<string>()
      const refreshTokens = new Set<string>()
      // Each of the three after each of the other two, and after itself.
      const turns = ["v3", "we", "v2", "v3", "v2", "we", "we", "v2", "v2", "we", "v3", "v3", "we"] as const
      for (const [index, name] of turns.entries()) {
        const turn = `${name} at turn ${index + 1}`
        const old = yield* age(tokenFile)
        accessTokens.add(old.accessToken)
        refreshTokens.add(old.refreshToken)

        const { token } = yield* tools[name]
        const { accessToken, expiresAt, refreshToken, ...others } = yield* read
        assert.strictEqual(accessToken, token, turn)
        assert.isFalse(accessTokens.has(accessToken), `${turn} renewed`)
        assert.isFalse(refreshTokens.has(refreshToken), `${turn} has the next refresh token`)
        assert.deepStrictEqual(others, { ...kept, writtenBy: "another tool" }, turn)
        assert.strictEqual((yield* fs.stat(tokenFile)).mode & 0o777, 0o600, turn)

        const whatIsThere = { token, expiration: DateTime.unsafeMake(expiresAt) }
        for (const [reader, readToken] of Object.entries(readers)) {
          assert.deepStrictEqual(yield* readToken, whatIsThere, `${reader} reads what ${turn} wrote`)
        }
        assert.strictEqual(yield* renewals, index + 2, `nobody else renewed after ${turn}`)
        assert.match(expiresAt, name === "we" ? /T\d\d:\d\d:\d\dZ$/ : /T\d\d:\d\d:\d\d\.\d{3}Z$/, turn)
      }

      yield* sameCredentials(3)
      const mine = yield* ours(environment)(getIdentity)
      assert.deepStrictEqual(yield* sdk(environment), mine)
      assert.deepStrictEqual(yield* sdk2(environment), mine)
    }).pipe(Effect.provide(layer)), 120_000)

  it.scopedLive(
    "get the same credentials from the token file that we wrote for a legacy profile",
    () =>
      Effect.gen(function*() {
        const center = yield* IdentityCenter.IdentityCenter
        const { environment } = yield* world
        yield* ours(environment, "legacy")(signInLegacy)
        yield* sameCredentials(3)
        const mine = yield* ours(environment, "legacy")(getIdentity)
        assert.deepStrictEqual(yield* sdk(environment, "legacy"), mine)
        assert.deepStrictEqual(yield* sdk2(environment, "legacy"), mine)
        // Not only the prepared answers: the portal takes the token from each.
        yield* ours(environment, "legacy")(getIdentity)
        yield* sdk(environment, "legacy")
        yield* sdk2(environment, "legacy")
        assert.deepStrictEqual(
          yield* center.calls,
          [
            "registerClient",
            "startDeviceAuthorization",
            "createToken",
            ...Array.from({ length: 6 }, () => "getRoleCredentials" as const)
          ]
        )
      }).pipe(Effect.provide(layer)),
    30_000
  )

  it.scopedLive(
    "get the same credentials from the token file of an old AWS CLI, but only we see its end",
    () =>
      Effect.gen(function*() {
        const center = yield* IdentityCenter.IdentityCenter
        const fs = yield* FileSystem.FileSystem
        const { environment, legacyTokenFile } = yield* world
        yield* ours(environment, "legacy")(signInLegacy)
        const { accessToken, expiresAt } = JSON.parse(yield* fs.readFileString(legacyTokenFile))
        const writeAsOldCli = (expiresAt: string) =>
          fs.writeFileString(
            legacyTokenFile,
            JSON.stringify({
              startUrl,
              region: "eu-west-1",
              accessToken,
              expiresAt: expiresAt.replace(/(\.\d+)?Z$/, "UTC")
            })
          )

        yield* writeAsOldCli(expiresAt)
        assert.match(yield* fs.readFileString(legacyTokenFile), /UTC"/)
        yield* sameCredentials(3)
        const mine = yield* ours(environment, "legacy")(getIdentity)
        assert.deepStrictEqual(yield* sdk(environment, "legacy"), mine)
        assert.deepStrictEqual(yield* sdk2(environment, "legacy"), mine)

        const before = (yield* center.calls).length
        yield* writeAsOldCli(DateTime.formatIso(DateTime.unsafeMake((yield* Clock.currentTimeMillis) - 1000)))
        const error = yield* Effect.flip(ours(environment, "legacy")(getIdentity))
        assert.strictEqual(error._tag, "SsoLoginRequired")
        assert.strictEqual((yield* center.calls).length, before, "an ended token is not sent")
        // To v2 and v3 the date is none, so the token never ends, until the portal says so.
        yield* sdk(environment, "legacy")
        yield* sdk2(environment, "legacy")
        assert.strictEqual((yield* center.calls).length, before + 2)
      }).pipe(Effect.provide(layer)),
    30_000
  )
})
