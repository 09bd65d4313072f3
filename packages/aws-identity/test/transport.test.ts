import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Redacted, TestClock } from "effect"
import { AccountId, IdentityError, Region, Sso, Transport } from "effect-aws-identity"

// Transports of an application, made from an effect or from a callback: when a call to AWS cancels them, and what it
// makes of their answers.

const input = {
  accessToken: Redacted.make("MARKED-token"),
  accountId: AccountId.make("111122223333"),
  roleName: "Developer",
  region: Region.make("us-east-1")
}

const answerTo = ({ url }: Transport.Request): Transport.Response => ({
  status: 200,
  url,
  headers: {},
  text: JSON.stringify({
    roleCredentials: {
      accessKeyId: "ASIA",
      secretAccessKey: "key",
      sessionToken: "token",
      expiration: 4_102_444_800_000
    }
  })
})

const callThrough = (transport: Transport.Service, maxAttempts = 1) =>
  Effect.flatMap(Sso.Sso, (sso) => sso.getRoleCredentials(input)).pipe(
    Effect.provide(Layer.provide(Sso.layer({ maxAttempts }), Layer.succeed(Transport.Transport, transport)))
  )

/** A transport from a callback, and what was asked of it. */
const counting = (send: (request: Transport.Request, done: Parameters<Transport.SendCallback>[1]) => void) => {
  const counts = { started: 0, cancelled: 0 }
  const transport = Transport.makeCallback((request, done) => {
    counts.started += 1
    send(request, done)
    return () => {
      counts.cancelled += 1
    }
  })
  return { counts, transport }
}

describe("Transport.makeCallback", () => {
  it.effect("takes an answer that comes before the function has returned, and does not cancel", () =>
    Effect.gen(function*() {
      const { counts, transport } = counting((request, done) => done(answerTo(request)))
      const { roleCredentials } = yield* callThrough(transport)
      assert.strictEqual(roleCredentials.accessKeyId, "ASIA")
      assert.deepStrictEqual(counts, { started: 1, cancelled: 0 })
    }))

  it.effect("takes the first of two answers", () =>
    Effect.gen(function*() {
      const { counts, transport } = counting((request, done) =>
        queueMicrotask(() => {
          done(answerTo(request))
          done(new Transport.TransportError({ reason: "Connect", code: "ECONNRESET" }))
        })
      )
      const { roleCredentials } = yield* callThrough(transport)
      assert.strictEqual(roleCredentials.accessKeyId, "ASIA")
      assert.strictEqual(counts.cancelled, 0)
    }))

  it.effect("is cancelled once by the timeout of the attempt, and a later answer has no effect", () =>
    Effect.gen(function*() {
      let answerLate = () => {}
      const { counts, transport } = counting((request, done) => {
        answerLate = () => done(answerTo(request))
      })
      const call = yield* Effect.fork(Effect.flip(callThrough(transport)))
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(counts.cancelled, 0)
      yield* TestClock.adjust("2 seconds")
      const error = yield* Fiber.join(call)
      answerLate()
      assert.instanceOf(error, IdentityError.ServiceUnreachable)
      assert.strictEqual(error.code, "no answer within 30s")
      assert.strictEqual(counts.cancelled, 1)
    }))

  it.effect("is cancelled once when the caller is interrupted", () =>
    Effect.gen(function*() {
      const { counts, transport } = counting(() => {})
      const call = yield* Effect.fork(callThrough(transport))
      yield* Effect.yieldNow()
      assert.strictEqual(counts.started, 1)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(call)))
      assert.strictEqual(counts.cancelled, 1)
    }))

  it.effect("sends nothing more when the caller is interrupted while it waits for a retry", () =>
    Effect.gen(function*() {
      const { counts, transport } = counting((request, done) =>
        done({ ...answerTo(request), status: 503, text: "", headers: { "x-amz-retry-after": "3000" } })
      )
      const call = yield* Effect.fork(callThrough(transport, 3))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(call)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(counts, { started: 1, cancelled: 0 })
    }))

  it.effect("sends the request by its effect too", () =>
    Effect.gen(function*() {
      const { transport } = counting((request, done) => done(answerTo(request)))
      const { status } = yield* transport.send({ method: "GET", url: "https://a.example/", headers: {} })
      assert.strictEqual(status, 200)
    }))

  it.effect("is a defect of the caller if the function throws", () =>
    Effect.gen(function*() {
      const transport = Transport.makeCallback(() => {
        throw new Error("a bug")
      })
      const exit = yield* Effect.exit(callThrough(transport))
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag !== "Fail")
    }))
})

describe("Transport.make", () => {
  it.effect("is interrupted with the caller", () =>
    Effect.gen(function*() {
      let interrupted = 0
      const transport = Transport.make(() =>
        Effect.onInterrupt(Effect.never, () =>
          Effect.sync(() => {
            interrupted += 1
          }))
      )
      const call = yield* Effect.fork(callThrough(transport))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(call)
      assert.strictEqual(interrupted, 1)
    }))

  it.effect("may change the requests of another transport", () =>
    Effect.gen(function*() {
      const sent: Array<string | undefined> = []
      const inner = Transport.makeCallback((request, done) => {
        sent.push(request.headers["x-corp"])
        done(answerTo(request))
        return () => {}
      })
      yield* callThrough(
        Transport.make((request) => inner.send({ ...request, headers: { ...request.headers, "x-corp": "1" } }))
      )
      assert.deepStrictEqual(sent, ["1"])
    }))

  it.effect("is refused when it answers from another URL than it was asked for", () =>
    Effect.gen(function*() {
      const transport = Transport.make((request) =>
        Effect.succeed({ ...answerTo(request), url: "https://elsewhere.example/federation/credentials" })
      )
      const error = yield* Effect.flip(callThrough(transport))
      assert.instanceOf(error, IdentityError.InvalidResponse)
      assert.include(error.message, "https://elsewhere.example")
    }))

  it.effect("may give the status of an answer without a body", () =>
    Effect.gen(function*() {
      const transport = Transport.make(() =>
        Effect.fail(new Transport.TransportError({ reason: "BrokenOff", code: "ECONNRESET", status: 401 }))
      )
      const error = yield* Effect.flip(callThrough(transport))
      assert.instanceOf(error, IdentityError.ServiceError)
      assert.strictEqual(error.status, 401)
    }))
})

describe("Transport.layerMemory", () => {
  it.effect("answers from memory", () =>
    Effect.gen(function*() {
      const { roleCredentials } = yield* Effect.flatMap(Sso.Sso, (sso) => sso.getRoleCredentials(input))
      assert.strictEqual(roleCredentials.accessKeyId, "ASIA")
    }).pipe(Effect.provide(Layer.provide(
      Sso.layer(),
      Transport.layerMemory((request) => Effect.succeed(answerTo(request)))
    ))))
})
