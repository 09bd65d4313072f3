/**
 * The settings of a client that the program does not give: AWS's SDKs take them from the environment, then from the
 * profile. `SharedConfig.clientConfig` documents them.
 */
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ClientConfig } from "../ClientConfig.js"
import type * as IdentityError from "../IdentityError.js"
import type { Region } from "../Region.js"
import { variable } from "./environment.js"
import { none, optional, type Section, setting } from "./section.js"
import * as Setting from "./setting.js"

/** A service by the name that AWS's files and variables use. */
export type ServiceId = "sso" | "sso_oidc" | "sts"

/** The settings that have one environment variable and one key of a profile. */
type Simple =
  | "useFipsEndpoint"
  | "useDualstackEndpoint"
  | "useGlobalEndpoint"
  | "maxAttempts"
  | "appId"
  | "disableClockSkewCorrection"

/** Finds the value of a setting, given its name, its environment variable and its key of a profile. */
type Find<E> = <Name extends Simple>(
  name: Name,
  variable: string,
  key: string,
  kind: Setting.Setting<NonNullable<ClientConfig[Name]>>
) => Effect.Effect<ClientConfig[Name], E>

/** Finds each of the simple settings. */
const findEach = <E>(find: Find<E>) => ({
  useFipsEndpoint: find("useFipsEndpoint", "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", Setting.flag),
  useDualstackEndpoint: find(
    "useDualstackEndpoint",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "use_dualstack_endpoint",
    Setting.flag
  ),
  useGlobalEndpoint: find(
    "useGlobalEndpoint",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "sts_regional_endpoints",
    Setting.regionalEndpoints
  ),
  maxAttempts: find("maxAttempts", "AWS_MAX_ATTEMPTS", "max_attempts", Setting.positive),
  appId: find("appId", "AWS_SDK_UA_APP_ID", "sdk_ua_app_id", Setting.anyText),
  disableClockSkewCorrection: find(
    "disableClockSkewCorrection",
    "AWS_DISABLE_CLOCK_SKEW_CORRECTION",
    "disable_clock_skew_correction",
    Setting.flag
  )
})

/** What the environment says about the clients of a service. */
export interface Environment {
  /** Of STS only: `AWS_REGION`, then `AWS_DEFAULT_REGION`. The inputs of other services name the region. */
  readonly regions: ReadonlyArray<Region>
  /** Whether the profile may not configure an endpoint either. */
  readonly ignoresEndpoints: boolean
  readonly allowPlainHttp: ReadonlyArray<string>
  /** All other settings. */
  readonly config: ClientConfig
}

/** The errors of `Effect.all` with the mode `validate` as one, as `Config.all` reports them. */
export const combineErrors = (
  errors: Readonly<Record<string, Option.Option<ConfigError.ConfigError>>>
): ConfigError.ConfigError => Object.values(errors).flatMap(Option.toArray).reduce(ConfigError.And)

/** Reads the environment, and reports all wrong variables together. */
export const readEnvironment = (service: ServiceId): Effect.Effect<Environment, ConfigError.ConfigError> => {
  const ownVariable = `AWS_ENDPOINT_URL_${service.toUpperCase()}`
  const regionOf = (name: string) =>
    service === "sts" ? fromVariable(name, Setting.regionName) : Effect.succeed(undefined)
  return Effect.all({
    region: regionOf("AWS_REGION"),
    defaultRegion: regionOf("AWS_DEFAULT_REGION"),
    allowPlainHttp: Effect.map(variable(plainHttpVariable), Option.match({ onNone: () => [], onSome: hostsIn })),
    ignoresEndpoints: fromVariable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", Setting.flag),
    ownEndpoint: fromVariable(ownVariable, Setting.endpointUrl),
    endpoint: fromVariable("AWS_ENDPOINT_URL", Setting.endpointUrl),
    ...findEach<ConfigError.ConfigError>((_name, variable, _key, kind) => fromVariable(variable, kind))
  }, { mode: "validate" }).pipe(
    Effect.mapError(combineErrors),
    Effect.map((
      { allowPlainHttp, defaultRegion, endpoint, ignoresEndpoints = false, ownEndpoint, region, ...simple }
    ) => ({
      regions: [region, defaultRegion].filter((found) => found !== undefined),
      ignoresEndpoints,
      allowPlainHttp,
      config: ignoresEndpoints || (ownEndpoint ?? endpoint) === undefined
        ? simple
        : {
          ...simple,
          endpoint: ownEndpoint ?? endpoint,
          endpointSource: ownEndpoint === undefined ? "AWS_ENDPOINT_URL" : ownVariable
        }
    }))
  )
}

/** The given settings, completed from the environment. */
export const withEnvironment = (settings: ClientConfig, environment: Environment): ClientConfig => {
  const [region, ...fallbackRegions] = [settings.region, ...environment.regions].filter((found) => found !== undefined)
  const { endpoint, endpointSource, ...simple } = environment.config
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
  return {
    ...simple,
    ...(settings.endpoint === undefined ? { endpoint, endpointSource } : {}),
    ...given,
    region,
    fallbackRegions: settings.fallbackRegions ?? fallbackRegions,
    allowPlainHttp: [...settings.allowPlainHttp ?? [], ...environment.allowPlainHttp]
  }
}

