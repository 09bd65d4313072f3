/**
 * AWS Signature Version 4, pure and synchronous.
 *
 * AWS computes the signature again from what arrives, so what is given back is what must be sent: the URL spelled as
 * it was signed, and the headers.
 */
import { hmacSha256, hmacSha256Hex, sha256Hex } from "#hashes"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "../Credentials.js"
import * as IdentityError from "../IdentityError.js"
import { percentEncode } from "./percentEncode.js"

/** A request as it is to be signed. */
export interface Request {
  readonly method: string
  /** Absolute. A `+` in its query is a space, as in every form. */
  readonly url: string | URL
  /** Names that differ in case only are one header of several values. */
  readonly headers: Readonly<Record<string, string>>
  /** None where it cannot be known before it is sent. */
  readonly body: Uint8Array | string | undefined
}

/** Who signs, when, and for which service. */
export interface Signer {
  readonly credentials: Credentials
  readonly region: string
  /** AWS's signing name of it: `sso-oauth`, `execute-api`, `s3`. */
  readonly service: string
  /** ms since 1970 */
  readonly now: number
  /** Whether the body takes part. By default it does, but not in a presigned URL of S3. */
  readonly payload?: "signed" | "unsigned" | undefined
  /** Whether the body's hash is sent along as `x-amz-content-sha256`: by default it is. */
  readonly contentSha256?: boolean | undefined
}

/** What is to be sent instead. */
export interface Signed {
  readonly url: string
  /** All of them, in lower case. `host` and what a transport adds of its own accord are not among them. */
  readonly headers: ReadonlyMap<string, string>
}

/** What comes of a request, or why it cannot be signed. */
export type Result<A> = Either.Either<A, IdentityError.InvalidInput>

/** An HMAC, in hex, with the key that signs for a day (`yyyymmdd`), a region and a service. */
export type SigningKey = (
  credentials: Credentials,
  date: string,
  region: string,
  service: string
) => (text: string) => string

const deriveKey = (secret: string, date: string, ...scope: ReadonlyArray<string>): ReturnType<SigningKey> =>
  hmacSha256Hex([...scope, "aws4_request"].reduce<Uint8Array>(hmacSha256, hmacSha256(`AWS4${secret}`, date)))

/** More regions and services at a time than most use of one secret; old days go with the rest. */
const mostKeys = 50

/** Derives each key once, and forgets it with the secret that it comes from. */
export const rememberKey = (): SigningKey => {
  const keys = new WeakMap<Redacted.Redacted, Map<string, ReturnType<SigningKey>>>()
  return ({ secretAccessKey }, date, region, service) => {
    // Throws where the secret has been wiped: then its keys are of no use either.
    const secret = Redacted.value(secretAccessKey)
    const ofSecret = keys.get(secretAccessKey) ?? new Map<string, ReturnType<SigningKey>>()
    const scope = `${date}/${region}/${service}`
    const known = ofSecret.get(scope)
    if (known !== undefined) return known
    if (ofSecret.size >= mostKeys) ofSecret.clear()
    const key = deriveKey(secret, date, region, service)
    ofSecret.set(scope, key)
    keys.set(secretAccessKey, ofSecret)
    return key
  }
}

/** No state that anybody could see: what is remembered is what would be computed again, and more slowly. */
const signingKey = /* @__PURE__ */ rememberKey()

