/**
 * Where web identity tokens come from. Each function makes a source: an Effect that is run for each exchange, so that
 * credentials do not end with the first token.
 *
 * | where the program runs | source |
 * | --- | --- |
 * | Kubernetes (EKS roles for service accounts, any projected token), SPIFFE (`spiffe-helper` writes JWT-SVIDs) | `fromFile` |
 * | GitHub Actions | `githubActions` |
 * | GitLab CI, CircleCI, Bitbucket Pipelines | `fromVariable`, with the name that the job gives it: `AWS_ID_TOKEN`, `CIRCLE_OIDC_TOKEN_V2`, `BITBUCKET_STEP_OIDC_TOKEN` |
 * | Buildkite | `buildkite` |
 * | Google Compute Engine, Cloud Run, GKE | `googleMetadata` |
 * | Fly.io | `fly`; with `AWS_ROLE_ARN` among the secrets, Fly.io writes a file: `WebIdentityCredentials.layerConfig` reads it |
 * | Vercel | `vercel`; in a function, `fromEffect` of the request's header `x-vercel-oidc-token` |
 * | wherever a program prints a token and nothing else | `fromCommand`, with a command of the table below |
 * | anywhere else | `fromEffect` |
 *
 * Commands for `fromCommand`. Their standard output must be one token; white space around it is ignored. No shell is run:
 * a pipe needs `sh -c`.
 *
 * | program | a command that prints the token alone |
 * | --- | --- |
 * | SPIRE | `spire-agent api fetch jwt` prints several lines (`token(spiffe://…):`, the token, `bundle(…):`). `sh -c "spire-agent api fetch jwt -audience sts.amazonaws.com -output json \| jq -r '.[0].svids[0].svid'"`, or `fromFile` beside `spiffe-helper` |
 * | Kubernetes | `kubectl create token NAME --audience sts.amazonaws.com` |
 * | Google Cloud | `gcloud auth print-identity-token --audiences=sts.amazonaws.com`: a service account's (`--impersonate-service-account`); users' tokens take no audience |
 * | Azure | `az account get-access-token --resource api://APP --query accessToken --output tsv`; without the query it prints JSON |
 * | Vault | `vault read -field=token identity/oidc/token/ROLE`; without `-field` it prints a table |
 * | Buildkite | `buildkite-agent oidc request-token --audience sts.amazonaws.com`, which `buildkite` runs |
 * | CircleCI | `circleci run oidc get --claims '{"aud":"sts.amazonaws.com"}'` for an audience of one's own; else the variable |
 * | GitHub, GitLab | `gh auth token` and `glab auth token` print access tokens, which AWS does not take: use `githubActions`, or `id_tokens` with `fromVariable` |
 *
 * Each source returns one signed JSON web token that has not expired, or fails with a `CredentialsUnavailable` that names
 * the source, the cause and what to do.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Files from "./Files.js"
import { CredentialsUnavailable } from "./IdentityError.js"
import { check, longestToken, type Source } from "./internal/checkedToken.js"
import { isLoopback } from "./internal/endpoint.js"
import { variable } from "./internal/environment.js"
import * as HttpExchange from "./internal/httpExchange.js"
import * as MetadataAnswer from "./internal/metadataAnswer.js"
import * as Process from "./internal/process.js"
import { makeSecrets } from "./internal/scrub.js"
import { contentInsteadOfPath } from "./internal/shownPath.js"
import { readTokenFile } from "./internal/tokenFile.js"
import type * as Programs from "./Programs.js"
import * as Transport from "./Transport.js"

const failure = ({ name, remedy }: Source) => (reason: CredentialsUnavailable["reason"], problem: string) =>
  new CredentialsUnavailable({ source: name, reason, problem, remedy })

/** Of the text that a source gave. */
const checked = (source: Source, text: string) => Effect.map(check(source, Redacted.make(text)), ({ token }) => token)

