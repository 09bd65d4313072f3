import { HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { assertEquals } from "@effect/vitest/utils"
import {
  Cause,
  ConfigError,
  ConfigProvider,
  Context,
  Data,
  DateTime,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Option,
  Redacted,
  Ref,
  TestClock
} from "effect"
import type { Files } from "effect-aws-identity"
import {
  AssumeRoleCredentials,
  Credentials,
  CredentialsProvider,
  IdentityError,
  ProfileCredentials,
  Region,
  SharedConfig,
  Sso,
  SsoTokenProvider,
  Sts,
  WebIdentityCredentials,
  WebIdentityToken
} from "effect-aws-identity"
import { Emulator, IdentityCenter, OpenIdProvider } from "effect-aws-identity-testing"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { observed } from "./observed.js"
import { nodeContext, withTransport } from "./ports.js"

// On `TestClock`, through the in-process emulator, whose STS verifies tokens and trust policies.

const ci = "arn:aws:iam::111122223333:role/ci"
const deploy = "arn:aws:iam::444455556666:role/deploy"
const guarded = "arn:aws:iam::444455556666:role/guarded"
const govRole = "arn:aws-us-gov:iam::111122223333:role/ci"

const user = {
  accessKeyId: "AKIDEXAMPLE0000000000",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
}

/** Every request's host, in the order in which they were made. */
class Hosts extends Context.Tag("Hosts")<Hosts, Array<string>>() {}

/** One for all: to make its key takes longer than most tests. */
const openIdProvider = Effect.runSync(OpenIdProvider.make({ lifetime: "12 minutes" }))

/** The STS that knows the provider, and the way there. */
const base = () =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.gen(function*() {
      const hosts = yield* Hosts
      return HttpClient.tapRequest(
        yield* HttpClient.HttpClient,
        ({ url }) => Effect.sync(() => hosts.push(new URL(url).host))
      )
    })
  ).pipe(
    Layer.provide(Layer.fresh(Emulator.layerHttpClient)),
    withTransport,
    Layer.provideMerge(IdentityCenter.layer({
      openIdProviders: [{ provider: openIdProvider, clientIds: ["sts.amazonaws.com"] }],
      accessKeys: [{ ...user, arn: "arn:aws:iam::111122223333:user/somebody" }],
      roles: [
        { arn: ci, trusts: [{ issuer: openIdProvider.issuer, StringLike: { sub: "repo:me/*" } }] },
        { arn: govRole, trusts: [openIdProvider.issuer] },
        { arn: deploy, trusts: [ci], externalId: "external" },
        {
          arn: guarded,
          trusts: ["111122223333"],
          mfa: { serialNumber: "arn:aws:iam::111122223333:mfa/me", code: "123456" }
        }
      ]
    })),
    Layer.provideMerge(Layer.sync(Hosts, () => [])),
    Layer.provideMerge(nodeContext)
  )

const world = (client?: Parameters<typeof Sts.layer>[0]) =>
  Layer.provideMerge(Sts.layer({ maxAttempts: 1, timeout: "2 days", attemptTimeout: "2 days", ...client }), base())

const issue = (options?: OpenIdProvider.TokenOptions) =>
  Effect.map(
    openIdProvider.issue({ ...options, claims: { sub: "repo:me/app", ...options?.claims } }),
    Redacted.make
  )

const callsOf = (operation: IdentityCenter.Operation) =>
  Effect.map(
    Effect.flatMap(IdentityCenter.IdentityCenter, (center) => center.calls),
    (calls) => calls.filter((call) => call === operation).length
  )

const environment = (variables: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

const withFile = <A, E, R>(content: string, use: (path: string) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "token-"))),
    (directory) => {
      const path = join(directory, "token")
      writeFileSync(path, content)
      return use(path)
    },
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  )

// ---------------------------------------------------------------------------------------------------------------

describe("a program that runs for a day", () => {
  /** The exchanges with STS, each with the time that was left to the token when it was sent. */
  const counting = (exchanges: Array<{ readonly at: number; readonly left: number }>) => {
    let underWay = 0
    const layer = Layer.effect(
      Sts.Sts,
      Effect.map(Sts.Sts, (sts) => ({
        ...sts,
        assumeRoleWithWebIdentity: (input: Sts.AssumeRoleWithWebIdentityInput) =>
          Effect.gen(function*() {
            const at = yield* DateTime.now
            const payload = Redacted.value(input.webIdentityToken).split(".")[1] ?? ""
            const { exp }: { exp: number } = JSON.parse(Buffer.from(payload, "base64url").toString())
            exchanges.push({ at: at.epochMillis, left: exp * 1000 - at.epochMillis })
            underWay++
            return yield* sts.assumeRoleWithWebIdentity(input)
          }).pipe(Effect.ensuring(Effect.sync(() => underWay--)))
      }))
    )
    // Verification of a signature takes real time, however the test's clock stands.
    const settled = Effect.promise(async () => {
      do await new Promise((resolve) => setImmediate(resolve))
      while (underWay > 0)
    })
    return { layer, settled }
  }

  for (const background of [false, true]) {
    it.effect(
      `${background ? "and renews in the background" : "and asks each minute"}: the token rotates every 10 minutes, ` +
        "none is sent that has expired, one exchange is made for each need",
      () =>
        Effect.gen(function*() {
          const mounted = yield* Ref.make(yield* issue())
          const exchanges: Array<{ readonly at: number; readonly left: number }> = []
          const { layer, settled } = counting(exchanges)
          yield* Effect.gen(function*() {
            const provider = yield* CredentialsProvider.CredentialsProvider
            for (let minute = 0; minute < 24 * 60; minute++) {
              if (minute % 10 === 0) yield* Ref.set(mounted, yield* issue())
              if (!background || minute % 60 === 0) {
                const all = yield* Effect.all(Array.from({ length: 20 }, () => provider.get), {
                  concurrency: "unbounded"
                })
                const now = yield* DateTime.now
                for (const { accessKeyId, expiration } of all) {
                  assert.isTrue(Option.exists(expiration, (time) => DateTime.greaterThan(time, now)))
                  assert.strictEqual(accessKeyId, all[0]?.accessKeyId)
                }
              }
              yield* settled
              yield* TestClock.adjust("1 minute")
              yield* settled
            }
          }).pipe(Effect.provide(
            WebIdentityCredentials.layer({ roleArn: ci, token: Ref.get(mounted), background }).pipe(
              Layer.provide(layer)
            )
          ))
          // An hour each, renewed 5 minutes before its end: the first one and 26 more.
          assert.strictEqual(exchanges.length, 27)
          assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), 27)
          for (const { left } of exchanges) assert.isAbove(left, 0)
          const pauses = exchanges.slice(1).map(({ at }, index) => at - (exchanges[index]?.at ?? 0))
          assert.deepStrictEqual([...new Set(pauses)], [Duration.toMillis("55 minutes")])
        }).pipe(Effect.provide(world())),
      60_000
    )
  }
})

