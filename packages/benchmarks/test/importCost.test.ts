/**
 * What a program pays that gets SSO credentials and no more: bytes of a bundle, and modules, as they are in the sources.
 * Of these, what is published makes fewer files, and marks more of it for bundlers to leave out.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type Bundle, bundle, isOwn, loadedAtStart, programs, root } from "../build.js"

const outdir = mkdtempSync(join(tmpdir(), "import-cost-"))
afterAll(() => rmSync(outdir, { recursive: true }))

let ours: Bundle
let v3: Bundle
let loaded: ReadonlyArray<string>
beforeAll(async () => {
  ours = await bundle(join(programs, "ours.ts"), outdir, "src")
  v3 = await bundle(join(programs, "v3.ts"), outdir, "src")
  loaded = loadedAtStart(ours.metafile)
})

const loadedOf = (pattern: RegExp) => loaded.filter((path) => pattern.test(path))

// The bounds are what it costs now and a little more: they go down with it, to the budgets of `bundleSize.ts`.
describe("the minimal SSO program", () => {
  it("has few bytes of ours", () => {
    assert.isAbove(ours.ownGzipped, 0)
    assert.isAtMost(ours.ownGzipped, 43_500)
  })

  it("is not much larger than that of AWS SDK v3", () => {
    assert.isAtMost(ours.gzipped / v3.gzipped, 1.8)
  })

  it("loads few modules", () => {
    assert.include(loaded.join("\n"), "src/Sso.ts")
    assert.isAtMost(loaded.filter(isOwn).length, 80)
    assert.isAtMost(loadedOf(/node_modules\/(?:effect|@effect\/[^/]+)\/dist\//).length, 300)
  })

  it("loads no barrel", () => {
    assert.deepStrictEqual(
      loadedOf(/node_modules\/(?:effect|@effect\/[^/]+)\/dist\/esm\/index\.js$|aws-identity\/src\/index\.ts$/),
      []
    )
  })

  it("loads nothing that only others need", () => {
    assert.deepStrictEqual(
      loadedOf(
        /fast-xml-parser|src\/(?:Sts|SigV4|AwsSdk|SsoLogin|WebIdentity|AssumeRole|Container|InstanceMetadata|Process|Profile|Default|Environment)[^/]*\.ts$/
      ),
      []
    )
  })
})

describe("the README's first program", () => {
  it("is the one that is measured", () => {
    const [, listing] = /```ts\n([^]*?)```/.exec(readFileSync(join(root, "../../README.md"), "utf8")) ?? []
    assert.strictEqual(listing, readFileSync(join(programs, "oursReadme.ts"), "utf8"))
  })
})
