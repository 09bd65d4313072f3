/**
 * One call to an AWS service: validated input out, decoded output or a typed error back, after as many attempts as
 * the client's settings allow.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { ClientConfig, ClientSettings, RetryableFailure } from "../ClientConfig.js"
import type { Credentials } from "../Credentials.js"
import * as IdentityError from "../IdentityError.js"
import type { Region } from "../Region.js"
import { kindOfAnswer, pauseOf } from "./answerKind.js"
import * as AwsAnswer from "./awsAnswer.js"
import { type Endpoint, endpointOf } from "./endpoint.js"
import * as HttpExchange from "./httpExchange.js"
import { countRequest } from "./metrics.js"
import { ResendCheck } from "./resendCheck.js"
import * as RetryPolicy from "./retryPolicy.js"
import { schemaProblem } from "./schemaProblem.js"
import { makeSecrets } from "./scrub.js"
import { toServiceError } from "./serviceError.js"
import { shownText } from "./shownPath.js"
import * as SignedRequest from "./signedRequest.js"
import { uptime } from "./uptime.js"
import type * as Xml from "./xml.js"

/** An AWS service as its endpoints and its messages name it. */
export interface Service {
  /** AWS's name of it: `SSO`. */
  readonly id: string
  /** Ours, which its spans are named by. */
  readonly module: string
  /** What its host names begin with: `portal.sso`. */
  readonly endpointPrefix: string
}

/** A service, the way to it, and what its calls have to share. */
export interface Client {
  readonly service: Service
  /** The settings for a call on behalf of the profile. */
  readonly settings: Exclude<ClientSettings, ClientConfig>
  readonly wire: HttpExchange.Wire
  /** Of a service whose errors are XML. */
  readonly xml: Effect.Effect<Xml.Parse> | undefined
  readonly quota: RetryPolicy.RetryQuota
  /** How far AWS's clock is ahead of ours, in ms. */
  clockOffset: number
}

