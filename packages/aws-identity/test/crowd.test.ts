import { assert, describe, it } from "@effect/vitest"
import type { Duration } from "effect"
import { Effect, Exit, Fiber, Option, Random, Scope, TestClock } from "effect"
import type { AwsIdentity, IdentityError } from "effect-aws-identity"
import { CredentialsProvider, SharedConfig, SsoCredentials, SsoOidc, SsoTokenProvider } from "effect-aws-identity"
import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"

// Ten thousand fibers that want the same thing at once, and some that want it no longer.

const size = 10_000

interface Subject {
  readonly operation: IdentityCenter.Operation
  /** How long until the first use, and from there until the crowd comes, if that is not the first use. */
  readonly times: Record<
    "first use" | "expiry" | "advisory",
    readonly [Duration.DurationInput, Duration.DurationInput?]
  >
  /** Gives what the crowd asks for, from a service that answers when the gate is open. */
  readonly make: (gate: Effect.Latch) => Effect.Effect<
    Effect.Effect<unknown, IdentityError.IdentityError>,
    IdentityError.IdentityError,
    AwsIdentity.AwsIdentity | Scope.Scope
  >
}

const subjects: Record<string, Subject> = {
  SsoTokenProvider: {
    operation: "createToken",
    times: {
      "first use": ["2 hours"],
      expiry: ["2 hours", "1 hour"],
      advisory: ["2 hours", "56 minutes"]
    },
    make: (gate: Effect.Latch) =>
      Effect.gen(function*() {
        const oidc = yield* SsoOidc.SsoOidc
        const session = yield* SharedConfig.session("example")
        const make = SsoTokenProvider.make.pipe(
          Effect.provideService(SsoOidc.SsoOidc, {
            ...oidc,
            createToken: (input) => gate.whenOpen(oidc.createToken(input))
          })
        )
        const getOf = (tokens: SsoTokenProvider.SsoTokenProvider["Type"]) =>
          Effect.map(tokens.get(session), ({ accessToken }): unknown => accessToken)
        return yield* Effect.map(make, getOf)
      })
  },
  CredentialsProvider: {
    operation: "getRoleCredentials",
    times: {
      "first use": ["0 seconds"],
      expiry: ["0 seconds", "1 hour"],
      advisory: ["0 seconds", "56 minutes"]
    },
    make: (gate: Effect.Latch) =>
      Effect.map(
        CredentialsProvider.make(gate.whenOpen(SsoCredentials.resolveProfile())),
        (provider) => Effect.map(provider.get, (credentials): unknown => credentials)
      )
  }
}

const world = TestIdentity.layer({ identityCenter: { sessionLifetime: "90 days" } })

const callsOf = (operation: IdentityCenter.Operation) =>
  Effect.map(
    Effect.flatMap(IdentityCenter.IdentityCenter, (center) => center.calls),
    (calls) => calls.filter((call) => call === operation).length
  )

/** Lets all fibers come as far as they can. */
const settled = Effect.repeatN(Effect.yieldNow(), 100)

for (const [name, { make, operation, times }] of Object.entries(subjects)) {
  describe(`ten thousand before one ${name}`, () => {
    /** The crowd, waiting at the closed gate; `requests` counts from there. */
    const crowd = ([toFirstUse, toCrowd]: Subject["times"]["expiry"]) =>
      Effect.gen(function*() {
        const gate = yield* Effect.makeLatch(true)
        const scope = yield* Scope.make()
        const get = yield* Effect.provideService(make(gate), Scope.Scope, scope)
        yield* TestClock.adjust(toFirstUse)
        let old: unknown
        if (toCrowd !== undefined) {
          old = yield* get
          yield* TestClock.adjust(toCrowd)
        }
        yield* gate.close
        const before = yield* callsOf(operation)
        const fibersBefore = (yield* Fiber.roots).length
        const fibers = yield* Effect.replicateEffect(Effect.fork(get), size)
        yield* settled
        return {
          close: Effect.gen(function*() {
            yield* Scope.close(scope, Exit.void)
            assert.isAtMost((yield* Fiber.roots).length, fibersBefore, "no fiber is left")
          }),
          fibers,
          gate,
          get,
          old,
          requests: Effect.map(callsOf(operation), (calls) => calls - before)
        }
      })

    const isWaiting = (fiber: Fiber.RuntimeFiber<unknown, unknown>) => Effect.map(Fiber.poll(fiber), Option.isNone)

    for (const [when, time] of Object.entries(times)) {
      it.effect(`makes one request: ${when}`, () =>
        Effect.gen(function*() {
          const { close, fibers, gate, get, old, requests } = yield* crowd(time)
          const waiting = yield* Effect.filter(fibers, isWaiting)
          yield* gate.open
          const values = new Set(yield* Effect.forEach(fibers, Fiber.join))
          // The old one still counts then, and who comes while it is renewed need not wait.
          if (when === "advisory") values.delete(old)
          else assert.strictEqual(waiting.length, size)
          assert.isAtMost(values.size, 1)
          assert.isFalse(values.has(old))
          yield* settled
          assert.notStrictEqual(yield* get, old)
          assert.strictEqual(yield* requests, 1)
          yield* close
        }).pipe(Effect.provide(world)))
    }

    it.effect("and whoever goes away takes nothing from those who stay", () =>
      Effect.gen(function*() {
        for (const share of [0.1, 0.9]) {
          const { close, fibers, gate, requests } = yield* crowd(times.expiry)
          const [gone, staying] = yield* Effect.partition(
            fibers,
            (fiber) =>
              Effect.flatMap(Random.next, (chance) => chance < share ? Effect.fail(fiber) : Effect.succeed(fiber))
          )
          // Those who go do so at once, not when the service has answered.
          for (const exit of yield* Fiber.interruptAll(gone).pipe(Effect.zipRight(Effect.forEach(gone, Fiber.await)))) {
            assert.isTrue(Exit.isInterrupted(exit))
          }
          assert.isAbove(gone.length, 0)
          for (const fiber of staying) assert.isTrue(yield* isWaiting(fiber))
          yield* gate.open
          const values = new Set(yield* Effect.forEach(staying, Fiber.join))
          assert.strictEqual(values.size, 1)
          assert.strictEqual(yield* requests, 1)
          yield* close
        }
      }).pipe(Effect.provide(world)))

    // A token's renewal is seen to its end, for the refresh token's sake.
    if (name !== "SsoTokenProvider") {
      it.effect("and its scope closes at once, whatever is under way", () =>
        Effect.gen(function*() {
          const { close, fibers } = yield* crowd(times.expiry)
          yield* close
          yield* settled
          for (const fiber of fibers) assert.isFalse(yield* isWaiting(fiber))
        }).pipe(Effect.provide(world)))
    }

    it.effect("and when all go away, the next one has what they asked for", () =>
      Effect.gen(function*() {
        const { close, fibers, gate, get, old, requests } = yield* crowd(times.expiry)
        yield* Fiber.interruptAll(fibers)
        const next = yield* Effect.fork(get)
        yield* settled
        assert.isTrue(yield* isWaiting(next))
        yield* gate.open
        assert.notStrictEqual(yield* Fiber.join(next), old)
        assert.strictEqual(yield* Fiber.join(next), yield* get)
        assert.strictEqual(yield* requests, 1)
        yield* close
      }).pipe(Effect.provide(world)))
  })
}
