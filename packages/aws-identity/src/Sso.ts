/**
 * The AWS access portal: `AWS.SSO` as a service.
 *
 * @since 0.1.0
 */
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { AccountId } from "./AccountId.js"
import type { ClientConfig, ClientSettings } from "./ClientConfig.js"
import { Credentials } from "./Credentials.js"
import * as IdentityError from "./IdentityError.js"
import { AccessToken } from "./internal/accessToken.js"
import * as AwsRequest from "./internal/awsRequest.js"
import { environmentConfig } from "./internal/clientSettings.js"
import { inputProfile } from "./internal/inputProfile.js"
import { perSource } from "./internal/perSource.js"
import { type FetchPage, streamPages, streamRoles } from "./internal/portalPages.js"
import { Region } from "./Region.js"
import * as SharedConfig from "./SharedConfig.js"
import type * as Transport from "./Transport.js"

const Session = Schema.Struct({
  ...inputProfile,
  /** The region of the IAM Identity Center (`sso_region`). */
  region: Region,
  accessToken: AccessToken
})

const Paging = Schema.Struct({
  /** 1 to 100 */
  maxResults: Schema.optional(Schema.Int.pipe(Schema.between(1, 100))),
  /** The `nextToken` of the page before. An empty text counts as none. */
  nextToken: Schema.optional(Schema.String)
})

const GetRoleCredentialsInput = Schema.Struct({
  ...Session.fields,
  accountId: AccountId,
  roleName: Schema.NonEmptyString
})

/**
 * Input of `getRoleCredentials`.
 *
 * @since 0.1.0
 * @category models
 */
export type GetRoleCredentialsInput = typeof GetRoleCredentialsInput.Type

const ListAccountsInput = Schema.Struct({ ...Session.fields, ...Paging.fields })

/**
 * Input of `listAccounts`.
 *
 * @since 0.1.0
 * @category models
 */
export type ListAccountsInput = typeof ListAccountsInput.Type

const ListAccountRolesInput = Schema.Struct({ ...Session.fields, ...Paging.fields, accountId: AccountId })

/**
 * Input of `listAccountRoles`.
 *
 * @since 0.1.0
 * @category models
 */
export type ListAccountRolesInput = typeof ListAccountRolesInput.Type

const LogoutInput = Session

/**
 * Input of `logout`.
 *
 * @since 0.1.0
 * @category models
 */
export type LogoutInput = typeof LogoutInput.Type

const optionalText = Schema.optionalWith(Schema.String, { as: "Option", nullable: true })

const AccountInfo = Schema.Struct({
  accountId: AccountId,
  accountName: optionalText,
  emailAddress: optionalText
})

/**
 * An account that the signed-in user has some role in.
 *
 * @since 0.1.0
 * @category models
 */
export type AccountInfo = typeof AccountInfo.Type

const RoleInfo = Schema.Struct({ roleName: Schema.String, accountId: AccountId })

/**
 * A role that the signed-in user may take in an account.
 *
 * @since 0.1.0
 * @category models
 */
export type RoleInfo = typeof RoleInfo.Type

const ListAccountsOutput = Schema.Struct({
  accountList: Schema.optionalWith(Schema.Array(AccountInfo), { nullable: true, default: () => [] }),
  /** None on the last page; an empty token counts as none, as in every AWS SDK. */
  nextToken: optionalText
})

/**
 * Output of `listAccounts`.
 *
 * @since 0.1.0
 * @category models
 */
export type ListAccountsOutput = typeof ListAccountsOutput.Type

const ListAccountRolesOutput = Schema.Struct({
  roleList: Schema.optionalWith(Schema.Array(RoleInfo), { nullable: true, default: () => [] }),
  /** None on the last page; an empty token counts as none, as in every AWS SDK. */
  nextToken: optionalText
})

/**
 * Output of `listAccountRoles`.
 *
 * @since 0.1.0
 * @category models
 */
export type ListAccountRolesOutput = typeof ListAccountRolesOutput.Type

