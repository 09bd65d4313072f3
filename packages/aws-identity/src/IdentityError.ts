/**
 * Everything that can go wrong, as tagged errors: `IdentityError` on the way to credentials, `LoginError` while a
 * person signs in.
 *
 * Each message names the file, the profile or session, the cause, and what to do next. The fields are text and
 * numbers only: no request, response or raw cause, and never a secret.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { quoted } from "./internal/commandLine.js"
import { remedyFor } from "./internal/remedies.js"

type ErrorClass = new(...args: Array<never>) => Error

/**
 * Makes `message` an own property, as JavaScript's errors have it. A getter of the class is lost where an error is
 * copied or turned into JSON: in JSON loggers, in `structuredClone`, between workers.
 */
const withOwnMessage = (Class: ErrorClass): ErrorClass =>
  class extends Class {
    constructor(...args: Array<never>) {
      super(...args)
      Object.defineProperty(this, "message", { value: this.message, configurable: true, writable: true })
    }
    toJSON() {
      return { ...this, message: this.message }
    }
  }

/** `Schema.TaggedError`, with an own `message`. */
const TaggedError = <Self>(identifier: string): ReturnType<typeof Schema.TaggedError<Self>> => (tag, fields) =>
  withOwnMessage(Schema.TaggedError<Self>(identifier)(tag, fields) as never) as never
import { certificateProblem, fipsRemedy } from "./internal/connectionProblem.js"
import { noHomeReason, noHomeRemedy } from "./internal/noHome.js"

/**
 * Which profile a failed call was made for, and where that profile stands.
 *
 * @since 0.1.0
 * @category models
 */
export const Origin = Schema.Struct({
  profile: Schema.String,
  /** `file:line` of the profile's section. */
  location: Schema.String
})

/**
 * A profile and where it stands.
 *
 * @since 0.1.0
 * @category models
 */
export type Origin = typeof Origin.Type

const forProfile = (origin: Origin | undefined): string =>
  origin === undefined ? "" : ` (profile "${origin.profile}", ${origin.location})`

const maxListed = 20

const list = (names: ReadonlyArray<string>): string =>
  names.length === 0
    ? "none"
    : names.slice(0, maxListed).join(", ") + (names.length > maxListed ? ` and ${names.length - maxListed} more` : "")

/**
 * Nothing says that this provider should be used: the one error that lets a chain go on to its next provider.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotConfigured extends TaggedError<NotConfigured>("effect-aws-identity/NotConfigured")(
  "NotConfigured",
  {
    /** Whose settings are not there: `Profile`, `SSO`, `Web identity`, … */
    provider: Schema.String,
    /** Which settings, and where they were looked for. */
    problem: Schema.String,
    remedy: Schema.String,
    /** Of a chain: what each of its providers lacks, in its order. */
    tried: Schema.optional(
      Schema.Array(Schema.Struct({ provider: Schema.String, problem: Schema.String, remedy: Schema.String }))
    )
  }
) {
  /** By this, the chains of the AWS SDK for JavaScript v3 go on to their next provider too. */
  get tryNextLink(): boolean {
    return true
  }
  override get message(): string {
    const tried = (this.tried ?? []).map(({ problem, provider }) => `\n  - ${provider}: ${problem}.`)
    return tried.length === 0
      ? `${this.problem}. ${this.remedy}`
      : `${this.problem}:${tried.join("")}\n${this.remedy}`
  }
}

/**
 * A profile was asked for by name, and neither file has it.
 *
 * @since 0.1.0
 * @category errors
 */
