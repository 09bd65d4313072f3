import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Cause, Effect, FastCheck as fc, Inspectable, Logger, Predicate, Schema } from "effect"
import { IdentityError } from "effect-aws-identity"

// Every class of errors, with fields of any content.

type ErrorClass = Schema.Schema<IdentityError.IdentityError | IdentityError.LoginError, any>

const classes = Object.entries(IdentityError).filter((entry): entry is [string, ErrorClass & typeof entry[1]] =>
  typeof entry[1] === "function" && Predicate.hasProperty(entry[1], "prototype") &&
  entry[1].prototype instanceof Error
)

describe("errors as JSON", () => {
  it("are looked at in all classes of errors", () => {
    assert.isAtLeast(classes.length, 28)
  })

  it.each(classes)("%s keeps its message, tag and fields in JSON, copies and JSON loggers", (tag, Class) => {
    fc.assert(
      fc.property(Arbitrary.make(Class), (error) => {
        const { message } = error
        const expected = JSON.parse(JSON.stringify({ ...error, _tag: tag, message }))
        assert.isNotEmpty(message)
        for (
          const text of [
            JSON.stringify(error),
            // What people write for errors that have no toJSON.
            JSON.stringify(error, ["_tag", ...Object.getOwnPropertyNames(error), ...namesWithin(error)]),
            JSON.stringify(Inspectable.toJSON(error))
          ]
        ) {
          assert.deepEqual(JSON.parse(text), expected)
        }
        assert.strictEqual(structuredClone<Error>(error).message, message)
        assert.notInclude(Object.keys(error), "message")
        assert.deepEqual(JSON.parse(JSON.stringify(Cause.fail(error))).error, expected)
      }),
      { numRuns: 50 }
    )
  })

  it.each(classes)("%s is the same after it was encoded and decoded", (_, Class) => {
    fc.assert(
      fc.property(Arbitrary.make(Class), (error) => {
        // JSON has no NaN and no infinity.
        fc.pre(Object.values(error).every((field) => typeof field !== "number" || Number.isFinite(field)))
        const encoded: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(Class)(error)))
        assert.notProperty(encoded, "message")
        const decoded = Schema.decodeUnknownSync(Class)(encoded)
        assert.strictEqual(decoded.constructor, Class)
        assert.strictEqual(decoded.message, error.message)
        assert.deepEqual(JSON.parse(JSON.stringify(decoded)), JSON.parse(JSON.stringify(error)))
        // The JSON of an error is one of its encodings.
        assert.strictEqual(Schema.decodeUnknownSync(Class)(JSON.parse(JSON.stringify(error))).message, error.message)
      }),
      { numRuns: 50 }
    )
  })

  it.effect("keep their message in Effect's JSON and structured loggers, as a message and as an annotation", () =>
    Effect.gen(function*() {
      const error = new IdentityError.LoginDenied({ session: "corp" })
      const lines: Array<any> = []
      const json = Logger.map(Logger.jsonLogger, (line) => lines.push(JSON.parse(line)))
      const structured = Logger.map(Logger.structuredLogger, (line) => lines.push(JSON.parse(JSON.stringify(line))))
      for (const logger of [json, structured]) {
        yield* Effect.logError(error).pipe(
          Effect.annotateLogs({ error }),
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
      }
      assert.lengthOf(lines, 2)
      for (const line of lines) {
        for (const written of [line.message, line.annotations.error]) {
          assert.strictEqual(written.message, error.message)
          assert.strictEqual(written._tag, "LoginDenied")
        }
      }
    }))

  it("keep an origin in JSON and its place in the message", () => {
    const error = IdentityError.withOrigin({ profile: "dev", location: "config:1" })(
      new IdentityError.RoleNotAssigned({ accountId: "111122223333", roleName: "Admin" })
    )
    const { message, origin } = JSON.parse(JSON.stringify(error))
    assert.deepEqual(origin, { profile: "dev", location: "config:1" })
    assert.include(message, "(profile \"dev\", config:1)")
  })
})

const namesWithin = (value: unknown): ReadonlyArray<string> =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([name, item]) => [name, ...namesWithin(item)])
    : []
