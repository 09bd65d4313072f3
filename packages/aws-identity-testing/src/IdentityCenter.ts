/**
 * An IAM Identity Center you own: its users' approvals, accounts, roles and tokens as a model driven by `Clock`.
 *
 * It follows AWS's documented and observed behaviour and shares no code with the client it tests. `Emulator` gives
 * it an HTTP face.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { IdentityCenter } from "effect-aws-identity-testing"
 *
 * const program = Effect.gen(function*() {
 *   const center = yield* IdentityCenter.IdentityCenter
 *   yield* center.fail("getRoleCredentials", "TooManyRequestsException", 2)
 * }).pipe(Effect.provide(IdentityCenter.layer()))
 * ```
 *
 * @since 0.1.0
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Jwt from "./internal/jwt.js"
import { randomSecret, randomText } from "./internal/randomText.js"
import * as SecurityTokenService from "./SecurityTokenService.js"

/**
 * An account, and the roles that the one user of this Identity Center has in it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Account {
  /** 12 digits */
  readonly accountId: string
  readonly accountName: string
  readonly emailAddress: string
  readonly roles: ReadonlyArray<string>
}

/**
 * Options of the Identity Center. Every option has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends SecurityTokenService.Options {
  readonly startUrl?: string | undefined
  readonly accounts?: ReadonlyArray<Account> | undefined
  /** The shortest time between two polls of a device login. Default: 5 seconds. */
  readonly interval?: Duration.DurationInput | undefined
  /** How long a device code is valid. Default: 10 minutes. */
  readonly deviceCodeLifetime?: Duration.DurationInput | undefined
  /** How long the code of an approval in the browser is valid. Default: 10 minutes. */
  readonly authorizationCodeLifetime?: Duration.DurationInput | undefined
  /** How long the registration of a client is valid. Default: 90 days. */
  readonly registrationLifetime?: Duration.DurationInput | undefined
  /** How long an access token is valid. Default: 1 hour. */
  readonly accessTokenLifetime?: Duration.DurationInput | undefined
  /** How long after a sign-in its token can be refreshed. Default: 8 hours. */
  readonly sessionLifetime?: Duration.DurationInput | undefined
  /** How long role credentials are valid. Default: 1 hour. */
  readonly credentialsLifetime?: Duration.DurationInput | undefined
  /** Whether a refresh gives a new refresh token and spends the old one. Default: true. */
  readonly rotateRefreshTokens?: boolean | undefined
}

/**
 * The exceptions of AWS's models for SSO and SSO OIDC, the portal's unmodelled `ForbiddenException`, and those of
 * STS, each with its status and, for those of the OIDC service, its OAuth code.
 *
 * @since 0.1.0
 * @category models
 */
export const exceptions = {
  ...SecurityTokenService.exceptions,
  AccessDeniedException: { status: 400, error: "access_denied" },
  AuthorizationPendingException: { status: 400, error: "authorization_pending" },
  ExpiredTokenException: { status: 400, error: "expired_token" },
  InternalServerException: { status: 500, error: "server_error" },
  InvalidClientException: { status: 401, error: "invalid_client" },
  InvalidClientMetadataException: { status: 400, error: "invalid_client_metadata" },
  InvalidGrantException: { status: 400, error: "invalid_grant" },
  InvalidRedirectUriException: { status: 400, error: "invalid_redirect_uri" },
  InvalidRequestException: { status: 400, error: "invalid_request" },
  InvalidRequestRegionException: { status: 400, error: "invalid_request" },
  InvalidScopeException: { status: 400, error: "invalid_scope" },
  SlowDownException: { status: 400, error: "slow_down" },
  UnauthorizedClientException: { status: 400, error: "unauthorized_client" },
  UnsupportedGrantTypeException: { status: 400, error: "unsupported_grant_type" },
  ForbiddenException: { status: 403, error: undefined },
  ResourceNotFoundException: { status: 404, error: undefined },
  TooManyRequestsException: { status: 429, error: undefined },
  UnauthorizedException: { status: 401, error: undefined }
} as const

/**
 * The name of one of the `exceptions`.
 *
 * @since 0.1.0
 * @category models
 */
export type ExceptionName = keyof typeof exceptions

