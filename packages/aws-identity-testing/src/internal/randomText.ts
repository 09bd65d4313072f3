import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

export const randomText = (alphabet: string, length: number): Effect.Effect<string> =>
  Effect.map(
    Effect.replicateEffect(Random.nextIntBetween(0, alphabet.length), length),
    (indices) => indices.map((index) => alphabet[index]).join("")
  )

/** Begins with what it is, so that a test which finds one where none may be says which. */
export const randomSecret = (kind: string): Effect.Effect<string> =>
  Effect.map(
    randomText("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 40),
    (text) => `${kind}-${text}`
  )
