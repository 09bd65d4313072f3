import { fromHttp } from "@aws-sdk/credential-provider-http"
import { FileSystem, Path } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { assertEquals } from "@effect/vitest/utils"
import {
  ConfigError,
  ConfigProvider,
  DateTime,
  Effect,
  Either,
  Exit,
  FastCheck as fc,
  Fiber,
  Layer,
  Option,
  Redacted,
  TestClock
} from "effect"
import { ContainerCredentials, CredentialsProvider, IdentityError } from "effect-aws-identity"
import { isIP } from "node:net"
import { fullUrl, relativeUrl } from "../src/internal/containerEndpoint.js"
import { type Given, type Handler, inProcess, inTurn, listening } from "./metadataServer.js"
import { observed } from "./observed.js"
import { fetchHttp, nodeContext, nodeHttp, undici } from "./ports.js"

// The agents of ECS and EKS, Greengrass and their like. Without a socket on `TestClock`, but where it says otherwise.

/** Stands where a secret does, and must not be seen anywhere. */
const marked = "MARKED-SECRET-0123456789"

const relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
const full = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
const tokenFile = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
const tokenVariable = "AWS_CONTAINER_AUTHORIZATION_TOKEN"

const answer = {
  RoleArn: "arn:aws:iam::111122223333:role/Task",
  AccessKeyId: "ASIAEXAMPLE",
  SecretAccessKey: `${marked}-key`,
  Token: `${marked}-token`,
  Expiration: "2030-01-31T12:00:00Z",
  AccountId: "111122223333"
}

/** Fields over those of a good answer; what is undefined is left out. */
const json = (fields: Record<string, unknown> = {}, status = 200): Given => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ ...answer, ...fields })
})

type Environment = Readonly<Record<string, string>>

const within = (environment: Environment) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))

/** One resolution against a server in the process, and what that was asked. */
const resolveWith = (environment: Environment, handler: Handler) => {
  const { asked, layer } = inProcess(handler)
  return Effect.map(
    observed(ContainerCredentials.resolve().pipe(Effect.provide([nodeContext, layer]), within(environment))),
    (seen) => ({ ...seen, asked })
  )
}

const ecs = { [relative]: `/v2/credentials/${marked}` }

describe("where it asks", () => {
  it.effect("nowhere if nothing is set: NotConfigured, the one error that lets a chain go on", () =>
    Effect.gen(function*() {
      for (const environment of [{}, { [relative]: "", [full]: "", [tokenVariable]: marked }]) {
        const { asked, exit } = yield* resolveWith(environment, () => json())
        const error = yield* Effect.flip(exit)
        assert.instanceOf(error, IdentityError.NotConfigured)
        for (const part of [relative, full, "Pod Identity"]) assert.include(error.message, part)
        assert.lengthOf(asked, 0)
      }
    }))

  it.effect("at ECS's agent, which counts before a full URI, as in AWS's SDKs", () =>
    Effect.gen(function*() {
      const { asked, exit, seen } = yield* resolveWith({ ...ecs, [full]: "http://localhost/other" }, () => json())
      const credentials = yield* exit
      assert.strictEqual(credentials.accessKeyId, "ASIAEXAMPLE")
      assert.strictEqual(Redacted.value(credentials.secretAccessKey), answer.SecretAccessKey)
      assertEquals(Option.map(credentials.sessionToken, Redacted.value), Option.some(answer.Token))
      assertEquals(Option.map(credentials.expiration, DateTime.formatIso), Option.some("2030-01-31T12:00:00.000Z"))
      assertEquals(credentials.accountId, Option.some("111122223333"))
      assert.deepStrictEqual(
        asked.map(({ method, origin, path }) => [method, origin, path]),
        [["GET", "http://169.254.170.2", ecs[relative]]]
      )
      assert.notProperty(asked[0]?.headers, "authorization")
      assert.strictEqual(asked[0]?.headers["accept"], "application/json")
      assert.notInclude(seen, marked)
    }))

  it.effect("at the full URI, with its query as it is", () =>
    Effect.gen(function*() {
      const environment = { [full]: "http://169.254.170.23/v1/credentials?a=b%20c&d=%2B" }
      const { asked, exit } = yield* resolveWith(environment, () => json())
      yield* exit
      assert.strictEqual(`${asked[0]?.origin}${asked[0]?.path}`, "http://169.254.170.23/v1/credentials?a=b%20c&d=%2B")
    }))
})

