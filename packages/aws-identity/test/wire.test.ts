import { Sha256 } from "@aws-crypto/sha256-js"
import * as AwsSso from "@aws-sdk/client-sso"
import * as AwsSsoOidc from "@aws-sdk/client-sso-oidc"
import * as AwsSts from "@aws-sdk/client-sts"
import { HttpServer, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { SignatureV4 } from "@smithy/signature-v4"
import { Context, DateTime, Effect, Either, Layer, Option, Predicate, Random, Redacted, TestClock } from "effect"
import { AccountId, Credentials, Region, Sso, SsoOidc, Sts } from "effect-aws-identity"
import { Emulator, IdentityCenter, type IdentityCenter as Center } from "effect-aws-identity-testing"
import { createServer } from "node:http"
import { nodeHttpWithoutKeepAlive } from "./ports.js"

// AWS's own clients and ours say the same to the same server and understand the same answers. Whatever differs stands
// here by name, with the reason.

const now = Date.UTC(2026, 10, 30, 12, 34, 56)
const region = Region.make("eu-central-1")
const secret = Redacted.make
const key = {
  accessKeyId: "AKIDEXAMPLE0000000000",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  sessionToken: "IQoJb3JpZ2luX2VjE/+=="
}
const credentials = new Credentials.Credentials({
  accessKeyId: key.accessKeyId,
  secretAccessKey: secret(key.secretAccessKey),
  sessionToken: Option.some(secret(key.sessionToken))
})

// ---------------------------------------------------------------------------------------------------------------
// The wire
// ---------------------------------------------------------------------------------------------------------------

/** A request as it arrived, and the status of the emulator's own answer to it. */
interface Received {
  readonly method: string
  /** Path and query, undecoded */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly verdict: number
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

interface Clients {
  readonly sso: AwsSso.SSO
  readonly ssoOidc: AwsSsoOidc.SSOOIDC
  readonly sts: AwsSts.STS
}

class Wire extends Context.Tag("Wire")<Wire, {
  readonly received: Array<Received>
  /** Sent in place of the emulator's, one after the other. */
  readonly answers: Array<Answer>
  readonly clients: Clients
}>() {}

type Ours = Sso.Sso | SsoOidc.SsoOidc | Sts.Sts

const recording = (received: Array<Received>, answers: Array<Answer>) =>
  Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    const body = yield* request.text
    const answered = yield* Emulator.app
    const { headers, method, url } = request
    received.push({ method, target: url, headers: { ...headers }, body, verdict: answered.status })
    const answer = answers.shift()
    return answer === undefined ? answered : HttpServerResponse.text(answer.body, {
      status: answer.status,
      // Node's own date would be another than the test's, and both clients set their clocks by it.
      headers: { date: new Date(now).toUTCString(), ...answer.headers },
      contentType: answer.headers?.["content-type"] ?? "application/json"
    })
  })

const wireOf = (attempts?: { readonly maxAttempts: number }): Layer.Layer<Wire | Ours> =>
  Layer.unwrapScoped(Effect.gen(function*() {
    yield* TestClock.setTime(now)
    const received: Array<Received> = []
    const answers: Array<Answer> = []
    yield* HttpServer.serveEffect(recording(received, answers))
    const { address } = yield* HttpServer.HttpServer
    const endpoint = HttpServer.formatAddress(address)
    const settings = { region, endpoint, credentials: key, systemClockOffset: now - Date.now(), ...attempts }
    const clients = {
      sso: new AwsSso.SSO(settings),
      ssoOidc: new AwsSsoOidc.SSOOIDC(settings),
      sts: new AwsSts.STS(settings)
    }
    return Layer.mergeAll(
      Layer.succeed(Wire, { received, answers, clients }),
      Sso.layer({ endpoint, ...attempts }),
      SsoOidc.layer({ endpoint, ...attempts }),
      Sts.layer({ endpoint, ...attempts })
    )
  })).pipe(
    Layer.provide([
      NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }),
      nodeHttpWithoutKeepAlive,
      IdentityCenter.layer({ accessKeys: [{ ...key, arn: "arn:aws:iam::111122223333:user/ci" }] })
    ]),
    Layer.orDie
  )

const wire = wireOf()
const wireOfOneAttempt = wireOf({ maxAttempts: 1 })

/** What became of a call, and the requests that it made. */
const calling = <A, E, R>(call: Effect.Effect<A, E, R>, answers: ReadonlyArray<Answer> = []) =>
  Effect.gen(function*() {
    const wire = yield* Wire
    wire.answers.push(...answers)
    const result = yield* Effect.either(call)
    wire.answers.length = 0
    return { result, requests: wire.received.splice(0) }
  })

// ---------------------------------------------------------------------------------------------------------------
// The operations
// ---------------------------------------------------------------------------------------------------------------

type Plain = Readonly<Record<string, unknown>>
type Service = "SSO" | "SSO OIDC" | "STS"

interface Row {
  readonly name: Center.Operation
  readonly service: Service
  /** AWS's model of it, as its client has it. */
  readonly model: unknown
  readonly signedFor?: string
  /** By what they show, with the input as each client takes it. `full*` together have every member of the model. */
  readonly cases: Readonly<Record<string, Case>>
  readonly answers: Readonly<Record<string, string>>
  /** AWS's output, without what differs on purpose. */
  readonly expected: (theirs: Plain) => Plain
  /** Of AWS's codes, those that have a tag here. */
  readonly tagged: ReadonlyArray<string>
}

interface Case {
  readonly ours: Effect.Effect<unknown, unknown, Ours>
  readonly theirs: (clients: Clients) => Promise<unknown>
  readonly input: Plain
}

const operation = <Input extends object>(
  { cases, ours, theirs, ...row }: Omit<Row, "cases"> & {
    readonly ours: (input: Input) => Case["ours"]
    readonly theirs: (clients: Clients) => (input: never) => Promise<unknown>
    readonly cases: Readonly<Record<string, Input>>
  }
): Row => ({
  ...row,
  cases: Object.fromEntries(
    Object.entries(cases).map(([title, input]) => {
      const form = inputOf(row.service, input)
      // What is made of our input by their rules is theirs: the test below looks for members unknown to the model.
      return [title, { ours: ours(input), theirs: (clients) => theirs(clients)(form as never), input: form }]
    })
  )
})

