/**
 * AWS credentials: the value that providers return and signers take.
 *
 * @example
 * ```ts
 * import { Redacted } from "effect"
 * import { Credentials } from "effect-aws-identity"
 *
 * const credentials = new Credentials.Credentials({
 *   accessKeyId: "AKIAIOSFODNN7EXAMPLE",
 *   secretAccessKey: Redacted.make("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
 * })
 *
 * console.log(String(credentials.secretAccessKey)) // <redacted>
 * ```
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { AccountId } from "./AccountId.js"

/**
 * AWS credentials: long-lived when there is no `expiration`, temporary otherwise. The secrets are `Redacted`, so a
 * value may be logged, inspected or put into JSON.
 *
 * @since 0.1.0
 * @category models
 */
export class Credentials extends Schema.Class<Credentials>("effect-aws-identity/Credentials")({
  accessKeyId: Schema.NonEmptyString,
  secretAccessKey: Schema.Redacted(Schema.NonEmptyString),
  sessionToken: Schema.optionalWith(Schema.Redacted(Schema.NonEmptyString), { as: "Option", nullable: true }).pipe(
    Schema.withConstructorDefault(Option.none)
  ),
  /** When they expire. None for long-lived keys. */
  expiration: Schema.optionalWith(Schema.DateTimeUtc, { as: "Option", nullable: true }).pipe(
    Schema.withConstructorDefault(Option.none)
  ),
  /** The account that they belong to, if it is known. */
  accountId: Schema.optionalWith(AccountId, { as: "Option", nullable: true }).pipe(
    Schema.withConstructorDefault(Option.none)
  )
}) {}
