import { SSOClient } from "@aws-sdk/client-sso"
import { SSOOIDCClient } from "@aws-sdk/client-sso-oidc"
import { STSClient } from "@aws-sdk/client-sts"
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Either, Layer, Option, Redacted } from "effect"
import {
  type ClientConfig,
  Credentials,
  type IdentityError,
  Region,
  SharedConfig,
  Sso,
  SsoOidc,
  Sts,
  type Transport
} from "effect-aws-identity"
import { endpointOf } from "../src/internal/endpoint.js"
import { overClient } from "./ports.js"

const credentials = new Credentials.Credentials({
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: Redacted.make("secret")
})
const accessToken = Redacted.make("token")
const region = Region.make("eu-west-1")

type Call = Effect.Effect<unknown, unknown, Transport.Transport | SharedConfig.SharedConfig>

/** One call of each service, as it is configured; and AWS's client for it, of the same region. */
const services = {
  sso: {
    prefix: "portal.sso",
    variable: "AWS_ENDPOINT_URL_SSO",
    witness: new SSOClient({ region }).config.endpointProvider,
    call: (settings?: ClientConfig.ClientConfig): Call =>
      Effect.flatMap(Sso.Sso, (sso) => sso.logout({ region, accessToken })).pipe(
        Effect.provide(Sso.layerProfile(settings))
      )
  },
  sso_oidc: {
    prefix: "oidc",
    variable: "AWS_ENDPOINT_URL_SSO_OIDC",
    witness: new SSOOIDCClient({ region }).config.endpointProvider,
    call: (settings?: ClientConfig.ClientConfig): Call =>
      Effect.flatMap(
        SsoOidc.SsoOidc,
        (oidc) => oidc.registerClient({ region, clientName: "test", clientType: "public" })
      ).pipe(
        Effect.provide(SsoOidc.layerProfile(settings))
      )
  },
  sts: {
    prefix: "sts",
    variable: "AWS_ENDPOINT_URL_STS",
    witness: new STSClient({ region }).config.endpointProvider,
    call: (settings?: ClientConfig.ClientConfig): Call =>
      Effect.flatMap(Sts.Sts, (sts) => sts.getCallerIdentity({ region, credentials })).pipe(
        Effect.provide(Sts.layerProfile(settings))
      )
  }
} as const

type Service = keyof typeof services
const names: ReadonlyArray<Service> = ["sso", "sso_oidc", "sts"]
const booleans = [false, true]

/** Two of each partition, one that no pattern knows, and the global ones. */
const regions = [
  ...["us-east-1", "eu-central-2", "af-south-1", "il-central-1", "mx-central-1", "cn-north-1", "cn-northwest-1"],
  ...["us-gov-west-1", "us-gov-east-1", "eusc-de-east-1", "us-iso-east-1", "us-iso-west-1", "us-isob-east-1"],
  ...["eu-isoe-west-1", "us-isof-south-1", "us-isof-east-1", "xx-new-1", "aws-global", "aws-cn-global"],
  ...["aws-us-gov-global", "aws-iso-global", "aws-iso-b-global"]
]

const rules = {
  region,
  endpoint: undefined,
  useFipsEndpoint: false,
  useDualstackEndpoint: false,
  useGlobalEndpoint: false,
  allowPlainHttp: []
}

