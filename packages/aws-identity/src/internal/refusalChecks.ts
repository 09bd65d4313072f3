import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/**
 * Collects, while credentials are resolved, effects that tell whether a failure of this attempt is out of date. The
 * cache runs them for as long as it answers with that failure, and resolves again as soon as one gives `true`: a new
 * sign-in need not wait for the end of the pause.
 */
export class RefusalChecks extends Context.Reference<RefusalChecks>()("effect-aws-identity/RefusalChecks", {
  defaultValue: () => ({
    // Nobody keeps the failure.
    add: (_isOutdated: Effect.Effect<boolean>): void => {}
  })
}) {}
