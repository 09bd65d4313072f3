/** The metrics of this library. Their names are documented, because dashboards use them. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as MetricKey from "effect/MetricKey"
import type * as MetricKeyType from "effect/MetricKeyType"
import * as MetricLabel from "effect/MetricLabel"

const requests = MetricKey.counter("aws_identity_requests", {
  description: "Calls to AWS by operation and code (OK, AWS's code of the error, or our tag of it)",
  incremental: true
})

const refreshes = MetricKey.counter("aws_identity_refreshes", {
  description: "Refreshes of tokens and credentials by provider and outcome",
  incremental: true
})

const secondsToExpiry = MetricKey.gauge("aws_identity_seconds_to_expiry", {
  description: "Seconds until the last token or credentials of a provider expire, measured when the provider got them"
})

/** With the labels in its key: `Metric.tagged` makes a new key, and looks it up, at each update. */
const labelled = <Type extends MetricKeyType.MetricKeyType.Untyped>(
  key: MetricKey.MetricKey<Type>,
  labels: Readonly<Record<string, string>>
) =>
  Metric.fromMetricKey(
    MetricKey.taggedWithLabels(key, Object.entries(labels).map(([name, value]) => MetricLabel.make(name, value)))
  )

/** Counts a call by how it ends. */
export const countRequest = (service: string, operation: string) => {
  const counters = new Map<string, Effect.Effect<void>>()
  const count = (code: string): Effect.Effect<void> => {
    const known = counters.get(code)
    if (known !== undefined) return known
    const counter = Metric.increment(labelled(requests, { "rpc.service": service, "rpc.method": operation, code }))
    counters.set(code, counter)
    return counter
  }
  return <A, E extends { readonly _tag: string; readonly code?: string }, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.tapBoth(effect, { onSuccess: () => count("OK"), onFailure: (error) => count(codeOf(error)) })
}

/** The code for the metric. Unknown codes become `Other`, because each code adds a time series that never goes away. */
const codeOf = ({ _tag, code }: { readonly _tag: string; readonly code?: string }): string =>
  _tag !== "ServiceError" ? _tag : code !== undefined && modelled.has(code) ? code : "Other"

/** The error codes of AWS's models and signature checks that have no tag of their own. */
const modelled: ReadonlySet<string> = new Set([
  "ForbiddenException",
  "IncompleteSignature",
  "InternalServerException",
  "InvalidClientMetadataException",
  "InvalidClientTokenId",
  "InvalidRedirectUriException",
  "InvalidRequestException",
  "InvalidScopeException",
  "MalformedPolicyDocument",
  "PackedPolicyTooLarge",
  "ResourceNotFoundException",
  "SignatureDoesNotMatch",
  "Throttling",
  "UnauthorizedClientException",
  "UnsupportedGrantTypeException",
  "ValidationError"
])

/** Counts a refresh, and records when its result expires (ms since 1970). */
export const countRefresh = <A>(provider: string, endOf: (value: A) => number) => {
  const count = (outcome: string) => Metric.increment(labelled(refreshes, { provider, outcome }))
  return <E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.onExit(effect, (exit) =>
      Exit.isSuccess(exit)
        ? Effect.clockWith((clock) =>
          Effect.zipRight(
            count("success"),
            Metric.set(
              labelled(secondsToExpiry, { provider }),
              (endOf(exit.value) - clock.unsafeCurrentTimeMillis()) / 1000
            )
          )
        )
        : count("failure"))
}
