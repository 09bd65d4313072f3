import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  ConfigError,
  ConfigProvider,
  DateTime,
  Effect,
  Either,
  Exit,
  FastCheck as fc,
  Option,
  Redacted
} from "effect"
import { CredentialsProvider, EnvironmentCredentials } from "effect-aws-identity"
import { observed } from "./observed.js"

const environment = (variables: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

const keys = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "MARKED-secret" }

const resolveWith = (variables: Readonly<Record<string, string>>) =>
  EnvironmentCredentials.resolve().pipe(
    Effect.map(({ accessKeyId, accountId, expiration, secretAccessKey, sessionToken }) =>
      [
        accessKeyId,
        Redacted.value(secretAccessKey),
        Option.match(sessionToken, { onNone: () => "-", onSome: Redacted.value }),
        Option.match(expiration, { onNone: () => "-", onSome: DateTime.formatIso }),
        Option.getOrElse(accountId, () => "-")
      ].join(" ")
    ),
    environment(variables)
  )

describe("EnvironmentCredentials.resolve reads", () => {
  const worlds: ReadonlyArray<readonly [title: string, variables: Record<string, string>, expected: string]> = [
    ["long-lived keys", keys, "AKIDEXAMPLE MARKED-secret - - -"],
    [
      "all five variables",
      {
        ...keys,
        AWS_SESSION_TOKEN: "token",
        AWS_CREDENTIAL_EXPIRATION: "2030-01-31T13:00:00+01:00",
        AWS_ACCOUNT_ID: "012345678901"
      },
      "AKIDEXAMPLE MARKED-secret token 2030-01-31T12:00:00.000Z 012345678901"
    ],
    [
      "empty and blank variables as if they were not set",
      { ...keys, AWS_SESSION_TOKEN: "", AWS_CREDENTIAL_EXPIRATION: " ", AWS_ACCOUNT_ID: "" },
      "AKIDEXAMPLE MARKED-secret - - -"
    ],
    [
      "values without the white space around them",
      {
        AWS_ACCESS_KEY_ID: " AKIDEXAMPLE\n",
        AWS_SECRET_ACCESS_KEY: "MARKED-secret\r\n",
        AWS_SESSION_TOKEN: "\ttoken "
      },
      "AKIDEXAMPLE MARKED-secret token - -"
    ],
    [
      "keys without the account id, if it has the hyphens of the console",
      { ...keys, AWS_ACCOUNT_ID: "0123-4567-8901" },
      "AKIDEXAMPLE MARKED-secret - - -"
    ],
    ["keys without session tokens in variables of one SDK only", {
      ...keys,
      AMAZON_SESSION_TOKEN: "token",
      AWS_SECURITY_TOKEN: "token"
    }, "AKIDEXAMPLE MARKED-secret - - -"]
  ]
  for (const [title, variables, expected] of worlds) {
    it.effect(title, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* resolveWith(variables), expected)
      }))
  }

  it.effect("the variables again on each run", () =>
    Effect.gen(function*() {
      let id = "AWS_ACCESS_KEY_ID"
      const provider = ConfigProvider.fromMap(new Map(Object.entries({ ...keys, OTHER_ID: "AKIDOTHER" }))).pipe(
        ConfigProvider.mapInputPath((name) => name === "AWS_ACCESS_KEY_ID" ? id : name)
      )
      const accessKeyId = EnvironmentCredentials.resolve().pipe(
        Effect.map((credentials) => credentials.accessKeyId),
        Effect.withConfigProvider(provider)
      )
      assert.strictEqual(yield* accessKeyId, "AKIDEXAMPLE")
      id = "OTHER_ID"
      assert.strictEqual(yield* accessKeyId, "AKIDOTHER")
    }))

  it.effect("the keys for EnvironmentCredentials.layer", () =>
    Effect.gen(function*() {
      const provider = yield* CredentialsProvider.CredentialsProvider
      assert.strictEqual((yield* provider.get).accessKeyId, "AKIDEXAMPLE")
    }).pipe(Effect.provide(EnvironmentCredentials.layer()), environment(keys)))
})

