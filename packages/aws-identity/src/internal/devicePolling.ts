/** What to do after an answer while a device login waits for its approval (RFC 8628, 3.5): decisions only. */
import type { CallError, CreateTokenError } from "../IdentityError.js"
import { toServiceError } from "./serviceError.js"

/** All in milliseconds; `deadline` since 1970. */
export interface PollState {
  /** What the service asks to wait between two polls. */
  readonly intervalMillis: number
  /** The wait before the next poll: the interval, or longer while the network fails. */
  readonly waitMillis: number
  readonly deadline: number
}

export type NextPoll =
  | { readonly _tag: "Wait"; readonly state: PollState }
  | { readonly _tag: "Denied" | "Expired" }
  | { readonly _tag: "Failed"; readonly error: CallError }

const slowDownMillis = 5000
const longestWaitMillis = 60_000

export const nextPoll = (state: PollState, error: CreateTokenError): NextPoll => {
  const wait = (intervalMillis: number, waitMillis = intervalMillis): NextPoll => ({
    _tag: "Wait",
    state: { ...state, intervalMillis, waitMillis }
  })
  const backOff = () =>
    wait(state.intervalMillis, Math.max(state.intervalMillis, Math.min(state.waitMillis * 2, longestWaitMillis)))
  switch (error._tag) {
    case "AuthorizationPendingException":
      return wait(state.intervalMillis)
    case "SlowDownException":
      return wait(state.intervalMillis + slowDownMillis)
    case "ExpiredTokenException":
      return { _tag: "Expired" }
    case "AccessDeniedException":
      // With a detail code, the KMS key of the Identity Center caused the refusal, not a person.
      return error.detailCode === undefined ? { _tag: "Denied" } : { _tag: "Failed", error: toServiceError(error) }
    case "InvalidClientException":
    case "InvalidGrantException":
      return { _tag: "Failed", error: toServiceError(error) }
    case "ServiceUnreachable":
    case "InvalidResponse":
      return backOff()
    case "ServiceError":
      return error.status === 429 || error.status >= 500 ? backOff() : { _tag: "Failed", error }
    default:
      return { _tag: "Failed", error }
  }
}
