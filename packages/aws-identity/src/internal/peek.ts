/** Reads a cache of credentials without a fiber, for callers outside Effect such as the clients of AWS's SDK. */
import type { Credentials } from "../Credentials.js"

type Peek = () => Credentials | undefined

/** The services that can be peeked at. They are the keys, so that the public shape of the service has no extra member. */
const peeks = new WeakMap<object, Peek>()

/** Lets a service be peeked at. */
export const withPeek = <Service extends object>(service: Service, look: Peek): Service => {
  peeks.set(service, look)
  return service
}

/**
 * The cached credentials of a service, if they may be used as they are. If there are none, the caller uses `get`, as it
 * does for the services that cannot be peeked at.
 */
export const peek = (service: object): Credentials | undefined => peeks.get(service)?.()
