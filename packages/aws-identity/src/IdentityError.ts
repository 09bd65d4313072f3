/**
 * The errors of this library as tagged classes: `IdentityError` while credentials are resolved, `LoginError` while a
 * person signs in.
 *
 * Each message names the file, the profile or session, the cause, and what to do next. The fields hold text and numbers
 * only: no request, response or raw cause, and never a secret.
 *
 * @since 0.1.0
 */
import type { YieldableError } from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import { isTransientConnection, kindOfAnswer } from "./internal/answerKind.js"
import { quoted } from "./internal/commandLine.js"
import { certificateProblem, fipsRemedy } from "./internal/connectionProblem.js"
import { noHomeCode, noHomeRemedy } from "./internal/noHome.js"
import { remedyFor } from "./internal/remedies.js"

const TypeId = "effect-aws-identity/IdentityError"

/**
 * What an application can do about an error. Every error of this module has a `kind`.
 *
 * | kind | what helps |
 * | --- | --- |
 * | `NotConfigured` | configure a provider |
 * | `InvalidConfig` | correct a file, a variable or the call |
 * | `LoginRequired` | sign in |
 * | `AccessDenied` | change permissions, or get other credentials |
 * | `Unavailable` | try again later |
 * | `InvalidAnswer` | look at what answered in place of AWS, and at the clock |
 *
 * @since 0.1.0
 * @category models
 */
export type Kind =
  | "NotConfigured"
  | "InvalidConfig"
  | "LoginRequired"
  | "AccessDenied"
  | "Unavailable"
  | "InvalidAnswer"

/** Every error has its fields, `_tag`, `kind`, and a `message` that is an own property. */
const TaggedError = <Tag extends string>(
  tag: Tag
): {
  new<Fields extends object>(
    fields: Fields
  ): YieldableError & { readonly _tag: Tag; readonly kind: Kind } & Readonly<Fields>
  readonly _tag: Tag
} => {
  class Base extends Data.TaggedError(tag)<{ readonly [TypeId]?: never }> {
    static readonly _tag = tag
    constructor(fields: object) {
      super(fields)
      // An own property, because JSON loggers, `structuredClone` and messages between workers drop a class's getter.
      Object.defineProperty(this, "message", { value: this.message, configurable: true, writable: true })
    }
    get kind(): Kind {
      return kindOf(this as never)
    }
    override toJSON() {
      return { ...this, message: this.message }
    }
  }
  Object.defineProperty(Base.prototype, TypeId, { value: TypeId })
  return Base as never
}

/**
 * The profile that a failed call was made for, and its file and line.
 *
 * @since 0.1.0
 * @category models
 */
export interface Origin {
  readonly profile: string
  /** `file:line` of the profile's section. */
  readonly location: string
}

const forProfile = (origin: Origin | undefined): string =>
  origin === undefined ? "" : ` (profile "${origin.profile}", ${origin.location})`

const maxListed = 20

const list = (names: ReadonlyArray<string>): string =>
  names.length === 0
    ? "none"
    : names.slice(0, maxListed).join(", ") + (names.length > maxListed ? ` and ${names.length - maxListed} more` : "")

