import { FileSystem } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, FastCheck as fc, Layer, Option } from "effect"
import {
  EnvironmentCredentials,
  IdentityError,
  ProfileCredentials,
  Region,
  SharedConfig,
  SsoTokenCache,
  Sts,
  WebIdentityCredentials
} from "effect-aws-identity"
import { spawnSync } from "node:child_process"
import { variable } from "../src/internal/environment.js"
import { homeOf } from "../src/internal/platform/home.js"
import * as ProfileSettings from "../src/internal/profileSettings.js"
import * as Setting from "../src/internal/setting.js"
import { nodeContext, overFileSystem } from "./ports.js"

// Values of config files and variables that AWS would not take, and the home directory they are found in.

const environment = (variables: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

const role = "arn:aws:iam::123456789012:role/ci"
const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJNQVJLRUQiOjF9.c2ln"

/** The problem and remedy that a value gives, in one text. */
const mistake = <A>(setting: Setting.Setting<A>, text: string, place: Setting.Place = "file") => {
  const read = Setting.readSetting(setting, text, place)
  if (read._tag === "Right") return `accepted ${read.right}`
  return `${Setting.describeMistake("key", text, setting, read.left)}. ${read.left.remedy}`
}

describe("a value that AWS would not take", () => {
  const rows: ReadonlyArray<readonly [keyof typeof Setting, string, ReadonlyArray<string>]> = [
    ["accountId", "12345678901", ["key = 12345678901", "11 digits instead of 12", "zeros"]],
    ["accountId", "1234567890123", ["13 digits instead of 12"]],
    ["accountId", "7", ["1 digit instead"]],
    ["accountId", "\"123456789012\"", ["in quotes", "Remove the quotes"]],
    ["accountId", "'123456789012'", ["in quotes"]],
    ["accountId", "\u201c123456789012\u201d", ["\\u{201c}123456789012\\u{201d}", "in quotes"]],
    ["accountId", "1234-5678-9012", ["between its digits", "Write 123456789012."]],
    ["accountId", "1234 5678 9012", ["between its digits", "Write 123456789012."]],
    ["accountId", "${ACCOUNT_ID}", ["${ACCOUNT_ID}", "not expanded in this file"]],
    ["accountId", "$ACCOUNT", ["not expanded in this file"]],
    ["accountId", "%ACCOUNT%", ["not expanded in this file"]],
    ["accountId", "{{ account }}", ["not expanded in this file"]],
    ["accountId", "<account-id>", ["in brackets"]],
    ["accountId", "\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff10\uff11\uff12", [
      "\\u{ff11}",
      "U+FF11",
      "not ASCII",
      "Write 123456789012."
    ]],
    ["accountId", "123456\u200b789012", ["\\u{200b}", "invisible character U+200B"]],
    ["accountId", "123456\u00a0789012", ["\\u{a0}", "invisible character U+00A0"]],
    ["accountId", "123456\ufeff789012", ["\\u{feff}", "invisible character U+FEFF"]],
    ["accountId", "123456789012\nsso_role_name = x", ["goes on after the end of its line", "white space continues"]],
    ["accountId", role, ["is an ARN", "123456789012"]],
    ["accountId", "production", ["is a name"]],
    ["roleName", "arn:aws:iam::123456789012:role/x", ["is an ARN", "permission set"]],
    ["roleName", "Power User", ["contains \" \"", "letters, digits and _+=,.@-"]],
    ["roleName", "\"Developer\"", ["in quotes"]],
    ["roleArn", "ci", ["is not an ARN", "arn:aws:iam::123456789012:role/name"]],
    ["roleArn", `"${role}"`, ["in quotes"]],
    ["roleArn", "arn:aws:iam::12345678901:role/ci", ["11 digits instead of 12"]],
    ["roleArn", "arn:aws:iam::1234-5678-9012:role/ci", ["between the digits of its account id"]],
    ["roleArn", "arn:aws:iam::${ACCOUNT_ID}:role/ci", ["${ACCOUNT_ID}", "not expanded"]],
    ["roleArn", "arn:aws:iam::123456789012:user/me", ["(user), not of a role"]],
    ["roleArn", "arn:aws:iam::123456789012:instance-profile/x", ["(instance-profile), not of a role"]],
    ["roleArn", "arn:aws:sts::123456789012:assumed-role/ci/me", [
      "cannot be assumed",
      "arn:aws:iam::123456789012:role/ci"
    ]],
    ["roleArn", "arn:aws:iam::123456789012:role/\u0441i", ["U+0441", "not ASCII"]],
    ["roleArn", "arn:aws:iam", ["lacks a part"]],
    ["roleSessionName", "x", ["has 1 character", "2 to 64"]],
    ["roleSessionName", "m".repeat(65), ["has 65 characters"]],
    ["roleSessionName", "me and you", ["contains \" \""]],
    ["roleSessionName", "ci/build", ["contains \"/\""]],
    ["roleSessionName", "${USER}", ["not expanded"]],
    ["durationSeconds", "1h", ["has a unit", "3600"]],
    ["durationSeconds", "15m", ["has a unit"]],
    ["durationSeconds", "60", ["900 to 43200"]],
    ["durationSeconds", "43201", ["900 to 43200"]],
    ["durationSeconds", "-1", ["900 to 43200"]],
    ["durationSeconds", "3600.5", ["whole number of seconds"]],
    ["externalId", "a b", ["a value of key that contains \" \""]],
    ["externalId", "x", ["a value of key that has 1 character", "2 to 1224"]],
    ["mfaSerial", "GAHT1234", ["has 8 characters", "9 to 256"]],
    ["mfaSerial", "arn:aws:iam::123456789012:mfa/my phone", ["contains \" \""]],
    ["regionName", "EU-WEST-1", ["capital letters", "Write eu-west-1."]],
    ["regionName", "https://me:MARKED@example.com", ["a value of key that is a URL"]],
    ["regionName", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", ["key that is not a region name", "Write a region name"]],
    ["regionName", "Europe (Ireland)", ["is not a region name"]],
    ["ssoRegion", "https://d-1.awsapps.com/start", ["is a URL"]],
    ["ssoRegion", "'eu-west-1'", ["in quotes"]],
    ["startUrl", "${START_URL}", ["not expanded"]],
    ["startUrl", "https://d-1.aws apps.com/start", ["white space"]],
    ["startUrl", "\"https://d-1.awsapps.com/start\"", ["in quotes"]],
    ["tokenFile", "~/token", ["begins with ~", "whole path"]],
    ["tokenFile", "\"/var/run/token\"", ["in quotes"]],
    ["tokenFile", "${HOME}/token", ["${HOME}", "not expanded"]],
    ["tokenFile", "$HOME/token", ["not expanded"]],
    ["flag", "yes", ["true or false"]],
    ["endpointUrl", "https://me:MARKED@host", ["a value of key that is not an http or https URL"]]
  ]

  it.each(rows)("%s: %j", (name, text, says) => {
    const message = mistake(Setting[name] as Setting.Setting<unknown>, text)
    for (const part of says) assert.include(message, part)
    assert.match(message, /^[\x20-\x7e]*$/)
    assert.notInclude(message, "MARKED")
  })

  it("is never shown when it looks like a token or a key, whatever the setting", () => {
    const secrets = [
      jwt,
      `"${jwt}"`,
      `arn:aws:iam::${jwt}:role/x`,
      "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
      "ghs_16C7e42F292c6912E7710c838347Ae178B4a"
    ]
    const settings = Object.values(Setting).filter((value): value is Setting.Setting<string> =>
      typeof value === "object"
    )
    for (const setting of settings) {
      for (const secret of secrets) {
        for (const place of ["file", "variable"] as const) {
          const message = mistake(setting, secret, place)
          if (message.startsWith("accepted")) continue
          assert.notInclude(message, secret.slice(4, 30))
        }
      }
    }
  })

  it("is shown on one line of printable ASCII and bounded length, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const message = mistake(Setting.accountId, text)
        assert.match(message, /^[\x20-\x7e]*$/)
        assert.isBelow(message.length, 2000)
      }),
      { numRuns: 2000 }
    )
  })

  it("is accepted with outer white space of any kind", () => {
    for (const space of [" ", "\t", "\r", "\n", "\u00a0", "\ufeff"]) {
      assert.strictEqual(mistake(Setting.accountId, `${space}123456789012${space}`), "accepted 123456789012")
    }
  })

  it("is not one of the values that AWS or its emulators take", () => {
    const accepted: ReadonlyArray<readonly [keyof typeof Setting, string]> = [
      ...[role, "arn:aws-cn:iam::123456789012:role/a/b/c@x", "arn:minio:iam:::role/dummy-internal"].map((arn) =>
        ["roleArn", arn] as const
      ),
      ["roleArn", "arn:aws:iam::tenant:role/ceph"],
      ["roleSessionName", "me@example.com"],
      ["roleSessionName", "m".repeat(64)],
      ["externalId", "a:b/c"],
      ["mfaSerial", "GAHT12345678"],
      ["durationSeconds", "900"],
      ["durationSeconds", "0900"],
      ["durationSeconds", "43200"],
      ["startUrl", "https://d-1.awsapps.com/start/#/"],
      ["startUrl", "http://127.0.0.1:1/start"],
      ["tokenFile", "C:\\tokens\\my token"],
      ["tokenFile", "/var/run/secrets/..data/t$oken"]
    ]
    for (const [name, text] of accepted) {
      assert.match(mistake(Setting[name] as Setting.Setting<unknown>, text), /^accepted/, text)
    }
  })
})

