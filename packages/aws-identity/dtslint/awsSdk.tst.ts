import { SSOClient } from "@aws-sdk/client-sso"
import { STSClient } from "@aws-sdk/client-sts"
import type { fromSSO } from "@aws-sdk/credential-provider-sso"
import type { fromSso } from "@aws-sdk/token-providers"
import { doesIdentityRequireRefresh, isIdentityExpired, memoizeIdentityProvider } from "@smithy/core"
import type {
  AwsCredentialIdentity,
  AwsCredentialIdentityProvider,
  MemoizedProvider,
  Provider,
  TokenIdentity,
  TokenIdentityProvider
} from "@smithy/types"
import type { ConfigError, Effect, Layer } from "effect"
import type {
  AwsIdentity,
  Credentials,
  CredentialsProvider,
  IdentityError,
  SharedConfig,
  SsoTokenProvider
} from "effect-aws-identity"
import { AwsSdk, type SsoSession } from "effect-aws-identity"
import { describe, expect, it } from "tstyche"

type Credential = AwsSdk.IdentityProvider<AwsSdk.AwsCredentialIdentity>
type Token = AwsSdk.IdentityProvider<AwsSdk.TokenIdentity>

type Taken = Parameters<typeof AwsSdk.fromProvider>[0]

declare const credentials: Credential
declare const provider: CredentialsProvider.Service
declare const session: SsoSession.SsoSession
declare const full: Layer.Layer<AwsIdentity.AwsIdentity, ConfigError.ConfigError>
declare const lean: Layer.Layer<CredentialsProvider.CredentialsProvider>

describe("types of AwsSdk and the AWS SDK", () => {
  it("match: our functions are assignable to the SDK's own types", () => {
    expect<AwsCredentialIdentityProvider>().type.toBeAssignableFrom<Credential>()
    expect<Provider<AwsCredentialIdentity>>().type.toBeAssignableFrom<Credential>()
    expect<MemoizedProvider<AwsCredentialIdentity>>().type.toBeAssignableFrom<Credential>()
    expect<AwsCredentialIdentity>().type.toBeAssignableFrom<AwsSdk.AwsCredentialIdentity>()
    expect<TokenIdentityProvider>().type.toBeAssignableFrom<Token>()
    expect<TokenIdentity>().type.toBeAssignableFrom<AwsSdk.TokenIdentity>()
  })

  it("match: our credentials are accepted by clients and by other providers", () => {
    expect(STSClient).type.toBeConstructableWith({ credentials })
    expect(STSClient).type.toBeConstructableWith({} as AwsSdk.SdkClientConfig)
    expect(STSClient).type.toBeConstructableWith(AwsSdk.fromLayer(lean).clientConfig)
    expect(SSOClient).type.toBeConstructableWith({ credentials })
    expect(memoizeIdentityProvider<AwsCredentialIdentity>).type.toBeCallableWith(
      credentials,
      isIdentityExpired,
      doesIdentityRequireRefresh
    )
    expect(credentials).type.toBeCallableWith({ forceRefresh: true })
  })

  it("differ for tokens: a token function is not accepted as credentials", () => {
    expect<AwsCredentialIdentityProvider>().type.not.toBeAssignableFrom<Token>()
    expect<TokenIdentityProvider>().type.not.toBeAssignableFrom<Credential>()
  })
})

describe("effects of AwsSdk", () => {
  it("require the service only if no provider is given", () => {
    expect(AwsSdk.credentials).type.toBe<Effect.Effect<Credential, never, CredentialsProvider.CredentialsProvider>>()
    expect(AwsSdk.identityProvider(provider)).type.toBe<Effect.Effect<Credential>>()
    expect(AwsSdk.region).type.toBe<Effect.Effect<() => Promise<string>, never, SharedConfig.SharedConfig>>()
    expect(AwsSdk.clientConfig).type.toBe<
      Effect.Effect<
        AwsSdk.SdkClientConfig,
        never,
        CredentialsProvider.CredentialsProvider | SharedConfig.SharedConfig
      >
    >()
    expect(AwsSdk.token(session)).type.toBe<Effect.Effect<Token, never, SsoTokenProvider.SsoTokenProvider>>()
  })
})

describe("AwsSdk.fromLayer", () => {
  it("has a token function only if the layer has tokens", () => {
    expect(AwsSdk.fromLayer(full)).type.toBe<AwsSdk.SsoIdentity>()
    expect(AwsSdk.fromLayer(lean)).type.toBe<AwsSdk.Identity>()
  })

  it("refuses a layer that lacks credentials or has requirements", () => {
    expect(AwsSdk.fromLayer).type.not.toBeCallableWith({} as Layer.Layer<SsoTokenProvider.SsoTokenProvider>)
    expect(AwsSdk.fromLayer).type.not.toBeCallableWith(
      {} as Layer.Layer<CredentialsProvider.CredentialsProvider, never, SsoTokenProvider.SsoTokenProvider>
    )
  })

  it("returns a value that dispose and `await using` accept", () => {
    expect<AwsSdk.Identity>().type.toBeAssignableTo<AsyncDisposable>()
    expect<AwsSdk.Identity["dispose"]>().type.toBe<() => Promise<void>>()
  })
})

describe("AwsSdk.fromProvider", () => {
  it("accepts every kind of credentials provider of the SDK, and no token", () => {
    expect<Taken>().type.toBeAssignableFrom<AwsCredentialIdentity>()
    expect<Taken>().type.toBeAssignableFrom<AwsCredentialIdentityProvider>()
    expect<Taken>().type.toBeAssignableFrom<Provider<AwsCredentialIdentity>>()
    expect<Taken>().type.toBeAssignableFrom<MemoizedProvider<AwsCredentialIdentity>>()
    expect<Taken>().type.toBeAssignableFrom<STSClient["config"]["credentials"]>()
    expect<Taken>().type.toBeAssignableFrom<ReturnType<typeof fromSSO>>()
    expect<Taken>().type.toBeAssignableFrom<Credential>()
    expect<Taken>().type.not.toBeAssignableFrom<ReturnType<typeof fromSso>>()
    expect<Taken>().type.not.toBeAssignableFrom<Token>()
  })

  it("returns credentials or fails with typed errors", () => {
    expect(AwsSdk.fromProvider(credentials)).type.toBe<
      Effect.Effect<Credentials.Credentials, IdentityError.IdentityError>
    >()
    expect(AwsSdk.layer(credentials, { background: true })).type.toBe<
      Layer.Layer<CredentialsProvider.CredentialsProvider>
    >()
  })
})
