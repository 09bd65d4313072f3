import { defineConfig } from "vitest/config"

// Everything is tested from sources: the workspace's `exports` point at src.
const roots = ["packages/aws-identity", "packages/aws-identity-testing", "packages/benchmarks", "examples"]

// These end a test that hangs. They are long, so that no test fails because the machine is loaded.
const timeouts = { testTimeout: 180_000, hookTimeout: 180_000 }

// The tests of real sockets, files and programs run a second time, on the ports of NodeIdentity: see test/ports.ts.
const onNode = [
  ...["configWriting", "containerCredentials", "fileLock", "instanceMetadataCredentials", "processCredentials"],
  ...["processesPaused", "sharedConfig", "specialFiles", "tokenCache", "tokenWrites", "webIdentityToken"],
  ...["webIdentityWire", "wire"]
]

export default defineConfig({
  test: {
    projects: [
      ...roots.map((root) => ({
        test: { name: root.slice(root.indexOf("/") + 1), root, include: ["test/**/*.test.ts"], ...timeouts }
      })),
      {
        test: {
          name: "aws-identity-on-node",
          root: "packages/aws-identity",
          include: onNode.map((name) => `test/${name}.test.ts`),
          env: { IDENTITY_PORTS: "node" },
          ...timeouts
        }
      }
    ]
  }
})
