import { Effect, type Option } from "effect"
import type { Credentials, Files, Programs, SsoOidc } from "effect-aws-identity"
import {
  CredentialsProvider,
  IdentityError,
  ProcessCredentials,
  SharedConfig,
  type Sso,
  SsoCredentials,
  SsoLogin,
  SsoSession,
  SsoTokenCache,
  type SsoTokenProvider,
  type Sts,
  WebIdentityCredentials
} from "effect-aws-identity"
import { describe, expect, it } from "tstyche"

type ErrorOf<T> = T extends Effect.Effect<infer _, infer E, infer __> ? E : never
type WithReason = Extract<IdentityError.AnyError, { readonly reason?: unknown }>

describe("IdentityError.catchKind", () => {
  it("passes the errors that may be of the kind to the handler, and keeps the others in the type", () => {
    const handled = CredentialsProvider.get.pipe(
      IdentityError.catchKind("LoginRequired", (error) => {
        expect(error).type.toBe<IdentityError.SsoLoginRequired>()
        return Effect.succeed(SsoSession.fromError(error))
      })
    )
    expect(handled).type.toBe<
      Effect.Effect<
        Credentials.Credentials | SsoSession.SsoSession,
        Exclude<IdentityError.IdentityError, IdentityError.SsoLoginRequired>,
        CredentialsProvider.CredentialsProvider
      >
    >()
  })

  it("keeps an error that may also be of another kind", () => {
    const call = Effect.fail<IdentityError.ServiceError | IdentityError.NotConfigured | "of the application">(
      "of the application"
    )
    const handled = IdentityError.catchKind(call, "Unavailable", (error) => {
      expect(error).type.toBe<IdentityError.ServiceError>()
      return Effect.void
    })
    expect(handled).type.toBe<
      Effect.Effect<void, IdentityError.ServiceError | IdentityError.NotConfigured | "of the application">
    >()
  })

  it("keeps all errors when the kind is known at run time only", () => {
    const kind = "Unavailable" as IdentityError.Kind
    const handled = IdentityError.catchKind(CredentialsProvider.get, kind, () => Effect.void)
    expect(handled).type.toBe<
      Effect.Effect<
        Credentials.Credentials | void,
        IdentityError.IdentityError,
        CredentialsProvider.CredentialsProvider
      >
    >()
  })
})

describe("errors", () => {
  it("have a closed set of literals for every reason", () => {
    expect<WithReason["_tag"]>().type.toBe<"SsoLoginRequired" | "CredentialsUnavailable">()
    expect<IdentityError.SsoLoginRequired["reason"]>().type.toBe<
      "NoToken" | "Expired" | "RefreshRejected" | "TokenRejected" | "CorruptFile"
    >()
    expect<IdentityError.CredentialsUnavailable["reason"]>().type.toBe<
      "Missing" | "Unreachable" | "Refused" | "Invalid" | "Expired"
    >()
    expect<IdentityError.ServiceError["detailCode"]>().type.toBe<string | undefined>()
    expect<IdentityError.FileError["code"]>().type.toBe<string>()
    expect<IdentityError.ServiceUnreachable["code"]>().type.toBe<string>()
  })

  it("of CredentialsProvider.get have twenty tags, all of which a switch over kind covers", () => {
    expect<IdentityError.IdentityError["_tag"]>().type.toBe<
      | "NotConfigured"
      | "ProfileNotFound"
      | "InvalidConfig"
      | "FileError"
      | "StoreError"
      | "SsoLoginRequired"
      | "CredentialsUnavailable"
      | "ServiceError"
      | "ServiceUnreachable"
      | "InvalidResponse"
      | "InvalidInput"
      | "RoleNotAssigned"
      | "AccessDeniedException"
      | "ExpiredTokenException"
      | "RegionDisabledException"
      | "InvalidIdentityTokenException"
      | "IDPCommunicationErrorException"
      | "IDPRejectedClaimException"
      | "CredentialsExpired"
      | "AccountNotAllowed"
    >()
    expect<IdentityError.IdentityError["kind"]>().type.toBe<IdentityError.Kind>()
  })

  it("are not rebuilt by functions of the public module", () => {
    expect(IdentityError).type.not.toHaveProperty("toServiceError")
    expect(IdentityError).type.not.toHaveProperty("withOrigin")
    expect(SsoTokenCache).type.not.toHaveProperty("orMemory")
  })

  it("SsoLoginRequired is accepted by SsoSession.fromError", () => {
    expect(SsoSession.fromError).type.toBe<(error: IdentityError.SsoLoginRequired) => SsoSession.SsoSession>()
    expect(SsoSession.fromError).type.not.toBeCallableWith(new IdentityError.LoginDenied({ session: "corp" }))
  })
})

describe("errors of functions are named unions", () => {
  it("a sign-in fails with LoginError or the error of its prompt", () => {
    const device = SsoLogin.device(SsoSession.fromError({} as IdentityError.SsoLoginRequired), {
      onPrompt: () => Effect.fail("closed" as const)
    })
    expect(device).type.toBe<
      Effect.Effect<
        SsoTokenCache.SsoToken,
        IdentityError.LoginError | "closed",
        SsoOidc.SsoOidc | SsoTokenCache.SsoTokenCache
      >
    >()
  })

  it("credentials of a role of IAM Identity Center", () => {
    expect(SsoCredentials.resolve).type.toBe<
      (role: SsoCredentials.Role) => Effect.Effect<
        Credentials.Credentials,
        IdentityError.SsoCredentialsError,
        Sso.Sso | SsoTokenProvider.SsoTokenProvider
      >
    >()
  })

  it("credentials of a web identity in the environment", () => {
    expect(WebIdentityCredentials.resolve()).type.toBe<
      Effect.Effect<
        Credentials.Credentials,
        IdentityError.NotConfigured | IdentityError.WebIdentityCredentialsError,
        Files.Files | Sts.Sts
      >
    >()
  })

  it("credentials of a program", () => {
    expect(ProcessCredentials.resolve("vault")).type.toBe<
      Effect.Effect<
        Credentials.Credentials,
        IdentityError.NotConfigured | IdentityError.CredentialsUnavailable,
        Programs.Programs
      >
    >()
  })

  it("SharedConfig.session fails with InvalidConfig or FileError, and functions of files and profiles with their own unions", () => {
    expect(SharedConfig.session("corp")).type.toBe<
      Effect.Effect<
        SsoSession.SsoSession,
        IdentityError.InvalidConfig | IdentityError.FileError,
        SharedConfig.SharedConfig
      >
    >()
    expect<ErrorOf<ReturnType<SharedConfig.ConfigFiles["sessionOf"]>>>().type.toBe<
      IdentityError.NotConfigured | IdentityError.InvalidConfig
    >()
    expect<ErrorOf<ReturnType<SharedConfig.ConfigFiles["profile"]>>>().type.toBe<
      IdentityError.NotConfigured | IdentityError.ProfileNotFound | IdentityError.InvalidConfig
    >()
  })

  it("a store of tokens that is not files fails with a StoreError", () => {
    expect<ErrorOf<ReturnType<SsoTokenCache.Service["set"]>>>().type.toBe<
      IdentityError.FileError | IdentityError.StoreError
    >()
    expect<ReturnType<SsoTokenCache.Service["get"]>>().type.toBe<
      Effect.Effect<
        Option.Option<SsoTokenCache.SsoToken>,
        SsoTokenCache.CorruptToken | IdentityError.FileError | IdentityError.StoreError
      >
    >()
  })
})
