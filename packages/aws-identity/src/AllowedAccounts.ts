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
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import * as IdentityError from "./IdentityError.js"
import { retryDelay } from "./internal/refreshPolicy.js"
import { isRejection } from "./internal/rejection.js"
import { Sts } from "./Sts.js"

/**
 * The `CredentialsProvider` that it is given, guarded. STS is asked whose its credentials are whenever they are new,
 * and told by nobody else: what a file or variable says of their account may be wrong. Those of another account than
 * the allowed (12 digits each) are an `AccountNotAllowed`, and like those that STS does not know they are thrown away
 * half a minute later, so that whoever asks then has what is configured by then.
 *
 * The layer is fresh: each guards the provider that it is given.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  allowed: Arr.NonEmptyReadonlyArray<string>,
  options?: CredentialsProvider.Options
): Layer.Layer<
  CredentialsProvider.CredentialsProvider,
  never,
  CredentialsProvider.CredentialsProvider | Sts
> =>
  Layer.fresh(Layer.scoped(
    CredentialsProvider.CredentialsProvider,
    Effect.gen(function*() {
      const source = yield* CredentialsProvider.CredentialsProvider
      const sts = yield* Sts
      let last: Verdict | undefined

      const verdictOn = (credentials: Credentials, now: number) =>
        Effect.gen(function*() {
          const caller = yield* Effect.either(sts.getCallerIdentity({ credentials }))
          if (Either.isLeft(caller)) {
            if (isRejection(caller.left)) last = { credentials, refusal: caller.left, at: now }
            return yield* Effect.fail(caller.left)
          }
          const { account, arn } = caller.right
          const refusal = allowed.includes(account)
            ? undefined
            : new IdentityError.AccountNotAllowed({ accountId: account, arn, allowed: [...allowed] })
          last = { credentials, refusal, at: now }
          return refusal === undefined ? credentials : yield* Effect.fail(refusal)
        })

      // What is verified is kept like any credentials: nobody waits for STS who need not, and all wait for one answer.
      const guarded = yield* CredentialsProvider.make(
        Effect.gen(function*() {
          const now = yield* Clock.currentTimeMillis
          if (last?.refusal !== undefined && now - last.at >= retryDelay) yield* source.invalidate(last.credentials)
          const credentials = yield* source.get
          if (last?.credentials !== credentials) return yield* verdictOn(credentials, now)
          return last.refusal === undefined ? credentials : yield* Effect.fail(last.refusal)
        }),
        options
      )
      return {
        ...guarded,
        invalidate: (rejected) => Effect.zipRight(source.invalidate(rejected), guarded.invalidate(rejected))
      }
    })
  ))

/** What STS said of credentials, and when (ms since 1970). */
interface Verdict {
  readonly credentials: Credentials
  readonly refusal: IdentityError.IdentityError | undefined
  readonly at: number
}
