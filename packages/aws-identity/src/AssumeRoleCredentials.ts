/**
 * Credentials of a role that other credentials may assume: a chain of roles is one such layer on top of another.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { AssumeRoleCredentials, WebIdentityCredentials, WebIdentityToken } from "effect-aws-identity"
 *
 * // Needs an Sts and an HttpClient
 * export const credentials = AssumeRoleCredentials.layer({ roleArn: "arn:aws:iam::444455556666:role/deploy" }).pipe(
 *   Layer.provide(WebIdentityCredentials.layer({
 *     roleArn: "arn:aws:iam::111122223333:role/ci",
 *     token: WebIdentityToken.githubActions()
 *   }))
 * )
 * ```
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import type * as IdentityError from "./IdentityError.js"
import { roleInWords, withAbout } from "./internal/about.js"
import { type OwnError, toOwnError } from "./internal/applicationError.js"
import { applicationLimit } from "./internal/applicationLimit.js"
import { isRejection } from "./internal/rejection.js"
import { stsSession, withOptionNames } from "./internal/roleSession.js"
import type { Region } from "./Region.js"
import { Sts } from "./Sts.js"

/**
 * An effect of the application that gets the code of an MFA device, given its serial number or ARN. The code has 6
 * digits. AWS takes each code once, so the effect is run for each session.
 *
 * Errors of this library stay as they are. Any other error becomes a `CredentialsUnavailable` with its tag.
 *
 * @example
 * ```ts
 * import { Terminal } from "@effect/platform"
 * import { Effect, Redacted } from "effect"
 * import { ProfileCredentials } from "effect-aws-identity"
 *
 * // The layer then needs a Terminal. A cancelled input becomes a CredentialsUnavailable.
 * export const credentials = ProfileCredentials.layer({
 *   profile: "dev",
 *   mfaCode: (device) =>
 *     Effect.gen(function*() {
 *       const terminal = yield* Terminal.Terminal
 *       yield* terminal.display(`The code of ${device}: `)
 *       return Redacted.make(yield* terminal.readLine)
 *     })
 * })
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type MfaCode<E = never, R = never> = (device: string) => Effect.Effect<Redacted.Redacted, E, R>

/**
 * A role and its session.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<E = never, R = never> {
  /** ARN of the role. */
  readonly roleArn: string
  /**
   * Names the session in CloudTrail and in the ARN of the assumed role: 2 to 64 letters, digits and `_+=,.@-`. By
   * default, `effect-aws-identity`, the host (`HOSTNAME`) and the time.
   */
  readonly sessionName?: string | undefined
  /**
   * How long the session lasts: 15 minutes to 12 hours, and no longer than the role allows; by default 1 hour. A session
   * that is assumed with the credentials of another role lasts 1 hour at most, whatever the role allows.
   */
  readonly sessionDuration?: Duration.DurationInput | undefined
  /** The external id that the owner of the role asks of third parties. */
  readonly externalId?: string | undefined
  /** For a role that asks for multi-factor authentication. */
  readonly mfa?: {
    /** Serial number or ARN of the device. */
    readonly device: string
    readonly mfaCode: MfaCode<E, R>
  } | undefined
  /** A session policy as JSON. The session may do what both the role and this policy allow. */
  readonly policy?: string | undefined
  /** ARNs of managed policies that are session policies too: at most 10. */
  readonly policyArns?: ReadonlyArray<string> | undefined
  /** Session tags: at most 50. */
  readonly tags?: ReadonlyArray<{ readonly key: string; readonly value: string }> | undefined
  /** Keys of the tags that are kept when this session assumes further roles. */
  readonly transitiveTagKeys?: ReadonlyArray<string> | undefined
  /** The person or program that acts. CloudTrail shows it, also after further roles were assumed. */
  readonly sourceIdentity?: string | undefined
  /** Trusted contexts, such as the `identityContext` of `SsoOidc.createTokenWithIAM`: 1 to 5. */
  readonly providedContexts?:
    | ReadonlyArray<{ readonly providerArn: string; readonly contextAssertion: Redacted.Redacted }>
    | undefined
  /** Bytes, up to 4096, that AWS pads the session token to. */
  readonly minimumSessionTokenSize?: number | undefined
  /** Region of the STS endpoint. By default, that of the settings of `Sts`. */
  readonly region?: Region | undefined
  /**
   * The profile whose settings (endpoint, region, FIPS, retries) count, if the `Sts` layer takes settings from profiles.
   * By default, the profile of `SharedConfig`.
   */
  readonly profile?: string | undefined
}

