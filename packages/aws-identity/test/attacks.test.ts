import { FetchHttpClient, FileSystem, HttpClient, HttpServer, HttpServerResponse, Path } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { assertEquals } from "@effect/vitest/utils"
import {
  Clock,
  ConfigProvider,
  Context,
  DateTime,
  Deferred,
  Effect,
  Either,
  Fiber,
  Layer,
  Option,
  Redacted,
  Ref,
  Stream,
  TestClock
} from "effect"
import type { AwsIdentity } from "effect-aws-identity"
import {
  AccountId,
  Credentials,
  CredentialsProvider,
  IdentityError,
  Region,
  SharedConfig,
  Sso,
  SsoCredentials,
  SsoOidc,
  SsoTokenCache,
  SsoTokenProvider
} from "effect-aws-identity"
import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import { createServer } from "node:http"
import { gzipSync } from "node:zlib"
import { observed } from "./observed.js"
import { fetchHttp, nodeContext, nodeHttp, overClient, overFileSystem } from "./ports.js"

// What went wrong elsewhere, or here once: races, wrong accounts, hostile answers.

const session = SharedConfig.session("example")
const cached = Effect.flatMap(SsoTokenCache.SsoTokenCache, (cache) => cache.get("example"))
const save = (token: SsoTokenCache.SsoToken) =>
  Effect.flatMap(SsoTokenCache.SsoTokenCache, (cache) => cache.set("example", token))
const callsOf = (operation: IdentityCenter.Operation) =>
  Effect.map(
    Effect.flatMap(IdentityCenter.IdentityCenter, (center) => center.calls),
    (calls) => calls.filter((call) => call === operation).length
  )
const key = (name: string, minutes = 60) =>
  Effect.map(Clock.currentTimeMillis, (now) =>
    new Credentials.Credentials({
      accessKeyId: name,
      secretAccessKey: Redacted.make("secret"),
      expiration: Option.some(DateTime.unsafeMake(now + minutes * 60_000))
    }))

describe("never another account", () => {
  class Default extends Context.Tag("Default")<Default, CredentialsProvider.Service>() {}
  class Production extends Context.Tag("Production")<Production, CredentialsProvider.Service>() {}
  const as = <I, S extends CredentialsProvider.Service>(
    tag: Context.Tag<I, S>,
    layer: Layer.Layer<AwsIdentity.AwsIdentity>
  ) => Layer.project(layer, CredentialsProvider.CredentialsProvider, tag, (provider) => provider as S)

  it.effect("two profiles in one application have a provider each", () =>
    Effect.gen(function*() {
      const first = yield* (yield* Default).get
      const second = yield* (yield* Production).get
      assertEquals(first.accountId, Option.some("111122223333"))
      assertEquals(second.accountId, Option.some("012345678901"))
    }).pipe(
      Effect.provide(
        Layer.merge(as(Default, TestIdentity.layer()), as(Production, TestIdentity.layer({ profile: "production" })))
      )
    ))

  it.effect("credentials have the account that was asked for when the portal names none", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const answer = { accessKeyId: "ASIA", secretAccessKey: "s", sessionToken: "t", expiration: 3_600_000 }
      for (const accountId of [undefined, null, ""]) {
        yield* center.fail("getRoleCredentials", {
          status: 200,
          body: JSON.stringify({ roleCredentials: { ...answer, accountId } })
        })
        const credentials = yield* SsoCredentials.resolveProfile()
        assertEquals(credentials.accountId, Option.some("111122223333"))
      }
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("an answer for another account is refused", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const answer = {
        accessKeyId: "ASIA",
        secretAccessKey: "s",
        sessionToken: "t",
        expiration: 3_600_000,
        accountId: "999999999999"
      }
      yield* center.fail("getRoleCredentials", { status: 200, body: JSON.stringify({ roleCredentials: answer }) })
      const error = yield* Effect.flip(SsoCredentials.resolveProfile())
      assert.strictEqual(error._tag, "InvalidResponse")
      for (const hole of ["expiration", "sessionToken"]) {
        const body = JSON.stringify({ roleCredentials: { ...answer, accountId: undefined, [hole]: null } })
        yield* center.fail("getRoleCredentials", { status: 200, body })
        assert.strictEqual((yield* Effect.flip(SsoCredentials.resolveProfile()))._tag, "InvalidResponse", hole)
      }
    }).pipe(Effect.provide(TestIdentity.layer())))
})

