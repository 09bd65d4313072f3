import { FileSystem, Path } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Clock,
  ConfigProvider,
  DateTime,
  Effect,
  Exit,
  Layer,
  Option,
  Pool,
  Random,
  Redacted,
  Schema
} from "effect"
import { AwsIdentity, type Credentials, CredentialsProvider, SsoTokenCache } from "effect-aws-identity"
import { Emulator, IdentityCenter } from "effect-aws-identity-testing"
import { createServer } from "node:http"
import { createRequire } from "node:module"
import { Worker } from "node:worker_threads"
import { type Handler, listening } from "./metadataServer.js"
import { observed } from "./observed.js"
import { nodeContext, nodeHttp } from "./ports.js"

// The default chain beside that of AWS's own SDK: many worlds of variables, files and servers, and who one is in each.
// The SDK keeps what it has read for its whole life, by the paths of the files: each world has a home of its own, and
// the threads that it runs in, one world after the other, have variables of their own.

// ---------------------------------------------------------------------------------------------------------------
// A world
// ---------------------------------------------------------------------------------------------------------------

type Keys = Readonly<Record<string, string>>

/** By their headers; or a text that is no such thing. */
type File = Readonly<Record<string, Keys>> | string

/** `{home}`, `{container}`, `{instance}` and so on stand for what is different in each run. */
interface World {
  readonly name: string
  /** The rule by which we are not the same; generated worlds find theirs. */
  readonly differs?: string | undefined
  /** Who we are there; in generated worlds, whoever the SDK is, or what the rule says. */
  readonly expected?: Outcome | undefined
  readonly environment: Keys
  /** `AwsIdentity.layer({ profile })` and `defaultProvider({ profile })` */
  readonly profile?: string | undefined
  readonly config: File
  readonly credentials: File
}

/** A user or role of the account; `none` if nothing is configured; or `error` and its tag or message. */
type Outcome = string

const account = "111122223333"

/** Long-lived keys, those of a container and those of an instance. */
const holders = ["ENV", "DEFAULT", "DEV", "COPY", "BASE", "PROGRAM", "CONTAINER", "INSTANCE"] as const

type Holder = typeof holders[number]

const keyOf = (holder: Holder) => ({
  accessKeyId: `AKIDEXAMPLE${holder}`,
  secretAccessKey: `secret-of-${holder}/marked`,
  sessionToken: ["CONTAINER", "INSTANCE", "PROGRAM"].includes(holder) ? `token-of-${holder}/marked` : undefined,
  arn: `arn:aws:iam::${account}:user/${holder}`
})

const roleArn = (name: string) => `arn:aws:iam::${account}:role/${name}`

const environmentKeys = {
  AWS_ACCESS_KEY_ID: keyOf("ENV").accessKeyId,
  AWS_SECRET_ACCESS_KEY: keyOf("ENV").secretAccessKey
}

const pod = { AWS_WEB_IDENTITY_TOKEN_FILE: "{home}/token", AWS_ROLE_ARN: roleArn("pod") }

const task = { AWS_CONTAINER_CREDENTIALS_FULL_URI: "{container}/task", AWS_CONTAINER_AUTHORIZATION_TOKEN: "its/marked" }

const refusedTask = { AWS_CONTAINER_CREDENTIALS_FULL_URI: "{container}/refuses" }

const emptyVariables = {
  AWS_ACCESS_KEY_ID: "",
  AWS_SECRET_ACCESS_KEY: "",
  AWS_PROFILE: "",
  AWS_WEB_IDENTITY_TOKEN_FILE: "",
  AWS_CONTAINER_CREDENTIALS_FULL_URI: ""
}

const instance = { AWS_EC2_METADATA_DISABLED: "", AWS_EC2_METADATA_SERVICE_ENDPOINT: "{instance}" }

