import { STSService } from "@effect-aws/client-sts"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, TestClock } from "effect"
import { AwsSdk, CredentialsProvider } from "effect-aws-identity"
import { Emulator, IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import { createServer } from "node:http"

// The clients of @effect-aws use our credentials as in `examples/effect-aws.ts`, on real sockets.

/** The SDK uses the real time, so the TestClock starts at it. */
const worldOf = (options?: TestIdentity.Options) =>
  Layer.unwrapScoped(Effect.gen(function*() {
    const endpoint = yield* Emulator.serve
    const credentials = yield* AwsSdk.credentials
    return STSService.layer({ region: "eu-west-1", endpoint, maxAttempts: 1, credentials })
  })).pipe(
    Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
    Layer.provideMerge(TestIdentity.layer(options)),
    Layer.provideMerge(Layer.effectDiscard(Effect.suspend(() => TestClock.setTime(Date.now()))))
  )

const calls = Effect.flatMap(IdentityCenter.IdentityCenter, (center) => center.calls)

describe("the clients of @effect-aws", () => {
  it.effect("sign requests that AWS accepts, and share the cached credentials", () =>
    Effect.gen(function*() {
      const { Account, Arn } = yield* STSService.getCallerIdentity({})
      assert.strictEqual(Account, "111122223333")
      assert.match(Arn ?? "", /^arn:aws:sts::111122223333:assumed-role\/.*Developer/)
      yield* STSService.getCallerIdentity({})
      assert.deepStrictEqual(yield* calls, ["getRoleCredentials", "getCallerIdentity", "getCallerIdentity"])
    }).pipe(Effect.provide(worldOf())))

  it.effect("use new credentials as soon as the first ones are invalidated", () =>
    Effect.gen(function*() {
      const provider = yield* CredentialsProvider.CredentialsProvider
      yield* STSService.getCallerIdentity({})
      yield* provider.invalidate(yield* provider.get)
      yield* STSService.getCallerIdentity({})
      assert.deepStrictEqual(yield* calls, [
        "getRoleCredentials",
        "getCallerIdentity",
        "getRoleCredentials",
        "getCallerIdentity"
      ])
    }).pipe(Effect.provide(worldOf())))

  it.effect("fail with SdkError and the message of SsoLoginRequired when the session has no token", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(STSService.getCallerIdentity({}))
      assert.strictEqual(error._tag, "SdkError")
      assert.include(error.message, "aws sso login --sso-session example")
      assert.deepStrictEqual(yield* calls, [])
    }).pipe(Effect.provide(worldOf({ signedIn: false }))))
})
