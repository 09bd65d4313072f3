import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as IdentityError from "../IdentityError.js"
import type { Region } from "../Region.js"

/** The default region, or the error that says where to name one. */
export const requiredRegion = <E, R>(
  region: Effect.Effect<Option.Option<Region>, E | ConfigError.ConfigError, R>,
  options: {
    /** What needs a region, for an error about a variable. */
    readonly call: { readonly service: string; readonly operation: string }
    /** The name of the profile that was looked at, or undefined if there are no config files to look at. */
    readonly profile: Effect.Effect<string | undefined, E, R>
    /** Names the region in code. */
    readonly remedy: string
  }
): Effect.Effect<Region, E | IdentityError.InvalidInput | IdentityError.NotConfigured, R> =>
  region.pipe(
    Effect.mapError((error) =>
      ConfigError.isConfigError(error)
        ? new IdentityError.InvalidInput({ ...options.call, problem: problemOf(error) })
        : error
    ),
    Effect.flatMap(Option.match({
      onSome: Effect.succeed,
      onNone: () =>
        Effect.flatMap(options.profile, (profile) =>
          Effect.fail(
            new IdentityError.NotConfigured({
              provider: "Region",
              problem: "No region is configured: AWS_REGION and AWS_DEFAULT_REGION are not set" +
                (profile === undefined ? "" : `, and profile "${profile}" has no region`),
              remedy: profile === undefined
                ? `Set AWS_REGION, or ${options.remedy}.`
                : `Set AWS_REGION, add "region = <a region, such as us-east-1>" to the profile, or ${options.remedy}.`
            })
          ))
    }))
  )

/** The problem without the full stop that the error adds. */
const problemOf = (error: ConfigError.ConfigError): string =>
  (error._op === "InvalidData" ? error.message : String(error)).replace(/\.$/, "")
