/** What an answer of AWS says: its text, within bounds, and the error in it. */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Response } from "../Transport.js"
import { type Secrets, unescape, withoutSecretLooking } from "./scrub.js"
import type * as Xml from "./xml.js"

/** AWS's account of an error; the fields are those of `ServiceException`. */
export interface ErrorAnswer {
  readonly code: string
  readonly description: string | undefined
  readonly detailCode: string | undefined
  readonly region: string | undefined
  readonly endpoint: string | undefined
  readonly requestId: string | undefined
}

/**
 * Found in the order of trust: header, `__type`, `code`, OAuth's `error`, XML.
 */
export const errorOf = (
  headers: Response["headers"],
  text: string,
  { isSecret, scrub }: Secrets,
  xml: Xml.Parse | undefined
): ErrorAnswer => {
  const body = bodyOf(text, xml)
  const textOf = (...names: ReadonlyArray<string>): string | undefined =>
    names.map((name) => body[name]).find((value) => typeof value === "string")
  const field = (...names: ReadonlyArray<string>): string | undefined => {
    const value = textOf(...names)
    return value === undefined ? undefined : scrub(value).slice(0, 1000)
  }
  const code = [headers["x-amzn-errortype"], textOf("__type"), textOf("code", "Code")]
    // `Name:http://…` in the header, `com.amazonaws.namespace#Name` in the body
    .map((name) => name?.split(/[:,]/)[0]?.split("#").at(-1))
    .find((name) => name !== undefined && /^[A-Za-z][A-Za-z0-9_.]{0,127}$/.test(name) && !isSecret(name))
  return {
    code: code ?? oauthCodes.get(textOf("error")) ?? "Unknown",
    description: field("error_description", "message", "Message"),
    detailCode: field("reason"),
    region: field("region"),
    endpoint: field("endpoint"),
    requestId: requestIdOf(headers, isSecret) ?? requestId(textOf("RequestId", "RequestID"), isSecret)
  }
}

/**
 * Describes an answer that is not from AWS, with a part of its text: `an HTML page, which is not AWS's but perhaps a
 * proxy's: "Access blocked"`. Undefined for JSON and for an empty answer.
 */
export const foreignAnswer = (
  headers: Response["headers"],
  text: string,
  { scrub }: Secrets
): string | undefined => {
  const start = text.slice(0, longestPage).trim()
  if (start === "" || /^(?:[{["]|(?:null|true|false|[\d.-]+)$)/.test(start)) return undefined
  const isMarkup = start.startsWith("<")
  const what = isHtml(headers, text) ? "an HTML page" : isMarkup ? "XML" : "plain text"
  const words = oneLine(withoutSecretLooking(scrub(isMarkup ? textOfPage(start) : start)))
  // A text without a space may be a token, unless it is a word such as `Forbidden`.
  const shown = !words.includes(" ") && !/^[A-Z][a-z]{0,30}[.!]?$/.test(words)
    ? ""
    : words.length > longestWords
    ? `${words.slice(0, longestWords)}…`
    : words
  return `${what}, which is not AWS's but perhaps a proxy's${shown === "" ? "" : `: "${shown}"`}`
}

/** Whether an answer is a web page, as proxies and captive portals send in the place of any answer. */
export const isHtml = (headers: Response["headers"], text: string): boolean =>
  /^\s*<(?:!doctype\s+html|html|head|body|title|center|h[1-6]|p|div|meta|script)\b/i.test(text.slice(0, longestPage)) ||
  (/^\s*</.test(text) && /^text\/html\b|^application\/xhtml/i.test(headers["content-type"] ?? ""))

const longestPage = 16_384
const longestWords = 200

const oneLine = (text: string): string => text.replace(/[\s\p{C}]+/gu, " ").replaceAll("\"", "'").trim()

/** The text of a page, its title first. */
const textOfPage = (page: string): string =>
  unescape(
    page
      .replace(/<(script|style)\b[^]*?(?:<\/\1\s*>|$)|<!--[^]*?(?:-->|$)/gi, " ")
      .replace(/<[^<>]*>?/g, " ")
  )

export const requestIdOf = (
  headers: Response["headers"],
  isSecret: (text: string) => boolean
): string | undefined =>
  requestId(headers["x-amzn-requestid"] ?? headers["x-amzn-request-id"] ?? headers["x-amz-request-id"], isSecret)

const requestId = (id: string | undefined, isSecret: (text: string) => boolean): string | undefined =>
  id !== undefined && /^[\w-]{1,128}$/.test(id) && !isSecret(id) ? id : undefined

/** The fields of an error, of JSON or, from a service that speaks it, XML; none of anything else. */
const bodyOf = (
  text: string,
  xml: Xml.Parse | undefined
): Readonly<Record<string, unknown>> =>
  xml !== undefined && /^\s*</.test(text)
    ? errorElement(Either.getOrElse(xml(text), () => ({})))
    : Option.getOrElse(decodeObject(text), () => ({}))

/** A value without what is empty in it, which counts as not there; as deep as any answer of AWS's goes. */
export const withoutEmpty = (value: unknown, depth = 0): unknown => {
  if (depth > 6) return value
  if (Array.isArray(value)) return value.map((item) => withoutEmpty(item, depth + 1))
  return Predicate.isRecord(value)
    ? Object.fromEntries(
      Object.entries(value).filter(([, item]) => item !== "").map((
        [name, item]
      ) => [name, withoutEmpty(item, depth + 1)])
    )
    : value
}

const decodeObject = Schema.decodeOption(Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown })))

/** AWS's Query services wrap the error twice, older ones and their like in a list, S3 and its like not at all. */
const errorElement = (document: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
  const root = document["ErrorResponse"] ?? document["Response"]
  const parent = Predicate.isRecord(root) ? root : document
  const errors = Predicate.isRecord(parent["Errors"]) ? parent["Errors"]["Error"] : parent["Error"]
  const error: unknown = Array.isArray(errors) ? errors[0] : errors
  return Predicate.isRecord(error) ? { ...parent, ...error } : {}
}

/** Errors of the OIDC service by the OAuth code in their body, which a proxy that drops headers leaves. */
const oauthCodes: ReadonlyMap<unknown, string> = new Map(Object.entries({
  access_denied: "AccessDeniedException",
  authorization_pending: "AuthorizationPendingException",
  expired_token: "ExpiredTokenException",
  invalid_client: "InvalidClientException",
  invalid_client_metadata: "InvalidClientMetadataException",
  invalid_grant: "InvalidGrantException",
  invalid_redirect_uri: "InvalidRedirectUriException",
  invalid_request: "InvalidRequestException",
  invalid_scope: "InvalidScopeException",
  server_error: "InternalServerException",
  slow_down: "SlowDownException",
  unauthorized_client: "UnauthorizedClientException",
  unsupported_grant_type: "UnsupportedGrantTypeException"
}))
