/** Decides which failures of a call to AWS are worth a retry. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

const transientCodes = /^(?:TimeoutError|RequestTimeout(?:Exception)?|IDPCommunicationError(?:Exception)?)$/

const throttlingCodes: ReadonlySet<string> = new Set([
  "BandwidthLimitExceeded",
  "EC2ThrottledException",
  "LimitExceededException",
  "PriorRequestNotComplete",
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "RequestThrottledException",
  "SlowDown",
  "ThrottledException",
  "Throttling",
  "ThrottlingException",
  "TooManyRequestsException",
  "TransactionInProgressException"
])

/**
 * The codes that AWS uses, among other causes, when the time of the signature is wrong. A retry helps only after the
 * clock offset has been corrected.
 */
const clockSkewCodes: ReadonlySet<string> = new Set([
  "AccessDeniedException",
  "AuthFailure",
  "InvalidSignatureException",
  "RequestExpired",
  "RequestInTheFuture",
  "RequestTimeTooSkewed",
  "SignatureDoesNotMatch"
])

/** Whether STS could not fetch the keys of an identity provider in time. With other descriptions the code is final. */
const isAboutKeys = (code: string, description: string | undefined): boolean =>
  code === "InvalidIdentityToken" && /couldn.t retrieve verification key/i.test(description ?? "")

/** The pause (1 s) before STS is asked again when it could not reach an identity provider, unless AWS names a pause. */
export const pauseOf = (
  { code, description }: { readonly code: string; readonly description?: string | undefined }
): Option.Option<Duration.Duration> =>
  code.startsWith("IDPCommunicationError") || isAboutKeys(code, description)
    ? Option.some(Duration.seconds(1))
    : Option.none()

/** The kind of an error that a retry may get rid of; undefined if a retry does not help. */
export const kindOfAnswer = (
  { code, description, status }: {
    readonly code: string
    readonly status: number
    readonly description?: string | undefined
  },
  isClockMended: boolean
): "Transient" | "Throttling" | "ClockSkew" | undefined => {
  if (status === 429 || throttlingCodes.has(code)) return "Throttling"
  if (status === 500 || (status >= 502 && status <= 504) || transientCodes.test(code)) return "Transient"
  return isAboutKeys(code, description)
    ? "Transient"
    : isClockMended && clockSkewCodes.has(code)
    ? "ClockSkew"
    : undefined
}

/** Whether a retry may get past a connection failure. It does not help with a wrong certificate or URL. */
export const isTransientConnection = (code: string): boolean =>
  /^(?:Transport|ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN|ENOTFOUND|EAI_AGAIN|UND_ERR_(?:SOCKET|(?:CONNECT|HEADERS|BODY)_TIMEOUT))$/
    .test(code)