describe("a profile with a value that AWS would not take", () => {
  const sso = { sso_session: "corp", sso_account_id: "123456789012", sso_role_name: "Developer" }
  const assume = { role_arn: role, source_profile: "base" }
  const rows: ReadonlyArray<readonly [Record<string, string>, string, string]> = [
    [sso, "sso_account_id", "12345678901"],
    [sso, "sso_role_name", "Power User"],
    [assume, "role_arn", "${ROLE}"],
    [{ ...assume, role_session_name: "" }, "role_session_name", "a b"],
    [{ ...assume, duration_seconds: "" }, "duration_seconds", "899"],
    [{ ...assume, external_id: "" }, "external_id", "x"],
    [{ ...assume, mfa_serial: "" }, "mfa_serial", "short"],
    [{ ...assume, region: "" }, "region", "EU-WEST-1"],
    [{ ...assume, web_identity_token_file: "" }, "web_identity_token_file", "'/t'"]
  ]
  it.effect.each(rows)("fails at the line of the key (%j, %s)", ([keys, key, value]) =>
    Effect.gen(function*() {
      const all = Object.entries({ ...keys, [key]: value })
      const config = `[profile a]\n${all.map(([key, value]) => `${key} = ${value}\n`).join("")}`
      const error = yield* Effect.flip(
        Effect.gen(function*() {
          const profile = yield* SharedConfig.profile("a")
          if (key.startsWith("sso")) return yield* ProfileSettings.ssoRoleOf({ sessionOf: () => Effect.void }, profile)
          if (key === "region") return yield* (yield* SharedConfig.clientConfig("sts"))("a")
          return key === "web_identity_token_file"
            ? yield* ProfileSettings.tokenFileOf(profile)
            : yield* ProfileSettings.roleOf(profile)
        }).pipe(Effect.provide(SharedConfig.layerMemory({ config })), environment({}))
      )
      assert.instanceOf(error, IdentityError.InvalidConfig)
      assert.deepInclude({ ...error }, {
        file: "config",
        line: 2 + all.findIndex(([name]) => name === key),
        key,
        profile: "a"
      })
      assert.include(error.message, key)
    }))

  it.effect("names the line of a start URL or region of its session", () =>
    Effect.gen(function*() {
      const rows = [["'https://d-1.awsapps.com/start'", "eu-west-1", 2], ["https://x", "\"eu-west-1\"", 3]] as const
      for (const [url, region, line] of rows) {
        const config = `[sso-session corp]\nsso_start_url = ${url}\nsso_region = ${region}\n`
        const error = yield* Effect.flip(
          Effect.provide(SharedConfig.session("corp"), SharedConfig.layerMemory({ config }))
        )
        assert.deepInclude({ ...error as IdentityError.InvalidConfig }, { _tag: "InvalidConfig", line })
      }
    }))
})

