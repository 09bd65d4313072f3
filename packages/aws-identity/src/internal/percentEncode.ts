/** Percent-encodes everything but RFC 3986's unreserved characters, as AWS does: a space is %20, never a plus sign. */
export const percentEncode = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, encodeCharacter)

const encodeCharacter = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
