/** What AWS's tools take from the environment, through the `ConfigProvider`. */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Files from "../Files.js"
import { withProcessEnvironment } from "./edition.js"

/**
 * The value of a variable without outer white space, which scripts, `.env` files and copied text may add. A blank
 * variable counts as not set.
 */
export const variable = (name: string): Effect.Effect<Option.Option<string>, ConfigError.ConfigError> =>
  withProcessEnvironment((variables) =>
    variables === undefined ? throughConfig(name) : Effect.succeed(withoutWhiteSpace(variables[name]))
  )

const throughConfig = (name: string): Effect.Effect<Option.Option<string>, ConfigError.ConfigError> =>
  Effect.matchEffect(Config.string(name), {
    onFailure: (error) => ConfigError.isMissingDataOnly(error) ? Effect.succeedNone : Effect.fail(error),
    onSuccess: (value) => Effect.succeed(withoutWhiteSpace(value))
  })

const withoutWhiteSpace = (value = ""): Option.Option<string> => {
  const trimmed = value.trim()
  return trimmed === "" ? Option.none() : Option.some(trimmed)
}

/**
 * The home directory as AWS's tools find it: `HOME`, then Windows's own variables, then what the system knows of the user.
 * If none of these is known it is `~`, and `isNowhere` is true for every path below it.
 */
export const homeDirectory: Effect.Effect<string, ConfigError.ConfigError, Files.Files> = Effect.gen(
  function*() {
    for (const name of ["HOME", "USERPROFILE"]) {
      const home = yield* variable(name)
      if (Option.isSome(home)) return home.value
    }
    const path = yield* variable("HOMEPATH")
    if (Option.isSome(path)) return Option.getOrElse(yield* variable("HOMEDRIVE"), () => "C:") + path.value
    return Option.getOrElse(yield* (yield* Files.Files).home, () => "~")
  }
)

/** Whether the path is below a home directory that is not known; it must not be taken for one of the working directory. */
export const isNowhere = (path: string): boolean => path.startsWith("~")
