import { assert, describe, it } from "@effect/vitest"
import { Clock, DateTime, Effect, Option, Redacted } from "effect"
import type { AwsIdentity } from "effect-aws-identity"
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

const tokenCode: AwsIdentity.Options["tokenCode"] = (serialNumber) =>
  Effect.succeed(Redacted.make(codeOf(serialNumber)))

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
                const host = at(hop).flatMap((setting) => setting.host?.(hop) ?? [])[0]
                // A profile without a region has that of the profile that was asked for.
                const first = at(1).flatMap((setting) => setting.host?.(1) ?? [])[0]
                assert.strictEqual(call?.host, host ?? first ?? "sts.us-east-1.amazonaws.com", label)
              }
              assert.strictEqual(yield* ownerOf(credentials), sessionOf(1), label)
              assert.deepStrictEqual(credentials.accountId, Option.some("444455556661"), label)
              const seconds = at(1).flatMap(({ sent }) => Number(sent(1)["DurationSeconds"] ?? [])).find((n) => n > 0)
              const left = DateTime.toEpochMillis(Option.getOrThrow(credentials.expiration)) -
                (yield* Clock.currentTimeMillis)
              assert.closeTo(left / 1000, seconds ?? 3600, 30, label)
            }).pipe(Effect.provide(identity({ profile: "hop-1", tokenCode })), on(setup))
          }
        }))
    }
  }
})
