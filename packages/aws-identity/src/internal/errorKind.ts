/** What an application can do about an error: the closed groups that all errors on the way to credentials fall into. */
import type { AnyError, CredentialsUnavailable } from "../IdentityError.js"
import { kindOfAnswer } from "./retryPolicy.js"

/** See `Kind` of `IdentityError`. */
export type ErrorKind =
  | "NotConfigured"
  | "InvalidConfig"
  | "LoginRequired"
  | "AccessDenied"
  | "Unavailable"
  | "InvalidAnswer"

type Classify = {
  readonly [Tag in AnyError["_tag"]]: ErrorKind | ((error: Extract<AnyError, { _tag: Tag }>) => ErrorKind)
}

const kindOfReason: { readonly [Reason in CredentialsUnavailable["reason"]]: ErrorKind } = {
  Missing: "InvalidConfig",
  Unreachable: "Unavailable",
  Refused: "AccessDenied",
  Invalid: "InvalidConfig",
  Expired: "AccessDenied"
}

const kinds: Classify = {
  NotConfigured: "NotConfigured",
  ProfileNotFound: "InvalidConfig",
  InvalidConfig: "InvalidConfig",
  InvalidInput: "InvalidConfig",
  FileError: "InvalidConfig",
  SsoLoginRequired: "LoginRequired",
  TokenCacheCorrupt: "LoginRequired",
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
  WebIdentityTokenUnavailable: ({ reason }) => kindOfReason[reason],
  CredentialsUnavailable: ({ reason }) => kindOfReason[reason],
  ServiceError: (error) =>
    error.status >= 500 || kindOfAnswer(error, false) !== undefined
      ? "Unavailable"
      : error.status === 401 || error.status === 403 || error.status === 407
      ? "AccessDenied"
      : "InvalidConfig"
}

/** The group of an error. */
export const errorKind = (error: AnyError): ErrorKind => {
  const kind = kinds[error._tag] as ErrorKind | ((error: AnyError) => ErrorKind)
  return typeof kind === "function" ? kind(error) : kind
}