describe("one refresh", () => {
  it.scoped("leaves no gap, wherever the fiber of the caller happens to yield", () =>
    Effect.gen(function*() {
      for (let steps = 900; steps < 1100; steps++) {
        const calls = yield* Ref.make(0)
        const provider = yield* CredentialsProvider.make(
          Effect.flatMap(Ref.updateAndGet(calls, (n) => n + 1), (n) => key(`KEY${n}`))
        )
        const first = yield* Effect.zipRight(
          Effect.forEach(Array.from({ length: steps }), () => Effect.void, { discard: true }),
          provider.get
        )
        yield* provider.invalidate(first)
        assert.notStrictEqual((yield* provider.get).accessKeyId, first.accessKeyId)
        assert.strictEqual(yield* Ref.get(calls), 2)
      }
    }))

  it.scoped("does not bring back what was rejected while it ran", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const calls = yield* Ref.make(0)
      const provider = yield* CredentialsProvider.make(
        Effect.gen(function*() {
          const call = yield* Ref.updateAndGet(calls, (n) => n + 1)
          if (call === 2) yield* Deferred.await(gate)
          return yield* key(call === 3 ? "B" : "A")
        })
      )
      const rejected = yield* provider.get
      yield* TestClock.adjust("56 minutes")
      assert.strictEqual((yield* provider.get).accessKeyId, "A")
      yield* provider.invalidate(rejected)
      assert.strictEqual((yield* provider.get).accessKeyId, "B")
      yield* Deferred.succeed(gate, void 0)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* provider.get).accessKeyId, "B")
    }))

  it.scoped("waits in the last minute, and not before", () =>
    Effect.gen(function*() {
      const gate = yield* Effect.makeLatch(true)
      const calls = yield* Ref.make(0)
      const provider = yield* CredentialsProvider.make(
        gate.whenOpen(Effect.flatMap(Ref.updateAndGet(calls, (n) => n + 1), (n) => key(`KEY${n}`)))
      )
      yield* provider.get
      yield* gate.close
      yield* TestClock.adjust("58 minutes")
      assert.strictEqual((yield* provider.get).accessKeyId, "KEY1", "advisory")
      yield* TestClock.adjust("61 seconds")
      const waiting = yield* Effect.fork(provider.get)
      yield* TestClock.adjust("1 second")
      assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)), "mandatory")
      yield* gate.open
      assert.strictEqual((yield* Fiber.join(waiting)).accessKeyId, "KEY2")
      assert.strictEqual(yield* Ref.get(calls), 2)
    }))

  it.scoped("that fails or dies in the last minute is tried again only after a pause, and never ends the program", () =>
    Effect.gen(function*() {
      const calls = yield* Ref.make(0)
      const provider = yield* CredentialsProvider.make(
        Effect.flatMap(Ref.updateAndGet(calls, (n) => n + 1), (n) => n === 1 ? key("KEY1") : Effect.die("bug"))
      )
      yield* provider.get
      yield* TestClock.adjust("59 minutes")
      for (let index = 0; index < 100; index++) assert.strictEqual((yield* provider.get).accessKeyId, "KEY1")
      assert.strictEqual(yield* Ref.get(calls), 2)
      yield* TestClock.adjust("30 seconds")
      yield* provider.get
      assert.strictEqual(yield* Ref.get(calls), 3)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* Effect.exit(provider.get))._tag, "Failure")
    }))

  it.scoped("has nothing of its callers", () =>
    Effect.gen(function*() {
      class Setting extends Context.Reference<Setting>()("Setting", { defaultValue: () => "maker" }) {}
      const provider = yield* CredentialsProvider.make(Effect.flatMap(Setting, key))
      const credentials = yield* Effect.provideService(provider.get, Setting, "caller")
      assert.strictEqual(credentials.accessKeyId, "maker")
    }))

  it.scoped("closes what resolving has opened", () =>
    Effect.gen(function*() {
      const open = yield* Ref.make(0)
      const provider = yield* CredentialsProvider.make(
        Effect.acquireRelease(Ref.update(open, (n) => n + 1), () => Ref.update(open, (n) => n - 1)).pipe(
          Effect.andThen(key("KEY"))
        )
      )
      yield* provider.get
      assert.strictEqual(yield* Ref.get(open), 0)
    }))
})

