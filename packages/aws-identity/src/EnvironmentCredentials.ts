/**
 * Credentials from environment variables: `AWS.EnvironmentCredentials` with the prefix `AWS`.
 *
 * They are read from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_CREDENTIAL_EXPIRATION`
 * and `AWS_ACCOUNT_ID`, as all AWS SDKs do. Names that only some of them know are not read, so that a program does not
 * act with an unexpected identity: `AMAZON_…` (SDK for JavaScript v2), `AWS_ACCESS_KEY` and `AWS_SECRET_KEY` (Go),
 * `AWS_SECURITY_TOKEN` (Python).
 *
 * @example
 * ```ts
 * import { ConfigProvider, Effect } from "effect"
 * import { EnvironmentCredentials } from "effect-aws-identity"
 *
 * const environment = ConfigProvider.fromMap(
 *   new Map([["AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"], ["AWS_SECRET_ACCESS_KEY", "example"]])
 * )
 * const credentials = Effect.runSync(
 *   EnvironmentCredentials.resolve().pipe(Effect.withConfigProvider(environment))
 * )
 *
 * console.log(credentials.accessKeyId) // AKIDEXAMPLE
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as AccountId from "./AccountId.js"
import { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import * as IdentityError from "./IdentityError.js"
import { Timestamp } from "./internal/cacheFile.js"
import { variable } from "./internal/environment.js"
import * as Setting from "./internal/setting.js"

const variables = Effect.all({
  accessKeyId: variable("AWS_ACCESS_KEY_ID"),
  secretAccessKey: Effect.map(variable("AWS_SECRET_ACCESS_KEY"), Option.map(Redacted.make)),
  sessionToken: Effect.map(variable("AWS_SESSION_TOKEN"), Option.map(Redacted.make)),
  expiration: variable("AWS_CREDENTIAL_EXPIRATION"),
  accountId: Effect.map(variable("AWS_ACCOUNT_ID"), Option.flatMap(AccountId.option))
})

const source = "the environment"

/** Fails if the value of the variable cannot be a key or token. The error does not show the value. */
const checkText = (name: string, text: string) =>
  Setting.checkSetting(Setting.credentialText, text, "variable", (mistake) =>
    new IdentityError.CredentialsUnavailable({
      source,
      reason: "Invalid",
      problem: Setting.describeMistake(name, text, Setting.credentialText, mistake),
      remedy: mistake.remedy
    }))

/**
 * Reads the credentials from the environment. Each run reads the variables again.
 *
 * Fails with `NotConfigured` when neither key is set, and with `CredentialsUnavailable` when only one is
 * (`Missing`), when `AWS_CREDENTIAL_EXPIRATION` is not an RFC 3339 time (`Invalid`) or is in the past (`Expired`). An
 * `AWS_ACCOUNT_ID` that is not 12 digits is left out.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolve: () => Effect.Effect<
  Credentials,
  IdentityError.NotConfigured | IdentityError.CredentialsUnavailable
> = Effect.fn("EnvironmentCredentials.resolve")(
  function*() {
    const { accessKeyId, accountId, expiration, secretAccessKey, sessionToken } = yield* Effect.mapError(
      variables,
      () =>
        new IdentityError.CredentialsUnavailable({
          source,
          reason: "Invalid",
          problem: "it could not be read",
          remedy: "Check the ConfigProvider of this program."
        })
    )
    if (Option.isNone(accessKeyId) && Option.isNone(secretAccessKey)) {
      return yield* new IdentityError.NotConfigured({
        provider: "Environment",
        problem: "Neither AWS_ACCESS_KEY_ID nor AWS_SECRET_ACCESS_KEY is set",
        remedy: "Set both, and AWS_SESSION_TOKEN with temporary credentials."
      })
    }
    if (Option.isNone(accessKeyId) || Option.isNone(secretAccessKey)) {
      const [set, missing] = Option.isNone(accessKeyId)
        ? ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"]
        : ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
      return yield* new IdentityError.CredentialsUnavailable({
        source,
        reason: "Missing",
        problem: `${set} is set, but ${missing} is not`,
        remedy: `Set ${missing} too, or remove ${set} to have credentials looked for elsewhere.`
      })
    }
    yield* checkText("AWS_ACCESS_KEY_ID", accessKeyId.value)
    yield* checkText("AWS_SECRET_ACCESS_KEY", Redacted.value(secretAccessKey.value))
    if (Option.isSome(sessionToken)) yield* checkText("AWS_SESSION_TOKEN", Redacted.value(sessionToken.value))
    const end = yield* Effect.transposeOption(
      Option.map(
        expiration,
        (text) =>
          Effect.mapError(Schema.decode(Timestamp)(text), () =>
            new IdentityError.CredentialsUnavailable({
              source,
              reason: "Invalid",
              problem: "AWS_CREDENTIAL_EXPIRATION is not an RFC 3339 time",
              remedy: "Set it to a time such as 2026-01-31T12:00:00Z, or remove it if the credentials do not expire."
            }))
      )
    )
    const now = yield* Clock.currentTimeMillis
    const expired = Option.filter(end, (end) => DateTime.toEpochMillis(end) <= now)
    if (Option.isSome(expired)) {
      return yield* new IdentityError.CredentialsUnavailable({
        source,
        reason: "Expired",
        problem: `AWS_CREDENTIAL_EXPIRATION, ${DateTime.formatIso(expired.value)}, is past`,
        remedy: "Set all AWS_ variables anew, and start this program again: its environment does not change by itself."
      })
    }
    return new Credentials({
      accessKeyId: accessKeyId.value,
      secretAccessKey: secretAccessKey.value,
      sessionToken,
      expiration: end,
      accountId
    })
  }
)

/**
 * `CredentialsProvider` of the credentials in the environment.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: CredentialsProvider.CacheOptions
): Layer.Layer<CredentialsProvider.CredentialsProvider> => CredentialsProvider.layer(resolve(), options)
