/**
 * One call to an AWS service: validated input out, decoded output or a typed error back, after as many attempts as
 * the client's settings allow.
 *
 * `prepare` turns an input into a request, `attempt` sends it once, and `retrying` repeats attempts. An attempt is one
 * asynchronous effect without a fiber of its own, because a call spends most of its own time in fibers otherwise.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { ClientConfig, ClientSettings } from "../ClientConfig.js"
import type { Credentials } from "../Credentials.js"
import * as IdentityError from "../IdentityError.js"
import type { Region } from "../Region.js"
import * as Transport from "../Transport.js"
import { isTransientConnection, kindOfAnswer, pauseOf } from "./answerKind.js"
import * as AwsAnswer from "./awsAnswer.js"
import { callback, type FiberServices, traced, withFiberServices } from "./edition.js"
import { type Endpoint, endpointOf } from "./endpoint.js"
import * as HttpExchange from "./httpExchange.js"
import { countRequest } from "./metrics.js"
import * as Retrying from "./retrying.js"
import * as RetryPolicy from "./retryPolicy.js"
import { schemaProblem } from "./schemaProblem.js"
import { makeSecrets, type Secrets } from "./scrub.js"
import { toServiceError } from "./serviceError.js"
import { shownText } from "./shownPath.js"
import type * as SigV4 from "./sigV4.js"
import type * as Xml from "./xml.js"

/** An AWS service as its endpoints and its messages name it. */
export interface Service {
  /** AWS's name of it: `SSO`. */
  readonly id: string
  /** Our module of it, which its spans are named after. */
  readonly module: string
  /** What its host names begin with: `portal.sso`. */
  readonly endpointPrefix: string
}

/** A service, the way to it, and what its calls share. */
export interface Client {
  readonly service: Service
  /** The settings for a call on behalf of the profile. */
  readonly settings: Exclude<ClientSettings, ClientConfig>
  readonly transport: Transport.Service
  /** The XML parser of a service whose answers are XML. */
  readonly xml: Effect.Effect<Xml.Parse> | undefined
  readonly quota: RetryPolicy.RetryQuota
  /** How far AWS's clock is ahead of ours, in ms. */
  clockOffset: number
}

export const make = (
  service: Service,
  settings: ClientSettings = {},
  xml?: Effect.Effect<Xml.Parse>
): Effect.Effect<Client, never, Transport.Transport> =>
  Effect.map(Transport.Transport, (transport) => ({
    service,
    settings: typeof settings === "function" ? settings : () => Effect.succeed(settings),
    transport,
    xml,
    quota: RetryPolicy.makeQuota(),
    clockOffset: 0
  }))

/** The class of an error with a tag of its own. */
interface ExceptionClass {
  new(fields: ErrorFields): IdentityError.ServiceException
  readonly _tag: string
}

type ErrorFields = ConstructorParameters<typeof IdentityError.InvalidRequestRegionException>[0]

interface Call<Input, EncodedInput, Output, Exception extends ExceptionClass> {
  readonly operation: string
  readonly input: Schema.Schema<Input, EncodedInput>
  /** The output, or what is wrong with the text. The parser is the client's, if it has one. */
  readonly decode: (text: string, xml: Xml.Parse | undefined) => Either.Either<Output, string>
  readonly request: (input: EncodedInput, endpoint: string) => Transport.Request
  /** The errors that callers can tell apart by their tags. */
  readonly exceptions: ReadonlyArray<Exception>
  /** The region of the call, or what is wrong with it. Default: the region of the input. */
  readonly region?: (input: Input, settings: ClientConfig) => Either.Either<Region, string>
  /** How the call is signed, if it is. */
  readonly signing?: Signing
}

/** A parameter, so that only programs with signed calls contain the code that signs. */
interface Signing {
  readonly sign: typeof SigV4.sign
  /** AWS's signing name of the service. */
  readonly name: string
}

const decodeJson = Schema.decodeEither(Schema.parseJson(Schema.Unknown))

/** Decodes a JSON text, in which an empty text counts as missing. The decoder is compiled by the first answer. */
export const json = <A, I>(schema: Schema.Schema<A, I>): (text: string) => Either.Either<A, string> => {
  let decode: ((value: unknown) => Either.Either<A, ParseError>) | undefined
  return (text) =>
    Either.mapLeft(
      Either.flatMap(decodeJson(text), (value) =>
        (decode ??= Schema.decodeUnknownEither(schema))(AwsAnswer.withoutEmpty(value))),
      schemaProblem
    )
}

