import { FetchHttpClient, HttpClient, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Redacted } from "effect"
import {
  ContainerCredentials,
  Files,
  Region,
  Sso,
  SsoOidc,
  Sts,
  type Transport,
  WebIdentityToken
} from "effect-aws-identity"
import { observed } from "./observed.js"
import { fetchHttp, overClient } from "./ports.js"

// An HttpClient of the application's own that sends requests to another server, which must not receive a secret.

const region = Region.make("eu-west-1")
const marked = "MARKED-SECRET-0123456789"
const secret = Redacted.make(marked)
const elsewhere = "https://api.example.com"

const calls: Readonly<Record<string, Effect.Effect<unknown, Error, Transport.Transport>>> = {
  "Sso.listAccounts": Effect.flatMap(Sso.make(), (sso) => sso.listAccounts({ region, accessToken: secret })),
  "SsoOidc.createToken": Effect.flatMap(
    SsoOidc.make(),
    (oidc) =>
      oidc.createToken({
        region,
        clientId: "c",
        clientSecret: secret,
        grantType: "refresh_token",
        refreshToken: secret
      })
  ),
  "Sts.assumeRoleWithWebIdentity": Effect.flatMap(Sts.make(), (sts) =>
    sts.assumeRoleWithWebIdentity({
      region,
      roleArn: "arn:aws:iam::111122223333:role/r",
      roleSessionName: "session",
      webIdentityToken: secret
    })),
  "ContainerCredentials.resolve": Effect.provide(ContainerCredentials.resolve(), Files.layerMemory()),
  "WebIdentityToken.githubActions": WebIdentityToken.githubActions()
}

const environment = ConfigProvider.fromMap(
  new Map([
    ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/credentials"],
    ["AWS_CONTAINER_AUTHORIZATION_TOKEN", marked],
    ["ACTIONS_ID_TOKEN_REQUEST_URL", "https://actions.example/token"],
    ["ACTIONS_ID_TOKEN_REQUEST_TOKEN", marked]
  ])
)

/** A client that records where requests arrive. */
const recording = (status = 200) => {
  const arrived: Array<string> = []
  const client = HttpClient.make((request, url) =>
    Effect.sync(() => {
      arrived.push(url.origin)
      const headers = { location: `${elsewhere}/stolen` }
      return HttpClientResponse.fromWeb(request, new Response("{}", { status, headers }))
    })
  )
  return { arrived, client }
}

const changes: Readonly<Record<string, (client: HttpClient.HttpClient) => HttpClient.HttpClient>> = {
  "a base URL": HttpClient.mapRequest((request) =>
    HttpClientRequest.setUrl(request, `${elsewhere}${new URL(request.url).pathname}`)
  ),
  "a prepended URL": HttpClient.mapRequest(HttpClientRequest.prependUrl(`${elsewhere}/proxy?url=`)),
  "an effect that changes the URL": HttpClient.mapRequestEffect((request) =>
    Effect.succeed(HttpClientRequest.setUrl(request, elsewhere))
  ),
  "another path": HttpClient.mapRequest((request) =>
    HttpClientRequest.setUrl(request, `${new URL(request.url).origin}/v1${new URL(request.url).pathname}`)
  ),
  "a transform that makes another request": (client) =>
    HttpClient.transform(client, () => client.get(elsewhere, { headers: { authorization: marked } })),
  "a base URL and retries": (client) =>
    client.pipe(
      HttpClient.mapRequest(HttpClientRequest.setUrl(elsewhere)),
      HttpClient.retryTransient({ times: 2 })
    )
}

describe("an HttpClient that changes the URL of requests", () => {
  for (const [name, call] of Object.entries(calls)) {
    for (const [what, change] of Object.entries(changes)) {
      it.effect(`${name} sends nothing through a client with ${what}`, () =>
        Effect.gen(function*() {
          for (const isTraced of [true, false]) {
            const { arrived, client } = recording()
            const { exit, seen } = yield* observed(
              call.pipe(
                Effect.provide(overClient(change(client))),
                Effect.withTracerEnabled(isTraced),
                Effect.withConfigProvider(environment)
              )
            )
            const error = yield* Effect.flip(exit)
            assert.deepStrictEqual(arrived, [])
            assert.match(error.message, /the HttpClient would send the request to .* prependUrl/)
            assert.match(error.message, /nothing was sent/i)
            assert.notInclude(seen, marked)
          }
        }))
    }

    it.effect(`${name} follows no redirect through a client with followRedirects`, () =>
      Effect.gen(function*() {
        const { arrived, client } = recording(307)
        const { exit, seen } = yield* observed(
          call.pipe(
            Effect.provide(overClient(HttpClient.followRedirects(client))),
            Effect.withConfigProvider(environment)
          )
        )
        const error = yield* Effect.flip(exit)
        assert.lengthOf(arrived, 1)
        assert.notInclude(arrived, elsewhere)
        assert.include(error.message, "a redirect, which is not followed")
        assert.notInclude(seen, marked)
      }))

    it.effect(`${name} takes no answer from elsewhere of a client that does not say where it sends`, () =>
      Effect.gen(function*() {
        const client = HttpClient.makeWith<never, never, never, never>(
          (request) =>
            Effect.map(request, (request) =>
              HttpClientResponse.fromWeb(
                HttpClientRequest.setUrl(request, elsewhere),
                new Response(JSON.stringify({ accountList: [], value: marked }))
              )),
          Effect.succeed
        )
        const { exit, seen } = yield* observed(
          call.pipe(
            Effect.provide(overClient(client)),
            Effect.withConfigProvider(environment)
          )
        )
        const error = yield* Effect.flip(exit)
        assert.include(error.message, `the HttpClient sent the request to ${elsewhere}`)
        assert.notInclude(seen, marked)
      }))
  }

  it.effect("may add headers, query parameters and retries, and record no spans", () =>
    Effect.gen(function*() {
      const { arrived, client } = recording()
      const sso = yield* Sso.make().pipe(
        Effect.provide(overClient(
          client.pipe(
            HttpClient.mapRequest(HttpClientRequest.setHeader("x-corp", "1")),
            HttpClient.mapRequest(HttpClientRequest.setUrlParam("trace", "1")),
            HttpClient.retryTransient({ times: 1 })
          )
        ))
      )
      yield* sso.listAccounts({ region, accessToken: secret })
      yield* Effect.withTracerEnabled(sso.listAccounts({ region, accessToken: secret }), false)
      assert.lengthOf(arrived, 2)
    }))

  it.effect("is noticed over fetch too", () =>
    Effect.gen(function*() {
      let fetched = 0
      const http = (yield* HttpClient.HttpClient).pipe(HttpClient.mapRequest(HttpClientRequest.setUrl(elsewhere)))
      const other = yield* Effect.provide(Sso.make(), overClient(http))
      const error = yield* Effect.flip(
        Effect.provideService(
          other.listAccounts({ region, accessToken: secret }),
          FetchHttpClient.Fetch,
          () => {
            fetched++
            return Promise.resolve(new Response("{}"))
          }
        )
      )
      assert.strictEqual(error._tag, "InvalidInput")
      assert.strictEqual(fetched, 0)
    }).pipe(Effect.provide(fetchHttp)))
})