/**
 * An error that the service answers with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Exception {
  readonly _tag: "Exception"
  readonly name: ExceptionName
  readonly description: string
  /**
   * AWS's code for the cause, such as `KMS_DisabledException`: the field `reason` of an `AccessDeniedException` or
   * `InvalidRequestException` of the OIDC service.
   */
  readonly detailCode?: string | undefined
  /** Where to ask instead: of `InvalidRequestRegionException`. */
  readonly region?: string | undefined
  /** Where to ask instead: of `InvalidRequestRegionException`. */
  readonly endpoint?: string | undefined
}

/**
 * The operations that the Identity Center has, and those of its STS.
 *
 * @since 0.1.0
 * @category models
 */
export type Operation =
  | "registerClient"
  | "startDeviceAuthorization"
  | "createToken"
  | "createTokenWithIAM"
  | "getRoleCredentials"
  | "listAccounts"
  | "listAccountRoles"
  | "logout"
  | "assumeRole"
  | "assumeRoleWithWebIdentity"
  | "getCallerIdentity"

/**
 * What takes the place of an answer: one of AWS's exceptions, by name or with all it says; any HTTP answer; no
 * connection at all; `NoAnswer`, a connection on which nothing ever comes; or `HalfAnswer`, the answer of an operation
 * that is done, cut off half way through its body.
 *
 * @since 0.1.0
 * @category models
 */
export type Fault = ExceptionName | Omit<Exception, "_tag"> | "ConnectionRefused" | "HalfAnswer" | "NoAnswer" | {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * A token as the OIDC service gives it out.
 *
 * @since 0.1.0
 * @category models
 */
export interface IssuedToken {
  readonly accessToken: string
  readonly tokenType: "Bearer"
  /** Seconds */
  readonly expiresIn: number
  /** Only for clients registered with the scope `sso:account:access`. */
  readonly refreshToken?: string
}

/**
 * A token as the OIDC service gives it out to an application that signs its requests.
 *
 * @since 0.1.0
 * @category models
 */
export interface ApplicationToken extends IssuedToken {
  readonly issuedTokenType: string
  readonly scope: ReadonlyArray<string>
  /** Only with the scope `openid`. */
  readonly idToken?: string
  /** Only with the scope `sts:identity_context`. */
  readonly awsAdditionalDetails?: { readonly identityContext: string }
}

/**
 * What a client says of itself when it registers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Registration {
  readonly clientName?: string | undefined
  /** AWS knows `public` only. */
  readonly clientType: string
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly redirectUris?: ReadonlyArray<string> | undefined
  /** Without it, the client may use every grant. */
  readonly grantTypes?: ReadonlyArray<string> | undefined
  readonly issuerUrl?: string | undefined
  readonly entitledApplicationArn?: string | undefined
}

/**
 * What a client asks the person in the browser for: the query of the OIDC service's page `/authorize`.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthorizationRequest {
  /** Of a registered client, or the ARN of an application. */
  readonly clientId: string
  readonly redirectUri: string
  /** Of the method S256. */
  readonly codeChallenge: string
  readonly scopes: ReadonlyArray<string>
}

/**
 * A client as the OIDC service registers it.
 *
 * @since 0.1.0
 * @category models
 */
export interface RegisteredClient {
  readonly clientId: string
  readonly clientSecret: string
  /** Seconds since 1970 */
  readonly clientIdIssuedAt: number
  /** Seconds since 1970 */
  readonly clientSecretExpiresAt: number
}

/**
 * A device login as the OIDC service begins it.
 *
 * @since 0.1.0
 * @category models
 */
export interface DeviceAuthorization {
  readonly deviceCode: string
  readonly userCode: string
  readonly verificationUri: string
  readonly verificationUriComplete: string
  /** Seconds */
  readonly expiresIn: number
  /** Seconds */
  readonly interval: number
}

/**
 * Credentials as the portal gives them out.
 *
 * @since 0.1.0
 * @category models
 */
export interface RoleCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  /** Milliseconds since 1970 */
  readonly expiration: number
  readonly accountId: string
}

interface ClientCredentials {
  readonly clientId: string
  readonly clientSecret: string
}

interface CodeGrant {
  readonly code?: string | undefined
  readonly redirectUri?: string | undefined
  readonly codeVerifier?: string | undefined
}

interface Page {
  readonly maxResults?: number | undefined
  readonly nextToken?: string | undefined
}

/**
 * What a person does, what can be made to go wrong, what happened, and the operations themselves.
 *
 * @since 0.1.0
 * @category services
 */