/** The given settings, completed from the environment alone. */
export const environmentConfig = (
  service: ServiceId,
  settings: ClientConfig = {}
): Effect.Effect<ClientConfig, ConfigError.ConfigError> =>
  Effect.map(readEnvironment(service), (environment) => withEnvironment(settings, environment))

/** The region that the environment names: `AWS_REGION`, then `AWS_DEFAULT_REGION`. */
export const environmentRegion: Effect.Effect<Option.Option<Region>, ConfigError.ConfigError> = Effect.gen(function*() {
  const region = yield* fromVariable("AWS_REGION", Setting.regionName)
  return Option.fromNullable(region ?? (yield* fromVariable("AWS_DEFAULT_REGION", Setting.regionName)))
})

/** Finds a `[services]` section by the name that a profile gives. */
type Services = (name: string) => Effect.Effect<Section, IdentityError.InvalidConfig>

/** The given settings, completed from the environment and then from the profile. */
export const withProfile = (
  service: ServiceId,
  settings: ClientConfig,
  environment: Environment,
  profile: Section,
  services: Services
): Effect.Effect<ClientConfig, IdentityError.InvalidConfig> =>
  Effect.gen(function*() {
    const given = withEnvironment(settings, environment)
    return {
      ...given,
      ...(service === "sts" ? yield* withRegionOf(profile, given, settings) : {}),
      ...(settings.endpoint === undefined ? yield* endpointOf(service, given, environment, profile, services) : {}),
      ...(yield* Effect.all(findEach((name, _variable, key, kind) =>
        given[name] === undefined ? setting(profile, key, kind) : Effect.succeed(given[name])
      )))
    }
  })

/** The region of a profile comes after those that are given. */
const withRegionOf = (
  profile: Section,
  given: ClientConfig,
  settings: ClientConfig
): Effect.Effect<Pick<ClientConfig, "region" | "fallbackRegions">, IdentityError.InvalidConfig> => {
  const own = setting(profile, "region", Setting.regionName)
  if (given.region === undefined) return Effect.map(own, (region) => ({ region }))
  if (settings.fallbackRegions !== undefined) return Effect.succeed({})
  return Effect.match(own, {
    // A profile with a wrong region works as long as the environment names another.
    onFailure: () => ({}),
    onSuccess: (region) => region === undefined ? {} : { fallbackRegions: [...given.fallbackRegions ?? [], region] }
  })
}

/** The endpoint of the environment comes before that of the profile, which may ignore both. */
const endpointOf = (
  service: ServiceId,
  given: ClientConfig,
  environment: Environment,
  profile: Section,
  services: Services
): Effect.Effect<Pick<ClientConfig, "endpoint" | "endpointSource">, IdentityError.InvalidConfig> =>
  Effect.flatMap(
    setting(profile, "ignore_configured_endpoint_urls", Setting.flag),
    (ignores) =>
      environment.ignoresEndpoints
        ? Effect.succeed({})
        : ignores === true
        ? Effect.succeed({ endpoint: undefined, endpointSource: undefined })
        : given.endpoint === undefined
        ? configuredEndpoint(service, profile, services)
        : Effect.succeed({})
  )

/** The endpoint that a profile configures: that of the service, then that of all services. */
const configuredEndpoint = (
  service: ServiceId,
  profile: Section,
  services: Services
): Effect.Effect<Pick<ClientConfig, "endpoint" | "endpointSource">, IdentityError.InvalidConfig> =>
  Effect.gen(function*() {
    const name = optional(profile, "services")
    const own = Option.isNone(name)
      ? undefined
      : (yield* services(name.value)).values.get(service)?.nested
    for (const values of [own, profile.values]) {
      const endpoint = yield* setting(profile, "endpoint_url", Setting.endpointUrl, values ?? none)
      const line = values?.get("endpoint_url")
      if (endpoint !== undefined) return { endpoint, endpointSource: `endpoint_url in ${line?.file}:${line?.line}` }
    }
    return {}
  })

/** The value of a variable, as AWS accepts it. */
const fromVariable = <A>(
  name: string,
  kind: Setting.Setting<A>
): Effect.Effect<A | undefined, ConfigError.ConfigError> =>
  Effect.flatMap(
    variable(name),
    Option.match({
      onNone: () => Effect.succeed(undefined),
      onSome: (text) =>
        Setting.checkSetting(kind, text, "variable", (mistake) =>
          ConfigError.InvalidData([name], `${Setting.describeMistake(name, text, kind, mistake)}. ${mistake.remedy}`))
    })
  )

/** Names hosts that may be called without encryption. Only this library reads it. */
const plainHttpVariable = "EFFECT_AWS_IDENTITY_ALLOW_PLAIN_HTTP"

/** The host names, as `URL.hostname` has them, of a list of hosts or URLs that commas or white space separate. */
const hostsIn = (list: string): ReadonlyArray<string> =>
  list.split(/[\s,;]+/).flatMap((item) => {
    const url = /^https?:\/\//i.test(item) ? item : `http://${item}`
    return item !== "" && URL.canParse(url) ? [new URL(url).hostname] : []
  })
