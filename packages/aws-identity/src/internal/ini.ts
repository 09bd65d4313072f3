/**
 * The dialect of AWS's shared config files, one file at a time: text in, sections with their lines out.
 *
 * The grammar is the one that AWS's SDKs share; no INI library reads it. A line that breaks a rule spoils its own
 * section only. The problem is kept beside the lines that could be read, and a caller that needs the section raises it.
 *
 * Indentation follows Python's RawConfigParser, which the AWS CLI uses: an indented line continues the property above
 * only if it is indented deeper than that property's own line; with the same or less indentation it is a property of
 * its own. Comments and blank lines do not matter. A header may be indented too, unless it is deeper than the property
 * above it: there AWS's tools disagree, and it is an error for both sections.
 *
 * Parsing is lazy, and a section is searched by its header alone: taking one profile out of a file of thousands costs
 * little. Names, keys and values are slices of the text and keep it alive. Every function takes time linear in the
 * text, and none is recursive.
 */
import { isKnownKey, isSingleLine, misspelt, resembled } from "./profileKeys.js"

/** `config` has `[profile x]` and other kinds of section; in `credentials` every section is a profile. */
export type FileKind = "config" | "credentials"

export type SectionKind = "profile" | "sso-session" | "services"

export interface Property {
  readonly value: string
  /** 1-based */
  readonly line: number
  /** The indented `name = value` lines below a property that has no value of its own. */
  readonly nested: ReadonlyMap<string, Property>
}

export interface Problem {
  /** An error spoils its section. A warning tells of a section that is skipped, or that other tools read otherwise. */
  readonly severity: "error" | "warning"
  /** 1-based */
  readonly line: number
  /** 1-based */
  readonly column: number
  /** A sentence without its full stop. Shows no value of the file. */
  readonly rule: string
  /** The key whose value is wrong. */
  readonly key?: string
}

interface Section {
  /** As it stands in the file: `[profile dev]`. */
  readonly header: string
  readonly line: number
  readonly properties: ReadonlyMap<string, Property>
  readonly problems: ReadonlyArray<Problem>
}

/** A line that looks like a section's header, wherever it stands. */
export interface Header {
  /** As it stands in the file: `[Profile dev]`. */
  readonly text: string
  /** What is in the brackets. */
  readonly content: string
  /** 1-based */
  readonly line: number
}

export interface IniFile {
  /** The names of the sections of a kind, in the order of the file. */
  readonly names: (kind: SectionKind) => ReadonlyArray<string>
  /** All sections of that kind and name, merged. */
  readonly section: (kind: SectionKind, name: string) => Section | undefined
  /** Errors in lines that belong to no known section: any section may be the one that they hide. */
  readonly errors: ReadonlyArray<Problem>
  /** All lines that look like headers, also those that are skipped. Reads the whole file. */
  readonly headers: () => ReadonlyArray<Header>
  /** The keys below the header in a line, also of a section that is skipped. */
  readonly keysBelow: (line: number) => ReadonlyArray<string>
  /** All errors and warnings, by line. Reads the whole file. */
  readonly problems: () => ReadonlyArray<Problem>
}

export const rules = {
  header: "A section header is \"[\", a name and \"]\", followed by nothing but a comment",
  property: "A line is \"key = value\", a comment, or a [section header]",
  key: "There is no key before the \"=\"",
  nested: "Lines indented below a key without a value are \"name = value\"",
  orphan: "There is no [section header] above this key",
  unknown: "Sections are [default], [profile NAME], [sso-session NAME] and [services NAME]: this one is skipped",
  credentials:
    "In the credentials file a profile is [NAME], and other kinds of section do not count: this one is skipped",
  bareDefault: "[profile default] takes the place of [default]: this one is skipped",
  name: "Names are letters, digits and _-/.%@:+, and some AWS tools do not see this section",
  repeatedSection: "The section stands above already: both are read as one, but the AWS CLI refuses the file",
  repeatedKey: "The key stands above already: the last one counts, but the AWS CLI refuses the file",
  indented: "The line is read as if it were not indented, but some AWS SDKs take it for part of the property above",
  continuedLine: "The line is indented deeper than the property above and continues its value, which has one line only",
  continuedKey: "The line is indented deeper than the property above, so it continues that value and sets no key",
  continuedHeader:
    "The header is indented deeper than the property above, so the AWS CLI takes it for part of that value",
  control: "The value holds a control character or line break",
  carriageReturn: "The line holds a carriage return, where the AWS CLI begins a new line and other tools do not",
  encoding: "The line holds bytes that are not UTF-8",
  utf16le: "The file is in UTF-16 (little-endian), as Windows PowerShell writes it, and not in UTF-8",
  utf16be: "The file is in UTF-16 (big-endian), and not in UTF-8"
} as const

