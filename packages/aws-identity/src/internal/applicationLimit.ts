import type * as Effect from "effect/Effect"
import { CredentialsUnavailable } from "../IdentityError.js"
import { timeLimit } from "./timeLimit.js"

/** An effect of the application may ask a person, for example for the code of an MFA device. */
const longestWait = "5 minutes"

/**
 * Fails if an effect of the application, such as a token source, does not end within 5 minutes. All callers of a cache
 * wait for the same effect, so an effect that hangs would block them all.
 */
export const applicationLimit =
  (source: string) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | CredentialsUnavailable, R> =>
    timeLimit(effect, {
      duration: longestWait,
      onTimeout: () =>
        new CredentialsUnavailable({
          source,
          reason: "Unreachable",
          problem: `it did not answer within ${longestWait}`,
          remedy: "Check what it waits for, and give it a time limit of its own."
        })
    })
