/**
 * Signs a person in to an IAM Identity Center. No AWS SDK for JavaScript does this.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as IdentityError from "./IdentityError.js"
import { nextPoll, type PollState } from "./internal/devicePolling.js"
import { portalRemedy } from "./internal/remedies.js"
import { toServiceError } from "./internal/serviceError.js"
import { regionOfStartUrl, startUrlProblem } from "./internal/startUrl.js"
import { withMemory } from "./internal/tokenMemory.js"
import { SsoOidc } from "./SsoOidc.js"
import type { SsoSession } from "./SsoSession.js"
import { SsoToken, SsoTokenCache } from "./SsoTokenCache.js"

/**
 * What the person needs to see. Show the code even if you open the browser: the person must compare it, because an
 * attacker may have sent them the link of another sign-in (RFC 8628, 5.4).
 *
 * @since 0.1.0
 * @category models
 */
export interface DevicePrompt {
  readonly userCode: string
  readonly verificationUri: string
  /** The URI with the code in it, if the service gives one. */
  readonly verificationUriComplete: Option.Option<string>
  /** When the code expires. */
  readonly expiresAt: DateTime.Utc
}

/**
 * Options of `device`.
 *
 * @since 0.1.0
 * @category models
 */
export interface DeviceOptions<E = never, R = never> {
  /** Shows the prompt. Polling for the approval begins when this effect has ended. */
  readonly onPrompt: (prompt: DevicePrompt) => Effect.Effect<void, E, R>
}

/**
 * Signs in by device code (RFC 8628): shows the prompt, waits for the person's approval in any browser, and puts the
 * token into the cache for this and every other AWS tool.
 *
 * Fails with `LoginDenied` or `DeviceCodeExpired` when there is no approval. A start URL that AWS would refuse is an
 * `InvalidConfig`, or an `InvalidInput` if the session is not from a config file. A network failure during the wait is
 * not an error: `device` polls again, at longer and longer intervals, until the code expires. An interrupted sign-in
 * leaves nothing behind.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { SharedConfig, SsoLogin } from "effect-aws-identity"
 *
 * // Runs on `AwsIdentity.layer`.
 * export const login = Effect.flatMap(SharedConfig.session("corp"), (session) =>
 *   SsoLogin.device(session, {
 *     onPrompt: ({ userCode, verificationUri }) => Console.log(`Open ${verificationUri} and compare the code ${userCode}`)
 *   }))
 * ```
 *
 * @since 0.1.0
 * @category flows
 */
export const device: <E, R>(
  session: SsoSession,
  options: DeviceOptions<E, R>
) => Effect.Effect<SsoToken, E | IdentityError.LoginError, R | SsoOidc | SsoTokenCache> = Effect.fn(
  "SsoLogin.device"
)(function*<E, R>(session: SsoSession, options: DeviceOptions<E, R>) {
  const oidc = yield* SsoOidc
  const cache = withMemory(yield* SsoTokenCache)
  const target = { region: session.region, profile: Option.getOrUndefined(session.profile) }
  const problem = startUrlProblem(session.startUrl)
  if (problem !== undefined) return yield* wrongStartUrl(session, problem)
  const client = yield* oidc.registerClient({
    ...target,
    clientName: `effect-aws-identity-${Option.getOrElse(session.name, () => "legacy")}`,
    clientType: "public",
    ...scopesOf(session)
  }).pipe(Effect.catchTag("SlowDownException", untagged))
  const credentials = { ...target, clientId: client.clientId, clientSecret: client.clientSecret }
  const startedAt = yield* DateTime.now
  const authorization = yield* oidc.startDeviceAuthorization({ ...credentials, startUrl: session.startUrl }).pipe(
    Effect.catchTags({ InvalidClientException: untagged, SlowDownException: untagged }),
    Effect.mapError(aboutSession(session))
  )
  const expiresAt = DateTime.add(startedAt, { seconds: authorization.expiresIn })
  yield* options.onPrompt({
    userCode: authorization.userCode,
    verificationUri: authorization.verificationUri,
    verificationUriComplete: authorization.verificationUriComplete,
    expiresAt
  })
  const intervalMillis = Math.max(authorization.interval, 1) * 1000
  const answer = yield* poll(session, { ...credentials, deviceCode: authorization.deviceCode }, {
    intervalMillis,
    waitMillis: intervalMillis,
    deadline: DateTime.toEpochMillis(expiresAt)
  })
  const now = yield* DateTime.now
  const token = new SsoToken({
    startUrl: Option.some(session.startUrl),
    region: Option.some(session.region),
    accessToken: answer.accessToken,
    expiresAt: DateTime.add(now, { seconds: answer.expiresIn }),
    clientId: Option.some(client.clientId),
    clientSecret: Option.some(client.clientSecret),
    registrationExpiresAt: client.clientSecretExpiresAt,
    refreshToken: answer.refreshToken
  })
  // The lock keeps a refresh in progress from replacing this token with its own.
  yield* cache.exclusively(session.cacheKey)(cache.set(session.cacheKey, token))
  return token
})

