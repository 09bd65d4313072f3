import {
  GetRoleCredentialsCommand,
  InvalidRequestException as PortalInvalidRequestException,
  ListAccountRolesCommand,
  ListAccountsCommand,
  LogoutCommand,
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
  CreateTokenWithIAMCommand,
  ExpiredTokenException,
  InternalServerException,
  InvalidClientException,
  InvalidClientMetadataException,
  InvalidGrantException,
  InvalidRedirectUriException,
  InvalidRequestException,
  InvalidRequestRegionException,
  InvalidScopeException,
  RegisterClientCommand,
  SlowDownException,
  SSOOIDCClient,
  type SSOOIDCServiceException,
  StartDeviceAuthorizationCommand,
  UnauthorizedClientException,
  UnsupportedGrantTypeException
} from "@aws-sdk/client-sso-oidc"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Encoding, Layer, TestClock } from "effect"
import { Emulator, IdentityCenter } from "effect-aws-identity-testing"
import { createHash } from "node:crypto"
import { createServer } from "node:http"

// AWS's own clients on a real socket: what they cannot use, no user's tool can. The Identity Center's clock is a
// TestClock all the same.

const accounts = Array.from({ length: 7 }, (_, index) => ({
  accountId: `00000000000${index}`,
  accountName: `Account ${index}`,
  emailAddress: `${index}@example.com`,
  roles: ["Admin", "ReadOnly"]
}))

const key = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalr/secret+key=",
  arn: "arn:aws:iam::111122223333:user/ci"
}

const world = Layer.mergeAll(
  NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }),
  IdentityCenter.layer({ accounts, interval: "5 seconds", accessKeys: [key] })
)

/** AWS's clients reject with exceptions of theirs. */
const call = <A>(promise: () => Promise<A>) =>
  Effect.tryPromise({ try: promise, catch: (error) => error as SSOServiceException | SSOOIDCServiceException })

const clients = Effect.map(Emulator.serve, (endpoint) => {
  const oidcOf = (credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }) =>
    new SSOOIDCClient({ region: "us-east-1", endpoint, maxAttempts: 1, credentials })
  const oidc = oidcOf(key)
  const portal = new SSOClient({ region: "us-east-1", endpoint, maxAttempts: 1 })
  return {
    oidc: {
      register: (scopes = ["sso:account:access"], more: Partial<RegisterClientCommand["input"]> = {}) =>
        call(() => oidc.send(new RegisterClientCommand({ clientName: "test", clientType: "public", scopes, ...more }))),
      start: (input: StartDeviceAuthorizationCommand["input"]) =>
        call(() => oidc.send(new StartDeviceAuthorizationCommand(input))),
      createToken: (input: CreateTokenCommand["input"]) => call(() => oidc.send(new CreateTokenCommand(input))),
      createTokenWithIAM: (input: Partial<CreateTokenWithIAMCommand["input"]>, credentials = key) =>
        call(() =>
          oidcOf(credentials).send(
            new CreateTokenWithIAMCommand({ clientId: application, grantType: undefined, ...input })
          )
        )
    },
    portal: {
      client: portal,
      credentials: (input: GetRoleCredentialsCommand["input"]) =>
        call(() => portal.send(new GetRoleCredentialsCommand(input))),
      accounts: (input: ListAccountsCommand["input"]) => call(() => portal.send(new ListAccountsCommand(input))),
      roles: (input: ListAccountRolesCommand["input"]) => call(() => portal.send(new ListAccountRolesCommand(input))),
      logout: (input: LogoutCommand["input"]) => call(() => portal.send(new LogoutCommand(input)))
    }
  }
})

const startUrl = "https://example.awsapps.com/start"
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"
const jwtGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
const exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
const accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
const refreshTokenType = "urn:ietf:params:oauth:token-type:refresh_token"
const application = "arn:aws:sso::111122223333:application/ssoins-1234567890abcdef/apl-1234567890abcdef"

const codeVerifier = "a-verifier.of~64_characters".padEnd(64, "x")
const codeChallenge = createHash("sha256").update(codeVerifier).digest("base64url")
const redirectUri = "http://127.0.0.1:54321/oauth/callback"
const browserClient = {
  grantTypes: ["authorization_code", "refresh_token"],
  redirectUris: ["http://127.0.0.1/oauth/callback"],
  issuerUrl: startUrl
}

