/** Web identity tokens that STS could accept. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { CredentialsUnavailable } from "../IdentityError.js"
import { type Claims, claimsOf } from "./jsonWebToken.js"

/** The source of a token, as messages name it, and what to do when there is no token. */
export interface Source {
  readonly name: string
  readonly remedy: string
}

export interface CheckedToken extends Claims {
  readonly token: Redacted.Redacted
}

/** Characters. STS does not accept a longer token. */
export const longestToken = 20_000

/** The claims of the tokens that `check` returned. A source checks its token, and the caller of the source checks it again. */
const decoded = new WeakMap<Redacted.Redacted, CheckedToken>()

/**
 * A token without the white space around it, and its claims. Fails if STS could not accept the token: if it is empty, has
 * several lines, is too long, is not a signed JWT, or has expired. Each token is decoded once.
 */
export const check = (
  { name, remedy }: Source,
  given: Redacted.Redacted
): Effect.Effect<CheckedToken, CredentialsUnavailable> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const fail = (reason: "Invalid" | "Expired", problem: string) =>
      Effect.fail(new CredentialsUnavailable({ source: name, reason, problem, remedy }))
    const token = decoded.get(given) ?? decode(Redacted.value(given).trim())
    if (typeof token === "string") return fail("Invalid", token)
    if (endOf(token) <= now) {
      const [expiredAt, here] = [endOf(token), now].map((time) => DateTime.formatIso(DateTime.unsafeMake(time)))
      return fail("Expired", `it expired at ${expiredAt}, and it is ${here} here`)
    }
    return Effect.succeed(token)
  })

/** The token with its claims, or what is wrong with it. */
const decode = (text: string): CheckedToken | string => {
  if (text === "") return "it is empty"
  if (text.length > longestToken) return `it is longer than ${longestToken} characters`
  if (/\s/.test(text)) return "it has more than one line or word"
  const claims = claimsOf(text)
  if (Option.isNone(claims)) return "it is not a signed JSON web token"
  const token = { ...claims.value, token: Redacted.make(text) }
  decoded.set(token.token, token)
  return token
}

/** ms since 1970 */
export const endOf = ({ expiration }: CheckedToken): number =>
  Option.match(expiration, { onNone: () => Infinity, onSome: DateTime.toEpochMillis })
