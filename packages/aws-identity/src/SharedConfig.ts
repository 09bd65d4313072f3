/**
 * AWS's shared config files, `~/.aws/config` and `~/.aws/credentials`: read as every AWS tool reads them, with the
 * file and line of each value, and written so that nothing else in them changes.
 *
 * An indented line continues the property above only if it is indented deeper than that property's own line. With the
 * same or less indentation it is a property of its own, as in the AWS CLI. A key with a one-line value, such as a
 * region, cannot be continued; such a line is an error. `diagnostics` reports every line that looks like a key or
 * header but continues a value.
 *
 * Both files are optional, and both are always read. If both have the same profile, the keys of the credentials file
 * take precedence. Where AWS's tools disagree about the grammar, this module follows the rule that AWS's SDKs share. A
 * line that breaks the rule is an error for its own section only.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { SharedConfig } from "effect-aws-identity"
 *
 * const program = Effect.gen(function*() {
 *   const profile = yield* SharedConfig.profile("dev")
 *   const region = profile.values.get("region")
 *   yield* Console.log(`${region?.value} says ${region?.file}:${region?.line}`)
 * }).pipe(Effect.provide(SharedConfig.layerMemory({ config: "[profile dev]\nregion = eu-west-1" })))
 *
 * Effect.runSync(program) // eu-west-1 says config:2
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { ClientConfig } from "./ClientConfig.js"
import * as Files from "./Files.js"
import * as IdentityError from "./IdentityError.js"
import {
  decodeText,
  readBounded,
  readPipe,
  specialFile,
  type Unreadable,
  unreadableFile
} from "./internal/boundedFile.js"
import { changeFile } from "./internal/changeFile.js"
import { environmentRegion, readEnvironment, withEnvironment, withProfile } from "./internal/clientSettings.js"
import { quoted } from "./internal/commandLine.js"
import { homeDirectory, isNowhere, variable } from "./internal/environment.js"
import { fileError, noHome } from "./internal/fileError.js"
import { isSettled } from "./internal/fileStamp.js"
import * as Ini from "./internal/ini.js"
import { edit } from "./internal/iniEdit.js"
import { noHomeCode, noHomeRemedy } from "./internal/noHome.js"
import { perSource } from "./internal/perSource.js"
import { isSecretKey, resembled } from "./internal/profileKeys.js"
import { misspeltKey, sourceProfileOf } from "./internal/profileSettings.js"
import { schemaProblem } from "./internal/schemaProblem.js"
import { invalid, locationOf, none, optional, requiredSetting, setting } from "./internal/section.js"
import * as Setting from "./internal/setting.js"
import { shownPath, shownText } from "./internal/shownPath.js"
import { headerFor, similarSections } from "./internal/similarSection.js"
import type { Region } from "./Region.js"
import { SsoSession } from "./SsoSession.js"

/**
 * A value of a config file, with its file and line.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConfigValue {
  /** Continuation lines are joined by newlines. */
  readonly value: string
  readonly file: string
  /** 1-based */
  readonly line: number
  /** The `name = value` lines indented below a key that has no value of its own, such as `s3 =`. */
  readonly nested: ReadonlyMap<string, ConfigValue>
}

/**
 * A secret of a config file, with its file and line.
 *
 * @since 0.1.0
 * @category models
 */
export interface SecretValue {
  readonly value: Redacted.Redacted
  readonly file: string
  /** 1-based */
  readonly line: number
}

/**
 * A section: its keys (lower-case) with their values. A profile has the keys of both files.
 *
 * @since 0.1.0
 * @category models
 */
export interface Section {
  readonly name: string
  /** As it stands in the file: `[profile dev]`. */
  readonly header: string
  readonly file: string
  /** 1-based */
  readonly line: number
  /** All values but the secrets. */
  readonly values: ReadonlyMap<string, ConfigValue>
  /** The values of `aws_secret_access_key` and `aws_session_token`, and of misspelt keys of that kind. */
  readonly secrets: ReadonlyMap<string, SecretValue>
}

/**
 * A problem in a file. An error makes its section unusable. A warning reports a line that is skipped, or that other AWS
 * tools read in another way.
 *
 * @since 0.1.0
 * @category models
 */
export interface Diagnostic {
  readonly severity: "error" | "warning"
  readonly file: string
  /** 1-based */
  readonly line: number
  /** 1-based */
  readonly column: number
  /** The rule in words, without its full stop. */
  readonly rule: string
  /** The key whose value is wrong. */
  readonly key?: string
}

