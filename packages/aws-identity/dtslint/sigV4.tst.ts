import type { HttpApi, HttpApiGroup, HttpClientError, HttpClientRequest } from "@effect/platform"
import { HttpApiClient, HttpClient } from "@effect/platform"
import type { DateTime, Effect, Either, Layer, Redacted } from "effect"
import {
  type Credentials,
  type CredentialsProvider,
  type IdentityError,
  Region,
  type SharedConfig,
  SignedHttpClient,
  SigV4
} from "effect-aws-identity"
import { describe, expect, it } from "tstyche"

declare const client: HttpClient.HttpClient
declare const request: HttpClientRequest.HttpClientRequest
declare const credentials: Credentials.Credentials
declare const now: DateTime.Utc
const options = { service: "execute-api", region: Region.make("eu-central-1") }

declare const provider: CredentialsProvider.CredentialsProvider["Type"]
type Transform = NonNullable<NonNullable<Parameters<typeof HttpApiClient.make>[1]>["transformClient"]>
declare const api: HttpApi.HttpApi<"api", HttpApiGroup.HttpApiGroup<"pets">>

type Signing = HttpClient.HttpClient.With<
  HttpClientError.HttpClientError | IdentityError.IdentityError,
  CredentialsProvider.CredentialsProvider
>

describe("a client that signs", () => {
  it("fails as the provider does besides, and needs it", () => {
    expect(client.pipe(SignedHttpClient.withSignature(options))).type.toBe<Signing>()
    expect(SignedHttpClient.withSignature(client, options)).type.toBe<Signing>()
  })

  it("keeps what the client failed with and needed", () => {
    class Other extends Error {
      readonly _tag = "Other"
    }
    expect(SignedHttpClient.withSignature({} as HttpClient.HttpClient.With<Other, "Service">, options)).type.toBe<
      HttpClient.HttpClient.With<
        Other | IdentityError.IdentityError,
        "Service" | CredentialsProvider.CredentialsProvider
      >
    >()
  })

  it("needs no CredentialsProvider if its options have one", () => {
    type Own = HttpClient.HttpClient.With<HttpClientError.HttpClientError | IdentityError.IdentityError>
    expect(SignedHttpClient.withSignature(client, { ...options, provider })).type.toBe<Own>()
    expect(client.pipe(SignedHttpClient.withSignature({ ...options, provider }))).type.toBe<Own>()
    expect(SignedHttpClient.withSignature(client, { ...options, provider: undefined })).type.toBe<Signing>()
  })

  it("needs SharedConfig if its options have no region", () => {
    type Needs = CredentialsProvider.CredentialsProvider | SharedConfig.SharedConfig
    type Wide = HttpClient.HttpClient.With<HttpClientError.HttpClientError | IdentityError.IdentityError, Needs>
    expect(SignedHttpClient.withSignature(client, { service: "s3" })).type.toBe<Wide>()
    expect(SignedHttpClient.withSignature(client, {} as SignedHttpClient.Options)).type.toBe<Wide>()
    expect(SignedHttpClient.presignRequest(request, { service: "s3" })).type.toBe<
      Effect.Effect<Redacted.Redacted, IdentityError.IdentityError, Needs>
    >()
    expect(SignedHttpClient.layer({ service: "s3", provider })).type.toBe<
      Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient | SharedConfig.SharedConfig>
    >()
  })

  it("takes no options that it does not know", () => {
    expect(SignedHttpClient.withSignature).type.not.toBeCallableWith(client, { ...options, provder: provider })
    expect(SignedHttpClient.withSignature).type.toBeCallableWith(client, { ...options, provider })
    expect(SignedHttpClient.layer).type.toBeCallableWith(options)
    expect(SignedHttpClient.layer).type.not.toBeCallableWith({ ...options, credentials })
  })

  it("is not an HttpClient of the tag, nor a transformClient, because of its errors", () => {
    const signing = SignedHttpClient.withSignature(client, { ...options, provider })
    expect<HttpClient.HttpClient>().type.not.toBeAssignableFrom(signing)
    expect<Transform>().type.not.toBeAssignableFrom(SignedHttpClient.withSignature({ ...options, provider }))
    expect<Transform>().type.toBeAssignableFrom(HttpClient.filterStatusOk)
  })

  it("goes into HttpApiClient.makeWith", () => {
    const made = HttpApiClient.makeWith(api, { httpClient: SignedHttpClient.withSignature(client, options) })
    expect(made).type.toBeAssignableTo<Effect.Effect<object>>()
  })

  it("is a layer of the HttpClient tag that fails as every HttpClient does", () => {
    expect(SignedHttpClient.layer(options)).type.toBe<
      Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient | CredentialsProvider.CredentialsProvider>
    >()
    expect(SignedHttpClient.layer({ ...options, provider })).type.toBe<
      Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient>
    >()
  })

  it("takes a checked region only", () => {
    expect(SignedHttpClient.withSignature).type.not.toBeCallableWith({ service: "execute-api", region: "eu-central-1" })
    expect(SignedHttpClient.withSignature).type.not.toBeCallableWith({ region: options.region })
  })
})

describe("one request", () => {
  it("is signed with the credentials of the provider", () => {
    expect(SignedHttpClient.signRequest(request, options)).type.toBe<
      Effect.Effect<
        HttpClientRequest.HttpClientRequest,
        IdentityError.IdentityError,
        CredentialsProvider.CredentialsProvider
      >
    >()
  })

  it("needs no CredentialsProvider if its options have one", () => {
    expect(SignedHttpClient.signRequest(request, { ...options, provider })).type.toBe<
      Effect.Effect<HttpClientRequest.HttpClientRequest, IdentityError.IdentityError>
    >()
    expect(SignedHttpClient.presignRequest(request, { ...options, provider, expiresIn: "1 hour" })).type.toBe<
      Effect.Effect<Redacted.Redacted, IdentityError.IdentityError>
    >()
  })

  it("is presigned into a secret", () => {
    expect(SignedHttpClient.presignRequest(request, options)).type.toBe<
      Effect.Effect<Redacted.Redacted, IdentityError.IdentityError, CredentialsProvider.CredentialsProvider>
    >()
    expect(SigV4.presign({ method: "GET", url: "https://a.b" }, { ...options, credentials, now })).type.toBe<
      Either.Either<Redacted.Redacted, IdentityError.InvalidInput>
    >()
  })

  it("needs no services as plain data", () => {
    expect(SigV4.sign({ method: "GET", url: "https://a.b" }, { ...options, credentials, now })).type.toBe<
      Either.Either<SigV4.SignedRequest, IdentityError.InvalidInput>
    >()
    expect(SigV4.sign).type.not.toBeCallableWith({ method: "GET", url: "https://a.b" }, options)
  })
})
