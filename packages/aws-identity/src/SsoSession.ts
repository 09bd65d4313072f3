/**
 * An IAM Identity Center to sign in to: an `[sso-session]` of the config file, the start URL and region of a legacy
 * profile, or one that the application names itself.
 *
 * @example
 * ```ts
 * import { Region, SsoSession } from "effect-aws-identity"
 *
 * const session = SsoSession.make({
 *   name: "corp",
 *   startUrl: "https://d-1234567890.awsapps.com/start",
 *   region: Region.make("eu-central-1")
 * })
 *
 * console.log(session.loginCommand) // aws sso login --sso-session corp
 * ```
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { SsoLoginRequired } from "./IdentityError.js"
import { quoted } from "./internal/commandLine.js"
import { Region } from "./Region.js"

const optionalName = Schema.optionalWith(Schema.NonEmptyString, { as: "Option" }).pipe(
  Schema.withConstructorDefault(Option.none)
)

/** The section, file and line of a value. */
const Place = Schema.Struct({ section: Schema.String, file: Schema.String, line: Schema.Number })

/**
 * What it takes to sign in to an IAM Identity Center. `make` is the shorter constructor.
 *
 * @since 0.1.0
 * @category models
 */
export class SsoSession extends Schema.Class<SsoSession>("effect-aws-identity/SsoSession")({
  /** The name of the `[sso-session]`. A legacy profile has none. */
  name: optionalName,
  /** The URL of the AWS access portal. */
  startUrl: Schema.NonEmptyString,
  /** The region of the IAM Identity Center. */
  region: Region,
  /** `sso_registration_scopes`; empty when the section has none. */
  registrationScopes: Schema.optionalWith(Schema.Array(Schema.NonEmptyString), { default: () => [] }),
  /**
   * The profile that names the session, or the legacy profile that has the start URL and region. The settings of this
   * profile (endpoint, FIPS, retries) count for all calls about the session.
   */
  profile: optionalName,
  /** The places of start URL and region, if they come from a config file. */
  places: Schema.optional(Schema.Struct({ startUrl: Place, region: Place }))
}) {
  /**
   * The name by which AWS's tools store the session's token: the session's name, else the start URL.
   *
   * @since 0.1.0
   */
  get cacheKey(): string {
    return Option.getOrElse(this.name, () => this.startUrl)
  }

  /**
   * The command that signs in to the session.
   *
   * @since 0.1.0
   */
  get loginCommand(): string {
    const option = Option.orElse(
      Option.map(this.name, (name) => ` --sso-session ${quoted(name)}`),
      () => Option.map(this.profile, (profile) => ` --profile ${quoted(profile)}`)
    )
    return `aws sso login${Option.getOrElse(option, () => "")}`
  }
}

/**
 * Makes a session without a config file. Other AWS tools share its token if they sign in to an `[sso-session]` of the
 * same name, or without a name, to the same start URL.
 *
 * Throws a `ParseError` when a text is empty; decode untrusted text with the `SsoSession` class instead, which is a
 * schema.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  /** The URL of the AWS access portal. */
  readonly startUrl: string
  /** The region of the IAM Identity Center. */
  readonly region: Region
  /** The name of an `[sso-session]`. */
  readonly name?: string | undefined
  /** `sso_registration_scopes`. Default: none, which AWS takes for `sso:account:access`. */
  readonly registrationScopes?: ReadonlyArray<string> | undefined
}): SsoSession =>
  new SsoSession({
    startUrl: options.startUrl,
    region: options.region,
    name: Option.fromNullable(options.name),
    registrationScopes: options.registrationScopes ?? []
  })

/**
 * The session that a person has to sign in to, from the error that says so. Also right for a legacy profile.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { CredentialsProvider, SsoLogin, SsoSession } from "effect-aws-identity"
 *
 * export const credentials = CredentialsProvider.get.pipe(
 *   Effect.catchTag("SsoLoginRequired", (error) =>
 *     SsoLogin.device(SsoSession.fromError(error), {
 *       onPrompt: ({ userCode, verificationUri }) => Console.log(`Enter ${userCode} at ${verificationUri}`)
 *     }).pipe(Effect.zipRight(CredentialsProvider.get)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromError = (
  { profile, region, registrationScopes = [], sessionName, startUrl }: SsoLoginRequired
): SsoSession =>
  new SsoSession({
    startUrl,
    region: Region.make(region),
    name: Option.fromNullable(sessionName),
    profile: Option.fromNullable(profile),
    registrationScopes
  })