describe("the endpoint of a region", () => {
  for (const service of names) {
    it(`is that of AWS's rules: ${service} in every partition, with and without FIPS and dual-stack`, () => {
      const { prefix, witness } = services[service]
      for (const region of regions) {
        for (const useFipsEndpoint of booleans) {
          for (const useDualstackEndpoint of booleans) {
            // The other two have no rule for it, and AWS's pseudo-region is one of STS.
            for (const useGlobalEndpoint of service === "sts" ? booleans : [false]) {
              const flags = { useFipsEndpoint, useDualstackEndpoint, useGlobalEndpoint }
              const ours = endpointOf(prefix, { ...rules, ...flags, region: Region.make(region) })
              const { url } = witness({
                Region: region,
                UseFIPS: useFipsEndpoint,
                UseDualStack: useDualstackEndpoint,
                ...(service === "sts" ? { UseGlobalEndpoint: useGlobalEndpoint } : {})
              })
              assert.strictEqual(
                Either.getOrThrow(ours).url,
                url.href.slice(0, -1),
                `${region} ${JSON.stringify(flags)}`
              )
            }
          }
        }
      }
    })
  }

  it("is what AWS documents, in so many words", () => {
    const url = (prefix: string, region: string, options: Partial<typeof rules> = {}) =>
      Either.getOrThrow(endpointOf(prefix, { ...rules, ...options, region: Region.make(region) })).url
    assert.strictEqual(url("portal.sso", "us-east-1"), "https://portal.sso.us-east-1.amazonaws.com")
    assert.strictEqual(url("oidc", "cn-north-1"), "https://oidc.cn-north-1.amazonaws.com.cn")
    assert.strictEqual(
      url("oidc", "us-isof-south-1", { useFipsEndpoint: true }),
      "https://oidc-fips.us-isof-south-1.csp.hci.ic.gov"
    )
    assert.strictEqual(
      url("portal.sso", "us-gov-west-1", { useFipsEndpoint: true }),
      "https://portal.sso.us-gov-west-1.amazonaws.com"
    )
    assert.strictEqual(
      url("sts", "us-gov-west-1", { useFipsEndpoint: true, useDualstackEndpoint: true }),
      "https://sts-fips.us-gov-west-1.api.aws"
    )
    assert.strictEqual(url("sts", "eu-west-1", { useGlobalEndpoint: true }), "https://sts.amazonaws.com")
    assert.strictEqual(url("sts", "ap-east-1", { useGlobalEndpoint: true }), "https://sts.ap-east-1.amazonaws.com")
  })

  it("signs for the region that answers", () => {
    const signingRegion = (region: string, options: Partial<typeof rules> = {}) =>
      Either.getOrThrow(endpointOf("sts", { ...rules, ...options, region: Region.make(region) })).signingRegion
    assert.strictEqual(signingRegion("eu-west-1"), "eu-west-1")
    assert.strictEqual(signingRegion("aws-global"), "us-east-1")
    assert.strictEqual(signingRegion("eu-west-1", { useGlobalEndpoint: true }), "us-east-1")
    assert.strictEqual(signingRegion("eu-west-1-fips"), "eu-west-1")
  })

  it("knows the old names of FIPS regions, and takes nothing else for one", () => {
    for (const pseudo of ["fips-us-east-1", "us-east-1-fips"]) {
      assert.strictEqual(
        Either.getOrThrow(endpointOf("oidc", { ...rules, region: Region.make(pseudo) })).url,
        "https://oidc-fips.us-east-1.amazonaws.com"
      )
    }
    for (const odd of ["fips", "a--fips"]) {
      assert.strictEqual(
        Either.getOrThrow(endpointOf("oidc", { ...rules, region: Region.make(odd) })).url,
        `https://oidc.${odd}.amazonaws.com`
      )
    }
  })
})

interface World {
  readonly environment?: Readonly<Record<string, string>>
  readonly config?: string
  readonly profile?: string
}

/** The URL that a call went to, or why it went nowhere. */
const origin = ({ config = "", environment = {}, profile }: World, call: Call) =>
  Effect.gen(function*() {
    const urls: Array<string> = []
    const http = HttpClient.make((request, url) => {
      urls.push(url.origin + url.pathname.replace(/\/(?:logout|client\/register|)$/, ""))
      return Effect.succeed(HttpClientResponse.fromWeb(request, new Response("{}", { status: 400 })))
    })
    const result = yield* Effect.either(call).pipe(
      Effect.provide(Layer.merge(
        SharedConfig.layerMemory({ config, profile }),
        overClient(http)
      )),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
    )
    const [url] = urls
    assert.isAtMost(urls.length, 1)
    return url === undefined ? yield* Effect.fail(Either.getOrThrow(Either.flip(result))) : url
  })

