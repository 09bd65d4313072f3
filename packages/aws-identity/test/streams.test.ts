import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Layer, Option, Redacted, Ref, Stream, TestClock } from "effect"
import {
  AccountId,
  IdentityError,
  Region,
  SharedConfig,
  Sso,
  SsoRoles,
  SsoTokenCache,
  SsoTokenProvider
} from "effect-aws-identity"
import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import { orderedPool } from "../src/internal/orderedPool.js"

// Lists of many pages, on a portal that is nothing but the pages.

const input = { region: Region.make("eu-west-1"), accessToken: Redacted.make("token") }
const accountId = (index: number) => AccountId.make(String(index).padStart(12, "0"))

/** A portal with so many accounts, the account of number n with n % 4 roles, in pages of `size`. */
const portal = (accounts: number, size: number, latency = Effect.void) =>
  Effect.gen(function*() {
    const calls = yield* Ref.make<ReadonlyArray<string>>([])
    const active = yield* Ref.make({ now: 0, most: 0 })
    const page = (all: ReadonlyArray<number>, nextToken: string | undefined) => {
      const from = Number(nextToken ?? 0)
      return {
        items: all.slice(from, from + size),
        nextToken: from + size < all.length ? Option.some(String(from + size)) : Option.none()
      }
    }
    const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)
    const layer = Layer.succeed(Sso.Sso, {
      getRoleCredentials: () => Effect.die("not asked for"),
      logout: () => Effect.die("not asked for"),
      listAccounts: ({ nextToken }) =>
        Effect.map(Ref.update(calls, (calls) => [...calls, `accounts ${nextToken}`]), () => {
          const { items, ...rest } = page(upTo(accounts), nextToken)
          return {
            ...rest,
            accountList: items.map((index) => ({
              accountId: accountId(index),
              accountName: Option.some("a"),
              emailAddress: Option.none()
            }))
          }
        }),
      listAccountRoles: ({ accountId, nextToken }) =>
        Effect.gen(function*() {
          yield* Ref.update(calls, (calls) => [...calls, `roles ${Number(accountId)} ${nextToken}`])
          yield* Ref.update(active, ({ most, now }) => ({ now: now + 1, most: Math.max(most, now + 1) }))
          yield* latency
          const { items, ...rest } = page(upTo(Number(accountId) % 4), nextToken)
          yield* Ref.update(active, ({ most, now }) => ({ now: now - 1, most }))
          return { ...rest, roleList: items.map((index) => ({ accountId, roleName: `r${index}` })) }
        })
    })
    return { calls: Ref.get(calls), most: Effect.map(Ref.get(active), ({ most }) => most), layer }
  })

