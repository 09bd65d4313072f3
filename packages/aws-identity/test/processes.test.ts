import { FileSystem, Path } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { assertEquals } from "@effect/vitest/utils"
import { Clock, DateTime, Effect, Layer, Option, Queue, Random, Redacted, type Scope } from "effect"
import { SsoTokenCache } from "effect-aws-identity"
import { Emulator, IdentityCenter } from "effect-aws-identity-testing"
import { type ChildProcess, spawn } from "node:child_process"
import { createServer } from "node:http"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { nodeContext } from "./ports.js"
import { shiftedClock } from "./shiftedClock.js"

// Real processes on one token file, with refresh tokens that count once; only the time is made up, the same for all.

const minute = 60_000

interface Worker {
  readonly process: ChildProcess
  /** Puts its clock ahead (ms) and gives its answer; none if it was killed meanwhile. */
  readonly at: (ahead: number) => Effect.Effect<Option.Option<string>>
}

const startWorker = (environment: Readonly<Record<string, string>>): Effect.Effect<Worker, never, Scope.Scope> =>
  Effect.gen(function*() {
    const worker = fileURLToPath(new URL("tokenWorker.ts", import.meta.url))
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, ["--import", "tsx", worker], {
          env: { ...process.env, ...environment },
          stdio: ["pipe", "pipe", "inherit"]
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    const lines = yield* Queue.unbounded<Option.Option<string>>()
    const input = createInterface(child.stdout)
    input.on("line", (line) => lines.unsafeOffer(Option.some(line)))
    input.on("close", () => lines.unsafeOffer(Option.none()))
    child.stdin.on("error", () => {}) // It was killed.
    assertEquals(yield* Queue.take(lines), Option.some("ready"))
    return {
      process: child,
      at: (ahead) => Effect.zipRight(Effect.sync(() => child.stdin.write(`${ahead}\n`)), Queue.take(lines))
    }
  })

/** A signed-in home, its token file watched for being whole at every moment. */
const world = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const center = yield* IdentityCenter.IdentityCenter
  const url = yield* Emulator.serve
  const home = yield* fs.makeTempDirectoryScoped()
  const directory = path.join(home, ".aws", "sso", "cache")
  yield* fs.makeDirectory(directory, { recursive: true })
  yield* fs.writeFileString(
    path.join(home, ".aws", "config"),
    "[sso-session corp]\nsso_start_url = https://example.awsapps.com/start\nsso_region = eu-west-1\n"
  )
  const tokenFile = path.join(directory, SsoTokenCache.fileName("corp"))
  const signIn = Effect.gen(function*() {
    const issued = yield* center.signIn
    const cache = yield* Effect.provide(SsoTokenCache.SsoTokenCache, SsoTokenCache.layer({ directory }))
    yield* cache.set(
      "corp",
      new SsoTokenCache.SsoToken({
        accessToken: Redacted.make(issued.accessToken),
        expiresAt: DateTime.unsafeMake((yield* Clock.currentTimeMillis) + issued.expiresIn * 1000),
        clientId: Option.some(issued.clientId),
        clientSecret: Option.some(Redacted.make(issued.clientSecret)),
        refreshToken: Option.map(Option.fromNullable(issued.refreshToken), Redacted.make)
      })
    )
  })
  yield* signIn
  let looks = 0
  yield* fs.readFileString(tokenFile).pipe(
    Effect.map((text) => {
      looks += 1
      return JSON.parse(text) as unknown
    }),
    Effect.zipRight(Effect.sleep("1 millis")),
    Effect.forever,
    Effect.forkScoped
  )
  return {
    center,
    directory,
    signIn,
    looks: () => looks,
    environment: { HOME: home, AWS_ENDPOINT_URL_SSO_OIDC: url, NODE_NO_WARNINGS: "1" }
  }
})

const { clock, shift } = shiftedClock()

const layer = Layer.mergeAll(
  nodeContext,
  NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }),
  IdentityCenter.layer({ sessionLifetime: "1000 hours" })
)

