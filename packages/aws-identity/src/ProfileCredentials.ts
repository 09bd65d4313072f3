/**
 * The credentials that a profile of the config files describes.
 *
 * The first row whose keys a profile has, counts:
 *
 * | keys | credentials |
 * | --- | --- |
 * | `role_arn`, `web_identity_token_file` | of the role, for the token; a `source_profile` beside them does not count |
 * | `role_arn`, `source_profile` | of the role, by those of the other profile, which may be of any kind itself |
 * | `role_arn`, `credential_source` | of the role, by those of `Environment`, `EcsContainer` or `Ec2InstanceMetadata` |
 * | `sso_account_id`, `sso_role_name` | of the role in IAM Identity Center: those of an old copy in the credentials file do not count |
 * | `aws_access_key_id`, `aws_secret_access_key` | these, with `aws_session_token` and `aws_account_id` |
 * | `credential_process` | what the program writes |
 *
 * A profile that is the `source_profile` of another and has keys gives these keys, also if it names a role. So a profile
 * may be its own `source_profile`.
 *
 * Where AWS's tools disagree, this module follows AWS's documentation and most of the SDKs: a token file comes before
 * `source_profile` (the SDK for JavaScript v3 has it the other way round), and SSO comes before keys.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as AccountId from "./AccountId.js"
import * as AssumeRoleCredentials from "./AssumeRoleCredentials.js"
import * as ContainerCredentials from "./ContainerCredentials.js"
import { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import * as EnvironmentCredentials from "./EnvironmentCredentials.js"
import type * as Files from "./Files.js"
import * as IdentityError from "./IdentityError.js"
import * as InstanceMetadataCredentials from "./InstanceMetadataCredentials.js"
import { withSource } from "./internal/about.js"
import { quoted } from "./internal/commandLine.js"
import { traced } from "./internal/edition.js"
import { withOrigin } from "./internal/origin.js"
import * as ProfileSettings from "./internal/profileSettings.js"
import * as Section from "./internal/section.js"
import * as Setting from "./internal/setting.js"
import { shownPath, shownText } from "./internal/shownPath.js"
import * as ProcessCredentials from "./ProcessCredentials.js"
import type * as Programs from "./Programs.js"
import * as SharedConfig from "./SharedConfig.js"
import type { Sso } from "./Sso.js"
import * as SsoCredentials from "./SsoCredentials.js"
import type { SsoTokenProvider } from "./SsoTokenProvider.js"
import type { Sts } from "./Sts.js"
import type * as Transport from "./Transport.js"
import * as WebIdentityCredentials from "./WebIdentityCredentials.js"
import * as WebIdentityToken from "./WebIdentityToken.js"

/**
 * What a profile may need, depending on its kind.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements =
  | SharedConfig.SharedConfig
  | Sso
  | SsoTokenProvider
  | Sts
  | Programs.Programs
  | Files.Files
  | Transport.Transport

/**
 * A profile, and how to get the codes of its MFA device.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> {
  /** By default, the profile of `AWS_PROFILE`, else `default`. */
  readonly profile?: string | undefined
  /**
   * Gets the code of the MFA device that a profile names in its `mfa_serial`. Without this option, such a profile is an
   * `InvalidConfig`. The effect may fail with any error: see `AssumeRoleCredentials.MfaCode`.
   */
  readonly mfaCode?: AssumeRoleCredentials.MfaCode<unknown, R> | undefined
}

