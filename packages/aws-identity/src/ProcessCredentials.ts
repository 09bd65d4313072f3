/**
 * Credentials that a program writes to its standard output (`credential_process`): `AWS.ProcessCredentials` as a
 * provider.
 *
 * The program writes one JSON object: `Version` (1), `AccessKeyId`, `SecretAccessKey`, and optionally `SessionToken`,
 * `Expiration` (RFC 3339) and `AccountId`. It inherits the environment, has no terminal and an empty standard input, and
 * must end with exit code 0 within its time limit. If it fails, the error quotes its standard error, with secrets
 * redacted.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { ProcessCredentials } from "effect-aws-identity"
 *
 * const program = Effect.gen(function*() {
 *   const credentials = yield* ProcessCredentials.resolve(`"/opt/company tools/aws-login" --role Developer`, {
 *     timeout: "20 seconds"
 *   })
 *   yield* Effect.log(credentials.accessKeyId)
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as AccountId from "./AccountId.js"
import { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import * as IdentityError from "./IdentityError.js"
import { withoutEmpty } from "./internal/awsAnswer.js"
import { Timestamp } from "./internal/cacheFile.js"
import * as CommandLine from "./internal/commandLine.js"
import { variable } from "./internal/environment.js"
import * as Process from "./internal/process.js"
import { schemaProblem } from "./internal/schemaProblem.js"
import { shownText } from "./internal/shownPath.js"
import type * as Programs from "./Programs.js"

/**
 * A program: the command line of a `credential_process`, or a command with its arguments.
 *
 * A command line is split into words as the AWS CLI does it, without a shell. Quotes and backslashes work as in a shell
 * (on Windows as in its C runtime), but `$`, `~` and `*` stand for themselves, and `|`, `&&` and `>` are ordinary words.
 * The SDKs for JavaScript pass the line to a shell. Write a line that needs a shell as `sh -c '…'`.
 *
 * @since 0.1.0
 * @category models
 */
