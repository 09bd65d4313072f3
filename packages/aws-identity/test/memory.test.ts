import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Layer, Option, Redacted } from "effect"
import {
  CredentialsProvider,
  SharedConfig,
  Sso,
  SsoCredentials,
  SsoOidc,
  SsoTokenCache,
  SsoTokenProvider,
  Transport
} from "effect-aws-identity"
import { TestIdentity } from "effect-aws-identity-testing"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { shiftedClock } from "./shiftedClock.js"

// A process that refreshes for years: IDENTITY_REFRESHES=100000 is eleven years of hourly refreshes.

const refreshes = Number(process.env["IDENTITY_REFRESHES"] ?? 2000)

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")
const heldMegabytes = () => {
  collectGarbage()
  collectGarbage()
  return process.memoryUsage().heapUsed / 1e6
}

describe("a process that refreshes its token and its credentials again and again", () => {
  it.live("holds no more memory after all refreshes than after the first tenth", () =>
    Effect.gen(function*() {
      const { clock, shift } = shiftedClock()
      const counts = { createToken: 0, getRoleCredentials: 0 }
      const transport = Transport.makeCallback(({ url }, done) => {
        const isToken = url.endsWith("/token")
        const count = isToken ? ++counts.createToken : ++counts.getRoleCredentials
        const body = isToken
          ? { accessToken: `access-${count}`, refreshToken: `refresh-${count}`, expiresIn: 3600, tokenType: "Bearer" }
          : {
            roleCredentials: {
              accessKeyId: `ASIA${count}`,
              secretAccessKey: "secret",
              sessionToken: "token",
              expiration: clock.unsafeCurrentTimeMillis() + 3_600_000
            }
          }
        queueMicrotask(() => done({ status: 200, url, headers: {}, text: JSON.stringify(body) }))
        return () => {}
      })
      const stores = Layer.merge(SharedConfig.layerMemory({ config: TestIdentity.config }), SsoTokenCache.layerMemory())
      const aws = SsoTokenProvider.layer().pipe(
        Layer.provideMerge(Layer.merge(Sso.layer(), SsoOidc.layer())),
        Layer.provideMerge(stores),
        Layer.provide(Layer.succeed(Transport.Transport, transport))
      )
      yield* Effect.gen(function*() {
        const cache = yield* SsoTokenCache.SsoTokenCache
        const session = yield* SharedConfig.session("example")
        yield* cache.set(
          session.cacheKey,
          new SsoTokenCache.SsoToken({
            accessToken: Redacted.make("access-0"),
            expiresAt: DateTime.unsafeMake(0),
            clientId: Option.some("client"),
            clientSecret: Option.some(Redacted.make("secret")),
            refreshToken: Option.some(Redacted.make("refresh-0"))
          })
        )
        const provider = yield* CredentialsProvider.make(SsoCredentials.resolveProfile())
        let early = 0
        for (let round = 1; round <= refreshes; round++) {
          shift(round * 7_200_000)
          const { accessKeyId } = yield* provider.get
          assert.strictEqual(accessKeyId, `ASIA${round}`)
          if (round === Math.ceil(refreshes / 10)) early = heldMegabytes()
        }
        const growth = heldMegabytes() - early
        assert.deepStrictEqual(counts, { createToken: refreshes, getRoleCredentials: refreshes })
        assert.isBelow(growth, 3, `${growth.toFixed(2)} MB more after ${refreshes} refreshes`)
      }).pipe(Effect.scoped, Effect.provide(aws), Effect.withClock(clock))
    }))
})
