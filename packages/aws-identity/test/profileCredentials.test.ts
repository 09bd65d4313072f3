import { assert, describe, it } from "@effect/vitest"
import { Clock, DateTime, Effect, Either, FastCheck as fc, Layer, Option, Redacted } from "effect"
import { type AwsIdentity, IdentityError, ProfileCredentials, SharedConfig } from "effect-aws-identity"
import type { IdentityCenter } from "effect-aws-identity-testing"
import {
  arnOfUser,
  type Call,
  discreetly,
  get,
  identity,
  keyLines,
  keyVariables,
  lineOf,
  Machine,
  on,
  openIdProvider,
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

// On `TestClock` and a machine in memory, whose STS verifies signatures, tokens and trust policies.

// ---------------------------------------------------------------------------------------------------------------
// Chains of roles
// ---------------------------------------------------------------------------------------------------------------

/** Where a chain of roles begins. */
interface Root {
  /** A profile of its own, which the last role's names as its source; or lines of the last role's profile. */
  readonly profile?: string
  readonly lines?: string
  readonly credentials?: string
  /** Of how many hops a chain on it can be; 3. */
  readonly longest?: number
  readonly setup?: Partial<Setup>
  /** Who it is, in the eyes of the first role's trust policy. */
  readonly arn: string
  readonly calls: ReadonlyArray<string>
  readonly programs?: ReadonlyArray<string>
  readonly roles?: IdentityCenter.Options["roles"]
}

const metadata = "http://169.254.169.254/latest"

const roots: Readonly<Record<string, Root>> = {
  "keys": { profile: keyLines("static"), arn: arnOfUser("static"), calls: [] },
  "keys in the credentials file": {
    credentials: `[root]\n${keyLines("static")}`,
    arn: arnOfUser("static"),
    calls: []
  },
  "keys, half in each file": {
    profile: keyLines("static").replace(/\n.*/s, "\n"),
    credentials: `[root]\n${keyLines("static").replace(/.*\n/, "")}`,
    arn: arnOfUser("static"),
    calls: []
  },
  "keys of a profile that also names a role": {
    profile: `role_arn = arn:aws:iam::111122223333:role/not-this\nsource_profile = nobody\n${keyLines("static")}`,
    arn: arnOfUser("static"),
    calls: []
  },
  "its own keys": {
    lines: `source_profile = <self>\n${keyLines("static")}`,
    // Another's source gives its keys, whatever it says of itself.
    longest: 1,
    arn: arnOfUser("static"),
    calls: []
  },
  "a sign-in": { profile: ssoLines, arn: ssoArn, calls: ["GET /federation/credentials"] },
  "a web identity": {
    profile: `web_identity_token_file = ${tokenPath}\nrole_arn = ${webRole}\nrole_session_name = pod\n` +
      "source_profile = nobody\n",
    arn: webArn,
    calls: ["AssumeRoleWithWebIdentity web"],
    roles: [{ arn: webRole, trusts: [{ issuer: openIdProvider.issuer, StringEquals: { sub: "pod" } }] }]
  },
  "a program": {
    profile: "credential_process = give-keys\n",
    arn: arnOfUser("process"),
    calls: [],
    programs: ["give-keys"]
  },
  "the environment": {
    lines: "credential_source = Environment\n",
    setup: { environment: keyVariables("environment") },
    arn: arnOfUser("environment"),
    calls: []
  },
  "the container": {
    lines: "credential_source = EcsContainer\n",
    setup: { environment: { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/role" } },
    arn: arnOfUser("container"),
    calls: ["GET http://169.254.170.2/role"]
  },
  "the instance": {
    lines: "credential_source = Ec2InstanceMetadata\n",
    setup: { instance: true },
    arn: arnOfUser("instance"),
    calls: [
      `PUT ${metadata}/api/token`,
      `GET ${metadata}/meta-data/iam/security-credentials/`,
      `GET ${metadata}/meta-data/iam/security-credentials/machine`
    ]
  }
}

/** What a role's profile says beside, by the number of its hop, and what STS is to be sent for it. */
interface Setting {
  readonly lines: (hop: number) => string
  readonly sent: (hop: number) => Readonly<Record<string, string>>
  readonly host?: (hop: number) => string
  readonly role?: (hop: number) => Partial<NonNullable<IdentityCenter.Options["roles"]>[number]>
}

const deviceOf = (hop: number) => `arn:aws:iam::111122223333:mfa/device-${hop}`
const codeOf = (serialNumber: string) => `12345${serialNumber.at(-1)}`

const settings: Readonly<Record<string, Setting>> = {
  external_id: {
    lines: (hop) => `external_id = external-${hop}\n`,
    sent: (hop) => ({ ExternalId: `external-${hop}` }),
    role: (hop) => ({ externalId: `external-${hop}` })
  },
  role_session_name: {
    lines: (hop) => `role_session_name = session-${hop}\n`,
    sent: (hop) => ({ RoleSessionName: `session-${hop}` })
  },
  duration_seconds: {
    lines: (hop) => `duration_seconds = ${900 + hop}\n`,
    sent: (hop) => ({ DurationSeconds: String(900 + hop) })
  },
  mfa_serial: {
    lines: (hop) => `mfa_serial = ${deviceOf(hop)}\n`,
    sent: (hop) => ({ SerialNumber: deviceOf(hop), TokenCode: codeOf(deviceOf(hop)) }),
    role: (hop) => ({ mfa: { serialNumber: deviceOf(hop), code: codeOf(deviceOf(hop)) } })
  },
  region: {
    lines: (hop) => `region = eu-west-${hop}\n`,
    sent: () => ({}),
    host: (hop) => `sts.eu-west-${hop}.amazonaws.com`
  }
}

const roleArn = (hop: number) => `arn:aws:iam::44445555666${hop}:role/hop-${hop}`

const mfaCode: AwsIdentity.Options["mfaCode"] = (serialNumber) => Effect.succeed(Redacted.make(codeOf(serialNumber)))

describe("a chain of roles", () => {
  for (const [rootName, root] of Object.entries(roots)) {
    for (const hops of [1, 2, 3].slice(0, root.longest)) {
      it.effect(`on ${rootName}, of ${hops}`, () =>
        Effect.gen(function*() {
          const numbers = Array.from({ length: hops }, (_, index) => index + 1)
          // Nothing at all, another setting at each hop in turns, and everything at once.
          const names = Object.keys(settings)
          const everything = numbers.flatMap((hop) => names.map((name) => ({ hop, name })))
          const inTurns = names.map((_, turn) =>
            everything.filter(({ hop, name }) => names[(turn + hop) % names.length] === name)
          )
          for (const chosen of [[], ...inTurns, everything]) {
            const at = (hop: number) =>
              chosen.flatMap(({ hop: its, name }) =>
                its === hop && settings[name] !== undefined ? [settings[name]] : []
              )
            const profile = (hop: number) =>
              `[profile hop-${hop}]\nrole_arn = ${roleArn(hop)}\n` +
              (hop < hops
                ? `source_profile = hop-${hop + 1}\n`
                : root.lines?.replace("<self>", `hop-${hop}`) ?? "source_profile = root\n") +
              at(hop).map(({ lines }) => lines(hop)).join("")
            const sourceArn = (hop: number) => hop === hops ? root.arn : roleArn(hop + 1)
            const setup: Setup = {
              ...root.setup,
              config: numbers.map(profile).join("\n") + ssoSession +
                (root.profile === undefined ? "" : `[profile root]\n${root.profile}`),
              credentials: root.credentials,
              roles: [
                ...root.roles ?? [],
                ...numbers.map((hop) =>
                  Object.assign(
                    { arn: roleArn(hop), trusts: [sourceArn(hop)] },
                    ...at(hop).map(({ role }) => role?.(hop))
                  )
                )
              ]
            }
            yield* Effect.gen(function*() {
              const credentials = yield* settled(get)
              const { calls, programs } = yield* Machine
              const label = JSON.stringify(chosen)
              const last = calls.slice(root.calls.length)
              const own = (call: Call | undefined) => call?.parameters["RoleSessionName"] ?? ""
              const sessionOf = (hop: number) => {
                const role = /::(\d+):role\/(.*)/.exec(roleArn(hop))
                return `arn:aws:sts::${role?.[1]}:assumed-role/${role?.[2]}/${own(last[hops - hop])}`
              }
              assert.deepStrictEqual(
                calls.map(lineOf),
                [
                  ...root.calls,
                  ...numbers.map((hop) => `AssumeRole hop-${hop} by ${hop === hops ? root.arn : sessionOf(hop + 1)}`)
                    .reverse()
                ],
                label
              )
              assert.deepStrictEqual(programs, [...root.programs ?? []], label)
              for (const hop of numbers) {
                const call = last[hops - hop]
                assert.deepStrictEqual(
                  call?.parameters,
                  Object.assign(
                    { RoleArn: roleArn(hop), RoleSessionName: own(call) },
                    ...at(hop).map(({ sent }) => sent(hop))
                  ),
                  label
                )
                if (!at(hop).some(({ sent }) => "RoleSessionName" in sent(hop))) {
                  assert.match(own(call), /^effect-aws-identity-\d+$/)
                }
                // Each role is assumed in the region of the profile that was asked for, as in AWS SDK v3.
                const host = at(1).flatMap((setting) => setting.host?.(1) ?? [])[0]
                assert.strictEqual(call?.host, host ?? "sts.us-east-1.amazonaws.com", label)
              }
              assert.strictEqual(yield* ownerOf(credentials), sessionOf(1), label)
              assert.strictEqual(Option.getOrUndefined(credentials.accountId), "444455556661", label)
              const seconds = at(1).flatMap(({ sent }) => Number(sent(1)["DurationSeconds"] ?? [])).find((n) => n > 0)
              const left = DateTime.toEpochMillis(Option.getOrThrow(credentials.expiration)) -
                (yield* Clock.currentTimeMillis)
              assert.closeTo(left / 1000, seconds ?? 3600, 30, label)
            }).pipe(Effect.provide(identity({ profile: "hop-1", mfaCode })), on(setup))
          }
        }))
    }
  }
})

// ---------------------------------------------------------------------------------------------------------------
// What cannot be followed
// ---------------------------------------------------------------------------------------------------------------

interface Row extends Setup {
  readonly name: string
  /** The profile that is asked for: `dev`; null asks for none. */
  readonly profile?: string | null
  readonly tag: IdentityError.IdentityError["_tag"]
  /** `<id>` stands for that of the request. */
  readonly message: string
  readonly calls?: ReadonlyArray<string>
  readonly mfaCode?: AwsIdentity.Options["mfaCode"]
}

const role = "role_arn = arn:aws:iam::111122223333:role/deploy\n"
const sources = `[profile keys]\n${keyLines("static")}`
/** A profile, dev, that takes its credentials from another, base, of which only the lines are said. */
const link = (lines: string) => `[profile dev]\n${role}source_profile = base\n[profile base]\n${lines}`

const rows: ReadonlyArray<Row> = [
  {
    name: "no files",
    profile: null,
    tag: "NotConfigured",
    message: "No profile \"default\" in config (no such file) or credentials (no such file). Profiles found there: " +
      "none. Run \"aws configure sso\" to create it, or choose another with AWS_PROFILE; if your files are " +
      "elsewhere, set AWS_CONFIG_FILE."
  },
  {
    name: "no such profile",
    config: "[profile dve]\n",
    credentials: "[old]\n",
    tag: "ProfileNotFound",
    message: "No profile \"dev\" in config or credentials. Profiles found there: dve, old. Check the name (the " +
      "\"profile\" option or AWS_PROFILE), or run \"aws configure sso --profile dev\" to create it."
  },
  {
    name: "a profile without a name",
    profile: "",
    config: "[default]\n",
    tag: "ProfileNotFound",
    message: "No profile \"\" in config or credentials (no such file). Profiles found there: default. Check the " +
      "name (the \"profile\" option or AWS_PROFILE), or run \"aws configure sso --profile ''\" to create it."
  },
  {
    name: "a profile that AWS_PROFILE names and that is not there",
    profile: null,
    config: "[default]\n",
    environment: { AWS_PROFILE: "dve" },
    tag: "ProfileNotFound",
    message: "No profile \"dve\" in config or credentials (no such file). Profiles found there: default. Check the " +
      "name (the \"profile\" option or AWS_PROFILE), or run \"aws configure sso --profile dve\" to create it."
  },
  {
    name: "an empty profile",
    config: "[profile dev]\n",
    tag: "NotConfigured",
    message: "Profile \"dev\" (config:1) has no credentials: no role_arn, sso_account_id, aws_access_key_id or " +
      "credential_process. Run \"aws configure sso --profile dev\", or choose another with AWS_PROFILE."
  },
  {
    name: "only a region",
    config: "\n[profile dev]\nregion = eu-west-1\nsdk_ua_app_id = x\n",
    tag: "NotConfigured",
    message: "Profile \"dev\" (config:2) has no credentials: no role_arn, sso_account_id, aws_access_key_id or " +
      "credential_process. Run \"aws configure sso --profile dev\", or choose another with AWS_PROFILE."
  },
  ...["role_session_name", "aws_session_token", "sso_region", "mfa_serial"].map((key) => ({
    name: `only ${key}`,
    config: `[profile dev]\nregion = eu-west-1\n${key} = x\n`,
    tag: "InvalidConfig" as const,
    message: `config:3:1: [profile dev] has ${key}, but not the other keys that credentials need (for profile ` +
      "\"dev\"). Add them: role_arn with its source, sso_account_id and sso_role_name, both access keys, or " +
      "credential_process."
  })),
  ...[
    ["sso_acount_id", "sso_account_id"],
    ["sso-account-id", "sso_account_id"],
    ["ssoAccountId", "sso_account_id"],
    ["\u200bsso_account_id", "sso_account_id"],
    ["aws_acess_key_id", "aws_access_key_id"],
    ["role-arn", "role_arn"],
    ["role_anr", "role_arn"],
    ["credentials_process", "credential_process"],
    ["web_identity_token_fil", "web_identity_token_file"]
  ].map(([key, right]) => ({
    name: `${key} for ${right}`,
    config: `[profile dev]\nregion = eu-west-1\n${key} = x\n`,
    tag: "InvalidConfig" as const,
    message: `config:3:1: [profile dev] has ${key?.toLowerCase()}, which AWS's tools do not know (for profile ` +
      `"dev"). Write it ${right}.`
  })),
  {
    name: "a misspelt role_arn beside keys",
    config: `[profile dev]\n${keyLines("static")}role-arn = x\nsource_profile = dev\n`,
    tag: "InvalidConfig",
    message: `config:${keyLines("static").split("\n").length + 1}:1: [profile dev] has role-arn, which AWS's tools ` +
      "do not know (for profile \"dev\"). Write it role_arn."
  },
  ...[
    ["aws_access_key", "aws_access_key_id"],
    ["export AWS_SECRET_ACCESS_KEY", "aws_secret_access_key"],
    ["sso_account", "sso_account_id"],
    ["aws_security_token", "aws_session_token"]
  ].map(([key, right]) => ({
    name: `${key} alone, which resembles ${right}`,
    config: `[profile dev]\nregion = eu-west-1\n${key} = x\n`,
    tag: "InvalidConfig" as const,
    message: `config:3:1: [profile dev] has ${key?.toLowerCase()}, but no ${right}, and gives no credentials (for ` +
      `profile "dev"). Write it ${right} if that is meant, or remove that line.`
  })),
  {
    name: "keys that are set to nothing",
    config:
      "[profile dev]\naws_access_key_id =\naws_secret_access_key =\nrole_arn =\nsso_account_id =\ncredential_process =\n",
    tag: "InvalidConfig",
    message: "config:2:1: [profile dev] has aws_access_key_id without a value (for profile \"dev\"). Give it a " +
      "value, or remove that line."
  },
  {
    name: "an empty profile as a link",
    config: link("region = eu-west-1\n"),
    tag: "InvalidConfig",
    message: "config:4:1: [profile base] has no credentials: no role_arn, sso_account_id, aws_access_key_id or " +
      "credential_process, and profile \"dev\" takes its own from it (for profile \"base\"). Add some, or " +
      "change source_profile of profile \"dev\"."
  },
  {
    name: "a link that is not there",
    config: `[profile dev]\n${role}source_profile = nobody\n${sources}`,
    tag: "InvalidConfig",
    message: "config:3:1: [profile dev] names source_profile = nobody, but there is no such profile in config or " +
      "credentials (no such file) (for profile \"dev\"). Add it, or name one that is there: dev, keys."
  },
  {
    name: "a link in the middle that is not there",
    config: link(`${role}source_profile = nobody\n`),
    tag: "InvalidConfig",
    message: "config:6:1: [profile base] names source_profile = nobody, but there is no such profile in config or " +
      "credentials (no such file) (for profile \"base\"). Add it, or name one that is there: dev, base."
  },
  {
    name: "a line of a link that cannot be read",
    config: link("what is this\n"),
    tag: "InvalidConfig",
    message: "config:5:1: [profile base] cannot be read here. A line is \"key = value\", a comment, or a [section " +
      "header] (for profile \"base\"). Correct or remove that line."
  },
  {
    name: "a role without a source",
    config: `[profile dev]\n${role}`,
    tag: "InvalidConfig",
    message: "config:2:1: [profile dev] has a role_arn, but nothing to assume it with (for profile \"dev\"). Add a " +
      "source_profile, a credential_source or a web_identity_token_file."
  },
  {
    name: "a role without a source, beside keys",
    config: `[profile dev]\n${role}${keyLines("static")}`,
    tag: "InvalidConfig",
    message: "config:2:1: [profile dev] has a role_arn, but nothing to assume it with (for profile \"dev\"). Add a " +
      "source_profile, a credential_source or a web_identity_token_file."
  },
  {
    name: "a role without a source, beside a sign-in",
    config: `[profile dev]\n${role}${ssoLines}${ssoSession}`,
    tag: "InvalidConfig",
    message: "config:2:1: [profile dev] has a role_arn, but nothing to assume it with (for profile \"dev\"). Add a " +
      "source_profile, a credential_source or a web_identity_token_file."
  },
  {
    name: "a role without a source as a link",
    config: link(role),
    tag: "InvalidConfig",
    message: "config:5:1: [profile base] has a role_arn, but nothing to assume it with (for profile \"base\"). Add " +
      "a source_profile, a credential_source or a web_identity_token_file."
  },
  {
    name: "a role whose token is a program's",
    config: `[profile dev]\n${role}web_identity_token_process = give-token\n`,
    tag: "InvalidConfig",
    message: "config:3:1: [profile dev] has a web_identity_token_process, which is not supported here (for " +
      "profile \"dev\"). Use a web_identity_token_file, or in code WebIdentityCredentials.layer with " +
      "WebIdentityToken.fromCommand."
  },
  {
    name: "both sources",
    config: `[profile dev]\n${role}credential_source = Environment\nsource_profile = keys\n${sources}`,
    environment: keyVariables("environment"),
    tag: "InvalidConfig",
    message: "config:3:1: [profile dev] has both a source_profile and a credential_source (for profile \"dev\"). " +
      "Remove one of them: the role is assumed with the credentials of the other."
  },
  {
    name: "an unknown source",
    config: `[profile dev]\n${role}credential_source = environment\n`,
    environment: keyVariables("environment"),
    tag: "InvalidConfig",
    message: "config:3:1: [profile dev] has credential_source = environment, which has other capital letters (for " +
      "profile \"dev\"). Write Environment."
  },
  {
    name: "a source by a name of JavaScript's",
    config: `[profile dev]\n${role}credential_source = __proto__\n`,
    tag: "InvalidConfig",
    message: "config:3:1: [profile dev] has credential_source = __proto__, which is not Environment or " +
      "EcsContainer or Ec2InstanceMetadata (for profile \"dev\"). Write Environment or EcsContainer or " +
      "Ec2InstanceMetadata."
  },
  {
    name: "a source_profile without a role",
    config: `[profile dev]\nsource_profile = keys\n${sources}`,
    tag: "InvalidConfig",
    message: "config:2:1: [profile dev] has a source_profile, but no role_arn to assume with it (for profile " +
      "\"dev\"). Add the role_arn, or remove that line."
  },
  {
    name: "a credential_source without a role",
    config: "[profile dev]\ncredential_source = Environment\n",
    environment: keyVariables("environment"),
    tag: "InvalidConfig",
    message: "config:2:1: [profile dev] has a credential_source, but no role_arn to assume with it (for profile " +
      "\"dev\"). Add the role_arn, or remove that line."
  },
  {
    name: "an environment without keys",
    config: `[profile dev]\n${role}credential_source = Environment\n`,
    tag: "CredentialsUnavailable",
    message: "No credentials from credential_source Environment: Neither AWS_ACCESS_KEY_ID nor " +
      "AWS_SECRET_ACCESS_KEY is set (profile \"dev\", config:1). Set both, and AWS_SESSION_TOKEN with " +
      "temporary credentials."
  },
  {
    name: "an environment with half of them",
    config: `[profile dev]\n${role}credential_source = Environment\n`,
    environment: { AWS_SECRET_ACCESS_KEY: keyVariables("environment").AWS_SECRET_ACCESS_KEY },
    tag: "CredentialsUnavailable",
    message: "No credentials from the environment: AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not " +
      "(profile \"dev\", config:1). Set AWS_ACCESS_KEY_ID too, or remove AWS_SECRET_ACCESS_KEY to have " +
      "credentials looked for elsewhere."
  },
  {
    name: "no container",
    config: `[profile dev]\n${role}credential_source = EcsContainer\n`,
    tag: "CredentialsUnavailable",
    message: "No credentials from credential_source EcsContainer: Neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI " +
      "nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set (profile \"dev\", config:1). ECS sets the one for a " +
      "task with a task role, EKS the other for a pod whose service account has a Pod Identity " +
      "association; what was started before the association does not have it."
  },
  {
    name: "a container that gives none",
    config: `[profile dev]\n${role}credential_source = EcsContainer\n`,
    environment: { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/role" },
    agentStatus: 403,
    tag: "CredentialsUnavailable",
    message: "No credentials from the container's credential server http://169.254.170.2: it answered with status " +
      "403 (profile \"dev\", config:1). Check the role of the task, or the Pod Identity association, and " +
      "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE.",
    calls: ["GET http://169.254.170.2/role"]
  },
  {
    name: "no instance",
    config: `[profile dev]\n${role}credential_source = Ec2InstanceMetadata\n`,
    tag: "CredentialsUnavailable",
    message: "No credentials from credential_source Ec2InstanceMetadata: There is no instance metadata service at " +
      "http://169.254.169.254: it cannot be reached (ECONNREFUSED) (profile \"dev\", config:1). On an EC2 " +
      "instance, check that it is on (HttpEndpoint), that no proxy stands between and, in a container, " +
      "that the hop limit (HttpPutResponseHopLimit) is at least 2.",
    calls: ["PUT http://169.254.169.254/latest/api/token"]
  },
  {
    name: "an instance that must not be asked, as a link",
    config: link(`${role}credential_source = Ec2InstanceMetadata\n`),
    environment: { AWS_EC2_METADATA_DISABLED: "true" },
    instance: true,
    tag: "CredentialsUnavailable",
    message: "No credentials from credential_source Ec2InstanceMetadata: AWS_EC2_METADATA_DISABLED is set " +
      "(profile \"base\", config:4). Unset it to use the role of an EC2 instance."
  },
  {
    name: "itself as source, without keys",
    config: `[profile dev]\n${role}source_profile = dev\n`,
    tag: "InvalidConfig",
    message: "config:3:1: [profile dev] names a source_profile that leads back to itself: dev -> dev (for profile " +
      "\"dev\"). Let one of them have credentials of its own."
  },
  {
    name: "itself as source, with half the keys",
    config: `[profile dev]\n${role}source_profile = dev\n${keyLines("static").replace(/\n.*/s, "\n")}`,
    tag: "InvalidConfig",
    message: "config:1:1: [profile dev] has no aws_secret_access_key (for profile \"dev\"). Add " +
      "\"aws_secret_access_key = <value>\" to that section."
  },
  {
    name: "itself as source, without keys, as a link",
    config: link(`${role}source_profile = base\n`),
    tag: "InvalidConfig",
    message: "config:6:1: [profile base] names a source_profile that leads back to itself: dev -> base -> base " +
      "(for profile \"base\"). Let one of them have credentials of its own."
  },
  {
    name: "a circle of two",
    config: link(`${role}source_profile = dev\n`),
    tag: "InvalidConfig",
    message: "config:6:1: [profile base] names a source_profile that leads back to itself: dev -> base -> dev " +
      "(for profile \"base\"). Let one of them have credentials of its own."
  },
  {
    name: "a circle of three",
    config: `${link(`${role}source_profile = third\n`)}[profile third]\n${role}source_profile = dev\n`,
    tag: "InvalidConfig",
    message: "config:9:1: [profile third] names a source_profile that leads back to itself: dev -> base -> third " +
      "-> dev (for profile \"third\"). Let one of them have credentials of its own."
  },
  {
    name: "a circle that it is not part of",
    config: `${link(`${role}source_profile = third\n`)}[profile third]\n${role}source_profile = base\n`,
    tag: "InvalidConfig",
    message: "config:9:1: [profile third] names a source_profile that leads back to itself: dev -> base -> third " +
      "-> base (for profile \"third\"). Let one of them have credentials of its own."
  },
  {
    name: "a circle over both files",
    config: `[profile dev]\n${role}`,
    credentials: `[dev]\nsource_profile = base\n[base]\n${role}source_profile = dev\n`,
    tag: "InvalidConfig",
    message: "credentials:5:1: [base] names a source_profile that leads back to itself: dev -> base -> dev (for " +
      "profile \"base\"). Let one of them have credentials of its own."
  },
  {
    name: "no secret key",
    config: `[profile dev]\n${keyLines("static").replace(/\n.*/s, "\n")}`,
    tag: "InvalidConfig",
    message: "config:1:1: [profile dev] has no aws_secret_access_key (for profile \"dev\"). Add " +
      "\"aws_secret_access_key = <value>\" to that section."
  },
  {
    name: "no key id",
    config: `[profile dev]\n${keyLines("static").replace(/.*\n/, "")}`,
    tag: "InvalidConfig",
    message: "config:1:1: [profile dev] has no aws_access_key_id (for profile \"dev\"). Add \"aws_access_key_id = " +
      "<value>\" to that section."
  },
  {
    name: "no secret key, but a program",
    config: `[profile dev]\n${keyLines("static").replace(/\n.*/s, "\n")}credential_process = give-keys\n`,
    tag: "InvalidConfig",
    message: "config:1:1: [profile dev] has no aws_secret_access_key (for profile \"dev\"). Add " +
      "\"aws_secret_access_key = <value>\" to that section."
  },
  {
    name: "no secret key in a link that names a role",
    config: link(`${role}source_profile = keys\n${keyLines("static").replace(/\n.*/s, "\n")}${sources}`),
    tag: "InvalidConfig",
    message: "config:4:1: [profile base] has no aws_secret_access_key (for profile \"base\"). Add " +
      "\"aws_secret_access_key = <value>\" to that section."
  },
  {
    name: "a token file without a role",
    config: `[profile dev]\nweb_identity_token_file = ${tokenPath}\n`,
    tag: "InvalidConfig",
    message: "config:1:1: [profile dev] has no role_arn (for profile \"dev\"). Add \"role_arn = <ARN of the role>\" " +
      "to that section."
  },
  {
    name: "a token file that is not there",
    config: `[profile dev]\n${role}web_identity_token_file = /no/token\nsource_profile = keys\n${sources}`,
    tag: "CredentialsUnavailable",
    message:
      "No credentials from the web identity token file /no/token: there is no such file (profile \"dev\", config:1). " +
      "Check AWS_WEB_IDENTITY_TOKEN_FILE or web_identity_token_file, and that the issuer of the tokens " +
      "writes them there."
  },
  {
    name: "a token that is not trusted, in a link",
    config: link(`web_identity_token_file = ${tokenPath}\nrole_arn = ${webRole}\n`),
    roles: [],
    tag: "AccessDeniedException",
    message: "STS assumeRoleWithWebIdentity failed with AccessDenied (403): Not authorized to perform " +
      "sts:AssumeRoleWithWebIdentity [request <id>] (profile \"base\", config:4). It was about role " +
      `${webRole} and a token with issuer ` +
      "\"https://oidc.example.com\", audience \"sts.amazonaws.com\", subject \"pod\". Check the role's ARN, and " +
      "its trust policy: its principal has to be the token's issuer, and its conditions have to fit the " +
      "token's audience and subject.",
    calls: ["AssumeRoleWithWebIdentity web"]
  },
  {
    name: "a sign-in for a token alone",
    config: `[profile dev]\nsso_session = corp\n${ssoSession}`,
    tag: "InvalidConfig",
    message: "config:2:1: [profile dev] has an SSO session, but neither sso_account_id nor sso_role_name: it " +
      "gives a token, and no credentials (for profile \"dev\"). Add both; \"aws configure sso\" lists those " +
      "there are."
  },
  {
    name: "a sign-in for a token alone, of the old kind",
    config: "[profile dev]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n",
    tag: "InvalidConfig",
    message: "config:2:1: [profile dev] has an SSO session, but neither sso_account_id nor sso_role_name: it " +
      "gives a token, and no credentials (for profile \"dev\"). Add both; \"aws configure sso\" lists those " +
      "there are."
  },
  {
    name: "a sign-in for a token alone as a link",
    config: link(`sso_session = corp\n${ssoSession}`),
    tag: "InvalidConfig",
    message: "config:5:1: [profile base] has an SSO session, but neither sso_account_id nor sso_role_name: it " +
      "gives a token, and no credentials (for profile \"base\"). Add both; \"aws configure sso\" lists those " +
      "there are."
  },
  {
    name: "half a sign-in",
    config: `[profile dev]\nsso_session = corp\nsso_role_name = Developer\n${keyLines("static")}${ssoSession}`,
    tag: "InvalidConfig",
    message: "config:1:1: [profile dev] has no sso_account_id (for profile \"dev\"). Add \"sso_account_id = <12 " +
      "digits>\" to that section."
  },
  {
    name: "a sign-in without a session",
    config: "[profile dev]\nsso_account_id = 111122223333\nsso_role_name = Developer\n",
    tag: "InvalidConfig",
    message: "config:1:1: [profile dev] has no sso_start_url (for profile \"dev\"). Add \"sso_start_url = <the URL " +
      "of your AWS access portal>\" to that section."
  },
  {
    name: "a sign-in that nobody has done, in a link",
    config: link(ssoLines.replace("corp", "other") + ssoSession.replace("corp", "other")),
    tag: "SsoLoginRequired",
    message: "Not signed in to SSO session \"other\": there is no token file " +
      "[/home/me/.aws/sso/cache/d0941e68da8f38151ff86a61fc59f7c5cf9fcaa2.json] (profile \"base\", config:4). " +
      "Run \"aws sso login --sso-session other\", or sign in with SsoLogin.device."
  },
  {
    name: "a role that is not assigned, in a link",
    config: link(ssoLines.replace("Developer", "Admin") + ssoSession),
    tag: "RoleNotAssigned",
    message: "No access to role \"Admin\" of account 111122223333 (profile \"base\", config:4) [request <id>]. Check " +
      "sso_account_id and sso_role_name against Sso.listAccountRoles, or ask your administrator to assign " +
      "the permission set; one assigned since you signed in shows after a new sign-in.",
    calls: ["GET /federation/credentials"]
  },
  {
    name: "a console login",
    config: "[profile dev]\nlogin_session = arn:aws:iam::111122223333:user/me\n",
    tag: "InvalidConfig",
    message: "config:2:1: [profile dev] has a login_session, which is not supported here (for profile \"dev\"). Let " +
      "the AWS CLI do it, in a profile of its own: credential_process = aws configure export-credentials " +
      "--profile dev --format process"
  },
  {
    name: "a console login as a link",
    config: link("login_session = arn:aws:iam::111122223333:user/me\n"),
    tag: "InvalidConfig",
    message: "config:5:1: [profile base] has a login_session, which is not supported here (for profile \"base\"). " +
      "Let the AWS CLI do it, in a profile of its own: credential_process = aws configure " +
      "export-credentials --profile base --format process"
  },
  {
    name: "a program for a token, and no role",
    config: "[profile dev]\nweb_identity_token_process = give-token\n",
    tag: "InvalidConfig",
    message: "config:2:1: [profile dev] has a web_identity_token_process, which is not supported here (for " +
      "profile \"dev\"). Use a web_identity_token_file, or in code WebIdentityCredentials.layer with " +
      "WebIdentityToken.fromCommand."
  },
  {
    name: "a program that fails",
    config: "[profile dev]\ncredential_process = give-nothing\n",
    tag: "CredentialsUnavailable",
    message:
      "No credentials from the program \"give-nothing\": it ended with exit code 3: \"not signed in\" (profile " +
      "\"dev\", config:1). Run credential_process of profile \"dev\" in a terminal to see what it wants."
  },
  {
    name: "a program that is not there, in a link",
    config: link("credential_process = no-such-program --of mine\n"),
    tag: "CredentialsUnavailable",
    message: "No credentials from the program \"no-such-program\": no such program was found (profile \"base\", " +
      "config:4). Install the program, or correct credential_process of profile \"base\": a full path is " +
      "safest."
  },
  {
    name: "a program without a name",
    config: "[profile dev]\ncredential_process = \"\"\n",
    tag: "CredentialsUnavailable",
    message: "No credentials from the program \"\": no such program was found (profile \"dev\", config:1). Install " +
      "the program, or correct credential_process of profile \"dev\": a full path is safest."
  },
  {
    name: "a program's line that cannot be read",
    config: "[profile dev]\ncredential_process = give 'keys\n",
    tag: "CredentialsUnavailable",
    message: "No credentials from credential_process: its command line has a ' that is never closed (profile " +
      "\"dev\", config:1). Correct credential_process of profile \"dev\"."
  },
  {
    name: "an MFA device and no mfaCode",
    config: `[profile dev]\n${role}mfa_serial = arn:aws:iam::111122223333:mfa/me\nsource_profile = keys\n${sources}`,
    tag: "InvalidConfig",
    message: "config:3:1: [profile dev] requires the code of an MFA device, but the program has no mfaCode " +
      "(for profile \"dev\"). Pass mfaCode to AwsIdentity.layer or ProfileCredentials, or use a role that needs no code."
  },
  {
    name: "a duration that is none",
    config: `[profile dev]\n${role}duration_seconds = 1h\nsource_profile = keys\n${sources}`,
    tag: "InvalidConfig",
    message: "config:3:1: [profile dev] has duration_seconds = 1h, which has a unit (for profile \"dev\"). Write the " +
      "number of seconds alone, such as 3600."
  },
  {
    name: "a duration that no role has",
    config: `[profile dev]\n${role}duration_seconds = 60\nsource_profile = keys\n${sources}`,
    tag: "InvalidConfig",
    message: "config:3:1: [profile dev] has duration_seconds = 60, which is not from 900 to 43200 (for profile " +
      "\"dev\"). Write seconds, 15 minutes to 12 hours: 900 to 43200."
  },
  {
    name: "a region that is none",
    config: `[profile dev]\n${role}region = Ireland!\nsource_profile = keys\n${sources}`,
    tag: "InvalidConfig",
    message: "config:3:1: [profile dev] has region = Ireland!, which is not a region name, such as us-east-1 (for " +
      "profile \"dev\"). Write a region name, such as us-east-1."
  },
  {
    name: "a role's ARN that is none",
    config: `[profile dev]\nrole_arn = deploy\nsource_profile = keys\n${sources}`,
    tag: "InvalidConfig",
    message: "config:2:1: [profile dev] has role_arn = deploy, which is not an ARN (for profile \"dev\"). Write the " +
      "ARN of a role: arn:aws:iam::123456789012:role/name."
  },
  {
    name: "a role that does not trust its source",
    config: `[profile dev]\n${role}source_profile = keys\n${sources}`,
    roles: [],
    tag: "AccessDeniedException",
    message: "STS assumeRole failed with AccessDenied (403): User: arn:aws:iam::111122223333:user/static is not " +
      "authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/deploy [request " +
      "<id>] (profile \"dev\", config:1). It was about role arn:aws:iam::111122223333:role/deploy, assumed with " +
      "the credentials of source_profile \"keys\". The role's trust policy has to name the caller (and the external " +
      "id, if it asks for one), and the caller's own policies have to allow sts:AssumeRole on the role.",
    calls: ["AssumeRole deploy by arn:aws:iam::111122223333:user/static"]
  },
  {
    name: "a role in the middle that does not trust its source",
    config: link(`role_arn = arn:aws:iam::111122223333:role/middle\nsource_profile = keys\n${sources}`),
    roles: [],
    tag: "AccessDeniedException",
    message: "STS assumeRole failed with AccessDenied (403): User: arn:aws:iam::111122223333:user/static is not " +
      "authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/middle [request " +
      "<id>] (profile \"base\", config:4). It was about role arn:aws:iam::111122223333:role/middle, assumed with " +
      "the credentials of source_profile \"keys\". The role's trust policy has to name the caller (and the external " +
      "id, if it asks for one), and the caller's own policies have to allow sts:AssumeRole on the role.",
    calls: ["AssumeRole middle by arn:aws:iam::111122223333:user/static"]
  },
  {
    name: "keys that AWS does not know, at the beginning of a long chain",
    config: link(
      `${role}source_profile = third\n[profile third]\n${role}source_profile = fourth\n[profile fourth]\n${role}source_profile = unknown\n[profile unknown]\n${
        keyLines("unknown")
      }`
    ),
    tag: "ServiceError",
    message: "STS assumeRole failed with InvalidClientTokenId (403): The security token included in the request " +
      "is invalid. [request <id>] (profile \"fourth\", config:10). It was about role arn:aws:iam::111122223333:role/deploy, assumed with the " +
      "credentials of source_profile \"unknown\". The access key that signed was deleted or deactivated, or is a temporary one " +
      "(ASIA...) without its own session token (AWS_SESSION_TOKEN, aws_session_token). If it works elsewhere: the " +
      "region is an opt-in region that the account has not enabled, or of another partition.",
    calls: ["AssumeRole deploy by AKIAUNKNOWN000000000"]
  },
  {
    name: "an MFA device whose code the person does not give",
    config: `[profile dev]\n${role}mfa_serial = my-device\nsource_profile = keys\n${sources}`,
    mfaCode: () => Effect.fail({ _tag: "QuitException", typed: "MARKED" }),
    tag: "CredentialsUnavailable",
    message: "No credentials from the MFA device my-device: mfaCode failed with QuitException (profile \"dev\", " +
      "config:1). Look at where the program gets the codes of its MFA devices from."
  },
  {
    name: "an MFA device that nobody has set up, in a link",
    config: link(`${role}mfa_serial = my-device\nsource_profile = keys\n${sources}`),
    mfaCode: () =>
      Effect.fail(
        new IdentityError.NotConfigured({ provider: "MFA", problem: "No device is set up", remedy: "Set one up." })
      ),
    tag: "CredentialsUnavailable",
    message: "No credentials from the MFA device my-device: No device is set up (profile \"base\", config:4). Set " +
      "one up."
  }
]

/** `AwsIdentity.layer` without a profile is the default chain; this is not. */
const chosenByVariable = Layer.provide(ProfileCredentials.layer(), identity())

describe("a profile that cannot be followed", () => {
  for (const { calls = [], message, name, profile = "dev", tag, mfaCode, ...setup } of rows) {
    it.effect(`${name}: ${tag}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(discreetly(
          Effect.provide(get, profile === null ? chosenByVariable : identity({ profile, mfaCode }))
        ))
        assert.strictEqual(error.message.replace(/\[request [0-9a-f]+\]/, "[request <id>]"), message)
        assert.strictEqual(error._tag, tag)
        assert.deepStrictEqual((yield* Machine).calls.map(lineOf), calls)
      }).pipe(on(setup)))
  }
})

// ---------------------------------------------------------------------------------------------------------------
// Names and lengths
// ---------------------------------------------------------------------------------------------------------------

describe("a source_profile", () => {
  for (const name of ["__proto__", "constructor", "two words", "größe-日本", "a/b=c", "-"]) {
    it.effect(`called ${name} is that profile`, () =>
      Effect.gen(function*() {
        assert.match(yield* ownerOf(yield* get), /^arn:aws:sts::111122223333:assumed-role\/deploy\//)
        assert.deepStrictEqual((yield* Machine).calls.map(lineOf), [`AssumeRole deploy by ${arnOfUser("static")}`])
      }).pipe(
        Effect.provide(identity({ profile: "dev" })),
        on({ config: `[profile dev]\n${role}source_profile = ${name}\n[profile "${name}"]\n${keyLines("static")}` })
      ))
  }

  it.effect("may be the 60th of a chain, which is gone through once", () =>
    Effect.gen(function*() {
      yield* settled(get)
      assert.strictEqual((yield* Machine).calls.length, 59)
    }).pipe(
      Effect.provide(identity({ profile: "p1" })),
      on({
        config: Array.from({ length: 59 }, (_, index) =>
          `[profile p${index + 1}]\n${role}source_profile = p${index + 2}\n`).join("") +
          `[profile p60]\n${keyLines("static")}`
      })
    ))
})

// ---------------------------------------------------------------------------------------------------------------
// Whatever profiles say
// ---------------------------------------------------------------------------------------------------------------

describe("whatever profiles say", () => {
  const indices = [0, 1, 2, 3, 4, 5, 6, 7]
  const rarely = <A>(value: A) => fc.constantFrom(value, undefined, undefined, undefined)
  const profileKeys = fc.record({
    role: fc.boolean(),
    source: fc.option(fc.constantFrom(...indices, 8), { nil: undefined, freq: 3 }),
    credentialSource: fc.constantFrom("Environment", "EcsContainer", "Else", ...Array(9).fill(undefined)),
    keyId: rarely(true),
    secretKey: rarely(true),
    sso: fc.constantFrom("whole", "half", "token", ...Array(7).fill(undefined)),
    token: rarely(true),
    process: fc.constantFrom("give-keys", "give-nothing", ...Array(6).fill(undefined)),
    login: fc.constantFrom(true, ...Array(9).fill(undefined))
  })
  type Keys = typeof profileKeys extends fc.Arbitrary<infer K> ? K : never

  const text = (keys: Keys, index: number): string =>
    [
      `[profile p${index}]`,
      ...keys.role ? [`role_arn = arn:aws:iam::111122223333:role/r${index}`] : [],
      ...keys.source === undefined ? [] : [`source_profile = p${keys.source}`],
      ...keys.credentialSource === undefined ? [] : [`credential_source = ${keys.credentialSource}`],
      ...keys.keyId === true ? ["aws_access_key_id = " + keyIdOf(index)] : [],
      ...keys.secretKey === true ? ["aws_secret_access_key = MARKED-secret"] : [],
      ...keys.sso === undefined ? [] : ["sso_session = corp"],
      ...keys.sso === "whole" || keys.sso === "half" ? ["sso_account_id = 111122223333"] : [],
      ...keys.sso === "whole" ? ["sso_role_name = Developer"] : [],
      ...keys.token === true ? [`web_identity_token_file = ${tokenPath}`] : [],
      ...keys.process === undefined ? [] : [`credential_process = ${keys.process}`],
      ...keys.login === true ? ["login_session = me"] : [],
      ""
    ].join("\n")

  const keyIdOf = (index: number) => `AKIA000000000000000${index}`

  /** Who somebody is who asks for a profile, or which error it is. A role is `r0`, `r0 <- r1` if by another. */
  const model = (
    profiles: ReadonlyArray<Keys>,
    hasEnvironment: boolean,
    index: number,
    way: ReadonlyArray<number> = []
  ): string => {
    const keys = profiles[index]
    if (keys === undefined) return way.length === 0 ? "ProfileNotFound" : "InvalidConfig"
    const own = keys.keyId === true && keys.secretKey === true ? keyIdOf(index) : "InvalidConfig"
    const some = keys.keyId === true || keys.secretKey === true
    const by = (source: string) => /^[A-Z][a-z]/.test(source) ? source : `r${index} <- ${source}`
    if (some && way.length > 0) return own
    if (keys.token === true) return keys.role ? `r${index} <- token` : "InvalidConfig"
    if (keys.role) {
      if ((keys.source === undefined) === (keys.credentialSource === undefined)) return "InvalidConfig"
      if (keys.credentialSource === "Else") return "InvalidConfig"
      if (keys.credentialSource === "EcsContainer") return "CredentialsUnavailable"
      if (keys.credentialSource === "Environment") {
        return hasEnvironment ? by(keyVariables("environment").AWS_ACCESS_KEY_ID) : "CredentialsUnavailable"
      }
      const source = keys.source ?? 8
      if (source === index && some) return by(own)
      return source === index || way.includes(source)
        ? "InvalidConfig"
        : by(model(profiles, hasEnvironment, source, [...way, index]))
    }
    if (keys.sso === "whole") return "sso"
    if (keys.sso === "half") return "InvalidConfig"
    if (some) return own
    if (keys.process === "give-keys") return "process"
    if (keys.process === "give-nothing") return "CredentialsUnavailable"
    const says = keys.login === true || keys.sso === "token" || keys.source !== undefined ||
      keys.credentialSource !== undefined
    return says || way.length > 0 ? "InvalidConfig" : "NotConfigured"
  }

  const nothing: Keys = {
    role: false,
    source: undefined,
    credentialSource: undefined,
    keyId: undefined,
    secretKey: undefined,
    sso: undefined,
    token: undefined,
    process: undefined,
    login: undefined
  }
  /** As most are that people write: a role on another profile, or something to stand on. */
  const usual: fc.Arbitrary<Keys> = fc.oneof(
    fc.constantFrom(...indices).map((source) => ({ ...nothing, role: true, source })),
    fc.constantFrom<Keys>(
      nothing,
      { ...nothing, keyId: true, secretKey: true },
      { ...nothing, sso: "whole" },
      { ...nothing, role: true, token: true },
      { ...nothing, process: "give-keys" },
      { ...nothing, process: "give-nothing" },
      { ...nothing, role: true, credentialSource: "Environment" }
    )
  )
  const graphs = fc.array(fc.oneof({ weight: 2, arbitrary: usual }, { weight: 1, arbitrary: profileKeys }), {
    minLength: 1,
    maxLength: 8,
    size: "max"
  })

  it("they are of every kind often enough", () => {
    const outcomes = fc.sample(graphs, { numRuns: 2000, seed: 1 }).map((profiles) => model(profiles, true, 0))
    const kinds = [/^NotC/, /^InvalidC/, /^CredentialsU/, / <- .* <- /, /^r0 <- AKIAE/, /^r0 <- token/, /^AKIA/, /^sso/]
    for (const kind of kinds) {
      assert.isAbove(outcomes.filter((outcome) => kind.test(outcome)).length, 20, String(kind))
    }
  })

  it.effect.prop(
    "they give the credentials that they say, or an error that is theirs",
    { profiles: graphs, hasEnvironment: fc.boolean() },
    ({ hasEnvironment, profiles }) => {
      const expected = model(profiles, hasEnvironment, 0)
      return Effect.gen(function*() {
        const outcome = yield* Effect.either(settled(get))
        const { calls } = yield* Machine
        if (Either.isLeft(outcome)) {
          assert.strictEqual(outcome.left._tag, expected)
          assert.notInclude(outcome.left.message, "MARKED")
          // Nobody is asked for anything by a chain that does not come to an end.
          assert.deepStrictEqual(calls, [])
          return
        }
        // Who signed the first, by key, then the roles one after another.
        const key = outcome.right.accessKeyId
        const roles = calls.filter(({ name }) => name.startsWith("AssumeRole"))
          .map(({ parameters }) => (parameters["RoleArn"] ?? "").replace(/.*\//, "")).reverse()
        const root = calls.some(({ name }) => name.startsWith("GET /federation"))
          ? "sso"
          : calls.some(({ name }) => name === "AssumeRoleWithWebIdentity")
          ? "token"
          : (yield* Machine).programs.length > 0
          ? "process"
          : (yield* Machine).signers[0] ?? key
        assert.strictEqual([...roles, root].join(" <- "), expected)
      }).pipe(
        Effect.provide(identity({ profile: "p0" })),
        on({
          config: profiles.map(text).join("") + ssoSession,
          environment: hasEnvironment ? keyVariables("environment") : {},
          keys: indices.map((index) => ({ accessKeyId: keyIdOf(index), secretAccessKey: "MARKED-secret" }))
        })
      )
    },
    { fastCheck: { numRuns: 60 }, timeout: 60_000 }
  )
})

// ---------------------------------------------------------------------------------------------------------------
// Plans
// ---------------------------------------------------------------------------------------------------------------

describe("ProfileCredentials.plan", () => {
  const config = `[profile keys]
aws_access_key_id = AKIAKEYS
aws_secret_access_key = MARKED-key
[profile sso]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Developer
[profile program]
credential_process = /bin/get --password MARKED-password
[profile web]
role_arn = arn:aws:iam::111122223333:role/web
web_identity_token_file = /run/token
[profile role]
role_arn = arn:aws:iam::111122223333:role/second
source_profile = first
[profile first]
role_arn = arn:aws:iam::111122223333:role/first
credential_source = Ec2InstanceMetadata
[profile circle]
role_arn = arn:aws:iam::111122223333:role/circle
source_profile = circle2
[profile circle2]
role_arn = arn:aws:iam::111122223333:role/circle
source_profile = circle
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
`
  const files = SharedConfig.layerMemory({ config })

  const rows: ReadonlyArray<readonly [profile: string, tag: ProfileCredentials.Plan["_tag"], words: string]> = [
    ["keys", "Keys", "[profile keys] (config:1): the access keys of AKIAKEYS"],
    ["sso", "Sso", "[profile sso] (config:4): role Developer of account 111122223333, through [sso-session corp]"],
    ["program", "Program", "[profile program] (config:8): what its credential_process prints"],
    [
      "web",
      "WebIdentity",
      "[profile web] (config:10): role arn:aws:iam::111122223333:role/web, by the web identity token in /run/token"
    ],
    [
      "role",
      "Role",
      "[profile role] (config:13): role arn:aws:iam::111122223333:role/second, assumed by\n" +
      "  [profile first] (config:16): role arn:aws:iam::111122223333:role/first, assumed by\n" +
      "    [profile first] (config:16): credential_source Ec2InstanceMetadata"
    ]
  ]
  it.effect.each(rows)(
    "says where the credentials of profile %s come from, and shows no secret",
    ([profile, tag, words]) =>
      Effect.gen(function*() {
        const plan = yield* ProfileCredentials.plan(profile)
        assert.strictEqual(plan._tag, tag)
        assert.strictEqual(ProfileCredentials.explain(plan), words)
        assert.notInclude(JSON.stringify(plan), "MARKED")
      }).pipe(Effect.provide(files))
  )

  it.effect("finds a circle of source_profiles before anything is sent, read or run", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ProfileCredentials.plan("circle"))
      assert.instanceOf(error, IdentityError.InvalidConfig)
      assert.include(error.message, "circle -> circle2 -> circle")
    }).pipe(Effect.provide(files)))

  it.effect("is made once for each snapshot of the config files", () =>
    Effect.gen(function*() {
      const first = yield* ProfileCredentials.plan("role")
      assert.strictEqual(yield* ProfileCredentials.plan("role"), first)
      const { set } = yield* SharedConfig.SharedConfig
      yield* set({ profile: "role" }, { source_profile: "keys" })
      const second = yield* ProfileCredentials.plan("role")
      assert.strictEqual(second._tag === "Role" ? second.source._tag : "", "Keys")
    }).pipe(Effect.provide(files)))
})
