/** What AWS's tools take from the environment, through the `ConfigProvider`. */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** A variable that is not set, or set to nothing, is none. */
export const variable = (name: string): Effect.Effect<Option.Option<string>, ConfigError.ConfigError> =>
  Effect.matchEffect(Config.string(name), {
    onFailure: (error) => ConfigError.isMissingDataOnly(error) ? Effect.succeedNone : Effect.fail(error),
    onSuccess: (value) => value === "" ? Effect.succeedNone : Effect.succeedSome(value)
  })

/**
 * The home directory as AWS's tools find it: `HOME`, then Windows's own variables. Without any it is `~`, and
 * `isNowhere` tells of every path below.
 */
export const homeDirectory: Effect.Effect<string, ConfigError.ConfigError> = Effect.gen(function*() {
  for (const name of ["HOME", "USERPROFILE"]) {
    const home = yield* variable(name)
    if (Option.isSome(home)) return home.value
  }
  const path = yield* variable("HOMEPATH")
  if (Option.isNone(path)) return "~"
  return Option.getOrElse(yield* variable("HOMEDRIVE"), () => "C:") + path.value
})

/** Whether nobody knows where the path is; it must not be taken for one of the working directory. */
export const isNowhere = (path: string): boolean => path.startsWith("~")
