import { ServiceError } from "../IdentityError.js"

/**
 * Converts an error of AWS to a `ServiceError`, for callers that treat all of them alike. `code` still tells them
 * apart.
 */
export const toServiceError = (error: ConstructorParameters<typeof ServiceError>[0]): ServiceError => {
  const { about, attempts, code, description, detailCode, operation, origin, requestId, service, status } = error
  return new ServiceError({
    about,
    attempts,
    code,
    description,
    detailCode,
    operation,
    origin,
    requestId,
    service,
    status
  })
}
