/**
 * Imports the unpacked package whose directory is given. What is published is not what was compiled (see flatten.mjs)
 * and not what the tests import.
 */
import assert from "node:assert"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const dist = join(process.argv[2], "dist")
const barrel = await import(join(dist, "index.js"))

// A class or a tag that was there twice would not be the same for those who import it in two ways.
// These are not in the barrel.
const notCompared = ["index.js", "NodeIdentity.js", "NodePorts.js"]
for (const name of readdirSync(dist).filter((name) => name.endsWith(".js") && !notCompared.includes(name))) {
  const module = await import(join(dist, name))
  const same = barrel[name.slice(0, -".js".length)]
  assert.deepStrictEqual(Object.keys(module), Object.keys(same), name)
  for (const key of Object.keys(module)) assert.strictEqual(module[key], same[key], `${name}: ${key}`)
}

/** The files that are loaded with a file of `internal`, by its static imports. */
const loadedWith = (name, seen = new Set()) => {
  if (seen.has(name)) return seen
  seen.add(name)
  const text = readFileSync(join(dist, "internal", name), "utf8")
  for (const [, imported] of text.matchAll(/\bfrom\s*"\.\/([^"]+)"|^import\s*"\.\/([^"]+)"/gm)) {
    if (imported !== undefined) loadedWith(imported, seen)
  }
  return seen
}
for (
  const [name, without] of [
    ["sso.js", ["others.js", "platform.js", "node.js", "ports.js"]],
    ["ports.js", ["others.js", "platform.js", "node.js"]],
    ["node.js", ["platform.js"]]
  ]
) {
  for (const other of without) assert(!loadedWith(name).has(other), `${name} loads ${other}, which it has no use for`)
}
assert.deepStrictEqual(
  Object.keys(await import(join(dist, "NodeIdentity.js"))).sort(),
  ["layer", "layerPorts"]
)

// Both sides of `#hashes` are there.
const { imports } = JSON.parse(readFileSync(join(dist, "../package.json"), "utf8"))
for (const path of Object.values(imports["#hashes"])) {
  const { sha1Hex } = await import(join(dist, "..", path))
  assert.strictEqual(sha1Hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d", path)
}
