/** A command line as it stands in a config file, split into words as the AWS CLI does it: no shell sees it. */
import * as Either from "effect/Either"

/** How the words are told apart: Python's `shlex.split`, or the rules of Windows's C runtime. */
export type Rules = "posix" | "windows"

/** The words of a line, or why it has none that could be told apart. */
export const split = (line: string, rules: Rules): Either.Either<ReadonlyArray<string>, string> =>
  rules === "windows" ? splitWindows(line) : splitPosix(line)

const noClosingQuote = (quote: string): Either.Either<never, string> =>
  Either.left(`its command line has a ${quote} that is never closed`)

/** Quotes and backslashes as in a shell, but nothing is expanded, and no sign has a meaning of its own. */
const splitPosix = (line: string): Either.Either<ReadonlyArray<string>, string> => {
  const words: Array<string> = []
  let word: string | undefined
  let quote = ""
  for (let at = 0; at < line.length; at++) {
    const sign = line.charAt(at)
    if (sign === "\\" && quote !== "'") {
      const next = line.charAt(++at)
      if (next === "") return Either.left("its command line ends with a backslash that escapes nothing")
      // Between double quotes it escapes only these two.
      word = (word ?? "") + (quote !== "" && next !== "\"" && next !== "\\" ? sign : "") + next
    } else if (quote !== "") {
      if (sign === quote) quote = ""
      else word += sign
    } else if (sign === "'" || sign === "\"") {
      quote = sign
      word ??= ""
    } else if (!/[ \t\r\n]/.test(sign)) {
      word = (word ?? "") + sign
    } else if (word !== undefined) {
      words.push(word)
      word = undefined
    }
  }
  if (quote !== "") return noClosingQuote(quote)
  return Either.right(word === undefined ? words : [...words, word])
}

/** Backslashes are signs of paths, except before a double quote: there two are one, and the odd one escapes it. */
const splitWindows = (line: string): Either.Either<ReadonlyArray<string>, string> => {
  const words: Array<string> = []
  let word: string | undefined
  let quoted = false
  for (const [part] of line.matchAll(/\\*"|\\+|[ \t]|[^\\" \t]+/g)) {
    if (part.endsWith("\"")) {
      const backslashes = part.length - 1
      word = (word ?? "") + "\\".repeat(Math.floor(backslashes / 2))
      if (backslashes % 2 === 1) word += "\""
      else quoted = !quoted
    } else if (quoted || !/^[ \t]$/.test(part)) {
      word = (word ?? "") + part
    } else if (word !== undefined) {
      words.push(word)
      word = undefined
    }
  }
  if (quoted) return noClosingQuote("\"")
  return Either.right(word === undefined ? words : [...words, word])
}

/** A word of a command in a message, such that a POSIX shell takes it as one word: the inverse of `split`. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/** The first sign in the line, such as `|` or `$`, that only a shell would interpret. No shell runs here. */
export const shellSign = (line: string): string | undefined => {
  const expanded = line.replace(/\\.|'[^']*'/gsu, "")
  const unquoted = expanded.replace(/"[^"]*"/g, "")
  return /\|\|?|&&?|[;<>]/.exec(unquoted)?.[0] ??
    /\$(?=[\w({])|`/.exec(expanded)?.[0] ??
    /(?<=^|\s)~/.exec(unquoted)?.[0] ??
    /^\s*[A-Za-z_]\w*=/.exec(unquoted)?.[0].trim()
}