/**
 * Both files as they were at one moment.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConfigFiles {
  /** The paths looked at, and whether there was a file. */
  readonly files: ReadonlyArray<{ readonly path: string; readonly found: boolean }>
  /** The profile that is used when a caller names none: that of `AWS_PROFILE` or of the layer, else `default`. */
  readonly chosen: string
  /** The names of all profiles, in the order of the files. */
  readonly profiles: ReadonlyArray<string>
  /** The names of all `[sso-session]`s. */
  readonly sessions: ReadonlyArray<string>
  /**
   * A profile by name; without one, that of `AWS_PROFILE`, else `default`.
   *
   * Fails with `NotConfigured` when no profile is chosen and there is no `default`, with `ProfileNotFound` when the
   * chosen one does not exist, and with `InvalidConfig` when a line of it cannot be read.
   */
  readonly profile: (
    name?: string
  ) => Effect.Effect<Section, IdentityError.NotConfigured | IdentityError.ProfileNotFound | IdentityError.InvalidConfig>
  /** An `[sso-session]` of the config file. Errors name `profile` if it is given. */
  readonly session: (name: string, profile?: Section) => Effect.Effect<SsoSession, IdentityError.InvalidConfig>
  /**
   * The Identity Center that a profile signs in to: its `sso_session`, its own `sso_start_url` and `sso_region`, or
   * that of its `source_profile`.
   *
   * Fails with `NotConfigured` when neither the profile nor its sources have SSO settings, and with `InvalidConfig`
   * when the settings are incomplete or contradict the session's, or when a `source_profile` cannot be followed.
   */
  readonly sessionOf: (
    profile: Section
  ) => Effect.Effect<SsoSession, IdentityError.NotConfigured | IdentityError.InvalidConfig>
  /** A `[services]` section of the config file; each service's settings are nested below its name. */
  readonly services: (name: string, profile?: Section) => Effect.Effect<Section, IdentityError.InvalidConfig>
  /**
   * For a profile without credentials: the error that explains where they probably are. They may be in a section that
   * is misspelt or in the wrong file, such as `[dev]` in the config file, or in a line that belongs to no section.
   * Undefined if there is none.
   */
  readonly misplaced: (name: string) => IdentityError.InvalidConfig | undefined
  /** All problems in the files, those of the config file first, by line. */
  readonly diagnostics: () => ReadonlyArray<Diagnostic>
}

/**
 * The section of the config file to change.
 *
 * @since 0.1.0
 * @category models
 */
export type Target = { readonly profile: string } | { readonly session: string }

/**
 * The config files as a service.
 *
 * @since 0.1.0
 * @category services
 */
export class SharedConfig extends Context.Tag("effect-aws-identity/SharedConfig")<SharedConfig, {
  /** The files as they are now. A file is read again only if it has changed; otherwise a `stat` of each is enough. */
  readonly read: Effect.Effect<ConfigFiles, IdentityError.FileError>
  /**
   * Sets keys of a profile or session in the config file, and removes those that are null. Adds the section if there is
   * none. Every byte that does not belong to these keys stays as it is. The file is replaced as a whole, keeps its mode,
   * owner and links, and is not written if nothing changes.
   *
   * Processes with this library take turns by a lock file. If another program such as `aws configure` changes the file
   * meanwhile, the change starts again from what that program wrote.
   *
   * Fails with `InvalidInput` when a name, key or value could not be read back as it is (line breaks, outer white
   * space, text that would be a comment). Fails with `InvalidConfig`, and leaves the file alone, when the section has a
   * line that cannot be read, when the change would remove a line that may be meant as another key or section, and when
   * the file is not UTF-8. Fails with a `FileError` of code `Busy` when other programs change the file all the time.
   */
  readonly set: (
    target: Target,
    values: Readonly<Record<string, string | null>>
  ) => Effect.Effect<void, IdentityError.InvalidInput | IdentityError.InvalidConfig | IdentityError.FileError>
}>() {}

/**
 * The type of the service.
 *
 * @since 0.1.0
 * @category models
 */
export type Service = Context.Tag.Service<SharedConfig>

/**
 * A profile of the files as they are now; see `ConfigFiles.profile`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const profile = (name?: string): Effect.Effect<Section, IdentityError.SharedConfigError, SharedConfig> =>
  Effect.flatMap(read, (files) => files.profile(name))

/**
 * An `[sso-session]` of the files as they are now; see `ConfigFiles.session`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const session = (
  name: string
): Effect.Effect<SsoSession, IdentityError.InvalidConfig | IdentityError.FileError, SharedConfig> =>
  Effect.flatMap(read, (files) => files.session(name))

/**
 * The Identity Center that a profile signs in to; see `ConfigFiles.sessionOf`. Without a name it is the profile of
 * `AWS_PROFILE`, else `default`.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { SharedConfig, SsoLogin } from "effect-aws-identity"
 *
 * export const login = Effect.flatMap(SharedConfig.sessionOfProfile("dev"), (session) =>
 *   SsoLogin.device(session, {
 *     onPrompt: ({ userCode, verificationUri }) => Console.log(`Enter ${userCode} at ${verificationUri}`)
 *   }))
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const sessionOfProfile = (
  name?: string
): Effect.Effect<SsoSession, IdentityError.SharedConfigError, SharedConfig> =>
  Effect.flatMap(read, (files) => Effect.flatMap(files.profile(name), files.sessionOf))

/**
 * The files as they are now.
 *
 * @since 0.1.0
 * @category accessors
 */
