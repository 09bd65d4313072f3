/**
 * The dialect of AWS's shared config files, one file at a time: text in, sections with their lines out.
 *
 * The grammar is the one that AWS's SDKs share; no library's INI is it. A line that breaks a rule harms its own
 * section only: the problem is kept beside what could be read, for whoever needs that section to raise.
 *
 * Nothing is read until it is asked for, and a section is looked for by its header alone. So it costs little to take
 * one profile from a file of thousands. Names, keys and values are slices of the text, and keep it alive.
 */

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
  /** An error spoils its section; a warning tells of something skipped, or that other tools read otherwise. */
  readonly severity: "error" | "warning"
  /** 1-based */
  readonly line: number
  /** 1-based */
  readonly column: number
  /** As a sentence without its full stop. Shows no value of the file. */
  readonly rule: string
}

interface Section {
  /** As it stands in the file: `[profile dev]`. */
  readonly header: string
  readonly line: number
  readonly properties: ReadonlyMap<string, Property>
  readonly problems: ReadonlyArray<Problem>
}

export interface IniFile {
  /** The names of the sections of a kind, in the order of the file. */
  readonly names: (kind: SectionKind) => ReadonlyArray<string>
  /** All sections of that kind and name as one. */
  readonly section: (kind: SectionKind, name: string) => Section | undefined
  /** Errors that belong to no section: any section may be the one that they hide. */
  readonly errors: ReadonlyArray<Problem>
  /** All that is wrong or odd, by line. Reads the whole file. */
  readonly problems: () => ReadonlyArray<Problem>
}

export const rules = {
  header: "A section header is \"[\", a name and \"]\", with nothing but a comment behind",
  property: "A line is \"key = value\", a comment, or a [section header]",
  key: "A key stands before the \"=\"",
  nested: "The indented lines below a key without a value are \"name = value\"",
  orphan: "A key stands in a section, below its [header]",
  unknown: "Sections are [default], [profile NAME], [sso-session NAME] and [services NAME]: this one is skipped",
  credentials: "In the credentials file a profile is [NAME], and other sections do not count: this one is skipped",
  bareDefault: "[profile default] takes the place of [default]: this one is skipped",
  name: "Names are letters, digits and _-/.%@:+; some AWS tools do not see this one",
  repeatedSection: "The section stands above already: the two are read as one, but the AWS CLI refuses the file",
  repeatedKey: "The key stands above already: the last one counts, but the AWS CLI refuses the file",
  indented: "An indented line continues the property above, and there is none: it is read as if not indented"
} as const

const TAB = 0x09
const NEWLINE = 0x0a
const RETURN = 0x0d
const SPACE = 0x20
const HASH = 0x23
const SEMICOLON = 0x3b
const EQUALS = 0x3d
const OPEN = 0x5b
const CLOSE = 0x5d

const isBlank = (code: number): boolean => code === SPACE || code === TAB
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
const contentEnd = (text: string, start: number, next: number): number => {
  let end = next
  if (end > start && text.charCodeAt(end - 1) === NEWLINE) end--
  if (end > start && text.charCodeAt(end - 1) === RETURN) end--
  return skipBlanksBack(text, start, end)
}

/** A section of the text, from its header to the next one. */
export interface Block {
  readonly kind: SectionKind
  readonly name: string
  /** A bare `[default]` gives way to `[profile default]`. */
  readonly bare: boolean
  readonly start: number
  readonly end: number
  /** Of the header. */
  readonly line: number
}

/** A stretch that belongs to no section: before the first header, or below one that is broken or does not count. */
export interface Stray {
  readonly problem: Problem | undefined
  readonly start: number
  readonly end: number
  readonly line: number
}

export interface Blocks {
  readonly sections: ReadonlyArray<Block>
  readonly strays: ReadonlyArray<Stray>
}

