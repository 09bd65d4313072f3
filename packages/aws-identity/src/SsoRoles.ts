/**
 * The accounts and roles of a signed-in user, by session: a flow over `Sso` and `SsoTokenProvider`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as IdentityError from "./IdentityError.js"
import { streamRoles } from "./internal/portalPages.js"
import { toServiceError } from "./internal/serviceError.js"
import { withToken } from "./internal/withToken.js"
import { type AccountInfo, type RoleInfo, Sso } from "./Sso.js"
import type { SsoSession } from "./SsoSession.js"
import { SsoTokenProvider } from "./SsoTokenProvider.js"

/**
 * A role that the user has in an account.
 *
 * @since 0.1.0
 * @category models
 */
export type AccountRole = AccountInfo & RoleInfo

/**
 * All roles of all accounts that the user of a session has, in the order of the accounts. Pages are requested as roles
 * are pulled. Up to `concurrency` accounts (16 by default) are listed at a time.
 *
 * Each page is requested with a valid token of the session. If the portal rejects a token that has not expired, the
 * token is refreshed and that page is requested once more, so no role comes twice. If the portal rejects the second
 * token too, the stream fails with `SsoLoginRequired`.
 *
 * @example
 * ```ts
 * import { Console, Effect, Stream } from "effect"
 * import { SharedConfig, SsoRoles } from "effect-aws-identity"
 *
 * export const program = Effect.gen(function*() {
 *   const session = yield* SharedConfig.session("corp")
 *   yield* SsoRoles.stream(session).pipe(
 *     Stream.runForEach(({ accountId, accountName, roleName }) => Console.log(accountId, accountName, roleName))
 *   )
 * })
 * ```
 *
 * @since 0.1.0
 * @category streams
 */
export const stream = (
  session: SsoSession,
  options?: { readonly concurrency?: number | undefined }
): Stream.Stream<AccountRole, IdentityError.TokenError, Sso | SsoTokenProvider> =>
  Stream.unwrap(Effect.gen(function*() {
    const sso = yield* Sso
    const tokens = yield* SsoTokenProvider
    const portal = { region: session.region, profile: Option.getOrUndefined(session.profile) }
    return streamRoles({
      accounts: (nextToken) =>
        withToken(tokens, session, ({ accessToken }) => sso.listAccounts({ ...portal, accessToken, nextToken })),
      rolesOf: (accountId) => (nextToken) =>
        withToken(
          tokens,
          session,
          ({ accessToken }) => sso.listAccountRoles({ ...portal, accessToken, accountId, nextToken })
        )
    }, options?.concurrency)
  })).pipe(
    Stream.mapError((error) => error._tag === "TooManyRequestsException" ? toServiceError(error) : error)
  )
