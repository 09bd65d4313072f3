import * as Option from "effect/Option"
import { SsoLoginRequired } from "../IdentityError.js"
import type { Region } from "../Region.js"

/** The fields of an `SsoSession` that an error repeats. */
interface Session {
  readonly name: Option.Option<string>
  readonly profile: Option.Option<string>
  readonly cacheKey: string
  readonly startUrl: string
  readonly region: Region
  readonly registrationScopes: ReadonlyArray<string>
  readonly loginCommand: string
}

/** Says that a person has to sign in to the session, and names all that a sign-in needs. */
export const loginRequired = (
  { cacheKey, loginCommand, name, profile, region, registrationScopes, startUrl }: Session,
  why: {
    readonly reason: SsoLoginRequired["reason"]
    readonly detail?: string | undefined
    readonly path?: string | undefined
  }
): SsoLoginRequired =>
  new SsoLoginRequired({
    ...why,
    session: cacheKey,
    sessionName: Option.getOrUndefined(name),
    profile: Option.getOrUndefined(profile),
    startUrl,
    region,
    registrationScopes: registrationScopes.length === 0 ? undefined : registrationScopes,
    command: loginCommand
  })