/** The block that a header begins. */
const blockAt = (
  text: string,
  start: number,
  end: number,
  line: number,
  fileKind: FileKind
): Block | Stray => {
  const stray = (severity: Problem["severity"], column: number, rule: string): Stray => ({
    problem: { severity, line, column, rule },
    start,
    end,
    line
  })
  const lineEnd = contentEnd(text, start, nextLine(text, start))
  // Not `text.indexOf`: it goes through all the rest of the text when a line has none.
  let close = start
  while (close < lineEnd && text.charCodeAt(close) !== CLOSE) close++
  if (close === lineEnd) return stray("error", 1, rules.header)
  const behind = skipBlanks(text, close + 1, lineEnd)
  if (behind < lineEnd && !isComment(text.charCodeAt(behind))) return stray("error", behind - start + 1, rules.header)
  const nameEnd = skipBlanksBack(text, start + 1, close)
  const content = skipBlanks(text, start + 1, nameEnd)
  const kind = kindAt(text, content)
  if (content === nameEnd) return stray("warning", 1, rules.unknown)
  if (fileKind === "credentials") {
    return kind === undefined
      ? { kind: "profile", name: text.slice(content, nameEnd), bare: false, start, end, line }
      : stray("warning", 1, rules.credentials)
  }
  if (kind !== undefined && content + kind.length < nameEnd) {
    const name = unquote(text.slice(skipBlanks(text, content + kind.length, nameEnd), nameEnd))
    return { kind, name, bare: false, start, end, line }
  }
  return text.slice(content, nameEnd) === "default"
    ? { kind: "profile", name: "default", bare: true, start, end, line }
    : stray("warning", 1, rules.unknown)
}

const kinds: ReadonlyArray<SectionKind> = ["profile", "sso-session", "services"]

/** The kind that a header's content begins with, white space behind it. */
const kindAt = (text: string, start: number): SectionKind | undefined => {
  for (const kind of kinds) {
    if (text.startsWith(kind, start) && isBlank(text.charCodeAt(start + kind.length))) return kind
  }
  return undefined
}

/** The AWS CLI writes a name with spaces as a shell would: `'my own'`, `'it'"'"'s'`. */
const unquote = (name: string): string => {
  if (!name.includes("'") && !name.includes("\"")) return name
  if (!/^(?:'[^']*'|"[^"]*"|[^\s"'])+$/.test(name)) return name
  return name.replace(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? "")
}

/** Where the first line begins: a byte order mark is no part of it. */
const firstLine = (text: string): number => text.charCodeAt(0) === 0xfeff ? 1 : 0

/** Cuts the text at its headers. */
export const blocks = (text: string, fileKind: FileKind): Blocks => {
  const sections: Array<Block> = []
  const strays: Array<Stray> = []
  let start = firstLine(text)
  let line = 1
  for (let end = start; start < text.length; start = end) {
    const headerLine = line
    do {
      end = nextLine(text, end)
      line++
    } while (end < text.length && text.charCodeAt(end) !== OPEN)
    const block = text.charCodeAt(start) === OPEN
      ? blockAt(text, start, end, headerLine, fileKind)
      : { problem: undefined, start, end, line: headerLine }
    if ("kind" in block) sections.push(block)
    else strays.push(block)
  }
  return { sections, strays }
}

/**
 * The blocks of one name, as `blocks` has them. A header has the name in it, or else quotes that come off; nothing goes
 * line by line here but the count of lines, so it costs little in a program that has just begun, too.
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
    if ("kind" in block && block.kind === kind && block.name === name) found.push(block)
  }
  return found
}

/** Where the headers begin that have a part in their line. */
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

/** The blocks of one name that count: a bare `[default]` does not beside a `[profile default]`. */
export const counting = (same: ReadonlyArray<Block>): ReadonlyArray<Block> => {
  const prefixed = same.filter(({ bare }) => !bare)
  return prefixed.length > 0 ? prefixed : same
}

/** What the lines of a block say, one call for each that says something. Offsets are into the text. */
export interface Visitor {
  /** From `start` to `end` with the newline; the value, trimmed and without its comment, is in between. */
  readonly property: (
    key: string,
    valueStart: number,
    valueEnd: number,
    line: number,
    start: number,
    end: number
  ) => void
  /** A further line of the property before. */
  readonly continuation: (valueStart: number, valueEnd: number, end: number) => void
  /** A line nested below the property before. */
  readonly nested: (key: string, valueStart: number, valueEnd: number, line: number, end: number) => void
  readonly problem: (severity: Problem["severity"], line: number, column: number, rule: string) => void
}