export const read: Effect.Effect<ConfigFiles, IdentityError.FileError, SharedConfig> = Effect.flatMap(
  SharedConfig,
  (config) => config.read
)

/**
 * The region that clients of AWS use by default, as AWS's SDKs find it: `AWS_REGION`, then `AWS_DEFAULT_REGION`, then the
 * `region` of the profile. Without a name it is the profile of `AWS_PROFILE`, else `default`. The region of a
 * `source_profile` does not count. None if nothing names a region.
 *
 * Fails with a `ConfigError` when a variable is not a region, with `InvalidConfig` when the profile's `region` is not
 * one, and with `ProfileNotFound` when the environment names no region and the profile does not exist.
 *
 * @example
 * ```ts
 * import { Console, Effect, Option } from "effect"
 * import { SharedConfig } from "effect-aws-identity"
 *
 * export const program = Effect.gen(function*() {
 *   const region = yield* SharedConfig.region("production")
 *   yield* Console.log(Option.getOrElse(region, () => "no region"))
 * })
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const region = (
  profile?: string
): Effect.Effect<Option.Option<Region>, IdentityError.SharedConfigError | ConfigError.ConfigError, SharedConfig> =>
  Effect.gen(function*() {
    const named = yield* environmentRegion
    if (Option.isSome(named)) return named
    const files = yield* read
    const found = yield* files.profile(profile).pipe(
      Effect.flatMap((found) => setting(found, "region", Setting.regionName)),
      // There is no default profile.
      Effect.catchTag("NotConfigured", () => Effect.succeed(undefined))
    )
    return Option.fromNullable(found)
  })

/**
 * How to reach a service: the given settings, completed from the environment and the profile by the rules that AWS's
 * SDKs share. The environment is read at once. The profile is read each time the resulting function's effect runs: the
 * one that the function is given, else that of `SharedConfig`. A profile that does not exist adds no settings.
 *
 * | setting | environment | profile |
 * | --- | --- | --- |
 * | `region` and `fallbackRegions`, of STS | `AWS_REGION`, then `AWS_DEFAULT_REGION` | `region` |
 * | `endpoint` | `AWS_ENDPOINT_URL_SSO` (`_SSO_OIDC`, `_STS`), then `AWS_ENDPOINT_URL` | `endpoint_url` of the service in its `services` section, then its own |
 * | none of these endpoints | `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` | `ignore_configured_endpoint_urls` |
 * | `useFipsEndpoint` | `AWS_USE_FIPS_ENDPOINT` | `use_fips_endpoint` |
 * | `useDualstackEndpoint` | `AWS_USE_DUALSTACK_ENDPOINT` | `use_dualstack_endpoint` |
 * | `useGlobalEndpoint` | `AWS_STS_REGIONAL_ENDPOINTS` (`legacy`) | `sts_regional_endpoints` |
 * | `maxAttempts` | `AWS_MAX_ATTEMPTS` | `max_attempts` |
 * | `appId` | `AWS_SDK_UA_APP_ID` | `sdk_ua_app_id` |
 * | `disableClockSkewCorrection` | `AWS_DISABLE_CLOCK_SKEW_CORRECTION` | `disable_clock_skew_correction` |
 * | more of `allowPlainHttp` | `EFFECT_AWS_IDENTITY_ALLOW_PLAIN_HTTP` (`localstack,minio`), which only this library knows | |
 *
 * `AWS_RETRY_MODE` and `retry_mode` are ignored: the mode is always `standard`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const clientConfig = (
  service: "sso" | "sso_oidc" | "sts",
  settings: ClientConfig = {}
): Effect.Effect<
  (profile?: string) => Effect.Effect<ClientConfig, IdentityError.InvalidConfig | IdentityError.FileError>,
  ConfigError.ConfigError,
  SharedConfig
> =>
  Effect.gen(function*() {
    const config = yield* SharedConfig
    const environment = yield* readEnvironment(service)
    let last: { readonly files: ConfigFiles; readonly found: Map<string, ClientConfig> } | undefined
    const find = (files: ConfigFiles, name: string | undefined) =>
      Effect.gen(function*() {
        const profile = yield* Effect.catchTags(files.profile(name), {
          // A provider that needs the profile reports that it is missing.
          NotConfigured: () => Effect.succeed(undefined),
          ProfileNotFound: () => Effect.succeed(undefined)
        })
        return profile === undefined
          ? withEnvironment(settings, environment)
          : yield* withProfile(service, settings, environment, profile, (name) => files.services(name, profile))
      })
    return (name?: string) =>
      Effect.flatMap(config.read, (files) => {
        if (last?.files !== files) last = { files, found: new Map() }
        const { found } = last
        const key = name ?? files.chosen
        const known = found.get(key)
        if (known !== undefined) return Effect.succeed(known)
        return Effect.map(find(files, name), (settings) => {
          found.set(key, settings)
          return settings
        })
      })
  })

/**
 * Where the files are, and the profile that is used when a caller names none.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Default: `AWS_PROFILE`. If neither is set, it is `default`. */
  readonly profile?: string | undefined
  /** Default: `AWS_CONFIG_FILE`, else `.aws/config` in the home directory. */
  readonly configFile?: string | undefined
  /** Default: `AWS_SHARED_CREDENTIALS_FILE`, else `.aws/credentials` in the home directory. */
  readonly credentialsFile?: string | undefined
  /**
   * The directory that contains `.aws`, for a program that runs without `HOME`. Default: `HOME`, else `USERPROFILE`,
   * else `HOMEDRIVE` with `HOMEPATH`, else on Linux that of `/etc/passwd`.
   */
  readonly homeDirectory?: string | undefined
}

