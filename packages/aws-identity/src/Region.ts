/**
 * AWS regions, and the partition each belongs to.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * A region name, safe to put into a host name: one DNS label of lower-case letters, digits and hyphens (1 to 63
 * characters). Any other text is refused before it can reach a URL.
 *
 * @example
 * ```ts
 * import { Region } from "effect-aws-identity"
 *
 * const region: Region.Region = Region.make("eu-central-1")
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export const Region = Schema.String.pipe(
  Schema.pattern(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, {
    identifier: "Region",
    description: "a region name: lower-case letters, digits and hyphens"
  }),
  Schema.brand("Region")
)

/**
 * The name of a region, checked.
 *
 * @since 0.1.0
 * @category models
 */
export type Region = typeof Region.Type

/**
 * A region from a literal. Throws a `ParseError` on anything that is not a host label; use `option` or the `Region`
 * schema for untrusted text.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (name: string): Region => Region.make(name)

/**
 * The region that a text names; none if the text is not a host label.
 *
 * @example
 * ```ts
 * import { Region } from "effect-aws-identity"
 *
 * console.log(Region.option("eu-central-1")._tag) // Some
 * console.log(Region.option("eu-central-1.example.com")._tag) // None
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const option = (text: string): Option.Option<Region> => Option.liftPredicate(Schema.is(Region))(text)

/**
 * A group of regions with one set of accounts, ARNs and DNS names.
 *
 * @since 0.1.0
 * @category models
 */
export interface Partition {
  /** The name in the second field of an ARN: `aws`, `aws-cn`, `aws-us-gov`, … */
  readonly id: string
  /** The suffix of the partition's service host names. */
  readonly dnsSuffix: string
  /** The suffix of its dual-stack host names (IPv4 and IPv6). */
  readonly dualStackDnsSuffix: string
  /** The region that hosts the partition's global services. */
  readonly globalRegion: Region
}

const makePartition = (id: string, dnsSuffix: string, dualStackDnsSuffix: string, globalRegion: string): Partition => ({
  id,
  dnsSuffix,
  dualStackDnsSuffix,
  globalRegion: Region.make(globalRegion, true)
})

const commercial = makePartition("aws", "amazonaws.com", "api.aws", "us-east-1")

// From AWS's partitions.json, tried in order. A region that matches no pattern is treated as a new region of `aws`.
const partitions: ReadonlyArray<readonly [RegExp, Partition]> = [
  [/^(?:us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d+$|^aws-global$/, commercial],
  [
    /^cn-[a-z]+-\d+$|^aws-cn-global$/,
    makePartition("aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn", "cn-northwest-1")
  ],
  [
    /^us-gov-[a-z]+-\d+$|^aws-us-gov-global$/,
    makePartition("aws-us-gov", "amazonaws.com", "api.aws", "us-gov-west-1")
  ],
  [
    /^eusc-de-[a-z]+-\d+$/,
    makePartition("aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu", "eusc-de-east-1")
  ],
  [
    /^us-iso-[a-z]+-\d+$|^aws-iso-global$/,
    makePartition("aws-iso", "c2s.ic.gov", "api.aws.ic.gov", "us-iso-east-1")
  ],
  [
    /^us-isob-[a-z]+-\d+$|^aws-iso-b-global$/,
    makePartition("aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud", "us-isob-east-1")
  ],
  [
    /^eu-isoe-[a-z]+-\d+$/,
    makePartition("aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", "eu-isoe-west-1")
  ],
  [
    /^us-isof-[a-z]+-\d+$/,
    makePartition("aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov", "us-isof-south-1")
  ]
]

/**
 * The partition of a region, by AWS's published patterns. An unknown region belongs to `aws`. `fips-us-gov-west-1` and
 * `us-gov-west-1-fips`, old names for the FIPS endpoints of a region, belong where the region does.
 *
 * @example
 * ```ts
 * import { Region } from "effect-aws-identity"
 *
 * console.log(Region.partition(Region.make("cn-north-1")).dnsSuffix) // amazonaws.com.cn
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const partition = (region: Region): Partition => {
  const name = region.replace(/^fips-|-fips$/, "")
  return partitions.find(([pattern]) => pattern.test(name))?.[1] ?? commercial
}

/**
 * The partition that an ARN names; none if the partition is unknown.
 *
 * @example
 * ```ts
 * import { Option } from "effect"
 * import { Region } from "effect-aws-identity"
 *
 * const partition = Region.partitionOfArn("arn:aws-us-gov:iam::111122223333:role/ci")
 * console.log(Option.map(partition, ({ globalRegion }) => globalRegion)) // Some("us-gov-west-1")
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const partitionOfArn = (arn: string): Option.Option<Partition> => {
  const [scheme, id] = arn.split(":")
  return scheme === "arn" ? Option.fromNullable(partitions.find(([, known]) => known.id === id)?.[1]) : Option.none()
}
