/**
 * An AWS STS you own: its roles, and the sessions of those who assumed them, as a model driven by `Clock`. It is part
 * of `IdentityCenter`, whose role credentials it knows too; `Emulator` gives both an HTTP face.
 *
 * Web identity tokens are verified if OpenID providers are registered. Without one, they are believed by what they
 * claim: nobody checks their signature.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { IdentityCenter } from "effect-aws-identity-testing"
 *
 * const program = Effect.gen(function*() {
 *   const { sts } = yield* IdentityCenter.IdentityCenter
 *   return yield* sts.issue({ roleArn: "arn:aws:iam::111122223333:role/ci", sessionName: "build" })
 * }).pipe(
 *   Effect.provide(IdentityCenter.layer({
 *     roles: [{ arn: "arn:aws:iam::111122223333:role/ci", trusts: ["https://token.example.com"] }]
 *   }))
 * )
 * ```
 *
 * @since 0.1.0
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Jwt from "./internal/jwt.js"
import { randomSecret, randomText } from "./internal/randomText.js"
import type { JsonWebKeySet } from "./OpenIdProvider.js"

/**
 * What claims of a web identity token must be, by their names: any one of the values. `aud` is what AWS takes for the
 * audience: the claim `azp`, where there is one.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClaimConditions {
  readonly [claim: string]: string | ReadonlyArray<string> | undefined
}

/**
 * A statement of a trust policy about the tokens of one issuer: every condition must hold.
 *
 * @since 0.1.0
 * @category models
 */
export interface FederatedTrust {
  /** The claim `iss`, such as `https://token.actions.githubusercontent.com` */
  readonly issuer: string
  readonly StringEquals?: ClaimConditions | undefined
  /** `*` stands for any text, also none, and `?` for any one character. */
  readonly StringLike?: ClaimConditions | undefined
}

/**
 * A role and its trust policy.
 *
 * @since 0.1.0
 * @category models
 */
export interface Role {
  readonly arn: string
  /**
   * Who may assume it: issuers of web identity tokens (the claim `iss`), with conditions or without, account ids, and
   * ARNs of users and roles. Without it, everyone.
   */
  readonly trusts?: ReadonlyArray<string | FederatedTrust> | undefined
  /** What a caller from elsewhere must say too. */
  readonly externalId?: string | undefined
  /** The device that a caller must have, and the code that it always shows. Without it, none is needed. */
  readonly mfa?: { readonly serialNumber: string; readonly code: string } | undefined
  /** The longest session that can be asked for; 12 h, AWS's upper bound. */
  readonly maxSessionDuration?: Duration.DurationInput | undefined
}

/**
 * An access key and whose it is.
 *
 * @since 0.1.0
 * @category models
 */
export interface AccessKey {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Only of temporary credentials. */
  readonly sessionToken?: string | undefined
  /** Milliseconds since 1970; without it, the key is for ever. */
  readonly expiration?: number | undefined
  /** Such as `arn:aws:iam::111122223333:user/ci` */
  readonly arn: string
  readonly userId?: string | undefined
}

/**
 * An OpenID provider as it is registered in IAM, here for all accounts.
 *
 * @since 0.1.0
 * @category models
 */
export interface RegisteredOpenIdProvider {
  /**
   * One of `OpenIdProvider`, or any other's issuer and public keys. They are asked for with each token; a failure says
   * that they cannot be reached.
   */
  readonly provider: {
    readonly issuer: string
    readonly jwks: Effect.Effect<JsonWebKeySet, { readonly message: string }>
  }
  /** For whom its tokens may be: what IAM calls client ids or audiences. */
  readonly clientIds: ReadonlyArray<string>
}

/**
 * What STS is like; everything has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The roles there are; without it, every well-formed ARN is a role that trusts everyone. */
  readonly roles?: ReadonlyArray<Role> | undefined
  /** Keys that requests may be signed with, beside all that are given out; none. */
  readonly accessKeys?: ReadonlyArray<AccessKey> | undefined
  /**
   * With these, no JWT but theirs is taken, and its signature, audience and times are verified. Without any, every
   * well-formed one is believed that has not expired.
   *
   * `IDPCommunicationError` and `IDPRejectedClaim` are of the OAuth 2.0 providers, whose access tokens are always
   * believed: they come as faults only.
   */
  readonly openIdProviders?: ReadonlyArray<RegisteredOpenIdProvider> | undefined
}

