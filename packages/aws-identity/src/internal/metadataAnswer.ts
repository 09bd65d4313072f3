/**
 * What a machine's own servers answer when asked for credentials: the agents of ECS and EKS, Greengrass, and the
 * metadata service of EC2. All speak the same JSON.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { AccountId } from "../AccountId.js"
import { Credentials } from "../Credentials.js"
import type { Response } from "../Transport.js"
import { AccessToken } from "./accessToken.js"
import * as AwsAnswer from "./awsAnswer.js"
import { Timestamp } from "./cacheFile.js"
import { schemaProblem } from "./schemaProblem.js"
import type { Secrets } from "./scrub.js"

/** Why an answer is not what was asked for, in the words of `CredentialsUnavailable`. */
export interface Problem {
  readonly reason: "Refused" | "Invalid"
  readonly problem: string
}

const optional = <A>(schema: Schema.Schema<A, string>) => Schema.optionalWith(schema, { as: "Option", nullable: true })

const Answer = Schema.Struct({
  // All three end up in headers.
  accessKeyId: Schema.propertySignature(
    Schema.String.pipe(Schema.pattern(/^[\x21-\x7e]+$/, { description: "text of visible ASCII characters" }))
  ).pipe(Schema.fromKey("AccessKeyId")),
  secretAccessKey: Schema.propertySignature(AccessToken).pipe(Schema.fromKey("SecretAccessKey")),
  sessionToken: optional(AccessToken).pipe(Schema.fromKey("Token")),
  expiration: optional(Timestamp).pipe(Schema.fromKey("Expiration")),
  accountId: optional(AccountId).pipe(Schema.fromKey("AccountId"))
})

const parse = Schema.decodeEither(Schema.parseJson(Schema.Unknown))
const decode = Schema.decodeUnknownEither(Answer)
const decodeCode = Schema.decodeUnknownOption(Schema.Struct({ Code: Schema.String }))

/** What the server says of its error, in brackets after a space, as far as it can be shown. */
export const wordsOf = (
  { headers, text }: Response,
  secrets: Secrets
): string => {
  const error = AwsAnswer.errorOf(headers, text, secrets, undefined)
  const words = [error.code === "Unknown" ? "" : error.code, error.description?.slice(0, 300) ?? ""]
  const said = words.filter((word) => word !== "").join(": ") || AwsAnswer.foreignAnswer(headers, text, secrets) || ""
  return said === "" ? "" : ` (${said})`
}

/** A web page in the place of an answer, as messages tell of it. The words of anything else may be new secrets. */
export const pageIn = ({ headers, text }: Response, secrets: Secrets): string =>
  AwsAnswer.isHtml(headers, text) ? ` but ${AwsAnswer.foreignAnswer(headers, text, secrets) ?? "a page"}` : ""

/** An answer that is no success. */
export const refusal = (answer: Response, secrets: Secrets): Problem => {
  const words = wordsOf(answer, secrets)
  return {
    reason: "Refused",
    problem: answer.status === 200 ? `it refused${words}` : `it answered with status ${answer.status}${words}`
  }
}

/** The credentials in an answer. */
export const credentialsOf = (
  answer: Response,
  secrets: Secrets
): Effect.Effect<Credentials, Problem> =>
  Effect.gen(function*() {
    const invalid = (problem: string) => Effect.fail<Problem>({ reason: "Invalid", problem })
    if (answer.status !== 200) return yield* Effect.fail(refusal(answer, secrets))
    const json = parse(answer.text)
    if (Either.isLeft(json)) return yield* invalid(`its answer is not JSON${pageIn(answer, secrets)}`)
    // EC2 tells of a role that cannot be assumed with a status of 200.
    if (Option.exists(decodeCode(json.right), ({ Code }) => Code !== "Success")) {
      return yield* Effect.fail(refusal(answer, secrets))
    }
    const decoded = decode(AwsAnswer.withoutEmpty(json.right))
    if (Either.isLeft(decoded)) return yield* invalid(`in its answer, ${schemaProblem(decoded.left)}`)
    const credentials = new Credentials(decoded.right)
    // Who knows no end of them would use them for ever.
    if (Option.isSome(credentials.sessionToken) && Option.isNone(credentials.expiration)) {
      return yield* invalid("in its answer, \"Expiration\" is missing, which credentials with a \"Token\" have")
    }
    return credentials
  })
