/** What AWS's tools take from the environment, through the `ConfigProvider`. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * The value of a variable without outer white space, which scripts, `.env` files and copied text may add. A blank
 * variable counts as not set.
 */
export const variable = (name: string): Effect.Effect<Option.Option<string>, ConfigError.ConfigError> =>
  Effect.matchEffect(Config.string(name), {
    onFailure: (error) => ConfigError.isMissingDataOnly(error) ? Effect.succeedNone : Effect.fail(error),
    onSuccess: (value) => value.trim() === "" ? Effect.succeedNone : Effect.succeedSome(value.trim())
  })

/**
 * The home directory as AWS's tools find it: `HOME`, then Windows's own variables, then the password database.
 * If none of these is known it is `~`, and `isNowhere` is true for every path below it.
 */
export const homeDirectory: Effect.Effect<string, ConfigError.ConfigError, FileSystem.FileSystem> = Effect.gen(
  function*() {
    for (const name of ["HOME", "USERPROFILE"]) {
      const home = yield* variable(name)
      if (Option.isSome(home)) return home.value
    }
    const path = yield* variable("HOMEPATH")
    if (Option.isSome(path)) return Option.getOrElse(yield* variable("HOMEDRIVE"), () => "C:") + path.value
    return Option.getOrElse(yield* passwordHome, () => "~")
  }
)

/**
 * The home directory of this process's user in `/etc/passwd`, for processes without `HOME`, such as those of systemd
 * and `env -i`. Linux only, because the platform's ports do not tell the user and `/proc` does. If the process has a
 * `HOME` that the `ConfigProvider` hides, there is no home directory.
 */
const passwordHome: Effect.Effect<Option.Option<string>, never, FileSystem.FileSystem> = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
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

/** Whether the path is below a home directory that is not known; it must not be taken for one of the working directory. */
export const isNowhere = (path: string): boolean => path.startsWith("~")
