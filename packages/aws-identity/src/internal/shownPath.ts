/**
 * Paths, URLs and names as errors may show them. A common slip puts a token into the variable that should name the
 * file of the token, so a text that cannot be a path, or looks like a secret, is never shown.
 */

/** The longest path and the longest part of one on Linux and macOS. */
const longestPath = 4096
const longestPart = 255

/** What a text holds instead of a path, such as `a token`; undefined if it may be a path. */
export const contentInsteadOfPath = (text: string): string | undefined => {
  if (isTokenLike(text)) return "a token"
  if (/[\r\n]/.test(text) || /^\s*[{[<]/.test(text)) return "the content of a file"
  if (text.length > longestPath || text.split(/[/\\]/).some((part) => part.length > longestPart)) {
    return `${text.length} characters that no file can be named by`
  }
  return undefined
}

/** A path as errors show it. */
export const shownPath = (path: string): string => {
  const content = contentInsteadOfPath(path)
  return content === undefined ? path : `<${content}, which is not shown>`
}

/** A URL or a name as errors show it: what looks like a token in it is redacted. */
export const shownText = (text: string): string =>
  text.split(/([/?&=@:\s])/).map((part) => isTokenLike(part) || part.length > longestPart ? "<redacted>" : part)
    .join("")

/**
 * Whether a text is a JSON web token, an `Authorization` header, or a long text of base64. Paths, hashes in lower
 * case, UUIDs and the host names of AWS are not.
 */
const isTokenLike = (text: string): boolean => {
  const trimmed = text.trim()
  if (/^(?:bearer|basic|token)\s+\S/i.test(trimmed)) return true
  if (/(?:^|[^A-Za-z0-9])eyJ[\w-]{8,}/.test(trimmed)) return true
  // The known beginnings of GitHub's, GitLab's and AWS's tokens.
  if (/^(?:gh[a-z]_|github_pat_|glpat-|glcbt-|IQoJ|FwoG|aoa)[\w+/=-]{16,}$/.test(trimmed)) return true
  if (isMixed(trimmed) && /^[A-Za-z0-9+/]{32,}={0,2}$/.test(trimmed)) return true
  const isPath = /^(?:[/~\\]|\.{1,2}[/\\]|[A-Za-z]:[/\\])/.test(trimmed)
  return trimmed.split(/[/\\.]/).some((part) =>
    part.length >= (isPath ? 64 : 32) && isMixed(part) && /^[\w+=-]+$/.test(part)
  )
}

const isMixed = (text: string): boolean => /[A-Z]/.test(text) && /[a-z]/.test(text) && /\d/.test(text)
