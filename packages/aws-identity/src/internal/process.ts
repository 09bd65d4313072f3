/**
 * One run of a program that gives a secret on its standard output: bounded in time and size, and nothing of it gets
 * into an error but its exit code and what may be shown of its standard error.
 */
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as Path from "@effect/platform/Path"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { collect, join } from "./collect.js"
import * as CommandLine from "./commandLine.js"
import { variable } from "./environment.js"
import { makeSecrets, withoutSecretLooking } from "./scrub.js"
import { shownPath } from "./shownPath.js"

/** Why a program gave nothing that could be used. */
export interface ProcessProblem {
  /**
   * | `reason` | what happened |
   * | --- | --- |
   * | `Missing` | it could not be started |
   * | `Refused` | it ended with another exit code than 0, or by a signal |
   * | `Unreachable` | it did not end in time, and was killed |
   * | `Invalid` | it wrote too much, or no UTF-8 |
   */
  readonly reason: "Missing" | "Refused" | "Unreachable" | "Invalid"
  /** In words that hold no secret that is known or looks like one: `it ended with exit code 1: "not signed in"`. */
  readonly problem: string
}

/** What is left of a program that waits for something that will not come. */
const defaultTimeout: Duration.DurationInput = "1 minute"

/** A program as the public functions take it: a command line, or the name with its arguments and further variables. */
export type Program = string | {
  readonly command: string
  readonly args?: ReadonlyArray<string> | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** A program whose command line is split into words. */
export interface Executable {
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Variables beside those of this process. */
  readonly env: Readonly<Record<string, string>>
}

/** Splits a command line into words. Returns none if the line is blank, and fails with the problem of the line. */
export const executableOf = (program: Program): Effect.Effect<Option.Option<Executable>, string, Path.Path> =>
  Effect.flatMap(Path.Path, (path) => {
    if (typeof program !== "string") {
      const { args = [], command, env = {} } = program
      return Effect.succeedSome({ args, command, env })
    }
    return Either.match(CommandLine.split(program, path.sep === "\\" ? "windows" : "posix"), {
      onLeft: (problem) => Effect.fail(problem),
      onRight: ([command, ...args]) =>
        Effect.succeed(command === undefined ? Option.none() : Option.some({ command, args, env: {} }))
    })
  })

/**
 * The program as errors show it. A command that contains a space may be a path, or a whole command line with secrets in
 * its arguments: an ellipsis stands for the part after the space. A variable that was meant for a shell may be a secret.
 */
export const nameOf = ({ command }: Executable): string => {
  const [start = ""] = command.trim().split(/[\s=]/u, 1)
  const isCut = /^[^\s=]+\s/u.test(command.trim())
  return `${shownPath(start.replace(/\p{C}+/gu, " ")).slice(0, 200)}${isCut ? " …" : ""}`
}

/**
 * Runs it, with nothing on its standard input, and gives its standard output.
 *
 * The program is a process group of its own, without a terminal. An interruption or a timeout kills the group
 * (SIGKILL, which no program can ignore) and waits until it has ended.
 */
export const run = (
  program: Executable,
  { timeout = defaultTimeout }: { readonly timeout?: Duration.DurationInput | undefined }
): Effect.Effect<string, ProcessProblem, CommandExecutor.CommandExecutor> =>
  Effect.gen(function*() {
    const secrets = yield* secretsOf(program)
    const process = yield* Effect.acquireRelease(
      start(program),
      (process, exit) => Exit.isSuccess(exit) ? Effect.void : Effect.ignore(process.kill("SIGKILL"))
    )
    let lastWords = new Uint8Array()
    const complaints = yield* Effect.forkScoped(Stream.runForEach(process.stderr, (chunk) =>
      Effect.sync(() => {
        lastWords = join([lastWords, chunk]).slice(-longestComplaint)
      })))
    const bytes = yield* outputOf(process)
    const outcome = yield* Effect.either(process.exitCode)
    if (Either.isLeft(outcome) || outcome.right !== 0) {
      // A program that it left behind may hold the other end open.
      yield* Effect.timeoutOption(Fiber.await(complaints), "1 second")
      const how = Either.match(outcome, {
        onLeft: (error) => `was ended by ${/signal: (SIG[A-Z0-9]+)/.exec(error.message)?.[1] ?? "the system"}`,
        onRight: (code) => `ended with exit code ${code}`
      })
      const why = presentable(new TextDecoder().decode(lastWords), new TextDecoder().decode(bytes), secrets)
      return yield* problem("Refused", `it ${how}${why === "" ? "" : `: "${why}"`}`)
    }
    return yield* Effect.orElse(
      Effect.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes)),
      () => problem("Invalid", "its output is not UTF-8")
    )
  }).pipe(
    Effect.scoped,
    Effect.timeoutFail({
      duration: timeout,
      onTimeout: (): ProcessProblem => ({
        reason: "Unreachable",
        problem: `it did not end within ${Duration.format(timeout)}, and was killed`
      })
    })
  )

