import { assert, describe, it } from "@effect/vitest"
import { assertEquals } from "@effect/vitest/utils"
import { fromInstanceMetadata } from "@smithy/credential-provider-imds"
import {
  ConfigError,
  ConfigProvider,
  DateTime,
  Effect,
  Exit,
  FastCheck as fc,
  Fiber,
  Layer,
  Option,
  Redacted,
  TestClock
} from "effect"
import { CredentialsProvider, IdentityError, InstanceMetadataCredentials } from "effect-aws-identity"
import { type Asked, type Given, type Handler, inProcess, inTurn, listening } from "./metadataServer.js"
import { observed } from "./observed.js"
import { fetchHttp, nodeHttp, undici } from "./ports.js"

// The metadata service of EC2. Without a socket on `TestClock`, but where it says otherwise.

/** Stands where a secret does, and must not be seen anywhere. */
const marked = "MARKED-SECRET-0123456789"

const disabled = "AWS_EC2_METADATA_DISABLED"
const endpoint = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
const mode = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"

const answer = {
  Code: "Success",
  LastUpdated: "2030-01-31T06:00:00Z",
  Type: "AWS-HMAC",
  AccessKeyId: "ASIAEXAMPLE",
  SecretAccessKey: `${marked}-key`,
  Token: `${marked}-token`,
  Expiration: "2030-01-31T12:00:00Z"
}

/** Fields over those of a good answer; what is undefined is left out. */
const json = (fields: Record<string, unknown> = {}): Given => ({ body: JSON.stringify({ ...answer, ...fields }) })

const rolesPath = "/latest/meta-data/iam/security-credentials/"

/** The service as AWS documents it, but for what a test puts in the place of one of its answers. */
const instance = (
  { credentials = () => json(), role = "Web-Server", roles, token }: {
    readonly token?: Handler
    readonly role?: string
    readonly roles?: Handler
    readonly credentials?: Handler
  } = {}
): Handler => {
  const given = new Set<unknown>()
  return (asked) => {
    if (asked.path === "/latest/api/token") {
      const seconds = Number(asked.headers["x-aws-ec2-metadata-token-ttl-seconds"])
      if (asked.method !== "PUT") return { status: 405 }
      if (!(seconds >= 1 && seconds <= 21_600)) return { status: 400 }
      if (asked.headers["x-forwarded-for"] !== undefined) return { status: 403 }
      if (token !== undefined) return token(asked)
      const one = `${marked}${given.size}==`
      given.add(one)
      return { body: one }
    }
    const sent = asked.headers["x-aws-ec2-metadata-token"]
    if (token === undefined ? !given.has(sent) : sent === undefined) return { status: 401, body: "<html/>" }
    if (asked.path === rolesPath) return roles?.(asked) ?? { body: role }
    if (asked.path === `${rolesPath}${role}`) return credentials(asked)
    return { status: 404, body: "<html/>" }
  }
}

const linesOf = (asked: ReadonlyArray<Asked>) => asked.map(({ method, path }) => `${method} ${path}`)

type Environment = Readonly<Record<string, string>>

const within = (environment: Environment) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))

/** Runs on, over the pauses between attempts. */
const overPauses = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    for (let step = 0; step < 100; step++) {
      yield* TestClock.adjust("100 millis")
      if (Option.isSome(yield* Fiber.poll(fiber))) break
    }
    return yield* Fiber.join(fiber)
  })

/** One resolution against a server in the process, and what that was asked. */
const resolveWith = (handler: Handler, environment: Environment = {}) => {
  const { asked, layer } = inProcess(handler)
  return overPauses(Effect.map(
    observed(InstanceMetadataCredentials.resolve().pipe(Effect.provide(layer), within(environment))),
    (seen) => ({ ...seen, asked })
  ))
}

