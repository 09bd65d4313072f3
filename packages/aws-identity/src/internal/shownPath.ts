/**
 * Makes paths, URLs and names safe to show in errors. A common mistake is to put a token into the variable that should
 * hold the path of the token's file. So errors never show a text that cannot be a path or that looks like a secret.
 */

/** The longest path, and the longest name in a path, on Linux and macOS. */
const longestPath = 4096
const longestPart = 255

/** Describes a text that is not a path, such as `a token`; undefined if it may be a path. */
export const contentInsteadOfPath = (text: string): string | undefined => {
  if (isTokenLike(text)) return "a token"
  if (/[\r\n]/.test(text) || /^\s*[{[<]/.test(text)) return "the content of a file"
  if (text.length > longestPath || text.split(/[/\\]/).some((part) => part.length > longestPart)) {
    return `${text.length} characters that no file can be named by`
  }
  return undefined
}

/** The path as errors show it. */
export const shownPath = (path: string): string => {
  const content = contentInsteadOfPath(path)
  return content === undefined ? path : `<${content}, which is not shown>`
}

/** The URL or name as errors show it. Parts that look like a token are redacted. */
export const shownText = (text: string): string => {
  const trimmed = text.trim()
  if (authorization.test(trimmed) || knownToken.test(trimmed) || isSecretAccessKey(trimmed)) return "<redacted>"
  const shown = text.split(/([/?&=@:\s])/).map((part) =>
    part.length > longestPart || isTokenLike(part) ? "<redacted>" : part
  ).join("")
  // Base64 has slashes, so the rest of a redacted token may be in shorter parts.
  const isRest = shown !== text
  return shown.replace(/[\w+/=-]+/g, (run) => isRandom(run, isRest, 32) ? "<redacted>" : run)
}

/**
 * Whether a text is a JSON web token, an `Authorization` header, or a long text of base64 or hex. Paths (also with
 * hashes in them), UUIDs and AWS's host names do not look like a token.
 */
const isTokenLike = (text: string): boolean => {
  const trimmed = text.trim()
  if (authorization.test(trimmed)) return true
  if (/(?:^|[^A-Za-z0-9])eyJ[\w-]{8,}/.test(trimmed)) return true
  if (knownToken.test(trimmed)) return true
  // A path has a separator or an extension.
  if (/^[0-9a-f]{40,}$/i.test(trimmed)) return true
  if (trimmed.match(/[\w+/=-]+/g)?.some((run) => isRandom(run, false, 40)) === true) return true
  if (isMixed(trimmed) && /^[A-Za-z0-9+/]{32,}={0,2}$/.test(trimmed)) return true
  const isPath = /^(?:[/~\\]|\.{1,2}[/\\]|[A-Za-z]:[/\\])/.test(trimmed)
  return trimmed.split(/[/\\.]/).some((part) =>
    part.length >= (isPath ? 64 : 32) && hasMixedWord(part) && /^[\w+=-]+$/.test(part)
  )
}

/**
 * Whether one word has capitals, small letters and digits. Names such as
 * `AWSReservedSSO_AdministratorAccess_0123456789abcdef` have all three, but in different words.
 */
const hasMixedWord = (text: string): boolean => text.split(/[_=+-]/).some((word) => word.length >= 10 && isMixed(word))

const isMixed = (text: string): boolean => /[A-Z]/.test(text) && /[a-z]/.test(text) && /\d/.test(text)

/**
 * Whether capitals, small letters and digits alternate as often as in base64, and more often than in names. With
 * `isRest`, the text may be short and have no digits, because it may be the rest of a redacted token.
 */
const isRandom = (run: string, isRest: boolean, shortest: number): boolean => {
  // A hash in a path, such as the name of a token file, is random but no token.
  const text = run.replace(/(^|\/)[0-9a-f]{16,}(?=\/|$)/g, "$1")
  const changes = text.match(/[A-Z](?=[a-z\d])|[a-z](?=[A-Z\d])|\d(?=[A-Za-z])/g)?.length ?? 0
  if (isRest) return text.length >= 8 && /[A-Z]/.test(text) && changes > 0.25 * text.length
  return text.length >= shortest && hasMixedWord(text) && changes > (text.length < 48 ? 0.42 : 0.35) * text.length
}

const authorization = /^(?:bearer|basic|token)\s+\S/i

/** The known beginnings of GitHub's, GitLab's and AWS's tokens. */
const knownToken = /^(?:gh[a-z]_|github_pat_|glpat-|glcbt-|IQoJ|FwoG|ao[ar]AAA)[\w+/=:.~-]{16,}$/

/** Secret access keys of AWS have 40 characters of base64. */
const isSecretAccessKey = (text: string): boolean => isMixed(text) && /^[A-Za-z0-9+/]{40}$/.test(text)
