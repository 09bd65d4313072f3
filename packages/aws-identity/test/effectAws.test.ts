import { STSService } from "@effect-aws/client-sts"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, TestClock } from "effect"
import { AwsSdk, CredentialsProvider } from "effect-aws-identity"
import { Emulator, IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import { createServer } from "node:http"

// The clients of @effect-aws with our credentials, as `examples/effect-aws.ts` has them, on real sockets.

/** The SDK goes by the real time, so the TestClock begins there. */
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
  it.effect("sign what AWS accepts, and share what we have", () =>
    Effect.gen(function*() {
      const { Account, Arn } = yield* STSService.getCallerIdentity({})
      assert.strictEqual(Account, "111122223333")
      assert.match(Arn ?? "", /^arn:aws:sts::111122223333:assumed-role\/.*Developer/)
      yield* STSService.getCallerIdentity({})
      assert.deepStrictEqual(yield* calls, ["getRoleCredentials", "getCallerIdentity", "getCallerIdentity"])
    }).pipe(Effect.provide(worldOf())))

  it.effect("have others as soon as the first are rejected", () =>
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

  it.effect("fail with our words where there are no credentials, and with the tag of the SDK's errors", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(STSService.getCallerIdentity({}))
      assert.strictEqual(error._tag, "SdkError")
      assert.include(error.message, "aws sso login --sso-session example")
      assert.deepStrictEqual(yield* calls, [])
    }).pipe(Effect.provide(worldOf({ signedIn: false }))))
})
