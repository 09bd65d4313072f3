import { FileSystem, HttpServer, HttpServerRequest, Path } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Clock, DateTime, Effect, FiberRef, Layer, Option, Queue, Random, Redacted, type Scope } from "effect"
import { SsoTokenCache } from "effect-aws-identity"
import { Emulator, IdentityCenter } from "effect-aws-identity-testing"
import { type ChildProcess, spawn } from "node:child_process"
import { createServer } from "node:http"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { nodeContext } from "./ports.js"
import { shiftedClock } from "./shiftedClock.js"

// Real processes on one token file whose refresh tokens count once. They are stopped (SIGSTOP), suspended together,
// killed, and have clocks that disagree. IDENTITY_ROUNDS sets the number of rounds (default 4), IDENTITY_SEED repeats
// the choices of a run. Nothing here fails because the machine is slow: a round waits for answers, not for time.

const second = 1000
const minute = 60 * second
const hour = 60 * minute

const rounds = Number(process.env["IDENTITY_ROUNDS"] ?? 4)
const seed = process.env["IDENTITY_SEED"] ?? String(Math.floor(Math.random() * 1_000_000_000))
/** Homes with processes of their own, whose rounds run beside each other: most of a round is waiting. */
const homes = rounds > 8 ? 4 : Math.min(2, rounds)
const processes = rounds > 8 ? 8 : 4

interface Worker {
  readonly name: string
  readonly process: ChildProcess
  /** How far this process's clock is ahead of the Identity Center's (ms). */
  readonly skew: number
  isKilled: boolean
  /** Sets its clock ahead (ms) and gives its answer; none if it was killed meanwhile. */
  readonly at: (ahead: number) => Effect.Effect<Option.Option<string>>
}

const signal = (worker: Worker, name: "SIGSTOP" | "SIGCONT" | "SIGKILL") =>
  Effect.sync(() => {
    if (name === "SIGKILL") worker.isKilled = true
    worker.process.kill(name)
  })

const skews = [0, 0, 5 * second, -5 * second, hour, -hour] as const
const pauses = [9 * second, 3 * second, 12 * second, 20 * second] as const

const pick = <A>(values: readonly [A, ...ReadonlyArray<A>]) =>
  Effect.map(Random.nextIntBetween(0, values.length), (at) => values[at] ?? values[0])

const wait = (from: number, to: number) =>
  Effect.flatMap(Random.nextIntBetween(from, to), (millis) => Effect.sleep(millis))

let started = 0