export const make = (
  service: Service,
  settings: ClientSettings = {},
  xml?: Effect.Effect<Xml.Parse>
): Effect.Effect<Client, never, HttpClient.HttpClient> =>
  Effect.map(HttpExchange.wire, (wire) => ({
    service,
    settings: typeof settings === "function" ? settings : () => Effect.succeed(settings),
    wire,
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
  /** The output, or what is wrong with the text. */
  readonly decode: (text: string) => Effect.Effect<Output, string>
  readonly request: (input: EncodedInput, endpoint: string) => HttpClientRequest.HttpClientRequest
  /** The errors that callers can tell apart by their tags. */
  readonly exceptions: ReadonlyArray<Exception>
  /** Where the call goes, or what is wrong with that. Without it, the input says it. */
  readonly region?: (input: Input, settings: ClientConfig) => Either.Either<Region, string>
  /** AWS's signing name of the service, if the call is signed. */
  readonly signingName?: string
}

const Json = Schema.parseJson(Schema.Unknown)

/** Decodes a JSON text, in which an empty text is none. */
export const json = <A, I>(schema: Schema.Schema<A, I>) => (text: string): Effect.Effect<A, string> =>
  Effect.mapError(
    // Compiled by the first answer, and remembered: most programs call one or two operations of a service.
    Effect.flatMap(Schema.decode(Json)(text), (value) => Schema.decodeUnknown(schema)(AwsAnswer.withoutEmpty(value))),
    schemaProblem
  )

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
  const { service } = client
  const names = { service: service.id, operation: call.operation }
  const invalidInput = (problem: string) => new IdentityError.InvalidInput({ ...names, problem })
  // AWS is not of one mind whether the names of its exceptions end in `Exception`, and any 429 means the same.
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

  const attributes = { "rpc.system": "aws-api", "rpc.service": service.id, "rpc.method": call.operation }
  return Effect.fn(`${service.module}.${call.operation}`, { kind: "client", attributes })(function*(input: Input) {
    const encoded = yield* Effect.mapError(
      Schema.encode(call.input)(input),
      (error) => invalidInput(schemaProblem(error))
    )
    const illFormed = placeOfIllFormed(input)
    if (illFormed !== undefined) return yield* invalidInput(`"${illFormed.join(".")}" is not well-formed Unicode text`)
    const settings = yield* client.settings(input.profile)
    const region = call.region?.(input, settings) ?? Either.fromNullable(input.region, () => "\"region\" is missing")
    if (Either.isLeft(region)) return yield* invalidInput(region.left)
    yield* Effect.annotateCurrentSpan("aws.region", region.right)
    const endpoint = endpointOf(service.endpointPrefix, {
      region: region.right,
      endpoint: settings.endpoint,
      endpointSource: settings.endpointSource,
      useFipsEndpoint: settings.useFipsEndpoint ?? false,
      useDualstackEndpoint: settings.useDualstackEndpoint ?? false,
      useGlobalEndpoint: settings.useGlobalEndpoint ?? false,
      allowPlainHttp: settings.allowPlainHttp ?? []
    })
    if (Either.isLeft(endpoint)) return yield* invalidInput(endpoint.left)
    const request = HttpClientRequest.setHeaders(call.request(encoded, endpoint.right.url), {
      "user-agent": userAgent(settings.appId),
      "amz-sdk-invocation-id": yield* randomUuid
    })
    const unreachable = (code: string, attempts: number): Failure<IdentityError.ServiceUnreachable> => {
      const error = new IdentityError.ServiceUnreachable({
        ...names,
        endpoint: shownText(endpoint.right.url),
        code,
        attempts
      })
      return { error, retry: { kind: "Transient", error, retryAfter: Option.none() } }
    }
    const attempt = attemptOf(client, call, exceptionOf, unreachable, {
      request,
      input,
      settings,
      endpoint: endpoint.right
    })
    const maxAttempts = Math.max(Math.floor(settings.maxAttempts ?? RetryPolicy.defaultMaxAttempts) || 1, 1)
    const ofMax = settings.retry === undefined ? `; max=${maxAttempts}` : ""
    const { attemptTimeout = "30 seconds", timeout = "1 minute" } = settings
    const deadline = (yield* uptime) + Duration.toMillis(timeout)
    let last: Failure<IdentityError.CallError | InstanceType<Exception>> | undefined
    let retries: Schedule.ScheduleDriver<unknown, RetryableFailure> | undefined

    for (let attempts = 1;; attempts++) {
      const left = deadline - (yield* uptime)
      if (last !== undefined && left <= 0) return yield* Effect.fail(last.error)
      // One limit instead of two, one around the other: each costs a fiber or two.
      const limit = Duration.toMillis(attemptTimeout) < left
        ? { duration: attemptTimeout, onTimeout: () => unreachable(noAnswerWithin(attemptTimeout), attempts) }
        : {
          duration: left,
          onTimeout: () => ({ error: (last ?? unreachable(noAnswerWithin(timeout), attempts)).error })
        }
      const result = yield* Effect.either(attempt(attempts, `attempt=${attempts}${ofMax}`, limit))
      if (Either.isRight(result)) {
        client.quota.giveBack(last?.retry?.kind)
        return result.right
      }
      last = result.left
      const { error, retry } = last
      if (retry === undefined) return yield* Effect.fail(error)
      retries ??= yield* Schedule.driver(settings.retry ?? RetryPolicy.standard(maxAttempts, client.quota))
      const wait = Effect.timeout(retries.next(retry), deadline - (yield* uptime))
      if (!(yield* Effect.isSuccess(wait))) return yield* Effect.fail(error)
      if (!(yield* Effect.flatten(ResendCheck))) return yield* Effect.fail(error)
      yield* Effect.annotateCurrentSpan("http.request.resend_count", attempts)
    }
  }, countRequest(service.id, call.operation))
}

const noAnswerWithin = (duration: Duration.DurationInput): string => `no answer within ${Duration.format(duration)}`

/** An attempt that came to nothing, and what the next has to know if there may be one. */
interface Failure<E> {
  readonly error: E
  readonly retry?: RetryableFailure | undefined
}

const attemptOf = <
  Input extends object & { readonly credentials?: Credentials },
  Output,
  Exception extends IdentityError.ServiceException
>(
  client: Client,
  call: Pick<Call<Input, never, Output, never>, "operation" | "decode" | "signingName">,
  exceptionOf: (fields: ErrorFields) => Exception | undefined,
  unreachable: (code: string, attempts: number) => Failure<IdentityError.ServiceUnreachable>,
  { endpoint, input, request, settings }: {
    readonly endpoint: Endpoint
    readonly input: Input
    readonly request: HttpClientRequest.HttpClientRequest
    readonly settings: ClientConfig
  }
) => {
  const names = { service: client.service.id, operation: call.operation }
  const secrets = makeSecrets(secretsOf(input))
  const fatal = <E>(error: E): Failure<E> => ({ error })

  const sign = (request: HttpClientRequest.HttpClientRequest, now: number) =>
    call.signingName === undefined || input.credentials === undefined
      ? Either.right(request)
      : SignedRequest.signRequest(request, {
        credentials: input.credentials,
        region: endpoint.signingRegion,
        service: call.signingName,
        now
      })

  return (
    attempts: number,
    attemptHeader: string,
    limit: {
      readonly duration: Duration.DurationInput
      readonly onTimeout: () => Failure<IdentityError.CallError | Exception>
    }
  ): Effect.Effect<Output, Failure<IdentityError.CallError | Exception>> =>
    Effect.gen(function*() {
      const sentAt = yield* Clock.currentTimeMillis
      const { clockOffset } = client
      const signed = sign(HttpClientRequest.setHeader(request, "amz-sdk-request", attemptHeader), sentAt + clockOffset)
      if (Either.isLeft(signed)) {
        return yield* Effect.fail(fatal(new IdentityError.InvalidInput({ ...names, problem: signed.left.problem })))
      }
      const { headers, status, text } = yield* HttpExchange.exchange(client.wire, signed.right, {
        ...limit,
        onFailure: ({ code, isTransient }): Failure<IdentityError.CallError | Exception> => {
          const failure = unreachable(code, attempts)
          return isTransient ? failure : fatal(failure.error)
        },
        onDiverted: ({ problem, status }) =>
          fatal(
            status === undefined
              ? new IdentityError.InvalidInput({ ...names, problem })
              : new IdentityError.InvalidResponse({ ...names, endpoint: shownText(endpoint.url), status, problem })
          )
      })
      const receivedAt = yield* Clock.currentTimeMillis
      if (call.signingName !== undefined && settings.disableClockSkewCorrection !== true) {
        const corrected = RetryPolicy.clockOffset(clockOffset, headers, { sentAt, receivedAt })
        // Another call may have corrected it meanwhile.
        if (corrected !== clockOffset) client.clockOffset = corrected
      }
      const requestId = AwsAnswer.requestIdOf(headers, secrets.isSecret)
      yield* Effect.annotateCurrentSpan({ "aws.request_id": requestId, "http.response.status_code": status })
      const invalid = (problem: string) =>
        fatal(
          new IdentityError.InvalidResponse({
            ...names,
            endpoint: shownText(endpoint.url),
            status,
            problem,
            requestId
          })
        )
      if (HttpExchange.isRedirect(status)) {
        return yield* Effect.fail(invalid(`a redirect, which is not followed${destinationOf(headers["location"])}`))
      }
      if (status < 200 || status > 299) {
        const body = Either.getOrElse(text, () => "")
        const answer = yield* AwsAnswer.errorOf(headers, body, secrets, client.xml)
        const foreign = answer.code === "Unknown" ? AwsAnswer.foreignAnswer(headers, body, secrets) : undefined
        const description = foreign === undefined ? answer.description : `the answer is ${foreign}`
        const fields = { ...names, ...answer, description, status, attempts }
        const error = exceptionOf(fields) ?? toServiceError(fields)
        const isClockMended = client.clockOffset !== clockOffset
        const kind = kindOfAnswer(fields, isClockMended)
        const retryAfter = Option.orElse(
          RetryPolicy.retryAfterOf(headers, receivedAt),
          () => pauseOf(fields)
        )
        return yield* Effect.fail({ error, retry: kind === undefined ? undefined : { kind, error, retryAfter } })
      }
      if (Either.isLeft(text)) {
        return yield* Effect.fail(
          text.left === "TooLong"
            ? invalid("the body is longer than 1 MiB")
            : unreachable("the answer broke off", attempts)
        )
      }
      return yield* Effect.mapError(call.decode(text.right), (problem) =>
        // The text of any other answer may hold new secrets.
        invalid(
          AwsAnswer.isHtml(headers, text.right)
            ? AwsAnswer.foreignAnswer(headers, text.right, secrets) ?? problem
            : problem
        ))
    })
}

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
const randomUuid: Effect.Effect<string> = Effect.gen(function*() {
  let hex = ""
  while (hex.length < 32) hex += Math.floor((yield* Random.next) * 2 ** 32).toString(16).padStart(8, "0")
  const variant = (8 + parseInt(hex.charAt(16), 16) % 4).toString(16)
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, variant + hex.slice(17, 20), hex.slice(20)]
    .join("-")
})

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