export class ProfileNotFound extends TaggedError<ProfileNotFound>("effect-aws-identity/ProfileNotFound")(
  "ProfileNotFound",
  {
    profile: Schema.String,
    searched: Schema.Array(Schema.String),
    known: Schema.Array(Schema.String),
    /** Where a section stands that may be the profile but is not written so, or a line that cannot be read. */
    hint: Schema.optional(Schema.String)
  }
) {
  override get message(): string {
    const hint = this.hint === undefined ? "" : ` ${this.hint}.`
    return `No profile "${this.profile}" in ${this.searched.join(" or ")}.${hint} Profiles found there: ${
      list(this.known)
    }. ` +
      `Check the name (the "profile" option or ` +
      `AWS_PROFILE), or run "aws configure sso --profile ${quoted(this.profile)}" to create it.`
  }
}

/**
 * The config files say something that cannot be followed.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidConfig extends TaggedError<InvalidConfig>("effect-aws-identity/InvalidConfig")(
  "InvalidConfig",
  {
    file: Schema.String,
    /** 1-based; of the line that is wrong, or of the section that lacks one. */
    line: Schema.Number,
    /** 1-based */
    column: Schema.Number,
    /** As it stands in the file: `[profile dev]`. */
    section: Schema.String,
    /** For which profile the section was read. */
    profile: Schema.optional(Schema.String),
    key: Schema.optional(Schema.String),
    problem: Schema.String,
    remedy: Schema.String
  }
) {
  override get message(): string {
    const profile = this.profile === undefined ? "" : ` (for profile "${this.profile}")`
    return `${this.file}:${this.line}:${this.column}: ${this.section} ${this.problem}${profile}. ${this.remedy}`
  }
}

/**
 * A file could not be read, written or removed. That a file is not there is never this error.
 *
 * @since 0.1.0
 * @category errors
 */
export class FileError extends TaggedError<FileError>("effect-aws-identity/FileError")("FileError", {
  path: Schema.String,
  operation: Schema.Literal("read", "write", "remove"),
  /** The platform's word for it, such as `PermissionDenied`. */
  reason: Schema.String,
  origin: Schema.optional(Origin)
}) {
  override get message(): string {
    const remedy = this.reason === noHomeReason
      ? noHomeRemedy
      : this.reason === "Busy"
      ? "Another program uses it or keeps changing it: try again when that program has ended."
      : "Check that it is a file, who owns it, its mode, and the free space."
    return `Cannot ${this.operation} ${this.path}: ${this.reason}${forProfile(this.origin)}. ${remedy}`
  }
}

/**
 * The token file of a session is there but is not a token: torn, not JSON, or lacking what a token needs.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenCacheCorrupt extends TaggedError<TokenCacheCorrupt>("effect-aws-identity/TokenCacheCorrupt")(
  "TokenCacheCorrupt",
  {
    path: Schema.String,
    /** Names the field, never its value. */
    problem: Schema.String,
    origin: Schema.optional(Origin)
  }
) {
  override get message(): string {
    const profile = this.origin === undefined ? "" : ` --profile ${quoted(this.origin.profile)}`
    return `The token file ${this.path} cannot be used: ${this.problem}${forProfile(this.origin)}. ` +
      `Run "aws sso login${profile}" to replace it.`
  }
}

/**
 * Only a person can go on from here, by signing in.
 *
 * | `reason` | what happened |
 * | --- | --- |
 * | `NoToken` | nobody signed in to the session on this machine |
 * | `Expired` | the token has expired and there is nothing to renew it with |
 * | `RefreshRejected` | AWS refused to renew it: the session has ended |
 * | `TokenRejected` | AWS refused the token before its time: signed out or revoked |
 *
 * @since 0.1.0
 * @category errors
 */