describe("what it tells", () => {
  it.scoped("the file's token first, read again each time, as it is but for the line end of an editor", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.makeTempFileScoped()
      const { asked, layer } = inProcess(() => json())
      const resolve = ContainerCredentials.resolve().pipe(
        Effect.provide(layer),
        within({ [full]: "http://169.254.170.23/v1/credentials", [tokenFile]: file, [tokenVariable]: "other" })
      )
      for (const text of ["Bearer a.b-c", "second\n", "third\r\n\r\n"]) {
        yield* fs.writeFileString(file, text)
        yield* resolve
      }
      assert.deepStrictEqual(asked.map(({ headers }) => headers["authorization"]), ["Bearer a.b-c", "second", "third"])
    }).pipe(Effect.provide(nodeContext)))

  it.scoped("through the links of a volume of Kubernetes", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const directory = yield* fs.makeTempDirectoryScoped()
      yield* fs.makeDirectory(path.join(directory, "..data_1"))
      yield* fs.writeFileString(path.join(directory, "..data_1", "token"), "linked")
      yield* fs.symlink("..data_1", path.join(directory, "..data"))
      yield* fs.symlink(path.join("..data", "token"), path.join(directory, "token"))
      const { asked, exit } = yield* resolveWith(
        { [full]: "http://[fd00:ec2::23]/v1/credentials", [tokenFile]: path.join(directory, "token") },
        () => json()
      )
      yield* exit
      assert.deepStrictEqual([asked[0]?.origin, asked[0]?.headers["authorization"]], [
        "http://[fd00:ec2::23]",
        "linked"
      ])
    }).pipe(Effect.provide(nodeContext)))

  it.effect("the variable's token, also to ECS's agent", () =>
    Effect.gen(function*() {
      const { asked, exit } = yield* resolveWith({ ...ecs, [tokenVariable]: "Basic dXNlcjpwYXNz" }, () => json())
      yield* exit
      assert.strictEqual(asked[0]?.headers["authorization"], "Basic dXNlcjpwYXNz")
    }))
})

interface Row {
  readonly name: string
  readonly environment?: Environment
  readonly given?: Given
  readonly reason: IdentityError.CredentialsUnavailable["reason"]
  readonly says: ReadonlyArray<string>
  /** If not said, one is sent for each row with an answer, else none. */
  readonly sent?: number
}

const pod = { [full]: "http://169.254.170.23/v1/credentials", [tokenVariable]: `Bearer ${marked}` }