const noInstance = { AWS_EC2_METADATA_DISABLED: "", AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://127.0.0.1:1" }

const keys = (holder: Holder): Keys => ({
  aws_access_key_id: keyOf(holder).accessKeyId,
  aws_secret_access_key: keyOf(holder).secretAccessKey
})

const sso = { sso_session: "corp", sso_account_id: account, sso_role_name: "Developer" }

const startUrl = "https://example.awsapps.com/start"

const legacySso = {
  sso_start_url: startUrl,
  sso_region: "eu-west-1",
  sso_account_id: account,
  sso_role_name: "ReadOnly"
}

/** A role that only this one may assume. */
const by = (name: string) => ({ role_arn: roleArn(`by-${name}`) })

const web = { role_arn: roleArn("web"), web_identity_token_file: "{home}/token" }

const assume = { role_arn: roleArn("assumed"), source_profile: "base" }

const program = { credential_process: "cat {home}/program.json" }

const from = (source: string): Keys => ({ role_arn: roleArn("assumed"), credential_source: source })

/** What others refer to, in every config file. */
const referred: Readonly<Record<string, Keys>> = {
  "profile base": keys("BASE"),
  "sso-session corp": { sso_start_url: startUrl, sso_region: "eu-west-1" },
  "sso-session over": { sso_start_url: startUrl, sso_region: "eu-west-1" },
  "sso-session worn": { sso_start_url: startUrl, sso_region: "eu-west-1" },
  "sso-session unknown": { sso_start_url: startUrl, sso_region: "eu-west-1" },
  "sso-session half": { sso_start_url: startUrl }
}

/** `default` and `dev` hold keys of their own, so that one sees which was taken. */
const kinds: Readonly<Record<string, (own: Holder) => Keys>> = {
  region: () => ({ region: "eu-central-1" }),
  keys,
  "half of keys": (own) => ({ aws_access_key_id: keyOf(own).accessKeyId }),
  sso: () => sso,
  "legacy sso": () => legacySso,
  "sso that is over": () => ({ ...sso, sso_session: "over" }),
  web: () => web,
  "web without role": () => ({ web_identity_token_file: "{home}/token" }),
  assume: () => assume,
  "assume by nobody": () => ({ role_arn: roleArn("assumed") }),
  "assume by none": () => ({ role_arn: roleArn("assumed"), source_profile: "ghost" }),
  program: () => program,
  "program that fails": () => ({ credential_process: "cat {home}/no-such-file" }),
  "from container": () => from("EcsContainer"),
  "from instance": () => from("Ec2InstanceMetadata"),
  "from environment": () => from("Environment")
}

const common = ["keys", "sso", "web", "assume", "program"]

const generated = Effect.gen(function*() {
  const kind = Effect.flatMap(
    Random.nextIntBetween(0, 2),
    (common_) => Random.choice(common_ === 0 ? common : Object.keys(kinds))
  )
  const some = Effect.flatMap(Random.nextIntBetween(1, 8), (n) => Effect.replicateEffect(kind, n > 5 ? 2 : 1))
  const merged = (names: ReadonlyArray<string>, own: Holder): Keys =>
    Object.assign({}, ...names.map((name) => kinds[name]?.(own)))
  const profile = (own: Holder) =>
    Effect.gen(function*() {
      const where = yield* Random.choice([
        "config",
        "config",
        "config",
        "credentials",
        "credentials",
        "both",
        "both",
        "both",
        "nowhere"
      ])
      const first = yield* some
      const second = yield* Random.choice(["keys", yield* kind])
      return {
        name: where === "nowhere"
          ? "nothing"
          : `${first.join("+")} in ${where}${where === "both" ? `: ${second}` : ""}`,
        config: where === "config" || where === "both" ? merged(first, own) : undefined,
        credentials: where === "credentials"
          ? merged(first, own)
          : where === "both"
          ? merged([second], "COPY")
          : undefined
      }
    })
  const choose = <A>(choices: Readonly<Record<string, A>>, weights: ReadonlyArray<string>) =>
    Effect.map(Random.choice(weights), (name) => ({ name, value: choices[name] }))

  const environment = yield* choose<Keys>(
    {
      keys: environmentKeys,
      half: { AWS_ACCESS_KEY_ID: environmentKeys.AWS_ACCESS_KEY_ID },
      empty: emptyVariables
    },
    ["none", "none", "none", "none", "none", "none", "keys", "keys", "half", "empty"]
  )
  const webIdentity = yield* choose<Keys>(
    { pod, half: { AWS_WEB_IDENTITY_TOKEN_FILE: "{home}/token" } },
    ["none", "none", "none", "none", "none", "none", "none", "none", "pod", "pod", "pod", "half"]
  )
  const container = yield* choose<Keys>(
    { task, refusing: refusedTask },
    ["none", "none", "none", "none", "none", "none", "task", "task", "task", "task", "refusing"]
  )
  const machine = yield* choose<Keys>({ instance, nobody: noInstance }, ["none", "instance", "instance", "nobody"])
  const chosen = yield* Random.choice([
    ...["none", "none", "none", "none", "variable dev", "variable dev", "variable dev", "code dev", "code dev"],
    ...["variable ghost", "code ghost"]
  ])
  const inDefault = yield* profile("DEFAULT")
  const inDev = yield* profile("DEV")
  const [how, which = ""] = chosen.split(" ")
  const used = how === "none" ? inDefault : which === "dev" ? inDev : { name: "ghost" }
  const world: World = {
    name: `variables ${environment.name}, web ${webIdentity.name}, container ${container.name}, instance ` +
      `${machine.name}, profile ${chosen} (${used.name})`,
    environment: {
      ...environment.value,
      ...webIdentity.value,
      ...container.value,
      ...machine.value,
      ...(how === "variable" ? { AWS_PROFILE: which } : {})
    },
    profile: how === "code" ? which : undefined,
    config: {
      ...(inDefault.config === undefined ? {} : { default: inDefault.config }),
      ...(inDev.config === undefined ? {} : { "profile dev": inDev.config })
    },
    credentials: {
      ...(inDefault.credentials === undefined ? {} : { default: inDefault.credentials }),
      ...(inDev.credentials === undefined ? {} : { dev: inDev.credentials })
    }
  }
  return world
}).pipe(Effect.replicateEffect(60), Effect.withRandom(Random.make("worlds")))

// ---------------------------------------------------------------------------------------------------------------
// Where we are not the same, and why
// ---------------------------------------------------------------------------------------------------------------

interface Case {
  readonly world: World
  /** A variable; nothing if it is not set. */
  readonly variable: (name: string) => string
  /** What stands in the profile that counts; none if there is no such profile, or nobody looks there. */
  readonly profile: Keys | undefined
  readonly ours: Outcome
  readonly theirs: Outcome
}

interface Rule {
  readonly because: string
  readonly explains: (it: Case) => boolean
}

const isHalf = (a: unknown, b: unknown) => (a === undefined || a === "") !== (b === undefined || b === "")

/** Neither a rule of the environment nor of a file that cannot be read. */
const inProfile = (explains: (profile: Keys, it: Case) => boolean) => (it: Case) =>
  it.profile !== undefined && explains(it.profile, it)

const rules = {
  "keys of the environment before AWS_PROFILE": {
    because: "As all other AWS tools have it: who sets keys means this very process. The SDK warns that it may change.",
    explains: ({ ours, variable, world }) =>
      world.profile === undefined && variable("AWS_PROFILE") !== "" && variable("AWS_ACCESS_KEY_ID") !== "" &&
      ours === "user/ENV"
  },
  "half of the environment's keys stop": {
    because: "Half configured is broken, and nobody becomes somebody else by it.",
    explains: ({ ours, variable, world }) =>
      world.profile === undefined && isHalf(variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) &&
      ours === "error CredentialsUnavailable"
  },
  "keys of the environment that are past stop": {
    because: "AWS would refuse them; so does botocore.",
    explains: ({ ours, theirs, variable }) =>
      variable("AWS_CREDENTIAL_EXPIRATION") !== "" && ours === "error CredentialsUnavailable" && theirs === "user/ENV"
  },
  "white space is part of no variable's key": {
    because: "A script left it there; no key has any.",
    explains: ({ theirs, variable }) =>
      variable("AWS_ACCESS_KEY_ID").trim() !== variable("AWS_ACCESS_KEY_ID") &&
      theirs === "nobody"
  },
  "web identity of the environment before files": {
    because: "A pod with a role of its own must not become whoever a file in its image names; so does the SDK for Go.",
    explains: ({ ours, variable, world }) =>
      world.profile === undefined && variable("AWS_WEB_IDENTITY_TOKEN_FILE") !== "" && ours === "role/pod"
  },
  "half a web identity of the environment stops": {
    because: "Half configured is broken: a pod must not become its node.",
    explains: ({ ours, variable, world }) =>
      world.profile === undefined && variable("AWS_WEB_IDENTITY_TOKEN_FILE") !== "" &&
      variable("AWS_ROLE_ARN") === "" &&
      ours === "error CredentialsUnavailable"
  },
  "a chosen profile that is not there stops": {
    because: "Who names a profile means no other credentials.",
    explains: ({ ours, profile, variable, world }) =>
      (world.profile !== undefined || variable("AWS_PROFILE") !== "") && profile === undefined &&
      ours === "error ProfileNotFound"
  },
  "a profile in code is all that counts": {
    because: "AwsIdentity.layer({ profile }) is that profile and no chain; to the SDK it is where the chain begins.",
    explains: inProfile((_, { ours, world }) => world.profile !== undefined && ours === "none")
  },
  "a token file before all else": {
    because: "AWS's rules for all SDKs; this SDK is the only one with another order.",
    explains: inProfile((profile, { ours }) =>
      "web_identity_token_file" in profile && ("source_profile" in profile || "aws_access_key_id" in profile) &&
      // The role may be another's, which does not trust the issuer: it was asked for with the token.
      ["role/web", "error AccessDeniedException"].includes(ours)
    )
  },
  "half a web identity of a profile stops": {
    because: "Half configured is broken.",
    explains: inProfile((profile, { ours }) =>
      isHalf(profile["role_arn"], profile["web_identity_token_file"]) && "web_identity_token_file" in profile &&
      ours === "error InvalidConfig"
    )
  },
  "a profile that says two things of its SSO stops": {
    because: "The SDK means to refuse it too, but compares the wrong variables.",
    explains: inProfile((profile, { ours }) =>
      "sso_session" in profile && "sso_region" in profile && ours === "error InvalidConfig"
    )
  },
  "half a role stops": {
    because: "AWS's rules for all SDKs: a role has exactly one source, which is there and gives credentials.",
    explains: inProfile((profile, { ours }) =>
      "role_arn" in profile && !sourceIs(profile) && ours === "error InvalidConfig"
    )
  },
  "a credential_source is nothing without a role": {
    because: "AWS documents it as a setting of a role's profile.",
    explains: inProfile((profile, { ours, world }) =>
      profile["source_profile"] === "machine" && ours === "error InvalidConfig" && world.name.includes("no role")
    )
  },
  "an instance switched off is so for credential_source too": {
    because: "AWS_EC2_METADATA_DISABLED says that nobody is to ask it.",
    explains: inProfile((profile, { ours, variable }) =>
      profile["credential_source"] === "Ec2InstanceMetadata" && variable("AWS_EC2_METADATA_DISABLED") === "true" &&
      ours === "error CredentialsUnavailable"
    )
  },
  "a credential_source that gives nothing stops": {
    because: "What is configured and gives nothing is broken, and nobody becomes somebody else by it.",
    explains: inProfile((profile, { ours }) =>
      "credential_source" in profile && "role_arn" in profile && ours === "error CredentialsUnavailable"
    )
  },
  "SSO before keys and programs": {
    because: "Keys under the name of an SSO profile are an old copy of what it gives; so do botocore and Rust.",
    explains: inProfile((profile, { ours, theirs }) =>
      "sso_account_id" in profile && ("aws_access_key_id" in profile || "credential_process" in profile) &&
      ["role/Developer", "role/ReadOnly", "error SsoLoginRequired"].includes(ours) && theirs.startsWith("user/")
    )
  },
  "half of a profile's keys stop": {
    because: "Half configured is broken.",
    explains: inProfile((profile, { ours }) =>
      isHalf(profile["aws_access_key_id"], profile["aws_secret_access_key"]) && ours === "error InvalidConfig"
    )
  },
  "a program that gives nothing stops": {
    because: "What is configured and fails is broken, and nobody becomes somebody else by it.",
    explains: inProfile((profile, { ours }) =>
      "credential_process" in profile && ours === "error CredentialsUnavailable"
    )
  },
  "a container that gives nothing stops": {
    because: "What is configured and fails is broken: to the SDK nothing was configured.",
    explains: ({ ours, theirs, variable }) =>
      ["{container}/refuses", "http://example.com/task"].includes(variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")) &&
      ours === "error CredentialsUnavailable" && theirs === "none"
  },
  "False is false": {
    because: "A flag is a flag in any case.",
    explains: ({ ours, theirs, variable }) =>
      variable("AWS_EC2_METADATA_DISABLED") === "False" && ours === "user/INSTANCE" && theirs === "none"
  },
  "version 1 of the instance metadata is never used": {
    because: "It gives the role to whoever can make any program on the instance send a GET.",
    explains: ({ ours, theirs, variable }) =>
      variable("AWS_EC2_METADATA_SERVICE_ENDPOINT") === "{firstVersion}" && ours === "none" &&
      theirs === "user/INSTANCE"
  },
  "~ is the home directory": {
    because: "To the SDK it is where it looks for profiles, and not where it looks for sessions.",
    explains: ({ theirs, variable }) => variable("AWS_CONFIG_FILE").startsWith("~/") && theirs.startsWith("error")
  },
  "the case of a file's keys does not count": {
    because: "AWS's rules for all SDKs.",
    explains: ({ ours, theirs, world }) =>
      /^AWS_ACCESS_KEY_ID/m.test(String(world.config)) && ours === "user/DEV" && theirs === "none"
  },
  "one section costs no other": {
    because: "To the SDK a file with such a section is empty.",
    explains: ({ ours, theirs, world }) =>
      String(world.config).includes("__proto__") && ours === "user/DEV" && theirs === "none"
  },
  "a comment may follow a header at once": {
    because: "AWS's rules for all SDKs.",
    explains: ({ ours, theirs, world }) =>
      String(world.config).includes("];") && ours === "user/DEV" && theirs === "none"
  },
  "a line that cannot be read stops": {
    because: "AWS's rules for all SDKs; the SDK goes over it, and what it was to say is lost.",
    explains: ({ ours, world }) => typeof world.config === "string" && ours === "error InvalidConfig"
  }
} satisfies Readonly<Record<string, Rule>>

/** Whether a role's profile has one source, which gives something by what stands there. */
const sourceIs = (profile: Keys): boolean => {
  const { credential_source: source, source_profile: other, web_identity_token_file: file } = profile
  if (file !== undefined) return true
  if ((source === undefined) === (other === undefined)) return false
  return other === undefined
    ? ["Ec2InstanceMetadata", "EcsContainer", "Environment"].includes(source ?? "")
    : !["ghost", "empty", "other"].includes(other)
}

const caseOf = (world: World, ours: Outcome, theirs: Outcome): Case => {
  const variable = (name: string) => world.environment[name] ?? ""
  const name = world.profile ?? (variable("AWS_PROFILE") || "default")
  const config = typeof world.config === "string" ? {} : world.config
  const credentials = typeof world.credentials === "string" ? {} : world.credentials
  const inConfig = config[`profile ${name}`] ?? (name === "default" ? config["default"] : undefined)
  const inCredentials = credentials[name]
  const chain = world.profile === undefined
  const before = chain &&
    (variable("AWS_ACCESS_KEY_ID").trim() !== "" || variable("AWS_WEB_IDENTITY_TOKEN_FILE") !== "")
  const profile = before || (inConfig === undefined && inCredentials === undefined)
    ? undefined
    : { ...inConfig, ...inCredentials }
  return { world, variable, profile, ours, theirs }
}

// ---------------------------------------------------------------------------------------------------------------
// Worlds that there are
// ---------------------------------------------------------------------------------------------------------------

const dev = { AWS_PROFILE: "dev" }

const world = (
  name: string,
  expected: Outcome,
  { config = {}, credentials = {}, ...rest }: Partial<World>,
  differs?: keyof typeof rules
): World => ({ name, expected, differs, environment: {}, config, credentials, ...rest })

/** The profile `dev`, chosen by the environment, on an instance with a role: whoever goes too far becomes that. */
const inDev = (
  name: string,
  expected: Outcome,
  profile: Keys,
  differs?: keyof typeof rules,
  { config, environment, ...rest }: Partial<Omit<World, "config">> & {
    readonly config?: Readonly<Record<string, Keys>>
  } = {}
): World =>
  world(name, expected, {
    environment: { ...instance, ...dev, ...environment },
    config: { "profile dev": profile, ...config },
    ...rest
  }, differs)

const lines = (...texts: ReadonlyArray<string>) => texts.join("\n")

const devKeys = Object.entries(keys("DEV")).map(([key, value]) => `${key} = ${value}`)

const classics: ReadonlyArray<World> = [
  world("nothing at all", "none", {}),
  world("empty files", "none", { config: "", credentials: "" }),

  // Pods, tasks, instances
  world("a pod", "role/pod", { environment: pod }),
  world("a pod with a region", "role/pod", { environment: pod, config: { default: { region: "eu-central-1" } } }),
  world(
    "a pod with stray keys",
    "role/pod",
    { environment: pod, credentials: { default: keys("COPY") } },
    "web identity of the environment before files"
  ),
  world(
    "a pod with AWS_PROFILE",
    "role/pod",
    { environment: { ...pod, ...dev }, config: { "profile dev": keys("DEV") } },
    "web identity of the environment before files"
  ),
  world("a pod with a profile in code", "user/DEV", {
    environment: pod,
    profile: "dev",
    config: { "profile dev": keys("DEV") }
  }),
  world("a pod with keys", "user/ENV", { environment: { ...pod, ...environmentKeys } }),
  world("a pod without a role", "error CredentialsUnavailable", {
    environment: { ...instance, AWS_WEB_IDENTITY_TOKEN_FILE: "{home}/token" }
  }, "half a web identity of the environment stops"),
  world("a pod without a token file", "user/INSTANCE", { environment: { ...instance, AWS_ROLE_ARN: roleArn("pod") } }),
  world("a pod whose token file is gone", "error CredentialsUnavailable", {
    environment: { ...instance, ...pod, AWS_WEB_IDENTITY_TOKEN_FILE: "{home}/gone" }
  }),
  world("a pod whose token is past", "error CredentialsUnavailable", {
    environment: { ...instance, ...pod, AWS_WEB_IDENTITY_TOKEN_FILE: "{home}/old-token" }
  }),
  world("a pod whose role does not trust it", "error AccessDeniedException", {
    environment: { ...instance, ...pod, AWS_ROLE_ARN: roleArn("by-BASE") }
  }),
  world("a task", "user/CONTAINER", { environment: task }),
  world("a task on an instance", "user/CONTAINER", { environment: { ...task, ...instance } }),
  world("a task with AWS_PROFILE", "user/DEV", {
    environment: { ...task, ...dev },
    config: { "profile dev": keys("DEV") }
  }),
  world("a task with stray keys", "user/COPY", { environment: task, credentials: { default: keys("COPY") } }),
  world("a task with a region", "user/CONTAINER", {
    environment: task,
    config: { default: { region: "eu-central-1" } }
  }),
  world(
    "a task that is refused",
    "error CredentialsUnavailable",
    { environment: { ...instance, ...refusedTask } },
    "a container that gives nothing stops"
  ),
  world(
    "a task whose server is far",
    "error CredentialsUnavailable",
    { environment: { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://example.com/task" } },
    "a container that gives nothing stops"
  ),
  world("an instance", "user/INSTANCE", { environment: instance }),
  world("an instance with a region", "user/INSTANCE", {
    environment: instance,
    config: { default: { region: "eu-central-1" } }
  }),
  world("an instance with a chosen region", "user/INSTANCE", {
    environment: { ...instance, ...dev },
    config: { "profile dev": { region: "eu-central-1" } }
  }),
  world("no instance", "none", { environment: noInstance }),
  world("an instance switched off", "none", { environment: { ...instance, AWS_EC2_METADATA_DISABLED: "true" } }),
  world("an instance switched off by TRUE", "none", {
    environment: { ...instance, AWS_EC2_METADATA_DISABLED: "TRUE" }
  }),
  world("an instance not switched off", "user/INSTANCE", {
    environment: { ...instance, AWS_EC2_METADATA_DISABLED: "false" }
  }),
  world("an instance not switched off by False", "user/INSTANCE", {
    environment: { ...instance, AWS_EC2_METADATA_DISABLED: "False" }
  }, "False is false"),
  world("an instance of version 1", "none", {
    environment: { ...instance, AWS_EC2_METADATA_SERVICE_ENDPOINT: "{firstVersion}" }
  }, "version 1 of the instance metadata is never used"),

  // Variables
  world("keys", "user/ENV", { environment: { ...instance, ...task, ...environmentKeys } }),
  world("keys and default", "user/ENV", { environment: environmentKeys, config: { default: keys("DEFAULT") } }),
  inDev("keys and AWS_PROFILE", "user/ENV", keys("DEV"), "keys of the environment before AWS_PROFILE", {
    environment: environmentKeys
  }),
  world(
    "keys and an AWS_PROFILE that is not there",
    "user/ENV",
    { environment: { ...environmentKeys, AWS_PROFILE: "ghost" } },
    "keys of the environment before AWS_PROFILE"
  ),
  world("keys and a profile in code", "user/DEV", {
    environment: environmentKeys,
    profile: "dev",
    config: { "profile dev": keys("DEV") }
  }),
  world("a profile in code and AWS_PROFILE", "user/DEV", {
    environment: { AWS_PROFILE: "base" },
    profile: "dev",
    config: { "profile dev": keys("DEV") }
  }),
  world("an access key without its secret", "error CredentialsUnavailable", {
    environment: { ...instance, AWS_ACCESS_KEY_ID: environmentKeys.AWS_ACCESS_KEY_ID }
  }, "half of the environment's keys stop"),
  world("a secret without its access key", "error CredentialsUnavailable", {
    environment: { AWS_SECRET_ACCESS_KEY: environmentKeys.AWS_SECRET_ACCESS_KEY },
    config: { default: keys("DEFAULT") }
  }, "half of the environment's keys stop"),
  world("variables of nothing", "user/DEFAULT", { environment: emptyVariables, config: { default: keys("DEFAULT") } }),
  world("keys of white space", "user/DEFAULT", {
    environment: { AWS_ACCESS_KEY_ID: " ", AWS_SECRET_ACCESS_KEY: " " },
    config: { default: keys("DEFAULT") }
  }, "white space is part of no variable's key"),
  world("keys with line ends", "user/ENV", {
    environment: {
      AWS_ACCESS_KEY_ID: `${environmentKeys.AWS_ACCESS_KEY_ID}\n`,
      AWS_SECRET_ACCESS_KEY: `${environmentKeys.AWS_SECRET_ACCESS_KEY}\n`
    }
  }, "white space is part of no variable's key"),
  world("keys that last", "user/ENV", {
    environment: { ...environmentKeys, AWS_CREDENTIAL_EXPIRATION: "2999-01-01T00:00:00Z" }
  }),
  world("keys that are past", "error CredentialsUnavailable", {
    environment: { ...environmentKeys, AWS_CREDENTIAL_EXPIRATION: "2001-01-01T00:00:00Z" }
  }, "keys of the environment that are past stop"),
  world("AWS_DEFAULT_PROFILE", "user/DEFAULT", {
    environment: { AWS_DEFAULT_PROFILE: "dev" },
    config: { default: keys("DEFAULT"), "profile dev": keys("DEV") }
  }),
  world(
    "an AWS_PROFILE that is not there",
    "error ProfileNotFound",
    { environment: { ...instance, AWS_PROFILE: "ghost" }, config: { default: keys("DEFAULT") } },
    "a chosen profile that is not there stops"
  ),
  world(
    "a profile in code that is not there",
    "error ProfileNotFound",
    { environment: { ...pod }, profile: "ghost" },
    "a chosen profile that is not there stops"
  ),
  world("a profile in code with a region", "none", {
    environment: instance,
    profile: "dev",
    config: { "profile dev": { region: "eu-central-1" } }
  }, "a profile in code is all that counts"),

  // Identity Center
  inDev("SSO", "role/Developer", sso),
  inDev("legacy SSO", "role/ReadOnly", legacySso),
  inDev("SSO in the credentials file", "role/Developer", {}, undefined, { credentials: { dev: sso } }),
  inDev("SSO with stale keys", "role/Developer", sso, "SSO before keys and programs", {
    credentials: { dev: keys("COPY") }
  }),
  inDev("SSO and keys", "role/Developer", { ...keys("DEV"), ...sso }, "SSO before keys and programs"),
  inDev("SSO and a program", "role/Developer", { ...program, ...sso }, "SSO before keys and programs"),
  inDev("SSO that is over", "error SsoLoginRequired", { ...sso, sso_session: "over" }),
  inDev(
    "SSO that is over, with stale keys",
    "error SsoLoginRequired",
    { ...sso, sso_session: "over" },
    "SSO before keys and programs",
    { credentials: { dev: keys("COPY") } }
  ),
  inDev("SSO to be refreshed", "role/Developer", { ...sso, sso_session: "worn" }),
  inDev("SSO never signed in to", "error SsoLoginRequired", { ...sso, sso_session: "unknown" }),
  inDev("SSO of no session", "error InvalidConfig", { ...sso, sso_session: "ghost" }),
  inDev("SSO of half a session", "error InvalidConfig", { ...sso, sso_session: "half" }),
  inDev("SSO of an account without that role", "error RoleNotAssigned", { ...sso, sso_role_name: "Admin" }),
  inDev("SSO and the same start URL", "role/Developer", { ...sso, sso_start_url: startUrl }),
  inDev(
    "SSO and another region",
    "error InvalidConfig",
    { ...sso, sso_region: "us-east-1" },
    "a profile that says two things of its SSO stops"
  ),
  inDev("SSO for a token alone", "error InvalidConfig", { sso_session: "corp" }),
  inDev("SSO without role", "error InvalidConfig", { sso_session: "corp", sso_account_id: account }),
  inDev("SSO without session", "error InvalidConfig", { sso_account_id: account, sso_role_name: "Developer" }),
  inDev("keys and an SSO session", "user/DEV", { ...keys("DEV"), sso_session: "corp" }),
  world("SSO by a ~ in AWS_CONFIG_FILE", "role/Developer", {
    environment: { ...dev, AWS_CONFIG_FILE: "~/.aws/config" },
    config: { "profile dev": sso }
  }, "~ is the home directory"),

  // Roles
  inDev("a role", "role/by-BASE", { ...by("BASE"), source_profile: "base" }),
  inDev("a role and keys", "role/by-BASE", { ...keys("DEV"), ...by("BASE"), source_profile: "base" }),
  inDev("a role of a role", "role/by-middle", { ...by("middle"), source_profile: "middle" }, undefined, {
    config: { "profile middle": { role_arn: roleArn("middle"), source_profile: "base" } }
  }),
  inDev("a role of a role with keys", "role/by-DEV", { ...by("DEV"), source_profile: "middle" }, undefined, {
    config: { "profile middle": { ...keys("DEV"), role_arn: roleArn("middle"), source_profile: "base" } }
  }),
  inDev("a role of its own keys", "role/by-DEV", { ...keys("DEV"), ...by("DEV"), source_profile: "dev" }),
  inDev("a role of SSO", "role/assumed", { role_arn: roleArn("assumed"), source_profile: "people" }, undefined, {
    config: { "profile people": sso }
  }),
  inDev("a role of SSO with stale keys", "role/by-COPY", { ...by("COPY"), source_profile: "people" }, undefined, {
    config: { "profile people": sso },
    credentials: { people: keys("COPY") }
  }),
  inDev(
    "a role of SSO that is over",
    "error SsoLoginRequired",
    { ...by("COPY"), source_profile: "people" },
    undefined,
    {
      config: { "profile people": { ...sso, sso_session: "over" } }
    }
  ),
  inDev("a role of a web identity", "role/by-web", { ...by("web"), source_profile: "hook" }, undefined, {
    config: { "profile hook": web }
  }),
  inDev("a role of a program", "role/by-PROGRAM", { ...by("PROGRAM"), source_profile: "tool" }, undefined, {
    config: { "profile tool": program }
  }),
  inDev("a role of an instance", "role/by-INSTANCE", { ...by("INSTANCE"), credential_source: "Ec2InstanceMetadata" }),
  inDev(
    "a role of an instance switched off",
    "error CredentialsUnavailable",
    { ...by("INSTANCE"), credential_source: "Ec2InstanceMetadata" },
    "an instance switched off is so for credential_source too",
    { environment: { AWS_EC2_METADATA_DISABLED: "true" } }
  ),
  inDev("a role of a task", "role/by-CONTAINER", { ...by("CONTAINER"), credential_source: "EcsContainer" }, undefined, {
    environment: task
  }),
  inDev(
    "a role of no task",
    "error CredentialsUnavailable",
    { ...by("CONTAINER"), credential_source: "EcsContainer" },
    "a credential_source that gives nothing stops"
  ),
  inDev("a role of the environment", "role/by-ENV", { ...by("ENV"), credential_source: "Environment" }, undefined, {
    environment: environmentKeys,
    profile: "dev"
  }),
  inDev(
    "a role of the environment without keys",
    "error CredentialsUnavailable",
    { ...by("ENV"), credential_source: "Environment" },
    "a credential_source that gives nothing stops"
  ),
  inDev(
    "a role of an unknown source",
    "error InvalidConfig",
    { ...by("ENV"), credential_source: "Elsewhere" },
    "half a role stops"
  ),
  inDev("a role without source", "error InvalidConfig", by("BASE"), "half a role stops"),
  inDev(
    "a role without source, and keys",
    "error InvalidConfig",
    { ...keys("DEV"), ...by("BASE") },
    "half a role stops"
  ),
  inDev(
    "a role of two sources",
    "error InvalidConfig",
    { ...by("BASE"), source_profile: "base", credential_source: "Environment" },
    "half a role stops"
  ),
  inDev(
    "a role of a profile that is not there",
    "error InvalidConfig",
    { ...by("BASE"), source_profile: "ghost" },
    "half a role stops"
  ),
  inDev(
    "a role of a profile with a region",
    "error InvalidConfig",
    { ...by("BASE"), source_profile: "empty" },
    "half a role stops",
    { config: { "profile empty": { region: "eu-central-1" } } }
  ),
  inDev(
    "roles in a circle",
    "error InvalidConfig",
    { ...by("BASE"), source_profile: "other" },
    "half a role stops",
    { config: { "profile other": { ...by("BASE"), source_profile: "dev" } } }
  ),
  inDev(
    "a role of a profile with a source and no role",
    "error InvalidConfig",
    { ...by("INSTANCE"), source_profile: "machine" },
    "a credential_source is nothing without a role",
    { config: { "profile machine": { credential_source: "Ec2InstanceMetadata" } } }
  ),
  inDev("a role that needs a word", "role/external", {
    role_arn: roleArn("external"),
    source_profile: "base",
    external_id: "a-word"
  }),
  inDev("a role that is refused", "error AccessDeniedException", { ...by("DEV"), source_profile: "base" }),
  inDev("a role that needs a device", "error InvalidConfig", {
    ...assume,
    mfa_serial: `arn:aws:iam::${account}:mfa/me`
  }),
  inDev("a role for half an hour", "role/assumed", { ...assume, duration_seconds: "1800", role_session_name: "me" }),
  inDev("a role for soon", "error InvalidConfig", { ...assume, duration_seconds: "soon" }),

  // Web identities of profiles
  inDev("a web identity", "role/web", web),
  inDev("a web identity and a source", "role/web", { ...web, source_profile: "base" }, "a token file before all else"),
  inDev("a web identity and keys", "role/web", { ...web, ...keys("DEV") }, "a token file before all else"),
  inDev("a web identity and SSO", "role/web", { ...web, ...sso }),
  inDev("a web identity and a program", "role/web", { ...web, ...program }),
  inDev(
    "a web identity without role",
    "error InvalidConfig",
    { web_identity_token_file: "{home}/token" },
    "half a web identity of a profile stops"
  ),
  inDev("a web identity whose file is gone", "error CredentialsUnavailable", {
    ...web,
    web_identity_token_file: "{home}/gone"
  }),

  // Programs
  inDev("a program", "user/PROGRAM", program),
  inDev("a program and keys", "user/DEV", { ...keys("DEV"), ...program }),
  inDev("a program in the credentials file", "user/PROGRAM", {}, undefined, { credentials: { dev: program } }),
  inDev(
    "a program that fails",
    "error CredentialsUnavailable",
    { credential_process: "cat {home}/gone" },
    "a program that gives nothing stops"
  ),
  inDev(
    "a program that gives keys that are past",
    "error CredentialsUnavailable",
    { credential_process: "cat {home}/late.json" },
    "a program that gives nothing stops"
  ),
  inDev(
    "a program that says something else",
    "error CredentialsUnavailable",
    { credential_process: "echo hello" },
    "a program that gives nothing stops"
  ),

  // Files
  world("default in config", "user/DEFAULT", { config: { default: keys("DEFAULT") } }),
  world("profile default in config", "user/DEFAULT", { config: { "profile default": keys("DEFAULT") } }),
  world("default and profile default", "user/DEV", {
    config: { "profile default": keys("DEV"), default: keys("DEFAULT") }
  }),
  world("half of a default, and profile default", "role/by-BASE", {
    config: { default: keys("DEFAULT"), "profile default": { ...by("BASE"), source_profile: "base" } }
  }),
  world("default in both", "user/COPY", {
    config: { default: keys("DEFAULT") },
    credentials: { default: keys("COPY") }
  }),
  inDev("half in each file", "user/DEV", { aws_access_key_id: keyOf("DEV").accessKeyId }, undefined, {
    credentials: { dev: { aws_secret_access_key: keyOf("DEV").secretAccessKey } }
  }),
  inDev(
    "half of keys",
    "error InvalidConfig",
    { aws_access_key_id: keyOf("DEV").accessKeyId },
    "half of a profile's keys stop"
  ),
  inDev("keys with a token", "user/PROGRAM", {
    ...keys("PROGRAM"),
    aws_session_token: `${keyOf("PROGRAM").sessionToken}`
  }),
  inDev("a login of the console", "error InvalidConfig", {
    login_session: `arn:aws:sts::${account}:assumed-role/me/me`
  }),
  world("only in credentials", "user/DEV", { environment: dev, config: "", credentials: { dev: keys("DEV") } }),
  world(
    "no profile by that header in config",
    "error ProfileNotFound",
    { environment: dev, config: { dev: keys("DEV") } },
    "a chosen profile that is not there stops"
  ),
  world(
    "no profile by that header in credentials",
    "error ProfileNotFound",
    { environment: dev, credentials: { "profile dev": keys("DEV") } },
    "a chosen profile that is not there stops"
  ),
  world("quotes", "user/DEV", { environment: dev, config: { "profile \"dev\"": keys("DEV") } }),
  world("files elsewhere", "user/DEV", {
    environment: {
      ...dev,
      AWS_CONFIG_FILE: "~/.aws/credentials",
      AWS_SHARED_CREDENTIALS_FILE: "{home}/.aws/no-such-file"
    },
    credentials: { "profile dev": keys("DEV") }
  }),
  world("comments, blanks and line ends", "user/DEV", {
    environment: dev,
    config: ["# one", "[profile dev] ; two", "", ...devKeys.map((line) => `${line}  # three`)].join("\r\n")
  }),
  world("a byte order mark", "user/DEV", { environment: dev, config: lines("\ufeff[profile dev]", ...devKeys) }),
  world("sections twice", "user/DEV", {
    environment: dev,
    config: lines("[profile dev]", ...devKeys.slice(0, 1), "[profile base]", "[profile dev]", ...devKeys.slice(1))
  }),
  world("a nested block", "user/DEV", {
    environment: dev,
    config: lines("[profile dev]", "s3 =", "  max_concurrent_requests = 10", ...devKeys)
  }),
  world("keys in capitals", "user/DEV", {
    environment: dev,
    config: lines("[profile dev]", ...devKeys.map((line) => line.replace(/^\w+/, (key) => key.toUpperCase())))
  }, "the case of a file's keys does not count"),
  world("a section named __proto__", "user/DEV", {
    environment: dev,
    config: lines("[profile __proto__]", "region = eu-west-1", "[profile dev]", ...devKeys)
  }, "one section costs no other"),
  world("a comment behind a header", "user/DEV", {
    environment: dev,
    config: lines("[profile dev];mine", ...devKeys)
  }, "a comment may follow a header at once"),
  world("a header without end", "error InvalidConfig", {
    environment: { ...instance, ...dev },
    config: lines("[profile dev", ...devKeys)
  }, "a line that cannot be read stops"),
  world("a line without =", "error InvalidConfig", {
    environment: dev,
    config: lines("[profile dev]", "what is this", ...devKeys)
  }, "a line that cannot be read stops")
]

// ---------------------------------------------------------------------------------------------------------------
// How the two of us fare in one
// ---------------------------------------------------------------------------------------------------------------

const container: Handler = ({ headers, path }) =>
  path === "/task" && headers["authorization"] === task.AWS_CONTAINER_AUTHORIZATION_TOKEN
    ? { body: metadata("CONTAINER") }
    : { status: 403, body: JSON.stringify({ code: "AccessDenied", message: "no" }) }

const metadata = (holder: Holder) => {
  const { accessKeyId, secretAccessKey, sessionToken } = keyOf(holder)
  return JSON.stringify({
    Code: "Success",
    Type: "AWS-HMAC",
    LastUpdated: "2026-01-01T00:00:00Z",
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: "2999-01-01T00:00:00Z"
  })
}

const metadataService = (version: 1 | 2): Handler => ({ headers, method, path }) => {
  if (method === "PUT") return version === 1 ? { status: 403 } : { body: "a-metadata-token/marked" }
  if (version === 2 && headers["x-aws-ec2-metadata-token"] !== "a-metadata-token/marked") return { status: 401 }
  return { body: path.endsWith("/instance") ? metadata("INSTANCE") : "instance" }
}

const base64Url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

const webToken = (expiresAt: number) =>
  [
    base64Url({ alg: "RS256", typ: "JWT" }),
    base64Url({ iss: "https://oidc.example.com", sub: "pod", aud: "sts.amazonaws.com", iat: 1, exp: expiresAt }),
    Buffer.from("a signature, marked").toString("base64url")
  ].join(".")

const fileText = (file: File) =>
  typeof file === "string" ?
    file :
    Object.entries(file).map(([header, keys]) =>
      [`[${header}]`, ...Object.entries(keys).map(([key, value]) => `${key} = ${value}`), ""].join("\n")
    ).join("\n")

const servers = Effect.gen(function*() {
  const center = yield* IdentityCenter.IdentityCenter
  const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  return {
    url: yield* Emulator.serve,
    threads: yield* Pool.make({ acquire: thread, size: 3 }),
    container: (yield* listening(container)).url,
    instance: (yield* listening(metadataService(2))).url,
    firstVersion: (yield* listening(metadataService(1))).url,
    signedIn: yield* center.signIn,
    token: webToken(now + 3600),
    oldToken: webToken(now - 3600)
  }
})

type Servers = Effect.Effect.Success<typeof servers>

/** The files of a world in a directory of their own, and its variables. */
const settle = (world: World, { container, firstVersion, instance, oldToken, signedIn, token, url }: Servers) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const home = yield* fs.makeTempDirectoryScoped()
    const filled = (text: string) =>
      text.replaceAll("{home}", home).replaceAll("{container}", container).replaceAll("{instance}", instance)
        .replaceAll("{firstVersion}", firstVersion)
    const directory = path.join(home, ".aws", "sso", "cache")
    yield* fs.makeDirectory(directory, { recursive: true })
    const config = typeof world.config === "string" ? world.config : fileText({ ...referred, ...world.config })
    yield* fs.writeFileString(path.join(home, ".aws", "config"), filled(config))
    const credentials = fileText(world.credentials)
    if (credentials !== "") yield* fs.writeFileString(path.join(home, ".aws", "credentials"), filled(credentials))
    yield* fs.writeFileString(path.join(home, "token"), token)
    yield* fs.writeFileString(path.join(home, "old-token"), oldToken)
    const { accessKeyId, secretAccessKey, sessionToken } = keyOf("PROGRAM")
    for (const [name, Expiration] of [["program", "2999-01-01T00:00:00Z"], ["late", "2001-01-01T00:00:00Z"]]) {
      yield* fs.writeFileString(
        path.join(home, `${name}.json`),
        JSON.stringify({
          Version: 1,
          AccessKeyId: accessKeyId,
          SecretAccessKey: secretAccessKey,
          SessionToken: sessionToken,
          Expiration
        })
      )
    }
    const tokens = yield* Effect.provide(SsoTokenCache.SsoTokenCache, SsoTokenCache.layer({ directory }))
    const save = (cacheKey: string, issued: typeof signedIn, lasts: number, refreshes: boolean) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        tokens.set(
          cacheKey,
          new SsoTokenCache.SsoToken({
            accessToken: Redacted.make(issued.accessToken),
            expiresAt: DateTime.unsafeMake(now + lasts),
            clientId: Option.some(issued.clientId),
            clientSecret: Option.some(Redacted.make(issued.clientSecret)),
            refreshToken: refreshes
              ? Option.map(Option.fromNullable(issued.refreshToken), Redacted.make)
              : Option.none()
          })
        ))
    yield* save("corp", signedIn, 3_600_000, false)
    yield* save(startUrl, signedIn, 3_600_000, false)
    yield* save("over", signedIn, -60_000, false)
    if (config.includes("sso_session = worn")) {
      // Its refresh token counts once.
      const { signIn } = yield* IdentityCenter.IdentityCenter
      yield* save("worn", yield* signIn, -60_000, true)
    }
    const variables: Keys = {
      HOME: home,
      AWS_REGION: "eu-west-1",
      AWS_EC2_METADATA_DISABLED: "true",
      ...world.environment
    }
    return {
      ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, filled(value)])),
      AWS_ENDPOINT_URL_SSO: url,
      AWS_ENDPOINT_URL_SSO_OIDC: url,
      AWS_ENDPOINT_URL_STS: url
    }
  })

