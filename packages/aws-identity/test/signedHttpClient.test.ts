import {
  HttpApi,
  HttpApiClient,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpClient,
  HttpClientError,
  HttpClientRequest,
  HttpClientResponse
} from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, DateTime, Effect, Either, Layer, Option, Redacted, Schedule, Schema, TestClock } from "effect"
import {
  Credentials,
  CredentialsProvider,
  IdentityError,
  Region,
  SharedConfig,
  SignedHttpClient,
  SigV4
} from "effect-aws-identity"
import { inspect } from "node:util"
import { observed } from "./observed.js"

const region = Region.make("eu-central-1")
const options = { service: "execute-api", region }

const credentialsOf = (name: string) =>
  new Credentials.Credentials({
    accessKeyId: `AKID${name}`,
    secretAccessKey: Redacted.make("a secret access key"),
    sessionToken: Option.some(Redacted.make("a session token"))
  })

const providerOf = (get: Effect.Effect<Credentials.Credentials, IdentityError.IdentityError>) => ({
  get,
  invalidate: () => Effect.void
})

const unusable = providerOf(Effect.dieMessage("the provider of the context is used"))

/** A client in memory that answers with the statuses in turn, and what reached it. */
const recording = (...statuses: ReadonlyArray<number>) => {
  const requests: Array<HttpClientRequest.HttpClientRequest & { readonly sent: string }> = []
  const client = HttpClient.make((request, url) =>
    Effect.sync(() => {
      requests.push(Object.assign(Object.create(request), { sent: url.href }))
      const status = statuses[requests.length - 1] ?? 200
      return HttpClientResponse.fromWeb(
        request,
        new Response("[\"Kitty\"]", {
          status,
          headers: { "content-type": "application/json", ...(status === 302 ? { location: "/there" } : {}) }
        })
      )
    })
  )
  // The trace headers are added after signing, and are no part of it.
  return { client: HttpClient.withTracerPropagation(client, false), requests }
}

/** The signature that a request of a URL should have. */
const expected = (url: string, credentials: Credentials.Credentials, headers: Record<string, string> = {}) =>
  Effect.map(
    DateTime.now,
    (now) =>
      Either.getOrThrow(SigV4.sign({ method: "GET", url, headers }, { ...options, credentials, now }))
        .headers["authorization"]
  )

const api = HttpApi.make("shop").add(
  HttpApiGroup.make("pets").add(HttpApiEndpoint.get("list", "/v1/pets").addSuccess(Schema.Array(Schema.String)))
)

describe("SignedHttpClient with a provider as a value", () => {
  it.effect("signs for each identity, and not for that of the context", () =>
    Effect.gen(function*() {
      const { client, requests } = recording()
      for (const name of ["ONE", "TWO", "ONE"]) {
        const own = { ...options, provider: providerOf(Effect.succeed(credentialsOf(name))) }
        yield* SignedHttpClient.withSignature(client, own).get("https://a.b/")
        assert.strictEqual(
          requests.at(-1)?.headers["authorization"],
          yield* expected("https://a.b/", credentialsOf(name))
        )
        const signed = yield* SignedHttpClient.signRequest(HttpClientRequest.get("https://a.b/"), own)
        assert.strictEqual(signed.headers["authorization"], requests.at(-1)?.headers["authorization"])
        const url = yield* SignedHttpClient.presignRequest(HttpClientRequest.get("https://a.b/"), own)
        assert.include(Redacted.value(url), `X-Amz-Credential=AKID${name}%2F`)
      }
    }).pipe(Effect.provideService(CredentialsProvider.CredentialsProvider, unusable)))

  it.scoped("refreshes credentials of that provider that expire before a presigned URL should", () =>
    Effect.gen(function*() {
      const provider = yield* CredentialsProvider.make(
        Effect.map(DateTime.now, (now) =>
          new Credentials.Credentials({
            accessKeyId: "AKID",
            secretAccessKey: Redacted.make("secret"),
            expiration: Option.some(DateTime.add(now, { hours: 1 }))
          }))
      )
      yield* provider.get
      yield* TestClock.adjust("50 minutes")
      const url = yield* SignedHttpClient.presignRequest(HttpClientRequest.get("https://a.b/"), {
        ...options,
        provider,
        expiresIn: "30 minutes"
      })
      assert.include(Redacted.value(url), "X-Amz-Expires=1800&")
    }))
})