const rows: ReadonlyArray<Row> = [
  {
    name: "a full URI that is none",
    environment: { [full]: `not a url ${marked}` },
    reason: "Invalid",
    says: [full, "it is no URL", "Nothing was sent"]
  },
  {
    name: "a full URI of another protocol",
    environment: { [full]: `ftp://localhost/${marked}` },
    reason: "Invalid",
    says: [full, "ftp:"]
  },
  {
    name: "plain http to another host",
    environment: { [full]: `http://example.com/${marked}?${marked}`, [tokenVariable]: marked },
    reason: "Invalid",
    says: [full, "example.com", "127.0.0.0/8", "169.254.170.23", "Nothing was sent"]
  },
  {
    name: "a password in the URI",
    environment: { [full]: `https://user:${marked}@example.com/` },
    reason: "Invalid",
    says: [full, "a user name or a password"]
  },
  {
    name: "a relative URI that would change the host",
    environment: { [relative]: `@example.com/${marked}` },
    reason: "Invalid",
    says: [relative, "begins with a slash"]
  },
  {
    name: "a relative URI that would change the port",
    environment: { [relative]: `:8080/${marked}` },
    reason: "Invalid",
    says: [relative, "begins with a slash"]
  },
  {
    name: "a token file that is not there",
    environment: { ...pod, [tokenFile]: "/nowhere/token" },
    reason: "Missing",
    says: ["/nowhere/token", "no such file", tokenFile]
  },
  {
    name: "a token file that is none",
    environment: { ...pod, [tokenFile]: "/tmp" },
    reason: "Invalid",
    says: ["/tmp", "not a file but a directory", tokenFile]
  },
  ...["\r\nx-evil: 1", "\ny", "\u0000", "\u0007", "é", "\u{1f511}", "\u007f"].map((end): Row => ({
    name: `a token with ${JSON.stringify(end)}`,
    environment: { ...pod, [tokenVariable]: `${marked}${end}x` },
    reason: "Invalid",
    says: [tokenVariable, "no header may have", "Nothing was sent"]
  })),
  {
    name: "no connection",
    given: "Refused",
    reason: "Unreachable",
    says: ["http://169.254.170.23", "ECONNREFUSED", "proxy"],
    sent: 4
  },
  {
    name: "an error of the agent, which repeats what it was told",
    environment: { ...pod, ...ecs },
    given: {
      status: 400,
      body: JSON.stringify({
        code: "InvalidIdRequest",
        message: `no credentials for ${marked}\u0007\r\nid, Bearer ${marked}`,
        HTTPErrorCode: 400
      })
    },
    reason: "Refused",
    says: [
      "http://169.254.170.2:",
      "status 400 (InvalidIdRequest: no credentials for <redacted> id, Bearer <redacted>)"
    ]
  },
  {
    name: "an error of ECS's agent, which repeats the name of the task",
    environment: ecs,
    given: { status: 404, body: JSON.stringify({ code: "NoId", message: `Credentials not found: ${marked}` }) },
    reason: "Refused",
    says: ["status 404 (NoId: Credentials not found: <redacted>)"]
  },
  {
    name: "an error code that is the token",
    given: { status: 403, body: JSON.stringify({ Code: marked, Message: "no".repeat(10_000) }) },
    reason: "Refused",
    says: ["status 403 (nonono"]
  },
  {
    name: "an error page",
    given: { status: 404, body: `<html>${marked}</html>` },
    reason: "Refused",
    says: ["status 404 (an HTML page, which is not AWS's but perhaps a proxy's)"]
  },
  {
    name: "an outage",
    given: { status: 503, body: marked },
    reason: "Refused",
    says: ["status 503 (plain text, which is not AWS's but perhaps a proxy's)"],
    sent: 4
  },
  {
    name: "a refusal with a status of 200",
    given: { body: JSON.stringify({ Code: "AssumeRoleUnauthorizedAccess", Message: "no role" }) },
    reason: "Refused",
    says: ["it refused (AssumeRoleUnauthorizedAccess: no role)"]
  },
  { name: "nothing", given: { body: "" }, reason: "Invalid", says: ["not JSON"] },
  { name: "garbage", given: { body: `{"AccessKeyId": "${marked}` }, reason: "Invalid", says: ["not JSON"] },
  {
    name: "a status of success that is not 200",
    given: { status: 204 + 2, body: "{}" },
    reason: "Refused",
    says: ["206"]
  },
  { name: "no object", given: { body: `["${marked}"]` }, reason: "Invalid", says: ["in its answer"] },
  {
    name: "no access key",
    given: json({ AccessKeyId: undefined }),
    reason: "Invalid",
    says: ["\"AccessKeyId\" is missing"]
  },
  {
    name: "an empty secret key",
    given: json({ SecretAccessKey: "" }),
    reason: "Invalid",
    says: ["\"SecretAccessKey\" is missing"]
  },
  {
    name: "a secret key of another type",
    given: json({ SecretAccessKey: [marked] }),
    reason: "Invalid",
    says: ["\"SecretAccessKey\" is not"]
  },
  {
    name: "a token that would break a header",
    given: json({ Token: `${marked}\r\nx: y` }),
    reason: "Invalid",
    says: ["\"Token\" is not text of visible ASCII"]
  },
  {
    name: "an access key that would break a header",
    given: json({ AccessKeyId: `${marked}\n` }),
    reason: "Invalid",
    says: ["\"AccessKeyId\" is not text of visible ASCII"]
  },
  {
    name: "no time that is one",
    given: json({ Expiration: marked }),
    reason: "Invalid",
    says: ["\"Expiration\" is not a time"]
  },
  {
    name: "temporary credentials without an end",
    given: json({ Expiration: null }),
    reason: "Invalid",
    says: ["\"Expiration\" is missing"]
  },
  {
    name: "an account id that is none",
    given: json({ AccountId: marked }),
    reason: "Invalid",
    says: ["\"AccountId\" is not an account id of 12 digits"]
  },
  {
    name: "a redirect",
    given: { status: 302, headers: { location: `http://localhost/${marked}` } },
    reason: "Invalid",
    says: ["a redirect"]
  },
  { name: "far too much", given: { body: " ".repeat(10_000_000) }, reason: "Invalid", says: ["longer than 1 MiB"] }
]

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

