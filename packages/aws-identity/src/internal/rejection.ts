import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { ServiceError } from "../IdentityError.js"

/** Whether AWS does not know the credentials that signed, or knows them no more. */
export const isRejection = (error: unknown): boolean =>
  Predicate.isTagged(error, "ExpiredTokenException") ||
  (isServiceError(error) && error.code === "InvalidClientTokenId")

const isServiceError = Schema.is(ServiceError)