export class IdentityCenter extends Context.Tag("effect-aws-identity-testing/IdentityCenter")<IdentityCenter, {
  readonly startUrl: string
  readonly accounts: ReadonlyArray<Account>

  /** The user codes that wait for an approval. */
  readonly pending: Effect.Effect<ReadonlyArray<string>>
  /** The person approves the sign-in of a user code. */
  readonly approve: (userCode: string) => Effect.Effect<void>
  /** The person refuses it. */
  readonly deny: (userCode: string) => Effect.Effect<void>
  /** The person approves a request in the browser, which gives the code that the redirect carries. */
  readonly authorize: (request: AuthorizationRequest) => Effect.Effect<string, Exception>
  /** A client and its token as after a whole sign-in, for tests that begin signed in. */
  readonly signIn: Effect.Effect<RegisteredClient & IssuedToken>
  /** Ends every session: no token counts any more. */
  readonly signOut: Effect.Effect<void>

  /** The next calls (one, if not said; `Infinity` for all) of an operation get this instead of their answer. */
  readonly fail: (operation: Operation, fault: Fault, times?: number) => Effect.Effect<void>
  /** The calls so far, oldest first, those that failed included. */
  readonly calls: Effect.Effect<ReadonlyArray<Operation>>
  /** What every client so far said of itself, oldest first. */
  readonly registrations: Effect.Effect<ReadonlyArray<Registration>>
  /** Every secret given out so far, those of STS included, to look for where none may be. */
  readonly secrets: Effect.Effect<ReadonlyArray<string>>
  /** It knows the role credentials of the portal too. */
  readonly sts: SecurityTokenService.SecurityTokenService

  /** Counts a call and says which fault is to take its place. */
  readonly receive: (operation: Operation) => Effect.Effect<Option.Option<Fault>>
  readonly registerClient: (input: Registration) => Effect.Effect<RegisteredClient, Exception>
  readonly startDeviceAuthorization: (
    input: ClientCredentials & { readonly startUrl: string }
  ) => Effect.Effect<DeviceAuthorization, Exception>
  readonly createToken: (
    input: ClientCredentials & CodeGrant & {
      readonly grantType: string
      readonly deviceCode?: string | undefined
      readonly refreshToken?: string | undefined
    }
  ) => Effect.Effect<IssuedToken, Exception>
  /** Whoever calls is taken to be allowed to; the `Emulator` has checked the signature. */
  readonly createTokenWithIAM: (
    input: CodeGrant & {
      readonly clientId: string
      readonly grantType: string
      readonly refreshToken?: string | undefined
      readonly assertion?: string | undefined
      readonly subjectToken?: string | undefined
      readonly subjectTokenType?: string | undefined
      readonly requestedTokenType?: string | undefined
      readonly scope?: ReadonlyArray<string> | undefined
    }
  ) => Effect.Effect<ApplicationToken, Exception>
  readonly getRoleCredentials: (
    input: { readonly accessToken: string; readonly accountId: string; readonly roleName: string }
  ) => Effect.Effect<{ readonly roleCredentials: RoleCredentials }, Exception>
  readonly listAccounts: (
    input: Page & { readonly accessToken: string }
  ) => Effect.Effect<
    { readonly accountList: ReadonlyArray<Omit<Account, "roles">>; readonly nextToken?: string },
    Exception
  >
  readonly listAccountRoles: (
    input: Page & { readonly accessToken: string; readonly accountId: string }
  ) => Effect.Effect<
    {
      readonly roleList: ReadonlyArray<{ readonly roleName: string; readonly accountId: string }>
      readonly nextToken?: string
    },
    Exception
  >
  /** Ends the sign-in that the token comes from: with it end all tokens of that sign-in, but no role credentials. */
  readonly logout: (input: { readonly accessToken: string }) => Effect.Effect<void, Exception>
}>() {}

const twoAccounts: ReadonlyArray<Account> = [
  {
    accountId: "111122223333",
    accountName: "Development",
    emailAddress: "development@example.com",
    roles: ["Developer", "ReadOnly"]
  },
  {
    accountId: "012345678901",
    accountName: "Production",
    emailAddress: "production@example.com",
    roles: ["ReadOnly"]
  }
]

interface Client extends ClientCredentials {
  readonly registration: Registration
  readonly expiresAt: number
}

