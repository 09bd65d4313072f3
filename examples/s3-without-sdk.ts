/**
 * An object into S3 and out of it again, without an SDK: an `HttpClient` that signs what it sends.
 *
 *   npx tsx examples/s3-without-sdk.ts                                on a server embedded in this program
 *
 *   AWS_PROFILE=NAME npx tsx examples/s3-without-sdk.ts --bucket https://BUCKET.s3.REGION.amazonaws.com     on yours
 *
 * The region is that of `AWS_REGION`, else that of the profile.
 */
import { HttpBody, HttpClient, HttpServer, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpClient, NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Option } from "effect"
import { SignedHttpClient } from "effect-aws-identity"
import { IdentityCenter, TestIdentity } from "effect-aws-identity-testing"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import { createServer } from "node:http"
import { parseArgs } from "node:util"

// ---------------------------------------------------------------------------------------------------------------
// The application.
// ---------------------------------------------------------------------------------------------------------------

const application = (bucketUrl: string) =>
  Effect.gen(function*() {
    const s3 = (yield* HttpClient.HttpClient).pipe(
      HttpClient.filterStatusOk,
      SignedHttpClient.withSignature({ service: "s3" })
    )
    const url = `${bucketUrl}/reports/today & tomorrow.txt`
    yield* s3.put(url, { body: HttpBody.text("All is well.") })
    const response = yield* s3.get(url)
    yield* Console.log(`S3 has: ${yield* response.text}`)
  }).pipe(
    Effect.scoped,
    Effect.catchTags({
      SsoLoginRequired: ({ command }) => Console.error(`You are not signed in: run "${command}".`),
      ResponseError: ({ response: { status } }) => Console.error(`S3 answered with status ${status}.`)
    })
  )

const onYourBucket = (bucketUrl: string) =>
  application(bucketUrl).pipe(
    Effect.provide([NodeIdentity.layer(), NodeHttpClient.layer])
  )

// ---------------------------------------------------------------------------------------------------------------
// The same on a server of our own, which knows the keys that our Identity Center gave out.
// ---------------------------------------------------------------------------------------------------------------

const serve = Effect.gen(function*() {
  const objects = new Map<string, string>()
  const { sts } = yield* IdentityCenter.IdentityCenter
  yield* HttpServer.serveEffect(Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    const [, accessKeyId = ""] = /Credential=(\w+)\/\d{8}\/\S+\/s3\//.exec(request.headers["authorization"] ?? "") ?? []
    if (Option.isNone(yield* sts.accessKey(accessKeyId))) return HttpServerResponse.empty({ status: 403 })
    yield* Console.log(`   ${request.method} ${request.url}`)
    if (request.method === "PUT") objects.set(request.url, yield* request.text)
    return HttpServerResponse.text(objects.get(request.url) ?? "")
  }))
  const { address } = yield* HttpServer.HttpServer
  return HttpServer.formatAddress(address)
})

const onOurOwn = Effect.gen(function*() {
  yield* application(yield* serve)
}).pipe(
  Effect.scoped,
  Effect.provide([
    TestIdentity.layer(),
    NodeHttpClient.layer,
    NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })
  ])
)

const { bucket } = parseArgs({ options: { bucket: { type: "string" } } }).values

const main: Effect.Effect<void, unknown> = bucket === undefined ? onOurOwn : onYourBucket(bucket)

NodeRuntime.runMain(main)
