import { getDefaultRoleAssumer } from "@aws-sdk/client-sts"
import { fromTokenFile, fromWebToken } from "@aws-sdk/credential-provider-web-identity"
import { Command, FileSystem, HttpServer, HttpServerRequest, HttpServerResponse, Path } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it, vi } from "@effect/vitest"
import {
  Config,
  ConfigProvider,
  Context,
  DateTime,
  Duration,
  Effect,
  Either,
  FastCheck as fc,
  Layer,
  Option,
  Predicate,
  Redacted,
  Runtime,
  Schema,
  TestClock
} from "effect"
import type { Files } from "effect-aws-identity"
import {
  AccountId,
  AssumeRoleCredentials,
  Credentials,
  CredentialsProvider,
  ProfileCredentials,
  Region,
  SharedConfig,
  Sso,
  SsoTokenProvider,
  Sts,
  WebIdentityCredentials
} from "effect-aws-identity"
import { Emulator, IdentityCenter, OpenIdProvider } from "effect-aws-identity-testing"
import { createServer } from "node:http"
import { fileURLToPath } from "node:url"
import { nodeContext, nodeHttp } from "./ports.js"

// The same requests as `@aws-sdk/credential-provider-web-identity` and `AWS.WebIdentityCredentials` on the wire, and
// the same credentials from the same answer. Whatever differs stands here by name, with the reason.

const now = Date.UTC(2026, 10, 30, 12, 34, 56)
const region = Region.make("eu-central-1")
const role = "arn:aws:iam::111122223333:role/path/With+Odd=,.@-Name"
const key = {
  accessKeyId: "AKIDEXAMPLE0000000000",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  sessionToken: "IQoJb3JpZ2luX2VjE/+=="
}
const credentials = new Credentials.Credentials({
  accessKeyId: key.accessKeyId,
  secretAccessKey: Redacted.make(key.secretAccessKey),
  sessionToken: Option.some(Redacted.make(key.sessionToken))
})

/** One for all: to make its key takes longer than most tests. */
const openIdProvider = Effect.runSync(OpenIdProvider.make())

// ---------------------------------------------------------------------------------------------------------------
// The wire
// ---------------------------------------------------------------------------------------------------------------

/** A request as it arrived, and what the emulator itself says to it: status, and AWS's code of an error. */
interface Received {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly verdict: string
}

class Wire extends Context.Tag("Wire")<Wire, {
  readonly endpoint: string
  readonly received: Array<Received>
  /** Whole elements of the answer that are to be others, by their names; an empty text takes one out. */
  readonly replaced: Map<string, string>
}>() {}

const answer = (action: string) =>
  `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <${action}Result>
    <Provider>https://oidc.example.com</Provider>
    <Audience>sts.amazonaws.com</Audience>
    <AssumedRoleUser>
      <AssumedRoleId>AROA1234567890EXAMPLE:session</AssumedRoleId>
      <Arn>arn:aws:sts::111122223333:assumed-role/With+Odd=,.@-Name/session</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>
      <SecretAccessKey>a/secret+key=&lt;&amp;&gt;</SecretAccessKey>
      <SessionToken>a/session+token==</SessionToken>
      <Expiration>2026-11-30T13:34:56Z</Expiration>
    </Credentials>
    <SubjectFromWebIdentityToken>repo:me/app</SubjectFromWebIdentityToken>
    <PackedPolicySize>6</PackedPolicySize>
  </${action}Result>
  <ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>
</${action}Response>`

/** What both make of it. */
const issued = {
  accessKeyId: "ASIAIOSFODNN7EXAMPLE",
  secretAccessKey: "a/secret+key=<&>",
  sessionToken: "a/session+token==",
  expiration: new Date(now + 3_600_000),
  accountId: AccountId.make("111122223333")
}

/** Everybody gets the same answer; the emulator, which makes new credentials each time, is only asked for its view. */
const recording = (received: Array<Received>, replaced: ReadonlyMap<string, string>) =>
  Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    const body = yield* request.text
    const { body: said, status } = yield* Emulator.app
    const text = said._tag === "Uint8Array" ? new TextDecoder().decode(said.body) : ""
    const code = /<Code>(.*)<\/Code>/.exec(text)?.[1]
    const { headers, method, url } = request
    const verdict = code === undefined ? String(status) : `${status} ${code}`
    received.push({ method, target: url, headers: { ...headers }, body, verdict })
    const usual = answer(/\bAction=(\w+)/.exec(body)?.[1] ?? "")
    const whole = [...replaced].reduce(
      (text, [name, element]) => text.replace(new RegExp(`<${name}>.*</${name}>`), element),
      usual
    )
    return HttpServerResponse.text(whole, {
      contentType: "text/xml",
      // Node's own date would be another than the test's, and clients set their clocks by it.
      headers: { date: new Date(now).toUTCString() }
    })
  })