export class SsoLoginRequired extends TaggedError<SsoLoginRequired>("effect-aws-identity/SsoLoginRequired")(
  "SsoLoginRequired",
  {
    reason: Schema.Literal("NoToken", "Expired", "RefreshRejected", "TokenRejected"),
    /** The session's name, or the start URL of one that has none. */
    session: Schema.String,
    /** Where the session's token is kept. */
    path: Schema.optional(Schema.String),
    /** What is known of the cause, such as the time of expiry or AWS's words. */
    detail: Schema.optional(Schema.String),
    /** The command that signs in. */
    command: Schema.String,
    origin: Schema.optional(Origin)
  }
) {
  override get message(): string {
    const what = {
      NoToken: `Not signed in to SSO session "${this.session}"`,
      Expired: `The sign-in to SSO session "${this.session}" has expired and cannot be renewed`,
      RefreshRejected: `AWS would not renew the sign-in to SSO session "${this.session}"`,
      TokenRejected: `AWS rejected the token of SSO session "${this.session}"`
    }[this.reason] + (this.detail === undefined ? "" : `: ${this.detail}`) +
      (this.path === undefined ? "" : ` [${this.path}]`)
    return `${what}${forProfile(this.origin)}. Run "${this.command}", or sign in with SsoLogin.device.`
  }
}

/**
 * The portal will not give out credentials of this role (its 403).
 *
 * @since 0.1.0
 * @category errors
 */
export class RoleNotAssigned extends TaggedError<RoleNotAssigned>("effect-aws-identity/RoleNotAssigned")(
  "RoleNotAssigned",
  {
    accountId: Schema.String,
    roleName: Schema.String,
    requestId: Schema.optional(Schema.String),
    origin: Schema.optional(Origin)
  }
) {
  override get message(): string {
    return `No access to role "${this.roleName}" of account ${this.accountId}${forProfile(this.origin)}` +
      `${
        ofRequest(this.requestId)
      }. Check sso_account_id and sso_role_name against Sso.listAccountRoles, or ask your ` +
      `administrator to assign the permission set; one assigned since you signed in shows after a new sign-in.`
  }
}

const call = { service: Schema.String, operation: Schema.String }

const ofRequest = (requestId: string | undefined): string => requestId === undefined ? "" : ` [request ${requestId}]`

const answer = {
  ...call,
  /** AWS's own name for the error, as it came over the wire. */
  code: Schema.String,
  status: Schema.Number,
  /** AWS's words: `error_description` or `message`. */
  description: Schema.optional(Schema.String),
  /** Why, in a word of AWS's, such as `KMS_DisabledException`. */
  reason: Schema.optional(Schema.String),
  /** What it was about, in words: a role, and what the web identity token says of itself. */
  about: Schema.optional(Schema.String),
  requestId: Schema.optional(Schema.String),
  /** How often it was tried. */
  attempts: Schema.optional(Schema.Number),
  origin: Schema.optional(Origin)
}

const afterAttempts = (attempts: number | undefined): string =>
  attempts === undefined || attempts < 2 ? "" : ` after ${attempts} attempts`

const answerMessage = (error: Schema.Struct.Type<typeof answer>, remedy: string): string => {
  const because = [error.description, error.reason].filter((text) => text !== undefined).join(", ")
  return `${error.service} ${error.operation} failed with ${error.code} (${error.status})` +
    `${afterAttempts(error.attempts)}${because === "" ? "" : `: ${because}`}${ofRequest(error.requestId)}` +
    `${forProfile(error.origin)}. ${error.about === undefined ? "" : `It was about ${error.about}. `}${remedy}`
}

/**
 * AWS answered with an error that has no tag of its own here. `code` is AWS's name for it
 * (`InvalidScopeException`), or `Unknown` when the answer bore none.
 *
 * @since 0.1.0
 * @category errors
 */
export class ServiceError extends TaggedError<ServiceError>("effect-aws-identity/ServiceError")(
  "ServiceError",
  answer
) {
  override get message(): string {
    return answerMessage(this, remedyOf(this))
  }
}

const remedyOf = (error: Schema.Struct.Type<typeof answer>): string =>
  remedyFor(error) ?? "Check the settings that this request was made from."

/**
 * A device login waits for its approval.
 *
 * @since 0.1.0
 * @category errors
 */
