/**
 * The ports of this library over `@effect/platform`, for any runtime that it has an implementation for.
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Files from "./Files.js"
import * as PlatformFiles from "./internal/platform/files.js"

/**
 * Makes `Files` from `FileSystem` and `Path`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFiles: Layer.Layer<Files.Files, never, FileSystem.FileSystem | Path.Path> = Layer.effect(
  Files.Files,
  Effect.zipWith(FileSystem.FileSystem, Path.Path, PlatformFiles.make)
)
