import { fromProcess } from "@aws-sdk/credential-provider-process"
import { type Error as PlatformError, FileSystem, Path } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import {
  ConfigProvider,
  DateTime,
  Duration,
  Effect,
  Either,
  Exit,
  FastCheck as fc,
  Fiber,
  Option,
  Redacted,
  type Scope
} from "effect"
import { type Credentials, CredentialsProvider, ProcessCredentials, Programs } from "effect-aws-identity"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { quoted, shellSign, split } from "../src/internal/commandLine.js"
import { observed } from "./observed.js"
import { nodeContext } from "./ports.js"

const node = process.execPath

/** A line of a config file that runs a script, which is put into a file of its own. */
const scriptOf = (
  code: string
): Effect.Effect<string, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path | Scope.Scope> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    const file = (yield* Path.Path).join(directory, "script.cjs")
    yield* fs.writeFileString(file, code)
    return `"${node}" "${file}"`
  })

/** What a program does that writes this and ends well. */
const writes = (text: string): string => `process.stdout.write(${JSON.stringify(text)})`

const secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

const answer = { Version: 1, AccessKeyId: "AKIDEXAMPLE", SecretAccessKey: secretKey }

const rendered = (credentials: Credentials.Credentials): string =>
  [
    credentials.accessKeyId,
    Redacted.value(credentials.secretAccessKey),
    Option.match(credentials.sessionToken, { onNone: () => "-", onSome: Redacted.value }),
    Option.match(credentials.expiration, { onNone: () => "-", onSome: DateTime.formatIso }),
    Option.getOrElse(credentials.accountId, () => "-")
  ].join(" ")

const whole = {
  ...answer,
  SessionToken: "token",
  Expiration: "2130-01-31T12:00:00Z",
  AccountId: "012345678901"
}

const answers: ReadonlyArray<readonly [title: string, output: string, expected: string]> = [
  ["keys", JSON.stringify(answer), `AKIDEXAMPLE ${secretKey} - - -`],
  ["all of it", JSON.stringify(whole), `AKIDEXAMPLE ${secretKey} token 2130-01-31T12:00:00.000Z 012345678901`],
  [
    "nothing in the fields that need not be there",
    JSON.stringify({ ...answer, SessionToken: "", Expiration: "", AccountId: "" }),
    `AKIDEXAMPLE ${secretKey} - - -`
  ],
  [
    "null in them",
    JSON.stringify({ ...answer, SessionToken: null, Expiration: null, AccountId: null }),
    `AKIDEXAMPLE ${secretKey} - - -`
  ],
  ["fields of a later version", JSON.stringify({ ...answer, Extra: { a: 1 } }), `AKIDEXAMPLE ${secretKey} - - -`],
  [
    "white space and a byte order mark",
    `\uFEFF\r\n ${JSON.stringify(answer, null, 2)}\r\n`,
    `AKIDEXAMPLE ${secretKey} - - -`
  ],
  [
    "fraction and offset",
    JSON.stringify({ ...answer, Expiration: "2130-01-31T13:00:00.123456+01:00" }),
    `AKIDEXAMPLE ${secretKey} - 2130-01-31T12:00:00.123Z -`
  ]
]

