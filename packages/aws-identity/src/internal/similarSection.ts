/** When a section is not found, finds one that was probably meant: in the wrong file, or with a misspelt header. */
import { type FileKind, type Header, isPlainName, type SectionKind } from "./ini.js"
import { isOneEdit } from "./profileKeys.js"

interface Similar {
  readonly header: Header
  /** The right header for that file; undefined if the section does not belong in that file. */
  readonly instead: string | undefined
}

/** The header of a section in the form that AWS's tools read. */
export const headerFor = (fileKind: FileKind, kind: SectionKind, name: string): string => {
  if (fileKind === "credentials" || (kind === "profile" && name === "default")) return `[${name}]`
  if (isPlainName(name)) return `[${kind} ${name}]`
  return name.includes("'") ? `[${kind} "${name}"]` : `[${kind} '${name}']`
}

/**
 * The headers that equal the wanted one apart from kind, case, quotes, punctuation or one letter. The result includes
 * the wanted header itself.
 */
export const similarSections = (
  headers: ReadonlyArray<Header>,
  fileKind: FileKind,
  kind: SectionKind,
  name: string
): ReadonlyArray<Similar> => {
  const wanted = plain(name)
  if (wanted === "" || wanted.length > maxLength) return []
  const instead = fileKind === "credentials" && kind !== "profile" ? undefined : headerFor(fileKind, kind, name)
  return headers.filter(({ content }) => isSimilar(plain(content), wanted)).map((header) => ({ header, instead }))
}

const maxLength = 200

const plain = (text: string): string =>
  text.length > maxLength * 2 ? "" : text.replace(/["'[\]\p{Cf}]/gu, "").trim().toLowerCase()

const prefixes: ReadonlySet<string> = new Set([
  "profile",
  "session",
  "sso",
  "ssosession",
  "service",
  "services",
  "profilessosession",
  "profileservices"
])

const isSimilar = (content: string, wanted: string): boolean => {
  if (content === wanted) return true
  // Only for `default`: other names, such as dev1 and dev2, may differ in one letter on purpose.
  if (wanted === "default" && !/\d/.test(content) && isOneEdit(content.replace(/[^a-z]/g, ""), wanted)) return true
  // AWS_PROFILE="profile dev"
  if (/^profile\s/.test(wanted) && content === `profile ${wanted.slice("profile".length).trim()}`) return true
  if (!content.endsWith(wanted)) return false
  const before = content.slice(0, -wanted.length)
  if (prefixes.has(before.replace(/[^a-z0-9]/g, ""))) return true
  // A misspelt prefix must be followed by a gap. Without the gap, its letters may be part of another name.
  const word = /^([a-z_-]+)[^a-z0-9_-]+$/.exec(before)?.[1]?.replace(/[_-]/g, "")
  return word !== undefined && [...prefixes].some((known) => isOneEdit(word, known))
}