interface Plain {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** Who STS says that somebody is, but for the name of the session. */
const identityOf = ({ accessKeyId, secretAccessKey, sessionToken }: Plain) =>
  Effect.gen(function*() {
    const { sts } = yield* IdentityCenter.IdentityCenter
    const found = yield* sts.accessKey(accessKeyId)
    if (Option.isNone(found)) return "nobody"
    const key = found.value
    if (secretAccessKey !== key.secretAccessKey || sessionToken !== key.sessionToken) return "nobody"
    const { Arn } = yield* sts.getCallerIdentity(key)
    assert.include(Arn, account)
    return Arn.replace(/^arn:aws:\w+::\d+:/, "").replace(/^(assumed-role\/(?:AWSReservedSSO_)?[^/_]+).*$/, "$1")
      .replace("assumed-role", "role").replace("AWSReservedSSO_", "")
  })

const ours = (world: World, environment: Keys) =>
  Effect.gen(function*() {
    const provider = yield* CredentialsProvider.CredentialsProvider
    return yield* provider.get
  }).pipe(
    Effect.provide(
      AwsIdentity.layer({ profile: world.profile }).pipe(Layer.provide([nodeContext, nodeHttp]))
    ),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment)))),
    observed,
    Effect.flatMap(({ exit, seen }) =>
      Effect.map(
        Exit.match(exit, {
          onSuccess: (
            credentials: Credentials.Credentials
          ): Effect.Effect<Outcome, unknown, IdentityCenter.IdentityCenter> =>
            Effect.suspend(() => {
              assert.strictEqual(Option.getOrElse(credentials.accountId, () => account), account, world.name)
              return identityOf({
                accessKeyId: credentials.accessKeyId,
                secretAccessKey: Redacted.value(credentials.secretAccessKey),
                sessionToken: Option.getOrUndefined(Option.map(credentials.sessionToken, Redacted.value))
              })
            }),
          onFailure: (cause) =>
            Effect.sync(() => {
              const { _tag } = Option.getOrThrowWith(Cause.failureOption(cause), () => Cause.pretty(cause))
              return _tag === "NotConfigured" ? "none" : `error ${_tag}`
            })
        }),
        (outcome) => ({ outcome, seen })
      )
    )
  )

