/**
 * How the clients of `Sso`, `SsoOidc` and `Sts` reach AWS: endpoints, retries, time limits.
 *
 * Every setting has a default that follows AWS's SDKs. `layer` of a client takes the settings as they are.
 * `layerEnvironment` completes them from the environment, and `layerProfile` from the environment and the profile, as
 * AWS's SDKs do.
 *
 * The application's `HttpClient` handles proxies, certificates and connections. Give this library a client that sends a
 * request to the URL it was made for: without `HttpClient.followRedirects`, because AWS does not redirect, and without
 * a base URL (`HttpClient.mapRequest` with `HttpClientRequest.prependUrl`), because the server there would receive
 * tokens. A request that would go to another server is not sent and fails with `InvalidInput`. A redirect fails with
 * `InvalidResponse`. Headers may be added. To reach AWS through another host, set `endpoint`.
 *
 * @example
 * ```ts
 * import { Schedule } from "effect"
 * import { Sso, SsoOidc } from "effect-aws-identity"
 *
 * // In a test environment that has LocalStack on a host of its own
 * export const portal = Sso.layer({ endpoint: "http://localstack:4566", allowPlainHttp: ["localstack"] })
 *
 * // One attempt more, each a second after the last
 * export const oidc = SsoOidc.layer({ retry: Schedule.spaced("1 second").pipe(Schedule.intersect(Schedule.recurs(3))) })
 * ```
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import type * as IdentityError from "./IdentityError.js"
import type { Region } from "./Region.js"

/**
 * A failed attempt that may be retried.
 *
 * `Transient` is a lost connection, a time limit or a fault on AWS's side; `Throttling` is AWS asking for fewer
 * requests; `ClockSkew` is a signature made by a wrong clock, which has been corrected since.
 *
 * @since 0.1.0
 * @category models
 */
export interface RetryableFailure {
  readonly kind: "Transient" | "Throttling" | "ClockSkew"
  readonly error: IdentityError.ServiceUnreachable | IdentityError.ServiceException
  /** The wait that `x-amz-retry-after` or `Retry-After` of the answer asks for. */
  readonly retryAfter: Option.Option<Duration.Duration>
}

/**
 * The settings of a client.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientConfig {
  /** Of STS only: the region of inputs that name none, except for roles of another partition. */
  readonly region?: Region | undefined
  /** Of STS only: for a role of another partition than that of `region`, the first of these that is in it. */
  readonly fallbackRegions?: ReadonlyArray<Region> | undefined
  /** The URL of an endpoint for all regions, such as `http://localhost:4566`. Default: AWS's endpoint of the region. */
  readonly endpoint?: string | undefined
  /** Where `endpoint` comes from, for error messages: `AWS_ENDPOINT_URL_STS`, `endpoint_url in config:3`. */
  readonly endpointSource?: string | undefined
  /** Hosts to which http without TLS is allowed. Loopback addresses are always allowed. */
  readonly allowPlainHttp?: ReadonlyArray<string> | undefined
  /** Whether to use the FIPS endpoints. Default: false. */
  readonly useFipsEndpoint?: boolean | undefined
  /** Whether to use the dual-stack endpoints (IPv4 and IPv6). Default: false. */
  readonly useDualstackEndpoint?: boolean | undefined
  /** Of STS only: whether to use `sts.amazonaws.com` for the regions that it once served. AWS advises against it. */
  readonly useGlobalEndpoint?: boolean | undefined
  /** The number of attempts, with the first. Default: 3. */
  readonly maxAttempts?: number | undefined
  /**
   * Decides after each failure that may be retried whether and when to retry. It replaces AWS's standard retry mode and
   * `maxAttempts`. That mode waits a random time of up to 50 ms (1 s when throttled), which doubles each time up to 20 s,
   * as long as the client's retry quota lasts.
   */
  readonly retry?: Schedule.Schedule<unknown, RetryableFailure> | undefined
  /** The time limit of one attempt, with the body of its answer. Default: 30 seconds. */
  readonly attemptTimeout?: Duration.DurationInput | undefined
  /** The time limit of all attempts and the waits between them. Default: 1 minute. */
  readonly timeout?: Duration.DurationInput | undefined
  /** A name for the `User-Agent` header, up to 50 characters. */
  readonly appId?: string | undefined
  /**
   * Whether signatures keep the time of a clock that differs from AWS's by more than 4 minutes. Default: false, they are
   * made with AWS's time.
   */
  readonly disableClockSkewCorrection?: boolean | undefined
}

/**
 * The settings themselves, or a function that finds them for the profile of each call. Without a profile, the settings
 * are those of the profile that the program chose.
 *
 * @since 0.1.0
 * @category models
 */
export type ClientSettings =
  | ClientConfig
  | ((
    profile: string | undefined
  ) => Effect.Effect<ClientConfig, IdentityError.InvalidConfig | IdentityError.FileError>)
