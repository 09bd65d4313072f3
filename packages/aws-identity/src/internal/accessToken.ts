import * as Schema from "effect/Schema"

/** It travels in a header, so it is visible ASCII and nothing else. */
export const AccessToken = Schema.Redacted(
  Schema.NonEmptyString.pipe(Schema.pattern(/^[\x21-\x7e]+$/, {
    description: "text of visible ASCII characters",
    // The default message of a ParseError shows the token.
    message: () => "Expected text of visible ASCII characters"
  }))
)
