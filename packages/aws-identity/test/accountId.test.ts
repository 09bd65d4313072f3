import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, FastCheck as fc, Option, Schema } from "effect"
import { AccountId, Region } from "effect-aws-identity"

/** Texts that programs pass as an account id by mistake. */
const wrong = [
  ...["", "1111-2222-3333", "1111 2222 3333", "11112222333", "1111222233334", "production"],
  ...["arn:aws:iam::111122223333:root", " 111122223333", "111122223333\n", "１１１１２２２２３３３３", "1.1112222e+11"]
]

describe("AccountId", () => {
  for (const text of wrong) {
    it(`refuses ${JSON.stringify(text)} and says that an account id has 12 digits`, () => {
      assert.throws(() => AccountId.make(text), /12 digits/)
      assert.isTrue(Option.isNone(AccountId.option(text)))
    })
  }

  it("accepts exactly the texts of 12 digits, unchanged", () => {
    fc.assert(fc.property(fc.stringMatching(/^\d{10,14}$/), (text) => {
      assert.deepStrictEqual(
        AccountId.option(text) as Option.Option<string>,
        text.length === 12 ? Option.some(text) : Option.none()
      )
    }))
  })

  it.effect("decodes a Config value, and fails with an error that says 12 digits for any other text", () =>
    Effect.gen(function*() {
      const config = Schema.Config("ACCOUNT_ID", AccountId.AccountId)
      const read = (value: string) =>
        Effect.withConfigProvider(config, ConfigProvider.fromMap(new Map([["ACCOUNT_ID", value]])))
      assert.strictEqual(yield* read("012345678901"), AccountId.make("012345678901"))
      assert.include(String(yield* Effect.flip(read("1234-5678-9012"))), "12 digits")
    }))
})

describe("Region.option", () => {
  it("returns the region for a host label and none for any other text", () => {
    assert.deepStrictEqual(Region.option("eu-central-1"), Option.some(Region.make("eu-central-1")))
    for (const text of ["", "eu-central-1.example.com", "EU-CENTRAL-1", "-a", "https://eu", "a".repeat(64)]) {
      assert.isTrue(Option.isNone(Region.option(text)), text)
    }
  })
})
