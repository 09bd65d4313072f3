import { HttpClient, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import {
  Clock,
  DateTime,
  Deferred,
  Effect,
  Either,
  FastCheck as fc,
  Fiber,
  Layer,
  Option,
  Redacted,
  TestClock
} from "effect"
import { IdentityError, Region, SsoOidc, SsoSession, SsoTokenCache, SsoTokenProvider } from "effect-aws-identity"
import * as Lease from "../src/internal/lease.js"
import * as TokenRefresh from "../src/internal/tokenRefresh.js"
import { overClient } from "./ports.js"

// The refresh of a token: its decisions as properties, and its flows over a store in memory that other processes use.

const runs = { numRuns: 5000 }
const now = 1_700_000_000_000
const minute = 60_000

const tokenOf = (name: string, left: number, start = now) =>
  new SsoTokenCache.SsoToken({
    accessToken: Redacted.make(name),
    expiresAt: DateTime.unsafeMake(start + left),
    clientId: Option.some("client"),
    clientSecret: Option.some(Redacted.make("secret")),
    refreshToken: Option.some(Redacted.make(`${name}-refresh`))
  })
const nameOf = (token: SsoTokenCache.SsoToken) => Redacted.value(token.accessToken)

const call = { service: "SSO OIDC", operation: "createToken" }
const loginRequired = (reason: IdentityError.SsoLoginRequired["reason"]) =>
  new IdentityError.SsoLoginRequired({
    reason,
    session: "corp",
    command: "aws sso login",
    startUrl: "https://example.awsapps.com/start",
    region: "eu-west-1"
  })
const unreachable = new IdentityError.ServiceUnreachable({ ...call, endpoint: "", code: "ECONNRESET" })

const names = fc.constantFrom("a", "b")
const token = fc.record({ name: names, left: fc.integer({ min: -10 * minute, max: 10 * minute }) }).map(
  ({ left, name }) => tokenOf(name, left)
)
const at = fc.integer({ min: now - 2 * minute, max: now + minute })
const memory: fc.Arbitrary<TokenRefresh.Memory> = fc.record({
  lastAttempt: fc.option(
    fc.record({
      at,
      refreshToken: names.map((name) => Redacted.make(`${name}-refresh`)),
      error: fc.constantFrom<IdentityError.TokenError>(unreachable, loginRequired("RefreshRejected"))
    }),
    { nil: undefined }
  ),
  rejections: fc.array(fc.record({ accessToken: names.map((name) => Redacted.make(name)), at }), { maxLength: 2 }),
  replacement: fc.option(names.map((name) => Redacted.make(name)), { nil: undefined })
})

describe("next", () => {
  it("uses only a usable token, and asks for a login only when there is none", () => {
    fc.assert(
      fc.property(token, memory, (token, memory) => {
        const { _tag } = TokenRefresh.next(now, token, memory)
        if (_tag === "Use") assert.isTrue(TokenRefresh.isUsable(now, token, memory))
        if (_tag === "Fail" || _tag === "LoginRequired") assert.isFalse(TokenRefresh.isUsable(now, token, memory))
      }),
      runs
    )
  })

  it("never sends a refresh token that AWS refused last", () => {
    fc.assert(
      fc.property(token, memory, names, (token, memory, name) => {
        const refreshToken = Redacted.make(`${name}-refresh`)
        const refused = {
          ...memory,
          lastAttempt: { at: now - 10 * minute, refreshToken, error: loginRequired("RefreshRejected") }
        }
        const next = TokenRefresh.next(now, token, refused)
        if (next._tag === "Refresh") assert.notStrictEqual(Redacted.value(next.grant.refreshToken), `${name}-refresh`)
      }),
      runs
    )
  })
})

describe("settle", () => {
  const outcome = fc.constantFrom<Either.Either<SsoTokenCache.SsoToken, IdentityError.TokenError>>(
    Either.right(tokenOf("new", 60 * minute)),
    Either.left(unreachable),
    Either.left(loginRequired("RefreshRejected"))
  )
  const current = fc.oneof(
    token.map((token) => Either.right(token)),
    fc.constantFrom<Either.Either<SsoTokenCache.SsoToken, IdentityError.TokenError>>(
      Either.left(loginRequired("NoToken")),
      Either.left(loginRequired("CorruptFile"))
    )
  )
  const attempt = fc.record({ token, outcome, current }).map((attempt) => ({
    ...attempt,
    // One access token has one expiry.
    current: Either.isRight(attempt.current) && nameOf(attempt.current.right) === nameOf(attempt.token)
      ? Either.right(attempt.token)
      : attempt.current
  }))

  it("writes the answer only over the token it came for, and never after a sign-out", () => {
    fc.assert(
      fc.property(attempt, memory, ({ current, outcome, token }, memory) => {
        const refreshToken = Redacted.make("r")
        const settled = TokenRefresh.settle(now, { at: now, token, refreshToken, outcome, current }, memory)
        if (settled.write === undefined) return
        assert.isTrue(Either.isRight(outcome))
        if (Either.isRight(current)) assert.strictEqual(nameOf(current.right), nameOf(token))
        else assert.deepInclude({ ...current.left }, { reason: "CorruptFile" })
      }),
      runs
    )
  })

  it("gives a usable token of the cache or of the answer if there is one, unless a person signed out", () => {
    fc.assert(
      fc.property(attempt, memory, ({ current, outcome, token }, memory) => {
        const refreshToken = Redacted.make("r")
        const { memory: after, result } = TokenRefresh.settle(
          now,
          { at: now, token, refreshToken, outcome, current },
          memory
        )
        if (Either.isLeft(current) && current.left._tag === "SsoLoginRequired" && current.left.reason === "NoToken") {
          assert.strictEqual(result, current)
        } else if (
          Either.isRight(current) && TokenRefresh.isUsable(now, current.right, after) ||
          TokenRefresh.isUsable(now, token, after)
        ) assert.isTrue(Either.isRight(result))
      }),
      runs
    )
  })
})

const session = SsoSession.make({
  name: "corp",
  startUrl: "https://corp.awsapps.com/start",
  region: Region.make("eu-west-1")
})

/** A store that other processes use too, and an OIDC service; both say what happens and when. */
const world = (options: {
  readonly start: SsoTokenCache.SsoToken
  readonly answer: (sent: string) => Effect.Effect<
    { readonly accessToken: string; readonly expiresIn: number },
    IdentityError.CreateTokenError
  >
  /** The OIDC service instead of one that gives `answer`. */
  readonly oidc?: SsoOidc.SsoOidc["Type"]
  /** Whether the lock can be had, and what with. */
  readonly lock?: Effect.Effect<Lease.Lease["Type"]>
}) =>
  Effect.gen(function*() {
    let stored = options.start
    let isHeld = false
    const log: Array<string> = []
    const note = (what: string) => Effect.sync(() => void log.push(isHeld ? `${what} under the lock` : what))
    const cache: SsoTokenCache.SsoTokenCache["Type"] = {
      location: (key) => key,
      get: () => Effect.zipRight(note("look"), Effect.sync(() => Option.some(stored))),
      set: (_, token) =>
        Effect.zipRight(
          note("write"),
          Effect.sync(() => {
            stored = token
            return true
          })
        ),
      remove: () => Effect.void,
      exclusively: () => (effect) =>
        Effect.flatMap(options.lock ?? Effect.succeed(Lease.withoutLock(Lease.leaseMillis)), (lease) =>
          Effect.acquireUseRelease(
            Effect.sync(() => {
              isHeld = true
            }),
            () =>
              Effect.provideService(effect, Lease.Lease, lease),
            () =>
              Effect.sync(() => {
                isHeld = false
              })
          ))
    }
    const oidc: SsoOidc.SsoOidc["Type"] = {
      createToken: (input) =>
        Effect.gen(function*() {
          const sent = "refreshToken" in input ? Redacted.value(input.refreshToken) : ""
          yield* note(`send ${sent}`)
          const { accessToken, expiresIn } = yield* options.answer(sent)
          return {
            accessToken: Redacted.make(accessToken),
            tokenType: Option.some("Bearer"),
            expiresIn,
            refreshToken: Option.some(Redacted.make(`${accessToken}-refresh`)),
            idToken: Option.none()
          }
        }),
      createTokenWithIAM: () =>
        Effect.dieMessage("not here"),
      registerClient: () => Effect.dieMessage("not here"),
      startDeviceAuthorization: () => Effect.dieMessage("not here")
    }
    const provider = yield* Effect.provide(
      SsoTokenProvider.make,
      Layer.mergeAll(
        Layer.succeed(SsoTokenCache.SsoTokenCache, cache),
        Layer.succeed(SsoOidc.SsoOidc, options.oidc ?? oidc)
      )
    )
    return {
      log,
      get: Effect.map(provider.get(session), nameOf),
      otherStores: (token: SsoTokenCache.SsoToken) =>
        Effect.sync(() => {
          stored = token
        })
    }
  })

const invalidGrant = Effect.fail(
  new IdentityError.InvalidGrantException({ ...call, code: "InvalidGrantException", status: 400 })
)
const issued = (accessToken: string, expiresIn = 3600) => Effect.succeed({ accessToken, expiresIn })

describe("SsoTokenProvider.get", () => {
  it.scoped("looks at the token again under the lock, and refreshes and writes under the lock", () =>
    Effect.gen(function*() {
      const { get, log } = yield* world({ start: tokenOf("old", 0, 0), answer: () => issued("new") })
      assert.strictEqual(yield* get, "new")
      assert.deepStrictEqual(log.slice(0, 3), ["look", "look under the lock", "send old-refresh under the lock"])
      assert.include(log, "write under the lock")
      assert.isTrue(log.slice(1).every((what) => what.endsWith("under the lock")))
    }))

  it.scoped("sends nothing when another process has stored a new token by the time it has the lock", () =>
    Effect.gen(function*() {
      let store: Effect.Effect<void> = Effect.void
      const { get, log, otherStores } = yield* world({
        start: tokenOf("old", 0, 0),
        answer: () => issued("new"),
        lock: Effect.as(Effect.suspend(() => store), Lease.withoutLock(0))
      })
      store = otherStores(tokenOf("other", 60 * minute, 0))
      assert.strictEqual(yield* get, "other")
      assert.isFalse(log.some((what) => what.startsWith("send")))
    }))

  it.scoped("refreshes once more when the new token has expired on arrival", () =>
    Effect.gen(function*() {
      const { get, log } = yield* world({
        start: tokenOf("old", 0, 0),
        // The machine sleeps while AWS answers.
        answer: (sent) =>
          sent === "old-refresh" ? Effect.zipRight(Effect.sleep("2 hours"), issued("late")) : issued("new")
      })
      const fiber = yield* Effect.fork(get)
      yield* TestClock.adjust("2 hours")
      assert.strictEqual(yield* Fiber.join(fiber), "new")
      assert.deepStrictEqual(log.filter((what) => what.startsWith("send")).length, 2)
    }))

  it.scoped("takes the token that another process stores while it waits for the lock", () =>
    Effect.gen(function*() {
      const { get, log, otherStores } = yield* world({
        start: tokenOf("old", 0, 0),
        answer: () => issued("new"),
        lock: Effect.never
      })
      const fiber = yield* Effect.fork(get)
      yield* TestClock.adjust("9 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* otherStores(tokenOf("other", 60 * minute, 0))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "other")
      assert.isFalse(log.some((what) => what.startsWith("send")))
    }))

  it.scoped("does not wait for the lock while the current token is usable", () =>
    Effect.gen(function*() {
      const { get } = yield* world({
        start: tokenOf("old", 4 * minute, 0),
        answer: () => issued("new"),
        lock: Effect.never
      })
      const fiber = yield* Effect.fork(get)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "old")
    }))

  it.scoped("does not send the refresh token when it has lost the lock, and starts again", () =>
    Effect.gen(function*() {
      let losses = 0
      let store: Effect.Effect<void> = Effect.void
      const { get, log, otherStores } = yield* world({
        start: tokenOf("old", 0, 0),
        answer: () => issued("new"),
        lock: Effect.succeed({
          isHeld: true,
          othersMillis: 5000,
          beginSending: Effect.suspend(() => {
            losses++
            return Effect.as(store, false)
          })
        })
      })
      store = otherStores(tokenOf("other", 60 * minute, 0))
      assert.strictEqual(yield* get, "other")
      assert.strictEqual(losses, 1)
      assert.isFalse(log.some((what) => what.startsWith("send")))
    }))

  const waits = [["without a sign of another process", 5000], ["after taking over from a sender", 30_000]] as const
  it.scoped.each(waits)(
    "takes the token that another process stores after AWS refused the same refresh token, %s",
    ([, millis]) =>
      Effect.gen(function*() {
        const { get, log, otherStores } = yield* world({
          start: tokenOf("old", 0, 0),
          answer: () => invalidGrant,
          lock: Effect.succeed(Lease.withoutLock(millis))
        })
        const fiber = yield* Effect.fork(get)
        yield* TestClock.adjust(millis - 1000)
        assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
        // The lock keeps other processes from sending the refresh token that the stopped sender has sent.
        assert.strictEqual(log.at(-1), millis === 30_000 ? "look under the lock" : "look")
        yield* otherStores(tokenOf("other", 60 * minute, yield* Clock.currentTimeMillis))
        yield* TestClock.adjust(500)
        assert.strictEqual(yield* Fiber.join(fiber), "other")
        assert.strictEqual(log.filter((what) => what.startsWith("send")).length, 1)
      })
  )

  it.scoped.each(waits)(
    "asks for a login when no other process stores a token after the refusal, %s",
    ([, millis]) =>
      Effect.gen(function*() {
        const { get, log } = yield* world({
          start: tokenOf("old", 0, 0),
          answer: () => invalidGrant,
          lock: Effect.succeed(Lease.withoutLock(millis))
        })
        const fiber = yield* Effect.fork(Effect.flip(get))
        yield* TestClock.adjust(millis + 200)
        const error = yield* Fiber.join(fiber)
        assert.strictEqual(error._tag === "SsoLoginRequired" && error.reason, "RefreshRejected")
        assert.strictEqual((yield* Effect.flip(get))._tag, "SsoLoginRequired")
        assert.strictEqual(log.filter((what) => what.startsWith("send")).length, 1)
      })
  )

  it.scoped("uses the current token at once when AWS refuses the refresh token before its end", () =>
    Effect.gen(function*() {
      const { get } = yield* world({ start: tokenOf("old", 4 * minute, 0), answer: () => invalidGrant })
      assert.strictEqual(yield* get, "old")
    }))
})

/** The TestClock, whose monotonic time also goes on while the process is stopped, when no timer fires. */
const stoppableClock = Effect.map(Clock.clockWith(Effect.succeed), (real) => {
  let stopped = 0n
  const nanos = () => real.unsafeCurrentTimeNanos() + stopped
  const millis = () => real.unsafeCurrentTimeMillis() + Number(stopped / 1_000_000n)
  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: millis,
    currentTimeMillis: Effect.sync(millis),
    unsafeCurrentTimeNanos: nanos,
    currentTimeNanos: Effect.sync(nanos),
    sleep: (duration) => real.sleep(duration)
  }
  return {
    clock,
    stopFor: (seconds: number) =>
      Effect.sync(() => {
        stopped += BigInt(seconds) * 1_000_000_000n
      })
  }
})

