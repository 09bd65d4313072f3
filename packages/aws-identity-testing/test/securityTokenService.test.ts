import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  ExpiredTokenException,
  GetCallerIdentityCommand,
  IDPCommunicationErrorException,
  IDPRejectedClaimException,
  InvalidIdentityTokenException,
  MalformedPolicyDocumentException,
  PackedPolicyTooLargeException,
  RegionDisabledException,
  STSClient,
  type STSServiceException
} from "@aws-sdk/client-sts"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Encoding, Layer, TestClock } from "effect"
import { Emulator, IdentityCenter, type SecurityTokenService } from "effect-aws-identity-testing"
import { createServer } from "node:http"

// AWS's own client on a real socket. It signs by the real time, so the emulator's TestClock begins there.

const ci = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalr/secret+key=",
  arn: "arn:aws:iam::111122223333:user/ci"
}
const issuer = "https://token.example.com"
const roleArn = "arn:aws:iam::012345678901:role/deployers/deploy"

const worldOf = (options: IdentityCenter.Options = {}) =>
  Layer.mergeAll(
    NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }),
    IdentityCenter.layer({ accessKeys: [ci], ...options }),
    Layer.effectDiscard(Effect.suspend(() => TestClock.setTime(Date.now())))
  )

const world = worldOf()

const call = <A>(promise: () => Promise<A>) =>
  Effect.tryPromise({ try: promise, catch: (error) => error as STSServiceException })

interface Keys {
  readonly accessKeyId?: string | undefined
  readonly secretAccessKey?: string | undefined
  readonly sessionToken?: string | undefined
}

const clientOf = (endpoint: string, maxAttempts = 1) => (keys?: Keys) => {
  const { accessKeyId = "", secretAccessKey = "", sessionToken } = keys ?? {}
  const sts = new STSClient({
    region: "eu-west-1",
    endpoint,
    maxAttempts,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) }
  })
  return {
    whoAmI: call(() => sts.send(new GetCallerIdentityCommand({}))),
    assume: (input: Partial<AssumeRoleCommand["input"]> = {}) =>
      call(() => sts.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: "build", ...input }))),
    assumeWithToken: (
      WebIdentityToken: string,
      input: Partial<AssumeRoleWithWebIdentityCommand["input"]> = {}
    ) =>
      call(() =>
        sts.send(
          new AssumeRoleWithWebIdentityCommand({
            RoleArn: roleArn,
            RoleSessionName: "build",
            WebIdentityToken,
            ...input
          })
        )
      )
  }
}

const client = Effect.map(Emulator.serve, (endpoint) => clientOf(endpoint))

const refusal = <A, R>(effect: Effect.Effect<A, STSServiceException, R>) =>
  Effect.map(Effect.flip(effect), ({ $metadata, message, name }) => `${$metadata.httpStatusCode} ${name}: ${message}`)

const jwt = (claims: Readonly<Record<string, unknown>> = {}) =>
  Effect.map(TestClock.currentTimeMillis, (now) => {
    const iat = Math.floor(now / 1000)
    const payload = { iss: issuer, sub: "repo:me/app", aud: "sts.amazonaws.com", iat, exp: iat + 600, ...claims }
    return [{ alg: "RS256" }, payload].map((part) => Encoding.encodeBase64Url(JSON.stringify(part))).join(".") + ".c2ln"
  })

const notAJwt = "400 InvalidIdentityToken: The ID Token provided is not a valid JWT. (You may see this error if you " +
  "sent an Access Token)"