/**
 * The errors of STS by their codes on the wire, which are not always the names in AWS's model, each with its status:
 * those of the model, then those that every signed Query service has.
 *
 * @since 0.1.0
 * @category models
 */
export const exceptions = {
  ExpiredTokenException: { status: 400, error: undefined },
  IDPCommunicationError: { status: 400, error: undefined },
  IDPRejectedClaim: { status: 403, error: undefined },
  InvalidIdentityToken: { status: 400, error: undefined },
  MalformedPolicyDocument: { status: 400, error: undefined },
  PackedPolicyTooLarge: { status: 400, error: undefined },
  RegionDisabledException: { status: 403, error: undefined },
  AccessDenied: { status: 403, error: undefined },
  ExpiredToken: { status: 403, error: undefined },
  IncompleteSignature: { status: 400, error: undefined },
  InternalFailure: { status: 500, error: undefined },
  InvalidAction: { status: 400, error: undefined },
  InvalidClientTokenId: { status: 403, error: undefined },
  MissingAuthenticationToken: { status: 403, error: undefined },
  RequestTimeTooSkewed: { status: 403, error: undefined },
  ServiceUnavailable: { status: 503, error: undefined },
  SignatureDoesNotMatch: { status: 403, error: undefined },
  Throttling: { status: 400, error: undefined },
  ThrottlingException: { status: 400, error: undefined },
  ValidationError: { status: 400, error: undefined }
} as const

/**
 * An error that STS answers with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Exception {
  readonly _tag: "Exception"
  readonly name: keyof typeof exceptions
  readonly description: string
}

/**
 * What both ways of assuming a role take.
 *
 * @since 0.1.0
 * @category models
 */
export interface AssumeRoleInput {
  readonly RoleArn: string
  readonly RoleSessionName: string
  /** Seconds; 3600 */
  readonly DurationSeconds?: number | undefined
  readonly Policy?: string | undefined
  readonly PolicyArns?: ReadonlyArray<{ readonly arn: string }> | undefined
  /** Bytes to which the session token is filled up */
  readonly MinimumSessionTokenSize?: number | undefined
}

/**
 * A role as STS gives it out.
 *
 * @since 0.1.0
 * @category models
 */
export interface AssumedRole {
  readonly Credentials: {
    readonly AccessKeyId: string
    readonly SecretAccessKey: string
    readonly SessionToken: string
    /** ISO 8601, in whole seconds */
    readonly Expiration: string
  }
  readonly AssumedRoleUser: { readonly AssumedRoleId: string; readonly Arn: string }
  /** Percent; only of a session with policies */
  readonly PackedPolicySize?: number | undefined
  readonly SourceIdentity?: string | undefined
  readonly SessionTokenSize: number
  /** Percent */
  readonly SessionTokenUtilization: number
}

/**
 * What can be asked of STS. The operations take what has the right form; form is a matter of the `Emulator`.
 *
 * @since 0.1.0
 * @category models
 */
export interface SecurityTokenService {
  /** Temporary credentials of a role, nobody asked: for tests that begin with some. They count for an hour. */
  readonly issue: (session: {
    readonly roleArn: string
    readonly sessionName: string
    readonly duration?: Duration.DurationInput | undefined
    readonly minimumSessionTokenSize?: number | undefined
  }) => Effect.Effect<
    AccessKey & { readonly sessionToken: string; readonly expiration: number; readonly userId: string }
  >
  /** The key of this id, if there is one, also after it has expired. */
  readonly accessKey: (accessKeyId: string) => Effect.Effect<Option.Option<AccessKey>>
  /** Every secret given out so far. */
  readonly secrets: Effect.Effect<ReadonlyArray<string>>
  readonly openIdProviders: ReadonlyArray<RegisteredOpenIdProvider>

  readonly assumeRole: (
    caller: AccessKey,
    input: AssumeRoleInput & {
      readonly ExternalId?: string | undefined
      readonly SourceIdentity?: string | undefined
      /** They count for the packed size alone. */
      readonly Tags?: ReadonlyArray<{ readonly Key: string; readonly Value: string }> | undefined
      readonly TransitiveTagKeys?: ReadonlyArray<string> | undefined
      readonly SerialNumber?: string | undefined
      readonly TokenCode?: string | undefined
    }
  ) => Effect.Effect<AssumedRole, Exception>
  readonly assumeRoleWithWebIdentity: (
    input: AssumeRoleInput & { readonly WebIdentityToken: string; readonly ProviderId?: string | undefined }
  ) => Effect.Effect<
    AssumedRole & {
      readonly SubjectFromWebIdentityToken: string
      readonly Audience: string
      readonly Provider: string
    },
    Exception
  >
  readonly getCallerIdentity: (
    caller: AccessKey
  ) => Effect.Effect<{ readonly UserId: string; readonly Account: string; readonly Arn: string }>
}