describe("SsoTokenProvider.get whose process is stopped while AWS answers", () => {
  const answered = JSON.stringify({ accessToken: "new", expiresIn: 28_800, refreshToken: "new-refresh" })

  /** A refresh whose process is stopped after 20 s without an answer. */
  const stopped = (options?: { readonly lock?: Effect.Effect<Lease.Lease["Type"]>; readonly seconds?: number }) =>
    Effect.gen(function*() {
      const { clock, stopFor } = yield* stoppableClock
      const answer = yield* Deferred.make<string>()
      let sent = 0
      const http = HttpClient.make((request) =>
        Effect.suspend(() => {
          sent++
          return Effect.map(
            sent === 1 ? Deferred.await(answer) : Effect.succeed(answered),
            (body) => HttpClientResponse.fromWeb(request, new Response(body))
          )
        })
      )
      const oidc = yield* Effect.provide(SsoOidc.make(), overClient(http))
      const { get, otherStores } = yield* Effect.withClock(
        world({ start: tokenOf("old", 0, 0), answer: () => issued("unused"), oidc, ...options }),
        clock
      )
      const fiber = yield* Effect.fork(Effect.withClock(get, clock))
      yield* TestClock.adjust("20 seconds")
      yield* stopFor(options?.seconds ?? 50)
      return { answer, fiber, otherStores, sent: () => sent }
    })

  it.scoped("takes the answer that came meanwhile, although the time of the request is over", () =>
    Effect.gen(function*() {
      const { answer, fiber, sent } = yield* stopped()
      // The timer of the request fires, and then the socket is read.
      yield* TestClock.adjust("10 seconds")
      yield* Deferred.succeed(answer, answered)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "new")
      assert.strictEqual(sent(), 1)
    }))

  it.scoped("sends the refresh token again when no answer came, and the token file and the lock are as before", () =>
    Effect.gen(function*() {
      const { fiber, sent } = yield* stopped({ seconds: 20 })
      yield* TestClock.adjust("12 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), "new")
      assert.strictEqual(sent(), 2)
    }))

  it.scoped("does not send the refresh token again when another process has stored a token meanwhile", () =>
    Effect.gen(function*() {
      const { fiber, otherStores, sent } = yield* stopped({ seconds: 20 })
      yield* otherStores(tokenOf("other", 60 * minute, 40_000))
      yield* TestClock.adjust("12 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), "other")
      assert.strictEqual(sent(), 1)
    }))

  it.scoped("does not send the refresh token again when another process has the lock, and waits for its token", () =>
    Effect.gen(function*() {
      let asked = 0
      let taken = 0
      const { fiber, otherStores, sent } = yield* stopped({
        seconds: 20,
        lock: Effect.suspend(() =>
          taken++ === 0
            ? Effect.succeed({
              isHeld: true,
              othersMillis: 5000,
              beginSending: Effect.sync(() => asked++ === 0)
            })
            : Effect.never
        )
      })
      yield* TestClock.adjust("20 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* otherStores(tokenOf("other", 60 * minute, 40_000))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "other")
      assert.strictEqual(sent(), 1)
    }))
})
