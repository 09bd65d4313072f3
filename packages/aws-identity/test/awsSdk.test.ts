import { ListBucketsCommand, S3Client, S3ServiceException } from "@aws-sdk/client-s3"
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { doesIdentityRequireRefresh, isIdentityExpired, memoizeIdentityProvider } from "@smithy/core"
import { chain } from "@smithy/core/config"
import {
  Config,
  ConfigProvider,
  Context,
  Data,
  DateTime,
  Effect,
  Either,
  Exit,
  FastCheck as fc,
  Layer,
  Option,
  Redacted,
  Scope,
  TestClock
} from "effect"
import {
  AccountId,
  AwsIdentity,
  AwsSdk,
  Credentials,
  CredentialsProvider,
  IdentityError,
  ProfileCredentials,
  SharedConfig,
  SsoTokenProvider
} from "effect-aws-identity"
import { Emulator, IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import { createServer } from "node:http"
import { inspect, types } from "node:util"
import { peek, withPeek } from "../src/internal/peek.js"
import { observed } from "./observed.js"
import { nodeContext, nodeHttp, undici } from "./ports.js"

/** The SDK uses the real time, so the TestClock starts at it. */
const identityOf = (options?: TestIdentity.Options) =>
  Layer.provideMerge(
    TestIdentity.layer(options),
    Layer.effectDiscard(Effect.suspend(() => TestClock.setTime(Date.now())))
  )

const callsOf = (operation: IdentityCenter.Operation) =>
  Effect.map(
    Effect.flatMap(IdentityCenter.IdentityCenter, (center) => center.calls),
    (calls) => calls.filter((call) => call === operation).length
  )

const requests = callsOf("getRoleCredentials")

/** The value that a promise is rejected with. */
const rejection = (promise: () => Promise<unknown>) =>
  Effect.promise(() =>
    promise().then(
      (value) => assert.fail(`not rejected: ${inspect(value)}`),
      (error: unknown) => error
    )
  )

const assertUnavailable = (error: unknown, reason: IdentityError.CredentialsUnavailable["reason"], says: string) => {
  assert.instanceOf(error, IdentityError.CredentialsUnavailable)
  assert.strictEqual(error.reason, reason)
  assert.include(error.message, says)
}

/** A provider of credentials that are numbered, each good for an hour, and how many it has given. */
const numbered = Effect.gen(function*() {
  let given = 0
  const provider = yield* CredentialsProvider.make(
    Effect.map(DateTime.now, (now) =>
      new Credentials.Credentials({
        accessKeyId: `AKID${++given}`,
        secretAccessKey: Redacted.make("secret"),
        expiration: Option.some(DateTime.add(now, { hours: 1 }))
      }))
  )
  const credentials = yield* AwsSdk.identityProvider(provider)
  return {
    credentials,
    provider,
    given: () => given,
    key: (properties?: AwsSdk.IdentityProperties) =>
      Effect.map(Effect.promise(() => credentials(properties)), ({ accessKeyId }) => accessKeyId)
  }
})

describe("AwsSdk.credentials", () => {
  const worldOf = (options?: TestIdentity.Options) =>
    Layer.merge(identityOf(options), NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))

  const clientOf = (credentials: AwsSdk.AwsCredentialIdentityProvider) =>
    Effect.map(
      Effect.flatMap(Emulator.serve, (endpoint) =>
        Effect.acquireRelease(
          Effect.sync(() => new STSClient({ region: "eu-west-1", endpoint, maxAttempts: 1, credentials })),
          (client) => Effect.sync(() => client.destroy())
        )),
      (client) => ({ client, whoAmI: () => client.send(new GetCallerIdentityCommand({})) })
    )

  it.scoped("sign requests to S3, which has its own signing rules, and are refreshed for a long-lived client", () =>
    Effect.gen(function*() {
      const credentials = yield* AwsSdk.credentials
      const endpoint = yield* Emulator.serve
      const s3 = yield* Effect.acquireRelease(
        Effect.sync(() =>
          new S3Client({ region: "eu-west-1", endpoint, forcePathStyle: true, maxAttempts: 1, credentials })
        ),
        (client) => Effect.sync(() => client.destroy())
      )
      const owner = Effect.map(Effect.promise(() => s3.send(new ListBucketsCommand({}))), ({ Owner }) => Owner?.ID)
      const keys = new Set<string>()
      for (let i = 0; i < 4; i++) {
        assert.match((yield* owner) ?? "", /^arn:aws:sts::111122223333:assumed-role\/.*Developer/)
        keys.add((yield* Effect.promise(() => s3.config.credentials())).accessKeyId)
        yield* TestClock.adjust("31 seconds")
      }
      assert.strictEqual(keys.size, 4)
      // Proves that the emulator verifies the signature.
      const forged = yield* Effect.acquireRelease(
        Effect.sync(() =>
          new S3Client({
            region: "eu-west-1",
            endpoint,
            maxAttempts: 1,
            credentials: async () => ({ ...(await credentials()), secretAccessKey: "another" })
          })
        ),
        (client) => Effect.sync(() => client.destroy())
      )
      const error = yield* rejection(() => forged.send(new ListBucketsCommand({})))
      assert.instanceOf(error, S3ServiceException)
      assert.strictEqual(error.name, "SignatureDoesNotMatch")
    }).pipe(Effect.provide(worldOf({ identityCenter: { credentialsLifetime: "40 seconds" } }))))

  it.scoped("sign requests that AWS accepts, and are fetched once for two requests", () =>
    Effect.gen(function*() {
      const { whoAmI } = yield* clientOf(yield* AwsSdk.credentials)
      const { Account, Arn } = yield* Effect.promise(whoAmI)
      assert.strictEqual(Account, "111122223333")
      assert.match(Arn ?? "", /^arn:aws:sts::111122223333:assumed-role\/.*Developer/)
      yield* Effect.promise(whoAmI)
      assert.strictEqual(yield* requests, 1)
    }).pipe(Effect.provide(worldOf())))

  for (const kept of ["by us", "by the client"]) {
    it.scoped(`stay valid for a long-lived client, cached ${kept}`, () =>
      Effect.gen(function*() {
        const credentials = yield* AwsSdk.credentials
        const { client, whoAmI } = yield* clientOf(
          kept === "by us" ? credentials : (properties) => credentials(properties)
        )
        const keys = new Set<string>()
        for (let i = 0; i < 6; i++) {
          yield* Effect.promise(whoAmI)
          keys.add((yield* Effect.promise(() => client.config.credentials())).accessKeyId)
          yield* TestClock.adjust("31 seconds")
        }
        assert.strictEqual(keys.size, 6)
      }).pipe(Effect.provide(worldOf({ identityCenter: { credentialsLifetime: "40 seconds" } }))))
  }

  it.scoped("are replaced after another caller invalidates them", () =>
    Effect.gen(function*() {
      const provider = yield* CredentialsProvider.CredentialsProvider
      const { client, whoAmI } = yield* clientOf(yield* AwsSdk.credentials)
      yield* Effect.promise(whoAmI)
      const rejected = yield* provider.get
      yield* provider.invalidate(rejected)
      yield* Effect.promise(whoAmI)
      const { accessKeyId } = yield* Effect.promise(() => client.config.credentials())
      assert.notStrictEqual(accessKeyId, rejected.accessKeyId)
      assert.strictEqual(yield* requests, 2)
    }).pipe(Effect.provide(worldOf())))

  it.scoped("are replaced when the client asks with forceRefresh", () =>
    Effect.gen(function*() {
      const credentials = yield* AwsSdk.credentials
      for (const provider of [credentials, (properties?: object) => credentials(properties)]) {
        const { client, whoAmI } = yield* clientOf(provider)
        yield* Effect.promise(whoAmI)
        const before = yield* requests
        const first = yield* Effect.promise(() => client.config.credentials())
        const second = yield* Effect.promise(() => client.config.credentials({ forceRefresh: true }))
        assert.notStrictEqual(second.accessKeyId, first.accessKeyId)
        assert.strictEqual(yield* requests, before + 1)
        yield* Effect.promise(whoAmI)
        assert.strictEqual(yield* requests, before + 1)
      }
    }).pipe(Effect.provide(worldOf())))

  it.scoped("reject with SsoLoginRequired itself when the session has no token", () =>
    Effect.gen(function*() {
      const { whoAmI } = yield* clientOf(yield* AwsSdk.credentials)
      const error = yield* rejection(whoAmI)
      assert.instanceOf(error, IdentityError.SsoLoginRequired)
      assert.instanceOf(error, Error)
      assert.strictEqual(error.constructor, IdentityError.SsoLoginRequired)
      assert.isFalse(types.isProxy(error))
      assert.strictEqual(error._tag, "SsoLoginRequired")
      assert.include(error.message, "Not signed in to SSO session \"example\"")
      assert.include(error.message, "aws sso login")
      assert.notInclude(inspect(error), "FiberFailure")
    }).pipe(Effect.provide(worldOf({ signedIn: false }))))

  it.scoped("belong to the identity of each provider that is given as a value", () =>
    Effect.gen(function*() {
      for (const [profile, account] of [["production", "012345678901"], ["default", "111122223333"]] as const) {
        const provider = yield* CredentialsProvider.make(ProfileCredentials.resolve({ profile }))
        const { whoAmI } = yield* clientOf(yield* AwsSdk.identityProvider(provider))
        assert.strictEqual((yield* Effect.promise(whoAmI)).Account, account)
      }
    }).pipe(Effect.provide([worldOf(), nodeContext, nodeHttp])))

  it.effect("let a chain of the SDK go on only if they are not configured", () =>
    Effect.gen(function*() {
      const next = () => Promise.resolve({ accessKeyId: "NEXT", secretAccessKey: "secret" })
      const chained = (options: TestIdentity.Options) =>
        Effect.flatMap(AwsSdk.credentials, (credentials) =>
          Effect.promise(() =>
            chain(credentials, next)().then(({ accessKeyId }) => accessKeyId, (error) => error)
          )).pipe(
            Effect.provide(TestIdentity.layer(options))
          )
      assert.strictEqual(yield* chained({ config: "" }), "NEXT")
      assert.instanceOf(yield* chained({ signedIn: false }), IdentityError.SsoLoginRequired)
      assert.instanceOf(yield* chained({ profile: "other" }), IdentityError.ProfileNotFound)
    }))
})