describe("a real program's answer", () => {
  for (const [title, output, expected] of answers) {
    it.scopedLive(title, () =>
      Effect.gen(function*() {
        const commandLine = yield* scriptOf(writes(output))
        assert.strictEqual(rendered(yield* ProcessCredentials.resolve(commandLine)), expected)
      }).pipe(Effect.provide(nodeContext)))
  }

  it.scopedLive("may come in pieces, in any encoding of its characters' boundaries, with complaints beside it", () =>
    Effect.gen(function*() {
      const commandLine = yield* scriptOf(`
        const bytes = Buffer.from(${JSON.stringify(JSON.stringify({ ...answer, AccessKeyId: "Ümläut€" }))})
        const write = (at) => {
          if (at < bytes.length) process.stdout.write(bytes.subarray(at, at + 7), () => setImmediate(write, at + 7))
        }
        process.stderr.write("x".repeat(300_000))
        write(0)
      `)
      const credentials = yield* ProcessCredentials.resolve(commandLine)
      assert.strictEqual(credentials.accessKeyId, "Ümläut€")
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("is asked for with nothing on standard input, and in the environment that there is", () =>
    Effect.gen(function*() {
      const commandLine = yield* scriptOf(`
        let input = ""
        process.stdin.on("data", (chunk) => { input += chunk })
        process.stdin.on("end", () => process.stdout.write(JSON.stringify({
          ...${JSON.stringify(answer)}, AccessKeyId: input + (process.env.PATH === undefined ? "none" : "inherited")
        })))
      `)
      const credentials = yield* ProcessCredentials.resolve(commandLine, { timeout: "10 seconds" })
      assert.strictEqual(credentials.accessKeyId, "inherited")
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("is taken although its standard error stays open", () =>
    Effect.gen(function*() {
      const commandLine = yield* scriptOf(`
        const child = require("node:child_process").spawn(${
        JSON.stringify(node)
      }, ["-e", "setTimeout(() => {}, 5000)"], {
          stdio: ["ignore", "ignore", "inherit"]
        })
        child.unref()
        ${writes(JSON.stringify(answer))}
      `)
      const credentials = yield* ProcessCredentials.resolve(commandLine, { timeout: "3 seconds" })
      assert.strictEqual(credentials.accessKeyId, "AKIDEXAMPLE")
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("is kept by the layer", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const marks = yield* fs.makeTempFileScoped()
      const line = yield* scriptOf(
        `require("node:fs").appendFileSync(process.argv[2], "x"); ${writes(JSON.stringify(answer))}`
      )
      const commandLine = `${line} "${marks}"`
      yield* Effect.gen(function*() {
        const provider = yield* CredentialsProvider.CredentialsProvider
        assert.strictEqual((yield* provider.get).accessKeyId, "AKIDEXAMPLE")
        assert.strictEqual((yield* provider.get).accessKeyId, "AKIDEXAMPLE")
      }).pipe(Effect.provide(ProcessCredentials.layer(commandLine)))
      assert.strictEqual(yield* fs.readFileString(marks), "x")
      yield* Effect.gen(function*() {
        const provider = yield* CredentialsProvider.CredentialsProvider
        assert.strictEqual((yield* provider.get).accessKeyId, "AKIDEXAMPLE")
      }).pipe(Effect.provide(
        ProcessCredentials.layer({ command: node, args: [line.split("\"")[3] ?? "", marks] }, { timeout: "20 seconds" })
      ))
      assert.strictEqual(yield* fs.readFileString(marks), "xx")
    }).pipe(Effect.provide(nodeContext)))
})

/** Fails, with these words in the message, and without a sign of what is marked. */
const failsWith = (
  { commandLine, ...options }: ProcessCredentials.Options & { readonly commandLine: string },
  reason: string,
  says: ReadonlyArray<string>
) =>
  Effect.gen(function*() {
    const { exit, seen } = yield* observed(ProcessCredentials.resolve(commandLine, options))
    const error = yield* Effect.flip(exit)
    assert.strictEqual(error._tag === "NotConfigured" ? error._tag : error.reason, reason, error.message)
    for (const text of says) assert.include(error.message, text)
    assert.notInclude(seen, "MARKED")
    return error
  })

const marked = { ...answer, SecretAccessKey: "MARKED-secret", SessionToken: "MARKED-token" }

describe("what is no answer of a real program", () => {
  const worlds: ReadonlyArray<
    readonly [title: string, code: string, reason: string, says: ReadonlyArray<string>]
  > = [
    ["nothing", "", "Invalid", ["the whole is not JSON", "\"Version\": 1"]],
    ["no JSON", writes("MARKED"), "Invalid", ["the whole is not JSON"]],
    ["a torn JSON", writes(JSON.stringify(marked).slice(0, -1)), "Invalid", ["the whole is not JSON"]],
    ["two JSONs", writes(`${JSON.stringify(marked)}\n${JSON.stringify(marked)}`), "Invalid", ["the whole is not JSON"]],
    ["words before", writes(`Hello!\n${JSON.stringify(marked)}`), "Invalid", ["not JSON", "standard error"]],
    ["an array", writes(JSON.stringify([marked])), "Invalid", ["the whole is not an object"]],
    ["no version", writes(JSON.stringify({ ...marked, Version: undefined })), "Invalid", ["\"Version\" is missing"]],
    ["version 2", writes(JSON.stringify({ ...marked, Version: 2 })), "Invalid", ["\"Version\" is not 1"]],
    ["version 1 as text", writes(JSON.stringify({ ...marked, Version: "1" })), "Invalid", ["\"Version\" is not 1"]],
    ["no id", writes(JSON.stringify({ ...marked, AccessKeyId: "" })), "Invalid", ["\"AccessKeyId\" is missing"]],
    ["no key", writes(JSON.stringify({ ...marked, SecretAccessKey: undefined })), "Invalid", [
      "\"SecretAccessKey\" is missing"
    ]],
    ["a time that is none", writes(JSON.stringify({ ...marked, Expiration: "MARKED" })), "Invalid", ["\"Expiration\""]],
    ["a time as a number", writes(JSON.stringify({ ...marked, Expiration: 4e9 })), "Invalid", ["\"Expiration\""]],
    ["an end in the past", writes(JSON.stringify({ ...marked, Expiration: "2020-01-31T12:00:00Z" })), "Expired", [
      "expired at 2020-01-31T12:00:00.000Z",
      "clock"
    ]],
    [
      "UTF-16",
      `process.stdout.write(Buffer.from("\\ufeff" + ${JSON.stringify(JSON.stringify(marked))}, "utf16le"))`,
      "Invalid",
      [
        "not UTF-8"
      ]
    ],
    ["an exit code", `${writes(JSON.stringify(marked))}; process.exitCode = 3`, "Refused", ["exit code 3"]],
    ["a signal", "process.kill(process.pid, 'SIGSEGV')", "Refused", ["was ended by SIGSEGV"]],
    ["an output that is closed at once", "require('node:fs').closeSync(1); setTimeout(() => {}, 300)", "Invalid", [
      "the whole is not JSON"
    ]],
    [
      "endless output",
      "const more = () => process.stdout.write('MARKED '.repeat(10000), more); process.stdout.on('error', () => {}); more()",
      "Invalid",
      ["longer than 1 MiB"]
    ],
    [
      "endless complaints",
      "const more = () => process.stderr.write('MARKED'.repeat(10000), more); more()",
      "Unreachable",
      [
        "did not end within",
        "terminal"
      ]
    ]
  ]
  for (const [title, code, reason, says] of worlds) {
    it.scopedLive(title, () =>
      Effect.gen(function*() {
        const commandLine = yield* scriptOf(code)
        yield* failsWith(
          { commandLine, profile: "dev", timeout: title === "endless complaints" ? "1 second" : "10 seconds" },
          reason,
          [...says, `No credentials from the program "${node}"`]
        )
      }).pipe(Effect.provide(nodeContext)))
  }
})

describe("a program that cannot be run", () => {
  const worlds: ReadonlyArray<
    readonly [title: string, line: string, reason: string, says: ReadonlyArray<string>]
  > = [
    ["is not there", "no-such-program-here --token MARKED", "Missing", [
      "the program \"no-such-program-here\": no such program was found",
      "credential_process of profile \"dev\""
    ]],
    ["is a directory", "/tmp --token MARKED", "Missing", [
      "the program \"/tmp\": it is not a file that may be executed"
    ]],
    ["may not be executed", `'${fileURLToPath(import.meta.url)}' MARKED`, "Missing", ["may be executed"]],
    ["is below a file", `'${fileURLToPath(import.meta.url)}/x' MARKED`, "Missing", ["cannot be started"]],
    ["cannot be a name", "a\0b MARKED", "Missing", ["the program \"a b\": it cannot be started"]],
    ["is empty", "'' MARKED", "Missing", ["cannot be started"]],
    ["is all of the line", "'no-such-program-here --token MARKED'", "Missing", [
      "the program \"no-such-program-here …\": no such program was found"
    ]],
    ["is a variable for a shell", "TOKEN=MARKED no-such-program-here", "Missing", ["\"TOKEN=\"", "sh -c"]],
    ["is a home that a shell knows", "~/no-such-program-here", "Missing", ["\"~\"", "sh -c"]],
    ["is not named", " \t ", "NotConfigured", ["credential_process of profile \"dev\""]],
    ["has an open quote", "aws --token 'MARKED", "Invalid", ["a ' that is never closed"]],
    ["has an open double quote", "aws --token \"MARKED", "Invalid", ["a \" that is never closed"]],
    ["ends with a backslash", "aws MARKED\\", "Invalid", ["ends with a backslash"]]
  ]
  for (const [title, commandLine, reason, says] of worlds) {
    it.live(
      title,
      () => failsWith({ commandLine, profile: "dev" }, reason, says).pipe(Effect.provide(nodeContext))
    )
  }

  it.scopedLive("wanted a shell", () =>
    Effect.gen(function*() {
      const line = yield* scriptOf("process.exitCode = process.argv.length")
      const failed = (rest: string, ...says: ReadonlyArray<string>) =>
        failsWith({ commandLine: `${line} ${rest}` }, "Refused", says)
      yield* failed("| jq .", "exit code 5", "so \"|\" has no meaning", "sh -c")
      yield* failed("2> /dev/null", "exit code 4", "so \">\" has no meaning")
      const error = yield* failed("'|' \"&&\"", "exit code 4")
      assert.notInclude(error.message, "shell")
    }).pipe(Effect.provide(nodeContext)))

  it.live("has a space in its path: the error shows an ellipsis for the part after the space, which may be secret", () =>
    Effect.gen(function*() {
      for (const command of ["/opt/company tools/aws-login", "/opt/company --token=MARKED"]) {
        const { exit, seen } = yield* observed(ProcessCredentials.resolve({ command }))
        const error = yield* Effect.flip(exit)
        assert.include(error.message, "the program \"/opt/company …\": no such program was found")
        assert.notInclude(seen, "MARKED")
      }
    }).pipe(Effect.provide(nodeContext)))

  it.live("is a command that the options of the program name", () =>
    Effect.gen(function*() {
      const program = { command: "no-such-program", args: ["--token", "MARKED"], env: { TOKEN: "MARKED" } }
      const { exit, seen } = yield* observed(ProcessCredentials.resolve(program))
      const error = yield* Effect.flip(exit)
      assert.strictEqual(
        error.message,
        "No credentials from the program \"no-such-program\": no such program was found. Install the program, or " +
          "correct the command: a full path is safest."
      )
      assert.notInclude(seen, "MARKED")
    }).pipe(Effect.provide(nodeContext)))
})

describe("what a failing real program says", () => {
  const token = "MARKED" + "IQoJb3JpZ2luX2VjEBAaCWV1LWNlbnRyYWwtMSJHMEUCIQC".repeat(4)
  const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJNQVJLRUQifQ.TUFSS0VELXNpZ25hdHVyZQ"
  const key = "MARKED/4FEMI+K7MDENG/bPxRfiCYzEXAMPLEKEY"
  const worlds: ReadonlyArray<
    readonly [
      title: string,
      says: string,
      shown: string,
      options?: { readonly output?: string; readonly rest?: string }
    ]
  > = [
    ["as it is", "no session for role Developer", "\"no session for role Developer\""],
    [
      "with what helps",
      "Error: arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Developer_abcdef0123456789/bob@example.com may not " +
      "[request 8a1b2c3d-0000-4000-8000-123456789abc]",
      "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Developer_abcdef0123456789/bob@example.com may not " +
      "[request 8a1b2c3d-0000-4000-8000-123456789abc]"
    ],
    ["on one line, without colours", "\u001b[31mred\u001b[0m\r\nalert\u0007 \u202egnp", "\"red alert gnp\""],
    ["by its end", `MARKED ${"long ".repeat(10_000)}ends here`, "long ends here\""],
    ["without a session token", `got ${token} for you`, "\"got <redacted> for you\""],
    ["without a secret key", `got ${key}, ${encodeURIComponent(key)}`, "\"got <redacted>, <redacted>\""],
    ["without a JSON Web Token", `got ${jwt} for you`, "\"got <redacted> for you\""],
    ["without what is called a secret", "{\"SecretAccessKey\": \"MARKED-1\"} token=MARKED-2", "token=<redacted>"],
    ["without a bearer", "> Authorization: Bearer MARKED-1", "<redacted>\""],
    [
      "without what is also in its output",
      "see (MARKED-one-and-two) and MARKED-one-and-two",
      "see (<redacted>) and <redacted>\"",
      {
        output: "{\"SecretAccessKey\":\"MARKED-one-and-two\""
      }
    ],
    ["without a part of its output", "see MARKED-one-and-t", "see <redacted>\"", { output: "--MARKED-one-and-two--" }],
    ["without its arguments", "bad option --pin=MARKED.one.and.two", "\"bad option --pin=<redacted>\"", {
      rest: "--pin=MARKED.one.and.two"
    }],
    ["without what its arguments set", "bad pin MARKED.one.and.two", "\"bad pin <redacted>\"", {
      rest: "--pin=MARKED.one.and.two"
    }],
    [
      "without our own secrets",
      "bad key MARKED.own and token MARKED.own.token",
      "\"bad key <redacted> and token <redacted>\""
    ]
  ]
  const own = ConfigProvider.fromMap(
    new Map([["AWS_SECRET_ACCESS_KEY", "MARKED.own"], ["AWS_SESSION_TOKEN", "MARKED.own.token"]])
  )
  for (const [title, says, shown, options] of worlds) {
    it.scopedLive(title, () =>
      Effect.gen(function*() {
        const line = yield* scriptOf(
          `process.stdout.write(${JSON.stringify(options?.output ?? "")})
           process.stderr.write(${JSON.stringify(says)})
           process.exitCode = 1`
        )
        const error = yield* failsWith(
          { commandLine: `${line} ${options?.rest ?? ""}` },
          "Refused",
          ["it ended with exit code 1: \"", shown]
        )
        assert.isBelow(error.message.length, 1200)
        assert.notInclude(error.message, jwt.slice(10, 30))
        assert.notMatch(error.message, /[\p{Cc}\p{Cf}]/u)
      }).pipe(Effect.withConfigProvider(own), Effect.provide(nodeContext)))
  }
})

/** A program that tells its process id and those it started in a file, and never ends by itself or by SIGTERM. */
const stubborn = (file: string): string => `
  process.on("SIGTERM", () => {})
  const child = require("node:child_process").spawn(${JSON.stringify(node)}, [
    "-e", "process.on('SIGTERM', () => {}); console.log('ready'); setInterval(() => {}, 1000)"
  ], { stdio: ["ignore", "pipe", "inherit"] })
  child.stdout.once("data", () =>
    require("node:fs").writeFileSync(${JSON.stringify(file)}, process.pid + " " + child.pid + " "))
  setInterval(() => {}, 1000)
`

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe("a real program that never ends", () => {
  const stubbornLine = Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const marks = yield* fs.makeTempFileScoped()
    const commandLine = yield* scriptOf(stubborn(marks))
    const pids = Effect.map(fs.readFileString(marks), (text) => text.split(" ").filter((pid) => pid !== "").map(Number))
    return { commandLine, pids }
  })

  const gone = (pids: ReadonlyArray<number>) =>
    Effect.gen(function*() {
      assert.strictEqual(pids.length, 2)
      const [own = 0, other = 0] = pids
      assert.isFalse(isAlive(own), "the program")
      // What it had started is no child of ours: init takes its time.
      for (let tries = 0; tries < 100 && isAlive(other); tries++) yield* Effect.sleep("20 millis")
      assert.isFalse(isAlive(other), "what it had started")
    })

  it.scopedLive("is killed after its time, with what it has started", () =>
    Effect.gen(function*() {
      const { commandLine, pids } = yield* stubbornLine
      const [took] = yield* Effect.timed(
        failsWith({ commandLine, timeout: "2 seconds", profile: "dev" }, "Unreachable", [
          "did not end within 2s",
          "raise the timeout"
        ])
      )
      assert.isBelow(Duration.toMillis(took), 10_000)
      yield* gone(yield* pids)
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("is killed when nobody waits for it any more", () =>
    Effect.gen(function*() {
      const { commandLine, pids } = yield* stubbornLine
      const fiber = yield* Effect.fork(ProcessCredentials.resolve(commandLine))
      yield* Effect.sleep("20 millis").pipe(Effect.repeat({ until: () => Effect.map(pids, (all) => all.length === 2) }))
      const exit = yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isInterrupted(exit))
      yield* gone(yield* pids)
    }).pipe(Effect.provide(nodeContext)))
})

describe("programs that lead back to their profile", () => {
  const worker = fileURLToPath(new URL("processWorker.ts", import.meta.url))
  const workerLine = (profile: string, marks: string) => `"${node}" --import tsx "${worker}" ${profile} "${marks}"`

  it.scopedLive("stop at the second time, and say what the circle is", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const marks = yield* fs.makeTempFileScoped()
      const program = {
        command: node,
        args: ["--import", "tsx", worker, "b", marks],
        env: { LINE_b: workerLine("a", marks), LINE_a: workerLine("b", marks) }
      }
      const error = yield* Effect.flip(ProcessCredentials.resolve(program, { profile: "a" }))
      assert.include(error.message, "\"a\" → \"b\" → \"a\"")
      // The program of a, and that of b; that of a never again.
      assert.strictEqual(yield* fs.readFileString(marks), "b\na\n")
    }).pipe(Effect.provide(nodeContext)), 60_000)

  const inherits = (chain: string) =>
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["AWS_IDENTITY_PROFILE_CHAIN", chain]])))

  it.effect("are not run at all", () =>
    Effect.gen(function*() {
      const started: Array<Programs.Program> = []
      const resolve = (chain: string, profile?: string) =>
        ProcessCredentials.resolve("program", { profile }).pipe(
          inherits(chain),
          Effect.either,
          Effect.map(Either.match({ onLeft: (error) => error.message, onRight: () => "credentials" })),
          Effect.provide(programThat(JSON.stringify(answer), (command) => started.push(command)))
        )
      assert.include(yield* resolve("[\"a\",\"b\"]", "a"), "it leads back to itself: \"a\" → \"b\" → \"a\"")
      assert.include(
        yield* resolve(JSON.stringify(Array(8).fill("")), undefined),
        "it leads back to itself: (no profile)"
      )
      assert.strictEqual(started.length, 0)
      assert.strictEqual(yield* resolve("[\"a\",\"b\"]", "c"), "credentials")
      assert.strictEqual(yield* resolve(JSON.stringify(Array(7).fill("")), undefined), "credentials")
      assert.strictEqual(yield* resolve("nonsense", "a"), "credentials")
      assert.deepStrictEqual(
        started.map(({ env }) => Object.entries(env)),
        [`["a","b","c"]`, JSON.stringify(Array(8).fill("")), `["a"]`].map((
          chain
        ) => [["AWS_IDENTITY_PROFILE_CHAIN", chain]])
      )
    }))
})

/** In place of real programs: every one writes this and ends well. */
const programThat = (output: string, started: (program: Programs.Program) => void = () => {}) =>
  Programs.layerMemory((program) =>
    Effect.sync(() => {
      started(program)
      return { exit: 0, stdout: output, stderr: "" }
    })
  )

describe("whatever a program writes", () => {
  const field = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom("MARKED-value", "", null, 1, "1", true, "2130-01-31T12:00:00Z", "2020-01-31T12:00:00Z", undefined)
  )
  const like = fc.record({
    Version: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: field }),
    AccessKeyId: fc.oneof({ weight: 3, arbitrary: fc.constant("MARKED-id") }, { weight: 1, arbitrary: field }),
    SecretAccessKey: fc.oneof({ weight: 3, arbitrary: fc.constant("MARKED-key") }, { weight: 1, arbitrary: field }),
    SessionToken: fc.oneof(fc.constant("MARKED-token"), field),
    Expiration: fc.oneof({ weight: 3, arbitrary: fc.constant("2130-01-31T12:00:00Z") }, {
      weight: 1,
      arbitrary: field
    }),
    AccountId: field
  }, { requiredKeys: [] }).map((value) => JSON.stringify(value))
  const text = fc.oneof(
    { weight: 5, arbitrary: like },
    fc.json(),
    fc.string({ unit: "binary" }),
    fc.tuple(like, fc.nat(200)).map(([text, end]) => text.slice(0, end))
  )

  it("gives credentials or an error that shows nothing of it, never a defect", () => {
    let good = 0
    fc.assert(
      fc.property(text, (output) => {
        const exit = Effect.runSyncExit(
          Effect.either(ProcessCredentials.resolve("program")).pipe(
            Effect.provide(programThat(output))
          )
        )
        assert.isTrue(Exit.isSuccess(exit))
        if (!Exit.isSuccess(exit)) return
        if (Either.isRight(exit.value)) good++
        else {
          const error = exit.value.left
          assert.strictEqual(error._tag, "CredentialsUnavailable")
          assert.notInclude(error.message + JSON.stringify(error), "MARKED")
        }
      }),
      { numRuns: 300 }
    )
    assert.isAbove(good, 0)
  })
})

