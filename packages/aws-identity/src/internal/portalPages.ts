/** The lists of the portal, page by page. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { AccountId } from "../AccountId.js"
import * as IdentityError from "../IdentityError.js"
import { orderedPool } from "./orderedPool.js"
import { retry } from "./retry.js"

interface Page {
  readonly nextToken: Option.Option<string>
}

/** Gets a page of a list by the token that the page before gave. */
export type FetchPage<P extends Page, E, R> = (nextToken: string | undefined) => Effect.Effect<P, E, R>

/**
 * The page, and the token of the next one. The portal allows about twenty requests a second: a page that it refuses for
 * that is requested again, later and later, for two minutes.
 */
const step = <P extends Page, E, R>(operation: string, fetch: FetchPage<P, E, R>) => (nextToken: string | undefined) =>
  Effect.flatMap(
    retry(fetch(nextToken), () => ({ while: Predicate.isTagged("TooManyRequestsException"), schedule: slowly() })),
    (page): Effect.Effect<readonly [P, Option.Option<string>], IdentityError.InvalidResponse> =>
      nextToken !== undefined && Option.contains(page.nextToken, nextToken)
        ? Effect.fail(
          new IdentityError.InvalidResponse({
            service: "SSO",
            operation,
            endpoint: "The portal",
            status: 200,
            problem: "a page names itself as the next one"
          })
        )
        : Effect.succeed([page, page.nextToken])
  )

/** A function, because a constant would be part of every program. */
const slowly = () =>
  Schedule.exponential("1 second").pipe(
    Schedule.union(Schedule.spaced("20 seconds")),
    Schedule.jittered,
    Schedule.upTo("2 minutes")
  )

/** All pages of a list, each when it is pulled. */
export const streamPages = <P extends Page, E, R>(
  operation: string,
  fetch: FetchPage<P, E, R>
): Stream.Stream<P, E | IdentityError.InvalidResponse, R> => Stream.paginateEffect(undefined, step(operation, fetch))

/** All pages of a list. A loop, because a stream for each of thousands of accounts is slower than their requests. */
const everyPage = <P extends Page, E, R>(operation: string, fetch: FetchPage<P, E, R>) => {
  const get = step(operation, fetch)
  const from = (
    pages: ReadonlyArray<P>,
    nextToken: string | undefined
  ): Effect.Effect<ReadonlyArray<P>, E | IdentityError.InvalidResponse, R> =>
    Effect.flatMap(
      get(nextToken),
      ([page, next]) => Option.isNone(next) ? Effect.succeed([...pages, page]) : from([...pages, page], next.value)
    )
  return from([], undefined)
}

/** All roles of all accounts, in the order of the accounts, which are listed some at a time. */
export const streamRoles = <Account extends { readonly accountId: AccountId }, Role, E, R>(
  portal: {
    readonly accounts: FetchPage<Page & { readonly accountList: ReadonlyArray<Account> }, E, R>
    readonly rolesOf: (accountId: AccountId) => FetchPage<Page & { readonly roleList: ReadonlyArray<Role> }, E, R>
  },
  concurrency = 16
): Stream.Stream<Account & Role, E | IdentityError.InvalidResponse, R> =>
  Stream.suspend(() => {
    const page = step("listAccounts", portal.accounts)
    let next: Option.Option<string | undefined> = Option.some(undefined)
    return orderedPool<Account, Account & Role, E | IdentityError.InvalidResponse, R>({
      nextItems: Effect.suspend(() =>
        Option.isNone(next) ? Effect.succeedNone : Effect.map(page(next.value), ([{ accountList }, following]) => {
          next = following
          return Option.some(accountList)
        })
      ),
      work: (account) =>
        Effect.map(everyPage("listAccountRoles", portal.rolesOf(account.accountId)), (pages) =>
          pages.flatMap(({ roleList }) => roleList.map((role) => ({ ...account, ...role })))),
      workers: Math.max(Math.floor(concurrency), 1)
    })
  })