const wire = Layer.unwrapScoped(Effect.gen(function*() {
  yield* TestClock.setTime(now)
  const received: Array<Received> = []
  const replaced = new Map<string, string>()
  yield* HttpServer.serveEffect(recording(received, replaced))
  const { address } = yield* HttpServer.HttpServer
  const endpoint = HttpServer.formatAddress(address)
  return Layer.merge(
    Layer.succeed(Wire, { endpoint, received, replaced }),
    Sts.layer({ endpoint, region, maxAttempts: 1 })
  )
})).pipe(
  Layer.provide([
    NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }),
    nodeHttp,
    IdentityCenter.layer({
      openIdProviders: [{ provider: openIdProvider, clientIds: ["sts.amazonaws.com"] }],
      accessKeys: [{ ...key, arn: "arn:aws:iam::111122223333:user/ci" }],
      roles: [{ arn: role, trusts: [openIdProvider.issuer, "111122223333"] }]
    })
  ]),
  Layer.orDie,
  Layer.provideMerge(nodeContext)
)

/** The requests that are made meanwhile. */
const during = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const { received } = yield* Wire
    const result = yield* effect
    return { result, requests: received.splice(0) }
  })

/** The one request of it. */
const requestOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(
    during(effect),
    ({ requests: [request, ...others], result }) =>
      request === undefined || others.length > 0
        ? Effect.die(`${others.length + (request === undefined ? 0 : 1)} requests`)
        : Effect.succeed({ request, result })
  )

/** Headers of which one side has another value than the other, or none. */
const different: Readonly<Record<string, string>> = {
  "accept": "ours says what it can read; AWS's SDKs say nothing",
  "amz-sdk-invocation-id": "random, and v2 has none",
  "amz-sdk-request": "v2 does not number its attempts",
  "authorization": "the signed headers differ, as more of theirs do; the emulator verifies it",
  "connection": "the agent's choice",
  "content-length": "names and values are in another order",
  "content-type": "compared by its media type; ours and v2's name the charset",
  "user-agent": "each its own name",
  "x-amz-content-sha256": "theirs, also on what nobody signs",
  "x-amz-date": "theirs is the real clock with an offset, and may be a second off",
  "x-amz-user-agent": "theirs repeats its name for browsers, where it cannot set the other"
}

/** The form as the service reads it. A name that comes twice would show. */
const fieldsOf = (body: string): Readonly<Record<string, string>> => {
  const pairs = body.split("&").map((pair) => {
    const [name = "", value = ""] = pair.split(/=(.*)/s).map(decodeURIComponent)
    return [name, value] as const
  })
  assert.strictEqual(new Set(pairs.map(([name]) => name)).size, pairs.length)
  return Object.fromEntries(pairs)
}

const meaningOf = ({ body, headers, method, target, verdict }: Received) => ({
  method,
  target,
  verdict,
  contentType: headers["content-type"]?.split(";")[0],
  headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !(name in different))),
  fields: fieldsOf(body)
})

/** Ours, as their result is. */
const plain = ({ accessKeyId, accountId, expiration, secretAccessKey, sessionToken }: Credentials.Credentials) => ({
  accessKeyId,
  secretAccessKey: Redacted.value(secretAccessKey),
  sessionToken: Option.getOrUndefined(Option.map(sessionToken, Redacted.value)),
  expiration: Option.getOrUndefined(Option.map(expiration, DateTime.toDateUtc)),
  accountId: Option.getOrUndefined(accountId)
})

// ---------------------------------------------------------------------------------------------------------------
// AssumeRoleWithWebIdentity
// ---------------------------------------------------------------------------------------------------------------

interface Input extends WebIdentityCredentials.Role {
  readonly token: string
}

const ours = ({ token, ...input }: Input) =>
  Effect.map(WebIdentityCredentials.resolve({ ...input, token: Effect.succeed(Redacted.make(token)) }), plain)

/** As `fromWebToken` takes it. */
const theirInput = ({ policy, policyArns, providerId, roleArn, sessionDuration, sessionName }: Input) => ({
  roleArn,
  ...(sessionName === undefined ? {} : { roleSessionName: sessionName }),
  ...(providerId === undefined ? {} : { providerId }),
  ...(policyArns === undefined ? {} : { policyArns: policyArns.map((arn) => ({ arn })) }),
  ...(policy === undefined ? {} : { policy }),
  ...(sessionDuration === undefined ? {} : { durationSeconds: Duration.toSeconds(sessionDuration) })
})

const clientConfig = Effect.map(Wire, ({ endpoint }) => ({ endpoint, region, maxAttempts: 1 }))

const theirs = (input: Input) =>
  Effect.flatMap(
    clientConfig,
    (clientConfig) =>
      Effect.promise(() => fromWebToken({ ...theirInput(input), webIdentityToken: input.token, clientConfig })())
  )

