/** Changes to a config file that leave every byte alone which they are not about. */
import * as Ini from "./ini.js"

/** Values by key; null takes the key out. */
export type Changes = ReadonlyMap<string, string | null>

interface Place {
  readonly valueStart: number
  readonly valueEnd: number
  readonly start: number
  /** Where the property's own line ends. */
  readonly lineEnd: number
  /** Where its last continuation or nested line ends. */
  end: number
}

/**
 * The text with a section's keys set. Keys and values are taken as they are: the caller has seen to it that they can
 * stand in a line. A value keeps the comment behind it; a new key goes below the section's last, a new section to
 * the end.
 */
export const edit = (text: string, kind: Ini.SectionKind, name: string, changes: Changes): string => {
  const newline = text.includes("\r\n") ? "\r\n" : "\n"
  const blocks = Ini.counting(
    Ini.blocks(text, "config").sections.filter((block) => block.kind === kind && block.name === name)
  )
  const last = blocks.at(-1)
  if (last === undefined) {
    if (changes.size > 0 && linesOf(changes).length === 0) return text
    const lines = [headerOf(kind, name), ...linesOf(changes)]
    return `${text}${gapBelow(text, newline)}${lines.map((line) => line + newline).join("")}`
  }

  const places = new Map<string, Array<Place>>()
  // Where a new key goes: below what the last block says last, or else below its header.
  let bottom = Ini.nextLine(text, last.start)
  for (const block of blocks) {
    let place: Place | undefined
    const extend = (end: number): void => {
      if (place !== undefined) place.end = end
      if (block === last) bottom = end
    }
    Ini.visit(text, block, {
      property(key, valueStart, valueEnd, _, start, end) {
        place = { valueStart, valueEnd, start, lineEnd: end, end }
        places.set(key, [...places.get(key) ?? [], place])
        extend(end)
      },
      continuation: (_, __, end) => extend(end),
      nested: (_, __, ___, ____, end) => extend(end),
      problem: () => {}
    })
  }

  const cuts: Array<{ readonly start: number; readonly end: number; readonly text: string }> = []
  const added = new Map<string, string>()
  for (const [key, value] of changes) {
    const known = places.get(key) ?? []
    const counts = known.at(-1)
    if (value === null) {
      for (const { end, start } of known) cuts.push({ start, end, text: "" })
    } else if (counts === undefined) {
      added.set(key, value)
    } else {
      const { end, lineEnd, valueEnd, valueStart } = counts
      cuts.push({
        start: valueStart,
        end: valueEnd,
        text: valueStart === valueEnd && value !== "" ? ` ${value}` : value
      })
      cuts.push({ start: lineEnd, end, text: "" })
    }
  }
  const lineAbove = endOfLine(text.slice(0, bottom), newline)
  cuts.push({
    start: bottom,
    end: bottom,
    text: linesOf(added).map((line, index) => (index === 0 ? lineAbove : "") + line + newline).join("")
  })

  let result = ""
  let from = 0
  for (const cut of cuts.sort((a, b) => a.start - b.start || a.end - b.end)) {
    result += text.slice(from, cut.start) + cut.text
    from = cut.end
  }
  return result + text.slice(from)
}

const linesOf = (changes: Changes): ReadonlyArray<string> =>
  [...changes].flatMap(([key, value]) => value === null ? [] : [`${key} = ${value}`])

/** What the last line of a text lacks to be a line. */
const endOfLine = (text: string, newline: string): string => {
  if (text === "" || text.endsWith("\n")) return ""
  return text.endsWith("\r") ? "\n" : newline
}

/** An empty line between what is there and a new section. */
const gapBelow = (text: string, newline: string): string =>
  text === "" || text === "\ufeff" ? "" : endOfLine(text, newline) + newline

const headerOf = (kind: Ini.SectionKind, name: string): string =>
  kind === "profile" && name === "default" ? "[default]" : `[${kind} ${quoted(name)}]`

/** As the AWS CLI quotes names that are more than one word. */
const quoted = (name: string): string => {
  if (Ini.isPlainName(name)) return name
  return name.includes("'") ? `"${name}"` : `'${name}'`
}
