/**
 * Sign in, become a role, list what else you may become, and stay signed in.
 *
 *   npm start                             on an Identity Center embedded in this program; nothing is left behind
 *   npm start -- --profile NAME           on your own AWS files and the real endpoints
 *   npm start -- --profile NAME --login   the same, signing you in first
 */
import { FileSystem, Path } from "@effect/platform"
import { NodeContext, NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Cause, ConfigProvider, Console, DateTime, Effect, Either, Exit, Option, Stream } from "effect"
import {
  AwsIdentity,
  type Credentials,
  CredentialsProvider,
  SharedConfig,
  SsoLogin,
  SsoRoles,
  SsoTokenCache
} from "effect-aws-identity"
import { Emulator, IdentityCenter } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { createServer } from "node:http"
import { parseArgs } from "node:util"

// ---------------------------------------------------------------------------------------------------------------
// What an application does. Nothing here knows whether the Identity Center is real.
// ---------------------------------------------------------------------------------------------------------------

const heading = (text: string) => Console.log(`\n${text}`)
const line = (text: string) => Console.log(`   ${text}`)

const login = Effect.gen(function*() {
  const cache = yield* SsoTokenCache.SsoTokenCache
  const session = yield* SharedConfig.sessionOfProfile()
  yield* heading(`Signing in to ${session.startUrl}`)
  const token = yield* SsoLogin.device(session, {
    onPrompt: (prompt) =>
      Effect.all([
        line(`Open     ${Option.getOrElse(prompt.verificationUriComplete, () => prompt.verificationUri)}`),
        line(`Code     ${prompt.userCode}   (approve it only if the page shows this very code)`),
        line(`Waiting  for your approval until ${DateTime.formatIso(prompt.expiresAt)} ...`)
      ])
  })
  yield* line(`Done     signed in until ${DateTime.formatIso(token.expiresAt)}; every AWS tool can use the token in`)
  yield* line(`         ${cache.location(session.cacheKey)}`)
})

const show = (credentials: Credentials.Credentials) =>
  Effect.all([
    line(`account        ${Option.getOrElse(credentials.accountId, () => "unknown")}`),
    line(`access key     ${credentials.accessKeyId}`),
    line(`secret key     ${credentials.secretAccessKey}`),
    line(`session token  ${Option.getOrElse(credentials.sessionToken, () => "none")}`),
    line(
      `expire         ${Option.match(credentials.expiration, { onNone: () => "never", onSome: DateTime.formatIso })}`
    )
  ])

const listRoles = Effect.gen(function*() {
  const session = yield* SharedConfig.sessionOfProfile()
  yield* heading("What you may become")
  yield* SsoRoles.stream(session).pipe(
    Stream.runForEach(({ accountId, accountName, roleName }) =>
      line(`${accountId}  ${Option.getOrElse(accountName, () => "")}: ${roleName}`)
    )
  )
})

const become = Effect.gen(function*() {
  const profile = yield* SharedConfig.profile()
  const credentials = yield* CredentialsProvider.get
  yield* heading(`You are role ${profile.values.get("sso_role_name")?.value} (profile "${profile.name}")`)
  yield* show(credentials)
  return credentials
})

// ---------------------------------------------------------------------------------------------------------------
// On the user's own files.
// ---------------------------------------------------------------------------------------------------------------

const onYourFiles = (profile: string, logsIn: boolean) =>
  Effect.gen(function*() {
    const provider = yield* CredentialsProvider.CredentialsProvider
    if (logsIn) yield* login
    const credentials = yield* become
    yield* listRoles
    yield* heading("As if AWS had rejected them: the next ones")
    yield* provider.invalidate(credentials)
    yield* show(yield* provider.get)
  }).pipe(
    Effect.tapErrorTag("SsoLoginRequired", () => Console.error("Or add --login to sign in right here.")),
    Effect.provide(AwsIdentity.layer({ profile }))
  )

// ---------------------------------------------------------------------------------------------------------------
// On an Identity Center of our own, on a loopback port, with a throw-away home.
// ---------------------------------------------------------------------------------------------------------------

const configText = `[profile demo]
sso_session = demo
sso_account_id = 111122223333
sso_role_name = Developer
region = eu-central-1

[sso-session demo]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-central-1
sso_registration_scopes = sso:account:access
`