/** An input of ours as AWS's clients take it. */
const inputOf = (service: Service, input: object): Plain => {
  const { credentials: _, region: __, ...members } = plain(input) as Record<string, unknown>
  if (service !== "STS") return members
  const { policyArns, ...rest } = members
  const arns = Array.isArray(policyArns) ? { policyArns: policyArns.map((arn) => ({ Arn: arn })) } : {}
  const capital = capitalised({ ...rest, ...arns })
  // The one member of STS's model with a small first letter.
  return JSON.parse(JSON.stringify(capital).replaceAll("{\"Arn\":", "{\"arn\":"))
}

const capitalised = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(capitalised)
    : Predicate.isRecord(value)
    ? Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        name.slice(0, 1).toUpperCase() + name.slice(1),
        capitalised(item)
      ])
    )
    : value

/** A value of ours without what Effect puts around it; a time is its `Date`. */
const plain = (value: unknown): unknown => {
  if (Redacted.isRedacted(value)) return Redacted.value(value)
  if (Option.isOption(value)) return plain(Option.getOrUndefined(value))
  if (DateTime.isDateTime(value)) return DateTime.toDateUtc(value)
  if (Array.isArray(value)) return value.map(plain)
  return Predicate.isRecord(value)
    ? Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, plain(item)]).filter(([, item]) => item !== undefined)
    )
    : value
}

/** An output of AWS's client in our spelling. */
const outputOf = (service: Service, output: unknown): unknown => {
  if (Array.isArray(output)) return output.map((item) => outputOf(service, item))
  if (output instanceof Date || !Predicate.isRecord(output)) return output
  return Object.fromEntries(
    Object.entries(output)
      .filter(([name, item]) => name !== "$metadata" && item !== undefined && item !== null)
      .map(([name, item]) => [
        service === "STS" ? name.slice(0, 1).toLowerCase() + name.slice(1) : name,
        outputOf(service, item)
      ])
  )
}

const same = (theirs: Plain): Plain => theirs

/** What our schema says to a member that is not there. */
const orElse = (defaults: Plain) => (theirs: Plain): Plain => ({ ...defaults, ...theirs })

const times = (theirs: Plain, unit: number, ...names: ReadonlyArray<string>): Plain => ({
  ...theirs,
  ...Object.fromEntries(
    names.flatMap((name) => typeof theirs[name] === "number" ? [[name, new Date(theirs[name] * unit)]] : [])
  )
})

const awkward = "a b+c&d=e/f%20g%zz?#h;i,j:@~*'()!\"\\<>ü日本😀"
const policy = "{\n\t\"Version\": \"2012-10-17\",\r\n  \"Statement\": [{ \"Resource\": \"a+b/é*?&=%\" }]\n}"
const arn = "arn:aws:iam::111122223333:role/path/With+Odd=,.@-Name"
const accessToken = secret("aoaAAAAAGb+/=_-.~!#$%&'*^`|{}")
const accountId = AccountId.make("012345678901")
const registered = { region, clientId: "client", clientSecret: secret("shh") }
const application = {
  region,
  credentials,
  clientId: "arn:aws:sso::111122223333:application/ssoins-1/apl-2"
}
const codeGrant = {
  grantType: "authorization_code",
  code: secret(`code ${awkward}`),
  redirectUri: "http://127.0.0.1:1234/oauth/callback?a=b+c%20d",
  codeVerifier: secret("verifier-~._".repeat(8))
} as const
const refreshGrant = { grantType: "refresh_token", refreshToken: secret(`refresh ${awkward}`) } as const
const assume = { region, roleArn: arn, roleSessionName: "a_b+c=d,e.f@g-h" }
const assumeFully = {
  ...assume,
  policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess", `${arn} ${awkward}`, "arn:aws:iam::aws:policy/C"],
  policy,
  durationSeconds: 900,
  minimumSessionTokenSize: 0
}

const json = (value: unknown): string => JSON.stringify(value)
const unknown = { unknown: 1, other: { deep: [null] } }
const xml = (action: string, result: string): string =>
  `<?xml version="1.0"?>\n<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n  <${action}Result>` +
  `${result}</${action}Result>\n  <ResponseMetadata><RequestId>body-request-id</RequestId></ResponseMetadata>\n` +
  `</${action}Response>`
const issued = "<Credentials><AccessKeyId>ASIA&amp;00000000000</AccessKeyId>" +
  "<SecretAccessKey>a+b/c=&lt;d&gt;&#x41;&quot;</SecretAccessKey><SessionToken>t+o/k&apos;e=n==</SessionToken>" +
  "<Expiration>2026-11-30T13:34:56Z</Expiration></Credentials>"
const assumedRole = "<AssumedRoleUser><AssumedRoleId>AROA:a_b+c=d,e.f@g-h</AssumedRoleId>" +
  "<Arn>arn:aws:sts::111122223333:assumed-role/Name/a_b+c=d,e.f@g-h</Arn></AssumedRoleUser>"
const sizes = "<PackedPolicySize>6</PackedPolicySize><SessionTokenUtilization>17</SessionTokenUtilization>" +
  "<SessionTokenSize>700</SessionTokenSize><SourceIdentity>user@example.com</SourceIdentity>"
const unknownElements = "<Unknown><Deep>1</Deep><Deep>2</Deep></Unknown><!-- a comment -->"

/** The account is read from the ARN, so that it goes with the credentials. */
const withAccount = (theirs: Plain): Plain => ({
  ...theirs,
  credentials: {
    ...(theirs["credentials"] as Plain),
    ...(Predicate.hasProperty(theirs, "assumedRoleUser") ? { accountId: "111122223333" } : {})
  }
})

const ofPortal = ["UnauthorizedException", "TooManyRequestsException"]
const ofTokens = [
  "AccessDeniedException",
  "AuthorizationPendingException",
  "ExpiredTokenException",
  "InvalidClientException",
  "InvalidGrantException",
  "SlowDownException"
]
const ofAssuming = ["AccessDenied", "ExpiredTokenException", "ExpiredToken", "RegionDisabledException"]

const token = { accessToken: "token", expiresIn: 3600 }
const fullToken = { ...token, tokenType: "Bearer", refreshToken: "refresh", idToken: "id" }