interface Device {
  readonly clientId: string
  readonly userCode: string
  readonly expiresAt: number
  state: "pending" | "approved" | "denied"
  interval: number
  polledAt: number
}

interface AuthorizationCode extends AuthorizationRequest {
  readonly expiresAt: number
}

/** What one sign-in began. */
interface Session {
  endsAt: number
}

interface Token {
  readonly clientId: string
  readonly session: Session
  readonly expiresAt: number
}

interface RefreshToken {
  readonly clientId: string
  readonly session: Session
  readonly scopes: ReadonlyArray<string>
}

const reject = (name: ExceptionName, description: string): Effect.Effect<never, Exception> =>
  Effect.fail({ _tag: "Exception", name, description })

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

const accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
const refreshTokenType = "urn:ietf:params:oauth:token-type:refresh_token"

/** AWS takes a start URL also with a slash or a fragment at its end, as browsers show it. */
const portalOf = (startUrl: string): string => startUrl.replace(/\/*(#.*)?$/, "").toLowerCase()

const applicationArn = /^arn:aws[\w-]*:sso::\d{12}:application\/ssoins-[\w-]+\/apl-[\w-]+$/

/** What an application has, whatever its configuration. */
const applicationScopes = ["openid", "aws", "sts:identity_context"]

/** OAuth's scope-token. */
const isScope = (scope: string): boolean => /^[!#-[\]-~]+$/.test(scope)

const isLoopback = ({ hostname, protocol }: URL): boolean =>
  protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(hostname)

const isRedirectUri = (uri: string): boolean => {
  if (!URL.canParse(uri) || uri.includes("#")) return false
  const url = new URL(uri)
  return url.protocol === "https:" || isLoopback(url)
}

/** A native application learns its port late, so that of a loopback address does not count (RFC 8252, 7.3). */
const withoutLoopbackPort = (uri: string): string => {
  const url = new URL(uri)
  if (isLoopback(url)) url.port = ""
  return url.href
}

/**
 * An Identity Center with one user.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Context.Tag.Service<IdentityCenter>> =>
  Effect.map(SecurityTokenService.make(options), (sts) => {
    const startUrl = options.startUrl ?? "https://example.awsapps.com/start"
    const accounts = options.accounts ?? twoAccounts
    const interval = Duration.toSeconds(options.interval ?? "5 seconds")
    const deviceCodeLifetime = Duration.toSeconds(options.deviceCodeLifetime ?? "10 minutes")
    const authorizationCodeLifetime = Duration.toMillis(options.authorizationCodeLifetime ?? "10 minutes")
    const registrationLifetime = Duration.toMillis(options.registrationLifetime ?? "90 days")
    const accessTokenLifetime = Duration.toMillis(options.accessTokenLifetime ?? "1 hour")
    const sessionLifetime = Duration.toMillis(options.sessionLifetime ?? "8 hours")
    const credentialsLifetime = options.credentialsLifetime ?? "1 hour"
    const rotateRefreshTokens = options.rotateRefreshTokens ?? true

    const clients = new Map<string, Client>()
    const devices = new Map<string, Device>()
    const codes = new Map<string, AuthorizationCode>()
    const tokens = new Map<string, Token>()
    const refreshTokens = new Map<string, RefreshToken>()
    /** Each with how often it is still to come, which may be for ever. */
    const faults = new Map<Operation, Array<{ readonly fault: Fault; left: number }>>()
    const calls: Array<Operation> = []
    const secrets: Array<string> = []

    const secret = (kind: string) => Effect.tap(randomSecret(kind), (value) => Effect.sync(() => secrets.push(value)))

    const registerClient: Context.Tag.Service<IdentityCenter>["registerClient"] = Effect.fnUntraced(
      function*(registration) {
        const { clientType, entitledApplicationArn, grantTypes = [], redirectUris = [], scopes = [] } = registration
        if (clientType !== "public") {
          return yield* reject("InvalidClientMetadataException", "The client type must be public")
        }
        if (entitledApplicationArn !== undefined && !applicationArn.test(entitledApplicationArn)) {
          return yield* reject("InvalidClientMetadataException", "Invalid application ARN provided")
        }
        if (!grantTypes.every((grant) => ["authorization_code", "refresh_token", deviceGrant].includes(grant))) {
          return yield* reject("UnsupportedGrantTypeException", "Unsupported grant type")
        }
        if (!redirectUris.every(isRedirectUri)) {
          return yield* reject("InvalidRedirectUriException", "Invalid redirect URI provided")
        }
        if (!scopes.every(isScope)) return yield* reject("InvalidScopeException", "Invalid scope provided")
        const now = yield* Clock.currentTimeMillis
        const client: Client = {
          clientId: yield* randomText("abcdefghijklmnopqrstuvwxyz0123456789", 22),
          clientSecret: yield* secret("client-secret"),
          registration,
          expiresAt: now + registrationLifetime
        }
        clients.set(client.clientId, client)
        return {
          clientId: client.clientId,
          clientSecret: client.clientSecret,
          clientIdIssuedAt: Math.floor(now / 1000),
          clientSecretExpiresAt: Math.floor(client.expiresAt / 1000)
        }
      }
    )

    const authenticate = Effect.fnUntraced(function*({ clientId, clientSecret }: ClientCredentials) {
      const client = clients.get(clientId)
      const now = yield* Clock.currentTimeMillis
      return client === undefined || client.clientSecret !== clientSecret || client.expiresAt <= now
        ? yield* reject("InvalidClientException", "Invalid client provided")
        : client
    })

    const requireGrant = ({ registration: { grantTypes } }: Client, grant: string): Effect.Effect<void, Exception> =>
      grantTypes === undefined || grantTypes.includes(grant)
        ? Effect.void
        : reject("UnauthorizedClientException", "The client is not registered for this grant type")

    const signedIn = Effect.map(Clock.currentTimeMillis, (now): Session => ({ endsAt: now + sessionLifetime }))

    const issueAccess = Effect.fnUntraced(function*(clientId: string, session: Session, lifetime: number) {
      const now = yield* Clock.currentTimeMillis
      const accessToken = yield* secret("access-token")
      const expiresAt = Math.min(now + lifetime, session.endsAt)
      tokens.set(accessToken, { clientId, session, expiresAt })
      return { accessToken, tokenType: "Bearer", expiresIn: Math.floor((expiresAt - now) / 1000) } as const
    })

    const issueRefresh = (token: RefreshToken) =>
      Effect.tap(secret("refresh-token"), (value) => Effect.sync(() => refreshTokens.set(value, token)))

    const issue = Effect.fnUntraced(function*({ clientId, registration: { scopes = [] } }: Client, session: Session) {
      // A client without scopes gets one token for the whole session, and nothing to renew it with.
      if (!scopes.includes("sso:account:access")) return yield* issueAccess(clientId, session, Infinity)
      const token = yield* issueAccess(clientId, session, accessTokenLifetime)
      return { ...token, refreshToken: yield* issueRefresh({ clientId, session, scopes }) }
    })

    const issueToApplication = Effect.fnUntraced(function*(
      clientId: string,
      { issuedTokenType = accessTokenType, refreshable = true, scope, session, sub = "user" }: {
        readonly session: Session
        readonly scope: ReadonlyArray<string>
        readonly sub?: string
        readonly issuedTokenType?: string
        readonly refreshable?: boolean
      }
    ) {
      const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      const token = yield* issueAccess(clientId, session, accessTokenLifetime)
      const refreshToken = refreshable ? yield* issueRefresh({ clientId, session, scopes: scope }) : undefined
      const identityContext = scope.includes("sts:identity_context")
        ? yield* secret("identity-context")
        : undefined
      const idToken = scope.includes("openid")
        ? yield* Jwt.encode({
          iss: startUrl,
          sub,
          aud: clientId,
          iat: now,
          exp: now + token.expiresIn,
          ...(identityContext === undefined ? {} : { "sts:identity_context": identityContext })
        }, yield* randomSecret("id-token"))
        : undefined
      if (idToken !== undefined) secrets.push(idToken)
      return {
        ...token,
        ...(refreshToken === undefined ? {} : { refreshToken }),
        ...(idToken === undefined ? {} : { idToken }),
        issuedTokenType,
        scope,
        ...(identityContext === undefined ? {} : { awsAdditionalDetails: { identityContext } })
      }
    })

    const byDeviceCode = Effect.fnUntraced(function*(client: Client, deviceCode: string) {
      const now = yield* Clock.currentTimeMillis
      const device = devices.get(deviceCode)
      if (device === undefined || device.clientId !== client.clientId) {
        return yield* reject("InvalidGrantException", "Invalid device code provided")
      }
      if (device.expiresAt <= now) return yield* reject("ExpiredTokenException", "The device code has expired")
      if (device.state === "denied") return yield* reject("AccessDeniedException", "The user refused the request")
      const tooSoon = now - device.polledAt < device.interval * 1000
      device.polledAt = now
      if (tooSoon) {
        device.interval += 5
        return yield* reject("SlowDownException", "Polling too often")
      }
      if (device.state === "pending") return yield* reject("AuthorizationPendingException", "Waiting for the user")
      devices.delete(deviceCode)
      return yield* issue(client, yield* signedIn)
    })

    /** A code is spent by its first use, be it a wrong one. */
    const redeem = Effect.fnUntraced(
      function*(clientId: string, { code = "", codeVerifier = "", redirectUri }: CodeGrant) {
        const now = yield* Clock.currentTimeMillis
        const known = codes.get(code)
        if (known?.clientId === clientId) codes.delete(code)
        const proved = /^[\w.~-]{43,128}$/.test(codeVerifier) &&
          Encoding.encodeBase64Url(sha256(utf8ToBytes(codeVerifier))) === known?.codeChallenge
        return known === undefined || known.clientId !== clientId || known.expiresAt <= now ||
            known.redirectUri !== redirectUri || !proved
          ? yield* reject("InvalidGrantException", "Invalid authorization code provided")
          : known
      }
    )

    const knownRefreshToken = Effect.fnUntraced(function*(clientId: string, refreshToken: string) {
      const now = yield* Clock.currentTimeMillis
      const known = refreshTokens.get(refreshToken)
      return known === undefined || known.clientId !== clientId || known.session.endsAt <= now
        ? yield* reject("InvalidGrantException", "Invalid refresh token provided")
        : known
    })

    const byRefreshToken = Effect.fnUntraced(function*(client: Client, refreshToken: string) {
      const { session } = yield* knownRefreshToken(client.clientId, refreshToken)
      const token = yield* issue(client, session)
      if (rotateRefreshTokens) {
        refreshTokens.delete(refreshToken)
        return token
      }
      return { ...token, refreshToken }
    })

    const validToken = Effect.fnUntraced(function*(accessToken: string) {
      const now = yield* Clock.currentTimeMillis
      return Option.filter(
        Option.fromNullable(tokens.get(accessToken)),
        ({ expiresAt, session }) => expiresAt > now && session.endsAt > now
      )
    })

    const authorized = Effect.fnUntraced(function*(accessToken: string) {
      const token = yield* validToken(accessToken)
      return Option.isNone(token)
        ? yield* reject("UnauthorizedException", "Session token not found or invalid")
        : token.value
    })

    const decide = (userCode: string, state: Device["state"]): Effect.Effect<void> =>
      Effect.sync(() => {
        for (const device of devices.values()) if (device.userCode === userCode) device.state = state
      })

    const page = Effect.fnUntraced(function*<A>(all: ReadonlyArray<A>, { maxResults = 100, nextToken }: Page) {
      const from = nextToken === undefined ? 0 : Number(/^page-(\d+)$/.exec(nextToken)?.[1])
      const to = from + maxResults
      return nextToken === undefined || (from > 0 && from < all.length)
        ? { items: all.slice(from, to), ...(to < all.length ? { nextToken: `page-${to}` } : {}) }
        : yield* reject("InvalidRequestException", "Invalid next token provided")
    })

    return {
      startUrl,
      accounts,
      pending: Effect.sync(() =>
        [...devices.values()].filter(({ state }) => state === "pending").map(({ userCode }) => userCode)
      ),
      approve: (userCode) => decide(userCode, "approved"),
      deny: (userCode) => decide(userCode, "denied"),
      authorize: Effect.fnUntraced(function*(request) {
        const { clientId, codeChallenge, redirectUri, scopes } = request
        const now = yield* Clock.currentTimeMillis
        const client = clients.get(clientId)
        const isApplication = applicationArn.test(clientId)
        if (!isApplication && (client === undefined || client.expiresAt <= now)) {
          return yield* reject("InvalidClientException", "Invalid client provided")
        }
        const { redirectUris, scopes: registered = [] }: Pick<Registration, "redirectUris" | "scopes"> =
          client?.registration ?? { redirectUris: [redirectUri], scopes: [...applicationScopes, ...scopes] }
        if (client !== undefined) yield* requireGrant(client, "authorization_code")
        if (
          !isRedirectUri(redirectUri) ||
          redirectUris?.some((uri) => withoutLoopbackPort(uri) === withoutLoopbackPort(redirectUri)) !== true
        ) {
          return yield* reject("InvalidRedirectUriException", "Invalid redirect URI provided")
        }
        if (!scopes.every((scope) => isScope(scope) && registered.includes(scope))) {
          return yield* reject("InvalidScopeException", "Invalid scope provided")
        }
        if (client !== undefined && client.registration.issuerUrl !== startUrl) {
          return yield* reject("InvalidRequestException", "The client is registered with another issuer URL, or none")
        }
        if (!/^[\w-]{43}$/.test(codeChallenge)) {
          return yield* reject("InvalidRequestException", "Invalid code challenge provided")
        }
        const code = yield* secret("authorization-code")
        codes.set(code, { ...request, expiresAt: now + authorizationCodeLifetime })
        return code
      }),
      signIn: Effect.gen(function*() {
        const registered = yield* registerClient({ clientType: "public", scopes: ["sso:account:access"] })
        const client = yield* authenticate(registered)
        return { ...registered, ...yield* issue(client, yield* signedIn) }
      }).pipe(Effect.orDie),
      signOut: Effect.sync(() => {
        tokens.clear()
        refreshTokens.clear()
      }),

      fail: (operation, fault, times = 1) =>
        Effect.sync(() => {
          if (times >= 1) faults.set(operation, [...faults.get(operation) ?? [], { fault, left: times }])
        }),
      calls: Effect.sync(() => [...calls]),
      registrations: Effect.sync(() => [...clients.values()].map(({ registration }) => registration)),
      secrets: Effect.map(sts.secrets, (ofSts) => [...secrets, ...ofSts]),
      sts,

      receive: (operation) =>
        Effect.sync(() => {
          calls.push(operation)
          const queue = faults.get(operation) ?? []
          const next = queue[0]
          if (next === undefined) return Option.none()
          next.left -= 1
          if (next.left < 1) queue.shift()
          return Option.some(next.fault)
        }),
      registerClient,
      startDeviceAuthorization: Effect.fnUntraced(function*(input) {
        const client = yield* authenticate(input)
        yield* requireGrant(client, deviceGrant)
        if (portalOf(input.startUrl) !== portalOf(startUrl)) {
          return yield* reject("InvalidRequestException", "Invalid start URL provided")
        }
        const now = yield* Clock.currentTimeMillis
        const deviceCode = yield* secret("device-code")
        const userCode = `${yield* randomText("BCDFGHJKLMNPQRSTVWXZ", 4)}-${yield* randomText(
          "BCDFGHJKLMNPQRSTVWXZ",
          4
        )}`
        devices.set(deviceCode, {
          clientId: client.clientId,
          userCode,
          expiresAt: now + deviceCodeLifetime * 1000,
          state: "pending",
          interval,
          polledAt: -Infinity
        })
        return {
          deviceCode,
          userCode,
          verificationUri: `${startUrl}/#/device`,
          verificationUriComplete: `${startUrl}/#/device?user_code=${userCode}`,
          expiresIn: deviceCodeLifetime,
          interval
        }
      }),
      createToken: Effect.fnUntraced(function*(input) {
        const client = yield* authenticate(input)
        switch (input.grantType) {
          case deviceGrant:
            yield* requireGrant(client, deviceGrant)
            return yield* byDeviceCode(client, input.deviceCode ?? "")
          case "refresh_token":
            yield* requireGrant(client, "refresh_token")
            return yield* byRefreshToken(client, input.refreshToken ?? "")
          case "authorization_code":
            yield* requireGrant(client, "authorization_code")
            yield* redeem(client.clientId, input)
            return yield* issue(client, yield* signedIn)
          default:
            return yield* reject("UnsupportedGrantTypeException", "Unsupported grant type")
        }
      }),
      createTokenWithIAM: Effect.fnUntraced(function*({ clientId, grantType, scope: asked, ...input }) {
        if (!applicationArn.test(clientId)) return yield* reject("InvalidClientException", "Invalid client provided")
        if (asked?.every(isScope) === false) return yield* reject("InvalidScopeException", "Invalid scope provided")
        const scope = asked ?? applicationScopes
        switch (grantType) {
          case "authorization_code": {
            const { scopes } = yield* redeem(clientId, input)
            const session = yield* signedIn
            return yield* issueToApplication(clientId, {
              session,
              scope: asked ?? [...new Set([...scopes, ...applicationScopes])]
            })
          }
          case "refresh_token": {
            const { scopes, session } = yield* knownRefreshToken(clientId, input.refreshToken ?? "")
            if (asked?.every((scope) => scopes.includes(scope)) === false) {
              return yield* reject("InvalidScopeException", "The scope was not granted before")
            }
            if (rotateRefreshTokens) refreshTokens.delete(input.refreshToken ?? "")
            const token = yield* issueToApplication(clientId, {
              session,
              scope: asked ?? scopes,
              refreshable: rotateRefreshTokens
            })
            return rotateRefreshTokens ? token : { ...token, refreshToken: input.refreshToken ?? "" }
          }
          case "urn:ietf:params:oauth:grant-type:jwt-bearer": {
            const claims = Jwt.claimsOf(input.assertion ?? "")
            const now = (yield* Clock.currentTimeMillis) / 1000
            const { exp, sub } = Option.getOrElse(claims, (): Readonly<Record<string, unknown>> => ({}))
            if (typeof exp !== "number" || exp <= now || typeof sub !== "string") {
              return yield* reject("InvalidGrantException", "Invalid assertion provided")
            }
            const session = yield* signedIn
            return yield* issueToApplication(clientId, { session, scope, sub })
          }
          case "urn:ietf:params:oauth:grant-type:token-exchange": {
            const issuedTokenType = input.requestedTokenType ?? accessTokenType
            if (
              input.subjectTokenType !== accessTokenType ||
              ![accessTokenType, refreshTokenType].includes(issuedTokenType)
            ) {
              return yield* reject("InvalidRequestException", "Invalid token type provided")
            }
            const subject = yield* validToken(input.subjectToken ?? "")
            // A token is exchanged for one of another client, never of its own.
            if (Option.isNone(subject) || subject.value.clientId === clientId) {
              return yield* reject("InvalidGrantException", "Invalid subject token provided")
            }
            return yield* issueToApplication(clientId, {
              session: subject.value.session,
              scope,
              issuedTokenType,
              refreshable: issuedTokenType === refreshTokenType
            })
          }
          default:
            return yield* reject("UnsupportedGrantTypeException", "Unsupported grant type")
        }
      }),
      getRoleCredentials: Effect.fnUntraced(function*({ accessToken, accountId, roleName }) {
        yield* authorized(accessToken)
        if (!accounts.some((account) => account.accountId === accountId && account.roles.includes(roleName))) {
          return yield* reject("ForbiddenException", "No access")
        }
        const suffix = bytesToHex(sha256(utf8ToBytes(`${accountId}/${roleName}`))).slice(0, 16)
        const { accessKeyId, expiration, secretAccessKey, sessionToken } = yield* sts.issue({
          roleArn: `arn:aws:iam::${accountId}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_${roleName}_${suffix}`,
          sessionName: "user@example.com",
          duration: credentialsLifetime
        })
        return { roleCredentials: { accessKeyId, secretAccessKey, sessionToken, expiration, accountId } }
      }),
      listAccounts: Effect.fnUntraced(function*({ accessToken, ...paging }) {
        yield* authorized(accessToken)
        const { items, ...rest } = yield* page(accounts, paging)
        return { accountList: items.map(({ roles: _, ...account }) => account), ...rest }
      }),
      listAccountRoles: Effect.fnUntraced(function*({ accessToken, accountId, ...paging }) {
        yield* authorized(accessToken)
        const account = accounts.find((account) => account.accountId === accountId)
        if (account === undefined) return yield* reject("ResourceNotFoundException", "Account not found")
        const { items, ...rest } = yield* page(account.roles, paging)
        return { roleList: items.map((roleName) => ({ roleName, accountId })), ...rest }
      }),
      logout: Effect.fnUntraced(function*({ accessToken }) {
        const { session } = yield* authorized(accessToken)
        session.endsAt = yield* Clock.currentTimeMillis
      })
    }
  })

/**
 * An Identity Center with one user.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<IdentityCenter> => Layer.effect(IdentityCenter, make(options))
