import { HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Fiber, Layer, Logger, Redacted, TestClock } from "effect"
import {
  AccountId,
  AllowedAccounts,
  AwsIdentity,
  Credentials,
  CredentialsProvider,
  DefaultCredentials,
  ProfileCredentials,
  Region,
  SharedConfig,
  Sso,
  SsoCredentials,
  SsoLogin,
  SsoOidc,
  SsoTokenCache,
  SsoTokenProvider,
  Sts,
  WebIdentityCredentials
} from "effect-aws-identity"
import { IdentityCenter, OpenIdProvider, TestIdentity } from "effect-aws-identity-testing"
import { emulator, nodeContext, overClient } from "./ports.js"

const session = SharedConfig.session("example")

/** A token cache in memory that counts the tokens that are written to it. */
const makeCache = () => {
  const written: Array<string> = []
  const layer = Layer.effect(
    SsoTokenCache.SsoTokenCache,
    Effect.map(SsoTokenCache.SsoTokenCache, (cache) => ({
      ...cache,
      set: (key: string, token: SsoTokenCache.SsoToken) =>
        Effect.zipRight(Effect.sync(() => written.push(Redacted.value(token.accessToken))), cache.set(key, token))
    }))
  ).pipe(Layer.provide(SsoTokenCache.layerMemory()))
  return { layer, written }
}

const config = SharedConfig.layerMemory({ config: TestIdentity.config })

const emulated = Layer.provideMerge(emulator, IdentityCenter.layer({ interval: "1 second" }))

const noEnvironment = Layer.setConfigProvider(ConfigProvider.fromMap(new Map()))

const signIn = Effect.gen(function*() {
  const center = yield* IdentityCenter.IdentityCenter
  const login = SsoLogin.device(yield* session, { onPrompt: ({ userCode }) => center.approve(userCode) })
  const fiber = yield* Effect.fork(login)
  yield* TestClock.adjust("1 second")
  return yield* Fiber.join(fiber)
})

describe("AwsIdentity.layerServices", () => {
  it.effect("reads and writes the token cache that it is provided with", () => {
    const cache = makeCache()
    return Effect.gen(function*() {
      const token = yield* signIn
      const tokens = yield* SsoTokenProvider.SsoTokenProvider
      const found = yield* tokens.get(yield* session)
      assert.deepStrictEqual(cache.written, [Redacted.value(token.accessToken)])
      assert.strictEqual(Redacted.value(found.accessToken), cache.written[0])
    }).pipe(Effect.provide(
      AwsIdentity.layerServices().pipe(Layer.provideMerge(Layer.mergeAll(config, cache.layer, emulated, noEnvironment)))
    ))
  })

  const role = Effect.map(
    session,
    (session) => ({ session, accountId: AccountId.make("111122223333"), roleName: "Developer" })
  )
  const providers = {
    "ProfileCredentials": ProfileCredentials.layer({ profile: "default" }),
    "DefaultCredentials": DefaultCredentials.layer(),
    "SsoCredentials": Layer.unwrapEffect(Effect.map(role, (role) => SsoCredentials.layer(role))),
    "AllowedAccounts over ProfileCredentials": AllowedAccounts.layer({ accounts: [AccountId.make("111122223333")] })
      .pipe(
        Layer.provide(ProfileCredentials.layer({ profile: "default" }))
      )
  }
  for (const [name, provider] of Object.entries(providers)) {
    it.effect(`gives the credentials of the sign-in in that cache to ${name} on top of it`, () => {
      const cache = makeCache()
      return Effect.gen(function*() {
        yield* signIn
        const { accountId } = yield* CredentialsProvider.get
        assert.deepInclude(accountId, { value: AccountId.make("111122223333") })
        assert.lengthOf(cache.written, 1)
      }).pipe(Effect.provide(
        provider.pipe(
          Layer.provideMerge(AwsIdentity.layerServices()),
          Layer.provideMerge(Layer.mergeAll(config, cache.layer, emulated, noEnvironment)),
          Layer.provide(nodeContext)
        )
      ))
    })
  }

  it.effect("serves another provider without reading a file or starting a program", () =>
    Effect.gen(function*() {
      const provider = yield* OpenIdProvider.make()
      const roleArn = "arn:aws:iam::111122223333:role/ci"
      const token = Effect.map(provider.issue(), Redacted.make)
      const center = IdentityCenter.layer()
      const { accountId } = yield* Effect.provide(
        CredentialsProvider.get,
        WebIdentityCredentials.layer({ roleArn, token }).pipe(
          Layer.provide(AwsIdentity.layerServices()),
          Layer.provide([config, SsoTokenCache.layerMemory(), emulator]),
          Layer.provide([center, noEnvironment])
        )
      )
      assert.deepInclude(accountId, { value: AccountId.make("111122223333") })
    }))

  it.effect("gives its client settings to every service", () => {
    const asked: Array<string> = []
    const http = overClient(
      HttpClient.make((_, url) =>
        Effect.zipRight(Effect.sync(() => asked.push(url.origin)), Effect.dieMessage("no answer"))
      )
    )
    return Effect.gen(function*() {
      const region = Region.make("eu-west-1")
      const sso = yield* Sso.Sso
      const oidc = yield* SsoOidc.SsoOidc
      const sts = yield* Sts.Sts
      const credentials = new Credentials.Credentials({ accessKeyId: "AKID", secretAccessKey: Redacted.make("secret") })
      yield* Effect.exit(sso.listAccounts({ region, accessToken: Redacted.make("token") }))
      yield* Effect.exit(oidc.registerClient({ region, clientName: "app", clientType: "public" }))
      yield* Effect.exit(sts.getCallerIdentity({ region, credentials }))
      assert.deepStrictEqual(asked, Array.from({ length: 3 }, () => "https://one.example"))
    }).pipe(Effect.provide(
      AwsIdentity.layerServices({ client: { endpoint: "https://one.example" } }).pipe(
        Layer.provideMerge(Layer.mergeAll(config, SsoTokenCache.layerMemory(), noEnvironment)),
        Layer.provide(http)
      )
    ))
  })
})