/** Where the service's endpoint may be configured, the first to count first; each gives the endpoint its own port. */
const sources = (service: Service): ReadonlyArray<World & { readonly settings?: ClientConfig.ClientConfig }> => [
  { settings: { endpoint: "http://localhost:1" } },
  { environment: { [services[service].variable]: "http://localhost:2" } },
  { environment: { AWS_ENDPOINT_URL: "http://localhost:3" } },
  { config: `services = local\n[services local]\n${service} =\n  endpoint_url = http://localhost:4\n` },
  { config: "endpoint_url = http://localhost:5\n" }
]

/** All that the sources say, in one world. */
const combined = (all: ReturnType<typeof sources>, also: World = {}): World => ({
  environment: Object.assign({}, ...all.map(({ environment }) => environment), also.environment),
  // The services section ends the profile's, so it goes last.
  config: `[default]\n${also.config ?? ""}${all.map(({ config }) => config ?? "").reverse().join("")}`
})

describe("an endpoint of one's own", () => {
  for (const service of names) {
    const all = sources(service)
    const rule = `https://${services[service].prefix}.eu-west-1.amazonaws.com`

    for (const [index, first] of all.entries()) {
      it.effect(`${service}: source ${index + 1} counts before those after it`, () =>
        Effect.gen(function*() {
          const world = combined(all.slice(index))
          const url = yield* origin(world, services[service].call(first.settings))
          assert.strictEqual(url, `http://localhost:${index + 1}`)
        }))
    }

    it.effect(`${service}: none of them, or all ignored, leaves AWS's rules; an option is never ignored`, () =>
      Effect.gen(function*() {
        const { call } = services[service]
        assert.strictEqual(yield* origin({}, call()), rule)
        const ignoring = [
          combined(all, { environment: { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" } }),
          combined(all, { config: "ignore_configured_endpoint_urls = true\n" })
        ]
        for (const world of ignoring) {
          assert.strictEqual(yield* origin(world, call()), rule)
          assert.strictEqual(yield* origin(world, call({ endpoint: "http://localhost:1" })), "http://localhost:1")
        }
      }))

    it.effect(`${service}: another service's endpoint is none of its own`, () =>
      Effect.gen(function*() {
        const others = names.filter((name) => name !== service)
        const environment = Object.fromEntries(others.map((name) => [services[name].variable, "http://localhost:9"]))
        const config = `[default]\nservices = local\n[services local]\n${
          others.map((name) => `${name} =\n  endpoint_url = http://localhost:9\n`).join("")
        }`
        assert.strictEqual(yield* origin({ environment, config }, services[service].call()), rule)
      }))
  }

  it.effect("of the chosen profile counts, and only of that", () =>
    Effect.gen(function*() {
      const config = "[default]\nendpoint_url = http://localhost:1\n[profile b]\nendpoint_url = http://localhost:2\n"
      assert.strictEqual(yield* origin({ config }, services.sso.call()), "http://localhost:1")
      assert.strictEqual(yield* origin({ config, profile: "b" }, services.sso.call()), "http://localhost:2")
      // Whoever needs that profile will say that it is missing; an endpoint alone does not need it.
      const missing = yield* origin({ config, profile: "c" }, services.sso.call())
      assert.strictEqual(missing, "https://portal.sso.eu-west-1.amazonaws.com")
    }))

  it.effect("is found when the profile comes to have one", () =>
    Effect.gen(function*() {
      const config = yield* SharedConfig.SharedConfig
      const settings = yield* SharedConfig.clientConfig("sso")
      assert.strictEqual((yield* settings()).endpoint, undefined)
      yield* config.set({ profile: "default" }, { endpoint_url: "http://localhost:1" })
      assert.strictEqual((yield* settings()).endpoint, "http://localhost:1")
    }).pipe(
      Effect.provide(SharedConfig.layerMemory({})),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map()))
    ))

  it.effect("keeps its path", () =>
    Effect.gen(function*() {
      const url = yield* origin({}, services.sso.call({ endpoint: "https://proxy.example.com/aws/sso/" }))
      assert.strictEqual(url, "https://proxy.example.com/aws/sso")
    }))

  it.effect("cannot be that of a services section that is not there", () =>
    Effect.gen(function*() {
      const config = "[default]\nservices = locla\nendpoint_url = http://localhost:5\n[services local]\n"
      const error = yield* Effect.flip(origin({ config }, services.sso.call()))
      assert.include(String(error), "config:2")
      assert.include(String(error), "[services locla]")
      assert.include(String(error), "local")
    }))

  it.effect("excludes FIPS and dual-stack", () =>
    Effect.gen(function*() {
      for (const flag of ["useFipsEndpoint", "useDualstackEndpoint"] as const) {
        const call = services.sso.call({ endpoint: "http://localhost:1", [flag]: true })
        const error = yield* Effect.flip(origin({}, call))
        assert.include(String(error), "exclude each other")
      }
    }))
})

describe("a secret in plain text", () => {
  const guarded = (endpoint: string, allowPlainHttp?: ReadonlyArray<string>) =>
    Effect.either(origin({}, services.sso.call({ endpoint, allowPlainHttp })))

  it.effect("goes over https, and over http to the loopback", () =>
    Effect.gen(function*() {
      const allowed = [
        ...["HTTPS://portal.example.com", "http://localhost", "http://LOCALHOST:4566", "http://sso.localhost:1"],
        ...["http://127.0.0.1:1", "http://127.255.255.254", "http://[::1]:1"]
      ]
      for (const endpoint of allowed) assert.isTrue(Either.isRight(yield* guarded(endpoint)), endpoint)
    }))

  it.effect("goes nowhere else, unless the host is allowed by name", () =>
    Effect.gen(function*() {
      const refused = [
        ...["http://localstack:4566", "http://10.0.0.1", "http://128.0.0.1", "http://localhost.example.com"],
        ...["http://127.0.0.1.example.com", "http://notlocalhost", "http://[::2]", "HTTP://example.com"]
      ]
      for (const endpoint of refused) {
        const error = Option.getOrThrow(Either.getLeft(yield* guarded(endpoint)))
        assert.include(String(error), `${endpoint} would be sent secrets in plain text`)
        assert.include(String(error), "allowPlainHttp")
      }
      assert.isTrue(Either.isRight(yield* guarded("http://localstack:4566", ["localstack"])))
      assert.isTrue(Either.isLeft(yield* guarded("http://localstack:4566", ["localhost", "stack"])))
    }))

  const endpoint = "http://localstack:4566"
  const variable = "EFFECT_AWS_IDENTITY_ALLOW_PLAIN_HTTP"
  for (const service of names) {
    it.effect.each([
      "localstack",
      "LOCALSTACK",
      "localstack:4566",
      "http://localstack:4566/",
      " minio, localstack ",
      "minio localstack",
      "minio;localstack",
      "not a host!,localstack"
    ])(`${service}: goes to a host that ${variable}=%j names`, (hosts) =>
      Effect.gen(function*() {
        for (const world of [{ config: `[default]\nendpoint_url = ${endpoint}\n` }, {}]) {
          const environment = { [variable]: hosts, ..."config" in world ? {} : { AWS_ENDPOINT_URL: endpoint } }
          assert.strictEqual(yield* origin({ ...world, environment }, services[service].call()), endpoint)
        }
      }))

    it.effect.each(["", "minio", "stack", "local", "localstack.example.com", "sub.localstack", "*"])(
      `${service}: goes to no host beside those that ${variable}=%j names, and the error has the place of the endpoint`,
      (hosts) =>
        Effect.gen(function*() {
          const refused = (world: World, place: string) =>
            Effect.gen(function*() {
              const error = yield* Effect.flip(
                origin({ ...world, environment: { ...world.environment, [variable]: hosts } }, services[service].call())
              )
              const { message } = error as Error
              assert.include(message, place)
              assert.include(message, `${endpoint} `)
              assert.include(message, `${variable}=localstack `)
            })
          yield* refused({ config: `[default]\nendpoint_url = ${endpoint}\n` }, "endpoint_url in config:2")
          yield* refused(
            { config: `[default]\nservices = s\n[services s]\n${service} =\n  endpoint_url = ${endpoint}\n` },
            "endpoint_url in config:5"
          )
          yield* refused({ environment: { AWS_ENDPOINT_URL: endpoint } }, "(AWS_ENDPOINT_URL)")
          const own = services[service].variable
          yield* refused({ environment: { [own]: endpoint } }, `(${own})`)
        })
    )
  }

  it.effect("does not go to what is no endpoint at all", () =>
    Effect.gen(function*() {
      const bad = [
        "ftp://localhost",
        "localhost:1",
        "http://",
        "http://a@localhost",
        "http://localhost?x=1",
        "http://[::1"
      ]
      for (const endpoint of bad) {
        assert.include(String(Option.getOrThrow(Either.getLeft(yield* guarded(endpoint)))), "not an http or https URL")
      }
    }))
})

describe("layerEnvironment of Sso, SsoOidc and Sts", () => {
  const rows = [
    ["sso", Sso.layerEnvironment, Effect.flatMap(Sso.Sso, (sso) => sso.logout({ region, accessToken }))],
    [
      "sso_oidc",
      SsoOidc.layerEnvironment,
      Effect.flatMap(
        SsoOidc.SsoOidc,
        (oidc) => oidc.registerClient({ region, clientName: "test", clientType: "public" })
      )
    ],
    ["sts", Sts.layerEnvironment, Effect.flatMap(Sts.Sts, (sts) => sts.getCallerIdentity({ credentials }))]
  ] as const
  const call = (service: Service, settings?: ClientConfig.ClientConfig): Call =>
    Effect.gen(function*() {
      for (const [name, layer, effect] of rows) {
        const services: Layer.Layer<Sso.Sso | SsoOidc.SsoOidc | Sts.Sts, unknown, Transport.Transport> = Layer
          .mergeAll(Sso.layer(), SsoOidc.layer(), Sts.layer(), layer(settings))
        if (name === service) yield* Effect.provide(effect as Effect.Effect<unknown, unknown, Sso.Sso>, services)
      }
    })

  for (const service of names) {
    it.effect(`${service} takes the endpoint of the environment, ignores the profile, and prefers a given setting`, () =>
      Effect.gen(function*() {
        const config = "[default]\nendpoint_url = http://localhost:9\nuse_fips_endpoint = true\nregion = eu-north-1\n"
        const environment = { [services[service].variable]: "http://localhost:1", AWS_REGION: "eu-west-1" }
        assert.strictEqual(yield* origin({ config, environment }, call(service)), "http://localhost:1")
        assert.strictEqual(
          yield* origin({ config, environment }, call(service, { endpoint: "http://localhost:2" })),
          "http://localhost:2"
        )
        assert.strictEqual(
          yield* origin({ config, environment: { AWS_REGION: "eu-west-1" } }, call(service)),
          `https://${services[service].prefix}.eu-west-1.amazonaws.com`
        )
      }))
  }

  it.effect("Sts.layerEnvironment calls the region of AWS_REGION, else that of AWS_DEFAULT_REGION", () =>
    Effect.gen(function*() {
      const both = { AWS_REGION: "eu-central-1", AWS_DEFAULT_REGION: "sa-east-1" }
      const at = (environment: Record<string, string>, settings?: ClientConfig.ClientConfig) =>
        origin({ environment }, call("sts", settings))
      assert.strictEqual(yield* at(both), "https://sts.eu-central-1.amazonaws.com")
      assert.strictEqual(yield* at({ AWS_DEFAULT_REGION: "sa-east-1" }), "https://sts.sa-east-1.amazonaws.com")
      assert.strictEqual(yield* at(both, { region }), "https://sts.eu-west-1.amazonaws.com")
    }))
})

describe("settings from the environment and the profile", () => {
  /** What `clientConfig` makes of a world. */
  const settingsIn = (
    { config = "", environment = {} }: World,
    settings?: ClientConfig.ClientConfig
  ) =>
    Effect.flatMap(SharedConfig.clientConfig("sts", settings), (settings) => settings()).pipe(
      Effect.provide(SharedConfig.layerMemory({ config: `[default]\n${config}` })),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
    )

  const rows: ReadonlyArray<{
    readonly setting: keyof ClientConfig.ClientConfig
    readonly variable: string
    readonly key: string
    /** As text and as value: of the environment, of the profile; and what is no value. */
    readonly values: readonly [readonly [string, unknown], readonly [string, unknown]]
    readonly invalid?: string
  }> = [
    {
      setting: "useFipsEndpoint",
      variable: "AWS_USE_FIPS_ENDPOINT",
      key: "use_fips_endpoint",
      values: [["true", true], ["False", false]],
      invalid: "1"
    },
    {
      setting: "useDualstackEndpoint",
      variable: "AWS_USE_DUALSTACK_ENDPOINT",
      key: "use_dualstack_endpoint",
      values: [["TRUE", true], ["false", false]],
      invalid: "yes"
    },
    {
      setting: "useGlobalEndpoint",
      variable: "AWS_STS_REGIONAL_ENDPOINTS",
      key: "sts_regional_endpoints",
      values: [["Legacy", true], ["regional", false]],
      invalid: "global"
    },
    {
      setting: "maxAttempts",
      variable: "AWS_MAX_ATTEMPTS",
      key: "max_attempts",
      values: [["1", 1], ["10", 10]],
      invalid: "0"
    },
    { setting: "appId", variable: "AWS_SDK_UA_APP_ID", key: "sdk_ua_app_id", values: [["a", "a"], ["b", "b"]] },
    {
      setting: "disableClockSkewCorrection",
      variable: "AWS_DISABLE_CLOCK_SKEW_CORRECTION",
      key: "disable_clock_skew_correction",
      values: [["true", true], ["false", false]],
      invalid: "no"
    }
  ]

  it.effect.each(rows)(
    "$setting: option, then $variable, then $key",
    ({ invalid, key, setting, values, variable }) =>
      Effect.gen(function*() {
        const [[inEnvironment, ofEnvironment], [inProfile, ofProfile]] = values
        const environment = { [variable]: inEnvironment }
        const config = `${key} = ${inProfile}\n`
        assert.strictEqual((yield* settingsIn({ environment, config }, { [setting]: ofProfile }))[setting], ofProfile)
        assert.strictEqual((yield* settingsIn({ environment, config }))[setting], ofEnvironment)
        assert.strictEqual((yield* settingsIn({ environment: { [variable]: "" }, config }))[setting], ofProfile)
        assert.strictEqual((yield* settingsIn({}))[setting], undefined)
        if (invalid === undefined) return
        const badVariable = yield* Effect.flip(settingsIn({ environment: { [variable]: invalid } }))
        assert.include(String(badVariable), variable)
        const badKey = yield* Effect.flip(settingsIn({ config: `region = x\n${key} = ${invalid}\n` }))
        assert.deepInclude({ ...badKey as IdentityError.InvalidConfig }, { _tag: "InvalidConfig", line: 3, key })
      })
  )

  it.effect("says of every variable that it is wrong", () =>
    Effect.gen(function*() {
      const environment = { AWS_MAX_ATTEMPTS: "many", AWS_USE_FIPS_ENDPOINT: "maybe", AWS_REGION: "eu/1" }
      const error = String(yield* Effect.flip(settingsIn({ environment })))
      for (const name of Object.keys(environment)) assert.include(error, name)
    }))

  it.effect("says where an endpoint is that is none", () =>
    Effect.gen(function*() {
      const inProfile = yield* Effect.flip(settingsIn({ config: "endpoint_url = localhost:4566\n" }))
      assert.include(String(inProfile), "config:2")
      const config = "services = s\n[services s]\nsts =\n  endpoint_url = ftp://localhost\n"
      assert.include(String(yield* Effect.flip(settingsIn({ config }))), "config:5")
      const inEnvironment = yield* Effect.flip(settingsIn({ environment: { AWS_ENDPOINT_URL_STS: "x" } }))
      assert.include(String(inEnvironment), "AWS_ENDPOINT_URL_STS")
    }))
})