describe("streams of the portal", () => {
  it.effect("give everything, in order, whatever the size of a page", () =>
    Effect.gen(function*() {
      for (const size of [1, 2, 7, 100]) {
        const { layer } = yield* portal(25, size)
        const accounts = yield* Effect.provide(Stream.runCollect(Sso.streamAccounts(input)), layer)
        assert.deepStrictEqual(
          Chunk.toReadonlyArray(accounts).map((account) => account.accountId),
          Array.from({ length: 25 }, (_, index) => accountId(index))
        )
        const roles = Sso.streamAccountRoles({ ...input, accountId: accountId(3) })
        assert.strictEqual(Chunk.size(yield* Effect.provide(Stream.runCollect(roles), layer)), 3)
        for (const concurrency of [undefined, 1, 3]) {
          const all = yield* Effect.provide(Stream.runCollect(Sso.streamAllRoles(input, { concurrency })), layer)
          assert.deepStrictEqual(
            Chunk.toReadonlyArray(all).map((
              { accountId, accountName, roleName }
            ) => [accountId, accountName, roleName]),
            Array.from(
              { length: 25 },
              (_, index) =>
                Array.from({ length: index % 4 }, (_, role) => [accountId(index), Option.some("a"), `r${role}`])
            ).flat()
          )
        }
      }
    }))

  it.effect("ask for no page that nobody wants", () =>
    Effect.gen(function*() {
      const { calls, layer } = yield* portal(25, 5)
      yield* Effect.provide(Stream.runDrain(Stream.take(Sso.streamAccounts(input), 7)), layer)
      assert.deepStrictEqual(yield* calls, ["accounts undefined", "accounts 5"])
    }))

  it.live("ask about no more accounts at a time than they may", () =>
    Effect.gen(function*() {
      for (const [concurrency, most] of [[1, 1], [4, 4], [undefined, 16]] as const) {
        const portalOf = yield* portal(60, 100, Effect.sleep("5 millis"))
        yield* Effect.provide(Stream.runDrain(Sso.streamAllRoles(input, { concurrency })), portalOf.layer)
        assert.strictEqual(yield* portalOf.most, most)
      }
    }))

  it.effect("end with the error of the first account that fails", () =>
    Effect.gen(function*() {
      const { layer } = yield* portal(25, 5)
      const result = yield* Stream.runCollect(Sso.streamAllRoles(input)).pipe(
        Effect.provideServiceEffect(
          Sso.Sso,
          Effect.map(Sso.Sso, (sso) => ({
            ...sso,
            listAccountRoles: (input: Sso.ListAccountRolesInput) =>
              Number(input.accountId) < 10 ? sso.listAccountRoles(input) : Effect.fail(
                new IdentityError.ServiceError({ service: "SSO", operation: "x", code: "Unknown", status: 500 })
              )
          }))
        ),
        Effect.provide(layer),
        Effect.flip
      )
      assert.strictEqual(result._tag, "ServiceError")
    }))

  it.effect("give all roles of the accounts before a page of accounts that fails", () =>
    Effect.gen(function*() {
      const { layer } = yield* portal(25, 5)
      const roles = yield* Ref.make(0)
      const failing = Effect.map(Sso.Sso, (sso) => ({
        ...sso,
        listAccounts: (input: Sso.ListAccountsInput) =>
          input.nextToken === "10"
            ? Effect.fail(
              new IdentityError.ServiceError({ service: "SSO", operation: "x", code: "Unknown", status: 500 })
            )
            : sso.listAccounts(input)
      }))
      const error = yield* Stream.runForEach(Sso.streamAllRoles(input), () => Ref.update(roles, (n) => n + 1)).pipe(
        Effect.provideServiceEffect(Sso.Sso, failing),
        Effect.provide(layer),
        Effect.flip
      )
      assert.strictEqual(error._tag, "ServiceError")
      // 0, 1, 2 and 3 by turns
      assert.strictEqual(yield* Ref.get(roles), 13)
    }))

  it.effect("leave nobody asking when their reader has enough", () =>
    Effect.gen(function*() {
      const asking = yield* Ref.make(0)
      const asked = yield* Ref.make(0)
      const { layer } = yield* portal(25, 100)
      const stuck = Effect.map(Sso.Sso, (sso) => ({
        ...sso,
        listAccountRoles: (input: Sso.ListAccountRolesInput) =>
          Number(input.accountId) < 2
            ? sso.listAccountRoles(input)
            : Effect.acquireUseRelease(
              Effect.zipRight(Ref.update(asked, (n) => n + 1), Ref.update(asking, (n) => n + 1)),
              () => Effect.never,
              () => Ref.update(asking, (n) => n - 1)
            )
      }))
      yield* Stream.runDrain(Stream.take(Sso.streamAllRoles(input, { concurrency: 4 }), 1)).pipe(
        Effect.provideServiceEffect(Sso.Sso, stuck),
        Effect.provide(layer)
      )
      assert.isAbove(yield* Ref.get(asked), 0)
      assert.strictEqual(yield* Ref.get(asking), 0)
    }))

  it.effect("ask about one account at a time at least", () =>
    Effect.gen(function*() {
      const { layer } = yield* portal(5, 100)
      const count = yield* Effect.provide(Stream.runCount(Sso.streamAllRoles(input, { concurrency: 0 })), layer)
      assert.strictEqual(count, 6)
    }))

  it.effect("do not go round in circles", () =>
    Effect.gen(function*() {
      const { layer } = yield* portal(0, 1)
      const circle = Effect.map(Sso.Sso, (sso) => ({
        ...sso,
        listAccounts: () => Effect.succeed({ accountList: [], nextToken: Option.some("again") })
      }))
      const error = yield* Stream.runDrain(Sso.streamAccounts(input)).pipe(
        Effect.provideServiceEffect(Sso.Sso, circle),
        Effect.provide(layer),
        Effect.flip
      )
      assert.include(error.message, "names itself as the next")
      assert.include(error.message, "listAccounts")
    }))

  it.effect("of 5,000 accounts are no matter", () =>
    Effect.gen(function*() {
      const { layer } = yield* portal(5000, 100)
      const count = yield* Effect.provide(Stream.runCount(Sso.streamAllRoles(input)), layer)
      assert.strictEqual(count, 7500)
    }))
})