const same = (input: Input) =>
  Effect.gen(function*() {
    const our = yield* requestOf(ours(input))
    const their = yield* requestOf(theirs(input))
    assert.deepStrictEqual(meaningOf(our.request), meaningOf(their.request))
    assert.notInclude(our.request.body, "+", "to AWS, a plus sign is a plus sign")
    for (const { request } of [our, their]) assert.isUndefined(request.headers["authorization"])
    assert.deepStrictEqual(our.result, issued)
    assert.deepInclude({ ...their.result }, issued)
    return meaningOf(our.request)
  })

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

/** One that nobody signed, and that the emulator refuses: its own take a moment to make. */
const tokenOf = (claims: Readonly<Record<string, unknown>>, signature = "c2lnbmF0dXJl") =>
  `${base64url({ alg: "RS256", kid: "k" })}.${base64url(claims)}.${signature}`

const least = { roleArn: role, sessionName: "session", token: tokenOf({ sub: "me" }) }
const oauth = { ...least, providerId: "www.amazon.com" }
const text = (first: number, last: number) =>
  String.fromCharCode(...Array.from({ length: last - first + 1 }, (_, index) => first + index))
const awkward = "a b+c&d=e/f%20g%zz?#h;i,j:@~*'()!\"\\<>ü日本😀"
const policy = "{\n\t\"Version\": \"2012-10-17\",\r\n  \"Statement\": [{ \"Resource\": \"a+b/é*?&=%\" }]\n}"
const readOnly = "arn:aws:iam::aws:policy/ReadOnlyAccess"

const inputs: Readonly<Record<string, Input>> = {
  "what is required": least,
  "everything": { ...oauth, policy, policyArns: [readOnly, `${role} ${awkward}`], sessionDuration: "1234 seconds" },
  "ten policies in their order": { ...least, policyArns: Array.from({ length: 10 }, (_, index) => readOnly + index) },
  "a policy of every character": { ...least, policy: `\t\n\r${text(0x20, 0xff)}` },
  "the shortest policy": { ...least, policy: " " },
  "the longest policy": { ...least, policy: "ÿ".repeat(2048) },
  "the shortest session": { ...least, sessionName: "@," },
  "a session of every character": {
    ...least,
    sessionName: `${text(0x61, 0x7a)}${text(0x41, 0x5a)}_+=,.@-`
  },
  "a session of digits": { ...least, sessionName: "0123456789".repeat(6) },
  "the shortest duration": { ...least, sessionDuration: "900 seconds" },
  "the longest duration": { ...least, sessionDuration: "43200 seconds" },
  "a role of every character": { ...least, roleArn: `arn:aws:iam::111122223333:role/${awkward}\t\n\r${text(32, 126)}` },
  "a role of no partition": { ...least, roleArn: "=".repeat(20) },
  "the longest role": { ...least, roleArn: `${role}/`.padEnd(2048, "😀") },
  "a token of Amazon": { ...oauth, token: `Atza|IwEBIJ+/=%2B&x ${awkward}` },
  "a token of Facebook": { ...oauth, providerId: "graph.facebook.com", token: "EAAB+/==" },
  "a token of another provider": { ...oauth, providerId: awkward, token: `  ${awkward}\r\n` },
  "the shortest token": { ...oauth, token: "%+/=" },
  "the longest token": { ...oauth, token: "+/=%".repeat(5000) },
  "the longest token that is none of letters": { ...oauth, token: "日".repeat(20_000) },
  "the longest JSON web token": { ...least, token: tokenOf({ sub: "me" }).padEnd(20_000, "-_") }
}

/** What the models' patterns let through. */
const characters = (min: number, max: number, ...all: ReadonlyArray<fc.Arbitrary<string>>) =>
  fc.string({ unit: fc.oneof(...all), minLength: min, maxLength: max })
const of = (first: number, last: number) =>
  fc.integer({ min: first, max: last }).map((code) => String.fromCodePoint(code))
