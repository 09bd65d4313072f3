/**
 * The AWS Security Token Service, `AWS.STS`: the operations that web identities and chains of roles need.
 *
 * Names are AWS's with a small first letter. Signed operations take the credentials that sign.
 *
 * Each input may name its region. Otherwise, the region is that of the client's settings: with `Sts.layerEnvironment`,
 * that of `AWS_REGION` or `AWS_DEFAULT_REGION`; with `Sts.layerProfile`, also that of the profile. For a role, it is the
 * first of these that is in the role's partition. If there is none, it is the region of the partition's global
 * services, such as `us-gov-west-1` for a role of `arn:aws-us-gov:…`.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { CredentialsProvider, Region, Sts } from "effect-aws-identity"
 *
 * export const whoAmI = Effect.gen(function*() {
 *   const sts = yield* Sts.Sts
 *   const credentials = yield* CredentialsProvider.get
 *   const { arn } = yield* sts.getCallerIdentity({ region: Region.make("eu-central-1"), credentials })
 *   yield* Console.log(arn)
 * })
 * ```
 *
 * @since 0.1.0
 */
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as AccountId from "./AccountId.js"
import type { ClientConfig, ClientSettings } from "./ClientConfig.js"
import { Credentials } from "./Credentials.js"
import * as IdentityError from "./IdentityError.js"
import * as AwsAnswer from "./internal/awsAnswer.js"
import * as AwsRequest from "./internal/awsRequest.js"
import { environmentConfig } from "./internal/clientSettings.js"
import { inputProfile } from "./internal/inputProfile.js"
import { percentEncode } from "./internal/percentEncode.js"
import { perSource } from "./internal/perSource.js"
import { schemaProblem } from "./internal/schemaProblem.js"
import { sign } from "./internal/sigV4.js"
import * as Xml from "./internal/xml.js"
import { make as makeRegion, partition, partitionOfArn, Region } from "./Region.js"
import * as SharedConfig from "./SharedConfig.js"
import type * as Transport from "./Transport.js"

// ---------------------------------------------------------------------------------------------------------------
// Inputs: the lengths, ranges and patterns of AWS's service model
// ---------------------------------------------------------------------------------------------------------------

const text = (min: number, max: number, pattern: RegExp, description: string) =>
  Schema.String.pipe(Schema.filter((value) => {
    // AWS's models count characters, not the UTF-16 units that some of them are two of.
    const { length } = [...value]
    return length >= min && length <= max && pattern.test(value)
  }, { description: `${description} (${min} to ${max} characters)` }))

const anything = /^[\t\n\r\x20-\x7E\x85\xA0-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]+$/u

const Arn = text(20, 2048, anything, "an ARN")
const SessionName = text(2, 64, /^[\w+=,.@-]*$/, "letters, digits and _+=,.@-")
const tagPattern = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u
const TagKey = text(1, 128, tagPattern, "letters, digits, spaces and _.:/=+-@")
const policyPattern = /^[\t\n\r\x20-\xFF]+$/

const target = {
  ...inputProfile,
  /** Default: the region of the client's settings. */
  region: Schema.optional(Region)
}

const assume = {
  ...target,
  roleArn: Arn,
  /** Names the session in logs and in the ARN of the assumed role. */
  roleSessionName: SessionName,
  /** Managed policies that narrow the session: at most 10. */
  policyArns: Schema.optional(Schema.Array(Arn).pipe(Schema.maxItems(10, { description: "at most 10 ARNs" }))),
  /** Seconds: 900 to 43200, and no more than the role allows. AWS's default is 3600. */
  durationSeconds: Schema.optional(
    Schema.Int.pipe(Schema.between(900, 43_200, { description: "a whole number of seconds from 900 to 43200" }))
  ),
  /** Bytes, up to 4096, that AWS pads the session token to. */
  minimumSessionTokenSize: Schema.optional(
    Schema.Int.pipe(Schema.between(0, 4096, { description: "a whole number of bytes from 0 to 4096" }))
  )
}

const AssumeRoleWithWebIdentityInput = Schema.Struct({
  ...assume,
  /** A JWT of the identity provider, or an OAuth 2.0 access token. */
  webIdentityToken: Schema.Redacted(text(4, 20_000, /^/, "a token")),
  /** For OAuth 2.0 access tokens only: the host name of the provider, `www.amazon.com` or `graph.facebook.com`. */
  providerId: Schema.optional(text(4, 2048, /^/, "the host name of a provider")),
  /** A JSON policy that narrows the session. */
  policy: Schema.optional(text(1, 2048, policyPattern, "a JSON policy"))
})

