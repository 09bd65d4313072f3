/**
 * The bridge to the AWS SDK for JavaScript v3: its clients with our credentials, and its providers as ours.
 *
 * The types are the SDK's by structure, under its own names; nothing of it is imported.
 *
 * @example
 * ```ts
 * import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts"
 * import { Effect } from "effect"
 * import { AwsSdk } from "effect-aws-identity"
 *
 * export const program = Effect.gen(function*() {
 *   const sts = new STSClient(yield* AwsSdk.clientConfig)
 *   return yield* Effect.tryPromise(() => sts.send(new GetCallerIdentityCommand({})))
 * })
 * ```
 *
 * @since 0.1.0
 */
/// <reference lib="esnext.disposable" preserve="true" />
import * as Cause from "effect/Cause"
import * as ConfigError from "effect/ConfigError"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as AccountId from "./AccountId.js"
import { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import * as IdentityError from "./IdentityError.js"
import { isTransientConnection } from "./internal/answerKind.js"
import { environmentRegion } from "./internal/clientSettings.js"
import { peek } from "./internal/peek.js"
import { requiredRegion } from "./internal/requiredRegion.js"
import { schemaProblem } from "./internal/schemaProblem.js"
import * as SharedConfig from "./SharedConfig.js"
import type { SsoSession } from "./SsoSession.js"
import type { SsoToken } from "./SsoTokenCache.js"
import { SsoTokenProvider } from "./SsoTokenProvider.js"

/**
 * Credentials as the SDK has them. The secrets are plain text here, as they have to be for the SDK to sign with them:
 * do not log or keep such a value.
 *
 * @since 0.1.0
 * @category models
 */
export interface AwsCredentialIdentity {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly expiration?: Date
  /** 12 digits */
  readonly accountId?: string
}

/**
 * A bearer token as the SDK has it: plain text, as the credentials are.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenIdentity {
  readonly token: string
  readonly expiration?: Date
}

/**
 * Options that the SDK passes to an `IdentityProvider`.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdentityProperties {
  /**
   * Reports that AWS rejected the last credentials or token. Every client gets new ones on its next request. A bearer
   * token that cannot be refreshed is `SsoLoginRequired`.
   */
  readonly forceRefresh?: boolean | undefined
  /** Ignored. */
  readonly callerClientConfig?: unknown
}

/**
 * A function that the clients of the SDK take as `credentials` or `token`. Its promise is rejected with our tagged
 * error itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdentityProvider<A> {
  (properties?: IdentityProperties): Promise<A>
  /**
   * Tells a client not to cache the result. The cache is behind the function, and a cache of the client would keep
   * credentials that AWS has rejected.
   */
  readonly memoized: true
}

/** The values of an `IdentityProvider`, and how to get them. */
interface Source<Value, A> {
  /** The cached value, if it is usable without a refresh. */
  readonly peek: () => Value | undefined
  /** Gets a value that is not the rejected one. */
  readonly get: (rejected: Value | undefined) => Promise<Value>
  readonly identityOf: (value: Value) => A
}

/** Each value has one promise, which all waiting callers share. */
const providerOf = <Value, A>(source: Source<Value, A>): IdentityProvider<A> => {
  let last: { readonly value: Value; readonly identity: Promise<A> } | undefined
  let getting: Promise<A> | undefined
  let replacing: Promise<A> | undefined
  const give = (value: Value): Promise<A> => {
    if (last?.value !== value) last = { value, identity: Promise.resolve(source.identityOf(value)) }
    return last.identity
  }
  return memoized((properties) => {
    if (properties?.forceRefresh === true) {
      replacing ??= source.get(last?.value ?? source.peek()).then(give).finally(() => {
        replacing = undefined
      })
      return replacing
    }
    const value = source.peek()
    if (value !== undefined) return give(value)
    getting ??= source.get(undefined).then(give).finally(() => {
      getting = undefined
    })
    return getting
  })
}

const memoized = <A>(
  provide: (properties?: IdentityProperties) => Promise<A>
): IdentityProvider<A> => Object.assign(provide, { memoized: true as const })

/** Interruptible, because clients may be made in an `acquireRelease`, where timeouts would otherwise not end a wait. */
const run = <A, E>(runtime: Runtime.Runtime<never>, effect: Effect.Effect<A, E>): Promise<A> =>
  Runtime.runPromiseExit(runtime, Effect.interruptible(effect)).then(settle)