export class AuthorizationPendingException extends TaggedError<AuthorizationPendingException>(
  "effect-aws-identity/AuthorizationPendingException"
)("AuthorizationPendingException", answer) {
  override get message(): string {
    return answerMessage(this, "Poll again after the interval.")
  }
}

/**
 * Asked too often: a device login is to add 5 s to its interval (RFC 8628, 3.5).
 *
 * @since 0.1.0
 * @category errors
 */
export class SlowDownException extends TaggedError<SlowDownException>(
  "effect-aws-identity/SlowDownException"
)("SlowDownException", answer) {
  override get message(): string {
    return answerMessage(this, "Wait longer between requests.")
  }
}

/**
 * What was presented has expired: a device code, a refresh token, or a web identity token.
 *
 * @since 0.1.0
 * @category errors
 */
export class ExpiredTokenException extends TaggedError<ExpiredTokenException>(
  "effect-aws-identity/ExpiredTokenException"
)("ExpiredTokenException", answer) {
  override get message(): string {
    return answerMessage(
      this,
      "Get a new one: what was presented has expired. If it is new, check the clocks of this machine and of whoever " +
        "issued it."
    )
  }
}

/**
 * Not allowed: the person refused a device login, a role's policies do not allow what was asked, or, with a `reason`,
 * the KMS key of the Identity Center cannot be used.
 *
 * @since 0.1.0
 * @category errors
 */
export class AccessDeniedException extends TaggedError<AccessDeniedException>(
  "effect-aws-identity/AccessDeniedException"
)("AccessDeniedException", answer) {
  override get message(): string {
    return answerMessage(
      this,
      remedyFor(this) ?? "Check who may do this: the person who approves, or the policies."
    )
  }
}

/**
 * A code or refresh token that does not count, or counts no more.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidGrantException extends TaggedError<InvalidGrantException>(
  "effect-aws-identity/InvalidGrantException"
)("InvalidGrantException", answer) {
  override get message(): string {
    return answerMessage(this, "Sign in again.")
  }
}

/**
 * A client that is not registered, or whose registration has expired.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidClientException extends TaggedError<InvalidClientException>(
  "effect-aws-identity/InvalidClientException"
)("InvalidClientException", answer) {
  override get message(): string {
    return answerMessage(this, "Register the client again.")
  }
}

/**
 * The Identity Center is in another region.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidRequestRegionException extends TaggedError<InvalidRequestRegionException>(
  "effect-aws-identity/InvalidRequestRegionException"
)("InvalidRequestRegionException", {
  ...answer,
  region: Schema.optional(Schema.String),
  endpoint: Schema.optional(Schema.String)
}) {
  override get message(): string {
    return answerMessage(this, `Call it in ${this.region ?? "the region of the IAM Identity Center"}.`)
  }
}

/**
 * The portal does not take the access token: it has expired, or its session was ended.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnauthorizedException extends TaggedError<UnauthorizedException>(
  "effect-aws-identity/UnauthorizedException"
)("UnauthorizedException", answer) {
  override get message(): string {
    return answerMessage(this, "Renew the token, or sign in again.")
  }
}

/**
 * The portal asks for fewer requests, still after all attempts.
 *
 * @since 0.1.0
 * @category errors
 */
export class TooManyRequestsException extends TaggedError<TooManyRequestsException>(
  "effect-aws-identity/TooManyRequestsException"
)("TooManyRequestsException", answer) {
  override get message(): string {
    return answerMessage(this, "Wait a moment, then try again.")
  }
}

/**
 * STS cannot verify a web identity token.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidIdentityTokenException extends TaggedError<InvalidIdentityTokenException>(
  "effect-aws-identity/InvalidIdentityTokenException"
)("InvalidIdentityTokenException", answer) {
  override get message(): string {
    return answerMessage(this, remedyOf(this))
  }
}

/**
 * STS could not reach the identity provider of a web identity token, still after all attempts.
 *
 * @since 0.1.0
 * @category errors
 */
