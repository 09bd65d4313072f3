import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const Json = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

type Claims = typeof Json.Type

const part = (text: string | undefined): Option.Option<Claims> =>
  Option.fromNullable(text).pipe(
    Option.flatMap((text) => Option.getRight(Encoding.decodeBase64UrlString(text))),
    Option.flatMap(Schema.decodeOption(Json))
  )

/** What a JWT claims; none for what is no signed JWT. The signature itself is not checked. */
export const claimsOf = (token: string): Option.Option<Claims> => {
  const [header, payload, signature, ...more] = token.split(".")
  return signature === undefined || signature === "" || more.length > 0
    ? Option.none()
    : Option.flatMap(
      part(header),
      ({ alg }) => typeof alg === "string" && alg !== "none" ? part(payload) : Option.none()
    )
}

/** A JWT with the form of a signed one; the signature is whatever text is given. */
export const encode = (claims: Claims, signature: string): Effect.Effect<string> =>
  Effect.map(
    Effect.orDie(Effect.forEach([{ typ: "JWT", alg: "ES384" }, claims], (part) => Schema.encode(Json)(part))),
    (parts) => [...parts, signature].map((part) => Encoding.encodeBase64Url(part)).join(".")
  )
