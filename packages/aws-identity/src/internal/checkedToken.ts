/** A web identity token that is worth showing to STS. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { CredentialsUnavailable } from "../IdentityError.js"
import { type Claims, claimsOf } from "./jsonWebToken.js"

/** Where a token is from, as messages name it, and what to do when there is none. */
export interface Source {
  readonly name: string
  readonly remedy: string
}

export interface CheckedToken extends Claims {
  readonly token: Redacted.Redacted
}

/** STS takes no longer one. */
export const longestToken = 20_000

/**
 * A token without the white space around it, and what it says of itself; fails when it is none that STS could take:
 * empty, of several lines, too long, no signed JWT, or expired.
 */
export const check = (
  { name, remedy }: Source,
  given: Redacted.Redacted
): Effect.Effect<CheckedToken, CredentialsUnavailable> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const fail = (reason: "Invalid" | "Expired", problem: string) =>
      Effect.fail(new CredentialsUnavailable({ source: name, reason, problem, remedy }))
    const token = Redacted.value(given).trim()
    if (token === "") return fail("Invalid", "it is empty")
    if (token.length > longestToken) return fail("Invalid", `it is longer than ${longestToken} characters`)
    if (/\s/.test(token)) return fail("Invalid", "it has more than one line or word")
    const claims = claimsOf(token)
    if (Option.isNone(claims)) return fail("Invalid", "it is not a signed JSON web token")
    const result = { ...claims.value, token: Redacted.make(token) }
    if (endOf(result) <= now) {
      const [expiredAt, here] = [endOf(result), now].map((time) => DateTime.formatIso(DateTime.unsafeMake(time)))
      return fail("Expired", `it expired at ${expiredAt}, and it is ${here} here`)
    }
    return Effect.succeed(result)
  })

/** ms since 1970 */
export const endOf = ({ expiration }: CheckedToken): number =>
  Option.match(expiration, { onNone: () => Infinity, onSome: DateTime.toEpochMillis })