const startWorker = (home: string, url: string, skew: number): Effect.Effect<Worker, never, Scope.Scope> =>
  Effect.gen(function*() {
    const name = `worker-${started++}`
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, ["--import", "tsx", fileURLToPath(new URL("tokenWorker.ts", import.meta.url))], {
          env: { ...process.env, HOME: home, AWS_ENDPOINT_URL_SSO_OIDC: `${url}/${name}`, NODE_NO_WARNINGS: "1" },
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
    assert.deepStrictEqual(yield* Queue.take(lines), Option.some("ready"))
    return {
      name,
      process: child,
      skew,
      isKilled: false,
      at: (ahead) => Effect.zipRight(Effect.sync(() => child.stdin.write(`${ahead + skew}\n`)), Queue.take(lines))
    }
  })

/** A refresh token that reached the Identity Center, and the process that sent it. */
interface Sent {
  readonly refreshToken: string
  readonly worker: string
}

/** A signed-in home, and an Identity Center that notes which process sends which refresh token. */
const world = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const center = yield* IdentityCenter.make({ accessTokenLifetime: "4 hours", sessionLifetime: "10000 hours" })
  const sender = yield* FiberRef.make("")
  const sent: Array<Sent> = []
  let onSent: (sent: Sent) => Effect.Effect<void> = () => Effect.void
  const noting: IdentityCenter.IdentityCenter["Type"] = {
    ...center,
    createToken: (input) =>
      Effect.gen(function*() {
        const one = { refreshToken: input.refreshToken ?? "", worker: yield* FiberRef.get(sender) }
        sent.push(one)
        const answer = yield* Effect.either(center.createToken(input))
        // The refresh token is spent, and the process has no answer yet.
        yield* onSent(one)
        yield* wait(0, 100)
        return yield* answer
      })
  }
  // The first part of the path names the process.
  yield* HttpServer.serveEffect(
    Effect.gen(function*() {
      const request = yield* HttpServerRequest.HttpServerRequest
      const [, name = "", rest = ""] = /^\/([\w-]+)(\/.*)$/.exec(request.url) ?? []
      return yield* Emulator.app.pipe(
        Effect.provideService(HttpServerRequest.HttpServerRequest, request.modify({ url: rest })),
        Effect.locally(sender, name)
      )
    }).pipe(Effect.provideService(IdentityCenter.IdentityCenter, noting))
  )
  const { address } = yield* HttpServer.HttpServer
  const url = HttpServer.formatAddress(address)
  const home = yield* fs.makeTempDirectoryScoped()
  const directory = path.join(home, ".aws", "sso", "cache")
  yield* fs.makeDirectory(directory, { recursive: true })
  yield* fs.writeFileString(
    path.join(home, ".aws", "config"),
    `[sso-session corp]\nsso_start_url = ${center.startUrl}\nsso_region = eu-west-1\n`
  )
  const tokenFile = path.join(directory, SsoTokenCache.fileName("corp"))
  const cache = yield* Effect.provide(SsoTokenCache.SsoTokenCache, SsoTokenCache.layer({ directory }))
  const signIn = Effect.gen(function*() {
    const issued = yield* center.signIn
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
  // The token file is whole at every moment.
  yield* fs.readFileString(tokenFile).pipe(
    Effect.map((text) => JSON.parse(text) as unknown),
    Effect.zipRight(Effect.sleep("3 millis")),
    Effect.forever,
    Effect.forkScoped
  )
  return {
    directory,
    signIn,
    sent,
    /** The refresh token that the file holds. */
    held: Effect.map(
      fs.readFileString(tokenFile),
      (text) => (JSON.parse(text) as { refreshToken: string }).refreshToken
    ),
    /** Runs while the process that sent a refresh token waits for its answer. */
    whenSent: (effect: (sent: Sent) => Effect.Effect<void>) =>
      Effect.sync(() => {
        onSent = effect
      }),
    startWorkers: (count: number) =>
      Effect.flatMap(
        Effect.forEach(Array.from({ length: count }), () => pick(skews)),
        Effect.forEach((skew) => startWorker(home, url, skew), { concurrency: "unbounded" })
      )
  }
})

type World = Effect.Effect.Success<typeof world>

const { clock, shift } = shiftedClock()

/** The clock of every home is the same: only forward, and past the end of every token, whatever the skew of its maker. */
let ahead = 0

const each = <A, E, R>(workers: ReadonlyArray<Worker>, effect: (worker: Worker) => Effect.Effect<A, E, R>) =>
  Effect.forEach(workers, effect, { concurrency: "unbounded" })

/** What happens to the processes while they refresh; what it says is for the message of a failure. */
const disturbances = {
  /** The process whose refresh token has just been spent is stopped, and goes on later. */
  "the sender is stopped": ({ whenSent }: World, workers: ReadonlyArray<Worker>) =>
    Effect.gen(function*() {
      const pause = yield* pick(pauses)
      let isStopped = false
      yield* whenSent((sent) =>
        Effect.suspend(() => {
          const worker = workers.find(({ name }) => name === sent.worker)
          if (worker === undefined || isStopped) return Effect.void
          isStopped = true
          return Effect.zipRight(
            signal(worker, "SIGSTOP"),
            Effect.forkDaemon(Effect.delay(signal(worker, "SIGCONT"), pause))
          )
        })
      )
      return `for ${pause} ms`
    }),
  /** As a laptop that is closed and opened. */
  "all are suspended together": (_: World, workers: ReadonlyArray<Worker>) =>
    Effect.gen(function*() {
      const times = yield* Random.nextIntBetween(1, 3)
      for (let time = 0; time < times; time++) {
        yield* wait(0, 100)
        yield* each(workers, (worker) => signal(worker, "SIGSTOP"))
        yield* wait(5500, 8000)
        yield* each(workers, (worker) => signal(worker, "SIGCONT"))
      }
      return `${times} times`
    }),
  "the sender and all others are suspended at once": ({ whenSent }: World, workers: ReadonlyArray<Worker>) =>
    Effect.gen(function*() {
      let isStopped = false
      yield* whenSent(() =>
        Effect.suspend(() => {
          if (isStopped) return Effect.void
          isStopped = true
          return Effect.zipRight(
            each(workers, (worker) => signal(worker, "SIGSTOP")),
            Effect.forkDaemon(
              Effect.delay(
                // Those that wait go on before the one that has the answer.
                each([...workers].reverse(), (worker) => signal(worker, "SIGCONT")),
                "7 seconds"
              )
            )
          )
        })
      )
      return ""
    }),
  "some are killed": (_: World, workers: ReadonlyArray<Worker>) =>
    Effect.gen(function*() {
      yield* each(workers.slice(0, 2), (worker) => Effect.zipRight(wait(0, 80), signal(worker, "SIGKILL")))
      return ""
    })
} as const

type Disturbance = keyof typeof disturbances

/** One round: every process needs a new token, one thing happens to them, and all of them answer. */
const round = (world: World, workers: ReadonlyArray<Worker>, kind: Disturbance, label: string) =>
  Effect.gen(function*() {
    const before = world.sent.length
    const told = yield* each(workers, (worker) => Effect.fork(worker.at(ahead)))
    const how = yield* disturbances[kind](world, workers)
    const answers = yield* Effect.forEach(told, (fiber) => Effect.flatten(fiber.await))
    yield* world.whenSent(() => Effect.void)
    const sent = world.sent.slice(before)
    const story = `${label}: ${kind} ${how}, skews ${workers.map(({ skew }) => skew / second).join(" ")} s, sent by ${
      sent.map(({ worker }) => worker).join(" ")
    }`
    const isKilled = (name: string) => workers.find((worker) => worker.name === name)?.isKilled === true
    // A refresh token goes out once, unless the process that spent it was killed and its answer is lost.
    for (const { refreshToken } of sent) {
      const [first = "", ...others] = sent.filter((one) => one.refreshToken === refreshToken).map((one) => one.worker)
      assert.isTrue(others.length === 0 || isKilled(first), `${story}: a refresh token was sent twice`)
    }
    const held = yield* world.held
    const isLost = sent.some(({ refreshToken, worker }) => refreshToken === held && isKilled(worker))
    const given = workers.flatMap(({ isKilled }, at) =>
      isKilled ? [] : [Option.getOrElse(answers[at] ?? Option.none(), () => "gone")]
    )
    if (isLost) {
      yield* world.signIn
      return story
    }
    assert.isTrue(given.every((answer) => answer.startsWith("token ")), `${story}: ${[...new Set(given)].join("\n")}`)
    assert.strictEqual(new Set(given).size, 1, `${story}: all get one token`)
    return story
  })

const layer = Layer.mergeAll(nodeContext, NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))

