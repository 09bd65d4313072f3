import { HttpClient, HttpClientError, type HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Fiber, Layer, Option, TestClock } from "effect"
import {
  AccountId,
  AwsIdentity,
  type Credentials,
  CredentialsProvider,
  Files,
  Programs,
  Region,
  Sts
} from "effect-aws-identity"
import { Emulator, IdentityCenter, OpenIdProvider } from "effect-aws-identity-testing"
// Loads the XML parser of STS's answers now, so that no call spends real time on it.
import "fast-xml-parser"
import { createHash } from "node:crypto"
import { observed } from "./observed.js"
import { withTransport } from "./ports.js"

// A machine in memory with everything that a profile can name: the user's files, programs, a container agent, an instance
// metadata service, and the in-process emulator's Identity Center and STS, which verify requests.

/** Part of every secret that the tests define. It must not appear in any output. */
const marked = "MARKED"

/** Shared by all tests, because its key takes longer to generate than most tests run. */
export const openIdProvider = Effect.runSync(OpenIdProvider.make({ lifetime: "1 day" }))

export const account = AccountId.make("111122223333")

/** Users with keys: one for each place that can hold keys. */
const userNames = ["default", "static", "environment", "process", "container", "instance", "else"] as const

type UserName = typeof userNames[number]

/** All users but one belong to one account. */
export const otherAccount = AccountId.make("999988887777")

export const arnOfUser = (name: string): string =>
  `arn:aws:iam::${name === "else" ? otherAccount : account}:user/${name}`

export const keyOf = (name: string) => ({
  accessKeyId: `AKIA${name.toUpperCase().padEnd(16, "0")}`,
  secretAccessKey: `${marked}-secret-of-${name}`.padEnd(40, "x")
})

/** The keys of a user as lines of a profile. */
export const keyLines = (name: string): string =>
  `aws_access_key_id = ${keyOf(name).accessKeyId}\naws_secret_access_key = ${keyOf(name).secretAccessKey}\n`

/** The keys of a user as variables. */
export const keyVariables = (name: string) => ({
  AWS_ACCESS_KEY_ID: keyOf(name).accessKeyId,
  AWS_SECRET_ACCESS_KEY: keyOf(name).secretAccessKey
})

/** The JSON of credentials as servers and programs write it. */
const keyJson = (name: UserName, fields: Record<string, unknown> = {}): string => {
  const { accessKeyId, secretAccessKey } = keyOf(name)
  return JSON.stringify({ ...fields, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey })
}

export const ssoLines = "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Developer\n"
export const ssoSession =
  "[sso-session corp]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n"
/** The ARN that the emulator gives to the role in the lines above. */
export const ssoArn = `arn:aws:sts::${account}:assumed-role/AWSReservedSSO_Developer_${
  createHash("sha256").update(`${account}/Developer`).digest("hex").slice(0, 16)
}/user@example.com`

export const webRole = `arn:aws:iam::${account}:role/web`
/** The ARN of the web identity role's session, whose name the lines beside the token set. */
export const webArn = `arn:aws:sts::${account}:assumed-role/web/pod`
export const tokenPath = "/var/run/token"

export interface Call {
  readonly host: string
  /** AWS's action, or method and path of a metadata service. */
  readonly name: string
  /** The ARN of the signer. */
  readonly by: string | undefined
  readonly parameters: Readonly<Record<string, string>>
}

