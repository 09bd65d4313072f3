/**
 * The AWS access portal: `AWS.SSO` as a service.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Credentials } from "./Credentials.js"
import * as IdentityError from "./IdentityError.js"
import { AccessToken } from "./internal/accessToken.js"
import * as AwsRequest from "./internal/awsRequest.js"
import { endpointUrl } from "./internal/environment.js"
import { Region } from "./Region.js"

const AccountId = Schema.String.pipe(
  Schema.pattern(/^\d{12}$/, { identifier: "AccountId", description: "an account id of 12 digits" })
)

const Session = Schema.Struct({
  /** Of the IAM Identity Center (`sso_region`). */
  region: Region,
  accessToken: AccessToken
})

const Page = Schema.Struct({
  /** 1 to 100 */
  maxResults: Schema.optional(Schema.Int.pipe(Schema.between(1, 100))),
  /** Of the page before; empty is none. */
  nextToken: Schema.optional(Schema.String)
})

/**
 * What `getRoleCredentials` takes.
 *
 * @since 0.1.0
 * @category models
 */
export const GetRoleCredentialsInput = Schema.Struct({
  ...Session.fields,
  accountId: AccountId,
  roleName: Schema.NonEmptyString
})

/**
 * What `listAccounts` takes.
 *
 * @since 0.1.0
 * @category models
 */
export const ListAccountsInput = Schema.Struct({ ...Session.fields, ...Page.fields })

/**
 * What `listAccountRoles` takes.
 *
 * @since 0.1.0
 * @category models
 */
export const ListAccountRolesInput = Schema.Struct({ ...Session.fields, ...Page.fields, accountId: AccountId })

const optionalText = Schema.optionalWith(Schema.String, { nullable: true })

/**
 * An account that the signed-in user has some role in.
 *
 * @since 0.1.0
 * @category models
 */
export const AccountInfo = Schema.Struct({
  accountId: Schema.String,
  accountName: optionalText,
  emailAddress: optionalText
})

/**
 * See the schema of the same name.
 *
 * @since 0.1.0
 * @category models
 */
export type AccountInfo = typeof AccountInfo.Type

/**
 * A role that the signed-in user may take in an account.
 *
 * @since 0.1.0
 * @category models
 */
export const RoleInfo = Schema.Struct({ roleName: Schema.String, accountId: Schema.String })

/**
 * See the schema of the same name.
 *
 * @since 0.1.0
 * @category models
 */
export type RoleInfo = typeof RoleInfo.Type

/**
 * What `listAccounts` gives.
 *
 * @since 0.1.0
 * @category models
 */
export const ListAccountsOutput = Schema.Struct({
  accountList: Schema.optionalWith(Schema.Array(AccountInfo), { nullable: true, default: () => [] }),
  nextToken: optionalText
})

/**
 * What `listAccountRoles` gives.
 *
 * @since 0.1.0
 * @category models
 */
export const ListAccountRolesOutput = Schema.Struct({
  roleList: Schema.optionalWith(Schema.Array(RoleInfo), { nullable: true, default: () => [] }),
  nextToken: optionalText
})

// The portal counts in milliseconds since 1970, and names the account although no model says so.
const GetRoleCredentialsOutput = Schema.Struct({
  roleCredentials: Schema.Struct({
    accessKeyId: Schema.NonEmptyString,
    secretAccessKey: Schema.Redacted(Schema.NonEmptyString),
    sessionToken: Schema.Redacted(Schema.NonEmptyString),
    expiration: Schema.DateTimeUtcFromNumber,
    accountId: Schema.optionalWith(Schema.String, { as: "Option", nullable: true })
  })
})

/**
 * The portal's operations. Each takes the region of the Identity Center beside AWS's own input, so that one service
 * serves sessions in any region.
 *
 * @since 0.1.0
 * @category services
 */