/**
 * The credentials that a profile describes.
 *
 * Fails with `NotConfigured` when the profile describes no credentials, or when no profile is chosen and there is no
 * `default`. Fails with `ProfileNotFound` when the chosen profile does not exist, and with `InvalidConfig`, which names
 * the line, when the profile is incomplete or contradicts itself. Other errors are those of the kind of the profile.
 *
 * The settings of a client (endpoint, region of STS, FIPS, dual-stack, retries) are those of the profile, if the layers
 * of `Sts`, `Sso` and `SsoOidc` take them from profiles, as `AwsIdentity.layer` and `layerProfile` of each do. In a chain
 * of `source_profile`s, all calls of STS have the settings of the profile that was asked for, as in AWS SDK v3 and the
 * AWS CLI. Calls of SSO have those of the profile that has the SSO session, because its token is from there.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolve = <R = never>(
  { mfaCode, profile }: Options<R> = {}
): Effect.Effect<Credentials, IdentityError.IdentityError, NoInfer<R> | Requirements> =>
  resolveSpan(
    Effect.flatMap(SharedConfig.read, (config) =>
      Effect.flatMap(planOf(config, profile), (plan) => run(plan, { chosen: plan.profile, mfaCode })))
  )

const resolveSpan = traced("ProfileCredentials.resolve")

/**
 * A role that a profile names, with what the profile says about its session.
 *
 * @since 0.1.0
 * @category models
 */
export interface Role {
  readonly roleArn: string
  readonly roleSessionName: string | undefined
  readonly durationSeconds: number | undefined
  readonly externalId: string | undefined
  /** The ARN or the serial number of the MFA device that the role needs. */
  readonly mfaSerial: string | undefined
}

/**
 * Where the credentials of a profile come from. A plan is made from the config files alone: nothing is sent, read or run.
 *
 * | `_tag` | the credentials are |
 * | --- | --- |
 * | `Keys` | the access keys in the profile |
 * | `Sso` | those of a role of IAM Identity Center |
 * | `WebIdentity` | those of a role, by the web identity token in a file |
 * | `Program` | what a program prints (`credential_process`) |
 * | `Role` | those of a role that the credentials of `source` assume |
 * | `Source` | those of the environment, the container or the EC2 instance (`credential_source`) |
 *
 * @since 0.1.0
 * @category models
 */
export type Plan =
  | { readonly _tag: "Keys"; readonly profile: SharedConfig.Section; readonly credentials: Credentials }
  | { readonly _tag: "Sso"; readonly profile: SharedConfig.Section; readonly role: SsoCredentials.Role }
  | {
    readonly _tag: "WebIdentity"
    readonly profile: SharedConfig.Section
    readonly role: Role
    readonly tokenFile: string
  }
  | { readonly _tag: "Program"; readonly profile: SharedConfig.Section; readonly command: Redacted.Redacted }
  | {
    readonly _tag: "Role"
    readonly profile: SharedConfig.Section
    readonly role: Role
    readonly source: Plan
  }
  | {
    readonly _tag: "Source"
    readonly profile: SharedConfig.Section
    readonly name: "Environment" | "EcsContainer" | "Ec2InstanceMetadata"
  }

/**
 * The plan of a profile, with the errors that `resolve` would fail with before it sends, reads or runs anything.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { ProfileCredentials } from "effect-aws-identity"
 *
 * export const program = Effect.gen(function*() {
 *   const plan = yield* ProfileCredentials.plan("production")
 *   yield* Console.log(ProfileCredentials.explain(plan))
 * })
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const plan = (
  profile?: string
): Effect.Effect<Plan, IdentityError.SharedConfigError, SharedConfig.SharedConfig> =>
  Effect.flatMap(SharedConfig.read, (config) => planOf(config, profile))

/**
 * A plan in words, one line for each step, with the file and line of its profile. It shows no secret.
 *
 * ```text
 * [profile production] (/home/me/.aws/config:9): role arn:aws:iam::111122223333:role/deploy, assumed by
 *   [profile dev] (/home/me/.aws/config:1): role Developer of account 444455556666, through [sso-session corp]
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const explain = (plan: Plan): string => {
  const { header } = plan.profile
  const what = wordsOf(plan)
  const line = `${header} (${Section.locationOf(plan.profile)}): ${what}`
  return plan._tag === "Role" ? `${line}, assumed by\n${explain(plan.source).replace(/^/gm, "  ")}` : line
}

const wordsOf = (plan: Plan): string => {
  switch (plan._tag) {
    case "Keys":
      return `the access keys of ${shownText(plan.credentials.accessKeyId)}`
    case "Sso": {
      const { accountId, roleName, session } = plan.role
      const name = Option.match(session.name, {
        onNone: () => session.startUrl,
        onSome: (name) => `[sso-session ${name}]`
      })
      return `role ${roleName} of account ${accountId}, through ${name}`
    }
    case "WebIdentity":
      return `role ${plan.role.roleArn}, by the web identity token in ${shownPath(plan.tokenFile)}`
    case "Program":
      return "what its credential_process prints"
    case "Role":
      return `role ${plan.role.roleArn}`
    case "Source":
      return `credential_source ${plan.name}`
  }
}

/** The plans of the profiles of a snapshot of the config files. A change of the files makes a new snapshot. */
const plans = new WeakMap<SharedConfig.ConfigFiles, Map<string | undefined, Plan>>()