describe("where it asks", () => {
  it.effect("AWS's own address, for a token, the role's name and its credentials", () =>
    Effect.gen(function*() {
      const { asked, exit, seen } = yield* resolveWith(instance())
      const credentials = yield* exit
      assert.strictEqual(credentials.accessKeyId, "ASIAEXAMPLE")
      assert.strictEqual(Redacted.value(credentials.secretAccessKey), answer.SecretAccessKey)
      assertEquals(Option.map(credentials.sessionToken, Redacted.value), Option.some(answer.Token))
      assertEquals(Option.map(credentials.expiration, DateTime.formatIso), Option.some("2030-01-31T12:00:00.000Z"))
      assert.isTrue(Option.isNone(credentials.accountId))
      assert.deepStrictEqual(linesOf(asked), [
        "PUT /latest/api/token",
        `GET ${rolesPath}`,
        `GET ${rolesPath}Web-Server`
      ])
      assert.strictEqual(asked[0]?.headers["x-aws-ec2-metadata-token-ttl-seconds"], "21600")
      for (const { origin } of asked) assert.strictEqual(origin, "http://169.254.169.254")
      assert.notInclude(seen, marked)
    }))

  it.effect("another, by endpoint or by mode, of which the endpoint counts", () =>
    Effect.gen(function*() {
      for (
        const [environment, expected] of [
          [{ [mode]: "IPv4" }, "http://169.254.169.254/latest"],
          [{ [mode]: "ipv6" }, "http://[fd00:ec2::254]/latest"],
          [{ [disabled]: "False", [mode]: "" }, "http://169.254.169.254/latest"],
          [{ [endpoint]: "http://localhost:1338", [mode]: "IPv6" }, "http://localhost:1338/latest"],
          [{ [endpoint]: "https://imds.example.com/mock/", [mode]: "IPv7" }, "https://imds.example.com/mock/latest"]
        ] as const
      ) {
        const handler = instance()
        const { asked, exit } = yield* resolveWith(
          (asked) => handler({ ...asked, path: asked.path.replace("/mock", "") }),
          environment
        )
        assert.strictEqual((yield* exit).accessKeyId, "ASIAEXAMPLE")
        for (const { origin, path } of asked) assert.isTrue(`${origin}${path}`.startsWith(`${expected}/`))
      }
    }))

  it.effect("the account is known where the service tells it", () =>
    Effect.gen(function*() {
      const { exit } = yield* resolveWith(instance({ credentials: () => json({ AccountId: "000011112222" }) }))
      assertEquals((yield* exit).accountId, Option.some("000011112222"))
    }))

  it.effect("the first role, were there several, of any name that IAM allows", () =>
    Effect.gen(function*() {
      for (const role of ["a", "Web_Server+=,.@-9", "x".repeat(64), "...", ".a"]) {
        const { asked, exit } = yield* resolveWith(instance({ role, roles: () => ({ body: `${role}\r\nother\n` }) }))
        yield* exit
        assert.strictEqual(asked[2]?.path, `${rolesPath}${role}`)
      }
    }))
})

