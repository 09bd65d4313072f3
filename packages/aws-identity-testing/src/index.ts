/**
 * The HTTP face of `IdentityCenter` and its STS, byte for byte as AWS's clients expect it: in process as an
 * `HttpClient`, or as a server on a real socket. The portal, the OIDC service and STS share one origin; their paths do
 * not clash. Signatures are verified for any region, and every answer is dated by the Identity Center's `Clock`.
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
 * An AWS STS you own: its roles, and the sessions of those who assumed them, as a model driven by `Clock`. It is part
 * of `IdentityCenter`, whose role credentials it knows too; `Emulator` gives both an HTTP face.
 *
 * Web identity tokens are believed by what they claim: nobody checks their signature.
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
