import { Context, type Effect, type Layer, type Redacted } from "effect"
import type { AwsIdentity } from "effect-aws-identity"
import { type IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import { expect, it } from "tstyche"

class Prompt extends Context.Tag("Prompt")<Prompt, string>() {}

declare const mfaCode: (device: string) => Effect.Effect<Redacted.Redacted, "Closed", Prompt>

it("TestIdentity.layer needs nothing but what a function of its options needs", () => {
  expect(TestIdentity.layer()).type.toBe<Layer.Layer<AwsIdentity.AwsIdentity | IdentityCenter.IdentityCenter>>()
  expect(TestIdentity.layer({ mfaCode })).type.toBe<
    Layer.Layer<AwsIdentity.AwsIdentity | IdentityCenter.IdentityCenter, never, Prompt>
  >()
})

it("TestIdentity.layer takes the options of AwsIdentity.layer", () => {
  expect<AwsIdentity.Options>().type.toBeAssignableTo<TestIdentity.Options>()
  expect<AwsIdentity.Options<Prompt>>().type.toBeAssignableTo<TestIdentity.Options<Prompt>>()
})
