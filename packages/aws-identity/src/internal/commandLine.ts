/** Splits a command line of a config file into words as the AWS CLI does, without a shell. */
import * as Either from "effect/Either"

/** How a line is split: Python's `shlex.split`, or the rules of Windows's C runtime. */
export type Rules = "posix" | "windows"

/** Splits a line into words, or returns why it cannot be split. */
export const split = (line: string, rules: Rules): Either.Either<ReadonlyArray<string>, string> =>
  rules === "windows" ? splitWindows(line) : splitPosix(line)

const noClosingQuote = (quote: string): Either.Either<never, string> =>
  Either.left(`its command line has a ${quote} that is never closed`)

/** Quotes and backslashes work as in a shell. Nothing is expanded, and `|`, `>` and the like are ordinary characters. */
const splitPosix = (line: string): Either.Either<ReadonlyArray<string>, string> => {
  const words: Array<string> = []
  let word: string | undefined
  let quote = ""
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at)
    if (character === "\\" && quote !== "'") {
      const next = line.charAt(++at)
      if (next === "") return Either.left("its command line ends with a backslash that escapes nothing")
      // Between double quotes, a backslash escapes only a double quote and a backslash.
      word = (word ?? "") + (quote !== "" && next !== "\"" && next !== "\\" ? character : "") + next
    } else if (quote !== "") {
      if (character === quote) quote = ""
      else word += character
    } else if (character === "'" || character === "\"") {
      quote = character
      word ??= ""
    } else if (!/[ \t\r\n]/.test(character)) {
      word = (word ?? "") + character
    } else if (word !== undefined) {
      words.push(word)
      word = undefined
    }
  }
  if (quote !== "") return noClosingQuote(quote)
  return Either.right(word === undefined ? words : [...words, word])
}

/** Backslashes are literal, except before a double quote: there, each pair is one, and an odd one escapes the quote. */
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

/** Quotes a word for a command in a message, so that a POSIX shell reads it as one word: the inverse of `split`. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/** The first operator in the line, such as `|` or `$`, that only a shell interprets. No shell runs here. */
export const shellSign = (line: string): string | undefined => {
  const expanded = line.replace(/\\.|'[^']*'/gsu, "")
  const unquoted = expanded.replace(/"[^"]*"/g, "")
  return /\|\|?|&&?|[;<>]/.exec(unquoted)?.[0] ??
    /\$(?=[\w({])|`/.exec(expanded)?.[0] ??
    /(?<=^|\s)~/.exec(unquoted)?.[0] ??
    /^\s*[A-Za-z_]\w*=/.exec(unquoted)?.[0].trim()
}