describe("CredentialsUnavailable", () => {
  for (const { environment, given, name, reason, says, sent } of rows) {
    // Those with files run on the real clock, which they do not need.
    const run = environment?.[tokenFile] === undefined ? it.effect : it.live
    run(`for ${name}`, () =>
      Effect.gen(function*() {
        const one = resolveWith(environment ?? pod, () => given ?? json())
        const { asked, exit, seen } = yield* run === it.effect ? overPauses(one) : one
        const error = yield* Effect.flip(exit)
        assert.instanceOf(error, IdentityError.CredentialsUnavailable)
        assert.strictEqual(error.reason, reason)
        for (const part of says) assert.include(error.message, part)
        assert.notMatch(error.message, /\p{Cc}/u)
        assert.isBelow(error.message.length, 900)
        assert.lengthOf(asked, sent ?? (given === undefined ? 0 : 1))
        assert.notInclude(seen, marked)
      }))
  }

  it.scopedLive("for a token file that is too long, empty or of several lines, without a word of it", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.makeTempFileScoped()
      for (
        const [text, says] of [
          ["", "it is empty"],
          ["\n", "it is empty"],
          [`${marked}\n${marked}`, "no header may have"],
          [marked.repeat(3000), "longer than 65536 bytes"]
        ] as const
      ) {
        yield* fs.writeFileString(file, text)
        const { asked, exit, seen } = yield* resolveWith({ ...pod, [tokenFile]: file }, () => json())
        const error = yield* Effect.flip(exit)
        assert.instanceOf(error, IdentityError.CredentialsUnavailable)
        assert.include(error.message, `No credentials from ${file}: `)
        assert.include(error.message, says)
        assert.lengthOf(asked, 0)
        assert.notInclude(seen, marked)
      }
    }).pipe(Effect.provide(nodeContext)))

  it.effect("for an environment that cannot be read", () =>
    Effect.gen(function*() {
      const broken = ConfigProvider.make({
        load: () => Effect.fail(ConfigError.Unsupported([], marked)),
        flattened: ConfigProvider.fromMap(new Map()).flattened
      })
      const { asked, layer } = inProcess(() => json())
      const { exit, seen } = yield* observed(
        ContainerCredentials.resolve().pipe(
          Effect.provide([nodeContext, layer]),
          Effect.withConfigProvider(broken)
        )
      )
      const error = yield* Effect.flip(exit)
      assert.instanceOf(error, IdentityError.CredentialsUnavailable)
      assert.include(error.message, "the environment")
      assert.lengthOf(asked, 0)
      assert.notInclude(seen, marked)
    }))
})

describe("FileError", () => {
  it.live("for a token file that cannot be read or even be named", () =>
    Effect.gen(function*() {
      for (const file of ["/etc/passwd/token", "nul\u0000byte"]) {
        const { asked, exit } = yield* resolveWith({ ...pod, [tokenFile]: file }, () => json())
        const error = yield* Effect.flip(exit)
        assert.notInstanceOf(error, IdentityError.NotConfigured)
        assert.include(error.message, file)
        assert.lengthOf(asked, 0)
      }
    }))
})

