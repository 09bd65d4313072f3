/**
 * AWS's shared config files, `~/.aws/config` and `~/.aws/credentials`, with the file and line of every value.
 *
 * Both files are optional and both are always read; where they name the same profile, a key of the credentials
 * file wins. They are read anew at each call, so an edit is seen by a running program.
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as IdentityError from "./IdentityError.js"
import { homeDirectory, variable } from "./internal/environment.js"
import { fileError, isNotFound } from "./internal/fileError.js"
import * as Ini from "./internal/ini.js"
import { Region } from "./Region.js"

/**
 * One value of a config file, and where it stands.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConfigValue {
  readonly value: string
  readonly file: string
  /** 1-based */
  readonly line: number
}

/**
 * A profile: its keys (lower-case) with their values, merged from both files.
 *
 * @since 0.1.0
 * @category models
 */
export interface Profile {
  readonly name: string
  /** As it stands in the file: `[profile dev]`. */
  readonly section: string
  /** `file:line` of the section. */
  readonly location: string
  readonly values: ReadonlyMap<string, ConfigValue>
}

/**
 * What it takes to sign in to an IAM Identity Center: an `[sso-session]`, or the start URL and region of a legacy
 * profile, which has no session name.
 *
 * @since 0.1.0
 * @category models
 */
export class SsoSession extends Schema.Class<SsoSession>("effect-aws-identity/SsoSession")({
  /** None for a legacy profile. */
  name: Schema.Option(Schema.NonEmptyString),
  startUrl: Schema.NonEmptyString,
  region: Region,
  /** `sso_registration_scopes`; empty when the section has none. */
  registrationScopes: Schema.Array(Schema.NonEmptyString),
  /** The command that signs in to it. */
  loginCommand: Schema.String
}) {
  /**
   * What AWS's tools name the session's token by.
   *
   * @since 0.1.0
   */
  get cacheKey(): string {
    return Option.getOrElse(this.name, () => this.startUrl)
  }
}

/**
 * The config files as a service.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { SharedConfig } from "effect-aws-identity"
 *
 * const program = Effect.gen(function*() {
 *   const config = yield* SharedConfig.SharedConfig
 *   const profile = yield* config.profile("dev")
 *   const region = profile.values.get("region")
 *   yield* Console.log(`${region?.value} says ${region?.file}:${region?.line}`)
 * }).pipe(Effect.provide(SharedConfig.layerMemory({ config: "[profile dev]\nregion = eu-west-1" })))
 *
 * Effect.runPromise(program) // eu-west-1 says config:2
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class SharedConfig extends Context.Tag("effect-aws-identity/SharedConfig")<SharedConfig, {
  /**
   * A profile by name; without one, that of `AWS_PROFILE`, else `default`.
   *
   * Fails with `NotConfigured` when nobody chose a profile and there is no `default`, and with `ProfileNotFound`
   * when the chosen one does not exist.
   */
  readonly profile: (name?: string) => Effect.Effect<Profile, IdentityError.ConfigError>
  /** An `[sso-session]` of the config file, on behalf of `profile` if it is for one. */
  readonly session: (name: string, profile?: Profile) => Effect.Effect<SsoSession, IdentityError.ConfigError>
  /** The names of all profiles, in the order of the files. */
  readonly profiles: Effect.Effect<ReadonlyArray<string>, IdentityError.ConfigError>
  /** The names of all `[sso-session]`s. */
  readonly sessions: Effect.Effect<ReadonlyArray<string>, IdentityError.ConfigError>
}>() {}