/** Rejects with the error itself, not with Effect's wrapping of it, so that a `catch` can tell errors by their tags. */
const settle = <A, E>(exit: Exit.Exit<A, E>): Promise<A> =>
  Exit.match(exit, {
    onSuccess: (value) => Promise.resolve(value),
    onFailure: (cause) => Promise.reject(Cause.isInterruptedOnly(cause) ? ended() : toError(cause))
  })

const problemsOf = (error: ConfigError.ConfigError): ReadonlyArray<string> =>
  error._op === "And" ? [...problemsOf(error.left), ...problemsOf(error.right)] : [String(error)]

/**
 * The failure of a layer as an `Error`. The SDK copies a failure that is not an `Error`, such as a `ConfigError`, and
 * loses its message.
 */
const toError = (cause: Cause.Cause<unknown>): Error => {
  const failure = Cause.originalError(Cause.squash(cause))
  if (failure instanceof Error) return failure
  return ConfigError.isConfigError(failure)
    ? new IdentityError.CredentialsUnavailable({
      source: "the layer",
      reason: ConfigError.isMissingDataOnly(failure) ? "Missing" : "Invalid",
      // Layers that are built side by side fail together, each with the variables that it reads.
      problem: [...new Set(Array.from(Cause.failures(cause)).filter(ConfigError.isConfigError).flatMap(problemsOf))]
        .join(" and "),
      remedy: "Correct the variables that are named here."
    })
    : new IdentityError.CredentialsUnavailable({
      source: "the layer",
      reason: "Refused",
      problem: Predicate.hasProperty(failure, "_tag") && typeof failure._tag === "string"
        ? `it failed with ${failure._tag}`
        : "it failed with something that is not an Error",
      remedy: "Build the layer by itself to see its error."
    })
}

const ended = () =>
  new IdentityError.CredentialsUnavailable({
    source: "AwsSdk",
    reason: "Missing",
    problem: "the scope or layer of its provider has been closed",
    remedy: "Keep that open until the last request is done."
  })

// Absent, not undefined: the SDK's types are read with exactOptionalPropertyTypes too.
const identityOfCredentials = (credentials: Credentials): AwsCredentialIdentity => ({
  accessKeyId: credentials.accessKeyId,
  secretAccessKey: Redacted.value(credentials.secretAccessKey),
  ...Option.match(credentials.sessionToken, {
    onNone: () => ({}),
    onSome: (sessionToken) => ({ sessionToken: Redacted.value(sessionToken) })
  }),
  ...Option.match(credentials.expiration, {
    onNone: () => ({}),
    onSome: (expiration) => ({ expiration: DateTime.toDateUtc(expiration) })
  }),
  ...Option.match(credentials.accountId, { onNone: () => ({}), onSome: (accountId) => ({ accountId }) })
})

/**
 * The `credentials` of the SDK's clients, from a `CredentialsProvider` that is given as a value: one for each identity of
 * a program that has several. See `credentials`.
 *
 * @example
 * ```ts
 * import { STSClient } from "@aws-sdk/client-sts"
 * import { Effect } from "effect"
 * import { AwsSdk, CredentialsProvider, ProfileCredentials } from "effect-aws-identity"
 *
 * // A client for each of two accounts
 * export const program = Effect.gen(function*() {
 *   const clientOf = (profile: string) =>
 *     CredentialsProvider.make(ProfileCredentials.resolve({ profile })).pipe(
 *       Effect.flatMap(AwsSdk.identityProvider),
 *       Effect.zip(AwsSdk.regionProvider(profile)),
 *       Effect.map(([credentials, region]) => new STSClient({ credentials, region }))
 *     )
 *   const from = yield* clientOf("production")
 *   const to = yield* clientOf("backup")
 *   return [from, to]
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const identityProvider = (
  provider: CredentialsProvider.Service
): Effect.Effect<IdentityProvider<AwsCredentialIdentity>> =>
  Effect.map(Effect.runtime<never>(), (runtime) =>
    providerOf<Credentials, AwsCredentialIdentity>({
      peek: () => peek(provider),
      get: (rejected) =>
        run(
          runtime,
          rejected === undefined ? provider.get : Effect.zipRight(provider.invalidate(rejected), provider.get)
        ),
      identityOf: identityOfCredentials
    }))

/**
 * The `credentials` of the SDK's clients. The SDK asks for them at each request and gets those of
 * `CredentialsProvider`, so a long-lived client stays valid and all clients share one refresh. It works as long as that
 * service does.
 *
 * Its promises are rejected with an `IdentityError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const credentials: Effect.Effect<
  IdentityProvider<AwsCredentialIdentity>,
  never,
  CredentialsProvider.CredentialsProvider
> = Effect.flatMap(CredentialsProvider.CredentialsProvider, identityProvider)

/**
 * A function that the clients of the SDK take as `region`.
 *
 * @since 0.1.0
 * @category models
 */
