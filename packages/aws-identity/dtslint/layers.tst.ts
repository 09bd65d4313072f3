import type { CommandExecutor, FileSystem, HttpClient, Path } from "@effect/platform"
import { type ConfigError, Effect, type Layer, type Redacted, type Scope } from "effect"
import type { SsoTokenCache, SsoTokenProvider } from "effect-aws-identity"
import {
  AssumeRoleCredentials,
  AwsIdentity,
  ContainerCredentials,
  Credentials,
  CredentialsProvider,
  DefaultCredentials,
  EnvironmentCredentials,
  type IdentityError,
  type ProfileCredentials,
  Region,
  type SharedConfig,
  type Sso,
  SsoCredentials,
  SsoLogin,
  type SsoOidc,
  type Sts
} from "effect-aws-identity"
import { describe, expect, it } from "tstyche"

declare const session: SharedConfig.SsoSession
declare const credentials: Credentials.Credentials
declare const provider: CredentialsProvider.CredentialsProvider["Type"]

describe("layers say what they give and what they need", () => {
  it("AwsIdentity.layer needs a platform and nothing else", () => {
    expect(AwsIdentity.layer()).type.toBe<
      Layer.Layer<
        AwsIdentity.AwsIdentity,
        ConfigError.ConfigError,
        CommandExecutor.CommandExecutor | FileSystem.FileSystem | HttpClient.HttpClient | Path.Path
      >
    >()
  })

  it("SsoCredentials.layer gives a CredentialsProvider", () => {
    expect(SsoCredentials.layer({ session, accountId: "111122223333", roleName: "Developer" })).type.toBe<
      Layer.Layer<CredentialsProvider.CredentialsProvider, never, Sso.Sso | SsoTokenProvider.SsoTokenProvider>
    >()
  })

  it("CredentialsProvider.layer keeps what resolving needs", () => {
    expect(CredentialsProvider.layer(SsoCredentials.resolveProfile("dev"))).type.toBe<
      Layer.Layer<
        CredentialsProvider.CredentialsProvider,
        never,
        SharedConfig.SharedConfig | Sso.Sso | SsoTokenProvider.SsoTokenProvider
      >
    >()
    expect(CredentialsProvider.make(Effect.succeed(credentials))).type.toBeAssignableTo<
      Effect.Effect<CredentialsProvider.CredentialsProvider["Type"], never, Scope.Scope>
    >()
  })
})

describe("providers are values", () => {
  class VaultError extends Error {
    readonly _tag = "VaultError"
  }
  interface Vault {
    readonly _: unique symbol
  }
  const role = { roleArn: "arn:aws:iam::111122223333:role/deploy" }

  it("AssumeRoleCredentials.assume fails and needs as its source does, besides its own", () => {
    const source: Effect.Effect<Credentials.Credentials, VaultError, Vault> = Effect.never
    expect(AssumeRoleCredentials.assume(role, source)).type.toBe<
      Effect.Effect<Credentials.Credentials, VaultError | IdentityError.AssumeRoleError, Vault | Sts.Sts>
    >()
    expect(AssumeRoleCredentials.assume(role, provider.get)).type.toBe<
      Effect.Effect<Credentials.Credentials, IdentityError.IdentityError, Sts.Sts>
    >()
  })

  it("a chain of providers is run to get its resolver, which needs what its parts need", () => {
    const container = ContainerCredentials.resolve
    expect(CredentialsProvider.firstConfigured([EnvironmentCredentials.resolve, container])).type.toBe<
      Effect.Effect<
        Effect.Effect<
          Credentials.Credentials,
          IdentityError.IdentityError,
          HttpClient.HttpClient | FileSystem.FileSystem
        >
      >
    >()
    expect(CredentialsProvider.layerFirstConfigured([EnvironmentCredentials.resolve, container])).type.toBe<
      Layer.Layer<CredentialsProvider.CredentialsProvider, never, HttpClient.HttpClient | FileSystem.FileSystem>
    >()
  })

  it("the default chain is run to get its resolver", () => {
    expect(DefaultCredentials.make()).type.toBe<
      Effect.Effect<
        Effect.Effect<Credentials.Credentials, IdentityError.IdentityError, ProfileCredentials.Requirements>
      >
    >()
  })
})

describe("errors are in the types", () => {
  it("get fails with an IdentityError and needs nothing", () => {
    expect<CredentialsProvider.CredentialsProvider["Type"]["get"]>().type.toBe<
      Effect.Effect<Credentials.Credentials, IdentityError.IdentityError>
    >()
  })

  it("catchTag tells apart what a caller acts on", () => {
    expect(Effect.catchTag(provider.get, "SsoLoginRequired", (error) => Effect.succeed(error.command))).type.toBe<
      Effect.Effect<
        Credentials.Credentials | string,
        Exclude<IdentityError.IdentityError, IdentityError.SsoLoginRequired>
      >
    >()
    expect(Effect.catchTag).type.not.toBeCallableWith(provider.get, "NoSuchTag", () => Effect.void)
  })

  it("a login may fail and need as its prompt does, besides its own", () => {
    class Closed extends Error {
      readonly _tag = "Closed"
    }
    const login = SsoLogin.device(session, { onPrompt: () => Effect.fail(new Closed()) })
    expect(login).type.toBe<
      Effect.Effect<
        SsoTokenCache.SsoToken,
        IdentityError.LoginError | Closed,
        SsoOidc.SsoOidc | SsoTokenCache.SsoTokenCache
      >
    >()
  })
})

describe("values", () => {
  it("hide their secrets in the type", () => {
    expect(credentials.secretAccessKey).type.toBe<Redacted.Redacted>()
  })

  it("need no more than the two keys", () => {
    expect(Credentials.Credentials).type.not.toBeConstructableWith({ accessKeyId: "AKID" })
    expect(Credentials.Credentials).type.not.toBeConstructableWith({ accessKeyId: "AKID", secretAccessKey: "text" })
  })

  it("do not take any text for a region", () => {
    expect<Region.Region>().type.not.toBeAssignableFrom("us-east-1")
    expect(Region.make("us-east-1")).type.toBe<Region.Region>()
  })
})