const problem = (reason: ProcessProblem["reason"], problem: string): Effect.Effect<never, ProcessProblem> =>
  Effect.fail({ reason, problem })

/** Credentials are small. The limits keep a program that prints more from exhausting memory. */
const longestOutput = 1_048_576
const longestComplaint = 16_384
const longestShown = 500

const start = ({ args, command, env }: Executable) =>
  Command.make(command, ...args).pipe(
    Command.env(env),
    // A program that asks must not wait for an answer.
    Command.stdin(Stream.empty),
    Command.stdout("pipe"),
    Command.stderr("pipe"),
    Command.start,
    // Node throws at a name or argument that no program can have.
    Effect.catchAllDefect(() => problem("Missing", "it cannot be started: its path or an argument is impossible")),
    Effect.catchIf(
      (error): error is PlatformError => "_tag" in error,
      (error) => problem("Missing", cannotStart(error))
    )
  )

/** Platform's own words show all arguments. */
const cannotStart = (error: PlatformError): string => {
  if (error._tag === "BadArgument") return "it cannot be started (BadArgument)"
  switch (error.reason) {
    case "NotFound":
      return "no such program was found"
    case "PermissionDenied":
      return "it is not a file that may be executed"
    default:
      return `it cannot be started (${error.reason})`
  }
}

const outputOf = (process: CommandExecutor.Process): Effect.Effect<Uint8Array, ProcessProblem> =>
  Effect.catchAll(
    collect(Stream.mapError(process.stdout, () => "BrokenOff" as const), longestOutput),
    (reason) => problem("Invalid", reason === "TooLong" ? "its output is longer than 1 MiB" : "its output broke off")
  )

/** What the program was given and may repeat: our own credentials, and arguments that may be secrets. */
const secretsOf = ({ args, env }: Executable): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(
    Effect.option(Effect.all([variable("AWS_SECRET_ACCESS_KEY"), variable("AWS_SESSION_TOKEN")])),
    (own) => [
      ...Option.match(own, { onNone: () => [], onSome: (values) => values.flatMap(Option.toArray) }),
      ...args.flatMap((argument, index) => {
        const [, flag = args[index - 1] ?? "", value = argument] = /^([^=]*)=(.*)$/s.exec(argument) ?? []
        return mayBeSecret(flag, value) ? [value] : []
      }),
      ...Object.entries(env).flatMap(([name, value]) => mayBeSecret(name, value) ? [value] : [])
    ]
  )

/** Whether the value of an option or a variable of that name may be a secret. */
const mayBeSecret = (name: string, value: string): boolean =>
  /secret|token|passw|pwd|credential|key|auth|pin$|otp|code/i.test(name)
    ? !/^[./~-]/.test(value)
    : value.length >= shortestSecret && !ordinary.test(value)

/** Paths, flags, words, ARNs and short URLs, without which the words of a program are of little use. */
const ordinary =
  /^(?:[./~]|[A-Za-z]:\\|--?[\w-]+$|[a-z]+(?:-[a-z]+)*$|arn:|https?:\/\/[\w.:-]+(?:\/[\w.-]{0,15})*$|[\w./\\-]+\.(?:[cm]?[jt]s|py|rb|sh|pl|jar|exe|json|ya?ml|ini)$)/

const shortestSecret = 16

/**
 * The end of what a program says, on one line, without what is secret: what we know, what it also wrote to its
 * output, and what looks like a secret.
 */
const presentable = (text: string, output: string, secrets: ReadonlyArray<string>): string => {
  const written = output.split(/\s+/).filter((word) => word.length >= shortestSecret)
  // Colours first: they may stand in the middle of a word.
  const plain = makeSecrets([...secrets, ...written]).scrub(text.replace(/\p{Cc}\[[\d;?]*[A-Za-z]/gu, ""))
  return withoutSecretLooking(plain).replace(/[\s\p{C}]+/gu, " ").trim().slice(-longestShown)
}
