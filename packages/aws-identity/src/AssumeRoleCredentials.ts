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
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import type * as IdentityError from "./IdentityError.js"
import { roleInWords, withAbout } from "./internal/about.js"
import { applicationLimit } from "./internal/applicationLimit.js"
import { isRejection } from "./internal/rejection.js"
import { sessionName } from "./internal/sessionName.js"
import { type AssumeRoleInput, Sts } from "./Sts.js"

/**
 * A role, and how the session in it is to be: as STS takes it, but for what signs.
 *
 * AWS lets a session that is assumed by another last an hour at most, whatever the role allows.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<E = never, R = never>
  extends Omit<AssumeRoleInput, "credentials" | "roleSessionName" | "serialNumber" | "tokenCode">
{
  /**
   * Names the session in CloudTrail and in the ARN of the assumed role: 2 to 64 letters, digits and `_+=,.@-`. Without
   * it, `effect-aws-identity`, the host (`HOSTNAME`) and the time.
   */
  readonly roleSessionName?: string | undefined
  /** For a role that asks for multi-factor authentication. */
  readonly mfa?: {
    /** Of the device: its serial number, or its ARN. */
    readonly serialNumber: string
    /** The 6 digits that it shows. Run for each session: AWS takes no code twice. */
    readonly tokenCode: Effect.Effect<Redacted.Redacted, E, R>
  } | undefined
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
  E | E2 | IdentityError.AssumeRoleError | IdentityError.CredentialsUnavailable,
  R | R2 | Sts
> = Effect.fn(
  "AssumeRoleCredentials.assume"
)(function*<E, R, E2, R2>({ mfa, ...role }: Options<E2, R2>, source: Effect.Effect<Credentials, E, R>) {
  const sts = yield* Sts
  const assumedBy = (credentials: Credentials) =>
    Effect.gen(function*() {
      const tokenCode = mfa === undefined
        ? undefined
        : yield* applicationLimit(`the MFA device ${mfa.serialNumber}`)(mfa.tokenCode)
      const roleSessionName = role.roleSessionName ?? (yield* sessionName)
      // An error of the code or the source says nothing about these credentials.
      return yield* Effect.either(
        Effect.mapError(
          sts.assumeRole({ ...role, roleSessionName, serialNumber: mfa?.serialNumber, tokenCode, credentials }),
          withAbout(roleInWords(role.roleArn))
        )
      )
    })
  const old = yield* source
  const first = yield* assumedBy(old)
  if (Either.isRight(first) || !isRejection(first.left)) return (yield* first).credentials
  const replacement = yield* source
  if (replacement.accessKeyId === old.accessKeyId) return yield* Effect.fail(first.left)
  return (yield* yield* assumedBy(replacement)).credentials
})

/**
 * Credentials of a role, assumed with those of the `CredentialsProvider`: see `assume`. Credentials that AWS rejects
 * are invalidated.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolve = <E = never, R = never>(
  role: Options<E, R>
): Effect.Effect<Credentials, E | IdentityError.IdentityError, R | Sts | CredentialsProvider.CredentialsProvider> =>
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
export const layer = <E extends IdentityError.IdentityError = never, R = never>(
  options: Options<E, R>,
  cache?: CredentialsProvider.Options
): Layer.Layer<
  CredentialsProvider.CredentialsProvider,
  never,
  Exclude<R | Sts | CredentialsProvider.CredentialsProvider, Scope.Scope>
> => CredentialsProvider.layer(resolve(options), cache)
