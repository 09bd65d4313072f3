import type { Layer } from "effect"
import type { AwsIdentity } from "effect-aws-identity"
import { type IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import { expect, it } from "tstyche"

it("TestIdentity.layer stands wherever AwsIdentity.layer does, and needs nothing", () => {
  expect(TestIdentity.layer()).type.toBe<Layer.Layer<AwsIdentity.AwsIdentity | IdentityCenter.IdentityCenter>>()
  expect<Parameters<typeof AwsIdentity.layer>[0]>().type.toBeAssignableTo<Parameters<typeof TestIdentity.layer>[0]>()
})
