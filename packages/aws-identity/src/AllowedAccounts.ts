/**
 * A guard: credentials of the accounts that a program may act in, and of no others.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { AllowedAccounts, AwsIdentity } from "effect-aws-identity"
 *
 * export const credentials = AllowedAccounts.layer(["111122223333"]).pipe(
 *   Layer.provide(AwsIdentity.layer({ profile: "test" }))
 * )
 * ```
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import * as IdentityError from "./IdentityError.js"
import { isRejection } from "./internal/rejection.js"
import { Sts } from "./Sts.js"

/**
 * The `CredentialsProvider` that it is given, guarded. STS is asked whose its credentials are whenever they are new,
 * and told by nobody else: what a file or variable says of their account may be wrong. Those of another account than
 * the allowed (12 digits each) are an `AccountNotAllowed`. Those that STS does not know (any more) are invalidated, so
 * that whoever asks next has others. The layer is fresh: each guards the provider that it is given.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  allowed: Arr.NonEmptyReadonlyArray<string>
): Layer.Layer<
  CredentialsProvider.CredentialsProvider,
  never,
  CredentialsProvider.CredentialsProvider | Sts
> =>
  Layer.fresh(Layer.effect(
    CredentialsProvider.CredentialsProvider,
    Effect.gen(function*() {
      const source = yield* CredentialsProvider.CredentialsProvider
      const sts = yield* Sts
      const oneAtATime = yield* Effect.makeSemaphore(1)
      let last: { readonly credentials: Credentials; readonly verdict: Verdict } | undefined

      const verdictOn = (credentials: Credentials) =>
        Effect.gen(function*() {
          if (last?.credentials === credentials) return last.verdict
          const { account, arn } = yield* Effect.tapError(
            sts.getCallerIdentity({ credentials }),
            // Nobody else ever sees them, who could.
            (error) => isRejection(error) ? source.invalidate(credentials) : Effect.void
          )
          const verdict = allowed.includes(account)
            ? Either.right(credentials)
            : Either.left(new IdentityError.AccountNotAllowed({ accountId: account, arn, allowed: [...allowed] }))
          last = { credentials, verdict }
          return verdict
        }).pipe(oneAtATime.withPermits(1))

      return {
        get: Effect.flatMap(source.get, (credentials) =>
          last?.credentials === credentials ? last.verdict : Effect.flatten(verdictOn(credentials))),
        peek: () => {
          const credentials = source.peek?.()
          return last !== undefined && last.credentials === credentials && Either.isRight(last.verdict)
            ? credentials
            : undefined
        },
        invalidate: source.invalidate
      }
    })
  ))

type Verdict = Either.Either<Credentials, IdentityError.AccountNotAllowed>
