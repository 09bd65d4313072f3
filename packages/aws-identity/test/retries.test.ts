import { HttpClient, HttpClientError, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { assertEquals } from "@effect/vitest/utils"
import {
  Clock,
  Duration,
  Effect,
  Either,
  Exit,
  FastCheck as fc,
  Fiber,
  Logger,
  LogLevel,
  Option,
  Random,
  Redacted,
  Schedule,
  Stream,
  TestClock
} from "effect"
import { type ClientConfig, Credentials, IdentityError, Region, Sso, Sts } from "effect-aws-identity"
import * as RetryPolicy from "../src/internal/retryPolicy.js"
import { overClient } from "./ports.js"

// Attempts on a TestClock, with dice that always fall in the middle.

const region = Region.make("eu-west-1")
const accessToken = Redacted.make("token")
const credentials = new Credentials.Credentials({
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: Redacted.make("secret")
})

type Answer = string | { readonly status?: number; readonly headers?: Record<string, string>; readonly body?: BodyInit }

interface Attempt {
  /** ms */
  readonly at: number
  readonly headers: Readonly<Record<string, string>>
}

/** A network that gives the answers in order, the last of them again and again; text is the code of a lost connection. */
const network = (...answers: Array<Answer>) => {
  const attempts: Array<Attempt> = []
  let queue = answers
  const http = HttpClient.make((request) =>
    Effect.gen(function*() {
      const answer = (queue.length > 1 ? queue.shift() : queue[0]) ?? {}
      attempts.push({ at: yield* Clock.currentTimeMillis, headers: request.headers })
      if (answer === "NoAnswer") return yield* Effect.never
      if (typeof answer === "string") {
        const cause = { code: answer }
        return yield* new HttpClientError.RequestError({ request, reason: "Transport", cause })
      }
      const { body = "{}", headers = {}, status = 200 } = answer
      return HttpClientResponse.fromWeb(request, new Response(body, { status, headers }))
    })
  )
  return {
    attempts,
    http,
    times: () => attempts.map(({ at }) => at),
    /** From now on it answers so. */
    answer: (...answers: Array<Answer>) => {
      queue = answers
    },
    /** How many attempts an effect makes. */
    count: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.suspend(() => {
        const before = attempts.length
        return Effect.map(effect, () => attempts.length - before)
      })
  }
}

type Network = ReturnType<typeof network>

const logout = (sso: Sso.Sso["Type"]) => sso.logout({ region, accessToken })

const makeSso = ({ http }: Pick<Network, "http">, settings?: ClientConfig.ClientConfig) =>
  Effect.provide(Sso.make(settings), overClient(http))

/** Runs to the end, however long it waits. */
const run = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(Effect.either(Effect.withRandom(effect, Random.fixed([0.5]))))
    yield* TestClock.adjust("5 minutes")
    return yield* Fiber.join(fiber)
  })

const callOnce = (net: Network, settings?: ClientConfig.ClientConfig) =>
  run(Effect.flatMap(makeSso(net, settings), logout))

const failed = { status: 500 }
const throttled = { status: 429 }
const fine = {}

