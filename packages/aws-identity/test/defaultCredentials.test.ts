import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, FastCheck as fc, Fiber, Layer, Option, Redacted, TestClock } from "effect"
import {
  AccountId,
  AllowedAccounts,
  AssumeRoleCredentials,
  Credentials,
  CredentialsProvider,
  DefaultCredentials,
  EnvironmentCredentials,
  IdentityError,
  ProfileCredentials
} from "effect-aws-identity"
import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import { peek, withPeek } from "../src/internal/peek.js"
import {
  account,
  arnOfUser,
  discreetly,
  get,
  identity,
  keyLines,
  keyOf,
  keyVariables,
  lineOf,
  Machine,
  on,
  openIdProvider,
  otherAccount,
  ownerOf,
  settled,
  type Setup,
  ssoArn,
  ssoLines,
  ssoSession,
  tokenPath,
  webArn,
  webRole
} from "./chainWorld.js"

// Runs on `TestClock` and a machine in memory, whose STS verifies signatures, tokens and trust policies.

const metadata = "http://169.254.169.254/latest"

/** The places of the default chain, in its documented order. */
const places = ["environment", "web identity", "profile", "container", "instance"] as const

type Place = typeof places[number]

interface At {
  readonly good: Setup
  readonly arn: string
  readonly broken: Setup
  readonly tag: IdentityError.IdentityError["_tag"]
  /** The requests of the provider when it is configured, broken, and not configured. */
  readonly calls: readonly [good: ReadonlyArray<string>, broken: ReadonlyArray<string>, none: ReadonlyArray<string>]
}

const webVariables = {
  AWS_WEB_IDENTITY_TOKEN_FILE: tokenPath,
  AWS_ROLE_ARN: webRole,
  AWS_ROLE_SESSION_NAME: "pod"
}

