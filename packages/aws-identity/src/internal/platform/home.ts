/** The home directory of this process's user, as Linux knows it. */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * The home directory in `/etc/passwd`, for processes without `HOME`, such as those of systemd and `env -i`. Linux only,
 * because the platform's services do not tell the user and `/proc` does.
 */
export const passwordHome = (fs: FileSystem.FileSystem): Effect.Effect<Option.Option<string>> =>
  Effect.gen(function*() {
    const variables = yield* fs.readFileString("/proc/self/environ")
    if (/(?:^|\0)HOME=[^\0]/.test(variables)) return Option.none()
    const status = yield* fs.readFileString("/proc/self/status")
    // The effective user id, because the system checks access to files with it.
    const userId = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1]
    const passwords = yield* fs.readFileString("/etc/passwd")
    return homeOf(passwords, userId)
  }).pipe(Effect.orElseSucceed(Option.none<string>))

/** The home directory of a user id in the text of `/etc/passwd`. */
export const homeOf = (passwords: string, userId: string | undefined): Option.Option<string> => {
  for (const line of passwords.split("\n")) {
    const [, , id, , , home = ""] = line.split(":")
    if (id !== undefined && id === userId) return home.startsWith("/") ? Option.some(home) : Option.none()
  }
  return Option.none()
}