type ParseError = Parameters<typeof schemaProblem>[0]

/** A request that is ready to be sent, and what its attempts need besides. */
interface Prepared {
  readonly request: Transport.Request
  readonly region: Region
  readonly endpoint: Endpoint
  readonly settings: ClientConfig
  readonly credentials: Credentials | undefined
  /** All that is secret in the input. */
  readonly secrets: Secrets
}

/** An operation of a service, as a function of its input. */
export const operation = <
  Input extends {
    readonly region?: Region | undefined
    readonly profile?: string | undefined
    readonly credentials?: Credentials
  },
  EncodedInput,
  Output,
  Exception extends ExceptionClass
>(
  client: Client,
  call: Call<Input, EncodedInput, Output, Exception>
): (input: Input) => Effect.Effect<Output, IdentityError.CallError | InstanceType<Exception>> => {
  type E = IdentityError.CallError | InstanceType<Exception>
  const { service } = client
  const names = { service: service.id, operation: call.operation }
  let encode: ((input: Input) => Either.Either<EncodedInput, ParseError>) | undefined

  const prepare = (input: Input, settings: ClientConfig): Either.Either<Prepared, string> => {
    const encoded = (encode ??= Schema.encodeEither(call.input))(input)
    if (Either.isLeft(encoded)) return Either.left(schemaProblem(encoded.left))
    const illFormed = placeOfIllFormed(input)
    if (illFormed !== undefined) return Either.left(`"${illFormed.join(".")}" is not well-formed Unicode text`)
    const region = call.region?.(input, settings) ?? Either.fromNullable(input.region, () => "\"region\" is missing")
    if (Either.isLeft(region)) return Either.left(region.left)
    const endpoint = endpointOf(service.endpointPrefix, {
      region: region.right,
      endpoint: settings.endpoint,
      endpointSource: settings.endpointSource,
      useFipsEndpoint: settings.useFipsEndpoint ?? false,
      useDualstackEndpoint: settings.useDualstackEndpoint ?? false,
      useGlobalEndpoint: settings.useGlobalEndpoint ?? false,
      allowPlainHttp: settings.allowPlainHttp ?? []
    })
    return Either.map(endpoint, (endpoint) => ({
      request: call.request(encoded.right, endpoint.url),
      region: region.right,
      endpoint,
      settings,
      credentials: input.credentials,
      secrets: makeSecrets(secretsOf(input))
    }))
  }

  const run = (prepared: Prepared, id: string, services: FiberServices): Effect.Effect<Output, E> => {
    const { endpoint, region, request, settings } = prepared
    const { attemptTimeout = "30 seconds", timeout = "1 minute" } = settings
    const maxAttempts = Math.max(Math.floor(settings.maxAttempts ?? RetryPolicy.defaultMaxAttempts) || 1, 1)
    const ofMax = settings.retry === undefined ? `; max=${maxAttempts}` : ""
    const headers = { ...request.headers, "user-agent": userAgent(settings.appId), "amz-sdk-invocation-id": id }
    const attempt = attemptOf(client, call, exceptionOf, prepared, services)
    services.annotate({ "aws.region": region })
    return Retrying.retrying<Output, E>(services, {
      attempt: (turn) =>
        attempt({ ...request, headers: { ...headers, "amz-sdk-request": `attempt=${turn.number}${ofMax}` } }, turn),
      attemptMillis: Duration.toMillis(attemptTimeout),
      millis: Duration.toMillis(timeout),
      unanswered: (attempts, isWhole) =>
        unreachable(
          names,
          endpoint,
          `no answer within ${Duration.format(isWhole ? timeout : attemptTimeout)}`,
          attempts
        ),
      wait: settings.retry === undefined
        ? RetryPolicy.standard(maxAttempts, client.quota)
        : RetryPolicy.ofSchedule(settings.retry),
      onDone: (last) => client.quota.giveBack(last?.kind)
    })
  }

  // AWS is not consistent about `Exception` at the end of the names of its exceptions, and any 429 means the same.
  const exceptionOf = (fields: ErrorFields): InstanceType<Exception> | undefined => {
    const Class = call.exceptions.find(({ _tag }) =>
      _tag === fields.code || _tag === `${fields.code}Exception` ||
      (fields.status === 429 && _tag === "TooManyRequestsException")
    )
    if (Class === undefined) return undefined
    // The only error that says where to call instead.
    if (Class._tag === "InvalidRequestRegionException") return new Class(fields) as InstanceType<Exception>
    const { endpoint: _, region: __, ...others } = fields
    return new Class(others) as InstanceType<Exception>
  }

  const span = traced(`${service.module}.${call.operation}`, {
    kind: "client",
    attributes: { "rpc.system": "aws-api", "rpc.service": service.id, "rpc.method": call.operation }
  })
  const counted = countRequest(service.id, call.operation)
  return (input) =>
    span(counted(Effect.flatMap(client.settings(input.profile), (settings) => {
      const prepared = prepare(input, settings)
      return Either.isLeft(prepared)
        ? Effect.fail(new IdentityError.InvalidInput({ ...names, problem: prepared.left }))
        : Effect.flatMap(randomUuid, (id) => withFiberServices((services) => run(prepared.right, id, services)))
    })))
}