describe("a variable", () => {
  it.effect("has no outer white space, and is not set when it is blank", () =>
    Effect.gen(function*() {
      for (
        const [text, value] of [[" dev\r\n", "dev"], ["\ufeffdev\u00a0", "dev"], [" \t", undefined], ["", undefined]]
      ) {
        assert.strictEqual(Option.getOrUndefined(yield* environment({ X: text ?? "" })(variable("X"))), value)
      }
    }))

  const web = { AWS_WEB_IDENTITY_TOKEN_FILE: "/no/such/token", AWS_ROLE_ARN: role, AWS_ROLE_SESSION_NAME: "build" }
  const rows: ReadonlyArray<readonly [keyof typeof web, string, string]> = [
    ["AWS_ROLE_ARN", "\"arn:aws:iam::123456789012:role/ci\"", "in quotes"],
    ["AWS_ROLE_ARN", "arn:aws:iam::12345678901:role/ci", "11 digits"],
    ["AWS_ROLE_ARN", "ci", "is not an ARN"],
    ["AWS_ROLE_SESSION_NAME", "my build", "contains \" \""],
    ["AWS_ROLE_SESSION_NAME", "${JOB}", "nothing has expanded"],
    ["AWS_WEB_IDENTITY_TOKEN_FILE", "'/t'", "in quotes"],
    ["AWS_WEB_IDENTITY_TOKEN_FILE", "~/token", "begins with ~"]
  ]
  it.effect.each(rows)(
    "of a web identity that AWS would not take is named: %s = %s",
    ([name, value, problem]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(WebIdentityCredentials.resolve())
        assert.instanceOf(error, IdentityError.CredentialsUnavailable)
        assert.strictEqual(error.reason, "Invalid")
        assert.include(error.message, `${name} = `)
        assert.include(error.message, problem)
        const layer = yield* Effect.flip(Effect.scoped(Layer.build(WebIdentityCredentials.layerConfig())))
        assert.include(String(layer), name)
        assert.include(String(layer), problem)
      }).pipe(
        Effect.provide([nodeContext, Layer.mock(Sts.Sts, {})]),
        environment({ ...web, [name]: value })
      )
  )

  it.effect("that is wrong is named with its value and what to write", () =>
    Effect.gen(function*() {
      const error = String(
        yield* Effect.flip(Effect.asVoid(SharedConfig.clientConfig("sts"))).pipe(
          Effect.provide(SharedConfig.layerMemory({})),
          environment({ AWS_REGION: "\"eu-west-1\"", AWS_MAX_ATTEMPTS: "many" })
        )
      )
      for (const part of ["AWS_REGION", "in quotes", "Remove the quotes", "AWS_MAX_ATTEMPTS", "many"]) {
        assert.include(error, part)
      }
    }))
})

