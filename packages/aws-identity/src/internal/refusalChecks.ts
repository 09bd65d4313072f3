import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/**
 * While credentials are resolved, a provider adds effects that check whether a failure of this attempt is out of date.
 * During the pause after the failure, the cache runs these checks on each `get`. As soon as one gives `true`, the cache
 * resolves again, so that a new sign-in takes effect before the pause ends.
 */
export class RefusalChecks extends Context.Reference<RefusalChecks>()("effect-aws-identity/RefusalChecks", {
  defaultValue: () => ({
    // Without a cache, no failure is kept and no check is needed.
    add: (_isOutdated: Effect.Effect<boolean>): void => {}
  })
}) {}