describe("AssumeRoleWithWebIdentity", () => {
  it.scoped("gives the role's credentials for what the token says, unsigned", () =>
    Effect.gen(function*() {
      const sts = yield* client
      const token = yield* jwt({ aud: ["a", "b"], "https://aws.amazon.com/source_identity": "me" })
      const now = yield* TestClock.currentTimeMillis
      const answer = yield* sts().assumeWithToken(token, {
        DurationSeconds: 900,
        Policy: JSON.stringify({ Version: "2012-10-17", Statement: [] }),
        PolicyArns: [{ arn: "arn:aws:iam::aws:policy/ReadOnlyAccess" }],
        MinimumSessionTokenSize: 2048
      })
      assert.deepInclude(answer, {
        SubjectFromWebIdentityToken: "repo:me/app",
        Audience: "a",
        Provider: issuer,
        SourceIdentity: "me",
        PackedPolicySize: 4,
        SessionTokenSize: 2048,
        SessionTokenUtilization: 50
      })
      assert.strictEqual(answer.AssumedRoleUser?.Arn, "arn:aws:sts::012345678901:assumed-role/deploy/build")
      assert.match(answer.AssumedRoleUser?.AssumedRoleId ?? "", /^AROA[0-9A-Z]{17}:build$/)
      assert.match(answer.$metadata.requestId ?? "", /^[0-9a-f]{32}$/)
      const { AccessKeyId, Expiration, SecretAccessKey, SessionToken } = answer.Credentials ?? {}
      assert.strictEqual(Expiration?.getTime(), Math.floor(now / 1000) * 1000 + 900_000)
      const { secrets } = yield* IdentityCenter.IdentityCenter
      assert.includeMembers([...yield* secrets], [SecretAccessKey ?? "", SessionToken ?? ""])

      const session = sts({ accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken })
      assert.deepInclude(yield* session.whoAmI, {
        Account: "012345678901",
        Arn: "arn:aws:sts::012345678901:assumed-role/deploy/build",
        UserId: answer.AssumedRoleUser?.AssumedRoleId
      })
    }).pipe(Effect.provide(world)))

  it.scoped("lasts an hour and carries nothing more, if nothing more is asked for", () =>
    Effect.gen(function*() {
      const sts = yield* client
      const now = yield* TestClock.currentTimeMillis
      const answer = yield* sts().assumeWithToken(yield* jwt({ azp: "app", aud: ["a", "b"] }))
      assert.strictEqual(answer.Credentials?.Expiration?.getTime(), Math.floor(now / 1000) * 1000 + 3_600_000)
      assert.strictEqual(answer.Audience, "app")
      assert.isUndefined(answer.PackedPolicySize)
      assert.isUndefined(answer.SourceIdentity)
    }).pipe(Effect.provide(world)))

  it.scoped("takes the opaque token of an OAuth 2.0 provider by the provider's name", () =>
    Effect.gen(function*() {
      const sts = yield* client
      const answer = yield* sts().assumeWithToken("Atza|opaque", { ProviderId: "www.amazon.com" })
      assert.strictEqual(answer.Provider, "www.amazon.com")
      assert.match(
        yield* refusal(sts().assumeWithToken(yield* jwt(), { ProviderId: issuer })),
        /^400 ValidationError: .*'providerId'/
      )
    }).pipe(Effect.provide(world)))

  it.scoped("refuses a token that is none, lacks a claim or has expired", () =>
    Effect.gen(function*() {
      const sts = (yield* client)()
      const token = yield* jwt()
      const [header, payload, signature] = token.split(".")
      const unsigned = Encoding.encodeBase64Url(JSON.stringify({ alg: "none" }))
      const list = Encoding.encodeBase64Url("[]")
      for (
        const nonsense of [
          "opaque",
          `${header}.${payload}`,
          `${header}.${payload}.`,
          `${token}.more`,
          `${header}.e30!.${signature}`,
          `${header}.${list}.${signature}`,
          `${unsigned}.${payload}.${signature}`,
          yield* jwt({ exp: "soon" }),
          yield* jwt({ aud: [] })
        ]
      ) {
        assert.instanceOf(yield* Effect.flip(sts.assumeWithToken(nonsense)), InvalidIdentityTokenException, nonsense)
      }
      assert.strictEqual(yield* refusal(sts.assumeWithToken("opaque")), notAJwt.replace("Token:", "TokenException:"))
      for (const claim of ["iss", "sub", "aud", "exp", "iat"]) {
        const error = yield* Effect.flip(sts.assumeWithToken(yield* jwt({ [claim]: undefined })))
        assert.strictEqual(error.message, `Missing a required claim: ${claim}`)
      }
      yield* TestClock.adjust("599 seconds")
      yield* sts.assumeWithToken(token)
      yield* TestClock.adjust("1 second")
      const error = yield* Effect.flip(sts.assumeWithToken(token))
      assert.instanceOf(error, ExpiredTokenException)
      assert.match(
        error.message,
        /^Token expired: current date\/time \d+ must be before the expiration date\/time \d+$/
      )
    }).pipe(Effect.provide(world)))

  it.scoped("refuses policies that cannot be used", () =>
    Effect.gen(function*() {
      const sts = (yield* client)()
      const token = yield* jwt()
      const policy = (Policy: string) => Effect.flip(sts.assumeWithToken(token, { Policy }))
      assert.instanceOf(yield* policy("{"), MalformedPolicyDocumentException)
      const PolicyArns = [{ arn: `arn:aws:iam::aws:policy/${"x".repeat(512)}` }]
      const error = yield* Effect.flip(
        sts.assumeWithToken(token, { Policy: JSON.stringify({ Id: "x".repeat(1800) }), PolicyArns })
      )
      assert.instanceOf(error, PackedPolicyTooLargeException)
      assert.match(error.message, /consumes 115% of allotted space/)
    }).pipe(Effect.provide(world)))

  it.scoped("says in AWS's words what is out of bounds", () =>
    Effect.gen(function*() {
      const sts = (yield* client)()
      const token = yield* jwt()
      const refused = (input: Partial<AssumeRoleWithWebIdentityCommand["input"]>) =>
        refusal(sts.assumeWithToken(token, input))
      const one = "400 ValidationError: 1 validation error detected: Value"
      assert.strictEqual(
        yield* refused({ RoleSessionName: "x" }),
        `${one} 'x' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2`
      )
      assert.strictEqual(
        yield* refused({ RoleSessionName: "a b" }),
        `${one} 'a b' at 'roleSessionName' failed to satisfy constraint: ` +
          "Member must satisfy regular expression pattern: [\\w+=,.@-]*"
      )
      assert.strictEqual(
        yield* refused({ DurationSeconds: 899 }),
        `${one} '899' at 'durationSeconds' failed to satisfy constraint: ` +
          "Member must have value greater than or equal to 900"
      )
      assert.match(yield* refused({ DurationSeconds: 43201 }), /less than or equal to 43200$/)
      assert.match(yield* refused({ Policy: "x".repeat(2049) }), /'policy'.* less than or equal to 2048$/)
      assert.match(yield* refused({ PolicyArns: [{ arn: "short" }] }), /Value 'short' at 'policyArns\.1\.member\.arn'/)
      assert.match(
        yield* refused({ PolicyArns: Array.from({ length: 11 }, () => ({ arn: "arn:aws:iam::aws:policy/X" })) }),
        /at 'policyArns'.* less than or equal to 10$/
      )
      assert.match(yield* refused({ MinimumSessionTokenSize: 4097 }), /'minimumSessionTokenSize'/)
      assert.match(
        yield* refusal(sts.assumeWithToken("abc")),
        /Value '\*\*\*Sensitive\*\*\*' at 'webIdentityToken' .* 4$/
      )
      assert.strictEqual(
        yield* refused({ RoleSessionName: undefined, RoleArn: undefined }),
        "400 ValidationError: 2 validation errors detected: " +
          "Value null at 'roleArn' failed to satisfy constraint: Member must not be null; " +
          "Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null"
      )
      assert.strictEqual(
        yield* refused({ RoleArn: "arn:aws:iam::012345678901:user/me" }),
        "400 ValidationError: Request ARN is invalid"
      )
    }).pipe(Effect.provide(world)))
})