/**
 * Input of `assumeRoleWithWebIdentity`.
 *
 * @since 0.1.0
 * @category models
 */
export type AssumeRoleWithWebIdentityInput = typeof AssumeRoleWithWebIdentityInput.Type

const signed = {
  /** The credentials that sign the request. */
  credentials: Schema.instanceOf(Credentials)
}

const AssumeRoleInput = Schema.Struct({
  ...assume,
  ...signed,
  /** A JSON policy that narrows the session. */
  policy: Schema.optional(Schema.String.pipe(Schema.pattern(policyPattern, { description: "a JSON policy" }))),
  tags: Schema.optional(
    Schema.Array(Schema.Struct({
      key: TagKey,
      value: text(0, 256, tagPattern, "letters, digits, spaces and _.:/=+-@")
    })).pipe(Schema.maxItems(50, { description: "at most 50 tags" }))
  ),
  /** Keys of the tags that are kept when the session assumes further roles. */
  transitiveTagKeys: Schema.optional(
    Schema.Array(TagKey).pipe(Schema.maxItems(50, { description: "at most 50 keys" }))
  ),
  /** The external id that the owner of the role asks of third parties. */
  externalId: Schema.optional(text(2, 1224, /^[\w+=,.@:/-]*$/, "letters, digits and _+=,.@:/-")),
  /** Serial number or ARN of the MFA device. */
  serialNumber: Schema.optional(text(9, 256, /^[\w+=/:,.@-]*$/, "letters, digits and _+=/:,.@-")),
  /** The code that the MFA device shows. */
  tokenCode: Schema.optional(
    Schema.Redacted(Schema.String.pipe(Schema.pattern(/^\d{6}$/, { description: "a code of 6 digits" })))
  ),
  /** The person or program that acts. It is kept when the session assumes further roles. */
  sourceIdentity: Schema.optional(SessionName),
  /** Trusted contexts, such as the `identityContext` of `SsoOidc.createTokenWithIAM`: 1 to 5. */
  providedContexts: Schema.optional(
    Schema.Array(Schema.Struct({
      providerArn: Arn,
      contextAssertion: Schema.Redacted(text(4, 2048, /^/, "an assertion"))
    })).pipe(
      Schema.minItems(1, { description: "1 to 5 contexts" }),
      Schema.maxItems(5, { description: "1 to 5 contexts" })
    )
  )
})

/**
 * Input of `assumeRole`.
 *
 * @since 0.1.0
 * @category models
 */
export type AssumeRoleInput = typeof AssumeRoleInput.Type

const GetCallerIdentityInput = Schema.Struct({ ...target, ...signed })

/**
 * Input of `getCallerIdentity`.
 *
 * @since 0.1.0
 * @category models
 */
export type GetCallerIdentityInput = typeof GetCallerIdentityInput.Type

// ---------------------------------------------------------------------------------------------------------------
// Outputs
// ---------------------------------------------------------------------------------------------------------------

const element = (name: string) => Schema.propertySignature(Schema.NonEmptyString).pipe(Schema.fromKey(name))
const optionalElement = (name: string) =>
  Schema.optionalWith(Schema.String, { as: "Option" }).pipe(Schema.fromKey(name))
const optionalNumber = (name: string) =>
  Schema.optionalWith(Schema.NumberFromString, { as: "Option" }).pipe(Schema.fromKey(name))

/** Some servers break the lines of what is long. */
const Unbroken = Schema.transform(Schema.String, Schema.NonEmptyString, {
  strict: true,
  decode: (text) => text.replace(/\s+/g, ""),
  encode: (text) => text
})

const AssumedRoleUser = Schema.Struct({ assumedRoleId: element("AssumedRoleId"), arn: element("Arn") })

const decodeAssumedRoleUser = Schema.decodeUnknownOption(Schema.Union(
  AssumedRoleUser,
  // As Ceph and MinIO spell it.
  Schema.Struct({ assumedRoleId: element("AssumeRoleId"), arn: element("Arn") })
))

