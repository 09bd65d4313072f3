import { HttpClient, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Option, Predicate, Redacted } from "effect"
import { Credentials, IdentityError, Sso, SsoOidc, Sts } from "effect-aws-identity"
import { observed } from "./observed.js"
import { overClient } from "./ports.js"

// What AWS's models do not allow is refused before anything is sent, by its name and without its value. What they do
// allow, up to the last character, is sent.

type Ours = Sso.Sso | SsoOidc.SsoOidc | Sts.Sts

const clients = Layer.mergeAll(Sso.layer(), SsoOidc.layer(), Sts.layer())
const over = (execute: Parameters<typeof HttpClient.make>[0]) =>
  Layer.provide(clients, overClient(HttpClient.make(execute)))

const unplugged = over(() => Effect.die("sent"))
const teapot = over((request) =>
  Effect.succeed(HttpClientResponse.fromWeb(request, new Response(null, { status: 418 })))
)

interface Constraint {
  readonly refused: ReadonlyArray<unknown>
  readonly accepted: ReadonlyArray<unknown>
}

interface Row {
  readonly name: string
  readonly service: "SSO" | "SSO OIDC" | "STS"
  readonly operation: string
  readonly call: (input: never) => Effect.Effect<unknown, unknown, Ours>
  /** What is required, and nothing else. */
  readonly required: Readonly<Record<string, unknown>>
  readonly refused: Readonly<Record<string, ReadonlyArray<unknown>>>
  readonly accepted: Readonly<Record<string, ReadonlyArray<unknown>>>
}

const secret = Redacted.make
const secrets = (values: ReadonlyArray<unknown>): ReadonlyArray<unknown> => values.map((value) => secret(value))
const of = (length: number, character = "M"): string => character.repeat(length)
const list = <A>(length: number, item: A): ReadonlyArray<A> => Array.from({ length }, () => item)

const half = "\ud800 MARKED"
const key = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: secret("MARKED secret") }
const credentials = new Credentials.Credentials(key)

const region = {
  refused: [undefined, "", "EU-MARKED-1", "eu/marked-1", "eu.marked-1", "-marked", "marked-", of(64, "m"), 1],
  accepted: ["eu-central-1", "x", of(63, "m"), "fips-us-east-1", "mars-north-1"]
}
const signer = {
  refused: [
    undefined,
    { ...key, secretAccessKey: "MARKED secret" },
    new Credentials.Credentials({ ...key, accessKeyId: "MARKEDMARKED\r\nx-injected: 1" }),
    new Credentials.Credentials({ ...key, accessKeyId: "MARKEDMÄRKED" }),
    new Credentials.Credentials({ ...key, secretAccessKey: secret(half) }),
    new Credentials.Credentials({ ...key, sessionToken: Option.some(secret("MARKEDMARKED\n")) })
  ],
  accepted: [new Credentials.Credentials({ ...key, sessionToken: Option.some(secret("a+b/c==")) })]
}

/** Of a text that AWS's model says nothing else of: an empty one is none. */
const text = { refused: [undefined, "", 1, half], accepted: ["M", of(10_000), "a b+c&d=e/f%20ü日本😀"] }
const hidden = {
  refused: [undefined, "MARKED and bare", ...secrets(["", 1, half])],
  accepted: secrets(text.accepted)
}
const texts = { refused: ["MARKED", [""], ["a", ""], ["a", half], [1]], accepted: [[], ["a"], list(100, "a b")] }
const optional = ({ accepted, refused }: Constraint) => ({
  refused: refused.filter((value) => value !== undefined),
  accepted: [undefined, ...accepted]
})
const token = {
  refused: [
    undefined,
    "MARKED-and-bare",
    ...secrets(["", "MARKED MARKED", "MARKEDMARKED\n", "MARKEDMARKED\r\nx-injected: 1", "MARKEDMÄRKED", half])
  ],
  accepted: secrets(["M", of(10_000), "aoa+/=_-.~!\"#$%&'()*,:;<>?@[\\]^`{|}"])
}
const accountId = {
  refused: [
    undefined,
    "",
    "12345678901",
    "1234567890123",
    "12345678901a",
    " 12345678901",
    "123456789012\n",
    123456789012
  ],
  accepted: ["000000000000", "012345678901"]
}
const maxResults = { refused: [0, 101, -1, 1.5, NaN, Infinity, "10"], accepted: [undefined, 1, 100] }
const nextToken = { refused: [half, 1, null], accepted: [undefined, "", ...text.accepted] }

