import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted } from "effect"
import {
  ContainerCredentials,
  ProcessCredentials,
  ProfileCredentials,
  Region,
  SharedConfig,
  Sso,
  SsoTokenProvider,
  Sts,
  WebIdentityCredentials,
  WebIdentityToken
} from "effect-aws-identity"
import { contentInsteadOfPath, shownPath, shownText } from "../src/internal/shownPath.js"
import { observed } from "./observed.js"
import { fetchHttp, nodeContext } from "./ports.js"

const payload = Buffer.from(JSON.stringify({ sub: "me", aud: "sts.amazonaws.com", exp: 4_000_000_000 })).toString(
  "base64url"
)

/** Secrets that people write by mistake in place of a file's path. */
const secrets: Readonly<Record<string, string>> = {
  "a JSON web token": `eyJhbGciOiJSUzI1NiJ9.${payload}.MARKED0123456789`,
  "a JSON web token with a line break": `eyJhbGciOiJSUzI1NiJ9.${payload}.MARKED0123456789\n`,
  "a JSON web token of 5 kB": `eyJhbGciOiJSUzI1NiJ9.${payload.repeat(50)}.MARKED0123456789`,
  "an Authorization header": `Bearer MARKED.0123456789`,
  "a long text of base64": Buffer.from("MARKED0123456789".repeat(5)).toString("base64"),
  "a long text of base64url": Buffer.from("ÿþMARKED0123456789".repeat(5)).toString("base64url"),
  "a short JSON web token in lower case": "eyjunk.eyJub25lIjox.",
  "a token of GitHub in small letters": "ghs_abcdefghijklmnopqrst",
  "a token of GitLab": "glpat-abcdefghijklmnopqrst",
  "a refresh token of AWS": `aorAAAAAGk-mZJq0OZM1L8Ok:${"MGQCMHx/".repeat(9)}MARKED0123456789`,
  "the hex of a key": "ee0bfd2552fbd840c02cc48b6e823320543c450fee0bfd2552fbd840c02cc48b",
  "base64 of many slashes": "4BQdy+yhk7UANX/9BGL3K/URb2yoz/b/fFgm5jMjey03lBLOUBCDS/uztCRWoxM4/dVVvQiv9joKfPg5",
  "a secret key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  "the content of a file": "{\"accessToken\": \"MARKED\"}",
  "a path behind which a token follows": `/var/run/eyJhbGciOiJSUzI1NiJ9.${payload}.MARKED0123456789`,
  "a text of lower-case letters that is longer than a file name": "marked".repeat(50),
  "a text that is longer than a path": "marked/".repeat(1000)
}

const paths = [
  "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
  "/home/me/.aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json",
  "~/.aws/config",
  "C:\\Users\\Me\\AppData\\Local\\Packages\\PythonSoftwareFoundation.Python.3.12_qbz5n2kfra8p0\\config",
  "/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/aws-identity-AbC123/token",
  "/nix/store/0c1l2v6d8jqwgv4yq8c8f9h7k5z3x2n1-aws-config-1.2.3/config",
  "build/output/tokens/for-the-aws-identity-provider/token.jwt",
  "/tmp/3f2504e0-4f89-11d3-9a0c-0305e82c3301/token",
  "token",
  "/run/user/1000/Some Directory With Spaces/And Capital Letters 2026/token"
]

describe("contentInsteadOfPath", () => {
  it.each(Object.entries(secrets))("recognises %s", (_, text) => {
    assert.isDefined(contentInsteadOfPath(text))
    assert.notInclude(shownPath(text), text.slice(-16))
  })

  it.each(paths)("accepts %s as a path", (path) => {
    assert.strictEqual(shownPath(path), path)
  })
})

describe("shownText", () => {
  it("redacts tokens in URLs, and keeps hosts and paths", () => {
    const token = secrets["a long text of base64url"] ?? ""
    assert.strictEqual(
      shownText("https://portal.sso.eu-west-1.amazonaws.com"),
      "https://portal.sso.eu-west-1.amazonaws.com"
    )
    assert.strictEqual(shownText(`https://gateway.example/${token}/sts`), "https://gateway.example/<redacted>/sts")
    assert.strictEqual(shownText(secrets["a JSON web token"] ?? ""), "<redacted>")
    for (
      const name of [
        "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_AdministratorAccess_a1b2c3d4e5f60718",
        "https://sts.us-gov-west-1.api.aws/Some/Longer/Path/OfA/Gateway2/V3",
        "AdministratorAccess-111122223333",
        "aorta-monitoring-production",
        "MyCompany-Prod2-ReadOnlyAccess-EuWest1"
      ]
    ) assert.strictEqual(shownText(name), name)
  })

  it("redacts every part of base64 with slashes, including short parts", () => {
    const part = "IQoJb3JpZ2luX2VjMwuH4HOp35FPdkz43IMYgSTFOpN"
    const shown = shownText(`${part}/4BQdy+yhk7UANX/9BGL3K/${part}/DCmzhJTzdZwKvxTZElvs/`)
    for (const run of ["4BQdy", "9BGL3K", "DCmzhJ", "IQoJ"]) assert.notInclude(shown, run)
  })
})

const platform = Layer.mergeAll(nodeContext, fetchHttp)

describe("errors, logs and spans do not show a secret that is written in place of", () => {
  const files = SharedConfig.layer()
  const sts = Sts.layer()
  const settings: Readonly<
    Record<
      string,
      (text: string) => {
        readonly call: Effect.Effect<unknown, unknown, Layer.Layer.Success<typeof platform>>
        readonly variables?: Readonly<Record<string, string>>
        readonly says?: ReadonlyArray<string>
      }
    >
  > = {
    AWS_WEB_IDENTITY_TOKEN_FILE: (text) => ({
      call: Effect.provide(WebIdentityCredentials.resolve(), sts),
      variables: { AWS_WEB_IDENTITY_TOKEN_FILE: text, AWS_ROLE_ARN: "arn:aws:iam::111122223333:role/r" },
      says: ["AWS_WEB_IDENTITY_TOKEN_FILE", "WebIdentityToken.fromVariable"]
    }),
    web_identity_token_file: (text) => ({
      call: ProfileCredentials.resolve({ profile: "dev" }).pipe(
        Effect.provideService(Sso.Sso, {} as Sso.Sso["Type"]),
        Effect.provideService(SsoTokenProvider.SsoTokenProvider, {} as SsoTokenProvider.SsoTokenProvider["Type"]),
        Effect.provide([
          SharedConfig.layerMemory({
            config:
              `[profile dev]\nrole_arn = arn:aws:iam::111122223333:role/r\nweb_identity_token_file = ${text.trim()}\n`
          }),
          sts
        ])
      ),
      says: ["config:3:1: [profile dev] has web_identity_token_file with ", "WebIdentityToken.fromVariable"]
    }),
    "WebIdentityToken.fromFile": (text) => ({ call: WebIdentityToken.fromFile(text) }),
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: (text) => ({
      call: ContainerCredentials.resolve(),
      variables: {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://localhost:1/",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: text
      },
      says: ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN."]
    }),
    AWS_CONTAINER_CREDENTIALS_FULL_URI: (text) => ({
      call: ContainerCredentials.resolve(),
      variables: { AWS_CONTAINER_CREDENTIALS_FULL_URI: text }
    }),
    "AWS_CONTAINER_CREDENTIALS_FULL_URI with a token for a host": (text) => ({
      call: ContainerCredentials.resolve(),
      variables: { AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://${text.trim()}/` }
    }),
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: (text) => ({
      call: ContainerCredentials.resolve(),
      variables: { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: text.replace(/^\//, "") }
    }),
    AWS_CONFIG_FILE: (text) => ({
      call: Effect.provide(
        Effect.flatMap(
          SharedConfig.SharedConfig,
          (config) => Effect.flatMap(config.read, (read) => read.profile("dev"))
        ),
        files
      ),
      variables: { AWS_CONFIG_FILE: text, AWS_SHARED_CREDENTIALS_FILE: "/does/not/exist" }
    }),
    AWS_SHARED_CREDENTIALS_FILE: (text) => ({
      call: Effect.provide(
        Effect.flatMap(
          SharedConfig.SharedConfig,
          (config) => Effect.flatMap(config.read, (read) => read.profile("dev"))
        ),
        files
      ),
      variables: { AWS_CONFIG_FILE: "/does/not/exist", AWS_SHARED_CREDENTIALS_FILE: text }
    }),
    "the program of credential_process": (text) => ({
      call: ProcessCredentials.resolve(text.trim())
    })
  }

  for (const [name, make] of Object.entries(settings)) {
    it.live(name, () =>
      Effect.gen(function*() {
        for (const [what, text] of Object.entries(secrets)) {
          const { call, says = [], variables = {} } = make(text)
          const { exit, seen } = yield* observed(
            call.pipe(
              Effect.provide(platform),
              Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
            )
          )
          const error = String(yield* Effect.flip(exit))
          if (what !== "a text of lower-case letters that is longer than a file name" || name.includes("FILE")) {
            assert.notInclude(seen.toLowerCase(), text.trim().slice(-30).toLowerCase(), `${what}: ${error}`)
          }
          // Some of them are not one line of a config file.
          if (name !== "web_identity_token_file") { for (const part of says) assert.include(error, part, what) }
        }
      }))
  }
})

describe("errors, logs and spans do not show a token that is written", () => {
  const tokens = Object.entries(secrets).filter(([what]) =>
    /JSON web token$|header|base64|refresh|hex|secret key/.test(what)
  )

  it.effect.each(tokens)("as AWS_PROFILE and as the name of another profile: %s", ([, text]) =>
    Effect.gen(function*() {
      const { exit, seen } = yield* observed(Effect.provide(
        Effect.flatMap(SharedConfig.read, (files) => files.profile(text)),
        SharedConfig.layerMemory({ config: `[profile ${text.slice(0, -1)}8]\nregion = eu-west-1\n` })
      ))
      assert.include(String(yield* Effect.flip(exit)), "<redacted>")
      assert.notInclude(seen, text.slice(-16, -1))
    }))

  it.effect.each(tokens)(
    "as the host of an endpoint, whose error has it in lower case: %s",
    ([, text]) =>
      Effect.gen(function*() {
        const host = text.replace(/[/\s+=:_]/g, "")
        const { exit, seen } = yield* observed(
          Effect.provide(
            Effect.flatMap(Sts.Sts, (sts) =>
              sts.assumeRoleWithWebIdentity({
                region: Region.make("eu-west-1"),
                roleArn: "arn:aws:iam::111122223333:role/r",
                roleSessionName: "session",
                webIdentityToken: Redacted.make("token")
              })),
            Sts.layer({ endpoint: `http://${host}/` })
          ).pipe(Effect.provide(platform))
        )
        yield* Effect.flip(exit)
        if (!text.startsWith("Bearer")) assert.notInclude(seen.toLowerCase(), host.slice(-16).toLowerCase())
      })
  )
})
