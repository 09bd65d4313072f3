/** Tokens that a store could not write. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"

interface Token {
  readonly accessToken: Redacted.Redacted
}

/** A store of tokens: the service `SsoTokenCache`. */
interface Store<T extends Token, E, F> {
  readonly get: (key: string) => Effect.Effect<Option.Option<T>, E>
  readonly set: (
    key: string,
    token: T,
    options?: { readonly replaces?: Option.Option<T> | undefined }
  ) => Effect.Effect<boolean, F>
  readonly remove: (key: string) => Effect.Effect<void, F>
  readonly exclusively: (key: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly location: (key: string) => string
}

/** A store whose `set` does not fail. */
interface WithMemory<T extends Token, E, F> extends Store<T, E, F> {
  readonly set: (...args: Parameters<Store<T, E, F>["set"]>) => Effect.Effect<boolean>
}

/** Whether both have the same access token, or both are none. */
export const isSame = (left: Option.Option<Token>, right: Option.Option<Token>): boolean =>
  Equal.equals(accessTokenOf(left), accessTokenOf(right))

const accessTokenOf = Option.map(({ accessToken }: Token) => accessToken)

/** ms between two attempts to write a token that is only in memory. */
const saveInterval = 30_000

/** The memory of each store, so that all users of a store find the same tokens. A store with its memory has itself. */
const memories = new WeakMap<object, unknown>()

/**
 * The store with a memory: a token that the store cannot write, for example in a read-only home directory, stays in
 * memory until the store can be written again, or until another process changes the token there. Logs one warning.
 *
 * A sign-in and a refresh must not fail after AWS has issued the token, so everything that reads or writes tokens goes
 * through this memory. All callers share the one memory of a store.
 */
export const withMemory = <T extends Token, E, F extends { readonly message: string }>(
  store: Store<T, E, F>
): WithMemory<T, E, F> => {
  const known = memories.get(store)
  if (known !== undefined) return known as WithMemory<T, E, F>
  const cache = make(store)
  memories.set(store, cache)
  memories.set(cache, cache)
  return cache
}

const make = <T extends Token, E, F extends { readonly message: string }>(
  store: Store<T, E, F>
): WithMemory<T, E, F> => {
  /** The tokens that could not be written. */
  const unsaved = new Map<string, {
    readonly token: T
    /** What the store holds instead. */
    readonly instead: Option.Option<T>
    /** When writing it was last tried (ms since 1970). */
    triedAt: number
  }>()
  /** What the store held when it could last be read. */
  const seen = new Map<string, Option.Option<T>>()
  let hasWarned = false

  /** Tries again to write a token, because the disk may be writable again and other processes need the token. */
  const saveLater = (
    key: string,
    kept: { readonly token: T; readonly instead: Option.Option<T>; triedAt: number }
  ) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (Math.abs(now - kept.triedAt) < saveInterval) return Effect.void
      kept.triedAt = now
      return Effect.matchEffect(store.set(key, kept.token, { replaces: kept.instead }), {
        onFailure: () => Effect.void,
        onSuccess: () =>
          Effect.sync(() => {
            if (unsaved.get(key) === kept) unsaved.delete(key)
          })
      })
    })

  return {
    // The methods of a store may need its `this`, so they are not copied.
    exclusively: (key) => store.exclusively(key),
    location: (key) => store.location(key),
    get: (key) =>
      Effect.matchEffect(store.get(key), {
        onFailure: (error) => {
          const kept = unsaved.get(key)
          return kept === undefined ? Effect.fail(error) : Effect.succeedSome(kept.token)
        },
        onSuccess: (found) => {
          seen.set(key, found)
          const kept = unsaved.get(key)
          if (kept !== undefined && isSame(found, kept.instead)) {
            return Effect.as(saveLater(key, kept), Option.some(kept.token))
          }
          unsaved.delete(key)
          return Effect.succeed(found)
        }
      }),
    set: (key, token, options) =>
      Effect.suspend(() => {
        const kept = unsaved.get(key)
        const asked = options?.replaces
        // A token that is only in memory stands for what the store holds instead.
        const replaces = kept !== undefined && asked !== undefined && isSame(asked, Option.some(kept.token))
          ? kept.instead
          : asked
        return Effect.matchEffect(store.set(key, token, replaces && { replaces }), {
          onSuccess: (isStored) =>
            Effect.sync(() => {
              unsaved.delete(key)
              return isStored
            }),
          onFailure: (error) =>
            Effect.gen(function*() {
              const found = yield* Effect.either(store.get(key))
              if (Either.isRight(found) && replaces !== undefined && !isSame(found.right, replaces)) {
                unsaved.delete(key)
                return false
              }
              const instead = Either.isRight(found) ? found.right : seen.get(key) ?? Option.none()
              unsaved.set(key, { token, instead, triedAt: yield* Clock.currentTimeMillis })
              if (!hasWarned) {
                hasWarned = true
                yield* Effect.logWarning(
                  `SSO tokens are kept in memory only, for as long as this runs. ${error.message}`
                )
              }
              return true
            })
        })
      }),
    remove: (key) =>
      Effect.suspend(() => {
        unsaved.delete(key)
        return store.remove(key)
      })
  }
}