/**
 * Makes a source from an effect; messages call the source `name`. Of the effect's own error only the tag is shown,
 * because the rest may hold anything.
 *
 * @example
 * ```ts
 * import { Effect, Redacted } from "effect"
 * import { WebIdentityToken } from "effect-aws-identity"
 *
 * export const fromVault = (read: Effect.Effect<string, Error>) =>
 *   WebIdentityToken.fromEffect("Vault", Effect.map(read, Redacted.make))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromEffect = <E, R>(
  name: string,
  token: Effect.Effect<Redacted.Redacted, E, R>
): Effect.Effect<Redacted.Redacted, CredentialsUnavailable, R> => {
  const source = { name, remedy: "Look at where the program gets its tokens from." }
  return token.pipe(
    Effect.mapError((error) =>
      failure(source)(
        "Refused",
        Predicate.hasProperty(error, "_tag") && typeof error._tag === "string"
          ? `it failed with ${error._tag}`
          : "it failed"
      )
    ),
    Effect.flatMap((token) => checked(source, Redacted.value(token)))
  )
}

/**
 * The token in a file, read for each exchange, because its issuer replaces it there. Links are followed. A file
 * that is being written is waited for, a fifth of a second at most.
 *
 * The `reason` of the error is `Missing` if there is no such file, and `Invalid` if the file cannot be read.
 *
 * @example
 * ```ts
 * import { WebIdentityToken } from "effect-aws-identity"
 *
 * export const token = WebIdentityToken.fromFile("/var/run/secrets/tokens/aws")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromFile = (
  path: string
): Effect.Effect<Redacted.Redacted, CredentialsUnavailable, Files.Files> => {
  const content = contentInsteadOfPath(path)
  if (content !== undefined) {
    return Effect.fail(
      failure({
        name: "the token file",
        remedy: "Set AWS_WEB_IDENTITY_TOKEN_FILE, web_identity_token_file or the option to the path of a file that " +
          "holds the token; or put the token into a variable of another name, and read that with " +
          "WebIdentityToken.fromVariable."
      })("Invalid", `what should be its path is ${content}`)
    )
  }
  const source = {
    name: `the web identity token file ${path}`,
    remedy:
      "Check AWS_WEB_IDENTITY_TOKEN_FILE or web_identity_token_file, and that the issuer of the tokens writes them there."
  }
  // Ignores white space around the token.
  return readTokenFile(path, 2 * longestToken).pipe(
    Effect.mapError((error) =>
      error._tag === "Unusable"
        ? failure(source)(error.reason, error.problem)
        : failure({
          ...source,
          remedy: "Check who owns it, its mode and its links: this process must be able to read it."
        })(
          "Invalid",
          `it cannot be read (${error.code})`
        )
    ),
    Effect.flatMap((text) => checked(source, text))
  )
}

/**
 * The token in an environment variable, where a CI service puts it. The token cannot be refreshed: when it expires, the
 * job's credentials cannot be refreshed either. The variable is read through `Config`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromVariable = (name: string): Effect.Effect<Redacted.Redacted, CredentialsUnavailable> =>
  ofVariable(name, `Set ${name} to an OIDC token that is valid for the whole job.`)

const ofVariable = (name: string, remedy: string) => {
  const source = { name: `the variable ${name}`, remedy }
  return Effect.flatMap(
    required(source, name),
    (token) => checked(source, token)
  )
}

/** A variable that a source cannot do without. */
const required = (source: Source, name: string): Effect.Effect<string, CredentialsUnavailable> =>
  Effect.flatMap(
    optional(source, name),
    Option.match({
      onNone: () => Effect.fail(failure(source)("Missing", `${name} is not set`)),
      onSome: Effect.succeed
    })
  )

const optional = (source: Source, name: string) =>
  Effect.mapError(variable(name), () => failure(source)("Missing", `${name} cannot be read by the ConfigProvider`))

/**
 * Runs a program and returns the token that it prints. The program may run for 1 minute. It is a command line, as for
 * `ProcessCredentials.Program`, or a command with arguments and more variables.
 *
 * @example
 * ```ts
 * import { WebIdentityToken } from "effect-aws-identity"
 *
 * export const ofALine = WebIdentityToken.fromCommand("print-token --audience sts.amazonaws.com")
 *
 * export const ofACommand = WebIdentityToken.fromCommand({
 *   command: "print-token",
 *   args: ["--audience", "sts.amazonaws.com"]
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromCommand = (
  program: string | {
    readonly command: string
    readonly args?: ReadonlyArray<string> | undefined
    /** Variables that the program has beside those of this process. */
    readonly env?: Readonly<Record<string, string>> | undefined
  }
): Effect.Effect<Redacted.Redacted, CredentialsUnavailable, Programs.Programs> =>
  Effect.gen(function*() {
    const ofLine = failure({ name: "the command line", remedy: "Correct the command line." })
    const executable = yield* Effect.mapError(Process.executableOf(program), (problem) => ofLine("Invalid", problem))
    if (Option.isNone(executable)) return yield* ofLine("Invalid", "it names no program")
    return yield* ofExecutable(
      executable.value,
      "Run the program by hand, as the same user, to see what it says."
    )
  })