/**
 * Where the files are, and which profile counts when a caller names none.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly configFile: string
  readonly credentialsFile: string
  readonly profile?: string | undefined
}

/**
 * Reads the given files.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<SharedConfig, never, FileSystem.FileSystem> =>
  Layer.effect(
    SharedConfig,
    Effect.map(FileSystem.FileSystem, (fs) => {
      const read = (path: string, kind: Ini.FileKind): Effect.Effect<ConfigFile, IdentityError.FileError> =>
        fs.readFileString(path).pipe(
          Effect.map((text) => ({ path, found: true, ini: Ini.parse(text, kind) })),
          Effect.catchIf(
            isNotFound,
            () => Effect.succeed({ path, found: false, ini: { sections: [], problems: [] } })
          ),
          Effect.mapError(fileError(path, "read"))
        )
      return make(
        Effect.all([read(options.configFile, "config"), read(options.credentialsFile, "credentials")]),
        options.profile
      )
    })
  )

/**
 * Reads the files that AWS's tools read: `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE`, else `config` and
 * `credentials` in `~/.aws`; `AWS_PROFILE` chooses the profile unless `options` does.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options?: { readonly profile?: string | undefined }
): Layer.Layer<SharedConfig, ConfigError.ConfigError, FileSystem.FileSystem | Path.Path> =>
  Layer.unwrapEffect(Effect.gen(function*() {
    const path = yield* Path.Path
    const { configFile, credentialsFile, home, profile } = yield* Config.all({
      home: homeDirectory,
      configFile: variable("AWS_CONFIG_FILE"),
      credentialsFile: variable("AWS_SHARED_CREDENTIALS_FILE"),
      profile: variable("AWS_PROFILE")
    })
    const locate = (configured: Option.Option<string>, name: string): string =>
      Option.match(configured, {
        onNone: () => path.join(home, ".aws", name),
        onSome: (file) => file.startsWith("~/") ? path.join(home, file.slice(2)) : file
      })
    return layer({
      configFile: locate(configFile, "config"),
      credentialsFile: locate(credentialsFile, "credentials"),
      profile: options?.profile ?? Option.getOrUndefined(profile)
    })
  }))

/**
 * Config from text, for tests and for programs that bring their own.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (
  files: { readonly config?: string; readonly credentials?: string; readonly profile?: string | undefined }
): Layer.Layer<SharedConfig> =>
  Layer.succeed(
    SharedConfig,
    make(
      Effect.sync(() => [
        { path: "config", found: files.config !== undefined, ini: Ini.parse(files.config ?? "", "config") },
        {
          path: "credentials",
          found: files.credentials !== undefined,
          ini: Ini.parse(files.credentials ?? "", "credentials")
        }
      ]),
      files.profile
    )
  )

/**
 * The Identity Center that a profile signs in to: its `sso_session`, or its own `sso_start_url` and `sso_region`.
 *
 * Fails with `NotConfigured` when the profile has no SSO settings at all, and with `InvalidConfig` when they are
 * incomplete or contradict the session's.
 *
 * @since 0.1.0
 * @category accessors
 */
export const sessionOf = Effect.fn("SharedConfig.sessionOf")(function*(profile: Profile) {
  if (!ssoKeys.some((key) => profile.values.has(key))) {
    return yield* new IdentityError.NotConfigured({
      reason: "NoSsoSettings",
      profile: profile.name,
      searched: [profile.location],
      known: []
    })
  }
  const name = profile.values.get("sso_session")
  if (name !== undefined && name.value !== "") {
    const config = yield* SharedConfig
    const session = yield* config.session(name.value, profile)
    for (const [key, value] of [["sso_start_url", session.startUrl], ["sso_region", session.region]] as const) {
      const own = profile.values.get(key)
      if (own !== undefined && own.value !== value) {
        return yield* new IdentityError.InvalidConfig({
          location: `${own.file}:${own.line}`,
          section: profile.section,
          profile: profile.name,
          key,
          problem: `has ${key} = ${own.value}, but its [sso-session ${name.value}] has ${value}`,
          remedy: `Remove ${key} from ${profile.section}: the session's counts.`
        })
      }
    }
    return session
  }
  return yield* makeSession({
    name: Option.none(),
    startUrl: yield* required(profile, "sso_start_url"),
    region: yield* required(profile, "sso_region"),
    registrationScopes: [],
    loginCommand: `aws sso login --profile ${profile.name}`
  }, profile)
})

/**
 * The value of a key that the profile cannot do without; `InvalidConfig` when it is missing or empty.
 *
 * @since 0.1.0
 * @category accessors
 */
export const required = (profile: Profile, key: string): Effect.Effect<string, IdentityError.InvalidConfig> =>
  need(profile, key, profile.name)

const ssoKeys = ["sso_session", "sso_start_url", "sso_region", "sso_account_id", "sso_role_name"] as const

const hints: Readonly<Record<string, string>> = {
  sso_start_url: "the URL of your AWS access portal",
  sso_region: "the region of your IAM Identity Center",
  sso_account_id: "12 digits",
  sso_role_name: "name of the permission set"
}

/** A section of either kind, as far as errors about it go. */
type Place = Pick<Profile, "location" | "section" | "values">

const need = (
  place: Place,
  key: string,
  profile: string | undefined
): Effect.Effect<string, IdentityError.InvalidConfig> => {
  const value = place.values.get(key)?.value
  return value !== undefined && value !== "" ? Effect.succeed(value) : Effect.fail(
    new IdentityError.InvalidConfig({
      location: place.location,
      section: place.section,
      profile,
      key,
      problem: `has no ${key}`,
      remedy: `Add "${key} = <${hints[key] ?? "value"}>" to that section.`
    })
  )
}