/** What to do about an error, as a sentence. */
export const remedyOf = ({ key, rule }: Problem): string => {
  switch (rule) {
    case rules.continuedLine:
      return `Remove the line, or indent it no deeper than "${key}" if it sets a key of its own.`
    case rules.continuedKey:
      return `Indent it no deeper than "${key}" to set a key of its own, or remove it.`
    case rules.continuedHeader:
      return "Remove its indentation."
    case rules.carriageReturn:
      return "Save the file with one kind of line ends."
    case rules.encoding:
    case rules.utf16le:
    case rules.utf16be:
      return "Save the file as UTF-8."
    default:
      return "Correct or remove that line."
  }
}

const NEWLINE = 0x0a
const RETURN = 0x0d
const SPACE = 0x20
const HASH = 0x23
const SEMICOLON = 0x3b
const EQUALS = 0x3d
const OPEN = 0x5b
const CLOSE = 0x5d
const BYTE_ORDER_MARK = 0xfeff

/** White space within a line: what JavaScript or Python trims. */
const isBlank = (code: number): boolean =>
  code === SPACE || (code < 0x80
    ? code === 0x09 || (code >= 0x0b && code <= RETURN) || (code >= 0x1c && code <= 0x1f)
    : isBlankBeyondAscii(code))

const isBlankBeyondAscii = (code: number): boolean =>
  code === 0x85 || code === 0xa0 || code === 0x1680 || (code >= 0x2000 && code <= 0x200a) || code === 0x2028 ||
  code === 0x2029 || code === 0x202f || code === 0x205f || code === 0x3000 || code === BYTE_ORDER_MARK

const isComment = (code: number): boolean => code === HASH || code === SEMICOLON

const skipBlanks = (text: string, start: number, end: number): number => {
  while (start < end && isBlank(text.charCodeAt(start))) start++
  return start
}

const skipBlanksBack = (text: string, start: number, end: number): number => {
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return end
}

/** Where the next line begins. */
export const nextLine = (text: string, start: number): number => {
  const newline = text.indexOf("\n", start)
  return newline === -1 ? text.length : newline + 1
}

/** Where the visible part of a line ends, given where the next line begins. */
const contentEnd = (text: string, start: number, next: number): number =>
  skipBlanksBack(text, start, next > start && text.charCodeAt(next - 1) === NEWLINE ? next - 1 : next)

/** The characters of white space before the content of a line. A byte order mark has no width. */
const indentation = (text: string, start: number, content: number): number => {
  let width = content - start
  for (let at = start; at < content; at++) {
    if (text.charCodeAt(at) === BYTE_ORDER_MARK) width--
  }
  return width
}

/** Below a header, a line of any indentation is a property of its own. */
const NO_PROPERTY = Infinity

/** A section of the text, from the line of its header to the next header. */
export interface Block {
  readonly kind: SectionKind
  readonly name: string
  /** Whether the header is a bare `[default]`, which is ignored if there is a `[profile default]`. */
  readonly bare: boolean
  readonly start: number
  readonly end: number
  /** Of the header. */
  readonly line: number
  /** Why the header cannot be read, though it tells the section's name. */
  readonly problem: Problem | undefined
}

/** A stretch that belongs to no section: before the first header, or below one that is broken or skipped. */
export interface Stray {
  readonly problem: Problem | undefined
  readonly start: number
  readonly end: number
  readonly line: number
}

export interface Blocks {
  readonly sections: ReadonlyArray<Block>
  readonly strays: ReadonlyArray<Stray>
  /** Headers that stand within the value of a property above. */
  readonly hidden: ReadonlyArray<Block>
}

const isSection = (block: Block | Stray): block is Block => "kind" in block