describe("TestIdentity.layer", () => {
  it.effect("calls AWS with the settings of the test's profile, as AwsIdentity.layer does", () =>
    Effect.gen(function*() {
      const attempts = (settings: string) =>
        Effect.gen(function*() {
          const center = yield* IdentityCenter.IdentityCenter
          yield* center.fail("getRoleCredentials", "ConnectionRefused", 2)
          const fiber = yield* Effect.fork(Effect.exit(CredentialsProvider.get))
          yield* TestClock.adjust("1 minute")
          yield* Fiber.join(fiber)
          return (yield* center.calls).length
        }).pipe(Effect.provide(TestIdentity.layer({
          config: TestIdentity.config.replace("[default]\n", `[default]\n${settings}\n`)
        })))
      assert.strictEqual(yield* attempts(""), 3)
      assert.strictEqual(yield* attempts("max_attempts = 1"), 1)
      assert.strictEqual(yield* attempts("max_attempts = 2"), 2)
    }))
})

describe("a service that is provided to a layer that makes its own", () => {
  const warningsOf = <A, E>(layer: Layer.Layer<A, E>) =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => {
        lines.push(`${logLevel.label}: ${String(message)}`)
      })
      yield* Effect.scoped(Layer.build(layer)).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["HOME", "/nowhere"]])))
      )
      return lines
    })

  const http = overClient(HttpClient.make(() => Effect.dieMessage("not here")))
  const platform = Layer.merge(nodeContext, http)
  const stores = Layer.merge(config, SsoTokenCache.layerMemory())
  const provider = CredentialsProvider.layer(Effect.never)

  it.effect("is reported by AwsIdentity.layer, whatever service it is and however it is provided", () =>
    Effect.gen(function*() {
      const identity = AwsIdentity.layer().pipe(Layer.provide(platform))
      assert.deepStrictEqual(yield* warningsOf(identity), [])
      const rows = [
        [Layer.provide(identity, stores), "SharedConfig, SsoTokenCache"],
        [Layer.provideMerge(identity, stores), "SharedConfig, SsoTokenCache"],
        [Layer.provide(identity, provider), "CredentialsProvider"],
        [Layer.provide(identity, Layer.provide(Sts.layer(), http)), "Sts"]
      ] as const
      for (const [layer, names] of rows) {
        const [warning = "", ...more] = yield* warningsOf(layer)
        assert.lengthOf(more, 0)
        assert.include(warning, "WARN: AwsIdentity.layer is provided with services that it does not use")
        assert.include(warning, `: ${names}. To replace a part, use AwsIdentity.layerServices.`)
      }
    }))

  it.effect("is reported by AwsIdentity.layerServices, which uses the stores that it is provided with", () =>
    Effect.gen(function*() {
      const services = AwsIdentity.layerServices().pipe(Layer.provide([stores, platform]))
      assert.deepStrictEqual(yield* warningsOf(services), [])
      const [warning = ""] = yield* warningsOf(Layer.provide(services, Layer.provide(Sso.layer(), http)))
      assert.include(warning, "WARN: AwsIdentity.layerServices is provided with services that it does not use")
      assert.include(warning, ": Sso. ")
    }))
})