describe("AssumeRole", () => {
  it.scoped("goes from a key to a role, and from that role to another for an hour at most", () =>
    Effect.gen(function*() {
      const sts = yield* client
      assert.deepInclude(yield* sts(ci).whoAmI, {
        Account: "111122223333",
        Arn: ci.arn,
        UserId: "AIDAIOSFODNN7EXAMPLE"
      })
      const { AssumedRoleUser, Credentials, SourceIdentity } = yield* sts(ci).assume({
        DurationSeconds: 43200,
        SourceIdentity: "me",
        ExternalId: "their:id"
      })
      assert.strictEqual(SourceIdentity, "me")
      assert.strictEqual(AssumedRoleUser?.Arn, "arn:aws:sts::012345678901:assumed-role/deploy/build")
      const session = sts({
        accessKeyId: Credentials?.AccessKeyId,
        secretAccessKey: Credentials?.SecretAccessKey,
        sessionToken: Credentials?.SessionToken
      })
      yield* session.assume({ RoleSessionName: "next" })
      assert.match(yield* refusal(session.assume({ DurationSeconds: 3601 })), /^400 ValidationError: .* role chaining$/)
    }).pipe(Effect.provide(world)))

  it.scoped("is only for whom the role trusts, and only as long", () =>
    Effect.gen(function*() {
      const sts = yield* client
      const role = (name: string) => ({ RoleArn: `arn:aws:iam::012345678901:role/${name}` })
      yield* sts(ci).assume(role("of-account"))
      const { Credentials } = yield* sts(ci).assume(role("of-user"))
      const session = sts({
        accessKeyId: Credentials?.AccessKeyId,
        secretAccessKey: Credentials?.SecretAccessKey,
        sessionToken: Credentials?.SessionToken
      })
      yield* session.assume(role("of-role"))
      yield* sts().assumeWithToken(yield* jwt(), role("of-issuer"))
      yield* sts(ci).assume({ ...role("with-id"), ExternalId: "their:id" })

      for (const name of ["of-role", "of-issuer", "with-id", "unknown"]) {
        assert.strictEqual(
          yield* refusal(sts(ci).assume(role(name))),
          `403 AccessDenied: User: ${ci.arn} is not authorized to perform: sts:AssumeRole on resource: ${
            role(name).RoleArn
          }`
        )
      }
      assert.strictEqual(
        yield* refusal(sts().assumeWithToken(yield* jwt({ iss: "https://elsewhere.example" }), role("of-issuer"))),
        "403 AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"
      )
      assert.match(
        yield* refusal(sts(ci).assume({ ...role("of-user"), DurationSeconds: 7201 })),
        /^400 ValidationError: .* MaxSessionDuration set for this role/
      )
    }).pipe(Effect.provide(worldOf({
      roles: [
        ["of-account", "111122223333"],
        ["of-user", ci.arn],
        ["of-role", "arn:aws:iam::012345678901:role/of-user"],
        ["of-issuer", issuer]
      ].map(([name, trusted]): SecurityTokenService.Role => ({
        arn: `arn:aws:iam::012345678901:role/${name}`,
        trusts: [trusted ?? ""],
        maxSessionDuration: "2 hours"
      })).concat({ arn: "arn:aws:iam::012345678901:role/with-id", externalId: "their:id" })
    }))))
})

