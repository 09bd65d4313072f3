/**
 * Role credentials of a signed-in user: `AWS.SsoCredentials` as a provider.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { AccountId } from "./AccountId.js"
import { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import * as IdentityError from "./IdentityError.js"
import { traced } from "./internal/edition.js"
import { withOrigin } from "./internal/origin.js"
import { perSource } from "./internal/perSource.js"
import * as ProfileSettings from "./internal/profileSettings.js"
import { RefusalChecks } from "./internal/refusalChecks.js"
import * as Section from "./internal/section.js"
import { toServiceError } from "./internal/serviceError.js"
import * as Setting from "./internal/setting.js"
import { withToken } from "./internal/withToken.js"
import type { Region } from "./Region.js"
import * as SharedConfig from "./SharedConfig.js"
import { Sso } from "./Sso.js"
import * as SsoSession from "./SsoSession.js"
import { SsoTokenProvider } from "./SsoTokenProvider.js"

/**
 * A role, and the session that gives access to it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Role {
  readonly session: SsoSession.SsoSession
  readonly accountId: AccountId
  /** The name of the permission set. */
  readonly roleName: string
}

const credentialsOf = ({ accountId, roleName, session }: Role) =>
  Effect.flatMap(
    Sso,
    (sso) =>
      Effect.flatMap(SsoTokenProvider, (tokens) =>
        Effect.flatMap(RefusalChecks, (checks) =>
          withToken(tokens, session, ({ accessToken }) => {
            // After a new sign-in the portal may give what it has refused before.
            checks.add(Effect.match(tokens.get(session), {
              onFailure: () =>
                true,
              onSuccess: (current) => !Equal.equals(current.accessToken, accessToken)
            }))
            return Effect.matchEffect(
              sso.getRoleCredentials({
                region: session.region,
                profile: Option.getOrUndefined(session.profile),
                accessToken,
                accountId,
                roleName
              }),
              {
                onFailure: (error) =>
                  Effect.fail(error._tag === "TooManyRequestsException" ? toServiceError(error) : error),
                onSuccess: ({ roleCredentials }) =>
                  // Never those of another account, whatever the answer.
                  Option.exists(roleCredentials.accountId, (answered) => answered !== accountId)
                    ? Effect.fail(
                      new IdentityError.InvalidResponse({
                        service: "SSO",
                        operation: "getRoleCredentials",
                        endpoint: `The portal of ${session.region}`,
                        status: 200,
                        problem: `the credentials are not those of account ${accountId}`
                      })
                    )
                    : Effect.succeed(new Credentials({ ...roleCredentials, accountId: Option.some(accountId) }, true))
              }
            )
          })))
  )

/**
 * Credentials of a role. If the portal rejects a token that has not expired, the token is refreshed and the portal is
 * asked once more.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolve: (
  role: Role
) => Effect.Effect<Credentials, IdentityError.SsoCredentialsError, Sso | SsoTokenProvider> = (role) =>
  resolveSpan(credentialsOf(role))

const resolveSpan = traced("SsoCredentials.resolve")

const isSsoRole = (profile: SharedConfig.Section): boolean =>
  ["sso_account_id", "sso_role_name"].some((key) => Option.isSome(Section.optional(profile, key)))

/**
 * Credentials of the role that a profile names (`sso_account_id`, `sso_role_name`), signed in to by its
 * `sso_session` or, in a legacy profile, by its own `sso_start_url` and `sso_region`.
 *
 * By default, the profile of `AWS_PROFILE`, else `default`. A profile that was read already is used as it is. Fails with
 * `NotConfigured` when the profile has no SSO role.
 *
 * `ProfileCredentials.resolve` gives the same for an SSO profile. This function is for bundles that have only SSO
 * profiles: it does not bring the code for STS, programs, containers and instances along.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolveProfile: (
  name?: string | SharedConfig.Section
) => Effect.Effect<
  Credentials,
  IdentityError.SharedConfigError | IdentityError.SsoCredentialsError,
  SharedConfig.SharedConfig | Sso | SsoTokenProvider
> = (name) =>
  resolveProfileSpan(
    Effect.flatMap(SharedConfig.read, (config) =>
      Effect.flatMap(typeof name === "object" ? Effect.succeed(name) : config.profile(name), (profile) =>
        Effect.flatMap(roleOfProfile(config, profile), (role) =>
          Effect.mapError(
            credentialsOf(role),
            withOrigin({ profile: profile.name, location: Section.locationOf(profile) })
          ))))
  )

const resolveProfileSpan = traced("SsoCredentials.resolveProfile")

const roleOfProfile = (config: SharedConfig.ConfigFiles, profile: SharedConfig.Section) =>
  Option.isSome(Section.optional(profile, "source_profile")) && !isSsoRole(profile)
    ? Effect.fail(
      new IdentityError.NotConfigured({
        provider: "SSO",
        problem: `Profile "${profile.name}" (${Section.locationOf(profile)}) has neither sso_account_id nor ` +
          "sso_role_name",
        remedy: "Use ProfileCredentials for a profile that takes its credentials from another one."
      })
    )
    : ProfileSettings.ssoRoleOf(config, profile)

/**
 * `CredentialsProvider` of a role.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Role & CredentialsProvider.CacheOptions
): Layer.Layer<CredentialsProvider.CredentialsProvider, never, Sso | SsoTokenProvider> =>
  CredentialsProvider.layer(resolve(options), options)

/**
 * A role and its Identity Center, without any config file.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  /** The URL of the AWS access portal. */
  readonly startUrl: string
  /** The region of the IAM Identity Center. */
  readonly region: Region
  /**
   * The name of an `[sso-session]`: other AWS tools that sign in to it share the token. Without a name, the token is
   * shared by the start URL.
   */
  readonly session?: string | undefined
  readonly accountId: AccountId
  /** The name of the permission set. */
  readonly roleName: string
}

/**
 * `CredentialsProvider` of a role that the application's own configuration names.
 *
 * @example
 * ```ts
 * import { Config, Schema } from "effect"
 * import { AccountId, Region, SsoCredentials } from "effect-aws-identity"
 *
 * export const credentials = SsoCredentials.layerConfig({
 *   startUrl: Config.string("START_URL"),
 *   region: Schema.Config("SSO_REGION", Region.Region),
 *   accountId: Schema.Config("ACCOUNT_ID", AccountId.AccountId),
 *   roleName: Config.succeed("Developer")
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: Config.Config.Wrap<Settings & CredentialsProvider.CacheOptions>
): Layer.Layer<CredentialsProvider.CredentialsProvider, ConfigError.ConfigError, Sso | SsoTokenProvider> =>
  perSource(Layer.unwrapEffect(Effect.gen(function*() {
    const { accountId, region, roleName: role, session, startUrl: url, ...cache } = yield* Config.unwrap(config)
    const texts = { roleName: role, startUrl: url }
    const read = <A>(name: keyof typeof texts, setting: Setting.Setting<A>) =>
      Setting.checkSetting(setting, texts[name], "variable", (mistake) =>
        ConfigError.InvalidData(
          [],
          `${Setting.describeMistake(name, texts[name], setting, mistake)}. ${mistake.remedy}`
        ))
    const startUrl = yield* read("startUrl", Setting.startUrl)
    const roleName = yield* read("roleName", Setting.roleName)
    if (session === "") return yield* Effect.fail(ConfigError.InvalidData([], "session is empty"))
    return layer({
      ...cache,
      accountId,
      roleName,
      session: SsoSession.make({ name: session, startUrl, region })
    })
  })))