describe("a better token in the cache wins", () => {
  /** What somebody else does while our renewal is on its way, and what `get` and the cache give then. */
  const meanwhile = <E, R>(
    event: (old: SsoTokenCache.SsoToken) => Effect.Effect<void, E, R>,
    answer?: IdentityCenter.Fault
  ) =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const oidc = yield* SsoOidc.SsoOidc
      const old = Option.getOrThrow(yield* cached)
      yield* TestClock.adjust("2 hours")
      if (answer !== undefined) yield* center.fail("createToken", answer)
      const context = yield* Effect.context<R>()
      const tokens = yield* SsoTokenProvider.make.pipe(
        Effect.provideService(SsoOidc.SsoOidc, {
          ...oidc,
          createToken: (input) =>
            Effect.zipLeft(
              Effect.either(oidc.createToken(input)),
              Effect.orDie(Effect.provide(event(old), context))
            ).pipe(Effect.flatten)
        })
      )
      return { old, result: yield* Effect.either(tokens.get(yield* session)), now: yield* cached }
    }).pipe(Effect.scoped)

  const login = (old: SsoTokenCache.SsoToken) =>
    Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      yield* save(
        new SsoTokenCache.SsoToken({
          ...old,
          accessToken: Redacted.make("of-a-login"),
          refreshToken: Option.some(Redacted.make("of-a-login-too")),
          expiresAt: DateTime.unsafeMake(now + 3_600_000)
        })
      )
    })

  const tokenOf = (token: Option.Option<SsoTokenCache.SsoToken>) =>
    Option.map(token, ({ accessToken }) => Redacted.value(accessToken))

  it.effect("a login is not overwritten", () =>
    Effect.gen(function*() {
      const { now, result } = yield* meanwhile(login)
      assertEquals(tokenOf(Either.getRight(result)), Option.some("of-a-login"))
      assertEquals(tokenOf(now), Option.some("of-a-login"))
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("a logout is not undone", () =>
    Effect.gen(function*() {
      const cache = yield* SsoTokenCache.SsoTokenCache
      const { now, result } = yield* meanwhile(() => cache.remove("example"))
      assert.deepInclude(Either.getOrThrow(Either.flip(result)), { _tag: "SsoLoginRequired", reason: "NoToken" })
      assertEquals(now, Option.none())
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("whoever lost the race for the refresh token uses the winner's", () =>
    Effect.gen(function*() {
      const { result } = yield* meanwhile(login, "InvalidGrantException")
      assertEquals(tokenOf(Either.getRight(result)), Option.some("of-a-login"))
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("what AWS refuses for ever is not sent again", () =>
    Effect.gen(function*() {
      const tokens = yield* SsoTokenProvider.SsoTokenProvider
      yield* TestClock.adjust("9 hours")
      for (let index = 0; index < 5; index++) {
        const error = yield* Effect.flip(tokens.get(yield* session))
        assert.deepInclude({ ...error }, { _tag: "SsoLoginRequired", reason: "RefreshRejected" })
      }
      assert.strictEqual(yield* callsOf("createToken"), 1)
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("what AWS refuses for ever is used on until it expires all the same", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const tokens = yield* SsoTokenProvider.SsoTokenProvider
      const old = yield* tokens.get(yield* session)
      yield* center.fail("createToken", "InvalidGrantException", 10)
      yield* TestClock.adjust("55 minutes")
      for (let minute = 55; minute < 60; minute++) {
        assert.strictEqual(yield* tokens.get(yield* session), old)
        yield* TestClock.adjust("1 minute")
      }
      assert.strictEqual((yield* Effect.flip(tokens.get(yield* session)))._tag, "SsoLoginRequired")
      assert.strictEqual(yield* callsOf("createToken"), 1)
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("a portal that rejects every token is not fed with new ones", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      yield* center.fail("getRoleCredentials", "UnauthorizedException", 100)
      for (let index = 0; index < 5; index++) {
        const error = yield* Effect.flip(SsoCredentials.resolveProfile())
        assert.deepInclude({ ...error }, { _tag: "SsoLoginRequired", reason: "TokenRejected" })
      }
      assert.strictEqual(yield* callsOf("createToken"), 1)
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("a proxy's 401 and 403 say nothing of the token or the role", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      for (const status of [401, 403]) {
        yield* center.fail("getRoleCredentials", { status, body: "<html></html>" })
        const error = yield* Effect.flip(SsoCredentials.resolveProfile())
        assert.strictEqual(error._tag, "ServiceError")
        assert.include(error.message, `Unknown (${status})`)
      }
      assert.strictEqual(yield* callsOf("createToken"), 0)
    }).pipe(Effect.provide(TestIdentity.layer())))

  it.effect("a token that the cache does not take is used from memory, and renewed from there", () =>
    Effect.gen(function*() {
      const cache = yield* SsoTokenCache.SsoTokenCache
      const tokens = yield* SsoTokenProvider.make.pipe(
        Effect.provideService(SsoTokenCache.SsoTokenCache, {
          ...cache,
          set: (key) =>
            Effect.fail(new IdentityError.FileError({ path: key, operation: "write", code: "PermissionDenied" }))
        })
      )
      for (const _ of [1, 2, 3]) {
        yield* TestClock.adjust("2 hours")
        const token = yield* tokens.get(yield* session)
        assert.isAbove(DateTime.toEpochMillis(token.expiresAt), yield* Clock.currentTimeMillis)
        assert.strictEqual(yield* tokens.get(yield* session), token)
      }
      assert.strictEqual(yield* callsOf("createToken"), 3)
    }).pipe(Effect.scoped, Effect.provide(TestIdentity.layer())))

  it.effect("a token that is signed out of during its renewal is not given out, though it has not expired", () =>
    Effect.gen(function*() {
      const cache = yield* SsoTokenCache.SsoTokenCache
      const oidc = yield* SsoOidc.SsoOidc
      const tokens = yield* SsoTokenProvider.make.pipe(
        Effect.provideService(SsoOidc.SsoOidc, {
          ...oidc,
          createToken: (input) => Effect.zipLeft(oidc.createToken(input), Effect.orDie(cache.remove("example")))
        })
      )
      yield* TestClock.adjust("57 minutes")
      const error = yield* Effect.flip(tokens.get(yield* session))
      assert.deepInclude({ ...error }, { _tag: "SsoLoginRequired", reason: "NoToken" })
    }).pipe(Effect.scoped, Effect.provide(TestIdentity.layer())))

  it.effect("a failed renewal of an expired token is not repeated within 30 s, unless the token is another", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const tokens = yield* SsoTokenProvider.SsoTokenProvider
      const corp = yield* session
      yield* TestClock.adjust("2 hours")
      yield* center.fail("createToken", "InternalServerException", 2)
      const error = yield* Effect.flip(tokens.get(corp))
      assert.strictEqual(yield* Effect.flip(tokens.get(corp)), error)
      assert.strictEqual(yield* callsOf("createToken"), 1)
      yield* TestClock.adjust("30 seconds")
      yield* Effect.flip(tokens.get(corp))
      assert.strictEqual(yield* callsOf("createToken"), 2)
      const cache = yield* SsoTokenCache.SsoTokenCache
      const issued = yield* center.signIn
      const theirs = new SsoTokenCache.SsoToken({
        accessToken: Redacted.make(issued.accessToken),
        expiresAt: DateTime.unsafeMake((yield* Clock.currentTimeMillis) + 3_600_000)
      })
      yield* cache.set("example", theirs)
      assert.strictEqual(yield* tokens.get(corp), theirs, "signed in elsewhere: noticed at once")
    }).pipe(Effect.provide(TestIdentity.layer({ client: { maxAttempts: 1 } }))))

  it.effect("a renewal has nothing of its callers", () =>
    Effect.gen(function*() {
      class Setting extends Context.Reference<Setting>()("Setting", { defaultValue: () => "maker" }) {}
      const oidc = yield* SsoOidc.SsoOidc
      const settings: Array<string> = []
      const tokens = yield* SsoTokenProvider.make.pipe(
        Effect.provideService(SsoOidc.SsoOidc, {
          ...oidc,
          createToken: (input) =>
            Effect.zipRight(Effect.map(Setting, (setting) => settings.push(setting)), oidc.createToken(input))
        })
      )
      yield* TestClock.adjust("2 hours")
      yield* Effect.provideService(tokens.get(yield* session), Setting, "caller")
      assert.deepStrictEqual(settings, ["maker"])
    }).pipe(Effect.scoped, Effect.provide(TestIdentity.layer())))

  it.effect("a renewal keeps what it does not change", () =>
    Effect.gen(function*() {
      const tokens = yield* SsoTokenProvider.SsoTokenProvider
      const old = Option.getOrThrow(yield* cached)
      yield* TestClock.adjust("2 hours")
      const { accessToken: _, expiresAt, refreshToken: __, ...kept } = yield* tokens.get(yield* session)
      assert.strictEqual(DateTime.toEpochMillis(expiresAt), 3 * 3_600_000)
      for (const key of ["startUrl", "region", "clientId", "clientSecret", "registrationExpiresAt"] as const) {
        assertEquals<unknown>(kept[key], old[key])
      }
    }).pipe(Effect.provide(TestIdentity.layer())))

  for (const exception of ["InvalidClientException", "ExpiredTokenException"] as const) {
    it.effect(`${exception} for a refresh token means to sign in again`, () =>
      Effect.gen(function*() {
        const center = yield* IdentityCenter.IdentityCenter
        const tokens = yield* SsoTokenProvider.SsoTokenProvider
        yield* TestClock.adjust("2 hours")
        yield* center.fail("createToken", exception)
        assert.strictEqual((yield* Effect.flip(tokens.get(yield* session)))._tag, "SsoLoginRequired")
      }).pipe(Effect.provide(TestIdentity.layer())))
  }
})

describe("hostile answers", () => {
  it.effect.each([1e10, 1e13, 1e300, -1, "3600"])(
    "expiresIn %s renews nothing and spoils nothing",
    (expiresIn) =>
      Effect.gen(function*() {
        const center = yield* IdentityCenter.IdentityCenter
        const tokens = yield* SsoTokenProvider.SsoTokenProvider
        const old = yield* cached
        yield* TestClock.adjust("2 hours")
        yield* center.fail("createToken", { status: 200, body: JSON.stringify({ accessToken: "t", expiresIn }) })
        assert.strictEqual((yield* Effect.flip(tokens.get(yield* session)))._tag, "InvalidResponse")
        assertEquals(yield* cached, old)
      }).pipe(Effect.provide(TestIdentity.layer()))
  )

  const portal = { region: Region.make("us-east-1"), accessToken: Redacted.make("SECRETTOKEN") }

  /** A server of its own on a real socket. */
  const serve = (app: Effect.Effect<HttpServerResponse.HttpServerResponse>) =>
    Effect.gen(function*() {
      const context = yield* Layer.build(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
      yield* Effect.provide(HttpServer.serveEffect(app), context)
      return HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)
    })

  for (const [name, client] of [["fetch", fetchHttp], ["node:http", nodeHttp]] as const) {
    it.scopedLive(`an endless body is cut at 1 MiB: ${name}`, () =>
      Effect.gen(function*() {
        const endpoint = yield* serve(
          Effect.succeed(HttpServerResponse.stream(Stream.forever(Stream.make(new Uint8Array(65_536)))))
        )
        const sso = yield* Effect.provide(Sso.make({ endpoint }), client)
        const error = yield* Effect.flip(sso.listAccounts(portal))
        assert.strictEqual(error._tag, "InvalidResponse")
        assert.include(error.message, "longer than 1 MiB")
      }).pipe(Effect.provide(nodeContext)))
  }

  it.scopedLive("a small compressed answer that unpacks to 32 MiB is cut at 1 MiB: fetch", () =>
    Effect.gen(function*() {
      const bomb = gzipSync(Buffer.alloc(33_554_432, " "))
      const endpoint = yield* serve(
        Effect.succeed(HttpServerResponse.uint8Array(bomb, {
          contentType: "application/json",
          headers: { "content-encoding": "gzip" }
        }))
      )
      const sso = yield* Effect.provide(Sso.make({ endpoint }), fetchHttp)
      const error = yield* Effect.flip(sso.listAccounts(portal))
      assert.isBelow(bomb.length, 1_048_576)
      assert.strictEqual(error._tag, "InvalidResponse")
      assert.include(error.message, "longer than 1 MiB")
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("the application's own fetch settings are used, and no caller's", () =>
    Effect.gen(function*() {
      const seen: Array<RequestInit | undefined> = []
      const fetch = (_: unknown, init?: RequestInit) => {
        seen.push(init)
        return Promise.resolve(new Response("{}"))
      }
      const sso = yield* Sso.make().pipe(
        Effect.provide(fetchHttp),
        Effect.provideService(FetchHttpClient.RequestInit, { cache: "no-store" })
      )
      yield* sso.listAccounts(portal).pipe(
        Effect.provideService(FetchHttpClient.Fetch, fetch),
        Effect.provideService(FetchHttpClient.RequestInit, { credentials: "include" })
      )
      assert.strictEqual(seen[0]?.cache, "no-store")
      assert.strictEqual(seen[0]?.redirect, "manual")
      assert.isUndefined(seen[0]?.credentials)
    }))

  it.scopedLive("a redirect is not followed, whatever the client: the token goes nowhere else", () =>
    Effect.gen(function*() {
      const seen = yield* Ref.make(0)
      const elsewhere = yield* serve(Effect.as(Ref.update(seen, (n) => n + 1), HttpServerResponse.empty()))
      const endpoint = yield* serve(Effect.succeed(HttpServerResponse.redirect(elsewhere, { status: 307 })))
      const sso = yield* Effect.provide(Sso.make({ endpoint }), fetchHttp)
      const error = yield* Effect.flip(sso.listAccounts(portal))
      assert.strictEqual(error._tag, "InvalidResponse")
      assert.strictEqual(yield* Ref.get(seen), 0)
    }).pipe(Effect.provide(nodeContext)))

  it.effect.each([
    "localhost:4566",
    "ftp://localhost",
    "https://",
    "http://user:hunter2@localhost",
    "http://localhost/?key=hunter2",
    "http://localhost/#hunter2"
  ])("an endpoint that is none is a typed error: %s", (endpoint) =>
    Effect.gen(function*() {
      const sso = yield* Sso.make({ endpoint })
      const error = yield* Effect.flip(sso.listAccounts(portal))
      assert.strictEqual(error._tag, "InvalidInput")
      assert.notInclude(error.message, "hunter2")
    }).pipe(Effect.provide(fetchHttp)))

  it.effect("a space in a query is %20", () =>
    Effect.gen(function*() {
      const urls = yield* Ref.make<ReadonlyArray<string>>([])
      const client = HttpClient.make((request, url) =>
        Effect.zipRight(
          Ref.update(urls, (all) => [...all, url.search]),
          Effect.die(request)
        )
      )
      const sso = yield* Effect.provide(Sso.make(), overClient(client))
      yield* Effect.exit(
        sso.getRoleCredentials({ ...portal, accountId: AccountId.make("111122223333"), roleName: "Power User/+é" })
      )
      assert.deepStrictEqual(yield* Ref.get(urls), ["?role_name=Power%20User%2F%2B%C3%A9&account_id=111122223333"])
    }))
})

describe("files", () => {
  it.scopedLive("a token file that is being written is waited for", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const directory = yield* fs.makeTempDirectoryScoped()
      const file = path.join(directory, SsoTokenCache.fileName("corp"))
      const cache = yield* Effect.provide(SsoTokenCache.SsoTokenCache, SsoTokenCache.layer({ directory }))
      yield* fs.writeFileString(file, "")
      const reading = yield* Effect.fork(cache.get("corp"))
      yield* Effect.sleep("30 millis")
      yield* fs.writeFileString(file, JSON.stringify({ accessToken: "t", expiresAt: "2030-01-01T00:00:00Z" }))
      assert.isTrue(Option.isSome(yield* Fiber.join(reading)))
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("a write that fails leaves nothing and loses nothing; one that succeeds leaves one file", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const token = new SsoTokenCache.SsoToken({
        accessToken: Redacted.make("t"),
        expiresAt: DateTime.unsafeMake(0)
      })
      const cacheOn = (fs: FileSystem.FileSystem) =>
        SsoTokenCache.SsoTokenCache.pipe(
          Effect.provide(Layer.provide(SsoTokenCache.layer({ directory }), overFileSystem(fs)))
        )
      const cache = yield* cacheOn(fs)
      yield* cache.set("corp", token)
      assert.deepStrictEqual(yield* fs.readDirectory(directory), [SsoTokenCache.fileName("corp")])
      const failing = yield* cacheOn({
        ...fs,
        rename: (from) => Effect.flatMap(fs.rename(from, `${directory}/no/such/place`), () => Effect.void)
      })
      const newer = new SsoTokenCache.SsoToken({ ...token, accessToken: Redacted.make("newer") })
      yield* failing.set("corp", newer)
      const held = (cache: SsoTokenCache.SsoTokenCache["Type"]) =>
        Effect.map(Effect.flatten(cache.get("corp")), ({ accessToken }) => Redacted.value(accessToken))
      assert.strictEqual(yield* held(failing), "newer")
      assert.strictEqual(yield* held(cache), "t")
      assert.deepStrictEqual(yield* fs.readDirectory(directory), [SsoTokenCache.fileName("corp")])
      yield* cache.remove("corp")
      yield* cache.remove("corp")
      assert.deepStrictEqual(yield* fs.readDirectory(directory), [])
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("without a home nothing is read from or written to the working directory", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const { cache, config } = yield* Effect.all({
        cache: SsoTokenCache.SsoTokenCache,
        config: SharedConfig.SharedConfig
      }).pipe(
        Effect.provide([SsoTokenCache.layer(), SharedConfig.layer()]),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map()))
      )
      assertEquals(yield* cache.get("corp"), Option.none())
      const token = new SsoTokenCache.SsoToken({ accessToken: Redacted.make("t"), expiresAt: DateTime.unsafeMake(0) })
      const { seen } = yield* observed(cache.set("corp", token))
      assert.include(seen, "HOME is not set")
      assertEquals(yield* cache.get("corp"), Option.some(token))
      assert.include((yield* Effect.flip(config.set({ profile: "a" }, {}))).message, "HOME is not set")
      assert.isFalse(yield* fs.exists("~"))
    }).pipe(Effect.provide(nodeContext)))
})