describe("the regions that STS is asked in for a role", () => {
  const rows: ReadonlyArray<readonly [string, Record<string, string>, string, ReadonlyArray<string>]> = [
    [
      "AWS_REGION, AWS_DEFAULT_REGION, profile",
      { AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "eu-west-2" },
      "eu-west-3",
      [
        "eu-west-1",
        "eu-west-2",
        "eu-west-3"
      ]
    ],
    ["profile behind another partition's AWS_REGION", { AWS_REGION: "eu-west-1" }, "us-gov-east-1", [
      "eu-west-1",
      "us-gov-east-1"
    ]],
    ["a wrong region of the profile behind a variable", { AWS_REGION: "eu-west-1" }, "\"x\"", ["eu-west-1"]]
  ]
  it.effect.each(rows)(
    "are those of the client, the environment and the profile: %s",
    ([_, variables, region, expected]) =>
      Effect.gen(function*() {
        const config = yield* (yield* SharedConfig.clientConfig("sts"))()
        assert.deepStrictEqual([config.region, ...config.fallbackRegions ?? []] as ReadonlyArray<unknown>, expected)
        const given = yield* (yield* SharedConfig.clientConfig("sts", { region: Region.make("sa-east-1") }))()
        assert.strictEqual(given.region, "sa-east-1")
      }).pipe(
        Effect.provide(SharedConfig.layerMemory({ config: `[default]\nregion = ${region}\n` })),
        environment(variables)
      )
  )
})