interface Names {
  readonly service: string
  readonly operation: string
}

const unreachable = (
  names: Names,
  endpoint: Endpoint,
  code: string,
  attempts: number,
  isTransient = true
): Retrying.Refused<IdentityError.ServiceUnreachable> => {
  const error = new IdentityError.ServiceUnreachable({ ...names, endpoint: shownText(endpoint.url), code, attempts })
  return Retrying.refused(error, isTransient ? { kind: "Transient", error, retryAfter: Option.none() } : undefined)
}

/** One attempt of a call: signs and sends the request, and decodes what comes back. */
const attemptOf = <Output, Exception extends IdentityError.ServiceException>(
  client: Client,
  { decode, operation, signing }: Pick<Call<never, never, Output, never>, "operation" | "decode" | "signing">,
  exceptionOf: (fields: ErrorFields) => Exception | undefined,
  { credentials, endpoint, secrets, settings }: Prepared,
  services: FiberServices
) => {
  type Result = Retrying.Outcome<Output, IdentityError.CallError | Exception>
  const names = { service: client.service.id, operation }
  const invalid = (status: number, problem: string, requestId?: string): Result =>
    Retrying.refused(
      new IdentityError.InvalidResponse({ ...names, endpoint: shownText(endpoint.url), status, problem, requestId })
    )

  const refusalOf = (
    { headers, status, text }: Transport.Response,
    clockOffset: number,
    attempts: number,
    xml: Xml.Parse | undefined
  ): Result => {
    const answer = AwsAnswer.errorOf(headers, text, secrets, xml)
    const foreign = answer.code === "Unknown" ? AwsAnswer.foreignAnswer(headers, text, secrets) : undefined
    const description = foreign === undefined ? answer.description : `the answer is ${foreign}`
    const fields = { ...names, ...answer, description, status, attempts }
    const error = exceptionOf(fields) ?? toServiceError(fields)
    const kind = kindOfAnswer(fields, client.clockOffset !== clockOffset)
    const retryAfter = Option.orElse(RetryPolicy.retryAfterOf(headers, services.now()), () => pauseOf(fields))
    return Retrying.refused(error, kind === undefined ? undefined : { kind, error, retryAfter })
  }

  const resultOf = (
    response: Transport.Response,
    { clockOffset, sentAt }: { readonly sentAt: number; readonly clockOffset: number },
    attempts: number,
    xml: Xml.Parse | undefined
  ): Result => {
    const { headers, status, text } = response
    if (signing !== undefined && settings.disableClockSkewCorrection !== true) {
      const corrected = RetryPolicy.clockOffset(clockOffset, headers, { sentAt, receivedAt: services.now() })
      // Another call may have corrected it in the meantime.
      if (corrected !== clockOffset) client.clockOffset = corrected
    }
    const requestId = AwsAnswer.requestIdOf(headers, secrets.isSecret)
    services.annotate({ "aws.request_id": requestId, "http.response.status_code": status })
    if (HttpExchange.isRedirect(status)) {
      return invalid(status, `a redirect, which is not followed${destinationOf(headers["location"])}`, requestId)
    }
    if (status < 200 || status > 299) return refusalOf(response, clockOffset, attempts, xml)
    const output = decode(text, xml)
    if (Either.isRight(output)) return Retrying.done(output.right)
    // Only a page is described: any other text may hold new secrets.
    const page = AwsAnswer.isHtml(headers, text) ? AwsAnswer.foreignAnswer(headers, text, secrets) : undefined
    return invalid(status, page ?? output.left, requestId)
  }

  const withoutAnswer = (
    outcome: HttpExchange.NoResponse,
    { number, onTimeout }: Retrying.Turn<IdentityError.CallError | Exception>
  ) => {
    switch (outcome._tag) {
      case "Lateness":
        return onTimeout()
      case "Diversion":
        return outcome.status === undefined
          ? Retrying.refused(new IdentityError.InvalidInput({ ...names, problem: outcome.problem }))
          : invalid(outcome.status, outcome.problem)
      case "TransportError": {
        const { code, reason, status = 200 } = outcome
        if (reason === "TooLong") return invalid(status, "the body is longer than 1 MiB")
        return reason === "BrokenOff"
          ? unreachable(names, endpoint, "the answer broke off", number)
          : unreachable(names, endpoint, code, number, isTransientConnection(code))
      }
    }
  }

  return (
    request: Transport.Request,
    turn: Retrying.Turn<IdentityError.CallError | Exception>
  ): Effect.Effect<Result> => {
    const sent = { sentAt: services.now(), clockOffset: client.clockOffset }
    const signed = signing === undefined || credentials === undefined
      ? Either.right(request)
      : signRequest(request, signing, endpoint, credentials, sent.sentAt + sent.clockOffset)
    if (Either.isLeft(signed)) {
      return Effect.succeed(
        Retrying.refused(new IdentityError.InvalidInput({ ...names, problem: signed.left.problem }))
      )
    }
    return Effect.flatMap(
      callback<HttpExchange.Outcome, never, never>((done) =>
        HttpExchange.startExchange(client.transport, services, signed.right, turn.millis, done)
      ),
      (outcome) => {
        const response = HttpExchange.responseOf(outcome)
        if ("_tag" in response) return Effect.succeed(withoutAnswer(response, turn))
        return client.xml === undefined
          ? Effect.succeed(resultOf(response, sent, turn.number, undefined))
          : Effect.map(client.xml, (xml) => resultOf(response, sent, turn.number, xml))
      }
    )
  }
}

