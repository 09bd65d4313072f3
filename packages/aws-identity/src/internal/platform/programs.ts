/** `Programs` over the `CommandExecutor` of the platform. */
import * as Command from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Programs from "../../Programs.js"
import { collect, join } from "../collect.js"

export const make: Effect.Effect<Programs.Service, never, CommandExecutor.CommandExecutor | Path.Path> = Effect.gen(
  function*() {
    const executor = yield* CommandExecutor.CommandExecutor
    const { sep } = yield* Path.Path
    return {
      commandLine: sep === "\\" ? "windows" : "posix",
      run: (program, limits) => Effect.scoped(run(executor, program, limits))
    }
  }
)

const run = (executor: CommandExecutor.CommandExecutor, program: Programs.Program, limits: Programs.Limits) =>
  Effect.gen(function*() {
    const process = yield* Effect.acquireRelease(
      start(executor, program),
      (process, exit) => Exit.isSuccess(exit) ? Effect.void : Effect.ignore(process.kill("SIGKILL"))
    )
    let stderr = new Uint8Array()
    const listening = yield* Effect.forkScoped(Stream.runForEach(process.stderr, (chunk) =>
      Effect.sync(() => {
        stderr = join([stderr, chunk]).slice(-limits.stderr)
      })))
    const stdout = yield* Effect.mapError(
      collect(Stream.mapError(process.stdout, () => "BrokenOff" as const), limits.stdout),
      (reason) => new Programs.ProgramError({ reason, code: reason })
    )
    const outcome = yield* Effect.either(process.exitCode)
    const exit = Either.match(outcome, {
      onLeft: (error) => /signal: (SIG[A-Z0-9]+)/.exec(error.message)?.[1] ?? "the system",
      onRight: Number
    })
    // A program that it left behind may hold the other end open.
    if (exit !== 0) yield* Effect.timeoutOption(Fiber.await(listening), "1 second")
    return { exit, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) }
  })

const start = (executor: CommandExecutor.CommandExecutor, { args, command, env }: Programs.Program) =>
  Command.make(command, ...args).pipe(
    Command.env(env),
    // A program that asks must not wait for an answer.
    Command.stdin(Stream.empty),
    Command.stdout("pipe"),
    Command.stderr("pipe"),
    (command) => executor.start(command),
    Effect.mapError(programError),
    // Node throws for a name or an argument that no program can have.
    Effect.catchAllDefect(() => Effect.fail(new Programs.ProgramError({ reason: "Impossible", code: "EINVAL" })))
  )

/** The platform's own message shows all arguments. */
const programError = (error: PlatformError): Programs.ProgramError => {
  const code = error._tag === "SystemError" ? error.reason : error._tag
  return new Programs.ProgramError({
    reason: code === "NotFound" || code === "PermissionDenied" ? code : "Other",
    code
  })
}
