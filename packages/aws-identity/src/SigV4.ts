/**
 * AWS Signature Version 4 of requests as plain data: pure, for any way to send them. `SignedHttpClient` signs what an
 * `HttpClient` of Effect sends.
 *
 * What is signed is what must be sent: the URL is spelled as AWS spells it, with a space in the query as `%20` and never
 * as `+`, and for S3 the path as S3 spells it. `.` and `..` in a path are followed first, as in every URL.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import { NodeInspectSymbol } from "effect/Inspectable"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "./Credentials.js"
import type * as IdentityError from "./IdentityError.js"
import * as internal from "./internal/sigV4.js"
import type { Region } from "./Region.js"

/**
 * The service that a request is signed for, and how.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * AWS's signing name of the service: `execute-api`, `s3`, `dynamodb`, `lambda`, `es`, `vpc-lattice-svcs`. Mostly the
   * first part of its host names; the service's entry in AWS's Service Authorization Reference has it.
   *
   * The four of S3 (`s3`, `s3express`, `s3-outposts`, `s3-object-lambda`) have their own rules for paths.
   */
  readonly service: string
  /** The region of the endpoint. Global services have one too: `us-east-1` for IAM. */
  readonly region: Region
  /**
   * Whether the signature covers the body. An unsigned body may be a stream, but is sent over https only, and not every
   * service accepts it; S3 does. A stream whose SHA-256 you know can be signed: put the SHA-256, in lower-case hex, into
   * the header `x-amz-content-sha256`.
   *
   * By default bodies are signed, except in presigned URLs of S3.
   */
  readonly payload?: "signed" | "unsigned" | undefined
  /**
   * Whether the header `x-amz-content-sha256` is added when the body is signed. Default: true, as in AWS's SDKs. S3,
   * OpenSearch Serverless and VPC Lattice require it, and other services ignore it.
   */
  readonly contentSha256?: boolean | undefined
}

/**
 * How a presigned URL is made.
 *
 * @since 0.1.0
 * @category models
 */
export interface PresignOptions extends Options {
  /**
   * For how long the URL can be used: 1 second to 7 days, by default 15 minutes. If the credentials that sign it expire
   * sooner, so does the URL: its `X-Amz-Expires` says how long it really lives.
   */
  readonly expiresIn?: Duration.DurationInput | undefined
}

/**
 * The credentials that sign, and the time of signing.
 *
 * @since 0.1.0
 * @category models
 */
export interface Signer {
  readonly credentials: Credentials
  /** AWS refuses a signature that is off by more than 5 minutes (S3: 15). */
  readonly now: DateTime.Utc
}

/**
 * A request as plain data.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  readonly method: "DELETE" | "GET" | "HEAD" | "OPTIONS" | "PATCH" | "POST" | "PUT"
  /** Absolute, http or https. A `+` in its query is a space. */
  readonly url: string | URL
  /**
   * Printable ASCII. All are signed, except those that change on the way, such as `user-agent` and `traceparent`; a
   * `host` takes the place of the one in the URL.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: Uint8Array | string | undefined
}

/**
 * A request's signed form: send exactly this URL and these headers.
 *
 * @since 0.1.0
 * @category models
 */
export interface SignedRequest {
  readonly url: string
  /**
   * With `authorization`, `x-amz-date`, and `x-amz-security-token` if there is one. `host` is left to the transport.
   * Printed and as JSON, the signature and the token are redacted.
   */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Signs a request in its headers. Pure; `SignedHttpClient` does it for a whole client.
 *
 * Fails with `InvalidInput` for a request that would not arrive as it was signed.
 *
 * @example
 * ```ts
 * import { DateTime, Either, Redacted } from "effect"
 * import { Credentials, Region, SigV4 } from "effect-aws-identity"
 *
 * const signed = SigV4.sign({ method: "GET", url: "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08" }, {
 *   service: "iam",
 *   region: Region.make("us-east-1"),
 *   credentials: new Credentials.Credentials({
 *     accessKeyId: "AKIDEXAMPLE",
 *     secretAccessKey: Redacted.make("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
 *   }),
 *   now: DateTime.unsafeMake("2015-08-30T12:36:00Z")
 * })
 *
 * console.log(Either.getOrThrow(signed).headers["x-amz-date"]) // 20150830T123600Z
 * ```
 *
 * @since 0.1.0
 * @category signing
 */
export const sign = (
  request: Request,
  options: Options & Signer
): Either.Either<SignedRequest, IdentityError.InvalidInput> =>
  Either.map(
    internal.sign(plain(request), { ...options, now: DateTime.toEpochMillis(options.now) }),
    ({ headers, url }) => ({ url, headers: redactedWhenPrinted(headers) })
  )

const redactedWhenPrinted = (headers: ReadonlyMap<string, string>): Readonly<Record<string, string>> =>
  Object.assign(Object.create(printedHeaders), Object.fromEntries(headers))

const printedHeaders = {
  toJSON(this: Readonly<Record<string, string>>) {
    return Object.fromEntries(
      Object.entries(this).map(([name, value]) => [name, internal.secretHeaders.includes(name) ? "<redacted>" : value])
    )
  },
  [NodeInspectSymbol](this: { readonly toJSON: () => unknown }) {
    return this.toJSON()
  }
}

/**
 * Makes a URL with which anyone can make this one request without credentials. Pure.
 *
 * The URL is `Redacted`, because it holds the signature, and the session token if there is one. The headers of the
 * request are signed too, so send the request with the same headers.
 *
 * @example
 * ```ts
 * import { Duration } from "effect"
 * import type { DateTime } from "effect"
 * import type { Credentials } from "effect-aws-identity"
 * import { Region, SigV4 } from "effect-aws-identity"
 *
 * const download = (credentials: Credentials.Credentials, now: DateTime.Utc) =>
 *   SigV4.presign({ method: "GET", url: "https://my-bucket.s3.eu-central-1.amazonaws.com/report.pdf" }, {
 *     service: "s3",
 *     region: Region.make("eu-central-1"),
 *     expiresIn: Duration.hours(1),
 *     credentials,
 *     now
 *   })
 * ```
 *
 * @since 0.1.0
 * @category signing
 */
export const presign = (
  request: Request,
  options: PresignOptions & Signer
): Either.Either<Redacted.Redacted, IdentityError.InvalidInput> =>
  Either.map(
    internal.presign(
      plain(request),
      { ...options, now: DateTime.toEpochMillis(options.now) },
      internal.secondsOf(options.expiresIn)
    ),
    (url) => Redacted.make(url)
  )

const plain = (request: Request): internal.Request => ({
  ...request,
  headers: request.headers ?? {},
  body: request.body ?? ""
})
