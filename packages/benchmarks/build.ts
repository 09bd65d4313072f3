/** What is measured is what is published: our built files, and bundles of them. */
import { build, type BuildOptions, type Metafile } from "esbuild"
import { readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { gzipSync } from "node:zlib"

export const root = import.meta.dirname
export const programs = join(root, "programs")
const library = join(root, "../aws-identity")

/** Of Node: what the built files import by a name is built too. */
export const conditions = ["--conditions=built"]

/** The workspace's own `exports` lead to the sources; users get `dist`. */
const published = (external: boolean): NonNullable<BuildOptions["plugins"]>[number] => ({
  name: "published",
  setup: ({ onResolve }) => {
    onResolve({ filter: /^effect-aws-identity(\/|$)/ }, ({ path }) => ({
      path: join(library, "dist", `${path.slice("effect-aws-identity/".length) || "index"}.js`),
      external,
      sideEffects: false
    }))
  }
})

const common = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  // As AWS recommends for bundles of its SDK.
  mainFields: ["module", "main"],
  logLevel: "error"
} satisfies BuildOptions

/** As JavaScript, with every package left where it is installed. */
export const compile = (entryPoints: ReadonlyArray<string>, outdir: string): Promise<unknown> =>
  build({ ...common, entryPoints: [...entryPoints], outdir, packages: "external", plugins: [published(true)] })

/** A program as one minified file. */
export interface Bundle {
  readonly file: string
  readonly metafile: Metafile
  readonly bytes: number
  readonly gzipped: number
  /** What of the gzipped bytes is ours, by its share of the minified ones. */
  readonly ownGzipped: number
}

/** Inputs are named by their path from here. */
export const isOwn = (input: string): boolean => input.startsWith("../aws-identity/")

/** `from` tells whether our part is what has been built, or the sources. */
export const bundle = async (program: string, outdir: string, from: "dist" | "src"): Promise<Bundle> => {
  const file = join(outdir, `${basename(program, ".ts")}.mjs`)
  const { metafile } = await build({
    ...common,
    absWorkingDir: root,
    entryPoints: [program],
    outfile: file,
    minify: true,
    metafile: true,
    legalComments: "none",
    // For CommonJS packages inside.
    banner: {
      js: "import{createRequire as bundleRequire}from\"node:module\";const require=bundleRequire(import.meta.url);"
    },
    plugins: from === "dist" ? [published(false)] : [],
    conditions: from === "dist" ? ["built", "module"] : ["module"]
  })
  const text = readFileSync(file)
  const gzipped = gzipSync(text, { level: 9 }).length
  const [output] = Object.values(metafile.outputs)
  const own = Object.entries(output?.inputs ?? {}).reduce(
    (sum, [input, { bytesInOutput }]) => sum + (isOwn(input) ? bytesInOutput : 0),
    0
  )
  return { file, metafile, bytes: text.length, gzipped, ownGzipped: Math.round(gzipped * own / text.length) }
}

/** The files that Node loads before the program's first line runs. */
export const loadedAtStart = ({ inputs, outputs }: Metafile): ReadonlyArray<string> => {
  const entry = Object.values(outputs).map(({ entryPoint }) => entryPoint).find((path) => path !== undefined)
  const seen = new Set<string>()
  const visit = (path: string): void => {
    const input = inputs[path]
    if (input === undefined || seen.has(path)) return
    seen.add(path)
    for (const { external, kind, path: imported } of input.imports) {
      if (external !== true && kind !== "dynamic-import") visit(imported)
    }
  }
  if (entry !== undefined) visit(entry)
  return [...seen]
}
