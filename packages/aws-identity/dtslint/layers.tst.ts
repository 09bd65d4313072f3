import { type ConfigError, Effect, Layer, LayerMap, type Redacted, type Scope } from "effect"
import {
  AccountId,
  AllowedAccounts,
  AssumeRoleCredentials,
  AwsIdentity,
  type ClientConfig,
  ContainerCredentials,
  Credentials,
  CredentialsProvider,
  DefaultCredentials,
  EnvironmentCredentials,
  type Files,
  type IdentityError,
  ProfileCredentials,
  type Programs,
  Region,
  SharedConfig,
  type Sso,
  SsoCredentials,
  SsoLogin,
  type SsoOidc,
  type SsoSession,
  SsoTokenCache,
  SsoTokenProvider,
  Sts,
  type Transport
} from "effect-aws-identity"
import { describe, expect, it } from "tstyche"

declare const session: SsoSession.SsoSession
declare const credentials: Credentials.Credentials
declare const role: SsoCredentials.Role
declare const config: Layer.Layer<SharedConfig.SharedConfig>
declare const cache: Layer.Layer<SsoTokenCache.SsoTokenCache>
declare const http: Layer.Layer<Transport.Transport>
declare const program: Effect.Effect<
  void,
  never,
  CredentialsProvider.CredentialsProvider | SsoTokenCache.SsoTokenCache
>
declare const provider: CredentialsProvider.Service