const rows: ReadonlyArray<Row> = [
  operation<Sso.GetRoleCredentialsInput>({
    name: "getRoleCredentials",
    service: "SSO",
    model: AwsSso.GetRoleCredentials$,
    ours: (input) => Effect.flatMap(Sso.Sso, (sso) => sso.getRoleCredentials(input)),
    theirs: ({ sso }) => (input) => sso.getRoleCredentials(input),
    cases: {
      full: { region, accessToken, accountId, roleName: "Developer" },
      awkward: { region, accessToken, accountId, roleName: awkward }
    },
    answers: {
      full: json({
        roleCredentials: {
          accessKeyId: "ASIA",
          secretAccessKey: "a+b/c=",
          sessionToken: "t/o+k=",
          expiration: 1_796_040_896_789,
          accountId: "012345678901"
        }
      }),
      sparse: json({
        roleCredentials: { accessKeyId: "A", secretAccessKey: "b", sessionToken: "c", expiration: 0, ...unknown },
        ...unknown
      })
    },
    expected: ({ roleCredentials }) => {
      const { expiration, ...rest } = roleCredentials as Plain & { readonly expiration: number }
      return {
        roleCredentials: {
          ...rest,
          // The unmodelled member that AWS's client drops.
          ...(expiration === 0 ? {} : { accountId }),
          expiration: new Date(expiration)
        }
      }
    },
    tagged: [...ofPortal, "ForbiddenException"]
  }),
  operation<Sso.ListAccountsInput>({
    name: "listAccounts",
    service: "SSO",
    model: AwsSso.ListAccounts$,
    ours: (input) => Effect.flatMap(Sso.Sso, (sso) => sso.listAccounts(input)),
    theirs: ({ sso }) => (input) => sso.listAccounts(input),
    cases: {
      required: { region, accessToken },
      full: { region, accessToken, maxResults: 100, nextToken: "next" },
      awkward: { region, accessToken, maxResults: 1, nextToken: awkward }
    },
    answers: {
      full: json({
        nextToken: "n+e/x=t",
        accountList: [
          { accountId: "000000000001", accountName: "Öne & <two>", emailAddress: "a+b@example.com" },
          { accountId, accountName: null, emailAddress: null, ...unknown }
        ],
        ...unknown
      }),
      empty: json({ nextToken: null, accountList: [] }),
      nothing: json({ nextToken: null, accountList: null })
    },
    expected: orElse({ accountList: [] }),
    tagged: ofPortal
  }),
  operation<Sso.ListAccountRolesInput>({
    name: "listAccountRoles",
    service: "SSO",
    model: AwsSso.ListAccountRoles$,
    ours: (input) => Effect.flatMap(Sso.Sso, (sso) => sso.listAccountRoles(input)),
    theirs: ({ sso }) => (input) => sso.listAccountRoles(input),
    cases: {
      required: { region, accessToken, accountId },
      full: { region, accessToken, accountId, maxResults: 1, nextToken: "next" },
      awkward: { region, accessToken, accountId, maxResults: 100, nextToken: awkward }
    },
    answers: {
      full: json({
        nextToken: "next",
        roleList: [{ roleName: "A", accountId }, { roleName: "B_ü", accountId, ...unknown }],
        ...unknown
      }),
      empty: json({ nextToken: null, roleList: [] }),
      nothing: json({ nextToken: null, roleList: null })
    },
    expected: orElse({ roleList: [] }),
    tagged: ofPortal
  }),
  operation<Sso.LogoutInput>({
    name: "logout",
    service: "SSO",
    model: AwsSso.Logout$,
    ours: (input) => Effect.flatMap(Sso.Sso, (sso) => sso.logout(input)),
    theirs: ({ sso }) => (input) => sso.logout(input),
    cases: { full: { region, accessToken } },
    answers: { full: "", object: "{}" },
    expected: same,
    tagged: ofPortal
  }),
  operation<SsoOidc.RegisterClientInput>({
    name: "registerClient",
    service: "SSO OIDC",
    model: AwsSsoOidc.RegisterClient$,
    ours: (input) => Effect.flatMap(SsoOidc.SsoOidc, (oidc) => oidc.registerClient(input)),
    theirs: ({ ssoOidc }) => (input) => ssoOidc.registerClient(input),
    cases: {
      required: { region, clientName: "name", clientType: "public" },
      full: {
        region,
        clientName: awkward,
        clientType: "public",
        scopes: ["sso:account:access", "b c"],
        redirectUris: ["http://127.0.0.1/oauth/callback", "https://example.com/?a=b+c"],
        grantTypes: ["authorization_code", "refresh_token"],
        issuerUrl: "https://example.awsapps.com/start",
        entitledApplicationArn: application.clientId
      },
      "empty lists": { region, clientName: "name", clientType: "public", scopes: [], redirectUris: [], grantTypes: [] }
    },
    answers: {
      full: json({
        clientId: "id",
        clientSecret: "s e+c/r=et",
        clientIdIssuedAt: 1_796_040_896,
        clientSecretExpiresAt: 1_803_816_896,
        authorizationEndpoint: "https://oidc.eu-central-1.amazonaws.com/authorize",
        tokenEndpoint: "https://oidc.eu-central-1.amazonaws.com/token",
        ...unknown
      }),
      sparse: json({
        clientId: "id",
        clientSecret: "secret",
        clientIdIssuedAt: null,
        clientSecretExpiresAt: 0,
        authorizationEndpoint: null,
        tokenEndpoint: null
      })
    },
    // Times instead of numbers of seconds.
    expected: (theirs) => times(theirs, 1000, "clientIdIssuedAt", "clientSecretExpiresAt"),
    tagged: ["SlowDownException"]
  }),
  operation<SsoOidc.StartDeviceAuthorizationInput>({
    name: "startDeviceAuthorization",
    service: "SSO OIDC",
    model: AwsSsoOidc.StartDeviceAuthorization$,
    ours: (input) => Effect.flatMap(SsoOidc.SsoOidc, (oidc) => oidc.startDeviceAuthorization(input)),
    theirs: ({ ssoOidc }) => (input) => ssoOidc.startDeviceAuthorization(input),
    cases: {
      full: { ...registered, startUrl: "https://example.awsapps.com/start" },
      awkward: { region, clientId: awkward, clientSecret: secret(awkward), startUrl: `https://example.com/${awkward}` }
    },
    answers: {
      full: json({
        deviceCode: "device",
        userCode: "ABCD-EFGH",
        verificationUri: "https://example.awsapps.com/start/#/device",
        verificationUriComplete: "https://example.awsapps.com/start/#/device?user_code=ABCD-EFGH",
        expiresIn: 600,
        interval: 1,
        ...unknown
      }),
      sparse: json({
        deviceCode: "device",
        userCode: "ABCD-EFGH",
        verificationUri: "https://example.com",
        verificationUriComplete: null,
        expiresIn: 600,
        interval: null
      })
    },
    expected: orElse({ interval: 5 }),
    tagged: ["InvalidClientException", "SlowDownException"]
  }),
  operation<SsoOidc.CreateTokenInput>({
    name: "createToken",
    service: "SSO OIDC",
    model: AwsSsoOidc.CreateToken$,
    ours: (input) => Effect.flatMap(SsoOidc.SsoOidc, (oidc) => oidc.createToken(input)),
    theirs: ({ ssoOidc }) => (input) => ssoOidc.createToken(input),
    cases: {
      "device code": {
        ...registered,
        grantType: "urn:ietf:params:oauth:grant-type:device_code",
        deviceCode: secret("device")
      },
      "full: device code": {
        ...registered,
        grantType: "urn:ietf:params:oauth:grant-type:device_code",
        deviceCode: secret(awkward),
        scope: ["sso:account:access", "b"]
      },
      "refresh token": { ...registered, ...refreshGrant },
      "full: refresh token": { ...registered, ...refreshGrant, scope: ["a"] },
      "authorization code": { ...registered, ...codeGrant },
      "full: authorization code": { ...registered, ...codeGrant, scope: ["a", awkward] }
    },
    answers: {
      full: json({ ...fullToken, ...unknown }),
      sparse: json({ ...token, tokenType: null, refreshToken: null, idToken: null })
    },
    expected: same,
    tagged: ofTokens
  }),
  operation<SsoOidc.CreateTokenWithIAMInput>({
    name: "createTokenWithIAM",
    service: "SSO OIDC",
    signedFor: "sso-oauth",
    model: AwsSsoOidc.CreateTokenWithIAM$,
    ours: (input) => Effect.flatMap(SsoOidc.SsoOidc, (oidc) => oidc.createTokenWithIAM(input)),
    theirs: ({ ssoOidc }) => (input) => ssoOidc.createTokenWithIAM(input),
    cases: {
      "authorization code": { ...application, ...codeGrant, codeVerifier: undefined },
      "full: authorization code": {
        ...application,
        ...codeGrant,
        scope: ["a", awkward],
        requestedTokenType: "urn:ietf:params:oauth:token-type:access_token"
      },
      "refresh token": { ...application, ...refreshGrant },
      "full: refresh token": {
        ...application,
        ...refreshGrant,
        scope: ["a"],
        requestedTokenType: "urn:ietf:params:oauth:token-type:refresh_token"
      },
      "JWT": {
        ...application,
        grantType: "urn:ietf:params:oauth:grant-type:jwt-bearer",
        assertion: secret("e30.e30.e30")
      },
      "full: JWT": {
        ...application,
        clientId: awkward,
        grantType: "urn:ietf:params:oauth:grant-type:jwt-bearer",
        assertion: secret(awkward),
        scope: ["a", "b"],
        requestedTokenType: awkward
      },
      "token exchange": {
        ...application,
        grantType: "urn:ietf:params:oauth:grant-type:token-exchange",
        subjectToken: secret("subject"),
        subjectTokenType: "urn:ietf:params:oauth:token-type:access_token"
      },
      "full: token exchange": {
        ...application,
        grantType: "urn:ietf:params:oauth:grant-type:token-exchange",
        subjectToken: secret(awkward),
        subjectTokenType: awkward,
        scope: [],
        requestedTokenType: "urn:ietf:params:oauth:token-type:refresh_token"
      }
    },
    answers: {
      full: json({
        ...fullToken,
        issuedTokenType: "urn:ietf:params:oauth:token-type:access_token",
        scope: ["a", "b"],
        awsAdditionalDetails: { identityContext: "c+o/n=", ...unknown },
        ...unknown
      }),
      sparse: json({
        ...token,
        tokenType: null,
        refreshToken: null,
        idToken: null,
        issuedTokenType: null,
        scope: null,
        awsAdditionalDetails: null
      }),
      "no context": json({ ...token, awsAdditionalDetails: { identityContext: null } })
    },
    expected: orElse({ scope: [] }),
    tagged: [...ofTokens, "InvalidRequestRegionException"]
  }),
  operation<Sts.AssumeRoleWithWebIdentityInput>({
    name: "assumeRoleWithWebIdentity",
    service: "STS",
    model: AwsSts.AssumeRoleWithWebIdentity$,
    ours: (input) => Effect.flatMap(Sts.Sts, (sts) => sts.assumeRoleWithWebIdentity(input)),
    theirs: ({ sts }) => (input) => sts.assumeRoleWithWebIdentity(input),
    cases: {
      required: { ...assume, webIdentityToken: secret("e30.e30.e30") },
      full: { ...assumeFully, webIdentityToken: secret("Atza|token"), providerId: "www.amazon.com" },
      awkward: {
        ...assumeFully,
        roleArn: `${arn}\t${awkward}`,
        webIdentityToken: secret(awkward),
        providerId: awkward,
        durationSeconds: 43_200,
        minimumSessionTokenSize: 4096
      }
    },
    answers: {
      full: xml(
        "AssumeRoleWithWebIdentity",
        `${issued}${assumedRole}${sizes}${unknownElements}` +
          "<SubjectFromWebIdentityToken>amzn1.account.Ä&amp;B</SubjectFromWebIdentityToken>" +
          "<Provider>https://example.com/a?b=c&amp;d</Provider><Audience>000123</Audience>"
      ),
      sparse: xml("AssumeRoleWithWebIdentity", issued)
    },
    expected: withAccount,
    tagged: [...ofAssuming, "IDPCommunicationError", "IDPRejectedClaim", "InvalidIdentityToken"]
  }),
  operation<Sts.AssumeRoleInput>({
    name: "assumeRole",
    service: "STS",
    signedFor: "sts",
    model: AwsSts.AssumeRole$,
    ours: (input) => Effect.flatMap(Sts.Sts, (sts) => sts.assumeRole(input)),
    theirs: ({ sts }) => (input) => sts.assumeRole(input),
    cases: {
      required: { ...assume, credentials },
      full: {
        ...assumeFully,
        credentials,
        tags: [{ key: "Cost Center", value: "a b_.:/=+-@ü日本" }, { key: "Empty", value: "" }, {
          key: "c",
          value: "d"
        }],
        transitiveTagKeys: ["Cost Center", "c"],
        externalId: "a+b=c,d.e@f:g/h-i",
        serialNumber: "arn:aws:iam::111122223333:mfa/user+a",
        tokenCode: secret("012345"),
        sourceIdentity: "a+b=c,d.e@f-g",
        providedContexts: [
          { providerArn: "arn:aws:iam::aws:contextProvider/IdentityCenter", contextAssertion: secret(awkward) },
          { providerArn: "arn:aws:iam::aws:contextProvider/Another+One", contextAssertion: secret("a+b/c=") }
        ]
      },
      "long policy": { ...assume, credentials, policy: policy.repeat(200), durationSeconds: 3600 }
    },
    answers: {
      full: xml("AssumeRole", `${unknownElements}${issued}${assumedRole}${sizes}`),
      sparse: xml("AssumeRole", issued)
    },
    expected: withAccount,
    tagged: ofAssuming
  }),
  operation<Sts.GetCallerIdentityInput>({
    name: "getCallerIdentity",
    service: "STS",
    signedFor: "sts",
    model: AwsSts.GetCallerIdentity$,
    ours: (input) => Effect.flatMap(Sts.Sts, (sts) => sts.getCallerIdentity(input)),
    theirs: ({ sts }) => (input) => sts.getCallerIdentity(input),
    cases: { full: { region, credentials } },
    answers: {
      full: xml(
        "GetCallerIdentity",
        `<UserId>AIDA&amp;A</UserId><Account>000000000012</Account><Arn>${arn}</Arn>${unknownElements}`
      )
    },
    expected: same,
    tagged: ["AccessDenied", "ExpiredToken", "ExpiredTokenException"]
  })
]

