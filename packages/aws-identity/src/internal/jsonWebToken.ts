/** What a JSON web token says of itself. Nobody here can verify it; STS does. */
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

export interface Claims {
  readonly issuer: Option.Option<string>
  readonly subject: Option.Option<string>
  readonly audience: ReadonlyArray<string>
  readonly expiration: Option.Option<DateTime.Utc>
}

const text = Schema.optionalWith(Schema.String, { as: "Option", nullable: true })

/** RFC 7519, 4.1: seconds since 1970, with or without a fraction. */
const NumericDate = Schema.transform(Schema.Number, Schema.OptionFromSelf(Schema.DateTimeUtcFromSelf), {
  strict: true,
  decode: (seconds) => DateTime.make(seconds * 1000),
  encode: () => 0
})

const Payload = Schema.parseJson(Schema.Struct({
  iss: text,
  sub: text,
  aud: Schema.optionalWith(Schema.Union(Schema.Array(Schema.String), Schema.String), { default: () => [] }),
  exp: Schema.optionalWith(NumericDate, { default: () => Option.none() })
}))

const decodePayload = Schema.decodeOption(Payload)

/** The claims of a signed token, or none for what is no such token. */
export const claimsOf = (token: string): Option.Option<Claims> => {
  const [, payload] = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token) ?? []
  return Option.fromNullable(payload).pipe(
    Option.flatMap((text) => Either.getRight(Encoding.decodeBase64UrlString(text))),
    Option.flatMap(decodePayload),
    Option.map(({ aud, exp, iss, sub }) => ({
      issuer: iss,
      subject: sub,
      audience: typeof aud === "string" ? [aud] : aud,
      expiration: exp
    }))
  )
}
