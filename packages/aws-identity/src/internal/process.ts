/**
 * One run of a program that gives a secret on its standard output: bounded in time and size, and nothing of it gets
 * into an error but its exit code and what may be shown of its standard error.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Programs from "../Programs.js"
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

/** Splits a command line into words. Returns none if the line is blank, and fails with the problem of the line. */
export const executableOf = (
  program: Program
): Effect.Effect<Option.Option<Programs.Program>, string, Programs.Programs> =>
  Effect.flatMap(Programs.Programs, ({ commandLine }) => {
    if (typeof program !== "string") {
      const { args = [], command, env = {} } = program
      return Effect.succeedSome({ args, command, env })
    }
    return Either.match(CommandLine.split(program, commandLine), {
      onLeft: (problem) => Effect.fail(problem),
      onRight: ([command, ...args]) =>
        Effect.succeed(command === undefined ? Option.none() : Option.some({ command, args, env: {} }))
    })
  })

/**
 * The program as errors show it. A command that contains a space may be a path, or a whole command line with secrets in
 * its arguments: an ellipsis stands for the part after the space. A variable that was meant for a shell may be a secret.
 */
export const nameOf = ({ command }: Programs.Program): string => {
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
  program: Programs.Program,
  { timeout = defaultTimeout }: { readonly timeout?: Duration.DurationInput | undefined }
): Effect.Effect<string, ProcessProblem, Programs.Programs> =>
  Effect.gen(function*() {
    const programs = yield* Programs.Programs
    const secrets = yield* secretsOf(program)
    const { exit, stderr, stdout } = yield* Effect.mapError(programs.run(program, limits), problemOf)
    if (exit !== 0) {
      const how = typeof exit === "number" ? `ended with exit code ${exit}` : `was ended by ${exit}`
      const why = presentable(stderr, stdout, secrets)
      return yield* problem("Refused", `it ${how}${why === "" ? "" : `: "${why}"`}`)
    }
    return stdout.includes("\ufffd") ? yield* problem("Invalid", "its output is not UTF-8") : stdout
  }).pipe(
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

/** Bytes. Credentials are small. The limits keep a program that prints more from exhausting memory. */
const limits: Programs.Limits = { stdout: 1_048_576, stderr: 16_384 }
const longestShown = 500

const problemOf = ({ code, reason }: Programs.ProgramError): ProcessProblem => {
  switch (reason) {
    case "TooLong":
      return { reason: "Invalid", problem: "its output is longer than 1 MiB" }
    case "BrokenOff":
      return { reason: "Invalid", problem: "its output broke off" }
    case "NotFound":
      return { reason: "Missing", problem: "no such program was found" }
    case "PermissionDenied":
      return { reason: "Missing", problem: "it is not a file that may be executed" }
    case "Impossible":
      return { reason: "Missing", problem: "it cannot be started: its path or an argument is impossible" }
    case "Other":
      return { reason: "Missing", problem: `it cannot be started (${code})` }
  }
}

/** What the program was given and may repeat: our own credentials, and arguments that may be secrets. */
const secretsOf = ({ args, env }: Programs.Program): Effect.Effect<ReadonlyArray<string>> =>
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
