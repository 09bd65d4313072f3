/** A stream of what a pool of fibers makes of items, in the order of the items. */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/**
 * Runs `work` for every item by as many fibers as `workers`. `Stream.mapEffect` would make a fiber for each item, which
 * costs more than a request.
 *
 * `nextItems` gets the next items; none at the end. Its error comes after the results of all items before it. An error of
 * `work` ends the stream at once and interrupts the other fibers. Fibers run ahead of the reader by at most twice as many
 * items as there are workers.
 */
export const orderedPool = <A, B, E, R>({ nextItems, work, workers }: {
  readonly nextItems: Effect.Effect<Option.Option<ReadonlyArray<A>>, E, R>
  readonly work: (item: A) => Effect.Effect<ReadonlyArray<B>, E, R>
  readonly workers: number
}): Stream.Stream<B, E, R> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    /** The results that the reader has not taken, by the index of their item. The end is a failure without an error. */
    const results = new Map<number, Exit.Exit<ReadonlyArray<B>, Option.Option<E>>>()
    const isProgress = yield* Effect.makeLatch(false)
    const isRoom = yield* Effect.makeLatch(true)
    const oneAtATime = yield* Effect.makeSemaphore(1)
    let items: ReadonlyArray<A> = []
    let claimed = 0
    let first = 0
    let taken = 0
    let failure: Cause.Cause<Option.Option<E>> | undefined
    let isOver = false

    const put = (index: number, exit: Exit.Exit<ReadonlyArray<B>, Option.Option<E>>) => {
      results.set(index, exit)
      if (index === taken) isProgress.unsafeOpen()
    }

    // A fiber may yield between any two effects. What reads and then changes this state does both in one step of plain code.
    /** The next item and its index, of those that are there. */
    const claimNow = () => {
      const item = items[claimed - first]
      return claimed - first < items.length ? Option.some({ index: claimed++, item: item as A }) : Option.none()
    }

    /** Claims the next item, after getting more items if needed. None at the end. Only one fiber may run it at a time. */
    const claim: Effect.Effect<Option.Option<{ readonly index: number; readonly item: A }>, never, R> = Effect.suspend(
      () => {
        const now = claimNow()
        if (isOver || Option.isSome(now)) return Effect.succeed(now)
        return Effect.flatMap(Effect.exit(nextItems), (exit) => {
          if (Exit.isSuccess(exit) && Option.isSome(exit.value)) {
            first = claimed
            items = exit.value.value
            return claim
          }
          isOver = true
          const end = Exit.isSuccess(exit)
            ? Exit.fail(Option.none())
            : Exit.failCause(Cause.map(exit.cause, Option.some))
          put(claimed, end)
          return Effect.succeedNone
        })
      }
    )

    const worker: Effect.Effect<void, never, R> = Effect.suspend(() => {
      if (claimed - taken >= 2 * workers) {
        isRoom.unsafeClose()
        return Effect.zipRight(isRoom.await, worker)
      }
      const now = claimNow()
      return Effect.flatMap(
        Option.isSome(now) ? Effect.succeed(now) : oneAtATime.withPermits(1)(claim),
        Option.match({
          onNone: () => Effect.void,
          onSome: ({ index, item }) =>
            Effect.flatMap(Effect.exit(work(item)), (exit) => {
              if (Exit.isSuccess(exit)) {
                put(index, Exit.succeed(exit.value))
                return worker
              }
              failure ??= Cause.map(exit.cause, Option.some)
              isProgress.unsafeOpen()
              return Effect.void
            })
        })
      )
    })

    const take: Effect.Effect<Chunk.Chunk<B>, Option.Option<E>> = Effect.suspend(() => {
      if (failure !== undefined) return Effect.failCause(failure)
      const chunk: Array<B> = []
      const before = taken
      for (let next = results.get(taken); next !== undefined && Exit.isSuccess(next); next = results.get(taken)) {
        chunk.push(...next.value)
        results.delete(taken)
        taken += 1
      }
      if (taken > before) {
        isRoom.unsafeOpen()
        return Effect.succeed(Chunk.unsafeFromArray(chunk))
      }
      const end = results.get(taken)
      if (end !== undefined && Exit.isFailure(end)) return Effect.failCause(end.cause)
      isProgress.unsafeClose()
      return Effect.zipRight(isProgress.await, take)
    })

    yield* Effect.forEach(Array.from({ length: workers }), () => Effect.forkScoped(worker), { discard: true })
    return Stream.repeatEffectChunkOption(take)
  }))