describe("SignedHttpClient without a region", () => {
  const own = { service: "s3", provider: providerOf(Effect.succeed(credentialsOf("ONE"))) }
  const config = "[default]\nregion = eu-west-3\n[profile dev]\nsource_profile = default"

  /** The regions that the client, a signed request and a presigned URL are signed for. */
  const regions = Effect.gen(function*() {
    const { client, requests } = recording()
    yield* SignedHttpClient.withSignature(client, own).get("https://a.b/")
    const signed = yield* SignedHttpClient.signRequest(HttpClientRequest.get("https://a.b/"), own)
    const url = yield* SignedHttpClient.presignRequest(HttpClientRequest.get("https://a.b/"), own)
    const layered = recording()
    yield* Effect.flatMap(HttpClient.HttpClient, (client) => client.get("https://a.b/")).pipe(
      Effect.provide(SignedHttpClient.layer(own)),
      Effect.provideService(HttpClient.HttpClient, layered.client)
    )
    return [
      ...[requests[0], signed, layered.requests[0]].map((request) => request?.headers["authorization"]),
      decodeURIComponent(Redacted.value(url))
    ].map((text) => /AKIDONE\/\d{8}\/([^/]+)\/s3\//.exec(text ?? "")?.[1])
  })

  const found = (
    environment: Readonly<Record<string, string>>,
    options: { readonly config?: string; readonly profile?: string } = { config }
  ) =>
    regions.pipe(
      Effect.provide(SharedConfig.layerMemory(options)),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
    )

  const rows: ReadonlyArray<readonly [what: string, environment: Record<string, string>, region: string]> = [
    ["AWS_REGION", { AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "eu-west-2" }, "eu-west-1"],
    ["AWS_REGION, white space around it", { AWS_REGION: " eu-west-1\n" }, "eu-west-1"],
    ["AWS_DEFAULT_REGION", { AWS_REGION: "", AWS_DEFAULT_REGION: "eu-west-2" }, "eu-west-2"],
    ["the profile", {}, "eu-west-3"]
  ]
  for (const [what, environment, region] of rows) {
    it.effect(`signs for the region of ${what}`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* found(environment), Array(4).fill(region))
      }))
  }

  it.effect("names the variables and the key of the profile when there is no region", () =>
    Effect.gen(function*() {
      const none = yield* Effect.flip(found({}, { config, profile: "dev" }))
      assert.strictEqual(none._tag, "NotConfigured")
      assert.strictEqual(
        none.message,
        "No region is configured: AWS_REGION and AWS_DEFAULT_REGION are not set, and profile \"dev\" has no region. " +
          "Set AWS_REGION, add \"region = <a region, such as us-east-1>\" to the profile, or give the option region."
      )
      const noFile = yield* Effect.flip(found({}, {}))
      assert.include(noFile.message, "profile \"default\" has no region")
    }))

  it.effect("names the variable or the line whose region is none, and the profile that does not exist", () =>
    Effect.gen(function*() {
      const variable = yield* Effect.flip(found({ AWS_REGION: "eu west" }))
      assert.strictEqual(variable._tag, "InvalidInput")
      assert.include(variable.message, "AWS_REGION = eu west")
      assert.notInclude(variable.message, "..")
      const line = yield* Effect.flip(found({}, { config: "[default]\nregion = https://eu" }))
      assert.strictEqual(line._tag, "InvalidConfig")
      assert.include(line.message, ":2")
      const missing = yield* Effect.flip(found({}, { config, profile: "prod" }))
      assert.strictEqual(missing._tag, "ProfileNotFound")
    }))

  it.effect("reads no file when the environment names the region", () =>
    Effect.gen(function*() {
      const unreadable = new IdentityError.FileError({ path: "config", operation: "read", code: "PermissionDenied" })
      const config = yield* SharedConfig.SharedConfig.pipe(Effect.provide(SharedConfig.layerMemory({ config: "" })))
      const found = yield* regions.pipe(
        Effect.provideService(SharedConfig.SharedConfig, { ...config, read: Effect.fail(unreadable) }),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["AWS_REGION", "eu-west-1"]])))
      )
      assert.deepStrictEqual(found, Array(4).fill("eu-west-1"))
    }))
})

