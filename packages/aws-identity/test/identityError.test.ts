import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Cause, Effect, FastCheck as fc, Inspectable, Logger, Schema, SchemaAST } from "effect"
import { CredentialsProvider, IdentityError, IdentityErrorSchema } from "effect-aws-identity"
import { TestIdentity } from "effect-aws-identity-testing"
import { withOrigin } from "../src/internal/origin.js"

// Every error class, with fields of arbitrary content.

const { members } = IdentityErrorSchema.IdentityErrorSchema

const classes = members.map((schema) => {
  const [tag] = schema.from.fields._tag.literals
  const errors = Arbitrary.make(Schema.make<unknown>(schema.from.ast)).map(
    Schema.decodeUnknownSync(IdentityErrorSchema.IdentityErrorSchema)
  )
  return [tag, errors] as const
})

describe("errors as JSON", () => {
  it("are tested for every exported error class", () => {
    const exported = Object.entries<unknown>({ ...IdentityError }).flatMap(([name, value]) =>
      typeof value === "function" && value.prototype instanceof Error ? [name] : []
    )
    assert.isAtLeast(exported.length, 27)
    assert.sameMembers<string>(classes.map(([tag]) => tag), exported)
  })

  it.each(classes)("%s keeps its message, tag and fields in JSON, copies and JSON loggers", (tag, errors) => {
    fc.assert(
      fc.property(errors, (error) => {
        const { message } = error
        const expected = JSON.parse(JSON.stringify({ ...error, _tag: tag, message }))
        assert.isNotEmpty(message)
        for (
          const text of [
            JSON.stringify(error),
            // The usual code for errors without `toJSON`.
            JSON.stringify(error, ["_tag", ...Object.getOwnPropertyNames(error), ...namesWithin(error)]),
            JSON.stringify(Inspectable.toJSON(error))
          ]
        ) {
          assert.deepEqual(JSON.parse(text), expected)
        }
        assert.strictEqual(structuredClone<Error>(error).message, message)
        assert.notInclude(Object.keys(error), "message")
        assert.deepEqual(JSON.parse(JSON.stringify(Cause.fail(error))).error, expected)
      }),
      { numRuns: 50 }
    )
  })

  it.each(classes)("%s is equal after encoding and decoding", (_, errors) => {
    const AnyError = IdentityErrorSchema.IdentityErrorSchema
    fc.assert(
      fc.property(errors, (error) => {
        // JSON has neither NaN nor Infinity.
        fc.pre(Object.values(error).every((field) => typeof field !== "number" || Number.isFinite(field)))
        const encoded: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(AnyError)(error)))
        assert.notProperty(encoded, "message")
        const decoded = Schema.decodeUnknownSync(AnyError)(encoded)
        assert.strictEqual(decoded.constructor, error.constructor)
        assert.strictEqual(decoded.message, error.message)
        assert.deepEqual(JSON.parse(JSON.stringify(decoded)), JSON.parse(JSON.stringify(error)))
        // The JSON of an error is one of its encodings.
        assert.strictEqual(Schema.decodeUnknownSync(AnyError)(JSON.parse(JSON.stringify(error))).message, error.message)
      }),
      { numRuns: 50 }
    )
  })

  it.effect("keep their message in Effect's JSON and structured loggers, logged as message or annotation", () =>
    Effect.gen(function*() {
      const error = new IdentityError.LoginDenied({ session: "corp" })
      type Written = { readonly message: string; readonly _tag: string }
      const lines: Array<{ readonly message: Written; readonly annotations: { readonly error: Written } }> = []
      const json = Logger.map(Logger.jsonLogger, (line) => lines.push(JSON.parse(line)))
      const structured = Logger.map(Logger.structuredLogger, (line) => lines.push(JSON.parse(JSON.stringify(line))))
      for (const logger of [json, structured]) {
        yield* Effect.logError(error).pipe(
          Effect.annotateLogs({ error }),
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
      }
      assert.lengthOf(lines, 2)
      for (const line of lines) {
        for (const written of [line.message, line.annotations.error]) {
          assert.strictEqual(written.message, error.message)
          assert.strictEqual(written._tag, "LoginDenied")
        }
      }
    }))

  it("keep the origin as a field, and its file and line in the message", () => {
    const error = withOrigin({ profile: "dev", location: "config:1" })(
      new IdentityError.RoleNotAssigned({ accountId: "111122223333", roleName: "Admin" })
    )
    const { message, origin } = JSON.parse(JSON.stringify(error))
    assert.deepEqual(origin, { profile: "dev", location: "config:1" })
    assert.include(message, "(profile \"dev\", config:1)")
  })
})