describe("the type of a layer says what it provides and requires", () => {
  it("AwsIdentity.layer needs a platform and nothing else", () => {
    expect(AwsIdentity.layer()).type.toBe<
      Layer.Layer<
        AwsIdentity.AwsIdentity,
        ConfigError.ConfigError,
        Files.Files | Programs.Programs | Transport.Transport
      >
    >()
  })

  it("AwsIdentity.layerServices needs the two stores and an HttpClient, and gives no identity", () => {
    expect(AwsIdentity.layerServices()).type.toBe<
      Layer.Layer<
        Sso.Sso | SsoOidc.SsoOidc | SsoTokenProvider.SsoTokenProvider | Sts.Sts,
        ConfigError.ConfigError,
        Transport.Transport | SharedConfig.SharedConfig | SsoTokenCache.SsoTokenCache
      >
    >()
  })

  it("a program on AwsIdentity.layerServices does not compile without a store, a provider or a platform", () => {
    const runMain = <A, E>(_: Effect.Effect<A, E>) => {}
    const services = AwsIdentity.layerServices()
    const provider = Layer.provideMerge(SsoCredentials.layer(role), services)
    const stores = Layer.merge(config, cache)
    expect(runMain).type.toBeCallableWith(program.pipe(Effect.provide([
      provider.pipe(Layer.provideMerge(stores), Layer.provide(http))
    ])))
    expect(runMain).type.not.toBeCallableWith(program.pipe(Effect.provide([
      provider.pipe(Layer.provideMerge(config), Layer.provide(http))
    ])))
    expect(runMain).type.not.toBeCallableWith(program.pipe(Effect.provide([
      provider.pipe(Layer.provideMerge(cache), Layer.provide(http))
    ])))
    expect(runMain).type.not.toBeCallableWith(program.pipe(Effect.provide([
      services.pipe(Layer.provideMerge(stores), Layer.provide(http))
    ])))
    expect(runMain).type.not.toBeCallableWith(program.pipe(Effect.provide([
      provider.pipe(Layer.provideMerge(stores))
    ])))
  })

  it("a store that is provided beside AwsIdentity.layerServices, and not to it, leaves it without one", () => {
    expect(Layer.merge(AwsIdentity.layerServices(), cache)).type.toBe<
      Layer.Layer<
        Sso.Sso | SsoOidc.SsoOidc | SsoTokenProvider.SsoTokenProvider | Sts.Sts | SsoTokenCache.SsoTokenCache,
        ConfigError.ConfigError,
        Transport.Transport | SharedConfig.SharedConfig | SsoTokenCache.SsoTokenCache
      >
    >()
  })

  it("layerEnvironment of a client needs no config files, and layerProfile does", () => {
    expect(Sts.layer()).type.toBe<Layer.Layer<Sts.Sts, never, Transport.Transport>>()
    expect(Sts.layerEnvironment()).type.toBe<Layer.Layer<Sts.Sts, ConfigError.ConfigError, Transport.Transport>>()
    expect(Sts.layerProfile()).type.toBe<
      Layer.Layer<Sts.Sts, ConfigError.ConfigError, Transport.Transport | SharedConfig.SharedConfig>
    >()
  })

  it("SharedConfig.clientConfig finds the settings of any profile, and each make takes such a function", () => {
    const settings = SharedConfig.clientConfig("sts")
    expect(settings).type.toBe<
      Effect.Effect<
        (profile?: string) => Effect.Effect<
          ClientConfig.ClientConfig,
          IdentityError.InvalidConfig | IdentityError.FileError
        >,
        ConfigError.ConfigError,
        SharedConfig.SharedConfig
      >
    >()
    expect(Effect.flatMap(settings, Sts.make)).type.toBe<
      Effect.Effect<Sts.Service, ConfigError.ConfigError, Transport.Transport | SharedConfig.SharedConfig>
    >()
    expect(SharedConfig.sessionOfProfile("dev")).type.toBe<
      Effect.Effect<SsoSession.SsoSession, IdentityError.SharedConfigError, SharedConfig.SharedConfig>
    >()
  })

  it("the files have defaults for all their options", () => {
    expect(SharedConfig.layer()).type.toBe<
      Layer.Layer<SharedConfig.SharedConfig, ConfigError.ConfigError, Files.Files>
    >()
    expect(SsoTokenCache.layer()).type.toBe<
      Layer.Layer<SsoTokenCache.SsoTokenCache, ConfigError.ConfigError, Files.Files>
    >()
  })

  it("layers with state are functions", () => {
    expect(SsoTokenCache.layerMemory()).type.toBe<Layer.Layer<SsoTokenCache.SsoTokenCache>>()
    expect(SsoTokenProvider.layer()).type.toBe<
      Layer.Layer<SsoTokenProvider.SsoTokenProvider, never, SsoOidc.SsoOidc | SsoTokenCache.SsoTokenCache>
    >()
  })

  it("SsoCredentials.layer gives a CredentialsProvider", () => {
    expect(SsoCredentials.layer({ session, accountId: AccountId.make("111122223333"), roleName: "Developer" })).type
      .toBe<
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
      Effect.Effect<CredentialsProvider.Service, never, Scope.Scope>
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
      Effect.Effect<
        Credentials.Credentials,
        VaultError | IdentityError.AssumeRoleError | IdentityError.CredentialsUnavailable,
        Vault | Sts.Sts
      >
    >()
    expect(AssumeRoleCredentials.assume(role, provider.get)).type.toBe<
      Effect.Effect<Credentials.Credentials, IdentityError.IdentityError, Sts.Sts>
    >()
  })

  it("a chain of providers is run to get its resolver, which needs what its parts need", () => {
    const container = ContainerCredentials.resolve()
    expect(CredentialsProvider.firstConfigured([EnvironmentCredentials.resolve(), container])).type.toBe<
      Effect.Effect<
        Effect.Effect<
          Credentials.Credentials,
          IdentityError.IdentityError,
          Transport.Transport | Files.Files
        >
      >
    >()
    expect(CredentialsProvider.layerFirstConfigured([EnvironmentCredentials.resolve(), container])).type.toBe<
      Layer.Layer<CredentialsProvider.CredentialsProvider, never, Transport.Transport | Files.Files>
    >()
  })

  it("an effect of the application fits in by fromEffect, and not by itself", () => {
    const read: Effect.Effect<Credentials.Credentials, VaultError | IdentityError.NotConfigured, Vault> = Effect.never
    expect(CredentialsProvider.fromEffect("Vault", read)).type.toBe<
      Effect.Effect<
        Credentials.Credentials,
        IdentityError.CredentialsUnavailable | IdentityError.NotConfigured,
        Vault
      >
    >()
    expect(CredentialsProvider.layer(CredentialsProvider.fromEffect("Vault", read))).type.toBe<
      Layer.Layer<CredentialsProvider.CredentialsProvider, never, Vault>
    >()
    expect(CredentialsProvider.firstConfigured([CredentialsProvider.fromEffect("Vault", read)])).type.toBe<
      Effect.Effect<Effect.Effect<Credentials.Credentials, IdentityError.IdentityError, Vault>>
    >()
    expect(CredentialsProvider.layer).type.not.toBeCallableWith(read)
    expect(CredentialsProvider.make).type.not.toBeCallableWith(read)
    expect(CredentialsProvider.firstConfigured).type.not.toBeCallableWith([read])
  })

  it("the errors of an effect with a wide error type may be any of this library", () => {
    const read: Effect.Effect<Credentials.Credentials, Error> = Effect.never
    expect(CredentialsProvider.fromEffect("Vault", read)).type.toBe<
      Effect.Effect<Credentials.Credentials, IdentityError.IdentityError>
    >()
  })

  it("mfaCode has one shape, with errors and requirements of the application", () => {
    const mfaCode = (_device: string): Effect.Effect<Redacted.Redacted, VaultError, Vault> => Effect.never
    expect(ProfileCredentials.resolve({ profile: "dev", mfaCode })).type.toBe<
      Effect.Effect<Credentials.Credentials, IdentityError.IdentityError, Vault | ProfileCredentials.Requirements>
    >()
    expect(ProfileCredentials.layer({ profile: "dev", mfaCode })).type.toBe<
      Layer.Layer<CredentialsProvider.CredentialsProvider, never, Vault | ProfileCredentials.Requirements>
    >()
    expect(DefaultCredentials.layer({ mfaCode })).type.toBe<
      Layer.Layer<CredentialsProvider.CredentialsProvider, never, Vault | ProfileCredentials.Requirements>
    >()
    expect(AwsIdentity.layer({ mfaCode })).type.toBe<
      Layer.Layer<
        AwsIdentity.AwsIdentity,
        ConfigError.ConfigError,
        Vault | Files.Files | Programs.Programs | Transport.Transport
      >
    >()
    const mfa = { device: "arn:aws:iam::111122223333:mfa/me", mfaCode }
    const source: Effect.Effect<Credentials.Credentials> = Effect.never
    expect(AssumeRoleCredentials.assume({ ...role, mfa }, source)).type.toBe<
      Effect.Effect<
        Credentials.Credentials,
        IdentityError.AssumeRoleError | IdentityError.CredentialsUnavailable,
        Vault | Sts.Sts
      >
    >()
    expect(AssumeRoleCredentials.layer({ ...role, mfa })).type.toBe<
      Layer.Layer<
        CredentialsProvider.CredentialsProvider,
        never,
        Vault | Sts.Sts | CredentialsProvider.CredentialsProvider
      >
    >()
  })

  it("the layers of a LayerMap need what the profiles need, and no `any` from its type", () => {
    expect(LayerMap.make((profile: string) => ProfileCredentials.layer({ profile }))).type.toBe<
      Effect.Effect<
        LayerMap.LayerMap<string, CredentialsProvider.CredentialsProvider>,
        never,
        Scope.Scope | ProfileCredentials.Requirements
      >
    >()
  })

  it("the service has no members for speed", () => {
    expect<keyof CredentialsProvider.Service>().type.toBe<"get" | "getFor" | "invalidate">()
  })

  it("layers have one options parameter, for the provider and its cache", () => {
    const cache = { background: true, refreshBefore: "10 minutes" } as const
    expect(ProfileCredentials.layer).type.toBeCallableWith({ profile: "dev", ...cache })
    expect(ProfileCredentials.layer).type.not.toBeCallableWith({ profile: "dev" }, cache)
    expect(DefaultCredentials.layer).type.toBeCallableWith({ profile: "dev", ...cache })
    expect(AssumeRoleCredentials.layer).type.toBeCallableWith({ ...role, ...cache })
    expect(AssumeRoleCredentials.layer).type.not.toBeCallableWith(role, cache)
    const ssoRole = { session, accountId: AccountId.make("111122223333"), roleName: "Developer" }
    expect(SsoCredentials.layer).type.toBeCallableWith({ ...ssoRole, ...cache })
    expect(SsoCredentials.layer).type.not.toBeCallableWith(ssoRole, cache)
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
    expect<CredentialsProvider.Service["get"]>().type.toBe<
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

  it("do not take any text for an account id", () => {
    expect<AccountId.AccountId>().type.not.toBeAssignableFrom("111122223333")
    expect(AccountId.make("111122223333")).type.toBe<AccountId.AccountId>()
    expect(AllowedAccounts.layer).type.toBeCallableWith({ accounts: [AccountId.make("111122223333")] as const })
    expect(AllowedAccounts.layer).type.not.toBeCallableWith({ accounts: ["111122223333"] as const })
    expect(AwsIdentity.layer).type.not.toBeCallableWith({ allowedAccountIds: ["111122223333"] as const })
  })

  it("do not take any text for a region", () => {
    expect<Region.Region>().type.not.toBeAssignableFrom("us-east-1")
    expect(Region.make("us-east-1")).type.toBe<Region.Region>()
  })
})
