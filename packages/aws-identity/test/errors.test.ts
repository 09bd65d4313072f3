import { FileSystem, Path } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, DateTime, Effect, Exit, Layer, Redacted } from "effect"
import { AwsIdentity, type IdentityError, SsoCredentials, SsoTokenCache, type Transport } from "effect-aws-identity"
import { IdentityCenter } from "effect-aws-identity-testing"
import { observed } from "./observed.js"
import { emulator, nodeContext, nodeHttp } from "./ports.js"

// Real files in a throw-away home; the network is the in-process emulator, but for the one row that says otherwise.

/** Stands in files where a secret does, and must not be seen anywhere. */
const marked = "MARKED-SECRET"

const config = `[profile dev]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Developer

[sso-session corp]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-west-1
`

const legacyConfig = `[profile dev]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 111122223333
sso_role_name = Developer
`

interface Row {
  readonly name: string
  /** `~/.aws/config`; the good one above if not said, none if null. */
  readonly config?: string | null
  readonly profile?: string | null
  /** The token file, as text or as fields over those of a good one; no file if null. */
  readonly token?: string | Record<string, unknown> | null
  readonly faults?: ReadonlyArray<readonly [IdentityCenter.Operation, IdentityCenter.Fault]>
  readonly http?: Layer.Layer<Transport.Transport>
  readonly environment?: Readonly<Record<string, string>>
  readonly tag: IdentityError.IdentityError["_tag"]
  /** In the message; `<config>` and `<token>` stand for the paths of the files. */
  readonly says: ReadonlyArray<string>
}