describe("a token", () => {
  it.effect("is got anew for each exchange", () =>
    Effect.gen(function*() {
      const sources = yield* Ref.make(0)
      const token = Effect.zipRight(Ref.update(sources, (count) => count + 1), issue())
      yield* WebIdentityCredentials.resolve({ roleArn: ci, token })
      yield* WebIdentityCredentials.resolve({ roleArn: ci, token })
      assert.strictEqual(yield* Ref.get(sources), 2)
    }).pipe(Effect.provide(world())))

  it.effect("that has expired is asked for once more, and never sent", () =>
    Effect.gen(function*() {
      const old = yield* issue({ lifetime: "1 minute" })
      yield* TestClock.adjust("1 minute")
      const tokens = [old, yield* issue()]
      const { accessKeyId } = yield* WebIdentityCredentials.resolve({
        roleArn: ci,
        token: Effect.sync(() => tokens.shift() ?? old)
      })
      assert.match(accessKeyId, /^ASIA/)
      assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), 1)

      const { exit, seen } = yield* observed(
        WebIdentityCredentials.resolve({ roleArn: ci, token: Effect.succeed(old) })
      )
      assert.notInclude(seen, Redacted.value(old))
      const error = yield* Effect.flip(exit)
      assert.instanceOf(error, IdentityError.CredentialsUnavailable)
      assert.strictEqual(error.reason, "Expired")
      assert.include(error.message, "it expired at 1970-01-01T00:01:00.000Z, and it is 1970-01-01T00:01:00.000Z here")
      assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), 1)
    }).pipe(Effect.provide(world())))

  it.effect("that is about to expire is renewed, or used if there is no other", () =>
    Effect.gen(function*() {
      const sent: Array<string> = []
      const spied = Layer.effect(
        Sts.Sts,
        Effect.map(Sts.Sts, (sts) => ({
          ...sts,
          assumeRoleWithWebIdentity: (input: Sts.AssumeRoleWithWebIdentityInput) => {
            sent.push(Redacted.value(input.webIdentityToken))
            return sts.assumeRoleWithWebIdentity(input)
          }
        }))
      )
      const soon = yield* issue({ lifetime: "30 seconds" })
      const later = yield* issue()
      yield* Effect.gen(function*() {
        const tokens = [soon, later]
        yield* WebIdentityCredentials.resolve({ roleArn: ci, token: Effect.sync(() => tokens.shift() ?? later) })
        yield* WebIdentityCredentials.resolve({ roleArn: ci, token: Effect.succeed(soon) })
        const failing = [Effect.succeed(soon), Effect.fail("gone")]
        yield* WebIdentityCredentials.resolve({
          roleArn: ci,
          token: Effect.suspend(() => failing.shift() ?? Effect.fail("gone"))
        })
      }).pipe(Effect.provide(spied))
      assert.deepStrictEqual(sent, [later, soon, soon].map(Redacted.value))
    }).pipe(Effect.provide(world())))

  it.effect("that is none is refused before anybody is asked, unless it is an OAuth 2.0 access token", () =>
    Effect.gen(function*() {
      const token = Effect.succeed(Redacted.make("MARKED-access-token"))
      const { exit, seen } = yield* observed(WebIdentityCredentials.resolve({ roleArn: ci, token }))
      assert.notInclude(seen, "MARKED")
      const error = yield* Effect.flip(exit)
      assert.instanceOf(error, IdentityError.CredentialsUnavailable)
      assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), 0)
      yield* Effect.exit(WebIdentityCredentials.resolve({ roleArn: ci, token, providerId: "www.amazon.com" }))
      assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), 1)
    }).pipe(Effect.provide(world())))

  it.effect("that cannot be had is its source's own error, and nobody is asked", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        WebIdentityCredentials.resolve({ roleArn: ci, token: WebIdentityToken.fromVariable("CI_TOKEN") })
      )
      assert.include(error.message, "CI_TOKEN is not set")
      assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), 0)
    }).pipe(environment({}), Effect.provide(world())))
})