// ---------------------------------------------------------------------------------------------------------------
// AWS's models, as its clients carry them
// ---------------------------------------------------------------------------------------------------------------

/** A shape is an array: its kind, names and traits, and then its parts. */
const shapeOf = (reference: unknown): ReadonlyArray<unknown> | undefined => {
  if (Predicate.isFunction(reference)) return shapeOf(reference())
  if (!Array.isArray(reference)) return undefined
  return reference.length === 2 ? shapeOf(reference[0]) : reference
}

const [LIST, STRUCTURE, OPERATION] = [1, 3, 9]

/** The members of a shape that none of the values has. */
const missing = (reference: unknown, values: ReadonlyArray<unknown>, path = ""): ReadonlyArray<string> => {
  const present = values.filter((value) => value !== undefined && value !== null)
  if (present.length === 0) return [path]
  const [kind, , , , names, members] = shapeOf(reference) ?? []
  if (kind === LIST) return missing(names, present.flatMap((value) => Array.isArray(value) ? value : []), `${path}[]`)
  return kind === STRUCTURE && Array.isArray(names) && Array.isArray(members)
    ? names.flatMap((name, index) =>
      missing(members[index], present.map((value) => Object(value)[String(name)]), `${path}.${name}`)
    )
    : []
}

/** What a value has and its shape has not. */
const unmodelled = (reference: unknown, value: unknown, path = ""): ReadonlyArray<string> => {
  const [kind, , , , names, members] = shapeOf(reference) ?? []
  if (kind === LIST && Array.isArray(value)) return value.flatMap((item) => unmodelled(names, item, `${path}[]`))
  return kind === STRUCTURE && Array.isArray(names) && Array.isArray(members) && Predicate.isRecord(value)
    ? Object.entries(value).flatMap(([name, item]) =>
      names.includes(name) ? unmodelled(members[names.indexOf(name)], item, `${path}.${name}`) : [`${path}.${name}`]
    )
    : []
}