// The portal counts in milliseconds since 1970, and names the account although no model says so.
const GetRoleCredentialsOutput = Schema.Struct({
  roleCredentials: Schema.Struct({
    accessKeyId: Schema.NonEmptyString,
    secretAccessKey: Schema.Redacted(Schema.NonEmptyString),
    sessionToken: Schema.Redacted(Schema.NonEmptyString),
    expiration: Schema.DateTimeUtcFromNumber,
    accountId: Schema.optionalWith(AccountId, { as: "Option", nullable: true })
  })
})

/**
 * The portal's operations. Each takes the region of the Identity Center beside AWS's own input, so that one service
 * serves sessions in any region.
 *
 * They fail with `UnauthorizedException` when the portal rejects the token, and with `TooManyRequestsException` when it
 * throttles. Any other error of the portal is a `ServiceError`.
 *
 * @since 0.1.0
 * @category services
 */
export class Sso extends Context.Tag("effect-aws-identity/Sso")<Sso, {
  /**
   * Credentials of a role. `accountId` is in them if the portal says so.
   *
   * Fails with `RoleNotAssigned` on the portal's 403.
   */
  readonly getRoleCredentials: (
    input: GetRoleCredentialsInput
  ) => Effect.Effect<{ readonly roleCredentials: Credentials }, IdentityError.SsoError | IdentityError.RoleNotAssigned>
  /** One page of the accounts that the user has roles in. */
  readonly listAccounts: (input: ListAccountsInput) => Effect.Effect<ListAccountsOutput, IdentityError.SsoError>
  /** One page of the roles that the user has in an account. */
  readonly listAccountRoles: (
    input: ListAccountRolesInput
  ) => Effect.Effect<ListAccountRolesOutput, IdentityError.SsoError>
  /** Ends the token's session at the portal. Role credentials given out before stay valid until they expire. */
  readonly logout: (input: LogoutInput) => Effect.Effect<void, IdentityError.SsoError>
}>() {}

/**
 * The type of the service.
 *
 * @since 0.1.0
 * @category models
 */
export type Service = Context.Tag.Service<Sso>

const request = (
  method: "GET" | "POST",
  url: string,
  accessToken: string,
  query: Record<string, string | number | undefined> = {}
): Transport.Request => ({
  method,
  url: url + queryOf(query),
  headers: { "x-amz-sso_bearer_token": accessToken, accept: "application/json" }
})

/** A space is %20 to AWS, never a plus sign. */
const queryOf = (query: Record<string, string | number | undefined>): string => {
  const parameters = Object.entries(query)
    .flatMap(([name, value]) => value === undefined || value === "" ? [] : [`${name}=${encodeURIComponent(value)}`])
  return parameters.length === 0 ? "" : `?${parameters.join("&")}`
}