describe("a token that STS says has ended", () => {
  const faults = ["ExpiredTokenException", "IDPRejectedClaim"] as const
  for (const fault of faults) {
    it.effect(`is replaced once by another one of its source: ${fault}`, () =>
      Effect.gen(function*() {
        const center = yield* IdentityCenter.IdentityCenter
        yield* center.fail("assumeRoleWithWebIdentity", fault)
        let issued = 0
        const token = Effect.suspend(() => issue({ claims: { jti: `token ${issued++}` } }))
        const credentials = yield* WebIdentityCredentials.resolve({ roleArn: ci, token })
        assert.match(credentials.accessKeyId, /^ASIA/)
        assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), 2)
      }).pipe(Effect.provide(world())))

    it.effect(`is replaced once and no more, when STS rejects every token: ${fault}`, () =>
      Effect.gen(function*() {
        const center = yield* IdentityCenter.IdentityCenter
        yield* center.fail("assumeRoleWithWebIdentity", fault, 9)
        let issued = 0
        const token = Effect.suspend(() => issue({ claims: { jti: `token ${issued++}` } }))
        yield* Effect.flip(WebIdentityCredentials.resolve({ roleArn: ci, token }))
        assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), 2)
      }).pipe(Effect.provide(world())))
  }

  it.effect("is the error of STS when the source has no other", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      yield* center.fail("assumeRoleWithWebIdentity", "ExpiredTokenException", 9)
      const only = yield* issue()
      const sources = [
        Effect.succeed(only),
        Effect.fail(
          new IdentityError.NotConfigured({
            provider: "test",
            problem: "no more tokens",
            remedy: "None."
          })
        )
      ]
      let run = 0
      const token = Effect.suspend(() => sources[run++] ?? Effect.succeed(only))
      const error = yield* Effect.flip(WebIdentityCredentials.resolve({ roleArn: ci, token }))
      assert.strictEqual(error._tag, "ExpiredTokenException")
      assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), 1)
    }).pipe(Effect.provide(world())))
})

describe("time limits", () => {
  it.effect("a token that expires while STS is asked is not sent again", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      yield* center.fail("assumeRoleWithWebIdentity", "NoAnswer", 5)
      const token = yield* issue({ lifetime: "29 seconds" })
      const fiber = yield* Effect.fork(
        Effect.flip(WebIdentityCredentials.resolve({ roleArn: ci, token: Effect.succeed(token) }))
      )
      yield* TestClock.adjust("2 minutes")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "CredentialsUnavailable")
      assert.include(error.message, "it expired while STS was asked")
      assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), 1)
    }).pipe(Effect.provide(world({ maxAttempts: 3, attemptTimeout: "30 seconds" }))))

  it.effect("a token that expires while a better one is asked for is not sent at all", () =>
    Effect.gen(function*() {
      const token = yield* issue({ lifetime: "20 seconds" })
      const answers = [Effect.succeed(token), Effect.zipRight(Effect.sleep("40 seconds"), Effect.fail("none"))]
      const fiber = yield* Effect.fork(Effect.flip(WebIdentityCredentials.resolve({
        roleArn: ci,
        token: Effect.suspend(() => answers.shift() ?? Effect.fail("none"))
      })))
      yield* TestClock.adjust("40 seconds")
      const error = yield* Fiber.join(fiber)
      assert.isTrue(typeof error === "object" && error._tag === "CredentialsUnavailable")
      assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), 0)
    }).pipe(Effect.provide(world())))

  it.effect("a source that never answers is given up, and asked again by whoever comes next", () =>
    Effect.gen(function*() {
      const answers = [Effect.never, issue()]
      const provider = yield* CredentialsProvider.make(WebIdentityCredentials.resolve({
        roleArn: ci,
        token: Effect.suspend(() => answers.shift() ?? Effect.never)
      }))
      // Also where providers are built in a region that is not interruptible.
      const fiber = yield* Effect.fork(Effect.flip(provider.get))
      yield* TestClock.adjust("5 minutes")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "CredentialsUnavailable")
      yield* TestClock.adjust("1 second")
      assert.match((yield* provider.get).accessKeyId, /^ASIA/)
    }).pipe(Effect.uninterruptible, Effect.scoped, Effect.provide(world())))
})

describe("what STS gives", () => {
  it.effect("is all there: what v2 had in data", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2026, 10, 30))
      const all = yield* WebIdentityCredentials.assumeRole({
        roleArn: ci,
        sessionName: "build@7",
        sessionDuration: "15 minutes",
        policy: "{}",
        token: issue({ claims: { "https://aws.amazon.com/source_identity": "octocat" } })
      })
      assertEquals(all.subjectFromWebIdentityToken, Option.some("repo:me/app"))
      assertEquals(all.audience, Option.some("sts.amazonaws.com"))
      assertEquals(all.provider, Option.some("https://oidc.example.com"))
      assertEquals(all.sourceIdentity, Option.some("octocat"))
      assertEquals(all.packedPolicySize, Option.some(1))
      assert.strictEqual(
        Option.getOrThrow(all.assumedRoleUser).arn,
        "arn:aws:sts::111122223333:assumed-role/ci/build@7"
      )
      assertEquals(all.credentials.accountId, Option.some("111122223333"))
      assert.strictEqual(
        DateTime.formatIso(Option.getOrThrow(all.credentials.expiration)),
        "2026-11-30T00:15:00.000Z"
      )
    }).pipe(Effect.provide(world())))

  for (
    const [host, shown] of [[undefined, ""], ["pod-7f.x", "-pod-7f.x"], ["ä b/c\n", "---b-c-1"], ["h".repeat(99), ""]]
  ) {
    it.effect(`is for a session that says whose it is, on host ${JSON.stringify(host)?.slice(0, 12)}`, () =>
      Effect.gen(function*() {
        yield* TestClock.setTime(1_700_000_000_000)
        const { assumedRoleUser } = yield* WebIdentityCredentials.assumeRole({ roleArn: ci, token: issue() })
        const name = Option.getOrThrow(assumedRoleUser).arn.split("/")[2] ?? ""
        assert.match(name, /^effect-aws-identity[\w+=,.@-]*-1700000000000$/)
        assert.isAtMost(name.length, 64)
        assert.include(name, `effect-aws-identity${shown}`)
      }).pipe(environment(host === undefined ? {} : { HOSTNAME: host }), Effect.provide(world())))
  }
})

