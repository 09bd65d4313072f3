/** The XML of AWS's Query services, as plain records of text. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import type * as Xml from "fast-xml-parser"

/**
 * Elements by name without their namespace prefix: text, a record, or an array of those where a name repeats.
 * Fails with what is wrong, in words that hold nothing of the text.
 */
export type Parse = (text: string) => Either.Either<Readonly<Record<string, unknown>>, string>

/** The parser is loaded by those who need it: who never calls STS should not wait for it. */
export const load: Effect.Effect<Parse> = Effect.map(
  Effect.promise(() => import("fast-xml-parser")),
  ({ XMLParser, XMLValidator }): Parse => {
    const parser = new XMLParser(options)
    return (text) => {
      // AWS sends none, and what one could declare is only good for attacks.
      if (/<!doctype/i.test(text)) return Either.left("it has a document type")
      const document = Either.try((): unknown => XMLValidator.validate(text) === true ? parser.parse(text) : undefined)
      return Either.isRight(document) && Predicate.isRecord(document.right)
        ? Either.right(document.right)
        : Either.left("it is not well-formed XML")
    }
  }
)

const options: Xml.X2jOptions = {
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  removeNSPrefix: true,
  // Text stays text: an account of digits is no number.
  parseTagValue: false,
  // `&#13;` and its like; what else HTML names is harmless.
  htmlEntities: true,
  maxNestedTags: 32
}