/** The paths of both files. A leading `~` stands for the home directory, which is looked up only if a path needs it. */
const locate = (options: Options) =>
  Effect.gen(function*() {
    const { paths } = yield* Files.Files
    const files = {
      config: options.configFile ?? Option.getOrElse(yield* variable("AWS_CONFIG_FILE"), () => "~/.aws/config"),
      credentials: options.credentialsFile ??
        Option.getOrElse(yield* variable("AWS_SHARED_CREDENTIALS_FILE"), () => "~/.aws/credentials")
    }
    const isBelowHome = (file: string): boolean => /^~(?:[/\\]|$)/.test(file)
    if (!Object.values(files).some(isBelowHome)) return files
    const home = options.homeDirectory ?? (yield* homeDirectory)
    const resolved = (file: string): string => isBelowHome(file) ? paths.join(home, file.slice(1)) : file
    return { config: resolved(files.config), credentials: resolved(files.credentials) }
  })

/**
 * Reads the files that AWS's tools read, or those of the options. Nothing is read before a caller asks.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options = {}
): Layer.Layer<SharedConfig, ConfigError.ConfigError, Files.Files> =>
  perSource(Layer.effect(
    SharedConfig,
    Effect.gen(function*() {
      const profile = options.profile ?? Option.getOrUndefined(yield* variable("AWS_PROFILE"))
      const paths = yield* locate(options)
      const port = yield* Files.Files
      const file = paths.config
      const config = watched(port, file, "config")
      const credentials = watched(port, paths.credentials, "credentials")
      const oneWriter = yield* Effect.makeSemaphore(1)
      let last: { readonly files: FilePair; readonly value: ConfigFiles } | undefined

      const read = Effect.zipWith(config, credentials, (config, credentials) => {
        if (last !== undefined && last.files[0] === config && last.files[1] === credentials) return last.value
        const files = [config, credentials] as const
        last = { files, value: makeFiles(files, profile) }
        return last.value
      })

      const write = (change: Change) =>
        Effect.gen(function*() {
          if (isNowhere(file)) return yield* noHome(file, "write")
          const isDone = yield* changeFile({
            files: port,
            path: file,
            read: (target) =>
              Effect.gen(function*() {
                const look = yield* port.look(target)
                // Replacing /dev/null would break the machine, and a pipe cannot be replaced. `readFile` refuses other types.
                if (Option.exists(look, (look) => specialFile(target, look) !== undefined)) {
                  return yield* unreadableFile("it is not a regular file")
                }
                return yield* readFile(port, target)
              }),
            change: (before) =>
              Effect.gen(function*() {
                const text = yield* exactText(file, before.bytes)
                const changed = yield* change(text)
                return changed === text ? undefined : changed
              })
          })
          if (!isDone) return yield* new IdentityError.FileError({ path: file, operation: "write", code: "Busy" })
        }).pipe(
          Effect.catchTags({
            FilesError: (error) => Effect.fail(fileError(file, "write")(error)),
            Unreadable: (error) => Effect.fail(fileError(file, "write")(error))
          }),
          oneWriter.withPermits(1)
        )

      return { read, set: makeSet(file, write) }
    })
  ))

/**
 * Files in memory, for tests and for programs that bring their own text. `set` changes the text in memory.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (
  files: {
    readonly config?: string | undefined
    readonly credentials?: string | undefined
    readonly profile?: string | undefined
  }
): Layer.Layer<SharedConfig> =>
  Layer.sync(SharedConfig, () => {
    const open = (path: string, text: string | undefined, kind: Ini.FileKind): File => ({
      path,
      found: text !== undefined,
      ini: Ini.open(text ?? "", kind)
    })
    const credentials = open("credentials", files.credentials, "credentials")
    let text = files.config
    let value = makeFiles([open("config", text, "config"), credentials], files.profile)
    return {
      read: Effect.sync(() => value),
      set: makeSet("config", (change) =>
        Effect.map(change(text ?? ""), (changed) => {
          text = changed
          value = makeFiles([open("config", text, "config"), credentials], files.profile)
        }))
    }
  })

// ---------------------------------------------------------------------------------------------------------------
// Reading
// ---------------------------------------------------------------------------------------------------------------

/** One of the two files, as it was when last read. */
interface File {
  readonly path: string
  readonly found: boolean
  readonly ini: Ini.IniFile
}

/** A file that changed less than so many ms ago may still be written in place. This is likelier if it is empty. */
const beingWrittenMillis = { empty: 200, other: 10 }

