/**
 * Credentials of a role in exchange for a web identity token: `AWS.WebIdentityCredentials`, with a new token for each
 * exchange.
 *
 * Wherever `AWS.WebIdentityCredentials` takes a token, this takes an effect that gets one, and runs it for each
 * exchange: see `WebIdentityToken` for those of Kubernetes, GitHub Actions and others.
 *
 * @example
 * ```ts
 * import { WebIdentityCredentials, WebIdentityToken } from "effect-aws-identity"
 *
 * // Needs an HttpClient and an Sts: with Sts.layerEnvironment, in the region of the environment
 * export const credentials = WebIdentityCredentials.layer({
 *   roleArn: "arn:aws:iam::111122223333:role/deploy",
 *   token: WebIdentityToken.githubActions()
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import type * as Files from "./Files.js"
import * as IdentityError from "./IdentityError.js"
import { roleInWords, withAbout } from "./internal/about.js"
import { applicationLimit } from "./internal/applicationLimit.js"
import { check, type CheckedToken, endOf, type Source } from "./internal/checkedToken.js"
import { variable } from "./internal/environment.js"
import { perSource } from "./internal/perSource.js"
import { stsSession, withOptionNames } from "./internal/roleSession.js"
import * as Setting from "./internal/setting.js"
import { timeLimit } from "./internal/timeLimit.js"
import type { Region } from "./Region.js"
import { type AssumeRoleWithWebIdentityOutput, Sts } from "./Sts.js"
import * as WebIdentityToken from "./WebIdentityToken.js"

/**
 * A role and its session.
 *
 * @since 0.1.0
 * @category models
 */
export interface Role {
  /** ARN of the role. */
  readonly roleArn: string
  /**
   * Names the session in CloudTrail and in the ARN of the assumed role: 2 to 64 letters, digits and `_+=,.@-`. By
   * default, `effect-aws-identity`, the host (`HOSTNAME`) and the time.
   */
  readonly sessionName?: string | undefined
  /** How long the session lasts: 15 minutes to 12 hours, and no longer than the role allows; by default 1 hour. */
  readonly sessionDuration?: Duration.DurationInput | undefined
  /** A session policy as JSON. The session may do what both the role and this policy allow. */
  readonly policy?: string | undefined
  /** ARNs of managed policies that are session policies too: at most 10. */
  readonly policyArns?: ReadonlyArray<string> | undefined
  /** Bytes, up to 4096, that AWS pads the session token to. */
  readonly minimumSessionTokenSize?: number | undefined
  /** For OAuth 2.0 access tokens only: the host name of the provider, `www.amazon.com` or `graph.facebook.com`. */
  readonly providerId?: string | undefined
  /** Region of the STS endpoint. By default, that of the settings of `Sts`. */
  readonly region?: Region | undefined
  /**
   * The profile whose settings (endpoint, region, FIPS, retries) count, if the `Sts` layer takes settings from profiles.
   * By default, the profile of `SharedConfig`.
   */
  readonly profile?: string | undefined
}

/**
 * A role, and the source of the tokens that it is exchanged for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<E = IdentityError.IdentityError, R = never> extends Role {
  /** Run for each exchange, for at most 5 minutes; see `WebIdentityToken`. */
  readonly token: Effect.Effect<Redacted.Redacted, E, R>
}

/**
 * Exchanges a token for a role, and returns the whole output of STS: what `AWS.WebIdentityCredentials` had in `data`.
 * `resolve` returns only its credentials.
 *
 * An expired token is never sent. If the token has expired or is about to, the source is run once more. If that token has
 * expired too, the error is a `CredentialsUnavailable`. If STS says that the token has expired or was revoked, the source
 * is run once more, and another token is sent once.
 *
 * With a `providerId`, the token is an OAuth 2.0 access token, which is sent as it is. The sources of `WebIdentityToken`
 * do not return access tokens.
 *
 * @since 0.1.0
 * @category constructors
 */