const makeSession = (
  fields: {
    readonly name: Option.Option<string>
    readonly startUrl: string
    readonly region: string
    readonly registrationScopes: ReadonlyArray<string>
    readonly loginCommand: string
  },
  place: Place,
  profile?: string
): Effect.Effect<SsoSession, IdentityError.InvalidConfig> => {
  if (Schema.is(Region)(fields.region)) {
    return Effect.succeed(new SsoSession({ ...fields, region: fields.region }))
  }
  const region = place.values.get("sso_region")
  return Effect.fail(
    new IdentityError.InvalidConfig({
      location: region === undefined ? place.location : `${region.file}:${region.line}`,
      section: place.section,
      profile,
      key: "sso_region",
      problem: "has an sso_region that is no region name",
      remedy: `It should be ${hints["sso_region"]}, such as us-east-1.`
    })
  )
}

interface ConfigFile {
  readonly path: string
  readonly found: boolean
  readonly ini: Ini.IniFile
}

type Files = readonly [config: ConfigFile, credentials: ConfigFile]

interface Located {
  readonly file: ConfigFile
  readonly section: Ini.Section
}

const find = (files: ReadonlyArray<ConfigFile>, kind: Ini.SectionKind, name?: string): ReadonlyArray<Located> =>
  files.flatMap((file) =>
    file.ini.sections
      .filter((section) => section.kind === kind && (name === undefined || section.name === name))
      .map((section) => ({ file, section }))
  )

const names = (found: ReadonlyArray<Located>): ReadonlyArray<string> => [
  ...new Set(found.map(({ section }) => section.name))
]

/** A line that could not be read is raised when, and only when, somebody needs what it may have said. */
const unreadable = (
  { path }: ConfigFile,
  problem: Ini.Problem,
  section: string,
  profile?: string
): IdentityError.InvalidConfig =>
  new IdentityError.InvalidConfig({
    location: `${path}:${problem.line}`,
    section,
    profile,
    problem: `cannot be read: ${problem.text}`,
    remedy: "Correct or remove that line."
  })

const placeOf = (
  found: ReadonlyArray<Located>,
  profile?: string
): Effect.Effect<Place | undefined, IdentityError.InvalidConfig> => {
  const first = found[0]
  if (first === undefined) return Effect.succeed(undefined)
  for (const { file, section } of found) {
    const problem = section.problems[0]
    if (problem !== undefined) return Effect.fail(unreadable(file, problem, section.header, profile))
  }
  const values = new Map<string, ConfigValue>()
  for (const { file, section } of found) {
    for (const [key, { line, value }] of section.properties) values.set(key, { value, file: file.path, line })
  }
  return Effect.succeed({
    location: `${first.file.path}:${first.section.line}`,
    section: first.section.header,
    values
  })
}

const make = (
  load: Effect.Effect<Files, IdentityError.FileError>,
  chosen: string | undefined
): Context.Tag.Service<SharedConfig> => ({
  profile: Effect.fn("SharedConfig.profile")(function*(name) {
    const selected = name ?? chosen ?? "default"
    const files = yield* load
    const place = yield* placeOf(find(files, "profile", selected), selected)
    if (place !== undefined) return { name: selected, ...place }
    for (const file of files) {
      const problem = file.ini.problems[0]
      if (problem !== undefined) return yield* unreadable(file, problem, "The file", selected)
    }
    const notFound = {
      profile: selected,
      searched: files.map(({ found, path }) => found ? path : `${path} (no such file)`),
      known: names(find(files, "profile"))
    }
    return yield* (name ?? chosen) === undefined
      ? new IdentityError.NotConfigured({ reason: "NoProfile", ...notFound })
      : new IdentityError.ProfileNotFound(notFound)
  }),
  session: Effect.fn("SharedConfig.session")(function*(name, profile) {
    const [config] = yield* load
    const place = yield* placeOf(find([config], "sso-session", name), profile?.name)
    if (place === undefined) {
      const reference = profile?.values.get("sso_session")
      const known = names(find([config], "sso-session"))
      return yield* new IdentityError.InvalidConfig({
        location: reference === undefined ? config.path : `${reference.file}:${reference.line}`,
        section: profile?.section ?? `[sso-session ${name}]`,
        profile: profile?.name,
        key: "sso_session",
        problem: profile === undefined
          ? "does not exist"
          : `names sso_session = ${name}, but there is no [sso-session ${name}] in ${config.path}`,
        remedy: `Run "aws configure sso-session" to add it` +
          (known.length === 0 ? "." : `, or name one that is there: ${known.join(", ")}.`)
      })
    }
    return yield* makeSession(
      {
        name: Option.some(name),
        startUrl: yield* need(place, "sso_start_url", profile?.name),
        region: yield* need(place, "sso_region", profile?.name),
        registrationScopes: (place.values.get("sso_registration_scopes")?.value ?? "")
          .split(",").map((scope) => scope.trim()).filter((scope) => scope !== ""),
        loginCommand: `aws sso login --sso-session ${name}`
      },
      place,
      profile?.name
    )
  }),
  profiles: Effect.map(load, (files) => names(find(files, "profile"))),
  sessions: Effect.map(load, ([config]) => names(find([config], "sso-session")))
})
