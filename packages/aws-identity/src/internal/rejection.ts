import * as Predicate from "effect/Predicate"
import type { ServiceError } from "../IdentityError.js"

/** Whether AWS does not know the credentials that signed, or knows them no more. */
export const isRejection = (error: unknown): boolean =>
  Predicate.isTagged(error, "ExpiredTokenException") ||
  (isServiceError(error) && error.code === "InvalidClientTokenId")

const isServiceError = (error: unknown): error is ServiceError => Predicate.isTagged(error, "ServiceError")