/** Every kind of disturbance takes its turn in each home. */
const kinds = Object.keys(disturbances) as [Disturbance, ...Array<Disturbance>]

describe("processes that are stopped, suspended or killed, with clocks that disagree", () => {
  it.scopedLive(
    "send each refresh token once, all get the new token, and none is told to sign in",
    () =>
      Effect.forEach(
        Array.from({ length: homes }),
        (_, home) =>
          Effect.gen(function*() {
            const place = yield* Effect.provide(world, yield* Layer.build(Layer.fresh(layer)))
            let workers = yield* place.startWorkers(processes)
            for (let turn = 0; turn * homes + home < rounds; turn++) {
              const label = `IDENTITY_SEED=${seed} IDENTITY_ROUNDS=${rounds}, home ${home}, round ${turn}`
              ahead += 6 * hour + 10 * minute
              shift(ahead)
              const number = turn * homes + home
              const kind = kinds[(number + Math.floor(number / kinds.length)) % kinds.length] ?? kinds[0]
              yield* Effect.log(yield* round(place, workers, kind, label))
              const alive = workers.filter(({ isKilled }) => !isKilled)
              workers = [...alive, ...yield* place.startWorkers(processes - alive.length)]
            }
          }).pipe(Effect.withRandom(Random.make(`${seed}/${home}`))),
        { concurrency: "unbounded", discard: true }
      ).pipe(Effect.withClock(clock)),
    120_000 + rounds * 120_000
  )
})