// ---------------------------------------------------------------------------------------------------------------

describe("the region", () => {
  const rows: ReadonlyArray<
    readonly [
      string,
      {
        readonly role?: string
        readonly region?: string
        readonly variables?: Record<string, string>
        readonly profile?: string
      },
      string
    ]
  > = [
    ["nothing says it: that of the role's partition", {}, "sts.us-east-1.amazonaws.com"],
    ["GovCloud", { role: govRole }, "sts.us-gov-west-1.amazonaws.com"],
    ["the option", { region: "eu-west-1", variables: { AWS_REGION: "eu-west-2" } }, "sts.eu-west-1.amazonaws.com"],
    [
      "AWS_REGION",
      { variables: { AWS_REGION: "eu-west-2", AWS_DEFAULT_REGION: "eu-west-3" }, profile: "region = eu-north-1" },
      "sts.eu-west-2.amazonaws.com"
    ],
    [
      "AWS_DEFAULT_REGION",
      { variables: { AWS_DEFAULT_REGION: "eu-west-3" }, profile: "region = eu-north-1" },
      "sts.eu-west-3.amazonaws.com"
    ],
    ["the profile", { profile: "region = eu-north-1" }, "sts.eu-north-1.amazonaws.com"],
    [
      "that of the environment, in the role's partition",
      { role: govRole, variables: { AWS_REGION: "us-gov-east-1" } },
      "sts.us-gov-east-1.amazonaws.com"
    ],
    [
      "another partition's, which has no such role",
      { role: govRole, variables: { AWS_REGION: "eu-west-1" } },
      "sts.us-gov-west-1.amazonaws.com"
    ],
    [
      "the profile's, when AWS_REGION is another partition's",
      { role: govRole, variables: { AWS_REGION: "eu-west-1" }, profile: "region = us-gov-east-1" },
      "sts.us-gov-east-1.amazonaws.com"
    ],
    [
      "that of AWS_DEFAULT_REGION, when AWS_REGION is another partition's",
      {
        role: govRole,
        variables: { AWS_REGION: "cn-north-1", AWS_DEFAULT_REGION: "us-gov-east-1" },
        profile: "region = us-gov-west-1"
      },
      "sts.us-gov-east-1.amazonaws.com"
    ],
    [
      "the commercial one of the profile, when AWS_REGION is of GovCloud",
      { variables: { AWS_REGION: "us-gov-west-1" }, profile: "region = eu-north-1" },
      "sts.eu-north-1.amazonaws.com"
    ],
    [
      "another partition's of the profile",
      { role: govRole, profile: "region = cn-north-1" },
      "sts.us-gov-west-1.amazonaws.com"
    ]
  ]
  for (const [name, { profile, region, role = ci, variables = {} }, host] of rows) {
    it.effect(`${name}: ${host}`, () =>
      Effect.gen(function*() {
        yield* WebIdentityCredentials.resolve({
          roleArn: role,
          region: region === undefined ? undefined : Region.make(region),
          token: issue()
        })
        assert.deepStrictEqual(yield* Hosts, [host])
      }).pipe(
        Effect.provide(Layer.provideMerge(
          Sts.layerProfile({ maxAttempts: 1 }),
          Layer.merge(SharedConfig.layerMemory({ config: profile && `[default]\n${profile}` }), base())
        )),
        environment(variables)
      ))
  }

  it.effect("cannot be one of another partition by option", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        WebIdentityCredentials.resolve({ roleArn: govRole, region: Region.make("us-east-1"), token: issue() })
      )
      assert.instanceOf(error, IdentityError.InvalidInput)
      assert.include(error.message, "us-east-1")
      assert.include(error.message, "aws-us-gov")
      assert.deepStrictEqual(yield* Hosts, [])
    }).pipe(Effect.provide(world())))

  it.effect("of a partition that is not known has to be named, unless there is an endpoint of one's own", () =>
    Effect.gen(function*() {
      const roleArn = "arn:minio:iam:::role/dummy-internal"
      const error = yield* Effect.flip(WebIdentityCredentials.resolve({ roleArn, token: issue() }))
      assert.instanceOf(error, IdentityError.InvalidInput)
      assert.include(error.message, "AWS_REGION")
      assert.deepStrictEqual(yield* Hosts, [])
      yield* Effect.exit(
        Effect.provide(
          WebIdentityCredentials.resolve({ roleArn, token: issue() }),
          Sts.layer({ endpoint: "http://localhost:9000", maxAttempts: 1 })
        )
      )
      assert.deepStrictEqual(yield* Hosts, ["localhost:9000"])
    }).pipe(Effect.provide(world())))
})

// ---------------------------------------------------------------------------------------------------------------