describe("AwsSdk.region", () => {
  const config = "[default]\nregion = eu-west-3\n[profile production]\nregion = us-west-2\n[profile bare]"

  const inEnvironment = (environment: Readonly<Record<string, string>>, profile?: string) =>
  <A, E>(
    effect: Effect.Effect<A, E, SharedConfig.SharedConfig>
  ) =>
    effect.pipe(
      Effect.provide(SharedConfig.layerMemory({ config, profile })),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
    )

  it.effect("returns AWS_REGION, else AWS_DEFAULT_REGION, else the region of the profile", () =>
    Effect.gen(function*() {
      const rows = [
        [{ AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "eu-west-2" }, undefined, "eu-west-1"],
        [{ AWS_DEFAULT_REGION: "eu-west-2" }, undefined, "eu-west-2"],
        [{}, undefined, "eu-west-3"],
        [{}, "production", "us-west-2"]
      ] as const
      for (const [environment, profile, expected] of rows) {
        const region = yield* AwsSdk.region.pipe(inEnvironment(environment, profile))
        assert.strictEqual(yield* Effect.promise(region), expected)
      }
      const ofProfile = yield* AwsSdk.regionProvider("production").pipe(inEnvironment({}))
      assert.strictEqual(yield* Effect.promise(ofProfile), "us-west-2")
    }))

  it.effect("sets the region of the SDK's clients and of their signatures", () =>
    Effect.gen(function*() {
      const region = yield* AwsSdk.region.pipe(inEnvironment({}))
      const sent: Array<string> = []
      const sts = new STSClient({
        region,
        credentials: { accessKeyId: "AKID", secretAccessKey: "secret" },
        maxAttempts: 1,
        requestHandler: {
          handle: (request: { readonly hostname: string; readonly headers: Record<string, string> }) => {
            sent.push(request.hostname, request.headers["authorization"] ?? "")
            return Promise.reject(new Error("not sent"))
          }
        }
      })
      yield* Effect.promise(() => sts.send(new GetCallerIdentityCommand({})).catch(() => {}))
      assert.strictEqual(sent[0], "sts.eu-west-3.amazonaws.com")
      assert.match(sent[1] ?? "", /\/eu-west-3\/sts\//)
    }))

  it.effect("shares one promise once the region is found, and searches again after a failure", () =>
    Effect.gen(function*() {
      let reads = 0
      const shared = yield* inEnvironment({})(SharedConfig.SharedConfig)
      const broken = new IdentityError.FileError({ path: "config", operation: "read", code: "Busy" })
      const region = yield* AwsSdk.region.pipe(
        Effect.provideService(SharedConfig.SharedConfig, {
          ...shared,
          read: Effect.suspend(() => ++reads === 1 ? Effect.fail(broken) : shared.read)
        }),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map()))
      )
      assert.strictEqual(yield* rejection(region), broken)
      assert.strictEqual(yield* Effect.promise(region), "eu-west-3")
      assert.strictEqual(region(), region())
      assert.strictEqual(reads, 2)
    }))

  it.effect("rejects with an error that names the variables and the profile, or the invalid variable", () =>
    Effect.gen(function*() {
      const none = yield* rejection(yield* AwsSdk.region.pipe(inEnvironment({}, "bare")))
      assert.instanceOf(none, IdentityError.NotConfigured)
      for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION", "profile \"bare\"", "give the client a region"]) {
        assert.include(none.message, name)
      }
      const wrong = yield* rejection(yield* AwsSdk.region.pipe(inEnvironment({ AWS_REGION: "eu_west" })))
      assert.instanceOf(wrong, IdentityError.InvalidInput)
      assert.include(wrong.message, "AWS_REGION = eu_west")
    }))
})

