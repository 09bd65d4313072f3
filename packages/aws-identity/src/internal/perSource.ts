import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"

/**
 * Makes a layer that is built once for each source that it is provided with, instead of once for each layer value.
 *
 * Effect builds a layer value once. A layer that finds an identity in its source (the environment, files,
 * another provider) would then give the first source's identity to a program that provides it with a second source.
 * `Layer.fresh` alone prevents that. But it builds twice when a program uses the layer twice with the same source, as
 * `Layer.provideMerge` does. Then one use signs in, and the other does not see the sign-in.
 *
 * Two sources are the same if all their services, `ConfigProvider` and `Clock` are the same objects.
 */
export const perSource = <A, E, R>(layer: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> => {
  /** The builds in use. */
  let builds: ReadonlyArray<Build> = []
  const use = (source: Source, memoMap: Layer.MemoMap): Build => {
    const known = builds.find((build) => hasSameServices(build.source, source))
    const build = known ?? { source, memoMap, uses: 0 }
    if (known === undefined) builds = [...builds, build]
    build.uses += 1
    return build
  }
  const release = (build: Build): void => {
    build.uses -= 1
    if (build.uses === 0) builds = builds.filter((other) => other !== build)
  }
  return Layer.fresh(Layer.scopedContext(Effect.gen(function*() {
    const source = yield* currentSource
    const memoMap = yield* Layer.makeMemoMap
    const build = yield* Effect.acquireRelease(
      Effect.sync(() => use(source, memoMap)),
      (build) => Effect.sync(() => release(build))
    )
    return yield* Layer.buildWithMemoMap(layer, build.memoMap, yield* Effect.scope)
  })))
}

/** Everything that a layer can read while it is built. */
type Source = ReadonlyMap<string, unknown>

interface Build {
  readonly source: Source
  /** Shares the services that are built, and closes them when the last use ends. */
  readonly memoMap: Layer.MemoMap
  uses: number
}

const currentSource: Effect.Effect<Source> = Effect.gen(function*() {
  const context = yield* Effect.context<never>()
  const source = new Map<string, unknown>(context.unsafeMap)
  // Both differ in every build.
  source.delete(Scope.Scope.key)
  source.delete(Layer.CurrentMemoMap.key)
  source.set("ConfigProvider", yield* Effect.configProviderWith(Effect.succeed))
  source.set("Clock", yield* Effect.clock)
  return source
})

const hasSameServices = (one: Source, other: Source): boolean =>
  one.size === other.size && [...one].every(([key, service]) => other.get(key) === service)
