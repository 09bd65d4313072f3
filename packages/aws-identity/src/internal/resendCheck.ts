import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * Runs before each retry of a request and says whether to send the request again. If it gives false, the call fails
 * with the error of the last attempt. A refresh token can be used once, and after a timeout another process may have
 * used it.
 */
export class ResendCheck extends Context.Reference<ResendCheck>()("effect-aws-identity/ResendCheck", {
  defaultValue: (): Effect.Effect<boolean> => Effect.succeed(true)
}) {}
