/** Where a container gets its credentials, and to whom it may tell its authorization token for them. */
import * as Either from "effect/Either"
import { shownText } from "./shownPath.js"

/** The URL of `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, or what is wrong with it. */
export const relativeUrl = (path: string): Either.Either<URL, string> => {
  const url = `http://169.254.170.2${path}`
  // What begins otherwise would go on with the host: `@example.com/`.
  return path.startsWith("/") && URL.canParse(url)
    ? Either.right(new URL(url))
    : Either.left("it is no path that begins with a slash")
}

/** The URL of `AWS_CONTAINER_CREDENTIALS_FULL_URI`, or what is wrong with it. */
export const fullUrl = (text: string): Either.Either<URL, string> => {
  if (!URL.canParse(text)) return Either.left("it is no URL")
  // The parser writes every spelling of a host and of an address in one way, and it is its result that is asked.
  const url = new URL(text)
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    // The text before the first colon may be a part of a secret.
    const known = /^(?:ftp|file|unix|tcp|wss?):$/.exec(url.protocol)?.[0]
    return Either.left(`it is neither an https nor an http URL${known === undefined ? "" : ` but a ${known} one`}`)
  }
  if (url.username !== "" || url.password !== "") return Either.left("it has a user name or a password in it")
  if (url.protocol === "http:" && !isNear(url.hostname)) {
    return Either.left(
      `its host ${shownHost(url.hostname, text)} is not one that plain http may be spoken to: ${nearHosts}`
    )
  }
  return Either.right(url)
}

/**
 * A host name has at most 63 characters between its dots; a token in its place is longer. The URL parser converts it to
 * lower case, and then many tokens do not look like one.
 */
const shownHost = (host: string, text: string): string =>
  shownText(text) !== text || host.length > 100 ||
    host.split(".").some((label) => label.length > 40 || label.startsWith("eyj"))
    ? "<redacted>"
    : host

/** AWS's list of hosts that are this machine or the agent on it. */
const isNear = (host: string): boolean =>
  /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]|169\.254\.170\.23?|\[fd00:ec2::23\])$/.test(host)

const nearHosts = "localhost, 127.0.0.0/8, [::1], 169.254.170.2 (ECS), 169.254.170.23 and [fd00:ec2::23] (EKS)"