describe("the fields of an error", () => {
  it("have a closed union of literals as reason, so that a switch can be exhaustive", () => {
    const withReason = members.map(({ from }) => from).filter((struct) => "reason" in struct.fields)
    assert.deepStrictEqual(withReason.map(({ fields }): string => fields._tag.literals[0]), [
      "SsoLoginRequired",
      "CredentialsUnavailable"
    ])
    for (const { fields } of withReason) {
      const reason: unknown = Object.entries<unknown>(fields).find(([name]) => name === "reason")?.[1]
      assert.isTrue(
        Schema.isSchema(reason) && reason.ast._tag === "Union" && reason.ast.types.every(SchemaAST.isLiteral)
      )
    }
  })

  it("name the source of a missing web identity token, the file of a corrupt token, and what to do", () => {
    assert.strictEqual(
      new IdentityError.CredentialsUnavailable({
        source: "GitHub Actions",
        reason: "Missing",
        problem: "ACTIONS_ID_TOKEN_REQUEST_URL is not set",
        remedy: "Give the job \"id-token: write\"."
      }).message,
      "No credentials from GitHub Actions: ACTIONS_ID_TOKEN_REQUEST_URL is not set. Give the job \"id-token: write\"."
    )
    assert.strictEqual(
      new IdentityError.SsoLoginRequired({
        reason: "CorruptFile",
        session: "corp",
        startUrl: "https://example.awsapps.com/start",
        region: "eu-west-1",
        path: "/home/me/.aws/sso/cache/a.json",
        detail: "it is empty",
        command: "aws sso login --sso-session corp",
        origin: { profile: "dev", location: "config:1" }
      }).message,
      "SSO session \"corp\" has a token file that cannot be used: it is empty [/home/me/.aws/sso/cache/a.json] " +
        "(profile \"dev\", config:1). Run \"aws sso login --sso-session corp\", or sign in with SsoLogin.device."
    )
  })
})

describe("the kind of an IdentityError", () => {
  const kinds = ["NotConfigured", "InvalidConfig", "LoginRequired", "AccessDenied", "Unavailable", "InvalidAnswer"]

  it.each(classes)("%s has one of the six kinds, and isIdentityError returns true for it", (_, errors) => {
    fc.assert(
      fc.property(errors, (error) => {
        assert.include(kinds, error.kind)
        assert.isTrue(IdentityError.isIdentityError(error))
        if (IdentityError.isRetryable(error)) assert.strictEqual(error.kind, "Unavailable")
        assert.notProperty(JSON.parse(JSON.stringify(error)), "kind")
      }),
      { numRuns: 50 }
    )
  })

  it("is not given to other values: isIdentityError returns false for them", () => {
    for (const value of [undefined, null, "NotConfigured", new Error("no"), { _tag: "NotConfigured" }]) {
      assert.isFalse(IdentityError.isIdentityError(value))
    }
  })

  const call = { service: "STS", operation: "assumeRole" }
  it.each<readonly [string, IdentityError.Kind, boolean, IdentityError.AnyError]>([
    [
      "a server fault",
      "Unavailable",
      true,
      new IdentityError.ServiceError({ ...call, code: "InternalFailure", status: 500 })
    ],
    ["throttling", "Unavailable", true, new IdentityError.ServiceError({ ...call, code: "Throttling", status: 400 })],
    ["a bad request", "InvalidConfig", false, new IdentityError.ServiceError({ ...call, code: "Bad", status: 400 })],
    ["a refusal", "AccessDenied", false, new IdentityError.ServiceError({ ...call, code: "Bad", status: 403 })],
    [
      "a store that cannot be reached",
      "Unavailable",
      true,
      new IdentityError.StoreError({ store: "Redis", operation: "read", code: "ECONNREFUSED" })
    ],
    [
      "a refused connection",
      "Unavailable",
      true,
      new IdentityError.ServiceUnreachable({ ...call, endpoint: "https://sts", code: "ECONNREFUSED" })
    ],
    [
      "a certificate that is not trusted",
      "Unavailable",
      false,
      new IdentityError.ServiceUnreachable({ ...call, endpoint: "https://sts", code: "CERT_HAS_EXPIRED" })
    ],
    [
      "a source that does not answer",
      "Unavailable",
      true,
      new IdentityError.CredentialsUnavailable({ source: "a", reason: "Unreachable", problem: "b", remedy: "c" })
    ],
    [
      "a source that refuses",
      "AccessDenied",
      false,
      new IdentityError.CredentialsUnavailable({ source: "a", reason: "Refused", problem: "b", remedy: "c" })
    ],
    ["a refused sign-in", "AccessDenied", false, new IdentityError.LoginDenied({ session: "corp" })]
  ])("of %s is %s", (_, kind, isRetryable, error) => {
    assert.strictEqual(error.kind, kind)
    assert.strictEqual(IdentityError.isRetryable(error), isRetryable)
  })

  it.effect("selects the errors that catchKind handles", () =>
    Effect.gen(function*() {
      const get = Effect.flatMap(CredentialsProvider.CredentialsProvider, (provider) => provider.get)
      const caught = IdentityError.catchKind(get, "LoginRequired", (error) => Effect.succeed(error._tag))
      assert.strictEqual(yield* caught, "SsoLoginRequired")
      const other = yield* Effect.flip(get.pipe(IdentityError.catchKind("AccessDenied", () => Effect.void)))
      assert.strictEqual(other._tag, "SsoLoginRequired")
      const foreign = yield* Effect.flip(
        IdentityError.catchKind(Effect.fail("of the application"), "NotConfigured", () => Effect.void)
      )
      assert.strictEqual(foreign, "of the application")
    }).pipe(Effect.provide(TestIdentity.layer({ signedIn: false }))))
})

