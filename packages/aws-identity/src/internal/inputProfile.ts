import * as Schema from "effect/Schema"

/** The profile whose client settings count for a call. It is not sent. */
export const inputProfile = {
  /**
   * The profile whose settings (endpoint, region of STS, FIPS, retries) count, if the layer takes settings from
   * profiles. Default: the profile of `SharedConfig`.
   */
  profile: Schema.optional(Schema.String)
}
