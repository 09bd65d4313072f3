/**
 * The OIDC service of IAM Identity Center: `AWS.SSOOIDC` as a service.
 *
 * @since 0.1.0
 */
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { ClientConfig, ClientSettings } from "./ClientConfig.js"
import { Credentials } from "./Credentials.js"
import * as IdentityError from "./IdentityError.js"
import { AccessToken } from "./internal/accessToken.js"
import * as AwsRequest from "./internal/awsRequest.js"
import { environmentConfig } from "./internal/clientSettings.js"
import { inputProfile } from "./internal/inputProfile.js"
import { perSource } from "./internal/perSource.js"
import { sign } from "./internal/sigV4.js"
import { Region } from "./Region.js"
import * as SharedConfig from "./SharedConfig.js"
import type * as Transport from "./Transport.js"

const target = {
  ...inputProfile,
  /** The region of the IAM Identity Center (`sso_region`). */
  region: Region
}

const text = Schema.NonEmptyString
const secret = Schema.Redacted(Schema.NonEmptyString)
const texts = Schema.Array(text)
const absent = { nullable: true } as const
const optionalText = Schema.optionalWith(text, { as: "Option", nullable: true })
const optionalSecret = Schema.optionalWith(secret, { as: "Option", nullable: true })

/** Seconds that make a time when added to now: at most ten years. */
const Seconds = Schema.Number.pipe(Schema.between(0, 315_360_000, { description: "a number of seconds" }))

/** On the wire in seconds since 1970. */
const Time = Schema.transform(Schema.Number, Schema.DateTimeUtcFromNumber, {
  strict: true,
  decode: (seconds) => seconds * 1000,
  encode: (milliseconds) => milliseconds / 1000
})
const optionalTime = Schema.optionalWith(Time, { as: "Option", nullable: true })

const RegisterClientInput = Schema.Struct({
  ...target,
  clientName: text,
  clientType: Schema.Literal("public"),
  scopes: Schema.optional(texts),
  /** The URLs that an authorization code may be sent to. */
  redirectUris: Schema.optional(texts),
  /** The grants that the client may use. */
  grantTypes: Schema.optional(texts),
  /** The start URL or issuer of the Identity Center; an authorization code needs it. */
  issuerUrl: Schema.optional(text),
  entitledApplicationArn: Schema.optional(text)
})

/**
 * Input of `registerClient`.
 *
 * @since 0.1.0
 * @category models
 */
export type RegisterClientInput = typeof RegisterClientInput.Type

const RegisterClientOutput = Schema.Struct({
  clientId: text,
  clientSecret: secret,
  clientIdIssuedAt: optionalTime,
  clientSecretExpiresAt: optionalTime,
  authorizationEndpoint: optionalText,
  tokenEndpoint: optionalText
})

/**
 * Output of `registerClient`.
 *
 * @since 0.1.0
 * @category models
 */
export type RegisterClientOutput = typeof RegisterClientOutput.Type

const StartDeviceAuthorizationInput = Schema.Struct({
  ...target,
  clientId: text,
  clientSecret: secret,
  startUrl: text
})

/**
 * Input of `startDeviceAuthorization`.
 *
 * @since 0.1.0
 * @category models
 */
export type StartDeviceAuthorizationInput = typeof StartDeviceAuthorizationInput.Type

const StartDeviceAuthorizationOutput = Schema.Struct({
  deviceCode: secret,
  userCode: text,
  verificationUri: text,
  verificationUriComplete: optionalText,
  /** Seconds */
  expiresIn: Seconds,
  /** Seconds; 5 if the answer has none (RFC 8628, 3.2). */
  interval: Schema.optionalWith(Seconds, { ...absent, default: () => 5 })
})

/**
 * Output of `startDeviceAuthorization`.
 *
 * @since 0.1.0
 * @category models
 */
export type StartDeviceAuthorizationOutput = typeof StartDeviceAuthorizationOutput.Type