const ofExecutable = (executable: Programs.Program, remedy: string) => {
  const source = { name: `the program ${Process.nameOf(executable)}`, remedy }
  return Process.run(executable, {}).pipe(
    Effect.mapError(({ problem, reason }) => failure(source)(reason, problem)),
    Effect.flatMap((output) => checked(source, output))
  )
}

/**
 * The audience of the token. Default: `sts.amazonaws.com`, which AWS expects unless the identity provider in IAM has
 * another one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly audience?: string | undefined
}

const defaultAudience = "sts.amazonaws.com"

/**
 * Gets a new token of the running GitHub Actions job each time, because a job may run longer than its tokens are valid.
 *
 * The job needs `permissions: id-token: write`; GitHub then sets `ACTIONS_ID_TOKEN_REQUEST_URL` and
 * `ACTIONS_ID_TOKEN_REQUEST_TOKEN`, and answers as docs.github.com describes under "OpenID Connect reference".
 *
 * @example
 * ```ts
 * import { WebIdentityCredentials, WebIdentityToken } from "effect-aws-identity"
 *
 * export const credentials = WebIdentityCredentials.layer({
 *   roleArn: "arn:aws:iam::111122223333:role/deploy",
 *   token: WebIdentityToken.githubActions()
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const githubActions = (
  { audience = defaultAudience }: Options = {}
): Effect.Effect<Redacted.Redacted, CredentialsUnavailable, Transport.Transport> => {
  const source = { name: "GitHub Actions", remedy: "" }
  return Effect.gen(function*() {
    const url = yield* required(source, "ACTIONS_ID_TOKEN_REQUEST_URL")
    const requestToken = yield* required(source, "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if (!isConfidential(url)) {
      return yield* failure(source)("Invalid", "ACTIONS_ID_TOKEN_REQUEST_URL is no https URL")
    }
    if (!isHeaderValue(requestToken)) {
      return yield* failure(source)("Invalid", "ACTIONS_ID_TOKEN_REQUEST_TOKEN cannot be sent in a header")
    }
    const text = yield* ask(
      source,
      get(url, { audience }, {
        accept: "application/json; api-version=2.0",
        authorization: `Bearer ${requestToken}`
      })
    )
    const answer = decodeAnswer(text)
    return yield* Option.isNone(answer)
      ? failure(source)("Invalid", "its answer has no \"value\"")
      : checked(source, answer.value.value)
  }).pipe(Effect.mapError((error) => new CredentialsUnavailable({ ...error, remedy: remedyOfGitHub(error) })))
}

const remedyOfGitHub = ({ problem, reason }: CredentialsUnavailable): string => {
  const status = Number(/\bstatus (\d{3})\b/.exec(problem)?.[1] ?? 0)
  if (status === 429 || status >= 500) {
    return "The fault is on GitHub's side: run the job again; githubstatus.com tells of outages."
  }
  if (status >= 400) {
    return "GitHub gives tokens to a running job only: not before it has started (pending, waiting for approval), nor " +
      "after it has ended or was cancelled. Do not hand ACTIONS_ID_TOKEN_REQUEST_TOKEN on to another job."
  }
  switch (reason) {
    case "Missing":
      return "Add \"id-token: write\" below \"permissions:\" to the job or its workflow (and to the caller of a reusable " +
        "workflow), beside \"contents: read\". A pull request from a fork gets no tokens. A container or a remote shell " +
        "has to be given both variables."
    case "Unreachable":
      return "Check the network, proxy and firewall of the runner: it has to reach *.actions.githubusercontent.com."
    case "Expired":
      return "Set the clock of the runner: GitHub's tokens live for some minutes from their issue on."
    default:
      return problem.startsWith("ACTIONS_")
        ? "Leave this variable as the runner sets it."
        : "A proxy may have answered in GitHub's place: check the proxy of the runner and ACTIONS_ID_TOKEN_REQUEST_URL."
  }
}

const decodeAnswer = Schema.decodeOption(Schema.parseJson(Schema.Struct({ value: Schema.String })))

const isConfidential = (url: string): boolean => {
  if (!URL.canParse(url)) return false
  const { hostname, protocol } = new URL(url)
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname))
}

const isHeaderValue = (text: string): boolean => /^[\x21-\x7e]+$/.test(text)

/**
 * A token of the service account of the Google Cloud machine, container or function that runs.
 *
 * In a trust policy, the `audience` of these options is `accounts.google.com:oaud`; `accounts.google.com:aud` is the id
 * of the service account. `GCE_METADATA_HOST` replaces `metadata.google.internal`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const googleMetadata = (
  { audience = defaultAudience }: Options = {}
): Effect.Effect<Redacted.Redacted, CredentialsUnavailable, Transport.Transport> => {
  const source = {
    name: "the Google metadata server",
    remedy: "It is there on Google Cloud only, and for machines and workloads that have a service account."
  }
  return Effect.gen(function*() {
    const host = yield* optional(source, "GCE_METADATA_HOST")
    const url = `http://${Option.getOrElse(host, () => "metadata.google.internal")}/computeMetadata/v1/instance/` +
      "service-accounts/default/identity"
    if (!URL.canParse(url)) return yield* failure(source)("Invalid", "GCE_METADATA_HOST is no host")
    const text = yield* ask(
      source,
      get(url, { audience, format: "full" }, { "metadata-flavor": "Google" })
    )
    return yield* checked(source, text)
  })
}

/**
 * A token of the Fly.io machine that runs. The API is a Unix socket, so the `Transport` has to be one whose
 * connections go there.
 *
 * @example
 * ```ts
 * import { Undici } from "@effect/platform-node"
 * import { Effect } from "effect"
 * import { WebIdentityToken } from "effect-aws-identity"
 * import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
 *
 * const api = NodeIdentity.layerPorts({ dispatcher: new Undici.Agent({ connect: { socketPath: "/.fly/api" } }) })
 *
 * export const token = Effect.provide(WebIdentityToken.fly(), api)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fly = (
  { audience = defaultAudience }: Options = {}
): Effect.Effect<Redacted.Redacted, CredentialsUnavailable, Transport.Transport> => {
  const source = {
    name: "the Fly.io machine API",
    remedy: "It is there on Fly.io only, at the Unix socket /.fly/api."
  }
  return Effect.gen(function*() {
    const text = yield* ask(
      source,
      {
        method: "POST",
        url: "http://localhost/v1/tokens/oidc",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ aud: audience })
      }
    )
    return yield* checked(source, text)
  })
}

/**
 * The token of a Vercel build, of its local development (`vercel env pull`), or of a function that was started with
 * one: `VERCEL_OIDC_TOKEN`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const vercel = (): Effect.Effect<Redacted.Redacted, CredentialsUnavailable> =>
  ofVariable(
    "VERCEL_OIDC_TOKEN",
    "Turn on OIDC federation in the project's settings; on your own machine, run \"vercel env pull\" again."
  )

/**
 * A token of the Buildkite job that runs, by its agent: `buildkite-agent oidc request-token`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const buildkite = (
  { audience = defaultAudience }: Options = {}
): Effect.Effect<Redacted.Redacted, CredentialsUnavailable, Programs.Programs> =>
  ofExecutable(
    { command: "buildkite-agent", args: ["oidc", "request-token", "--audience", audience], env: {} },
    "It is there in Buildkite jobs only."
  )

const get = (
  url: string,
  parameters: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>
): Transport.Request => {
  const target = new URL(url)
  for (const [name, value] of Object.entries(parameters)) target.searchParams.append(name, value)
  return { method: "GET", url: target.href, headers }
}

/** The answer of a server that is asked for a token. */
const ask = (source: Source, request: Transport.Request) =>
  Effect.gen(function*() {
    const answer = yield* Effect.mapError(
      HttpExchange.ask(yield* Transport.Transport, request, { attempts: 5, timeout: "10 seconds" }),
      ({ problem, reason }) => failure(source)(reason, problem)
    )
    const authorization = request.headers["authorization"] ?? ""
    // The URL of a job may be signed.
    const parameters = [...new URL(request.url).searchParams.values()].filter((value) => value.length >= 16)
    const secrets = makeSecrets([authorization.replace(/^Bearer /, ""), ...parameters])
    if (answer.status < 200 || answer.status > 299) {
      const words = MetadataAnswer.wordsOf(answer, secrets)
      return yield* failure(source)("Refused", `it answered with status ${answer.status}${words}`)
    }
    const page = MetadataAnswer.pageIn(answer, secrets)
    return page === "" ? answer.text : yield* failure(source)("Invalid", `its answer is not a token${page}`)
  })