describe("@aws-sdk/credential-provider-process and we", () => {
  /** What the SDK makes of a profile with this line, or that it fails. */
  const sdk = (commandLine: string) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const configFilepath = yield* fs.makeTempFileScoped()
      yield* fs.writeFileString(configFilepath, `[profile dev]\ncredential_process = ${commandLine}\n`)
      const provider = fromProcess({ profile: "dev", configFilepath, filepath: "/no/such/file", ignoreCache: true })
      return yield* Effect.tryPromise(() => provider()).pipe(Effect.match({
        onFailure: () => "fails",
        onSuccess: ({ accessKeyId, accountId, expiration, secretAccessKey, sessionToken }) =>
          [accessKeyId, secretAccessKey, sessionToken ?? "-", expiration?.toISOString() ?? "-", accountId ?? "-"].join(
            " "
          )
      }))
    })

  const ours = (commandLine: string) =>
    Effect.match(ProcessCredentials.resolve(commandLine), { onFailure: () => "fails", onSuccess: rendered })

  for (
    const [title, output] of [
      ...answers,
      ["version 2", JSON.stringify({ ...answer, Version: 2 })],
      ["version 1 as text", JSON.stringify({ ...answer, Version: "1" })],
      ["no key", JSON.stringify({ ...answer, SecretAccessKey: undefined })],
      ["an end in the past", JSON.stringify({ ...answer, Expiration: "2020-01-31T12:00:00Z" })],
      ["no JSON", "no"]
    ] as const
  ) {
    it.scopedLive(`agree on ${title}`, () =>
      Effect.gen(function*() {
        const commandLine = yield* scriptOf(writes(output))
        assert.strictEqual(yield* ours(commandLine), yield* sdk(commandLine))
      }).pipe(Effect.provide(nodeContext)))
  }

  it.scopedLive("agree on an exit code, and differ on a time that is none and on what needs a shell", () =>
    Effect.gen(function*() {
      const failing = yield* scriptOf(`${writes(JSON.stringify(answer))}; process.exitCode = 1`)
      assert.deepStrictEqual([yield* ours(failing), yield* sdk(failing)], ["fails", "fails"])
      const empty = yield* scriptOf(writes(JSON.stringify({ ...answer, AccessKeyId: "" })))
      assert.deepStrictEqual([yield* ours(empty), yield* sdk(empty)], ["fails", ` ${secretKey} - - -`])
      const good = yield* scriptOf(writes(JSON.stringify(answer)))
      const expected = `AKIDEXAMPLE ${secretKey} - - -`
      assert.deepStrictEqual([yield* ours(`true && ${good}`), yield* sdk(`true && ${good}`)], ["fails", expected])
      const counting = yield* scriptOf(`if (process.argv.length === 2) ${writes(JSON.stringify(answer))}`)
      assert.deepStrictEqual([yield* ours(`${counting} $NONE`), yield* sdk(`${counting} $NONE`)], ["fails", expected])
    }).pipe(Effect.provide(nodeContext)))
})

