import type { Effect, Redacted } from "effect"
import type { Files, IdentityError, Programs, Transport } from "effect-aws-identity"
import { WebIdentityToken } from "effect-aws-identity"
import { describe, expect, it } from "tstyche"

type Source<R = never> = Effect.Effect<Redacted.Redacted, IdentityError.CredentialsUnavailable, R>

declare const token: Effect.Effect<Redacted.Redacted, Error, "Service">

describe("a source of web identity tokens", () => {
  it("is made by a function, and fails with CredentialsUnavailable alone", () => {
    expect(WebIdentityToken.fromEffect("Vault", token)).type.toBe<Source<"Service">>()
    expect(WebIdentityToken.fromFile("/token")).type.toBe<Source<Files.Files>>()
    expect(WebIdentityToken.fromVariable("TOKEN")).type.toBe<Source>()
    const program = { command: "print-token", args: ["--audience", "sts.amazonaws.com"], env: { LOG: "none" } }
    expect(WebIdentityToken.fromCommand(program)).type.toBe<Source<Programs.Programs>>()
    const line = "print-token --audience sts.amazonaws.com"
    expect(WebIdentityToken.fromCommand(line)).type.toBe<Source<Programs.Programs>>()
    expect(WebIdentityToken.githubActions()).type.toBe<Source<Transport.Transport>>()
    expect(WebIdentityToken.googleMetadata()).type.toBe<Source<Transport.Transport>>()
    expect(WebIdentityToken.fly()).type.toBe<Source<Transport.Transport>>()
    expect(WebIdentityToken.vercel()).type.toBe<Source>()
    expect(WebIdentityToken.buildkite()).type.toBe<Source<Programs.Programs>>()
  })
})
