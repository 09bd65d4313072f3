/** Reads the claims of a JSON web token without verifying it. STS verifies it. */
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

export interface Claims {
  readonly issuer: Option.Option<string>
  readonly subject: Option.Option<string>
  readonly audience: ReadonlyArray<string>
  readonly expiration: Option.Option<DateTime.Utc>
}

// A claim of the wrong type is treated as missing. STS decides whether the token is valid.
const tolerant = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = Schema.decodeUnknownOption(schema)
  return Schema.optionalWith(
    Schema.transform(Schema.Unknown, Schema.OptionFromSelf(Schema.typeSchema(schema)), {
      strict: true,
      decode: (value) => decode(value),
      encode: Option.getOrUndefined
    }),
    { default: () => Option.none() }
  )
}

/** RFC 7519, 4.1: seconds since 1970, with or without a fraction. */
const NumericDate = Schema.transformOrFail(Schema.Number, Schema.DateTimeUtcFromSelf, {
  strict: true,
  decode: (seconds, _, ast) =>
    Either.fromOption(DateTime.make(seconds * 1000), () => new ParseResult.Type(ast, seconds)),
  encode: (time) => Either.right(DateTime.toEpochMillis(time) / 1000)
})

const Payload = Schema.parseJson(Schema.Struct({
  iss: tolerant(Schema.String),
  sub: tolerant(Schema.String),
  aud: tolerant(Schema.Union(Schema.Array(Schema.String), Schema.String)),
  exp: tolerant(NumericDate)
}))

const decodePayload = Schema.decodeOption(Payload)

/** The claims of a signed token, or none if the text is not a signed token. */
export const claimsOf = (token: string): Option.Option<Claims> => {
  const [, payload] = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token) ?? []
  return Option.fromNullable(payload).pipe(
    Option.flatMap((text) => Either.getRight(Encoding.decodeBase64UrlString(text))),
    Option.flatMap(decodePayload),
    Option.map(({ aud, exp, iss, sub }) => ({
      issuer: iss,
      subject: sub,
      audience: Option.match(aud, { onNone: () => [], onSome: (aud) => typeof aud === "string" ? [aud] : aud }),
      expiration: exp
    }))
  )
}
