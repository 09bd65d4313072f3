/** Reads the keys of a section of a config file, and makes the errors that name their lines. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as IdentityError from "../IdentityError.js"
import { misspelt } from "./profileKeys.js"
import * as Setting from "./setting.js"

/** What is read of a `SharedConfig.ConfigValue`. */
interface Value {
  readonly value: string
  readonly file: string
  readonly line: number
  readonly nested: ReadonlyMap<string, Value>
}

/** What is read of a `SharedConfig.SecretValue`. */
interface Secret {
  readonly value: Redacted.Redacted
  readonly file: string
  readonly line: number
}

/** What is read of a `SharedConfig.Section`. */
export interface Section {
  readonly name: string
  readonly header: string
  readonly file: string
  readonly line: number
  readonly values: ReadonlyMap<string, Value>
  readonly secrets: ReadonlyMap<string, Secret>
}

/** `file:line` of a section, for messages. */
export const locationOf = ({ file, line }: Section): string => `${file}:${line}`

/** The keys of a section, those of secrets too. */
export const keysOf = ({ secrets, values }: Section): ReadonlyArray<string> => [...values.keys(), ...secrets.keys()]

/** The file and line of a key. */
export const placeOfKey = (section: Section, key: string): Value | Secret | undefined =>
  section.values.get(key) ?? section.secrets.get(key)

/** No values. */
export const none: ReadonlyMap<string, Value> = new Map()

/** The value of an optional key; none if it is missing or empty. */
export const optional = (section: Section, key: string): Option.Option<string> =>
  Option.filter(Option.fromNullable(section.values.get(key)?.value.trim()), (value) => value !== "")

/**
 * The value of a required key; `InvalidConfig` when it is missing or empty. `profile` is the profile that the section
 * is read for.
 */
export const required = (
  section: Section,
  key: string,
  profile: string | undefined
): Effect.Effect<string, IdentityError.InvalidConfig> => {
  const value = section.values.get(key)?.value.trim() ?? ""
  return value === "" ? Effect.fail(missing(section, key, profile)) : Effect.succeed(value)
}

/** An optional secret of a section; none if it is missing or empty. */
export const secret = (section: Section, key: string): Option.Option<Redacted.Redacted> =>
  Option.filter(
    Option.map(
      Option.fromNullable(section.secrets.get(key)),
      ({ value }) => Redacted.make(Redacted.value(value).trim())
    ),
    (value) => Redacted.value(value) !== ""
  )

/** A required secret of a section; `InvalidConfig` when it is missing or empty. */
export const requiredSecret = (
  section: Section,
  key: string,
  profile: string | undefined
): Effect.Effect<Redacted.Redacted, IdentityError.InvalidConfig> =>
  Option.match(secret(section, key), {
    onNone: () => Effect.fail(missing(section, key, profile)),
    onSome: Effect.succeed
  })

/** A value of a section, on behalf of `profile`; undefined if it is blank. */
export const setting = <A>(
  profile: Section | undefined,
  key: string,
  kind: Setting.Setting<A>,
  values: ReadonlyMap<string, Value> | undefined = profile?.values
): Effect.Effect<A | undefined, IdentityError.InvalidConfig> => {
  const found = values?.get(key)
  return profile === undefined || found === undefined || found.value.trim() === ""
    ? Effect.succeed(undefined)
    : checked(found, profile, profile.name, key, kind)
}

/** A value that the section must have. `profile` is the profile that the section is read for. */
export const requiredSetting = <A>(
  section: Section,
  key: string,
  profile: string | undefined,
  kind: Setting.Setting<A>
): Effect.Effect<A, IdentityError.InvalidConfig> => {
  const found = section.values.get(key)
  return found === undefined || found.value.trim() === ""
    ? Effect.fail(missing(section, key, profile))
    : checked(found, section, profile, key, kind)
}

/** A value that AWS accepts, or the error at its line. */
const checked = <A>(
  found: Value,
  section: Section,
  profile: string | undefined,
  key: string,
  kind: Setting.Setting<A>
): Effect.Effect<A, IdentityError.InvalidConfig> =>
  Setting.checkSetting(kind, found.value, "file", (mistake) =>
    invalid(found, section, {
      profile,
      key,
      problem: `has ${Setting.describeMistake(key, found.value, kind, mistake)}`,
      remedy: mistake.remedy
    }))

const missing = (section: Section, key: string, profile: string | undefined): IdentityError.InvalidConfig => {
  const other = keysOf(section).find((name) => name !== key && misspelt(name) === key)
  return invalid((other === undefined ? undefined : placeOfKey(section, other)) ?? section, section, {
    profile,
    key,
    problem: `has no ${key}`,
    remedy: other !== undefined
      ? `Write ${other} as ${key}.`
      : `Add "${key} = <${hints[key] ?? "value"}>" to that section.`
  })
}

const hints: Readonly<Record<string, string>> = {
  sso_start_url: "the URL of your AWS access portal",
  sso_region: "the region of your IAM Identity Center",
  sso_account_id: "12 digits",
  sso_role_name: "name of the permission set",
  role_arn: "ARN of the role"
}

/**
 * The error of a key of a profile that cannot be used, or of the profile itself if there is no key. In the message,
 * `problem` follows the section's name: `has a duration_seconds that is not a number`.
 */
export const invalidKey = (
  profile: Section,
  key: string | undefined,
  words: { readonly problem: string; readonly remedy: string }
): IdentityError.InvalidConfig =>
  key === undefined
    ? invalid(profile, profile, { profile: profile.name, ...words })
    : invalid(placeOfKey(profile, key) ?? profile, profile, { profile: profile.name, key, ...words })

/** The error of a line of a config file. */
export const invalid = (
  { file, line }: { readonly file: string; readonly line: number },
  { header }: { readonly header: string },
  fields: {
    readonly column?: number
    readonly profile: string | undefined
    readonly key?: string
    readonly problem: string
    readonly remedy: string
  }
): IdentityError.InvalidConfig => new IdentityError.InvalidConfig({ file, line, column: 1, section: header, ...fields })