export class IDPCommunicationErrorException extends TaggedError<IDPCommunicationErrorException>(
  "effect-aws-identity/IDPCommunicationErrorException"
)("IDPCommunicationErrorException", answer) {
  override get message(): string {
    return answerMessage(
      this,
      "Try again, and check that the " +
        "provider's /.well-known/openid-configuration can be reached from the internet."
    )
  }
}

/**
 * The identity provider rejected a web identity token.
 *
 * @since 0.1.0
 * @category errors
 */
export class IDPRejectedClaimException extends TaggedError<IDPRejectedClaimException>(
  "effect-aws-identity/IDPRejectedClaimException"
)("IDPRejectedClaimException", answer) {
  override get message(): string {
    return answerMessage(this, "Get a new token; this one may have been revoked or have expired at its provider.")
  }
}

/**
 * STS is not activated in the region.
 *
 * @since 0.1.0
 * @category errors
 */
export class RegionDisabledException extends TaggedError<RegionDisabledException>(
  "effect-aws-identity/RegionDisabledException"
)("RegionDisabledException", answer) {
  override get message(): string {
    return answerMessage(this, remedyOf(this))
  }
}

/**
 * AWS answered with an error, of whichever tag.
 *
 * @since 0.1.0
 * @category errors
 */
export type ServiceException =
  | ServiceError
  | AuthorizationPendingException
  | SlowDownException
  | ExpiredTokenException
  | AccessDeniedException
  | InvalidGrantException
  | InvalidClientException
  | InvalidRequestRegionException
  | UnauthorizedException
  | TooManyRequestsException
  | InvalidIdentityTokenException
  | IDPCommunicationErrorException
  | IDPRejectedClaimException
  | RegionDisabledException

/**
 * The same without its tag, for callers to whom all answers of the kind are one. `code` still tells them apart.
 *
 * @since 0.1.0
 * @category combinators
 */
export const toServiceError = (error: ServiceException): ServiceError => new ServiceError({ ...error })

/**
 * No answer came: refused, unresolved, cut off or timed out.
 *
 * @since 0.1.0
 * @category errors
 */
export class ServiceUnreachable extends TaggedError<ServiceUnreachable>(
  "effect-aws-identity/ServiceUnreachable"
)("ServiceUnreachable", {
  ...call,
  endpoint: Schema.String,
  /** The system's word for it, such as `ECONNREFUSED` or `CERT_HAS_EXPIRED`. */
  reason: Schema.String,
  /** How often it was tried. */
  attempts: Schema.optional(Schema.Number),
  origin: Schema.optional(Origin)
}) {
  override get message(): string {
    const certificate = certificateProblem(this.reason)
    return `Cannot reach ${this.service} at ${this.endpoint} for ${this.operation}${afterAttempts(this.attempts)}: ` +
      `${certificate === undefined ? this.reason : `${certificate.problem} (${this.reason})`}${
        forProfile(this.origin)
      }. ${
        certificate?.remedy ?? fipsRemedy(this.reason, this.endpoint) ??
          `Check the network, the proxy, ${this.service === "STS" ? "AWS_REGION" : "sso_region"} and AWS_ENDPOINT_URL*.`
      }`
  }
}

/**
 * What answered does not speak as AWS does.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidResponse extends TaggedError<InvalidResponse>("effect-aws-identity/InvalidResponse")(
  "InvalidResponse",
  {
    ...call,
    endpoint: Schema.String,
    status: Schema.Number,
    /** Names the place in the answer, never its content. */
    problem: Schema.String,
    requestId: Schema.optional(Schema.String),
    origin: Schema.optional(Origin)
  }
) {
  override get message(): string {
    return `${this.endpoint} answered ${this.service} ${this.operation} (${this.status}) with something AWS would ` +
      `not send: ${this.problem}${ofRequest(this.requestId)}${
        forProfile(this.origin)
      }. A proxy or captive portal may ` +
      `have answered in its place: check the network and AWS_ENDPOINT_URL*.`
  }
}

