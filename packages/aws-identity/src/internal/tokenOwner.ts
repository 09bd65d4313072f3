/** Tells whether a token file belongs to a session's Identity Center. */
import * as Option from "effect/Option"

interface Owner {
  readonly startUrl: Option.Option<string>
  readonly region: Option.Option<string>
}

/**
 * A start URL in a form that does not depend on the tool that wrote it: lower case, without fragment, query, slashes at
 * the end and the default port.
 */
const canonicalUrl = (text: string): string => {
  const trimmed = text.trim().replace(/[#?].*$/s, "")
  const url = URL.canParse(trimmed) ? new URL(trimmed) : undefined
  return (url === undefined ? trimmed : `${url.protocol}//${url.host}${url.pathname}`).replace(/\/+$/, "").toLowerCase()
}

/** A value of a token file for a message: on one line, in printable ASCII, at most 200 characters. */
const shown = (value: string): string =>
  JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}...` : value)
    .replace(/[^ -~]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ""}}`)

/**
 * Explains that a token belongs to another IAM Identity Center than the session, because its start URL or region
 * differs. Undefined if the token may belong to the session. Some tools do not write these fields, so a token without
 * them may.
 */
export const foreignOwner = (
  token: Owner,
  session: { readonly startUrl: string; readonly region: string }
): string | undefined => {
  const found = [
    Option.exists(token.startUrl, (url) => canonicalUrl(url) !== canonicalUrl(session.startUrl))
      ? { what: "the start URL", file: Option.getOrElse(token.startUrl, () => ""), config: session.startUrl }
      : undefined,
    Option.exists(token.region, (region) => region.trim().toLowerCase() !== session.region.toLowerCase())
      ? { what: "region", file: Option.getOrElse(token.region, () => ""), config: session.region }
      : undefined
  ].filter((one) => one !== undefined)
  if (found.length === 0) return undefined
  const list = (side: "config" | "file") => found.map((one) => `${one.what} ${shown(one[side])}`).join(" and ")
  return `the token file belongs to ${list("file")}, but the session has ${list("config")}`
}
