/**
 * The dialect of AWS's shared config files, one file at a time: text in, sections with line numbers out.
 *
 * The grammar is the one AWS's SDKs share (no library's INI is it). A line that breaks it harms only its own
 * section: the problem is kept beside what could be read, for the reader of that section to raise.
 */

/** What a section is about; `other` is any that AWS's tools do not know, and is skipped. */
export type SectionKind = "profile" | "sso-session" | "services"

interface Property {
  readonly value: string
  /** 1-based */
  readonly line: number
  /** The indented `name = value` lines below a property with no value of its own. */
  readonly nested: ReadonlyMap<string, Property>
}

export interface Section {
  readonly kind: SectionKind
  readonly name: string
  /** The header as it stands in the file, such as `[profile dev]`. */
  readonly header: string
  readonly line: number
  readonly properties: ReadonlyMap<string, Property>
  readonly problems: ReadonlyArray<Problem>
}

export interface Problem {
  readonly line: number
  readonly text: string
}

export interface IniFile {
  readonly sections: ReadonlyArray<Section>
  /** Lines that belong to no section that could be read. */
  readonly problems: ReadonlyArray<Problem>
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] extends ReadonlyMap<infer K2, infer V> ? Map<K2, V> : A[K] }

interface OpenSection extends Mutable<Omit<Section, "problems">> {
  readonly problems: Array<Problem>
}

/** `config` has `[profile x]` and the other kinds of section; in `credentials` every section is a profile. */
export type FileKind = "config" | "credentials"

export const parse = (text: string, fileKind: FileKind): IniFile => {
  const sections = new Map<string, OpenSection>()
  const problems: Array<Problem> = []
  // What the following lines belong to: a section, nothing readable, or (undefined) a section that is skipped.
  let section: OpenSection | undefined
  let owner: Array<Problem> | undefined = problems
  let property: Mutable<Property> | undefined

  const lines = (text.charCodeAt(0) === 0xfeff ? text.slice(1) : text).split(/\r?\n/)
  for (let index = 0; index < lines.length; index++) {
    const raw = lines[index] ?? ""
    const line = index + 1
    const content = trim(raw)
    if (content === "" || raw.startsWith("#") || raw.startsWith(";")) continue

    if (raw.startsWith("[")) {
      property = undefined
      section = undefined
      owner = undefined
      const close = raw.indexOf("]")
      if (close < 0 || !/^[ \t]*(?:[#;].*)?$/.test(raw.slice(close + 1))) {
        owner = problems
        problems.push({
          line,
          text: close < 0 ? `the section header lacks its "]"` : `text follows the "]" of the section header`
        })
        continue
      }
      const title = sectionTitle(raw.slice(1, close), fileKind)
      if (title === undefined) continue
      section = sections.get(title.key) ?? {
        kind: title.kind,
        name: title.name,
        header: raw.slice(0, close + 1),
        line,
        properties: new Map(),
        problems: []
      }
      sections.set(title.key, section)
      owner = section.problems
      continue
    }

    if (isBlank(raw.charCodeAt(0)) && property !== undefined) {
      if (property.value !== "") {
        property.value += `\n${content}`
        continue
      }
      const nested = keyAndValue(raw)
      if (nested === undefined) owner?.push({ line, text: `the indented line is not a "name = value"` })
      else property.nested.set(nested.key, { value: nested.value, line, nested: new Map() })
      continue
    }

    const pair = keyAndValue(raw)
    if (pair === undefined) {
      property = undefined
      owner?.push({ line, text: `the line is not a "key = value"` })
    } else if (section === undefined) {
      property = undefined
      owner?.push({ line, text: `"${pair.key}" stands in no section` })
    } else {
      property = { value: pair.value, line, nested: new Map() }
      section.properties.set(pair.key, property)
    }
  }
  // [profile default] replaces [default], wherever either stands.
  if (sections.has("profile default")) sections.delete(bareDefault)
  return { sections: [...sections.values()], problems }
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

const trim = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, "")

const keyAndValue = (line: string): { readonly key: string; readonly value: string } | undefined => {
  const equals = line.indexOf("=")
  const key = trim(line.slice(0, Math.max(equals, 0))).toLowerCase()
  if (key === "") return undefined
  const value = line.slice(equals + 1)
  const comment = value.search(/[ \t][#;]/)
  return { key, value: trim(comment < 0 ? value : value.slice(0, comment)) }
}

interface Title {
  readonly kind: SectionKind
  readonly name: string
  /** Sections of one key are one section. */
  readonly key: string
}

const bareDefault = "default"

const sectionTitle = (title: string, fileKind: FileKind): Title | undefined => {
  const trimmed = trim(title)
  const [, prefix, rest] = /^(profile|sso-session|services)[ \t]+(.+)$/.exec(trimmed) ?? []
  const name = unquote(rest ?? trimmed)
  if (fileKind === "credentials") {
    return rest === undefined ? { kind: "profile", name, key: `profile ${name}` } : undefined
  }
  if (rest !== undefined) return { kind: prefix as SectionKind, name, key: `${prefix} ${name}` }
  return trimmed === "default" ? { kind: "profile", name, key: bareDefault } : undefined
}

/** The AWS CLI writes names with spaces in quotes. */
const unquote = (name: string): string => /^(["'])(.*)\1$/.exec(name)?.[2] ?? name
