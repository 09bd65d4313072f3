/** The XML of AWS's Query services, as plain records of text. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import type * as Xml from "fast-xml-parser"

/**
 * Elements by name without their namespace prefix: text, a record, or an array of those where a name repeats.
 * Fails with a description of the problem that quotes nothing from the text.
 */
export type Parse = (text: string) => Either.Either<Readonly<Record<string, unknown>>, string>

/** Loads the parser on first use, so that a program that never calls STS does not load it. */
export const load: Effect.Effect<Parse> = Effect.map(
  Effect.promise(() => import("./xmlParser.js")),
  ({ XMLParser, XMLValidator }): Parse => {
    const parser = new XMLParser(options)
    return (text) => {
      // AWS sends no document type. The entities that one declares can be used for attacks.
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
  // Do not parse an account id as a number: it may have leading zeros.
  parseTagValue: false,
  // Decodes numeric references such as `&#13;`. HTML's named entities are decoded as well, which is harmless.
  htmlEntities: true,
  maxNestedTags: 32
}