/** The stamp of a file; undefined if it does not exist. */
const stampAt = (files: Files.Service, path: string): Effect.Effect<string | undefined, Files.FilesError> =>
  Effect.map(lookAt(files, path), (look) => look && (specialFile(path, look) === undefined ? look.stamp : specialStamp))

/** A pipe can be read once, and `/dev/null` does not change, so what was read stays valid. */
const specialStamp = "special"

/** Bytes. Real files have some kB; a longer one would take seconds to parse. */
const longestFile = 16 * 1_048_576

const lookAt = (files: Files.Service, path: string): Effect.Effect<Files.Look | undefined, Files.FilesError> =>
  isNowhere(path) ? Effect.succeed(undefined) : Effect.map(files.look(path), Option.getOrUndefined)

interface Contents {
  readonly bytes: Uint8Array
  readonly look: Files.Look | undefined
  readonly stamp: string | undefined
  /** Whether the next change is certain to change the stamp. */
  readonly settled: boolean
}

/** Reads a file when no program is writing it; it is empty if it does not exist. */
const readFile = (
  files: Files.Service,
  path: string,
  patience = 40
): Effect.Effect<Contents, Files.FilesError | Unreadable> =>
  Effect.gen(function*() {
    const look = yield* lookAt(files, path)
    if (look === undefined) return { bytes: new Uint8Array(), look, stamp: undefined, settled: true }
    const special = specialFile(path, look)
    if (special !== undefined) {
      const bytes = special === "Null" ? new Uint8Array() : yield* readPipe(files, path, longestFile)
      return { bytes, look, stamp: specialStamp, settled: true }
    }
    const { stamp } = look
    const bytes = yield* readBounded(files, path, look, longestFile)
    const now = yield* Clock.currentTimeMillis
    const age = now - look.changedAt
    const isUnchanged = stamp === (yield* stampAt(files, path))
    const mayBeWritten = age >= 0 && age < beingWrittenMillis[bytes.length === 0 ? "empty" : "other"]
    if (patience > 0 && (mayBeWritten || !isUnchanged)) {
      yield* Effect.sleep("5 millis")
      return yield* readFile(files, path, patience - 1)
    }
    return { bytes, look, stamp, settled: isSettled(look, now) }
  })

/** A file that is read again when it has changed. */
const watched = (
  files: Files.Service,
  path: string,
  kind: Ini.FileKind
): Effect.Effect<File, IdentityError.FileError> => {
  let last: { readonly file: File; readonly stamp: string | undefined; readonly settled: boolean } | undefined
  const read = Effect.map(readFile(files, path), ({ bytes, settled, stamp }) => {
    const file = { path: shownPath(path), found: stamp !== undefined, ini: Ini.open(decodeText(bytes), kind) }
    last = { file, stamp, settled }
    return file
  })
  return Effect.suspend(() => {
    const known = last
    return known?.settled === true
      ? Effect.flatMap(stampAt(files, path), (stamp) => stamp === known.stamp ? Effect.succeed(known.file) : read)
      : read
  }).pipe(Effect.mapError(fileError(path, "read")))
}

/** Remembers what succeeds. The files of a snapshot do not change. */
const remembered = <Key, A, E>(find: (key: Key) => Effect.Effect<A, E>): (key: Key) => Effect.Effect<A, E> => {
  const found = new Map<Key, Effect.Effect<A>>()
  return (key) =>
    found.get(key) ?? Effect.map(find(key), (value) => {
      found.set(key, Effect.succeed(value))
      return value
    })
}

