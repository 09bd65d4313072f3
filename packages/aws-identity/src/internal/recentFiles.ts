/** A look at config files without a `stat` of each, for calls of AWS that come hundreds of times a second. */
import type * as Effect from "effect/Effect"

/** The services with such a look. They are the keys, so that the public shape of the service has no extra member. */
const looks = new WeakMap<object, unknown>()

/** Gives a service an effect that returns the files as they were less than a second ago, or later if it wrote them. */
export const withRecent = <A, E, Service extends { readonly read: Effect.Effect<A, E> }>(
  service: Service,
  recent: Service["read"]
): Service => {
  looks.set(service, recent)
  return service
}

/** The recent files of a service; those of `read` if it has no such effect. */
export const recentOf = <A, E>(service: object, read: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  (looks.get(service) as Effect.Effect<A, E> | undefined) ?? read