describe("resilience", () => {
  it.effect("lost connections, 429 and 5xx are tried again; the fourth attempt may still succeed", () =>
    Effect.gen(function*() {
      const { asked, exit } = yield* overPauses(
        resolveWith(ecs, inTurn("Refused", { status: 500 }, { status: 429 }, json()))
      )
      yield* exit
      assert.lengthOf(asked, 4)
    }))

  it.effect("a server that never answers is left after four attempts of a second", () =>
    Effect.gen(function*() {
      const { asked, layer } = inProcess(() => "Never")
      const fiber = yield* Effect.fork(
        ContainerCredentials.resolve().pipe(Effect.provide([nodeContext, layer]), within(ecs))
      )
      yield* TestClock.adjust("999 millis")
      assert.lengthOf(asked, 1)
      yield* TestClock.adjust("3001 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("1 seconds")
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.lengthOf(asked, 4)
      assert.include(error.message, "it gave no answer within 1s")
    }))

  it.effect("the layer keeps credentials, and reads the environment and asks again when they end", () =>
    Effect.gen(function*() {
      const end = (seconds: number) => DateTime.formatIso(DateTime.unsafeMake(seconds * 1000))
      const { asked, layer } = inProcess(inTurn(
        json({ AccessKeyId: "FIRST", Expiration: end(3600) }),
        json({ AccessKeyId: "SECOND", Expiration: end(7200) }),
        json({ AccessKeyId: "STALE", Expiration: end(3600) })
      ))
      yield* Effect.gen(function*() {
        const provider = yield* CredentialsProvider.CredentialsProvider
        const key = Effect.map(provider.get, ({ accessKeyId }) => accessKeyId)
        assert.strictEqual(yield* key, "FIRST")
        assert.strictEqual(yield* key, "FIRST")
        assert.lengthOf(asked, 1)
        yield* TestClock.adjust("3600 seconds")
        assert.strictEqual(yield* key, "SECOND")
        yield* TestClock.adjust("3600 seconds")
        // What has ended when it comes is never given out.
        assert.instanceOf(yield* Effect.flip(key), IdentityError.CredentialsExpired)
      }).pipe(Effect.provide(
        ContainerCredentials.layer().pipe(
          Layer.provide([nodeContext, layer]),
          Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(ecs)))))
        )
      ))
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
      observed(
        ContainerCredentials.resolve().pipe(
          Effect.provide([nodeContext, client]),
          within({ [full]: `${url}/credentials?a=b%20c#d`, [tokenVariable]: marked })
        )
      )

    it.scopedLive(`${name}: credentials come, and the token goes to the server`, () =>
      Effect.gen(function*() {
        const { asked, url } = yield* listening(() => json())
        const { exit, seen } = yield* resolveAt(url)
        assert.strictEqual((yield* exit).accessKeyId, "ASIAEXAMPLE")
        assert.deepStrictEqual(asked.map(({ headers, path }) => [path, headers["authorization"]]), [[
          "/credentials?a=b%20c",
          marked
        ]])
        assert.notInclude(seen, marked)
      }))

    it.scopedLive(`${name}: a redirect gets neither a request nor the token`, () =>
      Effect.gen(function*() {
        const elsewhere = yield* listening(() => json())
        const { url } = yield* listening(() => ({ status: 307, headers: { location: `${elsewhere.url}/${marked}` } }))
        const { exit, seen } = yield* resolveAt(url)
        assert.include((yield* Effect.flip(exit)).message, "redirect")
        assert.lengthOf(elsewhere.asked, 0)
        assert.notInclude(seen, marked)
      }))

    it.scopedLive(`${name}: 10 MB, an answer that breaks off, and nobody there`, () =>
      Effect.gen(function*() {
        const long = yield* listening(() => ({ body: marked.repeat(500_000) }))
        const torn = yield* listening(() => "BreaksOff")
        const gone = yield* Effect.scoped(listening(() => "Never"))
        for (
          const [{ url }, says] of [
            [long, "longer than 1 MiB"],
            [torn, "broke off"],
            [gone, "ECONNREFUSED"]
          ] as const
        ) {
          const { exit, seen } = yield* resolveAt(url)
          const error = yield* Effect.flip(exit)
          assert.instanceOf(error, IdentityError.CredentialsUnavailable)
          assert.include(error.message, says)
          assert.include(error.message, url)
          assert.notInclude(seen, marked)
        }
        assert.lengthOf(long.asked, 1)
        assert.lengthOf(torn.asked, 4)
      }))
  }
})