const anything = [
  of(0x20, 0x7e),
  fc.constantFrom(..."\t\n\r\x85"),
  of(0xa0, 0xd7ff),
  of(0xe000, 0xfffd),
  of(
    0x10000,
    0x10ffff
  )
]
const name = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-")
const arn = characters(20, 60, ...anything)
const option = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })
const common = {
  roleArn: arn,
  sessionName: characters(2, 64, name),
  policyArns: option(fc.array(arn, { minLength: 1, maxLength: 10 })),
  policy: option(characters(1, 200, of(0x20, 0xff), fc.constantFrom(..."\t\n\r"))),
  sessionDuration: option(fc.integer({ min: 900, max: 43_200 }).map(Duration.seconds))
}
/** With a provider any text, and without one a token that could be one. */
const presented = fc.oneof(
  fc.record({
    token: fc.tuple(fc.dictionary(fc.string(), fc.jsonValue()), characters(1, 100, name.filter((c) => /\w/.test(c))))
      .map(([claims, signature]) => tokenOf({ more: claims, sub: "me" }, signature))
  }),
  fc.record({ token: characters(4, 300, of(0, 0xd7ff), ...anything), providerId: characters(4, 40, ...anything) })
)
const property = <A>(
  arbitrary: fc.Arbitrary<A>,
  numRuns: number,
  holds: (value: A) => Effect.Effect<void, unknown, Wire | Sts.Sts>
) =>
  Effect.gen(function*() {
    const runtime = yield* Effect.runtime<Wire | Sts.Sts>()
    yield* Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(arbitrary, (value) => Runtime.runPromise(runtime)(Effect.orDie(holds(value)))),
        { numRuns }
      )
    )
  })

describe("fromWebToken and WebIdentityCredentials.resolve ask for the same, and get the same", () => {
  it.effect.each(Object.entries(inputs))("%s", ([, input]) => same(input).pipe(Effect.provide(wire)))

  it.effect("by a token that STS takes", () =>
    Effect.gen(function*() {
      const { fields, verdict } = yield* same({ ...least, token: yield* openIdProvider.issue(), policy })
      assert.strictEqual(verdict, "200")
      assert.strictEqual(fields["Policy"], policy)
    }).pipe(Effect.provide(wire)))

  it.effect(
    "whatever AWS's model allows",
    () =>
      property(
        fc.tuple(fc.record(common), presented),
        200,
        ([options, presented]) => Effect.asVoid(same({ ...options, ...presented }))
      ).pipe(Effect.provide(wire)),
    60_000
  )
})

/** For as long as `use` takes. */
const withFile = <A, E, R>(content: string, use: (path: string) => Effect.Effect<A, E, R>) =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const file = path.join(yield* fs.makeTempDirectoryScoped(), "token")
    yield* fs.writeFileString(file, content)
    return yield* use(file)
  }))

/** The same environment for both: theirs is the process's. */
const withEnvironment = (variables: Readonly<Record<string, string>>) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      for (const name of ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME"]) {
        vi.stubEnv(name, variables[name])
      }
    }),
    () => Effect.withConfigProvider(effect, ConfigProvider.fromMap(new Map(Object.entries(variables)))),
    () => Effect.sync(() => vi.unstubAllEnvs())
  )

const theirFile = (init: Parameters<typeof fromTokenFile>[0] = {}) =>
  Effect.flatMap(clientConfig, (clientConfig) =>
    Effect.tryPromise({
      try: () => fromTokenFile({ ...init, clientConfig })(),
      catch: (error) => ({ tryNextLink: Predicate.hasProperty(error, "tryNextLink") && error.tryNextLink })
    }))

const get = Effect.flatMap(CredentialsProvider.CredentialsProvider, (provider) => provider.get)

/** What both send and get, each from its file. */
const sameFile = <E, E2, R, R2>(
  ours: Effect.Effect<Credentials.Credentials, E, R>,
  theirs: Effect.Effect<object, E2, R2>
) =>
  Effect.gen(function*() {
    const our = yield* requestOf(Effect.map(ours, plain))
    const their = yield* requestOf(theirs)
    assert.deepStrictEqual(our.result, issued)
    assert.deepInclude(their.result, issued)
    assert.deepStrictEqual(meaningOf(our.request), meaningOf(their.request))
    return meaningOf(our.request)
  })

