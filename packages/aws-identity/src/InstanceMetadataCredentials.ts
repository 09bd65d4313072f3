/**
 * Credentials of the role of an EC2 instance, from its metadata service (IMDS). `AWS.EC2MetadataCredentials` as a
 * provider.
 *
 * | variable | |
 * | --- | --- |
 * | `AWS_EC2_METADATA_DISABLED` | anything but `false`: this provider is not used |
 * | `AWS_EC2_METADATA_SERVICE_ENDPOINT` | where to ask instead of `http://169.254.169.254` |
 * | `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE` | `IPv6` for `http://[fd00:ec2::254]`, if no endpoint is named |
 *
 * Only version 2 of the service is used, whatever `AWS_EC2_METADATA_V1_DISABLED` says. Every instance has it. Version 1
 * gives the role's credentials to an attacker who can make any program on the instance, or a proxy, send a GET. AWS's
 * SDKs fall back to it for compatibility only. In a container on an instance, version 2 needs a hop limit
 * (`HttpPutResponseHopLimit`) of 2.
 *
 * The settings of the same names in config files are not read, so that this provider needs no files: an instance has its
 * environment from its launch template.
 *
 * All requests go through the `Transport`. If that uses a proxy, exclude this host from the proxy. `NodeIdentity` never
 * sends requests to link-local hosts through its agent or dispatcher.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { CredentialsProvider, InstanceMetadataCredentials } from "effect-aws-identity"
 * import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
 *
 * export const credentials: Layer.Layer<CredentialsProvider.CredentialsProvider> = InstanceMetadataCredentials.layer({
 *   background: true
 * }).pipe(Layer.provide(NodeIdentity.layerPorts()))
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import * as IdentityError from "./IdentityError.js"
import { AccessToken } from "./internal/accessToken.js"
import { isEndpointUrl } from "./internal/endpoint.js"
import { variable } from "./internal/environment.js"
import * as HttpExchange from "./internal/httpExchange.js"
import * as MetadataAnswer from "./internal/metadataAnswer.js"
import { makeSecrets } from "./internal/scrub.js"
import { shownText } from "./internal/shownPath.js"
import * as Transport from "./Transport.js"

const names = {
  disabled: "AWS_EC2_METADATA_DISABLED",
  endpoint: "AWS_EC2_METADATA_SERVICE_ENDPOINT",
  mode: "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"
}

const settings = Effect.all({
  disabled: variable(names.disabled),
  endpoint: variable(names.endpoint),
  mode: variable(names.mode)
})

const notConfigured = (problem: string, remedy: string) =>
  Effect.fail(new IdentityError.NotConfigured({ provider: "EC2 instance metadata", problem, remedy }))

const unavailable = (
  source: string,
  { problem, reason }: Pick<IdentityError.CredentialsUnavailable, "reason" | "problem">,
  remedy: string
) => new IdentityError.CredentialsUnavailable({ source, reason, problem, remedy })

/** Without a slash at its end. */
const endpointOf = Effect.gen(function*() {
  const { disabled, endpoint, mode } = yield* Effect.mapError(settings, () =>
    unavailable(
      "the environment",
      { reason: "Invalid", problem: "its variables cannot be read" },
      "Check the ConfigProvider."
    ))
  if (Option.exists(disabled, (value) => value.toLowerCase() !== "false")) {
    return yield* notConfigured(`${names.disabled} is set`, "Unset it to use the role of an EC2 instance.")
  }
  const invalid = (name: string, problem: string) =>
    unavailable(name, { reason: "Invalid", problem }, `Correct or unset ${name}. Nothing was sent.`)
  if (Option.isSome(endpoint)) {
    return isEndpointUrl(endpoint.value)
      ? endpoint.value.replace(/\/+$/, "")
      : yield* invalid(names.endpoint, "it is no http or https URL of a host and, if need be, a path")
  }
  switch (Option.getOrElse(mode, () => "IPv4").toLowerCase()) {
    case "ipv4":
      return "http://169.254.169.254"
    case "ipv6":
      return "http://[fd00:ec2::254]"
    default:
      return yield* invalid(names.mode, "it is neither IPv4 nor IPv6")
  }
})

const decodeToken = Schema.decodeEither(AccessToken)

/** IAM's names of roles, which become a part of a URL's path; dots alone would lead out of it. */
const decodeRole = Schema.decodeOption(Schema.String.pipe(Schema.pattern(/^(?!\.{1,2}$)[\w+=,.@-]{1,64}$/)))

const timeout = "1 second"

/** The service does not know its own token (any more). */
const unauthorized = { _tag: "Unauthorized" as const }

