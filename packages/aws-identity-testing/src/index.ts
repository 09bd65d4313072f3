/**
 * The HTTP face of `IdentityCenter` and its STS, byte for byte as AWS's clients expect it: in process as an
 * `HttpClient`, or as a server on a real socket. The portal, the OIDC service and STS share one origin; their paths do
 * not clash. Signatures are verified for any region, and every answer is dated by the Identity Center's `Clock`.
 *
 * S3's list of buckets is there too, for tests of code that signs requests. It is empty and owned by the signer.
 *
 * The discovery documents and keys of the OpenID providers that are registered with STS are served below the paths of
 * their issuers. So that others can fetch them, an issuer is the emulator's own URL, which the `HttpServer` says before
 * it serves.
 *
 * @example
 * ```ts
 * import { HttpServer } from "@effect/platform"
 * import { Effect, Layer } from "effect"
 * import { IdentityCenter, OpenIdProvider } from "effect-aws-identity-testing"
 *
 * // Below `NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })`, beside `Emulator.serve`.
 * const world = Layer.unwrapEffect(Effect.gen(function*() {
 *   const { address } = yield* HttpServer.HttpServer
 *   const provider = yield* OpenIdProvider.make({ issuer: `${HttpServer.formatAddress(address)}/oidc` })
 *   return Layer.merge(
 *     Layer.succeed(OpenIdProvider.OpenIdProvider, provider),
 *     IdentityCenter.layer({ openIdProviders: [{ provider, clientIds: ["sts.amazonaws.com"] }] })
 *   )
 * }))
 * ```
 *
 * @since 0.1.0
 */
export * as Emulator from "./Emulator.js"

/**
 * An IAM Identity Center you own: its users' approvals, accounts, roles and tokens as a model driven by `Clock`.
 *
 * It follows AWS's documented and observed behaviour and shares no code with the client it tests. `Emulator` gives
 * it an HTTP face.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { IdentityCenter } from "effect-aws-identity-testing"
 *
 * const program = Effect.gen(function*() {
 *   const center = yield* IdentityCenter.IdentityCenter
 *   yield* center.fail("getRoleCredentials", "TooManyRequestsException", 2)
 * }).pipe(Effect.provide(IdentityCenter.layer()))
 * ```
 *
 * @since 0.1.0
 */
export * as IdentityCenter from "./IdentityCenter.js"

/**
 * An OpenID provider you own: its keys, and the signed tokens it gives out, such as GitHub Actions or a Kubernetes
 * cluster do. Register it with the STS of `IdentityCenter`, which then believes no other token; `Emulator` serves its
 * discovery document and its keys.
 *
 * Its times are those of `Clock`, but cryptography takes real time also under `TestClock`: a test must wait for a token
 * before it adjusts the clock. A key is made when it is first needed, in about a quarter of a second.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { IdentityCenter, OpenIdProvider } from "effect-aws-identity-testing"
 *
 * const program = Effect.gen(function*() {
 *   const provider = yield* OpenIdProvider.OpenIdProvider
 *   const { sts } = yield* IdentityCenter.IdentityCenter
 *   return yield* sts.assumeRoleWithWebIdentity({
 *     RoleArn: "arn:aws:iam::111122223333:role/ci",
 *     RoleSessionName: "build",
 *     WebIdentityToken: yield* provider.issue({ claims: { sub: "repo:me/app:ref:refs/heads/main" } })
 *   })
 * })
 *
 * const world = Layer.unwrapEffect(Effect.map(OpenIdProvider.OpenIdProvider, (provider) =>
 *   IdentityCenter.layer({
 *     openIdProviders: [{ provider, clientIds: ["sts.amazonaws.com"] }],
 *     roles: [{
 *       arn: "arn:aws:iam::111122223333:role/ci",
 *       trusts: [{ issuer: provider.issuer, StringLike: { sub: "repo:me/app:*" } }]
 *     }]
 *   }))).pipe(Layer.provideMerge(OpenIdProvider.layer()))
 *
 * const credentials = program.pipe(Effect.provide(world))
 * ```
 *
 * @since 0.1.0
 */
export * as OpenIdProvider from "./OpenIdProvider.js"

/**
 * An AWS STS you own: its roles, and the sessions of those who assumed them, as a model driven by `Clock`. It is part
 * of `IdentityCenter`, whose role credentials it knows too; `Emulator` gives both an HTTP face.
 *
 * Web identity tokens are verified if OpenID providers are registered. Without one, they are believed by what they
 * claim: nobody checks their signature.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { IdentityCenter } from "effect-aws-identity-testing"
 *
 * const program = Effect.gen(function*() {
 *   const { sts } = yield* IdentityCenter.IdentityCenter
 *   return yield* sts.issue({ roleArn: "arn:aws:iam::111122223333:role/ci", sessionName: "build" })
 * }).pipe(
 *   Effect.provide(IdentityCenter.layer({
 *     roles: [{ arn: "arn:aws:iam::111122223333:role/ci", trusts: ["https://token.example.com"] }]
 *   }))
 * )
 * ```
 *
 * @since 0.1.0
 */
export * as SecurityTokenService from "./SecurityTokenService.js"

/**
 * `AwsIdentity.layer` without AWS: config, token cache, network and Identity Center all in memory.
 *
 * @since 0.1.0
 */
export * as TestIdentity from "./TestIdentity.js"