describe("fromTokenFile and", () => {
  const variables = (file: string) => ({
    AWS_WEB_IDENTITY_TOKEN_FILE: file,
    AWS_ROLE_ARN: role,
    AWS_ROLE_SESSION_NAME: "a_b+c=d,e.f@g-h"
  })

  it.effect.each<readonly [string, Effect.Effect<Credentials.Credentials, unknown, Files.Files | Sts.Sts>]>([
    ["resolveEnvironment", WebIdentityCredentials.resolve()],
    ["layerConfig", Effect.scoped(Effect.provide(get, WebIdentityCredentials.layerConfig()))]
  ])("%s: the same environment", ([, ours]) =>
    Effect.gen(function*() {
      const token = yield* openIdProvider.issue()
      const { fields, verdict } = yield* withFile(token, (file) =>
        sameFile(ours, theirFile()).pipe(withEnvironment(variables(file))))
      assert.deepStrictEqual(fields, {
        Action: "AssumeRoleWithWebIdentity",
        Version: "2011-06-15",
        RoleArn: role,
        RoleSessionName: "a_b+c=d,e.f@g-h",
        WebIdentityToken: token
      })
      assert.strictEqual(verdict, "200")
    }).pipe(Effect.provide(wire)))

  it.effect("layerConfig with settings of its own, which win", () =>
    withFile(least.token, (webIdentityTokenFile) => {
      const ours = WebIdentityCredentials.layerConfig(Config.succeed({
        roleArn: role,
        sessionName: "given",
        policyArns: [readOnly],
        policy,
        sessionDuration: "1000 seconds" as const,
        tokenFile: webIdentityTokenFile
      }))
      return sameFile(
        Effect.provide(get, ours),
        theirFile({
          roleArn: role,
          roleSessionName: "given",
          policyArns: [{ arn: readOnly }],
          policy,
          durationSeconds: 1000,
          webIdentityTokenFile
        })
      ).pipe(withEnvironment(variables("/nowhere")))
    }).pipe(Effect.provide(wire)))

  it.effect("ProfileCredentials.resolve: what the profile says", () =>
    withFile(least.token, (webIdentityTokenFile) => {
      const settings = { roleArn: role, roleSessionName: "of-profile", durationSeconds: 900 }
      const config = `[profile ci]
role_arn = ${role}
role_session_name = of-profile
duration_seconds = 900
web_identity_token_file = ${webIdentityTokenFile}
`
      return sameFile(
        ProfileCredentials.resolve({ profile: "ci" }).pipe(
          Effect.provideService(Sso.Sso, {} as Sso.Sso["Type"]),
          Effect.provideService(SsoTokenProvider.SsoTokenProvider, {} as SsoTokenProvider.SsoTokenProvider["Type"]),
          Effect.provide([SharedConfig.layerMemory({ config }), nodeHttp])
        ),
        // fromIni leaves out the duration.
        theirFile({ ...settings, webIdentityTokenFile })
      ).pipe(withEnvironment({}))
    }).pipe(Effect.provide(wire)))

  it.effect.each(["\n", "\r\n", "  \n\t"])(
    "white space around a token, which only they send: %j",
    (space) =>
      withFile(`${space}${least.token}${space}`, (file) =>
        Effect.gen(function*() {
          const our = meaningOf((yield* requestOf(WebIdentityCredentials.resolve())).request).fields
          const their = meaningOf((yield* requestOf(theirFile())).request).fields
          assert.deepStrictEqual(our, { ...their, WebIdentityToken: least.token })
          assert.strictEqual(their["WebIdentityToken"], `${space}${least.token}${space}`)
        }).pipe(withEnvironment(variables(file)))).pipe(Effect.provide(wire))
  )

  it.effect("an empty session name, which only they send", () =>
    withFile(least.token, (file) =>
      Effect.gen(function*() {
        const our = meaningOf((yield* requestOf(WebIdentityCredentials.resolve())).request).fields
        const their = meaningOf((yield* requestOf(theirFile())).request).fields
        assert.strictEqual(our["RoleSessionName"], `effect-aws-identity-${now}`)
        assert.strictEqual(their["RoleSessionName"], "")
      }).pipe(withEnvironment({ ...variables(file), AWS_ROLE_SESSION_NAME: "" }))).pipe(Effect.provide(wire)))

  it.effect.each<readonly [string, Readonly<Record<string, string>>, string]>([
    ["nothing is set", {}, "NotConfigured"],
    ["only the role is set", { AWS_ROLE_ARN: role }, "NotConfigured"],
    // Theirs lets the chain go on to another identity than the one that was meant.
    ["only the file is set", { AWS_WEB_IDENTITY_TOKEN_FILE: "/nowhere" }, "CredentialsUnavailable"]
  ])("nobody asks when %s", ([, variables, tag]) =>
    Effect.gen(function*() {
      const our = yield* during(Effect.flip(WebIdentityCredentials.resolve()))
      const their = yield* during(Effect.flip(theirFile()))
      assert.isEmpty([...our.requests, ...their.requests])
      assert.strictEqual(our.result._tag, tag)
      assert.strictEqual(their.result.tryNextLink, true)
    }).pipe(withEnvironment(variables), Effect.provide(wire)))
})

