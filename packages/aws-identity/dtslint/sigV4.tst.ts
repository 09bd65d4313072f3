import type { HttpClient, HttpClientError, HttpClientRequest } from "@effect/platform"
import type { DateTime, Effect, Either, Redacted } from "effect"
import { type Credentials, type CredentialsProvider, type IdentityError, Region, SigV4 } from "effect-aws-identity"
import { describe, expect, it } from "tstyche"

declare const client: HttpClient.HttpClient
declare const request: HttpClientRequest.HttpClientRequest
declare const credentials: Credentials.Credentials
declare const now: DateTime.Utc
const options = { service: "execute-api", region: Region.make("eu-central-1") }

type Signing = HttpClient.HttpClient.With<
  HttpClientError.HttpClientError | IdentityError.IdentityError,
  CredentialsProvider.CredentialsProvider
>

describe("a client that signs", () => {
  it("fails as the provider does besides, and needs it", () => {
    expect(client.pipe(SigV4.withSignature(options))).type.toBe<Signing>()
    expect(SigV4.withSignature(client, options)).type.toBe<Signing>()
  })

  it("keeps what the client failed with and needed", () => {
    class Other extends Error {
      readonly _tag = "Other"
    }
    expect(SigV4.withSignature({} as HttpClient.HttpClient.With<Other, "Service">, options)).type.toBe<
      HttpClient.HttpClient.With<
        Other | IdentityError.IdentityError,
        "Service" | CredentialsProvider.CredentialsProvider
      >
    >()
  })

  it("takes a checked region only", () => {
    expect(SigV4.withSignature).type.not.toBeCallableWith({ service: "execute-api", region: "eu-central-1" })
    expect(SigV4.withSignature).type.not.toBeCallableWith({ region: options.region })
  })
})

describe("one request", () => {
  it("is signed with the credentials of the provider", () => {
    expect(SigV4.signRequest(request, options)).type.toBe<
      Effect.Effect<
        HttpClientRequest.HttpClientRequest,
        IdentityError.IdentityError,
        CredentialsProvider.CredentialsProvider
      >
    >()
  })

  it("is presigned into a secret", () => {
    expect(SigV4.presignRequest(request, options)).type.toBe<
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
