import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { Region, SharedConfig, SsoSession } from "effect-aws-identity"

const startUrl = "https://corp.awsapps.com/start"
const region = Region.make("eu-west-1")

describe("SsoSession", () => {
  it("with a name uses the name as cache key and in its login command", () => {
    const session = SsoSession.make({ name: "corp", startUrl, region })
    assert.strictEqual(session.cacheKey, "corp")
    assert.strictEqual(session.loginCommand, "aws sso login --sso-session corp")
    assert.deepStrictEqual(session.registrationScopes, [])
  })

  it("without a name uses the start URL as cache key, and its login command names no session", () => {
    const session = SsoSession.make({ startUrl, region })
    assert.strictEqual(session.cacheKey, startUrl)
    assert.strictEqual(session.loginCommand, "aws sso login")
  })

  it("quotes a name with spaces for the shell in its login command", () => {
    assert.strictEqual(
      SsoSession.make({ name: "my corp", startUrl, region }).loginCommand,
      "aws sso login --sso-session 'my corp'"
    )
  })

  it("refuses an empty name and an empty start URL", () => {
    assert.throws(() => SsoSession.make({ name: "", startUrl, region }), /non empty/)
    assert.throws(() => SsoSession.make({ startUrl: "", region }), /non empty/)
  })

  it.effect("of a legacy profile uses the start URL as cache key, and its login command names the profile", () =>
    Effect.gen(function*() {
      const session = yield* SharedConfig.sessionOfProfile("old")
      assert.deepStrictEqual(session.name, Option.none())
      assert.strictEqual(session.cacheKey, startUrl)
      assert.strictEqual(session.loginCommand, "aws sso login --profile old")
    }).pipe(Effect.provide(SharedConfig.layerMemory({
      config: `[profile old]\nsso_start_url = ${startUrl}\nsso_region = ${region}\n`
    }))))

  it.effect("of a config file equals the one of make, and also has the places of its values", () =>
    Effect.gen(function*() {
      const { places, ...fields } = yield* SharedConfig.session("corp")
      assert.deepStrictEqual(places?.startUrl, { section: "[sso-session corp]", file: "config", line: 2 })
      const made = SsoSession.make({ name: "corp", startUrl, region, registrationScopes: ["sso:account:access"] })
      assert.deepStrictEqual(fields, { ...made })
    }).pipe(Effect.provide(SharedConfig.layerMemory({
      config: `[sso-session corp]\nsso_start_url = ${startUrl}\nsso_region = ${region}\n` +
        "sso_registration_scopes = sso:account:access\n"
    }))))
})