const arn = {
  refused: [
    undefined,
    "",
    of(19),
    of(2049),
    `${of(20)}\0`,
    `${of(20)}\u007f`,
    `${of(20)}\ufffe`,
    `${of(20)}${half}`,
    1
  ],
  accepted: [of(20), of(2048), `${of(20)}\t\n\r\u0085 ~é\ud7ff\ue000\ufffd`, of(2048, "😀")]
}
const withoutNone = ({ accepted, refused }: Constraint) => ({
  refused: refused.filter((value) => value !== undefined),
  accepted
})
const name = {
  refused: ["", "M", of(65), "MARKED MARKED", "MARKED/MARKED", "MARKEDMÄRKED", "MARKEDMARKED\n", 1],
  accepted: ["ab", of(64), "a_b+c=d,e.f@g-h"]
}
const policyArns = {
  refused: [list(11, of(20)), ...withoutNone(arn).refused.map((value) => [of(20), value])],
  accepted: [undefined, [], list(10, of(20)), ...arn.accepted.map((value) => [value])]
}
const durationSeconds = {
  refused: [899, 43_201, 900.5, -900, NaN, Infinity, "MARKED"],
  accepted: [undefined, 900, 43_200]
}
const minimumSessionTokenSize = { refused: [-1, 4097, 0.5, NaN, "MARKED"], accepted: [undefined, 0, 4096] }
const policy = {
  refused: ["", `${of(20)}\u0100`, `${of(20)}\0`, `${of(20)}\u000b`, `${of(20)}${half}`, 1],
  accepted: [undefined, "{", of(2048, "\u00ff"), "{\t\n\r }"]
}

const assume = {
  roleArn: arn,
  roleSessionName: { ...name, refused: [undefined, ...name.refused] },
  policyArns,
  durationSeconds,
  minimumSessionTokenSize
}
const validAssume = { region: "eu-central-1", roleArn: of(20), roleSessionName: "session" }

const portal = { region: "eu-central-1", accessToken: secret("token") }
const client = { region: "eu-central-1", clientId: "id", clientSecret: secret("secret") }
const application = { region: "eu-central-1", credentials, clientId: "arn" }
const codeGrant = { grantType: "authorization_code", code: secret("code"), redirectUri: "http://127.0.0.1" }

const grantType = { refused: [undefined, "", "MARKED grant", 1], accepted: [] }

const constraints = (
  of: Readonly<Record<string, Constraint>>
): Pick<Row, "refused" | "accepted"> => ({
  refused: Object.fromEntries(Object.entries(of).map(([name, { refused }]) => [name, refused])),
  accepted: Object.fromEntries(Object.entries(of).map(([name, { accepted }]) => [name, accepted]))
})

const createToken = (grant: string, required: Row["required"], members: Parameters<typeof constraints>[0]): Row => ({
  name: `createToken, ${grant}`,
  service: "SSO OIDC",
  operation: "createToken",
  call: (input) => Effect.flatMap(SsoOidc.SsoOidc, (oidc) => oidc.createToken(input)),
  required: { ...client, ...required },
  ...constraints({ region, clientId: text, clientSecret: hidden, scope: texts, grantType, ...members })
})

const createTokenWithIAM = (
  grant: string,
  required: Row["required"],
  members: Parameters<typeof constraints>[0]
): Row => ({
  name: `createTokenWithIAM, ${grant}`,
  service: "SSO OIDC",
  operation: "createTokenWithIAM",
  call: (input) => Effect.flatMap(SsoOidc.SsoOidc, (oidc) => oidc.createTokenWithIAM(input)),
  required: { ...application, ...required },
  ...constraints({
    region,
    credentials: signer,
    clientId: text,
    scope: texts,
    requestedTokenType: optional(text),
    grantType,
    ...members
  })
})