describe("the errors of STS", () => {
  /** A token that is wrong in the way that STS finds out by itself, or the fault that it is told to have. */
  interface Row {
    readonly code: string
    readonly role?: string
    readonly token?: OpenIdProvider.TokenOptions
    readonly policy?: string
    readonly fault?: IdentityCenter.Fault
    readonly tag: IdentityError.IdentityError["_tag"]
    readonly says: ReadonlyArray<string>
  }
  const claims = ["issuer \"https://oidc.example.com\"", "audience \"sts.amazonaws.com\"", "subject \"repo:me/app\""]
  const rows: ReadonlyArray<Row> = [
    {
      code: "InvalidIdentityToken",
      token: { claims: { iss: "https://elsewhere.example\nERROR: all is lost" } },
      tag: "InvalidIdentityTokenException",
      says: ["No OpenIDConnect provider", "issuer \"https://elsewhere.example\\nERROR", "IAM OIDC provider"]
    },
    {
      code: "InvalidIdentityToken",
      token: { claims: { aud: "somebody else" } },
      tag: "InvalidIdentityTokenException",
      says: ["Incorrect token audience", "audience \"somebody else\"", "lists among its client ids"]
    },
    {
      code: "InvalidIdentityToken",
      token: { flaw: "OtherKey" },
      tag: "InvalidIdentityTokenException",
      says: [...claims, "publish the key"]
    },
    {
      code: "AccessDenied",
      token: { claims: { sub: "repo:you/app" } },
      tag: "AccessDeniedException",
      says: ["Not authorized to perform sts:AssumeRoleWithWebIdentity", "subject \"repo:you/app\"", "trust policy"]
    },
    {
      code: "AccessDenied",
      role: "arn:aws:iam::111122223333:role/no-such-role",
      tag: "AccessDeniedException",
      says: ["Not authorized", ...claims, "Check the role's ARN"]
    },
    { code: "MalformedPolicyDocument", policy: "{", tag: "ServiceError", says: ["Json", "session policy"] },
    {
      code: "PackedPolicyTooLarge",
      policy: `{"a":"${"a".repeat(2038)}"}`,
      fault: "PackedPolicyTooLarge",
      tag: "ServiceError",
      says: ["Shorten the session policies"]
    },
    {
      code: "IDPRejectedClaim",
      fault: "IDPRejectedClaim",
      tag: "IDPRejectedClaimException",
      says: ["(403)", "Get a new token"]
    },
    {
      code: "IDPCommunicationError",
      fault: "IDPCommunicationError",
      tag: "IDPCommunicationErrorException",
      says: [".well-known/openid-configuration"]
    },
    {
      code: "ExpiredTokenException",
      fault: "ExpiredTokenException",
      tag: "ExpiredTokenException",
      says: ["Get a new one"]
    },
    {
      code: "RegionDisabledException",
      fault: "RegionDisabledException",
      tag: "RegionDisabledException",
      says: ["Activate STS in that region"]
    }
  ]
  for (const { code, fault, policy, role = ci, says, tag, token } of rows) {
    it.effect(`${code} is a ${tag}: ${says[0]}`, () =>
      Effect.gen(function*() {
        const center = yield* IdentityCenter.IdentityCenter
        if (fault !== undefined) yield* center.fail("assumeRoleWithWebIdentity", fault)
        const presented = yield* issue(token)
        const { exit, seen } = yield* observed(
          WebIdentityCredentials.resolve({ roleArn: role, policy, token: Effect.succeed(presented) })
        )
        assert.notInclude(seen, Redacted.value(presented))
        const error = yield* Effect.flip(exit)
        assert.strictEqual(error._tag, tag)
        assert.propertyVal(error, "code", code)
        for (const text of says) assert.include(error.message, text)
        assert.notMatch(error.message, /\n/)
        assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), 1)
      }).pipe(Effect.provide(world())))
  }

  it.effect("gives an identity provider that STS could not reach a second or two", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      yield* center.fail("assumeRoleWithWebIdentity", "IDPCommunicationError", 2)
      const presented = yield* issue()
      const fiber = yield* Effect.fork(
        WebIdentityCredentials.resolve({ roleArn: ci, token: Effect.succeed(presented) })
      )
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), 1)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(fiber)
    }).pipe(Effect.provide(world({ maxAttempts: 3 }))))

  const retried: ReadonlyArray<readonly [string, IdentityCenter.Fault, number]> = [
    ["the provider could not be reached", "IDPCommunicationError", 3],
    [
      "its keys could not be had",
      {
        name: "InvalidIdentityToken",
        description: "Couldn't retrieve verification key from your identity provider, please reference " +
          "AssumeRoleWithWebIdentity documentation for requirements"
      },
      3
    ],
    ["STS has a fault", "InternalFailure", 3],
    ["the token is no good", "InvalidIdentityToken", 1],
    ["the token has expired", "ExpiredTokenException", 1]
  ]
  for (const [name, fault, attempts] of retried) {
    it.effect(`${name}: ${attempts} ${attempts === 1 ? "attempt" : "attempts"}`, () =>
      Effect.gen(function*() {
        const center = yield* IdentityCenter.IdentityCenter
        yield* center.fail("assumeRoleWithWebIdentity", fault, 10)
        const presented = yield* issue()
        const fiber = yield* Effect.fork(Effect.flip(
          WebIdentityCredentials.resolve({ roleArn: ci, token: Effect.succeed(presented) })
        ))
        yield* TestClock.adjust("20 seconds")
        yield* Fiber.join(fiber)
        assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), attempts)
      }).pipe(Effect.provide(world({ maxAttempts: 3 }))))
  }
})

// ---------------------------------------------------------------------------------------------------------------