describe("EnvironmentCredentials.resolve fails for", () => {
  const worlds: ReadonlyArray<
    readonly [title: string, variables: Record<string, string>, tag: string, says: ReadonlyArray<string>]
  > = [
    ["an empty environment", {}, "NotConfigured", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]],
    [
      "blank keys",
      { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: " \n" },
      "NotConfigured",
      ["AWS_ACCESS_KEY_ID"]
    ],
    ["a token without keys", { AWS_SESSION_TOKEN: "MARKED-token" }, "NotConfigured", ["AWS_ACCESS_KEY_ID"]],
    [
      "keys in variables of one SDK only",
      {
        AMAZON_ACCESS_KEY_ID: "MARKED",
        AMAZON_SECRET_ACCESS_KEY: "MARKED",
        AWS_ACCESS_KEY: "MARKED",
        AWS_SECRET_KEY: "MARKED"
      },
      "NotConfigured",
      ["AWS_ACCESS_KEY_ID"]
    ],
    [
      "no secret key",
      { AWS_ACCESS_KEY_ID: "MARKED-id" },
      "Missing",
      ["the environment", "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not"]
    ],
    [
      "no access key",
      { AWS_SECRET_ACCESS_KEY: "MARKED-secret", AWS_ACCESS_KEY_ID: " " },
      "Missing",
      ["AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not"]
    ],
    [
      "an expiration that is not a time",
      { ...keys, AWS_CREDENTIAL_EXPIRATION: "MARKED tomorrow" },
      "Invalid",
      ["AWS_CREDENTIAL_EXPIRATION is not an RFC 3339 time", "2026-01-31T12:00:00Z"]
    ],
    [
      "an expiration without offset",
      { ...keys, AWS_CREDENTIAL_EXPIRATION: "2030-01-31T12:00:00" },
      "Invalid",
      ["AWS_CREDENTIAL_EXPIRATION"]
    ],
    [
      "an expiration that is now",
      { ...keys, AWS_CREDENTIAL_EXPIRATION: "1970-01-01T00:00:00Z" },
      "Expired",
      ["AWS_CREDENTIAL_EXPIRATION", "1970-01-01T00:00:00.000Z"]
    ]
  ]
  for (const [title, variables, tag, says] of worlds) {
    it.effect(title, () =>
      Effect.gen(function*() {
        const { exit, seen } = yield* observed(EnvironmentCredentials.resolve().pipe(environment(variables)))
        const error = yield* Effect.flip(exit)
        assert.strictEqual(error._tag === "NotConfigured" ? error._tag : error.reason, tag)
        for (const text of says) assert.include(error.message, text)
        assert.notInclude(seen, "MARKED")
      }))
  }

  it.effect("a failing source of variables with an error that stops a chain", () =>
    Effect.gen(function*() {
      const broken = ConfigProvider.fromFlat(ConfigProvider.makeFlat({
        load: () => Effect.fail(ConfigError.SourceUnavailable([], "MARKED", Cause.empty)),
        enumerateChildren: () => Effect.fail(ConfigError.SourceUnavailable([], "MARKED", Cause.empty)),
        patch: { _tag: "Empty" }
      }))
      const { exit, seen } = yield* observed(Effect.withConfigProvider(EnvironmentCredentials.resolve(), broken))
      assert.strictEqual((yield* Effect.flip(exit))._tag, "CredentialsUnavailable")
      assert.notInclude(seen, "MARKED")
    }))

  it.effect("unusable values with one of its errors only, whatever the variables hold", () =>
    Effect.gen(function*() {
      const value = fc.oneof(
        fc.string({ unit: "binary" }),
        fc.constantFrom("", " ", "MARKED-value", "2030-01-31T12:00:00Z", "9999-99-99T99:99:99Z")
      )
      const worlds = fc.record({
        AWS_ACCESS_KEY_ID: value,
        AWS_SECRET_ACCESS_KEY: value,
        AWS_SESSION_TOKEN: value,
        AWS_CREDENTIAL_EXPIRATION: value,
        AWS_ACCOUNT_ID: value
      }, { requiredKeys: [] })
      fc.assert(
        fc.property(worlds, (variables) => {
          const exit = Effect.runSyncExit(Effect.either(EnvironmentCredentials.resolve().pipe(environment(variables))))
          assert.isTrue(Exit.isSuccess(exit))
          if (!Exit.isSuccess(exit)) return
          Either.match(exit.value, {
            onLeft: (error) => assert.notInclude(error.message, "MARKED"),
            onRight: (credentials) =>
              assert.strictEqual(Redacted.value(credentials.secretAccessKey), variables.AWS_SECRET_ACCESS_KEY?.trim())
          })
        }),
        { numRuns: 200 }
      )
    }))
})