describe("asked otherwise than by fromWebToken", () => {
  const both = (input: Input) =>
    Effect.gen(function*() {
      const our = meaningOf((yield* requestOf(ours(input))).request)
      const their = meaningOf((yield* requestOf(theirs(input))).request)
      return { our, their }
    })

  it.effect("the session's default name says whose it is, and on which host", () =>
    Effect.gen(function*() {
      const { sessionName: _, ...unnamed } = least
      const { our, their } = yield* both(unnamed)
      assert.strictEqual(our.fields["RoleSessionName"], `effect-aws-identity-pod-1-${now}`)
      assert.match(their.fields["RoleSessionName"] ?? "", /^aws-sdk-js-session-\d{13}$/)
      assert.deepStrictEqual({ ...our.fields, RoleSessionName: "" }, { ...their.fields, RoleSessionName: "" })
    }).pipe(withEnvironment({ HOSTNAME: "pod-1" }), Effect.provide(wire)))

  it.effect("an empty list is none, where theirs is an empty text", () =>
    Effect.gen(function*() {
      const { our, their } = yield* both({ ...least, policyArns: [] })
      assert.deepStrictEqual({ ...our.fields, PolicyArns: "" }, their.fields)
    }).pipe(Effect.provide(wire)))

  it.effect("the least size of a session token, which fromWebToken does not take", () =>
    Effect.gen(function*() {
      const { our, their } = yield* both({ ...least, minimumSessionTokenSize: 4096 })
      assert.deepStrictEqual(our.fields, { ...their.fields, MinimumSessionTokenSize: "4096" })
    }).pipe(Effect.provide(wire)))

  it.effect("the client says what it can read, and signs nothing that is nobody's", () =>
    Effect.gen(function*() {
      const headersOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.map(requestOf(effect), ({ request }) => Object.keys(request.headers).sort())
      const our = yield* headersOf(ours(least))
      const their = yield* headersOf(theirs(least))
      assert.deepStrictEqual(our.filter((name) => !their.includes(name)), ["accept"])
      assert.deepStrictEqual(their.filter((name) => !our.includes(name)), ["x-amz-user-agent"])
    }).pipe(Effect.provide(wire)))

  it.effect.each<readonly [string, Partial<Input>]>([
    ["a short role", { roleArn: "arn:aws:iam::1:role" }],
    ["a short session", { sessionName: "a" }],
    ["a session with a space", { sessionName: "a b" }],
    ["a short duration", { sessionDuration: "899 seconds" }],
    ["a long duration", { sessionDuration: "43201 seconds" }],
    ["eleven policies", { policyArns: Array.from({ length: 11 }, () => readOnly) }],
    ["a policy in Greek", { policy: "λ" }],
    ["a long policy", { policy: " ".repeat(2049) }],
    ["a short access token", { token: "abc", providerId: "www.amazon.com" }],
    ["a long access token", { token: "a".repeat(20_001), providerId: "www.amazon.com" }],
    ["a token that is none", { token: "abcdef" }],
    ["an empty token", { token: "" }],
    ["an expired token", { token: tokenOf({ exp: now / 1000 }) }]
  ])("what STS refuses is not sent: %s", ([, wrong]) =>
    Effect.gen(function*() {
      const input = { ...least, ...wrong }
      const our = yield* during(Effect.flip(ours(input)))
      assert.isEmpty(our.requests)
      assert.include(["InvalidInput", "CredentialsUnavailable"], our.result._tag)
      yield* requestOf(theirs(input))
    }).pipe(Effect.provide(wire)))
})

describe("understood otherwise than by fromWebToken", () => {
  const both = (name: string, element: string) =>
    Effect.gen(function*() {
      const { replaced } = yield* Wire
      replaced.set(name, element)
      return { our: yield* Effect.either(ours(least)), their: yield* theirs(least) }
    })

  it.effect("an account is 12 digits", () =>
    Effect.gen(function*() {
      const { our, their } = yield* both("Arn", "<Arn>arn:aws:sts::RGW1:assumed-role/a/session</Arn>")
      assert.strictEqual(Either.getOrThrow(our).accountId, undefined)
      assert.strictEqual(their.accountId, "RGW1")
    }).pipe(Effect.provide(wire)))

  it.effect.each(["SessionToken", "Expiration"])("credentials without %s are none", (name) =>
    Effect.gen(function*() {
      const { our, their } = yield* both(name, "")
      assert.deepInclude({ ...Either.getOrThrow(Either.flip(our)) }, {
        _tag: "InvalidResponse",
        problem: `"Credentials.${name}" is missing`
      })
      assert.strictEqual(their.accessKeyId, issued.accessKeyId)
    }).pipe(Effect.provide(wire)))
})

// ---------------------------------------------------------------------------------------------------------------
// v2
// ---------------------------------------------------------------------------------------------------------------

const Got = Schema.parseJson(Schema.Array(Schema.Struct({
  accessKeyId: Schema.String,
  secretAccessKey: Schema.String,
  sessionToken: Schema.String,
  expireTime: Schema.Date,
  data: Schema.Struct({
    SubjectFromWebIdentityToken: Schema.String,
    Audience: Schema.String,
    Provider: Schema.String,
    PackedPolicySize: Schema.Number,
    AssumedRoleUser: Schema.Struct({ AssumedRoleId: Schema.String, Arn: Schema.String })
  })
})))

