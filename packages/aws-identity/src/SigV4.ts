/**
 * AWS Signature Version 4: an `HttpClient` that signs what it sends, for any AWS API that takes plain HTTP, such as
 * your own behind API Gateway.
 *
 * What is signed is what is sent: the parameters of a request are put into its URL, with a space as `%20` and never as
 * `+`, and for S3 the path is spelled as S3 spells it. `.` and `..` in a path are followed first, as in every URL.
 *
 * @example
 * ```ts
 * import { HttpClient } from "@effect/platform"
 * import { Effect } from "effect"
 * import { Region, SigV4 } from "effect-aws-identity"
 *
 * // Needs a CredentialsProvider, and fails as it does besides as the client does.
 * const pets = Effect.gen(function*() {
 *   const client = (yield* HttpClient.HttpClient).pipe(
 *     HttpClient.filterStatusOk,
 *     SigV4.withSignature({ service: "execute-api", region: Region.make("eu-central-1") })
 *   )
 *   const response = yield* client.get("https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/v1/pets", {
 *     urlParams: { name: "Miss Kitty" }
 *   })
 *   return yield* response.json
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { dual } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import type * as IdentityError from "./IdentityError.js"
import * as internal from "./internal/sigV4.js"
import type { Region } from "./Region.js"

/**
 * For which service is signed, and how.
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
  /** Of the endpoint. Global services have one too: `us-east-1` for IAM. */
  readonly region: Region
  /**
   * Whether the signature covers the body. An unsigned one may be a stream, goes over https only, and not every
   * service takes it; S3 does. A stream whose SHA-256 you know can be signed: put that, in lower-case hex, into the
   * header `x-amz-content-sha256`.
   *
   * By default bodies are signed, except in presigned URLs of S3.
   */
  readonly payload?: "signed" | "unsigned" | undefined
  /**
   * Whether the header `x-amz-content-sha256` is added when the body is signed. By default it is, as by AWS's own
   * SDKs: S3, OpenSearch Serverless and VPC Lattice ask for it, and the others do not mind.
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
 * Who signs, and when, for those who sign without services.
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
  readonly method: HttpMethod
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
  /** With `authorization`, `x-amz-date`, and `x-amz-security-token` if there is one. `host` is left to the transport. */
  readonly headers: Headers.Headers
}

/**
 * Signs a request in its headers. Pure; `withSignature` does it for a whole client.
 *
 * Fails with `InvalidInput` for what could not arrive as it was signed.
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
    ({ headers, url }) => ({ url, headers: Headers.fromInput(headers) })
  )

/**
 * The URL that lets whoever has it make this one request, without credentials of their own. Pure.
 *
 * It is `Redacted`, for it is a secret: it holds the signature, and the session token if there is one. The headers of
 * the request are signed too, so that it must be sent with the same ones.
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
    internal.presign(plain(request), { ...options, now: DateTime.toEpochMillis(options.now) }, secondsOf(options)),
    (url) => Redacted.make(url)
  )

const plain = (request: Request): internal.Request => ({
  ...request,
  headers: request.headers ?? {},
  body: request.body ?? ""
})

const secondsOf = ({ expiresIn = "15 minutes" }: PresignOptions): number => Duration.toSeconds(expiresIn)

const currentCredentials = Effect.flatMap(CredentialsProvider.CredentialsProvider, ({ get }) => get)

/** Credentials and time, at the moment of signing. */
const signer = (options: Options, credentials = currentCredentials) =>
  Effect.flatMap(
    credentials,
    (credentials) => Effect.map(Clock.currentTimeMillis, (now) => ({ ...options, credentials, now }))
  )

/**
 * Signs one request of Effect's client, now. Send it before its 5 minutes are over, and unchanged.
 *
 * @since 0.1.0
 * @category signing
 */
export const signRequest: (
  request: HttpClientRequest.HttpClientRequest,
  options: Options
) => Effect.Effect<
  HttpClientRequest.HttpClientRequest,
  IdentityError.IdentityError,
  CredentialsProvider.CredentialsProvider
> = Effect.fn(
  "SigV4.signRequest"
)(function*(request, options) {
  return yield* internal.signRequest(request, yield* signer(options))
})

/**
 * The URL that lets whoever has it make this one request: see `presign`.
 *
 * The credentials are refreshed first if they expire before the URL should (`CredentialsProvider.getFor`).
 *
 * @example
 * ```ts
 * import { HttpClientRequest } from "@effect/platform"
 * import { Region, SigV4 } from "effect-aws-identity"
 *
 * // The password of an IAM user of a database is such a URL without its scheme.
 * const password = SigV4.presignRequest(
 *   HttpClientRequest.get("https://db.eu-central-1.rds.amazonaws.com:5432/?Action=connect&DBUser=app"),
 *   { service: "rds-db", region: Region.make("eu-central-1") }
 * )
 * ```
 *
 * @since 0.1.0
 * @category signing
 */
export const presignRequest: (
  request: HttpClientRequest.HttpClientRequest,
  options: PresignOptions
) => Effect.Effect<Redacted.Redacted, IdentityError.IdentityError, CredentialsProvider.CredentialsProvider> = Effect.fn(
  "SigV4.presignRequest"
)(function*(request, options) {
  const seconds = secondsOf(options)
  const credentials = CredentialsProvider.getFor(Duration.seconds(seconds))
  return Redacted.make(yield* internal.presignRequest(request, yield* signer(options, credentials), seconds))
})