const rows: ReadonlyArray<Row> = [
  {
    name: "no config file",
    config: null,
    profile: null,
    tag: "NotConfigured",
    says: ["\"default\"", "<config> (no such file)", "Run \"aws configure sso\"", "AWS_CONFIG_FILE"]
  },
  {
    name: "no default profile",
    profile: null,
    tag: "NotConfigured",
    says: ["\"default\"", "<config>", "found there: dev", "AWS_PROFILE"]
  },
  {
    name: "unknown profile",
    profile: "dve",
    tag: "ProfileNotFound",
    says: ["\"dve\"", "<config>", "found there: dev", "aws configure sso --profile dve"]
  },
  {
    name: "profile without SSO keys",
    config: "\n[profile dev]\nregion = eu-west-1\n",
    tag: "NotConfigured",
    says: ["\"dev\"", "<config>:2", "sso_session", "aws configure sso --profile dev"]
  },
  {
    name: "missing [sso-session]",
    config: "[profile dev]\nsso_account_id = 111122223333\nsso_session = crop\n[sso-session corp]\n",
    tag: "InvalidConfig",
    says: ["<config>:3", "[profile dev]", "[sso-session crop]", "aws configure sso-session", "there: corp"]
  },
  {
    name: "missing key in the session",
    config: config.replace(/sso_region.*\n/, ""),
    tag: "InvalidConfig",
    says: ["<config>:6", "[sso-session corp] has no sso_region", "profile \"dev\"", "Add \"sso_region = <"]
  },
  {
    name: "empty key in the session",
    config: config.replace(/sso_start_url.*\n/, "sso_start_url =\n"),
    tag: "InvalidConfig",
    says: ["<config>:6", "[sso-session corp] has no sso_start_url", "profile \"dev\"", "Add \"sso_start_url = <"]
  },
  {
    name: "missing key in the profile",
    config: config.replace(/sso_account_id.*\n/, ""),
    tag: "InvalidConfig",
    says: ["<config>:1", "[profile dev] has no sso_account_id", "Add \"sso_account_id = <12 digits>\""]
  },
  {
    name: "missing key in a legacy profile",
    config: legacyConfig.replace(/sso_region.*\n/, ""),
    tag: "InvalidConfig",
    says: ["<config>:1", "[profile dev] has no sso_region", "Add \"sso_region = <"]
  },
  {
    name: "profile against session",
    config: config.replace("sso_session = corp", "sso_session = corp\nsso_region = us-east-1"),
    tag: "InvalidConfig",
    says: ["<config>:3", "sso_region = us-east-1", "[sso-session corp] has eu-west-1", "Remove sso_region"]
  },
  {
    name: "a region that would change the host",
    config: config.replace("eu-west-1", "eu-west-1.evil.example/"),
    tag: "InvalidConfig",
    says: ["<config>:8", "[sso-session corp]", "profile \"dev\"", "such as us-east-1"]
  },
  {
    name: "an unreadable line in the profile",
    config: `${config}[profile dev]\n${marked}\n`,
    tag: "InvalidConfig",
    says: ["<config>:10", "[profile dev]", "Correct or remove that line"]
  },
  {
    name: "an unreadable section header",
    config: "[profile dev\nregion = eu-west-1\n",
    tag: "InvalidConfig",
    says: ["<config>:1", "profile \"dev\"", "A section header is", "Correct or remove that line"]
  },
  {
    name: "an account id that is none",
    config: config.replace("111122223333", "1111"),
    tag: "InvalidConfig",
    says: ["<config>:3", "profile \"dev\"", "sso_account_id = 1111", "12 digits"]
  },
  {
    name: "no token file",
    token: null,
    tag: "SsoLoginRequired",
    says: ["\"corp\"", "<token>", "profile \"dev\"", "<config>:1", "Run \"aws sso login --sso-session corp\""]
  },
  {
    name: "no token file, legacy profile",
    config: legacyConfig,
    token: null,
    tag: "SsoLoginRequired",
    says: ["https://example.awsapps.com/start", "<config>:1", "Run \"aws sso login --profile dev\""]
  },
  {
    name: "torn token file",
    token: `{"accessToken": "${marked}", "refr`,
    tag: "SsoLoginRequired",
    says: ["<token>", "not a JSON object", "profile \"dev\"", "cannot be used", "aws sso login --sso-session corp"]
  },
  {
    name: "empty token file",
    token: "",
    tag: "SsoLoginRequired",
    says: ["<token>", "it is empty", "profile \"dev\"", "cannot be used", "aws sso login --sso-session corp"]
  },
  {
    name: "token file that is no object",
    token: `["${marked}"]`,
    tag: "SsoLoginRequired",
    says: ["<token>", "not a JSON object", "profile \"dev\"", "cannot be used", "aws sso login --sso-session corp"]
  },
  {
    name: "token file without expiry",
    token: { expiresAt: null },
    tag: "SsoLoginRequired",
    says: [
      "<token>",
      "\"expiresAt\" is missing",
      "profile \"dev\"",
      "cannot be used",
      "aws sso login --sso-session corp"
    ]
  },
  {
    name: "token file with a time that is none",
    token: { expiresAt: marked },
    tag: "SsoLoginRequired",
    says: ["<token>", "\"expiresAt\" is not", "profile \"dev\"", "cannot be used", "aws sso login --sso-session corp"]
  },
  {
    name: "token that would break a header",
    token: { accessToken: `${marked}\r\nx-evil: 1` },
    tag: "SsoLoginRequired",
    says: ["<token>", "\"accessToken\" is not", "profile \"dev\"", "cannot be used", "aws sso login --sso-session corp"]
  },
  {
    name: "expired and not refreshable",
    token: { expiresAt: "2020-01-01T00:00:00Z", refreshToken: null },
    tag: "SsoLoginRequired",
    says: ["<token>", "2020-01-01", "no refresh token", "profile \"dev\"", "aws sso login --sso-session corp"]
  },
  {
    name: "expired, and the registration too",
    token: { expiresAt: "2020-01-01T00:00:00Z", registrationExpiresAt: "2020-02-02T00:00:00Z" },
    tag: "SsoLoginRequired",
    says: ["<token>", "2020-01-01", "registration", "2020-02-02", "aws sso login --sso-session corp"]
  },
  {
    name: "expired, and AWS will not renew it",
    token: { expiresAt: "2020-01-01T00:00:00Z", refreshToken: marked },
    tag: "SsoLoginRequired",
    says: [
      "<token>",
      "InvalidGrantException",
      "Invalid refresh token",
      "<config>:1",
      "aws sso login --sso-session corp"
    ]
  },
  {
    name: "expired, and no connection to renew it",
    token: { expiresAt: "2020-01-01T00:00:00Z" },
    faults: [["createToken", "ConnectionRefused"]],
    tag: "ServiceUnreachable",
    says: ["SSO OIDC", "https://oidc.eu-west-1.amazonaws.com", "ECONNREFUSED", "profile \"dev\"", "<config>:1", "proxy"]
  },
  {
    name: "role not assigned",
    config: config.replace("Developer", "Admin"),
    tag: "RoleNotAssigned",
    says: ["\"Admin\"", "111122223333", "profile \"dev\"", "<config>:1", "[request ", "administrator"]
  },
  {
    name: "portal 401",
    faults: [["getRoleCredentials", "UnauthorizedException"], ["getRoleCredentials", "UnauthorizedException"]],
    tag: "SsoLoginRequired",
    says: ["rejected", "\"corp\"", "profile \"dev\"", "<config>:1", "aws sso login --sso-session corp"]
  },
  {
    name: "portal 401 for a token that cannot be refreshed",
    token: { refreshToken: null },
    faults: [["getRoleCredentials", "UnauthorizedException"]],
    tag: "SsoLoginRequired",
    says: ["rejected", "<token>", "profile \"dev\"", "<config>:1", "aws sso login --sso-session corp"]
  },
  {
    name: "portal 429",
    faults: [["getRoleCredentials", "TooManyRequestsException"]],
    tag: "ServiceError",
    says: ["getRoleCredentials", "TooManyRequestsException (429)", "profile \"dev\"", "<config>:1", "wait a moment"]
  },
  {
    name: "portal 500, again and again",
    environment: { AWS_MAX_ATTEMPTS: "2" },
    faults: [["getRoleCredentials", "InternalServerException"], ["getRoleCredentials", "InternalServerException"]],
    tag: "ServiceError",
    says: ["getRoleCredentials", "(500) after 2 attempts", "profile \"dev\"", "<config>:1", "try again"]
  },
  {
    name: "500 in HTML",
    token: { accessToken: marked },
    faults: [["getRoleCredentials", {
      status: 502,
      body: `<html><title>Bad Gateway</title>no <b>${marked}</b></html>`
    }]],
    tag: "ServiceError",
    says: [
      "Unknown (502): the answer is an HTML page",
      "perhaps a proxy's: \"Bad Gateway no <redacted>\"",
      "profile \"dev\"",
      "<config>:1",
      "try again"
    ]
  },
  {
    name: "garbage body",
    token: { accessToken: marked },
    faults: [["getRoleCredentials", { status: 200, body: `<html><h1>Welcome to our wifi</h1>${marked}</html>` }]],
    tag: "InvalidResponse",
    says: [
      "an HTML page",
      "\"Welcome to our wifi <redacted>\"",
      "https://portal.sso.eu-west-1.amazonaws.com",
      "(200)",
      "profile \"dev\"",
      "<config>:1",
      "captive portal"
    ]
  },
  {
    name: "an answer with a hole in it",
    faults: [["getRoleCredentials", {
      status: 200,
      body: JSON.stringify({ roleCredentials: { accessKeyId: "ASIA", sessionToken: marked } })
    }]],
    tag: "InvalidResponse",
    says: ["\"roleCredentials.secretAccessKey\" is missing", "profile \"dev\"", "<config>:1"]
  },
  {
    name: "an error that echoes the token",
    token: { accessToken: marked },
    faults: [["getRoleCredentials", {
      status: 400,
      body: JSON.stringify({ __type: "InvalidRequestException", message: `bad token ${marked}` })
    }]],
    tag: "ServiceError",
    says: ["InvalidRequestException (400)", "bad token <redacted>", "<config>:1"]
  },
  {
    name: "connection refused, on a real socket",
    http: nodeHttp,
    environment: { AWS_ENDPOINT_URL_SSO: "http://127.0.0.1:1" },
    tag: "ServiceUnreachable",
    says: ["http://127.0.0.1:1", "ECONNREFUSED", "profile \"dev\"", "<config>:1", "network", "proxy", "sso_region"]
  }
]

