/** The application before anything is added. */
import { FileSystem } from "@effect/platform"
import { Effect } from "effect"
import { main, platform } from "./application.js"

main(Effect.map(FileSystem.FileSystem, () => "ASIA111122223333").pipe(Effect.provide(platform)))
