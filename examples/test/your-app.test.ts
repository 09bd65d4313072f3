import { assert, it } from "@effect/vitest"
import type { Duration } from "effect"
import { Effect, Option, Schedule, TestClock } from "effect"
import { CredentialsProvider, Files, ProfileCredentials, Programs, Transport } from "effect-aws-identity"
import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"

// How to test your application: on an Identity Center in memory and a clock that the test moves.

// ---------------------------------------------------------------------------------------------------------------
// The application: it copies something every ten minutes, and says how that went.
// ---------------------------------------------------------------------------------------------------------------

const copy = Effect.gen(function*() {
  const { accessKeyId } = yield* CredentialsProvider.get
  return `copied with ${accessKeyId}`
}).pipe(
  Effect.catchTags({
    RoleNotAssigned: ({ accountId, roleName }) => Effect.succeed(`not allowed to be ${roleName} of ${accountId}`),
    SsoLoginRequired: ({ command }) => Effect.succeed(`signed out: run "${command}"`),
    ServiceUnreachable: () => Effect.succeed("no network")
  })
)

const copyFor = (duration: Duration.DurationInput) =>
  Effect.repeat(copy, Schedule.spaced("10 minutes").pipe(Schedule.upTo(duration)))

// ---------------------------------------------------------------------------------------------------------------
// Its tests.
// ---------------------------------------------------------------------------------------------------------------

const callsOf = (operation: IdentityCenter.Operation) =>
  Effect.gen(function*() {
    const center = yield* IdentityCenter.IdentityCenter
    const calls = yield* center.calls
    return calls.filter((call) => call === operation).length
  })

it.effect("asks for credentials every hour, however often it copies", () =>
  Effect.gen(function*() {
    yield* Effect.fork(copyFor("4 hours"))
    yield* TestClock.adjust("30 minutes")
    assert.strictEqual(yield* callsOf("getRoleCredentials"), 1)
    yield* TestClock.adjust("3 hours")
    assert.strictEqual(yield* callsOf("getRoleCredentials"), 4)
  }).pipe(Effect.provide(TestIdentity.layer())))

it.effect("has other credentials when the first have expired", () =>
  Effect.gen(function*() {
    const first = yield* copy
    yield* TestClock.adjust("59 minutes")
    yield* TestClock.adjust("2 minutes")
    assert.match(first, /^copied with ASIA/)
    assert.notStrictEqual(yield* copy, first)
  }).pipe(Effect.provide(TestIdentity.layer())))

it.effect("says which role it may not be", () =>
  Effect.gen(function*() {
    const center = yield* IdentityCenter.IdentityCenter
    yield* center.fail("getRoleCredentials", "ForbiddenException")
    assert.strictEqual(yield* copy, "not allowed to be ReadOnly of 012345678901")
  }).pipe(Effect.provide(TestIdentity.layer({ profile: "production" }))))

it.effect("says what to run when the user is not signed in", () =>
  Effect.gen(function*() {
    assert.strictEqual(yield* copy, "signed out: run \"aws sso login --sso-session example\"")
    assert.strictEqual(yield* callsOf("getRoleCredentials"), 0)
  }).pipe(Effect.provide(TestIdentity.layer({ signedIn: false }))))

it.effect("goes on without a network until its credentials expire", () =>
  Effect.gen(function*() {
    const center = yield* IdentityCenter.IdentityCenter
    const first = yield* copy
    yield* center.fail("getRoleCredentials", "ConnectionRefused", Infinity)
    yield* TestClock.adjust("58 minutes")
    assert.strictEqual(yield* copy, first)
    yield* TestClock.adjust("3 minutes")
    assert.strictEqual(yield* copy, "no network")
  }).pipe(Effect.provide(TestIdentity.layer({ client: { maxAttempts: 1 } }))))

it.scoped("acts in two accounts with one sign-in and one request for each", () =>
  Effect.gen(function*() {
    const providerOf = (profile: string) => CredentialsProvider.make(ProfileCredentials.resolve({ profile }))
    const [developer, production] = yield* Effect.all([providerOf("default"), providerOf("production")])
    const accounts = yield* Effect.forEach([developer, production, developer, production], ({ get }) =>
      Effect.map(get, ({ accountId }) => Option.getOrNull(accountId)))
    assert.deepStrictEqual<ReadonlyArray<string | null>>(
      accounts,
      ["111122223333", "012345678901", "111122223333", "012345678901"]
    )
    assert.strictEqual(yield* callsOf("getRoleCredentials"), 2)
    assert.strictEqual(yield* callsOf("createToken"), 0)
  }).pipe(
    Effect.provide(TestIdentity.layer()),
    // What a profile may name besides SSO: programs, files, and the metadata of a machine.
    Effect.provide([
      Transport.layerMemory(() =>
        Effect.dieMessage("no network")
      ),
      Files.layerMemory(),
      Programs.layerMemory()
    ])
  ))
