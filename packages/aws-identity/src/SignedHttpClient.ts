/**
 * An `HttpClient` that signs what it sends with AWS Signature Version 4, for any AWS API that takes plain HTTP, such as
 * S3 or your own behind API Gateway.
 *
 * A request is signed at the moment it is sent, with the credentials and the time of that moment: a retry is signed
 * again, and refreshed credentials are used from then on. What is signed is what is sent, also if `HttpClient.mapRequest`
 * or the `baseUrl` of an `HttpApiClient` change the requests of a client that signs. The parameters of a request are put
 * into its URL, with a space as `%20` and never as `+`.
 *
 * A request that cannot be signed fails with `InvalidInput`, and nothing is sent: a stream or a form whose payload is
 * not `unsigned`, an unsigned payload over http, a header that is not ASCII.
 *
 * The signature and the session token are redacted in the client's spans, in its errors, and in the `request` of a
 * response.
 *
 * AWS APIs do not redirect, except S3. A redirect that `HttpClient.followRedirects` follows is signed for the URL it
 * leads to, and a client over `fetch` follows redirects with the headers of the first request. If you do not trust the
 * endpoint, leave `HttpClient.followRedirects` out, and provide `FetchHttpClient.RequestInit` with
 * `redirect: "manual"`.
 *
 * @example
 * ```ts
 * import { HttpClient } from "@effect/platform"
 * import { Effect } from "effect"
 * import { Region, SignedHttpClient } from "effect-aws-identity"
 *
 * // Needs a CredentialsProvider, and may fail with its errors.
 * export const pets = Effect.gen(function*() {
 *   const client = (yield* HttpClient.HttpClient).pipe(
 *     HttpClient.filterStatusOk,
 *     SignedHttpClient.withSignature({ service: "execute-api", region: Region.make("eu-central-1") })
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
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { dual } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { NoExcessProperties } from "effect/Types"
import type { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import * as IdentityError from "./IdentityError.js"
import { perSource } from "./internal/perSource.js"
import * as SignedRequest from "./internal/platform/signedRequest.js"
import { requiredRegion } from "./internal/requiredRegion.js"
import { secondsOf, secretHeaders, type Signer } from "./internal/sigV4.js"
import type { Region } from "./Region.js"
import * as SharedConfig from "./SharedConfig.js"
import type * as SigV4 from "./SigV4.js"

/**
 * How requests are signed, and by which identity.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Omit<SigV4.Options, "region"> {
  /**
   * The region of the endpoint. Global services have one too: `us-east-1` for IAM. By default, that of
   * `SharedConfig.region`: `AWS_REGION`, then `AWS_DEFAULT_REGION`, then that of the profile.
   */
  readonly region?: Region | undefined
  /**
   * The identity that signs. By default, the `CredentialsProvider` in the context. It is a provider and not an effect of
   * credentials, because each request asks for them: a provider caches them, and gives a presigned URL credentials that
   * live as long as the URL (`CredentialsProvider.getFor`).
   */
  readonly provider?: CredentialsProvider.Service | undefined
}

/**
 * How a presigned URL is made, and by which identity.
 *
 * @since 0.1.0
 * @category models
 */
export interface PresignOptions extends Options, Pick<SigV4.PresignOptions, "expiresIn"> {}

/**
 * What signing with these options needs: a `CredentialsProvider` unless the options have a `provider`, and `SharedConfig`
 * unless they have a `region`.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements<O extends Options> =
  | (O extends { readonly provider: CredentialsProvider.Service } ? never : CredentialsProvider.CredentialsProvider)
  | (O extends { readonly region: Region } ? never : SharedConfig.SharedConfig)

/** Signs with credentials, region and time of this moment. What the options have is not taken from the context. */
function signedWith<O extends Options, A>(
  options: O,
  credentials: Effect.Effect<Credentials, IdentityError.IdentityError, CredentialsProvider.CredentialsProvider>,
  sign: (signer: Signer) => Either.Either<A, IdentityError.InvalidInput>
): Effect.Effect<A, IdentityError.IdentityError, Requirements<O>>
function signedWith<A>(
  options: Options,
  credentials: Effect.Effect<Credentials, IdentityError.IdentityError, CredentialsProvider.CredentialsProvider>,
  sign: (signer: Signer) => Either.Either<A, IdentityError.InvalidInput>
): Effect.Effect<
  A,
  IdentityError.IdentityError,
  CredentialsProvider.CredentialsProvider | SharedConfig.SharedConfig