const rows: ReadonlyArray<Row> = [
  {
    name: "getRoleCredentials",
    service: "SSO",
    operation: "getRoleCredentials",
    call: (input) => Effect.flatMap(Sso.Sso, (sso) => sso.getRoleCredentials(input)),
    required: { ...portal, accountId: "012345678901", roleName: "role" },
    ...constraints({ region, accessToken: token, accountId, roleName: text })
  },
  {
    name: "listAccounts",
    service: "SSO",
    operation: "listAccounts",
    call: (input) => Effect.flatMap(Sso.Sso, (sso) => sso.listAccounts(input)),
    required: portal,
    ...constraints({ region, accessToken: token, maxResults, nextToken })
  },
  {
    name: "listAccountRoles",
    service: "SSO",
    operation: "listAccountRoles",
    call: (input) => Effect.flatMap(Sso.Sso, (sso) => sso.listAccountRoles(input)),
    required: { ...portal, accountId: "012345678901" },
    ...constraints({ region, accessToken: token, accountId, maxResults, nextToken })
  },
  {
    name: "logout",
    service: "SSO",
    operation: "logout",
    call: (input) => Effect.flatMap(Sso.Sso, (sso) => sso.logout(input)),
    required: portal,
    ...constraints({ region, accessToken: token })
  },
  {
    name: "registerClient",
    service: "SSO OIDC",
    operation: "registerClient",
    call: (input) => Effect.flatMap(SsoOidc.SsoOidc, (oidc) => oidc.registerClient(input)),
    required: { region: "eu-central-1", clientName: "name", clientType: "public" },
    ...constraints({
      region,
      clientName: text,
      clientType: { refused: [undefined, "", "MARKED confidential", "Public", 1], accepted: ["public"] },
      scopes: texts,
      redirectUris: texts,
      grantTypes: texts,
      issuerUrl: optional(text),
      entitledApplicationArn: optional(text)
    })
  },
  {
    name: "startDeviceAuthorization",
    service: "SSO OIDC",
    operation: "startDeviceAuthorization",
    call: (input) => Effect.flatMap(SsoOidc.SsoOidc, (oidc) => oidc.startDeviceAuthorization(input)),
    required: { ...client, startUrl: "https://example.awsapps.com/start" },
    ...constraints({ region, clientId: text, clientSecret: hidden, startUrl: text })
  },
  createToken(
    "device code",
    { grantType: "urn:ietf:params:oauth:grant-type:device_code", deviceCode: secret("device") },
    { deviceCode: hidden }
  ),
  createToken(
    "refresh token",
    { grantType: "refresh_token", refreshToken: secret("refresh") },
    { refreshToken: hidden }
  ),
  createToken(
    "authorization code",
    { ...codeGrant, codeVerifier: secret("verifier") },
    { code: hidden, redirectUri: text, codeVerifier: hidden }
  ),
  createTokenWithIAM("authorization code", codeGrant, {
    code: hidden,
    redirectUri: text,
    codeVerifier: optional(hidden)
  }),
  createTokenWithIAM(
    "refresh token",
    { grantType: "refresh_token", refreshToken: secret("refresh") },
    { refreshToken: hidden }
  ),
  createTokenWithIAM(
    "JWT",
    { grantType: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: secret("jwt") },
    { assertion: hidden }
  ),
  createTokenWithIAM(
    "token exchange",
    {
      grantType: "urn:ietf:params:oauth:grant-type:token-exchange",
      subjectToken: secret("subject"),
      subjectTokenType: "urn:ietf:params:oauth:token-type:access_token"
    },
    { subjectToken: hidden, subjectTokenType: text }
  ),
  {
    name: "assumeRoleWithWebIdentity",
    service: "STS",
    operation: "assumeRoleWithWebIdentity",
    call: (input) => Effect.flatMap(Sts.Sts, (sts) => sts.assumeRoleWithWebIdentity(input)),
    required: { ...validAssume, webIdentityToken: secret("token") },
    ...constraints({
      ...assume,
      region,
      webIdentityToken: {
        refused: [undefined, "MARKED and bare", ...secrets(["", of(3), of(20_001), half])],
        accepted: secrets([of(4), of(20_000), of(20_000, "😀"), "Atza|ü b+c/d=="])
      },
      providerId: {
        refused: ["", of(3), of(2049), half, 1],
        accepted: [undefined, of(4), of(2048), "www.amazon.com"]
      },
      policy: { ...policy, refused: [...policy.refused, of(2049)] }
    })
  },
  {
    name: "assumeRole",
    service: "STS",
    operation: "assumeRole",
    call: (input) => Effect.flatMap(Sts.Sts, (sts) => sts.assumeRole(input)),
    required: { ...validAssume, credentials },
    ...constraints({
      ...assume,
      region,
      credentials: signer,
      policy: { ...policy, accepted: [...policy.accepted, of(100_000)] },
      tags: {
        refused: [
          list(51, { key: "a", value: "b" }),
          ...["", of(129), "MARKED,MARKED", "MARKED\tMARKED", half].map((key) => [{ key, value: "b" }]),
          ...[of(257), "MARKED,MARKED", "MARKED\tMARKED", half].map((value) => [{ key: "a", value }]),
          [{ key: "MARKED" }],
          [{ value: "MARKED" }],
          ["MARKED"]
        ],
        accepted: [
          undefined,
          [],
          list(50, { key: "a", value: "" }),
          [{ key: of(128), value: of(256) }],
          [{ key: of(128, "𝐀"), value: of(256, "𝐀") }],
          [{ key: "Ä 日_.:/=+-@\u00a0", value: "Ä 日_.:/=+-@\u00a0" }]
        ]
      },
      transitiveTagKeys: {
        refused: [list(51, "a"), [""], [of(129)], ["a", "MARKED,MARKED"], [half], "MARKED"],
        accepted: [undefined, [], list(50, "a"), [of(128)], ["Ä 日_.:/=+-@"]]
      },
      externalId: {
        refused: ["", "M", of(1225), "MARKED MARKED", "MARKEDMÄRKED", "MARKEDMARKED\n", 1],
        accepted: [undefined, "ab", of(1224), "a_b+c=d,e.f@g:h/i-j"]
      },
      serialNumber: {
        refused: ["", of(8), of(257), "MARKED MARKED", "MARKEDMÄRKED", "MARKEDMARKED\n", 1],
        accepted: [undefined, of(9), of(256), "arn:aws:iam::111122223333:mfa/a+b=c,d.e@f-g"]
      },
      tokenCode: {
        refused: ["012345", ...secrets(["", "01234", "0123456", "01234M", "０１２３４５", "01234\n"])],
        accepted: [undefined, ...secrets(["000000", "012345"])]
      },
      sourceIdentity: { ...name, accepted: [undefined, ...name.accepted] },
      providedContexts: {
        refused: [
          [],
          list(6, { providerArn: of(20), contextAssertion: secret("assertion") }),
          ...arn.refused.map((providerArn) => [{ providerArn, contextAssertion: secret("assertion") }]),
          ...[undefined, "MARKED and bare", ...secrets(["", of(3), of(2049), half])].map((contextAssertion) => [
            { providerArn: of(20), contextAssertion }
          ])
        ],
        accepted: [
          undefined,
          list(5, { providerArn: of(20), contextAssertion: secret(of(4)) }),
          [{ providerArn: of(2048), contextAssertion: secret(of(2048)) }]
        ]
      }
    })
  },
  {
    name: "getCallerIdentity",
    service: "STS",
    operation: "getCallerIdentity",
    call: (input) => Effect.flatMap(Sts.Sts, (sts) => sts.getCallerIdentity(input)),
    required: { region: "eu-central-1", credentials },
    ...constraints({ region, credentials: signer })
  }
]

