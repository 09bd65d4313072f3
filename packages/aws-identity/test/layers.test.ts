/* eslint-disable @typescript-eslint/no-explicit-any -- the table holds layers of every type */
import { HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import {
  Config,
  ConfigProvider,
  Context,
  Effect,
  Exit,
  Layer,
  Logger,
  LogLevel,
  ManagedRuntime,
  Redacted,
  Scope,
  TestClock
} from "effect"
import {
  AccountId,
  AllowedAccounts,
  AssumeRoleCredentials,
  AwsIdentity,
  ContainerCredentials,
  Credentials,
  CredentialsProvider,
  DefaultCredentials,
  EnvironmentCredentials,
  InstanceMetadataCredentials,
  ProcessCredentials,
  ProfileCredentials,
  Region,
  SharedConfig,
  Sso,
  SsoCredentials,
  SsoOidc,
  SsoTokenCache,
  SsoTokenProvider,
  Sts,
  WebIdentityCredentials,
  WebIdentityToken
} from "effect-aws-identity"
import { nodeContext, overClient } from "./ports.js"

// One layer value that is provided with two sources. Effect builds a layer once for each reference: without precautions
// the second use gets what the first one's source says.

/** The name of a source, for layers that can find it. */
class Name extends Context.Tag("Name")<Name, string>() {}

const keyOf = (name: string) =>
  new Credentials.Credentials({ accessKeyId: name, secretAccessKey: Redacted.make("secret") })

/** All that the layers may need, made anew for each call. Services that are not called are empty. */
const makeSource = (name: string) => {
  const empty = <I, S>(tag: Context.Tag<I, S>) => Layer.succeed(tag, {} as S)
  return Layer.mergeAll(
    Layer.succeed(Name, name),
    Layer.succeed(CredentialsProvider.CredentialsProvider, {
      get: Effect.succeed(keyOf(name)),
      invalidate: () => Effect.void
    }),
    overClient(HttpClient.make(() => Effect.dieMessage("not here"))),
    empty(Sso.Sso),
    empty(SsoOidc.SsoOidc),
    Layer.succeed(SsoTokenCache.SsoTokenCache, {
      location: () => "",
      exclusively: () => (effect) => effect,
      get: () => Effect.dieMessage("not here"),
      set: () => Effect.succeed(true),
      remove: () => Effect.void
    }),
    empty(SsoTokenProvider.SsoTokenProvider),
    SharedConfig.layerMemory({}),
    Layer.effect(Sts.Sts, Effect.succeed({} as Sts.Sts["Type"])),
    nodeContext,
    // `AwsIdentity.layer` makes its own services, and warns of those that it is provided with.
    Logger.minimumLogLevel(LogLevel.None),
    Layer.setConfigProvider(ConfigProvider.fromMap(
      new Map([
        ["AWS_ACCESS_KEY_ID", name],
        ["AWS_SECRET_ACCESS_KEY", "secret"],
        ["HOME", `/home/${name}`],
        ["START_URL", `https://${name}.awsapps.com/start`],
        ["ROLE", "arn:aws:iam::111122223333:role/a"]
      ])
    ))
  )
}

const region = Region.make("us-east-1")
const roleArn = "arn:aws:iam::111122223333:role/a"
const provider = CredentialsProvider.CredentialsProvider

/** Each layer with its tag, and whether its credentials tell which source it found. */
const rows: ReadonlyArray<readonly [string, Context.Tag<any, any>, Layer.Layer<any, any, any>, boolean?]> = [
  ["CredentialsProvider.layer", provider, CredentialsProvider.layer(Effect.map(Name, keyOf)), true],
  [
    "CredentialsProvider.layerFirstConfigured",
    provider,
    CredentialsProvider.layerFirstConfigured([Effect.map(Name, keyOf)]),
    true
  ],
  ["EnvironmentCredentials.layer", provider, EnvironmentCredentials.layer(), true],
  ["DefaultCredentials.layer", provider, DefaultCredentials.layer(), true],
  ["AwsIdentity.layer", provider, AwsIdentity.layer(), true],
  ["AwsIdentity.layer, its token cache", SsoTokenCache.SsoTokenCache, AwsIdentity.layer()],
  ["AwsIdentity.layerServices", SsoTokenProvider.SsoTokenProvider, AwsIdentity.layerServices()],
  ["AllowedAccounts.layer", provider, AllowedAccounts.layer({ accounts: [AccountId.make("111122223333")] })],
  ["AssumeRoleCredentials.layer", provider, AssumeRoleCredentials.layer({ roleArn })],
  ["ContainerCredentials.layer", provider, ContainerCredentials.layer()],
  ["InstanceMetadataCredentials.layer", provider, InstanceMetadataCredentials.layer()],
  ["ProcessCredentials.layer", provider, ProcessCredentials.layer({ command: "true" })],
  ["ProfileCredentials.layer", provider, ProfileCredentials.layer({ profile: "a" })],
  [
    "SsoCredentials.layerConfig",
    provider,
    SsoCredentials.layerConfig({
      startUrl: Config.string("START_URL"),
      region: Config.succeed(region),
      accountId: Config.succeed(AccountId.make("111122223333")),
      roleName: Config.succeed("Developer")
    })
  ],
  ["WebIdentityCredentials.layer", provider, WebIdentityCredentials.layer({ roleArn, token: Effect.never })],
  [
    "WebIdentityCredentials.layerConfig",
    provider,
    WebIdentityCredentials.layerConfig({ roleArn: Config.string("ROLE"), tokenFile: Config.succeed("token") })
  ],
  ["SsoTokenProvider.layer", SsoTokenProvider.SsoTokenProvider, SsoTokenProvider.layer()],
  ["SsoTokenCache.layer", SsoTokenCache.SsoTokenCache, SsoTokenCache.layer({ directory: "cache" })],
  ["SsoTokenCache.layer without options", SsoTokenCache.SsoTokenCache, SsoTokenCache.layer()],
  [
    "SharedConfig.layer",
    SharedConfig.SharedConfig,
    SharedConfig.layer({ configFile: "config", credentialsFile: "credentials" })
  ],
  ["SharedConfig.layer without options", SharedConfig.SharedConfig, SharedConfig.layer()],
  ["Sso.layer", Sso.Sso, Sso.layer()],
  ["Sso.layerEnvironment", Sso.Sso, Sso.layerEnvironment()],
  ["Sso.layerProfile", Sso.Sso, Sso.layerProfile()],
  ["SsoOidc.layer", SsoOidc.SsoOidc, SsoOidc.layer()],
  ["SsoOidc.layerEnvironment", SsoOidc.SsoOidc, SsoOidc.layerEnvironment()],
  ["SsoOidc.layerProfile", SsoOidc.SsoOidc, SsoOidc.layerProfile()],
  ["Sts.layer", Sts.Sts, Sts.layer()],
  ["Sts.layerEnvironment", Sts.Sts, Sts.layerEnvironment()],
  ["Sts.layerProfile", Sts.Sts, Sts.layerProfile()]
]

describe("one layer value over two sources is two services, and over one source it is one", () => {
  for (const [name, tag, layer, tellsName = false] of rows) {
    const over = (source: Layer.Layer<any, any, any>): Layer.Layer<any, any> =>
      Layer.provide(layer, source) as Layer.Layer<any, any>
    const check = (one: any, two: any) =>
      Effect.gen(function*() {
        assert.notStrictEqual(one, two)
        if (!tellsName) return
        assert.strictEqual((yield* one.get as Effect.Effect<Credentials.Credentials>).accessKeyId, "one")
        assert.strictEqual((yield* two.get as Effect.Effect<Credentials.Credentials>).accessKeyId, "two")
      })
    const found = <A>(built: Layer.Layer<any, any>, key: Context.Tag<A, any>) =>
      Layer.effect(key, Effect.map(tag, (service) => service)).pipe(Layer.provide(built)) as Layer.Layer<A, any>
    class One extends Context.Tag("One")<One, any>() {}
    class Two extends Context.Tag("Two")<Two, any>() {}

    it.live(`in one layer: ${name}`, () =>
      Effect.gen(function*() {
        const [one, two] = [makeSource("one"), makeSource("two")]
        yield* Effect.flatMap(Effect.all([One, Two]), ([one, two]) => check(one, two)).pipe(
          Effect.provide(Layer.merge(found(over(one), One), found(over(two), Two)))
        )
        // Twice over the same source, as `Layer.provideMerge` has it.
        yield* Effect.map(Effect.all([One, tag]), ([inner, outer]) => assert.strictEqual(inner, outer)).pipe(
          Effect.provide(
            Layer.effect(One, tag).pipe(Layer.provideMerge(layer), Layer.provide(one)) as Layer.Layer<any, any>
          )
        )
      }) as Effect.Effect<void>)

    it.live(`in two runtimes with one MemoMap, and provided one in the other: ${name}`, () =>
      Effect.gen(function*() {
        const memoMap = yield* Layer.makeMemoMap
        const [one, two] = [over(makeSource("one")), over(makeSource("two"))]
        const runtimes = [ManagedRuntime.make(one, memoMap), ManagedRuntime.make(two, memoMap)] as const
        const services = yield* Effect.promise(() => Promise.all(runtimes.map((runtime) => runtime.runPromise(tag))))
        yield* check(services[0], services[1])
        yield* Effect.promise(() => Promise.all(runtimes.map((runtime) => runtime.dispose())))
        yield* Effect.flatMap(tag, (outer) => Effect.provide(Effect.flatMap(tag, (inner) => check(outer, inner)), two))
          .pipe(Effect.provide(one))
      }) as Effect.Effect<void>)
  }
})

it.live("a layer that is used twice over one source is closed with its last use, and built anew after that", () =>
  Effect.gen(function*() {
    const layer = CredentialsProvider.layer(Effect.succeed(keyOf("KEY")))
    const use = Effect.flatMap(
      Scope.make(),
      (scope) =>
        Effect.map(
          Layer.buildWithScope(layer, scope),
          (context) => ({ scope, provider: Context.get(context, provider) })
        )
    )
    const [first, second] = [yield* use, yield* use]
    assert.strictEqual(first.provider, second.provider)
    yield* Scope.close(first.scope, Exit.void)
    assert.strictEqual((yield* second.provider.get).accessKeyId, "KEY")
    yield* Scope.close(second.scope, Exit.void)
    assert.strictEqual((yield* Effect.flip(second.provider.get))._tag, "CredentialsUnavailable")
    const third = yield* use
    assert.strictEqual((yield* third.provider.get).accessKeyId, "KEY")
    yield* Scope.close(third.scope, Exit.void)
  }))

describe("one options parameter", () => {
  it.scoped("of a layer goes to the provider and to its cache", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const sts: Sts.Sts["Type"] = {
        assumeRole: ({ roleArn }) => Effect.zipRight(Effect.sync(() => asked.push(roleArn)), Effect.never),
        assumeRoleWithWebIdentity: ({ roleArn }) =>
          Effect.zipRight(Effect.sync(() => asked.push(roleArn)), Effect.never),
        getCallerIdentity: () => Effect.zipRight(Effect.sync(() => asked.push("guard")), Effect.never)
      }
      const token = WebIdentityToken.fromEffect("a test", Effect.succeed(Redacted.make(jwt)))
      const inBackground: ReadonlyArray<Layer.Layer<CredentialsProvider.CredentialsProvider, unknown, Needed>> = [
        AssumeRoleCredentials.layer({ roleArn, background: true }),
        WebIdentityCredentials.layer({ roleArn, token, providerId: "www.amazon.com", background: true }),
        AllowedAccounts.layer({ accounts: [AccountId.make("111122223333")], background: true })
      ]
      type Needed = CredentialsProvider.CredentialsProvider | Sts.Sts
      for (const layer of inBackground) {
        yield* Layer.build(Layer.provide(
          layer,
          Layer.merge(
            Layer.succeed(Sts.Sts, sts),
            Layer.succeed(provider, { get: Effect.succeed(keyOf("KEY")), invalidate: () => Effect.void })
          )
        ))
      }
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(asked, [roleArn, roleArn, "guard"])
    }))
})

const jwt = "e30.e30.e30"
