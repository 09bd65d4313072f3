/**
 * The token file of `~/.aws/sso/cache`, as AWS's tools read and write it: text to fields and back.
 */
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

/**
 * RFC 3339 with any fraction and offset, and the trailing `UTC` or `GMT` of older AWS CLIs. Encoded as every reader
 * accepts it: whole seconds and `Z`. Seconds are rounded down, so that no tool uses a token too long.
 */
export const Timestamp = Schema.transformOrFail(Schema.String, Schema.DateTimeUtcFromSelf, {
  strict: true,
  decode: (text, _, ast) => {
    const [, moment, offset] = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?) ?(Z|UTC|GMT|[+-]\d{2}:?\d{2})$/i
      .exec(text) ?? []
    const time = moment === undefined || offset === undefined
      ? undefined
      : DateTime.make(moment + (/^[+-]/.test(offset) ? offset : "Z"))
    return time?._tag === "Some"
      ? Either.right(DateTime.toUtc(time.value))
      : Either.left(new ParseResult.Type(ast, text))
  },
  encode: (time) => Either.right(DateTime.formatIso(time).replace(/\.\d+Z$/, "Z"))
}).annotations({ identifier: "Timestamp", description: "a time such as 2030-01-31T12:00:00Z" })

/** `JSON.stringify` recurses: writing a deeper object back would overflow the stack. No tool writes such an object. */
const maxDepth = 100

const isTooDeep = (value: unknown): boolean => {
  let level: ReadonlyArray<unknown> = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) return true
    level = level.flatMap((item) => typeof item === "object" && item !== null ? Object.values(item) : [])
  }
  return false
}

const JsonObject = Schema.parseJson(
  Schema.Record({ key: Schema.String, value: Schema.Unknown }).pipe(
    Schema.filter((object) => !isTooDeep(object), { description: `an object of at most ${maxDepth} levels` })
  )
)
const Printed = Schema.parseJson({ space: 2 })

/**
 * The fields of a file's JSON object by their canonical names, whatever case the writer gave them, and the rest in
 * `unknown`. Fields that are `null` or an empty string are left out.
 */
export const parse = (
  text: string,
  canonical: ReadonlyArray<string>
): Either.Either<Record<string, unknown>, ParseResult.ParseError> =>
  Either.map(Schema.decodeEither(JsonObject)(text), (object) => {
    const names = new Map(canonical.map((name) => [name.toLowerCase(), name]))
    const known: Record<string, unknown> = {}
    const unknown: Array<readonly [string, unknown]> = []
    for (const [key, value] of Object.entries(object)) {
      const name = names.get(key.toLowerCase())
      if (name === undefined) unknown.push([key, value])
      else if (value !== null && value !== "" && (key === name || !(name in known))) known[name] = value
    }
    return { ...known, unknown: Object.fromEntries(unknown) }
  })

export const print = ({ unknown, ...known }: Readonly<Record<string, unknown>>): string =>
  Schema.encodeSync(Printed)({ ...known, ...(unknown as object), ...known })