const inputModel = ({ model }: Row): unknown => shapeOf(model)?.[4]
const outputModel = ({ model }: Row): unknown => shapeOf(model)?.[5]

// ---------------------------------------------------------------------------------------------------------------
// Requests
// ---------------------------------------------------------------------------------------------------------------

/** Headers of which one side has another value than the other, or none. */
const different: Readonly<Record<string, string>> = {
  "accept": "ours says what it can read; AWS's clients say nothing",
  "amz-sdk-invocation-id": "random, and compared on its own",
  "authorization": "the signed headers differ, as more of theirs do; computed again from what arrived",
  "connection": "the agent's choice",
  "content-length": "of a form, names and values are in another order and spelling",
  "content-type": "compared by its media type; ours names the charset of a form",
  "user-agent": "each its own name",
  "x-amz-content-sha256": "of the body, whose bytes may differ; part of the signature",
  "x-amz-date": "theirs is the real clock with an offset, and may be a second off",
  "x-amz-user-agent": "theirs repeats its name for browsers, where it cannot set the other"
}

const mediaType = (contentType: string | undefined): string | undefined => contentType?.split(";")[0]?.trim()

const pairs = (form: string): ReadonlyArray<string> =>
  form.split("&").filter((pair) => pair !== "").map((pair) => pair.split("=").map(decodeURIComponent).join("=")).sort()

/** A request by what it means. */
const meaningOf = ({ body, headers, method, target }: Received) => {
  const [path, query = ""] = target.split(/\?(.*)/s)
  const type = mediaType(headers["content-type"])
  return {
    method,
    path,
    query: pairs(query),
    contentType: type,
    body: type === "application/json" ? JSON.parse(body) : type === undefined ? body : pairs(body),
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !(name in different)))
  }
}