/**
 * An operation was called with input that AWS would refuse, or a config file could not hold. Nothing was sent or
 * written.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidInput extends TaggedError<InvalidInput>("effect-aws-identity/InvalidInput")(
  "InvalidInput",
  {
    ...call,
    /** Names the field and what it should be, never its value. */
    problem: Schema.String,
    origin: Schema.optional(Origin)
  }
) {
  override get message(): string {
    return `${this.service} ${this.operation} cannot be done: ${this.problem}${forProfile(this.origin)}. ` +
      `Nothing was sent or written.`
  }
}

const unavailable = {
  /** Such as `GitHub Actions`, or the path of a file. */
  source: Schema.String,
  reason: Schema.Literal("Missing", "Unreachable", "Refused", "Invalid", "Expired"),
  /** In words that hold no secret, whatever the source gave. */
  problem: Schema.String,
  remedy: Schema.String,
  origin: Schema.optional(Origin)
}

const unavailableMessage = (what: string, error: Schema.Struct.Type<typeof unavailable>): string =>
  `No ${what} from ${error.source}: ${error.problem}${forProfile(error.origin)}. ${error.remedy}`

/**
 * A source of web identity tokens has none that could be exchanged for credentials. AWS was not asked.
 *
 * | `reason` | what happened |
 * | --- | --- |
 * | `Missing` | a variable, file or program that should be there is not |
 * | `Unreachable` | no answer came in time |
 * | `Refused` | the source said no |
 * | `Invalid` | what it gave is not what it should be |
 * | `Expired` | what it gave has expired |
 *
 * @since 0.1.0
 * @category errors
 */
export class WebIdentityTokenUnavailable extends TaggedError<WebIdentityTokenUnavailable>(
  "effect-aws-identity/WebIdentityTokenUnavailable"
)("WebIdentityTokenUnavailable", unavailable) {
  override get message(): string {
    return unavailableMessage("web identity token", this)
  }
}

/**
 * A source that was to give credentials gave none that can be used. The reasons are those of
 * `WebIdentityTokenUnavailable`.
 *
 * @since 0.1.0
 * @category errors
 */
export class CredentialsUnavailable extends TaggedError<CredentialsUnavailable>(
  "effect-aws-identity/CredentialsUnavailable"
)("CredentialsUnavailable", unavailable) {
  override get message(): string {
    return unavailableMessage("credentials", this)
  }
}

/**
 * A provider gave credentials that are of no use any more when they arrive.
 *
 * @since 0.1.0
 * @category errors
 */
export class CredentialsExpired extends TaggedError<CredentialsExpired>(
  "effect-aws-identity/CredentialsExpired"
)("CredentialsExpired", {
  /** RFC 3339 */
  expiration: Schema.String,
  /** RFC 3339 */
  now: Schema.String
}) {
  override get message(): string {
    return `The credentials received expired at ${this.expiration}, and it is ${this.now} here. ` +
      `Check the clock of this machine.`
  }
}

/**
 * The credentials are of an account that this program must not act in.
 *
 * @since 0.1.0
 * @category errors
 */
export class AccountNotAllowed extends TaggedError<AccountNotAllowed>("effect-aws-identity/AccountNotAllowed")(
  "AccountNotAllowed",
  {
    /** Whose the credentials are: `arn:aws:sts::111122223333:assumed-role/ci/build`. */
    arn: Schema.String,
    accountId: Schema.String,
    allowed: Schema.Array(Schema.String)
  }
) {
  override get message(): string {
    return `The credentials are of account ${this.accountId} (${this.arn}), and only ${
      list(this.allowed)
    } is allowed ` +
      `here. Check the profile and the environment, or allow that account.`
  }
}