/** The texts in a value that are long enough to be found by chance nowhere else. */
const textsIn = (value: unknown): ReadonlyArray<string> => {
  if (Redacted.isRedacted(value)) return textsIn(Redacted.value(value))
  if (typeof value === "string") return value.length < 6 ? [] : [value, ...(value.match(/MARKED.{0,6}/g) ?? [])]
  return Predicate.isObject(value) ? Object.values(value).flatMap(textsIn) : []
}

const without = (input: Row["required"], name: string): Row["required"] =>
  Object.fromEntries(Object.entries(input).filter(([other]) => other !== name))

describe.each(rows)("$name", ({ accepted, call, operation, refused, required, service }) => {
  const refusal = (name: string, input: Row["required"], bad: unknown) =>
    Effect.gen(function*() {
      const texts = textsIn(bad)
      const attempt = call(input as never)
      const { exit, seen } = texts.length === 0
        ? { exit: yield* Effect.exit(attempt), seen: "" }
        : yield* observed(attempt)
      const what = `${name}: ${JSON.stringify(bad)?.slice(0, 100)}`
      const error = Exit.match(exit, { onSuccess: () => undefined, onFailure: Cause.squash })
      if (!(error instanceof IdentityError.InvalidInput)) return assert.fail(`${what} is ${String(error)}`)
      // What only a signature cannot do is said by the field's name, too.
      assert.match(error.problem, new RegExp(`^"${name}[".]|^the (?:accessKeyId|sessionToken) of its ${name} `), what)
      assert.deepInclude(error, { service, operation })
      for (const text of texts) assert.notInclude(seen, text, what)
    })

  it.effect("needs what it needs", () =>
    Effect.gen(function*() {
      for (const name of Object.keys(required)) {
        yield* refusal(name, without(required, name), undefined)
      }
    }).pipe(Effect.provide(unplugged)))

  it.effect("sends nothing that AWS would refuse, and says which field it is", () =>
    Effect.gen(function*() {
      for (const [name, values] of Object.entries(refused)) {
        for (const value of values) yield* refusal(name, { ...required, [name]: value }, value)
      }
    }).pipe(Effect.provide(unplugged)))

  it.effect("sends what AWS takes", () =>
    Effect.gen(function*() {
      for (const [name, values] of [["", [undefined]] as const, ...Object.entries(accepted)]) {
        for (const value of values) {
          const input = name === "" ? required : { ...required, [name]: value }
          const error = yield* Effect.flip(call(input as never))
          assert.deepInclude(error, { _tag: "ServiceError", status: 418 }, `${name}: ${String(value).slice(0, 100)}`)
        }
      }
    }).pipe(Effect.provide(teapot)))
})
