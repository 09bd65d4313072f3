import { FileSystem, Path } from "@effect/platform"
import { afterEach, assert, describe, it } from "@effect/vitest"
import { loadSharedConfigFiles } from "@smithy/shared-ini-file-loader"
import { ConfigProvider, Effect, Either, FastCheck as fc, Inspectable, Layer, Option, Redacted } from "effect"
import { Files, SharedConfig } from "effect-aws-identity"
import { inspect } from "node:util"
import * as Ini from "../src/internal/ini.js"
import { edit } from "../src/internal/iniEdit.js"
import { grammar } from "./grammar.js"
import { nodeContext } from "./ports.js"
import { runsOf, timeOf } from "./proofs.js"
import { rendered } from "./rendered.js"

// The properties below compute for a long time: between them the worker answers vitest, which gives up after 60 s.
afterEach(() => new Promise<void>((resolve) => setImmediate(resolve)))

const filesOf = (config: string, credentials?: string) =>
  Effect.runSync(
    SharedConfig.read.pipe(
      Effect.provide(SharedConfig.layerMemory({ config, ...(credentials === undefined ? {} : { credentials }) }))
    )
  )

describe("the grammar", () => {
  for (const [rule, cases] of Object.entries(grammar)) {
    it.each(cases.map(([title, config, says, credentials]) => ({ title, config, says, credentials })))(
      `${rule}: $title`,
      ({ config, credentials, says }) => {
        assert.deepStrictEqual(rendered(filesOf(config, credentials)), says)
      }
    )
  }
})

interface Property {
  readonly key: string
  readonly lines: Array<string>
}

/** Python's RawConfigParser as the AWS CLI configures it, for the lines of one section. */
const python = (lines: ReadonlyArray<string>): ReadonlyArray<Property> => {
  const properties: Array<Property> = []
  let level = Infinity
  for (const line of lines) {
    const content = line.trim()
    if (content === "" || content.startsWith("#")) continue
    const indent = line.length - line.trimStart().length
    const last = properties.at(-1)
    if (last !== undefined && indent > level) {
      last.lines.push(content)
      continue
    }
    level = indent
    const [key = "", value = ""] = content.split(" = ")
    properties.push({ key, lines: [value] })
  }
  return properties
}