/**
 * The person refused the sign-in.
 *
 * @since 0.1.0
 * @category errors
 */
export class LoginDenied extends TaggedError<LoginDenied>("effect-aws-identity/LoginDenied")("LoginDenied", {
  session: Schema.String
}) {
  override get message(): string {
    return `The sign-in to SSO session "${this.session}" was refused in the browser. Start it again, and approve it ` +
      `only if the code shown there is the one shown here.`
  }
}

/**
 * Nobody approved the sign-in in time.
 *
 * @since 0.1.0
 * @category errors
 */
export class DeviceCodeExpired extends TaggedError<DeviceCodeExpired>("effect-aws-identity/DeviceCodeExpired")(
  "DeviceCodeExpired",
  { session: Schema.String }
) {
  override get message(): string {
    return `The code for the sign-in to SSO session "${this.session}" expired before it was approved. Start again.`
  }
}

/**
 * Why a call to an AWS service did not give its result, apart from the exceptions that its operation names.
 * `InvalidConfig` and `FileError` come of the profile that says how to reach AWS.
 *
 * @since 0.1.0
 * @category errors
 */
export type CallError = ServiceError | ServiceUnreachable | InvalidResponse | InvalidInput | InvalidConfig | FileError

/**
 * Why an operation of the portal failed.
 *
 * @since 0.1.0
 * @category errors
 */
export type SsoError =
  | CallError
  | UnauthorizedException
  | TooManyRequestsException

/**
 * Why a token could not be had.
 *
 * @since 0.1.0
 * @category errors
 */
export type CreateTokenError =
  | CallError
  | AuthorizationPendingException
  | SlowDownException
  | ExpiredTokenException
  | AccessDeniedException
  | InvalidGrantException
  | InvalidClientException

/**
 * Why a role could not be assumed.
 *
 * @since 0.1.0
 * @category errors
 */
export type AssumeRoleError =
  | CallError
  | AccessDeniedException
  | ExpiredTokenException
  | RegionDisabledException

/**
 * Why a role could not be assumed by a web identity.
 *
 * @since 0.1.0
 * @category errors
 */
export type AssumeRoleWithWebIdentityError =
  | AssumeRoleError
  | InvalidIdentityTokenException
  | IDPCommunicationErrorException
  | IDPRejectedClaimException

/**
 * Why a session has no valid token.
 *
 * @since 0.1.0
 * @category errors
 */
export type TokenError = SsoLoginRequired | TokenCacheCorrupt | FileError | CredentialsUnavailable | CallError

/**
 * Why a profile or session could not be read from the config files.
 *
 * @since 0.1.0
 * @category errors
 */
export type SharedConfigError = NotConfigured | ProfileNotFound | InvalidConfig | FileError

/**
 * Why there are no credentials: what `CredentialsProvider.get` may fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type IdentityError =
  | SharedConfigError
  | TokenError
  | RoleNotAssigned
  | AssumeRoleWithWebIdentityError
  | WebIdentityTokenUnavailable
  | CredentialsUnavailable
  | CredentialsExpired
  | AccountNotAllowed

/**
 * Why a sign-in did not come about.
 *
 * @since 0.1.0
 * @category errors
 */
export type LoginError = LoginDenied | DeviceCodeExpired | FileError | CallError

/**
 * Adds to an error which profile it came of, so that its message can say so. Errors that already name their place are
 * left alone.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withOrigin = (origin: Origin) => <E extends IdentityError>(error: E): E => {
  if (withoutOrigin.has(error._tag) || ("origin" in error && error.origin !== undefined)) return error
  const Class = error.constructor as new(fields: E) => E
  return new Class({ ...error, origin })
}

const withoutOrigin: ReadonlySet<string> = new Set<IdentityError["_tag"]>([
  "AccountNotAllowed",
  "CredentialsExpired",
  "InvalidConfig",
  "NotConfigured",
  "ProfileNotFound"
])
