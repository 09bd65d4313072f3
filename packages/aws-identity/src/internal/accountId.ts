import * as Option from "effect/Option"

/** An account's id among what others wrote: 12 digits, or nothing. Credentials are as good without. */
export const accountIdOf = (value: unknown): Option.Option<string> =>
  typeof value === "string" && /^\d{12}$/.test(value) ? Option.some(value) : Option.none()
