/**
 * Credentials that a program writes to its standard output (`credential_process`): `AWS.ProcessCredentials` as a
 * provider.
 *
 * The program writes one JSON object: `Version` (1), `AccessKeyId`, `SecretAccessKey`, and, if it likes,
 * `SessionToken`, `Expiration` (RFC 3339) and `AccountId`. It has no terminal and nothing on its standard input, must
 * end within its time limit with exit code 0, and inherits the environment. What it writes to standard error is shown
 * when it fails, as far as it is no secret.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { ProcessCredentials } from "effect-aws-identity"
 *
 * const program = Effect.gen(function*() {
 *   const credentials = yield* ProcessCredentials.resolve({
 *     commandLine: `"/opt/company tools/aws-login" --role Developer`,
 *     profile: "dev",
 *     timeout: "20 seconds"
 *   })
 *   yield* Effect.log(credentials.accessKeyId)
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Path from "@effect/platform/Path"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
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

/**
 * How a program is run.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunOptions {
  /** Whose `credential_process` it is. The program cannot go in a circle that leads back to it. */
  readonly profile?: string | undefined
  /** How long the program may run; 1 minute by default. It is killed then. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * A program as a config file names it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Line extends RunOptions {
  /** The value of `credential_process`. */
  readonly commandLine: string
}

/**
 * The credentials that the program of a command line gives.
 *
 * The line is split into words as the AWS CLI does it, and no shell sees it: quotes and backslashes work as in a
 * shell (on Windows as in its C runtime), but `$`, `~` and `*` stand for themselves, and `|`, `&&` and `>` are words
 * like any other. The SDKs for JavaScript give the line to a shell: one that needs it is written as
 * `sh -c '…'`.
 *
 * Fails with `NotConfigured` when the line is blank, otherwise with `CredentialsUnavailable`: there is no such
 * program (`Missing`), it fails (`Refused`) or does not end (`Unreachable`), the line or what it writes is wrong
 * (`Invalid`), or the credentials have expired (`Expired`). Also `Invalid` is a program that leads back to the profile
 * that it was run for.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolve: (
  line: Line
) => Effect.Effect<
  Credentials,
  IdentityError.NotConfigured | IdentityError.CredentialsUnavailable,
  CommandExecutor.CommandExecutor | Path.Path
> = Effect.fn("ProcessCredentials.resolve")(function*({ commandLine, ...options }) {
  const path = yield* Path.Path
  const words = CommandLine.split(commandLine, path.sep === "\\" ? "windows" : "posix")
  if (Either.isLeft(words)) {
    return yield* new IdentityError.CredentialsUnavailable({
      source: "credential_process",
      reason: "Invalid",
      problem: words.left,
      remedy: `Correct ${lineOf(options)}.`
    })
  }
  if (!Arr.isNonEmptyReadonlyArray(words.right)) {
    return yield* new IdentityError.NotConfigured({
      provider: "Process",
      problem: "credential_process names no program",
      remedy: `Set ${lineOf(options)} to the command line of one.`
    })
  }
  const [program, ...args] = words.right
  return yield* outcomeOf(Command.make(program, ...args), options, CommandLine.shellSign(commandLine))
})

/**
 * The credentials that a program gives, as `Command` describes it: with a working directory and environment of its
 * own. Its standard streams are those of every other program here; a pipe of programs is `Invalid`, let a shell make it.
 * Fails as `resolve` does.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolveCommand: (
  command: Command.Command,
  options?: RunOptions
) => Effect.Effect<Credentials, IdentityError.CredentialsUnavailable, CommandExecutor.CommandExecutor> = Effect.fn(
  "ProcessCredentials.resolveCommand"
)((command, options = {}) => outcomeOf(command, options, undefined))

/**
 * `CredentialsProvider` of the program of a command line.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  line: Line,
  options?: CredentialsProvider.CacheOptions
): Layer.Layer<CredentialsProvider.CredentialsProvider, never, CommandExecutor.CommandExecutor | Path.Path> =>
  CredentialsProvider.layer(resolve(line), options)

/**
 * `CredentialsProvider` of a program.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerCommand = (
  command: Command.Command,
  options?: RunOptions & CredentialsProvider.CacheOptions
): Layer.Layer<CredentialsProvider.CredentialsProvider, never, CommandExecutor.CommandExecutor> =>
  CredentialsProvider.layer(resolveCommand(command, options), options)

const lineOf = ({ profile }: RunOptions): string =>
  profile === undefined ? "credential_process" : `credential_process of profile "${profile}"`

const outcomeOf = (
  command: Command.Command,
  options: RunOptions,
  shellSign: string | undefined
): Effect.Effect<Credentials, IdentityError.CredentialsUnavailable, CommandExecutor.CommandExecutor> => {
  const name = Process.nameOf(command)
  const unavailable = (reason: IdentityError.CredentialsUnavailable["reason"], problem: string, remedy: string) =>
    new IdentityError.CredentialsUnavailable({ source: `the program "${name}"`, reason, problem, remedy })
  return Effect.gen(function*() {
    const chain = yield* Effect.mapError(
      nextChain(options.profile ?? ""),
      (problem) =>
        unavailable(
          "Invalid",
          problem,
          `Change ${lineOf(options)} to a program that gets its credentials elsewhere.`
        )
    )
    const output = yield* Process.run(Command.env(command, { [chainVariable]: chain }), options).pipe(
      Effect.mapError(({ problem, reason }) => unavailable(reason, problem, remedyOf(reason, shellSign, options)))
    )
    const answer = yield* Effect.mapError(decodeAnswer(output), (error) =>
      unavailable(
        "Invalid",
        `what it wrote is not the JSON of credentials: ${schemaProblem(error)}`,
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
}

const remedyOf = (
  reason: Process.ProcessProblem["reason"],
  shellSign: string | undefined,
  options: RunOptions
): string => {
  const shell = shellSign === undefined
    ? ""
    : ` No shell reads the line, so "${
      shownText(shellSign)
    }" has no meaning in it: write a line that needs a shell as sh -c '…'.`
  switch (reason) {
    case "Missing":
      return `Install the program, or correct ${lineOf(options)}: a full path is safest.${shell}`
    case "Refused":
      return `Run ${lineOf(options)} in a terminal to see what it wants.${shell}`
    case "Unreachable":
      return `Run ${lineOf(options)} in a terminal to see what it waits for: here it has neither terminal nor input. ` +
        `If it is only slow, raise the timeout.${shell}`
    case "Invalid":
      return `Check ${lineOf(options)}: it must write one small JSON object to standard output.${shell}`
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
