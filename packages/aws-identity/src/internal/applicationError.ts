/** Errors of the effects that an application gives us. */
import * as Predicate from "effect/Predicate"
import { type AnyError, CredentialsUnavailable, type IdentityError, isIdentityError } from "../IdentityError.js"

/** The errors that `CredentialsProvider.get` may fail with, out of those of an effect with errors of type `E`. */
export type OwnError<E> = IdentityError extends E ? IdentityError : Extract<E, IdentityError>

/**
 * Keeps the errors that `CredentialsProvider.get` may fail with. Any other error becomes a `CredentialsUnavailable` that
 * shows its tag and nothing else of it, because the rest may be secret.
 */
export const toOwnError =
  ({ remedy, source, what }: { readonly source: string; readonly what: string; readonly remedy: string }) =>
  <E>(error: E): CredentialsUnavailable | OwnError<E> =>
    isOwnError(error) ? error : new CredentialsUnavailable({
      source,
      // Such as AWS's fault during a sign-in.
      reason: isIdentityError(error) && error.kind === "Unavailable" ? "Unreachable" : "Refused",
      problem: Predicate.hasProperty(error, "_tag") && typeof error._tag === "string"
        ? `${what} failed with ${error._tag}`
        : `${what} failed`,
      remedy
    })

const isOwnError = <E>(error: E | OwnError<E>): error is OwnError<E> =>
  isIdentityError(error) && !(error._tag in foreignTags)

/** Errors of a sign-in and of AWS's operations. They are errors of this library, but not of a provider. */
const foreignTags: { readonly [Tag in Exclude<AnyError, IdentityError>["_tag"]]: true } = {
  AuthorizationPendingException: true,
  DeviceCodeExpired: true,
  InvalidClientException: true,
  InvalidGrantException: true,
  InvalidRequestRegionException: true,
  LoginDenied: true,
  SlowDownException: true,
  TooManyRequestsException: true,
  UnauthorizedException: true
}