export class Sso extends Context.Tag("effect-aws-identity/Sso")<Sso, {
  /**
   * Credentials of a role. `accountId` is in them if the portal says so.
   *
   * Fails with `RoleNotAssigned` on the portal's 403, and with `ServiceError` `UnauthorizedException` when the
   * token counts no more.
   */
  readonly getRoleCredentials: (
    input: typeof GetRoleCredentialsInput.Type
  ) => Effect.Effect<
    { readonly roleCredentials: Credentials },
    IdentityError.CallError | IdentityError.RoleNotAssigned
  >
  /** One page of the accounts that the user has roles in. */
  readonly listAccounts: (
    input: typeof ListAccountsInput.Type
  ) => Effect.Effect<typeof ListAccountsOutput.Type, IdentityError.CallError>
  /** One page of the roles that the user has in an account. */
  readonly listAccountRoles: (
    input: typeof ListAccountRolesInput.Type
  ) => Effect.Effect<typeof ListAccountRolesOutput.Type, IdentityError.CallError>
}>() {}

const get = (url: string, accessToken: string, query: Record<string, string | number | undefined>) =>
  HttpClientRequest.get(`${url}?${queryOf(query)}`, {
    headers: { "x-amz-sso_bearer_token": accessToken, accept: "application/json" }
  })

/** A space is %20 to AWS, never a plus sign. */
const queryOf = (query: Record<string, string | number | undefined>): string =>
  Object.entries(query)
    .flatMap(([name, value]) => value === undefined || value === "" ? [] : [`${name}=${encodeURIComponent(value)}`])
    .join("&")

/**
 * The operations over an `HttpClient`. `endpoint` takes the place of every region's portal.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options?: { readonly endpoint?: string | undefined }
): Effect.Effect<Context.Tag.Service<Sso>, never, HttpClient.HttpClient> =>
  Effect.map(
    AwsRequest.make({ id: "SSO", module: "Sso", endpointPrefix: "portal.sso", endpoint: options?.endpoint }),
    (service) => {
      const getRoleCredentials = AwsRequest.operation(service, {
        operation: "getRoleCredentials",
        input: GetRoleCredentialsInput,
        output: GetRoleCredentialsOutput,
        request: ({ accessToken, accountId, roleName }, endpoint) =>
          get(`${endpoint}/federation/credentials`, accessToken, { role_name: roleName, account_id: accountId })
      })
      return {
        getRoleCredentials: (input) =>
          getRoleCredentials(input).pipe(
            Effect.map(({ roleCredentials }) => ({
              roleCredentials: new Credentials({
                ...roleCredentials,
                sessionToken: Option.some(roleCredentials.sessionToken),
                expiration: Option.some(roleCredentials.expiration)
              })
            })),
            // No model has this 403: the portal sends ForbiddenException for a role that is not the user's.
            Effect.catchIf(
              (error) => error._tag === "ServiceError" && error.code === "ForbiddenException",
              (error) =>
                Effect.fail(
                  new IdentityError.RoleNotAssigned({
                    accountId: input.accountId,
                    roleName: input.roleName,
                    requestId: error._tag === "ServiceError" ? error.requestId : undefined
                  })
                )
            )
          ),
        listAccounts: AwsRequest.operation(service, {
          operation: "listAccounts",
          input: ListAccountsInput,
          output: ListAccountsOutput,
          request: ({ accessToken, maxResults, nextToken }, endpoint) =>
            get(`${endpoint}/assignment/accounts`, accessToken, { max_result: maxResults, next_token: nextToken })
        }),
        listAccountRoles: AwsRequest.operation(service, {
          operation: "listAccountRoles",
          input: ListAccountRolesInput,
          output: ListAccountRolesOutput,
          request: ({ accessToken, accountId, maxResults, nextToken }, endpoint) =>
            get(`${endpoint}/assignment/roles`, accessToken, {
              account_id: accountId,
              max_result: maxResults,
              next_token: nextToken
            })
        })
      }
    }
  )

/**
 * The operations over an `HttpClient`. `endpoint` takes the place of every region's portal.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: { readonly endpoint?: string | undefined }
): Layer.Layer<Sso, never, HttpClient.HttpClient> => Layer.effect(Sso, make(options))

/**
 * With the endpoint of `AWS_ENDPOINT_URL_SSO` or `AWS_ENDPOINT_URL`, if one is set.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<Sso, ConfigError.ConfigError, HttpClient.HttpClient> = Layer.effect(
  Sso,
  Effect.flatMap(endpointUrl("SSO"), (endpoint) => make({ endpoint }))
)