export type RegionProvider = () => Promise<string>

/**
 * The `region` of the SDK's clients by the rule of `SharedConfig.region`: `AWS_REGION`, then `AWS_DEFAULT_REGION`, then
 * the region of the profile that is named here, else of the chosen one. It is found at the first request, and kept.
 *
 * Its promises are rejected with an `IdentityError`: with `NotConfigured` if nothing names a region.
 *
 * @since 0.1.0
 * @category constructors
 */
export const regionProvider = (profile?: string): Effect.Effect<RegionProvider, never, SharedConfig.SharedConfig> =>
  Effect.zipWith(
    SharedConfig.SharedConfig,
    Effect.runtime<never>(),
    (config, runtime) =>
      keptRegion(runtime, Effect.provideService(regionOf(profile), SharedConfig.SharedConfig, config))
  )

/** Caches the region once it is found. A failure is not cached. */
const keptRegion = (
  runtime: Runtime.Runtime<never>,
  region: Effect.Effect<string, IdentityError.IdentityError>
): RegionProvider => {
  let found: Promise<string> | undefined
  return () => {
    found ??= run(runtime, region).catch((error: unknown) => {
      found = undefined
      throw error
    })
    return found
  }
}

const regionOf = (profile?: string) =>
  requiredRegion(SharedConfig.region(profile), {
    call: regionCall,
    profile: profile === undefined ? Effect.map(SharedConfig.read, ({ chosen }) => chosen) : Effect.succeed(profile),
    remedy: regionRemedy
  })

const regionCall = { service: "AwsSdk", operation: "region" }
const regionRemedy = "give the client a region"

/**
 * The `region` of the SDK's clients: see `regionProvider`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const region: Effect.Effect<RegionProvider, never, SharedConfig.SharedConfig> = regionProvider()

/**
 * `credentials` and `region`, as every client of the SDK takes them.
 *
 * @since 0.1.0
 * @category models
 */
export interface SdkClientConfig {
  readonly credentials: IdentityProvider<AwsCredentialIdentity>
  readonly region: RegionProvider
}

/**
 * `credentials` and `region` of the SDK's clients.
 *
 * @example
 * ```ts
 * import { STSClient } from "@aws-sdk/client-sts"
 * import { Effect } from "effect"
 * import { AwsSdk } from "effect-aws-identity"
 *
 * export const sts = Effect.map(AwsSdk.clientConfig, (config) => new STSClient({ ...config, maxAttempts: 5 }))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientConfig: Effect.Effect<
  SdkClientConfig,
  never,
  CredentialsProvider.CredentialsProvider | SharedConfig.SharedConfig
> = Effect.all({ credentials, region })

/**
 * The `token` of the SDK's clients that take a bearer token: that of a signed-in session, refreshed before it
 * expires.
 *
 * Its promises are rejected with a `TokenError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const token = (
  session: SsoSession
): Effect.Effect<IdentityProvider<TokenIdentity>, never, SsoTokenProvider> =>
  Effect.zipWith(SsoTokenProvider, Effect.runtime<never>(), (tokens, runtime) =>
    providerOf<SsoToken, TokenIdentity>({
      // Other processes write the token file too, so only reading it shows whether the token is current.
      peek: () => undefined,
      get: (rejected) =>
        run(
          runtime,
          rejected === undefined
            ? tokens.get(session)
            : Effect.zipRight(tokens.invalidate(session, rejected), tokens.get(session))
        ),
      identityOf: ({ accessToken, expiresAt }) => ({
        token: Redacted.value(accessToken),
        expiration: DateTime.toDateUtc(expiresAt)
      })
    }))

/**
 * Credentials and region of a layer, for programs that use promises.
 *
 * @since 0.1.0
 * @category models
 */
export interface Identity extends AsyncDisposable {
  /** The `credentials` of the SDK's clients. */
  readonly credentials: IdentityProvider<AwsCredentialIdentity>
  /**
   * The `region` of the SDK's clients: `AWS_REGION`, then `AWS_DEFAULT_REGION`, then that of the profile if the layer
   * gives a `SharedConfig`.
   */
  readonly region: RegionProvider
  /** Both, for a client that needs no other settings. */
  readonly clientConfig: SdkClientConfig
  /** Closes the layer. From then on, all promises are rejected. */
  readonly dispose: () => Promise<void>
}