const deviceCodeGrant = {
  grantType: Schema.Literal("urn:ietf:params:oauth:grant-type:device_code"),
  deviceCode: secret
}
const refreshTokenGrant = { grantType: Schema.Literal("refresh_token"), refreshToken: secret }
const authorizationCodeGrant = {
  grantType: Schema.Literal("authorization_code"),
  code: secret,
  redirectUri: text,
  /** The secret that the challenge of the authorization request was made from (RFC 7636). */
  codeVerifier: secret
}

const registeredClient = {
  ...target,
  clientId: text,
  clientSecret: secret,
  /** AWS ignores it: a token has the scopes of its client. */
  scope: Schema.optional(texts)
}

const CreateTokenInput = Schema.Union(
  Schema.Struct({ ...registeredClient, ...deviceCodeGrant }),
  Schema.Struct({ ...registeredClient, ...refreshTokenGrant }),
  Schema.Struct({ ...registeredClient, ...authorizationCodeGrant })
)

/**
 * Input of `createToken`.
 *
 * @since 0.1.0
 * @category models
 */
export type CreateTokenInput = typeof CreateTokenInput.Type

const CreateTokenOutput = Schema.Struct({
  accessToken: AccessToken,
  tokenType: optionalText,
  /** Seconds */
  expiresIn: Seconds,
  refreshToken: optionalSecret,
  idToken: optionalSecret
})

/**
 * Output of `createToken`.
 *
 * @since 0.1.0
 * @category models
 */
export type CreateTokenOutput = typeof CreateTokenOutput.Type

const application = {
  ...target,
  /** The credentials that sign the request. They must be allowed to act for the application. */
  credentials: Schema.instanceOf(Credentials),
  /** The ARN of the Identity Center application. */
  clientId: text,
  scope: Schema.optional(texts),
  /** The type of token to return. */
  requestedTokenType: Schema.optional(text)
}

const CreateTokenWithIAMInput = Schema.Union(
  Schema.Struct({
    ...application,
    ...authorizationCodeGrant,
    codeVerifier: Schema.optional(secret)
  }),
  Schema.Struct({ ...application, ...refreshTokenGrant }),
  Schema.Struct({
    ...application,
    grantType: Schema.Literal("urn:ietf:params:oauth:grant-type:jwt-bearer"),
    /** A JWT of a trusted issuer. */
    assertion: secret
  }),
  Schema.Struct({
    ...application,
    grantType: Schema.Literal("urn:ietf:params:oauth:grant-type:token-exchange"),
    subjectToken: secret,
    /** `urn:ietf:params:oauth:token-type:access_token` */
    subjectTokenType: text
  })
)

/**
 * Input of `createTokenWithIAM`.
 *
 * @since 0.1.0
 * @category models
 */
export type CreateTokenWithIAMInput = typeof CreateTokenWithIAMInput.Type

const CreateTokenWithIAMOutput = Schema.Struct({
  ...CreateTokenOutput.fields,
  issuedTokenType: optionalText,
  scope: Schema.optionalWith(Schema.Array(Schema.String), { ...absent, default: () => [] }),
  awsAdditionalDetails: Schema.optionalWith(
    Schema.Struct({
      /** For the `ProvidedContexts` of `AssumeRole`. */
      identityContext: optionalSecret
    }),
    { as: "Option", nullable: true }
  )
})

/**
 * Output of `createTokenWithIAM`.
 *
 * @since 0.1.0
 * @category models
 */
export type CreateTokenWithIAMOutput = typeof CreateTokenWithIAMOutput.Type

/**
 * The operations of the OIDC service, in the region that each input names. Exceptions that a caller can act upon have a
 * tag of their own. Any other one is a `ServiceError`, whose `code` is AWS's name of the exception.
 *
 * @since 0.1.0
 * @category services
 */
