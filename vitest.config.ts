import { defineConfig } from "vitest/config"

// Everything is tested from sources: the workspace's `exports` point at src.
const roots = ["packages/aws-identity", "packages/aws-identity-testing", "packages/benchmarks", "examples"]

export default defineConfig({
  test: {
    projects: roots.map((root) => ({
      test: {
        name: root.slice(root.indexOf("/") + 1),
        root,
        include: ["test/**/*.test.ts"],
        // These end a test that hangs. They are long, so that no test fails because the machine is loaded.
        testTimeout: 180_000,
        hookTimeout: 180_000
      }
    }))
  }
})