describe("SignedHttpClient.withSignature", () => {
  const provider = providerOf(Effect.succeed(credentialsOf("ONE")))

  it.effect("signs what is sent, whether the client is changed before or after it signs", () =>
    Effect.gen(function*() {
      const { client, requests } = recording()
      const signing = SignedHttpClient.withSignature({ ...options, provider })
      const prepend = HttpClient.mapRequest(HttpClientRequest.prependUrl("https://a.b/v1"))
      const header = HttpClient.mapRequest(HttpClientRequest.setHeader("x-custom", "1"))
      for (
        const changed of [
          client.pipe(prepend, header, signing),
          client.pipe(prepend, signing, header),
          client.pipe(header, signing, prepend),
          client.pipe(signing, prepend, header)
        ]
      ) {
        yield* changed.get("/pets")
        const last = requests.at(-1)
        assert(last !== undefined)
        assert.strictEqual(last.sent, "https://a.b/v1/pets")
        assert.strictEqual(
          last.headers["authorization"],
          yield* expected("https://a.b/v1/pets", credentialsOf("ONE"), { "x-custom": "1" })
        )
      }
    }))

  it.effect("is a client for HttpApiClient.makeWith, also with a base URL", () =>
    Effect.gen(function*() {
      const { client, requests } = recording()
      const httpClient = SignedHttpClient.withSignature(client, { ...options, provider })
      const shop = yield* HttpApiClient.makeWith(api, { httpClient, baseUrl: "https://a.b" })
      assert.deepStrictEqual(yield* shop.pets.list(), ["Kitty"])
      assert.strictEqual(
        requests[0]?.headers["authorization"],
        yield* expected("https://a.b/v1/pets", credentialsOf("ONE"))
      )
    }))

  it.effect("signs a redirect for the URL that it leads to", () =>
    Effect.gen(function*() {
      const { client, requests } = recording(302)
      const following = HttpClient.followRedirects(
        SignedHttpClient.withSignature(client, { ...options, provider })
      )
      yield* following.get("https://a.b/here")
      assert.deepStrictEqual(requests.map(({ sent }) => sent), ["https://a.b/here", "https://a.b/there"])
      assert.strictEqual(
        requests[1]?.headers["authorization"],
        yield* expected("https://a.b/there", credentialsOf("ONE"))
      )
    }))
})