export class SsoOidc extends Context.Tag("effect-aws-identity/SsoOidc")<SsoOidc, {
  readonly registerClient: (
    input: RegisterClientInput
  ) => Effect.Effect<RegisterClientOutput, IdentityError.CallError | IdentityError.SlowDownException>
  readonly startDeviceAuthorization: (
    input: StartDeviceAuthorizationInput
  ) => Effect.Effect<
    StartDeviceAuthorizationOutput,
    IdentityError.CallError | IdentityError.SlowDownException | IdentityError.InvalidClientException
  >
  /** Gets a token for a public client: after a person has approved, or with a refresh token. */
  readonly createToken: (input: CreateTokenInput) => Effect.Effect<CreateTokenOutput, IdentityError.CreateTokenError>
  /** Gets a token for an application, which signs the request with its AWS credentials. */
  readonly createTokenWithIAM: (
    input: CreateTokenWithIAMInput
  ) => Effect.Effect<
    CreateTokenWithIAMOutput,
    IdentityError.CreateTokenError | IdentityError.InvalidRequestRegionException
  >
}>() {}

/**
 * The type of the service.
 *
 * @since 0.1.0
 * @category models
 */
export type Service = Context.Tag.Service<SsoOidc>

const post = (path: string) =>
(
  { credentials: _, profile: __, region: ___, ...body }: {
    readonly region: string
    readonly profile?: string | undefined
    readonly credentials?: Credentials
  },
  endpoint: string
): Transport.Request => ({
  method: "POST",
  url: `${endpoint}${path}`,
  headers: { accept: "application/json", "content-type": "application/json" },
  body: JSON.stringify(body)
})

const createTokenExceptions = [
  IdentityError.AuthorizationPendingException,
  IdentityError.SlowDownException,
  IdentityError.ExpiredTokenException,
  IdentityError.AccessDeniedException,
  IdentityError.InvalidGrantException,
  IdentityError.InvalidClientException
]

/**
 * The operations over a `Transport`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  settings?: ClientSettings
): Effect.Effect<Service, never, Transport.Transport> =>
  Effect.map(
    AwsRequest.make({ id: "SSO OIDC", module: "SsoOidc", endpointPrefix: "oidc" }, settings),
    (client) => ({
      registerClient: AwsRequest.operation(client, {
        operation: "registerClient",
        input: RegisterClientInput,
        decode: AwsRequest.json(RegisterClientOutput),
        exceptions: [IdentityError.SlowDownException],
        request: post("/client/register")
      }),
      startDeviceAuthorization: AwsRequest.operation(client, {
        operation: "startDeviceAuthorization",
        input: StartDeviceAuthorizationInput,
        decode: AwsRequest.json(StartDeviceAuthorizationOutput),
        exceptions: [IdentityError.SlowDownException, IdentityError.InvalidClientException],
        request: post("/device_authorization")
      }),
      createToken: AwsRequest.operation(client, {
        operation: "createToken",
        input: CreateTokenInput,
        decode: AwsRequest.json(CreateTokenOutput),
        exceptions: createTokenExceptions,
        request: post("/token")
      }),
      createTokenWithIAM: AwsRequest.operation(client, {
        operation: "createTokenWithIAM",
        input: CreateTokenWithIAMInput,
        decode: AwsRequest.json(CreateTokenWithIAMOutput),
        exceptions: [...createTokenExceptions, IdentityError.InvalidRequestRegionException],
        signing: { sign, name: "sso-oauth" },
        request: post("/token?aws_iam=t")
      })
    })
  )

/**
 * The operations over a `Transport`, with the given settings.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (settings?: ClientConfig): Layer.Layer<SsoOidc, never, Transport.Transport> =>
  perSource(Layer.effect(SsoOidc, make(settings)))

/**
 * The operations over a `Transport`, with the given settings completed from the environment: see the table of
 * `SharedConfig.clientConfig`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerEnvironment = (
  settings?: ClientConfig
): Layer.Layer<SsoOidc, ConfigError.ConfigError, Transport.Transport> =>
  perSource(Layer.effect(SsoOidc, Effect.flatMap(environmentConfig("sso_oidc", settings), make)))

/**
 * The operations over a `Transport`, with the given settings completed from the environment and then from the profile
 * of the call: see the table of `SharedConfig.clientConfig`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProfile = (
  settings?: ClientConfig
): Layer.Layer<SsoOidc, ConfigError.ConfigError, Transport.Transport | SharedConfig.SharedConfig> =>
  perSource(Layer.effect(SsoOidc, Effect.flatMap(SharedConfig.clientConfig("sso_oidc", settings), make)))