describe("AwsSdk.clientConfig", () => {
  it.scoped("has all the settings that a client of the SDK needs", () =>
    Effect.gen(function*() {
      const endpoint = yield* Emulator.serve
      const config = yield* AwsSdk.clientConfig
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => new STSClient({ ...config, endpoint, maxAttempts: 1 })),
        (client) => Effect.sync(() => client.destroy())
      )
      const { Account } = yield* Effect.promise(() => client.send(new GetCallerIdentityCommand({})))
      assert.strictEqual(Account, "111122223333")
      assert.strictEqual(yield* Effect.promise(config.region), "us-east-1")
    }).pipe(
      Effect.provide(Layer.merge(identityOf(), NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map()))
    ))
})

describe("the promises of AwsSdk.credentials", () => {
  it.effect("have every known field of the credentials, and no undefined ones", () =>
    Effect.gen(function*() {
      const of = (credentials: Credentials.Credentials) =>
        Effect.flatMap(AwsSdk.credentials, (get) => Effect.promise(() => get())).pipe(
          Effect.provide(CredentialsProvider.layer(Effect.succeed(credentials)))
        )
      const keys = { accessKeyId: "AKID", secretAccessKey: Redacted.make("secret") }
      assert.deepStrictEqual(yield* of(new Credentials.Credentials(keys)), {
        accessKeyId: "AKID",
        secretAccessKey: "secret"
      })
      assert.deepStrictEqual(
        yield* of(
          new Credentials.Credentials({
            ...keys,
            sessionToken: Option.some(Redacted.make("token")),
            expiration: Option.some(DateTime.unsafeMake("2033-01-02T03:04:05Z")),
            accountId: Option.some(AccountId.make("012345678901"))
          })
        ),
        {
          accessKeyId: "AKID",
          secretAccessKey: "secret",
          sessionToken: "token",
          expiration: new Date("2033-01-02T03:04:05Z"),
          accountId: "012345678901"
        }
      )
    }))

  it.scoped("are the same promise while the cached credentials are fresh, without a run of get", () =>
    Effect.gen(function*() {
      const { credentials, given, key, provider } = yield* numbered
      yield* key()
      const hit = credentials()
      assert.strictEqual(credentials(), hit)
      assert.strictEqual(credentials({ forceRefresh: false }), hit)
      const service: CredentialsProvider.Service = {
        get: Effect.dieMessage("get was run, although there are cached credentials"),
        invalidate: provider.invalidate
      }
      const counted = yield* AwsSdk.identityProvider(withPeek(service, () => peek(provider)))
      assert.strictEqual((yield* Effect.promise(() => counted())).accessKeyId, "AKID1")
      assert.strictEqual(given(), 1)
    }))

  it.scoped("also work with a provider whose cache cannot be read synchronously", () =>
    Effect.gen(function*() {
      const { given, provider: { get, invalidate } } = yield* numbered
      const credentials = yield* Effect.provideService(AwsSdk.credentials, CredentialsProvider.CredentialsProvider, {
        get,
        invalidate
      })
      const keyOf = (properties?: AwsSdk.IdentityProperties) =>
        Effect.map(Effect.promise(() => credentials(properties)), ({ accessKeyId }) => accessKeyId)
      assert.strictEqual(yield* keyOf(), "AKID1")
      assert.strictEqual(yield* keyOf(), "AKID1")
      assert.strictEqual(yield* keyOf({ forceRefresh: true }), "AKID2")
      assert.strictEqual(yield* keyOf(), "AKID2")
      assert.strictEqual(given(), 2)
    }))

  it.scoped("return the old credentials near their expiry and start a refresh in the background", () =>
    Effect.gen(function*() {
      const { given, key } = yield* numbered
      yield* key()
      yield* TestClock.adjust("55 minutes")
      assert.strictEqual(yield* key(), "AKID1")
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      assert.strictEqual(given(), 2)
      assert.strictEqual(yield* key(), "AKID2")
      assert.strictEqual(given(), 2)
    }))

  it.scoped("with forceRefresh replace the last credentials, including those fetched by other callers", () =>
    Effect.gen(function*() {
      const { given, key, provider } = yield* numbered
      yield* provider.get
      assert.strictEqual(yield* key({ forceRefresh: true }), "AKID2")
      assert.strictEqual(yield* key({ forceRefresh: true }), "AKID3")
      // The credentials that it returned last are already invalidated and replaced.
      yield* provider.invalidate(yield* provider.get)
      yield* provider.get
      assert.strictEqual(yield* key({ forceRefresh: true }), "AKID4")
      assert.strictEqual(given(), 4)
    }))

  const size = 10_000

  for (
    const [when, wait, properties] of [
      ["first use", undefined, undefined],
      ["expiry", "1 hour", undefined],
      ["a rejection", "1 minute", { forceRefresh: true }]
    ] as const
  ) {
    it.scoped(`are shared by ten thousand callers at the same time: ${when}`, () =>
      Effect.gen(function*() {
        const { credentials, given, key } = yield* numbered
        if (wait !== undefined) {
          yield* key()
          yield* TestClock.adjust(wait)
        }
        const before = given()
        const promises = new Set(Array.from({ length: size }, () => credentials(properties)))
        assert.strictEqual(promises.size, 1)
        for (const promise of promises) {
          assert.strictEqual((yield* Effect.promise(() => promise)).accessKeyId, `AKID${before + 1}`)
        }
        assert.strictEqual(given(), before + 1)
      }))
  }

  it.effect("are rejected when the provider's scope closes, and with a defect itself", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const provider = yield* Effect.provideService(CredentialsProvider.make(Effect.never), Scope.Scope, scope)
      const credentials = yield* Effect.provideService(
        AwsSdk.credentials,
        CredentialsProvider.CredentialsProvider,
        provider
      )
      const waiting = yield* Effect.fork(rejection(credentials))
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      yield* Scope.close(scope, Exit.void)
      assertUnavailable(yield* waiting, "Missing", "has been closed")

      const defect = new TypeError("a bug")
      const failing = yield* Effect.provideService(AwsSdk.credentials, CredentialsProvider.CredentialsProvider, {
        get: Effect.die(defect),
        invalidate: () => Effect.void
      })
      assert.strictEqual(yield* rejection(failing), defect)
    }))

  it.scoped("time out even if made in acquireRelease, which is uninterruptible", () =>
    Effect.gen(function*() {
      const error = new IdentityError.CredentialsExpired({ expiration: "then", now: "now" })
      const credentials = yield* Effect.provideService(
        Effect.acquireRelease(AwsSdk.credentials, () => Effect.void),
        CredentialsProvider.CredentialsProvider,
        {
          get: Effect.timeoutFail(Effect.never, { duration: "1 minute", onTimeout: () => error }),
          invalidate: () => Effect.void
        }
      )
      const waiting = yield* Effect.fork(rejection(credentials))
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* waiting, error)
    }))

  it.scoped("are made anew after a rejection", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const credentials = yield* AwsSdk.credentials
      yield* center.fail("getRoleCredentials", "ForbiddenException")
      assert.instanceOf(yield* rejection(credentials), IdentityError.RoleNotAssigned)
      yield* TestClock.adjust("5 seconds")
      yield* Effect.promise(() => credentials())
    }).pipe(Effect.provide(TestIdentity.layer())))
})

