import { FileSystem } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Layer, Option } from "effect"
import { type Files, IdentityError, SharedConfig, SsoTokenCache, WebIdentityToken } from "effect-aws-identity"
import { execFile, execFileSync } from "node:child_process"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { nodeContext, overFileSystem } from "./ports.js"

// Files that are not regular ones, real and of every type, in every place that a user can name a file. Opening a FIFO
// blocks a thread for ever, and a process with such a thread cannot exit: a failure of these tests hangs.

/** A path of each type, in a directory of its own. */
const kinds: Readonly<Record<string, (directory: string) => Effect.Effect<string, unknown, FileSystem.FileSystem>>> = {
  "a FIFO": (directory) =>
    Effect.sync(() => {
      execFileSync("mkfifo", [`${directory}/fifo`])
      return `${directory}/fifo`
    }),
  "a link to a FIFO": (directory) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      execFileSync("mkfifo", [`${directory}/target`])
      yield* fs.symlink(`${directory}/target`, `${directory}/link`)
      return `${directory}/link`
    }),
  "a directory": (directory) => Effect.succeed(directory),
  "a socket": (directory) =>
    Effect.async<string>((resume) => {
      const server = createServer().unref()
      server.listen(`${directory}/socket`, () => resume(Effect.succeed(`${directory}/socket`)))
    }),
  "a device without end": () => Effect.succeed("/dev/zero"),
  "a huge file": (directory) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(`${directory}/huge`, "")
      yield* fs.truncate(`${directory}/huge`, 8_000_000_000)
      return `${directory}/huge`
    })
}

const words: Readonly<Record<string, string>> = {
  "a FIFO": "a FIFO",
  "a link to a FIFO": "a FIFO",
  "a directory": "a directory",
  "a socket": "a socket",
  "a device without end": "a character device",
  "a huge file": "longer than"
}

/** What reads a file of the user, given its path. */
const readers: Readonly<Record<string, (path: string) => Effect.Effect<unknown, unknown, Files.Files>>> = {
  "the config file": (path) =>
    Effect.flatMap(SharedConfig.SharedConfig, ({ read }) => read).pipe(
      Effect.provide(SharedConfig.layer({ configFile: path, credentialsFile: "/no/such/file" }))
    ),
  "the credentials file": (path) =>
    Effect.flatMap(SharedConfig.SharedConfig, ({ read }) => read).pipe(
      Effect.provide(SharedConfig.layer({ configFile: "/no/such/file", credentialsFile: path }))
    ),
  "the config file that SharedConfig.set changes": (path) =>
    Effect.flatMap(SharedConfig.SharedConfig, ({ set }) => set({ profile: "dev" }, { region: "eu-west-1" })).pipe(
      Effect.provide(SharedConfig.layer({ configFile: path, credentialsFile: "/no/such/file" }))
    ),
  "the web identity token file": (path) => WebIdentityToken.fromFile(path)
}

const inDirectory = <A, E, R>(effect: (directory: string) => Effect.Effect<A, E, R>) =>
  Effect.scoped(Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.flatMap(fs.makeTempDirectoryScoped(), effect)))
    .pipe(Effect.provide(nodeContext))

for (const [place, read] of Object.entries(readers)) {
  describe(place, () => {
    for (const [kind, make] of Object.entries(kinds)) {
      it.live(`gives a typed error with the path and the type when it is ${kind}`, () =>
        inDirectory((directory) =>
          Effect.gen(function*() {
            const path = yield* make(directory)
            const exit = yield* Effect.exit(read(path))
            assert.isTrue(Exit.isFailure(exit))
            const error = yield* Effect.flip(Effect.flatten(Effect.succeed(exit)))
            assert.isTrue(
              error instanceof IdentityError.FileError || error instanceof IdentityError.CredentialsUnavailable
            )
            assert.include(String(error), path)
            assert.include(String(error), words[kind] ?? "")
          })
        ))
    }
  })
}

describe("the token file", () => {
  it.live("gives a typed error with its type when it is a link to something without end", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const cache = yield* Effect.provide(SsoTokenCache.SsoTokenCache, SsoTokenCache.layer({ directory }))
        for (const [target, type] of [["/dev/zero", "a character device"], ["/dev", "a directory"]] as const) {
          yield* fs.symlink(target, cache.location("corp"))
          const error = yield* Effect.flip(cache.get("corp"))
          assert.strictEqual(error._tag, "CorruptToken")
          assert.include(error.message, type)
          yield* fs.remove(cache.location("corp"))
        }
      })
    ))
})