const signRequest = (
  { body, headers, method, url }: Transport.Request,
  { name, sign }: Signing,
  { signingRegion }: Endpoint,
  credentials: Credentials,
  now: number
): SigV4.Result<Transport.Request> =>
  Either.map(
    sign({ method, url, headers, body: body ?? "" }, { credentials, region: signingRegion, service: name, now }),
    (signed) => ({ method, url: signed.url, headers: Object.fromEntries(signed.headers), body })
  )

/** The origin that a redirect leads to; paths and queries of sign-in pages may hold tokens. */
const destinationOf = (location: string | undefined): string =>
  location !== undefined && URL.canParse(location) && /^https?:/i.test(location)
    ? `, to ${shownText(new URL(location).origin)}`
    : ""

/** Letters and digits as HTTP has them in the name of a product. */
const userAgent = (appId: string | undefined): string =>
  appId === undefined || appId === ""
    ? "effect-aws-identity"
    : `effect-aws-identity app/${appId.slice(0, 50).replace(/[^\w!#$%&'*+.^`|~-]/g, "-")}`

/** Of version 4; it names a call in AWS's logs, whatever the number of its attempts. */
const randomUuid: Effect.Effect<string> = Effect.map(
  Effect.all([Random.next, Random.next, Random.next, Random.next]),
  (numbers) => {
    const hex = numbers.map((number) => Math.floor(number * 2 ** 32).toString(16).padStart(8, "0")).join("")
    const variant = (8 + parseInt(hex.charAt(16), 16) % 4).toString(16)
    return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, variant + hex.slice(17, 20), hex.slice(20)]
      .join("-")
  }
)

/** Where half of a surrogate pair is, which cannot be sent in any encoding: it is no character. */
const placeOfIllFormed = (value: unknown, depth = 0): ReadonlyArray<string> | undefined => {
  if (Redacted.isRedacted(value)) return placeOfIllFormed(Redacted.value(value), depth)
  if (typeof value === "string") return /\p{Surrogate}/u.test(value) ? [] : undefined
  if (!Predicate.isObject(value) || depth >= deepest) return undefined
  for (const [name, item] of Object.entries(value)) {
    const place = placeOfIllFormed(item, depth + 1)
    if (place !== undefined) return [name, ...place]
  }
  return undefined
}

/** All that is redacted in an input, however deep. */
const secretsOf = (value: unknown, depth = 0): ReadonlyArray<string> => {
  if (Redacted.isRedacted(value)) return [String(Redacted.value(value))]
  return Predicate.isObject(value) && depth < deepest
    ? Object.values(value).flatMap((item) => secretsOf(item, depth + 1))
    : []
}

/** No input has more levels; what else is in it may go round in circles. */
const deepest = 6
