import {
  GetRoleCredentialsCommand,
  ListAccountRolesCommand,
  ListAccountsCommand,
  paginateListAccounts,
  ResourceNotFoundException,
  SSOClient,
  type SSOServiceException,
  TooManyRequestsException,
  UnauthorizedException
} from "@aws-sdk/client-sso"
import {
  AccessDeniedException,
  AuthorizationPendingException,
  CreateTokenCommand,
  ExpiredTokenException,
  InvalidClientException,
  InvalidGrantException,
  InvalidRequestException,
  RegisterClientCommand,
  SlowDownException,
  SSOOIDCClient,
  type SSOOIDCServiceException,
  StartDeviceAuthorizationCommand,
  UnsupportedGrantTypeException
} from "@aws-sdk/client-sso-oidc"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, TestClock } from "effect"
import { Emulator, IdentityCenter } from "effect-aws-identity-testing"
import { createServer } from "node:http"

// AWS's own clients on a real socket: what they cannot use, no user's tool can. The Identity Center's clock is a
// TestClock all the same.

const accounts = Array.from({ length: 7 }, (_, index) => ({
  accountId: `00000000000${index}`,
  accountName: `Account ${index}`,
  emailAddress: `${index}@example.com`,
  roles: ["Admin", "ReadOnly"]
}))

const world = Layer.mergeAll(
  NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }),
  IdentityCenter.layer({ accounts, interval: "5 seconds" })
)

/** AWS's clients reject with exceptions of theirs. */
const call = <A>(promise: () => Promise<A>) =>
  Effect.tryPromise({ try: promise, catch: (error) => error as SSOServiceException | SSOOIDCServiceException })

const clients = Effect.map(Emulator.serve, (endpoint) => {
  const oidc = new SSOOIDCClient({ region: "us-east-1", endpoint, maxAttempts: 1 })
  const portal = new SSOClient({ region: "us-east-1", endpoint, maxAttempts: 1 })
  return {
    oidc: {
      register: (scopes = ["sso:account:access"]) =>
        call(() => oidc.send(new RegisterClientCommand({ clientName: "test", clientType: "public", scopes }))),
      start: (input: StartDeviceAuthorizationCommand["input"]) =>
        call(() => oidc.send(new StartDeviceAuthorizationCommand(input))),
      createToken: (input: CreateTokenCommand["input"]) => call(() => oidc.send(new CreateTokenCommand(input)))
    },
    portal: {
      client: portal,
      credentials: (input: GetRoleCredentialsCommand["input"]) =>
        call(() => portal.send(new GetRoleCredentialsCommand(input))),
      accounts: (input: ListAccountsCommand["input"]) => call(() => portal.send(new ListAccountsCommand(input))),
      roles: (input: ListAccountRolesCommand["input"]) => call(() => portal.send(new ListAccountRolesCommand(input)))
    }
  }
})

const startUrl = "https://example.awsapps.com/start"
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

/** A registered client, and a device login that waits for its approval. */
const pendingLogin = Effect.gen(function*() {
  const { oidc, portal } = yield* clients
  const { clientId, clientSecret } = yield* oidc.register()
  const authorization = yield* oidc.start({ clientId, clientSecret, startUrl })
  const poll = oidc.createToken({
    clientId,
    clientSecret,
    grantType: deviceGrant,
    deviceCode: authorization.deviceCode
  })
  return { oidc, portal, clientId, clientSecret, authorization, poll }
})

const signedIn = Effect.gen(function*() {
  const { portal } = yield* clients
  const center = yield* IdentityCenter.IdentityCenter
  const { accessToken } = yield* center.signIn
  return { portal, center, accessToken }
})

