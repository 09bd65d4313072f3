import { FileSystem, Path } from "@effect/platform"
import { afterEach, assert, describe, it } from "@effect/vitest"
import { Effect, FastCheck as fc, type Scope } from "effect"
import { SharedConfig } from "effect-aws-identity"
import { execFileSync, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as Ini from "../src/internal/ini.js"
import { edit } from "../src/internal/iniEdit.js"
import { nodeContext, overFileSystem } from "./ports.js"
import { runsOf, timeOf } from "./proofs.js"

// The properties below compute for a long time: between them the worker answers vitest, which gives up after 60 s.
afterEach(() => new Promise<void>((resolve) => setImmediate(resolve)))

/** A line of a generated file, and the section and key that it belongs to. */
interface Line {
  readonly text: string
  readonly owner: string | undefined
  /** How the line begins and ends when it is a property with a value in between. */
  readonly around?: readonly [start: string, end: string]
  readonly value?: string
}

const blanks = (width: number, tabs: boolean): string => (tabs ? "\t" : " ").repeat(width)

const word = fc.constantFrom("1", "x y", "a#b", "u=v", "é", "[z]", "")
const lineEnd = fc.constantFrom("\n", "\n", "\r\n")
const quiet = fc.constantFrom("", "", "", "# k = 0", "  ; [profile c]", "\t# l", "   ")

const generatedProperty = fc.record({
  key: fc.constantFrom("k", "l", "K", "m"),
  equals: fc.constantFrom("=", " = ", "\t=  "),
  value: word,
  comment: fc.constantFrom("", "", " # c", "\t; c = d"),
  indent: fc.nat(4),
  tabs: fc.boolean(),
  below: fc.array(fc.tuple(fc.nat(2), quiet, lineEnd, lineEnd), { maxLength: 2 }),
  quiet,
  ends: fc.tuple(lineEnd, lineEnd)
})

/** Files of which each line is known to belong to a key of a section or to none. */
const generatedFile = fc.record({
  mark: fc.constantFrom("", "\ufeff"),
  start: fc.constantFrom("", "# start\n", "\r\n"),
  sections: fc.array(
    fc.record({
      name: fc.constantFrom("a", "b", "a", "c"),
      indent: fc.nat(3),
      end: lineEnd,
      properties: fc.array(generatedProperty, { maxLength: 4 })
    }),
    { maxLength: 4 }
  ),
  isComplete: fc.boolean()
}).map(({ isComplete, mark, sections, start }) => {
  const lines: Array<Line> = [{ text: mark + start, owner: undefined }]
  // The indentation of the property above.
  let above = Infinity
  for (const { end, indent, name, properties } of sections) {
    lines.push({ text: `${blanks(Math.min(indent, above), false)}[profile ${name}]${end}`, owner: undefined })
    above = Infinity
    for (const { below, comment, ends, equals, indent, key, quiet, tabs, value } of properties) {
      above = Math.min(indent, above)
      const owner = `${name} ${key.toLowerCase()}`
      const around = [`${blanks(above, tabs)}${key}${equals}`, `${comment}${ends[0]}`] as const
      lines.push({ text: around[0] + value + around[1], owner, around, value })
      for (const [deeper, between, first, second] of below) {
        if (between !== "") lines.push({ text: `${between}${first}`, owner: undefined })
        const content = value === "" ? "n = w" : "more"
        lines.push({ text: `${blanks(above + 1 + deeper, !tabs)}${content}${second}`, owner })
      }
      if (quiet !== "") lines.push({ text: `${quiet}${ends[1]}`, owner: undefined })
    }
  }
  const last = lines.at(-1)
  if (!isComplete && last !== undefined) {
    const cut = (text: string) => text.replace(/\r?\n$/, "")
    lines[lines.length - 1] = {
      ...last,
      text: cut(last.text),
      ...(last.around === undefined ? {} : { around: [last.around[0], cut(last.around[1])] as const })
    }
  }
  return lines
})

const textOf = (lines: ReadonlyArray<Line>) => lines.map(({ text }) => text).join("")

/** The values of all sections but one key. */
const readings = (text: string, except: string) => {
  const file = Ini.open(text, "config")
  return file.names("profile").map((name) =>
    [
      name,
      [...file.section("profile", name)?.properties ?? []]
        .filter(([key]) => `${name} ${key}` !== except)
        .map(([key, { nested, value }]) => [key, value, ...Array.from(nested, ([key, { value }]) => [key, value])])
    ] as const
  ).filter(([name, properties]) => !except.startsWith(name) || properties.length > 0)
}

describe("edit", () => {
  it("changes the lines of the key and no other, in generated files of any layout", () => {
    const seen = { removed: 0, replaced: 0, added: 0, refused: 0, kept: 0 }
    fc.assert(
      fc.property(
        generatedFile,
        fc.constantFrom("a", "b"),
        fc.constantFrom("k", "l", "new"),
        fc.constantFrom("value", "1", "", null),
        (lines, name, key, value) => {
          const text = textOf(lines)
          const owner = `${name} ${key}`
          const own = lines.filter((line) => line.owner === owner && line.value !== undefined)
          const counting = own.at(-1)
          const changed = edit(text, "profile", name, new Map([[key, value]]))
          const below = counting === undefined ? [] : linesBelow(lines, counting)
          if (typeof changed !== "string") {
            seen.refused += 1
            assert.isTrue(counting?.value === "" && below.length > 0 && value !== null && value !== "")
            return
          }
          const read = Ini.open(changed, "config").section("profile", name)?.properties.get(key)?.value
          assert.strictEqual(read, value ?? undefined)
          assert.deepStrictEqual(readings(changed, owner), readings(text, owner))
          assert.strictEqual(edit(changed, "profile", name, new Map([[key, value]])), changed)

          if (value === null) {
            seen.removed += own.length > 1 ? 1 : 0
            assert.strictEqual(changed, textOf(lines.filter((line) => line.owner !== owner)))
          } else if (counting === undefined) {
            seen.added += 1
            assertInserted(text, changed, `${key} = ${value}`)
          } else if (counting.value === value && (value === "" || below.length === 0)) {
            seen.kept += 1
            assert.strictEqual(changed, text)
          } else {
            seen.replaced += 1
            const [start, end] = counting.around ?? ["", ""]
            const equals = start.trimEnd()
            const line = counting.value === ""
              ? `${equals} ${value}${start.slice(equals.length)}${end}`
              : start + value + end
            assert.strictEqual(
              changed,
              textOf(
                lines.filter((other) => !below.includes(other))
                  .map((other) => other === counting ? { ...other, text: line } : other)
              )
            )
          }
        }
      ),
      runsOf(20_000)
    )
    for (const count of Object.values(seen)) assert.isAbove(count, 100)
  }, timeOf(60_000))

  /** The lines that continue a property or are nested below it. */
  const linesBelow = (lines: ReadonlyArray<Line>, property: Line): ReadonlyArray<Line> => {
    const after = lines.slice(lines.indexOf(property) + 1)
    const end = after.findIndex((line) => line.value !== undefined || /^\s*\[/.test(line.text))
    return after.slice(0, end === -1 ? after.length : end).filter(({ owner }) => owner === property.owner)
  }

  /** The text is the same but for whole new lines in one place, one of which is the given one. */
  const assertInserted = (text: string, changed: string, line: string) => {
    let same = 0
    while (same < text.length && text[same] === changed[same]) same++
    assert.isTrue(changed.endsWith(text.slice(same)))
    const before = text.split("\n").map((line) => line.replace(/\r$/, ""))
    const added = changed.split("\n").map((line) => line.replace(/\r$/, ""))
    const rest = [...added]
    for (const line of before) rest.splice(rest.indexOf(line), 1)
    assert.include(rest.map((line) => line.trim()), line.trim())
    for (const other of rest.map((line) => line.trim())) assert.match(other, /^$|^\[profile \w\]$|^\w+ =/)
  }

  it("takes time in proportion to the text for repeated keys, many sections, long lines and long names", () => {
    const shapes: ReadonlyArray<(size: number) => string> = [
      (size) => `[profile a]\n${"k = v\n".repeat(size)}`,
      (size) => `[profile a]\nk = v\n${"  more\n".repeat(size)}`,
      (size) => "[profile a]\nk = v\n".repeat(size),
      (size) => Array.from({ length: size }, (_, index) => `[profile p${index}]\nk = v\n`).join(""),
      (size) => `[profile a]\nk = ${"x ".repeat(size * 4)}\n`,
      (size) => `[profile a]\n${"# \n".repeat(size)}k = v\n${"\n".repeat(size)}`,
      (size) => `[profile a]\n${" ".repeat(size * 4)}k = v\n`,
      (size) => `[profile ${"x".repeat(size * 4)}]\nk = v\n`
    ]
    const change = new Map([["k", "w"], ["l", "new"]])
    /** The processor's time, which other programs do not add to, in µs. */
    const costOf = (text: string): number => {
      let least = Infinity
      for (let run = 0; run < 3; run++) {
        const start = process.cpuUsage()
        assert.isString(edit(text, "profile", "a", change))
        const { system, user } = process.cpuUsage(start)
        least = Math.min(least, system + user)
      }
      return least
    }
    for (const shape of shapes) {
      costOf(shape(10_000))
      // 16 times the size costs 16 times as much if linear, and 256 times if quadratic.
      assert.isBelow(costOf(shape(160_000)), 100 * Math.max(costOf(shape(10_000)), 5000), shape(2))
    }
  }, 120_000)
})

describe("SharedConfig.set", () => {
  it.each([
    [
      "changes a value and keeps its comment, its spacing and everything else",
      "# mine\n[profile a]\nregion   =  us-east-1\t# home\n\n; end\n",
      { region: "eu-west-1" },
      "# mine\n[profile a]\nregion   =  eu-west-1\t# home\n\n; end\n"
    ],
    [
      "adds a key below the section's last",
      "[profile a]\nk = v\n\n# about b\n[profile b]\n",
      { l: "w" },
      "[profile a]\nk = v\nl = w\n\n# about b\n[profile b]\n"
    ],
    ["adds a key to an empty section", "[profile a]\n[profile b]\n", { k: "v" }, "[profile a]\nk = v\n[profile b]\n"],
    ["adds a section", "[default]\nk = v\n", { k: "v" }, "[default]\nk = v\n\n[profile a]\nk = v\n"],
    [
      "adds a section below a line without end",
      "[default]\nk = v",
      { k: "v" },
      "[default]\nk = v\n\n[profile a]\nk = v\n"
    ],
    [
      "adds a key to a section whose last line has no end",
      "[profile a]\nk = v",
      { l: "w" },
      "[profile a]\nk = v\nl = w\n"
    ],
    [
      "writes the line ends that the file has",
      "[profile a]\r\nk = v\r\n",
      { l: "w" },
      "[profile a]\r\nk = v\r\nl = w\r\n"
    ],
    [
      "ends a line that lacks half of its end",
      "[profile a]\r\nk = v\r",
      { l: "w" },
      "[profile a]\r\nk = v\r\nl = w\r\n"
    ],
    ["takes a key out with its continuation", "[profile a]\nk = 1\n  2\nl = w\n", { k: null }, "[profile a]\nl = w\n"],
    ["takes a nested block out", "[profile a]\ns3 =\n  max = 1\nl = w\n", { s3: null }, "[profile a]\nl = w\n"],
    [
      "puts one line in the place of many",
      "[profile a]\nk = 1\n  2\nl = w\n",
      { k: "v" },
      "[profile a]\nk = v\nl = w\n"
    ],
    ["changes the one that counts of two", "[profile a]\nk = 1\nk = 2\n", { k: "3" }, "[profile a]\nk = 1\nk = 3\n"],
    ["gives a value to a key that has none", "[profile a]\nk = # none\n", { k: "v" }, "[profile a]\nk = v # none\n"],
    ["finds a key in any case", "[profile a]\nRegion = x\n", { region: "y" }, "[profile a]\nRegion = y\n"],
    ["does nothing for nothing", "[profile a]\nk = v\n", {}, "[profile a]\nk = v\n"],
    [
      "keeps the other keys and the comments of an indented section",
      "[profile a]\n  k = 1\n\t# about l\n  l = 2\n\n[profile b]\n    k = 3\n",
      { k: "9" },
      "[profile a]\n  k = 9\n\t# about l\n  l = 2\n\n[profile b]\n    k = 3\n"
    ],
    [
      "removes a key of an indented section and nothing else",
      "[profile a]\n\tk = 1\n\t; about l\n\tl = 2\n",
      { k: null },
      "[profile a]\n\t; about l\n\tl = 2\n"
    ],
    [
      "keeps the sections below that are indented",
      "[profile a]\n  [profile b]\n  k = 1\n",
      { k: "9" },
      "[profile a]\n  k = 9\n  [profile b]\n  k = 1\n"
    ],
    [
      "indents a new key like the section's last",
      "[profile a]\r\n \t k = 1\r\n[profile b]\nk = 2\n",
      { l: "w" },
      "[profile a]\r\n \t k = 1\r\n \t l = w\r\n[profile b]\nk = 2\n"
    ],
    [
      "keeps the comments and blank lines between the continuation lines that it removes",
      "[profile a]\nk = 1\n  # one\n\n  2\n  # two\nl = 3\n",
      { k: "v" },
      "[profile a]\nk = v\n  # one\n\n  # two\nl = 3\n"
    ],
    [
      "removes a key that stands twice both times",
      "[profile a]\nk = 1\nl = 2\nK = 3\n[profile b]\nk = 4\n[profile a]\nk = 5\n",
      { k: null },
      "[profile a]\nl = 2\n[profile b]\nk = 4\n[profile a]\n"
    ],
    [
      "leaves the nested lines of a key alone that has the value already",
      "[profile a]\ns3 =\n  k = v\n",
      { s3: "" },
      "[profile a]\ns3 =\n  k = v\n"
    ],
    [
      "writes the line ends of the section in a file of both",
      "[profile b]\nk = v\n[profile a]\r\nk = v\r\n[profile c]\n",
      { l: "w" },
      "[profile b]\nk = v\n[profile a]\r\nk = v\r\nl = w\r\n[profile c]\n"
    ],
    [
      "keeps a carriage return in another section",
      "[profile b]\n# one\rtwo\n[profile a]\nk = v\n",
      { k: "w" },
      "[profile b]\n# one\rtwo\n[profile a]\nk = w\n"
    ],
    [
      "keeps a byte order mark and a NUL",
      "\ufeff[profile a]\n# \0\nk = v\n",
      { k: "w" },
      "\ufeff[profile a]\n# \0\nk = w\n"
    ]
  ])("%s", (_, before, values, after) => {
    assert.strictEqual(edit(before, "profile", "a", new Map(Object.entries(values))), after)
  })

  it.each(
    [
      ["an indented neighbour", "[profile a]\nregion = x\n  [profile b]\n  region = y\n", { region: "z" }, 2],
      ["an indented neighbour, new key", "[profile a]\nk = x\n  [profile b]\n  l = y\n", { k: null }, 2],
      ["a key that continues the key", "[profile a]\nk = x\n  l = y\n", { k: "z" }, 2],
      ["a key that continues the key, to be removed", "[profile a]\nk = x\n\n\tl=y\n", { k: null }, 2],
      ["nested lines", "[profile a]\n\ns3 =\n  max = 1\n", { s3: "z" }, 3],
      ["a key behind a carriage return", "[profile a]\nk = x\rl = y\n", { k: "z" }, 2],
      ["a comment with a key behind a carriage return", "[profile a]\n# x\rk = y\n", { k: "z" }, 2],
      ["a section behind a carriage return", "# Mac\r[profile a]\r", { k: "z" }, 1]
    ] as const
  )("does not remove or hide %s", (_, text, values, line) => {
    const result = Effect.runSync(
      Effect.flatMap(SharedConfig.SharedConfig, (config) => Effect.flip(config.set({ profile: "a" }, values))).pipe(
        Effect.provide(SharedConfig.layerMemory({ config: text }))
      )
    )
    assert.strictEqual(result._tag, "InvalidConfig")
    assert.match(result.message, /^config:\d+:\d+: /)
    if ("line" in result) assert.include([line, line + 1], result.line)
  })

  it("quotes a name as the AWS CLI does, and writes [default] bare", () => {
    assert.strictEqual(edit("", "sso-session", "My SSO", new Map([["k", "v"]])), "[sso-session 'My SSO']\nk = v\n")
    assert.strictEqual(edit("", "profile", "it's", new Map()), "[profile \"it's\"]\n")
    assert.strictEqual(edit("", "profile", "default", new Map()), "[default]\n")
  })

  const set = (target: SharedConfig.Target, values: Record<string, string | null>) =>
    Effect.flatMap(SharedConfig.SharedConfig, (config) => config.set(target, values)).pipe(
      Effect.provide(SharedConfig.layerMemory({ config: "[profile bad]\nnonsense\n" }))
    )

  it.effect.each(
    [
      [{ profile: "a\n[profile b]" }, {}],
      [{ profile: "a]b" }, {}],
      [{ session: "" }, {}],
      [{ profile: "a'b\"c" }, {}],
      [{ profile: "a" }, { k: "hidden\nl = w" }],
      [{ profile: "a" }, { k: "hidden\r[x]" }],
      [{ profile: "a" }, { k: " hidden" }],
      [{ profile: "a" }, { k: "hidden # w" }],
      [{ profile: "a" }, { k: "#hidden" }],
      [{ profile: "a" }, { k: "hidden\u0000" }],
      [{ profile: "a" }, { "k = v\nl": "hidden" }],
      [{ profile: "a" }, { "[x]": "hidden" }],
      [{ profile: "a" }, { "#k": "hidden" }],
      [{ profile: "a" }, { "": "hidden" }],
      [{ profile: "a" }, { k: "hidden\u2028" }],
      [{ profile: "a" }, { k: "hidden\ud800" }],
      [{ profile: "a" }, { k: "\u00a0hidden" }],
      [{ profile: "a" }, { key: "hidden", KEY: "hidden" }]
    ] as const
  )("refuses what would not be read back as it is: %j %j", ([target, values]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(set(target, values))
      assert.strictEqual(error._tag, "InvalidInput")
      assert.notInclude(error.message, "hidden")
    }))

  it.effect("does not touch a section with a line that cannot be read", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(set({ profile: "bad" }, { k: "v" }))
      assert.strictEqual(error._tag, "InvalidConfig")
      assert.include(error.message, "config:2:1: [profile bad]")
    }))

  it.effect("is seen by the next read", () =>
    Effect.gen(function*() {
      const config = yield* SharedConfig.SharedConfig
      yield* config.set({ session: "corp" }, { sso_start_url: "u", sso_region: "us-east-1" })
      yield* config.set({ profile: "a" }, { sso_session: "corp" })
      const files = yield* config.read
      const session = yield* files.sessionOf(yield* files.profile("a"))
      assert.strictEqual(session.startUrl, "u")
    }).pipe(Effect.provide(SharedConfig.layerMemory({}))))
})

