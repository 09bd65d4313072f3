/** What a call to STS was about, for the message of its error. */

/** Adds words to an error that AWS answered with. */
export const withAbout = (about: string) => <E extends object>(error: E): E => {
  if (!("code" in error && "status" in error)) return error
  const Class = error.constructor as new(fields: E) => E
  return new Class({ ...error, about })
}

export const roleInWords = (roleArn: string): string => `role ${roleArn}`

/** Adds where the credentials are from that should assume a role, to an error of assuming this very role. */
export const withSource = (roleArn: string, source: string) => <E extends object>(error: E): E =>
  "about" in error && error.about === roleInWords(roleArn)
    ? withAbout(`${error.about}, assumed with the credentials of ${source}`)(error)
    : error
