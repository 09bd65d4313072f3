import type { IdentityError, Origin } from "../IdentityError.js"

/**
 * Adds to an error the profile that it was made for, so that its message names the profile. An error that already names
 * its origin is not changed.
 */
export const withOrigin = (origin: Origin) => <E extends IdentityError>(error: E): E => {
  if (withoutOrigin.has(error._tag) || ("origin" in error && error.origin !== undefined)) return error
  const Class = error.constructor as new(fields: E) => E
  return new Class({ ...error, origin })
}

const withoutOrigin: ReadonlySet<string> = new Set<IdentityError["_tag"]>([
  "AccountNotAllowed",
  "CredentialsExpired",
  "InvalidConfig",
  "NotConfigured",
  "ProfileNotFound"
])