> {
  const { provider, region } = options
  return Effect.zipWith(
    region === undefined ? defaultRegion : Effect.succeed(region),
    Effect.zip(
      provider === undefined
        ? credentials
        : Effect.provideService(credentials, CredentialsProvider.CredentialsProvider, provider),
      Clock.currentTimeMillis
    ),
    (region, [credentials, now]) => sign({ ...options, region, credentials, now })
  ).pipe(Effect.flatMap(Either.match({ onLeft: Effect.fail, onRight: Effect.succeed })))
}

const defaultRegion = requiredRegion(SharedConfig.region(), {
  call: { service: "SigV4", operation: "sign" },
  profile: Effect.map(SharedConfig.read, ({ chosen }) => chosen),
  remedy: "give the option region"
})

/**
 * Signs one request, now. Send it unchanged, before its 5 minutes are over.
 *
 * @since 0.1.0
 * @category signing
 */
export const signRequest = <const O extends NoExcessProperties<Options, O>>(
  request: HttpClientRequest.HttpClientRequest,
  options: O
): Effect.Effect<HttpClientRequest.HttpClientRequest, IdentityError.IdentityError, Requirements<O>> =>
  Effect.withSpan(sign(request, options), "SignedHttpClient.signRequest")

/**
 * Makes a URL with which anyone can make this one request without credentials: see `SigV4.presign`.
 *
 * The credentials are refreshed first if they expire before the URL should (`CredentialsProvider.getFor`).
 *
 * @example
 * ```ts
 * import { HttpClientRequest } from "@effect/platform"
 * import { Region, SignedHttpClient } from "effect-aws-identity"
 *
 * // The password of an IAM user of a database is such a URL without its scheme.
 * export const password = SignedHttpClient.presignRequest(
 *   HttpClientRequest.get("https://db.eu-central-1.rds.amazonaws.com:5432/?Action=connect&DBUser=app"),
 *   { service: "rds-db", region: Region.make("eu-central-1") }
 * )
 * ```
 *
 * @since 0.1.0
 * @category signing
 */
export const presignRequest = <const O extends NoExcessProperties<PresignOptions, O>>(
  request: HttpClientRequest.HttpClientRequest,
  options: O
): Effect.Effect<Redacted.Redacted, IdentityError.IdentityError, Requirements<O>> => {
  const seconds = secondsOf(options.expiresIn)
  return signedWith(
    options,
    CredentialsProvider.getFor(Duration.seconds(seconds)),
    (signer) => Either.map(SignedRequest.presignRequest(request, signer, seconds), (url) => Redacted.make(url))
  ).pipe(Effect.withSpan("SignedHttpClient.presignRequest"))
}

/**
 * A client that signs every request. The result is not an `HttpClient` for the tag of that name, because it may fail
 * with an `IdentityError`: give it to `HttpApiClient.makeWith`, or use `layer`.
 *
 * @example
 * ```ts
 * import { HttpApi, HttpApiClient, HttpApiEndpoint, HttpApiGroup, HttpClient } from "@effect/platform"
 * import { Effect, Schema } from "effect"
 * import { Region, SignedHttpClient } from "effect-aws-identity"
 *
 * const api = HttpApi.make("shop").add(
 *   HttpApiGroup.make("pets").add(HttpApiEndpoint.get("list", "/v1/pets").addSuccess(Schema.Array(Schema.String)))
 * )
 *
 * // Errors of credentials are errors of each call.
 * export const pets = Effect.gen(function*() {
 *   const httpClient = SignedHttpClient.withSignature(yield* HttpClient.HttpClient, {
 *     service: "execute-api",
 *     region: Region.make("eu-central-1")
 *   })
 *   const shop = yield* HttpApiClient.makeWith(api, { httpClient, baseUrl: "https://api.example.com" })
 *   return yield* shop.pets.list()
 * })
 * ```
 *
 * @example
 * ```ts
 * import type { HttpClient } from "@effect/platform"
 * import { HttpClientRequest } from "@effect/platform"
 * import type { Stream } from "effect"
 * import { Region, SignedHttpClient } from "effect-aws-identity"
 *
 * const options = { service: "s3", region: Region.make("eu-central-1"), payload: "unsigned" } as const
 *
 * // S3 takes streams, over https.
 * export const upload = (client: HttpClient.HttpClient, body: Stream.Stream<Uint8Array>, contentLength: number) =>
 *   SignedHttpClient.withSignature(client, options).execute(
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
  <const O extends NoExcessProperties<Options, O>>(options: O): <E, R>(
    client: HttpClient.HttpClient.With<E, R>
  ) => HttpClient.HttpClient.With<E | IdentityError.IdentityError, R | Requirements<O>>
  <E, R, const O extends NoExcessProperties<Options, O>>(
    client: HttpClient.HttpClient.With<E, R>,
    options: O
  ): HttpClient.HttpClient.With<E | IdentityError.IdentityError, R | Requirements<O>>
} = dual(
  2,
  <E, R, O extends Options>(
    client: HttpClient.HttpClient.With<E, R>,
    options: O
  ): HttpClient.HttpClient.With<E | IdentityError.IdentityError, R | Requirements<O>> =>
    signing(client, (request) => sign(request, options))
)

const sign = <O extends Options>(request: HttpClientRequest.HttpClientRequest, options: O) =>
  signedWith(options, CredentialsProvider.get, (signer) => SignedRequest.signRequest(request, signer))

/**
 * The request that this client is given is changed by the given client and signed last. Changes that are made on top of
 * this client (`HttpClient.mapRequest`, the `baseUrl` of an `HttpApiClient`) come before both.
 */
