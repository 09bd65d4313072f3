import type { CommandExecutor, FileSystem, HttpClient, Path } from "@effect/platform"
import type { Effect, Redacted } from "effect"
import type { IdentityError } from "effect-aws-identity"
import { WebIdentityToken } from "effect-aws-identity"
import { describe, expect, it } from "tstyche"

type Source<R = never> = Effect.Effect<Redacted.Redacted, IdentityError.CredentialsUnavailable, R>

declare const token: Effect.Effect<Redacted.Redacted, Error, "Service">

describe("a source of web identity tokens", () => {
  it("is made by a function, and fails with CredentialsUnavailable alone", () => {
    expect(WebIdentityToken.fromEffect("Vault", token)).type.toBe<Source<"Service">>()
    expect(WebIdentityToken.fromFile("/token")).type.toBe<Source<FileSystem.FileSystem>>()
    expect(WebIdentityToken.fromVariable("TOKEN")).type.toBe<Source>()
    const program = { command: "print-token", args: ["--audience", "sts.amazonaws.com"], env: { LOG: "none" } }
    expect(WebIdentityToken.fromCommand(program)).type.toBe<Source<CommandExecutor.CommandExecutor | Path.Path>>()
    const line = "print-token --audience sts.amazonaws.com"
    expect(WebIdentityToken.fromCommand(line)).type.toBe<Source<CommandExecutor.CommandExecutor | Path.Path>>()
    expect(WebIdentityToken.githubActions()).type.toBe<Source<HttpClient.HttpClient>>()
    expect(WebIdentityToken.googleMetadata()).type.toBe<Source<HttpClient.HttpClient>>()
    expect(WebIdentityToken.fly()).type.toBe<Source<HttpClient.HttpClient>>()
    expect(WebIdentityToken.vercel()).type.toBe<Source>()
    expect(WebIdentityToken.buildkite()).type.toBe<Source<CommandExecutor.CommandExecutor>>()
  })
})