describe("beside AWS's SDK", () => {
  /** What both make of a server: an access key, or that there is none. */
  const both = (handler: Handler, environment: Environment = {}) =>
    Effect.gen(function*() {
      const { asked, url } = yield* listening(handler)
      const ours = yield* Effect.exit(
        ContainerCredentials.resolve().pipe(
          Effect.provide([nodeContext, nodeHttp]),
          within({ [full]: `${url}/credentials`, ...environment })
        )
      )
      const sent = asked.splice(0).map(({ headers, path }) => [path, headers["authorization"]])
      const theirs = yield* Effect.exit(Effect.tryPromise(() =>
        fromHttp({
          awsContainerCredentialsFullUri: environment[full] ?? `${url}/credentials`,
          awsContainerAuthorizationToken: environment[tokenVariable] ?? "",
          awsContainerAuthorizationTokenFile: environment[tokenFile] ?? "",
          maxRetries: 0,
          logger: { warn: () => {}, debug: () => {}, info: () => {}, error: () => {} }
        })()
      ))
      return {
        ours: Exit.match(ours, { onFailure: () => undefined, onSuccess: ({ accessKeyId }) => accessKeyId }),
        theirs: Exit.match(theirs, { onFailure: () => undefined, onSuccess: ({ accessKeyId }) => accessKeyId }),
        ourExpiration: Exit.isSuccess(ours) ? Option.map(ours.value.expiration, DateTime.toEpochMillis) : Option.none(),
        theirExpiration: Exit.isSuccess(theirs)
          ? Option.map(Option.fromNullable(theirs.value.expiration), Number)
          : Option.none(),
        sent,
        theirSent: asked.map(({ headers, path }) => [path, headers["authorization"]])
      }
    })

  it.scopedLive("the same credentials, end and request", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.makeTempFileScoped()
      yield* fs.writeFileString(file, "from file")
      for (const environment of [{}, { [tokenVariable]: "Basic x" }, { [tokenVariable]: "x", [tokenFile]: file }]) {
        const { ourExpiration, ours, sent, theirExpiration, theirSent, theirs } = yield* both(() => json(), environment)
        assert.strictEqual(ours, "ASIAEXAMPLE")
        assert.strictEqual(ours, theirs)
        assertEquals(ourExpiration, theirExpiration)
        assert.deepStrictEqual(sent, theirSent)
      }
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("none where it has none", () =>
    Effect.gen(function*() {
      for (
        const given of [
          json({}, 403),
          json({ AccessKeyId: undefined }),
          json({ Expiration: undefined }),
          json({ Expiration: "soon" }),
          { body: "garbage" },
          { status: 302, headers: { location: "/other" } }
        ]
      ) {
        assert.deepInclude(yield* both(() => given), { ours: undefined, theirs: undefined })
      }
    }))

  it.scopedLive("long-lived credentials, which have no token: ours only, as Go's SDK has it", () =>
    Effect.gen(function*() {
      for (const fields of [{ Token: undefined }, { Token: undefined, Expiration: undefined }, { Token: "" }]) {
        const { ours, theirs } = yield* both(() => json(fields))
        assert.strictEqual(ours, "ASIAEXAMPLE")
        if (fields.Token === undefined) assert.strictEqual(theirs, undefined)
      }
    }))

  it.scopedLive("a token with a line end: theirs is refused, ours only loses that of a file", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.makeTempFileScoped()
      yield* fs.writeFileString(file, "token\r\n")
      assert.deepInclude(yield* both(() => json(), { [tokenFile]: file }), { ours: "ASIAEXAMPLE", theirs: undefined })
      assert.deepInclude(yield* both(() => json(), { [tokenVariable]: "a\r\nb: c" }), {
        ours: undefined,
        theirs: undefined
      })
    }).pipe(Effect.provide(nodeContext)))
})

