import { assert, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import ts from "typescript"

// Every `ts` block of our Markdown compiles, as an example would. A block that does not begin with imports goes on
// where the one before ended.

const workspace = fileURLToPath(new URL("../..", import.meta.url))

const pages = [
  "README.md",
  ...["packages/aws-identity/", "packages/aws-identity-testing/"].flatMap((directory) =>
    readdirSync(workspace + directory)
      .filter((file) => file.endsWith(".md") && file !== "CHANGELOG.md")
      .map((file) => directory + file)
  )
]

const block = /^```ts\n([^]*?)^```$/gm

/** The page's programs, each with its code on the lines where the page has it, so that an error names the right one. */
const programsOf = (page: string): ReadonlyArray<string> => {
  const markdown = readFileSync(workspace + page, "utf8")
  const programs: Array<string> = []
  for (const { 0: fenced, 1: code = "", index } of markdown.matchAll(block)) {
    const line = markdown.slice(0, index).split("\n").length
    const last = code.startsWith("import ") ? "" : programs.pop() ?? ""
    programs.push(last.padEnd(last.length + line - last.split("\n").length + 1, "\n") + fenced.slice(6, -3))
  }
  assert.isNotEmpty(programs, page)
  return programs
}

// Where an example would stand, to see the packages that examples see.
const sources = new Map(
  pages.flatMap((page) =>
    programsOf(page).map((text, index) => [`${workspace}examples/${page.replaceAll("/", ":")}:${index}.ts`, text])
  )
)

it("every page has code, and all of it compiles", { timeout: 120_000 }, () => {
  const config = ts.readConfigFile(`${workspace}examples/tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, `${workspace}examples`)
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile } = host
  host.fileExists = (file) => sources.has(file) || fileExists(file)
  host.readFile = (file) => sources.get(file) ?? readFile(file)
  const program = ts.createProgram([...sources.keys()], options, host)
  const errors = [...sources.keys()].flatMap((name) => {
    const file = program.getSourceFile(name)
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
  })
  assert.strictEqual(ts.formatDiagnostics(errors, host), "")
})
