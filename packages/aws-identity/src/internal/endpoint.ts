/** Where a service of a region answers: AWS's endpoint rules, and who may be told a secret over plain http. */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { partition, Region } from "../Region.js"
import { shownText } from "./shownPath.js"

/** What the rules look at; see `ClientConfig` for the meaning of each. */
export interface EndpointParameters {
  readonly region: Region
  readonly endpoint: string | undefined
  /** Where it comes from: a variable or a line of a file. */
  readonly endpointSource?: string | undefined
  readonly useFipsEndpoint: boolean
  readonly useDualstackEndpoint: boolean
  readonly useGlobalEndpoint: boolean
  readonly allowPlainHttp: ReadonlyArray<string>
}

export interface Endpoint {
  /** Without a slash at its end. */
  readonly url: string
  readonly signingRegion: Region
}

/** The endpoint of a service by the first part of its host names, or what is wrong with what was asked for. */
export const endpointOf = (prefix: string, parameters: EndpointParameters): Either.Either<Endpoint, string> => {
  const { isFips: isPseudoFips, region } = realRegion(parameters.region)
  const isFips = parameters.useFipsEndpoint || isPseudoFips
  if (parameters.endpoint !== undefined) {
    const problem = isFips
      ? `a FIPS endpoint and an endpoint of one's own${sourceOf(parameters)} exclude each other`
      : parameters.useDualstackEndpoint
      ? `a dual-stack endpoint and an endpoint of one's own${sourceOf(parameters)} exclude each other`
      : endpointProblem(parameters.endpoint, parameters)
    return problem === undefined
      ? Either.right({ url: parameters.endpoint.replace(/\/+$/, ""), signingRegion: region })
      : Either.left(problem)
  }
  const { dnsSuffix, dualStackDnsSuffix, globalRegion, id } = partition(region)
  const isPlain = !isFips && !parameters.useDualstackEndpoint
  if (prefix === "sts" && isPlain && (region === "aws-global" || (parameters.useGlobalEndpoint && hasGlobal(region)))) {
    return Either.right({ url: `https://sts.${dnsSuffix}`, signingRegion: globalRegion })
  }
  // The plain hosts of GovCloud are FIPS hosts already.
  const isNamedFips = isFips && (id !== "aws-us-gov" || parameters.useDualstackEndpoint)
  const suffix = parameters.useDualstackEndpoint ? dualStackDnsSuffix : dnsSuffix
  return Either.right({
    url: `https://${prefix}${isNamedFips ? "-fips" : ""}.${region}.${suffix}`,
    signingRegion: region
  })
}

/** `fips-us-east-1` and `us-east-1-fips` are old names for the FIPS endpoints of a region. */
const realRegion = (region: Region): { readonly region: Region; readonly isFips: boolean } => {
  const name = region.replace(/^fips-|-fips$/, "")
  return name !== region && isRegion(name) ? { region: name, isFips: true } : { region, isFips: false }
}

const isRegion = Schema.is(Region)

/** The regions that STS served from its global endpoint before it had regional ones. */
const hasGlobal = (region: Region): boolean =>
  /^(?:ap-northeast-1|ap-south-1|ap-southeast-[12]|ca-central-1|eu-central-1|eu-north-1|eu-west-[123]|sa-east-1|us-east-[12]|us-west-[12])$/
    .test(region)

/** Without credentials, query and fragment: it is shown in messages. */
export const isEndpointUrl = (text: string): boolean =>
  /^https?:\/\/[^/?#@\s\\]+(?:\/[^?#@\s\\]*)?$/i.test(text) && URL.canParse(text)

const sourceOf = ({ endpointSource }: Pick<EndpointParameters, "endpointSource">): string =>
  endpointSource === undefined ? "" : ` (${endpointSource})`

const endpointProblem = (
  endpoint: string,
  parameters: Pick<EndpointParameters, "allowPlainHttp" | "endpointSource">
): string | undefined => {
  if (!isEndpointUrl(endpoint)) return `its endpoint${sourceOf(parameters)} is not an http or https URL`
  // Parsed in the same way as by the client that sends the request.
  const { hostname, protocol } = new URL(endpoint)
  if (protocol === "https:" || isLoopback(hostname) || parameters.allowPlainHttp.includes(hostname)) return undefined
  const shown = shownText(endpoint)
  // The URL parser converts the host to lower case, and then a token does not look like one.
  const host = shown === endpoint ? hostname : "<host>"
  return `its endpoint ${shown}${sourceOf(parameters)} would be sent secrets in plain text: use https or ` +
    `a loopback address, or allow the host with EFFECT_AWS_IDENTITY_ALLOW_PLAIN_HTTP=${host} or in ` +
    "allowPlainHttp"
}

export const isLoopback = (host: string): boolean => /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(host)