describe("what may pass is tried again", () => {
  it.effect("after half of 50 ms, then of 100 ms, three times in all", () =>
    Effect.gen(function*() {
      const net = network(failed, failed, fine)
      assert.isTrue(Either.isRight(yield* callOnce(net)))
      assert.deepStrictEqual(net.times(), [0, 25, 75])
    }))

  it.effect("fails with the last error and the number of attempts", () =>
    Effect.gen(function*() {
      const net = network(failed, failed, { status: 503, body: JSON.stringify({ message: "the last" }) })
      const error = Option.getOrThrow(Either.getLeft(yield* callOnce(net)))
      assert.deepInclude({ ...error }, { _tag: "ServiceError", status: 503, attempts: 3, description: "the last" })
      assert.include(error.message, "(503) after 3 attempts")
      assert.strictEqual(net.attempts.length, 3)
    }))

  it.effect("after half of 1 s, then of 2 s, when AWS throttles", () =>
    Effect.gen(function*() {
      const net = network(throttled, { status: 400, body: JSON.stringify({ code: "Throttling" }) }, fine)
      assert.isTrue(Either.isRight(yield* callOnce(net)))
      assert.deepStrictEqual(net.times(), [0, 500, 1500])
    }))

  it.effect.each<readonly [Record<string, string>, number]>([
    [{ "x-amz-retry-after": "1500" }, 1500],
    [{ "x-amz-retry-after": "3600000" }, 5025],
    [{ "retry-after": "2" }, 2000],
    [{ "retry-after": "Thu, 01 Jan 1970 00:00:03 GMT" }, 3000],
    [{ "retry-after": "Wed, 31 Dec 1969 00:00:00 GMT" }, 25],
    [{ "retry-after": "3600" }, 5025],
    [{ "retry-after": "0" }, 25],
    [{ "retry-after": "soon" }, 25],
    [{ "x-amz-retry-after": "1000", "retry-after": "4" }, 1000],
    [{ "x-amz-retry-after": "-1", "retry-after": "4" }, 4000]
  ])("%o is heeded, within 5 s: %i ms", ([headers, millis]) =>
    Effect.gen(function*() {
      const net = network({ status: 503, headers }, fine)
      yield* callOnce(net)
      assert.deepStrictEqual(net.times(), [0, millis])
    }))

  it.effect.each<Answer>([
    ...["ECONNRESET", "ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EPIPE", "ETIMEDOUT", "UND_ERR_SOCKET"],
    ...[500, 502, 503, 504, 429].map((status) => ({ status })),
    ...["RequestTimeout", "TimeoutError", "SlowDown", "LimitExceededException", "com.amazonaws#ThrottlingException"]
      .map((code) => ({ status: 400, body: JSON.stringify({ __type: code }) })),
    { body: new ReadableStream({ start: (controller) => controller.error(new Error("cut")) }) }
  ])("%j", (answer) =>
    Effect.gen(function*() {
      const net = network(answer, fine)
      assert.isTrue(Either.isRight(yield* callOnce(net)))
      assert.strictEqual(net.attempts.length, 2)
    }))

  it.effect("names the call by one id, and counts its attempts", () =>
    Effect.gen(function*() {
      const net = network(failed, failed, fine)
      const sso = yield* makeSso(net)
      yield* run(logout(sso))
      yield* run(Effect.withRandom(logout(sso), Random.make("another")))
      const ids = net.attempts.map(({ headers }) => headers["amz-sdk-invocation-id"] ?? "")
      for (const id of ids) assert.match(id, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
      assert.strictEqual(new Set(ids.slice(0, 3)).size, 1)
      assert.notStrictEqual(ids[3], ids[0])
      assert.deepStrictEqual(net.attempts.map(({ headers }) => headers["amz-sdk-request"]), [
        "attempt=1; max=3",
        "attempt=2; max=3",
        "attempt=3; max=3",
        "attempt=1; max=3"
      ])
    }))

  it.effect("by STS: when it could not reach the provider, or fetch its keys in time", () =>
    Effect.gen(function*() {
      const error = (code: string, message: string) => ({
        status: 400,
        body: `<ErrorResponse><Error><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`
      })
      const assume = (net: Network) =>
        Effect.flatMap(Effect.provide(Sts.make(), overClient(net.http)), (sts) =>
          run(sts.assumeRoleWithWebIdentity({
            region,
            roleArn: "arn:aws:iam::111122223333:role/r",
            roleSessionName: "session",
            webIdentityToken: Redacted.make("a.b.c")
          })))
      const unreachable = network(error("IDPCommunicationError", "cannot reach"))
      assert.strictEqual(
        Either.getOrThrow(Either.flip(yield* assume(unreachable)))._tag,
        "IDPCommunicationErrorException"
      )
      assert.strictEqual(unreachable.attempts.length, 3)
      const noKey = network(
        error("InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider, try again")
      )
      assert.strictEqual(Either.getOrThrow(Either.flip(yield* assume(noKey)))._tag, "InvalidIdentityTokenException")
      assert.strictEqual(noKey.attempts.length, 3)
      for (const code of ["InvalidIdentityToken", "ExpiredTokenException", "AccessDenied", "IDPRejectedClaim"]) {
        const final = network(error(code, "no"))
        yield* assume(final)
        assert.strictEqual(final.attempts.length, 1, code)
      }
    }))
})

describe("what will not pass is not", () => {
  it.effect.each<Answer>([
    ...[400, 401, 403, 404, 409, 501, 505].map((status) => ({ status })),
    ...["SlowDownException", "AuthorizationPendingException", "UnauthorizedException", "SignatureDoesNotMatch"]
      .map((code) => ({ status: 400, headers: { "x-amzn-errortype": code } })),
    { status: 302, headers: { location: "https://elsewhere.example.com" } },
    ...["CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID", "EPROTO"]
  ])("%j", (answer) =>
    Effect.gen(function*() {
      const net = network(answer)
      assert.isTrue(Either.isLeft(yield* callOnce(net)))
      assert.strictEqual(net.attempts.length, 1)
    }))

  it.effect("an answer that cannot be understood", () =>
    Effect.gen(function*() {
      const net = network({ body: "<html>" })
      const sso = yield* makeSso(net)
      const result = yield* run(sso.listAccounts({ region, accessToken }))
      assert.strictEqual(Either.getOrThrow(Either.flip(result))._tag, "InvalidResponse")
      assert.strictEqual(net.attempts.length, 1)
    }))
})

describe("the retry quota", () => {
  it.effect("stops a client that has only failures, and lets it retry again as it succeeds", () =>
    Effect.gen(function*() {
      const net = network(failed)
      const sso = yield* makeSso(net)
      const attempts = net.count(run(logout(sso)))
      // 500 tokens are 35 retries at 14.
      for (let call = 0; call < 17; call++) assert.strictEqual(yield* attempts, 3, `call ${call}`)
      assert.strictEqual(yield* attempts, 2)
      assert.strictEqual(yield* attempts, 1)
      // 10 are left, and each success without a retry gives 1.
      net.answer(fine)
      for (let call = 0; call < 3; call++) yield* run(logout(sso))
      net.answer(failed)
      assert.strictEqual(yield* attempts, 1)
      net.answer(fine)
      yield* run(logout(sso))
      // A success gives back what its last retry cost, so this may go on for ever.
      for (let call = 0; call < 5; call++) {
        net.answer(failed, fine)
        assert.strictEqual(yield* attempts, 2)
      }
      net.answer(failed)
      assert.strictEqual(yield* attempts, 2)
      assert.strictEqual(yield* attempts, 1)
      assert.strictEqual(yield* net.count(callOnce(net)), 3, "another client has a quota of its own")
    }))

  it.effect("takes 5 for a throttled attempt, and is never more than 500", () =>
    Effect.gen(function*() {
      const net = network(fine)
      const sso = yield* makeSso(net, { maxAttempts: 1000, timeout: "1 day" })
      for (let call = 0; call < 5; call++) yield* run(logout(sso))
      net.answer(throttled)
      const fiber = yield* Effect.fork(Effect.either(logout(sso)))
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(fiber)
      assert.strictEqual(net.attempts.length, 5 + 1 + 100)
    }))
})

describe("settings", () => {
  it.effect("maxAttempts is the number of attempts, at least one", () =>
    Effect.gen(function*() {
      for (const [maxAttempts, attempts] of [[1, 1], [2, 2], [5, 5], [0, 1], [2.5, 2], [NaN, 1], [-1, 1]] as const) {
        const net = network(failed)
        yield* callOnce(net, { maxAttempts })
        assert.strictEqual(net.attempts.length, attempts)
      }
    }))

  it.effect("a Schedule takes the place of all of it, and is told what failed", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const retry = Schedule.spaced("7 seconds").pipe(
        Schedule.intersect(Schedule.recurs(4)),
        Schedule.tapInput((failure: ClientConfig.RetryableFailure) =>
          Effect.sync(() => {
            const after = Option.match(failure.retryAfter, { onNone: () => "", onSome: Duration.format })
            seen.push(`${failure.kind} ${failure.error._tag} ${after}`.trim())
          })
        )
      )
      const net = network("ECONNRESET", { ...throttled, headers: { "retry-after": "60" } }, failed)
      const error = Either.getOrThrow(Either.flip(yield* callOnce(net, { retry, maxAttempts: 1 })))
      assert.deepStrictEqual(net.times(), [0, 7000, 14_000, 21_000, 28_000])
      assert.deepInclude({ ...error }, { attempts: 5 })
      assert.deepStrictEqual(seen.slice(0, 3), [
        "Transient ServiceUnreachable",
        "Throttling TooManyRequestsException 1m",
        "Transient ServiceError"
      ])
      assert.strictEqual(net.attempts[1]?.headers["amz-sdk-request"], "attempt=2")
      const final = network({ status: 400 })
      yield* callOnce(final, { retry })
      assert.strictEqual(final.attempts.length, 1, "what will not pass is not retried by any schedule")
    }))

  it.effect("an attempt has 30 s, all of them together a minute", () =>
    Effect.gen(function*() {
      const net = network("NoAnswer")
      const error = Either.getOrThrow(Either.flip(yield* callOnce(net)))
      assert.deepStrictEqual(net.times(), [0, 30_025])
      assert.deepInclude({ ...error }, { _tag: "ServiceUnreachable", attempts: 1, code: "no answer within 30s" })
    }))

  it.effect("what AWS said last is the error when the time is over", () =>
    Effect.gen(function*() {
      const net = network(throttled, throttled, "NoAnswer")
      const error = Either.getOrThrow(Either.flip(yield* callOnce(net, { attemptTimeout: "5 minutes" })))
      assert.deepInclude({ ...error }, { _tag: "TooManyRequestsException", attempts: 2 })
      const silent = network("NoAnswer")
      const none = Either.getOrThrow(Either.flip(yield* callOnce(silent, { attemptTimeout: "5 minutes" })))
      assert.deepInclude({ ...none }, { _tag: "ServiceUnreachable", attempts: 1, code: "no answer within 1m" })
    }))

  it.effect("or as long as they are given", () =>
    Effect.gen(function*() {
      const net = network("NoAnswer")
      const error = Either.getOrThrow(Either.flip(yield* callOnce(net, { attemptTimeout: "2 seconds" })))
      assert.deepStrictEqual(net.times(), [0, 2025, 4075])
      assert.deepInclude({ ...error }, { attempts: 3, code: "no answer within 2s" })
      const hasty = network("NoAnswer")
      const fiber = yield* Effect.fork(Effect.flatMap(makeSso(hasty, { timeout: "3 seconds" }), logout))
      yield* TestClock.adjust("3 seconds")
      assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)))
    }))

  it.effect("the time is also over for who cannot be interrupted", () =>
    Effect.gen(function*() {
      const net = network("NoAnswer")
      const fiber = yield* Effect.fork(Effect.uninterruptible(Effect.flatMap(makeSso(net), logout)))
      yield* TestClock.adjust("1 minute")
      assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)))
    }))

  it.effect("a call that is interrupted leaves no request behind", () =>
    Effect.gen(function*() {
      let isAsking = false
      const http = HttpClient.make(() => {
        isAsking = true
        return Effect.ensuring(
          Effect.never,
          Effect.sync(() => {
            isAsking = false
          })
        )
      })
      const fiber = yield* Effect.fork(Effect.flatMap(makeSso({ http }), logout))
      yield* Effect.yieldNow()
      assert.isTrue(isAsking)
      yield* Fiber.interrupt(fiber)
      assert.isFalse(isAsking)
    }))

  it.live("nor does one that is interrupted while it begins", () =>
    Effect.promise(async () => {
      const controller = new AbortController()
      let isAsking = false
      const http = HttpClient.make(() => {
        isAsking = true
        controller.abort()
        return Effect.ensuring(
          Effect.never,
          Effect.sync(() => {
            isAsking = false
          })
        )
      })
      const exit = await Effect.runPromiseExit(Effect.delay(Effect.flatMap(makeSso({ http }), logout), "1 millis"), {
        signal: controller.signal
      })
      assert.isTrue(Exit.isInterrupted(exit))
      assert.isFalse(isAsking)
    }))

  it.effect("what is tried again is no fiber's unhandled error", () =>
    Effect.gen(function*() {
      const logged: Array<unknown> = []
      const net = network("ECONNRESET", { status: 500 }, {})
      const logger = Logger.make(({ message }) => {
        logged.push(message)
      })
      const result = yield* callOnce(net).pipe(
        Effect.provide(Logger.add(logger)),
        Logger.withMinimumLogLevel(LogLevel.All)
      )
      assert.isTrue(Either.isRight(result))
      assert.deepStrictEqual(logged, [])
    }))

  it.effect("the application's client may have looked at the answer", () =>
    Effect.gen(function*() {
      const body = JSON.stringify({ accountList: [{ accountId: "111122223333" }] })
      const net = network({ body, headers: { "content-length": `${body.length}` } })
      const http = HttpClient.tap(net.http, ({ text }) => text)
      const sso = yield* makeSso({ http })
      const { accountList } = yield* sso.listAccounts({ region, accessToken })
      assert.strictEqual(accountList.length, 1)
    }))

  it.effect("a body that never ends is no answer either", () =>
    Effect.gen(function*() {
      const net = network({
        body: new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(1)) })
      }, fine)
      assert.isTrue(Either.isRight(yield* callOnce(net)))
      assert.deepStrictEqual(net.times(), [0, 30_025])
    }))

  it.effect.each([["forward", 86_400_000], ["back", -86_400_000]] as const)(
    "setting the clock %s a day is no time that has passed",
    ([, jump]) =>
      Effect.gen(function*() {
        const clock = yield* Effect.clock
        let ahead = 0
        const millis = () => clock.unsafeCurrentTimeMillis() + ahead
        const jumping: Clock.Clock = {
          [Clock.ClockTypeId]: Clock.ClockTypeId,
          unsafeCurrentTimeMillis: millis,
          currentTimeMillis: Effect.sync(millis),
          unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
          currentTimeNanos: clock.currentTimeNanos,
          sleep: (duration) => clock.sleep(duration)
        }
        const net = network(failed, throttled, "NoAnswer")
        const http = HttpClient.transformResponse(
          net.http,
          Effect.tap(() =>
            Effect.sync(() => {
              ahead = jump
            })
          )
        )
        const call = Effect.flatMap(makeSso({ ...net, http }, { attemptTimeout: "5 minutes" }), logout)
        const fiber = yield* Effect.fork(
          Effect.either(Effect.withRandom(Effect.withClock(call, jumping), Random.fixed([0.5])))
        )
        yield* TestClock.adjust("59999 millis")
        assert.strictEqual(net.attempts.length, 3)
        assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
        yield* TestClock.adjust("1 millis")
        assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)))
      })
  )

  it.effect("an interrupted call makes no further attempt", () =>
    Effect.gen(function*() {
      const net = network(throttled)
      const fiber = yield* Effect.fork(Effect.flatMap(makeSso(net), logout))
      yield* TestClock.adjust("1 millis")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(net.attempts.length, 1)
    }))
})