/** A request as one line: the action, the role if there is one, and the signer. */
export const lineOf = ({ by, name, parameters: { RoleArn: role } }: Call): string =>
  [name, ...role === undefined ? [] : [role.replace(/.*\//, "")], ...by === undefined ? [] : [`by ${by}`]].join(" ")

export class Machine extends Context.Tag("Machine")<Machine, {
  /** All requests, in order. */
  readonly calls: Array<Call>
  /** The ids of the keys that requests were signed with, in the same order. */
  readonly signers: Array<string>
  /** Every program that was started. */
  readonly programs: Array<string>
  /** Texts by path. Use `write` to change one. */
  readonly write: (path: string, text: string | undefined) => void
  readonly variables: Map<string, string>
}>() {}

export interface Setup {
  readonly config?: string | undefined
  readonly credentials?: string | undefined
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** Further files, by their paths. */
  readonly files?: Readonly<Record<string, string>> | undefined
  readonly roles?: IdentityCenter.Options["roles"]
  /** The keys of further users. */
  readonly keys?: ReadonlyArray<{ readonly accessKeyId: string; readonly secretAccessKey: string }> | undefined
  /** Whether the machine is an EC2 instance. Default: false. */
  readonly instance?: boolean | undefined
  /** The status of the container agent's answers. Default: 200. */
  readonly agentStatus?: number | undefined
}

const refused = (request: HttpClientRequest.HttpClientRequest) =>
  new HttpClientError.RequestError({ request, reason: "Transport", cause: { code: "ECONNREFUSED" } })

const base64 = (text: string): string => Buffer.from(text).toString("base64")

/** The installed programs by name. */
const programs = new Map<string, { readonly code: number; readonly output: string; readonly words?: string }>([
  ["give-keys", { code: 0, output: keyJson("process", { Version: 1 }) }],
  ["give-nothing", { code: 3, output: "", words: "not signed in" }]
])

const machine = (setup: Setup, variables: Map<string, string>) =>
  Layer.effectContext(Effect.gen(function*() {
    const center = yield* IdentityCenter.IdentityCenter
    const emulator = yield* HttpClient.HttpClient
    const calls: Array<Call> = []
    const signers: Array<string> = []
    const started: Array<string> = []
    const files = new Map<string, { readonly text: string; readonly changes: number }>()
    let changes = 0
    const write = (path: string, text: string | undefined) => {
      if (text === undefined) files.delete(path)
      else files.set(path, { text, changes: ++changes })
    }
    write("config", setup.config)
    write("credentials", setup.credentials)
    for (const [path, text] of Object.entries(setup.files ?? {})) write(path, text)
    write(tokenPath, yield* openIdProvider.issue({ claims: { sub: "pod" } }))
    const signedIn = yield* center.signIn
    write(
      `/home/me/.aws/sso/cache/${createHash("sha1").update("corp").digest("hex")}.json`,
      JSON.stringify({
        startUrl: "https://example.awsapps.com/start",
        region: "us-east-1",
        accessToken: signedIn.accessToken,
        expiresAt: "2036-01-01T00:00:00Z"
      })
    )

    const answer = (name: string): { readonly status?: number; readonly body: string } | undefined => {
      switch (name) {
        case "GET http://169.254.170.2/role":
          return { status: setup.agentStatus ?? 200, body: setup.agentStatus === undefined ? keyJson("container") : "" }
        case "PUT http://169.254.169.254/latest/api/token":
          return setup.instance === true ? { body: base64(`${marked}-metadata`) } : undefined
        case "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/":
          return { body: "machine" }
        case "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/machine":
          return { body: keyJson("instance", { Code: "Success", Type: "AWS-HMAC" }) }
        default:
          return undefined
      }
    }

    const client = HttpClient.make((request, url) =>
      Effect.gen(function*() {
        const body = request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
        if (url.hostname.startsWith("169.254.")) {
          const name = `${request.method} ${url.origin}${url.pathname}`
          calls.push({ host: url.host, name, by: undefined, parameters: {} })
          const given = answer(name)
          return yield* given === undefined
            ? Effect.fail(refused(request))
            : Effect.succeed(
              HttpClientResponse.fromWeb(request, new Response(given.body, { status: given.status ?? 200 }))
            )
        }
        const form = Object.fromEntries(new URLSearchParams(body))
        const { Action, Version: _, WebIdentityToken: __, ...parameters } = form
        const key = /Credential=([^/]+)/.exec(request.headers["authorization"] ?? "")?.[1]
        if (key !== undefined) signers.push(key)
        const signer = key === undefined ? Option.none() : yield* center.sts.accessKey(key)
        calls.push({
          host: url.host,
          name: Action ?? `${request.method} ${url.pathname}`,
          by: key === undefined ? undefined : Option.match(signer, { onNone: () => key, onSome: ({ arn }) => arn }),
          parameters
        })
        return yield* emulator.execute(request)
      })
    )

    const port: Files.Service = {
      ...Files.makeMemory(),
      look: (path) =>
        Effect.sync(() =>
          Option.map(Option.fromNullable(files.get(path)), ({ changes, text }) => ({
            type: "File",
            size: text.length,
            // Old enough that no other process can still be writing the file.
            changedAt: changes * 1000 - 1_000_000,
            stamp: String(changes),
            mode: 0o600,
            owner: Option.none()
          }))
        ),
      read: (path) =>
        Effect.suspend(() => {
          const file = files.get(path)
          return file === undefined
            ? Effect.fail(new Files.FilesError({ reason: "NotFound", path, code: "NotFound" }))
            : Effect.succeed(new TextEncoder().encode(file.text))
        })
    }

    const runner: Programs.Service = {
      commandLine: "posix",
      run: ({ command }) =>
        Effect.suspend(() => {
          started.push(command)
          const program = programs.get(command)
          return program === undefined
            ? Effect.fail(new Programs.ProgramError({ reason: "NotFound", code: "NotFound" }))
            : Effect.succeed({ exit: program.code, stdout: program.output, stderr: program.words ?? "" })
        })
    }

    return Context.make(Machine, { calls, signers, programs: started, write, variables }).pipe(
      Context.add(HttpClient.HttpClient, client),
      Context.add(Files.Files, port),
      Context.add(Programs.Programs, runner)
    )
  })).pipe(
    Layer.provide(Layer.fresh(Emulator.layerHttpClient)),
    withTransport,
    Layer.provideMerge(IdentityCenter.layer({
      openIdProviders: [{ provider: openIdProvider, clientIds: ["sts.amazonaws.com"] }],
      accessKeys: [
        ...userNames.map((name) => ({ ...keyOf(name), arn: arnOfUser(name) })),
        ...(setup.keys ?? []).map((key) => ({ ...key, arn: arnOfUser(key.accessKeyId) }))
      ],
      roles: setup.roles
    }))
  )

// ---------------------------------------------------------------------------------------------------------------

/** Provides a machine, and its variables as the environment. `Machine` can change both. */
export const on = (setup: Setup) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const variables = new Map(Object.entries({
      HOME: "/home/me",
      AWS_CONFIG_FILE: "config",
      AWS_SHARED_CREDENTIALS_FILE: "credentials",
      ...setup.environment
    }))
    const live = ConfigProvider.make({
      load: (config) => ConfigProvider.fromMap(variables).load(config),
      flattened: ConfigProvider.fromMap(variables).flattened
    })
    return effect.pipe(Effect.provide(machine(setup, variables)), Effect.withConfigProvider(live))
  })

/** `AwsIdentity.layer` with limits so long that no call times out while a test moves the clock. */
export const identity = (options?: AwsIdentity.Options) =>
  AwsIdentity.layer({
    ...options,
    client: { maxAttempts: 1, timeout: "2 days", attemptTimeout: "2 days", ...options?.client }
  })

export const get = Effect.flatMap(CredentialsProvider.CredentialsProvider, ({ get }) => get)

/** Moves the clock until the effect ends. */
export const settled = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    for (let idle = 0; Option.isNone(yield* Fiber.poll(fiber)); idle++) {
      // First wait for work that takes real time, such as the check of a signature.
      yield* Effect.promise(() => new Promise((resolve) => idle < 20 ? setImmediate(resolve) : setTimeout(resolve, 1)))
      if (idle >= 20) yield* TestClock.adjust("100 millis")
    }
    return yield* Fiber.join(fiber)
  })

/** The ARN that STS returns for the credentials. */
export const ownerOf = (credentials: Credentials.Credentials) =>
  Effect.gen(function*() {
    const { calls } = yield* Machine
    const before = calls.length
    const { arn } = yield* Effect.flatMap(
      Sts.Sts,
      (sts) => sts.getCallerIdentity({ region: Region.make("us-east-1"), credentials })
    )
    calls.length = before
    return arn
  })

/** Runs an effect and fails if its output shows a secret. */
export const discreetly = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const { exit, seen } = yield* observed(settled(effect))
    const { secrets } = yield* IdentityCenter.IdentityCenter
    const files = yield* Files.Files
    const token = new TextDecoder().decode(yield* Effect.orDie(files.read(tokenPath, 10_000)))
    for (const secret of [marked, base64(`${marked}-metadata`), token, ...yield* secrets]) {
      assert.notInclude(seen, secret)
    }
    return yield* exit
  })
