/** `Programs` over `node:child_process`. */
// This module is where the port meets Node.
// @effect-diagnostics globalTimers:off nodeBuiltinImport:off processEnv:off
import * as Effect from "effect/Effect"
import type { ChildProcess } from "node:child_process"
import * as Programs from "../../Programs.js"
import { join } from "../collect.js"

const isWindows = process.platform === "win32"

export const make = (): Programs.Service => ({
  commandLine: isWindows ? "windows" : "posix",
  run: (program, limits) =>
    Effect.flatMap(
      // Loaded with the first program, because most programs run none.
      Effect.promise(() => import("node:child_process")),
      ({ execFile, spawn }) =>
        Effect.async<Programs.Result, Programs.ProgramError>((resume) => {
          let child: ChildProcess
          try {
            child = spawn(program.command, [...program.args], {
              env: { ...process.env, ...program.env },
              // A program that asks must not wait for an answer.
              stdio: ["ignore", "pipe", "pipe"],
              // A process group of its own, so that the programs that it starts end with it.
              detached: !isWindows,
              windowsHide: true
            })
          } catch {
            return resume(Effect.fail(new Programs.ProgramError({ reason: "Impossible", code: "EINVAL" })))
          }
          const kill = (): void => {
            if (child.pid === undefined) return
            if (isWindows) execFile("taskkill", ["/pid", String(child.pid), "/T", "/F"], () => {})
            else killGroup(child.pid)
          }
          observe(child, limits, kill, resume)
          return Effect.async<void>((closed) => {
            // A program that left the group may hold the other ends open.
            child.stdout?.destroy()
            child.stderr?.destroy()
            if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
              return closed(Effect.void)
            }
            child.once("exit", () => closed(Effect.void))
            kill()
          })
        })
    )
})

const killGroup = (pid: number): void => {
  try {
    process.kill(-pid, "SIGKILL")
  } catch {
    // The group has ended.
  }
}

/** ms for which the words of a program that failed may come after its end. */
const patienceMillis = 1000

const observe = (
  child: ChildProcess,
  limits: Programs.Limits,
  kill: () => void,
  resume: (result: Effect.Effect<Programs.Result, Programs.ProgramError>) => void
): void => {
  const stdout: Array<Uint8Array> = []
  let length = 0
  let stderr = new Uint8Array()
  let isStdoutOpen = true
  let isStderrOpen = true
  let exit: number | string | undefined
  let timer: NodeJS.Timeout | undefined

  const finish = (): void => {
    clearTimeout(timer)
    child.stdout?.destroy()
    child.stderr?.destroy()
    const decoder = new TextDecoder()
    resume(
      Effect.succeed({ exit: exit ?? 0, stdout: decoder.decode(join(stdout)), stderr: decoder.decode(stderr) })
    )
  }
  const advance = (): void => {
    if (exit === undefined || isStdoutOpen) return
    if (exit === 0 || !isStderrOpen) finish()
    // A program that it left behind may hold the other end open.
    else timer ??= setTimeout(finish, patienceMillis)
  }
  child.on("error", (error) => resume(Effect.fail(programError(error))))
  child.on("exit", (code, signal) => {
    exit = code ?? signal ?? "the system"
    advance()
  })
  child.stdout?.on("data", (chunk: Uint8Array) => {
    stdout.push(chunk)
    length += chunk.length
    if (length <= limits.stdout) return
    kill()
    resume(Effect.fail(new Programs.ProgramError({ reason: "TooLong", code: "TooLong" })))
  })
  child.stdout?.on(
    "error",
    () => resume(Effect.fail(new Programs.ProgramError({ reason: "BrokenOff", code: "BrokenOff" })))
  )
  child.stdout?.on("close", () => {
    isStdoutOpen = false
    advance()
  })
  child.stderr?.on("data", (chunk: Uint8Array) => {
    stderr = join([stderr, chunk]).slice(-limits.stderr)
  })
  child.stderr?.on("error", () => {})
  child.stderr?.on("close", () => {
    isStderrOpen = false
    advance()
  })
}

const programError = (error: Error): Programs.ProgramError => {
  const code = "code" in error && typeof error.code === "string" ? error.code : "Unknown"
  if (code === "ENOENT") return new Programs.ProgramError({ reason: "NotFound", code })
  return new Programs.ProgramError({ reason: code === "EACCES" ? "PermissionDenied" : "Other", code })
}