/**
 * Credentials of a role, assumed with the credentials that the source returns.
 *
 * The source is any provider as a value, such as `ProfileCredentials.resolve({ profile: "ci" })`, the default chain of
 * `DefaultCredentials.make`, or the `get` of another cache. It is run for each session. If AWS says that its
 * credentials have expired or are invalid, it is run once more, and other credentials are tried once.
 *
 * @example
 * ```ts
 * import { AssumeRoleCredentials, CredentialsProvider, ProfileCredentials } from "effect-aws-identity"
 *
 * const role = (account: string) =>
 *   CredentialsProvider.make(
 *     AssumeRoleCredentials.assume(
 *       { roleArn: `arn:aws:iam::${account}:role/deploy` },
 *       ProfileCredentials.resolve({ profile: "ci" })
 *     )
 *   )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const assume: <E, R, E2 = never, R2 = never>(
  role: Options<E2, R2>,
  source: Effect.Effect<Credentials, E, R>
) => Effect.Effect<
  Credentials,
  E | IdentityError.AssumeRoleError | IdentityError.CredentialsUnavailable | OwnError<NoInfer<E2>>,
  R | NoInfer<R2> | Sts
> = Effect.fn("AssumeRoleCredentials.assume")(function*<E, R, E2, R2>(
  { mfa, sessionDuration, sessionName, ...role }: Options<E2, R2>,
  source: Effect.Effect<Credentials, E, R>
) {
  const sts = yield* Sts
  const assumedBy = (credentials: Credentials) =>
    Effect.gen(function*() {
      const code = mfa === undefined
        ? undefined
        : { serialNumber: mfa.device, tokenCode: yield* codeOf(mfa) }
      const session = yield* stsSession({ sessionDuration, sessionName })
      // An error of the code or the source says nothing about these credentials.
      return yield* sts.assumeRole({ ...role, ...session, ...code, credentials }).pipe(
        Effect.mapError(withAbout(roleInWords(role.roleArn))),
        Effect.mapError(withOptionNames),
        Effect.either
      )
    })
  const old = yield* source
  const first = yield* assumedBy(old)
  if (Either.isRight(first) || !isRejection(first.left)) return (yield* first).credentials
  const replacement = yield* source
  if (replacement.accessKeyId === old.accessKeyId) return yield* Effect.fail(first.left)
  return (yield* yield* assumedBy(replacement)).credentials
})

/** The code of a device, within the time limit for effects of the application. */
const codeOf = <E, R>({ device, mfaCode }: NonNullable<Options<E, R>["mfa"]>) => {
  const source = `the MFA device ${device}`
  const remedy = "Look at where the program gets the codes of its MFA devices from."
  return Effect.mapError(mfaCode(device), toOwnError({ source, what: "mfaCode", remedy })).pipe(
    applicationLimit(source)
  )
}

/**
 * Credentials of a role, assumed with those of the `CredentialsProvider`: see `assume`. Credentials that AWS rejects
 * are invalidated.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolve = <E = never, R = never>(
  role: Options<E, R>
): Effect.Effect<
  Credentials,
  IdentityError.IdentityError,
  NoInfer<R> | Sts | CredentialsProvider.CredentialsProvider
> =>
  Effect.flatMap(CredentialsProvider.CredentialsProvider, ({ get, invalidate }) => {
    let last: Credentials | undefined
    // `assume` runs the source a second time only after AWS rejected what it gave first.
    const source = Effect.suspend(() => last === undefined ? get : Effect.zipRight(invalidate(last), get))
    return assume(role, Effect.tap(source, (credentials) => Effect.sync(() => last = credentials)))
  })

/**
 * `CredentialsProvider` of a role, on top of another `CredentialsProvider`.
 *
 * With another source, the layer gives another identity: see `CredentialsProvider.layer`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E = never, R = never>(
  { background, refreshBefore, ...role }: Options<E, R> & CredentialsProvider.CacheOptions
): Layer.Layer<
  CredentialsProvider.CredentialsProvider,
  never,
  Exclude<NoInfer<R> | Sts | CredentialsProvider.CredentialsProvider, Scope.Scope>
> => CredentialsProvider.layer(resolve(role), { background, refreshBefore })
