import type { Contender, Work } from "./measure.js"
import { atMost, times } from "./report.js"
import type { Scenario } from "./scenarios.js"

const repetitions = 100

const accessKeyId = "ASIAIOSFODNN7EXAMPLE"
const secretAccessKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
const sessionToken = "t".repeat(600)
const region = "eu-central-1"
const host = `oidc.${region}.amazonaws.com`
const path = "/token?aws_iam=t"
const date = new Date("2030-01-02T03:04:05Z")
/** The SDKs sign this header too, as soon as it is there. */
const headers = { "content-type": "application/json" }
const body = JSON.stringify({
  clientId: "arn:aws:sso::111122223333:application/ssoins-1234567890abcdef/apl-1234567890abcdef",
  grantType: "urn:ietf:params:oauth:grant-type:jwt-bearer",
  assertion: "e".repeat(900)
})
/** Of these four headers, or a contender did other work than the others. */
const answer = "ac1f0ea5fa698197e412c405a3b531c8593ba2bc23889c162e0428fca72bed29"

/** The signature out of an `authorization`. */
const signatureOf = (authorization: unknown): string =>
  /Signature=([0-9a-f]{64})$/.exec(String(authorization))?.[1] ?? ""

const repeated = (sign: () => unknown) => async (): Promise<string> => {
  let last: unknown
  for (let i = 0; i < repetitions; i++) last = await sign()
  return signatureOf(last)
}

const floor = (keepKey: boolean, signed: Readonly<Record<string, string>> = headers): Contender => async () => {
  const { createHash, createHmac } = await import("node:crypto")
  const hmac = (key: string | Buffer, data: string) => createHmac("sha256", key).update(data).digest()
  const derive = () => hmac(hmac(hmac(hmac(`AWS4${secretAccessKey}`, "20300102"), region), "sso-oauth"), "aws4_request")
  const kept = derive()
  return repeated(() => {
    const all = Object.entries({
      ...signed,
      host,
      "x-amz-date": "20300102T030405Z",
      "x-amz-security-token": sessionToken
    })
    const canonical = `POST\n/token\naws_iam=t\n${all.map(([name, value]) => `${name}:${value}\n`).join("")}\n` +
      `${all.map(([name]) => name).join(";")}\n${createHash("sha256").update(body).digest("hex")}`
    const toSign = `AWS4-HMAC-SHA256\n20300102T030405Z\n20300102/${region}/sso-oauth/aws4_request\n` +
      createHash("sha256").update(canonical).digest("hex")
    return `Signature=${hmac(keepKey ? kept : derive(), toSign).toString("hex")}`
  })
}

const smithy = (nodeCrypto: boolean): Contender => async () => {
  const { SignatureV4 } = await import("@smithy/signature-v4")
  const { Sha256 } = await import("@aws-crypto/sha256-js")
  const { createHash, createHmac } = await import("node:crypto")
  const bytes = (data: string | ArrayBuffer | ArrayBufferView): string | Uint8Array =>
    typeof data === "string"
      ? data
      : ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data)
  class NodeHash {
    private readonly hash
    constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
      this.hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bytes(secret))
    }
    update(data: string | ArrayBuffer | ArrayBufferView): void {
      this.hash.update(bytes(data))
    }
    async digest(): Promise<Uint8Array> {
      return this.hash.digest()
    }
    reset(): void {}
  }
  const signer = new SignatureV4({
    credentials: { accessKeyId, secretAccessKey, sessionToken },
    region,
    service: "sso-oauth",
    sha256: nodeCrypto ? NodeHash : Sha256,
    applyChecksum: false
  })
  const request = {
    method: "POST",
    protocol: "https:",
    hostname: host,
    path: "/token",
    query: { aws_iam: "t" },
    headers: { ...headers, host },
    body
  }
  return repeated(async () => (await signer.sign(request, { signingDate: date })).headers["authorization"])
}

const oursOptions = async () => {
  const { DateTime, Option, Redacted } = await import("effect")
  const { Credentials, Region } = await import("effect-aws-identity")
  return {
    service: "sso-oauth",
    region: Region.make(region),
    contentSha256: false,
    now: DateTime.unsafeMake(date),
    credentials: new Credentials.Credentials({
      accessKeyId,
      secretAccessKey: Redacted.make(secretAccessKey),
      sessionToken: Option.some(Redacted.make(sessionToken))
    })
  }
}

