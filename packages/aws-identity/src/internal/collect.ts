import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** All bytes of a stream, unless they are more than `longest`: whoever sends them must not fill the memory. */
export const collect = <E>(
  stream: Stream.Stream<Uint8Array, E>,
  longest: number
): Effect.Effect<Uint8Array<ArrayBuffer>, E | "TooLong"> =>
  stream.pipe(
    Stream.runFoldEffect({ size: 0, chunks: Array<Uint8Array>() }, ({ chunks, size }, chunk) => {
      if (size + chunk.length > longest) return Effect.fail("TooLong" as const)
      chunks.push(chunk)
      return Effect.succeed({ size: size + chunk.length, chunks })
    }),
    Effect.map(({ chunks }) => join(chunks))
  )

export const join = (chunks: ReadonlyArray<Uint8Array>): Uint8Array<ArrayBuffer> => {
  const all = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0))
  let offset = 0
  for (const chunk of chunks) {
    all.set(chunk, offset)
    offset += chunk.length
  }
  return all
}