/**
 * The provider is not configured. This is the only error that lets a chain go on to its next provider.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotConfigured extends TaggedError("NotConfigured")<{
  /** The provider whose settings are missing: `Profile`, `SSO`, `Web identity`, … */
  readonly provider: string
  /** The missing settings, and where they were searched for. */
  readonly problem: string
  readonly remedy: string
  /** For a chain: what each provider lacks, in the order of the chain. */
  readonly tried?:
    | ReadonlyArray<{ readonly provider: string; readonly problem: string; readonly remedy: string }>
    | undefined
}> {
  /** The AWS SDK for JavaScript v3 reads this field: its chains then go on to their next provider. */
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
 * Neither config file has the profile that was asked for by name.
 *
 * @since 0.1.0
 * @category errors
 */
export class ProfileNotFound extends TaggedError("ProfileNotFound")<{
  readonly profile: string
  readonly searched: ReadonlyArray<string>
  readonly known: ReadonlyArray<string>
  /** The place of a section that is probably the profile with a wrong header, or of a line that cannot be read. */
  readonly hint?: string | undefined
}> {
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
 * A config file has a line or a section that cannot be used.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidConfig extends TaggedError("InvalidConfig")<{
  readonly file: string
  /** 1-based; of the line that is wrong, or of the section that lacks one. */
  readonly line: number
  /** 1-based */
  readonly column: number
  /** As it stands in the file: `[profile dev]`. */
  readonly section: string
  /** For which profile the section was read. */
  readonly profile?: string | undefined
  readonly key?: string | undefined
  readonly problem: string
  readonly remedy: string
}> {
  override get message(): string {
    const profile = this.profile === undefined ? "" : ` (for profile "${this.profile}")`
    return `${this.file}:${this.line}:${this.column}: ${this.section} ${this.problem}${profile}. ${this.remedy}`
  }
}

/**
 * A file could not be read, written or removed. A file that does not exist is not this error.
 *
 * @since 0.1.0
 * @category errors
 */
export class FileError extends TaggedError("FileError")<{
  readonly path: string
  readonly operation: "read" | "write" | "remove"
  /** The platform's word for the cause, such as `PermissionDenied`. */
  readonly code: string
  readonly origin?: Origin | undefined
}> {
  override get message(): string {
    const remedy = this.code === noHomeCode
      ? noHomeRemedy
      : this.code === "Busy"
      ? "Another program uses it or keeps changing it: try again when that program has ended."
      : "Check that it is a file, who owns it, its mode, and the free space."
    return `Cannot ${this.operation} ${this.path}: ${this.code}${forProfile(this.origin)}. ${remedy}`
  }
}

/**
 * A store of tokens that is not a directory of files, such as Redis or a keychain, failed.
 *
 * @since 0.1.0
 * @category errors
 */
export class StoreError extends TaggedError("StoreError")<{
  /** The store's name in messages, such as `Redis`. */
  readonly store: string
  readonly operation: "read" | "write" | "remove"
  /** The store's word for the cause, such as `ECONNREFUSED` or `NOAUTH`. Never a token or a part of the request. */
  readonly code: string
  readonly origin?: Origin | undefined
}> {
  override get message(): string {
    const what = { read: "read from", write: "write to", remove: "remove from" }[this.operation]
    return `Cannot ${what} ${this.store}: ${this.code}${forProfile(this.origin)}. ` +
      "Check that the store is reachable and that this program may use it, then try again."
  }
}

/**
 * A person has to sign in.
 *
 * | `reason` | what happened |
 * | --- | --- |
 * | `NoToken` | there is no token of the session on this machine |
 * | `Expired` | the token has expired and cannot be refreshed |
 * | `RefreshRejected` | AWS refused to refresh the token: the session has ended |
 * | `TokenRejected` | AWS rejected a token that had not expired: signed out or revoked |
 * | `CorruptFile` | the token file is not a token: it is cut off, is not JSON, or lacks a required field |
 *
 * @since 0.1.0
 * @category errors
 */
export class SsoLoginRequired extends TaggedError("SsoLoginRequired")<{
  readonly reason: "NoToken" | "Expired" | "RefreshRejected" | "TokenRejected" | "CorruptFile"
  /** The session's name, or the start URL of a legacy profile: `SsoSession.cacheKey`. */
  readonly session: string
  /** Undefined for a legacy profile. */
  readonly sessionName?: string | undefined
  /** The profile that names the session, or the legacy profile that has the start URL and the region. */
  readonly profile?: string | undefined
  readonly startUrl: string
  readonly region: string
  /** The scopes that the session asks for, if it names any. */
  readonly registrationScopes?: ReadonlyArray<string> | undefined
  /** Where the session's token is kept. */
  readonly path?: string | undefined
  /** The cause in words, such as the time of expiry or AWS's description. Never a value of the token file. */
  readonly detail?: string | undefined
  /** The command that signs in. */
  readonly command: string
  readonly origin?: Origin | undefined
}> {
  override get message(): string {
    const what = {
      NoToken: `Not signed in to SSO session "${this.session}"`,
      Expired: `The sign-in to SSO session "${this.session}" has expired and cannot be refreshed`,
      RefreshRejected: `AWS refused to refresh the sign-in to SSO session "${this.session}"`,
      TokenRejected: `AWS rejected the token of SSO session "${this.session}"`,
      CorruptFile: `SSO session "${this.session}" has a token file that cannot be used`
    }[this.reason] + (this.detail === undefined ? "" : `: ${this.detail}`) +
      (this.path === undefined ? "" : ` [${this.path}]`)
    return `${what}${forProfile(this.origin)}. Run "${this.command}", or sign in with SsoLogin.device.`
  }
}

/**
 * The portal refuses credentials of this role (status 403).
 *
 * @since 0.1.0
 * @category errors
 */
export class RoleNotAssigned extends TaggedError("RoleNotAssigned")<{
  readonly accountId: string
  readonly roleName: string
  readonly requestId?: string | undefined
  readonly origin?: Origin | undefined
}> {
  override get message(): string {
    return `No access to role "${this.roleName}" of account ${this.accountId}${forProfile(this.origin)}` +
      `${
        ofRequest(this.requestId)
      }. Check sso_account_id and sso_role_name against Sso.listAccountRoles, or ask your ` +
      `administrator to assign the permission set; one assigned since you signed in shows after a new sign-in.`
  }
}

interface Call {
  readonly service: string
  readonly operation: string
}

const ofRequest = (requestId: string | undefined): string => requestId === undefined ? "" : ` [request ${requestId}]`

interface Answer extends Call {
  /** AWS's own name for the error, as it came over the wire. */
  readonly code: string
  readonly status: number
  /** AWS's words: `error_description` or `message`. */
  readonly description?: string | undefined
  /** AWS's code for the cause, such as `KMS_DisabledException`: the field `reason` of its answer. */
  readonly detailCode?: string | undefined
  /** What the request was about, in words: a role, and the claims of the web identity token. */
  readonly about?: string | undefined
  readonly requestId?: string | undefined
  /** The number of attempts. */
  readonly attempts?: number | undefined
  readonly origin?: Origin | undefined
}

const afterAttempts = (attempts: number | undefined): string =>
  attempts === undefined || attempts < 2 ? "" : ` after ${attempts} attempts`

const answerMessage = (error: Answer, remedy: string): string => {
  const because = [error.description, error.detailCode].filter((text) => text !== undefined).join(", ")
  return `${error.service} ${error.operation} failed with ${error.code} (${error.status})` +
    `${afterAttempts(error.attempts)}${because === "" ? "" : `: ${because}`}${ofRequest(error.requestId)}` +
    `${forProfile(error.origin)}. ${error.about === undefined ? "" : `It was about ${error.about}. `}${remedy}`
}

/**
 * AWS answered with an error that has no tag of its own here. `code` is AWS's name for it
 * (`InvalidScopeException`), or `Unknown` if the answer has none.
 *
 * @since 0.1.0
 * @category errors
 */
export class ServiceError extends TaggedError("ServiceError")<Answer> {
  override get message(): string {
    return answerMessage(this, remedyOf(this))
  }
}

const remedyOf = (error: Answer): string => remedyFor(error) ?? "Check the settings that this request was made from."

/**
 * A person has not yet approved a device login.
 *
 * @since 0.1.0
 * @category errors
 */
export class AuthorizationPendingException extends TaggedError("AuthorizationPendingException")<Answer> {
  override get message(): string {
    return answerMessage(this, "Poll again after the interval.")
  }
}

/**
 * A device login polls too often. It must add 5 s to its interval (RFC 8628, 3.5).
 *
 * @since 0.1.0
 * @category errors
 */
export class SlowDownException extends TaggedError("SlowDownException")<Answer> {
  override get message(): string {
    return answerMessage(this, "Wait longer between requests.")
  }
}

/**
 * The presented device code, refresh token or web identity token has expired.
 *
 * @since 0.1.0
 * @category errors
 */
export class ExpiredTokenException extends TaggedError("ExpiredTokenException")<Answer> {
  override get message(): string {
    return answerMessage(
      this,
      "Get a new one: what was presented has expired. If it is new, check the clocks of this machine and of the issuer."
    )
  }
}

/**
 * AWS denies the request: the person refused a device login, or policies do not allow the operation. With a
 * `detailCode`, the KMS key of the Identity Center cannot be used.
 *
 * @since 0.1.0
 * @category errors
 */
export class AccessDeniedException extends TaggedError("AccessDeniedException")<Answer> {
  override get message(): string {
    return answerMessage(
      this,
      remedyFor(this) ?? "Check who may do this: the person who approves, or the policies."
    )
  }
}

/**
 * A code or refresh token is not valid, or no longer valid.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidGrantException extends TaggedError("InvalidGrantException")<Answer> {
  override get message(): string {
    return answerMessage(this, "Sign in again.")
  }
}

/**
 * The client is not registered, or its registration has expired.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidClientException extends TaggedError("InvalidClientException")<Answer> {
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
export class InvalidRequestRegionException extends TaggedError("InvalidRequestRegionException")<
  Answer & {
    readonly region?: string | undefined
    readonly endpoint?: string | undefined
  }
> {
  override get message(): string {
    return answerMessage(this, `Call it in ${this.region ?? "the region of the IAM Identity Center"}.`)
  }
}

/**
 * The portal rejects the access token: it has expired, or its session has ended.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnauthorizedException extends TaggedError("UnauthorizedException")<Answer> {
  override get message(): string {
    return answerMessage(this, "Refresh the token, or sign in again.")
  }
}

/**
 * The portal throttles requests, even after all attempts.
 *
 * @since 0.1.0
 * @category errors
 */
export class TooManyRequestsException extends TaggedError("TooManyRequestsException")<Answer> {
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
export class InvalidIdentityTokenException extends TaggedError("InvalidIdentityTokenException")<Answer> {
  override get message(): string {
    return answerMessage(this, remedyOf(this))
  }
}

/**
 * STS could not reach the identity provider of a web identity token, even after all attempts.
 *
 * @since 0.1.0
 * @category errors
 */
export class IDPCommunicationErrorException extends TaggedError("IDPCommunicationErrorException")<Answer> {
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
export class IDPRejectedClaimException extends TaggedError("IDPRejectedClaimException")<Answer> {
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
export class RegionDisabledException extends TaggedError("RegionDisabledException")<Answer> {
  override get message(): string {
    return answerMessage(this, remedyOf(this))
  }
}

/**
 * Any error that AWS answered with.
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
 * No answer arrived: the connection was refused, unresolved, cut off or timed out.
 *
 * @since 0.1.0
 * @category errors
 */
export class ServiceUnreachable extends TaggedError("ServiceUnreachable")<
  Call & {
    readonly endpoint: string
    /** The system's code for the cause, such as `ECONNREFUSED` or `CERT_HAS_EXPIRED`. */
    readonly code: string
    /** The number of attempts. */
    readonly attempts?: number | undefined
    readonly origin?: Origin | undefined
  }
> {
  override get message(): string {
    const certificate = certificateProblem(this.code)
    return `Cannot reach ${this.service} at ${this.endpoint} for ${this.operation}${afterAttempts(this.attempts)}: ` +
      `${certificate === undefined ? this.code : `${certificate.problem} (${this.code})`}${forProfile(this.origin)}. ${
        certificate?.remedy ?? fipsRemedy(this.code, this.endpoint) ??
          `Check the network, the proxy, ${this.service === "STS" ? "AWS_REGION" : "sso_region"} and AWS_ENDPOINT_URL*.`
      }`
  }
}

/**
 * The answer does not have the form of an answer of AWS.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidResponse extends TaggedError("InvalidResponse")<
  Call & {
    readonly endpoint: string
    readonly status: number
    /** Names the place in the answer, never its content. */
    readonly problem: string
    readonly requestId?: string | undefined
    readonly origin?: Origin | undefined
  }
> {
  override get message(): string {
    return `${this.endpoint} answered ${this.service} ${this.operation} (${this.status}) with something AWS would ` +
      `not send: ${this.problem}${ofRequest(this.requestId)}${
        forProfile(this.origin)
      }. A proxy or captive portal may ` +
      `have answered in its place: check the network and AWS_ENDPOINT_URL*.`
  }
}

/**
 * An operation was called with input that AWS would refuse or that a config file cannot hold. Nothing was sent or
 * written.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidInput extends TaggedError("InvalidInput")<
  Call & {
    /** Names the field and what it should be, never its value. */
    readonly problem: string
    readonly origin?: Origin | undefined
  }
> {
  override get message(): string {
    return `${this.service} ${this.operation} cannot be done: ${this.problem}${forProfile(this.origin)}. ` +
      `Nothing was sent or written.`
  }
}

/**
 * A source gave no usable credentials, or no usable web identity token to get them with. `source` tells which.
 *
 * | `reason` | what happened |
 * | --- | --- |
 * | `Missing` | a variable, file or program that should be there is not |
 * | `Unreachable` | no answer came in time |
 * | `Refused` | the source refused |
 * | `Invalid` | the source gave something invalid |
 * | `Expired` | the source gave something that has expired |
 *
 * @since 0.1.0
 * @category errors
 */
export class CredentialsUnavailable extends TaggedError("CredentialsUnavailable")<{
  /** The source in words, such as `the program "vault"`, `GitHub Actions` or `the web identity token file /run/token`. */
  readonly source: string
  readonly reason: "Missing" | "Unreachable" | "Refused" | "Invalid" | "Expired"
  /** The cause in words. Never holds a secret, even if the source returned one. */
  readonly problem: string
  readonly remedy: string
  readonly origin?: Origin | undefined
}> {
  override get message(): string {
    return `No credentials from ${this.source}: ${this.problem}${forProfile(this.origin)}. ${this.remedy}`
  }
}

/**
 * A provider gave credentials that have already expired.
 *
 * @since 0.1.0
 * @category errors
 */
export class CredentialsExpired extends TaggedError("CredentialsExpired")<{
  /** RFC 3339 */
  readonly expiration: string
  /** RFC 3339 */
  readonly now: string
}> {
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
export class AccountNotAllowed extends TaggedError("AccountNotAllowed")<{
  /** The ARN that the credentials belong to: `arn:aws:sts::111122223333:assumed-role/ci/build`. */
  readonly arn: string
  readonly accountId: string
  readonly allowed: ReadonlyArray<string>
}> {
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
export class LoginDenied extends TaggedError("LoginDenied")<{
  readonly session: string
}> {
  override get message(): string {
    return `The sign-in to SSO session "${this.session}" was refused in the browser. Start it again, and approve it ` +
      `only if the code shown there is the one shown here.`
  }
}

/**
 * The code of a sign-in expired before a person approved it.
 *
 * @since 0.1.0
 * @category errors
 */
export class DeviceCodeExpired extends TaggedError("DeviceCodeExpired")<{
  readonly session: string
}> {
  override get message(): string {
    return `The code for the sign-in to SSO session "${this.session}" expired before it was approved. Start again.`
  }
}

/**
 * Why a call to an AWS service did not give its result, apart from the exceptions that its operation names.
 *
 * `InvalidConfig` and `FileError` come from reading the client settings of the profile. The type of `Sso`, `SsoOidc` and
 * `Sts` does not say where their settings come from, so every operation has these two, also with fixed settings.
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
 * Why a token is not available.
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
export type TokenError = SsoLoginRequired | FileError | StoreError | CredentialsUnavailable | CallError

/**
 * Why there are no credentials of a role of IAM Identity Center.
 *
 * @since 0.1.0
 * @category errors
 */
export type SsoCredentialsError = TokenError | RoleNotAssigned

/**
 * Why there are no credentials in exchange for a web identity token.
 *
 * @since 0.1.0
 * @category errors
 */
export type WebIdentityCredentialsError = AssumeRoleWithWebIdentityError | CredentialsUnavailable

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
  | SsoCredentialsError
  | WebIdentityCredentialsError
  | CredentialsExpired
  | AccountNotAllowed

/**
 * Why a sign-in failed.
 *
 * @since 0.1.0
 * @category errors
 */
export type LoginError = LoginDenied | DeviceCodeExpired | CallError

/**
 * Every error of this module.
 *
 * @since 0.1.0
 * @category errors
 */
export type AnyError = IdentityError | LoginError | ServiceException

type Classify = {
  readonly [Tag in AnyError["_tag"]]: Kind | ((error: Extract<AnyError, { _tag: Tag }>) => Kind)
}

const kindOfReason = {
  Missing: "InvalidConfig",
  Unreachable: "Unavailable",
  Refused: "AccessDenied",
  Invalid: "InvalidConfig",
  Expired: "AccessDenied"
} as const satisfies { readonly [Reason in CredentialsUnavailable["reason"]]: Kind }

const kinds = {
  NotConfigured: "NotConfigured",
  ProfileNotFound: "InvalidConfig",
  InvalidConfig: "InvalidConfig",
  InvalidInput: "InvalidConfig",
  FileError: "InvalidConfig",
  StoreError: "Unavailable",
  SsoLoginRequired: "LoginRequired",
  RoleNotAssigned: "AccessDenied",
  AccountNotAllowed: "AccessDenied",
  AccessDeniedException: "AccessDenied",
  ExpiredTokenException: "AccessDenied",
  IDPRejectedClaimException: "AccessDenied",
  InvalidIdentityTokenException: "AccessDenied",
  RegionDisabledException: "AccessDenied",
  LoginDenied: "AccessDenied",
  UnauthorizedException: "LoginRequired",
  InvalidGrantException: "LoginRequired",
  InvalidClientException: "LoginRequired",
  DeviceCodeExpired: "LoginRequired",
  AuthorizationPendingException: "Unavailable",
  SlowDownException: "Unavailable",
  TooManyRequestsException: "Unavailable",
  InvalidRequestRegionException: "InvalidConfig",
  ServiceUnreachable: "Unavailable",
  IDPCommunicationErrorException: "Unavailable",
  InvalidResponse: "InvalidAnswer",
  CredentialsExpired: "InvalidAnswer",
  CredentialsUnavailable: ({ reason }) => kindOfReason[reason],
  ServiceError: (error) =>
    error.status >= 500 || kindOfAnswer(error, false) !== undefined
      ? "Unavailable"
      : error.status === 401 || error.status === 403 || error.status === 407
      ? "AccessDenied"
      : "InvalidConfig"
} as const satisfies Classify

/** The kinds that an error of the class may have. */
type KindsOf<E extends AnyError> = (typeof kinds)[E["_tag"]] extends infer K
  ? K extends (error: never) => infer Result ? Result : K
  : never

/** The errors of `E` that may be of the kind. */
type OfKind<E, K> = E extends AnyError ? [Extract<KindsOf<E>, K>] extends [never] ? never : E : never

/** The errors of `E` that are left when those of the kind are handled. */
type WithoutKind<E, K> = E extends AnyError ? [KindsOf<E>] extends [K] ? [K] extends [KindsOf<E>] ? never : E : E
  : E

/** The kind of an error. */
const kindOf = (error: AnyError): Kind => {
  const kind = kinds[error._tag] as Kind | ((error: AnyError) => Kind)
  return typeof kind === "function" ? kind(error) : kind
}

/**
 * Whether a value is an error of this library.
 *
 * @since 0.1.0
 * @category guards
 */
export const isIdentityError = (value: unknown): value is AnyError => Predicate.hasProperty(value, TypeId)

/**
 * Whether the same call may succeed later without any change: AWS was not reached, was at fault or asked for fewer
 * requests. The library has already retried a call to AWS before it fails.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRetryable = (error: AnyError): boolean =>
  error._tag === "ServiceUnreachable" ? isTransientConnection(error.code) : error.kind === "Unavailable"

/**
 * Handles the errors of this library that are of one kind, whatever their tags. The type of the error has only the tags
 * that may be of the kind.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { CredentialsProvider, IdentityError, SsoLogin, SsoSession } from "effect-aws-identity"
 *
 * export const credentials = CredentialsProvider.get.pipe(
 *   IdentityError.catchKind("LoginRequired", (error) =>
 *     SsoLogin.device(SsoSession.fromError(error), {
 *       onPrompt: ({ userCode, verificationUri }) => Console.log(`Enter ${userCode} at ${verificationUri}`)
 *     }).pipe(Effect.zipRight(CredentialsProvider.get)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category error handling
 */
export const catchKind: {
  <E, const K extends Kind, A2, E2, R2>(
    kind: K,
    handle: (error: OfKind<E, K>) => Effect.Effect<A2, E2, R2>
  ): <A, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A | A2, WithoutKind<E, K> | E2, R | R2>
  <A, E, R, const K extends Kind, A2, E2, R2>(
    self: Effect.Effect<A, E, R>,
    kind: K,
    handle: (error: OfKind<E, K>) => Effect.Effect<A2, E2, R2>
  ): Effect.Effect<A | A2, WithoutKind<E, K> | E2, R | R2>
} = dual(
  3,
  <A, E, R, const K extends Kind, A2, E2, R2>(
    self: Effect.Effect<A, E, R>,
    kind: K,
    handle: (error: OfKind<E, K>) => Effect.Effect<A2, E2, R2>
  ): Effect.Effect<A | A2, WithoutKind<E, K> | E2, R | R2> =>
    Effect.catchAll(
      self,
      (error): Effect.Effect<A2, WithoutKind<E, K> | E2, R2> =>
        isIdentityError(error) && error.kind === kind
          ? handle(error as OfKind<E, K>)
          : Effect.fail(error as WithoutKind<E, K>)
    )
)
