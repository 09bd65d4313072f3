import { Effect, Either, Redacted } from "effect"
import type { IdentityError, SharedConfig } from "effect-aws-identity"
import { rules } from "../src/internal/ini.js"

/**
 * Renders config files for tables, one line for each section: `profile a @1 k=v@2` is a profile whose header is in line 1
 * and whose key in line 2. A line of the credentials file has a `c` before its number.
 */
export const rendered = (files: SharedConfig.ConfigFiles): ReadonlyArray<string> => [
  ...files.profiles.map((name) => section("profile", name, files.profile(name))),
  ...files.sessions.map((name) =>
    Either.match(Effect.runSync(Effect.either(files.session(name))), {
      onLeft: (error) => `session ${name} ${failure(error)}`,
      onRight: ({ region, registrationScopes, startUrl }) =>
        [`session ${name}`, startUrl, region, ...registrationScopes].join(" ")
    })
  ),
  // In the tables, the service is called srv.
  ...[section("services", "srv", files.services("srv"))].filter((line) => !line.endsWith("fails @1:1 services")),
  ...files.diagnostics().map(({ column, file, line, rule, severity }) =>
    `${severity} ${at(file, line)}:${column} ${ruleName(rule)}`
  )
]

const at = (file: string, line: number): string => `${file === "credentials" ? "c" : ""}${line}`

const ruleName = (text: string): string => Object.entries(rules).find(([, rule]) => text.includes(rule))?.[0] ?? text

const failure = (error: IdentityError.SharedConfigError): string =>
  error._tag === "InvalidConfig"
    ? `fails @${at(error.file, error.line)}:${error.column} ${error.key ?? ruleName(error.problem)}`
    : error._tag

const section = (
  kind: string,
  name: string,
  read: Effect.Effect<SharedConfig.Section, IdentityError.SharedConfigError>
): string =>
  Either.match(Effect.runSync(Effect.either(read)), {
    onLeft: (error) => `${kind} ${name} ${failure(error)}`,
    onRight: (section) =>
      [
        `${kind} ${name} @${at(section.file, section.line)}`,
        ...values(section.values),
        ...Array.from(
          section.secrets,
          ([key, { file, line, value }]) => `${key}=${Redacted.value(value)}@${at(file, line)}`
        )
      ].join(" ")
  })

const values = (
  map: ReadonlyMap<string, SharedConfig.ConfigValue>,
  prefix = ""
): ReadonlyArray<string> =>
  Array.from(map).flatMap(([key, { file, line, nested, value }]) => [
    `${prefix}${key}=${JSON.stringify(value).slice(1, -1)}@${at(file, line)}`,
    ...values(nested, `${prefix}${key}.`)
  ])