const Answer = Schema.Union(
  Schema.Struct({ error: Schema.String }),
  Schema.Struct({
    accessKeyId: Schema.String,
    secretAccessKey: Schema.String,
    sessionToken: Schema.optional(Schema.String)
  })
)

const script = `const { parentPort, workerData } = require("node:worker_threads")
console.warn = process.emitWarning = () => {}
const { defaultProvider } = require(workerData)
parentPort.on("message", ({ environment, options }) => {
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, environment)
  defaultProvider(options)().then(
    ({ accessKeyId, secretAccessKey, sessionToken }) =>
      parentPort.postMessage({ accessKeyId, secretAccessKey, sessionToken }),
    ({ message }) => parentPort.postMessage({ error: message })
  )
})`

const require = createRequire(import.meta.url)

const thread = Effect.acquireRelease(
  Effect.sync(() =>
    new Worker(script, {
      eval: true,
      execArgv: [],
      env: {},
      workerData: require.resolve("@aws-sdk/credential-provider-node")
    })
  ),
  (worker) => Effect.promise(() => worker.terminate())
)

const theirs = (world: World, environment: Keys, threads: Pool.Pool<Worker>) =>
  Effect.flatMap(threads.get, (worker) =>
    Effect.async<unknown, Error>((resume) => {
      worker.removeAllListeners()
      worker.once("message", (answer) => resume(Effect.succeed(answer)))
      worker.once("error", (error) => resume(Effect.fail(error)))
      worker.postMessage({
        environment: { PATH: process.env["PATH"], ...environment },
        options: world.profile === undefined ? {} : { profile: world.profile }
      })
    })).pipe(
      Effect.scoped,
      Effect.flatMap(Schema.decodeUnknown(Answer)),
      Effect.flatMap((answer): Effect.Effect<Outcome, unknown, IdentityCenter.IdentityCenter> => {
        if ("accessKeyId" in answer) return identityOf(answer)
        return Effect.succeed(
          answer.error === "Could not load credentials from any providers" ? "none" : `error ${answer.error}`
        )
      })
    )