describe("a clock that is wrong", () => {
  const whoAmI = (sts: Sts.Sts["Type"]) => sts.getCallerIdentity({ region, credentials })
  const makeSts = ({ http }: Network, settings?: ClientConfig.ClientConfig) =>
    Effect.provide(Sts.make(settings), overClient(http))
  const date = (millis: number) => new Date(millis).toUTCString()
  const minutes = (count: number) => count * 60_000
  const refused = (headers: Record<string, string>, code = "SignatureDoesNotMatch"): Answer => ({
    status: 403,
    headers,
    body: `<ErrorResponse><Error><Code>${code}</Code><Message>Signature expired</Message></Error></ErrorResponse>`
  })
  const identity: Answer = {
    body: "<GetCallerIdentityResponse><GetCallerIdentityResult><UserId>u</UserId><Account>111122223333</Account>" +
      "<Arn>arn:aws:iam::111122223333:user/u</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"
  }
  const signedAt = (net: Network) => net.attempts.map(({ headers }) => headers["x-amz-date"])

  it.effect("is corrected by the answer, once, and for the calls to come", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2026, 0, 1))
      const net = network(refused({ date: date(Date.UTC(2026, 0, 1, 0, 10)) }), identity)
      const sts = yield* makeSts(net)
      assert.isTrue(Either.isRight(yield* run(whoAmI(sts))))
      yield* run(whoAmI(sts))
      assert.deepStrictEqual(signedAt(net), ["20260101T000000Z", "20260101T001000Z", "20260101T001500Z"])
    }))

  it.effect("stays corrected when an older answer without a date comes late", () =>
    Effect.gen(function*() {
      const gate = yield* Effect.makeLatch(false)
      const dates: Array<string | undefined> = []
      const http = HttpClient.make((request) =>
        Effect.gen(function*() {
          dates.push(request.headers["x-amz-date"])
          if (dates.length === 1) yield* gate.await
          const headers = dates.length === 2 ? { date: date(minutes(60)) } : {}
          const { body } = identity as { readonly body: string }
          return HttpClientResponse.fromWeb(request, new Response(body, { headers }))
        })
      )
      const sts = yield* Effect.provide(Sts.make(), overClient(http))
      const late = yield* Effect.fork(whoAmI(sts))
      yield* Effect.yieldNow()
      yield* whoAmI(sts)
      yield* gate.open
      yield* Fiber.join(late)
      yield* whoAmI(sts)
      assert.deepStrictEqual(dates, ["19700101T000000Z", "19700101T000000Z", "19700101T010000Z"])
    }))

  it.effect("is set back, too", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2026, 0, 1))
      const net = network(refused({ date: date(Date.UTC(2025, 11, 31, 23, 0)) }, "RequestTimeTooSkewed"), identity)
      yield* Effect.flatMap(makeSts(net), (sts) => run(whoAmI(sts)))
      assert.deepStrictEqual(signedAt(net), ["20260101T000000Z", "20251231T230000Z"])
    }))

  it.effect.each<readonly [string, Answer, ClientConfig.ClientConfig]>([
    ["within 4 minutes", refused({ date: date(minutes(4) - 1000) }), {}],
    ["without a date", refused({}), {}],
    ["from a cache", refused({ date: date(minutes(10)), age: "1" }), {}],
    ["with nonsense for a date", refused({ date: "soon" }), {}],
    ["with a date that no signature can name", refused({ date: "Sat, 13 Sep 275760 00:00:00 GMT" }), {}],
    ["for another reason", refused({ date: date(minutes(10)) }, "InvalidClientTokenId"), {}],
    ["if it is not to be", refused({ date: date(minutes(10)) }), { disableClockSkewCorrection: true }]
  ])("is left alone %s", ([, answer, settings]) =>
    Effect.gen(function*() {
      const net = network(answer, identity)
      assert.isTrue(Either.isLeft(yield* Effect.flatMap(makeSts(net, settings), (sts) => run(whoAmI(sts)))))
      assert.strictEqual(net.attempts.length, 1)
    }))

  it.effect("is no matter to calls that nobody signs", () =>
    Effect.gen(function*() {
      const net = network({
        status: 403,
        headers: { date: date(minutes(60)), "x-amzn-errortype": "AccessDeniedException" }
      })
      yield* callOnce(net)
      assert.strictEqual(net.attempts.length, 1)
    }))
})