describe("the environment", () => {
  const run = <A, E>(layer: Layer.Layer<A, E, Sts.Sts | Files.Files>) =>
    Effect.exit(Effect.scoped(Layer.build(Layer.provide(layer, world()))))

  it.effect("says role, file and session name, as on EKS", () =>
    Effect.gen(function*() {
      const token = Redacted.value(yield* issue())
      yield* withFile(`${token}\n`, (path) =>
        Effect.gen(function*() {
          const provider = yield* CredentialsProvider.CredentialsProvider
          yield* provider.get
          const credentials = yield* WebIdentityCredentials.resolve()
          const { arn } = yield* Effect.flatMap(
            Sts.Sts,
            (sts) => sts.getCallerIdentity({ region: Region.make("us-east-1"), credentials })
          )
          assert.strictEqual(arn, "arn:aws:sts::111122223333:assumed-role/ci/pod")
        }).pipe(
          Effect.provide(WebIdentityCredentials.layerConfig()),
          environment({
            AWS_WEB_IDENTITY_TOKEN_FILE: path,
            AWS_ROLE_ARN: ci,
            AWS_ROLE_SESSION_NAME: "pod"
          })
        ))
      assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), 2)
    }).pipe(Effect.provide(world())))

  it.effect("is asked for by name when it lacks something", () =>
    Effect.gen(function*() {
      for (const variables of [{}, { AWS_WEB_IDENTITY_TOKEN_FILE: "/t" }, { AWS_ROLE_ARN: ci }]) {
        const exit = yield* environment(variables)(run(WebIdentityCredentials.layerConfig()))
        assert.isTrue(Exit.isFailure(exit))
        assert.match(String(exit), /AWS_ROLE_ARN|AWS_WEB_IDENTITY_TOKEN_FILE/)
      }
    }))

  it.effect("that cannot be read is broken, not empty", () =>
    Effect.gen(function*() {
      const unreadable = ConfigProvider.make({
        load: () => Effect.fail(ConfigError.SourceUnavailable([], "MARKED", Cause.empty)),
        flattened: ConfigProvider.fromMap(new Map()).flattened
      })
      const error = yield* Effect.flip(WebIdentityCredentials.resolve()).pipe(
        Effect.withConfigProvider(unreadable)
      )
      assert.strictEqual(error._tag, "CredentialsUnavailable")
      assert.notInclude(error.message, "MARKED")
    }).pipe(Effect.provide(world())))

  it.effect("is not configured without a file, and broken with a file and no role", () =>
    Effect.gen(function*() {
      const errorIn = (variables: Readonly<Record<string, string>>) =>
        environment(variables)(Effect.flip(WebIdentityCredentials.resolve()))
      assert.strictEqual((yield* errorIn({}))._tag, "NotConfigured")
      // Jobs often name the role for a tool of their own.
      assert.strictEqual((yield* errorIn({ AWS_ROLE_ARN: ci }))._tag, "NotConfigured")
      const broken = yield* errorIn({ AWS_WEB_IDENTITY_TOKEN_FILE: "/t", AWS_ROLE_ARN: "" })
      assert.strictEqual(broken._tag, "CredentialsUnavailable")
      assert.include(broken.message, "AWS_ROLE_ARN")
    }).pipe(Effect.provide(world())))
})

describe("a profile", () => {
  /** Runs an effect on a config file, with an `Sts` that takes settings from its profiles. */
  const inProfile = <A, E, R>(text: string, effect: Effect.Effect<A, E, R | SharedConfig.SharedConfig | Sts.Sts>) =>
    Effect.gen(function*() {
      const token = Redacted.value(yield* issue())
      return yield* withFile(token, (path) =>
        Effect.provide(
          effect,
          Layer.provideMerge(
            Sts.layerProfile({ maxAttempts: 1 }),
            SharedConfig.layerMemory({ config: text.replaceAll("<token>", path) })
          )
        ))
    })

  /** A web identity needs no sign-in. */
  const ofProfile = ProfileCredentials.resolve({ profile: "ci" }).pipe(
    Effect.provideService(Sso.Sso, {} as Sso.Sso["Type"]),
    Effect.provideService(SsoTokenProvider.SsoTokenProvider, {} as SsoTokenProvider.SsoTokenProvider["Type"])
  )

  const whole = `[profile ci]
web_identity_token_file = <token>
role_arn = ${ci}
role_session_name = build
duration_seconds = 900
region = eu-west-1
source_profile = nobody
`

  it.effect("says file, role, session name, duration and region; its source_profile does not count", () =>
    inProfile(
      whole,
      Effect.gen(function*() {
        const credentials = yield* ofProfile
        assert.strictEqual(DateTime.toEpochMillis(Option.getOrThrow(credentials.expiration)), 900_000)
        assert.deepStrictEqual(yield* Hosts, ["sts.eu-west-1.amazonaws.com"])
        const { arn } = yield* Effect.flatMap(Sts.Sts, (sts) =>
          sts.getCallerIdentity({ region: Region.make("us-east-1"), credentials }))
        assert.strictEqual(arn, "arn:aws:sts::111122223333:assumed-role/ci/build")
      })
    ).pipe(environment({}), Effect.provide(world())))

  it.effect("gives way to the environment's region", () =>
    inProfile(
      whole,
      Effect.gen(function*() {
        yield* ofProfile
        assert.deepStrictEqual(yield* Hosts, ["sts.eu-west-2.amazonaws.com"])
      })
    ).pipe(
      Effect.provide(world({ region: Region.make("eu-west-2") })),
      environment({ AWS_REGION: "eu-west-2" })
    ))

  const bad: ReadonlyArray<readonly [string, string, IdentityError.IdentityError["_tag"], ReadonlyArray<string>]> = [
    ["without a role", "[profile ci]\nweb_identity_token_file = <token>\n", "InvalidConfig", [
      "config:1",
      "role_arn",
      "ARN of the role"
    ]],
    ["with a duration that is none", whole.replace("900", "15m"), "InvalidConfig", ["config:5", "duration_seconds"]],
    ["with a duration that no role has", whole.replace("900", "60"), "InvalidConfig", [
      "config:5",
      "duration_seconds = 60",
      "900 to 43200"
    ]],
    ["with a region that is none", whole.replace("eu-west-1", "Ireland!"), "InvalidConfig", ["config:6", "region"]],
    ["whose file is not there", whole.replace("<token>", "/no/such/token"), "CredentialsUnavailable", [
      "/no/such/token",
      "(profile \"ci\", config:1)"
    ]],
    ["of a role that does not trust it", whole.replace("role/ci", "role/other"), "AccessDeniedException", [
      "(profile \"ci\", config:1)",
      "subject \"repo:me/app\""
    ]]
  ]
  for (const [name, text, tag, says] of bad) {
    it.effect(`${name} is a ${tag}`, () =>
      inProfile(
        text,
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(Effect.flip(ofProfile))
          // A file that is not there is looked for again.
          while (Option.isNone(yield* Fiber.poll(fiber))) {
            yield* TestClock.adjust("50 millis")
            yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          }
          const error = yield* Fiber.join(fiber)
          assert.strictEqual(error._tag, tag)
          for (const part of says) assert.include(error.message, part)
        })
      ).pipe(environment({}), Effect.provide(world())))
  }
})

