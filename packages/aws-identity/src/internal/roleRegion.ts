import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { partition, partitionOfArn, type Region } from "../Region.js"
import { lookUp } from "./environment.js"

/**
 * The region of a profile, where STS is to be asked for the profile's role: none if the environment names one, which
 * counts before, or if it is of another partition than the role.
 */
export const roleRegion = (
  { region, roleArn }: { readonly region: Region | undefined; readonly roleArn: string }
): Effect.Effect<Region | undefined> =>
  Effect.gen(function*() {
    if (region === undefined) return undefined
    for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION"]) {
      if (Option.isSome(yield* lookUp(name))) return undefined
    }
    const isElsewhere = Option.exists(partitionOfArn(roleArn), ({ id }) => partition(region).id !== id)
    return isElsewhere ? undefined : region
  })