/** Adds the signature to the headers. */
export const sign = (request: Request, signer: Signer): Result<Signed> =>
  Either.flatMap(readRequest("sign", request, signer), ({ headers, url }) => {
    const given = headers.get("x-amz-content-sha256")
    const unsigned = signer.payload === "unsigned"
    if (url.protocol !== "https:" && /^(?:STREAMING-)?UNSIGNED/.test(unsigned ? unsignedPayload : given ?? "")) {
      return refuse("sign", "an unsigned payload needs https, or anybody on the way could replace it")
    }
    return Either.map(payloadHash("sign", request, unsigned, given), (hash) => {
      // What an earlier signature left behind, perhaps by other credentials, is never sent again.
      headers.delete("x-amz-security-token")
      const at = timestamp(signer.now)
      headers.set("x-amz-date", at)
      if (signer.credentials.sessionToken._tag === "Some") {
        headers.set("x-amz-security-token", Redacted.value(signer.credentials.sessionToken.value))
      }
      if (unsigned || (signer.contentSha256 ?? true)) headers.set("x-amz-content-sha256", hash)
      const path = pathOf(url, signer.service)
      const query = readQuery(url.search)
      // The length is the transport's, and none where it sends a stream in chunks. The hash covers it.
      const { lines, names } = canonicalHeaders(headers, url, "content-length")
      const signature = signatureOf(
        signer,
        at,
        `${request.method}\n${path.canonical}\n${canonicalQuery(query)}\n${lines}\n${names}\n${hash}`
      )
      headers.set(
        "authorization",
        `AWS4-HMAC-SHA256 Credential=${signer.credentials.accessKeyId}/${scope(signer, at)}, ` +
          `SignedHeaders=${names}, Signature=${signature}`
      )
      return { url: urlOf(url, path.sent, query), headers }
    })
  })

/** The headers that hold the signature and the session token. */
export const secretHeaders: ReadonlyArray<string> = ["authorization", "x-amz-security-token"]

/** For how many seconds a presigned URL can be used. */
export const secondsOf = (expiresIn: Duration.DurationInput = "15 minutes"): number => Duration.toSeconds(expiresIn)

const longestPresigned = 604_800

/**
 * Adds the signature to the query. Headers are signed too, so a request to the URL must send the same ones. AWS rejects
 * the URL as soon as its credentials expire, so `X-Amz-Expires` never says that it lives longer.
 */
export const presign = (request: Request, signer: Signer, expiresIn: number): Result<string> =>
  Either.flatMap(readRequest("presign", request, signer), ({ headers, url }) => {
    if (!Number.isInteger(expiresIn) || expiresIn < 1 || expiresIn > longestPresigned) {
      return refuse("presign", `expiresIn is not a whole number of seconds from 1 to ${longestPresigned}`)
    }
    const { expiration } = signer.credentials
    const left = expiration._tag === "None"
      ? Infinity
      : Math.floor((DateTime.toEpochMillis(expiration.value) - signer.now) / 1000)
    if (left < 1) return refuse("presign", "its credentials expire in less than a second, or have expired")
    const given = headers.get("x-amz-content-sha256")
    const isS3 = s3.test(signer.service)
    const unsigned = (signer.payload ?? (isS3 && given === undefined ? "unsigned" : "signed")) === "unsigned"
    return Either.map(payloadHash("presign", request, unsigned, given), (hash) => {
      // The date is in the query, and so is the token.
      headers.delete("x-amz-date")
      headers.delete("x-amz-security-token")
      if (unsigned) headers.delete("x-amz-content-sha256")
      const at = timestamp(signer.now)
      const path = pathOf(url, signer.service)
      const { lines, names } = canonicalHeaders(headers, url)
      const query: Array<Parameter> = [
        ...readQuery(url.search).filter(([name]) => !ofPresigning.test(name)),
        ["X-Amz-Algorithm", "AWS4-HMAC-SHA256"],
        ["X-Amz-Credential", percentEncode(`${signer.credentials.accessKeyId}/${scope(signer, at)}`)],
        ["X-Amz-Date", at],
        ["X-Amz-Expires", String(Math.min(expiresIn, left))],
        ["X-Amz-SignedHeaders", percentEncode(names)]
      ]
      if (signer.credentials.sessionToken._tag === "Some") {
        query.push(["X-Amz-Security-Token", percentEncode(Redacted.value(signer.credentials.sessionToken.value))])
      }
      // S3 takes a presigned body for unsigned, the others for signed, unless they are told.
      if (!headers.has("x-amz-content-sha256") && unsigned !== isS3) query.push(["X-Amz-Content-Sha256", hash])
      const signature = signatureOf(
        signer,
        at,
        `${request.method}\n${path.canonical}\n${canonicalQuery(query)}\n${lines}\n${names}\n${hash}`
      )
      return urlOf(url, path.sent, [...query, ["X-Amz-Signature", signature]])
    })
  })