/** The block that the header in the line at `start` begins. */
const blockAt = (
  text: string,
  start: number,
  end: number,
  line: number,
  fileKind: FileKind
): Block | Stray => {
  const lineEnd = contentEnd(text, start, nextLine(text, start))
  const open = skipBlanks(text, start, lineEnd)
  // Not `text.indexOf`: it searches all the rest of the text when the line has none.
  let close = open
  while (close < lineEnd && text.charCodeAt(close) !== CLOSE) close++
  const behind = skipBlanks(text, close + 1, lineEnd)
  const isBroken = close === lineEnd || (behind < lineEnd && !isComment(text.charCodeAt(behind)))
  const error: Problem | undefined = isBroken
    ? { severity: "error", line, column: (close === lineEnd ? open : behind) - start + 1, rule: rules.header }
    : undefined
  const stray = (rule: string): Stray => ({
    problem: error ?? { severity: "warning", line, column: open - start + 1, rule },
    start,
    end,
    line
  })
  const nameEnd = skipBlanksBack(text, open + 1, close === lineEnd ? commentStart(text, open, lineEnd) : close)
  const content = skipBlanks(text, open + 1, nameEnd)
  const kind = kindAt(text, content)
  if (content === nameEnd) return stray(rules.unknown)
  const section = (kind: SectionKind, name: string, bare: boolean): Block => ({
    kind,
    name,
    bare,
    start,
    end,
    line,
    problem: error
  })
  if (fileKind === "credentials") {
    return kind === undefined ? section("profile", text.slice(content, nameEnd), false) : stray(rules.credentials)
  }
  if (kind !== undefined && content + kind.length < nameEnd) {
    return section(kind, unquote(text.slice(skipBlanks(text, content + kind.length, nameEnd), nameEnd)), false)
  }
  return nameEnd - content === "default".length && text.startsWith("default", content)
    ? section("profile", "default", true)
    : stray(rules.unknown)
}

const kinds: ReadonlyArray<SectionKind> = ["profile", "sso-session", "services"]

/** The kind that a header's content begins with, if white space follows. */
const kindAt = (text: string, start: number): SectionKind | undefined => {
  for (const kind of kinds) {
    if (text.startsWith(kind, start) && isBlank(text.charCodeAt(start + kind.length))) return kind
  }
  return undefined
}

/** The AWS CLI quotes a name with spaces for a shell: `'my own'`, `'it'"'"'s'`. */
const unquote = (name: string): string => {
  if (!name.includes("'") && !name.includes("\"")) return name
  let plain = ""
  let from = 0
  for (let at = 0; at < name.length; at++) {
    const sign = name.charAt(at)
    if (isBlank(name.charCodeAt(at))) return name
    if (sign !== "'" && sign !== "\"") continue
    const close = name.indexOf(sign, at + 1)
    if (close === -1) return name
    plain += name.slice(from, at) + name.slice(at + 1, close)
    at = close
    from = close + 1
  }
  return plain + name.slice(from)
}

/** Where the first line begins: a byte order mark is not part of it. */
const firstLine = (text: string): number => text.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0

/** Whether a `[` has nothing but white space before it in its line. Only then is the indentation of headers needed. */
const hasIndentedBracket = (text: string): boolean => {
  const first = firstLine(text)
  for (let open = text.indexOf("[", first); open !== -1; open = text.indexOf("[", open + 1)) {
    const start = skipBlanksBack(text, first, open)
    if (start < open && (start === first || text.charCodeAt(start - 1) === NEWLINE)) return true
  }
  return false
}

/** Cuts the text at its headers. */
export const blocks = (text: string, fileKind: FileKind): Blocks => {
  const sections: Array<Block> = []
  const strays: Array<Stray> = []
  const hidden: Array<Block> = []
  let start = firstLine(text)
  let startLine = 1
  let hasHeader = false
  const finish = (end: number): void => {
    if (start === end) return
    const block = hasHeader
      ? blockAt(text, start, end, startLine, fileKind)
      : { problem: undefined, start, end, line: startLine }
    if (isSection(block)) sections.push(block)
    else strays.push(block)
  }
  let above = NO_PROPERTY
  for (let at = start, line = 1, next = at; at < text.length; at = next, line++) {
    next = nextLine(text, at)
    const content = skipBlanks(text, at, next)
    const code = text.charCodeAt(content)
    if (content === next || code === NEWLINE || isComment(code)) continue
    const indent = content === at ? 0 : indentation(text, at, content)
    if (indent > above) {
      if (code !== OPEN) continue
      const block = blockAt(text, at, next, line, fileKind)
      const problem: Problem = { severity: "error", line, column: content - at + 1, rule: rules.continuedHeader }
      if (isSection(block) && block.problem === undefined) hidden.push({ ...block, problem })
    } else if (code === OPEN) {
      finish(at)
      start = at
      startLine = line
      hasHeader = true
      above = NO_PROPERTY
    } else {
      above = indent
    }
  }
  finish(text.length)
  return { sections, strays, hidden }
}

