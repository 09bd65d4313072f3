/**
 * Waits for a lock between processes, and keeps it. Where the lock is kept, `Place` knows: in a file, or in a store that
 * the processes share.
 *
 * The holder changes the text of its lock once a second (the heartbeat). A lock is dead when a waiting process has seen
 * the same text for a whole lease. The waiting process measures the lease by its own monotonic clock, so wall clocks
 * that disagree or are set do not matter. Time for which the waiting process itself was suspended does not count. After
 * the whole machine was suspended, the holder has a whole lease for its next heartbeat.
 *
 * A caller that cannot get the lock runs without it. The lock saves requests; callers stay correct without it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { uptime } from "./uptime.js"

/** ms without a change after which a lock is dead. */
export const leaseMillis = 5000
/** The same for a holder that has begun to send. Its request may take effect and must not be made twice. */
export const sendingLeaseMillis = 30_000
/** ms between two changes of the text by the holder. */
const heartbeatMillis = 1000
/** ms that a process waits for a lock. It is longer than the requests that a holder makes. */
const patienceMillis = 75_000
/** ms between two looks at the lock file. The pause grows from the shortest to the longest. */
const shortestPause = 20
const longestPause = 200
/** At most so many ms count between two looks. A longer gap means that the waiting process was suspended or starved. */
const longestGap = 250
/** The lock as a process holds it, or runs without it. */
export class Lease extends Context.Tag("effect-aws-identity/internal/lease")<Lease, {
  /** False if the lock could not be had. */
  readonly isHeld: boolean
  /**
   * Marks the lock before a request that must not be made twice. The result says whether this process still holds the
   * lock. If not, another process may have made the request.
   */
  readonly beginSending: Effect.Effect<boolean>
  /** ms within which another process may still store the result of a request that it made before. */
  readonly othersMillis: number
}>() {}

/** The lease of a process that does not share the resource, or that could not get the lock. */
export const withoutLock = (othersMillis: number): Lease["Type"] => ({
  isHeld: false,
  beginSending: Effect.succeed(true),
  othersMillis
})

/** Where a lock is kept. No member waits for another process. */
export interface Place {
  /** For what is remembered of the lock. */
  readonly name: string
  /** Takes the lock. `Taken`: something is there. `Impossible`: no lock can be kept here. */
  readonly tryAcquire: Effect.Effect<Held, "Taken" | "Impossible">
  readonly inspect: Effect.Effect<Found>
  /**
   * Removes a dead lock if it is still as it was found. Only one of several processes does so at a time, by a claim;
   * `ClearClaim` removes the claim of a process that died. Gives whether the lock was removed, or fails with the reason
   * why it cannot be.
   */
  readonly clear: (dead: Found, verdict: "Clear" | "ClearClaim") => Effect.Effect<boolean, string>
  /** Logs that the lock cannot be used. */
  readonly warn: (problem: string) => Effect.Effect<void>
}

/** A lock that this process has taken. */
export interface Held {
  /** Changes the text of the lock. Gives whether this process still holds it. */
  readonly extend: (isSending: boolean) => Effect.Effect<boolean>
  /** Removes the lock if this process still holds it. */
  readonly release: Effect.Effect<void>
}

/**
 * What is found in the place of the lock. `Lock`: a lock. `Leftover`: something that is removed if it does not change for
 * a lease. `Foreign`: anything else, which is never removed.
 */
export type Found =
  | { readonly _tag: "Nothing"; readonly text: "" }
  | { readonly _tag: "Lock"; readonly text: string; readonly isSending: boolean }
  | { readonly _tag: "Leftover"; readonly text: string }
  | { readonly _tag: "Foreign"; readonly text: string; readonly problem: string }

/** What a waiting process has seen of a lock. */
export interface Watch {
  readonly text: string
  /** ms of this process's own running time for which the text has not changed. */
  readonly unchanged: number
  /** The monotonic time of the last look (ms). */
  readonly lookedAt: number
}

/** ms that count between two looks: none if the clock went back, at most `longestGap` if the process did not run. */
const elapsed = (from: number, to: number): number => Math.min(Math.max(to - from, 0), longestGap)