describe("without HOME", () => {
  const inMemory = (files: Readonly<Record<string, string>>) =>
    Layer.merge(
      nodeContext,
      overFileSystem(FileSystem.makeNoop({
        readFileString: (path) =>
          files[path] === undefined ? Effect.dieMessage(`not asked for: ${path}`) : Effect.succeed(files[path])
      }))
    )
  const proc = {
    "/proc/self/environ": "PATH=/bin\0",
    "/proc/self/status": "Name:\tnode\nUid:\t1\t1001\t1001\t1001\n",
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\nme:x:1001:100:Me,,,:/srv/me:/bin/sh\n"
  }
  const filesOf = (files: Readonly<Record<string, string>>, options?: { readonly homeDirectory: string }) =>
    Effect.provide(SsoTokenCache.SsoTokenCache, SsoTokenCache.layer(options)).pipe(
      Effect.map((cache) => cache.location("x")),
      Effect.provide(inMemory(files)),
      environment({})
    )

  it.effect("finds the home directory of the effective user in /etc/passwd", () =>
    Effect.gen(function*() {
      assert.match(yield* filesOf(proc), /^\/srv\/me\/\.aws\/sso\/cache\//)
    }))

  it.effect("respects a ConfigProvider that hides the HOME of the process", () =>
    Effect.gen(function*() {
      assert.match(yield* filesOf({ ...proc, "/proc/self/environ": "HOME=/home/x\0" }), /^~\/\.aws/)
    }))

  it.effect("takes the homeDirectory option", () =>
    Effect.gen(function*() {
      assert.match(yield* filesOf(proc, { homeDirectory: "/opt/me" }), /^\/opt\/me\/\.aws\/sso\/cache\//)
    }))

  it.effect("says so, and what to set, when there is no home directory", () =>
    Effect.gen(function*() {
      const missing = yield* Effect.flip(SharedConfig.profile())
      assert.instanceOf(missing, IdentityError.NotConfigured)
      assert.include(missing.message, "HOME is not set")
      assert.include(missing.message, "Set HOME")
      const config = yield* SharedConfig.SharedConfig
      const write = yield* Effect.flip(config.set({ profile: "a" }, { region: "x" }))
      assert.include(write.message, "HOME is not set")
      assert.include(write.message, "AWS_CONFIG_FILE")
      assert.notInclude(write.message, "free space")
    }).pipe(Effect.provide(Layer.provide(SharedConfig.layer(), nodeContext)), environment({})))

  it("reads /etc/passwd by the user id alone", () => {
    const text = "a:x:1:1::/a:/bin/sh\n\nbroken\nb:x:11:1::relative:/bin/sh\nc:x:111:1::/c:/bin/sh"
    assert.deepStrictEqual(["1", "11", "111", "2", undefined].map((id) => Option.getOrUndefined(homeOf(text, id))), [
      "/a",
      undefined,
      "/c",
      undefined,
      undefined
    ])
  })

  it.runIf(process.platform === "linux")("a process without HOME finds the same directory as os.homedir()", () => {
    const script = `import { homedir } from "node:os"
const uid = process.geteuid(), fs = await import("node:fs")
const environ = fs.readFileSync("/proc/self/environ", "utf8"), status = fs.readFileSync("/proc/self/status", "utf8")
process.stdout.write(JSON.stringify([homedir(), environ, status, fs.readFileSync("/etc/passwd", "utf8")]))`
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { env: {}, encoding: "utf8" })
    const [home, environ, status, passwords] = JSON.parse(stdout) as ReadonlyArray<string>
    const id = /^Uid:\s+\d+\s+(\d+)/m.exec(status ?? "")?.[1]
    assert.notMatch(environ ?? "", /HOME=/)
    assert.strictEqual(Option.getOrUndefined(homeOf(passwords ?? "", id)), home)
  })
})

describe("the message of a ServiceUnreachable", () => {
  const messageOf = (code: string, endpoint = "https://sts.eu-west-1.amazonaws.com") =>
    new IdentityError.ServiceUnreachable({ service: "STS", operation: "assumeRole", endpoint, code }).message

  it("tells the kinds of bad certificates apart, with a remedy for each", () => {
    const kinds: Readonly<Record<string, readonly [string, string]>> = {
      ERR_TLS_CERT_ALTNAME_INVALID: ["another host name", "endpoint_url"],
      CERT_HAS_EXPIRED: ["has expired", "clock"],
      CERT_NOT_YET_VALID: ["not valid yet", "clock"],
      DEPTH_ZERO_SELF_SIGNED_CERT: ["self-signed", "NODE_EXTRA_CA_CERTS"],
      SELF_SIGNED_CERT_IN_CHAIN: ["does not trust", "proxy"],
      UNABLE_TO_VERIFY_LEAF_SIGNATURE: ["does not know", "NODE_EXTRA_CA_CERTS"],
      UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ["does not trust", "NODE_EXTRA_CA_CERTS"],
      UnknownIssuer: ["does not trust", "NODE_EXTRA_CA_CERTS"],
      CERT_SIGNATURE_FAILURE: ["cannot be verified", "NODE_EXTRA_CA_CERTS"],
      CERT_REVOKED: ["revoked", "another"],
      ERR_SSL_WRONG_VERSION_NUMBER: ["TLS handshake failed", "https where http"],
      EPROTO: ["TLS handshake failed", "https where http"]
    }
    for (const [code, says] of Object.entries(kinds)) {
      for (const part of [code, ...says]) assert.include(messageOf(code), part)
    }
  })

  it("says that a region may have no FIPS endpoint only when such a host name is not found", () => {
    const fips = "https://portal.sso-fips.eu-west-1.amazonaws.com"
    for (const code of ["ENOTFOUND", "EAI_AGAIN"]) {
      for (const part of ["no FIPS endpoint of portal.sso in eu-west-1", "AWS_USE_FIPS_ENDPOINT", "us-east-1"]) {
        assert.include(messageOf(code, fips), part)
      }
    }
    assert.notInclude(messageOf("ECONNREFUSED", fips), "FIPS")
    assert.notInclude(messageOf("ENOTFOUND"), "FIPS")
  })
})

describe("an access key that AWS cannot have issued", () => {
  const mistakes: ReadonlyArray<readonly [text: string, says: string]> = [
    ["\"MARKED\"", "is in quotes"],
    ["'MARKED'", "is in quotes"],
    ["${MARKED}", "contains a placeholder, which"],
    ["MAR\u200bKED", "contains the invisible character U+200B"],
    ["MAR\u0430KED", "contains the character U+0430, which is not ASCII"],
    ["MAR KED", "is not printable ASCII characters without white space"],
    ["MARKED\nNEXT", "goes on after the end of its line"]
  ]
  const good = { aws_access_key_id: "AKID", aws_secret_access_key: "good", aws_session_token: "good" }

  for (const key of ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"] as const) {
    it.each(mistakes)(`is an error that names its line or variable: ${key} = %j`, (text, says) => {
      const values = { ...good, [key]: text }
      const variables = new Map(Object.entries(values).map(([name, text]) => [name.toUpperCase(), text]))
      const error = Effect.runSync(
        Effect.flip(EnvironmentCredentials.resolve()).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(variables)))
      )
      assert.strictEqual(error._tag, "CredentialsUnavailable")
      assert.include(error.message, `a value of ${key.toUpperCase()} that ${says}`)
      assert.notInclude(error.message, "MARKED")
      if (text.includes("\n")) return
      const config = `[default]\n${Object.entries(values).map((pair) => pair.join(" = ")).join("\n")}\n`
      const inFile = Effect.runSync(
        Effect.flip(ProfileCredentials.resolve()).pipe(
          Effect.provide(SharedConfig.layerMemory({ config }))
        ) as Effect.Effect<IdentityError.IdentityError>
      )
      assert.strictEqual(inFile._tag, "InvalidConfig")
      assert.notInclude(inFile.message, "MARKED")
      assert.include(
        inFile.message,
        `config:${Object.keys(good).indexOf(key) + 2}:1: [default] has a value of ${key} that `
      )
    })
  }
})
