/**
 * Makes of the compiled library what is published: a few files, and public modules that are lists of what they have in
 * them, for Node takes longer to find and link a module than to run it. Calls without effects are marked, as in
 * Effect's own packages, so that bundlers can leave out what nobody uses.
 */
import { transformAsync } from "@babel/core"
import { build } from "esbuild"
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const dist = join(import.meta.dirname, "../packages/aws-identity/dist")
const compiled = (directory) => readdirSync(directory).filter((name) => /\.js(?:\.map)?$/.test(name))

// The barrel stays as it is: a list of modules.
const names = compiled(dist).filter((name) => name.endsWith(".js") && name !== "index.js")
const { metafile } = await build({
  entryPoints: names.map((name) => join(dist, name)),
  absWorkingDir: dist,
  outdir: dist,
  format: "esm",
  write: false,
  metafile: true
})
// What a program needs that gets credentials as most do, what only programs on Node or on a platform need, and the rest.
const libraryOf = (name) =>
  /^(?:Credentials|Files|IdentityError|Programs|Region|SharedConfig|Sso|Transport)/.test(name)
    ? "sso"
    : /^(?:PlatformPorts|SignedHttpClient)/.test(name)
    ? "platform"
    : name.startsWith("NodePorts")
    ? "ports"
    : name.startsWith("NodeIdentity")
    ? "node"
    : "others"
const modules = names.map((name) => ({
  name,
  library: libraryOf(name),
  exports: metafile.outputs[name].exports.toSorted()
}))

/** The libraries have every export under a name of its own. */
const unique = (module, name) => `${module.slice(0, -".js".length)}_${name}`
const list = (names, from) => names.length === 0 ? "export {}\n" : `export { ${names.join(", ")} } from "${from}"\n`

const libraries = {
  name: "libraries",
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /^(?:sso|platform|ports|node|others)$/ }, ({ path }) => ({ path, namespace: "library" }))
    onLoad({ filter: /^/, namespace: "library" }, ({ path: library }) => ({
      contents: modules.filter((module) => module.library === library)
        .map(({ exports, name }) => list(exports.map((each) => `${each} as ${unique(name, each)}`), `./${name}`))
        .join(""),
      resolveDir: dist
    }))
    onLoad({ filter: /\.js$/ }, async ({ path }) => {
      const { code } = await transformAsync(readFileSync(path, "utf8"), {
        filename: path,
        babelrc: false,
        configFile: false,
        inputSourceMap: JSON.parse(readFileSync(`${path}.map`, "utf8")),
        plugins: ["annotate-pure-calls"],
        // Users read the comments in the declarations.
        shouldPrintComment: (comment) => comment.includes("__PURE__"),
        sourceMaps: "inline"
      })
      return { contents: code }
    })
  }
}

const { outputFiles } = await build({
  entryPoints: ["sso", "platform", "ports", "node", "others"],
  plugins: [libraries],
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  packages: "external",
  // Resolved where the program runs or is bundled, by the conditions of its runtime.
  external: ["#hashes", "node:*"],
  sourcemap: true,
  sourcesContent: false,
  outdir: join(dist, "internal"),
  chunkNames: "shared-[hash]",
  write: false,
  logLevel: "error"
})

// The compiler would take what is here from now on for its own, and renew some of it only.
rmSync(join(dist, ".tsbuildinfo"))
for (const name of compiled(join(dist, "internal"))) {
  if (!name.startsWith("hashes.")) rmSync(join(dist, "internal", name))
}
for (const { contents, path } of outputFiles) writeFileSync(path, contents)
for (const { exports, library, name } of modules) {
  rmSync(join(dist, `${name}.map`))
  writeFileSync(
    join(dist, name),
    list(exports.map((each) => `${unique(name, each)} as ${each}`), `./internal/${library}.js`)
  )
}
