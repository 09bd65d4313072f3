import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const Json = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

type Claims = typeof Json.Type

/** A JWT with the form of a signed one, in its parts. */
export interface Jwt {
  readonly header: Claims & { readonly alg: string }
  readonly claims: Claims
  /** Any text. */
  readonly signature: string
  /** What the signature is over. */
  readonly signed: string
}

/** What makes a key, by the members of a JWK; those that say what it is for are not looked at. */
export interface PublicKey {
  readonly kty?: string | undefined
  readonly n?: string | undefined
  readonly e?: string | undefined
  readonly crv?: string | undefined
  readonly x?: string | undefined
  readonly y?: string | undefined
}

const part = (text: string): Option.Option<Claims> =>
  Option.flatMap(Option.getRight(Encoding.decodeBase64UrlString(text)), Schema.decodeOption(Json))

/** None for what is no signed JWT. The signature itself is not checked. */
export const decode = (token: string): Option.Option<Jwt> =>
  Option.gen(function*() {
    const [head = "", payload = "", signature = "", ...more] = token.split(".")
    const { alg, ...header } = yield* part(head)
    if (typeof alg !== "string" || alg === "none" || signature === "" || more.length > 0) return yield* Option.none()
    return { header: { ...header, alg }, claims: yield* part(payload), signature, signed: `${head}.${payload}` }
  })

/** What a JWT claims; none for what is no signed JWT. The signature itself is not checked. */
export const claimsOf = (token: string): Option.Option<Claims> => Option.map(decode(token), ({ claims }) => claims)

const unsigned = (header: Claims, claims: Claims): Effect.Effect<string> =>
  Effect.map(
    Effect.orDie(Effect.forEach([header, claims], (part) => Schema.encode(Json)(part))),
    (parts) => parts.map((part) => Encoding.encodeBase64Url(part)).join(".")
  )

/** A JWT with the form of a signed one; the signature is whatever text is given. */
export const encode = (
  claims: Claims,
  signature: string,
  header: Claims = { typ: "JWT", alg: "ES384" }
): Effect.Effect<string> =>
  Effect.map(unsigned(header, claims), (text) => `${text}.${Encoding.encodeBase64Url(signature)}`)

// Effect 3 has no service for public-key cryptography, and every runtime has Web Crypto.
// eslint-disable-next-line no-restricted-globals
const subtle = Effect.sync(() => globalThis.crypto.subtle)

const rsa = (bits: number) => ({ name: "RSASSA-PKCS1-v1_5", hash: `SHA-${bits}` })
const ec = (bits: number, namedCurve: string) => ({ name: "ECDSA", hash: `SHA-${bits}`, namedCurve })

/** Those that AWS takes. */
const algorithms = new Map<string, { readonly name: string; readonly hash: string }>([
  ["RS256", rsa(256)],
  ["RS384", rsa(384)],
  ["RS512", rsa(512)],
  ["ES256", ec(256, "P-256")],
  ["ES384", ec(384, "P-384")],
  ["ES512", ec(512, "P-521")]
])

/** Whether AWS takes tokens that are signed so. */
export const isSupported = ({ header: { alg } }: Jwt): boolean => algorithms.has(alg)

/** Whether the signature is of this key; none if such a signature cannot be of such a key. */
export const verify = Effect.fnUntraced(function*(
  { header: { alg }, signature, signed }: Jwt,
  { crv, e, kty, n, x, y }: PublicKey
) {
  const algorithm = algorithms.get(alg)
  if (algorithm === undefined) return Option.none<boolean>()
  const members = Object.entries({ kty, n, e, crv, x, y }).filter(([, value]) => value !== undefined)
  const crypto = yield* subtle
  const key = yield* Effect.option(
    Effect.tryPromise(() => crypto.importKey("jwk", Object.fromEntries(members), algorithm, false, ["verify"]))
  )
  if (Option.isNone(key)) return Option.none<boolean>()
  const bytes = Encoding.decodeBase64Url(signature)
  // What does not encode to the same text again is another text for the same bytes, and two texts would be one token.
  if (Either.isLeft(bytes) || Encoding.encodeBase64Url(bytes.right) !== signature) return Option.some(false)
  return Option.some(
    yield* Effect.promise(() =>
      crypto.verify(algorithm, key.value, new Uint8Array(bytes.right), new TextEncoder().encode(signed))
    )
  )
})

const RsaKey = Schema.Struct({ n: Schema.String, e: Schema.String })

/** A new key of 2048 bits for RS256, as AWS wants at least. */
export const generateKey = Effect.gen(function*() {
  const crypto = yield* subtle
  const { privateKey, publicKey } = yield* Effect.promise(() =>
    crypto.generateKey(
      { ...rsa(256), modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
      true,
      ["sign", "verify"]
    )
  )
  const jwk = yield* Effect.promise(() => crypto.exportKey("jwk", publicKey))
  return { privateKey, publicKey: yield* Effect.orDie(Schema.decodeUnknown(RsaKey)(jwk)) }
})

/** A JWT signed with RS256. */
export const sign = Effect.fnUntraced(function*(privateKey: CryptoKey, kid: string, claims: Claims) {
  const text = yield* unsigned({ typ: "JWT", alg: "RS256", kid }, claims)
  const crypto = yield* subtle
  const signature = yield* Effect.promise(() => crypto.sign(rsa(256), privateKey, new TextEncoder().encode(text)))
  return `${text}.${Encoding.encodeBase64Url(new Uint8Array(signature))}`
})
