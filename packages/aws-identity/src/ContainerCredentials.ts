/**
 * Credentials of a container: those of an ECS task role, of EKS Pod Identity, of Greengrass, or of any other server that
 * the environment names. `AWS.ECSCredentials` and `AWS.RemoteCredentials` as a provider.
 *
 * | variable | |
 * | --- | --- |
 * | `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` | a path at `http://169.254.170.2`, ECS's agent; counts before a full URI |
 * | `AWS_CONTAINER_CREDENTIALS_FULL_URI` | a URL: https, or http at this machine or at the agents of ECS and EKS |
 * | `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` | a file with the `Authorization` header, read each time; counts first |
 * | `AWS_CONTAINER_AUTHORIZATION_TOKEN` | the header itself |
 *
 * All requests go through the `Transport`. If that uses a proxy, exclude these hosts from the proxy. `NodeIdentity` never
 * sends requests to link-local hosts through its agent or dispatcher.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { ContainerCredentials, CredentialsProvider } from "effect-aws-identity"
 * import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
 *
 * export const credentials: Layer.Layer<CredentialsProvider.CredentialsProvider> = ContainerCredentials.layer({
 *   background: true
 * }).pipe(Layer.provide(NodeIdentity.layerPorts()))
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import type * as Files from "./Files.js"
import * as IdentityError from "./IdentityError.js"
import * as ContainerEndpoint from "./internal/containerEndpoint.js"
import { variable } from "./internal/environment.js"
import * as HttpExchange from "./internal/httpExchange.js"
import * as MetadataAnswer from "./internal/metadataAnswer.js"
import { makeSecrets } from "./internal/scrub.js"
import { contentInsteadOfPath, shownText } from "./internal/shownPath.js"
import { readTokenFile } from "./internal/tokenFile.js"
import * as Transport from "./Transport.js"

const names = {
  relative: "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  full: "AWS_CONTAINER_CREDENTIALS_FULL_URI",
  tokenFile: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
  token: "AWS_CONTAINER_AUTHORIZATION_TOKEN"
}

const settings = Effect.all({
  relative: variable(names.relative),
  full: variable(names.full),
  tokenFile: variable(names.tokenFile),
  token: variable(names.token)
})

type Settings = Effect.Effect.Success<typeof settings>

const unavailable = (
  source: string,
  { problem, reason }: Pick<IdentityError.CredentialsUnavailable, "reason" | "problem">,
  remedy: string
) => new IdentityError.CredentialsUnavailable({ source, reason, problem, remedy })

const notConfigured = new IdentityError.NotConfigured({
  provider: "Container",
  problem: `Neither ${names.relative} nor ${names.full} is set`,
  remedy: "ECS sets the one for a task with a task role, EKS the other for a pod whose service account has a Pod " +
    "Identity association; what was started before the association does not have it."
})

/** The relative URI counts, as in all of AWS's SDKs, when both are there. */
const urlOf = ({ full, relative }: Settings): Effect.Effect<
  URL,
  IdentityError.NotConfigured | IdentityError.CredentialsUnavailable
> => {
  const [name, url] = Option.isSome(relative)
    ? [names.relative, ContainerEndpoint.relativeUrl(relative.value)]
    : Option.isSome(full)
    ? [names.full, ContainerEndpoint.fullUrl(full.value)]
    : [undefined, undefined]
  return name === undefined
    ? Effect.fail(notConfigured)
    : Effect.mapError(
      url,
      (problem) => unavailable(name, { reason: "Invalid", problem }, `Correct ${name}. Nothing was sent.`)
    )
}

/** It becomes a header as it is, and nothing may follow that header. */
const decodeToken = Schema.decodeEither(Schema.Redacted(Schema.String.pipe(Schema.pattern(/^[\x20-\x7e]+$/))))

const headerOf = (source: string, text: string) =>
  Effect.mapError(decodeToken(text), () =>
    unavailable(
      source,
      {
        reason: "Invalid",
        problem: text === "" ? "it is empty" : "it has line breaks or other characters that no header may have"
      },
      "It has to hold the value of the Authorization header and nothing else. Nothing was sent."
    ))

/** A token of EKS is 1 to 2 kB, and no server takes a header of this length. */
const longestToken = 65_536