export const observe = (last: Watch | undefined, now: number, text: string): Watch =>
  last === undefined || last.text !== text
    ? { text, unchanged: 0, lookedAt: now }
    : { text, unchanged: last.unchanged + elapsed(last.lookedAt, now), lookedAt: now }

/** `Clear`: remove the dead lock. `ClearClaim`: also remove the claim of a process that died while it did so. */
export type Verdict = "Wait" | "Clear" | "ClearClaim" | "GiveUp"

export const judge = (found: Found, unchanged: number, waited: number): Verdict => {
  if (found._tag === "Foreign" || waited > patienceMillis) return "GiveUp"
  if (found._tag === "Nothing") return "Wait"
  const overdue = unchanged - (found._tag === "Lock" && found.isSending ? sendingLeaseMillis : leaseMillis)
  if (overdue <= 0) return "Wait"
  return overdue <= leaseMillis ? "Clear" : overdue <= 2 * leaseMillis ? "ClearClaim" : "GiveUp"
}

/** Keeps up the heartbeat for as long as the scope is open. */
const keep = (held: Held, othersMillis: number): Effect.Effect<Lease["Type"], never, Scope.Scope> => {
  let isSending = false
  const extend = Effect.suspend(() => held.extend(isSending))
  const beginSending = Effect.gen(function*() {
    isSending = true
    const before = yield* uptime
    const isOurs = yield* extend
    // If this process paused while it extended the lock, another may have taken over in between.
    return isOurs && (yield* uptime) - before < leaseMillis / 2
  })
  return Effect.as(
    Effect.forkScoped(Effect.repeat(Effect.delay(extend, heartbeatMillis), { while: (isOurs) => isOurs })),
    { isHeld: true, othersMillis, beginSending }
  )
}

/**
 * Makes the function that takes locks. The function remembers locks that cannot be cleared, so that no caller waits
 * twice for one and the warning is logged once.
 */
export const make = () => {
  const watches = new Map<string, Watch>()
  /** The text of each lock that cannot be cleared, by its name. */
  const hopeless = new Map<string, string>()

  /** Holds the lock until the scope closes. If this process cannot get the lock, `isHeld` of the lease is false. */
  return (place: Place): Effect.Effect<Lease["Type"], never, Scope.Scope> =>
    Effect.gen(function*() {
      const { name } = place
      let waited = 0
      let othersMillis = leaseMillis
      for (;;) {
        const held = yield* Effect.either(Effect.acquireRelease(place.tryAcquire, ({ release }) => release))
        if (Either.isRight(held)) {
          watches.delete(name)
          hopeless.delete(name)
          return yield* keep(held.right, othersMillis)
        }
        if (held.left === "Impossible") return withoutLock(othersMillis)
        const found = yield* place.inspect
        const now = yield* uptime
        const watch = observe(watches.get(name), now, found.text)
        watches.set(name, watch)
        if (hopeless.get(name) === found.text) return withoutLock(othersMillis)
        const giveUp = (problem: string) => {
          hopeless.set(name, found.text)
          return place.warn(problem)
        }
        const verdict = judge(found, watch.unchanged, waited)
        if (verdict === "GiveUp") {
          if (found._tag === "Foreign") yield* giveUp(found.problem)
          else if (found._tag !== "Nothing" && watch.unchanged > leaseMillis) yield* giveUp(unremovable)
          return withoutLock(sendingLeaseMillis)
        }
        if (verdict !== "Wait") {
          if (found._tag === "Lock" && found.isSending) othersMillis = sendingLeaseMillis
          const cleared = yield* Effect.either(place.clear(found, verdict))
          if (Either.isLeft(cleared)) {
            yield* giveUp(`${unremovable} (${cleared.left})`)
            return withoutLock(othersMillis)
          }
          if (cleared.right) continue
        }
        const pause = Math.min(shortestPause + Math.floor(waited / 10), longestPause)
        yield* Effect.sleep(pause + (yield* Random.nextIntBetween(0, shortestPause)))
        waited += elapsed(now, yield* uptime)
      }
    })
}

const unremovable = "it is dead and cannot be removed"
