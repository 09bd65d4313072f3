import { Command, FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { fileURLToPath } from "node:url"

// Each example as a user runs it; all need nothing but Node.

const examples = fileURLToPath(new URL("..", import.meta.url))

/** What an example says when it has done what it is there for. */
const outputs: Readonly<Record<string, RegExp>> = {
  "aws-sdk-v3.ts": /^You are arn:aws:sts::111122223333:assumed-role\//,
  "bearer-token.ts": /refused\n[^]*taken\n200: Welcome\n[^]*: createToken\n/,
  "credential-process.ts":
    /^\{"Version":1,"AccessKeyId":"ASIA\w+","SecretAccessKey":"[^"]+","SessionToken":"[^"]+","Expiration":"[^"]+Z","AccountId":"111122223333"\}\n$/,
  "custom-ca.ts": /ServiceUnreachable: .* \(DEPTH_ZERO_SELF_SIGNED_CERT\)[^]*With it:\n +access key ASIA/,
  "effect-app.ts":
    /(?:Some report, signed with ASIA\w+\n){5}Meanwhile, in the background: (?:getRoleCredentials(?:, )?){2,}/,
  "effect-aws.ts": /^You are arn:aws:sts::111122223333:assumed-role\//,
  "eks.ts":
    /(?:You are arn:aws:sts::111122223333:assumed-role\/pod\/app-7d4b9c\n[^]*){2}(?:assumeRoleWithWebIdentity[^]*){2}/,
  "errors.ts": /^Sign in again\.\nNot signed in to SSO session "example"/,
  "github-actions.ts":
    /(?:GitHub gives a token\n[^]*as arn:aws:sts::444455556666:assumed-role\/deploy\/deploy\n[^]*){2}/,
  "lambda.ts": /Hello Ada, from arn:aws:sts::111122223333:assumed-role\/greeter\/[^]*Hello Grace, from arn/,
  "migrate-from-v2.ts":
    /SsoCredentials: ASIA[^]*SSOTokenProvider: <redacted>\n[^]*SSO: role \w+ of account 012345678901\n[^]*SSOOIDC: client [^]*WebIdentityCredentials: user@/,
  "pick-role.ts":
    /^(?:\d {2}(\d)\1{11} {2}\w+ +(?:Administrator|ReadOnly)\n){6}Which one\?.*\nWorks in account 222222222222 with ASIA/,
  "proxy.ts": /You are arn:[^]*through the proxy:(?=[^]*oidc\.)(?=[^]*portal\.sso\.)(?=[^]*sts\.)/,
  "s3-without-sdk.ts": /PUT .*\n +GET .*\nS3 has: All is well\.\n$/,
  "several-identities.ts":
    /^Copies from account 4{4}5{4}6{4} to account 1{4}2{4}3{4}\n(?:Team \w: .*\n){3}Request \/1: account 1.*\nRequest \/2: account 4.*\nAsked of AWS: getRoleCredentials(?:, getRoleCredentials){3}\n$/,
  "sign-in.ts": /You are role Developer/
}

it.effect("none is forgotten", () =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const files = yield* fs.readDirectory(examples)
    assert.sameMembers(files.filter((file) => file.endsWith(".ts")), Object.keys(outputs))
  }).pipe(Effect.provide(NodeContext.layer)))

// Most of it is waiting and Node's start, so that two take little longer than one.
vi.setConfig({ maxConcurrency: 2 })

/** Runs an example to its end. */
const run = (args: ReadonlyArray<string>, environment: Record<string, string> = {}) =>
  Effect.gen(function*() {
    const process = yield* Command.start(
      Command.make("node", "--import", "tsx", ...args).pipe(
        Command.workingDirectory(examples),
        Command.env(environment)
      )
    )
    return yield* Effect.all({
      code: process.exitCode,
      output: process.stdout.pipe(Stream.decodeText(), Stream.mkString),
      errors: process.stderr.pipe(Stream.decodeText(), Stream.mkString)
    }, { concurrency: "unbounded" })
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

describe.concurrent("as a user runs it", { timeout: 60_000 }, () => {
  for (const [file, expected] of Object.entries(outputs)) {
    it.live(file, () =>
      Effect.gen(function*() {
        const { code, errors, output } = yield* run([file])
        assert.strictEqual(code, 0, output + errors)
        assert.match(output, expected)
      }))
  }

  const answers = {
    refused: "Ask for access.",
    unreachable: "Try again later.",
    missing: "Correct the configuration."
  }
  for (const [profile, answer] of Object.entries(answers)) {
    it.live(`errors.ts answers "${answer}" for a profile that is ${profile}`, () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const home = yield* fs.makeTempDirectoryScoped()
        yield* fs.writeFileString(
          `${home}/config`,
          "[profile refused]\ncredential_process = false\n\n" +
            "[profile keys]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = example\n\n" +
            "[profile unreachable]\nrole_arn = arn:aws:iam::111122223333:role/a\nsource_profile = keys\nregion = eu-west-1\n"
        )
        const { code, errors, output } = yield* run(["errors.ts", "--profile", profile], {
          HOME: home,
          AWS_CONFIG_FILE: `${home}/config`,
          AWS_SHARED_CREDENTIALS_FILE: `${home}/credentials`,
          AWS_ENDPOINT_URL: "http://127.0.0.1:1",
          AWS_MAX_ATTEMPTS: "1"
        })
        assert.strictEqual(code, 0, errors)
        assert.strictEqual(output.split("\n")[0], answer, output)
      }).pipe(Effect.scoped, Effect.provide(NodeContext.layer)))
  }

  it.live("a credential_process that fails writes nothing to standard output", () =>
    Effect.gen(function*() {
      const environment = {
        HOME: "/nowhere",
        AWS_CONFIG_FILE: "/nowhere/config",
        AWS_SHARED_CREDENTIALS_FILE: "/nowhere/keys"
      }
      const { code, errors, output } = yield* run(["credential-process.ts", "--profile", "missing"], environment)
      assert.strictEqual(code, 1)
      assert.strictEqual(output, "")
      assert.match(errors, /^[^\n]*"missing"[^\n]*\n$/)
    }))
})