describe("beside @smithy/shared-ini-file-loader", () => {
  /** The cases of the table that it reads otherwise, by the reason why we do not follow. */
  const differences: Readonly<Record<string, ReadonlyArray<string>>> = {
    "a section without keys is there, and a profile of it is not \"not found\"": [
      "an empty profile is a profile",
      "indented, below a header",
      "header at the end without newline"
    ],
    "the rule allows white space inside the brackets and any amount behind the prefix": [
      "much white space behind the prefix",
      "padding in the brackets",
      "padding around default"
    ],
    "the AWS CLI writes and reads such names; the loader cannot see them": [
      "name with a space",
      "name in double quotes",
      "name in single quotes",
      "a quote in a name, as the AWS CLI writes it",
      "a quote that does not close",
      "a name outside ASCII",
      "a bracket in the name",
      "a name with spaces"
    ],
    "a name of Object.prototype is a name; the loader drops the whole file or the key": [
      "a name of Object.prototype",
      "keys of Object.prototype"
    ],
    "the rule allows a comment right behind the bracket": ["comment glued to the bracket"],
    "keys have no case by the rule": ["keys in any case", "twice in other cases", "its keys in any case"],
    "a line that breaks the rule is an error for its section; the loader skips it in silence": [
      "no closing bracket",
      "no closing bracket, below the header of the same profile",
      "closing bracket in the next line",
      "text behind",
      "a second header behind",
      "lines that end in CR alone",
      "a carriage return in a comment, and a key behind it",
      "a NUL byte in a value of one line",
      "bytes that are not UTF-8 in a value of one line",
      "an unreadable header there",
      "colons do not divide",
      "no key",
      "no key, no white space",
      "no equals sign",
      "before the equals sign",
      "behind a line that is none",
      "with nothing to continue, and no property",
      "below a line that is none",
      "no key in it",
      "no equals sign in it",
      "an unreadable line spoils the profile of both files",
      "an unreadable line in config alike"
    ],
    "a line deeper than the property above continues it; the loader reads a key or a header in it, or nothing": [
      "indented deeper than the property above",
      "indented deeper than the property above, for a section that stands elsewhere too",
      "indented deeper than a property above that has nested lines",
      "deeper than an indented property",
      "a key of one line goes on",
      "a key of one line goes on below a comment",
      "a key below a key of one line",
      "a key of one line has its value in the next line",
      "an unknown ARN or URL goes on",
      "a known key below an unknown one",
      "a command goes on",
      "between a property and its continuation",
      "one line",
      "many lines",
      "white space around it is trimmed",
      "comment signs in it are kept",
      "an equals sign in it is kept",
      "blank lines in it do not end it",
      "ends with the next property",
      "of the last of two keys",
      "indented comment line",
      "behind a value with a comment",
      "CRLF"
    ],
    "lines of the same indentation stand beside each other": [
      "no nested lines without deeper indentation",
      "nested lines below an indented key"
    ],
    "a nested line belongs to the outer key, not to a nested one without a value": [
      "empty value in it",
      "deeper is no deeper"
    ],
    "the last of two equal keys counts whole; the loader mixes their nested lines": [
      "block twice: the last one",
      "a nested block replaces the other file's"
    ],
    "config's prefixes do not count in the credentials file by the rule": [
      "[profile x] there is no profile",
      "[sso-session x] there does not count",
      "[services x] there does not count"
    ],
    "a profile has a name": ["no name there"]
  }

  const reasonOf = (title: string): string | undefined =>
    Object.entries(differences).find(([, titles]) => titles.includes(title))?.[0]

  const ours = (config: string, credentials: string | undefined): Record<string, unknown> => {
    const files = filesOf(config, credentials)
    return Object.fromEntries(files.profiles.map((name) => [
      name,
      Either.match(Effect.runSync(Effect.either(files.profile(name))), {
        onLeft: () => "fails",
        onRight: ({ secrets, values }) =>
          Object.fromEntries(
            [...values]
              .flatMap(([key, { nested, value }]) => [
                [key, value],
                ...Array.from(nested, ([name, { value }]) => [`${key}.${name}`, value])
              ])
              .concat(Array.from(secrets, ([key, { value }]) => [key, Redacted.value(value)]))
              // It has no empty values.
              .filter(([, value]) => value !== "")
          )
      })
    ]))
  }

  const theirs = Effect.fnUntraced(function*(config: string, credentials: string | undefined) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = yield* fs.makeTempDirectoryScoped()
    const configFilepath = path.join(directory, "config")
    const filepath = path.join(directory, "credentials")
    yield* fs.writeFileString(configFilepath, config)
    yield* fs.writeFileString(filepath, credentials ?? "")
    const { configFile, credentialsFile } = yield* Effect.promise(() =>
      loadSharedConfigFiles({ configFilepath, filepath, ignoreCache: true })
    )
    const names = new Set([
      ...Object.keys(configFile).filter((name) => !/^(sso-session|services)\./.test(name)),
      ...Object.keys(credentialsFile)
    ])
    return Object.fromEntries(
      [...names].map((name) => [name, { ...configFile[name], ...credentialsFile[name] }])
    )
  })

  it.scopedLive.each(
    Object.values(grammar).flat().map(([title, config, , credentials]) => ({ title, config, credentials }))
  )("$title", ({ config, credentials, title }) =>
    Effect.gen(function*() {
      const [mine, other] = [ours(config, credentials), yield* theirs(config, credentials)]
      if (reasonOf(title) === undefined) assert.deepStrictEqual(mine, other)
      else assert.notDeepEqual(mine, other, `no longer differs, although ${reasonOf(title)}`)
    }).pipe(Effect.provide(nodeContext)))

  it("differs in no case that is not in the table", () => {
    const titles = Object.values(grammar).flat().map(([title]) => title)
    assert.strictEqual(new Set(titles).size, titles.length)
    for (const title of Object.values(differences).flat()) assert.include(titles, title)
  })

  it.scopedLive(
    "reads files of any indentation alike, where Python's RawConfigParser does",
    () =>
      Effect.gen(function*() {
        const line = fc.tuple(
          fc.constantFrom("", "", " ", "  ", "\t", "    "),
          fc.constantFrom("pair", "pair", "pair", "# comment", "")
        )
        let agreed = 0
        for (const parts of fc.sample(fc.array(line, { minLength: 1, maxLength: 6 }), runsOf(300).numRuns)) {
          const lines = parts.map(([indent, kind], at) => indent + (kind === "pair" ? `k${at} = v${at}` : kind))
          const properties = python(lines)
          const config = ["[profile a]", ...lines].join("\n")
          const other = yield* theirs(config, undefined)
          const read = Object.fromEntries(properties.map(({ key, lines }) => [key, lines.join("\n")]))
          if (properties.length === 0 || JSON.stringify(other["a"]) !== JSON.stringify(read)) continue
          agreed += 1
          assert.deepStrictEqual(ours(config, undefined), other)
        }
        assert.isAbove(agreed, 50)
      }).pipe(Effect.provide(nodeContext)),
    timeOf(20_000)
  )

  it.scopedLive("reads generated files alike", () =>
    Effect.gen(function*() {
      const simple = fc.array(
        fc.tuple(
          fc.stringMatching(/^[\w.@-]{1,12}$/).filter((name) => name !== "__proto__"),
          fc.array(fc.tuple(fc.stringMatching(/^[a-z][a-z_]{0,8}$/), fc.stringMatching(/^[\w/+=.-]{1,20}$/)), {
            minLength: 1
          })
        )
      )
      for (const profiles of fc.sample(simple, 100)) {
        const config = profiles.map(([name, keys]) =>
          `[profile ${name}]\n${keys.map(([key, value]) => `${key} = ${value}\n`).join("")}`
        ).join("\n")
        assert.deepStrictEqual(ours(config, undefined), yield* theirs(config, undefined))
      }
    }).pipe(Effect.provide(nodeContext)))
})

const runs = { numRuns: 5000 }

/** Whatever could stand in a config file, and much that could not. */
const anyText = fc.array(
  fc.oneof(
    fc.constantFrom("[", "]", "profile ", "sso-session ", "services ", "default", "a", "=", "\n", "\r\n", "\r"),
    fc.constantFrom(" ", "\t", "#", ";", "\"", "'", "\ufeff", "\u0000", "\u00a0", "__proto__", "é", "𝄞"),
    fc.string({ maxLength: 5 })
  ),
  { maxLength: 60 }
).map((pieces) => pieces.join(""))

const table = Object.values(grammar).flat()