describe("AwsSdk.token", () => {
  const token = Effect.flatMap(SharedConfig.session("example"), AwsSdk.token)
  const current = Effect.flatMap(
    Effect.all([SsoTokenProvider.SsoTokenProvider, SharedConfig.session("example")]),
    ([tokens, session]) => tokens.get(session)
  )

  it.effect("returns the token of the session, refreshed once when it has expired", () =>
    Effect.gen(function*() {
      const get = yield* token
      const first = yield* current
      assert.deepStrictEqual(yield* Effect.promise(() => get()), {
        token: Redacted.value(first.accessToken),
        expiration: DateTime.toDateUtc(first.expiresAt)
      })
      yield* TestClock.adjust("1 hour")
      const promises = new Set(Array.from({ length: 100 }, () => get()))
      assert.strictEqual(promises.size, 1)
      const second = yield* Effect.promise(() => get())
      assert.notStrictEqual(second.token, Redacted.value(first.accessToken))
      assert.strictEqual(second.token, Redacted.value((yield* current).accessToken))
      assert.strictEqual(yield* callsOf("createToken"), 1)
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("returns a new token when the SDK asks with forceRefresh", () =>
    Effect.gen(function*() {
      const get = memoizeIdentityProvider(yield* token, isIdentityExpired, doesIdentityRequireRefresh)
      assert.isDefined(get)
      yield* TestClock.adjust("1 minute")
      const first = yield* Effect.promise(() => get())
      const second = yield* Effect.promise(() => get({ forceRefresh: true }))
      assert.notStrictEqual(second.token, first.token)
      assert.strictEqual(yield* callsOf("createToken"), 1)
    }).pipe(Effect.provide(identityOf())))

  it.effect("rejects with SsoLoginRequired when the session has no token", () =>
    Effect.gen(function*() {
      assert.instanceOf(yield* rejection(yield* token), IdentityError.SsoLoginRequired)
    }).pipe(Effect.provide(TestIdentity.layer({ signedIn: false }))))
})

describe("AwsSdk.fromLayer", () => {
  /** A layer that says how often it was built and closed. */
  const counting = (build: Effect.Effect<void> = Effect.void) => {
    const counts = { built: 0, closed: 0 }
    const layer = Layer.scoped(
      CredentialsProvider.CredentialsProvider,
      Effect.zipRight(
        Effect.acquireRelease(
          Effect.sync(() => counts.built++),
          () => Effect.sync(() => counts.closed++)
        ),
        Effect.zipRight(build, Effect.map(numbered, ({ provider }) => provider))
      )
    )
    return { counts, layer }
  }

  it("builds the layer once, at the first use, and closes it when disposed", async () => {
    const { counts, layer } = counting()
    const identity = AwsSdk.fromLayer(layer)
    assert.deepStrictEqual(counts, { built: 0, closed: 0 })
    const keys = await Promise.all(Array.from({ length: 100 }, () => identity.credentials()))
    assert.deepStrictEqual(new Set(keys.map(({ accessKeyId }) => accessKeyId)), new Set(["AKID1"]))
    assert.strictEqual(identity.credentials(), identity.credentials())
    assert.strictEqual((await identity.credentials({ forceRefresh: true })).accessKeyId, "AKID2")
    assert.deepStrictEqual(counts, { built: 1, closed: 0 })
    await identity.dispose()
    assert.deepStrictEqual(counts, { built: 1, closed: 1 })
    for (const properties of [undefined, { forceRefresh: true }]) {
      const error = await identity.credentials(properties).catch((error: unknown) => error)
      assertUnavailable(error, "Missing", "has been closed")
    }
    await identity.dispose()
    assert.deepStrictEqual(counts, { built: 1, closed: 1 })
  })

  it("closes the layer at the end of an `await using` block", async () => {
    const { counts, layer } = counting()
    {
      await using identity = AwsSdk.fromLayer(layer)
      await identity.credentials()
      assert.deepStrictEqual(counts, { built: 1, closed: 0 })
    }
    assert.deepStrictEqual(counts, { built: 1, closed: 1 })
  })

  it("does not build the layer when disposed before first use, and does not wait for a build when disposed", async () => {
    const unused = counting()
    await AwsSdk.fromLayer(unused.layer).dispose()
    assert.deepStrictEqual(unused.counts, { built: 0, closed: 0 })

    const hanging = counting(Effect.never)
    const identity = AwsSdk.fromLayer(hanging.layer)
    const waiting = identity.credentials().catch((error: unknown) => error)
    await identity.dispose()
    assertUnavailable(await waiting, "Missing", "has been closed")
    assert.deepStrictEqual(hanging.counts, { built: 1, closed: 1 })
  })

  it("makes one request for all callers that wait while the layer is built", async () => {
    let asked = 0
    const get = Effect.sync(() => {
      asked++
      return new Credentials.Credentials({ accessKeyId: "AKID", secretAccessKey: Redacted.make("secret") })
    })
    const identity = AwsSdk.fromLayer(
      Layer.succeed(CredentialsProvider.CredentialsProvider, { get, invalidate: () => Effect.void })
    )
    await Promise.all(Array.from({ length: 100 }, () => identity.credentials()))
    assert.strictEqual(asked, 1)
  })

  it("rejects each call with an Error that names the variable which is missing or invalid", async () => {
    const regionLayer = AwsIdentity.layer().pipe(
      Layer.provide([nodeContext, undici]),
      Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(
        new Map([["HOME", "/nowhere"], ["AWS_DEFAULT_REGION", "eu west"], ["AWS_MAX_ATTEMPTS", "few"]])
      )))
    )
    const rows = [
      [Layer.unwrapEffect(Effect.as(Config.string("NOT_SET_HERE"), counting().layer)), "Missing", ["NOT_SET_HERE"]],
      [regionLayer, "Invalid", ["AWS_DEFAULT_REGION", "AWS_MAX_ATTEMPTS"]]
    ] as const
    for (const [layer, reason, names] of rows) {
      const identity = AwsSdk.fromLayer(layer)
      const sts = new STSClient({ region: "eu-west-1", credentials: identity.credentials })
      for (const call of [identity.credentials, identity.credentials, () => sts.send(new GetCallerIdentityCommand())]) {
        const error = await call().catch((error: unknown) => error)
        for (const name of names) assertUnavailable(error, reason, name)
        assert.notInclude(inspect(error), "FiberFailure")
        assert.notProperty(error, "tryNextLink")
      }
      await identity.dispose()
    }
  })

  it("rejects with an Error that shows the tag but no content of a failure that is not an Error", async () => {
    class Custom extends Data.TaggedClass("Custom")<{ readonly secret: string }> {}
    for (const [failure, says] of [[new Custom({ secret: "S3CR3T" }), "Custom"], ["S3CR3T", "not an Error"]] as const) {
      const identity = AwsSdk.fromLayer(Layer.fail(failure).pipe(Layer.merge(counting().layer)))
      const error = await identity.credentials().catch((error: unknown) => error)
      assertUnavailable(error, "Refused", says)
      assert.notInclude(inspect(error) + JSON.stringify(error), "S3CR3T")
    }
    const own = new TypeError("of the application")
    const identity = AwsSdk.fromLayer(Layer.fail(own).pipe(Layer.merge(counting().layer)))
    assert.strictEqual(await identity.credentials().catch((error: unknown) => error), own)
  })

  it("returns the region of the layer's profile, or of the environment if the layer has no config files", async () => {
    const inEnvironment = (environment: Readonly<Record<string, string>>) =>
      Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
    const full = AwsSdk.fromLayer(Layer.provideMerge(TestIdentity.layer(), inEnvironment({})))
    assert.strictEqual(await full.region(), "us-east-1")
    assert.strictEqual(await new STSClient(full.clientConfig).config.region(), "us-east-1")
    assert.strictEqual((await full.clientConfig.credentials()).accountId, "111122223333")
    await full.dispose()
    assertUnavailable(await full.region().catch((error: unknown) => error), "Missing", "has been closed")

    const lean = AwsSdk.fromLayer(Layer.provideMerge(counting().layer, inEnvironment({ AWS_REGION: "eu-west-1" })))
    assert.strictEqual(await lean.region(), "eu-west-1")
    const none = AwsSdk.fromLayer(Layer.provideMerge(counting().layer, inEnvironment({})))
    const error = await none.region().catch((error: unknown) => error)
    assert.instanceOf(error, IdentityError.NotConfigured)
    assert.strictEqual(
      error.message,
      "No region is configured: AWS_REGION and AWS_DEFAULT_REGION are not set. Set AWS_REGION, or give the client a region."
    )
  })

  it("returns the token of the layer's profile, if the layer has tokens", async () => {
    const identity = AwsSdk.fromLayer(TestIdentity.layer({ profile: "production" }))
    const token = await identity.token()
    assert.isAbove(token.expiration?.getTime() ?? 0, Date.now())
    assert.strictEqual((await identity.credentials()).accountId, "012345678901")
    await identity.dispose()
    assertUnavailable(await identity.token().catch((error: unknown) => error), "Missing", "has been closed")

    let isBroken = true
    const broken = new IdentityError.FileError({ path: "config", operation: "read", code: "Busy" })
    const mended = AwsSdk.fromLayer(
      Layer.effect(
        SharedConfig.SharedConfig,
        Effect.map(SharedConfig.SharedConfig, (config) => ({
          ...config,
          read: Effect.suspend(() => isBroken ? Effect.fail(broken) : config.read)
        }))
      ).pipe(Layer.provideMerge(TestIdentity.layer()))
    )
    assert.strictEqual(await mended.token().catch((error: unknown) => error), broken)
    isBroken = false
    await mended.token()

    // Its type has none, which a program in JavaScript does not see.
    const without = AwsSdk.fromLayer(counting().layer)
    assert("token" in without && typeof without.token === "function")
    assertUnavailable(await without.token().catch((error: unknown) => error), "Missing", "gives no SSO tokens")
  })
})

describe("AwsSdk.fromProvider", () => {
  const marked = "MARKED-SECRET"

  const identities = fc.record({
    accessKeyId: fc.string({ minLength: 1 }),
    secretAccessKey: fc.string({ minLength: 1 }),
    sessionToken: fc.string({ minLength: 1 }),
    expiration: fc.date({ min: new Date(1), max: new Date(8.64e15), noInvalidDate: true }),
    accountId: fc.stringMatching(/^\d{12}$/)
  }, { requiredKeys: ["accessKeyId", "secretAccessKey"] })

  it("keeps every field of an identity that passes through fromProvider and AwsSdk.credentials", () =>
    fc.assert(
      fc.asyncProperty(identities, fc.boolean(), async (identity, isFunction) => {
        const given = { ...identity }
        const provider = isFunction ? () => Promise.resolve(given) : given
        const credentials = await Effect.runPromise(AwsSdk.fromProvider(provider))
        const service = { get: Effect.succeed(credentials), invalidate: () => Effect.void }
        const back = Effect.runSync(
          Effect.provideService(AwsSdk.credentials, CredentialsProvider.CredentialsProvider, service)
        )
        assert.deepStrictEqual(await back(), given)
      }),
      { numRuns: 200 }
    ))

  it.effect("redacts the secrets of the identity", () =>
    Effect.gen(function*() {
      const { exit, seen } = yield* observed(AwsSdk.fromProvider({
        accessKeyId: "AKID",
        secretAccessKey: marked,
        sessionToken: marked,
        expiration: new Date(1)
      }))
      assert.isTrue(Exit.isSuccess(exit))
      assert.notInclude(seen, marked)
      assert.include(seen, "AKID")
    }))

  const ask = (provider: unknown) => Effect.flip(AwsSdk.fromProvider(provider as AwsSdk.AwsCredentialIdentityProvider))

  const malformed: ReadonlyArray<readonly [answer: unknown, says: string]> = [
    [undefined, "the whole is not"],
    [null, "the whole is not"],
    [marked, "the whole is not"],
    [{}, "\"accessKeyId\" is missing"],
    [{ accessKeyId: "AKID" }, "\"secretAccessKey\" is missing"],
    [{ accessKeyId: "", secretAccessKey: marked }, "\"accessKeyId\" is not"],
    [{ accessKeyId: "AKID", secretAccessKey: 1 }, "\"secretAccessKey\" is not"],
    [{ accessKeyId: "AKID", secretAccessKey: "" }, "\"secretAccessKey\" is not"],
    [{ accessKeyId: "AKID", secretAccessKey: marked, sessionToken: { marked } }, "\"sessionToken\" is not"],
    [{ accessKeyId: "AKID", secretAccessKey: marked, expiration: "2033-01-02" }, "\"expiration\" is not"],
    [{ accessKeyId: "AKID", secretAccessKey: marked, expiration: new Date(NaN) }, "\"expiration\" is not"],
    [{ accessKeyId: "AKID", secretAccessKey: marked, accountId: 1 }, "\"accountId\" is not"],
    [{
      accessKeyId: "AKID",
      get secretAccessKey() {
        throw new Error(marked)
      }
    }, "cannot be read"]
  ]

  for (const [answer, says] of malformed) {
    it.effect(`names what is wrong with an answer that is not an identity: ${inspect(answer).replace(/\s+/g, " ")}`, () =>
      Effect.gen(function*() {
        for (const provider of [() => Promise.resolve(answer), () => answer]) {
          const { seen } = yield* observed(ask(provider))
          assert.notInclude(seen, marked)
          assertUnavailable(yield* ask(provider), "Invalid", says)
        }
      }))
  }

  const failed = (fields: object) => Object.assign(new Error(marked), fields)

  const revoked = () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  }

  const rejections: ReadonlyArray<
    readonly [what: string, error: unknown, reason: IdentityError.CredentialsUnavailable["reason"], says: string]
  > = [
    ["an error", failed({}), "Refused", "it failed."],
    [
      "an error of a class",
      failed({ name: "ExpiredTokenException" }),
      "Refused",
      "it failed with ExpiredTokenException."
    ],
    ["an error whose name is not a class name", failed({ name: `${marked} Error` }), "Refused", "it failed."],
    [
      "a CredentialsProviderError that lets a chain go on",
      failed({ name: "CredentialsProviderError", tryNextLink: true }),
      "Missing",
      "it has no credentials"
    ],
    [
      "a CredentialsProviderError that stops a chain",
      failed({ name: "CredentialsProviderError", tryNextLink: false }),
      "Refused",
      "CredentialsProviderError"
    ],
    ["a timeout", failed({ name: "TimeoutError" }), "Unreachable", "TimeoutError"],
    ["a refused connection", failed({ code: "ECONNREFUSED" }), "Unreachable", "could not reach its source"],
    ["a missing file", failed({ code: "ENOENT" }), "Refused", "it failed"],
    ["text", marked, "Refused", "it failed."],
    ["undefined", undefined, "Refused", "it failed."],
    ["an object that throws when it is read", revoked(), "Refused", "it failed."]
  ]

  for (const [what, error, reason, says] of rejections) {
    it.effect(`shows at most the name of the error that a provider rejects with: ${what}`, () =>
      Effect.gen(function*() {
        const throwing = () => {
          throw error
        }
        for (const provider of [() => Promise.reject(error), throwing]) {
          const { seen } = yield* observed(ask(provider))
          assert.notInclude(seen, marked)
          assertUnavailable(yield* ask(provider), reason, says)
        }
      }))
  }

  it.effect("keeps the IdentityError of a provider that is made of ours", () =>
    Effect.gen(function*() {
      const errors = [
        new IdentityError.SsoLoginRequired({
          session: "corp",
          reason: "NoToken",
          command: "aws sso login",
          startUrl: "https://example.awsapps.com/start",
          region: "eu-west-1"
        }),
        new IdentityError.NotConfigured({ provider: "Vault", problem: "no Vault", remedy: "Install one." })
      ]
      for (const own of errors) {
        const ours = yield* AwsSdk.identityProvider({ get: Effect.fail(own), invalidate: () => Effect.void })
        for (const provider of [ours, () => Promise.reject(own)]) {
          const error = yield* Effect.flip(AwsSdk.fromProvider(provider))
          assert.strictEqual(error._tag, own._tag)
          assert.strictEqual(error.message, own.message)
        }
      }
      const denied = new IdentityError.LoginDenied({ session: "corp" })
      const error = yield* Effect.flip(AwsSdk.fromProvider(() => Promise.reject(denied)))
      assertUnavailable(error, "Refused", "it failed with LoginDenied")
    }))

  it("returns credentials or CredentialsUnavailable, whatever the provider answers", () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.anything({ withDate: true, withNullPrototype: true, withTypedArray: true }),
          fc.record({
            accessKeyId: fc.anything(),
            secretAccessKey: fc.anything(),
            sessionToken: fc.anything(),
            expiration: fc.oneof(fc.date(), fc.anything()),
            accountId: fc.anything()
          }, { requiredKeys: [] })
        ),
        fc.boolean(),
        async (junk, isRejected) => {
          const provider = () => isRejected ? Promise.reject(junk) : Promise.resolve(junk)
          const exit = await Effect.runPromiseExit(Effect.either(AwsSdk.fromProvider(provider as never)))
          assert(Exit.isSuccess(exit))
          if (Either.isRight(exit.value)) assert.instanceOf(exit.value.right, Credentials.Credentials)
          else assert.instanceOf(exit.value.left, IdentityError.CredentialsUnavailable)
          assert.isFalse(isRejected && Either.isRight(exit.value))
        }
      ),
      { numRuns: 1000 }
    ))

  it.effect("fails when the provider does not answer within 5 minutes", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(ask(() => new Promise(() => {})))
      yield* TestClock.adjust("299 seconds")
      assert.isTrue(Option.isNone(yield* fiber.poll))
      yield* TestClock.adjust("1 second")
      assertUnavailable(yield* fiber, "Unreachable", "it did not answer")
    }))

  it.effect("caches the credentials in AwsSdk.layer, and asks with forceRefresh after an invalidation", () =>
    Effect.gen(function*() {
      let given = 0
      const memoized = memoizeIdentityProvider(
        () =>
          Promise.resolve({
            accessKeyId: `AKID${++given}`,
            secretAccessKey: "secret",
            expiration: new Date(Date.now() + 3_600_000)
          }),
        isIdentityExpired,
        doesIdentityRequireRefresh
      )
      assert.isDefined(memoized)
      const context = yield* Layer.build(AwsSdk.layer(memoized))
      const provider = Context.get(context, CredentialsProvider.CredentialsProvider)
      const first = yield* provider.get
      assert.strictEqual(yield* provider.get, first)
      yield* provider.invalidate(first)
      assert.strictEqual((yield* provider.get).accessKeyId, "AKID2")
    }).pipe(Effect.scoped))
})
