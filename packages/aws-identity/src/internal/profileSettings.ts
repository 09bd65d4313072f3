/** What a profile says of the credentials that it describes. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { AccountId } from "../AccountId.js"
import type * as IdentityError from "../IdentityError.js"
import { misspelt, resembled } from "./profileKeys.js"
import {
  invalidKey,
  keysOf,
  none,
  optional,
  placeOfKey,
  requiredSetting,
  secret,
  type Section,
  setting
} from "./section.js"
import * as Setting from "./setting.js"
import { contentInsteadOfPath, shownText } from "./shownPath.js"

/**
 * The role in IAM Identity Center that a profile names in its `sso_account_id` and `sso_role_name`, and its session;
 * `InvalidConfig` at the line of a key that AWS would not take, or when the profile lacks one.
 */
export const ssoRoleOf = <Session, E>(
  files: { readonly sessionOf: (profile: Section) => Effect.Effect<Session, E> },
  profile: Section
): Effect.Effect<
  { readonly session: Session; readonly accountId: AccountId; readonly roleName: string },
  E | IdentityError.InvalidConfig
> =>
  Effect.all({
    session: files.sessionOf(profile),
    accountId: requiredSetting(profile, "sso_account_id", profile.name, Setting.accountId),
    roleName: requiredSetting(profile, "sso_role_name", profile.name, Setting.roleName)
  })

/** The path in the `web_identity_token_file` of a profile; `InvalidConfig` when it is not a path. */
export const tokenFileOf = (profile: Section): Effect.Effect<Option.Option<string>, IdentityError.InvalidConfig> =>
  Effect.suspend(() => {
    const key = "web_identity_token_file"
    const content = Option.flatMapNullable(optional(profile, key), contentInsteadOfPath)
    return Option.isSome(content)
      ? Effect.fail(invalidKey(profile, key, {
        problem: `has ${key} with ${content.value} instead of the path of a file`,
        remedy: "Write the token into a file and its path there; or put the token into an environment variable, and " +
          "read that with WebIdentityToken.fromVariable."
      }))
      : Effect.map(setting(profile, key, Setting.tokenFile), Option.fromNullable)
  })

/** A role that a profile names, and the settings of its session. */
interface ProfileRole {
  /** `role_arn` */
  readonly roleArn: string
  /** `role_session_name` */
  readonly roleSessionName: string | undefined
  /** `duration_seconds` */
  readonly durationSeconds: number | undefined
  /** `external_id` */
  readonly externalId: string | undefined
  /** `mfa_serial` */
  readonly mfaSerial: string | undefined
}

/**
 * The role that a profile names in its `role_arn`; `InvalidConfig` when it has none, or at the line of a value that STS
 * would not take.
 */
export const roleOf = (profile: Section): Effect.Effect<ProfileRole, IdentityError.InvalidConfig> =>
  Effect.gen(function*() {
    return {
      roleArn: yield* requiredSetting(profile, "role_arn", profile.name, Setting.roleArn),
      roleSessionName: yield* setting(profile, "role_session_name", Setting.roleSessionName),
      durationSeconds: yield* setting(profile, "duration_seconds", Setting.durationSeconds),
      externalId: yield* setting(profile, "external_id", Setting.externalId),
      mfaSerial: yield* setting(profile, "mfa_serial", Setting.mfaSerial)
    }
  })

/**
 * The `source_profile` of `profile`. `path` lists the profiles that take their credentials from `profile`, beginning
 * with the one that was chosen. `InvalidConfig` when there is no such profile, or when it leads back to one of `path`.
 */
export const sourceProfileOf = <Profile extends Section>(
  files: {
    readonly profile: (
      name: string
    ) => Effect.Effect<
      Profile,
      IdentityError.InvalidConfig | IdentityError.NotConfigured | IdentityError.ProfileNotFound
    >
  },
  profile: Profile,
  path: ReadonlyArray<Profile>
): Effect.Effect<Profile, IdentityError.InvalidConfig> => {
  const invalidSource = (problem: string, remedy: string) =>
    Effect.fail(invalidKey(profile, "source_profile", { problem, remedy }))
  const name = profile.values.get("source_profile")?.value ?? ""
  const names = [...path, profile].map(({ name }) => name)
  if (names.includes(name)) {
    return invalidSource(
      `names a source_profile that leads back to itself: ${[...names, name].join(" -> ")}`,
      "Let one of them have credentials of its own."
    )
  }
  return Effect.catchTags(files.profile(name), {
    NotConfigured: (error) =>
      invalidSource(`names source_profile = ${shownText(name)}. ${error.problem}`, error.remedy),
    ProfileNotFound: ({ known, searched }) =>
      invalidSource(
        `names source_profile = ${shownText(name)}, but there is no such profile in ${searched.join(" or ")}`,
        `Add it, or name one that is there: ${known.join(", ")}.`
      )
  })
}

/**
 * The error of a profile with a misspelt key that decides its credentials, such as `sso_acount_id`, where the right key
 * is missing.
 */
export const misspeltKey = (profile: Section): IdentityError.InvalidConfig | undefined => {
  for (const key of keysOf(profile)) {
    const right = misspelt(key)
    if (right === undefined || placeOfKey(profile, right) !== undefined) continue
    return invalidKey(profile, key, {
      problem: `has ${key}, which AWS's tools do not know`,
      remedy: `Write it ${right}.`
    })
  }
  return undefined
}

/**
 * The error of a profile without credentials that has a key about credentials: the key is misspelt, has no value, or
 * lacks the keys that belong with it.
 */
export const incompleteKey = (profile: Section): IdentityError.InvalidConfig | undefined => {
  for (const key of keysOf(profile)) {
    const nested = profile.values.get(key)?.nested ?? none
    const right = resembled(key) ?? [...nested.keys()].map(resembled).find((found) => found !== undefined)
    if (right === undefined) continue
    const isEmpty = key === right && Option.isNone(optional(profile, key)) && Option.isNone(secret(profile, key))
    return invalidKey(profile, key, {
      problem: isEmpty
        ? `has ${key} without a value`
        : key === right
        ? `has ${key}, but not the other keys that credentials need`
        : `has ${key}, but no ${right}, and gives no credentials`,
      remedy: isEmpty
        ? "Give it a value, or remove that line."
        : key === right
        ? "Add them: role_arn with its source, sso_account_id and sso_role_name, both access keys, or credential_process."
        : `Write it ${right} if that is meant, or remove that line.`
    })
  }
  return undefined
}