describe("AssumeRole with MFA", () => {
  const device = { SerialNumber: "arn:aws:iam::111122223333:mfa/ci", TokenCode: "123456" }
  const mfa = { serialNumber: device.SerialNumber, code: device.TokenCode }

  it.scoped("is for who has the device that the role asks for", () =>
    Effect.gen(function*() {
      const sts = (yield* client)(ci)
      yield* sts.assume(device)
      const unauthorized =
        `403 AccessDenied: User: ${ci.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`
      assert.strictEqual(yield* refusal(sts.assume()), unauthorized)
      assert.strictEqual(yield* refusal(sts.assume({ ...device, TokenCode: undefined })), unauthorized)
      assert.strictEqual(yield* refusal(sts.assume({ ...device, SerialNumber: undefined })), unauthorized)
      assert.strictEqual(
        yield* refusal(sts.assume({ ...device, TokenCode: "654321" })),
        "403 AccessDenied: MultiFactorAuthentication failed with invalid MFA one time pass code."
      )
      assert.match(
        yield* refusal(sts.assume({ ...device, SerialNumber: "arn:aws:iam::111122223333:mfa/other" })),
        /^403 AccessDenied: MultiFactorAuthentication failed, unable to validate MFA code\./
      )
      assert.strictEqual(
        yield* refusal(sts.assumeWithToken(yield* jwt())),
        "403 AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"
      )
    }).pipe(Effect.provide(worldOf({ roles: [{ arn: roleArn, mfa }] }))))

  it.scoped("asks nobody else for a code", () =>
    Effect.gen(function*() {
      const sts = (yield* client)(ci)
      yield* sts.assume(device)
      const refused = (input: Partial<AssumeRoleCommand["input"]>) => refusal(sts.assume(input))
      assert.match(yield* refused({ ...device, TokenCode: "12345" }), /'tokenCode'.* greater than or equal to 6$/)
      assert.match(yield* refused({ ...device, TokenCode: "1234567" }), /'tokenCode'.* less than or equal to 6$/)
      assert.match(yield* refused({ ...device, TokenCode: "12345a" }), /'tokenCode'.* pattern: \[\\d\]\*$/)
      assert.match(yield* refused({ ...device, SerialNumber: "12345678" }), /'serialNumber'.* greater .* 9$/)
      assert.match(yield* refused({ ...device, SerialNumber: "x".repeat(257) }), /'serialNumber'.* less .* 256$/)
      assert.match(yield* refused({ ...device, SerialNumber: "a device!" }), /'serialNumber'.* pattern/)
    }).pipe(Effect.provide(world)))
})