/**
 * The blocks of one name, as `blocks` gives them, in a text whose headers are not indented. The line of a header holds
 * the name, or quotes to take off; only lines are counted besides, so a program that has just started is fast, too.
 */
const search = (text: string, fileKind: FileKind, kind: SectionKind, name: string): ReadonlyArray<Block> => {
  const found: Array<Block> = []
  const starts = new Set([name, "'", "\""].flatMap((part) => headersWith(text, part)))
  let line = 1
  let counted = 0
  for (const start of [...starts].sort((a, b) => a - b)) {
    line += newlines(text, counted, start)
    counted = start
    const block = blockAt(text, start, nextHeader(text, start + 1), line, fileKind)
    if (isSection(block) && block.kind === kind && block.name === name) found.push(block)
  }
  return found
}

/** Where the headers begin whose line holds a part. */
const headersWith = (text: string, part: string): ReadonlyArray<number> => {
  const starts: Array<number> = []
  // The empty name stands in quotes.
  if (part === "") return starts
  const first = firstLine(text)
  for (let at = text.indexOf(part, first); at !== -1; at = text.indexOf(part, nextLine(text, at))) {
    const start = Math.max(first, text.lastIndexOf("\n", at) + 1)
    if (text.charCodeAt(start) === OPEN) starts.push(start)
  }
  return starts
}

/** Where the next line begins that starts with a `[`. */
const nextHeader = (text: string, start: number): number => {
  let open = text.indexOf("[", start)
  while (open !== -1 && text.charCodeAt(open - 1) !== NEWLINE) open = text.indexOf("[", open + 1)
  return open === -1 ? text.length : open
}

const newlines = (text: string, start: number, end: number): number => {
  let count = 0
  for (let at = text.indexOf("\n", start); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) count++
  return count
}

/** The blocks of one name that are used: beside a `[profile default]`, a bare `[default]` is ignored. */
export const counting = (same: ReadonlyArray<Block>): ReadonlyArray<Block> => {
  const prefixed = same.filter(({ bare }) => !bare)
  return prefixed.length > 0 ? prefixed : same
}

/** Gets the lines of a block, one call for each line that is not blank or a comment. Offsets are into the text. */
export interface Visitor {
  /** The line is from `start` to `end`, newline included. The value is trimmed and without its comment. */
  readonly property: (
    key: string,
    valueStart: number,
    valueEnd: number,
    line: number,
    start: number,
    end: number
  ) => void
  /** A line that continues the property above. */
  readonly continuation: (valueStart: number, valueEnd: number, end: number) => void
  /** A line nested below the property above. */
  readonly nested: (key: string, valueStart: number, valueEnd: number, line: number, end: number) => void
  readonly problem: (severity: Problem["severity"], line: number, column: number, rule: string, key?: string) => void
}