/** The person at the browser. */
const approveSoon = Effect.gen(function*() {
  const center = yield* IdentityCenter.IdentityCenter
  yield* Effect.sleep("1500 millis")
  yield* Effect.forEach(yield* center.pending, center.approve)
}).pipe(Effect.forever, Effect.forkScoped)

const watchRefresh = (first: Credentials.Credentials) =>
  Effect.gen(function*() {
    const center = yield* IdentityCenter.IdentityCenter
    yield* heading("Half of their life later, no caller has to wait")
    yield* Effect.sleep("2500 millis")
    const callsBefore = (yield* center.calls).length
    const second = yield* CredentialsProvider.get
    yield* line(`get gives      ${second.accessKeyId} again, at once, and refreshes it in the background:`)
    yield* Effect.sleep("400 millis")
    for (const call of (yield* center.calls).slice(callsBefore)) {
      yield* line(
        `  ${call}${
          call === "createToken" ? "  (the SSO token was about to expire: refreshed with its refresh token)" : ""
        }`
      )
    }
    const third = yield* CredentialsProvider.get
    yield* line(`get gives      ${third.accessKeyId} from now on`)
    if (second.accessKeyId !== first.accessKeyId || third.accessKeyId === first.accessKeyId) {
      return yield* Effect.dieMessage("The credentials were not refreshed in the background")
    }
  })

const server = NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })

const onOurOwn = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const url = yield* Emulator.serve
  const home = yield* fs.makeTempDirectoryScoped({ prefix: "aws-home-" })
  const configFile = path.join(home, ".aws", "config")
  yield* fs.makeDirectory(path.dirname(configFile))
  yield* fs.writeFileString(configFile, configText)
  yield* heading(`An Identity Center listens on ${url}, and ${configFile} says:`)
  yield* Effect.forEach(configText.trimEnd().split("\n"), line)

  const environment = ConfigProvider.fromMap(
    new Map([["HOME", home], ["AWS_ENDPOINT_URL_SSO", url], ["AWS_ENDPOINT_URL_SSO_OIDC", url]])
  )
  yield* Effect.gen(function*() {
    yield* approveSoon
    yield* login
    const credentials = yield* become
    yield* watchRefresh(credentials)
    yield* listRoles
  }).pipe(
    Effect.provide(AwsIdentity.layer({ profile: "demo" })),
    Effect.withConfigProvider(environment)
  )
  yield* heading("All of it typed Effects; your tests swap the layer. Bye.")
}).pipe(
  Effect.scoped,
  Effect.provide([
    server,
    IdentityCenter.layer({ interval: "1 second", credentialsLifetime: "4 seconds", accessTokenLifetime: "302 seconds" })
  ])
)

// ---------------------------------------------------------------------------------------------------------------

const usage = `Usage: npm start
       npm start -- --profile NAME [--login]`

const run = <E extends { readonly message: string }>(
  program: Effect.Effect<void, E, NodeContext.NodeContext | NodeIdentity.Ports>
) =>
  program.pipe(
    Effect.catchAll((error) => Effect.zipRight(Console.error(`\n${error.message}`), Effect.fail(error))),
    Effect.tapDefect((cause) => Console.error(Cause.pretty(cause))),
    Effect.provide([NodeContext.layer, NodeIdentity.layerPorts()]),
    NodeRuntime.runMain({
      disableErrorReporting: true,
      // As shells expect it: 130 when interrupted.
      teardown: (exit, onExit) =>
        onExit(Exit.match(exit, {
          onSuccess: () => 0,
          onFailure: (cause) => Cause.isInterruptedOnly(cause) ? 130 : 1
        }))
    })
  )

// A closed terminal or pipe ends the program as Ctrl-C does: the throw-away home goes with it.
process.once("SIGHUP", () => process.kill(process.pid, "SIGTERM"))
process.stdout.once("error", () => process.kill(process.pid, "SIGTERM"))

const arguments_ = Either.try({
  try: () => parseArgs({ options: { profile: { type: "string" }, login: { type: "boolean" } } }).values,
  catch: (error) => error instanceof Error ? error.message : usage
}).pipe(
  Either.filterOrLeft(
    ({ login, profile }) => profile !== undefined || login === undefined,
    () => "--login goes with --profile"
  )
)

Either.match(arguments_, {
  onLeft: (problem) => {
    console.error(`${problem}\n${usage}`)
    process.exitCode = 2
  },
  onRight: ({ login, profile }) => profile === undefined ? run(onOurOwn) : run(onYourFiles(profile, login === true))
})
