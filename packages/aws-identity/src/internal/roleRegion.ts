import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { partition, partitionOfArn, Region } from "../Region.js"
import { variable } from "./environment.js"

/** Whether a region is of the partition that the ARN of a role names, as far as that is known. */
export const isOfRole = (region: Region, roleArn: string): boolean =>
  Option.match(partitionOfArn(roleArn), { onNone: () => true, onSome: ({ id }) => partition(region).id === id })

const decodeRegion = Schema.decodeOption(Region)

/**
 * The region in which STS is asked for a profile's role: the profile's region. None if an environment variable names a
 * region of the role's partition, which takes precedence, or if the profile's region is in another partition.
 */
export const roleRegion = (
  { region, roleArn }: { readonly region: Region | undefined; readonly roleArn: string }
): Effect.Effect<Region | undefined> =>
  Effect.gen(function*() {
    if (region === undefined || !isOfRole(region, roleArn)) return undefined
    for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION"]) {
      const named = Option.flatMap(yield* Effect.orElseSucceed(variable(name), Option.none<string>), decodeRegion)
      if (Option.exists(named, (named) => isOfRole(named, roleArn))) return undefined
    }
    return region
  })
