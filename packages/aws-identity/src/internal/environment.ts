/** What AWS's tools take from the environment, through `Config`. */
import * as Config from "effect/Config"
import * as Option from "effect/Option"

/** A variable that is not set, or set to nothing, is none. */
export const variable = (name: string): Config.Config<Option.Option<string>> =>
  Config.map(Config.option(Config.string(name)), Option.filter((value) => value !== ""))

/**
 * The home directory as AWS's tools find it: `HOME`, then Windows's own variables. Without any it is `~`, and
 * `isNowhere` tells of every path below.
 */
export const homeDirectory: Config.Config<string> = Config.map(
  Config.all([variable("HOME"), variable("USERPROFILE"), variable("HOMEDRIVE"), variable("HOMEPATH")]),
  ([home, userProfile, drive, path]) =>
    Option.firstSomeOf([
      home,
      userProfile,
      Option.map(path, (path) => Option.getOrElse(drive, () => "C:") + path)
    ]).pipe(Option.getOrElse(() => "~"))
)

/** Whether nobody knows where the path is; it must not be taken for one of the working directory. */
export const isNowhere = (path: string): boolean => path.startsWith("~")
