/**
 * A role for a pod on Kubernetes (EKS roles for service accounts, or any projected token), for as long as it runs.
 *
 *   npx tsx examples/eks.ts          on a cluster and an STS embedded in this program
 *
 *   npx tsx examples/eks.ts --aws    in a pod with a service account that has a role
 */
import { FileSystem, HttpServer, Path } from "@effect/platform"
import { NodeContext, NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { ConfigProvider, Console, Effect, Layer } from "effect"
import { CredentialsProvider, Sts, WebIdentityCredentials } from "effect-aws-identity"
import { Emulator, IdentityCenter, OpenIdProvider } from "effect-aws-identity-testing"
import * as NodePorts from "effect-aws-identity/NodePorts"
import { createServer } from "node:http"
import { parseArgs } from "node:util"

// ---------------------------------------------------------------------------------------------------------------
// The application.
// ---------------------------------------------------------------------------------------------------------------

const application = Effect.gen(function*() {
  const sts = yield* Sts.Sts
  const { arn } = yield* sts.getCallerIdentity({ credentials: yield* CredentialsProvider.get })
  yield* Console.log(`You are ${arn}`)
}).pipe(
  Effect.catchTags({
    CredentialsUnavailable: ({ message }) => Console.error(`The pod has no good token. ${message}`),
    AccessDeniedException: ({ message }) => Console.error(`The role does not trust the pod. ${message}`)
  })
)

/** EKS sets `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`. The file is read for each exchange. */
const aws = WebIdentityCredentials.layerConfig().pipe(
  Layer.provideMerge(Sts.layerEnvironment()),
  Layer.provide(NodePorts.layer())
)

// ---------------------------------------------------------------------------------------------------------------
// Here we are the kubelet: each token gets a directory of its own, and one link leads to the newest.
// ---------------------------------------------------------------------------------------------------------------

const roleArn = "arn:aws:iam::111122223333:role/pod"
const sub = "system:serviceaccount:default:app"

const onOurOwn = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { address } = yield* HttpServer.HttpServer
  const cluster = yield* OpenIdProvider.make({ issuer: `${HttpServer.formatAddress(address)}/cluster` })
  const center = yield* IdentityCenter.make({
    openIdProviders: [{ provider: cluster, clientIds: ["sts.amazonaws.com"] }],
    roles: [{ arn: roleArn, trusts: [{ issuer: cluster.issuer, StringEquals: { sub } }] }]
  })
  const url = yield* Effect.provideService(Emulator.serve, IdentityCenter.IdentityCenter, center)
  const volume = yield* fs.makeTempDirectoryScoped({ prefix: "serviceaccount-" })

  const project = (name: string) =>
    Effect.gen(function*() {
      yield* fs.makeDirectory(path.join(volume, name))
      yield* fs.writeFileString(path.join(volume, name, "token"), yield* cluster.issue({ claims: { sub } }))
      yield* fs.symlink(name, path.join(volume, "..data_tmp"))
      yield* fs.rename(path.join(volume, "..data_tmp"), path.join(volume, "..data"))
    })
  yield* project("..1")
  yield* fs.symlink(path.join("..data", "token"), path.join(volume, "token"))

  const environment = ConfigProvider.fromMap(
    new Map([
      ["AWS_WEB_IDENTITY_TOKEN_FILE", path.join(volume, "token")],
      ["AWS_ROLE_ARN", roleArn],
      ["AWS_ROLE_SESSION_NAME", "app-7d4b9c"],
      ["AWS_REGION", "eu-central-1"],
      ["AWS_ENDPOINT_URL_STS", url],
      ["HOME", volume]
    ])
  )
  yield* Effect.gen(function*() {
    yield* application
    yield* project("..2")
    yield* fs.remove(path.join(volume, "..1"), { recursive: true })
    yield* Console.log("The kubelet has put another token there, and the old credentials are rejected:")
    const provider = yield* CredentialsProvider.CredentialsProvider
    yield* provider.invalidate(yield* provider.get)
    yield* application
    yield* Console.log(`Asked of STS: ${(yield* center.calls).join(", ")}`)
  }).pipe(Effect.provide(aws), Effect.withConfigProvider(environment))
}).pipe(
  Effect.scoped,
  Effect.provide([
    NodeContext.layer,
    NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })
  ])
)

const { aws: isAws } = parseArgs({ options: { aws: { type: "boolean" } } }).values

const main: Effect.Effect<void, unknown> = isAws === true ? Effect.provide(application, aws) : onOurOwn

NodeRuntime.runMain(main)