describe("@aws-sdk/client-sso-oidc", () => {
  it.scoped("signs in by device code, and renews", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const { authorization, clientId, clientSecret, oidc, poll } = yield* pendingLogin
      assert.deepInclude(authorization, { expiresIn: 600, interval: 5, verificationUri: `${startUrl}/#/device` })

      assert.instanceOf(yield* Effect.flip(poll), AuthorizationPendingException)
      assert.instanceOf(yield* Effect.flip(poll), SlowDownException, "before the interval has passed")
      yield* TestClock.adjust("9 seconds")
      assert.instanceOf(yield* Effect.flip(poll), SlowDownException, "which is 10 s from then on")
      yield* center.approve(authorization.userCode ?? "")
      yield* TestClock.adjust("15 seconds")
      const token = yield* poll
      assert.deepInclude(token, { tokenType: "Bearer", expiresIn: 3600 })
      assert.instanceOf(yield* Effect.flip(poll), InvalidGrantException, "a device code counts once")

      const refresh = (refreshToken: string | undefined) =>
        oidc.createToken({ clientId, clientSecret, grantType: "refresh_token", refreshToken })
      const renewed = yield* refresh(token.refreshToken)
      assert.notStrictEqual(renewed.accessToken, token.accessToken)
      const error = yield* Effect.flip(refresh(token.refreshToken))
      assert.instanceOf(error, InvalidGrantException, "a refresh token counts once")
      assert.deepInclude(error, { error: "invalid_grant", error_description: "Invalid refresh token provided" })
      assert.match(error.$metadata.requestId ?? "", /^[0-9a-f]{32}$/)

      yield* TestClock.adjust("8 hours")
      assert.instanceOf(yield* Effect.flip(refresh(renewed.refreshToken)), InvalidGrantException, "the session is over")
    }).pipe(Effect.provide(world)))

  it.scoped("is told of a refusal and of an expired code", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const { authorization, poll } = yield* pendingLogin
      yield* center.deny(authorization.userCode ?? "")
      assert.instanceOf(yield* Effect.flip(poll), AccessDeniedException)
      yield* TestClock.adjust("10 minutes")
      assert.instanceOf(yield* Effect.flip(poll), ExpiredTokenException)
    }).pipe(Effect.provide(world)))

  it.scoped("gets one token for the whole session, and none to renew it, for a client without scopes", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const { oidc } = yield* clients
      const { clientId, clientSecret } = yield* oidc.register([])
      const { deviceCode, userCode } = yield* oidc.start({ clientId, clientSecret, startUrl })
      yield* center.approve(userCode ?? "")
      yield* TestClock.adjust("5 seconds")
      const token = yield* oidc.createToken({ clientId, clientSecret, grantType: deviceGrant, deviceCode })
      assert.strictEqual(token.expiresIn, 8 * 3600)
      assert.isUndefined(token.refreshToken)
    }).pipe(Effect.provide(world)))

  it.scoped("is refused what AWS refuses", () =>
    Effect.gen(function*() {
      const { authorization, clientId, clientSecret, oidc } = yield* pendingLogin
      const { deviceCode } = authorization
      const refused = Effect.flip(
        oidc.createToken({ clientId, clientSecret: "wrong", grantType: deviceGrant, deviceCode })
      )
      assert.instanceOf(yield* refused, InvalidClientException)
      const other = yield* oidc.register()
      assert.instanceOf(
        yield* Effect.flip(
          oidc.createToken({
            clientId: other.clientId,
            clientSecret: other.clientSecret,
            grantType: deviceGrant,
            deviceCode
          })
        ),
        InvalidGrantException,
        "another client's device code"
      )
      assert.instanceOf(
        yield* Effect.flip(oidc.createToken({ clientId, clientSecret, grantType: "password" })),
        UnsupportedGrantTypeException
      )
      assert.instanceOf(
        yield* Effect.flip(oidc.start({ clientId, clientSecret, startUrl: "https://elsewhere.awsapps.com/start" })),
        InvalidRequestException
      )
      yield* TestClock.adjust("90 days")
      assert.instanceOf(yield* Effect.flip(oidc.start({ clientId, clientSecret, startUrl })), InvalidClientException)
    }).pipe(Effect.provide(world)))
})

describe("@aws-sdk/client-sso", () => {
  it.scoped("gets role credentials", () =>
    Effect.gen(function*() {
      const { accessToken, portal } = yield* signedIn
      const { roleCredentials } = yield* portal.credentials({
        accessToken,
        accountId: "000000000003",
        roleName: "Admin"
      })
      assert.match(roleCredentials?.accessKeyId ?? "", /^ASIA[A-Z2-7]{16}$/)
      assert.strictEqual(roleCredentials?.expiration, 3_600_000)
      const error = yield* Effect.flip(
        portal.credentials({ accessToken, accountId: "000000000003", roleName: "Owner" })
      )
      assert.deepInclude(error, { name: "ForbiddenException", message: "No access" })
    }).pipe(Effect.provide(world)))

  it.scoped("lists accounts and roles by pages", () =>
    Effect.gen(function*() {
      const { accessToken, portal } = yield* signedIn
      const pages = yield* Effect.promise(async () => {
        const sizes: Array<number> = []
        for await (
          const { accountList } of paginateListAccounts({ client: portal.client, pageSize: 3 }, { accessToken })
        ) {
          sizes.push(accountList?.length ?? 0)
        }
        return sizes
      })
      assert.deepStrictEqual(pages, [3, 3, 1])
      const { roleList } = yield* portal.roles({ accessToken, accountId: "000000000000", maxResults: 1 })
      assert.deepStrictEqual(roleList, [{ roleName: "Admin", accountId: "000000000000" }])
      assert.instanceOf(
        yield* Effect.flip(portal.roles({ accessToken, accountId: "999999999999" })),
        ResourceNotFoundException
      )
    }).pipe(Effect.provide(world)))

  it.scoped("is told when a token counts no more", () =>
    Effect.gen(function*() {
      const { accessToken, center, portal } = yield* signedIn
      yield* portal.accounts({ accessToken })
      yield* center.signOut
      assert.instanceOf(yield* Effect.flip(portal.accounts({ accessToken })), UnauthorizedException)
    }).pipe(Effect.provide(world)))

  it.scoped("meets the faults that a test asks for, then the service again", () =>
    Effect.gen(function*() {
      const { accessToken, center, portal } = yield* signedIn
      yield* center.fail("listAccounts", "TooManyRequestsException")
      yield* center.fail("listAccounts", "ConnectionRefused")
      yield* center.fail("listAccounts", { status: 503, body: "{}" })
      assert.instanceOf(yield* Effect.flip(portal.accounts({ accessToken })), TooManyRequestsException)
      assert.propertyVal(yield* Effect.flip(portal.accounts({ accessToken })), "code", "ECONNRESET")
      assert.deepInclude(yield* Effect.flip(portal.accounts({ accessToken })), { $fault: "server" })
      yield* portal.accounts({ accessToken })
      assert.strictEqual((yield* center.calls).length, 4)
    }).pipe(Effect.provide(world)))
})