type AssumeInput = Parameters<SecurityTokenService["assumeRole"]>[1]

const reject = (name: Exception["name"], description: string): Effect.Effect<never, Exception> =>
  Effect.fail({ _tag: "Exception", name, description })

const sourceIdentity = "https://aws.amazon.com/source_identity"

const Claims = Schema.Struct({
  iss: Schema.NonEmptyString,
  sub: Schema.NonEmptyString,
  aud: Schema.Union(Schema.NonEmptyString, Schema.NonEmptyArray(Schema.NonEmptyString)),
  exp: Schema.Int,
  iat: Schema.Int,
  nbf: Schema.optional(Schema.Number),
  azp: Schema.optional(Schema.NonEmptyString),
  [sourceIdentity]: Schema.optional(Schema.NonEmptyString)
})

type Audiences = readonly [string, ...ReadonlyArray<string>]

const maxSessionTokenSize = 4096

/** `arn:aws:iam::111122223333:role/with/a/path/ci` in its parts. */
const parseRoleArn = (arn: string) => {
  const [, partition = "", account = "", name = ""] =
    /^arn:(aws[\w-]*):iam::(\d{12}):role\/(?:[!-~]+\/)?([\w+=,.@-]{1,64})$/.exec(arn) ?? []
  return name === "" ? Option.none() : Option.some({ partition, account, name })
}

const accountOf = (arn: string): string => arn.split(":")[4] ?? ""

/** By which names a trust policy may mean a caller: a session of a role is meant by the role too. */
const namesOf = ({ arn }: AccessKey): ReadonlyArray<string> => {
  const [, partition, role] = /^arn:([\w-]+):sts::\d+:assumed-role\/([^/]+)\//.exec(arn) ?? []
  const account = accountOf(arn)
  return role === undefined ? [arn, account] : [arn, account, `arn:${partition}:iam::${account}:role/${role}`]
}

/** A percentage of the 2048 characters that AWS's limit is about; AWS packs them first. */
const packedSize = ({ Policy = "", PolicyArns = [], Tags = [] }: AssumeInput): number | undefined => {
  const texts = [Policy, ...PolicyArns.map(({ arn }) => arn), ...Tags.map(({ Key, Value }) => Key + Value)]
  const size = texts.join("").length
  return size === 0 ? undefined : Math.ceil(size * 100 / 2048)
}

const textsOf = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : [value]

