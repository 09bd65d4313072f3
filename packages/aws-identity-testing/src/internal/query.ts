// The AWS Query protocol of STS: a form in, XML out, and what is out of bounds told in AWS's words. And S3's XML.

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
const tag = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u

const atMost = <A, I>(max: number, item: Schema.Schema<A, I>) =>
  Schema.Array(item).pipe(Schema.maxItems(max, words(`Member must have length less than or equal to ${max}`)))

const assumeRole = {
  RoleArn: member(arn),
  RoleSessionName: member(name),
  DurationSeconds: optional(integer(900, 43200)),
  Policy: optional(text(1, 2048, /^[\t\n\r -\u00FF]+$/)),
  PolicyArns: atMost(10, Schema.Struct({ arn: member(arn) })),
  MinimumSessionTokenSize: optional(integer(0, 4096))
}

export const AssumeRole = Schema.Struct({
  ...assumeRole,
  ExternalId: optional(text(2, 1224, /^[\w+=,.@:/-]*$/)),
  SourceIdentity: optional(name),
  Tags: atMost(50, Schema.Struct({ Key: member(text(1, 128, tag)), Value: member(text(0, 256, tag)) })),
  TransitiveTagKeys: atMost(50, text(1, 128, tag)),
  SerialNumber: optional(text(9, 256, /^[\w+=/:,.@-]*$/)),
  TokenCode: optional(text(6, 6, /^[\d]*$/))
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

/** The lists that an operation takes, and what their members consist of: nothing if they are texts. */
const lists = { PolicyArns: ["arn"], Tags: ["Key", "Value"], TransitiveTagKeys: [] }

const membersOf = (form: URLSearchParams, list: string, fields: ReadonlyArray<string>): ReadonlyArray<unknown> => {
  const keys = [...form.keys()]
  const members: Array<unknown> = []
  for (;;) {
    const name = `${list}.member.${members.length + 1}`
    if (!keys.some((key) => key === name || key.startsWith(`${name}.`))) return members
    const said = fields.filter((field) => form.has(`${name}.${field}`))
    members.push(
      fields.length === 0
        ? form.get(name)
        : Object.fromEntries(said.map((field) => [field, form.get(`${name}.${field}`)]))
    )
  }
}

const lowerFirst = (text: string): string => text.slice(0, 1).toLowerCase() + text.slice(1)

/** What a form says, or AWS's `ValidationError` with every member that is wrong. */
export const decode = <A, I>(schema: Schema.Schema<A, I>, form: URLSearchParams): Either.Either<A, Exception> => {
  const members = Object.entries(lists).map(([list, fields]) => [list, membersOf(form, list, fields)])
  return Either.mapLeft(
    Schema.decodeUnknownEither(schema, { errors: "all" })({
      ...Object.fromEntries(form),
      ...Object.fromEntries(members)
    }),
    (error) => {
      const problems = ParseResult.ArrayFormatter.formatErrorSync(error).map(({ message, path }) => {
        const [field = "", index, ...part] = path.map(String)
        const nth = index === undefined ? [] : [Number(index) + 1]
        const value = form.get([field, ...nth.flatMap((n) => ["member", n]), ...part].join("."))
        const shown = value === null ? "null" : sensitive.includes(field) ? "'***Sensitive***'" : `'${value}'`
        const place = [field, ...nth.flatMap((n) => [n, "member"]), ...part].map((step) => lowerFirst(String(step)))
        return `Value ${shown} at '${place.join(".")}' failed to satisfy constraint: ${message}`
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
  return Option.fromNullable(version === "2011-06-15" && Object.hasOwn(operations, name) ? operations[name] : undefined)
    .pipe(
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

const s3Namespace = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

export const buckets = (owner: string): string =>
  `<ListAllMyBucketsResult ${s3Namespace}>${xml({ Owner: { ID: owner }, Buckets: "" })}</ListAllMyBucketsResult>`

export const s3Error = (code: string, message: string, requestId: string): string =>
  xml({ Error: { Code: code, Message: message, RequestId: requestId } })