export const visit = (text: string, block: Block | Stray, visitor: Visitor): void => {
  let above = NO_PROPERTY
  let key = ""
  // A property with a value has continuation lines, a property without a value has nested lines, a broken line neither.
  let below: "Continuation" | "Nested" | "Nothing" = "Nothing"
  const hasHeader = text.charCodeAt(skipBlanks(text, block.start, block.end)) === OPEN
  let start = hasHeader ? nextLine(text, block.start) : block.start
  let line = hasHeader ? block.line + 1 : block.line
  for (let next = start; start < block.end; start = next, line++) {
    next = nextLine(text, start)
    const end = contentEnd(text, start, next)
    const first = skipBlanks(text, start, end)
    if (first === end || isComment(text.charCodeAt(first))) continue
    const column = first - start + 1
    const indent = first === start ? 0 : indentation(text, start, first)
    const equals = equalsIn(text, first, end)
    if (indent > above) {
      const isPair = equals !== end && equals !== first
      const name = isPair ? text.slice(first, skipBlanksBack(text, first, equals)).toLowerCase() : ""
      if (isHeader(text, first, end)) {
        visitor.problem("error", line, column, rules.continuedHeader)
      } else if (below !== "Nothing" && isSingleLine(key)) {
        visitor.problem("error", line, column, rules.continuedLine, key)
      } else if (below === "Continuation" && decides(name, key)) {
        visitor.problem("error", line, column, rules.continuedKey, key)
      } else if (below === "Continuation" && looksLikeKey(name)) {
        visitor.problem("warning", line, column, rules.continuedKey, key)
      } else if (below === "Nested" && !isPair) {
        visitor.problem("error", line, column, rules.nested)
      }
      if (below === "Continuation") {
        visitor.continuation(first, end, next)
      } else if (below === "Nested" && isPair) {
        const valueEnd = skipBlanksBack(text, equals + 1, commentStart(text, equals, end))
        visitor.nested(name, skipBlanks(text, equals + 1, valueEnd), valueEnd, line, next)
      }
      continue
    }
    above = indent
    if (equals === end || equals === first) {
      below = "Nothing"
      visitor.problem("error", line, column, equals === first ? rules.key : rules.property)
      continue
    }
    key = text.slice(first, skipBlanksBack(text, first, equals)).toLowerCase()
    const valueEnd = skipBlanksBack(text, equals + 1, commentStart(text, equals, end))
    const valueStart = skipBlanks(text, equals + 1, valueEnd)
    if (indent > 0) visitor.problem("warning", line, 1, rules.indented)
    below = valueStart === valueEnd ? "Nested" : "Continuation"
    visitor.property(key, valueStart, valueEnd, line, start, next)
  }
}
/** Whether the content of a line is a section header. */
const isHeader = (text: string, start: number, end: number): boolean => {
  if (text.charCodeAt(start) !== OPEN) return false
  let close = start
  while (close < end && text.charCodeAt(close) !== CLOSE) close++
  const behind = skipBlanks(text, close + 1, end)
  return close < end && (behind >= end || isComment(text.charCodeAt(behind)))
}

/**
 * Whether a line within the value of another key may be meant as a key that decides the identity or the region. A
 * command has arguments such as `--role-arn=x` in its further lines.
 */
const decides = (name: string, key: string): boolean =>
  isKnownKey(name) || (isKnownKey(key) ? misspelt(name) : resembled(name)) !== undefined

const looksLikeKey = (name: string): boolean => name.length < 100 && /^[a-z_][\w.-]*$/.test(name)

/** Where the "=" of a line is, before its comment, or else the line ends. */
const equalsIn = (text: string, start: number, end: number): number => {
  for (let index = start; index < end; index++) {
    const code = text.charCodeAt(index)
    if (code === EQUALS) return index
    if (isBlank(code) && isComment(text.charCodeAt(index + 1))) return end
  }
  return end
}

/** Where the comment of a line starts, at white space and a `#` or `;`, or else the line ends. */
const commentStart = (text: string, start: number, end: number): number => {
  for (let index = start; index < end - 1; index++) {
    if (isBlank(text.charCodeAt(index)) && isComment(text.charCodeAt(index + 1))) return index
  }
  return end
}

const none: ReadonlyMap<string, Property> = new Map()

/** Characters that no one-line value holds. A decoder replaces bytes that are not UTF-8 by U+FFFD. */
const unexpected = /(?!\t)\p{Cc}|[\u2028\u2029\ufffd]/u

/** Whether editors show what follows in a line of its own, so that a key there looks like one. */
const isLineEnd = (sign: string): boolean => /[\r\v\f\u0085\u2028\u2029]/.test(sign)