describe("a list of many pages", () => {
  it.effect("waits longer than a call does when the portal throttles, but not for ever", () =>
    Effect.gen(function*() {
      const net = network(...Array.from({ length: 10 }, () => throttled), { body: JSON.stringify({ accountList: [] }) })
      const list = Stream.runCollect(Sso.streamAccounts({ region, accessToken }))
      const listed = yield* run(Effect.provideServiceEffect(list, Sso.Sso, makeSso(net)))
      assert.isTrue(Either.isRight(listed))
      assert.strictEqual(net.attempts.length, 11)
      net.answer(throttled)
      const error = yield* run(Effect.provideServiceEffect(list, Sso.Sso, makeSso(net)))
      assert.strictEqual(Either.getOrThrow(Either.flip(error))._tag, "TooManyRequestsException")
    }))
})

describe("the rules by themselves", () => {
  const runs = { numRuns: 5000 }
  const kinds = fc.constantFrom("Transient" as const, "Throttling" as const, "ClockSkew" as const)
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

  it("a wait is within its bounds, whatever the server asks", () => {
    fc.assert(
      fc.property(kinds, fc.nat(30), random, fc.option(fc.nat()), (kind, retry, random, asked) => {
        const base = kind === "Throttling" ? 1000 : 50
        const retryAfter = Option.map(Option.fromNullable(asked), Duration.millis)
        const own = RetryPolicy.retryDelay(retry, { kind, retryAfter: Option.none() }, random)
        assert.isAtLeast(own, 0)
        assert.isAtMost(own, Math.min(base * 2 ** retry, 20_000))
        const delay = RetryPolicy.retryDelay(retry, { kind, retryAfter }, random)
        assert.isAtLeast(delay, own)
        assert.isAtMost(delay, own + 5000)
        if (asked !== null && asked >= own && asked <= own + 5000) assert.strictEqual(delay, asked)
      }),
      runs
    )
  })

  it("the quota is never below 0 or above 500, and never refuses what it has", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.option(kinds)), { maxLength: 300 }), (steps) => {
        const quota = RetryPolicy.makeQuota()
        let left = 500
        for (const [isTake, kind] of steps) {
          const cost = kind === null ? 1 : kind === "Throttling" ? 5 : 14
          if (isTake && kind !== null) {
            assert.strictEqual(quota.take(kind), left >= cost)
            if (left >= cost) left -= cost
          } else {
            quota.giveBack(kind ?? undefined)
            left = Math.min(left + cost, 500)
          }
        }
      }),
      runs
    )
  })

  it("headers of any content are no defect", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.integer(), (a, b, now) => {
        const retryAfter = RetryPolicy.retryAfterOf({ "x-amz-retry-after": a, "retry-after": b }, now)
        if (Option.isSome(retryAfter)) assert.isAtLeast(Duration.toMillis(retryAfter.value), 0)
        const offset = RetryPolicy.clockOffset(7, { date: a, age: b }, { sentAt: now, receivedAt: now })
        assert.strictEqual(offset, 7)
      }),
      runs
    )
    // A clock that has been corrected stays as it is while it agrees.
    const headers = { date: new Date(1_000_000).toUTCString() }
    const at = { sentAt: 0, receivedAt: 0 }
    assert.strictEqual(RetryPolicy.clockOffset(900_000, headers, at), 900_000)
    assert.strictEqual(RetryPolicy.clockOffset(700_000, headers, at), 1_000_000)
    assertEquals(RetryPolicy.retryAfterOf({}, 0), Option.none())
  })
})

it("an error of every kind says how often it was tried", () => {
  const error = new IdentityError.ServiceUnreachable({
    service: "SSO",
    operation: "logout",
    endpoint: "https://example.com",
    code: "ECONNRESET",
    attempts: 3
  })
  assert.include(error.message, "for logout after 3 attempts: ECONNRESET")
})
