/**
 * Reading `~/.aws/config`: ours beside AWS's loaders, in one process, on one file, in turns. Prints medians and their
 * ratio to @smithy/shared-ini-file-loader; machines differ, ratios hardly do. Each answer is checked as well.
 */
import { NodeContext } from "@effect/platform-node"
import { loadSharedConfigFiles } from "@smithy/shared-ini-file-loader"
import AWS from "aws-sdk"
import { Effect, ManagedRuntime } from "effect"
import { SharedConfig } from "effect-aws-identity"
import assert from "node:assert"
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { performance } from "node:perf_hooks"

process.env["AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE"] = "1"

const configOf = (profiles: number): string =>
  "[sso-session corp]\nsso_start_url = https://d-1234567890.awsapps.com/start\nsso_region = us-east-1\n" +
  Array.from(
    { length: profiles },
    (_, index) =>
      `\n[profile account-${index}.Administrator]\nsso_session = corp\nsso_account_id = ${100_000_000_000 + index}\n` +
      "sso_role_name = Administrator\nregion = eu-west-1\noutput = json\n"
  ).join("")

const directory = mkdtempSync(join(tmpdir(), "benchmark-"))
const file = join(directory, "config")
const credentials = join(directory, "credentials")

const platform = ManagedRuntime.make(NodeContext.layer)

/** As when a program starts: nothing has been read. */
const shared = SharedConfig.SharedConfig.pipe(
  Effect.provide(SharedConfig.layer({ configFile: file, credentialsFile: credentials }))
)

const median = (times: ReadonlyArray<number>): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? NaN

for (const profiles of [10, 1000, 10_000, 100_000]) {
  const text = configOf(profiles)
  writeFileSync(file, text)
  // A file that has been at rest: a fresh one is read again each time, to be on the safe side.
  utimesSync(file, 1e9, 1e9)
  const last = `account-${profiles - 1}.Administrator`
  const warm = await platform.runPromise(shared)
  const one = (config: SharedConfig.SharedConfig["Type"]) =>
    Effect.flatMap(
      config.read,
      (files) => Effect.map(files.profile(last), ({ values }) => values.get("sso_account_id")?.value)
    )

  const contestants: Readonly<Record<string, () => Promise<string | undefined>>> = {
    "read the file, no more": () => Promise.resolve(readFileSync(file, "utf8").slice(-1)),
    "ours, one profile": () => platform.runPromise(Effect.flatMap(shared, one)),
    "ours, every line of it": () =>
      platform.runPromise(Effect.gen(function*() {
        const files = yield* (yield* shared).read
        assert.strictEqual(files.diagnostics().length, 0)
        return (yield* files.profile(last)).values.get("sso_account_id")?.value
      })),
    "ours, again": () => platform.runPromise(one(warm)),
    "@smithy/shared-ini-file-loader": async () => {
      const { configFile } = await loadSharedConfigFiles({
        configFilepath: file,
        filepath: credentials,
        ignoreCache: true
      })
      return configFile[last]?.["sso_account_id"]
    },
    "aws-sdk v2": () =>
      Promise.resolve(new AWS.IniLoader().loadFrom({ filename: file, isConfig: true })[last]?.["sso_account_id"])
  }

  const times = new Map(Object.keys(contestants).map((name) => [name, Array<number>()]))
  for (let round = 0; round < (profiles > 10_000 ? 7 : 15); round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const start = performance.now()
      const answer = await run()
      times.get(name)?.push(performance.now() - start)
      assert.strictEqual(answer, name.startsWith("read") ? "\n" : String(100_000_000_000 + profiles - 1))
    }
  }

  const base = median(times.get("@smithy/shared-ini-file-loader") ?? [])
  console.log(`\n${profiles} profiles, ${(text.length / 1e6).toFixed(2)} MB`)
  for (const [name, all] of times) {
    const time = median(all)
    console.log(
      `  ${name.padEnd(38)}${time.toFixed(2).padStart(9)} ms ${
        (time * 1e6 / text.length).toFixed(1).padStart(8)
      } ns/byte  ${(time / base).toFixed(3)} x`
    )
  }
}

await platform.dispose()
rmSync(directory, { recursive: true })
