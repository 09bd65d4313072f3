/**
 * The OIDC service of IAM Identity Center: `AWS.SSOOIDC` as a service.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as IdentityError from "./IdentityError.js"
import { AccessToken } from "./internal/accessToken.js"
import * as AwsRequest from "./internal/awsRequest.js"
import { endpointUrl } from "./internal/environment.js"
import { Region } from "./Region.js"

/** Of the IAM Identity Center (`sso_region`). */
const region = { region: Region }

const text = Schema.NonEmptyString
const secret = Schema.Redacted(Schema.NonEmptyString)
const absent = { nullable: true } as const

/** Seconds that make a time when added to now: at most ten years. */
const Seconds = Schema.Number.pipe(Schema.between(0, 315_360_000, { description: "a number of seconds" }))

/**
 * What `registerClient` takes.
 *
 * @since 0.1.0
 * @category models
 */
export const RegisterClientInput = Schema.Struct({
  ...region,
  clientName: text,
  clientType: Schema.Literal("public"),
  scopes: Schema.optional(Schema.Array(text))
})

/**
 * What `registerClient` gives.
 *
 * @since 0.1.0
 * @category models
 */
export const RegisterClientOutput = Schema.Struct({
  clientId: text,
  clientSecret: secret,
  /** On the wire in seconds since 1970. */
  clientSecretExpiresAt: Schema.optionalWith(
    Schema.transform(Schema.Number, Schema.DateTimeUtcFromNumber, {
      strict: true,
      decode: (seconds) => seconds * 1000,
      encode: (milliseconds) => milliseconds / 1000
    }),
    { as: "Option", nullable: true }
  )
})

/**
 * What `startDeviceAuthorization` takes.
 *
 * @since 0.1.0
 * @category models
 */
export const StartDeviceAuthorizationInput = Schema.Struct({
  ...region,
  clientId: text,
  clientSecret: secret,
  startUrl: text
})

/**
 * What `startDeviceAuthorization` gives.
 *
 * @since 0.1.0
 * @category models
 */
export const StartDeviceAuthorizationOutput = Schema.Struct({
  deviceCode: secret,
  userCode: text,
  verificationUri: text,
  verificationUriComplete: Schema.optionalWith(text, { as: "Option", nullable: true }),
  /** Seconds */
  expiresIn: Seconds,
  /** Seconds; 5 when the service does not say (RFC 8628, 3.2). */
  interval: Schema.optionalWith(Seconds, { ...absent, default: () => 5 })
})

/**
 * What `createToken` takes.
 *
 * @since 0.1.0
 * @category models
 */
export const CreateTokenInput = Schema.Union(
  Schema.Struct({
    ...region,
    clientId: text,
    clientSecret: secret,
    grantType: Schema.Literal("urn:ietf:params:oauth:grant-type:device_code"),
    deviceCode: secret
  }),
  Schema.Struct({
    ...region,
    clientId: text,
    clientSecret: secret,
    grantType: Schema.Literal("refresh_token"),
    refreshToken: secret
  })
)

/**
 * What `createToken` gives.
 *
 * @since 0.1.0
 * @category models
 */
export const CreateTokenOutput = Schema.Struct({
  accessToken: AccessToken,
  tokenType: Schema.optionalWith(Schema.String, absent),
  /** Seconds */
  expiresIn: Seconds,
  refreshToken: Schema.optionalWith(secret, { as: "Option", nullable: true })
})

/**
 * The operations of the OIDC service, in the region that each input names. They fail with `ServiceError`, whose
 * `code` is AWS's name of the exception: `AuthorizationPendingException`, `SlowDownException`,
 * `InvalidGrantException`, …
 *
 * @since 0.1.0
 * @category services
 */
export class SsoOidc extends Context.Tag("effect-aws-identity/SsoOidc")<SsoOidc, {
  readonly registerClient: (
    input: typeof RegisterClientInput.Type
  ) => Effect.Effect<typeof RegisterClientOutput.Type, IdentityError.CallError>
  readonly startDeviceAuthorization: (
    input: typeof StartDeviceAuthorizationInput.Type
  ) => Effect.Effect<typeof StartDeviceAuthorizationOutput.Type, IdentityError.CallError>
  readonly createToken: (
    input: typeof CreateTokenInput.Type
  ) => Effect.Effect<typeof CreateTokenOutput.Type, IdentityError.CallError>
}>() {}

const post = (path: string) => ({ region: _, ...body }: { readonly region: string }, endpoint: string) =>
  HttpClientRequest.post(`${endpoint}${path}`, { headers: { accept: "application/json" } }).pipe(
    HttpClientRequest.bodyUnsafeJson(body)
  )

/**
 * The operations over an `HttpClient`. `endpoint` takes the place of every region's service.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options?: { readonly endpoint?: string | undefined }
): Effect.Effect<Context.Tag.Service<SsoOidc>, never, HttpClient.HttpClient> =>
  Effect.map(
    AwsRequest.make({ id: "SSO OIDC", module: "SsoOidc", endpointPrefix: "oidc", endpoint: options?.endpoint }),
    (service) => ({
      registerClient: AwsRequest.operation(service, {
        operation: "registerClient",
        input: RegisterClientInput,
        output: RegisterClientOutput,
        request: post("/client/register")
      }),
      startDeviceAuthorization: AwsRequest.operation(service, {
        operation: "startDeviceAuthorization",
        input: StartDeviceAuthorizationInput,
        output: StartDeviceAuthorizationOutput,
        request: post("/device_authorization")
      }),
      createToken: AwsRequest.operation(service, {
        operation: "createToken",
        input: CreateTokenInput,
        output: CreateTokenOutput,
        request: post("/token")
      })
    })
  )

/**
 * The operations over an `HttpClient`. `endpoint` takes the place of every region's service.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: { readonly endpoint?: string | undefined }
): Layer.Layer<SsoOidc, never, HttpClient.HttpClient> => Layer.effect(SsoOidc, make(options))

/**
 * With the endpoint of `AWS_ENDPOINT_URL_SSO_OIDC` or `AWS_ENDPOINT_URL`, if one is set.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<SsoOidc, ConfigError.ConfigError, HttpClient.HttpClient> = Layer.effect(
  SsoOidc,
  Effect.flatMap(endpointUrl("SSO_OIDC"), (endpoint) => make({ endpoint }))
)