const at: Readonly<Record<Place, At>> = {
  environment: {
    good: { environment: keyVariables("environment") },
    arn: arnOfUser("environment"),
    broken: { environment: { AWS_SECRET_ACCESS_KEY: keyOf("environment").secretAccessKey } },
    tag: "CredentialsUnavailable",
    calls: [[], [], []]
  },
  "web identity": {
    good: { environment: webVariables },
    arn: webArn,
    broken: { environment: { ...webVariables, AWS_ROLE_ARN: "arn:aws:iam::111122223333:role/no-such" } },
    tag: "AccessDeniedException",
    calls: [["AssumeRoleWithWebIdentity web"], ["AssumeRoleWithWebIdentity no-such"], []]
  },
  profile: {
    good: { config: `[default]\n${keyLines("default")}` },
    arn: arnOfUser("default"),
    broken: { config: "[default]\naws_access_key_id = AKIDEXAMPLE\n" },
    tag: "InvalidConfig",
    calls: [[], [], []]
  },
  container: {
    good: { environment: { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/role" } },
    arn: arnOfUser("container"),
    broken: { environment: { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/role" }, agentStatus: 403 },
    tag: "CredentialsUnavailable",
    calls: [["GET http://169.254.170.2/role"], ["GET http://169.254.170.2/role"], []]
  },
  instance: {
    good: { instance: true },
    arn: arnOfUser("instance"),
    broken: { environment: { AWS_EC2_METADATA_SERVICE_ENDPOINT: "ftp://somewhere" } },
    tag: "CredentialsUnavailable",
    calls: [
      [
        `PUT ${metadata}/api/token`,
        `GET ${metadata}/meta-data/iam/security-credentials/`,
        `GET ${metadata}/meta-data/iam/security-credentials/machine`
      ],
      [],
      [`PUT ${metadata}/api/token`]
    ]
  }
}

const roles = [{ arn: webRole, trusts: [{ issuer: openIdProvider.issuer, StringEquals: { sub: "pod" } }] }]

/** Merges setups into one machine. */
const together = (...setups: ReadonlyArray<Setup>): Setup => ({
  ...Object.assign({}, ...setups),
  roles,
  environment: Object.assign({}, ...setups.map(({ environment }) => environment))
})

const from = (place: Place) => places.slice(places.indexOf(place))

const lines = Effect.map(Machine, ({ calls }) => calls.map(lineOf))

// ---------------------------------------------------------------------------------------------------------------

describe("the default chain", () => {
  for (const [index, place] of places.entries()) {
    it.effect(`uses the ${place} if no earlier place is configured, whatever the later places have`, () =>
      Effect.gen(function*() {
        const behind = places.slice(index + 1)
        const combinations = behind.reduce<ReadonlyArray<ReadonlyArray<"none" | "good" | "broken">>>(
          (all, _) => all.flatMap((one) => [[...one, "none"], [...one, "good"]]),
          [[]]
        )
        for (const state of ["good", "broken"] as const) {
          for (const combination of [...combinations, behind.map(() => "broken" as const)]) {
            const setup = together(
              at[place][state],
              ...behind.map((name, index) => {
                const its = combination[index] ?? "none"
                return its === "none" ? {} : at[name][its]
              })
            )
            const label = `${place} ${state}, behind it ${combination.join(", ")}`
            yield* Effect.gen(function*() {
              const result = yield* Effect.either(settled(get))
              assert.deepStrictEqual(
                yield* lines,
                [
                  ...places.slice(0, index).flatMap((name) => at[name].calls[2]),
                  ...at[place].calls[state === "good" ? 0 : 1]
                ],
                label
              )
              if (Either.isLeft(result)) {
                assert.deepStrictEqual([state, result.left._tag], ["broken", at[place].tag], label)
              } else {
                assert.deepStrictEqual([state, yield* ownerOf(result.right)], ["good", at[place].arn], label)
              }
            }).pipe(Effect.provide(identity()), on(setup))
          }
        }
      }))
  }

  /** What can be wrong at a place, beside what the list above has. */
  const wrong: ReadonlyArray<readonly [Place, string, Setup, IdentityError.IdentityError["_tag"], string]> = [
    [
      "environment",
      "only a key id",
      { environment: { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "" } },
      "CredentialsUnavailable",
      "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not"
    ],
    [
      "environment",
      "keys that have expired",
      { environment: { ...keyVariables("environment"), AWS_CREDENTIAL_EXPIRATION: "1969-01-01T00:00:00Z" } },
      "CredentialsUnavailable",
      "is past"
    ],
    [
      "environment",
      "keys with an expiration that is not a time",
      { environment: { ...keyVariables("environment"), AWS_CREDENTIAL_EXPIRATION: "soon" } },
      "CredentialsUnavailable",
      "not an RFC 3339 time"
    ],
    [
      "web identity",
      "no role",
      { environment: { ...webVariables, AWS_ROLE_ARN: "" } },
      "CredentialsUnavailable",
      "AWS_ROLE_ARN is not"
    ],
    [
      "web identity",
      "no token",
      { environment: { ...webVariables, AWS_WEB_IDENTITY_TOKEN_FILE: "/no/token" } },
      "CredentialsUnavailable",
      "/no/token"
    ],
    [
      "web identity",
      "a role ARN that is not an ARN",
      { environment: { ...webVariables, AWS_ROLE_ARN: "web" } },
      "CredentialsUnavailable",
      "AWS_ROLE_ARN"
    ],
    ["profile", "not the one of AWS_PROFILE", { environment: { AWS_PROFILE: "dev" } }, "ProfileNotFound", "\"dev\""],
    ["profile", "a file that cannot be read", { config: "[default\n" }, "InvalidConfig", "config:1"],
    [
      "profile",
      "nobody signed in",
      { config: `[default]\n${ssoLines.replace("corp", "b")}${ssoSession.replace("corp", "b")}` },
      "SsoLoginRequired",
      "aws sso login --sso-session b"
    ],
    [
      "profile",
      "a role that is not assigned",
      { config: `[default]\n${ssoLines.replace("Developer", "Admin")}${ssoSession}` },
      "RoleNotAssigned",
      "\"Admin\""
    ],
    [
      "profile",
      "a source that gives nothing",
      { config: "[default]\nrole_arn = arn:aws:iam::111122223333:role/a\nsource_profile = b\n[profile b]\n" },
      "InvalidConfig",
      "profile \"default\" takes its own from it"
    ],
    [
      "profile",
      "an environment that has no keys",
      { config: "[default]\nrole_arn = arn:aws:iam::111122223333:role/a\ncredential_source = Environment\n" },
      "CredentialsUnavailable",
      "credential_source Environment"
    ],
    [
      "profile",
      "a role that does not trust",
      {
        config: `[default]\nrole_arn = arn:aws:iam::111122223333:role/a\nsource_profile = default\n${
          keyLines("default")
        }`
      },
      "AccessDeniedException",
      "(profile \"default\", config:1)"
    ],
    [
      "profile",
      "a program that fails",
      { config: "[default]\ncredential_process = give-nothing\n" },
      "CredentialsUnavailable",
      "not signed in"
    ],
    ["profile", "a console login", { config: "[default]\nlogin_session = me\n" }, "InvalidConfig", "login_session"],
    [
      "profile",
      "a token alone",
      { config: `[default]\nsso_session = corp\n${ssoSession}` },
      "InvalidConfig",
      "a token"
    ],
    [
      "container",
      "a server that must not be asked",
      {
        environment: {
          AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "",
          AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://example.com/role"
        }
      },
      "CredentialsUnavailable",
      "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    ],
    [
      "container",
      "a server that is down",
      { agentStatus: 500 },
      "CredentialsUnavailable",
      "http://169.254.170.2"
    ],
    [
      "instance",
      "an unknown mode",
      { environment: { AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: "IPv5" } },
      "CredentialsUnavailable",
      "it is neither IPv4 nor IPv6"
    ]
  ]
  for (const [place, name, setup, tag, says] of wrong) {
    it.effect(`stops at the ${place} with ${name}: ${tag}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(discreetly(Effect.provide(get, identity())))
        assert.strictEqual(error._tag, tag)
        assert.include(error.message, says)
        const behind = from(place).slice(1).flatMap((name) => at[name].calls[0])
        for (const line of yield* lines) assert.notInclude(behind, line)
      }).pipe(on(together(...from(place).map((name) => at[name].good), setup))))
  }

  it.effect("lists what each place lacks when no place is configured, without a wait", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.provide(get, identity()))
      assert.strictEqual(error._tag, "NotConfigured")
      assert.strictEqual(
        error.message,
        "No credentials are configured:\n" +
          "  - Environment: Neither AWS_ACCESS_KEY_ID nor AWS_SECRET_ACCESS_KEY is set.\n" +
          "  - Web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set.\n" +
          "  - Profile: No profile \"default\" in config (no such file) or credentials (no such file). " +
          "Profiles found there: none.\n" +
          "  - Container: Neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set.\n" +
          "  - EC2 instance metadata: There is no instance metadata service at http://169.254.169.254: " +
          "it cannot be reached (ECONNREFUSED).\n" +
          "Configure one of these; on your own machine, run \"aws configure sso\"."
      )
      assert.deepStrictEqual(yield* lines, [`PUT ${metadata}/api/token`])
      assert.strictEqual(yield* TestClock.currentTimeMillis, 0)
    }).pipe(on({})))

  it.effect("lists what a profile without credentials lacks beside the other places", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(discreetly(Effect.provide(get, identity())))
      assert.include(error.message, "\n  - Profile: Profile \"dev\" (config:1) has no credentials: no role_arn")
      assert.include(error.message, "\n  - EC2 instance metadata: AWS_EC2_METADATA_DISABLED is set.\n")
      assert.deepStrictEqual(yield* lines, [])
    }).pipe(on({
      config: "[profile dev]\nregion = eu-west-1\n",
      environment: { AWS_PROFILE: "dev", AWS_EC2_METADATA_DISABLED: "true" }
    })))

  for (const place of places) {
    it.effect(`stays with the ${place} after it has given credentials once`, () =>
      Effect.gen(function*() {
        const { variables, write } = yield* Machine
        const provider = yield* CredentialsProvider.CredentialsProvider
        const before = yield* settled(provider.get)
        assert.strictEqual(yield* ownerOf(before), at[place].arn)
        // From now on, all other places have credentials, and this place has none.
        const others = places.filter((name) => name !== place).map((name) => at[name].good)
        for (const name of Object.keys(at[place].good.environment ?? {})) variables.delete(name)
        for (const [name, value] of Object.entries(together(...others).environment ?? {})) variables.set(name, value)
        write("config", place === "profile" ? undefined : at.profile.good.config)
        if (place === "instance") variables.set("AWS_EC2_METADATA_DISABLED", "true")
        yield* provider.invalidate(before)
        for (const attempt of [1, 2]) {
          const error = yield* Effect.flip(discreetly(provider.get))
          assert.strictEqual(error._tag, "CredentialsUnavailable", `attempt ${attempt}`)
          assert.include(error.message, "it gave credentials before, and now: ")
          assert.include(error.message, "To use others from now on, start this program again.")
        }
        // It gives credentials again as soon as the pause after the failure is over.
        yield* TestClock.adjust("5 seconds")
        for (const [name, value] of Object.entries(at[place].good.environment ?? {})) variables.set(name, value)
        variables.delete("AWS_EC2_METADATA_DISABLED")
        write("config", at.profile.good.config)
        assert.strictEqual(yield* ownerOf(yield* settled(provider.get)), at[place].arn)
      }).pipe(Effect.provide(identity()), on(together(at[place].good, { instance: true }))))
  }

  it.effect("names the provider that gave credentials before, and its remedy, when that provider has none", () =>
    Effect.gen(function*() {
      const { variables } = yield* Machine
      const provider = yield* CredentialsProvider.CredentialsProvider
      yield* provider.invalidate(yield* provider.get)
      variables.delete("AWS_ACCESS_KEY_ID")
      variables.delete("AWS_SECRET_ACCESS_KEY")
      const error = yield* Effect.flip(provider.get)
      assert.strictEqual(
        error.message,
        "No credentials from Environment: it gave credentials before, and now: Neither AWS_ACCESS_KEY_ID nor " +
          "AWS_SECRET_ACCESS_KEY is set. Set both, and AWS_SESSION_TOKEN with temporary credentials. To use others " +
          "from now on, start this program again."
      )
    }).pipe(Effect.provide(identity()), on(together(at.environment.good, at.profile.good))))
})

describe("a chain with a profile", () => {
  const everywhere = together(...places.map((place) => at[place].good))
  const chosen = (config: string): Setup => ({ ...everywhere, config: `${everywhere.config}${config}` })

  const rows: ReadonlyArray<readonly [string, string, string]> = [
    ["that is not there", "", "ProfileNotFound"],
    ["that has nothing", "[profile dev]\n", "NotConfigured"],
    ["that is broken", "[profile dev]\naws_access_key_id = AKIDEXAMPLE\n", "InvalidConfig"],
    ["that has keys", `[profile dev]\n${keyLines("static")}`, arnOfUser("static")],
    ["that signs in", `[profile dev]\n${ssoLines}${ssoSession}`, ssoArn]
  ]
  for (const [name, config, expected] of rows) {
    it.effect(`${name}, chosen in code, never uses another identity: ${expected}`, () =>
      Effect.gen(function*() {
        const outcome = yield* Effect.matchEffect(discreetly(get), {
          onFailure: (error) => Effect.succeed<string>(error._tag),
          onSuccess: ownerOf
        })
        assert.strictEqual(outcome, expected)
      }).pipe(Effect.provide(identity({ profile: "dev" })), on(chosen(config))))
  }

  it.effect("that AWS_PROFILE names uses keys in the environment before the profile", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* ownerOf(yield* get), arnOfUser("environment"))
    }).pipe(
      Effect.provide(identity()),
      on(together({ ...chosen(`[profile dev]\n${keyLines("static")}`) }, { environment: { AWS_PROFILE: "dev" } }))
    ))

  it.effect("that AWS_PROFILE names uses this profile instead of the default", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* ownerOf(yield* get), arnOfUser("static"))
    }).pipe(
      Effect.provide(identity()),
      on({ ...at.profile.good, credentials: `[dev]\n${keyLines("static")}`, environment: { AWS_PROFILE: "dev" } })
    ))

  const indentedKeys = keyLines("static").split("\n").filter((line) => line !== "")
  it.effect.each(["  ", "\t", "    ", "\u00a0\u00a0", "\u3000"])(
    "that AWS_PROFILE names uses the profile and not the machine's role when all its keys are indented by %j",
    (indent) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* ownerOf(yield* get), arnOfUser("static"))
      }).pipe(
        Effect.provide(identity()),
        on({
          ...at.instance.good,
          config: ["[profile dev]", "region = eu-west-1", "# keys", "[profile dev]", ...indentedKeys]
            .map((line) => indentedKeys.includes(line) ? indent + line : line).join("\n"),
          environment: { AWS_PROFILE: "dev" }
        })
      )
  )

  it.effect.each([
    "sso_acount_id = 111122223333",
    "sso-account-id = 111122223333",
    "sso_account_id =",
    "aws_session_token = x",
    "export AWS_ACCESS_KEY_ID = x",
    "role_arn: x",
    "region = us-east-1\n  sso_account_id = 111122223333",
    "output = json\n  role_arn = x",
    "k = x\n  role_arn = x",
    "k = x\n  \"role_arn\" = x",
    "k = x\n  sso_acount_id = x",
    "aws_access_key_id = AKIA\n  B",
    "k = x\rrole_arn = x",
    "k = x\u2028role_arn = x",
    "# comment\rrole_arn = x",
    "k = x # comment\rrole_arn = x",
    "aws_acces_keyy_id = x",
    "sso_acct_id = x",
    "soruce_profle = x",
    "credential_proc = x",
    "secret = x",
    "iam_role = x",
    "sso_permission_set = x",
    "account_id = 111122223333",
    "r\u043el\u0435_arn = x",
    "\uff52\uff4f\uff4c\uff45\uff3f\uff41\uff52\uff4e = x"
  ])(
    "that AWS_PROFILE names fails instead of using the machine's role when the profile has the line: %s",
    (line) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(discreetly(Effect.provide(get, identity())))
        assert.strictEqual(error._tag, "InvalidConfig")
        assert.match(error.message, /^config:[34]:/)
      }).pipe(on({
        ...at.instance.good,
        config: `[profile dev]\nsdk_ua_app_id = x\n${line}\n`,
        environment: { AWS_PROFILE: "dev" }
      }))
  )

  const keysBelow = (header: string) => `${header}\n${keyLines("static")}`
  it.effect.each(
    [
      ["dev", "", keysBelow("[profile dev]"), "credentials:1:"],
      ["dev", "", keysBelow("[Dev]"), "credentials:1:"],
      ["dev", keysBelow("[dev]"), "", "config:3:"],
      ["dev", keysBelow("[ProfileDev]"), "", "config:3:"],
      ["dev", "", keysBelow("# keys"), "credentials:2:"],
      ["dev", keysBelow("[\u200b"), "", "config:3:"],
      ["default", keysBelow("[default]").replace("", "[profile default]\n"), "", "config:4:"],
      [undefined, keysBelow("[DEFAULT]").replace("", "[default]\n"), "", "config:4:"],
      [undefined, "", keysBelow("[profile default]"), "credentials:1:"],
      [undefined, "", keysBelow("[defautl]"), "credentials:1:"],
      [undefined, "", keysBelow("[default:]"), "credentials:1:"],
      [undefined, "", keysBelow("[default\u200b]"), "credentials:1:"]
    ] as const
  )("without credentials never gives way to the machine's role while a misplaced section has them: %j", (
    [profile, config, credentials, place]
  ) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(discreetly(Effect.provide(get, identity())))
      assert.strictEqual(error._tag, "InvalidConfig")
      assert.isTrue(error.message.startsWith(place), error.message)
    }).pipe(on({
      ...at.instance.good,
      config: `[profile dev]\nregion = us-east-1\n${config}`,
      ...(credentials === "" ? {} : { credentials }),
      environment: profile === undefined ? {} : { AWS_PROFILE: profile }
    })))

  it.effect.each([
    "[profile default2]",
    "[profile dev-default]",
    "[sso-session default]\nsso_region = us-east-1\n[other]"
  ])(
    "without credentials uses the machine's role although a section of another name has credentials: %s",
    (header) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* ownerOf(yield* get), at.instance.arn)
      }).pipe(
        Effect.provide(identity()),
        on({ ...at.instance.good, config: `[default]\nregion = us-east-1\n${keysBelow(header)}` })
      )
  )

  it.effect("given to DefaultCredentials.layer uses it after the environment and before the machine's role", () =>
    Effect.gen(function*() {
      const owner = (setup: Setup) =>
        Effect.gen(function*() {
          const credentials = yield* Effect.provide(get, DefaultCredentials.layer({ profile: "dev" }))
          return yield* ownerOf(credentials)
        }).pipe(Effect.provide(identity()), on(setup))
      const config = `[profile dev]\n${keyLines("static")}`
      assert.strictEqual(yield* owner(chosen(config)), arnOfUser("environment"))
      assert.strictEqual(yield* owner({ ...at.profile.good, ...at.instance.good, config }), arnOfUser("static"))
    }))

  it.effect("that needs an MFA device runs mfaCode, also in the default chain", () =>
    Effect.gen(function*() {
      assert.match(yield* ownerOf(yield* get), /assumed-role\/a\//)
    }).pipe(
      Effect.provide(identity({ mfaCode: () => Effect.succeed(Redacted.make("123456")) })),
      on({
        config: "[default]\nrole_arn = arn:aws:iam::111122223333:role/a\nmfa_serial = my-device\n" +
          `source_profile = default\n${keyLines("default")}`,
        roles: [{
          arn: "arn:aws:iam::111122223333:role/a",
          mfa: { serialNumber: "my-device", code: "123456" }
        }]
      })
    ))

  for (const profile of ["default", undefined]) {
    it.effect(`with background: true refreshes without a caller (${profile ?? "found by the chain"})`, () =>
      Effect.gen(function*() {
        const portal = "GET /federation/credentials"
        const asked = Effect.map(lines, (all) => all.filter((line) => line === portal).length)
        yield* settled(Effect.sleep("1 second"))
        assert.strictEqual(yield* asked, 1)
        yield* TestClock.adjust("56 minutes")
        yield* settled(Effect.sleep("1 second"))
        assert.strictEqual(yield* asked, 2)
      }).pipe(
        Effect.provide(identity({ profile, background: true })),
        on({ config: `[default]\n${ssoLines}${ssoSession}` })
      ))
  }
})

// ---------------------------------------------------------------------------------------------------------------

describe("CredentialsProvider.layerFirstConfigured", () => {
  /** The outcome of a provider at one time. */
  const outcome = fc.constantFrom("credentials", "none", "none", "broken")
  const rounds = 4
  const providers = fc.array(fc.array(outcome, { minLength: rounds, maxLength: rounds }), {
    minLength: 1,
    maxLength: 6
  })

  it.effect.prop(
    "stays with the provider that gave the first credentials",
    { providers },
    ({ providers }) =>
      Effect.gen(function*() {
        let round = 0
        const asked: Array<number> = []
        const layer = CredentialsProvider.layerFirstConfigured(
          providers.map((outcomes, index) =>
            Effect.suspend((): Effect.Effect<Credentials.Credentials, IdentityError.IdentityError> => {
              asked.push(index)
              const name = `${index}-${round}`
              switch (outcomes[round]) {
                case "credentials":
                  return Effect.succeed(
                    new Credentials.Credentials({ accessKeyId: name, secretAccessKey: Redacted.make("x") })
                  )
                case "none":
                  return Effect.fail(
                    new IdentityError.NotConfigured({ provider: name, problem: "nothing", remedy: "Add it." })
                  )
                default:
                  return Effect.fail(new IdentityError.ProfileNotFound({ profile: name, searched: [], known: [] }))
              }
            })
          )
        )
        yield* Effect.gen(function*() {
          const provider = yield* CredentialsProvider.CredentialsProvider
          let chosen: number | undefined
          for (; round < rounds; round++) {
            asked.length = 0
            const result = yield* Effect.either(provider.get)
            const at = (index: number) => providers[index]?.[round] ?? ""
            const first = providers.findIndex((_, index) => at(index) !== "none")
            const expected = chosen ?? first
            assert.deepStrictEqual(
              asked,
              chosen === undefined
                ? providers.map((_, index) => index).slice(0, first === -1 ? undefined : first + 1)
                : [chosen]
            )
            if (expected !== -1 && at(expected) === "credentials") {
              chosen = expected
              assert.strictEqual(Either.getOrThrow(result).accessKeyId, `${expected}-${round}`)
              yield* provider.invalidate(Either.getOrThrow(result))
              continue
            }
            yield* TestClock.adjust("5 seconds")
            const error = yield* Effect.flip(result)
            if (expected === -1) {
              assert.instanceOf(error, IdentityError.NotConfigured)
              assert.deepStrictEqual(
                error.tried?.map(({ provider }) => provider),
                providers.map((_, i) => `${i}-${round}`)
              )
            } else {
              assert.strictEqual(error._tag, at(expected) === "none" ? "CredentialsUnavailable" : "ProfileNotFound")
              assert.include(error.message, `${expected}-${round}`)
            }
          }
        }).pipe(Effect.provide(layer))
      }),
    { fastCheck: { numRuns: 300 } }
  )

  it.effect("lists the providers of a nested chain as its own when none is configured", () =>
    Effect.gen(function*() {
      const none = (provider: string) =>
        Effect.fail(new IdentityError.NotConfigured({ provider, problem: `no ${provider}`, remedy: "Add it." }))
      const inner = Effect.provide(get, CredentialsProvider.layerFirstConfigured([none("b"), none("c")]))
      const error = yield* Effect.flip(
        Effect.provide(get, CredentialsProvider.layerFirstConfigured([none("a"), inner, none("d")]))
      )
      assert.strictEqual(
        error.message,
        "No credentials are configured:\n  - a: no a.\n  - b: no b.\n  - c: no c.\n  - d: no d.\n" +
          "Configure one of these; on your own machine, run \"aws configure sso\"."
      )
    }))

  it.effect("runs a provider once for concurrent callers", () =>
    Effect.gen(function*() {
      let asked = 0
      const slow = Effect.zipRight(
        Effect.sync(() => asked++),
        Effect.delay(EnvironmentCredentials.resolve(), "1 second")
      )
      const all = yield* Effect.all(Array.from({ length: 50 }, () => get), { concurrency: "unbounded" }).pipe(
        Effect.provide(CredentialsProvider.layerFirstConfigured([slow])),
        settled
      )
      assert.strictEqual(new Set(all).size, 1)
      assert.strictEqual(asked, 1)
    }).pipe(on(at.environment.good)))
})

// ---------------------------------------------------------------------------------------------------------------

describe("providers as values", () => {
  const deploy = "arn:aws:iam::444455556666:role/deploy"
  const trusting = (...trusts: ReadonlyArray<string>): NonNullable<Setup["roles"]> => [{ arn: deploy, trusts }]
  const role = { roleArn: deploy, sessionName: "deploy" }
  const deployArn = "arn:aws:sts::444455556666:assumed-role/deploy/deploy"
  const asserted = (resolve: Effect.Effect<Credentials.Credentials, unknown, ProfileCredentials.Requirements>) =>
    Effect.flatMap(Effect.orDie(settled(resolve)), ownerOf)

  it.effect("give two identities on one set of services", () =>
    Effect.gen(function*() {
      const one = yield* CredentialsProvider.make(ProfileCredentials.resolve({ profile: "one" }))
      const two = yield* CredentialsProvider.make(ProfileCredentials.resolve({ profile: "two" }))
      const third = yield* CredentialsProvider.make(AssumeRoleCredentials.assume(role, two.get))
      assert.strictEqual(yield* asserted(one.get), arnOfUser("static"))
      assert.strictEqual(yield* asserted(two.get), arnOfUser("process"))
      assert.strictEqual(yield* asserted(third.get), deployArn)
      yield* third.get
      assert.deepStrictEqual(yield* lines, [`AssumeRole deploy by ${arnOfUser("process")}`])
    }).pipe(
      Effect.scoped,
      Effect.provide(identity()),
      on({
        config: `[profile one]\n${keyLines("static")}[profile two]\ncredential_process = give-keys\n` +
          "[default]\nregion = us-east-1\n",
        roles: trusting(arnOfUser("process"))
      })
    ))

  for (const place of places) {
    it.effect(`the default chain can be the source of a role: ${place}`, () =>
      Effect.gen(function*() {
        const resolve = AssumeRoleCredentials.assume(role, yield* DefaultCredentials.make())
        assert.strictEqual(yield* asserted(resolve), deployArn)
        assert.strictEqual((yield* lines).at(-1), `AssumeRole deploy by ${at[place].arn}`)
      }).pipe(
        Effect.provide(identity()),
        on({
          ...together(...from(place).map((name) => at[name].good), { environment: { AWS_REGION: "us-east-1" } }),
          roles: [...roles, ...trusting(...places.map((name) => at[name].arn))]
        })
      ))
  }

  it.effect("the default chain can be a part of another chain", () =>
    Effect.gen(function*() {
      const vault = new Credentials.Credentials({ accessKeyId: "AKIDVAULT", secretAccessKey: Redacted.make("x") })
      const resolve = yield* CredentialsProvider.firstConfigured([
        yield* DefaultCredentials.make(),
        Effect.succeed(vault)
      ])
      assert.strictEqual(yield* settled(resolve), vault)
    }).pipe(Effect.provide(identity()), on({ environment: { AWS_EC2_METADATA_DISABLED: "true" } })))

  it.effect("each DefaultCredentials.make remembers its own first provider", () =>
    Effect.gen(function*() {
      const { variables } = yield* Machine
      const first = yield* DefaultCredentials.make()
      assert.strictEqual(yield* asserted(first), arnOfUser("environment"))
      for (const name of Object.keys(at.environment.good.environment ?? {})) variables.delete(name)
      const second = yield* DefaultCredentials.make()
      assert.strictEqual(yield* asserted(second), arnOfUser("default"))
      for (const [name, value] of Object.entries(keyVariables("environment"))) variables.set(name, value)
      assert.strictEqual(yield* asserted(first), arnOfUser("environment"))
      assert.strictEqual(yield* asserted(second), arnOfUser("default"))
    }).pipe(Effect.provide(identity()), on(together(at.environment.good, at.profile.good))))

  it.effect("an outer chain does not go on after an inner chain gave credentials, also for the source of a role", () =>
    Effect.gen(function*() {
      const { variables } = yield* Machine
      const other = new Credentials.Credentials({ accessKeyId: "AKIDOTHER", secretAccessKey: Redacted.make("x") })
      const chain = yield* DefaultCredentials.make()
      // AWS refuses the role, so the outer chain has not chosen a provider yet.
      const around = yield* CredentialsProvider.firstConfigured([
        AssumeRoleCredentials.assume(role, chain),
        Effect.succeed(other)
      ])
      assert.strictEqual((yield* Effect.flip(settled(around)))._tag, "AccessDeniedException")
      for (const name of Object.keys(at.environment.good.environment ?? {})) variables.delete(name)
      const error = yield* Effect.flip(settled(around))
      assert.strictEqual(error._tag, "CredentialsUnavailable")
      assert.include(error.message, "it gave credentials before, and now: ")
    }).pipe(
      Effect.provide(identity()),
      on(together(at.environment.good, { environment: { AWS_REGION: "us-east-1" } }))
    ))

  it.effect("a chain that two fibers run concurrently gives both the credentials of one provider", () =>
    Effect.gen(function*() {
      let isSet = false
      const named = (accessKeyId: string) =>
        new Credentials.Credentials({ accessKeyId, secretAccessKey: Redacted.make("x") })
      const first = Effect.suspend(() =>
        isSet
          ? Effect.delay(Effect.succeed(named("first")), "2 seconds")
          : Effect.fail(new IdentityError.NotConfigured({ provider: "first", problem: "not set", remedy: "Set it." }))
      )
      const resolve = yield* CredentialsProvider.firstConfigured([
        first,
        Effect.delay(Effect.succeed(named("second")), "1 second")
      ])
      const early = yield* Effect.fork(resolve)
      yield* Effect.yieldNow()
      isSet = true
      const late = yield* Effect.fork(resolve)
      yield* TestClock.adjust("5 seconds")
      const given = [yield* Fiber.join(early), yield* Fiber.join(late)].map(({ accessKeyId }) => accessKeyId)
      assert.deepStrictEqual(given, ["second", "second"])
    }))

  it.effect("a role runs its source once more when AWS rejects the credentials, and not when it refuses the role", () =>
    Effect.gen(function*() {
      let asked = 0
      const source = Effect.suspend(() => {
        asked += 1
        return Effect.succeed(
          new Credentials.Credentials(
            asked === 1
              ? { accessKeyId: "AKIDUNKNOWN", secretAccessKey: Redacted.make("unknown") }
              : { ...keyOf("static"), secretAccessKey: Redacted.make(keyOf("static").secretAccessKey) }
          )
        )
      })
      assert.strictEqual(yield* asserted(AssumeRoleCredentials.assume(role, source)), deployArn)
      assert.strictEqual(asked, 2)
      const refused = AssumeRoleCredentials.assume({ roleArn: "arn:aws:iam::444455556666:role/other" }, source)
      assert.strictEqual((yield* Effect.flip(settled(refused)))._tag, "AccessDeniedException")
      assert.strictEqual(asked, 3)
    }).pipe(
      Effect.provide(identity()),
      on({ environment: { AWS_REGION: "us-east-1" }, roles: trusting(arnOfUser("static")) })
    ))
})

// ---------------------------------------------------------------------------------------------------------------

describe("AllowedAccounts", () => {
  const asked = Effect.map(lines, (all) => all.filter((line) => line.startsWith("GetCallerIdentity")).length)

  const guarded = (...allowed: readonly [AccountId.AccountId, ...ReadonlyArray<AccountId.AccountId>]) =>
    identity({ allowedAccountIds: allowed })

  const regional = { environment: { AWS_REGION: "us-east-1" } }

  const keysOf = (name: string, environment: Readonly<Record<string, string>> = {}): Setup =>
    together({ environment: { ...keyVariables(name), ...environment } }, regional)

  it.effect("returns credentials of an allowed account, and asks STS once for concurrent callers", () =>
    Effect.gen(function*() {
      const provider = yield* CredentialsProvider.CredentialsProvider
      assert.isUndefined(peek(provider))
      const all = yield* settled(
        Effect.all(Array.from({ length: 50 }, () => provider.get), { concurrency: "unbounded" })
      )
      assert.strictEqual(new Set(all).size, 1)
      assert.strictEqual(yield* provider.get, all[0])
      assert.strictEqual(peek(provider), all[0])
      assert.strictEqual(yield* asked, 1)
    }).pipe(Effect.provide(guarded(otherAccount, account)), on(keysOf("environment"))))

  it.effect("fails with AccountNotAllowed for any other account, and asks STS once for concurrent callers", () =>
    Effect.gen(function*() {
      const provider = yield* CredentialsProvider.CredentialsProvider
      const errors = yield* settled(
        Effect.all(Array.from({ length: 50 }, () => Effect.flip(provider.get)), { concurrency: "unbounded" })
      )
      const error = yield* Effect.flip(discreetly(provider.get))
      assert.strictEqual(
        error.message,
        `The credentials are of account ${account} (${arnOfUser("environment")}), and only 000011112222, ` +
          `${otherAccount} is allowed here. Check the profile and the environment, or allow that account.`
      )
      for (const one of errors) assert.strictEqual(one.message, error.message)
      assert.strictEqual(error._tag, "AccountNotAllowed")
      assert.isUndefined(peek(provider))
      assert.strictEqual(yield* asked, 1)
    }).pipe(Effect.provide(guarded(AccountId.make("000011112222"), otherAccount)), on(keysOf("environment"))))

  const liars: ReadonlyArray<readonly [string, Setup]> = [
    ["AWS_ACCOUNT_ID", keysOf("else", { AWS_ACCOUNT_ID: account })],
    [
      "aws_account_id",
      together({ config: `[default]\n${keyLines("else")}aws_account_id = ${account}\n` }, regional)
    ]
  ]
  for (const [name, setup] of liars) {
    it.effect(`takes the account from STS, not from ${name}`, () =>
      Effect.gen(function*() {
        const credentials = yield* Effect.provide(get, identity())
        assert.strictEqual(Option.getOrUndefined(credentials.accountId), account)
        const error = yield* Effect.flip(Effect.provide(discreetly(get), guarded(account)))
        assert.strictEqual(error._tag, "AccountNotAllowed")
        assert.strictEqual(
          (yield* Effect.provide(get, guarded(otherAccount))).accessKeyId,
          credentials.accessKeyId
        )
      }).pipe(on(setup)))
  }

  it.effect("asks STS about the credentials that replace invalidated ones", () =>
    Effect.gen(function*() {
      const { variables } = yield* Machine
      const provider = yield* CredentialsProvider.CredentialsProvider
      const first = yield* provider.get
      for (const [name, value] of Object.entries(keyVariables("else"))) variables.set(name, value)
      assert.strictEqual(yield* provider.get, first)
      yield* provider.invalidate(first)
      assert.isUndefined(peek(provider))
      assert.strictEqual((yield* Effect.flip(provider.get))._tag, "AccountNotAllowed")
      assert.isUndefined(peek(provider))
      assert.strictEqual(yield* asked, 2)
    }).pipe(Effect.provide(guarded(account)), on(keysOf("environment"))))

  it.effect("fails with the error of STS, and asks STS again after the pause", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const provider = yield* CredentialsProvider.CredentialsProvider
      yield* center.fail("getCallerIdentity", "ConnectionRefused")
      assert.strictEqual((yield* Effect.flip(discreetly(provider.get)))._tag, "ServiceUnreachable")
      assert.isUndefined(peek(provider))
      yield* center.fail("getCallerIdentity", "AccessDenied")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Effect.flip(discreetly(provider.get)))._tag, "AccessDeniedException")
      yield* TestClock.adjust("5 seconds")
      yield* provider.get
      assert.strictEqual(yield* asked, 3)
    }).pipe(Effect.provide(guarded(account)), on(keysOf("environment"))))

  it.effect("invalidates credentials that AWS does not know or that have expired, and no others", () =>
    Effect.gen(function*() {
      const { variables } = yield* Machine
      const center = yield* IdentityCenter.IdentityCenter
      const provider = yield* CredentialsProvider.CredentialsProvider
      const error = yield* Effect.flip(discreetly(provider.get))
      assert.include(error.message, "InvalidClientTokenId")
      for (const [name, value] of Object.entries(keyVariables("static"))) variables.set(name, value)
      // Repeated calls do not cause repeated requests.
      yield* TestClock.adjust("29 seconds")
      assert.include((yield* Effect.flip(discreetly(provider.get))).message, "InvalidClientTokenId")
      assert.strictEqual(yield* asked, 1)
      yield* TestClock.adjust("5 seconds")
      yield* center.fail("getCallerIdentity", "ExpiredToken")
      assert.strictEqual((yield* Effect.flip(discreetly(provider.get)))._tag, "ExpiredTokenException")
      for (const [name, value] of Object.entries(keyVariables("environment"))) variables.set(name, value)
      yield* TestClock.adjust("30 seconds")
      // Any other failure says nothing about the credentials.
      yield* center.fail("getCallerIdentity", "AccessDenied")
      yield* Effect.flip(discreetly(provider.get))
      yield* TestClock.adjust("5 seconds")
      for (const [name, value] of Object.entries(keyVariables("static"))) variables.set(name, value)
      assert.strictEqual(yield* ownerOf(yield* provider.get), arnOfUser("environment"))
    }).pipe(Effect.provide(guarded(account)), on(keysOf("unknown"))))

  it.effect("times out for an uninterruptible caller, and lets other callers time out earlier", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const provider = yield* CredentialsProvider.CredentialsProvider
      yield* center.fail("getCallerIdentity", "NoAnswer", 9)
      const stubborn = yield* Effect.fork(Effect.uninterruptible(Effect.exit(provider.get)))
      const hurried = yield* Effect.fork(Effect.timeoutOption(Effect.exit(provider.get), "1 second"))
      // Some real time passes before the request to STS starts.
      for (let step = 0; step < 60 && Option.isNone(yield* Fiber.poll(stubborn)); step++) {
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
        yield* TestClock.adjust("5 seconds")
      }
      yield* Fiber.join(stubborn)
      assert.isTrue(Option.isNone(yield* Fiber.join(hurried)))
      assert.isAtMost(yield* asked, 3)
    }).pipe(
      Effect.provide(identity({ allowedAccountIds: [account], client: { timeout: "1 minute" } })),
      on(keysOf("environment"))
    ))

  it.effect("with background: true, gets and checks credentials without a caller", () =>
    Effect.gen(function*() {
      const provider = yield* CredentialsProvider.CredentialsProvider
      yield* TestClock.adjust("1 second")
      const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      yield* settled(Effect.repeat(turn, { until: () => peek(provider) !== undefined }))
      assert.strictEqual(yield* asked, 1)
    }).pipe(
      Effect.provide(identity({ allowedAccountIds: [account], background: true })),
      on(keysOf("environment"))
    ))

  it.effect("fails with the error of its source, without a request to STS", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(get))._tag, "NotConfigured")
      assert.strictEqual(yield* asked, 0)
    }).pipe(Effect.provide(guarded(account)), on(regional)))

  it.effect("fails with a message that asks for a region when none is configured", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get)
      assert.strictEqual(
        error.message,
        "STS getCallerIdentity cannot be done: \"region\" is missing: name it, or set AWS_REGION or the profile's " +
          "region. Nothing was sent or written."
      )
    }).pipe(Effect.provide(guarded(account)), on(at.environment.good)))

  it.effect("guards a provider whose cache cannot be read synchronously", () =>
    Effect.gen(function*() {
      const credentials = new Credentials.Credentials({
        accessKeyId: keyOf("static").accessKeyId,
        secretAccessKey: Redacted.make(keyOf("static").secretAccessKey)
      })
      const rejected: Array<Credentials.Credentials> = []
      const source = Layer.succeed(CredentialsProvider.CredentialsProvider, {
        get: Effect.succeed(credentials),
        invalidate: (one) => Effect.sync(() => void rejected.push(one))
      })
      yield* Effect.gen(function*() {
        const provider = yield* CredentialsProvider.CredentialsProvider
        assert.strictEqual(yield* provider.get, credentials)
        assert.strictEqual(peek(provider), credentials)
        yield* provider.invalidate(credentials)
        assert.isUndefined(peek(provider))
        assert.deepStrictEqual(rejected, [credentials])
      }).pipe(Effect.provide(Layer.provide(AllowedAccounts.layer({ accounts: [account] }), source)))
    }).pipe(Effect.provide(identity()), on(regional)))

  it.effect("returns no cached credentials of its source that STS has not confirmed", () =>
    Effect.gen(function*() {
      const credentialsOf = (name: string) =>
        new Credentials.Credentials({
          accessKeyId: keyOf(name).accessKeyId,
          secretAccessKey: Redacted.make(keyOf(name).secretAccessKey)
        })
      let current = credentialsOf("static")
      const provider: CredentialsProvider.Service = {
        get: Effect.sync(() => current),
        invalidate: () => Effect.void
      }
      const source = Layer.succeed(CredentialsProvider.CredentialsProvider, withPeek(provider, () => current))
      yield* Effect.gen(function*() {
        const provider = yield* CredentialsProvider.CredentialsProvider
        assert.isUndefined(peek(provider))
        yield* provider.get
        const looked = current
        current = credentialsOf("else")
        assert.strictEqual(peek(provider), looked)
        yield* provider.invalidate(looked)
        assert.isUndefined(peek(provider))
        assert.strictEqual((yield* Effect.flip(provider.get))._tag, "AccountNotAllowed")
        assert.isUndefined(peek(provider))
      }).pipe(Effect.provide(Layer.provide(AllowedAccounts.layer({ accounts: [account] }), source)))
    }).pipe(Effect.provide(identity()), on(regional)))

  it.effect("guards AwsIdentity.layer with a profile", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(discreetly(get)))._tag, "AccountNotAllowed")
    }).pipe(
      Effect.provide(identity({ profile: "dev", allowedAccountIds: [otherAccount] })),
      on({ config: `[profile dev]\nregion = eu-west-1\n${ssoLines}${ssoSession}` })
    ))

  for (const [allowed, expected] of [[account, "Right"], [otherAccount, "AccountNotAllowed"]] as const) {
    it.effect(`guards TestIdentity.layer: ${expected}`, () =>
      Effect.gen(function*() {
        const result = yield* Effect.either(get)
        assert.strictEqual(Either.isRight(result) ? result._tag : result.left._tag, expected)
        const { calls } = yield* IdentityCenter.IdentityCenter
        assert.deepStrictEqual(yield* calls, ["getRoleCredentials", "getCallerIdentity"])
      }).pipe(Effect.provide(TestIdentity.layer({ allowedAccountIds: [allowed] }))))
  }
})