describe("commands in messages", () => {
  const names = fc.oneof(fc.string(), fc.stringOf(fc.constantFrom(..."a '\"\\$`!*?~#&|;<>(){}[]\n=-é")))

  it("quote every name such that a line of a config file gives it back as one word", () => {
    fc.assert(
      fc.property(names, (name) => {
        assert.deepEqual(split(`aws ${quoted(name)} end`, "posix"), Either.right(["aws", name, "end"]))
      }),
      { numRuns: 2000 }
    )
  })

  it("quote every name such that a real shell gives it back as one word", () => {
    const words = fc.sample(names, { numRuns: 300, seed: 1 }).filter((name) => !name.includes("\0"))
    const { stdout } = spawnSync("sh", ["-c", `printf '%s\\0' ${words.map(quoted).join(" ")}`], { encoding: "utf8" })
    assert.deepEqual(stdout.split("\0").slice(0, -1), words)
  })

  it("leave names without special characters as they are", () => {
    assert.strictEqual(quoted("team@corp.example/dev-1:x"), "team@corp.example/dev-1:x")
  })
})

describe("the words of a line", () => {
  const words = (line: string, rules: "posix" | "windows" = "posix"): ReadonlyArray<string> | "fails" =>
    Either.getOrElse(split(line, rules), () => "fails" as const)

  // What Python's shlex.split gives.
  const posix: ReadonlyArray<readonly [line: string, expected: ReadonlyArray<string> | "fails"]> = [
    ["", []],
    [" \t\r\n", []],
    ["a", ["a"]],
    ["  a  b\tc\nd ", ["a", "b", "c", "d"]],
    ["'a b' \"c d\"", ["a b", "c d"]],
    ["a'b c'd\"e f\"g", ["ab cde fg"]],
    ["'' a \"\"", ["", "a", ""]],
    ["a''", ["a"]],
    ["a\\ b \\'c \\\"d \\\\e", ["a b", "'c", "\"d", "\\e"]],
    ["'a\\b' '\\'", ["a\\b", "\\"]],
    ["\"a\\\"b\" \"a\\\\b\" \"a\\b\" \"\\$x\" \"\\'\"", ["a\"b", "a\\b", "a\\b", "\\$x", "\\'"]],
    ["\"it's\" 'say \"x\"'", ["it's", "say \"x\""]],
    ["$HOME ~/x *.json `id` $(id) #c a|b >f 2>&1 ; & { }", [
      ...["$HOME", "~/x", "*.json", "`id`", "$(id)", "#c", "a|b", ">f", "2>&1", ";", "&", "{", "}"]
    ]],
    ["a\\\nb", ["a\nb"]],
    ["a\u00a0b \u{1f511}'\u{1f511}'", ["a\u00a0b", "\u{1f511}\u{1f511}"]],
    ["'a", "fails"],
    ["a \"b", "fails"],
    ["a\\", "fails"],
    ["\"a\\", "fails"],
    ["\"a\\\"", "fails"],
    ["it's", "fails"]
  ]
  for (const [line, expected] of posix) {
    it(`${JSON.stringify(line)}`, () => {
      assert.deepStrictEqual(words(line), expected)
    })
  }

  // Microsoft, "Parsing C command-line arguments".
  const windows: ReadonlyArray<readonly [line: string, expected: ReadonlyArray<string> | "fails"]> = [
    ["\"a b c\" d e", ["a b c", "d", "e"]],
    ["\"ab\\\"c\" \"\\\\\" d", ["ab\"c", "\\", "d"]],
    ["a\\\\\\b d\"e f\"g h", ["a\\\\\\b", "de fg", "h"]],
    ["a\\\\\\\"b c d", ["a\\\"b", "c", "d"]],
    ["a\\\\\\\\\"b c\" d e", ["a\\\\b c", "d", "e"]],
    ["C:\\x\\y.exe 'a b' \"\" c\\", ["C:\\x\\y.exe", "'a", "b'", "", "c\\"]],
    ["\"C:\\Program Files\\x.exe\"\t-a", ["C:\\Program Files\\x.exe", "-a"]],
    ["", []],
    ["a \"b", "fails"]
  ]
  for (const [line, expected] of windows) {
    it(`${JSON.stringify(line)} on Windows`, () => {
      assert.deepStrictEqual(words(line, "windows"), expected)
    })
  }

  it("on Windows are those that its paths say", () =>
    Effect.gen(function*() {
      const started: Array<Programs.Program> = []
      const run = (program: Programs.Program) =>
        Effect.sync(() => {
          started.push(program)
          return { exit: 0, stdout: JSON.stringify(answer), stderr: "" }
        })
      yield* ProcessCredentials.resolve("C:\\x\\y.exe -a").pipe(
        Effect.provideService(Programs.Programs, { commandLine: "windows", run })
      )
      assert.deepStrictEqual(started.map(({ args, command }) => [command, ...args]), [["C:\\x\\y.exe", "-a"]])
    }).pipe(Effect.runPromise))

  const python = spawnSync("python3", ["-c", "import shlex"])

  it.runIf(python.status === 0)("are those of a real Python's shlex.split", () => {
    const sign = fc.constantFrom(..."ab '\"\\$`|;#~\t\n\r\u00a0é".split(""), "\u{1f511}")
    const lines = [
      ...posix.map(([line]) => line),
      ...fc.sample(fc.array(sign, { maxLength: 12 }).map((signs) => signs.join("")), 3000)
    ]
    const program = `
import json, shlex, sys
def words(line):
    try:
        return shlex.split(line)
    except ValueError:
        return "fails"
print(json.dumps([words(line) for line in json.load(sys.stdin)]))
`
    const { stdout } = spawnSync("python3", ["-c", program], { input: JSON.stringify(lines), encoding: "utf8" })
    const expected: ReadonlyArray<unknown> = JSON.parse(stdout)
    assert.strictEqual(expected.length, lines.length)
    for (const [index, line] of lines.entries()) {
      assert.deepStrictEqual(words(line), expected[index], JSON.stringify(line))
    }
  })

  it("that need a shell are told by their first sign", () => {
    const signs: ReadonlyArray<readonly [line: string, sign: string | undefined]> = [
      ["a | b", "|"],
      ["a || b", "||"],
      ["a && b", "&&"],
      ["a; b", ";"],
      ["a > b", ">"],
      ["a < b", "<"],
      ["a $(b)", "$"],
      ["a \"$(b)\"", "$"],
      ["a $HOME", "$"],
      ["a ${HOME}", "$"],
      ["a `b`", "`"],
      ["~/a", "~"],
      ["A=b c", "A="],
      ["a --b=c", undefined],
      ["a 'b | c' \"d | e\" f\\|g '$(h)' i~j 5$", undefined]
    ]
    for (const [line, sign] of signs) assert.strictEqual(shellSign(line), sign, line)
  })
})