const namesWithin = (value: unknown): ReadonlyArray<string> =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([name, item]) => [name, ...namesWithin(item)])
    : []

describe("the remedy in the message of an AWS error", () => {
  const rows: ReadonlyArray<readonly [keyof typeof IdentityError, string, string, string, string]> = [
    ["ServiceError", "assumeRole", "Throttling", "Rate exceeded", "wait a moment"],
    ["ServiceError", "assumeRole", "ThrottlingException", "Rate exceeded", "wait a moment"],
    ["ServiceError", "assumeRole", "RequestLimitExceeded", "", "wait a moment"],
    [
      "ServiceError",
      "assumeRole",
      "InvalidClientTokenId",
      "The security token included in the request is invalid.",
      "opt-in"
    ],
    ["ServiceError", "getCallerIdentity", "InvalidClientTokenId", "", "AWS_SESSION_TOKEN"],
    ["ServiceError", "assumeRole", "InvalidClientTokenId", "", "deleted"],
    ["ServiceError", "assumeRole", "SignatureDoesNotMatch", "The request signature we calculated", "secret key is not"],
    [
      "ServiceError",
      "assumeRole",
      "SignatureDoesNotMatch",
      "Signature expired: 20260101T000000Z is now earlier",
      "clock"
    ],
    ["ServiceError", "assumeRole", "SignatureDoesNotMatch", "Signature not yet current: 2026", "clock"],
    [
      "AccessDeniedException",
      "assumeRole",
      "AccessDenied",
      "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
      "next code"
    ],
    [
      "AccessDeniedException",
      "assumeRole",
      "AccessDenied",
      "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid",
      "Check mfa_serial"
    ],
    [
      "AccessDeniedException",
      "assumeRole",
      "AccessDenied",
      "not authorized to perform: sts:AssumeRole",
      "trust policy"
    ],
    [
      "AccessDeniedException",
      "assumeRole",
      "AccessDenied",
      "not authorized to perform: sts:TagSession on",
      "sts:TagSession"
    ],
    ["AccessDeniedException", "assumeRole", "AccessDenied", "with an explicit deny in a service control policy", "SCP"],
    ["AccessDeniedException", "assumeRoleWithWebIdentity", "AccessDenied", "Not authorized to perform", "subject"],
    ["AccessDeniedException", "createToken", "AccessDeniedException", "", "who may do this"],
    [
      "ServiceError",
      "assumeRole",
      "ValidationError",
      "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
      "one hour"
    ],
    [
      "ServiceError",
      "assumeRoleWithWebIdentity",
      "ValidationError",
      "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
      "maximum session duration"
    ],
    ["ServiceError", "assumeRole", "MalformedPolicyDocument", "This policy contains invalid Json", "session policy"],
    ["ServiceError", "assumeRole", "PackedPolicyTooLarge", "Packed size of policies", "Shorten"],
    ["RegionDisabledException", "assumeRole", "RegionDisabledException", "STS is not activated", "Activate STS"],
    [
      "InvalidIdentityTokenException",
      "assumeRoleWithWebIdentity",
      "InvalidIdentityToken",
      "No OpenIDConnect provider found in your account for https://token.actions.githubusercontent.com",
      "Create one there"
    ],
    [
      "InvalidIdentityTokenException",
      "assumeRoleWithWebIdentity",
      "InvalidIdentityToken",
      "Incorrect token audience",
      "client ids"
    ],
    [
      "InvalidIdentityTokenException",
      "assumeRoleWithWebIdentity",
      "InvalidIdentityToken",
      "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation",
      "reachable"
    ],
    [
      "InvalidIdentityTokenException",
      "assumeRoleWithWebIdentity",
      "InvalidIdentityToken",
      "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
      "thumbprint"
    ],
    ["InvalidIdentityTokenException", "assumeRoleWithWebIdentity", "InvalidIdentityToken", "", "OIDC provider"],
    ["ServiceError", "assumeRole", "Unheard", "", "Check the settings"]
  ]

  it.each(rows)("fits the cause of %s of %s with %s: %s", (tag, operation, code, description, says) => {
    const fields = { service: "STS", operation, code, status: 400, description }
    const errors = {
      ServiceError: IdentityError.ServiceError,
      AccessDeniedException: IdentityError.AccessDeniedException,
      RegionDisabledException: IdentityError.RegionDisabledException,
      InvalidIdentityTokenException: IdentityError.InvalidIdentityTokenException
    }
    const Class = Object.entries(errors).find(([name]) => name === tag)?.[1] ?? IdentityError.ServiceError
    assert.include(new Class(fields).message, says)
  })

  it("tells to try again for a 5xx answer without a specific remedy", () => {
    const error = new IdentityError.ServiceError({ service: "STS", operation: "x", code: "Unknown", status: 503 })
    assert.include(error.message, "health.aws.amazon.com")
  })
})