const makeFiles = (files: readonly [config: File, credentials: File], chosen: string | undefined): ConfigFiles => {
  const [config] = files
  const profiles = () => [...new Set(files.flatMap(({ ini }) => ini.names("profile")))]

  const session: ConfigFiles["session"] = (name, profile) =>
    Effect.gen(function*() {
      const found = yield* lookUp([config], "sso-session", name, profile?.name)
      const section = found ?? (yield* dangling(files, "sso-session", name, profile))
      return new SsoSession({
        ...(yield* ssoSettingsOf(section, profile?.name)),
        name: Option.some(name),
        profile: Option.map(Option.fromNullable(profile), (profile) => profile.name),
        registrationScopes: (section.values.get("sso_registration_scopes")?.value ?? "")
          .split(",").map((scope) => scope.trim()).filter((scope) => scope !== "")
      })
    })

  const value: ConfigFiles = {
    files: files.map(({ found, path }) => ({ path, found })),
    chosen: chosen ?? "default",
    get profiles() {
      return profiles()
    },
    get sessions() {
      return config.ini.names("sso-session")
    },
    profile: remembered((name) =>
      Effect.gen(function*() {
        const selected = name ?? chosen ?? "default"
        const section = yield* lookUp(files, "profile", selected, selected)
        if (section !== undefined) return section
        const isChosen = (name ?? chosen) !== undefined
        if (!isChosen) {
          const error = misplacedIn(files, selected)
          if (error !== undefined) return yield* error
        }
        const hint = hintOf(files, "profile", selected)
        const notFound = {
          profile: shownText(selected),
          searched: files.map(({ found, path }) =>
            found ? path : `${path} (${isNowhere(path) ? noHomeCode : "no such file"})`
          ),
          known: profiles().map(shownText),
          ...(hint === undefined ? {} : { hint })
        }
        return yield* isChosen
          ? new IdentityError.ProfileNotFound(notFound)
          : new IdentityError.NotConfigured({
            provider: "Profile",
            problem: `No profile "${notFound.profile}" in ${notFound.searched.join(" or ")}.${
              hint === undefined ? "" : ` ${hint}.`
            } Profiles found there: ${listOf(notFound.known)}`,
            remedy: files.some(({ path }) => isNowhere(path))
              ? noHomeRemedy
              : "Run \"aws configure sso\" to create it, or choose another with AWS_PROFILE; if your files are " +
                "elsewhere, set AWS_CONFIG_FILE."
          })
      })
    ),
    session,
    sessionOf: remembered((taker) =>
      Effect.gen(function*() {
        const profile = yield* ssoProfileOf(value, taker)
        if (!ssoKeys.some((key) => profile.values.has(key))) {
          const error = misspeltKey(profile)
          if (error !== undefined) return yield* error
          return yield* new IdentityError.NotConfigured({
            provider: "SSO",
            problem: `Profile "${profile.name}" (${locationOf(profile)})${
              profile === taker ? "" : `, which profile "${taker.name}" takes its credentials from,`
            } has no SSO settings: none of ${ssoKeys.join(", ")}`,
            remedy: `Run "aws configure sso --profile ${quoted(profile.name)}" to add them.`
          })
        }
        const name = Option.getOrUndefined(optional(profile, "sso_session"))
        if (name === undefined) {
          return new SsoSession({
            ...(yield* ssoSettingsOf(profile, profile.name)),
            profile: Option.some(profile.name)
          })
        }
        const found = yield* session(name, profile)
        for (const [key, value] of [["sso_start_url", found.startUrl], ["sso_region", found.region]] as const) {
          const own = profile.values.get(key)
          if (own !== undefined && own.value.trim() !== value) {
            return yield* invalid(own, profile, {
              profile: profile.name,
              key,
              problem: `has ${key} = ${shownText(own.value)}, but its [sso-session ${name}] has ${value}`,
              remedy: `Remove ${key} from ${profile.header}: the session's counts.`
            })
          }
        }
        return found
      })
    ),
    services: (name, profile) =>
      Effect.flatMap(
        lookUp([config], "services", name, profile?.name),
        (found) => found === undefined ? dangling(files, "services", name, profile) : Effect.succeed(found)
      ),
    misplaced: (name) => misplacedIn(files, name),
    diagnostics: () => files.flatMap(({ ini, path }) => ini.problems().map((problem) => ({ ...problem, file: path })))
  }
  return value
}

/** The profile whose SSO settings count for `taker`: itself, or the one that its `source_profile`s lead to. */
const ssoProfileOf = (files: ConfigFiles, taker: Section): Effect.Effect<Section, IdentityError.InvalidConfig> =>
  Effect.gen(function*() {
    const path: Array<Section> = []
    let profile = taker
    while (takesFromProfile(profile)) {
      const source = yield* sourceProfileOf(files, profile, path)
      path.push(profile)
      profile = source
    }
    return profile
  })

const takesFromProfile = (profile: Section): boolean => {
  const has = (key: string) => Option.isSome(optional(profile, key))
  const isOwnSource = profile.values.get("source_profile")?.value === profile.name
  // A token file comes before a source_profile, as in ProfileCredentials.
  return has("source_profile") && !isOwnSource &&
    !["sso_session", "sso_start_url", "web_identity_token_file"].some(has)
}

const maxListed = 20

const listOf = (names: ReadonlyArray<string>): string =>
  names.slice(0, maxListed).join(", ") + (names.length > maxListed ? ` and ${names.length - maxListed} more` : "") ||
  "none"

type FilePair = readonly [config: File, credentials: File]

const fileKinds = ["config", "credentials"] as const

/** Where a section stands that was meant to be the one looked for, or else a line that may hide it. */
const hintOf = (files: FilePair, kind: Ini.SectionKind, name: string): string | undefined => {
  for (const [index, { ini, path }] of files.entries()) {
    const [similar] = similarSections(ini.headers(), fileKinds[index] ?? "config", kind, name)
    if (similar === undefined) continue
    const { header: { line, text }, instead } = similar
    if (!Ini.isPlainName(name)) {
      const right = ini.names(kind).find((right) => headerFor(fileKinds[index] ?? "config", kind, right) === text)
      if (right !== undefined) return `${path}:${line} has ${text}: its name is ${right}, not ${Setting.visible(name)}`
    }
    const should = instead === undefined
      ? `belongs into ${files[0].path} as ${headerFor("config", kind, name)}`
      : `should be written ${instead}`
    return `${path}:${line} has ${text}, which ${should}`
  }
  for (const { ini, path } of files) {
    const problem = ini.errors[0]
    if (problem !== undefined) {
      return `${path}:${problem.line}:${problem.column} cannot be read and may hide it: ${problem.rule}`
    }
  }
  return undefined
}