const like = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern.replace(/[\\^$.|+()[\]{}]/g, "\\$&").replace(/\*+/g, ".*").replaceAll("?", ".")}$`,
    "su"
  )

type TokenClaims = Readonly<Record<string, unknown>>

const hold = (
  conditions: ClaimConditions = {},
  claims: TokenClaims,
  matches: (text: string, expected: string) => boolean
): boolean =>
  Object.entries(conditions).every(([name, expected]) => {
    const texts = Object.hasOwn(claims, name) ? textsOf(claims[name]).filter(Predicate.isString) : []
    return expected === undefined ||
      texts.some((text) => (typeof expected === "string" ? [expected] : expected).some((one) => matches(text, one)))
  })

const meets = (trust: FederatedTrust, claims: TokenClaims): boolean =>
  hold(trust.StringEquals, claims, (text, expected) => text === expected) &&
  hold(trust.StringLike, claims, (text, expected) => like(expected).test(text))

const Json = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

/**
 * An STS on its own; `IdentityCenter` has one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<SecurityTokenService> =>
  Effect.sync(() => {
    const keys = new Map((options.accessKeys ?? []).map((key) => [key.accessKeyId, key]))
    const secrets: Array<string> = []

    const secret = (kind: string) => Effect.tap(randomSecret(kind), (value) => Effect.sync(() => secrets.push(value)))

    const issue: SecurityTokenService["issue"] = Effect.fnUntraced(
      function*({ duration = "1 hour", minimumSessionTokenSize = 0, roleArn, sessionName }) {
        const now = yield* Clock.currentTimeMillis
        const { account, name, partition } = Option.getOrElse(
          parseRoleArn(roleArn),
          () => ({ partition: "aws", account: accountOf(roleArn), name: roleArn })
        )
        const sessionToken = (yield* randomSecret("session-token")).padEnd(minimumSessionTokenSize, "/")
        secrets.push(sessionToken)
        const key = {
          accessKeyId: `ASIA${yield* randomText("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)}`,
          secretAccessKey: yield* secret("secret-access-key"),
          sessionToken,
          expiration: now + Duration.toMillis(duration),
          arn: `arn:${partition}:sts::${account}:assumed-role/${name}/${sessionName}`,
          // A role keeps its id.
          userId: `AROA${bytesToHex(sha256(utf8ToBytes(roleArn))).slice(0, 17).toUpperCase()}:${sessionName}`
        }
        keys.set(key.accessKeyId, key)
        return key
      }
    )

    const assume = Effect.fnUntraced(function*(
      input: AssumeInput,
      { denied, isMeant, upTo }: {
        /** Whether the caller is whom a role trusts. */
        readonly isMeant: (trusted: string | FederatedTrust) => boolean
        readonly denied: string
        /** Seconds */
        readonly upTo: number
      }
    ) {
      if (Option.isNone(parseRoleArn(input.RoleArn))) return yield* reject("ValidationError", "Request ARN is invalid")
      const role: Role | undefined = options.roles === undefined
        ? { arn: input.RoleArn }
        : options.roles.find(({ arn }) => arn === input.RoleArn)
      const trusted = role !== undefined &&
        (role.trusts === undefined || role.trusts.some(isMeant)) &&
        (role.externalId === undefined || role.externalId === input.ExternalId) &&
        (role.mfa === undefined || (input.SerialNumber !== undefined && input.TokenCode !== undefined))
      if (!trusted) return yield* reject("AccessDenied", denied)
      if (role.mfa !== undefined && role.mfa.serialNumber !== input.SerialNumber) {
        return yield* reject(
          "AccessDenied",
          "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is " +
            "valid and associated with this user."
        )
      }
      if (role.mfa !== undefined && role.mfa.code !== input.TokenCode) {
        return yield* reject("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.")
      }

      const seconds = input.DurationSeconds ?? 3600
      if (seconds > Duration.toSeconds(role.maxSessionDuration ?? "12 hours")) {
        return yield* reject(
          "ValidationError",
          "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
      }
      if (seconds > upTo) {
        return yield* reject(
          "ValidationError",
          "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
      }
      if (input.Policy !== undefined && Option.isNone(Schema.decodeOption(Json)(input.Policy))) {
        return yield* reject("MalformedPolicyDocument", "This policy contains invalid Json")
      }
      const PackedPolicySize = packedSize(input)
      if (PackedPolicySize !== undefined && PackedPolicySize > 100) {
        return yield* reject(
          "PackedPolicyTooLarge",
          `Packed size of session policies and tags consumes ${PackedPolicySize}% of allotted space.`
        )
      }
      const issued = yield* issue({
        roleArn: input.RoleArn,
        sessionName: input.RoleSessionName,
        duration: Duration.seconds(seconds),
        minimumSessionTokenSize: input.MinimumSessionTokenSize
      })
      return {
        Credentials: {
          AccessKeyId: issued.accessKeyId,
          SecretAccessKey: issued.secretAccessKey,
          SessionToken: issued.sessionToken,
          Expiration: DateTime.formatIso(DateTime.unsafeMake(issued.expiration)).replace(/\.\d+/, "")
        },
        AssumedRoleUser: { AssumedRoleId: issued.userId, Arn: issued.arn },
        PackedPolicySize,
        SourceIdentity: input.SourceIdentity,
        SessionTokenSize: issued.sessionToken.length,
        SessionTokenUtilization: Math.ceil(issued.sessionToken.length * 100 / maxSessionTokenSize)
      }
    })

    const openIdProviders = options.openIdProviders ?? []

    /** Refuses what is not of a registered provider, or not for one of its clients, or not yet valid. */
    const verify = Effect.fnUntraced(function*(token: Jwt.Jwt, { iss, nbf }: typeof Claims.Type, audiences: Audiences) {
      const registered = openIdProviders.find(({ provider }) => provider.issuer === iss)
      if (registered === undefined) {
        return yield* reject("InvalidIdentityToken", `No OpenIDConnect provider found in your account for ${iss}`)
      }
      const noKey = reject(
        "InvalidIdentityToken",
        "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity " +
          "documentation for requirements"
      )
      const { keys } = yield* Effect.catchAll(registered.provider.jwks, () => noKey)
      const { alg, kid } = token.header
      const key = keys.find((key) => key.kid !== undefined && key.kid === kid)
      if (key === undefined || (key.alg ?? alg) !== alg) return yield* noKey
      const isGenuine = yield* Jwt.verify(token, key)
      if (Option.isNone(isGenuine)) return yield* noKey
      // What AWS says to this and to a token before its time is not known.
      if (!isGenuine.value) return yield* reject("InvalidIdentityToken", "Token signature invalid")
      if (!audiences.some((audience) => registered.clientIds.includes(audience))) {
        return yield* reject("InvalidIdentityToken", "Incorrect token audience")
      }
      const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      if (nbf !== undefined && nbf > now) {
        return yield* reject("InvalidIdentityToken", `Token not yet valid: current date/time ${now} is before ${nbf}`)
      }
    })

    const identify = Effect.fnUntraced(function*(text: string) {
      const token = Jwt.decode(text)
      const invalid = reject(
        "InvalidIdentityToken",
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
      )
      if (Option.isNone(token)) return yield* invalid
      const { claims } = token.value
      // Nor is what it says to an algorithm that it does not take.
      if (openIdProviders.length > 0 && !Jwt.isSupported(token.value)) return yield* invalid
      const missing = ["iss", "sub", "aud", "exp", "iat"].find((claim) => !(claim in claims))
      if (missing !== undefined) return yield* reject("InvalidIdentityToken", `Missing a required claim: ${missing}`)
      const identity = yield* Effect.catchTag(Schema.decodeUnknown(Claims)(claims), "ParseError", () => invalid)
      const audiences: Audiences = identity.azp !== undefined
        ? [identity.azp]
        : typeof identity.aud === "string"
        ? [identity.aud]
        : identity.aud
      if (openIdProviders.length > 0) yield* verify(token.value, identity, audiences)
      const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      if (identity.exp <= now) {
        return yield* reject(
          "ExpiredTokenException",
          `Token expired: current date/time ${now} must be before the expiration date/time ${identity.exp}`
        )
      }
      return {
        SubjectFromWebIdentityToken: identity.sub,
        Audience: audiences[0],
        Provider: identity.iss,
        SourceIdentity: identity[sourceIdentity],
        claims: { ...claims, aud: audiences }
      }
    })

    return {
      issue,
      accessKey: (accessKeyId) => Effect.sync(() => Option.fromNullable(keys.get(accessKeyId))),
      secrets: Effect.sync(() => [...secrets]),
      openIdProviders,
      assumeRole: (caller, input) =>
        assume(input, {
          isMeant: (trusted) => typeof trusted === "string" && namesOf(caller).includes(trusted),
          denied: `User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${input.RoleArn}`,
          upTo: caller.arn.includes(":assumed-role/") ? 3600 : Infinity
        }),
      assumeRoleWithWebIdentity: Effect.fnUntraced(function*({ ProviderId, WebIdentityToken, ...input }) {
        // An access token of the two OAuth 2.0 providers is opaque, and only they could say whose it is.
        const { SourceIdentity, claims, ...identity } = ProviderId === undefined
          ? yield* identify(WebIdentityToken)
          : {
            SubjectFromWebIdentityToken: `user@${ProviderId}`,
            Audience: ProviderId,
            Provider: ProviderId,
            SourceIdentity: undefined,
            claims: { aud: ProviderId, sub: `user@${ProviderId}` }
          }
        const assumed = yield* assume({ ...input, SourceIdentity }, {
          isMeant: (trusted) =>
            typeof trusted === "string"
              ? trusted === identity.Provider
              : trusted.issuer === identity.Provider && meets(trusted, claims),
          denied: "Not authorized to perform sts:AssumeRoleWithWebIdentity",
          upTo: Infinity
        })
        return { ...assumed, ...identity }
      }),
      getCallerIdentity: ({ accessKeyId, arn, userId }) =>
        Effect.succeed({ UserId: userId ?? accessKeyId.replace(/^AKIA/, "AIDA"), Account: accountOf(arn), Arn: arn })
    }
  })
