import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { variable } from "./environment.js"

/**
 * A name for a role session, for who gave none: it says in CloudTrail whose it is, on which host (`HOSTNAME`) or in
 * which pod, and since when (ms since 1970). 64 characters at most, of those that AWS takes.
 */
export const sessionName: Effect.Effect<string> = Effect.gen(function*() {
  const host = yield* Effect.orElseSucceed(variable("HOSTNAME"), () => Option.none())
  const since = `${yield* Clock.currentTimeMillis}`
  const room = 64 - library.length - since.length - 2
  // The end of a pod's name is what tells it from others.
  const where = Option.toArray(host).map((host) => host.replace(/[^\w+=,.@-]/g, "-").slice(-room))
  return [library, ...where, since].join("-")
})

const library = "effect-aws-identity"