/** What an `[sso-session]` holds. */
const sessionKeys: ReadonlySet<string> = new Set(["sso_start_url", "sso_region", "sso_registration_scopes"])

/**
 * The error of a section with credentials that was probably meant as the profile, but that AWS's tools do not read as
 * the profile. Or the error of a line that cannot be read and may belong to the profile.
 */
const misplacedIn = (files: FilePair, name: string): IdentityError.InvalidConfig | undefined => {
  for (const [index, file] of files.entries()) {
    const [error] = file.ini.errors
    // Without this error, the program could get another identity.
    if (error !== undefined) return unreadable(file, error, "The file", name)
    const fileKind = fileKinds[index] ?? "config"
    for (const { header: { line, text } } of similarSections(file.ini.headers(), fileKind, "profile", name)) {
      const isSession = /^\[\s*sso-session\s/.test(text)
      const key = file.ini.keysBelow(line).find((key) =>
        resembled(key) !== undefined && !(isSession && sessionKeys.has(key))
      )
      if (key === undefined) continue
      const right = headerFor(fileKind, "profile", name)
      return invalid({ file: file.path, line }, { header: text }, {
        profile: name,
        problem: `holds credentials (${shownText(key)}), but AWS's tools do not read it as the profile`,
        remedy: text === right
          ? `Remove [profile ${name}], which takes its place, or move the lines there.`
          : `Write it ${right}, or choose a profile with AWS_PROFILE.`
      })
    }
  }
  return undefined
}

const ssoKeys = ["sso_session", "sso_start_url", "sso_region", "sso_account_id", "sso_role_name"] as const

/** A section of the files as one, later files over earlier ones; it fails if a line of it cannot be read. */
const lookUp = (
  files: ReadonlyArray<File>,
  kind: Ini.SectionKind,
  name: string,
  profile: string | undefined
): Effect.Effect<Section | undefined, IdentityError.InvalidConfig> =>
  Effect.suspend(() => {
    let first: { readonly header: string; readonly file: string; readonly line: number } | undefined
    const values = new Map<string, ConfigValue>()
    const secrets = new Map<string, SecretValue>()
    for (const file of files) {
      const section = file.ini.section(kind, name)
      if (section === undefined) continue
      const error = section.problems.find(({ severity }) => severity === "error")
      if (error !== undefined) return Effect.fail(unreadable(file, error, section.header, profile))
      first = first ?? { header: alone(section.header), file: file.path, line: section.line }
      for (const [key, property] of section.properties) {
        if (isSecretKey(key)) {
          const { line, value } = property
          secrets.set(alone(key), { value: Redacted.make(alone(value)), file: file.path, line })
        } else values.set(alone(key), valueIn(file.path, property))
      }
    }
    return Effect.succeed(first === undefined ? undefined : { name, ...first, values, secrets })
  })

/** A copy that stands alone: V8 lets a slice of a text keep all of it alive, here a file that may change. */
const alone = (slice: string): string => `${slice} `.slice(0, -1)

const valueIn = (file: string, { line, nested, value }: Ini.Property): ConfigValue => ({
  value: alone(value),
  file,
  line,
  nested: nested.size === 0 ? none : new Map(Array.from(nested, ([key, property]) => {
    // A secret below another key is never used, and must not be shown.
    const shown = isSecretKey(key) ? { ...property, value: "<redacted>" } : property
    return [alone(key), valueIn(file, shown)]
  }))
})

const unreadable = (
  { path }: File,
  problem: Ini.Problem,
  header: string,
  profile: string | undefined
): IdentityError.InvalidConfig =>
  invalid({ file: path, line: problem.line }, { header }, {
    column: problem.column,
    profile,
    ...(problem.key === undefined ? {} : { key: problem.key }),
    problem: `cannot be read here. ${problem.rule}`,
    remedy: Ini.remedyOf(problem)
  })

/** The error of a section that is named elsewhere and does not exist. */
const dangling = (
  files: FilePair,
  kind: "sso-session" | "services",
  name: string,
  profile: Section | undefined
): Effect.Effect<never, IdentityError.InvalidConfig> => {
  const hint = hintOf(files, kind, name)
  const key = kind === "services" ? kind : "sso_session"
  const reference = profile?.values.get(key)
  const [config] = files
  const known = config.ini.names(kind).map(shownText)
  const section = `[${kind} ${shownText(name)}]`
  return Effect.fail(invalid(reference ?? { file: config.path, line: 1 }, profile ?? { header: section }, {
    profile: profile?.name,
    key,
    problem: profile === undefined
      ? "does not exist"
      : `names ${key} = ${shownText(name)}, but there is no ${section} in ${config.path}`,
    remedy: (hint === undefined ? "" : `${hint}. `) +
      (kind === "services" ? "Add that section" : "Run \"aws configure sso-session\" to add it") +
      (known.length === 0 ? "." : `, or name one that is there: ${listOf(known)}.`)
  }))
}

/** The start URL and region of an Identity Center, from an `[sso-session]` or a legacy profile. */
const ssoSettingsOf = (section: Section, profile: string | undefined) =>
  Effect.all({
    startUrl: requiredSetting(section, "sso_start_url", profile, Setting.startUrl),
    region: requiredSetting(section, "sso_region", profile, Setting.ssoRegion),
    places: Effect.succeed({ startUrl: placeOf(section, "sso_start_url"), region: placeOf(section, "sso_region") })
  })

const placeOf = (section: Section, key: string) => {
  const { file, line } = section.values.get(key) ?? section
  return { section: section.header, file, line }
}

// ---------------------------------------------------------------------------------------------------------------
// Settings
// ---------------------------------------------------------------------------------------------------------------

// ---------------------------------------------------------------------------------------------------------------
// Writing
// ---------------------------------------------------------------------------------------------------------------

const Key = Schema.String.pipe(
  Schema.pattern(/^[A-Za-z0-9_][\w.-]*$/, { description: "a key of letters, digits and _-." })
)

/** What can stand behind a key and be read back as it is. */
const Value = Schema.String.pipe(
  Schema.filter((value) => isOneLine(value) && !/^\s|\s$|(?:^|\s)[#;]/.test(value), {
    description: "a value of one line, without outer white space, in which no # or ; follows white space"
  })
)

const Name = Schema.NonEmptyString.pipe(
  Schema.filter((name) => isOneLine(name) && !name.includes("]") && !(name.includes("'") && name.includes("\"")), {
    description: "a name of one line without \"]\" and with one kind of quotes at most"
  })
)

/** No line separator, no control character but the tab, and nothing that stands for bytes which are not UTF-8. */
const isOneLine = (text: string): boolean => !/[^\P{Cc}\t]|[\p{Cs}\p{Zl}\p{Zp}\ufffd]/u.test(text)

const Input = Schema.Struct({
  name: Name,
  keys: Schema.Array(Key).pipe(
    Schema.filter((keys) => new Set(keys.map((key) => key.toLowerCase())).size === keys.length, {
      description: "a list of keys of which no two differ in case only"
    })
  ),
  values: Schema.Record({ key: Schema.String, value: Schema.NullOr(Value) })
})

type Change = (text: string) => Effect.Effect<string, IdentityError.InvalidConfig>

/** Decodes a file whose bytes must be the same when it is encoded again: TextDecoder would drop a byte order mark. */
const exactText = (file: string, bytes: Uint8Array): Effect.Effect<string, IdentityError.InvalidConfig> => {
  const notText = (line: number, problem: string) =>
    invalid({ file, line }, { header: "The file" }, { profile: undefined, problem, remedy: "Save it as UTF-8." })
  const isMark = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  if (isMark || bytes[0] === 0 || bytes[1] === 0) {
    return Effect.fail(notText(1, "is UTF-16 or binary, which AWS tools cannot read"))
  }
  return Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
    catch: () => notText(firstInvalidLine(bytes), "has a byte in this line that is not UTF-8")
  })
}

