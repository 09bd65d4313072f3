import * as effect from "@effect/eslint-plugin/plugin"
import js from "@eslint/js"
import { builtinModules } from "node:module"
import * as Path from "node:path"
import tseslint from "typescript-eslint"

// The rooms of the library, lowest first: a module may import lower rooms and internal/, never its own or a higher one.
const LEVELS = [
  ["IdentityError", "Region", "AccountId", "Transport", "Files", "Programs"],
  ["Credentials", "SsoSession", "IdentityErrorSchema", "ClientConfig"],
  ["SharedConfig", "SsoTokenCache"],
  ["Sso", "SsoOidc", "Sts"],
  ["CredentialsProvider", "SsoTokenProvider"],
  ["SigV4", "SsoLogin", "SsoRoles", "WebIdentityToken"],
  [
    ...["AllowedAccounts", "AssumeRoleCredentials", "ContainerCredentials", "EnvironmentCredentials"],
    ...["InstanceMetadataCredentials", "ProcessCredentials", "SsoCredentials", "WebIdentityCredentials"]
  ],
  ["ProfileCredentials"],
  ["DefaultCredentials"],
  ["AwsIdentity", "AwsSdk", "NodePorts", "PlatformPorts", "SignedHttpClient"],
  ["NodeIdentity"]
]

const levelOf = (module) => LEVELS.findIndex((modules) => modules.includes(module))

const levels = {
  create: (context) => {
    const directory = Path.dirname(context.filename)
    const isInternal = /[\\/]src[\\/]internal\b/.test(directory)
    const src = isInternal ? directory.replace(/[\\/]internal\b.*$/, "") : directory
    const own = Path.basename(context.filename, ".ts")
    // An internal file serves every level, so it may stand on values only.
    const level = isInternal ? 2 : levelOf(own)
    if (level === -1) {
      return {
        Program: (node) =>
          context.report({ node, message: `${own} has no level: add it to LEVELS in eslint.config.mjs` })
      }
    }
    const check = (node) => {
      const specifier = node.source?.value
      if (typeof specifier !== "string" || !specifier.startsWith(".")) return
      const target = Path.resolve(directory, specifier)
      if (Path.dirname(target) !== src) return
      const name = Path.basename(target, ".js")
      if (name !== "index" && levelOf(name) < level) return
      const may = isInternal ? "internal/ may import values only" : `level ${level} may import lower levels only`
      context.report({
        node,
        message: `${may}: ${name} is ${name === "index" ? "the barrel" : `level ${levelOf(name)}`}`
      })
    }
    return {
      ExportAllDeclaration: check,
      ExportNamedDeclaration: check,
      ImportDeclaration: check,
      ImportExpression: check,
      TSImportType: check
    }
  }
}

const library = "packages/aws-identity/src/**/*.ts"
const testing = "packages/aws-identity-testing/src/**/*.ts"
const barrels = ["effect", "@effect/platform", "@effect/platform-node", "effect-aws-identity"]

// The rule's options replace, never merge, so both source trees state all of theirs through this.
const imports = (own, ...patterns) => ({
  "no-restricted-imports": ["error", {
    paths: [
      ...barrels.map((name) => ({ name, message: "Import the module, not the barrel." })),
      ...builtinModules.map((name) => ({ name, message: "Use the ports: Transport, Files, Programs." }))
    ],
    patterns: [
      { regex: "^node:", message: "Use the ports: Transport, Files, Programs." },
      { regex: own, message: "A package imports itself relatively, and nothing that is built on it." },
      ...patterns
    ]
  }]
})

export default tseslint.config(
  { ignores: ["**/dist", "**/docs", "**/.tsbuild"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  tseslint.configs.recommended,
  {
    plugins: { "@effect": effect },
    rules: {
      "@effect/dprint": ["error", {
        config: {
          indentWidth: 2,
          lineWidth: 120,
          operatorPosition: "maintain",
          semiColons: "asi",
          quoteStyle: "alwaysDouble",
          trailingCommas: "never",
          "arrowFunction.useParentheses": "force"
        }
      }],
      "@typescript-eslint/array-type": ["error", { default: "generic", readonly: "generic" }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "object-shorthand": "error",
      // Namespaces of types are Effect's way, generators need not yield, and TypeScript knows what is defined.
      "@typescript-eslint/no-namespace": "off",
      "@typescript-eslint/no-empty-object-type": ["error", { allowInterfaces: "with-single-extends" }],
      "no-undef": "off",
      "require-yield": "off"
    }
  },
  // What the Effect diagnostics forbid in sources, said once more without types.
  {
    files: [library, testing],
    rules: {
      "@effect/no-import-from-barrel-package": ["error", { packageNames: barrels }],
      "no-restricted-globals": ["error", {
        globals: [
          ...["console", "process", "Buffer", "fetch", "XMLHttpRequest", "WebSocket", "crypto", "performance"],
          ...["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "queueMicrotask"]
        ],
        checkGlobalObject: true
      }],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: "Use Clock or DateTime." },
        { object: "Math", property: "random", message: "Use Random." }
      ],
      "no-restricted-syntax": [
        "error",
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: "Use Clock or DateTime." },
        { selector: "CallExpression[callee.name='Date']", message: "Use Clock or DateTime." }
      ]
    }
  },
  {
    files: [library],
    rules: imports("^effect-aws-identity", {
      regex: "^@effect/platform",
      message: "The library stands on its ports. PlatformPorts and SignedHttpClient have what needs the platform."
    })
  },
  {
    files: ["PlatformPorts", "SignedHttpClient", "internal/platform/*"].map((name) =>
      `packages/aws-identity/src/${name}.ts`
    ),
    rules: imports("^effect-aws-identity")
  },
  // Chosen by a condition of package.json: see its `imports`.
  { files: ["packages/aws-identity/src/internal/*.node.ts"], rules: { "no-restricted-imports": "off" } },
  // The ports from Node, and the one module that uses timers.
  {
    files: ["NodeIdentity", "NodePorts", "internal/node/*", "internal/edition"].map((name) =>
      `packages/aws-identity/src/${name}.ts`
    ),
    rules: { "no-restricted-imports": "off", "no-restricted-globals": "off" }
  },
  { files: [testing], rules: imports("^effect-aws-identity-testing") },
  {
    files: [library],
    ignores: ["packages/aws-identity/src/index.ts"],
    plugins: { rooms: { rules: { levels } } },
    rules: { "rooms/levels": "error" }
  }
)