const planOf = (
  config: SharedConfig.ConfigFiles,
  name: string | undefined
): Effect.Effect<Plan, IdentityError.InvalidConfig | IdentityError.NotConfigured | IdentityError.ProfileNotFound> => {
  const known = plans.get(config)?.get(name)
  if (known !== undefined) return Effect.succeed(known)
  return Effect.map(
    Effect.flatMap(config.profile(name), (profile) => planFrom(profile, { config, path: [] })),
    (plan) => {
      const found = plans.get(config) ?? new Map<string | undefined, Plan>()
      plans.set(config, found.set(name, plan))
      return plan
    }
  )
}

/** The way to a profile by `source_profile`. */
interface Walk {
  readonly config: SharedConfig.ConfigFiles
  /** The profiles that take their credentials from it, the chosen one first. */
  readonly path: ReadonlyArray<SharedConfig.Section>
}

type PlanError = IdentityError.InvalidConfig | IdentityError.NotConfigured

const planFrom = (profile: SharedConfig.Section, walk: Walk): Effect.Effect<Plan, PlanError> =>
  Effect.gen(function*() {
    const has = (key: string) => Option.isSome(Section.optional(profile, key))
    const keys = hasKeys(profile)
    // Without this a slip in `role_arn` would give the credentials that should assume the role.
    const misspelt = ProfileSettings.misspeltKey(profile)
    if (misspelt !== undefined) return yield* misspelt
    if (walk.path.length > 0 && keys) return yield* keysOf(profile)
    if (has("web_identity_token_file")) {
      const tokenFile = Option.getOrElse(yield* ProfileSettings.tokenFileOf(profile), () => "")
      return { _tag: "WebIdentity", profile, role: yield* ProfileSettings.roleOf(profile), tokenFile }
    }
    if (has("role_arn")) {
      const role = yield* ProfileSettings.roleOf(profile)
      return { _tag: "Role", profile, role, source: yield* sourceOf(profile, walk) }
    }
    if (has("sso_account_id") || has("sso_role_name")) {
      return { _tag: "Sso", profile, role: yield* ProfileSettings.ssoRoleOf(walk.config, profile) }
    }
    if (keys) return yield* keysOf(profile)
    const command = Section.optional(profile, "credential_process")
    if (Option.isSome(command)) return { _tag: "Program", profile, command: Redacted.make(command.value) }
    return yield* nothingIn(profile, walk)
  })

/** What a plan needs when it is carried out. */
interface Execution<R> {
  /** The settings of STS are those of the chosen profile for the whole chain, as in AWS SDK v3. */
  readonly chosen: SharedConfig.Section
  readonly mfaCode: Options<R>["mfaCode"]
}

