/** The session of a role: from the names of provider options to those of STS. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as IdentityError from "../IdentityError.js"
import { variable } from "./environment.js"

/** The input of STS for these options. AWS takes whole seconds, so a part of a second is left out. */
export const stsSession = ({ sessionDuration, sessionName }: {
  readonly sessionName?: string | undefined
  readonly sessionDuration?: Duration.DurationInput | undefined
}): Effect.Effect<{ readonly roleSessionName: string; readonly durationSeconds: number | undefined }> =>
  Effect.map(sessionName === undefined ? defaultName : Effect.succeed(sessionName), (roleSessionName) => ({
    roleSessionName,
    durationSeconds: sessionDuration === undefined ? undefined : Math.floor(Duration.toSeconds(sessionDuration))
  }))

/** Lets an error about the input of STS name the option of the provider instead. */
export const withOptionNames = <E extends { readonly _tag: string }>(error: E): E | IdentityError.InvalidInput => {
  if (!isInvalidInput(error)) return error
  const name = /^"(\w+)"/.exec(error.problem)?.[1] ?? ""
  const option = optionNames.get(name)
  return option === undefined
    ? error
    : new IdentityError.InvalidInput({ ...error, problem: error.problem.replace(name, option) })
}

const isInvalidInput = (error: { readonly _tag: string }): error is IdentityError.InvalidInput =>
  error._tag === "InvalidInput"

const optionNames: ReadonlyMap<string, string> = new Map([
  ["roleSessionName", "sessionName"],
  ["durationSeconds", "sessionDuration"],
  ["serialNumber", "mfa.device"],
  ["tokenCode", "mfa.mfaCode"]
])

/**
 * The default name of a role session. In CloudTrail it shows this library, the host or pod (`HOSTNAME`) and the start
 * time (ms since 1970). It has 64 characters at most, and only those that AWS takes.
 */
const defaultName: Effect.Effect<string> = Effect.gen(function*() {
  const host = yield* Effect.orElseSucceed(variable("HOSTNAME"), () => Option.none())
  const since = `${yield* Clock.currentTimeMillis}`
  const room = 64 - library.length - since.length - 2
  // The end of a pod's name tells it from other pods.
  const where = Option.toArray(host).map((host) => host.replace(/[^\w+=,.@-]/g, "-").slice(-room))
  return [library, ...where, since].join("-")
})

const library = "effect-aws-identity"