const attemptAt = (endpoint: string) =>
  Effect.gen(function*() {
    const transport = yield* Transport.Transport
    const shown = shownText(endpoint)
    const source = `the instance metadata service at ${shown}`
    const failed = (problem: HttpExchange.Silence | MetadataAnswer.Problem) =>
      Effect.fail(unavailable(source, problem, remedies[problem.reason]))

    const put = {
      method: "PUT" as const,
      url: `${endpoint}/latest/api/token`,
      headers: { "x-aws-ec2-metadata-token-ttl-seconds": "21600" }
    }
    // One attempt only: most machines have no metadata service, and every caller waits for the answer.
    const first = yield* Effect.either(HttpExchange.ask(transport, put, { attempts: 1, timeout }))
    if (Either.isLeft(first)) {
      if (first.left.reason !== "Unreachable") return yield* failed(first.left)
      return yield* notConfigured(
        `There is no instance metadata service at ${shown}: ${first.left.problem}`,
        "On an EC2 instance, check that it is on (HttpEndpoint), that no proxy stands between and, in a container, " +
          "that the hop limit (HttpPutResponseHopLimit) is at least 2."
      )
    }
    const answer = first.right.status === 429 || first.right.status >= 500
      ? yield* Effect.catchAll(HttpExchange.ask(transport, put, { attempts: 2, timeout }), failed)
      : first.right
    // Switched off for this instance, or the service of another cloud.
    if (answer.status === 403 || answer.status === 404 || answer.status === 405) {
      return yield* notConfigured(
        `The instance metadata service at ${shown} gives no tokens: it answered with status ${answer.status}`,
        "On an EC2 instance, check that it is on (HttpEndpoint), and that no proxy stands between, which would add a " +
          "header that it does not take. Its version 1 is never used."
      )
    }
    if (answer.status !== 200) return yield* failed(MetadataAnswer.refusal(answer, makeSecrets([])))
    const token = decodeToken(answer.text.trim())
    if (Either.isLeft(token)) {
      return yield* failed({
        reason: "Invalid",
        problem: `its answer is not a token${MetadataAnswer.pageIn(answer, makeSecrets([]))}`
      })
    }

    const header = Redacted.value(token.right)
    const secrets = makeSecrets([header])
    const get = (path: string) =>
      HttpExchange.ask(
        transport,
        {
          method: "GET",
          url: `${endpoint}/latest/meta-data/iam/security-credentials/${path}`,
          headers: { "x-aws-ec2-metadata-token": header }
        },
        { attempts: 3, timeout }
      ).pipe(
        Effect.catchAll(failed),
        Effect.filterOrFail(({ status }) => status !== 401, () => unauthorized)
      )

    const roles = yield* get("")
    const name = roles.status === 404 ? "" : roles.text.trim().split(/\s*\n/)[0] ?? ""
    if (roles.status !== 200 && roles.status !== 404) {
      return yield* failed(MetadataAnswer.refusal(roles, secrets))
    }
    if (name === "") {
      return yield* notConfigured(
        "This EC2 instance has no role",
        "Attach an instance profile to it, if it is to have one."
      )
    }
    const role = decodeRole(name)
    if (Option.isNone(role)) {
      return yield* failed({
        reason: "Invalid",
        problem: `its answer is not the name of a role${MetadataAnswer.pageIn(roles, secrets)}`
      })
    }
    const credentials = yield* get(role.value)
    return yield* Effect.catchAll(MetadataAnswer.credentialsOf(credentials, secrets), failed)
  })

const remedies = {
  Unreachable: "It answered a moment ago: try again.",
  Refused: "Check the instance profile and that EC2 may assume its role (its trust policy).",
  Invalid: `A proxy or another service may answer in its place: check the network and ${names.endpoint}.`
}

/**
 * Gets the credentials of the role of this EC2 instance. The first request, which shows whether there is a metadata
 * service, is one attempt of 1 second. Each later request has up to three attempts of 1 second.
 *
 * - `NotConfigured`: the service is turned off (by `AWS_EC2_METADATA_DISABLED` or for the instance), there is no answer
 *   because this is not an EC2 instance, or the instance has no role.
 * - `CredentialsUnavailable`: a setting is wrong (`Invalid`, nothing is sent), the service stops answering
 *   (`Unreachable`), refuses (`Refused`), or its answer cannot be read (`Invalid`).
 *
 * During an outage the service returns credentials that have expired, and AWS's SDKs go on to use them for some minutes.
 * This library does not: the cache uses its credentials until they expire, tries to refresh them, and then fails with
 * `CredentialsExpired`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolve: () => Effect.Effect<
  Credentials,
  IdentityError.NotConfigured | IdentityError.CredentialsUnavailable,
  Transport.Transport
> = Effect.fn("InstanceMetadataCredentials.resolve")(function*() {
  const endpoint = yield* endpointOf
  return yield* attemptAt(endpoint).pipe(
    Effect.retry({ times: 1, while: (error) => error._tag === "Unauthorized" }),
    Effect.catchTag("Unauthorized", () =>
      Effect.fail(
        unavailable(
          `the instance metadata service at ${shownText(endpoint)}`,
          { reason: "Refused", problem: "it answered with status 401 to a token that it had just given" },
          remedies.Invalid
        )
      ))
  )
})

/**
 * `CredentialsProvider` of this EC2 instance.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: CredentialsProvider.CacheOptions
): Layer.Layer<CredentialsProvider.CredentialsProvider, never, Transport.Transport> =>
  CredentialsProvider.layer(resolve(), options)
