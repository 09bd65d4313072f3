/** Adds the role and the source of the credentials to errors of STS, for their messages. */

/** Sets `about` of an error that AWS returned. Other errors stay as they are. */
export const withAbout = (about: string) => <E extends object>(error: E): E => {
  if (!("code" in error && "status" in error)) return error
  const Class = error.constructor as new(fields: E) => E
  return new Class({ ...error, about })
}

export const roleInWords = (roleArn: string): string => `role ${roleArn}`

/** Adds the source of the caller's credentials to an error of assuming this role. Other errors stay as they are. */
export const withSource = (roleArn: string, source: string) => <E extends object>(error: E): E =>
  "about" in error && error.about === roleInWords(roleArn)
    ? withAbout(`${error.about}, assumed with the credentials of ${source}`)(error)
    : error