export const assumeRole: <E, R>(
  options: Options<E, R>
) => Effect.Effect<
  AssumeRoleWithWebIdentityOutput,
  E | IdentityError.WebIdentityCredentialsError,
  R | Sts
> = Effect.fn("WebIdentityCredentials.assumeRole")(function*<E, R>(
  { sessionDuration, sessionName, token: source, ...role }: Options<E, R>
) {
  const sts = yield* Sts
  const token = applicationLimit(given.name)(source)
  const session = yield* stsSession({ sessionDuration, sessionName })
  const exchange = ({ token }: { readonly token: Redacted.Redacted }) =>
    Effect.mapError(sts.assumeRoleWithWebIdentity({ ...role, ...session, webIdentityToken: token }), withOptionNames)
  if (role.providerId !== undefined) {
    return yield* onceMore(Effect.map(token, (token) => ({ token })), exchange)
  }
  return yield* onceMore(
    freshToken(token),
    (presented) => Effect.mapError(beforeItsEnd(presented, exchange(presented)), withContext(role.roleArn, presented))
  )
})

/**
 * An exchange, and one more if STS says that the token has expired or was revoked and the source has another one: a
 * source may have cached the first, and STS's clock or the issuer may know better than the token itself.
 */
const onceMore = <Token extends { readonly token: Redacted.Redacted }, A, E, R, E2, R2>(
  token: Effect.Effect<Token, E, R>,
  exchange: (token: Token) => Effect.Effect<A, E2, R2>
): Effect.Effect<A, E | E2, R | R2> =>
  Effect.gen(function*() {
    const first = yield* token
    return yield* Effect.catchIf(exchange(first), hasEnded, (error) =>
      Effect.flatMap(Effect.option(token), (second) =>
        Option.isNone(second) || Equal.equals(second.value.token, first.token)
          ? Effect.fail(error)
          : exchange(second.value)))
  })

/** What AWS documents as "has expired" or "has been revoked" of a web identity token. */
const hasEnded = (error: unknown): boolean =>
  Predicate.isTagged(error, "ExpiredTokenException") ||
  Predicate.isTagged(error, "IDPRejectedClaimException") ||
  (isUnavailable(error) && error.reason === "Expired")

/** STS gets it a moment later, and may be ahead. */
const soonMillis = 30_000

const given: Source = {
  name: "the given source",
  remedy: "It has to give a new token each time it is run; see WebIdentityToken."
}

/** A token that has not expired, nor is about to if the source has a better one. */
const freshToken = <E, R>(token: Effect.Effect<Redacted.Redacted, E, R>) =>
  Effect.gen(function*() {
    const attempt = Effect.flatMap(token, (token) => check(given, token))
    const first = yield* Effect.either(attempt)
    if (Either.isLeft(first)) {
      return yield* isUnavailable(first.left) && first.left.reason === "Expired" ? attempt : Effect.fail(first.left)
    }
    const now = yield* Clock.currentTimeMillis
    if (endOf(first.right) > now + soonMillis) return first.right
    const second = yield* Effect.orElseSucceed(attempt, () => first.right)
    const latest = endOf(second) > endOf(first.right) ? second : first.right
    // To ask for the second may have taken longer than was left to the first.
    return yield* check(given, latest.token)
  })

/** Ends an exchange when its token expires, so that no attempt sends a token that has expired in the meantime. */
const beforeItsEnd = <A, E, R>(token: CheckedToken, exchange: Effect.Effect<A, E, R>) =>
  Option.isNone(token.expiration) ? exchange : Effect.flatMap(Clock.currentTimeMillis, (now) =>
    timeLimit(exchange, {
      duration: endOf(token) - now,
      onTimeout: () =>
        new IdentityError.CredentialsUnavailable({
          source: given.name,
          reason: "Expired",
          problem: "it expired while STS was asked",
          remedy: given.remedy
        })
    }))

const isUnavailable = (error: unknown): error is IdentityError.CredentialsUnavailable =>
  Predicate.isTagged(error, "CredentialsUnavailable")