const home = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* fs.makeTempDirectoryScoped()
  yield* fs.makeDirectory(path.join(directory, ".aws"))
  return { fs, directory, aws: path.join(directory, ".aws"), config: path.join(directory, ".aws", "config") }
})

const open = (configFile: string, fileSystem?: FileSystem.FileSystem) =>
  SharedConfig.SharedConfig.pipe(
    Effect.provide(SharedConfig.layer({ configFile, credentialsFile: `${configFile}.none` })),
    fileSystem === undefined ? (effect) => effect : Effect.provide(overFileSystem(fileSystem))
  )

const bytesOf = (...parts: ReadonlyArray<string | ReadonlyArray<number>>): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => typeof part === "string" ? [...new TextEncoder().encode(part)] : part))

const utf16 = (text: string): ReadonlyArray<number> => [...text].flatMap((character) => [character.charCodeAt(0), 0])

describe("SharedConfig.set on files", () => {
  it.scopedLive("replaces the target of a link, keeps its mode, and makes a file of mode 0600", () =>
    Effect.gen(function*() {
      const { config, directory, fs } = yield* home
      const target = `${directory}/dotfiles`
      yield* fs.writeFileString(target, "# mine\n", { mode: 0o640 })
      yield* fs.symlink(target, config)
      const shared = yield* open(config)
      yield* Effect.forEach(
        Array.from({ length: 20 }, (_, index) => index),
        (index) => shared.set({ profile: `p${index}` }, { region: "eu-west-1" }),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(yield* fs.readLink(config), target)
      assert.strictEqual((yield* fs.stat(target)).mode & 0o777, 0o640)
      assert.strictEqual((yield* shared.read).profiles.length, 20)
      assert.isTrue((yield* fs.readFileString(target)).startsWith("# mine\n"))
      assert.deepStrictEqual(yield* fs.readDirectory(directory), [".aws", "dotfiles"])

      const fresh = `${directory}/new/config`
      const other = yield* open(fresh)
      yield* other.set({ profile: "a" }, {})
      assert.strictEqual((yield* fs.stat(fresh)).mode & 0o777, 0o600)
      assert.strictEqual((yield* fs.stat(`${directory}/new`)).mode & 0o777, 0o700)
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("keeps every byte of a file with a byte order mark, CRLF, NUL and letters outside ASCII", () =>
    Effect.gen(function*() {
      const { config, fs } = yield* home
      const shared = yield* open(config)
      const start = bytesOf([0xef, 0xbb, 0xbf], "# \0 é 𝄞 \ufffd\r\n[profile a]\r\nregion = ")
      const end = bytesOf(" # c\r\n\r\n\n[profile b]\nk=v")
      const file = (value: string) => bytesOf([...start], value, [...end])
      yield* fs.writeFile(config, file("us-east-1"))
      yield* shared.set({ profile: "a" }, { region: "eu-west-1" })
      assert.deepStrictEqual(yield* fs.readFile(config), file("eu-west-1"))
      yield* shared.set({ profile: "a" }, { k: "v" })
      yield* shared.set({ profile: "a" }, { k: null })
      assert.deepStrictEqual(yield* fs.readFile(config), file("eu-west-1"))
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive.each(
    [
      ["a Latin-1 letter", bytesOf("[profile a]\nk = v\n# caf", [0xe9], "\n"), 3],
      ["a cut character", bytesOf("[profile a]\n# ", [0xc3]), 2],
      ["a lone surrogate", bytesOf("# ", [0xed, 0xa0, 0x80], "\n[profile a]\n"), 1],
      ["an overlong slash", bytesOf("[profile a]\n\n\n# ", [0xc0, 0xaf], "\n"), 4],
      ["UTF-16", bytesOf([0xff, 0xfe], utf16("[profile a]\nk = v\n")), 1],
      ["UTF-16 without a mark", bytesOf(utf16("[profile a]\nk = v\n")), 1],
      ["UTF-16 of the other order", bytesOf([0xfe, 0xff, 0], utf16("[profile a]\n").slice(0, -1)), 1],
      ["NUL bytes that a crash left", new Uint8Array(100), 1]
    ] as const
  )("leaves a file with %s alone and names file and line", ([, bytes, line]) =>
    Effect.gen(function*() {
      const { aws, config, fs } = yield* home
      yield* fs.writeFile(config, bytes)
      const error = yield* Effect.flip((yield* open(config)).set({ profile: "a" }, { k: "w" }))
      assert.deepInclude({ ...error }, { _tag: "InvalidConfig", file: config, line })
      assert.include(error.message, "UTF-8")
      assert.deepStrictEqual(yield* fs.readFile(config), bytes)
      assert.deepStrictEqual(yield* fs.readDirectory(aws), ["config"])
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("does not write the file when nothing changes", () =>
    Effect.gen(function*() {
      const { config, fs } = yield* home
      yield* fs.writeFileString(config, "[profile a]\n  region = eu-west-1\n")
      const before = yield* fs.stat(config)
      const shared = yield* open(config)
      yield* shared.set({ profile: "a" }, { region: "eu-west-1", output: null })
      yield* shared.set({ profile: "z" }, { region: null })
      const after = yield* fs.stat(config)
      assert.deepStrictEqual([after.ino, after.mtime], [before.ino, before.mtime])
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("keeps a link whose target does not exist yet, and puts lock and temporary file beside the target", () =>
    Effect.gen(function*() {
      const { aws, config, directory, fs } = yield* home
      yield* fs.makeDirectory(`${directory}/dotfiles`)
      yield* fs.symlink("../dotfiles/link", config)
      yield* fs.symlink("aws", `${directory}/dotfiles/link`)
      const opened: Array<string> = []
      const noting: FileSystem.FileSystem = {
        ...fs,
        writeFileString: (path, text, options) =>
          Effect.suspend(() => {
            opened.push(`${path} ${options?.mode?.toString(8)}`)
            return fs.writeFileString(path, text, options)
          }),
        open: (path, options) => Effect.suspend(() => (opened.push(path), fs.open(path, options)))
      }
      yield* (yield* open(config, noting)).set({ profile: "a" }, { k: "v" })
      assert.strictEqual(yield* fs.readFileString(`${directory}/dotfiles/aws`), "[profile a]\nk = v\n")
      assert.strictEqual(yield* fs.readLink(config), "../dotfiles/link")
      assert.deepStrictEqual(yield* fs.readDirectory(aws), ["config"])
      assert.deepStrictEqual(yield* fs.readDirectory(`${directory}/dotfiles`), ["aws", "link"])
      for (const path of opened) assert.isTrue(path.startsWith(`${directory}/dotfiles/aws.`), path)
      assert.isTrue(opened.some((path) => path.includes(".lock")))
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("keeps the mode whatever the umask, and the owner where it may", () =>
    Effect.gen(function*() {
      const { config, fs } = yield* home
      yield* fs.writeFileString(config, "")
      yield* fs.chmod(config, 0o664)
      const mayGive = process.getuid?.() === 0
      if (mayGive) yield* fs.chown(config, 1234, 2345)
      const before = yield* fs.stat(config)
      yield* (yield* open(config)).set({ profile: "a" }, { k: "v" })
      const after = yield* fs.stat(config)
      assert.deepStrictEqual([after.mode, after.uid, after.gid], [before.mode, before.uid, before.gid])
      assert.notDeepEqual(after.ino, before.ino)
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("refuses a device and a FIFO without opening them", () =>
    Effect.gen(function*() {
      const { config, fs } = yield* home
      const refused = (type: string) => ({
        _tag: "FileError" as const,
        path: config,
        operation: "write" as const,
        code: `it is not a file but ${type}`
      })
      yield* fs.writeFileString(config, "")
      // Not a real device: code without the check would replace it for the whole machine.
      const device: FileSystem.FileSystem = {
        ...fs,
        stat: (path) =>
          Effect.map(fs.stat(path), (info) => path === config ? { ...info, type: "CharacterDevice" } : info)
      }
      const error = yield* Effect.flip((yield* open(config, device)).set({ profile: "a" }, { k: "v" }))
      assert.deepInclude({ ...error }, refused("a character device"))
      assert.strictEqual(yield* fs.readFileString(config), "")
      yield* fs.remove(config)
      execFileSync("mkfifo", [config])
      const second = yield* Effect.flip((yield* open(config)).set({ profile: "a" }, { k: "v" }))
      assert.deepInclude({ ...second }, refused("a FIFO (named pipe)"))
      assert.strictEqual((yield* fs.stat(config)).type, "FIFO")
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("opens a temporary file, writes it, syncs it and renames it, in this order", () =>
    Effect.gen(function*() {
      const { config, fs } = yield* home
      yield* fs.writeFileString(config, "[profile a]\n")
      const calls: Array<string> = []
      const note = (call: string) => Effect.sync(() => calls.push(call))
      const noting: FileSystem.FileSystem = {
        ...fs,
        open: (path, options) =>
          Effect.map(Effect.zipLeft(fs.open(path, options), note("open")), (file) =>
            new Proxy(file, {
              get: (file, member) => {
                if (member === "writeAll") {
                  return (bytes: Uint8Array) => Effect.zipRight(note("write"), file.writeAll(bytes))
                }
                if (member === "sync") return Effect.zipRight(file.sync, note("sync"))
                return Reflect.get(file, member) as unknown
              }
            })),
        rename: (from, to) => Effect.zipRight(note("rename"), fs.rename(from, to))
      }
      yield* (yield* open(config, noting)).set({ profile: "a" }, { k: "v" })
      assert.deepStrictEqual(calls, ["open", "write", "sync", "rename"])
    }).pipe(Effect.provide(nodeContext)))

  /** A file system in which another program acts during a call of ours on the directory of the config file. */
  const beside = (
    fs: FileSystem.FileSystem,
    call: string,
    act: Effect.Effect<void>
  ): FileSystem.FileSystem =>
    new Proxy(fs, {
      get: (fs, member) => {
        const original = Reflect.get(fs, member) as unknown
        if (member !== call || typeof original !== "function") return original
        return (...args: ReadonlyArray<unknown>) =>
          Effect.zipLeft(
            Reflect.apply(original, fs, args) as Effect.Effect<unknown, unknown>,
            act
          )
      }
    })

  it.scopedLive.each(["makeDirectory", "open", "chmod", "readDirectory", "realPath", "writeFileString"])(
    "keeps the line that another program appends during %s",
    (call) =>
      Effect.gen(function*() {
        const { config, fs } = yield* home
        yield* fs.writeFileString(config, "[profile a]\nk = 1\n")
        let acts = 0
        const append = Effect.suspend(() =>
          acts++ > 0
            ? Effect.void
            : Effect.orDie(fs.writeFileString(config, "[profile other]\nl = 2\n", { flag: "a" }))
        )
        yield* (yield* open(config, beside(fs, call, append))).set({ profile: "a" }, { k: "3" })
        assert.isAbove(acts, 0)
        assert.strictEqual(yield* fs.readFileString(config), "[profile a]\nk = 3\n[profile other]\nl = 2\n")
      }).pipe(Effect.provide(nodeContext))
  )

  it.scopedLive("sees a change by another program that keeps size and time", () =>
    Effect.gen(function*() {
      const { config, fs } = yield* home
      const past = new Date("2020-01-01")
      const write = (text: string) =>
        Effect.orDie(Effect.zipRight(fs.writeFileString(config, text), fs.utimes(config, past, past)))
      yield* write("[profile a]\nk = 1\nl = 1\n")
      let acts = 0
      const act = Effect.suspend(() => acts++ > 0 ? Effect.void : write("[profile a]\nk = 1\nl = 2\n"))
      yield* (yield* open(config, beside(fs, "open", act))).set({ profile: "a" }, { k: "3" })
      assert.strictEqual(yield* fs.readFileString(config), "[profile a]\nk = 3\nl = 2\n")
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("gives up with a FileError when another program changes the file all the time", () =>
    Effect.gen(function*() {
      const { aws, config, fs } = yield* home
      yield* fs.writeFileString(config, "[profile a]\n")
      const past = new Date("2020-01-01")
      let acts = 0
      const act = Effect.suspend(() =>
        Effect.orDie(Effect.zipRight(
          fs.writeFileString(config, `# ${acts++}\n`, { flag: "a" }),
          fs.utimes(config, past, past)
        ))
      )
      const error = yield* Effect.flip((yield* open(config, beside(fs, "open", act))).set({ profile: "a" }, { k: "3" }))
      assert.deepInclude({ ...error }, { _tag: "FileError", path: config, operation: "write", code: "Busy" })
      assert.include(error.message, "Another program")
      assert.notInclude(yield* fs.readFileString(config), "k = 3")
      assert.deepStrictEqual(yield* fs.readDirectory(aws), ["config"])
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("removes the temporary files that killed processes left, and no other file", () =>
    Effect.gen(function*() {
      const { aws, config, fs } = yield* home
      for (const name of ["config.0abcdefghij.tmp", "config.backup.tmp", "config.backupfile1.tmp", "config.tmp"]) {
        yield* fs.writeFileString(`${aws}/${name}`, "")
      }
      yield* (yield* open(config)).set({ profile: "a" }, { k: "v" })
      assert.deepStrictEqual(yield* fs.readDirectory(aws), [
        "config",
        "config.backup.tmp",
        "config.backupfile1.tmp",
        "config.tmp"
      ])
    }).pipe(Effect.provide(nodeContext)))
})

// Real processes on one config file.

interface Writer {
  readonly kill: () => boolean
  readonly start: () => void
  /** The profiles that the process said to have added, when it has ended. */
  readonly done: Promise<ReadonlyArray<string>>
}

const startWriter = (config: string, prefix: string, count: number): Effect.Effect<Writer, never, Scope.Scope> =>
  Effect.gen(function*() {
    const worker = fileURLToPath(new URL("configWorker.ts", import.meta.url))
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, ["--import", "tsx", worker, config, prefix, String(count)], {
          env: { ...process.env, NODE_NO_WARNINGS: "1" },
          stdio: ["pipe", "pipe", "inherit"]
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    child.stdin.on("error", () => {}) // It was killed.
    const names: Array<string> = []
    const input = createInterface(child.stdout)
    yield* Effect.async<void>((resume) => {
      input.on("line", (line) => {
        if (line === "ready") resume(Effect.void)
        else names.push(line)
      })
    })
    const done = new Promise<ReadonlyArray<string>>((resolve) => input.on("close", () => resolve(names)))
    return { kill: () => child.kill("SIGKILL"), start: () => void child.stdin.write("\n"), done }
  })

const startWriters = (config: string, prefixes: ReadonlyArray<string>, count: number) =>
  Effect.forEach(prefixes, (prefix) => startWriter(config, prefix, count), { concurrency: "unbounded" })

const profilesIn = (text: string) => {
  const file = Ini.open(text, "config")
  return file.names("profile").map((name) =>
    `${name} ${[...file.section("profile", name)?.properties ?? []].map(([, { value }]) => value).join(" ")}`
  )
}

describe("many processes on one config file", () => {
  it.scopedLive(
    "keep all 160 profiles when four of them add 40 each, one through a link",
    () =>
      Effect.gen(function*() {
        const { aws, config, fs } = yield* home
        yield* fs.writeFileString(config, "# mine\n")
        yield* fs.symlink(config, `${aws}/link`)
        const writers = [
          ...(yield* startWriters(config, ["a", "b", "c"], 40)),
          yield* startWriter(`${aws}/link`, "d", 40)
        ]
        for (const { start } of writers) start()
        const names = (yield* Effect.promise(() => Promise.all(writers.map(({ done }) => done)))).flat()
        assert.strictEqual(names.length, 160)
        const text = yield* fs.readFileString(config)
        assert.sameMembers(profilesIn(text), names.map((name) => `${name} eu-west-1 json`))
        assert.isTrue(text.startsWith("# mine\n"))
        assert.deepStrictEqual(yield* fs.readDirectory(aws), ["config", "link"])
      }).pipe(Effect.provide(nodeContext)),
    900_000
  )

  it.scopedLive(
    "lose nothing that was added when two of four are killed, and leave no temporary file",
    () =>
      Effect.gen(function*() {
        const { aws, config, fs } = yield* home
        yield* fs.writeFileString(config, "# mine\n")
        const writers = yield* startWriters(config, ["a", "b", "c", "d"], 25)
        const whole = yield* Effect.fork(
          fs.readFileString(config).pipe(
            Effect.tap((text) =>
              Effect.sync(() => {
                for (const profile of profilesIn(text)) assert.match(profile, /^\w+ eu-west-1 json$/)
              })
            ),
            Effect.zipRight(Effect.sleep("1 millis")),
            Effect.forever
          )
        )
        for (const { start } of writers) start()
        for (const { kill } of writers.slice(0, 2)) {
          yield* Effect.sleep("300 millis")
          kill()
        }
        const names = (yield* Effect.promise(() => Promise.all(writers.map(({ done }) => done)))).flat()
        assert.isTrue((yield* whole.poll)._tag === "None", "the file was whole at every moment")
        const found = profilesIn(yield* fs.readFileString(config))
        assert.includeMembers(found, names.map((name) => `${name} eu-west-1 json`))
        // One more of each killed process, which had no time to say so.
        assert.isAtMost(found.length, names.length + 2)
        yield* (yield* open(config)).set({ profile: "last" }, { region: "eu-west-1", output: "json" })
        assert.deepStrictEqual(yield* fs.readDirectory(aws), ["config"])
      }).pipe(Effect.provide(nodeContext)),
    900_000
  )
})