describe("the hosts that plain http may be spoken to", () => {
  const accepts = (text: string) => Either.isRight(fullUrl(text))

  it("are those that AWS names, however they are spelt", () => {
    for (
      const host of [
        ...["localhost", "LOCALHOST", "127.0.0.1", "127.255.0.9", "127.1", "2130706433", "0x7f000001", "0177.0.0.1"],
        ...[
          "127.0.0.1.",
          "[::1]",
          "[0:0:0:0:0:0:0:1]",
          "169.254.170.2",
          "2852039170",
          "0xa9.0xfeaa02",
          "169.254.170.23"
        ],
        ...["[fd00:ec2::23]", "[FD00:0EC2:0:0:0:0:0:23]", "%6c%6fcalhost", "１２７.0.0.1"]
      ]
    ) {
      assert.isTrue(accepts(`http://${host}/`), host)
      assert.isTrue(accepts(`http://${host}:8080/a?b`), host)
    }
  })

  it("and no other", () => {
    for (
      const host of [
        ...["example.com", "localhost.", "localhost.example.com", "127.0.0.1.example.com", "127.evil.com", "128.0.0.1"],
        ...["169.254.170.3", "169.254.170.234", "169.254.170.2.example.com", "169.254.169.254", "10.0.0.1", "0.0.0.0"],
        ...["[::]", "[::2]", "[::ffff:127.0.0.1]", "[fd00:ec2::254]", "[fe80::1]", "127.0.0.1@example.com"],
        ...["user@localhost", "user:pass@localhost", "a.localhost", "3232235777", "xn--localhost-", "127.0.0.256"],
        ...["localhost%00.example.com", "", "169.254.170.2:70000", "1270.0.0.1"]
      ]
    ) {
      assert.isFalse(accepts(`http://${host}/`), host)
    }
  })

  it("whatever the URL, are asked of the same host that is sent to, which is this machine or an agent", () => {
    const ipv4 = fc.oneof(
      fc.tuple(fc.constantFrom(126, 127, 128, 169), fc.nat(255), fc.nat(255), fc.nat(255)),
      fc.constantFrom([169, 254, 170, 2], [169, 254, 170, 23], [169, 254, 169, 254], [127, 0, 0, 1])
    )
    const address = ipv4.chain(([a = 0, b = 0, c = 0, d = 0]) => {
      const number = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d
      return fc.constantFrom(
        `${a}.${b}.${c}.${d}`,
        `${number}`,
        `0x${number.toString(16)}`,
        `0${number.toString(8)}`,
        `0x${a.toString(16)}.${b}.${c * 256 + d}`,
        `${a}.${b}.${c}.${d}.`,
        `[::ffff:${a}.${b}.${c}.${d}]`
      )
    })
    const host = fc.oneof(
      address,
      fc.ipV6().map((text) => `[${text}]`),
      fc.constantFrom("localhost", "LocalHost", "localhost.", "[::1]", "[fd00:ec2::23]", "[0::1]", "example.com"),
      fc.domain(),
      fc.string()
    )
    const around = fc.constantFrom("", "", "", "user@", "user:pass@", "@", "127.0.0.1@", "localhost:80@", "\t", "\\")
    const scheme = fc.constantFrom("http://", "HTTP://", "http:/", "http:\\\\", "http:///", "https://", "ws://", "//")
    let accepted = 0
    fc.assert(
      fc.property(
        scheme,
        around,
        host,
        around,
        fc.constantFrom("", ":80", ":0"),
        (scheme, before, host, after, port) => {
          const url = fullUrl(`${scheme}${before}${host}${port}${after}/x`)
          if (Either.isLeft(url)) return
          accepted += 1
          const { hostname, password, protocol, username } = url.right
          // A client reads the text of the URL again.
          assert.strictEqual(new URL(url.right.href).hostname, hostname)
          assert.strictEqual(username + password, "")
          if (protocol === "https:") return
          assert.strictEqual(protocol, "http:")
          const isNear = isIP(hostname) === 4
            ? hostname.startsWith("127.") || ["169.254.170.2", "169.254.170.23"].includes(hostname)
            : ["localhost", "[::1]", "[fd00:ec2::23]"].includes(hostname)
          assert.isTrue(isNear, hostname)
        }
      ),
      { numRuns: 20_000 }
    )
    assert.isAbove(accepted, 1000)
  })

  it("relative URIs never leave ECS's agent", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string().map((text) => `/${text}`), fc.webPath()), (path) => {
        const url = relativeUrl(path)
        if (Either.isRight(url)) assert.strictEqual(url.right.origin, "http://169.254.170.2")
        else assert.isFalse(/^\/[\w/-]*$/.test(path), path)
      }),
      { numRuns: 5000 }
    )
  })
})
