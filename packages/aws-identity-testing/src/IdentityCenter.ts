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
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"

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
 * What the Identity Center is like; everything has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly startUrl?: string | undefined
  readonly accounts?: ReadonlyArray<Account> | undefined
  /** Between two polls of a device login; 5 s. */
  readonly interval?: Duration.DurationInput | undefined
  /** 10 min */
  readonly deviceCodeLifetime?: Duration.DurationInput | undefined
  /** Of a client; 90 days */
  readonly registrationLifetime?: Duration.DurationInput | undefined
  /** 1 h */
  readonly accessTokenLifetime?: Duration.DurationInput | undefined
  /** How long after a sign-in its token can be renewed; 8 h. */
  readonly sessionLifetime?: Duration.DurationInput | undefined
  /** Of role credentials; 1 h */
  readonly credentialsLifetime?: Duration.DurationInput | undefined
  /** Whether a renewal gives a new refresh token and spends the old one; it does. */
  readonly rotateRefreshTokens?: boolean | undefined
}

/**
 * The exceptions of AWS's models for SSO and SSO OIDC, and the portal's unmodelled `ForbiddenException`, each with
 * its status and, for those of the OIDC service, its OAuth code.
 *
 * @since 0.1.0
 * @category models
 */
export const exceptions = {
  AccessDeniedException: { status: 400, error: "access_denied" },
  AuthorizationPendingException: { status: 400, error: "authorization_pending" },
  ExpiredTokenException: { status: 400, error: "expired_token" },
  InternalServerException: { status: 500, error: "server_error" },
  InvalidClientException: { status: 401, error: "invalid_client" },
  InvalidGrantException: { status: 400, error: "invalid_grant" },
  InvalidRequestException: { status: 400, error: "invalid_request" },
  SlowDownException: { status: 400, error: "slow_down" },
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
}

/**
 * The operations that the Identity Center has.
 *
 * @since 0.1.0
 * @category models
 */
export type Operation =
  | "registerClient"
  | "startDeviceAuthorization"
  | "createToken"
  | "getRoleCredentials"
  | "listAccounts"
  | "listAccountRoles"

/**
 * What takes the place of an answer: one of AWS's exceptions, no connection at all, or any HTTP answer.
 *
 * @since 0.1.0
 * @category models
 */