/** Credentials of `aws-sdk`, one after the other in a process of its own; each as an expression. */
const v2 = (credentials: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function*() {
    const { endpoint } = yield* Wire
    const program = `
      import AWS from "aws-sdk"
      const client = ${JSON.stringify({ endpoint, region, maxRetries: 0 })}
      const all = [${credentials.join(", ")}]
      for (const one of all) await one.getPromise()
      console.log(JSON.stringify(all.map(({ accessKeyId, secretAccessKey, sessionToken, expireTime, data }) =>
        ({ accessKeyId, secretAccessKey, sessionToken, expireTime, data }))))`
    const output = yield* Command.make(process.execPath, "--input-type=module", "--eval", program).pipe(
      Command.workingDirectory(fileURLToPath(new URL("..", import.meta.url))),
      Command.env({ ...environment, NODE_NO_WARNINGS: "1", AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE: "1" }),
      Command.stderr("inherit"),
      Command.string
    )
    return yield* Schema.decode(Got)(output)
  })

const v2Input = ({ policy, policyArns, providerId, roleArn, sessionDuration, sessionName, token }: Input) => ({
  RoleArn: roleArn,
  RoleSessionName: sessionName,
  WebIdentityToken: token,
  ProviderId: providerId,
  PolicyArns: policyArns?.map((arn) => ({ arn })),
  Policy: policy,
  DurationSeconds: sessionDuration === undefined ? undefined : Duration.toSeconds(sessionDuration)
})

describe("AWS.WebIdentityCredentials and WebIdentityCredentials.assumeRole", () => {
  it.effect(
    "ask for the same, and get the same",
    () =>
      Effect.gen(function*() {
        const all = Object.values(inputs)
        const their = yield* during(
          v2(all.map((input) => `new AWS.WebIdentityCredentials(${JSON.stringify(v2Input(input))}, client)`))
        )
        assert.strictEqual(their.requests.length, all.length)
        for (const [index, { token, ...input }] of all.entries()) {
          const { request, result } = yield* requestOf(
            WebIdentityCredentials.assumeRole({ ...input, token: Effect.succeed(Redacted.make(token)) })
          )
          const [theirRequest, theirResult] = [their.requests[index], their.result[index]]
          if (theirRequest === undefined || theirResult === undefined) return assert.fail("nothing was sent")
          assert.deepStrictEqual(meaningOf(request), meaningOf(theirRequest), Object.keys(inputs)[index])
          const { data, expireTime, ...identity } = theirResult
          // v2 knows no account.
          assert.deepStrictEqual(plain(result.credentials), {
            ...identity,
            expiration: expireTime,
            accountId: issued.accountId
          })
          assert.deepStrictEqual({
            SubjectFromWebIdentityToken: Option.getOrThrow(result.subjectFromWebIdentityToken),
            Audience: Option.getOrThrow(result.audience),
            Provider: Option.getOrThrow(result.provider),
            PackedPolicySize: Option.getOrThrow(result.packedPolicySize),
            AssumedRoleUser: Option.getOrThrow(Option.map(result.assumedRoleUser, ({ arn, assumedRoleId }) => ({
              AssumedRoleId: assumedRoleId,
              Arn: arn
            })))
          }, data)
        }
        assert.property(their.requests[0]?.headers, "x-amz-content-sha256")
      }).pipe(Effect.provide(wire)),
    60_000
  )

  it.effect(
    "name their sessions otherwise, and only v2 sends what is around a token",
    () =>
      withFile(`${least.token}\n`, (file) =>
        Effect.gen(function*() {
          const environment = { AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: role }
          const { requests } = yield* during(v2([
            `new AWS.WebIdentityCredentials(${JSON.stringify(v2Input({ roleArn: role, token: least.token }))}, client)`,
            "new AWS.TokenFileWebIdentityCredentials(client)"
          ], environment))
          const our = yield* requestOf(WebIdentityCredentials.resolve()).pipe(withEnvironment(environment))
          const { fields } = meaningOf(our.request)
          assert.strictEqual(fields["RoleSessionName"], `effect-aws-identity-${now}`)
          assert.deepStrictEqual(requests.map((request) => meaningOf(request).fields), [
            { ...fields, RoleSessionName: "web-identity" },
            { ...fields, RoleSessionName: "token-file-web-identity", WebIdentityToken: `${least.token}\n` }
          ])
        })).pipe(Effect.provide(wire)),
    60_000
  )
})

// ---------------------------------------------------------------------------------------------------------------
// AssumeRole
// ---------------------------------------------------------------------------------------------------------------

type Assumed = Omit<AssumeRoleCredentials.Options, "mfa" | "providedContexts"> & {
  readonly mfa?: { readonly serialNumber: string; readonly code: string } | undefined
}

