/**
 * Runs programs that print credentials or tokens: `credential_process`, and the command of a web identity token.
 *
 * `NodeIdentity` makes this port from `node:child_process`, and `PlatformPorts` from the `CommandExecutor` of
 * `@effect/platform`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * A program to run, without a shell.
 *
 * @since 0.1.0
 * @category models
 */
export interface Program {
  /** A path, or a name that is looked up in `PATH`. */
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Variables beside those of this process. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * What a program wrote and how it ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface Result {
  /** Or the signal that ended it, such as `SIGKILL`. */
  readonly exit: number | string
  /** What is not UTF-8 is U+FFFD. */
  readonly stdout: string
  /** The last `limits.stderr` bytes. */
  readonly stderr: string
}

/**
 * Bytes of output.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  /** A program that writes more is killed. */
  readonly stdout: number
  readonly stderr: number
}

/**
 * Why a program has no result. It holds nothing of its arguments and output.
 *
 * @since 0.1.0
 * @category errors
 */
export class ProgramError extends Data.TaggedError("ProgramError")<{
  readonly reason: "NotFound" | "PermissionDenied" | "Impossible" | "TooLong" | "BrokenOff" | "Other"
  /** The cause in a word, such as `E2BIG`. */
  readonly code: string
}> {
  override get message(): string {
    return `The program has no result: ${this.reason} (${this.code})`
  }
}

/**
 * The port.
 *
 * @since 0.1.0
 * @category services
 */
export class Programs extends Context.Tag("effect-aws-identity/Programs")<Programs, {
  /** How this system splits a command line into words. */
  readonly commandLine: "posix" | "windows"
  /**
   * Runs a program with nothing on its standard input and without a terminal, and waits for its end. The program is a
   * process group of its own. Interruption kills the group (SIGKILL) and waits until it has ended.
   */
  readonly run: (program: Program, limits: Limits) => Effect.Effect<Result, ProgramError>
}>() {}

/**
 * The type of the service.
 *
 * @since 0.1.0
 * @category models
 */
export type Service = Context.Tag.Service<Programs>

/**
 * Programs that run in memory, for tests. Without `run`, no program is found.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Programs } from "effect-aws-identity"
 *
 * export const test = Programs.layerMemory(({ args }) =>
 *   Effect.succeed({ exit: 0, stdout: args.join(" "), stderr: "" })
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (
  run: Service["run"] = () => Effect.fail(new ProgramError({ reason: "NotFound", code: "ENOENT" }))
): Layer.Layer<Programs> => Layer.succeed(Programs, { commandLine: "posix", run })