/**
 * An `Identity` of a layer that also gives the token of a signed-in user.
 *
 * @since 0.1.0
 * @category models
 */
export interface SsoIdentity extends Identity {
  /** The `token` of the SDK's clients: that of the session which the profile names. */
  readonly token: IdentityProvider<TokenIdentity>
}

/** Looks up its services when it runs, because not every layer provides them. */
const tokenOfProfile = Effect.gen(function*() {
  const services = Option.all([
    yield* Effect.serviceOption(SharedConfig.SharedConfig),
    yield* Effect.serviceOption(SsoTokenProvider)
  ])
  if (Option.isNone(services)) {
    return yield* new IdentityError.CredentialsUnavailable({
      source: "AwsSdk",
      reason: "Missing",
      problem: "the layer gives no SSO tokens",
      remedy: "Give AwsSdk.fromLayer one that does, such as AwsIdentity.layer."
    })
  }
  const [config, tokens] = services.value
  const session = yield* Effect.provideService(SharedConfig.sessionOfProfile(), SharedConfig.SharedConfig, config)
  return yield* Effect.provideService(token(session), SsoTokenProvider, tokens)
})

const regionOfLayer = Effect.gen(function*() {
  const config = yield* Effect.serviceOption(SharedConfig.SharedConfig)
  const runtime = yield* Effect.runtime<never>()
  const call = { call: regionCall, remedy: regionRemedy, profile: Effect.succeed(undefined) }
  return keptRegion(
    runtime,
    Option.match(config, {
      onNone: () => requiredRegion(environmentRegion, call),
      onSome: (config) => Effect.provideService(regionOf(), SharedConfig.SharedConfig, config)
    })
  )
})

/**
 * Credentials, region and token of a layer, for a program of promises. The layer is built once, at the first use. If it
 * cannot be built, each promise is rejected with the layer's error. A failure that is not an `Error`, such as a
 * `ConfigError`, becomes a `CredentialsUnavailable` with the same problem.
 *
 * @example
 * ```ts
 * import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts"
 * import { AwsSdk } from "effect-aws-identity"
 * import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
 *
 * export const main = async () => {
 *   const identity = AwsSdk.fromLayer(NodeIdentity.layer({ profile: "dev" }))
 *   const sts = new STSClient(identity.clientConfig)
 *   const { Arn } = await sts.send(new GetCallerIdentityCommand({}))
 *   await identity.dispose() // or: await using identity = ...
 *   return Arn
 * }
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromLayer: {
  <E>(
    layer: Layer.Layer<CredentialsProvider.CredentialsProvider | SharedConfig.SharedConfig | SsoTokenProvider, E>
  ): SsoIdentity
  <E>(layer: Layer.Layer<CredentialsProvider.CredentialsProvider, E>): Identity
} = <E>(layer: Layer.Layer<CredentialsProvider.CredentialsProvider, E>): SsoIdentity => {
  const runtime = ManagedRuntime.make(layer)
  let isOver = false

  /** Builds the layer at the first call and shares it with later calls. After a failure, the next call builds it again. */
  const started = <A, E2>(
    make: Effect.Effect<(properties?: IdentityProperties) => Promise<A>, E2, CredentialsProvider.CredentialsProvider>
  ) => {
    let provider: ((properties?: IdentityProperties) => Promise<A>) | undefined
    let starting: Promise<(properties?: IdentityProperties) => Promise<A>> | undefined
    return (properties?: IdentityProperties): Promise<A> => {
      if (isOver) return Promise.reject(ended())
      if (provider !== undefined) return provider(properties)
      starting ??= runtime.runPromiseExit(make).then((exit) => settle(exit)).finally(() => {
        starting = undefined
      })
      return starting.then((made) => {
        provider = made
        return made(properties)
      })
    }
  }

  const dispose = () => {
    isOver = true
    return runtime.dispose()
  }

  const region = started(regionOfLayer)
  const clientConfig = { credentials: memoized(started(credentials)), region: () => region() }
  return {
    ...clientConfig,
    clientConfig,
    token: memoized(started(tokenOfProfile)),
    dispose,
    [Symbol.asyncDispose]: dispose
  }
}

/**
 * A function that the clients of the SDK take as `credentials`, such as the result of `fromSSO`.
 *
 * @since 0.1.0
 * @category models
 */
export type AwsCredentialIdentityProvider = (
  properties?: Readonly<Record<string, unknown>>
) => Promise<AwsCredentialIdentity>

