// Verifies AWS Signature Version 4 in its header form. Written from AWS's documentation alone and shared with no
// client: what a client signs wrongly must not be found right by the same mistake.

import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

export interface Signed {
  readonly method: string
  /** Path and query */
  readonly url: string
  /** By names in lower case */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

interface Key {
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  readonly expiration?: number | undefined
}

export interface Refusal {
  readonly _tag: "Refusal"
  /** By STS's names. */
  readonly name:
    | "ExpiredToken"
    | "IncompleteSignature"
    | "InvalidClientTokenId"
    | "MissingAuthenticationToken"
    | "SignatureDoesNotMatch"
  readonly description: string
}

const refuse = (name: Refusal["name"], description: string): Effect.Effect<never, Refusal> =>
  Effect.fail({ _tag: "Refusal", name, description })

const tolerance = 5 * 60_000

/** The key that the request is signed with. */
export const verify = Effect.fnUntraced(function*<K extends Key>(
  request: Signed,
  { keyOf, service }: {
    readonly service: string
    readonly keyOf: (accessKeyId: string) => Effect.Effect<Option.Option<K>>
  }
) {
  const { headers } = request
  const now = yield* Clock.currentTimeMillis
  const authorization = headers["authorization"]
  if (authorization === undefined) {
    return yield* refuse("MissingAuthenticationToken", "Request is missing Authentication Token")
  }
  const fields = /^AWS4-HMAC-SHA256\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/
    .exec(authorization)
  const [, credential = "", signedHeaders = "", signature = ""] = fields ?? []
  const [accessKeyId = "", ...scope] = credential.split("/")
  const [date = "", region = "", scopeService, terminator] = scope
  if (fields === null || scope.length !== 4) {
    return yield* refuse("IncompleteSignature", "Authorization header does not conform to AWS Signature Version 4.")
  }
  const signedAt = headers["x-amz-date"] ?? ""
  const time = parseCompact(signedAt)
  if (Option.isNone(time)) {
    return yield* refuse(
      "IncompleteSignature",
      "Authorization header requires existence of a valid 'X-Amz-Date' header."
    )
  }
  if (!signedAt.startsWith(`${date}T`)) {
    return yield* refuse(
      "SignatureDoesNotMatch",
      "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: " +
        `'${date}' != '${signedAt.slice(0, 8)}', from '${signedAt}'.`
    )
  }
  if (region === "") return yield* refuse("SignatureDoesNotMatch", "Credential should be scoped to a valid region.")
  if (scopeService !== service || terminator !== "aws4_request") {
    return yield* refuse("SignatureDoesNotMatch", `Credential should be scoped to correct service: '${service}'.`)
  }
  if (!signedHeaders.split(";").includes("host")) {
    return yield* refuse(
      "SignatureDoesNotMatch",
      "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    )
  }
  if (time.value < now - tolerance) {
    const [at, limit] = [compact(now), compact(now - tolerance)]
    return yield* refuse(
      "SignatureDoesNotMatch",
      `Signature expired: ${signedAt} is now earlier than ${limit} (${at} - 5 min.)`
    )
  }
  if (time.value > now + tolerance) {
    const [at, limit] = [compact(now), compact(now + tolerance)]
    return yield* refuse(
      "SignatureDoesNotMatch",
      `Signature not yet current: ${signedAt} is still later than ${limit} (${at} + 5 min.)`
    )
  }
  const key = yield* keyOf(accessKeyId)
  if (Option.isNone(key) || key.value.sessionToken !== headers["x-amz-security-token"]) {
    return yield* refuse("InvalidClientTokenId", "The security token included in the request is invalid.")
  }
  if (key.value.expiration !== undefined && key.value.expiration <= now) {
    return yield* refuse("ExpiredToken", "The security token included in the request is expired")
  }
  const stringToSign = ["AWS4-HMAC-SHA256", signedAt, scope.join("/"), hash(canonical(request, signedHeaders, service))]
    .join(
      "\n"
    )
  const signingKey = scope.reduce(
    (key: Uint8Array, part) => hmac(sha256, key, utf8ToBytes(part)),
    utf8ToBytes(`AWS4${key.value.secretAccessKey}`)
  )
  return bytesToHex(hmac(sha256, signingKey, utf8ToBytes(stringToSign))) === signature
    ? key.value
    : yield* refuse(
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access " +
        "Key and signing method. Consult the service documentation for details."
    )
})

const canonical = ({ body, headers, method, url }: Signed, signedHeaders: string, service: string): string => {
  const { pathname, searchParams } = new URL(url, "http://localhost")
  return [
    method,
    // Every service but S3 signs the encoded path encoded once more.
    service === "s3" ? pathname : pathname.split("/").map(encode).join("/"),
    [...searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort().join("&"),
    ...signedHeaders.split(";").map((name) => `${name}:${(headers[name] ?? "").trim().replace(/ +/g, " ")}`),
    "",
    signedHeaders,
    // S3 alone takes a body that its header does not vouch for.
    service === "s3" && headers["x-amz-content-sha256"] === "UNSIGNED-PAYLOAD" ? "UNSIGNED-PAYLOAD" : hash(body)
  ].join("\n")
}

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

const hash = (text: string): string => bytesToHex(sha256(utf8ToBytes(text)))

const compact = (millis: number): string => DateTime.formatIso(DateTime.unsafeMake(millis)).replace(/[-:]|\.\d+/g, "")

const parseCompact = (text: string): Option.Option<number> => {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z")
  return iso === text ? Option.none() : Option.map(DateTime.make(iso), DateTime.toEpochMillis)
}