/** What AWS makes of a request: the signature that it must bear. */
const authorizationOf = async (service: string, { body, headers, method, target }: Received): Promise<string> => {
  const [path = "", query = ""] = target.split(/\?(.*)/s)
  const names = /SignedHeaders=([^,]+)/.exec(headers["authorization"] ?? "")?.[1]?.split(";") ?? []
  const signed = await new SignatureV4({ service, region, credentials: key, sha256: Sha256 }).sign({
    method,
    protocol: "http:",
    hostname: headers["host"] ?? "",
    path,
    query: Object.fromEntries(new URLSearchParams(query)),
    headers: Object.fromEntries(names.map((name) => [name, headers[name] ?? ""])),
    body
  }, {
    signingDate: (headers["x-amz-date"] ?? "").replace(
      /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/,
      "$1-$2-$3T$4:$5:$6Z"
    ),
    signableHeaders: new Set(names)
  })
  return signed.headers["authorization"] ?? ""
}

// ---------------------------------------------------------------------------------------------------------------
// Errors
// ---------------------------------------------------------------------------------------------------------------

interface Refusal {
  /** AWS's name of the shape. */
  readonly name: string
  /** As it comes over the wire. */
  readonly code: string
  readonly status: number
  readonly members: ReadonlyArray<string>
}

const words = "some <words> & an é"

const refusal = (name: string, status: number): Refusal => ({ name, code: name, status, members: ["message"] })

/** What no model has, and AWS sends all the same. */
const unmodelledErrors: Readonly<Record<Service, ReadonlyArray<Refusal>>> = {
  SSO: [refusal("ForbiddenException", 403), refusal("InternalServerException", 500), refusal("SomethingNew", 418)],
  "SSO OIDC": [refusal("ThrottlingException", 400), refusal("InvalidSignatureException", 403)],
  STS: [
    refusal("AccessDenied", 403),
    refusal("ExpiredToken", 403),
    refusal("InternalFailure", 500),
    refusal("InvalidClientTokenId", 403),
    refusal("SignatureDoesNotMatch", 403),
    refusal("Throttling", 400),
    refusal("ValidationError", 400)
  ]
}

const modules = { SSO: AwsSso, "SSO OIDC": AwsSsoOidc, STS: AwsSts }

const ERROR = -3

/** All errors of a service's model, whichever operations have them, and the others. */
const errorsOf = (service: Service): ReadonlyArray<Refusal> => [
  ...Object.values<unknown>(modules[service]).flatMap((value) => {
    const [kind, , name, traits, members]: ReadonlyArray<unknown> = Array.isArray(value) ? value : []
    if (kind !== ERROR || typeof name !== "string" || !Predicate.isRecord(traits)) return []
    const { awsQueryError: [code] = [name], httpError: status } = traits as {
      readonly awsQueryError?: readonly [string, number]
      readonly httpError: number
    }
    return [{ name, code, status, members: members as ReadonlyArray<string> }]
  }),
  ...unmodelledErrors[service]
]

const answerOf = (service: Service, { code, members, status }: Refusal): Answer => {
  const headers = { "x-amzn-requestid": "request" }
  if (service === "STS") {
    const escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {
      status,
      headers: { ...headers, "content-type": "text/xml" },
      body:
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>Sender</Type>\n" +
        `    <Code>${code}</Code>\n    <Message>${escaped}</Message>\n  </Error>\n` +
        "  <RequestId>request</RequestId>\n</ErrorResponse>\n"
    }
  }
  const namespace = service === "SSO" ? "com.amazonaws.switchboard.portal" : "com.amazonaws.sso.oidc"
  const values: Plain = {
    message: words,
    error: "some_error",
    error_description: words,
    reason: "KMS_DisabledException",
    region: "eu-west-1",
    endpoint: "https://oidc.eu-west-1.amazonaws.com"
  }
  return {
    status,
    headers: { ...headers, "x-amzn-errortype": `${code}:http://internal.amazon.com/coral/${namespace}/` },
    body: json({
      ...Object.fromEntries(members.map((name) => [name, values[name]])),
      ...(service === "SSO" ? { __type: `${namespace}#${code}` } : {})
    })
  }
}

// ---------------------------------------------------------------------------------------------------------------

type TheirError = Plain & { readonly $metadata: Plain }

const theirCall = (send: (clients: Clients) => Promise<unknown>) =>
  Effect.flatMap(
    Wire,
    ({ clients }) => Effect.tryPromise({ try: () => send(clients), catch: (error) => error as TheirError })
  )

