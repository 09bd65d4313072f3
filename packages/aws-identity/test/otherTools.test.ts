import { Command, FileSystem, Path } from "@effect/platform"
import { NodeContext, NodeHttpClient, NodeHttpServer } from "@effect/platform-node"
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

// AWS's own SDK beside us: real processes, real files, real sockets.

const config = `[profile dev]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Developer
region = eu-west-1

[sso-session corp]
sso_start_url = https://example.awsapps.com/start
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
    tokenFile: path.join(home, ".aws", "sso", "cache", SsoTokenCache.fileName("corp"))
  }
})

type Environment = Effect.Effect.Success<typeof world>["environment"]

const ours = (environment: Environment) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(
    Effect.provide(
      AwsIdentity.layer({ profile: "dev" }).pipe(Layer.provide([NodeContext.layer, NodeHttpClient.layer]))
    ),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
  )

const Identity = Schema.parseJson(Schema.Struct({
  accessKeyId: Schema.String,
  secretAccessKey: Schema.String,
  sessionToken: Schema.String,
  expiration: Schema.DateTimeUtc
}))

/** `@aws-sdk/credential-provider-sso`, as a process of its own. */
const sdk = (environment: Environment) =>
  Command.make(
    process.execPath,
    "--input-type=module",
    "--eval",
    `import { fromSSO } from "@aws-sdk/credential-provider-sso"
     console.log(JSON.stringify(await fromSSO({ profile: "dev" })()))`
  ).pipe(
    Command.workingDirectory(fileURLToPath(new URL("..", import.meta.url))),
    // Its warning of the end of Node 20 is not what this is about.
    Command.env({ ...environment, NODE_NO_WARNINGS: "1" }),
    Command.stderr("inherit"),
    Command.string,
    Effect.flatMap(Schema.decode(Identity))
  )

const signIn = Effect.gen(function*() {
  const center = yield* IdentityCenter.IdentityCenter
  return yield* SsoLogin.device(yield* SharedConfig.session("corp"), {
    onPrompt: ({ userCode }) => center.approve(userCode)
  })
})

const get = Effect.flatMap(CredentialsProvider.CredentialsProvider, (provider) => provider.get)

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
  NodeContext.layer,
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

      // The portal makes new credentials for each call, but for these two.
      const body = JSON.stringify({
        roleCredentials: {
          accessKeyId: "ASIAIOSFODNN7EXAMPLE",
          secretAccessKey: "a/secret+key",
          sessionToken: "a/session+token==",
          expiration: (yield* Clock.currentTimeMillis) + 3_600_000
        }
      })
      yield* center.fail("getRoleCredentials", { status: 200, body }, 2)
      const mine = yield* ours(environment)(get)
      const theirs = yield* sdk(environment)
      assert.deepStrictEqual(
        {
          accessKeyId: mine.accessKeyId,
          secretAccessKey: Redacted.value(mine.secretAccessKey),
          sessionToken: Redacted.value(Option.getOrThrow(mine.sessionToken)),
          expiration: Option.getOrThrow(mine.expiration)
        },
        theirs
      )
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