/** A text of the table with pieces taken out, doubled or put in. */
const mutated = fc.tuple(
  fc.constantFrom(...table),
  fc.array(fc.tuple(fc.nat(), fc.nat(8), fc.string({ maxLength: 3 })))
).map(
  ([[, config], changes]) =>
    changes.reduce((text, [at, length, insert]) => {
      const start = text.length === 0 ? 0 : at % text.length
      return text.slice(0, start) + insert + text.slice(start + length)
    }, config)
)

const name = fc.oneof(
  fc.constantFrom("default", "a", "a b", "it's", "__proto__", "sso-session x", "é"),
  fc.string({ minLength: 1 }).filter((text) => !/[\]\p{Cc}"'\s]/u.test(text))
)
const key = fc.oneof(
  fc.constantFrom("region", "sso_region", "s3", "__proto__"),
  fc.stringMatching(/^[a-z0-9_][a-z0-9_.-]{0,10}$/)
)
const value = fc.string().map((text) => text.replace(/\p{Cc}|(?<=^|\s)[#;]/gu, "").trim())
  .filter((text) => !/^\s|\s$|(?:^|\s)[#;]|\p{Cc}/u.test(text))

const kind = fc.constantFrom("profile" as const, "sso-session" as const)

const contentsOf = (text: string) => {
  const file = Ini.open(text, "config")
  return (["profile", "sso-session", "services"] as const).flatMap((kind) =>
    file.names(kind).map((name) => {
      const section = file.section(kind, name)
      const properties = [...section?.properties ?? []].map(([key, { nested, value }]) =>
        [key, value, ...Array.from(nested, ([key, { value }]) => `${key}=${value}`)] as const
      )
      return { kind, name, properties, errors: section?.problems.filter(({ severity }) => severity === "error").length }
    })
  )
}

/** Whether `changed` is `text` with something put in at one place. */
const isInsertion = (text: string, changed: string): boolean => {
  let same = 0
  while (same < text.length && text[same] === changed[same]) same++
  return changed.endsWith(text.slice(same))
}

/** A text of headers that are almost alike. */
const headers = fc.array(
  fc.tuple(
    fc.constantFrom("", "", "", " ", "\ufeff", "k = [", "#"),
    fc.constantFrom("[", "[", "[", "[ ", "[\t", "[["),
    fc.constantFrom("profile ", "profile ", "profile\t ", "profile", "sso-session ", "services ", ""),
    fc.constantFrom(
      "a",
      "a",
      "ab",
      "'a'",
      "a\"b\"",
      "a''",
      "\"a\"'b'",
      "a'b",
      "default",
      "d'efault'",
      "",
      "''",
      "it's",
      "é",
      "a b",
      "\"'\"",
      "''\"''\"'\"'"
    ),
    fc.constantFrom("]", "]", "]", " ]", "", "] # b", "]b", "]]"),
    fc.constantFrom("\n", "\n", "\r\n", "\nk = v\n", "\n\n", "\r", "")
  ),
  { maxLength: 8 }
).map((lines) => lines.flat().join(""))

describe("reading", () => {
  it("never dies: random and mutated files succeed, warn or fail with a typed error", () => {
    let failed = 0
    fc.assert(
      fc.property(fc.oneof(anyText, mutated), fc.boolean(), (text, isCredentials) => {
        const files = isCredentials ? filesOf("", text) : filesOf(text)
        const lines = text.split("\n").length
        for (const { column, line } of files.diagnostics()) assert.isTrue(line >= 1 && line <= lines && column >= 1)
        for (const name of [...files.profiles, "no such profile"]) {
          const result = Effect.runSync(Effect.either(files.profile(name)))
          if (Either.isRight(result)) continue
          failed += 1
          assert.include(["InvalidConfig", "ProfileNotFound"], result.left._tag)
        }
      }),
      runsOf(20_000)
    )
    assert.isAbove(failed, 500)
  }, timeOf(120_000))

  it("finds a section alone as among all", () => {
    const kinds = ["profile", "sso-session", "services"] as const
    let found = 0
    fc.assert(
      fc.property(
        fc.oneof(headers, anyText, mutated),
        fc.constantFrom("config" as const, "credentials" as const),
        (text, fileKind) => {
          const whole = Ini.open(text, fileKind)
          // Who has asked for the names has looked at every header.
          const names = ["a", "ab", "default", "", ...kinds.flatMap((kind) => whole.names(kind))]
          // Where no section is found, and after many, all headers are looked at: both orders are to agree.
          const some = Ini.open(text, fileKind)
          for (const kind of kinds) {
            for (const name of names) {
              const section = whole.section(kind, name)
              assert.deepStrictEqual(Ini.open(text, fileKind).section(kind, name), section)
              assert.deepStrictEqual(some.section(kind, name), section)
              if (section !== undefined) found += 1
            }
          }
          assert.deepStrictEqual(some.errors, whole.errors)
        }
      ),
      runs
    )
    assert.isAbove(found, 1000)
  }, 60_000)

  it("cuts a file into stretches with nothing between them", () => {
    fc.assert(
      fc.property(fc.oneof(anyText, mutated), (text) => {
        const { sections, strays } = Ini.blocks(text, "config")
        const stretches = [...sections, ...strays].map(({ end, start }) => [start, end] as const).sort(([a], [b]) =>
          a - b
        )
        let at = text.charCodeAt(0) === 0xfeff ? 1 : 0
        for (const [start, end] of stretches) {
          assert.strictEqual(start, at)
          at = end
        }
        assert.strictEqual(at, text.length)
      }),
      runs
    )
  })
})

describe("the secrets of a section", () => {
  it.effect("are Redacted in whatever spelling their keys are, and nothing that can be printed shows them", () =>
    Effect.gen(function*() {
      const keys = [
        "aws_secret_access_key",
        "aws_session_token",
        "aws_security_token",
        "aws_secret_acess_key",
        "AWS_SECRET_ACCESS_KEY",
        "aws-session-token",
        "awsSecretKey"
      ]
      for (const key of keys) {
        for (const file of ["config", "credentials"] as const) {
          const header = file === "config" ? "[profile dev]" : "[dev]"
          const text = `${header}\naws_access_key_id = AKID\n${key} = MARKED\nregion = eu-west-1\n`
          const section = yield* Effect.provide(
            SharedConfig.profile("dev"),
            SharedConfig.layerMemory({ [file]: text })
          )
          const found = section.secrets.get(key.toLowerCase())
          assert.strictEqual(found === undefined ? undefined : Redacted.value(found.value), "MARKED", key)
          assert.strictEqual(found?.line, 3)
          assert.deepStrictEqual([...section.values.keys()], ["aws_access_key_id", "region"])
          const shown = [
            inspect(section, { depth: 10, showHidden: true }),
            JSON.stringify([...section.values, ...section.secrets]),
            String(Inspectable.format(section))
          ]
          for (const text of shown) assert.notInclude(text, "MARKED", key)
        }
      }
    }))

  it.effect("are not shown when they stand below another key", () =>
    Effect.gen(function*() {
      const config = "[profile dev]\nother =\n  aws_secret_access_key = MARKED\n"
      const result = yield* Effect.either(
        Effect.provide(SharedConfig.profile("dev"), SharedConfig.layerMemory({ config }))
      )
      assert.notInclude(inspect(result, { depth: 10 }), "MARKED")
    }))

  it.effect("are not shown when they stand where the name of another section or a start URL belongs", () =>
    Effect.gen(function*() {
      const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
      const corp = "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n"
      const session = SharedConfig.sessionOfProfile("dev")
      const failures: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown, SharedConfig.SharedConfig>]> = [
        ["", SharedConfig.session(secret)],
        [`sso_session = ${secret}`, session],
        [`source_profile = ${secret}`, session],
        [`sso_session = corp\nsso_start_url = ${secret}`, session],
        [
          `services = ${secret}`,
          Effect.flatMap(SharedConfig.clientConfig("sts"), (ofProfile) => ofProfile("dev"))
        ]
      ]
      for (const [line, effect] of failures) {
        const files = SharedConfig.layerMemory({ config: `${corp}[profile dev]\n${line}\n` })
        const error = yield* Effect.flip(Effect.provide(effect, files))
        assert.notInclude(inspect(error, { depth: 10 }) + JSON.stringify(error), secret, line)
        assert.include(JSON.stringify(error), "<redacted>", line)
      }
    }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(new Map()))))
})

describe("SharedConfig look-ups", () => {
  const failureOf = (
    name: string | undefined,
    files: { readonly config?: string; readonly credentials?: string; readonly profile?: string }
  ) => Effect.runSync(Effect.flip(SharedConfig.profile(name)).pipe(Effect.provide(SharedConfig.layerMemory(files))))

  it.each([
    ["[dev]", "config:1 has [dev], which should be written [profile dev]"],
    ["[Profile dev]", "config:1 has [Profile dev], which should be written [profile dev]"],
    ["[profiledev]", "config:1 has [profiledev], which should be written [profile dev]"],
    ["[profile: dev]", "config:1 has [profile: dev], which should be written [profile dev]"],
    ["[profle dev]", "config:1 has [profle dev], which should be written [profile dev]"],
    ["[profile Dev]", "config:1 has [profile Dev], which should be written [profile dev]"],
    ["[sso-session dev]", "config:1 has [sso-session dev], which should be written [profile dev]"]
  ])("say where a misspelt profile stands and how to write it: %s", (header, hint) => {
    const error = failureOf("dev", { config: `${header}\nregion = eu-west-1\n` })
    assert.strictEqual(error._tag, "ProfileNotFound")
    assert.include(error.message, hint)
  })

  it("say how a profile is written in the credentials file", () => {
    const error = failureOf("dev", { credentials: "# mine\n[profile dev]\naws_access_key_id = A\n" })
    assert.include(error.message, "credentials:2 has [profile dev], which should be written [dev]")
  })

  it.each([
    ["[sso_session corp]", "config", "config:1 has [sso_session corp], which should be written [sso-session corp]"],
    ["[profile sso-session corp]", "config", "which should be written [sso-session corp]"],
    ["[sso-sesion corp]", "config", "which should be written [sso-session corp]"],
    ["[sso session corp]", "config", "which should be written [sso-session corp]"],
    ["[corp]", "config", "which should be written [sso-session corp]"],
    ["[sso-session corp]", "credentials", "which belongs into config as [sso-session corp]"]
  ])("say where a misspelt or misplaced session stands: %s in %s", (header, file, hint) => {
    const error = Effect.runSync(
      Effect.flip(SharedConfig.session("corp")).pipe(
        Effect.provide(SharedConfig.layerMemory({ [file]: `${header}\nsso_start_url = u\nsso_region = us-east-1\n` }))
      )
    )
    assert.strictEqual(error._tag, "InvalidConfig")
    assert.include(error.message, hint)
  })

  it.each(["\"dev\"", "'dev'", "dev ", "[dev]", "profile dev", "dev\u200b"])(
    "say the right name when the variable has another spelling: %j",
    (name) => {
      const { message } = failureOf(name, { config: "[profile dev]\nregion = eu-west-1\n" })
      assert.include(message, "config:1 has [profile dev]: its name is dev, not ")
    }
  )

  it("take time in proportion to the file when 100,000 sections have the name of a profile without credentials", () => {
    const config = "[profile dev]\nregion = x\n[Profile dev]\nregion = x\n".repeat(50_000)
    const files = filesOf(config)
    assert.isUndefined(files.misplaced("dev"))
  }, 20_000)

  it("do not take a part of another name for the profile", () => {
    const error = failureOf("dev", { config: "[profile mydev]\n[profile devel]\n[xdev]\n[profile x-dev]\n" })
    assert.notInclude(error.message, "should be written")
  })

  it("report a missing profile as missing although another line of the file cannot be read", () => {
    const error = failureOf("dev", { config: "[profile a] text\n[\nk = v\n[profile b]\n" })
    assert.strictEqual(error._tag, "ProfileNotFound")
    assert.include(error.message, "config:2:1 cannot be read and may hide it")
  })

  it("fail for the default profile while its header may be a line that cannot be read", () => {
    assert.strictEqual(failureOf(undefined, { config: "[\nk = v\n" })._tag, "InvalidConfig")
  })

  it.each(["[DEFAULT]", "[Default]", "[profile Default]", "[defualt]"])(
    "fail for a default profile with credentials below %s",
    (header) => {
      assert.include(
        ["InvalidConfig", header === "[defualt]" ? "NotConfigured" : ""],
        failureOf(undefined, { config: `${header}\nrole_arn = x\n` })._tag
      )
      assert.strictEqual(failureOf(undefined, { config: `${header}\nregion = eu-west-1\n` })._tag, "NotConfigured")
    }
  )

  it("list at most 20 of the profiles that are there", () => {
    const config = Array.from({ length: 1000 }, (_, index) => `[profile p${index}]\n`).join("")
    assert.include(failureOf("dev", { config }).message, "p19 and 980 more.")
  })

  it.each([
    ["little-endian with byte order mark", "\ufffd\ufffd", "%\0"],
    ["little-endian", "", "%\0"],
    ["big-endian with byte order mark", "\ufffd\ufffd", "\0%"],
    ["big-endian", "", "\0%"]
  ])("name UTF-16 as the reason and UTF-8 as the remedy: %s", (_, mark, pattern) => {
    const utf16 = mark + [..."[profile dev]\nregion = x\n"].map((sign) => pattern.replace("%", () => sign)).join("")
    for (const name of ["dev", undefined]) {
      const error = failureOf(name, { config: utf16, credentials: "[dev]\naws_access_key_id = A\n" })
      assert.strictEqual(error._tag, "InvalidConfig")
      assert.match(error.message, /^config:1:1: .*UTF-16.*Save the file as UTF-8\.$/)
    }
  })

  it("survive a quoted header, a line and a name of millions of characters", () => {
    const long = "a".repeat(9_000_000)
    const config = `[profile "${long}"]\nk = ${long}\n${long} = v\n[profile '${long}\n[profile dev]\nk = v\n`
    const files = filesOf(config)
    assert.strictEqual(Effect.runSync(files.profile("dev")).values.get("k")?.value, "v")
    assert.isBelow(failureOf("nobody", { config: config.replace("dev", "x") }).message.length, 30_000_000)
    files.diagnostics()
  }, 60_000)
})

describe("indentation", () => {
  it("continues a property above exactly where Python's RawConfigParser does", () => {
    const line = fc.tuple(
      fc.stringMatching(/^[ \t\u00a0\u3000\f\v]{0,4}$/),
      fc.constantFrom("", "# comment", "pair", "pair", "pair")
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (parts) => {
        const lines = parts.map(([indent, kind], index) => indent + (kind === "pair" ? `k${index} = v${index}` : kind))
        const section = Ini.open(["[profile a]", ...lines].join("\n"), "config").section("profile", "a")
        const mine = Array.from(section?.properties ?? [], ([key, { value }]) => [key, value])
        assert.deepStrictEqual(mine, python(lines).map(({ key, lines }) => [key, lines.join("\n")]))
      }),
      runs
    )
  })

  it("reports every line that looks like a key and continues a value", () => {
    const line = fc.tuple(fc.nat(3), fc.constantFrom("region", "k", "role_arn"))
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (parts) => {
        const lines = parts.map(([indent, key]) => `${" ".repeat(indent)}${key} = v`)
        const continued = lines.length - python(lines).length
        const problems = Ini.open(["[profile a]", ...lines].join("\n"), "config").problems()
        const rulesOfContinuation: ReadonlyArray<string> = [Ini.rules.continuedLine, Ini.rules.continuedKey]
        assert.strictEqual(problems.filter(({ rule }) => rulesOfContinuation.includes(rule)).length, continued)
      }),
      runs
    )
  })
})

describe("printing and reading", () => {
  const model = fc.uniqueArray(
    fc.record({ kind, name, values: fc.uniqueArray(fc.tuple(key, value), { selector: ([key]) => key }) }),
    { selector: ({ kind, name }) => `${kind} ${name}` }
  )

  it("is the identity on generated configs", () => {
    fc.assert(
      fc.property(model, fc.constantFrom("", "# comment\n", "# comment\r\n", "\ufeff"), (sections, start) => {
        const text = sections.reduce(
          (text, { kind, name, values }) => {
            const changed = edit(text, kind, name, new Map(values))
            return typeof changed === "string" ? changed : assert.fail(changed.rule)
          },
          start
        )
        const expected = [
          ...sections.filter(({ kind }) => kind === "profile"),
          ...sections.filter(({ kind }) => kind === "sso-session")
        ].map(({ kind, name, values }) => ({ kind, name, properties: values, errors: 0 }))
        assert.deepStrictEqual(contentsOf(text), expected as ReturnType<typeof contentsOf>)
        assert.isTrue(text.startsWith(start))
      }),
      runs
    )
  })

  it("sets a key in any text, or says why not, and changes nothing else that is read", () => {
    let refused = 0
    fc.assert(
      fc.property(fc.oneof(anyText, mutated), kind, name, key, fc.option(value), (text, kind, name, key, value) => {
        const before = Ini.open(text, "config")
        fc.pre(before.errors.length === 0)
        fc.pre(before.section(kind, name)?.problems.every(({ severity }) => severity === "warning") ?? true)
        const changes = new Map([[key, value]])
        const changed = edit(text, kind, name, changes)
        if (typeof changed !== "string") {
          refused += 1
          assert.isTrue(changed.line >= 1 && changed.line <= text.split("\n").length)
          return
        }
        const property = Ini.open(changed, "config").section(kind, name)?.properties.get(key)
        assert.strictEqual(property?.value, value ?? undefined)
        const others = (text: string) =>
          contentsOf(text)
            .map((section) =>
              section.kind === kind && section.name === name
                ? { ...section, properties: section.properties.filter(([other]) => other !== key), errors: 0 }
                : section
            )
            .filter((section) => section.kind !== kind || section.name !== name || section.properties.length > 0)
        assert.deepStrictEqual(others(changed), others(text))
        assert.strictEqual(edit(changed, kind, name, changes), changed)
        if (before.section(kind, name)?.properties.has(key) !== true) {
          assert.isTrue(value === null ? changed === text : isInsertion(text, changed))
        }
      }),
      runsOf(20_000)
    )
    assert.isBelow(refused, runsOf(2000).numRuns)
  }, timeOf(60_000))
})

describe("the session that a profile signs in to", () => {
  const base =
    "[profile base]\nsso_session = corp\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\n" +
    "sso_region = eu-west-1\n"

  const sessionOf = (config: string, name = "role") =>
    Effect.provide(SharedConfig.sessionOfProfile(name), SharedConfig.layerMemory({ config }))

  it.effect.each(
    [
      ["its source_profile", "[profile role]\nrole_arn = r\nsource_profile = base\n"],
      [
        "several source_profiles",
        "[profile role]\nrole_arn = r\nsource_profile = a\n[profile a]\nrole_arn = r\nsource_profile = b\n" +
        "[profile b]\nrole_arn = r\nsource_profile = base\n"
      ],
      [
        "its own settings although its source does not exist",
        "[profile role]\nsso_session = corp\nsource_profile = missing\n"
      ]
    ] as const
  )("is that of %s", ([, config]) =>
    Effect.gen(function*() {
      const session = yield* sessionOf(base + config)
      assert.strictEqual(session.cacheKey, "corp")
      assert.strictEqual(session.loginCommand, "aws sso login --sso-session corp")
    }))

  it.effect("is that of a legacy source_profile, whose name the command has", () =>
    Effect.gen(function*() {
      const session = yield* sessionOf(
        "[profile it's old]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n" +
          "[profile role]\nrole_arn = r\nsource_profile = it's old\n"
      )
      assert.strictEqual(session.cacheKey, "https://corp.awsapps.com/start")
      assert.strictEqual(session.loginCommand, "aws sso login --profile 'it'\\''s old'")
    }))

  it.effect("has a quoted name in its command", () =>
    Effect.gen(function*() {
      const session = yield* sessionOf(base.replaceAll("corp]", "my $so]").replace("= corp", "= my $so"), "base")
      assert.strictEqual(session.loginCommand, "aws sso login --sso-session 'my $so'")
    }))

  it.effect.each(
    [
      ["role -> role", "[profile role]\nrole_arn = r\nsource_profile = a\n[profile a]\nsource_profile = role\n", 5],
      [
        "a cycle behind it",
        "[profile role]\nsource_profile = a\n[profile a]\nsource_profile = b\n[profile b]\nsource_profile = a\n",
        6
      ]
    ] as const
  )("cannot be found when the sources lead round: %s", ([, config, line]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(sessionOf(config))
      assert.strictEqual(error._tag, "InvalidConfig")
      assert.include(error.message, `config:${line}:1`)
      assert.include(error.message, "leads back to itself: role -> a")
    }))

  it.effect("cannot be found when a source does not exist", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(sessionOf("[profile role]\nsource_profile = bsae\n[profile base]\n"))
      assert.strictEqual(error._tag, "InvalidConfig")
      assert.include(error.message, "config:2:1: [profile role] names source_profile = bsae")
      assert.include(error.message, "base")
    }))

  it.effect.each(
    [
      ["keys", "[profile role]\nsource_profile = keys\n[profile keys]\naws_access_key_id = A\n", "\"keys\" (config:3)"],
      ["keys of its own", "[profile role]\nsource_profile = role\naws_access_key_id = A\n", "\"role\" (config:1)"],
      ["a token file", "[profile role]\nsource_profile = base\nweb_identity_token_file = f\n", "\"role\" (config:1)"]
    ] as const
  )("is none when the role is assumed with %s", ([, config, says]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(sessionOf(config))
      assert.strictEqual(error._tag, "NotConfigured")
      assert.include(error.message, says)
      assert.include(error.message, "no SSO settings")
    }))
})

