/**
 * The schema of this library's errors, for programs that send them over a wire: to a worker, another service or a log
 * that is read back.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { IdentityError, IdentityErrorSchema } from "effect-aws-identity"
 *
 * const sent = Schema.encodeSync(IdentityErrorSchema.IdentityErrorSchema)(new IdentityError.LoginDenied({ session: "corp" }))
 * const received = Schema.decodeUnknownSync(IdentityErrorSchema.IdentityErrorSchema)(JSON.parse(JSON.stringify(sent)))
 *
 * console.log(received.message) // The sign-in to SSO session "corp" was refused in the browser. …
 * ```
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as IdentityError from "./IdentityError.js"
import { Region } from "./Region.js"

const Origin = Schema.Struct({ profile: Schema.String, location: Schema.String })

const call = { service: Schema.String, operation: Schema.String }

const answer = {
  ...call,
  code: Schema.String,
  status: Schema.Number,
  description: Schema.optional(Schema.String),
  detailCode: Schema.optional(Schema.String),
  about: Schema.optional(Schema.String),
  requestId: Schema.optional(Schema.String),
  attempts: Schema.optional(Schema.Number),
  origin: Schema.optional(Origin)
}

/** The fields of an error with its tag, as the error itself. */
const ofClass = <const Tag extends string, Fields extends Schema.Struct.Fields, Self>(
  tag: Tag,
  Class: new(fields: Schema.Struct.Type<Fields>) => Self,
  fields: Fields
) =>
  Schema.transform(Schema.Struct({ _tag: Schema.Literal(tag), ...fields }), Schema.instanceOf(Class), {
    strict: false,
    decode: (fields) => new Class(fields as Schema.Struct.Type<Fields>),
    encode: (error) => ({ ...error })
  })

/**
 * Any error of this library, as its tag and fields. Excess properties are ignored when it is decoded, so the JSON of an
 * error, which also has its `message`, is accepted.
 *
 * @since 0.1.0
 * @category schemas
 */
export const IdentityErrorSchema = Schema.Union(
  ofClass("NotConfigured", IdentityError.NotConfigured, {
    provider: Schema.String,
    problem: Schema.String,
    remedy: Schema.String,
    tried: Schema.optional(
      Schema.Array(Schema.Struct({ provider: Schema.String, problem: Schema.String, remedy: Schema.String }))
    )
  }),
  ofClass("ProfileNotFound", IdentityError.ProfileNotFound, {
    profile: Schema.String,
    searched: Schema.Array(Schema.String),
    known: Schema.Array(Schema.String),
    hint: Schema.optional(Schema.String)
  }),
  ofClass("InvalidConfig", IdentityError.InvalidConfig, {
    file: Schema.String,
    line: Schema.Number,
    column: Schema.Number,
    section: Schema.String,
    profile: Schema.optional(Schema.String),
    key: Schema.optional(Schema.String),
    problem: Schema.String,
    remedy: Schema.String
  }),
  ofClass("FileError", IdentityError.FileError, {
    path: Schema.String,
    operation: Schema.Literal("read", "write", "remove"),
    code: Schema.String,
    origin: Schema.optional(Origin)
  }),
  ofClass("StoreError", IdentityError.StoreError, {
    store: Schema.String,
    operation: Schema.Literal("read", "write", "remove"),
    code: Schema.String,
    origin: Schema.optional(Origin)
  }),
  ofClass("SsoLoginRequired", IdentityError.SsoLoginRequired, {
    reason: Schema.Literal("NoToken", "Expired", "RefreshRejected", "TokenRejected", "CorruptFile"),
    session: Schema.String,
    sessionName: Schema.optional(Schema.String),
    profile: Schema.optional(Schema.String),
    startUrl: Schema.String,
    region: Region,
    registrationScopes: Schema.optional(Schema.Array(Schema.String)),
    path: Schema.optional(Schema.String),
    detail: Schema.optional(Schema.String),
    command: Schema.String,
    origin: Schema.optional(Origin)
  }),
  ofClass("RoleNotAssigned", IdentityError.RoleNotAssigned, {
    accountId: Schema.String,
    roleName: Schema.String,
    requestId: Schema.optional(Schema.String),
    origin: Schema.optional(Origin)
  }),
  ofClass("ServiceError", IdentityError.ServiceError, answer),
  ofClass("AuthorizationPendingException", IdentityError.AuthorizationPendingException, answer),
  ofClass("SlowDownException", IdentityError.SlowDownException, answer),
  ofClass("ExpiredTokenException", IdentityError.ExpiredTokenException, answer),
  ofClass("AccessDeniedException", IdentityError.AccessDeniedException, answer),
  ofClass("InvalidGrantException", IdentityError.InvalidGrantException, answer),
  ofClass("InvalidClientException", IdentityError.InvalidClientException, answer),
  ofClass("InvalidRequestRegionException", IdentityError.InvalidRequestRegionException, {
    ...answer,
    region: Schema.optional(Schema.String),
    endpoint: Schema.optional(Schema.String)
  }),
  ofClass("UnauthorizedException", IdentityError.UnauthorizedException, answer),
  ofClass("TooManyRequestsException", IdentityError.TooManyRequestsException, answer),
  ofClass("InvalidIdentityTokenException", IdentityError.InvalidIdentityTokenException, answer),
  ofClass("IDPCommunicationErrorException", IdentityError.IDPCommunicationErrorException, answer),
  ofClass("IDPRejectedClaimException", IdentityError.IDPRejectedClaimException, answer),
  ofClass("RegionDisabledException", IdentityError.RegionDisabledException, answer),
  ofClass("ServiceUnreachable", IdentityError.ServiceUnreachable, {
    ...call,
    endpoint: Schema.String,
    code: Schema.String,
    attempts: Schema.optional(Schema.Number),
    origin: Schema.optional(Origin)
  }),
  ofClass("InvalidResponse", IdentityError.InvalidResponse, {
    ...call,
    endpoint: Schema.String,
    status: Schema.Number,
    problem: Schema.String,
    requestId: Schema.optional(Schema.String),
    origin: Schema.optional(Origin)
  }),
  ofClass("InvalidInput", IdentityError.InvalidInput, {
    ...call,
    problem: Schema.String,
    origin: Schema.optional(Origin)
  }),
  ofClass("CredentialsUnavailable", IdentityError.CredentialsUnavailable, {
    source: Schema.String,
    reason: Schema.Literal("Missing", "Unreachable", "Refused", "Invalid", "Expired"),
    problem: Schema.String,
    remedy: Schema.String,
    origin: Schema.optional(Origin)
  }),
  ofClass("CredentialsExpired", IdentityError.CredentialsExpired, {
    expiration: Schema.String,
    now: Schema.String
  }),
  ofClass("AccountNotAllowed", IdentityError.AccountNotAllowed, {
    arn: Schema.String,
    accountId: Schema.String,
    allowed: Schema.Array(Schema.String)
  }),
  ofClass("LoginDenied", IdentityError.LoginDenied, {
    session: Schema.String
  }),
  ofClass("DeviceCodeExpired", IdentityError.DeviceCodeExpired, { session: Schema.String })
)