describe.each(rows)("$name", (row) => {
  it("is compared in every member of AWS's model", () => {
    assert.strictEqual(shapeOf(row.model)?.[0], OPERATION)
    const full = Object.entries(row.cases).filter(([title]) => title.startsWith("full")).map(([, { input }]) => input)
    assert.deepStrictEqual(missing(inputModel(row), full), [])
    for (const { input } of Object.values(row.cases)) assert.deepStrictEqual(unmodelled(inputModel(row), input), [])
  })

  it.effect.each(Object.entries(row.cases))(
    "is asked for in the same way: %s",
    ([, { ours, theirs }]) =>
      Effect.gen(function*() {
        const [our, ...others] = (yield* calling(ours)).requests
        const [their] = (yield* calling(theirCall(theirs))).requests
        if (our === undefined || their === undefined) return assert.fail("nothing was sent")
        assert.isEmpty(others)
        assert.deepStrictEqual(meaningOf(our), meaningOf(their))
        assert.strictEqual(our.verdict, their.verdict, "the emulator makes the same of both")
        assert.notInclude(our.target, "+", "to AWS, a plus sign is a plus sign")
        if (mediaType(our.headers["content-type"]) !== "application/json") assert.notInclude(our.body, "+")
        assert.strictEqual(our.headers["authorization"] === undefined, row.signedFor === undefined)
        assert.strictEqual(their.headers["authorization"] === undefined, row.signedFor === undefined)
        if (row.signedFor === undefined) return
        const { signedFor } = row
        assert.notStrictEqual(our.verdict, 403, "the emulator refuses the signature")
        for (const request of [our, their]) {
          assert.strictEqual(
            request.headers["authorization"],
            yield* Effect.promise(() => authorizationOf(signedFor, request))
          )
        }
        assert.match(
          our.headers["authorization"] ?? "",
          /SignedHeaders=(?=[^,]*\bhost;)(?=[^,]*content-type;)(?=[^,]*x-amz-date;)[^,]*x-amz-security-token/
        )
        assert.strictEqual(our.headers["x-amz-date"], "20261130T123456Z")
      }).pipe(Effect.provide(wire))
  )

  it.effect.each(Object.entries(row.answers))(
    "is understood in the same way: %s",
    ([title, body]) =>
      Effect.gen(function*() {
        const answer = { status: 200, headers: { "x-amzn-requestid": "request" }, body }
        const [first] = Object.values(row.cases)
        if (first === undefined) return assert.fail("no case")
        const our = Either.getOrThrow((yield* calling(first.ours, [answer])).result)
        const their = Either.getOrThrow((yield* calling(theirCall(first.theirs), [answer])).result)
        if (title === "full" && row.name !== "logout") assert.deepStrictEqual(missing(outputModel(row), [their]), [])
        const expected = row.expected(outputOf(row.service, their) as Plain)
        assert.deepStrictEqual(plain(our) ?? {}, expected)
      }).pipe(Effect.provide(wire))
  )

  it.effect("is refused in the same way", () =>
    Effect.gen(function*() {
      const [first] = Object.values(row.cases)
      if (first === undefined) return assert.fail("no case")
      for (const error of errorsOf(row.service)) {
        const answer = answerOf(row.service, error)
        const our = Either.flip((yield* calling(first.ours, [answer])).result)
        const their = Either.flip((yield* calling(theirCall(first.theirs), [answer])).result)
        if (Either.isLeft(our) || Either.isLeft(their)) return assert.fail(`${error.code} is no failure`)
        const ours = our.right as Plain & { readonly message: string }
        const theirs = their.right
        assert.strictEqual(theirs["name"], error.name)
        if (row.name === "getRoleCredentials" && error.code === "ForbiddenException") {
          // Told by the role that it is about.
          const what = { _tag: "RoleNotAssigned", accountId, roleName: "Developer", requestId: "request" }
          assert.deepInclude(ours, what)
          continue
        }
        const tag = row.tagged.includes(error.code)
          ? error.name.replace(/(?:Exception)?$/, "Exception")
          : "ServiceError"
        const { _tag, code, description, detailCode, endpoint, region, requestId, status } = ours
        assert.deepStrictEqual({ _tag, code, status, requestId, description, detailCode, region, endpoint }, {
          _tag: tag,
          code: error.code,
          status: theirs.$metadata["httpStatusCode"],
          requestId: theirs.$metadata["requestId"],
          // Of the OIDC service's, AWS's clients leave the message empty.
          description: theirs["error_description"] ?? theirs["message"],
          detailCode: theirs["reason"],
          // Where to ask instead is told by the tag, which only the one operation has that AWS documents it for.
          ...(tag === "InvalidRequestRegionException"
            ? { region: "eu-west-1", endpoint: "https://oidc.eu-west-1.amazonaws.com" }
            : { region: undefined, endpoint: undefined })
        })
        if (tag === "InvalidRequestRegionException") assert.deepInclude(theirs, { region, endpoint })
        assert.include(ours.message, error.code)
        assert.include(ours.message, words)
      }
    }).pipe(Effect.provide(wireOfOneAttempt)))
})

// ---------------------------------------------------------------------------------------------------------------
// What differs on purpose, and what no row shows
// ---------------------------------------------------------------------------------------------------------------

const listAccounts = (nextToken?: string) =>
  Effect.flatMap(Sso.Sso, (sso) => sso.listAccounts({ region, accessToken, nextToken }))
const theirListAccounts = (nextToken?: string) =>
  theirCall(({ sso }) => sso.listAccounts({ accessToken: Redacted.value(accessToken), nextToken }))
const registerClient = Effect.flatMap(
  SsoOidc.SsoOidc,
  (oidc) => oidc.registerClient({ region, clientName: "name", clientType: "public" })
)
const theirRegisterClient = theirCall(({ ssoOidc }) =>
  ssoOidc.registerClient({ clientName: "name", clientType: "public" })
)
const assumeRole = (more: Partial<Sts.AssumeRoleInput> = {}) =>
  Effect.flatMap(Sts.Sts, (sts) => sts.assumeRole({ ...assume, credentials, ...more }))
const theirAssumeRole = (more: Partial<AwsSts.AssumeRoleCommandInput> = {}) =>
  theirCall(({ sts }) => sts.assumeRole({ RoleArn: arn, RoleSessionName: assume.roleSessionName, ...more }))

/** The one request of a call. */
const requestOf = <A, E, R>(call: Effect.Effect<A, E, R>, answers?: ReadonlyArray<Answer>) =>
  Effect.flatMap(calling(call, answers), ({ requests: [request] }) => Effect.fromNullable(request))

describe("the attempts of a call", () => {
  const uuid = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/
  const answers = [{ status: 500, body: "{}" }, { status: 503, body: "" }, { status: 200, body: "{}" }]

  it.effect.each([
    // The first four numbers are the id, and the last two the waits.
    ["ours", Effect.withRandom(listAccounts(), Random.fixed([0.1, 0.2, 0.3, 0.4, 0, 0]))] as const,
    ["theirs", theirListAccounts()] as const
  ])("%s are numbered and bear one id", ([, call]) =>
    Effect.gen(function*() {
      const { requests, result } = yield* calling<unknown, unknown, Wire | Ours>(call, answers)
      assert.isTrue(Either.isRight(result))
      assert.deepStrictEqual(
        requests.map(({ headers }) => headers["amz-sdk-request"]),
        ["attempt=1; max=3", "attempt=2; max=3", "attempt=3; max=3"]
      )
      const [id = "", ...others] = new Set(requests.map(({ headers }) => headers["amz-sdk-invocation-id"]))
      assert.match(id, uuid)
      assert.isEmpty(others)
    }).pipe(Effect.provide(wire)))
})

it.effect("every call has an id of its own", () =>
  Effect.gen(function*() {
    const requests = [yield* requestOf(listAccounts()), yield* requestOf(listAccounts())]
    assert.strictEqual(new Set(requests.map(({ headers }) => headers["amz-sdk-invocation-id"])).size, 2)
  }).pipe(Effect.provide(wire)))