const firstInvalidLine = (bytes: Uint8Array): number => {
  const valid = new TextEncoder().encode(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes))
  let line = 1
  for (let at = 0; at < bytes.length && bytes[at] === valid[at]; at++) if (bytes[at] === 0x0a) line++
  return line
}

/** Checks the input, and that the section to change can be read. */
const makeSet = <E>(path: string, write: (change: Change) => Effect.Effect<void, E>) =>
  Effect.fn("SharedConfig.set")(
    function*(target: Target, values: Readonly<Record<string, string | null>>) {
      const kind = "profile" in target ? "profile" : "sso-session"
      const input = yield* Effect.mapError(
        Schema.decodeUnknown(Input)({
          name: "profile" in target ? target.profile : target.session,
          keys: Object.keys(values),
          values
        }),
        (error) =>
          new IdentityError.InvalidInput({
            service: "SharedConfig",
            operation: "set",
            problem: schemaProblem(error)
          })
      )
      // Not the decoded record, which cannot have a key like __proto__.
      const changes = new Map(Object.entries(values).map(([key, value]) => [key.toLowerCase(), value]))
      yield* write((text) => {
        const ini = Ini.open(text, "config")
        const file: File = { path, found: true, ini }
        const section = ini.section(kind, input.name)
        const header = section?.header ?? "The file"
        const error = section === undefined
          ? ini.errors[0]
          : section.problems.find(({ severity }) => severity === "error")
        if (error !== undefined) return Effect.fail(unreadable(file, error, header, undefined))
        const edited = edit(text, kind, input.name, changes)
        return typeof edited === "string" ? Effect.succeed(edited) : Effect.fail(
          invalid({ file: path, line: edited.line }, { header }, {
            profile: undefined,
            problem: `cannot be changed here. ${edited.rule}`,
            remedy: "Correct that line in an editor."
          })
        )
      })
    }
  )