// ---------------------------------------------------------------------------------------------------------------
// All worlds
// ---------------------------------------------------------------------------------------------------------------

const roles = [
  ...["pod", "web"].map((name) => ({ arn: roleArn(name), trusts: ["https://oidc.example.com"] })),
  ...["assumed", "middle"].map((name) => ({ arn: roleArn(name), trusts: [account] })),
  { arn: roleArn("external"), externalId: "a-word" },
  ...holders.map((holder) => ({ arn: roleArn(`by-${holder}`), trusts: [keyOf(holder).arn] })),
  ...["web", "middle"].map((name) => ({ arn: roleArn(`by-${name}`), trusts: [roleArn(name)] }))
]

const layer = Layer.mergeAll(
  nodeContext,
  NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }),
  IdentityCenter.layer({ accessKeys: holders.map(keyOf), roles })
)

const both = (world: World, servers: Servers) =>
  Effect.scoped(Effect.gen(function*() {
    const [mine, sdk] = yield* Effect.all([
      Effect.flatMap(settle(world, servers), (environment) => ours(world, environment)),
      Effect.flatMap(settle(world, servers), (environment) => theirs(world, environment, servers.threads))
    ])
    return { seen: mine.seen, it: caseOf(world, mine.outcome, sdk) }
  }))