// ---------------------------------------------------------------------------------------------------------------

describe("a role on top of others", () => {
  const identity = WebIdentityCredentials.layer({ roleArn: ci, sessionName: "build", token: issue() })

  const whoAmI = Effect.gen(function*() {
    const credentials = yield* (yield* CredentialsProvider.CredentialsProvider).get
    const sts = yield* Sts.Sts
    return (yield* sts.getCallerIdentity({ region: Region.make("us-east-1"), credentials })).arn
  })

  const keys = CredentialsProvider.layer(Effect.succeed(
    new Credentials.Credentials({ ...user, secretAccessKey: Redacted.make(user.secretAccessKey) })
  ))

  it.effect("is assumed by a web identity, and by a role that was assumed", () =>
    Effect.gen(function*() {
      const arn = yield* Effect.provide(
        whoAmI,
        AssumeRoleCredentials.layer({
          roleArn: deploy,
          externalId: "external",
          sessionName: "deploy",
          sessionDuration: "30 minutes",
          policy: "{}",
          policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
          tags: [{ key: "team", value: "a" }],
          transitiveTagKeys: ["team"],
          sourceIdentity: "octocat"
        }).pipe(Layer.provide(identity))
      )
      assert.strictEqual(arn, "arn:aws:sts::444455556666:assumed-role/deploy/deploy")
    }).pipe(Effect.provide(world())))

  it.effect("says whose session it is when nobody named it", () =>
    Effect.gen(function*() {
      const arn = yield* Effect.provide(
        whoAmI,
        AssumeRoleCredentials.layer({ roleArn: deploy, externalId: "external" }).pipe(Layer.provide(identity))
      )
      assert.match(arn, /assumed-role\/deploy\/effect-aws-identity-pod-\d+$/)
    }).pipe(environment({ HOSTNAME: "pod" }), Effect.provide(world())))

  it.effect("is refused with what to look at", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Effect.provide(whoAmI, AssumeRoleCredentials.layer({ roleArn: deploy }).pipe(Layer.provide(identity)))
      )
      assert.strictEqual(error._tag, "AccessDeniedException")
      assert.include(error.message, "external id")
    }).pipe(Effect.provide(world())))

  it.effect("asks for a code of the MFA device for each session", () =>
    Effect.gen(function*() {
      const codes = yield* Ref.make(0)
      const mfa = {
        device: "arn:aws:iam::111122223333:mfa/me",
        mfaCode: () => Effect.as(Ref.update(codes, (count) => count + 1), Redacted.make("123456"))
      }
      yield* Effect.gen(function*() {
        const provider = yield* CredentialsProvider.CredentialsProvider
        const first = yield* provider.get
        yield* provider.get
        assert.strictEqual(yield* Ref.get(codes), 1)
        yield* provider.invalidate(first)
        yield* provider.get
        assert.strictEqual(yield* Ref.get(codes), 2)
      }).pipe(Effect.provide(AssumeRoleCredentials.layer({ roleArn: guarded, mfa }).pipe(Layer.provide(keys))))
      const { exit, seen } = yield* observed(Effect.provide(
        whoAmI,
        AssumeRoleCredentials.layer({
          roleArn: guarded,
          mfa: { ...mfa, mfaCode: () => Effect.succeed(Redacted.make("654321")) }
        }).pipe(Layer.provide(keys))
      ))
      const error = yield* Effect.flip(exit)
      assert.strictEqual(error._tag, "AccessDeniedException")
      assert.include(error.message, "MultiFactorAuthentication failed")
      assert.notInclude(seen, "654321")
    }).pipe(Effect.provide(world())))

  it.effect("asks for a code with the services of the application, and shows only the tag of its error", () =>
    Effect.gen(function*() {
      class Prompt extends Context.Tag("Prompt")<Prompt, Effect.Effect<string, Cancelled>>() {}
      class Cancelled extends Data.TaggedError("Cancelled")<{ readonly typed: string }> {}
      const layer = AssumeRoleCredentials.layer({
        roleArn: guarded,
        mfa: {
          device: "arn:aws:iam::111122223333:mfa/me",
          mfaCode: () => Effect.map(Effect.flatten(Prompt), Redacted.make)
        }
      }).pipe(Layer.provide(keys))
      const prompted = (prompt: Effect.Effect<string, Cancelled>) =>
        Effect.provide(whoAmI, Layer.provide(layer, Layer.succeed(Prompt, prompt)))
      assert.include(yield* prompted(Effect.succeed("123456")), "assumed-role/guarded/")
      const { exit, seen } = yield* observed(prompted(Effect.fail(new Cancelled({ typed: "MARKED" }))))
      const error = yield* Effect.flip(exit)
      assert.strictEqual(error._tag, "CredentialsUnavailable")
      assert.strictEqual(
        error.message,
        "No credentials from the MFA device arn:aws:iam::111122223333:mfa/me: mfaCode failed with Cancelled. Look at " +
          "where the program gets the codes of its MFA devices from."
      )
      assert.notInclude(seen, "MARKED")
    }).pipe(Effect.provide(world())))

  it.effect("names the options of the provider in errors about the session", () =>
    Effect.gen(function*() {
      const failure = (options: Partial<AssumeRoleCredentials.Options>) =>
        Effect.map(
          Effect.flip(Effect.provide(
            whoAmI,
            AssumeRoleCredentials.layer({ roleArn: guarded, ...options }).pipe(Layer.provide(keys))
          )),
          ({ message }) => message
        )
      const device = "arn:aws:iam::111122223333:mfa/me"
      const withCode = (code: string) => ({ device, mfaCode: () => Effect.succeed(Redacted.make(code)) })
      assert.include(yield* failure({ sessionDuration: "14 minutes" }), "\"sessionDuration\" is not a whole number of")
      assert.include(yield* failure({ sessionDuration: Infinity }), "\"sessionDuration\" is not")
      assert.include(yield* failure({ sessionName: "a b" }), "\"sessionName\" is not")
      assert.include(yield* failure({ mfa: { ...withCode("123456"), device: "me" } }), "\"mfa.device\" is not")
      assert.include(yield* failure({ mfa: withCode("12345") }), "\"mfa.mfaCode\" is not a code of 6 digits")
      const webIdentity = yield* Effect.flip(
        WebIdentityCredentials.resolve({ roleArn: ci, token: issue(), sessionDuration: "13 hours" })
      )
      assert.include(webIdentity.message, "\"sessionDuration\" is not a whole number of")
    }).pipe(Effect.provide(world())))

  it.effect("takes the whole seconds of a duration", () =>
    Effect.gen(function*() {
      const arn = yield* Effect.provide(
        whoAmI,
        AssumeRoleCredentials.layer({
          roleArn: deploy,
          externalId: "external",
          sessionName: "deploy",
          sessionDuration: "900.9 seconds"
        }).pipe(Layer.provide(identity))
      )
      assert.include(arn, "assumed-role/deploy/deploy")
    }).pipe(Effect.provide(world())))

  it.effect("does not take what went wrong on the way to its source for a rejection of that source", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      yield* center.fail("assumeRoleWithWebIdentity", "ExpiredTokenException", 10)
      const chain = AssumeRoleCredentials.layer({ roleArn: guarded }).pipe(
        Layer.provide(AssumeRoleCredentials.layer({ roleArn: deploy, externalId: "external" })),
        Layer.provide(identity)
      )
      const error = yield* Effect.flip(Effect.provide(whoAmI, chain))
      assert.strictEqual(error._tag, "ExpiredTokenException")
      assert.strictEqual(yield* callsOf("assumeRoleWithWebIdentity"), 1)
    }).pipe(Effect.provide(world())))

  it.effect("is not tried again with the keys that AWS rejected", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      yield* center.fail("assumeRole", "InvalidClientTokenId", 10)
      const error = yield* Effect.flip(
        Effect.provide(whoAmI, AssumeRoleCredentials.layer({ roleArn: guarded }).pipe(Layer.provide(keys)))
      )
      assert.propertyVal(error, "code", "InvalidClientTokenId")
      assert.strictEqual(yield* callsOf("assumeRole"), 1)
    }).pipe(Effect.provide(world())))

  it.effect("is another identity on top of another source, also if it is the same layer", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const sourceOf = (name: string) =>
        CredentialsProvider.layer(Effect.sync(() => {
          seen.push(name)
          return new Credentials.Credentials({ ...user, secretAccessKey: Redacted.make(user.secretAccessKey) })
        }))
      const role = AssumeRoleCredentials.layer({
        roleArn: guarded,
        mfa: {
          device: "arn:aws:iam::111122223333:mfa/me",
          mfaCode: () => Effect.succeed(Redacted.make("123456"))
        }
      })
      class Other extends Context.Tag("Other")<Other, CredentialsProvider.Service>() {}
      const other = Layer.project(
        Layer.provide(role, sourceOf("second")),
        CredentialsProvider.CredentialsProvider,
        Other,
        (provider) => provider
      )
      yield* Effect.gen(function*() {
        yield* (yield* CredentialsProvider.CredentialsProvider).get
        yield* (yield* Other).get
      }).pipe(Effect.provide(Layer.merge(Layer.provide(role, sourceOf("first")), other)))
      assert.deepStrictEqual(seen, ["first", "second"])
    }).pipe(Effect.provide(world())))

  it.effect("is tried once more with new credentials when AWS rejects the old ones", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const run = Effect.provide(
        Effect.either(whoAmI),
        AssumeRoleCredentials.layer({ roleArn: deploy, externalId: "external" }).pipe(
          Layer.provide(Layer.fresh(identity))
        )
      )
      for (const fault of ["ExpiredToken", "InvalidClientTokenId"] as const) {
        const before = yield* callsOf("assumeRoleWithWebIdentity")
        yield* center.fail("assumeRole", fault)
        assert.strictEqual((yield* run)._tag, "Right", fault)
        assert.strictEqual((yield* callsOf("assumeRoleWithWebIdentity")) - before, 2, fault)
        yield* center.fail("assumeRole", fault, 2)
        assert.strictEqual((yield* run)._tag, "Left", fault)
        assert.strictEqual((yield* callsOf("assumeRoleWithWebIdentity")) - before, 4, fault)
      }
      const before = yield* callsOf("assumeRole")
      yield* center.fail("assumeRole", "AccessDenied")
      yield* run
      assert.strictEqual((yield* callsOf("assumeRole")) - before, 1)
    }).pipe(Effect.provide(world())))
})