export type Program = string | {
  /** Name or path of the program. */
  readonly command: string
  readonly args?: ReadonlyArray<string> | undefined
  /** Variables that the program has beside those of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined
}

/**
 * How a program is run.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The profile whose `credential_process` it is. A program that leads back to this profile is not run again. */
  readonly profile?: string | undefined
  /** How long the program may run; 1 minute by default. It is killed then. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * Runs a program and returns the credentials that it writes.
 *
 * Fails with `NotConfigured` when the command line is blank, otherwise with `CredentialsUnavailable`: there is no such
 * program (`Missing`), it fails (`Refused`) or does not end in time (`Unreachable`), the command line or the output is
 * wrong (`Invalid`), or the credentials have expired (`Expired`). A program that asks for credentials of the profile
 * that it was run for is `Invalid` too.
 *
 * @example
 * ```ts
 * import { ProcessCredentials } from "effect-aws-identity"
 *
 * export const ofALine = ProcessCredentials.resolve(`"/opt/company tools/aws-login" --role Developer`)
 *
 * export const ofACommand = ProcessCredentials.resolve({
 *   command: "/opt/company tools/aws-login",
 *   args: ["--role", "Developer"],
 *   env: { LOGIN_COLOR: "never" }
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolve: (
  program: Program,
  options?: Options
) => Effect.Effect<
  Credentials,
  IdentityError.NotConfigured | IdentityError.CredentialsUnavailable,
  Programs.Programs
> = Effect.fn(
  "ProcessCredentials.resolve"
)(function*(program, { profile, timeout } = {}) {
  const setting = typeof program === "string"
    ? profile === undefined ? "credential_process" : `credential_process of profile "${profile}"`
    : "the command"
  const executable = yield* Effect.mapError(
    Process.executableOf(program),
    (problem) =>
      new IdentityError.CredentialsUnavailable({
        source: "credential_process",
        reason: "Invalid",
        problem,
        remedy: `Correct ${setting}.`
      })
  )
  if (Option.isNone(executable)) {
    return yield* new IdentityError.NotConfigured({
      provider: "Process",
      problem: "credential_process names no program",
      remedy: `Set ${setting} to the command line of one.`
    })
  }
  const name = Process.nameOf(executable.value)
  const unavailable = (reason: IdentityError.CredentialsUnavailable["reason"], problem: string, remedy: string) =>
    new IdentityError.CredentialsUnavailable({ source: `the program "${name}"`, reason, problem, remedy })
  const chain = yield* Effect.mapError(
    nextChain(profile ?? ""),
    (problem) => unavailable("Invalid", problem, `Change ${setting} to a program that gets its credentials elsewhere.`)
  )
  const { args, command, env } = executable.value
  const shellSign = typeof program === "string" ? CommandLine.shellSign(program) : undefined
  const output = yield* Process.run({ command, args, env: { ...env, [chainVariable]: chain } }, { timeout }).pipe(
    Effect.mapError(({ problem, reason }) => unavailable(reason, problem, remedyOf(reason, shellSign, setting)))
  )
  const answer = yield* Effect.mapError(decodeAnswer(output), (error) =>
    unavailable(
      "Invalid",
      `its output is not the JSON of credentials: ${schemaProblem(error)}`,
      "It must write {\"Version\": 1, \"AccessKeyId\": \"…\", \"SecretAccessKey\": \"…\"} to standard output and " +
        "nothing else; all else belongs on standard error."
    ))
  const now = yield* Clock.currentTimeMillis
  const expired = Option.filter(answer.Expiration, (end) => DateTime.toEpochMillis(end) <= now)
  if (Option.isSome(expired)) {
    return yield* unavailable(
      "Expired",
      `the credentials it gave expired at ${DateTime.formatIso(expired.value)}`,
      "Check the clock of this machine, and whether the program keeps old credentials."
    )
  }
  return new Credentials({
    accessKeyId: answer.AccessKeyId,
    secretAccessKey: answer.SecretAccessKey,
    sessionToken: answer.SessionToken,
    expiration: answer.Expiration,
    accountId: Option.flatMap(Option.filter(answer.AccountId, Predicate.isString), AccountId.option)
  })
})

/**
 * `CredentialsProvider` of a program.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  program: Program,
  options?: Options & CredentialsProvider.CacheOptions
): Layer.Layer<CredentialsProvider.CredentialsProvider, never, Programs.Programs> =>
  CredentialsProvider.layer(resolve(program, options), options)

const remedyOf = (
  reason: Process.ProcessProblem["reason"],
  shellSign: string | undefined,
  setting: string
): string => {
  const shell = shellSign === undefined
    ? ""
    : ` No shell reads the line, so "${
      shownText(shellSign)
    }" has no meaning in it: write a line that needs a shell as sh -c '…'.`
  switch (reason) {
    case "Missing":
      return `Install the program, or correct ${setting}: a full path is safest.${shell}`
    case "Refused":
      return `Run ${setting} in a terminal to see what it wants.${shell}`
    case "Unreachable":
      return `Run ${setting} in a terminal to see what it waits for: here it has neither terminal nor input. ` +
        `If it is only slow, raise the timeout.${shell}`
    case "Invalid":
      return `Check ${setting}: it must write one small JSON object to standard output.${shell}`
  }
}

/** What is empty or `null` is not there. */
const Answer = Schema.Struct({
  Version: Schema.Literal(1).annotations({ description: "1" }),
  AccessKeyId: Schema.NonEmptyString,
  SecretAccessKey: Schema.Redacted(Schema.NonEmptyString),
  SessionToken: Schema.optionalWith(Schema.Redacted(Schema.NonEmptyString), { as: "Option", nullable: true }),
  Expiration: Schema.optionalWith(Timestamp, { as: "Option", nullable: true }),
  AccountId: Schema.optionalWith(Schema.Unknown, { as: "Option", nullable: true })
})

const JsonObject = Schema.compose(
  Schema.parseJson().annotations({ description: "JSON" }),
  Schema.Record({ key: Schema.String, value: Schema.Unknown }).annotations({ description: "an object" })
)

const decodeAnswer = (output: string) =>
  Effect.flatMap(
    Schema.decode(JsonObject)(output.trim()),
    (object) => Schema.decodeUnknown(Answer)(withoutEmpty(object))
  )

/**
 * For which profiles the programs above this one were run, outermost first, as JSON: a program may well ask us, or a
 * tool that asks us, for the credentials of the same profile again, and would start itself without end.
 */
const chainVariable = "AWS_IDENTITY_PROFILE_CHAIN"

/** A chain this long goes in a circle, whatever its links are called. */
const longestChain = 8

const Chain = Schema.parseJson(Schema.Array(Schema.String))

/** The chain with one more link, or why it may have no more. */
const nextChain = (profile: string): Effect.Effect<string, string> =>
  Effect.gen(function*() {
    const inherited = yield* Effect.orElseSucceed(variable(chainVariable), Option.none<string>)
    const chain = Option.getOrElse(
      Option.flatMap(inherited, Schema.decodeOption(Chain)),
      (): ReadonlyArray<string> => []
    )
    const next = [...chain, profile]
    if ((profile !== "" && chain.includes(profile)) || next.length > longestChain) {
      return yield* Effect.fail(
        `it leads back to itself: ${next.map((name) => name === "" ? "(no profile)" : `"${name}"`).join(" → ")} ` +
          `(${chainVariable})`
      )
    }
    return yield* Effect.orDie(Schema.encode(Chain)(next))
  })
