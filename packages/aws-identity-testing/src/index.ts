/**
 * The HTTP face of `IdentityCenter`, byte for byte as AWS's clients expect it: in process as an `HttpClient`, or as
 * a server on a real socket. The portal and the OIDC service share one origin; their paths do not clash.
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
 * `AwsIdentity.layer` without AWS: config, token cache, network and Identity Center all in memory.
 *
 * @since 0.1.0
 */
export * as TestIdentity from "./TestIdentity.js"