const Session = Schema.Struct({
  credentials: Schema.propertySignature(Schema.Struct({
    accessKeyId: element("AccessKeyId"),
    secretAccessKey: Schema.propertySignature(Schema.Redacted(Unbroken)).pipe(Schema.fromKey("SecretAccessKey")),
    sessionToken: Schema.propertySignature(Schema.Redacted(Unbroken)).pipe(Schema.fromKey("SessionToken")),
    expiration: Schema.propertySignature(Schema.DateTimeUtc).pipe(Schema.fromKey("Expiration"))
  })).pipe(Schema.fromKey("Credentials")),
  /** None also if half of it is missing, as MinIO leaves it empty. */
  assumedRoleUser: Schema.optionalToRequired(
    Schema.Unknown,
    Schema.OptionFromSelf(Schema.typeSchema(AssumedRoleUser)),
    {
      decode: Option.flatMap(decodeAssumedRoleUser),
      encode: identity
    }
  ).pipe(Schema.fromKey("AssumedRoleUser")),
  /** How much of the limit policies and tags take, in percent. AWS has replaced it by `sessionTokenUtilization`. */
  packedPolicySize: optionalNumber("PackedPolicySize"),
  sourceIdentity: optionalElement("SourceIdentity"),
  /** The length of the session token, in percent of its limit. */
  sessionTokenUtilization: optionalNumber("SessionTokenUtilization"),
  /** Bytes */
  sessionTokenSize: optionalNumber("SessionTokenSize")
})

const WebIdentitySession = Schema.Struct({
  ...Session.fields,
  /** `sub` of the token. */
  subjectFromWebIdentityToken: optionalElement("SubjectFromWebIdentityToken"),
  /** `iss` of the token, or the host name of an OAuth 2.0 provider. */
  provider: optionalElement("Provider"),
  /** `aud` of the token. */
  audience: optionalElement("Audience")
})

const CallerIdentity = Schema.Struct({
  userId: element("UserId"),
  /** 12 digits */
  account: element("Account"),
  arn: element("Arn")
})

/**
 * Output of `assumeRole`. The account in the credentials is that of the role.
 *
 * @since 0.1.0
 * @category models
 */
export type AssumeRoleOutput = Omit<typeof Session.Type, "credentials"> & { readonly credentials: Credentials }

/**
 * Output of `assumeRoleWithWebIdentity`. The account in the credentials is that of the role.
 *
 * @since 0.1.0
 * @category models
 */
export type AssumeRoleWithWebIdentityOutput = Omit<typeof WebIdentitySession.Type, "credentials"> & {
  readonly credentials: Credentials
}

/**
 * Output of `getCallerIdentity`.
 *
 * @since 0.1.0
 * @category models
 */
export type GetCallerIdentityOutput = typeof CallerIdentity.Type

const withCredentials = <S extends typeof Session.Type>(session: S): Omit<S, "credentials"> & {
  readonly credentials: Credentials
} => ({
  ...session,
  credentials: new Credentials({
    ...session.credentials,
    sessionToken: Option.some(session.credentials.sessionToken),
    expiration: Option.some(session.credentials.expiration),
    accountId: Option.flatMap(
      session.assumedRoleUser,
      ({ arn }) => AccountId.option(/^arn:[^:]*:sts::(\d{12}):/.exec(arn)?.[1] ?? "")
    )
  })
})

// ---------------------------------------------------------------------------------------------------------------
// Operations
// ---------------------------------------------------------------------------------------------------------------

/**
 * The operations of STS. Exceptions that a caller can act upon have a tag of their own. Any other one is a
 * `ServiceError`, whose `code` is AWS's name of the exception (`MalformedPolicyDocument`).
 *
 * @since 0.1.0
 * @category services
 */
export class Sts extends Context.Tag("effect-aws-identity/Sts")<Sts, {
  /** Assumes a role with a web identity token. The request is not signed. */
  readonly assumeRoleWithWebIdentity: (
    input: AssumeRoleWithWebIdentityInput
  ) => Effect.Effect<AssumeRoleWithWebIdentityOutput, IdentityError.AssumeRoleWithWebIdentityError>
  /** Assumes a role with the credentials of another role or of a user. */
  readonly assumeRole: (input: AssumeRoleInput) => Effect.Effect<AssumeRoleOutput, IdentityError.AssumeRoleError>
  /** Returns the identity that the credentials belong to. It needs no permission. */
  readonly getCallerIdentity: (
    input: GetCallerIdentityInput
  ) => Effect.Effect<
    GetCallerIdentityOutput,
    IdentityError.CallError | IdentityError.ExpiredTokenException | IdentityError.AccessDeniedException
  >
}>() {}