describe("AssumeRole with session tags", () => {
  it.scoped("takes what AWS takes, and counts it", () =>
    Effect.gen(function*() {
      const sts = (yield* client)(ci)
      const refused = (input: Partial<AssumeRoleCommand["input"]>) => refusal(sts.assume(input))
      const { PackedPolicySize } = yield* sts.assume({
        Tags: [{ Key: "project", Value: "x".repeat(256) }, { Key: "ré sumé", Value: "" }],
        TransitiveTagKeys: ["project"]
      })
      assert.strictEqual(PackedPolicySize, Math.ceil((7 + 256 + 7) * 100 / 2048))
      const one = "400 ValidationError: 1 validation error detected: Value"
      assert.strictEqual(
        yield* refused({ Tags: [{ Key: "a", Value: "b" }, { Key: "", Value: "b" }] }),
        `${one} '' at 'tags.2.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1`
      )
      assert.match(
        yield* refused({ Tags: [{ Key: "a", Value: "<" }] }),
        /Value '<' at 'tags\.1\.member\.value'.* pattern/
      )
      assert.match(yield* refused({ Tags: [{ Key: "x".repeat(129), Value: "" }] }), /'tags\.1\.member\.key'.* 128$/)
      assert.match(yield* refused({ Tags: [{ Key: "a", Value: "x".repeat(257) }] }), /member\.value'.* 256$/)
      assert.strictEqual(
        yield* refused({ Tags: [{ Key: "a", Value: undefined }] }),
        `${one} null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null`
      )
      const tags = Array.from({ length: 51 }, (_, index) => ({ Key: `k${index}`, Value: "" }))
      assert.match(yield* refused({ Tags: tags }), /at 'tags'.* less than or equal to 50$/)
      assert.match(yield* refused({ TransitiveTagKeys: tags.map(({ Key }) => Key) }), /at 'transitiveTagKeys'.* 50$/)
      assert.match(
        yield* refused({ TransitiveTagKeys: ["a", "x".repeat(129)] }),
        /Value 'x{129}' at 'transitiveTagKeys\.2\.member'.* 128$/
      )
      const session = JSON.stringify({ Id: "x".repeat(1900) })
      const error = yield* Effect.flip(sts.assume({ Policy: session, Tags: [{ Key: "a", Value: "x".repeat(256) }] }))
      assert.instanceOf(error, PackedPolicyTooLargeException)
    }).pipe(Effect.provide(world)))
})

it.scoped("an action that every object has is none of STS's", () =>
  Effect.gen(function*() {
    const url = yield* Emulator.serve
    const answer = yield* Effect.promise(async () => {
      const response = await fetch(url, {
        method: "POST",
        body: new URLSearchParams({ Action: "constructor", Version: "2011-06-15" })
      })
      return `${response.status} ${await response.text()}`
    })
    assert.match(answer, /^400 .*<Code>InvalidAction<\/Code><Message>Could not find operation constructor for/)
  }).pipe(Effect.provide(world)))

describe("a signed request", () => {
  it.scoped("may use the portal's role credentials until they expire", () =>
    Effect.gen(function*() {
      const sts = yield* client
      const center = yield* IdentityCenter.IdentityCenter
      const { accessToken } = yield* center.signIn
      const { roleCredentials } = yield* center.getRoleCredentials({
        accessToken,
        accountId: "111122223333",
        roleName: "Developer"
      })
      const { Arn } = yield* sts(roleCredentials).whoAmI
      assert.match(
        Arn ?? "",
        /^arn:aws:sts::111122223333:assumed-role\/AWSReservedSSO_Developer_[0-9a-f]{16}\/user@example\.com$/
      )
      yield* center.logout({ accessToken })
      yield* sts(roleCredentials).whoAmI
      yield* TestClock.adjust("4 minutes")
      assert.match(yield* refusal(sts(roleCredentials).whoAmI), /^403 ExpiredToken: /)
    }).pipe(Effect.provide(worldOf({ credentialsLifetime: "4 minutes" }))))

  it.scoped("is refused with a wrong secret, a wrong token or an unknown key", () =>
    Effect.gen(function*() {
      const sts = yield* client
      const { sts: model } = yield* IdentityCenter.IdentityCenter
      const issued = yield* model.issue({ roleArn, sessionName: "test" })
      yield* sts(issued).whoAmI
      const signature = "403 SignatureDoesNotMatch: The request signature we calculated does not match"
      const token = "403 InvalidClientTokenId: The security token included in the request is invalid."
      const { accessKeyId, secretAccessKey } = issued
      assert.include(yield* refusal(sts({ ...ci, secretAccessKey: "wrong" }).whoAmI), signature)
      assert.include(yield* refusal(sts({ ...issued, secretAccessKey: "wrong" }).assume()), signature)
      assert.strictEqual(yield* refusal(sts({ ...issued, sessionToken: "wrong" }).whoAmI), token)
      assert.strictEqual(yield* refusal(sts({ accessKeyId, secretAccessKey }).whoAmI), token)
      assert.strictEqual(yield* refusal(sts({ ...ci, sessionToken: "superfluous" }).whoAmI), token)
      assert.strictEqual(yield* refusal(sts({ ...ci, accessKeyId: "AKIAUNKNOWN" }).whoAmI), token)
    }).pipe(Effect.provide(world)))

  it.scoped("counts for five minutes before and after it was signed", () =>
    Effect.gen(function*() {
      const sts = yield* client
      const at = (offset: number) =>
        Effect.zipRight(Effect.suspend(() => TestClock.setTime(Date.now() + offset)), sts(ci).whoAmI)
      yield* at(240_000)
      yield* at(-240_000)
      assert.match(
        yield* refusal(at(330_000)),
        /^403 SignatureDoesNotMatch: Signature expired: (\w{16}) is now earlier than \w{16} \(\w{16} - 5 min\.\)$/
      )
      assert.match(
        yield* refusal(at(-330_000)),
        /^403 SignatureDoesNotMatch: Signature not yet current: \w{16} is still later than \w{16} \(\w{16} \+ 5 min\.\)$/
      )
    }).pipe(Effect.provide(world)))

  it.scoped("is signed again by the date of the answer, where a client corrects its clock", () =>
    Effect.gen(function*() {
      const sts = clientOf(yield* Emulator.serve, 2)
      const center = yield* IdentityCenter.IdentityCenter
      yield* TestClock.adjust("1 hour")
      yield* sts(ci).whoAmI
      assert.deepStrictEqual(yield* center.calls, ["getCallerIdentity", "getCallerIdentity"])
    }).pipe(Effect.provide(world)))
})

describe("a fault", () => {
  it.scoped("is answered as STS does, and recognised by AWS's client", () =>
    Effect.gen(function*() {
      const sts = (yield* client)()
      const center = yield* IdentityCenter.IdentityCenter
      const token = yield* jwt()
      for (
        const [name, status, type] of [
          ["IDPCommunicationError", 400, IDPCommunicationErrorException],
          ["IDPRejectedClaim", 403, IDPRejectedClaimException],
          ["RegionDisabledException", 403, RegionDisabledException],
          ["ExpiredTokenException", 400, ExpiredTokenException],
          ["InvalidIdentityToken", 400, InvalidIdentityTokenException],
          ["MalformedPolicyDocument", 400, MalformedPolicyDocumentException],
          ["PackedPolicyTooLarge", 400, PackedPolicyTooLargeException]
        ] as const
      ) {
        yield* center.fail("assumeRoleWithWebIdentity", name)
        const error = yield* Effect.flip(sts.assumeWithToken(token))
        assert.instanceOf<STSServiceException>(error, type)
        assert.strictEqual(error.$metadata.httpStatusCode, status)
        assert.strictEqual(error.message, `${name}, as the test asked`)
      }
      yield* center.fail("assumeRoleWithWebIdentity", {
        name: "InvalidIdentityToken",
        description: "Couldn't <retrieve> verification key & more"
      })
      const error = yield* Effect.flip(sts.assumeWithToken(token))
      assert.strictEqual(error.message, "Couldn't <retrieve> verification key & more")
      yield* center.fail("assumeRoleWithWebIdentity", "ThrottlingException")
      assert.deepInclude(yield* Effect.flip(sts.assumeWithToken(token)), { name: "ThrottlingException" })
      yield* center.fail("assumeRoleWithWebIdentity", "ServiceUnavailable")
      assert.deepInclude(yield* Effect.flip(sts.assumeWithToken(token)), { $fault: "server" })
    }).pipe(Effect.provide(world)))
})