const refreshes = (center: IdentityCenter.IdentityCenter["Type"]) =>
  Effect.map(center.calls, (calls) => calls.filter((call) => call === "createToken").length)

describe("many processes on one token file", () => {
  it.scopedLive(
    "20 of them, 50 times: one renewal each time, the same token for all, nobody is logged out",
    () =>
      Effect.gen(function*() {
        const { center, directory, environment, looks } = yield* world
        const workers = yield* Effect.forEach(Array.from({ length: 20 }), () => startWorker(environment), {
          concurrency: "unbounded"
        })
        let ahead = 0
        const seen = new Set<string>()
        for (let round = 1; round <= 50; round++) {
          // Alternately within the last five minutes of a token and after its end.
          ahead += round % 2 === 0 ? 57 * minute : 61 * minute
          shift(ahead)
          const answers = yield* Effect.forEach(workers, (worker) => worker.at(ahead), { concurrency: "unbounded" })
          const different = new Set(answers.map((answer) => Option.getOrElse(answer, () => "gone")))
          const [answer = ""] = different
          assert.match(answer, /^token /, `round ${round}`)
          // Within its last minutes the old token is as good as the new one.
          assert.isAtMost(different.size, round % 2 === 0 ? 2 : 1, `round ${round}`)
          seen.add(answer)
          assert.strictEqual(yield* refreshes(center), round, `round ${round}`)
        }
        assert.isAbove(looks(), 100)
        const fs = yield* FileSystem.FileSystem
        assert.deepStrictEqual(yield* fs.readDirectory(directory), [SsoTokenCache.fileName("corp")])
      }).pipe(Effect.withClock(clock), Effect.provide(layer)),
    300_000
  )

  it.scopedLive(
    "10 of them, 2 killed at a random moment each time: the others go on, and so does who comes after",
    () =>
      Effect.gen(function*() {
        const { center, environment, looks, signIn } = yield* world
        const start = (count: number) =>
          Effect.forEach(Array.from({ length: count }), () => startWorker(environment), { concurrency: "unbounded" })
        let workers = yield* start(10)
        let ahead = 0
        let lost = 0
        const rounds = 8
        for (let round = 1; round <= rounds; round++) {
          ahead += 61 * minute
          shift(ahead)
          const victims = workers.slice(0, 2)
          const killing = Effect.forEach(
            victims,
            ({ process }) =>
              Effect.zipRight(
                Effect.flatMap(Random.nextIntBetween(0, 60), (millis) => Effect.sleep(millis)),
                Effect.sync(() => process.kill("SIGKILL"))
              ),
            { concurrency: "unbounded" }
          )
          const [answers] = yield* Effect.all(
            [Effect.forEach(workers, (worker) => worker.at(ahead), { concurrency: "unbounded" }), killing],
            { concurrency: "unbounded" }
          )
          const survivors = answers.slice(2).map((answer) => Option.getOrElse(answer, () => "gone"))
          assert.strictEqual(new Set(survivors).size, 1, `round ${round}: ${survivors.join("\n")}`)
          const [answer = ""] = survivors
          if (!answer.startsWith("token ")) {
            // Killed between AWS's answer and the file: the new refresh token is gone with its process, the old one spent.
            assert.include(answer, "AWS refused to refresh the sign-in", `round ${round}`)
            lost += 1
            yield* signIn
          }
          workers = [...workers.slice(2), ...yield* start(2)]
        }
        const renewals = yield* refreshes(center)
        // One each time, one more for each that was killed in the middle of it, and each one's own try where it was lost.
        assert.isAtMost(renewals, rounds + 2 * rounds + 8 * lost)
        assert.isAbove(looks(), 100)
        yield* Effect.log(`${rounds} rounds, ${2 * rounds} killed, ${renewals} renewals, ${lost} lost with a process`)
      }).pipe(Effect.withClock(clock), Effect.provide(layer)),
    300_000
  )
})