const scenario = (row: Row) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const center = yield* IdentityCenter.IdentityCenter
    const home = yield* fs.makeTempDirectoryScoped()
    const configFile = path.join(home, ".aws", "config")
    const directory = path.join(home, ".aws", "sso", "cache")
    const tokenFile = path.join(directory, SsoTokenCache.fileName("corp"))
    yield* fs.makeDirectory(directory, { recursive: true })
    if (row.config !== null) yield* fs.writeFileString(configFile, row.config ?? config)

    const issued = yield* center.signIn
    const good = {
      ...issued,
      expiresAt: DateTime.formatIso(DateTime.add(yield* DateTime.now, { hours: 1 })),
      registrationExpiresAt: undefined
    }
    if (row.token !== null) {
      yield* fs.writeFileString(
        tokenFile,
        typeof row.token === "string" ? row.token : JSON.stringify({ ...good, ...row.token })
      )
    }
    for (const [operation, fault] of row.faults ?? []) yield* center.fail(operation, fault)

    const environment = ConfigProvider.fromMap(
      new Map(Object.entries({ HOME: home, AWS_MAX_ATTEMPTS: "1", ...row.environment }))
    )
    const context = yield* Effect.context<IdentityCenter.IdentityCenter>()
    const { exit, seen } = yield* observed(
      SsoCredentials.resolveProfile().pipe(
        Effect.provide(
          AwsIdentity.layer({ profile: row.profile === null ? undefined : row.profile ?? "dev" }).pipe(
            Layer.provide(row.http ?? Layer.provide(emulator, Layer.succeedContext(context))),
            Layer.provide(nodeContext)
          )
        ),
        Effect.withConfigProvider(environment)
      )
    )
    const secrets = [...yield* center.secrets, marked]
    return { exit, seen, secrets, paths: { config: configFile, token: tokenFile } }
  }).pipe(
    Effect.scoped,
    Effect.provide([nodeContext, IdentityCenter.layer()])
  )