/**
 * The operations over a `Transport`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  settings?: ClientSettings
): Effect.Effect<Service, never, Transport.Transport> =>
  Effect.map(
    AwsRequest.make({ id: "SSO", module: "Sso", endpointPrefix: "portal.sso" }, settings),
    (client) => {
      const exceptions = [IdentityError.UnauthorizedException, IdentityError.TooManyRequestsException]
      const getRoleCredentials = AwsRequest.operation(client, {
        operation: "getRoleCredentials",
        input: GetRoleCredentialsInput,
        decode: AwsRequest.json(GetRoleCredentialsOutput),
        exceptions,
        request: ({ accessToken, accountId, roleName }, endpoint) =>
          request("GET", `${endpoint}/federation/credentials`, accessToken, {
            role_name: roleName,
            account_id: accountId
          })
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
            Effect.catchTag("ServiceError", (error) =>
              Effect.fail(
                error.code === "ForbiddenException"
                  ? new IdentityError.RoleNotAssigned({
                    accountId: input.accountId,
                    roleName: input.roleName,
                    requestId: error.requestId
                  })
                  : error
              ))
          ),
        listAccounts: AwsRequest.operation(client, {
          operation: "listAccounts",
          input: ListAccountsInput,
          decode: AwsRequest.json(ListAccountsOutput),
          exceptions,
          request: ({ accessToken, maxResults, nextToken }, endpoint) =>
            request("GET", `${endpoint}/assignment/accounts`, accessToken, {
              max_result: maxResults,
              next_token: nextToken
            })
        }),
        listAccountRoles: AwsRequest.operation(client, {
          operation: "listAccountRoles",
          input: ListAccountRolesInput,
          decode: AwsRequest.json(ListAccountRolesOutput),
          exceptions,
          request: ({ accessToken, accountId, maxResults, nextToken }, endpoint) =>
            request("GET", `${endpoint}/assignment/roles`, accessToken, {
              account_id: accountId,
              max_result: maxResults,
              next_token: nextToken
            })
        }),
        logout: AwsRequest.operation(client, {
          operation: "logout",
          input: LogoutInput,
          decode: () => Either.right(undefined),
          exceptions,
          request: ({ accessToken }, endpoint) => request("POST", `${endpoint}/logout`, accessToken)
        })
      }
    }
  )

/**
 * The operations over a `Transport`, with the given settings.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (settings?: ClientConfig): Layer.Layer<Sso, never, Transport.Transport> =>
  perSource(Layer.effect(Sso, make(settings)))

/**
 * The operations over a `Transport`, with the given settings completed from the environment: see the table of
 * `SharedConfig.clientConfig`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerEnvironment = (
  settings?: ClientConfig
): Layer.Layer<Sso, ConfigError.ConfigError, Transport.Transport> =>
  perSource(Layer.effect(Sso, Effect.flatMap(environmentConfig("sso", settings), make)))

/**
 * The operations over a `Transport`, with the given settings completed from the environment and then from the profile
 * of the call: see the table of `SharedConfig.clientConfig`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProfile = (
  settings?: ClientConfig
): Layer.Layer<Sso, ConfigError.ConfigError, Transport.Transport | SharedConfig.SharedConfig> =>
  perSource(Layer.effect(Sso, Effect.flatMap(SharedConfig.clientConfig("sso", settings), make)))

const accountPage =
  (input: Omit<ListAccountsInput, "nextToken">): FetchPage<ListAccountsOutput, IdentityError.SsoError, Sso> =>
  (nextToken) => Effect.flatMap(Sso, (sso) => sso.listAccounts({ ...input, nextToken }))

const rolePage =
  (input: Omit<ListAccountRolesInput, "nextToken">): FetchPage<ListAccountRolesOutput, IdentityError.SsoError, Sso> =>
  (nextToken) => Effect.flatMap(Sso, (sso) => sso.listAccountRoles({ ...input, nextToken }))

/**
 * All accounts that the user has roles in, page by page as they are asked for.
 *
 * @since 0.1.0
 * @category streams
 */
export const streamAccounts = (
  input: Omit<ListAccountsInput, "nextToken">
): Stream.Stream<AccountInfo, IdentityError.SsoError, Sso> =>
  Stream.mapConcat(streamPages("listAccounts", accountPage(input)), ({ accountList }) => accountList)

/**
 * All roles that the user has in an account, page by page as they are asked for.
 *
 * @since 0.1.0
 * @category streams
 */
export const streamAccountRoles = (
  input: Omit<ListAccountRolesInput, "nextToken">
): Stream.Stream<RoleInfo, IdentityError.SsoError, Sso> =>
  Stream.mapConcat(streamPages("listAccountRoles", rolePage(input)), ({ roleList }) => roleList)

/**
 * All roles of all accounts, in the order of the accounts, with one token. Up to `concurrency` accounts (16 by default)
 * are listed at a time, and no more of them than that and a page are kept. `SsoRoles.stream` gets and refreshes the token
 * of a session itself.
 *
 * @since 0.1.0
 * @category streams
 */
export const streamAllRoles = (
  input: Omit<ListAccountsInput, "nextToken">,
  options?: { readonly concurrency?: number | undefined }
): Stream.Stream<AccountInfo & RoleInfo, IdentityError.SsoError, Sso> =>
  streamRoles({
    accounts: accountPage(input),
    rolesOf: (accountId) => rolePage({ ...input, accountId })
  }, options?.concurrency)
