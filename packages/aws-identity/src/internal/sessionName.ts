import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { lookUp } from "./environment.js"

/**
 * A name for a role session, for who gave none: it says in CloudTrail whose it is, on which host (`HOSTNAME`) or in
 * which pod, and since when (ms since 1970). 64 characters at most, of those that AWS takes.
 */
export const sessionName: Effect.Effect<string> = Effect.gen(function*() {
  const host = yield* lookUp("HOSTNAME")
  const now = yield* Clock.currentTimeMillis
  const who = ["effect-aws-identity", ...Option.toArray(host)].join("-")
  const since = `-${now}`
  return who.replace(/[^\w+=,.@-]/g, "-").slice(0, 64 - since.length) + since
})
