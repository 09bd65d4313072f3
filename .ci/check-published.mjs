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
for (const name of readdirSync(dist).filter((name) => name.endsWith(".js") && name !== "index.js")) {
  const module = await import(join(dist, name))
  const same = barrel[name.slice(0, -".js".length)]
  assert.deepStrictEqual(Object.keys(module), Object.keys(same), name)
  for (const key of Object.keys(module)) assert.strictEqual(module[key], same[key], `${name}: ${key}`)
}

for (const name of ["sso.js", "shared.js"]) {
  assert(
    !readFileSync(join(dist, "internal", name), "utf8").includes("/others.js"),
    `${name} loads what SSO has no use for`
  )
}

// Both sides of `#hashes` are there.
const { imports } = JSON.parse(readFileSync(join(dist, "../package.json"), "utf8"))
for (const path of Object.values(imports["#hashes"])) {
  const { sha1Hex } = await import(join(dist, "..", path))
  assert.strictEqual(sha1Hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d", path)
}