export type Operation = "sign" | "presign"

export const refuse = (operation: Operation, problem: string): Either.Either<never, IdentityError.InvalidInput> =>
  Either.left(new IdentityError.InvalidInput({ service: "SigV4", operation, problem }))

/** What a header can hold, without the line break that a file or a variable may have left at its end. */
const printable = /^[\x20-\x7e]+$/

/** The parts that need checking: each of these would be signed as one thing and arrive as another. */
const readRequest = (
  operation: Operation,
  request: Request,
  signer: Signer
): Result<{ readonly url: URL; readonly headers: Map<string, string> }> => {
  if (typeof request.url === "string" && !URL.canParse(request.url)) return refuse(operation, "its URL is not absolute")
  const url = withoutDotSegments(typeof request.url === "string" ? new URL(request.url) : request.url)
  if (!/^https?:$/.test(url.protocol)) return refuse(operation, "its URL is neither http nor https")
  if (url.username !== "" || url.password !== "") return refuse(operation, "its URL has a user name or a password")
  if (!/^[\w-]+$/.test(signer.service)) return refuse(operation, "service is not AWS's signing name of a service")
  const { accessKeyId, sessionToken } = signer.credentials
  if (!printable.test(accessKeyId)) {
    return refuse(operation, "the accessKeyId of its credentials is not in printable ASCII")
  }
  if (sessionToken._tag === "Some" && !printable.test(Redacted.value(sessionToken.value))) {
    return refuse(operation, "the sessionToken of its credentials is not in printable ASCII")
  }
  const headers = new Map<string, string>()
  for (const [key, value] of Object.entries(request.headers)) {
    const name = key.toLowerCase()
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) return refuse(operation, "a header has a name that HTTP cannot send")
    // Transports differ in how they spell anything else.
    if (!/^[\t\x20-\x7e]*$/.test(value)) return refuse(operation, `its header ${name} is not in printable ASCII`)
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before},${value}`)
  }
  return Either.right({ url, headers })
}

/** The URL parser of Node 20 keeps a dot segment that follows a segment such as `.x`, and AWS removes it (RFC 3986, 5.2.4). */
const withoutDotSegments = (url: URL): URL => {
  if (!/\/\.{1,2}(?:\/|$)/.test(url.pathname)) return url
  const path: Array<string> = []
  const segments = url.pathname.split("/")
  for (const [index, segment] of segments.entries()) {
    if (segment === ".." && path.length > 1) path.pop()
    if (segment !== "." && segment !== "..") path.push(segment)
    else if (index === segments.length - 1) path.push("")
  }
  const plain = new URL(url)
  plain.pathname = path.join("/")
  return plain
}

const unsignedPayload = "UNSIGNED-PAYLOAD"

/** `given` is what the request itself says: the hash of a body that only its sender knows, or one of S3's own words. */
const payloadHash = (
  operation: Operation,
  { body }: Request,
  unsigned: boolean,
  given: string | undefined
): Result<string> => {
  if (unsigned) return Either.right(unsignedPayload)
  if (given !== undefined) {
    return /^(?:[0-9a-f]{64}|UNSIGNED-PAYLOAD|STREAMING-[A-Z0-9-]+)$/.test(given)
      ? Either.right(given)
      : refuse(operation, "its header x-amz-content-sha256 is not the SHA-256 of a body in lower-case hex")
  }
  if (body === undefined) {
    return refuse(
      operation,
      "its body is a stream or a form, which cannot be hashed before it is sent. Collect it into bytes; or, if the " +
        "service takes unsigned payloads over https, as S3 does, sign with payload: \"unsigned\""
    )
  }
  return Either.right(sha256Hex(body))
}

/** `20150830T123600Z` */
const timestamp = (now: number): string => DateTime.formatIso(DateTime.unsafeMake(now)).replace(/[-:]|\.\d+/g, "")

const scope = ({ region, service }: Signer, at: string): string => `${at.slice(0, 8)}/${region}/${service}/aws4_request`

const signatureOf = (signer: Signer, at: string, canonicalRequest: string): string => {
  const key = signingKey(signer.credentials, at.slice(0, 8), signer.region, signer.service)
  const text = `AWS4-HMAC-SHA256\n${at}\n${scope(signer, at)}\n${sha256Hex(canonicalRequest)}`
  return key(text)
}

/** What a proxy, a tracer or the transport itself may add, change or drop on the way. */
const neverSigned = new RegExp(
  `^(?:${
    [
      ...["authorization", "cache-control", "connection", "date", "expect", "from", "keep-alive", "max-forwards"],
      ...["pragma", "referer", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id"],
      ...["traceparent", "tracestate", "baggage", "b3", "x-b3-(?:traceid|spanid|parentspanid|sampled|flags)"],
      ...["proxy-.*", "sec-.*"]
    ].join("|")
  })$`
)

const canonicalHeaders = (
  headers: ReadonlyMap<string, string>,
  url: URL,
  notSigned?: string
): { readonly lines: string; readonly names: string } => {
  const names = [...headers.keys()].filter((name) => name !== notSigned && !neverSigned.test(name))
  if (!headers.has("host")) names.push("host")
  names.sort()
  return {
    lines: names.map((name) => `${name}:${(headers.get(name) ?? url.host).trim().replace(/[ \t]+/g, " ")}\n`).join(""),
    names: names.join(";")
  }
}

const s3 = /^s3(?:express|-outposts|-object-lambda)?$/

/** S3 looks keys up as they are; every other service takes the path for a path, and encodes it once more. */
const pathOf = (url: URL, service: string): { readonly sent: string; readonly canonical: string } => {
  if (!s3.test(service)) {
    return { sent: url.pathname, canonical: percentEncode(url.pathname.replace(/\/{2,}/g, "/")).replaceAll("%2F", "/") }
  }
  const path = url.pathname.split("/").map(respell).join("/")
  return { sent: path, canonical: path }
}

/** Name and value, percent-encoded; no value where there is no `=`. */
type Parameter = readonly [name: string, value: string | undefined]

const readQuery = (search: string): ReadonlyArray<Parameter> =>
  search.slice(1).split("&").filter((pair) => pair !== "").map((pair) => {
    const [name = "", ...value] = pair.replaceAll("+", "%20").split("=")
    return [respell(name), value.length === 0 ? undefined : respell(value.join("="))]
  })

const ofPresigning = /^X-Amz-(?:Algorithm|Credential|Date|Expires|SignedHeaders|Security-Token|Signature)$/i

const canonicalQuery = (query: ReadonlyArray<Parameter>): string =>
  query
    .map(([name, value = ""]) => ({ name, value }))
    .sort((a, b) => compare(a.name, b.name) || compare(a.value, b.value))
    .map(({ name, value }) => `${name}=${value}`)
    .join("&")

const compare = (a: string, b: string): number => a < b ? -1 : a > b ? 1 : 0

const urlOf = (url: URL, path: string, query: ReadonlyArray<Parameter>): string => {
  const search = query.map(([name, value]) => value === undefined ? name : `${name}=${value}`).join("&")
  return `${url.origin}${path}${search === "" ? "" : `?${search}`}`
}

/** The one spelling that AWS gives to a text that is percent-encoded in whatever way, or in parts, or not at all. */
const respell = (text: string): string =>
  text.replace(/%[0-9a-f]{2}|[^\w.~%-]+|%/gi, (part) => {
    if (!/^%[0-9a-f]{2}$/i.test(part)) return percentEncode(part)
    const character = String.fromCharCode(parseInt(part.slice(1), 16))
    return /[\w.~-]/.test(character) ? character : part.toUpperCase()
  })