const run = <R>(
  plan: Plan,
  execution: Execution<R>
): Effect.Effect<Credentials, IdentityError.IdentityError, R | Requirements> => {
  const { profile } = plan
  switch (plan._tag) {
    case "Keys":
      return Effect.succeed(plan.credentials)
    case "Sso":
      return Effect.mapError(SsoCredentials.resolve(plan.role), withOrigin(originOf(profile)))
    case "Program":
      return Effect.mapError(
        ProcessCredentials.resolve(Redacted.value(plan.command), { profile: profile.name }),
        withOrigin(originOf(profile))
      )
    case "WebIdentity": {
      const { durationSeconds, roleArn, roleSessionName } = plan.role
      return Effect.mapError(
        WebIdentityCredentials.resolve({
          roleArn,
          sessionName: roleSessionName,
          sessionDuration: durationSeconds === undefined ? undefined : Duration.seconds(durationSeconds),
          profile: execution.chosen.name,
          token: WebIdentityToken.fromFile(plan.tokenFile)
        }),
        withOrigin(originOf(profile))
      )
    }
    case "Role":
      return assume(plan, execution)
    case "Source":
      return credentialSources[plan.name]
  }
}

/** What we do not do, by its key, and what does it. */
const unsupported = {
  login_session: (name: string) =>
    "Let the AWS CLI do it, in a profile of its own: credential_process = aws configure export-credentials " +
    `--profile ${quoted(name)} --format process`,
  web_identity_token_process: () =>
    "Use a web_identity_token_file, or in code WebIdentityCredentials.layer with WebIdentityToken.fromCommand."
}

const unsupportedIn = (profile: SharedConfig.Section): IdentityError.InvalidConfig | undefined => {
  for (const [key, remedy] of Object.entries(unsupported)) {
    if (Option.isSome(Section.optional(profile, key))) {
      return Section.invalidKey(profile, key, {
        problem: `has a ${key}, which is not supported here`,
        remedy: remedy(profile.name)
      })
    }
  }
  return undefined
}

const nothingIn = (profile: SharedConfig.Section, { config, path }: Walk): PlanError => {
  const refused = unsupportedIn(profile)
  if (refused !== undefined) return refused
  const token = ["sso_session", "sso_start_url"].find((key) => Option.isSome(Section.optional(profile, key)))
  if (token !== undefined) {
    return Section.invalidKey(profile, token, {
      problem: "has an SSO session, but neither sso_account_id nor sso_role_name: it gives a token, and no credentials",
      remedy: "Add both; \"aws configure sso\" lists those there are."
    })
  }
  const source = ["source_profile", "credential_source"].find((key) => Option.isSome(Section.optional(profile, key)))
  if (source !== undefined) {
    return Section.invalidKey(profile, source, {
      problem: `has a ${source}, but no role_arn to assume with it`,
      remedy: "Add the role_arn, or remove that line."
    })
  }
  const incomplete = ProfileSettings.incompleteKey(profile) ?? config.misplaced(profile.name)
  if (incomplete !== undefined) return incomplete
  const lacks = "no credentials: no role_arn, sso_account_id, aws_access_key_id or credential_process"
  const taker = path.at(-1)
  return taker === undefined
    ? new IdentityError.NotConfigured({
      provider: "Profile",
      problem: `Profile "${profile.name}" (${Section.locationOf(profile)}) has ${lacks}`,
      remedy: `Run "aws configure sso --profile ${quoted(profile.name)}", or choose another with AWS_PROFILE.`
    })
    : Section.invalidKey(profile, undefined, {
      problem: `has ${lacks}, and profile "${taker.name}" takes its own from it`,
      remedy: `Add some, or change source_profile of profile "${taker.name}".`
    })
}

/** One of them is enough to say that both should be there. */
const hasKeys = (profile: SharedConfig.Section): boolean =>
  Option.isSome(Section.optional(profile, "aws_access_key_id")) ||
  Option.isSome(Section.secret(profile, "aws_secret_access_key"))