describe("a file whose size is reported as 0", () => {
  it.live("is read up to the limit only", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      let given = 0
      const endless = new Proxy({}, {
        get: (_, key) =>
          key === "readAlloc"
            ? (size: number) =>
              Effect.sync(() => {
                given += size
                return Option.some(new Uint8Array(size).fill(97))
              })
            : undefined
      }) as FileSystem.File
      const info = yield* fs.stat("/proc/self/status")
      const error = yield* Effect.flip(
        Effect.flatMap(SharedConfig.SharedConfig, ({ read }) => read).pipe(
          Effect.provide(Layer.provide(
            SharedConfig.layer({ configFile: "/proc/endless", credentialsFile: "/no/such/file" }),
            overFileSystem({
              ...fs,
              stat: (path) => path === "/proc/endless" ? Effect.succeed(info) : fs.stat(path),
              open: () => Effect.succeed(endless)
            })
          ))
        )
      )
      assert.strictEqual(error._tag, "FileError")
      assert.include(error.message, "longer than 16 MiB")
      assert.isBelow(given, 17 * 1_048_576)
    }).pipe(Effect.provide(nodeContext)))

  it.live("is read whole when it ends before", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      assert.strictEqual((yield* fs.stat("/proc/self/environ")).size, FileSystem.Size(0))
      const { files } = yield* Effect.flatMap(SharedConfig.SharedConfig, ({ read }) => read).pipe(
        Effect.provide(SharedConfig.layer({ configFile: "/proc/self/environ", credentialsFile: "/no/such/file" }))
      )
      assert.isTrue(files[0]?.found)
    }).pipe(Effect.provide(nodeContext)))
})

describe("AWS_CONFIG_FILE", () => {
  it.live("may be /dev/null, which stands for no configuration, and is never replaced", () =>
    Effect.gen(function*() {
      const { profiles, set } = yield* Effect.gen(function*() {
        const { read, set } = yield* SharedConfig.SharedConfig
        return { profiles: (yield* read).profiles, set }
      }).pipe(
        Effect.provide(SharedConfig.layer()),
        Effect.withConfigProvider(ConfigProvider.fromMap(
          new Map([["AWS_CONFIG_FILE", "/dev/null"], ["AWS_SHARED_CREDENTIALS_FILE", "/dev/null"], [
            "HOME",
            "/nowhere"
          ]])
        ))
      )
      assert.deepStrictEqual(profiles, [])
      const error = yield* Effect.flip(set({ profile: "dev" }, { region: "eu-west-1" }))
      assert.strictEqual(error._tag, "FileError")
      assert.strictEqual(
        (yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.stat("/dev/null"))).type,
        "CharacterDevice"
      )
    }).pipe(Effect.provide(nodeContext)))

  it.live("may be a process substitution of the shell, which is read once and kept", () =>
    Effect.gen(function*() {
      const program = `
        import { Effect } from "effect"
        import { SharedConfig } from "effect-aws-identity"
        import { layerPorts } from "effect-aws-identity/NodeIdentity"
        const main = Effect.gen(function*() {
          const { read } = yield* SharedConfig.SharedConfig
          const names = []
          for (let time = 0; time < 3; time++) names.push(...(yield* read).profiles)
          return names.join(" ")
        })
        console.log(await Effect.runPromise(main.pipe(
          Effect.provide(SharedConfig.layer()), Effect.provide(layerPorts())
        )))`
      const output = yield* Effect.async<string>((resume) => {
        execFile(
          "bash",
          [
            "-c",
            "AWS_CONFIG_FILE=<(sleep 0.3; printf '[profile dev]\\nregion = eu-west-1\\n') " +
            "exec \"$0\" --import tsx --input-type=module -e \"$1\"",
            process.execPath,
            program
          ],
          { cwd: fileURLToPath(new URL(".", import.meta.url)) },
          (error, stdout, stderr) => resume(Effect.succeed(error === null ? stdout : stderr))
        )
      })
      assert.strictEqual(output, "dev dev dev\n")
    }), 60_000)
})