/**
 * The type of the service.
 *
 * @since 0.1.0
 * @category models
 */
export type Service = Context.Tag.Service<Sts>

type Parameter = string | number | undefined | ReadonlyArray<Parameter> | { readonly [name: string]: Parameter }

/** AWS's Query protocol: lists are numbered from 1. */
const parametersOf = (name: string, value: Parameter): ReadonlyArray<string> => {
  if (value === undefined) return []
  if (typeof value !== "object") return [`${name}=${percentEncode(String(value))}`]
  return isList(value)
    ? value.flatMap((item, index) => parametersOf(`${name}.member.${index + 1}`, item))
    : Object.entries(value).flatMap(([key, item]) => parametersOf(name === "" ? key : `${name}.${key}`, item))
}

const isList = (value: object): value is ReadonlyArray<Parameter> => Array.isArray(value)

const post = (
  endpoint: string,
  action: string,
  parameters: { readonly [name: string]: Parameter }
): Transport.Request => ({
  method: "POST",
  url: `${endpoint}/`,
  headers: { accept: "text/xml", "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
  body: parametersOf("", { Action: action, Version: "2011-06-15", ...parameters }).join("&")
})

/** What the two ways to assume a role have in common. */
const parametersOfAssume = (
  input: Pick<
    AssumeRoleInput,
    "durationSeconds" | "minimumSessionTokenSize" | "policy" | "policyArns" | "roleArn" | "roleSessionName"
  >
) => ({
  RoleArn: input.roleArn,
  RoleSessionName: input.roleSessionName,
  PolicyArns: input.policyArns?.map((arn) => ({ arn })),
  Policy: input.policy,
  DurationSeconds: input.durationSeconds,
  MinimumSessionTokenSize: input.minimumSessionTokenSize
})

/** A configured endpoint serves all regions, so the region is only part of the signature. */
const regionOf = (
  region: Region | undefined,
  { endpoint, region: configured }: ClientConfig,
  home = partition(makeRegion("us-east-1"))
): Either.Either<Region, string> =>
  Either.fromNullable(
    region ?? configured ?? (endpoint === undefined ? undefined : home.globalRegion),
    () => "\"region\" is missing: name it, or set AWS_REGION or the profile's region"
  )

/** Whether a region is of the partition that the ARN of a role names, as far as that is known. */
const isOfRole = (region: Region, roleArn: string): boolean =>
  Option.match(partitionOfArn(roleArn), { onNone: () => true, onSome: ({ id }) => partition(region).id === id })

/** STS knows nothing of roles in other partitions than its own. */
const regionOfRole = (
  { region, roleArn }: Pick<AssumeRoleInput, "region" | "roleArn">,
  settings: ClientConfig
): Either.Either<Region, string> => {
  const home = Option.getOrUndefined(partitionOfArn(roleArn))
  if (home === undefined || settings.endpoint !== undefined) return regionOf(region, settings, home)
  if (region !== undefined && !isOfRole(region, roleArn)) {
    return Either.left(`"region" is ${region}, where there are no roles of partition ${home.id} as "roleArn" names one`)
  }
  const configured = [settings.region, ...settings.fallbackRegions ?? []].find((region) =>
    region !== undefined && isOfRole(region, roleArn)
  )
  return Either.right(region ?? configured ?? home.globalRegion)
}

/** Decodes `<ActionResponse><ActionResult>…`, in which an empty element is none. */
const result = <A, I>(action: string, schema: Schema.Schema<A, I>) => {
  const decode = Schema.decodeUnknownEither(schema)
  return (text: string, xml: Xml.Parse | undefined): Either.Either<A, string> => {
    const document = xml === undefined ? Either.left("it is XML") : xml(text)
    if (Either.isLeft(document)) return Either.left(document.left)
    const response = document.right[`${action}Response`]
    const result = Predicate.isRecord(response) ? response[`${action}Result`] : undefined
    return result === undefined
      ? Either.left(`it has no ${action}Result`)
      : Either.mapLeft(decode(AwsAnswer.withoutEmpty(result)), schemaProblem)
  }
}

/**
 * The operations over a `Transport`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  settings?: ClientSettings
): Effect.Effect<Service, never, Transport.Transport> =>
  Effect.flatMap(Xml.load, (parse) => makeWith(Effect.succeed(parse), settings))

const makeWith = (
  xml: Effect.Effect<Xml.Parse>,
  settings?: ClientSettings
): Effect.Effect<Service, never, Transport.Transport> =>
  Effect.gen(function*() {
    const service = { id: "STS", module: "Sts", endpointPrefix: "sts" }
    const client = yield* AwsRequest.make(service, settings, xml)
    const exceptions = [
      IdentityError.AccessDeniedException,
      IdentityError.ExpiredTokenException,
      IdentityError.RegionDisabledException
    ]
    const decodeSession = result("AssumeRole", Session)
    const decodeWebIdentitySession = result("AssumeRoleWithWebIdentity", WebIdentitySession)
    return {
      assumeRoleWithWebIdentity: AwsRequest.operation(client, {
        operation: "assumeRoleWithWebIdentity",
        input: AssumeRoleWithWebIdentityInput,
        decode: (text, xml) => Either.map(decodeWebIdentitySession(text, xml), withCredentials),
        exceptions: [
          ...exceptions,
          IdentityError.InvalidIdentityTokenException,
          IdentityError.IDPCommunicationErrorException,
          IdentityError.IDPRejectedClaimException
        ],
        region: regionOfRole,
        request: (input, endpoint) =>
          post(endpoint, "AssumeRoleWithWebIdentity", {
            ...parametersOfAssume(input),
            WebIdentityToken: input.webIdentityToken,
            ProviderId: input.providerId
          })
      }),
      assumeRole: AwsRequest.operation(client, {
        operation: "assumeRole",
        input: AssumeRoleInput,
        decode: (text, xml) => Either.map(decodeSession(text, xml), withCredentials),
        exceptions,
        signing: { sign, name: "sts" },
        region: regionOfRole,
        request: (input, endpoint) =>
          post(endpoint, "AssumeRole", {
            ...parametersOfAssume(input),
            Tags: input.tags?.map(({ key, value }) => ({ Key: key, Value: value })),
            TransitiveTagKeys: input.transitiveTagKeys,
            ExternalId: input.externalId,
            SerialNumber: input.serialNumber,
            TokenCode: input.tokenCode,
            SourceIdentity: input.sourceIdentity,
            ProvidedContexts: input.providedContexts?.map(({ contextAssertion, providerArn }) => ({
              ProviderArn: providerArn,
              ContextAssertion: contextAssertion
            }))
          })
      }),
      getCallerIdentity: AwsRequest.operation(client, {
        operation: "getCallerIdentity",
        input: GetCallerIdentityInput,
        decode: result("GetCallerIdentity", CallerIdentity),
        exceptions: [IdentityError.AccessDeniedException, IdentityError.ExpiredTokenException],
        signing: { sign, name: "sts" },
        region: ({ region }, settings) => regionOf(region, settings),
        request: (_, endpoint) => post(endpoint, "GetCallerIdentity", {})
      })
    }
  })

/**
 * The operations over a `Transport`, with the given settings.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (settings?: ClientConfig): Layer.Layer<Sts, never, Transport.Transport> =>
  perSource(Layer.effect(Sts, make(settings)))

/**
 * The operations over a `Transport`, with the given settings completed from the environment: see the table of
 * `SharedConfig.clientConfig`.
 *
 * The XML parser is loaded with the first answer, because most programs that have this layer never call STS. `layer`
 * loads it at once, so that no call takes real time under a `TestClock`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerEnvironment = (
  settings?: ClientConfig
): Layer.Layer<Sts, ConfigError.ConfigError, Transport.Transport> =>
  perSource(Layer.effect(
    Sts,
    Effect.flatMap(
      Effect.all([Effect.cached(Xml.load), environmentConfig("sts", settings)]),
      ([xml, config]) => makeWith(xml, config)
    )
  ))

/**
 * The operations over a `Transport`, with the given settings completed from the environment and then from the profile
 * of the call: see the table of `SharedConfig.clientConfig`. The XML parser is loaded with the first answer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProfile = (
  settings?: ClientConfig
): Layer.Layer<Sts, ConfigError.ConfigError, Transport.Transport | SharedConfig.SharedConfig> =>
  perSource(Layer.effect(
    Sts,
    Effect.flatMap(
      Effect.all([Effect.cached(Xml.load), SharedConfig.clientConfig("sts", settings)]),
      ([xml, config]) => makeWith(xml, config)
    )
  ))