/** The identity that a provider of the SDK should return. */
const Answer = Schema.Struct({
  accessKeyId: Schema.NonEmptyString,
  secretAccessKey: Schema.Redacted(Schema.NonEmptyString),
  sessionToken: Schema.optionalWith(Schema.Redacted(Schema.NonEmptyString), { as: "Option", nullable: true }),
  expiration: Schema.optionalWith(Schema.DateTimeUtcFromDate, { as: "Option", nullable: true }),
  accountId: Schema.optionalWith(Schema.String, { as: "Option", nullable: true })
})

/** Does not throw. A foreign object may throw when its properties are read. */
const decode = Option.liftThrowable(Schema.decodeUnknownEither(Answer))

/**
 * Asks a provider of the SDK once, or takes a fixed identity. Use `CredentialsProvider.layer` to cache and refresh the
 * result. The provider is asked for new credentials each time, because it may have a cache of its own.
 *
 * An `IdentityError` stays as it is, for providers that are made of ours. Any other error of the provider becomes a
 * `CredentialsUnavailable` with its name alone, because its message may hold anything.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromProvider: (
  provider: AwsCredentialIdentity | AwsCredentialIdentityProvider
) => Effect.Effect<Credentials, IdentityError.IdentityError> = Effect.fn("AwsSdk.fromProvider")(function*(provider) {
  const answer: unknown = yield* Effect.tryPromise({
    try: () =>
      // Called within the promise, so that a synchronous throw becomes a rejection too.
      Promise.resolve().then(() => typeof provider === "function" ? provider({ forceRefresh: true }) : provider),
    catch: (error) => isIdentityError(error) ? error : rejectionOf(error)
  })
  const decoded = decode(answer)
  if (Option.isNone(decoded)) return yield* unavailable("Invalid", "its result cannot be read")
  if (Either.isLeft(decoded.value)) {
    return yield* unavailable("Invalid", `its result is not an identity: ${schemaProblem(decoded.value.left)}`)
  }
  const { accountId, ...identity } = decoded.value.right
  return new Credentials({ ...identity, accountId: Option.flatMap(accountId, AccountId.option) })
}, (credentials) => CredentialsProvider.fromEffect(sourceName, credentials))

const sourceName = "the provider of the AWS SDK"

/** Returns false if reading the properties of the rejection throws. */
const isIdentityError = (error: unknown): error is IdentityError.AnyError =>
  Option.getOrElse(Option.liftThrowable(IdentityError.isIdentityError)(error), () => false)

const remedies = {
  Unreachable: "Check the network, and the server that the provider calls.",
  Missing: "Configure the provider, or use another one.",
  Refused: "Call the provider by itself to see its error.",
  Invalid:
    "It has to give accessKeyId and secretAccessKey, and may give sessionToken, expiration (a Date) and accountId."
}

const unavailable = (reason: keyof typeof remedies, problem: string) =>
  new IdentityError.CredentialsUnavailable({
    source: sourceName,
    reason,
    problem,
    remedy: remedies[reason]
  })

const rejectionOf = (error: unknown) => {
  const name = property(error, "name")
  const by = typeof name === "string" && isName.test(name) ? ` with ${name}` : ""
  if (property(error, "tryNextLink") === true) return unavailable("Missing", `it has no credentials and failed${by}`)
  const code = property(error, "code")
  return name === "TimeoutError" || typeof code === "string" && isTransientConnection(code)
    ? unavailable("Unreachable", `it could not reach its source and failed${by}`)
    : unavailable("Refused", `it failed${by}`)
}

/** Matches the name of an error class. Such a name is too short to hold a secret. */
const isName = /^[A-Z][A-Za-z]{0,60}(Error|Exception|Fault)$/

const property = (value: unknown, key: string): unknown =>
  Option.getOrUndefined(
    Option.liftThrowable(() => Predicate.hasProperty(value, key) ? value[key] : undefined)()
  )

/**
 * `CredentialsProvider` of a provider of the SDK, cached and refreshed.
 *
 * @example
 * ```ts
 * import { fromSSO } from "@aws-sdk/credential-provider-sso"
 * import { AwsSdk } from "effect-aws-identity"
 *
 * export const layer = AwsSdk.layer(fromSSO({ profile: "dev" }))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  provider: AwsCredentialIdentity | AwsCredentialIdentityProvider,
  options?: CredentialsProvider.CacheOptions
): Layer.Layer<CredentialsProvider.CredentialsProvider> => CredentialsProvider.layer(fromProvider(provider), options)