describe("the files", () => {
  /** A home of its own. */
  const home = Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = yield* fs.makeTempDirectoryScoped()
    yield* fs.makeDirectory(path.join(directory, ".aws"))
    const file = (name: string) => path.join(directory, ".aws", name)
    return { fs, directory, config: file("config"), credentials: file("credentials") }
  })

  const inEnvironment = (environment: Record<string, string>) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.provide(SharedConfig.layer()),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment)), { pathDelim: "\n" }))
    )

  const paths = Effect.map(SharedConfig.read, ({ files }) => files.map(({ path }) => path))

  it.live.each(
    [
      [{ HOME: "/home/me" }, ["/home/me/.aws/config", "/home/me/.aws/credentials"]],
      [{ HOME: "/home/me", USERPROFILE: "/other" }, ["/home/me/.aws/config", "/home/me/.aws/credentials"]],
      [{ HOME: "", USERPROFILE: "/users/me" }, ["/users/me/.aws/config", "/users/me/.aws/credentials"]],
      [{ HOMEDRIVE: "/d", HOMEPATH: "/me" }, ["/d/me/.aws/config", "/d/me/.aws/credentials"]],
      [{}, ["~/.aws/config", "~/.aws/credentials"]],
      [{ HOME: "/home/me", AWS_CONFIG_FILE: "/etc/aws" }, ["/etc/aws", "/home/me/.aws/credentials"]],
      [{ HOME: "/home/me", AWS_CONFIG_FILE: "~/aws" }, ["/home/me/aws", "/home/me/.aws/credentials"]],
      [{ HOME: "/home/me", AWS_CONFIG_FILE: "~other/aws" }, ["~other/aws", "/home/me/.aws/credentials"]],
      [{ HOME: "/home/me", AWS_SHARED_CREDENTIALS_FILE: "~/keys" }, ["/home/me/.aws/config", "/home/me/keys"]],
      [{ HOME: "/home/me", AWS_CONFIG_FILE: "" }, ["/home/me/.aws/config", "/home/me/.aws/credentials"]]
    ] as const
  )("are found by the environment: %j", ([environment, expected]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* inEnvironment(environment)(paths), [...expected])
    }).pipe(Effect.provide(nodeContext)))

  it.live.each(
    [
      [{ configFile: "/own" }, { HOME: "/home/me", AWS_CONFIG_FILE: "/etc/aws" }, [
        "/own",
        "/home/me/.aws/credentials"
      ]],
      [{ credentialsFile: "/keys" }, { HOME: "/home/me" }, ["/home/me/.aws/config", "/keys"]],
      [{ configFile: "/own", credentialsFile: "/keys" }, {}, ["/own", "/keys"]],
      [{ homeDirectory: "/opt/me" }, { HOME: "/home/me" }, ["/opt/me/.aws/config", "/opt/me/.aws/credentials"]],
      [{ homeDirectory: "/opt/me" }, { AWS_CONFIG_FILE: "~/aws" }, ["/opt/me/aws", "/opt/me/.aws/credentials"]],
      [{ configFile: "~/aws" }, { HOME: "/home/me" }, ["/home/me/aws", "/home/me/.aws/credentials"]]
    ] as const
  )(
    "SharedConfig.layer(%j) in the environment %j reads the files %j",
    ([options, environment, expected]) =>
      Effect.gen(function*() {
        const found = yield* inEnvironment(environment)(Effect.provide(paths, SharedConfig.layer(options)))
        assert.deepStrictEqual(found, [...expected])
      }).pipe(Effect.provide(nodeContext))
  )

  it.scopedLive("choose the profile by option, AWS_PROFILE, default", () =>
    Effect.gen(function*() {
      const { config, directory, fs } = yield* home
      yield* fs.writeFileString(config, "[default]\n[profile a]\n[profile b]\n")
      const selected = Effect.map(SharedConfig.profile(), ({ name }) => name)
      assert.strictEqual(yield* inEnvironment({ HOME: directory })(selected), "default")
      assert.strictEqual(yield* inEnvironment({ HOME: directory, AWS_PROFILE: "" })(selected), "default")
      assert.strictEqual(yield* inEnvironment({ HOME: directory, AWS_PROFILE: "a" })(selected), "a")
      const option = Effect.provide(selected, SharedConfig.layer({ profile: "b" }))
      assert.strictEqual(yield* inEnvironment({ HOME: directory, AWS_PROFILE: "a" })(option), "b")
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("are seen anew when edited, replaced, removed or made, and else read once", () =>
    Effect.gen(function*() {
      const { config, credentials, fs } = yield* home
      let reads = 0
      const files = yield* Files.Files
      const counting: Files.Service = {
        ...files,
        read: (...args) => Effect.suspend(() => (reads++, files.read(...args)))
      }
      const shared = yield* SharedConfig.SharedConfig.pipe(
        Effect.provide(
          SharedConfig.layer({ configFile: config, credentialsFile: credentials }).pipe(
            Layer.provide(Layer.succeed(Files.Files, counting))
          )
        )
      )
      const names = Effect.map(shared.read, ({ profiles }) => profiles)
      assert.deepStrictEqual(yield* names, [])
      const long = new Date("2020-01-01")
      const write = (path: string, text: string, time = long) =>
        Effect.zipRight(fs.writeFileString(path, text), fs.utimes(path, time, time))

      yield* write(config, "[profile a]\n")
      assert.deepStrictEqual(yield* names, ["a"])
      reads = 0
      assert.strictEqual(yield* shared.read, yield* shared.read)
      assert.strictEqual(reads, 0)

      yield* write(config, "[profile bb]\n")
      assert.deepStrictEqual(yield* names, ["bb"], "another size")
      yield* write(config, "[profile cc]\n", new Date("2021-01-01"))
      assert.deepStrictEqual(yield* names, ["cc"], "another time")
      yield* write(`${config}.new`, "[profile dd]\n", new Date("2021-01-01"))
      yield* fs.rename(`${config}.new`, config)
      assert.deepStrictEqual(yield* names, ["dd"], "another file of the same time and size")
      yield* write(credentials, "[e]\n")
      assert.deepStrictEqual(yield* names, ["dd", "e"])
      yield* fs.remove(config)
      assert.deepStrictEqual(yield* names, ["e"])

      // Two writes within one tick of the file system's clock, of the same size.
      const now = new Date()
      yield* write(config, "[profile f]\n", now)
      assert.deepStrictEqual(yield* names, ["f", "e"])
      yield* write(config, "[profile g]\n", now)
      assert.deepStrictEqual(yield* names, ["g", "e"])
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("are never read half written", () =>
    Effect.gen(function*() {
      const { config, credentials, fs } = yield* home
      const text = (version: number) => `[profile v${version}]\nfiller = ${"x".repeat(50_000)}\n[profile end]\n`
      yield* fs.writeFileString(config, text(0))
      const shared = yield* SharedConfig.SharedConfig.pipe(
        Effect.provide(SharedConfig.layer({ configFile: config, credentialsFile: credentials }))
      )
      const writer = yield* Effect.fork(
        Effect.forEach(Array.from({ length: 40 }, (_, index) => index + 1), (version) =>
          Effect.zipRight(fs.writeFileString(config, text(version)), Effect.sleep("20 millis")))
      )
      let reads = 0
      while (Option.isNone(yield* writer.poll)) {
        const { profiles } = yield* shared.read
        assert.deepStrictEqual(profiles.slice(1), ["end"])
        reads += 1
      }
      assert.isAbove(reads, 10)
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive.each(
    [
      ["UTF-16 (little-endian)", "utf16le", "\ufeff", false],
      ["UTF-16 (little-endian)", "utf16le", "", false],
      ["UTF-16 (big-endian)", "utf16le", "\ufeff", true],
      ["UTF-16 (big-endian)", "utf16le", "", true]
    ] as const
  )(
    "in %s are a typed error that names the encoding: %j %j swapped: %s",
    ([encoding, bytesAs, mark, isSwapped]) =>
      Effect.gen(function*() {
        const { config, directory, fs } = yield* home
        const bytes = Buffer.from(`${mark}[profile dev]\nregion = eu-west-1\n`, bytesAs)
        yield* fs.writeFile(config, isSwapped ? bytes.swap16() : bytes)
        const error = yield* Effect.flip(inEnvironment({ HOME: directory, AWS_PROFILE: "dev" })(SharedConfig.profile()))
        assert.strictEqual(error._tag, "InvalidConfig")
        assert.include(error.message, `${config}:1:1`)
        assert.include(error.message, encoding)
      }).pipe(Effect.provide(nodeContext))
  )

  it.scopedLive("in UTF-8 with a byte order mark, or with Latin-1 in a comment, are read", () =>
    Effect.gen(function*() {
      const { config, directory, fs } = yield* home
      const text = "[profile dev]\n# J\u00f6rg\nregion = eu-west-1\n"
      for (const bytes of [Buffer.from(`\ufeff${text}`), Buffer.from(text, "latin1")]) {
        yield* fs.writeFile(config, bytes)
        const profile = yield* inEnvironment({ HOME: directory })(SharedConfig.profile("dev"))
        assert.strictEqual(profile.values.get("region")?.value, "eu-west-1")
      }
    }).pipe(Effect.provide(nodeContext)))

  it.scopedLive("that cannot be read or written are FileErrors", () =>
    Effect.gen(function*() {
      const { credentials, directory, fs } = yield* home
      const shared = yield* SharedConfig.SharedConfig.pipe(
        Effect.provide(SharedConfig.layer({ configFile: directory, credentialsFile: credentials }))
      )
      const error = yield* Effect.flip(shared.read)
      assert.deepInclude({ ...error }, { _tag: "FileError", path: directory, operation: "read" })
      const writing = yield* Effect.flip(shared.set({ profile: "a" }, { k: "v" }))
      assert.deepInclude({ ...writing }, { _tag: "FileError", path: directory, operation: "write" })
      assert.isTrue(yield* fs.exists(directory))
    }).pipe(Effect.provide(nodeContext)))
})