/** The file is a token alone; what AWS's agents write has no line end, what a person writes has one. */
const readToken = (path: string) => {
  const content = contentInsteadOfPath(path)
  if (content !== undefined) {
    return Effect.fail(unavailable(
      names.tokenFile,
      { reason: "Invalid", problem: `it holds ${content}, not the path of a file` },
      `Set it to the path of a file that holds the token, or put the token into ${names.token}. Nothing was sent.`
    ))
  }
  return readTokenFile(path, longestToken).pipe(
    Effect.catchTag("Unusable", (unusable) =>
      Effect.fail(unavailable(
        path,
        unusable,
        unusable.reason === "Missing"
          ? `${names.tokenFile} names it: correct that, or mount the volume that it is in.`
          : `Correct ${names.tokenFile}, or the file.`
      ))),
    Effect.map((text) => text.replace(/[\r\n]+$/, ""))
  )
}

const tokenOf = ({ token, tokenFile }: Settings) =>
  Option.isSome(tokenFile)
    ? Effect.asSome(Effect.flatMap(readToken(tokenFile.value), (text) => headerOf(tokenFile.value, text)))
    : Option.isSome(token)
    ? Effect.asSome(headerOf(names.token, token.value))
    : Effect.succeedNone

/**
 * What an error of the server must not repeat: the header, the token in a header such as `Bearer …`, and the path and
 * query, which name the task: any program on the machine that knows them can get its credentials.
 */
const secretsOf = (header: string, { pathname, search }: URL): ReadonlyArray<string> => {
  const target = pathname + search
  const tokens = header.split(" ").filter((part) => part.length >= 16)
  return [...(tokens.length === 0 ? [header] : tokens), ...target.split(/[/?&=]/).filter((part) => part.length >= 16)]
}

/**
 * Gets the credentials of this container, in up to four attempts of 1 second, as AWS's SDK for JavaScript does.
 *
 * - `NotConfigured`: neither URI is set.
 * - `CredentialsUnavailable`: a URI is set, but its host is not allowed (`Invalid`, nothing is sent), there is no token
 *   file (`Missing`), no answer comes (`Unreachable`), or the answer is a refusal (`Refused`) or not credentials
 *   (`Invalid`).
 * - `FileError`: the token file cannot be read.
 *
 * Credentials with a `Token` must have an `Expiration`. Those without a `Token` are long-lived and may have none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolve: () => Effect.Effect<
  Credentials,
  IdentityError.NotConfigured | IdentityError.CredentialsUnavailable | IdentityError.FileError,
  Transport.Transport | Files.Files
> = Effect.fn("ContainerCredentials.resolve")(function*() {
  const environment = yield* Effect.mapError(settings, () =>
    unavailable(
      "the environment",
      { reason: "Invalid", problem: "its variables cannot be read" },
      "Check the ConfigProvider."
    ))
  const url = yield* urlOf(environment)
  const token = yield* tokenOf(environment)
  const header = Option.match(token, { onNone: () => "", onSome: Redacted.value })
  // Not every client keeps the fragment to itself.
  const request = {
    method: "GET" as const,
    url: url.href.replace(/#.*$/, ""),
    headers: { accept: "application/json", ...(header === "" ? {} : { authorization: header }) }
  }
  const secrets = makeSecrets(secretsOf(header, url))
  const transport = yield* Transport.Transport
  return yield* HttpExchange.ask(transport, request, { attempts: 4, timeout: "1 second" }).pipe(
    Effect.flatMap((answer) => MetadataAnswer.credentialsOf(answer, secrets)),
    Effect.mapError((problem) =>
      unavailable(`the container's credential server ${shownText(url.origin)}`, problem, remedies[problem.reason])
    )
  )
})

const remedies = {
  Unreachable: "Check that the agent of ECS or EKS, or the server that the URI names, runs, and that no proxy stands " +
    "between.",
  Refused: `Check the role of the task, or the Pod Identity association, and ${names.tokenFile}.`,
  Invalid: `Check that ${names.relative} or ${names.full} names a server of credentials.`
}

/**
 * `CredentialsProvider` of this container.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: CredentialsProvider.CacheOptions
): Layer.Layer<CredentialsProvider.CredentialsProvider, never, Transport.Transport | Files.Files> =>
  CredentialsProvider.layer(resolve(), options)
