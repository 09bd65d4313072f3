import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * Says, before a request is sent again, whether sending it again is right. If not, the error of the last attempt is the
 * error of the call. AWS takes a refresh token once: after a timeout, another process may already have sent it.
 */
export class ResendCheck extends Context.Reference<ResendCheck>()("effect-aws-identity/ResendCheck", {
  defaultValue: (): Effect.Effect<boolean> => Effect.succeed(true)
}) {}