/** A client for the browser login, as AWS's CLI registers it, and the request it sends the person to. */
const browserLogin = Effect.gen(function*() {
  const center = yield* IdentityCenter.IdentityCenter
  const { oidc, portal } = yield* clients
  const { clientId = "", clientSecret } = yield* oidc.register(undefined, browserClient)
  const request = { clientId, redirectUri, codeChallenge, scopes: ["sso:account:access"] }
  const redeem = (input: Partial<CreateTokenCommand["input"]>) =>
    oidc.createToken({
      clientId,
      clientSecret,
      grantType: "authorization_code",
      redirectUri,
      codeVerifier,
      ...input
    })
  return { center, oidc, portal, clientId, clientSecret, request, redeem }
})

/** AWS's client signs by the real time. */
const inRealTime = Effect.suspend(() => TestClock.setTime(Date.now()))

const jwt = (claims: Readonly<Record<string, unknown>>) =>
  [{ alg: "RS256" }, claims].map((part) => Encoding.encodeBase64Url(JSON.stringify(part))).join(".") + ".c2ln"

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

describe("@aws-sdk/client-sso-oidc in the browser", () => {
  it.scoped("signs in by authorization code, and renews", () =>
    Effect.gen(function*() {
      const { center, clientId, clientSecret, oidc, portal, redeem, request } = yield* browserLogin
      assert.deepStrictEqual(yield* center.registrations, [{
        clientName: "test",
        clientType: "public",
        scopes: ["sso:account:access"],
        ...browserClient
      }])
      const code = yield* center.authorize(request)
      assert.include(yield* center.secrets, code)
      yield* TestClock.adjust("9 minutes")
      const { accessToken, expiresIn, refreshToken } = yield* redeem({ code })
      assert.strictEqual(expiresIn, 3600)
      yield* portal.accounts({ accessToken })
      yield* oidc.createToken({ clientId, clientSecret, grantType: "refresh_token", refreshToken })
      assert.instanceOf(yield* Effect.flip(redeem({ code })), InvalidGrantException, "a code counts once")
    }).pipe(Effect.provide(world)))

  it.scoped("must prove that it is the one that asked", () =>
    Effect.gen(function*() {
      const { center, oidc, redeem, request } = yield* browserLogin
      const refused = (input: Partial<CreateTokenCommand["input"]>) =>
        Effect.gen(function*() {
          const code = yield* center.authorize(request)
          assert.instanceOf(yield* Effect.flip(redeem({ code, ...input })), InvalidGrantException)
          return code
        })
      const spent = yield* refused({ codeVerifier: codeVerifier.replace("a", "b") })
      assert.instanceOf(yield* Effect.flip(redeem({ code: spent })), InvalidGrantException, "a failure spends the code")
      yield* refused({ codeVerifier: undefined })
      yield* refused({ redirectUri: "http://127.0.0.1:54322/oauth/callback" })
      yield* refused({ redirectUri: undefined })
      yield* refused({ code: "another" })
      const other = yield* oidc.register(undefined, browserClient)
      const unspent = yield* refused({ clientId: other.clientId, clientSecret: other.clientSecret })
      yield* redeem({ code: unspent })
      const late = yield* center.authorize(request)
      yield* TestClock.adjust("10 minutes")
      assert.instanceOf(yield* Effect.flip(redeem({ code: late })), InvalidGrantException, "ten minutes later")

      const weak = "short"
      const code = yield* center.authorize({
        ...request,
        codeChallenge: createHash("sha256").update(weak).digest("base64url")
      })
      assert.instanceOf(yield* Effect.flip(redeem({ code, codeVerifier: weak })), InvalidGrantException)
    }).pipe(Effect.provide(world)))

  it.scoped("gets no approval for what it has not registered", () =>
    Effect.gen(function*() {
      const { center, oidc, request } = yield* browserLogin
      const refused = (more: Partial<IdentityCenter.AuthorizationRequest>) =>
        Effect.map(Effect.flip(center.authorize({ ...request, ...more })), ({ name }) => name)
      yield* center.authorize({ ...request, redirectUri: "http://127.0.0.1/oauth/callback" })
      assert.strictEqual(yield* refused({ clientId: "unknown" }), "InvalidClientException")
      assert.strictEqual(
        yield* refused({ redirectUri: "http://127.0.0.1:54321/elsewhere" }),
        "InvalidRedirectUriException"
      )
      assert.strictEqual(yield* refused({ redirectUri: "https://evil.example/" }), "InvalidRedirectUriException")
      assert.strictEqual(yield* refused({ redirectUri: "nonsense" }), "InvalidRedirectUriException")
      assert.strictEqual(yield* refused({ scopes: ["sso:account:access", "more"] }), "InvalidScopeException")
      assert.strictEqual(yield* refused({ codeChallenge: codeVerifier }), "InvalidRequestException")

      const { clientId: byDevice = "" } = yield* oidc.register(undefined, {
        ...browserClient,
        grantTypes: [deviceGrant]
      })
      assert.strictEqual(yield* refused({ clientId: byDevice }), "UnauthorizedClientException")
      const { clientId: anywhere = "" } = yield* oidc.register(undefined, { ...browserClient, issuerUrl: undefined })
      assert.strictEqual(yield* refused({ clientId: anywhere }), "InvalidRequestException")
      yield* TestClock.adjust("90 days")
      assert.strictEqual(yield* refused({}), "InvalidClientException")
    }).pipe(Effect.provide(world)))

  it.scoped("may use the grants it has registered only", () =>
    Effect.gen(function*() {
      const { clientId, clientSecret, oidc } = yield* browserLogin
      const client = { clientId, clientSecret }
      assert.instanceOf(yield* Effect.flip(oidc.start({ ...client, startUrl })), UnauthorizedClientException)
      assert.instanceOf(
        yield* Effect.flip(oidc.createToken({ ...client, grantType: deviceGrant, deviceCode: "code" })),
        UnauthorizedClientException
      )
      const { clientId: other, clientSecret: secret } = yield* oidc.register(undefined, { grantTypes: [deviceGrant] })
      for (const grantType of ["authorization_code", "refresh_token"]) {
        assert.instanceOf(
          yield* Effect.flip(oidc.createToken({ clientId: other, clientSecret: secret, grantType })),
          UnauthorizedClientException
        )
      }
    }).pipe(Effect.provide(world)))

  it.scoped("is refused a registration that AWS refuses", () =>
    Effect.gen(function*() {
      const { oidc } = yield* clients
      const refused = (more: Partial<RegisterClientCommand["input"]>) => Effect.flip(oidc.register(undefined, more))
      assert.instanceOf(yield* refused({ clientType: "confidential" }), InvalidClientMetadataException)
      assert.instanceOf(yield* refused({ entitledApplicationArn: "arn" }), InvalidClientMetadataException)
      assert.instanceOf(yield* refused({ grantTypes: ["password"] }), UnsupportedGrantTypeException)
      for (const uri of ["nonsense", "http://example.com/", "custom:/callback", "https://example.com/#part"]) {
        assert.instanceOf(yield* refused({ redirectUris: [uri] }), InvalidRedirectUriException, uri)
      }
      assert.instanceOf(yield* refused({ scopes: ["two scopes"] }), InvalidScopeException)
      assert.instanceOf(yield* refused({ clientName: undefined }), InvalidRequestException)
      yield* oidc.register(undefined, {
        redirectUris: ["https://example.com/callback", "http://[::1]/callback"],
        entitledApplicationArn: application
      })
    }).pipe(Effect.provide(world)))

  it.scoped("recognises every exception of the service, with all it says", () =>
    Effect.gen(function*() {
      const { oidc } = yield* clients
      const center = yield* IdentityCenter.IdentityCenter
      for (
        const type of [
          AccessDeniedException,
          AuthorizationPendingException,
          ExpiredTokenException,
          InternalServerException,
          InvalidClientException,
          InvalidClientMetadataException,
          InvalidGrantException,
          InvalidRedirectUriException,
          InvalidRequestException,
          InvalidScopeException,
          SlowDownException,
          UnauthorizedClientException,
          UnsupportedGrantTypeException
        ]
      ) {
        const name = type.name as IdentityCenter.ExceptionName
        yield* center.fail("registerClient", name)
        const error = yield* Effect.flip(oidc.register())
        assert.instanceOf<SSOOIDCServiceException>(error, type)
        assert.deepInclude<object>(error, {
          error: IdentityCenter.exceptions[name].error,
          error_description: `${name}, as the test asked`
        })
        assert.strictEqual(error.$metadata.httpStatusCode, IdentityCenter.exceptions[name].status)
      }
      const detailCode = "KMS_AccessDeniedException"
      yield* center.fail("registerClient", { name: "AccessDeniedException", description: "no key", detailCode })
      assert.deepInclude<object>(yield* Effect.flip(oidc.register()), {
        error_description: "no key",
        reason: detailCode
      })
    }).pipe(Effect.provide(world)))
})