const work: Work = {
  repetitions,
  warmUp: 20,
  operations: 40,
  requests: () => 0,
  answer,
  contenders: {
    "plain Node, key kept": floor(true),
    "plain Node": floor(false),
    "aws-sdk v2": async () => {
      const { default: AWS } = await import("aws-sdk")
      const { Signers } = Object(AWS)
      // It never signs the content type.
      const expected = await (await floor(true, {})())()
      const run = repeated(() => {
        const request = {
          method: "POST",
          region,
          body,
          headers: { ...headers, Host: host } as Record<string, string>,
          pathname: () => "/token",
          search: () => "aws_iam=t"
        }
        new Signers.V4(request, "sso-oauth", { signatureCache: true, operation: {}, signatureVersion: "v4" })
          .addAuthorization({ accessKeyId, secretAccessKey, sessionToken }, date)
        return request.headers["Authorization"]
      })
      return async () => await run() === expected ? answer : "another signature"
    },
    "@smithy/signature-v4, node:crypto": smithy(true),
    "@smithy/signature-v4, JavaScript": smithy(false),
    "aws4": async () => {
      const { default: aws4 } = await import("aws4")
      // Its types do not know what it can leave out.
      const ignored = { extraHeadersToIgnore: { "content-length": true } }
      return repeated(() =>
        aws4.sign({
          ...ignored,
          method: "POST",
          host,
          path,
          region,
          service: "sso-oauth",
          body,
          headers: { ...headers, "X-Amz-Date": "20300102T030405Z" }
        }, { accessKeyId, secretAccessKey, sessionToken }).headers?.["Authorization"]
      )
    },
    "aws4fetch": async () => {
      const { AwsV4Signer } = await import("aws4fetch")
      const cache = new Map<string, ArrayBuffer>()
      return repeated(async () =>
        (await new AwsV4Signer({
          method: "POST",
          url: `https://${host}${path}`,
          headers,
          body,
          accessKeyId,
          secretAccessKey,
          sessionToken,
          region,
          service: "sso-oauth",
          datetime: "20300102T030405Z",
          allHeaders: true,
          cache
        }).sign()).headers.get("authorization")
      )
    },
    "ours, sign": async () => {
      const { Either } = await import("effect")
      const { SigV4 } = await import("effect-aws-identity")
      const options = await oursOptions()
      return repeated(() =>
        Either.getOrThrow(SigV4.sign({ method: "POST", url: `https://${host}${path}`, headers, body }, options))
          .headers["authorization"]
      )
    },
    "ours, withSignature": async () => {
      const { HttpClient, HttpClientRequest, HttpClientResponse } = await import("@effect/platform")
      const { Clock, Effect } = await import("effect")
      const { CredentialsProvider, SignedHttpClient } = await import("effect-aws-identity")
      const { credentials, now, ...options } = await oursOptions()
      let last = ""
      const answered = new Response()
      // What `HttpClient.make` does for every request that is sent, such as an AbortController, is no part of signing:
      // nobody here sends.
      const client = HttpClient.makeWith<never, never, never, never>(
        Effect.map((request) => {
          last = request.headers["authorization"] ?? ""
          return HttpClientResponse.fromWeb(request, answered)
        }),
        Effect.succeed
      ).pipe(SignedHttpClient.withSignature(options))
      const clock = {
        ...Clock.make(),
        currentTimeMillis: Effect.succeed(now.epochMillis),
        unsafeCurrentTimeMillis: () => now.epochMillis
      }
      const request = HttpClientRequest.post(`https://${host}${path}`, { headers }).pipe(
        HttpClientRequest.bodyText(body, "application/json")
      )
      const provider = { get: Effect.succeed(credentials), invalidate: () => Effect.void }
      return () =>
        Effect.runPromise(
          Effect.gen(function*() {
            for (let i = 0; i < repetitions; i++) yield* client.execute(request)
            return signatureOf(last)
          }).pipe(
            Effect.scoped,
            Effect.withClock(clock),
            Effect.provideService(CredentialsProvider.CredentialsProvider, provider)
          )
        )
    }
  }
}

const peer = "@smithy/signature-v4, node:crypto"

export const signing: Scenario = {
  id: "S8",
  title: "Signing a CreateTokenWithIAM request",
  works: { work },
  run: async (bench) => {
    const samples = await bench.compare("S8", "work", work, bench.quick ? 3 : 5)
    return {
      tables: [times("One request", "µs", samples, peer)],
      budgets: [
        atMost("a client that signs", samples, "ours, withSignature", peer, 1.45),
        atMost("signing by itself", samples, "ours, sign", peer, 0.65)
      ]
    }
  }
}