/** Adds the properties of a block of the text to a section's, and returns the problems of the block. */
const reader = (text: string) => {
  let properties = new Map<string, Property>()
  let problems: Array<Problem> = []
  let key = ""
  let below: Map<string, Property> | undefined
  // One visitor for all blocks: making one for each costs more than reading a block.
  const visitor: Visitor = {
    property(name, start, end, line) {
      if (properties.has(name)) problems.push({ severity: "warning", line, column: 1, rule: rules.repeatedKey })
      key = name
      below = undefined
      const value = text.slice(start, end)
      const at = value.search(unexpected)
      if (at !== -1) {
        const rule = value.charAt(at) === "\ufffd" ? rules.encoding : rules.control
        const severity = isSingleLine(name) || isLineEnd(value.charAt(at)) ? "error" : "warning"
        const column = start + at - text.lastIndexOf("\n", start)
        problems.push({ severity, line, column, rule, key: name })
      }
      properties.set(name, { value, line, nested: none })
    },
    continuation(start, end) {
      const property = properties.get(key)
      if (property === undefined) return
      properties.set(key, { ...property, value: `${property.value}\n${text.slice(start, end)}` })
    },
    nested(name, start, end, line) {
      const property = properties.get(key)
      if (property === undefined) return
      if (below === undefined) {
        below = new Map()
        properties.set(key, { ...property, nested: below })
      }
      below.set(name, { value: text.slice(start, end), line, nested: none })
    },
    problem(severity, line, column, rule, key) {
      problems.push(key === undefined ? { severity, line, column, rule } : { severity, line, column, rule, key })
    }
  }
  return (into: Map<string, Property>, block: Block | Stray): ReadonlyArray<Problem> => {
    properties = into
    problems = []
    key = ""
    // Below a broken header, the section of these lines is unknown.
    if (block.problem !== undefined) return [block.problem]
    const divided = dividingReturn(text, block)
    if (divided !== undefined) problems.push(divided)
    visit(text, block, visitor)
    return problems
  }
}

/**
 * The first carriage return of a block that divides a line in two for Python, and so for the AWS CLI, but not for
 * AWS's SDKs.
 */
const dividingReturn = (text: string, block: Block | Stray): Problem | undefined => {
  // Not `text.indexOf`: it searches all the rest of the text when the block has none.
  const own = text.slice(block.start, block.end)
  let at = own.indexOf("\r")
  while (at !== -1) {
    const before = skipBlanksBack(own, 0, at)
    const after = skipBlanks(own, at + 1, own.length)
    const isWithin = before > 0 && own.charCodeAt(before - 1) !== NEWLINE && after < own.length &&
      own.charCodeAt(after) !== NEWLINE && !isComment(own.charCodeAt(after))
    if (isWithin) {
      const column = at - own.lastIndexOf("\n", at)
      return { severity: "error", line: block.line + newlines(own, 0, at), column, rule: rules.carriageReturn }
    }
    at = own.indexOf("\r", after)
  }
  return undefined
}

/** Whether every AWS tool sees the name without quotes. */
export const isPlainName = (name: string): boolean => name !== "" && !/[^\w\-/.%@:+]/.test(name)

type ByName<A> = Record<SectionKind, Map<string, A>>

const byName = <A>(): ByName<A> => ({ profile: new Map(), "sso-session": new Map(), services: new Map() })

interface Index {
  /** Most names have one block. */
  readonly blocks: ByName<Block | Array<Block>>
  readonly strays: ReadonlyArray<Stray>
  readonly hidden: ByName<Block>
}

const makeIndex = (text: string, fileKind: FileKind): Index => {
  const { hidden, sections, strays } = blocks(text, fileKind)
  const index = byName<Block | Array<Block>>()
  for (const block of sections) {
    const same = index[block.kind].get(block.name)
    if (same === undefined) index[block.kind].set(block.name, block)
    else if (Array.isArray(same)) same.push(block)
    else index[block.kind].set(block.name, [same, block])
  }
  const hiddenIndex = byName<Block>()
  for (const block of hidden) hiddenIndex[block.kind].set(block.name, block)
  return { blocks: index, strays, hidden: hiddenIndex }
}

/** So many searches cost as much as the index. After them, the index is built. */
const maxSearches = 4

const maxHeaderLength = 200

/** The problem of a UTF-16 file that was decoded as UTF-8: U+FFFD for its byte order mark, and a NUL in each letter. */
const utf16 = (text: string): string | undefined => {
  const first = text.startsWith("\ufffd\ufffd") ? 2 : firstLine(text)
  const [isHighFirst, isLowFirst] = [text.charAt(first) === "\0", text.charAt(first + 1) === "\0"]
  if (isHighFirst === isLowFirst) return undefined
  return isHighFirst ? rules.utf16be : rules.utf16le
}

/** A file that cannot be read at all. Any section may be in it, so each fails. */
const unreadable = (rule: string): IniFile => {
  const problem: Problem = { severity: "error", line: 1, column: 1, rule }
  return {
    names: () => [],
    section: () => ({ header: "The file", line: 1, properties: none, problems: [problem] }),
    errors: [problem],
    headers: () => [],
    keysBelow: () => [],
    problems: () => [problem]
  }
}

