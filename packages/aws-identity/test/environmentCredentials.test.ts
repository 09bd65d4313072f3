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

describe("what the environment gives", () => {
  const worlds: ReadonlyArray<readonly [title: string, variables: Record<string, string>, expected: string]> = [
    ["long-lived keys", keys, "AKIDEXAMPLE MARKED-secret - - -"],
    [
      "all of it",
      {
        ...keys,
        AWS_SESSION_TOKEN: "token",
        AWS_CREDENTIAL_EXPIRATION: "2030-01-31T13:00:00+01:00",
        AWS_ACCOUNT_ID: "012345678901"
      },
      "AKIDEXAMPLE MARKED-secret token 2030-01-31T12:00:00.000Z 012345678901"
    ],
    [
      "what is empty or blank is not set",
      { ...keys, AWS_SESSION_TOKEN: "", AWS_CREDENTIAL_EXPIRATION: " ", AWS_ACCOUNT_ID: "" },
      "AKIDEXAMPLE MARKED-secret - - -"
    ],
    [
      "white space around",
      {
        AWS_ACCESS_KEY_ID: " AKIDEXAMPLE\n",
        AWS_SECRET_ACCESS_KEY: "MARKED-secret\r\n",
        AWS_SESSION_TOKEN: "\ttoken "
      },
      "AKIDEXAMPLE MARKED-secret token - -"
    ],
    [
      "an account as the console shows it",
      { ...keys, AWS_ACCOUNT_ID: "0123-4567-8901" },
      "AKIDEXAMPLE MARKED-secret - - -"
    ],
    ["names of one SDK only", {
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

  it.effect("is read anew each time", () =>
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

  it.effect("as a layer", () =>
    Effect.gen(function*() {
      const provider = yield* CredentialsProvider.CredentialsProvider
      assert.strictEqual((yield* provider.get).accessKeyId, "AKIDEXAMPLE")
    }).pipe(Effect.provide(EnvironmentCredentials.layer()), environment(keys)))
})

describe("what it does not give", () => {
  const worlds: ReadonlyArray<
    readonly [title: string, variables: Record<string, string>, tag: string, says: ReadonlyArray<string>]
  > = [
    ["nothing", {}, "NotConfigured", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]],
    [
      "blank keys",
      { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: " \n" },
      "NotConfigured",
      ["AWS_ACCESS_KEY_ID"]
    ],
    ["a token without keys", { AWS_SESSION_TOKEN: "MARKED-token" }, "NotConfigured", ["AWS_ACCESS_KEY_ID"]],
    [
      "names of one SDK only",
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
      "a time that is none",
      { ...keys, AWS_CREDENTIAL_EXPIRATION: "MARKED tomorrow" },
      "Invalid",
      ["AWS_CREDENTIAL_EXPIRATION is not an RFC 3339 time", "2026-01-31T12:00:00Z"]
    ],
    [
      "a time without offset",
      { ...keys, AWS_CREDENTIAL_EXPIRATION: "2030-01-31T12:00:00" },
      "Invalid",
      ["AWS_CREDENTIAL_EXPIRATION"]
    ],
    [
      "the very end",
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

  it.effect("a source of variables that fails is no chain's to go past", () =>
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

  it.effect("anything else than credentials or one of its errors, whatever is set", () =>
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