describe("asked otherwise", () => {
  it.effect("an empty page token is none, which AWS's clients send", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* requestOf(listAccounts(""))).target, "/assignment/accounts")
      assert.strictEqual((yield* requestOf(theirListAccounts(""))).target, "/assignment/accounts?next_token=")
    }).pipe(Effect.provide(wire)))

  it.effect("an empty list of a form is none, which AWS's clients send as an empty text", () =>
    Effect.gen(function*() {
      const our = yield* requestOf(assumeRole({ policyArns: [], tags: [], transitiveTagKeys: [] }))
      const their = yield* requestOf(theirAssumeRole({ PolicyArns: [], Tags: [], TransitiveTagKeys: [] }))
      assert.deepStrictEqual(
        [...pairs(our.body), "PolicyArns=", "Tags=", "TransitiveTagKeys="].sort(),
        pairs(their.body)
      )
    }).pipe(Effect.provide(wire)))
})

describe("understood otherwise", () => {
  interface Both {
    readonly our: Plain
    readonly their: TheirError
  }

  const both = <E, E2>(
    ours: Effect.Effect<unknown, E, Ours>,
    theirs: Effect.Effect<unknown, E2, Wire>,
    answer: Answer
  ) =>
    Effect.gen(function*() {
      const our = Either.merge((yield* calling(ours, [answer])).result)
      const their = Either.merge((yield* calling(theirs, [answer])).result)
      return { our, their } as unknown as Both
    }).pipe(Effect.provide(wireOfOneAttempt))

  const pending = { error: "authorization_pending", error_description: "wait" }

  it.effect("the OAuth code names an error whose header was lost", () =>
    Effect.gen(function*() {
      const { our, their } = yield* both(registerClient, theirRegisterClient, { status: 400, body: json(pending) })
      assert.deepInclude(our, { code: "AuthorizationPendingException", description: "wait", status: 400 })
      assert.deepInclude(their, { name: "Unknown", message: "UnknownError" })
    }))

  it.effect.each<readonly [name: string, headers: Record<string, string>, body: Plain, ours: string, theirs: string]>([
    ["the header counts before the body", { "x-amzn-errortype": "A" }, { __type: "B", code: "C" }, "A", "A"],
    ["a namespace does not count", { "x-amzn-errortype": "com.amazonaws#A:http://b/,c" }, {}, "A", "A"],
    ["__type counts before code, unlike in AWS's clients", {}, { __type: "a#B", code: "C" }, "B", "C"],
    ["__type alone", {}, { __type: "a#B" }, "B", "B"],
    ["code alone", {}, { code: "C" }, "C", "C"],
    ["nothing", {}, { message: "m" }, "Unknown", "Unknown"]
  ])("%s", ([, headers, body, ours, theirs]) =>
    Effect.gen(function*() {
      const { our, their } = yield* both(listAccounts(), theirListAccounts(), {
        status: 400,
        headers,
        body: json(body)
      })
      assert.strictEqual(our["code"], ours)
      assert.strictEqual(their["name"], theirs)
    }))

  it.effect.each(["x-amzn-requestid", "x-amzn-request-id", "x-amz-request-id"])(
    "the request id in %s",
    (name) =>
      Effect.gen(function*() {
        const answer = { status: 400, headers: { [name]: "request" }, body: json({ message: "m" }) }
        const { our, their } = yield* both(listAccounts(), theirListAccounts(), answer)
        assert.strictEqual(our["requestId"], "request")
        assert.strictEqual(their.$metadata["requestId"], "request")
      })
  )

  it.effect("the request id of a form's answer is found in its body too", () =>
    Effect.gen(function*() {
      const error = answerOf("STS", refusal("AccessDenied", 403))
      const { our, their } = yield* both(assumeRole(), theirAssumeRole(), { ...error, headers: {} })
      assert.strictEqual(our["requestId"], "request")
      assert.isUndefined(their.$metadata["requestId"])
    }))

  it.effect("a message with a capital letter", () =>
    Effect.gen(function*() {
      const { our, their } = yield* both(listAccounts(), theirListAccounts(), {
        status: 403,
        body: json({ Message: "m" })
      })
      assert.strictEqual(our["description"], "m")
      assert.strictEqual(their["message"], "m")
    }))

  it.effect("an error that is no JSON keeps its status, where AWS's clients fail to read it", () =>
    Effect.gen(function*() {
      const answer = {
        status: 502,
        headers: { "content-type": "text/html" },
        body: "<html><body>Bad gateway</body></html>"
      }
      const { our, their } = yield* both(listAccounts(), theirListAccounts(), answer)
      assert.deepInclude(our, { _tag: "ServiceError", code: "Unknown", status: 502 })
      assert.strictEqual(their["name"], "SyntaxError")
    }))

  it.effect("a token without what AWS always sends is an InvalidResponse, and no token for AWS's clients", () =>
    Effect.gen(function*() {
      const { our, their } = yield* both(registerClient, theirRegisterClient, {
        status: 200,
        body: json({ clientId: "a" })
      })
      assert.deepInclude(our, { _tag: "InvalidResponse", problem: "\"clientSecret\" is missing" })
      assert.strictEqual(their["clientId"], "a")
    }))

  it.effect("an empty element is none, and AWS's clients make 0 of it", () =>
    Effect.gen(function*() {
      const body = xml("AssumeRole", `${issued}<PackedPolicySize></PackedPolicySize>`)
      const { our, their } = yield* both(assumeRole(), theirAssumeRole(), { status: 200, body })
      assert.deepEqual(our["packedPolicySize"], Option.none())
      assert.strictEqual(their["PackedPolicySize"], 0)
    }))

  it.effect("white space around a text does not count, and within a secret neither", () =>
    Effect.gen(function*() {
      const body = xml(
        "AssumeRole",
        issued.replace("<SessionToken>", "<SessionToken>\n  ").replace("t+o/k", "t+o/\nk") +
          "<SourceIdentity>\n  me\n</SourceIdentity>"
      )
      const { our, their } = yield* both(assumeRole(), theirAssumeRole(), { status: 200, body })
      const { credentials, sourceIdentity } = plain(our) as { credentials: Plain; sourceIdentity: string }
      assert.strictEqual(credentials["sessionToken"], "t+o/k'e=n==")
      assert.strictEqual(sourceIdentity, "me")
      assert.strictEqual(their["SourceIdentity"], "\n  me\n")
    }))
})
