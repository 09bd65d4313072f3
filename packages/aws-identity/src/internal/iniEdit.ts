/** Changes keys of one section of a config file. Every byte that does not belong to those keys stays as it is. */
import * as Ini from "./ini.js"

/** Values by key; null removes the key. */
export type Changes = ReadonlyMap<string, string | null>

/** A range of the text. */
interface Span {
  readonly start: number
  readonly end: number
}

/** A property whose key is changed. */
interface Place {
  readonly key: string
  readonly value: Span
  /** The property's own line, with its line end. */
  readonly line: Span
  /** The lines that continue the value or are nested below the key, without the comments between them. */
  readonly below: Array<Span>
  nested: boolean
}

const rules = {
  neighbour: "A line continues this key, but looks like a key or a section of its own",
  nested: "The lines nested below this key would become part of its value",
  carriageReturn: "The line holds a carriage return, which some AWS tools read as the end of the line"
} as const

/**
 * Sets the keys of a section and returns the whole text. The caller has checked that keys and values are read back
 * unchanged. The comment after a value stays. A new key is added below the section's last property, with the same
 * indentation. A new section is added at the end of the text.
 *
 * Returns a problem instead if the change would remove or hide a line that may be meant as another key or section.
 */
export const edit = (text: string, kind: Ini.SectionKind, name: string, changes: Changes): string | Ini.Problem => {
  const all = Ini.blocks(text, "config")
  const blocks = Ini.counting(all.sections.filter((block) => block.kind === kind && block.name === name))
  const last = blocks.at(-1)
  if (last === undefined) return addSection(text, kind, name, changes)

  const places: Array<Place> = []
  const counting = new Map<string, Place>()
  let lastProperty: number | undefined
  // Where a new key goes.
  let bottom = Ini.nextLine(text, last.start)
  for (const block of blocks) {
    const hidden = /\r[^\r\n]/.exec(text.slice(block.start, block.end))
    if (hidden !== null) return problemAt(text, block.start + hidden.index, rules.carriageReturn)
    let place: Place | undefined
    const below = (valueStart: number, end: number, nested: boolean): void => {
      if (block === last) bottom = end
      if (place === undefined) return
      place.below.push({ start: lineStart(text, valueStart), end })
      place.nested ||= nested
    }
    Ini.visit(text, block, {
      property(key, valueStart, valueEnd, _, start, end) {
        place = undefined
        if (block === last) {
          bottom = end
          lastProperty = start
        }
        if (!changes.has(key)) return
        place = { key, value: { start: valueStart, end: valueEnd }, line: { start, end }, below: [], nested: false }
        places.push(place)
        counting.set(key, place)
      },
      continuation: (valueStart, _, end) => below(valueStart, end, false),
      nested: (_, valueStart, __, ___, end) => below(valueStart, end, true),
      problem: () => {}
    })
  }

  let result = ""
  let from = 0
  const replace = ({ end, start }: Span, by: string): void => {
    result += text.slice(from, start) + by
    from = end
  }
  for (const place of places) {
    const value = changes.get(place.key) ?? null
    if (value !== null && (counting.get(place.key) !== place || isAlready(text, place, value))) continue
    if (place.nested && value !== null) return problemAt(text, place.line.start, rules.nested)
    if (!place.nested && place.below.some((line) => looksLikeNeighbour(text, line))) {
      return problemAt(text, place.line.start, rules.neighbour)
    }
    if (value === null) replace(place.line, "")
    else replace(place.value, place.value.start === place.value.end && value !== "" ? ` ${value}` : value)
    for (const line of place.below) replace(line, "")
  }

  const added = linesOf(new Map([...changes].filter(([key]) => !counting.has(key))))
  if (added.length > 0) {
    const indentation = lastProperty === undefined
      ? longest(indentationAt(text, last.start), last.end < text.length ? indentationAt(text, last.end) : "")
      : indentationAt(text, lastProperty)
    const newline = newlineAbove(text, bottom)
    const lines = added.map((line) => indentation + line + newline).join("")
    replace({ start: bottom, end: bottom }, endOfLine(text.slice(0, bottom), newline) + lines)
  }
  return result + text.slice(from)
}

const addSection = (text: string, kind: Ini.SectionKind, name: string, changes: Changes): string | Ini.Problem => {
  const lines = linesOf(changes)
  if (changes.size > 0 && lines.length === 0) return text
  const hidden = /\r[^\S\n]*\[/.exec(text)
  if (hidden !== null) return problemAt(text, hidden.index, rules.carriageReturn)
  const newline = newlineAbove(text, text.length)
  const gap = text === "" || text === "\ufeff" ? "" : endOfLine(text, newline) + newline
  return text + gap + [headerOf(kind, name), ...lines].map((line) => line + newline).join("")
}

const isAlready = (text: string, { below, nested, value: { end, start } }: Place, value: string): boolean =>
  (nested || below.length === 0) && text.slice(start, end) === value

/** Whether a continuation line may be meant as a key or a section of its own. */
const looksLikeNeighbour = (text: string, { end, start }: Span): boolean =>
  /^\s*(?:\[|[A-Za-z0-9_][\w.-]*\s*=)/.test(text.slice(start, end))

const problemAt = (text: string, at: number, rule: string): Ini.Problem => {
  let line = 1
  for (let end = text.indexOf("\n"); end !== -1 && end < at; end = text.indexOf("\n", end + 1)) line++
  return { severity: "error", line, column: 1, rule }
}

const linesOf = (changes: Changes): ReadonlyArray<string> =>
  [...changes].flatMap(([key, value]) => value === null ? [] : [`${key} = ${value}`])

const lineStart = (text: string, at: number): number => at === 0 ? 0 : text.lastIndexOf("\n", at - 1) + 1

/** The white space before the content of a line. A byte order mark has no width. */
const indentationAt = (text: string, start: number): string => {
  let end = start
  while (/[^\S\n]/.test(text.charAt(end))) end++
  return text.slice(start, end).replace(/\ufeff/g, "")
}

/** The longer indentation. A header below a new key would continue it if the header were indented deeper. */
const longest = (left: string, right: string): string => right.length > left.length ? right : left

/** The line end of the line above, or of the last line before it that has one. */
const newlineAbove = (text: string, at: number): string => {
  if (text.charAt(at - 1) === "\r") return "\r\n"
  const end = at === 0 ? -1 : text.lastIndexOf("\n", at - 1)
  return end > 0 && text.charAt(end - 1) === "\r" ? "\r\n" : "\n"
}

/** The line end that the last line of a text lacks. */
const endOfLine = (text: string, newline: string): string => {
  if (text === "" || text.endsWith("\n")) return ""
  return text.endsWith("\r") ? "\n" : newline
}

const headerOf = (kind: Ini.SectionKind, name: string): string =>
  kind === "profile" && name === "default" ? "[default]" : `[${kind} ${quoted(name)}]`

/** Quotes names of more than one word as the AWS CLI does. */
const quoted = (name: string): string => {
  if (Ini.isPlainName(name)) return name
  return name.includes("'") ? `"${name}"` : `'${name}'`
}