/** Adds to an error the claims that a trust policy checks, because they show how to correct the policy. */
const withContext =
  (roleArn: string, { audience, issuer, subject }: CheckedToken) => <E extends object>(error: E): E => {
    const claims = [["issuer", Option.toArray(issuer)], ["audience", audience], ["subject", Option.toArray(subject)]]
      .map(([name, values = []]) =>
        `${name} ${values.length === 0 ? "none" : [...values].slice(0, 3).map(quote).join(", ")}`
      )
    return withAbout(`${roleInWords(roleArn)} and a token with ${claims.join(", ")}`)(error)
  }

/** Quotes a claim, because the issuer of a token could forge our messages or add lines to a log. */
const quote = (text: string): string => JSON.stringify(text.slice(0, 256))

/**
 * Credentials of a role for a web identity token.
 *
 * Without options, the role and the token are those of the environment: `AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN`
 * and, if it is set, `AWS_ROLE_SESSION_NAME`, as Kubernetes on EKS sets them. That fails with `NotConfigured` when there
 * is no `AWS_WEB_IDENTITY_TOKEN_FILE`, and with `CredentialsUnavailable` when there is one but no `AWS_ROLE_ARN`
 * (`Missing`), or when AWS would not take the value of a variable (`Invalid`).
 *
 * For the web identity of a profile, use `ProfileCredentials`.
 *
 * @since 0.1.0
 * @category constructors
 */
export function resolve<E, R>(
  options: Options<E, R>
): Effect.Effect<Credentials, E | IdentityError.WebIdentityCredentialsError, R | Sts>
export function resolve(): Effect.Effect<
  Credentials,
  IdentityError.NotConfigured | IdentityError.WebIdentityCredentialsError,
  Files.Files | Sts
>
export function resolve<E, R>(
  options?: Options<E, R>
): Effect.Effect<
  Credentials,
  E | IdentityError.NotConfigured | IdentityError.WebIdentityCredentialsError,
  R | Files.Files | Sts
> {
  // The overloads say which errors and services belong to which call; the diagnostic reads the implementation alone.
  // @effect-diagnostics-next-line missingEffectContext:off missingEffectError:off
  return options === undefined ? ofEnvironment : Effect.map(assumeRole(options), ({ credentials }) => credentials)
}

const ofEnvironment: Effect.Effect<
  Credentials,
  IdentityError.NotConfigured | IdentityError.WebIdentityCredentialsError,
  Files.Files | Sts
> = Effect.gen(function*() {
  const { roleArn, sessionName, tokenFile } = yield* Effect.mapError(
    variables,
    () => unavailable("Invalid", "its variables cannot be read", "Check the ConfigProvider of this program.")
  )
  if (Option.isNone(tokenFile)) {
    return yield* new IdentityError.NotConfigured({
      provider: "Web identity",
      problem: "AWS_WEB_IDENTITY_TOKEN_FILE is not set",
      remedy: "On EKS, give the service account a role; elsewhere, set it and AWS_ROLE_ARN."
    })
  }
  if (Option.isNone(roleArn)) {
    return yield* unavailable(
      "Missing",
      "AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not",
      "Set both or neither."
    )
  }
  const path = yield* checkedVariable(names.tokenFile, tokenFile.value, Setting.tokenFile)
  return yield* resolve({
    roleArn: yield* checkedVariable(names.roleArn, roleArn.value, Setting.roleArn),
    sessionName: Option.isNone(sessionName)
      ? undefined
      : yield* checkedVariable(names.sessionName, sessionName.value, Setting.roleSessionName),
    token: WebIdentityToken.fromFile(path)
  })
}).pipe(Effect.withSpan("WebIdentityCredentials.resolve"))

const names = {
  tokenFile: "AWS_WEB_IDENTITY_TOKEN_FILE",
  roleArn: "AWS_ROLE_ARN",
  sessionName: "AWS_ROLE_SESSION_NAME"
}