describe("what is wrong, where, and what to do", () => {
  it.live.each(rows)("$name", (row) =>
    Effect.gen(function*() {
      const { exit, paths, secrets, seen } = yield* scenario(row)
      const error = yield* Effect.flip(exit)
      assert.strictEqual(error._tag, row.tag)
      for (const words of row.says) {
        assert.include(error.message, words.replace("<config>", paths.config).replace("<token>", paths.token))
      }
      assert.match(error.message, /\.$/)
      for (const secret of secrets) assert.notInclude(seen, secret)
      assert.include(seen, "SsoCredentials.resolve", "spans were looked at")
    }))

  it.live("and without any fault, nothing secret is seen either", () =>
    Effect.gen(function*() {
      const { exit, secrets, seen } = yield* scenario({ name: "", tag: "NotConfigured", says: [] })
      assert.isTrue(Exit.isSuccess(exit))
      assert.isAbove(secrets.length, 4)
      for (const secret of secrets) assert.notInclude(seen, secret)
      assert.include(seen, "aws.request_id")
    }))
})

describe("observed", () => {
  it.live("sees what is not hidden", () =>
    Effect.gen(function*() {
      const { seen } = yield* observed(
        Effect.gen(function*() {
          yield* Effect.logDebug("in a log", { field: "in a field" })
          yield* Effect.annotateCurrentSpan("key", "in an attribute")
          return yield* Effect.fail(new Error("in an error", { cause: { why: "in a cause" } }))
        }).pipe(Effect.withSpan("span"), Effect.annotateLogs("key", "in an annotation"))
      )
      for (const where of ["a log", "a field", "an attribute", "an error", "a cause", "an annotation"]) {
        assert.include(seen, `in ${where}`)
      }
      assert.notInclude((yield* observed(Effect.succeed(Redacted.make("hidden")))).seen, "hidden")
    }))
})