export const open = (text: string, fileKind: FileKind): IniFile => {
  const encoding = utf16(text)
  if (encoding !== undefined) return unreadable(encoding)
  const sections = byName<Section>()
  const readInto = reader(text)
  let searches = 0
  let known: Index | undefined
  let errors: ReadonlyArray<Problem> | undefined
  let byLine: ReadonlyMap<number, Block | Stray> | undefined
  const index = (): Index => known ??= makeIndex(text, fileKind)
  let indented: boolean | undefined
  const isSearchable = (): boolean => !(indented ??= hasIndentedBracket(text))

  const named = (kind: SectionKind, name: string): ReadonlyArray<Block> => {
    if (known === undefined && searches++ < maxSearches && isSearchable()) return search(text, fileKind, kind, name)
    const same = index().blocks[kind].get(name) ?? []
    return Array.isArray(same) ? same : [same]
  }

  /** Lines below a header that is skipped are not checked. Lines below a broken header may belong to any section. */
  const strayProblems = (stray: Stray): ReadonlyArray<Problem> => {
    if (stray.problem !== undefined) return [stray.problem]
    const properties = new Map<string, Property>()
    const problems = readInto(properties, stray).filter(isError)
    const orphan = ({ line }: Property): Problem => ({ severity: "error", line, column: 1, rule: rules.orphan })
    return [...problems, ...Array.from(properties.values(), orphan)]
  }

  const headerOf = (start: number): string => {
    const end = contentEnd(text, start, nextLine(text, start))
    const open = skipBlanks(text, start, end)
    const header = text.slice(open, Math.min(end, open + maxHeaderLength))
    const close = header.indexOf("]")
    return close === -1 ? `${header}${end > open + maxHeaderLength ? "…" : ""}` : header.slice(0, close + 1)
  }

  const read = (kind: SectionKind, name: string): Section | undefined => {
    const counted = counting(named(kind, name))
    const hidden = known?.hidden[kind].get(name)
    const first = counted[0] ?? hidden
    if (first === undefined) return undefined
    const properties = new Map<string, Property>()
    const problems = counted.flatMap((block) => readInto(properties, block))
    if (hidden?.problem !== undefined) problems.push(hidden.problem)
    return { header: headerOf(first.start), line: first.line, properties, problems }
  }

  return {
    names: (kind) => [...index().blocks[kind].keys()],
    section(kind, name) {
      const section = sections[kind].get(name) ?? read(kind, name)
      if (section !== undefined) sections[kind].set(name, section)
      return section
    },
    get errors() {
      return errors ??= index().strays.flatMap(strayProblems).filter(isError)
    },
    headers() {
      const headers: Array<Header> = []
      for (let start = firstLine(text), line = 1; start < text.length; start = nextLine(text, start), line++) {
        if (text.charCodeAt(skipBlanks(text, start, text.length)) !== OPEN) continue
        const header = headerOf(start)
        headers.push({ text: header, content: header.slice(1, header.endsWith("]") ? -1 : undefined).trim(), line })
      }
      return headers
    },
    keysBelow(line) {
      if (byLine === undefined) {
        const { sections, strays } = blocks(text, fileKind)
        byLine = new Map([...sections, ...strays].map((block) => [block.line, block]))
      }
      const block = byLine.get(line)
      const properties = new Map<string, Property>()
      if (block !== undefined) readInto(properties, { ...block, problem: undefined })
      return [...properties.keys()]
    },
    problems() {
      const problems: Array<Problem> = index().strays.flatMap(strayProblems)
      for (const kind of kinds) {
        for (const name of index().blocks[kind].keys()) {
          const same = named(kind, name)
          const counted = counting(same)
          const properties = new Map<string, Property>()
          for (const block of same) {
            const warn = (rule: string) => problems.push({ severity: "warning", line: block.line, column: 1, rule })
            if (block.bare && counted.length < same.length) {
              warn(rules.bareDefault)
              continue
            }
            if (!isPlainName(name)) warn(rules.name)
            if (text.charCodeAt(block.start) !== OPEN) warn(rules.indented)
            if (block !== counted[0]) warn(rules.repeatedSection)
            for (const problem of readInto(properties, block)) problems.push(problem)
          }
        }
      }
      return problems.sort((a, b) => a.line - b.line)
    }
  }
}

const isError = ({ severity }: Problem): boolean => severity === "error"
