// Writes each published package's src/index.ts: one namespace per module, under the module's own header comment.
// With --check, writes nothing and fails if one is out of date.
// NodeIdentity and NodePorts need Node, and are imported by their paths only.
// (@effect/build-utils would do it, but refuses a package.json that names no repository.)
import * as Fs from "node:fs"

for (const name of Fs.readdirSync("packages")) {
  const src = `packages/${name}/src`
  if (JSON.parse(Fs.readFileSync(`packages/${name}/package.json`, "utf8")).private) continue
  const modules = Fs.readdirSync(src).filter((file) =>
    file.endsWith(".ts") && file !== "index.ts" && !/^Node(?:Identity|Ports)\.ts$/.test(file)
  ).sort()
  const index = modules.map((file) => {
    const header = /^\/\*\*\n[\s\S]*?\*\/\n/.exec(Fs.readFileSync(`${src}/${file}`, "utf8"))?.[0]
    if (header === undefined) throw new Error(`${src}/${file} must begin with its module's doc comment`)
    const module = file.slice(0, -".ts".length)
    return `${header}export * as ${module} from "./${module}.js"\n`
  }).join("\n")

  const target = `${src}/index.ts`
  if (Fs.existsSync(target) && Fs.readFileSync(target, "utf8") === index) continue
  if (process.argv.includes("--check")) {
    console.error(`${target} is out of date: npm run codegen`)
    process.exitCode = 1
  } else {
    Fs.writeFileSync(target, index)
  }
}
