// The AWS Query protocol of STS: a form in, XML out, and what is out of bounds told in AWS's words.

import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Exception } from "../SecurityTokenService.js"

const member = <S extends Schema.Schema.All>(schema: S) =>
  Schema.propertySignature(schema).annotations({ missingMessage: () => "Member must not be null" })

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const words = (text: string) => ({ message: () => text })

const text = (min: number, max: number, pattern = /^[\s\S]*$/) =>
  Schema.String.pipe(
    Schema.minLength(min, words(`Member must have length greater than or equal to ${min}`)),
    Schema.maxLength(max, words(`Member must have length less than or equal to ${max}`)),
    Schema.pattern(pattern, words(`Member must satisfy regular expression pattern: ${pattern.source.slice(1, -1)}`))
  )

const integer = (min: number, max: number) =>
  Schema.NumberFromString.pipe(
    Schema.int(),
    Schema.greaterThanOrEqualTo(min, words(`Member must have value greater than or equal to ${min}`)),
    Schema.lessThanOrEqualTo(max, words(`Member must have value less than or equal to ${max}`))
  )

const arn = text(20, 2048, /^[\t\n\r -~\u0085\u00A0-\uD7FF\uE000-\uFFFD]+$/)
const name = text(2, 64, /^[\w+=,.@-]*$/)

const assumeRole = {
  RoleArn: member(arn),
  RoleSessionName: member(name),
  DurationSeconds: optional(integer(900, 43200)),
  Policy: optional(text(1, 2048, /^[\t\n\r -\u00FF]+$/)),
  PolicyArns: Schema.Array(Schema.Struct({ arn: member(arn) })).pipe(
    Schema.maxItems(10, words("Member must have length less than or equal to 10"))
  ),
  MinimumSessionTokenSize: optional(integer(0, 4096))
}

export const AssumeRole = Schema.Struct({
  ...assumeRole,
  ExternalId: optional(text(2, 1224, /^[\w+=,.@:/-]*$/)),
  SourceIdentity: optional(name)
})

export const AssumeRoleWithWebIdentity = Schema.Struct({
  ...assumeRole,
  WebIdentityToken: member(text(4, 20000)),
  ProviderId: optional(
    text(4, 2048).pipe(
      Schema.filter((id) =>
        id === "www.amazon.com" || id === "graph.facebook.com" || "Member must be an OAuth 2.0 provider"
      )
    )
  )
})

const sensitive = ["WebIdentityToken"]

/** What a form says, or AWS's `ValidationError` with every member that is wrong. */
export const decode = <A, I>(schema: Schema.Schema<A, I>, form: URLSearchParams): Either.Either<A, Exception> => {
  const PolicyArns: Array<{ readonly arn?: string }> = []
  for (let index = 1; [...form.keys()].some((key) => key.startsWith(`PolicyArns.member.${index}.`)); index++) {
    const arn = form.get(`PolicyArns.member.${index}.arn`)
    PolicyArns.push(arn === null ? {} : { arn })
  }
  return Either.mapLeft(
    Schema.decodeUnknownEither(schema, { errors: "all" })({ ...Object.fromEntries(form), PolicyArns }),
    (error) => {
      const problems = ParseResult.ArrayFormatter.formatErrorSync(error).map(({ message, path }) => {
        const [field = "", index] = path.map(String)
        const value = form.get(index === undefined ? field : `${field}.member.${Number(index) + 1}.arn`)
        const shown = value === null ? "null" : sensitive.includes(field) ? "'***Sensitive***'" : `'${value}'`
        const place = `${field.slice(0, 1).toLowerCase()}${field.slice(1)}` +
          (index === undefined ? "" : `.${Number(index) + 1}.member.arn`)
        return `Value ${shown} at '${place}' failed to satisfy constraint: ${message}`
      })
      const count = problems.length === 1 ? "1 validation error" : `${problems.length} validation errors`
      return { _tag: "Exception", name: "ValidationError", description: `${count} detected: ${problems.join("; ")}` }
    }
  )
}

/** Which operation a form asks for. */
export const action = <O>(
  form: URLSearchParams,
  operations: Readonly<Record<string, O>>
): Either.Either<O, Exception> => {
  const [name, version] = [form.get("Action") ?? "", form.get("Version") ?? "NO_VERSION_SPECIFIED"]
  return Option.fromNullable(version === "2011-06-15" ? operations[name] : undefined).pipe(
    Either.fromOption(() => ({
      _tag: "Exception",
      name: "InvalidAction",
      description: `Could not find operation ${name} for version ${version}`
    }))
  )
}

const namespace = "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\""

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;" }

const xml = (value: unknown): string =>
  Predicate.isRecord(value)
    ? Object.entries(value).map(([name, value]) => value === undefined ? "" : `<${name}>${xml(value)}</${name}>`).join(
      ""
    )
    : String(value).replace(/[&<>\r]/g, (char) => escapes[char] ?? char)

export const result = (action: string, output: unknown, requestId: string): string =>
  `<${action}Response ${namespace}>${
    xml({ [`${action}Result`]: output, ResponseMetadata: { RequestId: requestId } })
  }</${action}Response>`

export const errorResponse = (status: number, code: string, message: string, requestId: string): string =>
  `<ErrorResponse ${namespace}>${
    xml({
      Error: { Type: status < 500 ? "Sender" : "Receiver", Code: code, Message: message },
      RequestId: requestId
    })
  }</ErrorResponse>`
