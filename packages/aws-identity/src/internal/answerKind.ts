/** Which failures of a call to AWS the next attempt may not have. */
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
 * AWS's ways to say that it may be the time of the signature that is wrong. Worth another attempt only once the clock
 * has been corrected.
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

/** STS could not fetch the keys of an identity provider in time; with other words, the same code is final. */
const isAboutKeys = (code: string, description: string | undefined): boolean =>
  code === "InvalidIdentityToken" && /couldn.t retrieve verification key/i.test(description ?? "")

/** An identity provider that STS could not reach is given a second, when AWS itself asks for no more. */
export const pauseOf = (
  { code, description }: { readonly code: string; readonly description?: string | undefined }
): Option.Option<Duration.Duration> =>
  code.startsWith("IDPCommunicationError") || isAboutKeys(code, description)
    ? Option.some(Duration.seconds(1))
    : Option.none()

/** Why an answer with an error may be another one next time, if it may. */
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

/** Failures of a connection that the next one may not have; a certificate or URL does not get better. */
export const isTransientConnection = (reason: string): boolean =>
  /^(?:Transport|ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN|ENOTFOUND|EAI_AGAIN|UND_ERR_(?:SOCKET|(?:CONNECT|HEADERS|BODY)_TIMEOUT))$/
    .test(reason)