describe("SsoRoles.stream", () => {
  // The portal gives pages of 100.
  const accounts = Array.from({ length: 110 }, (_, index) => ({
    accountId: accountId(index),
    accountName: `Account ${index}`,
    emailAddress: "a@example.com",
    roles: index === 3 ? Array.from({ length: 110 }, (_, role) => `Role${role}`) : ["Developer"]
  }))
  const everyRole = accounts.flatMap(({ accountId, roles }) => roles.map((role) => `${accountId} ${role}`))
  const layer = TestIdentity.layer({ identityCenter: { accounts } })

  /** All roles of the session, and what `tap` does after the first of them. */
  const listed = <E = never, R = never>(tap: Effect.Effect<void, E, R> = Effect.void, concurrency?: number) =>
    Effect.gen(function*() {
      const session = yield* SharedConfig.session("example")
      const seen: Array<string> = []
      yield* SsoRoles.stream(session, { concurrency }).pipe(
        Stream.runForEach(({ accountId, roleName }) =>
          Effect.zipRight(
            seen.length === 0 ? tap : Effect.void,
            Effect.sync(() => seen.push(`${accountId} ${roleName}`))
          )
        )
      )
      return seen
    })

  /** Puts an access token into the cache that the portal does not know. It can still be refreshed. */
  const revoke = Effect.gen(function*() {
    const cache = yield* SsoTokenCache.SsoTokenCache
    const token = Option.getOrThrow(yield* cache.get("example"))
    yield* cache.set("example", new SsoTokenCache.SsoToken({ ...token, accessToken: Redacted.make("revoked") }))
  })

  const refreshes = Effect.map(
    Effect.flatMap(IdentityCenter.IdentityCenter, (center) => center.calls),
    (calls) => calls.filter((call) => call === "createToken").length
  )

  it.effect("gives every role of the session once, in the order of the accounts", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* listed(), everyRole)
      assert.strictEqual(yield* refreshes, 0)
    }).pipe(Effect.provide(layer)))

  for (const [when, concurrency] of [["one account", 1], ["16 accounts", undefined], ["300 accounts", 300]] as const) {
    it.effect(`refreshes a token that is revoked while it lists ${when} at a time, and gives no role twice`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* listed(revoke, concurrency), everyRole)
        // All 300 accounts are listed before the first role is read.
        assert.strictEqual(yield* refreshes, concurrency === 300 ? 0 : 1)
      }).pipe(Effect.provide(layer)))
  }

  it.effect("refreshes a token that is revoked before the first page", () =>
    Effect.gen(function*() {
      yield* revoke
      assert.deepStrictEqual(yield* listed(), everyRole)
      assert.strictEqual(yield* refreshes, 1)
    }).pipe(Effect.provide(layer)))

  for (const operation of ["listAccounts", "listAccountRoles"] as const) {
    it.effect(`requests a page of ${operation} once more when the portal rejects its token`, () =>
      Effect.gen(function*() {
        const center = yield* IdentityCenter.IdentityCenter
        const count = Effect.map(center.calls, (calls) => calls.filter((call) => call === operation).length)
        yield* listed(Effect.void, 1)
        const before = yield* count
        yield* listed(center.fail(operation, "UnauthorizedException"), 1)
        assert.strictEqual(yield* count, 2 * before + 1)
      }).pipe(Effect.provide(layer)))
  }

  it.effect("fails with SsoLoginRequired when the portal rejects the refreshed token too", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const seen = yield* Ref.make(0)
      const session = yield* SharedConfig.session("example")
      const error = yield* SsoRoles.stream(session, { concurrency: 1 }).pipe(
        Stream.runForEach(() =>
          Effect.flatMap(
            Ref.updateAndGet(seen, (count) => count + 1),
            (count) => count === 4 ? center.fail("listAccountRoles", "UnauthorizedException", Infinity) : Effect.void
          )
        ),
        Effect.flip
      )
      assert(error._tag === "SsoLoginRequired")
      assert.strictEqual(error.reason, "TokenRejected")
      assert.strictEqual(error.session, "example")
      assert.isAtLeast(yield* Ref.get(seen), 4)
    }).pipe(Effect.provide(layer)))

  it.effect("fails with SsoLoginRequired after a sign-out", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      yield* center.signOut
      const error = yield* Effect.flip(listed())
      assert.strictEqual(error._tag, "SsoLoginRequired")
    }).pipe(Effect.provide(layer)))

  it.effect("uses a token that is refreshed because it expires while it lists", () =>
    Effect.gen(function*() {
      const session = yield* SharedConfig.session("example")
      const tokens = yield* SsoTokenProvider.SsoTokenProvider
      const { accessToken } = yield* tokens.get(session)
      assert.deepStrictEqual(yield* listed(TestClock.adjust("2 hours"), 1), everyRole)
      assert.notStrictEqual(Redacted.value((yield* tokens.get(session)).accessToken), Redacted.value(accessToken))
    }).pipe(Effect.provide(layer)))

  it.effect("waits when the portal is asked too often, and fails with a ServiceError after two minutes of that", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      yield* center.fail("listAccounts", "TooManyRequestsException", 10)
      const waiting = yield* Effect.fork(listed())
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(yield* Fiber.join(waiting), everyRole)
      yield* center.fail("listAccounts", "TooManyRequestsException", Infinity)
      const failing = yield* Effect.fork(Effect.flip(listed()))
      yield* TestClock.adjust("10 minutes")
      const error = yield* Fiber.join(failing)
      assert.strictEqual(error._tag, "ServiceError")
    }).pipe(Effect.provide(layer)))
})

describe("orderedPool", () => {
  it.live("gives everything once and in order, at whatever step its fibers yield", () =>
    Effect.gen(function*() {
      for (let steps = 12; steps <= 64; steps++) {
        for (const [count, page, workers] of [[12, 1, 4], [30, 7, 3], [5, 5, 16]] as const) {
          const items = Array.from({ length: count }, (_, index) => index)
          let at = 0
          const nextItems = Effect.suspend(() => {
            const slice = items.slice(at, at += page)
            return Effect.as(Effect.yieldNow(), slice.length === 0 ? Option.none() : Option.some(slice))
          })
          const all = yield* orderedPool({
            nextItems,
            work: (item) => Effect.as(Effect.promise(() => Promise.resolve()), [item]),
            workers
          }).pipe(
            Stream.tap(() => Effect.repeatN(Effect.void, steps * 7)),
            Stream.runCollect,
            Effect.withMaxOpsBeforeYield(steps),
            Effect.timeoutOption("20 seconds")
          )
          assert.deepStrictEqual(
            Option.map(all, (all) => [...all]),
            Option.some(items),
            `${steps} steps, ${count} items`
          )
        }
      }
    }))
})