/** To the SDK's errors there is no tag. */
const isSame = ({ ours, theirs }: Case) => ours === theirs || (ours.startsWith("error ") && theirs.startsWith("error "))

const ruleOf = (it: Case): string | undefined =>
  isSame(it) ? undefined : Object.entries<Rule>(rules).find(([, { explains }]) => explains(it))?.[0] ?? "no rule"

describe("the default chain beside that of @aws-sdk/credential-provider-node", () => {
  it.scopedLive("gives the same identity, or another by a rule that says why", () =>
    Effect.gen(function*() {
      const center = yield* IdentityCenter.IdentityCenter
      const running = yield* servers
      const worlds = [...classics, ...(yield* generated)]
      const results = yield* Effect.forEach(worlds, (world) => both(world, running), { concurrency: 4 })

      const counts = new Map<string, number>()
      const wrong: Array<string> = []
      for (const { it } of results) {
        const rule = ruleOf(it)
        counts.set(rule ?? "same", (counts.get(rule ?? "same") ?? 0) + 1)
        const isClassic = it.world.expected !== undefined
        if (rule === "no rule" || (isClassic && (it.world.differs !== rule || it.world.expected !== it.ours))) {
          wrong.push(
            `${it.world.name}: we are ${it.ours}, they ${it.theirs.slice(0, 200)}, by ${rule ?? "no difference"}`
          )
        }
      }
      for (const rule of Object.keys(rules)) if (!counts.has(rule)) wrong.push(`nothing differs by "${rule}"`)
      const summary = [`${worlds.length} worlds:`, ...Array.from(counts, ([name, count]) => `${count} ${name}`)].join(
        "\n  "
      )
      assert.deepStrictEqual(wrong, [], summary)
      assert.isAtLeast(counts.get("same") ?? 0, 100, summary)

      const secrets = [running.token, running.oldToken, ...(yield* center.secrets)]
      for (const { it, seen } of results) {
        assert.notInclude(seen, "marked", it.world.name)
        for (const secret of secrets) assert.notInclude(seen, secret, it.world.name)
      }
    }).pipe(Effect.provide(layer)), 120_000)
})
