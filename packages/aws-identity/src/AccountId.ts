/**
 * The ids of AWS accounts.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * The id of an AWS account: 12 digits, as text because of leading zeros.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { AccountId } from "effect-aws-identity"
 *
 * export const production: AccountId.AccountId = AccountId.make("111122223333")
 *
 * // From the application's configuration
 * export const configured = Schema.Config("ACCOUNT_ID", AccountId.AccountId)
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export const AccountId = Schema.String.pipe(
  Schema.pattern(/^\d{12}$/, { description: "an account id of 12 digits" }),
  Schema.brand("AccountId")
)

/**
 * The id of an AWS account, checked.
 *
 * @since 0.1.0
 * @category models
 */
export type AccountId = typeof AccountId.Type

/**
 * An account id from a literal. Throws a `ParseError` on anything but 12 digits; use `option` or the `AccountId` schema
 * for untrusted text.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (digits: string): AccountId => AccountId.make(digits)

/**
 * The account id that a text is; none if the text is not 12 digits.
 *
 * @example
 * ```ts
 * import { AccountId } from "effect-aws-identity"
 *
 * console.log(AccountId.option("012345678901")._tag) // Some
 * console.log(AccountId.option("0123-4567-8901")._tag) // None
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const option = (text: string): Option.Option<AccountId> => Option.liftPredicate(Schema.is(AccountId))(text)