export type Fault = ExceptionName | "ConnectionRefused" | {
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
  /** A client and its token as after a whole sign-in, for tests that begin signed in. */
  readonly signIn: Effect.Effect<RegisteredClient & IssuedToken>
  /** Ends every session: no token counts any more. */
  readonly signOut: Effect.Effect<void>

  /** The next calls (one, if not said) of an operation get this instead of their answer. */
  readonly fail: (operation: Operation, fault: Fault, times?: number) => Effect.Effect<void>
  /** The calls so far, oldest first, those that failed included. */
  readonly calls: Effect.Effect<ReadonlyArray<Operation>>
  /** Every secret given out so far, to look for where none may be. */
  readonly secrets: Effect.Effect<ReadonlyArray<string>>

  /** Counts a call and says which fault is to take its place. */
  readonly receive: (operation: Operation) => Effect.Effect<Option.Option<Fault>>
  readonly registerClient: (
    input: { readonly clientType: string; readonly scopes?: ReadonlyArray<string> | undefined }
  ) => Effect.Effect<RegisteredClient, Exception>
  readonly startDeviceAuthorization: (
    input: ClientCredentials & { readonly startUrl: string }
  ) => Effect.Effect<DeviceAuthorization, Exception>
  readonly createToken: (
    input: ClientCredentials & {
      readonly grantType: string
      readonly deviceCode?: string | undefined
      readonly refreshToken?: string | undefined
    }
  ) => Effect.Effect<IssuedToken, Exception>
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
  readonly scopes: ReadonlyArray<string>
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

interface Token {
  readonly expiresAt: number
}

interface RefreshToken {
  readonly clientId: string
  readonly sessionEndsAt: number
}

const reject = (name: ExceptionName, description: string): Effect.Effect<never, Exception> =>
  Effect.fail({ _tag: "Exception", name, description })

/**
 * An Identity Center with one user.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Context.Tag.Service<IdentityCenter>> =>
  Effect.sync(() => {
    const startUrl = options.startUrl ?? "https://example.awsapps.com/start"
    const accounts = options.accounts ?? twoAccounts
    const interval = Duration.toSeconds(options.interval ?? "5 seconds")
    const deviceCodeLifetime = Duration.toSeconds(options.deviceCodeLifetime ?? "10 minutes")
    const registrationLifetime = Duration.toMillis(options.registrationLifetime ?? "90 days")
    const accessTokenLifetime = Duration.toMillis(options.accessTokenLifetime ?? "1 hour")
    const sessionLifetime = Duration.toMillis(options.sessionLifetime ?? "8 hours")
    const credentialsLifetime = Duration.toMillis(options.credentialsLifetime ?? "1 hour")
    const rotateRefreshTokens = options.rotateRefreshTokens ?? true

    const clients = new Map<string, Client>()
    const devices = new Map<string, Device>()
    const tokens = new Map<string, Token>()
    const refreshTokens = new Map<string, RefreshToken>()
    const faults = new Map<Operation, Array<Fault>>()
    const calls: Array<Operation> = []
    const secrets: Array<string> = []

    const randomText = (alphabet: string, length: number): Effect.Effect<string> =>
      Effect.map(
        Effect.replicateEffect(Random.nextIntBetween(0, alphabet.length), length),
        (indices) => indices.map((index) => alphabet[index]).join("")
      )
    const secret = (kind: string): Effect.Effect<string> =>
      Effect.map(randomText("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 40), (text) => {
        const value = `${kind}-${text}`
        secrets.push(value)
        return value
      })

    const registerClient: Context.Tag.Service<IdentityCenter>["registerClient"] = Effect.fnUntraced(
      function*({ clientType, scopes }) {
        if (clientType !== "public") return yield* reject("InvalidRequestException", "clientType must be public")
        const now = yield* Clock.currentTimeMillis
        const client: Client = {
          clientId: yield* randomText("abcdefghijklmnopqrstuvwxyz0123456789", 22),
          clientSecret: yield* secret("client-secret"),
          scopes: scopes ?? [],
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

    const issue = Effect.fnUntraced(function*(client: Client, sessionEndsAt: number) {
      const now = yield* Clock.currentTimeMillis
      // A client without scopes gets one token for the whole session, and nothing to renew it with.
      const refreshable = client.scopes.includes("sso:account:access")
      const lifetime = refreshable ? Math.min(accessTokenLifetime, sessionEndsAt - now) : sessionEndsAt - now
      const accessToken = yield* secret("access-token")
      tokens.set(accessToken, { expiresAt: now + lifetime })
      const token = { accessToken, tokenType: "Bearer", expiresIn: Math.floor(lifetime / 1000) } as const
      if (!refreshable) return token
      const refreshToken = yield* secret("refresh-token")
      refreshTokens.set(refreshToken, { clientId: client.clientId, sessionEndsAt })
      return { ...token, refreshToken }
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
      return yield* issue(client, now + sessionLifetime)
    })

    const byRefreshToken = Effect.fnUntraced(function*(client: Client, refreshToken: string) {
      const now = yield* Clock.currentTimeMillis
      const known = refreshTokens.get(refreshToken)
      if (known === undefined || known.clientId !== client.clientId || known.sessionEndsAt <= now) {
        return yield* reject("InvalidGrantException", "Invalid refresh token provided")
      }
      const token = yield* issue(client, known.sessionEndsAt)
      if (rotateRefreshTokens) {
        refreshTokens.delete(refreshToken)
        return token
      }
      return { ...token, refreshToken }
    })

    const authorize = Effect.fnUntraced(function*(accessToken: string) {
      const token = tokens.get(accessToken)
      const now = yield* Clock.currentTimeMillis
      if (token === undefined || token.expiresAt <= now) {
        return yield* reject("UnauthorizedException", "Session token not found or invalid")
      }
    })

    const decide = (userCode: string, state: Device["state"]): Effect.Effect<void> =>
      Effect.sync(() => {
        for (const device of devices.values()) if (device.userCode === userCode) device.state = state
      })

    const page = <A>(all: ReadonlyArray<A>, { maxResults = 100, nextToken }: Page) => {
      const from = nextToken === undefined ? 0 : Number(nextToken)
      const to = from + maxResults
      return { items: all.slice(from, to), ...(to < all.length ? { nextToken: String(to) } : {}) }
    }

    return {
      startUrl,
      accounts,
      pending: Effect.sync(() =>
        [...devices.values()].filter(({ state }) => state === "pending").map(({ userCode }) => userCode)
      ),
      approve: (userCode) => decide(userCode, "approved"),
      deny: (userCode) => decide(userCode, "denied"),
      signIn: Effect.gen(function*() {
        const registered = yield* registerClient({ clientType: "public", scopes: ["sso:account:access"] })
        const client = yield* authenticate(registered)
        const now = yield* Clock.currentTimeMillis
        return { ...registered, ...yield* issue(client, now + sessionLifetime) }
      }).pipe(Effect.orDie),
      signOut: Effect.sync(() => {
        tokens.clear()
        refreshTokens.clear()
      }),

      fail: (operation, fault, times = 1) =>
        Effect.sync(() => {
          const queue = faults.get(operation) ?? []
          for (let index = 0; index < times; index++) queue.push(fault)
          faults.set(operation, queue)
        }),
      calls: Effect.sync(() => [...calls]),
      secrets: Effect.sync(() => [...secrets]),

      receive: (operation) =>
        Effect.sync(() => {
          calls.push(operation)
          return Option.fromNullable(faults.get(operation)?.shift())
        }),
      registerClient,
      startDeviceAuthorization: Effect.fnUntraced(function*(input) {
        const client = yield* authenticate(input)
        if (input.startUrl !== startUrl) return yield* reject("InvalidRequestException", "Invalid start URL provided")
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
          case "urn:ietf:params:oauth:grant-type:device_code":
            return yield* byDeviceCode(client, input.deviceCode ?? "")
          case "refresh_token":
            return yield* byRefreshToken(client, input.refreshToken ?? "")
          default:
            return yield* reject("UnsupportedGrantTypeException", "Unsupported grant type")
        }
      }),
      getRoleCredentials: Effect.fnUntraced(function*({ accessToken, accountId, roleName }) {
        yield* authorize(accessToken)
        if (!accounts.some((account) => account.accountId === accountId && account.roles.includes(roleName))) {
          return yield* reject("ForbiddenException", "No access")
        }
        const now = yield* Clock.currentTimeMillis
        return {
          roleCredentials: {
            accessKeyId: `ASIA${yield* randomText("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)}`,
            secretAccessKey: yield* secret("secret-access-key"),
            sessionToken: yield* secret("session-token"),
            expiration: now + credentialsLifetime,
            accountId
          }
        }
      }),
      listAccounts: Effect.fnUntraced(function*({ accessToken, ...paging }) {
        yield* authorize(accessToken)
        const { items, ...rest } = page(accounts, paging)
        return { accountList: items.map(({ roles: _, ...account }) => account), ...rest }
      }),
      listAccountRoles: Effect.fnUntraced(function*({ accessToken, accountId, ...paging }) {
        yield* authorize(accessToken)
        const account = accounts.find((account) => account.accountId === accountId)
        if (account === undefined) return yield* reject("ResourceNotFoundException", "Account not found")
        const { items, ...rest } = page(account.roles, paging)
        return { roleList: items.map((roleName) => ({ roleName, accountId })), ...rest }
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