/**
 * The session's own scopes, or else the scope for which AWS gives a refresh token. A legacy profile has no scopes, as in
 * the AWS CLI: its token should last the whole session, for tools that cannot refresh it.
 */
const scopesOf = ({ name, registrationScopes }: SsoSession): { readonly scopes?: ReadonlyArray<string> } =>
  Option.isNone(name)
    ? {}
    : { scopes: registrationScopes.length > 0 ? registrationScopes : ["sso:account:access"] }

const wrongStartUrl = ({ cacheKey, places, startUrl }: SsoSession, problem: string) => {
  const what = `${problem}: ${JSON.stringify(startUrl.slice(0, 256))}`
  return places === undefined
    ? new IdentityError.InvalidInput({
      service: "SsoLogin",
      operation: "device",
      problem: `the start URL of session "${cacheKey}" ${what}. ${portalRemedy}`
    })
    : new IdentityError.InvalidConfig({
      ...places.startUrl,
      column: 1,
      key: "sso_start_url",
      problem: `has an sso_start_url that ${what}`,
      remedy: portalRemedy
    })
}

/** Adds the session to a refusal of AWS, which does not name it. */
const aboutSession = (session: SsoSession) => (error: IdentityError.CallError): IdentityError.CallError => {
  if (error._tag !== "ServiceError") return error
  const { cacheKey, places, region, startUrl } = session
  const at = (place: { readonly file: string; readonly line: number } | undefined) =>
    place === undefined ? "" : ` (${place.file}:${place.line})`
  const ofUrl = regionOfStartUrl(startUrl)
  return new IdentityError.ServiceError({
    ...error,
    about: `SSO session "${cacheKey}", with sso_start_url = ${startUrl}${
      at(places?.startUrl)
    } and sso_region = ${region}${at(places?.region)}${
      ofUrl === undefined || ofUrl === region ? "" : `, although the start URL is of ${ofUrl}`
    }`
  })
}

/** The device flow treats these errors alike, so they lose their own tag here. */
const untagged = (error: IdentityError.ServiceException) => Effect.fail(toServiceError(error))

interface DeviceGrant {
  readonly region: SsoSession["region"]
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted
  readonly deviceCode: Redacted.Redacted
}

const poll = Effect.fnUntraced(function*(session: SsoSession, grant: DeviceGrant, start: PollState) {
  const oidc = yield* SsoOidc
  let state = start
  for (;;) {
    const now = yield* Clock.currentTimeMillis
    if (now + state.waitMillis >= state.deadline) {
      yield* Effect.sleep(Math.max(state.deadline - now, 0))
      return yield* new IdentityError.DeviceCodeExpired({ session: session.cacheKey })
    }
    yield* Effect.sleep(state.waitMillis)
    const answer = yield* Effect.either(
      oidc.createToken({ ...grant, grantType: "urn:ietf:params:oauth:grant-type:device_code" })
    )
    if (answer._tag === "Right") return answer.right
    const next = nextPoll(state, answer.left)
    switch (next._tag) {
      case "Wait": {
        state = next.state
        break
      }
      case "Denied":
        return yield* new IdentityError.LoginDenied({ session: session.cacheKey })
      case "Expired":
        return yield* new IdentityError.DeviceCodeExpired({ session: session.cacheKey })
      case "Failed":
        return yield* Effect.fail(aboutSession(session)(next.error))
    }
  }
})
