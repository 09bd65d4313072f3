import * as Predicate from "effect/Predicate"
import type { ServiceError } from "../IdentityError.js"

/** Whether AWS rejected the credentials that signed the request, because they are unknown or have expired. */
export const isRejection = (error: unknown): boolean =>
  Predicate.isTagged(error, "ExpiredTokenException") ||
  (isServiceError(error) && error.code === "InvalidClientTokenId")

const isServiceError = (error: unknown): error is ServiceError => Predicate.isTagged(error, "ServiceError")