/** The keys that stand in the profile itself. */
const keysOf = (profile: SharedConfig.Section): Effect.Effect<Plan, IdentityError.InvalidConfig> =>
  Effect.gen(function*() {
    const accessKeyId = yield* Section.required(profile, "aws_access_key_id", profile.name)
    const secretAccessKey = yield* Section.requiredSecret(profile, "aws_secret_access_key", profile.name)
    const sessionToken = Section.secret(profile, "aws_session_token")
    yield* checkText(profile, "aws_access_key_id", accessKeyId)
    yield* checkText(profile, "aws_secret_access_key", Redacted.value(secretAccessKey))
    if (Option.isSome(sessionToken)) yield* checkText(profile, "aws_session_token", Redacted.value(sessionToken.value))
    const accountId = Option.flatMap(Section.optional(profile, "aws_account_id"), AccountId.option)
    const credentials = new Credentials({ accessKeyId, secretAccessKey, sessionToken, accountId })
    return { _tag: "Keys", profile, credentials }
  })

/** Fails if the key holds what no access key or token can be. The error does not show it. */
const checkText = (profile: SharedConfig.Section, key: string, text: string) =>
  Setting.checkSetting(Setting.credentialText, text, "file", (mistake) =>
    Section.invalidKey(profile, key, {
      problem: `has ${Setting.describeMistake(key, text, Setting.credentialText, mistake)}`,
      remedy: mistake.remedy
    }))

/** Assumes a role with the credentials of its source. */
const assume = <R>({ profile, role, source }: Plan & { readonly _tag: "Role" }, execution: Execution<R>) =>
  Effect.flatMap(mfaOf(profile, role.mfaSerial, execution.mfaCode), (mfa) => {
    const { durationSeconds, mfaSerial: _, roleSessionName, ...options } = role
    return AssumeRoleCredentials.assume(
      {
        ...options,
        sessionName: roleSessionName,
        sessionDuration: durationSeconds === undefined ? undefined : Duration.seconds(durationSeconds),
        profile: execution.chosen.name,
        mfa
      },
      // The source is not cached: the cache of the role's credentials asks again when it needs new ones.
      Effect.mapError(run(source, execution), isNeeded(profile, sourceInWords(profile)))
    ).pipe(
      Effect.mapError(withSource(role.roleArn, sourceInWords(profile))),
      Effect.mapError(withOrigin(originOf(profile)))
    )
  })

const sourceInWords = (profile: SharedConfig.Section): string =>
  Option.match(Section.optional(profile, "source_profile"), {
    onNone: () => `credential_source ${Option.getOrElse(Section.optional(profile, "credential_source"), () => "")}`,
    onSome: (name) => `source_profile "${name}"`
  })

const originOf = (profile: SharedConfig.Section): IdentityError.Origin => ({
  profile: profile.name,
  location: Section.locationOf(profile)
})

const mfaOf = <R>(
  profile: SharedConfig.Section,
  device: string | undefined,
  mfaCode: Options<R>["mfaCode"]
): Effect.Effect<AssumeRoleCredentials.Options<unknown, R>["mfa"], IdentityError.InvalidConfig> => {
  if (device === undefined) return Effect.succeed(undefined)
  if (mfaCode === undefined) {
    return Effect.fail(Section.invalidKey(profile, "mfa_serial", {
      problem: "requires the code of an MFA device, but the program has no mfaCode",
      remedy: "Pass mfaCode to AwsIdentity.layer or ProfileCredentials, or use a role that needs no code."
    }))
  }
  const isMissing = isNeeded(profile, `the MFA device ${device}`)
  return Effect.succeed({
    device,
    mfaCode: (device) =>
      // The application's errors may be of any type. AssumeRoleCredentials maps them.
      // @effect-diagnostics-next-line anyUnknownInErrorContext:off
      Effect.mapError(
        mfaCode(device),
        (error) => error instanceof IdentityError.NotConfigured ? isMissing(error) : error
      )
  })
}