const signing = <E, R, E2, R2>(
  client: HttpClient.HttpClient.With<E, R>,
  sign: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<HttpClientRequest.HttpClientRequest, E2, R2>
): HttpClient.HttpClient.With<E | E2, R | R2> => {
  const signed = HttpClient.mapRequestEffect(client, sign)
  return HttpClient.makeWith(
    (request: Effect.Effect<HttpClientRequest.HttpClientRequest>) =>
      Effect.flatMap(request, signed.execute).pipe(
        Effect.mapBoth({ onFailure: withoutSecrets, onSuccess: ofRequestWithoutSecrets }),
        Effect.locallyWith(Headers.currentRedactedNames, (names) => [...names, ...secretHeaders])
      ),
    Effect.succeed
  )
}

/**
 * An `HttpClient` that signs every request, in the place of the `HttpClient` below it, for code that takes its client
 * from the tag, such as `HttpApiClient.make`. It keeps the provider and the `SharedConfig` that it is built with.
 *
 * An `IdentityError` becomes the `cause` of a `RequestError`: of reason `Transport` if there are no credentials, and
 * `Encode` if the request cannot be signed. Provide this layer to the client of one service only, and not to
 * `AwsIdentity.layer`, whose requests have their own signatures.
 *
 * @example
 * ```ts
 * import { HttpClient } from "@effect/platform"
 * import { NodeHttpClient } from "@effect/platform-node"
 * import { Effect, Layer } from "effect"
 * import { Region, SignedHttpClient } from "effect-aws-identity"
 * import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
 *
 * class Shop extends Effect.Service<Shop>()("app/Shop", {
 *   effect: Effect.map(HttpClient.HttpClient, (client) => ({
 *     pets: client.get("https://api.example.com/v1/pets")
 *   }))
 * }) {}
 *
 * export const layer = Shop.Default.pipe(
 *   Layer.provide(SignedHttpClient.layer({ service: "execute-api", region: Region.make("eu-central-1") })),
 *   Layer.provide([NodeIdentity.layer(), NodeHttpClient.layer])
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <const O extends NoExcessProperties<Options, O>>(
  options: O
): Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient | Requirements<O>> =>
  perSource(Layer.effect(
    HttpClient.HttpClient,
    Effect.gen(function*() {
      const client = yield* HttpClient.HttpClient
      const context = yield* Effect.context<Requirements<O>>()
      return signing(client, (request) =>
        sign(request, options).pipe(
          Effect.provide(context),
          Effect.mapError((error) =>
            new HttpClientError.RequestError({
              request: redacted(request),
              reason: error._tag === "InvalidInput" ? "Encode" : "Transport",
              description: error.message,
              cause: error
            })
          )
        ))
    })
  ))

/** Effect prints the headers of the request that an error holds, long after it has forgotten which ones are secret. */
function withoutSecrets<E>(error: E): E
function withoutSecrets(error: unknown): unknown {
  if (error instanceof HttpClientError.RequestError) {
    // The cause of another error is left out, because it may hold the request.
    const cause = IdentityError.isIdentityError(error.cause) ? { cause: error.cause } : {}
    return new HttpClientError.RequestError({ ...error, ...cause, request: redacted(error.request) })
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
    secretHeaders.filter((name) => name in request.headers).map((name) => [name, "<redacted>"] as const)
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
