/** The least that gives the right answer on the layers of Effect's platform that ours needs: what we cannot go below. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import { readSection } from "./section.js"

const Token = Schema.parseJson(Schema.Struct({ accessToken: Schema.String }))
const Answer = Schema.parseJson(Schema.Struct({ roleCredentials: Schema.Struct({ accessKeyId: Schema.String }) }))

const program = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const { AWS_ENDPOINT_URL_SSO, AWS_PROFILE, HOME } = process.env
  const config = yield* files.readFileString(`${HOME}/.aws/config`)
  const profile = readSection(`profile ${AWS_PROFILE}`, config)
  const session = profile.get("sso_session") ?? ""
  const cacheFile = createHash("sha1").update(session).digest("hex")
  const { accessToken } = yield* Schema.decode(Token)(
    yield* files.readFileString(`${HOME}/.aws/sso/cache/${cacheFile}.json`)
  )
  const response = yield* HttpClient.execute(
    HttpClientRequest.get(`${AWS_ENDPOINT_URL_SSO}/federation/credentials`, {
      urlParams: { account_id: profile.get("sso_account_id"), role_name: profile.get("sso_role_name") },
      headers: { "x-amz-sso_bearer_token": accessToken }
    })
  )
  return (yield* Schema.decode(Answer)(yield* response.text)).roleCredentials.accessKeyId
})

const http = Layer.provide(NodeHttpClient.layerWithoutAgent, NodeHttpClient.makeAgentLayer({ keepAlive: true }))

Effect.runPromise(Effect.provide(program, Layer.merge(NodeFileSystem.layer, http))).then((answer) =>
  console.log(answer)
)
