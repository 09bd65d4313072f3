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
        // A test that waits for real time is wrong; these bound the ones on sockets and other people's clients.
        testTimeout: 20_000,
        hookTimeout: 20_000
      }
    }))
  }
})