export const visit = (text: string, block: Block | Stray, visitor: Visitor): void => {
  // What an indented line belongs to: a property with a value goes on, one without has nested lines.
  let above: "Nothing" | "Value" | "Empty" = "Nothing"
  const hasHeader = text.charCodeAt(block.start) === OPEN
  let start = hasHeader ? nextLine(text, block.start) : block.start
  let line = hasHeader ? block.line + 1 : block.line
  for (let next = start; start < block.end; start = next, line++) {
    next = nextLine(text, start)
    const end = contentEnd(text, start, next)
    const first = skipBlanks(text, start, end)
    if (first === end || isComment(text.charCodeAt(first))) continue
    const indented = first > start
    if (indented && above === "Value") {
      visitor.continuation(first, end, next)
      continue
    }
    const nested = indented && above === "Empty"
    const equals = equalsIn(text, first, end)
    if (equals === end || equals === first) {
      const rule = nested ? rules.nested : equals === first ? rules.key : rules.property
      if (!nested) above = "Nothing"
      visitor.problem("error", line, first - start + 1, rule)
      continue
    }
    const key = text.slice(first, skipBlanksBack(text, first, equals)).toLowerCase()
    const valueEnd = skipBlanksBack(text, equals + 1, commentStart(text, equals, end))
    const valueStart = skipBlanks(text, equals + 1, valueEnd)
    if (nested) {
      visitor.nested(key, valueStart, valueEnd, line, next)
      continue
    }
    if (indented) visitor.problem("warning", line, 1, rules.indented)
    above = valueStart === valueEnd ? "Empty" : "Value"
    visitor.property(key, valueStart, valueEnd, line, start, next)
  }
}

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

/** Adds what a block of the text says to a section's properties, and gives what is wrong with it. */
const reader = (text: string) => {
  let properties = new Map<string, Property>()
  let problems: Array<Problem> = []
  let key = ""
  let below: Map<string, Property> | undefined
  // One visitor for all blocks: to make one for each costs more than to read a block.
  const visitor: Visitor = {
    property(name, start, end, line) {
      if (properties.has(name)) problems.push({ severity: "warning", line, column: 1, rule: rules.repeatedKey })
      key = name
      below = undefined
      properties.set(name, { value: text.slice(start, end), line, nested: none })
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
    problem(severity, line, column, rule) {
      problems.push({ severity, line, column, rule })
    }
  }
  return (into: Map<string, Property>, block: Block | Stray): ReadonlyArray<Problem> => {
    properties = into
    problems = []
    key = ""
    visit(text, block, visitor)
    return problems
  }
}

/** A name that every AWS tool sees, without quotes. */
export const isPlainName = (name: string): boolean => /^[\w\-/.%@:+]+$/.test(name)

type ByName<A> = Record<SectionKind, Map<string, A>>

const byName = <A>(): ByName<A> => ({ profile: new Map(), "sso-session": new Map(), services: new Map() })

interface Index {
  readonly blocks: ByName<Block | Array<Block>>
  readonly strays: ReadonlyArray<Stray>
}

/** All blocks by name: most names have one. */
const makeIndex = (text: string, fileKind: FileKind): Index => {
  const { sections, strays } = blocks(text, fileKind)
  const index = byName<Block | Array<Block>>()
  for (const block of sections) {
    const same = index[block.kind].get(block.name)
    if (same === undefined) index[block.kind].set(block.name, block)
    else if (Array.isArray(same)) same.push(block)
    else index[block.kind].set(block.name, [same, block])
  }
  return { blocks: index, strays }
}

/** So many searches cost what an index costs: whoever asks for more may ask for all. */
const maxSearches = 4

export const open = (text: string, fileKind: FileKind): IniFile => {
  const sections = byName<Section>()
  const readInto = reader(text)
  let searches = 0
  let known: Index | undefined
  let errors: ReadonlyArray<Problem> | undefined
  const index = (): Index => known ??= makeIndex(text, fileKind)

  const named = (kind: SectionKind, name: string): ReadonlyArray<Block> => {
    if (known === undefined && searches++ < maxSearches) return search(text, fileKind, kind, name)
    const same = index().blocks[kind].get(name) ?? []
    return Array.isArray(same) ? same : [same]
  }

  /** Nobody minds what is below a header that does not count; below one that is broken, nobody knows. */
  const strayProblems = (stray: Stray): ReadonlyArray<Problem> => {
    if (stray.problem !== undefined) return [stray.problem]
    const properties = new Map<string, Property>()
    const problems = readInto(properties, stray).filter(isError)
    const orphan = ({ line }: Property): Problem => ({ severity: "error", line, column: 1, rule: rules.orphan })
    return [...problems, ...Array.from(properties.values(), orphan)]
  }

  const read = (kind: SectionKind, name: string): Section | undefined => {
    const blocks = counting(named(kind, name))
    const first = blocks[0]
    if (first === undefined) return undefined
    const properties = new Map<string, Property>()
    const problems = blocks.flatMap((block) => readInto(properties, block))
    const header = text.slice(first.start, text.indexOf("]", first.start) + 1)
    return { header, line: first.line, properties, problems }
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