const variables = Effect.all({
  tokenFile: variable(names.tokenFile),
  roleArn: variable(names.roleArn),
  sessionName: variable(names.sessionName)
})

/** The value of a variable, if AWS takes it. */
const checkedVariable = <A>(name: string, text: string, setting: Setting.Setting<A>) =>
  Setting.checkSetting(
    setting,
    text,
    "variable",
    (mistake) => unavailable("Invalid", Setting.describeMistake(name, text, setting, mistake), mistake.remedy)
  )

const unavailable = (
  reason: IdentityError.CredentialsUnavailable["reason"],
  problem: string,
  remedy: string
) =>
  new IdentityError.CredentialsUnavailable({ source: "the web identity of the environment", reason, problem, remedy })

/**
 * `CredentialsProvider` of a role for web identity tokens.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E extends IdentityError.IdentityError, R>(
  options: Options<E, R> & CredentialsProvider.CacheOptions
): Layer.Layer<CredentialsProvider.CredentialsProvider, never, Exclude<R | Sts, Scope.Scope>> =>
  CredentialsProvider.layer(resolve(options), options)

/**
 * A role, and the file of its tokens. OAuth 2.0 access tokens are not kept in files.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends Omit<Role, "providerId"> {
  readonly tokenFile: string
}

/** A variable whose value AWS takes. */
const variableConfig = <A>(name: string, setting: Setting.Setting<A>): Config.Config<A> =>
  Config.mapOrFail(Config.nonEmptyString(name), (text) => settingOf(name, text, setting))

const settingOf = <A>(name: string, text: string, setting: Setting.Setting<A>) =>
  Either.mapLeft(Setting.readSetting(setting, text, "variable"), mistakenSetting(name, text, setting))

const mistakenSetting =
  (name: string, text: string, setting: Setting.Setting<unknown>) =>
  (mistake: Setting.Mistake): ConfigError.ConfigError =>
    ConfigError.InvalidData([], `${Setting.describeMistake(name, text, setting, mistake)}. ${mistake.remedy}`)

/** An option of `layerConfig`, if AWS takes its value. */
const optionOf = <A>(name: string, text: string, setting: Setting.Setting<A>) =>
  Setting.checkSetting(setting, text, "variable", mistakenSetting(name, text, setting))

/** AWS's own variables. */
const environment: Config.Config<Settings> = Config.all({
  tokenFile: variableConfig(names.tokenFile, Setting.tokenFile),
  roleArn: variableConfig(names.roleArn, Setting.roleArn),
  sessionName: Config.map(
    Config.option(variableConfig(names.sessionName, Setting.roleSessionName)),
    Option.getOrUndefined
  )
})

/**
 * `CredentialsProvider` of a role that the application's own configuration names; without one, that of
 * `AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN` and `AWS_ROLE_SESSION_NAME`.
 *
 * @example
 * ```ts
 * import { Config } from "effect"
 * import { WebIdentityCredentials } from "effect-aws-identity"
 *
 * export const onKubernetes = WebIdentityCredentials.layerConfig()
 *
 * export const elsewhere = WebIdentityCredentials.layerConfig({
 *   roleArn: Config.string("DEPLOY_ROLE"),
 *   tokenFile: Config.succeed("/var/run/tokens/aws")
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: Config.Config.Wrap<Settings & CredentialsProvider.CacheOptions> = environment
): Layer.Layer<CredentialsProvider.CredentialsProvider, ConfigError.ConfigError, Files.Files | Sts> =>
  perSource(Layer.unwrapEffect(Effect.gen(function*() {
    const { roleArn, sessionName, tokenFile, ...role } = yield* Config.unwrap(config)
    return layer({
      ...role,
      roleArn: yield* optionOf("roleArn", roleArn, Setting.roleArn),
      sessionName: sessionName === undefined
        ? undefined
        : yield* optionOf("sessionName", sessionName, Setting.roleSessionName),
      token: WebIdentityToken.fromFile(yield* optionOf("tokenFile", tokenFile, Setting.tokenFile))
    })
  })))