/** The plan of the credentials that assume a role. */
const sourceOf = (profile: SharedConfig.Section, walk: Walk): Effect.Effect<Plan, PlanError> =>
  Effect.gen(function*() {
    const sourceProfile = Section.optional(profile, "source_profile")
    const credentialSource = Section.optional(profile, "credential_source")
    if (Option.isSome(sourceProfile) && Option.isSome(credentialSource)) {
      return yield* Section.invalidKey(profile, "credential_source", {
        problem: "has both a source_profile and a credential_source",
        remedy: "Remove one of them: the role is assumed with the credentials of the other."
      })
    }
    if (Option.isSome(sourceProfile)) {
      if (sourceProfile.value === profile.name && hasKeys(profile)) return yield* keysOf(profile)
      const source = yield* ProfileSettings.sourceProfileOf(walk.config, profile, walk.path)
      return yield* planFrom(source, { ...walk, path: [...walk.path, profile] })
    }
    if (Option.isSome(credentialSource)) {
      const name = credentialSource.value
      if (isCredentialSource(name)) return { _tag: "Source", profile, name }
      return yield* Section.invalidKey(profile, "credential_source", credentialSourceMistake(name))
    }
    return yield* unsupportedIn(profile) ?? Section.invalidKey(profile, "role_arn", {
      problem: "has a role_arn, but nothing to assume it with",
      remedy: "Add a source_profile, a credential_source or a web_identity_token_file."
    })
  })

/** AWS's tools tell capital letters apart here. */
const credentialSourceMistake = (text: string): { readonly problem: string; readonly remedy: string } => {
  const setting: Setting.Setting<string> = {
    description: Object.keys(credentialSources).join(" or "),
    parse: (text) => isCredentialSource(text) ? text : undefined,
    explain: (text) => {
      const meant = Object.keys(credentialSources).find((name) => name.toLowerCase() === text.toLowerCase())
      return meant === undefined ? undefined : { problem: "has other capital letters", remedy: `Write ${meant}.` }
    }
  }
  const mistake = Option.getOrThrow(Either.getLeft(Setting.readSetting(setting, text, "file")))
  return {
    problem: `has ${Setting.describeMistake("credential_source", text, setting, mistake)}`,
    remedy: mistake.remedy
  }
}

/** The profile says to use it, so that no chain may go on to the next. */
const isNeeded =
  (profile: SharedConfig.Section, source: string) =>
  (error: IdentityError.IdentityError): IdentityError.IdentityError =>
    error._tag === "NotConfigured"
      ? new IdentityError.CredentialsUnavailable({
        source,
        reason: "Missing",
        problem: error.problem,
        remedy: error.remedy,
        origin: originOf(profile)
      })
      : error

const credentialSources: Readonly<
  Record<
    (Plan & { readonly _tag: "Source" })["name"],
    Effect.Effect<Credentials, IdentityError.IdentityError, Requirements>
  >
> = {
  Environment: EnvironmentCredentials.resolve(),
  EcsContainer: ContainerCredentials.resolve(),
  Ec2InstanceMetadata: InstanceMetadataCredentials.resolve()
}

const isCredentialSource = (name: string): name is keyof typeof credentialSources =>
  Object.hasOwn(credentialSources, name)

/**
 * `CredentialsProvider` of what a profile describes.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { AwsIdentity, ProfileCredentials, SharedConfig, SsoTokenCache } from "effect-aws-identity"
 * import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
 *
 * // `NodeIdentity.layer({ profile: "dev" })` is this, wired up.
 * export const credentials = ProfileCredentials.layer({ profile: "dev" }).pipe(
 *   Layer.provide(AwsIdentity.layerServices()),
 *   Layer.provide([SharedConfig.layer(), SsoTokenCache.layer()]),
 *   Layer.provide(NodeIdentity.layerPorts())
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(
  options?: Options<R> & CredentialsProvider.CacheOptions
): Layer.Layer<CredentialsProvider.CredentialsProvider, never, Exclude<NoInfer<R>, Scope.Scope> | Requirements> =>
  CredentialsProvider.layer(resolve(options), options)