describe("NotConfigured", () => {
  const rows: ReadonlyArray<{
    readonly name: string
    readonly handler: Handler
    readonly environment?: Environment
    readonly says: ReadonlyArray<string>
    readonly sent: number
  }> = [
    ...["true", "TRUE", "1"].map((value) => ({
      name: `${disabled}=${value}`,
      handler: instance(),
      environment: { [disabled]: value, [endpoint]: "nonsense" },
      says: [disabled, "Unset"],
      sent: 0
    })),
    { name: "nobody there", handler: () => "Refused", says: ["http://169.254.169.254", "ECONNREFUSED"], sent: 1 },
    {
      name: "nobody who answers",
      handler: () => "Never",
      says: ["http://169.254.169.254", "no answer within 1s", "HttpPutResponseHopLimit"],
      sent: 1
    },
    {
      name: "nobody at an endpoint of one's own",
      handler: () => "Refused",
      environment: { [endpoint]: "http://localhost:1338/" },
      says: ["http://localhost:1338:", "ECONNREFUSED"],
      sent: 1
    },
    ...[403, 404, 405].map((status) => ({
      name: `a service that gives no tokens (${status}): switched off, or another cloud's`,
      handler: instance({ token: () => ({ status, body: marked }) }),
      says: [String(status), "HttpEndpoint", "version 1"],
      sent: 1
    })),
    {
      name: "an instance without a role",
      handler: instance({ roles: () => ({ status: 404, body: marked }) }),
      says: ["no role", "instance profile"],
      sent: 2
    },
    {
      name: "an instance whose role was taken away",
      handler: instance({ roles: () => ({ body: "\n" }) }),
      says: ["no role"],
      sent: 2
    }
  ]

  for (const { environment, handler, name, says, sent } of rows) {
    it.effect(`for ${name}`, () =>
      Effect.gen(function*() {
        const { asked, exit, seen } = yield* resolveWith(handler, environment)
        const error = yield* Effect.flip(exit)
        assert.instanceOf(error, IdentityError.NotConfigured)
        for (const part of says) assert.include(error.message, part)
        assert.lengthOf(asked, sent)
        assert.notInclude(seen, marked)
      }))
  }

  it.effect("after a second, where nobody answers", () =>
    Effect.gen(function*() {
      const { asked, layer } = inProcess(() => "Never")
      const fiber = yield* Effect.fork(InstanceMetadataCredentials.resolve().pipe(Effect.provide(layer), within({})))
      yield* TestClock.adjust("999 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("1 millis")
      assert.instanceOf(yield* Effect.flip(Fiber.join(fiber)), IdentityError.NotConfigured)
      assert.lengthOf(asked, 1)
    }))
})

describe("CredentialsUnavailable", () => {
  const rows: ReadonlyArray<{
    readonly name: string
    readonly handler: Handler
    readonly environment?: Environment
    readonly reason: IdentityError.CredentialsUnavailable["reason"]
    readonly says: ReadonlyArray<string>
    readonly sent: number
  }> = [
    ...["nonsense", "ftp://localhost", `http://user:${marked}@localhost`, `http://localhost/?${marked}`].map((
      value
    ) => ({
      name: `the endpoint ${value.replace(marked, "secret")}`,
      handler: instance(),
      environment: { [endpoint]: value },
      reason: "Invalid" as const,
      says: [endpoint, "http or https URL", "Nothing was sent"],
      sent: 0
    })),
    {
      name: "a mode that is none",
      handler: instance(),
      environment: { [mode]: "IPv7" },
      reason: "Invalid",
      says: [mode, "neither IPv4 nor IPv6"],
      sent: 0
    },
    {
      name: "a request for a token that is not taken",
      handler: instance({ token: () => ({ status: 400 }) }),
      reason: "Refused",
      says: ["http://169.254.169.254", "status 400"],
      sent: 1
    },
    {
      name: "an outage from the start",
      handler: instance({ token: () => ({ status: 500, body: marked }) }),
      reason: "Refused",
      says: ["status 500"],
      sent: 3
    },
    ...["", "two tokens", "é", "x\u0000y"].map((body) => ({
      name: `a token that is none: ${JSON.stringify(body)}`,
      handler: instance({ token: () => ({ body }) }),
      reason: "Invalid" as const,
      says: ["its answer is not a token"],
      sent: 1
    })),
    {
      name: "a page in the place of a token",
      handler: instance({ token: () => ({ body: `<html lang="en">${marked}</html>` }) }),
      reason: "Invalid",
      says: ["its answer is not a token"],
      sent: 1
    },
    {
      name: "a redirect",
      handler: instance({ token: () => ({ status: 302, headers: { location: `http://localhost/${marked}` } }) }),
      reason: "Invalid",
      says: ["redirect"],
      sent: 1
    },
    {
      name: "far too much",
      handler: instance({ token: () => ({ body: " ".repeat(10_000_000) }) }),
      reason: "Invalid",
      says: ["longer than 1 MiB"],
      sent: 1
    },
    {
      name: "a service that is lost after the token",
      handler: instance({ roles: () => "Refused" }),
      reason: "Unreachable",
      says: ["ECONNREFUSED"],
      sent: 4
    },
    {
      name: "a service that falls silent",
      handler: instance({ credentials: () => "Never" }),
      reason: "Unreachable",
      says: ["no answer within 1s"],
      sent: 5
    },
    {
      name: "a service that will not name the role",
      handler: instance({ roles: () => ({ status: 403, body: marked }) }),
      reason: "Refused",
      says: ["status 403"],
      sent: 2
    },
    {
      name: "a role without credentials",
      handler: instance({ credentials: () => ({ status: 404, body: marked }) }),
      reason: "Refused",
      says: ["status 404", "trust policy"],
      sent: 3
    },
    ...["..", ".", "../../user-data", "a/b", "a?b", "a#b", "a%2fb", "a b", "x".repeat(65), "<html>", "é"].map((
      body
    ) => ({
      name: `a role that would change the path: ${body}`,
      handler: instance({ roles: () => ({ body }) }),
      reason: "Invalid" as const,
      says: ["its answer is not the name of a role"],
      sent: 2
    })),
    {
      name: "a role that EC2 may not assume",
      handler: instance({
        credentials: () => ({
          body: JSON.stringify({
            Code: "AssumeRoleUnauthorizedAccess",
            Message: `EC2 cannot assume the role.\u0007\r\n Token ${marked}0==.`
          })
        })
      }),
      reason: "Refused",
      says: ["it refused (AssumeRoleUnauthorizedAccess: EC2 cannot assume the role.", "<redacted>", "trust policy"],
      sent: 3
    },
    {
      name: "credentials with a code that is no success",
      handler: instance({ credentials: () => json({ Code: "Failed" }) }),
      reason: "Refused",
      says: ["it refused (Failed)"],
      sent: 3
    },
    ...([
      ["AccessKeyId", undefined, "\"AccessKeyId\" is missing"],
      ["SecretAccessKey", marked.split(""), "\"SecretAccessKey\" is not"],
      ["Token", `${marked}\n`, "\"Token\" is not"],
      ["Expiration", marked, "\"Expiration\" is not a time"],
      ["Expiration", undefined, "\"Expiration\" is missing"],
      ["AccountId", marked, "\"AccountId\" is not"]
    ] as const).map(([field, value, says]) => ({
      name: `an answer in which ${says}`,
      handler: instance({ credentials: () => json({ [field]: value }) }),
      reason: "Invalid" as const,
      says: [says],
      sent: 3
    })),
    {
      name: "garbage",
      handler: instance({ credentials: () => ({ body: `{"AccessKeyId": "${marked}` }) }),
      reason: "Invalid",
      says: ["not JSON"],
      sent: 3
    },
    {
      name: "tokens that do not count",
      handler: instance({ roles: () => ({ status: 401, body: marked }) }),
      reason: "Refused",
      says: ["status 401"],
      sent: 4
    }
  ]

  for (const { environment, handler, name, reason, says, sent } of rows) {
    it.effect(`for ${name}`, () =>
      Effect.gen(function*() {
        const { asked, exit, seen } = yield* resolveWith(handler, environment)
        const error = yield* Effect.flip(exit)
        assert.instanceOf(error, IdentityError.CredentialsUnavailable)
        assert.strictEqual(error.reason, reason)
        for (const part of says) assert.include(error.message, part)
        assert.notMatch(error.message, /\p{Cc}/u)
        assert.lengthOf(asked, sent)
        assert.notInclude(seen, marked)
      }))
  }

  it.effect("for an environment that cannot be read", () =>
    Effect.gen(function*() {
      const broken = ConfigProvider.make({
        load: () => Effect.fail(ConfigError.Unsupported([], marked)),
        flattened: ConfigProvider.fromMap(new Map()).flattened
      })
      const { asked, layer } = inProcess(instance())
      const { exit, seen } = yield* observed(
        InstanceMetadataCredentials.resolve().pipe(Effect.provide(layer), Effect.withConfigProvider(broken))
      )
      assert.instanceOf(yield* Effect.flip(exit), IdentityError.CredentialsUnavailable)
      assert.lengthOf(asked, 0)
      assert.notInclude(seen, marked)
    }))
})

describe("whatever is in the list of roles", () => {
  it("only a name gets into a path, and the path stays where it is", async () => {
    const pieces = fc.array(
      fc.oneof(fc.constantFrom(".", "..", "/", "%2e", "\\", "?", "#", "role", "\t", "\n", "@", ":"), fc.string())
    )
    await fc.assert(
      fc.asyncProperty(pieces, async (parts) => {
        const { asked, layer } = inProcess(
          instance({ roles: () => ({ body: parts.join("") }), token: () => ({ body: "t" }) })
        )
        await Effect.runPromiseExit(InstanceMetadataCredentials.resolve().pipe(Effect.provide(layer), within({})))
        for (const { path } of asked.slice(2)) {
          assert.match(path, /^\/latest\/meta-data\/iam\/security-credentials\/[\w+=,.@-]{1,64}$/)
        }
      }),
      { numRuns: 500 }
    )
  })
})

describe("resilience", () => {
  it.effect("a token that has stopped counting is replaced, once", () =>
    Effect.gen(function*() {
      const { asked, exit } = yield* resolveWith(instance({ credentials: inTurn({ status: 401 }, json()) }))
      yield* exit
      assert.deepStrictEqual(linesOf(asked).map((line) => line.slice(0, 8)), [
        ...["PUT /lat", "GET /lat", "GET /lat"],
        ...["PUT /lat", "GET /lat", "GET /lat"]
      ])
      assert.notStrictEqual(
        asked[2]?.headers["x-aws-ec2-metadata-token"],
        asked[5]?.headers["x-aws-ec2-metadata-token"]
      )
    }))

  it.effect("an outage of a moment is lived through, at each step", () =>
    Effect.gen(function*() {
      const once: Given = { status: 503 }
      const { asked, exit } = yield* resolveWith(instance({
        token: inTurn(once, once, { body: "token" }),
        roles: inTurn(once, "Refused", { body: "Web-Server" }),
        credentials: inTurn(once, once, json())
      }))
      yield* exit
      assert.lengthOf(asked, 9)
    }))

  it.effect("what has expired when it comes is an error and no promise, what has not is used until its end", () =>
    Effect.gen(function*() {
      const { asked, layer } = inProcess(instance({
        credentials: inTurn(json({ Expiration: "1970-01-01T01:00:00Z" }))
      }))
      yield* Effect.gen(function*() {
        const provider = yield* CredentialsProvider.CredentialsProvider
        assert.strictEqual((yield* provider.get).accessKeyId, "ASIAEXAMPLE")
        yield* provider.get
        assert.lengthOf(asked, 3)
        // The service has no new ones.
        yield* TestClock.adjust("3599 seconds")
        assert.strictEqual((yield* provider.get).accessKeyId, "ASIAEXAMPLE")
        yield* TestClock.adjust("1 seconds")
        const error = yield* Effect.flip(provider.get)
        assert.instanceOf(error, IdentityError.CredentialsExpired)
        assert.include(error.message, "1970-01-01T01:00:00.000Z")
      }).pipe(Effect.provide(Layer.provide(InstanceMetadataCredentials.layer(), layer)), within({}))
    }))
})

const clients = {
  "node:http": nodeHttp,
  undici,
  fetch: fetchHttp
}

describe("on real sockets", () => {
  for (const [name, client] of Object.entries(clients)) {
    const resolveAt = (url: string) =>
      observed(InstanceMetadataCredentials.resolve().pipe(Effect.provide(client), within({ [endpoint]: url })))

    it.scopedLive(`${name}: credentials come`, () =>
      Effect.gen(function*() {
        const { asked, url } = yield* listening(instance())
        const { exit, seen } = yield* resolveAt(url)
        assert.strictEqual((yield* exit).accessKeyId, "ASIAEXAMPLE")
        assert.lengthOf(asked, 3)
        assert.notInclude(seen, marked)
      }))

    it.scopedLive(`${name}: nobody there, and nobody who answers, is NotConfigured`, () =>
      Effect.gen(function*() {
        const gone = yield* Effect.scoped(listening(() => "Never"))
        const silent = yield* listening(() => "Never")
        for (const { url } of [gone, silent]) {
          const { exit } = yield* resolveAt(url)
          assert.instanceOf(yield* Effect.flip(exit), IdentityError.NotConfigured)
        }
        assert.lengthOf(silent.asked, 1)
      }))

    it.scopedLive(`${name}: 10 MB, and a redirect, which gets no request`, () =>
      Effect.gen(function*() {
        const elsewhere = yield* listening(instance())
        const long = yield* listening(instance({ credentials: () => ({ body: marked.repeat(500_000) }) }))
        const moved = yield* listening(instance({
          roles: () => ({ status: 308, headers: { location: `${elsewhere.url}/${marked}` } })
        }))
        for (const [{ url }, says] of [[long, "longer than 1 MiB"], [moved, "redirect"]] as const) {
          const { exit, seen } = yield* resolveAt(url)
          const error = yield* Effect.flip(exit)
          assert.instanceOf(error, IdentityError.CredentialsUnavailable)
          assert.include(error.message, says)
          assert.notInclude(seen, marked)
        }
        assert.lengthOf(elsewhere.asked, 0)
      }))
  }
})

describe("beside AWS's SDK", () => {
  /** What both make of a server: an access key, or that there is none. */
  const both = (handler: () => Handler) =>
    Effect.gen(function*() {
      const ours = yield* listening(handler())
      const theirs = yield* listening(handler())
      const our = yield* Effect.exit(
        InstanceMetadataCredentials.resolve().pipe(
          Effect.provide(nodeHttp),
          within({ [endpoint]: ours.url })
        )
      )
      const their = yield* Effect.acquireUseRelease(
        Effect.sync(() => {
          process.env[endpoint] = theirs.url
        }),
        () => Effect.exit(Effect.tryPromise(() => fromInstanceMetadata({ logger: silent })())),
        () =>
          Effect.sync(() => {
            delete process.env[endpoint]
          })
      )
      return {
        ours: Exit.match(our, { onFailure: () => undefined, onSuccess: ({ accessKeyId }) => accessKeyId }),
        theirs: Exit.match(their, { onFailure: () => undefined, onSuccess: ({ accessKeyId }) => accessKeyId }),
        our,
        their,
        sent: linesOf(ours.asked),
        theirSent: linesOf(theirs.asked)
      }
    })

  it.scopedLive("the same credentials, end, account and requests", () =>
    Effect.gen(function*() {
      for (const fields of [{}, { AccountId: "000011112222" }]) {
        const { our, sent, their, theirSent } = yield* both(() => instance({ credentials: () => json(fields) }))
        const ours = yield* our
        const theirs = yield* their
        assert.strictEqual(ours.accessKeyId, theirs.accessKeyId)
        assert.strictEqual(Redacted.value(ours.secretAccessKey), theirs.secretAccessKey)
        assert.strictEqual(Option.getOrUndefined(Option.map(ours.sessionToken, Redacted.value)), theirs.sessionToken)
        assert.strictEqual(
          Option.getOrUndefined(Option.map(ours.expiration, DateTime.toEpochMillis)),
          theirs.expiration?.getTime()
        )
        assert.strictEqual(Option.getOrUndefined(ours.accountId), theirs.accountId)
        assert.deepStrictEqual(sent, theirSent)
      }
    }))

  it.scopedLive("none where it has none", () =>
    Effect.gen(function*() {
      for (
        const handler of [
          instance({ roles: () => ({ status: 404 }) }),
          instance({ credentials: () => ({ status: 404 }) }),
          instance({ credentials: () => ({ body: JSON.stringify({ Code: "AssumeRoleUnauthorizedAccess" }) }) }),
          instance({ credentials: () => ({ body: "garbage" }) }),
          instance({ credentials: () => json({ SecretAccessKey: undefined }) }),
          instance({ token: () => ({ status: 400 }) })
        ]
      ) {
        assert.deepInclude(yield* both(() => handler), { ours: undefined, theirs: undefined })
      }
    }))

  it.scopedLive("where it falls back to version 1, takes what has expired for good, or asks another path: none", () =>
    Effect.gen(function*() {
      const theirsOnly = { ours: undefined, theirs: "ASIAEXAMPLE" }
      const firstVersion: Handler = ({ path }) =>
        path === rolesPath ? { body: "Web-Server" } : path.startsWith(rolesPath) ? json() : { status: 404 }
      assert.deepInclude(yield* both(() => firstVersion), theirsOnly)
      const failing: Handler = ({ path }) =>
        path === rolesPath
          ? { body: "../security-credentials/x" }
          : path.endsWith("token")
          ? { body: "t" }
          : json()
      assert.deepInclude(yield* both(() => failing), theirsOnly)
    }))

  it.scopedLive("credentials that have expired: theirs live on, ours say when they ended", () =>
    Effect.gen(function*() {
      const { our, their } = yield* both(() =>
        instance({ credentials: () => json({ Expiration: "2020-01-01T00:00:00Z" }) })
      )
      const ended = Date.parse("2020-01-01T00:00:00Z")
      assertEquals(Option.map((yield* our).expiration, DateTime.toEpochMillis), Option.some(ended))
      assert.isAbove((yield* their).expiration?.getTime() ?? 0, ended)
    }))
})

/** Nobody needs to read what AWS's SDK says of these servers. */
const silent = { warn: () => {}, debug: () => {}, info: () => {}, error: () => {} }
