/**
 * Restricts a program to credentials of the accounts that it may act in.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { AccountId, AllowedAccounts, AwsIdentity } from "effect-aws-identity"
 *
 * export const credentials = AllowedAccounts.layer({ accounts: [AccountId.make("111122223333")] }).pipe(
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
import type { AccountId } from "./AccountId.js"
import type { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import * as IdentityError from "./IdentityError.js"
import { peek, withPeek } from "./internal/peek.js"
import { perSource } from "./internal/perSource.js"
import { retryDelay } from "./internal/refreshPolicy.js"
import { isRejection } from "./internal/rejection.js"
import { Sts } from "./Sts.js"

/**
 * The accounts that a program may act in.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends CredentialsProvider.CacheOptions {
  readonly accounts: Arr.NonEmptyReadonlyArray<AccountId>
  /**
   * The profile whose settings (endpoint, region, FIPS, retries) count for the call of STS, if the `Sts` layer takes
   * settings from profiles. Name the profile of the guarded credentials. By default, the profile of `SharedConfig`.
   */
  readonly profile?: string | undefined
}

/**
 * Guards the `CredentialsProvider` that it is given. For new credentials, it asks STS which account they belong to,
 * because the account in a file or variable may be wrong.
 *
 * Credentials of another account than the allowed ones fail with `AccountNotAllowed`. They are invalidated half a minute
 * later, so that a later `get` uses the configuration of that time. Credentials that STS rejects are invalidated at
 * once, and others are tried once.
 *
 * With another source, the layer guards that source: see `CredentialsProvider.layer`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  { accounts, profile, ...cache }: Options
): Layer.Layer<
  CredentialsProvider.CredentialsProvider,
  never,
  CredentialsProvider.CredentialsProvider | Sts
> =>
  perSource(Layer.scoped(
    CredentialsProvider.CredentialsProvider,
    Effect.gen(function*() {
      const source = yield* CredentialsProvider.CredentialsProvider
      const sts = yield* Sts
      let last: Verdict | undefined

      /** Asks STS about credentials, unless it has answered for them before. */
      const verdictOn = (credentials: Credentials) =>
        Effect.gen(function*() {
          if (last?.credentials === credentials) return last
          const at = yield* Clock.currentTimeMillis
          const caller = yield* Effect.either(sts.getCallerIdentity({ credentials, profile }))
          if (Either.isLeft(caller) && !isRejection(caller.left)) return yield* Effect.fail(caller.left)
          const refusal = Either.isLeft(caller) ? caller.left : refusalOf(caller.right)
          return last = { credentials, refusal, at }
        })

      const refusalOf = ({ account, arn }: { readonly account: string; readonly arn: string }) =>
        accounts.some((id) => id === account)
          ? undefined
          : new IdentityError.AccountNotAllowed({ accountId: account, arn, allowed: [...accounts] })

      const resolve = Effect.gen(function*() {
        const now = yield* Clock.currentTimeMillis
        if (last?.refusal !== undefined && now - last.at >= retryDelay) yield* source.invalidate(last.credentials)
        const before = last
        let verdict = yield* Effect.flatMap(source.get, verdictOn)
        if (verdict !== before && isRejection(verdict.refusal)) {
          yield* source.invalidate(verdict.credentials)
          const credentials = yield* source.get
          // Do not ask STS twice about the same keys.
          verdict = credentials.accessKeyId === verdict.credentials.accessKeyId
            ? last = { ...verdict, credentials }
            : yield* verdictOn(credentials)
        }
        return verdict.refusal === undefined ? verdict.credentials : yield* Effect.fail(verdict.refusal)
      })

      // Verified credentials are cached like any others, so callers share one answer of STS.
      const guarded = yield* CredentialsProvider.make(resolve, cache)
      const service: CredentialsProvider.Service = {
        get: guarded.get,
        getFor: (atLeast) =>
          Effect.zipRight(
            // The guard asks the source again, and fails with the source's error.
            Effect.ignore(source.getFor?.(atLeast) ?? Effect.void),
            guarded.getFor?.(atLeast) ?? guarded.get
          ),
        invalidate: (rejected) => Effect.zipRight(source.invalidate(rejected), guarded.invalidate(rejected))
      }
      return withPeek(service, () => peek(guarded))
    })
  ))

/** STS's answer for credentials, and its time (ms since 1970). */
interface Verdict {
  readonly credentials: Credentials
  readonly refusal: IdentityError.IdentityError | undefined
  readonly at: number
}