describe("@aws-sdk/client-sso-oidc for an application", () => {
  it.scoped("gets a token for a code, and renews it with fewer scopes", () =>
    Effect.gen(function*() {
      yield* inRealTime
      const center = yield* IdentityCenter.IdentityCenter
      const { oidc, portal } = yield* clients
      const code = yield* center.authorize({ clientId: application, redirectUri, codeChallenge, scopes: ["app:read"] })
      const grant = { grantType: "authorization_code", code, redirectUri, codeVerifier }
      const token = yield* oidc.createTokenWithIAM(grant)
      assert.deepInclude(token, {
        tokenType: "Bearer",
        expiresIn: 3600,
        issuedTokenType: accessTokenType,
        scope: ["app:read", "openid", "aws", "sts:identity_context"]
      })
      const { sub, ...claims } = JSON.parse(atob(token.idToken?.split(".")[1] ?? ""))
      assert.strictEqual(sub, "user")
      assert.strictEqual(claims["sts:identity_context"], token.awsAdditionalDetails?.identityContext)
      assert.includeMembers([...yield* center.secrets], [
        token.accessToken ?? "",
        token.refreshToken ?? "",
        token.idToken ?? ""
      ])
      assert.instanceOf(yield* Effect.flip(oidc.createTokenWithIAM(grant)), InvalidGrantException, "once")
      yield* portal.accounts({ accessToken: token.accessToken })

      const refresh = (scope?: Array<string>, refreshToken = token.refreshToken) =>
        oidc.createTokenWithIAM({ grantType: "refresh_token", refreshToken, ...(scope === undefined ? {} : { scope }) })
      assert.instanceOf(yield* Effect.flip(refresh(["app:write"])), InvalidScopeException)
      const renewed = yield* refresh(["app:read"])
      assert.deepStrictEqual(renewed.scope, ["app:read"])
      assert.isUndefined(renewed.idToken)
      assert.isUndefined(renewed.awsAdditionalDetails)
      assert.instanceOf(yield* Effect.flip(refresh()), InvalidGrantException, "a refresh token counts once")
      yield* refresh(undefined, renewed.refreshToken)
    }).pipe(Effect.provide(world)))

  it.scoped("gets a token for a trusted issuer's", () =>
    Effect.gen(function*() {
      yield* inRealTime
      const { oidc } = yield* clients
      const exp = Math.floor((yield* TestClock.currentTimeMillis) / 1000) + 60
      const { idToken, refreshToken } = yield* oidc.createTokenWithIAM({
        grantType: jwtGrant,
        assertion: jwt({ sub: "somebody", exp })
      })
      assert.strictEqual(JSON.parse(atob(idToken?.split(".")[1] ?? "")).sub, "somebody")
      assert.isString(refreshToken)
      for (const assertion of ["opaque", jwt({ sub: "somebody", exp: exp - 120 }), jwt({ exp }), undefined]) {
        const error = yield* Effect.flip(oidc.createTokenWithIAM({ grantType: jwtGrant, assertion }))
        assert.instanceOf(error, InvalidGrantException)
      }
    }).pipe(Effect.provide(world)))

  it.scoped("exchanges the token of another client while that counts", () =>
    Effect.gen(function*() {
      yield* inRealTime
      const center = yield* IdentityCenter.IdentityCenter
      const { oidc } = yield* clients
      const { accessToken } = yield* center.signIn
      const exchange = (more: Partial<CreateTokenWithIAMCommand["input"]> = {}) =>
        oidc.createTokenWithIAM({
          grantType: exchangeGrant,
          subjectToken: accessToken,
          subjectTokenType: accessTokenType,
          ...more
        })
      const token = yield* exchange()
      assert.strictEqual(token.issuedTokenType, accessTokenType)
      assert.isUndefined(token.refreshToken)
      const renewable = yield* exchange({ requestedTokenType: refreshTokenType })
      assert.strictEqual(renewable.issuedTokenType, refreshTokenType)
      assert.isString(renewable.refreshToken)
      assert.instanceOf(yield* Effect.flip(exchange({ subjectToken: token.accessToken })), InvalidGrantException, "own")
      assert.instanceOf(
        yield* Effect.flip(exchange({ subjectTokenType: refreshTokenType })),
        InvalidRequestException
      )
      assert.instanceOf(yield* Effect.flip(exchange({ requestedTokenType: "saml" })), InvalidRequestException)
      yield* center.logout({ accessToken })
      assert.instanceOf(yield* Effect.flip(exchange()), InvalidGrantException, "signed out")
      assert.instanceOf(
        yield* Effect.flip(
          oidc.createTokenWithIAM({ grantType: "refresh_token", refreshToken: renewable.refreshToken })
        ),
        InvalidGrantException,
        "what came from the sign-in ended with it"
      )
    }).pipe(Effect.provide(world)))

  it.scoped("is refused what AWS refuses", () =>
    Effect.gen(function*() {
      yield* inRealTime
      const center = yield* IdentityCenter.IdentityCenter
      const { oidc } = yield* clients
      const refused = (
        input: Partial<CreateTokenWithIAMCommand["input"]>,
        credentials?: Parameters<typeof oidc.createTokenWithIAM>[1]
      ) => Effect.flip(oidc.createTokenWithIAM({ grantType: jwtGrant, ...input }, credentials))
      assert.instanceOf(yield* refused({ clientId: "client" }), InvalidClientException)
      assert.instanceOf(yield* refused({ grantType: "password" }), UnsupportedGrantTypeException)
      assert.instanceOf(yield* refused({ scope: ["two scopes"] }), InvalidScopeException)
      assert.instanceOf(yield* refused({ grantType: undefined }), InvalidRequestException)
      const wrong = yield* refused({}, { ...key, secretAccessKey: "wrong" })
      assert.deepInclude(wrong, { name: "InvalidSignatureException", $fault: "client" })
      assert.match(wrong.message, /^The request signature we calculated does not match/)
      assert.strictEqual(wrong.$metadata.httpStatusCode, 403)
      assert.propertyVal(
        yield* refused({}, { ...key, accessKeyId: "AKIAUNKNOWN" }),
        "name",
        "UnrecognizedClientException"
      )
      yield* center.fail("createTokenWithIAM", "InvalidRequestRegionException")
      const elsewhere = yield* refused({})
      assert.instanceOf(elsewhere, InvalidRequestRegionException)
      assert.deepInclude(elsewhere, {
        region: "eu-central-1",
        endpoint: "https://oidc.eu-central-1.amazonaws.com"
      })
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
      for (const nextToken of ["nonsense", "page-0", "page-7", "page-", "3"]) {
        const error = yield* Effect.flip(portal.accounts({ accessToken, nextToken }))
        assert.instanceOf(error, PortalInvalidRequestException, nextToken)
      }
      for (const maxResults of [0, 101]) {
        const error = yield* Effect.flip(portal.roles({ accessToken, accountId: "000000000000", maxResults }))
        assert.instanceOf(error, PortalInvalidRequestException)
      }
    }).pipe(Effect.provide(world)))

  it.scoped("signs out of one sign-in, whose tokens then count no more", () =>
    Effect.gen(function*() {
      const { accessToken, center, portal } = yield* signedIn
      const other = yield* center.signIn
      const issued = yield* center.signIn
      const renewed = yield* center.createToken({ ...issued, grantType: "refresh_token" })
      yield* portal.logout({ accessToken })
      assert.instanceOf(yield* Effect.flip(portal.accounts({ accessToken })), UnauthorizedException)
      assert.instanceOf(yield* Effect.flip(portal.logout({ accessToken })), UnauthorizedException)
      yield* portal.accounts({ accessToken: other.accessToken })

      yield* portal.logout({ accessToken: renewed.accessToken })
      assert.instanceOf(
        yield* Effect.flip(portal.accounts({ accessToken: issued.accessToken })),
        UnauthorizedException,
        "the token before the renewal"
      )
      const renewal = center.createToken({ ...issued, ...renewed, grantType: "refresh_token" })
      assert.strictEqual((yield* Effect.flip(renewal)).name, "InvalidGrantException")
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
