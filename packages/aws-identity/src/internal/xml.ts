/** The XML of AWS's Query services, as plain records of text. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Xml from "fast-xml-parser"

/**
 * Elements by name without their namespace prefix: text, a record, or an array of those where a name repeats.
 * Fails with what is wrong, in words that hold nothing of the text.
 */
export const parse = (text: string): Effect.Effect<Readonly<Record<string, unknown>>, string> =>
  // Loaded when the first XML comes, because those who never call STS never need it.
  Effect.flatMap(Effect.promise(() => import("fast-xml-parser")), ({ XMLParser, XMLValidator }) => {
    // AWS sends none, and what one could declare is only good for attacks.
    if (/<!doctype/i.test(text)) return Effect.fail("it has a document type")
    if (XMLValidator.validate(text) !== true) return Effect.fail("it is not well-formed XML")
    return Effect.flatMap(
      Effect.try({ try: (): unknown => new XMLParser(options).parse(text), catch: () => "it is not well-formed XML" }),
      (document) => Predicate.isRecord(document) ? Effect.succeed(document) : Effect.fail("it is not well-formed XML")
    )
  })

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
