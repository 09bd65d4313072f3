/** What is published is not what was compiled (see flatten.mjs), so it is looked at once more. */
import assert from "node:assert"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const dist = join(import.meta.dirname, "../packages/aws-identity/dist")
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