describe("SignedHttpClient.layer", () => {
  const layerOf = (
    client: HttpClient.HttpClient,
    get: Effect.Effect<Credentials.Credentials, IdentityError.IdentityError>
  ) =>
    SignedHttpClient.layer(options).pipe(
      Layer.provide(Layer.succeed(HttpClient.HttpClient, client)),
      Layer.provide(Layer.succeed(CredentialsProvider.CredentialsProvider, providerOf(get)))
    )

  it.effect("signs for HttpApiClient.make, which takes its client from the tag", () =>
    Effect.gen(function*() {
      const { client, requests } = recording()
      const shop = yield* Effect.provide(
        HttpApiClient.make(api, { baseUrl: "https://a.b" }),
        layerOf(client, Effect.succeed(credentialsOf("ONE")))
      )
      assert.deepStrictEqual(yield* shop.pets.list(), ["Kitty"])
      assert.strictEqual(
        requests[0]?.headers["authorization"],
        yield* expected("https://a.b/v1/pets", credentialsOf("ONE"))
      )
    }))

  it.effect("keeps its provider, and asks it for credentials at each request and each retry", () =>
    Effect.gen(function*() {
      let asked = 0
      const { client, requests } = recording(503, 503)
      const signed = yield* Effect.provide(
        HttpClient.HttpClient,
        layerOf(client, Effect.sync(() => credentialsOf(String(++asked))))
      )
      const retrying = signed.pipe(HttpClient.filterStatusOk, HttpClient.retry(Schedule.recurs(3)))
      yield* Effect.provideService(
        retrying.get("https://a.b/"),
        CredentialsProvider.CredentialsProvider,
        unusable
      )
      assert.deepStrictEqual(
        requests.map(({ headers }) => /Credential=(\w+)/.exec(headers["authorization"] ?? "")?.[1]),
        ["AKID1", "AKID2", "AKID3"]
      )
    }))

  it.effect("fails with a RequestError whose cause is the error of the provider, and sends nothing", () =>
    Effect.gen(function*() {
      const errors = [
        new IdentityError.SsoLoginRequired({
          session: "corp",
          reason: "NoToken",
          command: "aws sso login",
          startUrl: "https://example.awsapps.com/start",
          region: "eu-west-1"
        }),
        new IdentityError.CredentialsExpired({ expiration: "then", now: "now" }),
        new IdentityError.NotConfigured({ provider: "Chain", problem: "nothing", remedy: "Configure one." })
      ]
      for (const own of errors) {
        const { client, requests } = recording()
        const error = yield* Effect.flatMap(HttpClient.HttpClient, (client) => client.get("https://a.b/")).pipe(
          Effect.provide(layerOf(client, Effect.fail(own))),
          Effect.flip
        )
        assert.instanceOf(error, HttpClientError.RequestError)
        assert.strictEqual(error.reason, "Transport")
        assert(IdentityError.isIdentityError(error.cause))
        assert.strictEqual(error.cause._tag, own._tag)
        assert.include(error.message, own.message)
        assert.lengthOf(requests, 0)
      }
    }))

  it.effect("fails with a RequestError of reason Encode for a request that cannot be signed", () =>
    Effect.gen(function*() {
      const { client, requests } = recording()
      const error = yield* Effect.flatMap(
        HttpClient.HttpClient,
        (client) => client.get("https://a.b/", { headers: { "x-name": "Zoë" } })
      ).pipe(Effect.provide(layerOf(client, Effect.succeed(credentialsOf("ONE")))), Effect.flip)
      assert.strictEqual(error.reason, "Encode")
      assert.include(error.message, "its header x-name is not in printable ASCII")
      assert.lengthOf(requests, 0)
    }))

  it.effect("shows no secret when AWS refuses", () =>
    Effect.gen(function*() {
      const { client, requests } = recording(403)
      const { seen } = yield* observed(
        Effect.flatMap(HttpClient.HttpClient, (client) => HttpClient.filterStatusOk(client).get("https://a.b/")).pipe(
          Effect.provide(
            layerOf(HttpClient.withTracerDisabledWhen(client, () => true), Effect.succeed(credentialsOf("ONE")))
          ),
          Effect.tapErrorCause((cause) => Effect.logError("failed", cause))
        )
      )
      const signature = /Signature=([0-9a-f]{64})/.exec(requests[0]?.headers["authorization"] ?? "")?.[1] ?? "?"
      for (const secret of [signature, "a session token", "a secret access key"]) assert.notInclude(seen, secret)
    }))
})

describe("SigV4.sign", () => {
  it("gives headers that fetch takes, and that show no secret when they are printed", () => {
    const { headers, url } = Either.getOrThrow(
      SigV4.sign({ method: "GET", url: "https://a.b/" }, {
        ...options,
        credentials: credentialsOf("ONE"),
        now: DateTime.unsafeMake(0)
      })
    )
    const sent = new Request(url, { headers }).headers
    assert.strictEqual(sent.get("x-amz-security-token"), "a session token")
    assert.match(sent.get("authorization") ?? "", /Signature=[0-9a-f]{64}$/)
    for (const printed of [inspect(headers), JSON.stringify(headers), inspect({ headers })]) {
      assert.notInclude(printed, "a session token")
      assert.notMatch(printed, /[0-9a-f]{64}.*[0-9a-f]{64}/s)
      assert.include(printed, "x-amz-date")
    }
  })
})