/** What `fromTemporaryCredentials` and `fromIni` assume their roles by, unless they are told otherwise. */
const theirAssume = ({ mfa, policyArns, tags, ...input }: Assumed) =>
  Effect.gen(function*() {
    // Not in the type of the options, but they go to the client as they are.
    const settings = { ...(yield* clientConfig), systemClockOffset: now - Date.now() }
    return yield* Effect.promise(() =>
      getDefaultRoleAssumer(settings)(key, {
        RoleArn: input.roleArn,
        RoleSessionName: input.sessionName,
        PolicyArns: policyArns?.map((arn) => ({ arn })),
        Policy: input.policy,
        DurationSeconds: input.sessionDuration === undefined ? undefined : Duration.toSeconds(input.sessionDuration),
        Tags: tags?.map(({ key, value }) => ({ Key: key, Value: value })),
        TransitiveTagKeys: input.transitiveTagKeys === undefined ? undefined : [...input.transitiveTagKeys],
        ExternalId: input.externalId,
        SerialNumber: mfa?.serialNumber,
        TokenCode: mfa?.code,
        SourceIdentity: input.sourceIdentity,
        MinimumSessionTokenSize: input.minimumSessionTokenSize
      })
    )
  })

const ourAssume = ({ mfa, ...input }: Assumed) =>
  AssumeRoleCredentials.resolve({
    ...input,
    mfa: mfa && { device: mfa.serialNumber, mfaCode: () => Effect.succeed(Redacted.make(mfa.code)) }
  }).pipe(
    Effect.map(plain),
    Effect.provideService(CredentialsProvider.CredentialsProvider, {
      get: Effect.succeed(credentials),
      invalidate: () => Effect.void
    })
  )

const sameAssume = (input: Assumed) =>
  Effect.gen(function*() {
    const our = yield* requestOf(ourAssume(input))
    const their = yield* requestOf(theirAssume(input))
    assert.deepStrictEqual(meaningOf(our.request), meaningOf(their.request))
    assert.notInclude(our.request.body, "+", "to AWS, a plus sign is a plus sign")
    for (const { request } of [our, their]) {
      assert.match(request.headers["authorization"] ?? "", /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE0000000000\//)
      assert.notMatch(request.verdict, /Signature|ClientTokenId|ExpiredToken/)
    }
    assert.deepStrictEqual(our.result, issued)
    assert.deepInclude({ ...their.result }, issued)
    return meaningOf(our.request)
  })

describe("AWS's role assumer and AssumeRoleCredentials.resolve", () => {
  const assume = { roleArn: role, sessionName: "a_b+c=d,e.f@g-h" }

  it.effect.each<readonly [string, Assumed]>([
    ["what is required", assume],
    ["everything", {
      ...assume,
      policyArns: [readOnly, `${role} a b+c&d=e/f%20g ü日本`],
      policy,
      sessionDuration: "900 seconds",
      minimumSessionTokenSize: 1,
      tags: [{ key: "Cost Center", value: "a b_.:/=+-@ü日本" }, { key: "Empty", value: "" }],
      transitiveTagKeys: ["Cost Center"],
      externalId: "a+b=c,d.e@f:g/h-i",
      sourceIdentity: "a+b=c,d.e@f-g",
      mfa: { serialNumber: "arn:aws:iam::111122223333:mfa/user+a", code: "012345" }
    }]
  ])(
    "%s",
    ([, input]) =>
      Effect.map(sameAssume(input), ({ verdict }) => assert.strictEqual(verdict, "200", "signed as STS wants it")).pipe(
        Effect.provide(wire)
      )
  )

  const tagText = of(0x20, 0x2fff).filter((character) => /[\p{L}\p{Z}\p{N}_.:/=+\-@]/u.test(character))
  const tagKey = characters(1, 128, tagText)
  const id = name.filter((character) => character !== ",")

  it.effect(
    "whatever AWS's model allows",
    () =>
      property(
        fc.record({
          ...common,
          roleArn: fc.oneof(fc.constant(role), arn),
          minimumSessionTokenSize: option(fc.integer({ min: 0, max: 4096 })),
          tags: option(
            fc.array(fc.record({ key: tagKey, value: characters(0, 256, tagText) }), { minLength: 1, maxLength: 50 })
          ),
          transitiveTagKeys: option(fc.array(tagKey, { minLength: 1, maxLength: 50 })),
          externalId: option(characters(2, 1224, id, fc.constantFrom(..."/:"))),
          sourceIdentity: option(characters(2, 64, name)),
          mfa: option(fc.record({
            serialNumber: characters(9, 256, id, fc.constantFrom(..."/:")),
            code: characters(6, 6, fc.constantFrom(..."0123456789"))
          }))
        }),
        200,
        (input) => Effect.asVoid(sameAssume(input))
      ).pipe(Effect.provide(wire)),
    60_000
  )

  it.effect("the session's default name", () =>
    Effect.gen(function*() {
      const { request } = yield* requestOf(ourAssume({ roleArn: role }))
      // That of fromTemporaryCredentials is `aws-sdk-js-` and the time.
      assert.strictEqual(meaningOf(request).fields["RoleSessionName"], `effect-aws-identity-${now}`)
    }).pipe(withEnvironment({}), Effect.provide(wire)))
})
