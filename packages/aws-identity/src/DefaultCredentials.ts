/**
 * The default chain: the places where AWS's tools look for credentials when no profile is chosen in code.
 *
 * | order | provider | reason |
 * | --- | --- | --- |
 * | 1 | `EnvironmentCredentials` | variables are set for this very process |
 * | 2 | `WebIdentityCredentials`, of the environment | a pod with a role of its own must not use the identity of a file in its image |
 * | 3 | `ProfileCredentials` (`AWS_PROFILE`, else `default`) | a person has configured it for this machine |
 * | 4 | `ContainerCredentials` | the role of the task or pod |
 * | 5 | `InstanceMetadataCredentials` | the role of the machine, which all programs on it share |
 *
 * The chain goes on to the next provider only if a provider is not configured: see
 * `CredentialsProvider.firstConfigured`, which makes a chain of another order or choice.
 *
 * The default chain of AWS's SDK for JavaScript v3 gives the same, with these differences:
 *
 * | what is configured | that SDK | here |
 * | --- | --- | --- |
 * | keys in the environment, and `AWS_PROFILE` | the profile | the keys |
 * | a web identity in the environment, and keys or a role in a file | the file | the web identity |
 * | a profile with `web_identity_token_file`, and `source_profile` or keys | the latter | the web identity |
 * | a profile with SSO, and keys or `credential_process` | the latter | SSO |
 * | something incomplete or failing: one key of two, a role without a source, a program, a container's server | the next provider | an error |
 * | a chosen profile that does not exist | the next provider | an error |
 * | version 1 of the instance metadata alone | the instance's role | nothing |
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as ContainerCredentials from "./ContainerCredentials.js"
import type { Credentials } from "./Credentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import * as EnvironmentCredentials from "./EnvironmentCredentials.js"
import type { IdentityError } from "./IdentityError.js"
import * as InstanceMetadataCredentials from "./InstanceMetadataCredentials.js"
import { perSource } from "./internal/perSource.js"
import * as ProfileCredentials from "./ProfileCredentials.js"
import * as WebIdentityCredentials from "./WebIdentityCredentials.js"

/**
 * Makes the default chain as a value: the source of a role, or a part of another chain. Run the effect once for each use,
 * as that of `CredentialsProvider.firstConfigured`.
 *
 * A `profile` that is chosen here does not come before the variables. The chain reads it where it reads profiles.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { AssumeRoleCredentials, CredentialsProvider, DefaultCredentials } from "effect-aws-identity"
 *
 * // Two identities: the one of this machine, and a role that it may assume
 * export const identities = Effect.gen(function*() {
 *   const machine = yield* CredentialsProvider.make(yield* DefaultCredentials.make())
 *   const deploy = yield* CredentialsProvider.make(
 *     AssumeRoleCredentials.assume({ roleArn: "arn:aws:iam::111122223333:role/deploy" }, machine.get)
 *   )
 *   return { machine, deploy }
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R = never>(
  options?: ProfileCredentials.Options<R>
): Effect.Effect<Effect.Effect<Credentials, IdentityError, NoInfer<R> | ProfileCredentials.Requirements>> =>
  CredentialsProvider.firstConfigured([
    EnvironmentCredentials.resolve(),
    WebIdentityCredentials.resolve(),
    ProfileCredentials.resolve(options),
    ContainerCredentials.resolve(),
    InstanceMetadataCredentials.resolve()
  ])

/**
 * `CredentialsProvider` of the default chain: see `make`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(
  options?: ProfileCredentials.Options<R> & CredentialsProvider.CacheOptions
): Layer.Layer<
  CredentialsProvider.CredentialsProvider,
  never,
  Exclude<NoInfer<R>, Scope.Scope> | ProfileCredentials.Requirements
> =>
  perSource(Layer.scoped(
    CredentialsProvider.CredentialsProvider,
    Effect.flatMap(make(options), (resolve) => CredentialsProvider.make(resolve, options))
  ))