/**
 * A client that signs every request, with the credentials and the time of that moment: a retry is signed afresh, and
 * refreshed credentials are used from then on.
 *
 * Put it after whatever changes requests (`HttpClient.mapRequest`): what is changed later is not what was signed. A
 * request that cannot be signed fails with `InvalidInput`, and nothing is sent: a stream or a form whose payload is
 * not `unsigned`, an unsigned payload over http, a header that is not ASCII.
 *
 * The signature and the session token are hidden in the client's spans, in its errors, and in the `request` of a
 * response.
 *
 * AWS APIs do not redirect, S3 aside, and a redirected signature is of no use: it names its host. But a client over
 * `fetch` follows redirects with what it was given. Provide `FetchHttpClient.RequestInit` with `redirect: "manual"`
 * when you do not trust the endpoint, and leave out `HttpClient.followRedirects`.
 *
 * @example
 * ```ts
 * import type { HttpClient } from "@effect/platform"
 * import { HttpClientRequest } from "@effect/platform"
 * import type { Stream } from "effect"
 * import { Region, SigV4 } from "effect-aws-identity"
 *
 * // S3 takes streams, over https.
 * const upload = (client: HttpClient.HttpClient, body: Stream.Stream<Uint8Array>, contentLength: number) =>
 *   SigV4.withSignature(client, { service: "s3", region: Region.make("eu-central-1"), payload: "unsigned" }).execute(
 *     HttpClientRequest.put("https://my-bucket.s3.eu-central-1.amazonaws.com/video.mp4").pipe(
 *       HttpClientRequest.bodyStream(body, { contentLength })
 *     )
 *   )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const withSignature: {
  (options: Options): <E, R>(
    client: HttpClient.HttpClient.With<E, R>
  ) => HttpClient.HttpClient.With<E | IdentityError.IdentityError, R | CredentialsProvider.CredentialsProvider>
  <E, R>(
    client: HttpClient.HttpClient.With<E, R>,
    options: Options
  ): HttpClient.HttpClient.With<E | IdentityError.IdentityError, R | CredentialsProvider.CredentialsProvider>
} = dual(
  2,
  <E, R>(
    client: HttpClient.HttpClient.With<E, R>,
    options: Options
  ): HttpClient.HttpClient.With<E | IdentityError.IdentityError, R | CredentialsProvider.CredentialsProvider> =>
    client.pipe(
      HttpClient.mapRequestEffect((request) =>
        Effect.flatMap(signer(options), (signer) => internal.signRequest(request, signer))
      ),
      HttpClient.transformResponse((response) =>
        response.pipe(
          Effect.mapBoth({ onFailure: withoutSecrets, onSuccess: ofRequestWithoutSecrets }),
          Effect.locallyWith(Headers.currentRedactedNames, (names) => [...names, ...secrets])
        )
      )
    )
)

const secrets = ["authorization", "x-amz-security-token"]

/** Effect prints the headers of the request that an error holds, long after it has forgotten which ones are secret. */
function withoutSecrets<E>(error: E): E
function withoutSecrets(error: unknown): unknown {
  if (error instanceof HttpClientError.RequestError) {
    return new HttpClientError.RequestError({ ...error, request: redacted(error.request) })
  }
  if (error instanceof HttpClientError.ResponseError) {
    const { request, response } = error
    return new HttpClientError.ResponseError({
      ...error,
      request: redacted(request),
      response: ofRequestWithoutSecrets(response)
    })
  }
  return error
}

const redacted = (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.setHeaders(
    request,
    secrets.filter((name) => name in request.headers).map((name) => [name, "<redacted>"] as const)
  )

/** A response and the errors of its body hold the request, so printing them would print the request too. */
class Response extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly #signed: HttpClientResponse.HttpClientResponse
  #request: HttpClientRequest.HttpClientRequest | undefined

  constructor(signed: HttpClientResponse.HttpClientResponse) {
    super()
    this.#signed = signed
  }

  get request() {
    return this.#request ??= redacted(this.#signed.request)
  }

  get status() {
    return this.#signed.status
  }

  get headers() {
    return this.#signed.headers
  }

  get cookies() {
    return this.#signed.cookies
  }

  get remoteAddress() {
    return this.#signed.remoteAddress
  }

  get json() {
    return Effect.mapError(this.#signed.json, withoutSecrets)
  }

  get text() {
    return Effect.mapError(this.#signed.text, withoutSecrets)
  }

  get urlParamsBody() {
    return Effect.mapError(this.#signed.urlParamsBody, withoutSecrets)
  }

  get formData() {
    return Effect.mapError(this.#signed.formData, withoutSecrets)
  }

  get arrayBuffer() {
    return Effect.mapError(this.#signed.arrayBuffer, withoutSecrets)
  }

  get stream() {
    return Stream.mapError(this.#signed.stream, withoutSecrets)
  }

  toJSON() {
    return HttpIncomingMessage.inspect(this, {
      _id: "@effect/platform/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }
}

const ofRequestWithoutSecrets = (response: HttpClientResponse.HttpClientResponse) => new Response(response)
