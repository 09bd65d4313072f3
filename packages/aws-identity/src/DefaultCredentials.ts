/**
 * The default chain: where AWS's tools look for credentials when nobody tells them.
 *
 * | order | provider | because |
 * | --- | --- | --- |
 * | 1 | `EnvironmentCredentials` | who sets variables means this very process |
 * | 2 | `WebIdentityCredentials.resolveEnvironment` | a pod with a role of its own must not become whoever a file in its image names |
 * | 3 | `ProfileCredentials` (`AWS_PROFILE`, else `default`) | what a person has configured for this machine |
 * | 4 | `ContainerCredentials` | what the task or pod is |
 * | 5 | `InstanceMetadataCredentials` | what the machine is, which whatever runs on it shares |
 *
 * It goes from the nearest to the farthest, and on only from what is not configured: see
 * `CredentialsProvider.firstConfigured`, by which another order or choice is one line.
 *
 * The default chain of AWS's SDK for JavaScript v3 gives the same but for these:
 *
 * | what is configured | that SDK | here |
 * | --- | --- | --- |
 * | keys in the environment, and `AWS_PROFILE` | the profile | the keys |
 * | a web identity in the environment, and keys or a role in a file | the file | the web identity |
 * | a profile with `web_identity_token_file`, and `source_profile` or keys | the latter | the web identity |
 * | a profile with SSO, and keys or `credential_process` | the latter | SSO |
 * | half of something, or what fails: one key of two, a role without a source, a program, a container's server | what comes next | an error |
 * | a chosen profile that is not there | what comes next | an error |
 * | version 1 of the instance metadata alone | the instance's role | nothing |
 *
 * @since 0.1.0
 */
import type * as Layer from "effect/Layer"
import * as ContainerCredentials from "./ContainerCredentials.js"
import * as CredentialsProvider from "./CredentialsProvider.js"
import * as EnvironmentCredentials from "./EnvironmentCredentials.js"
import * as InstanceMetadataCredentials from "./InstanceMetadataCredentials.js"
import * as ProfileCredentials from "./ProfileCredentials.js"
import * as WebIdentityCredentials from "./WebIdentityCredentials.js"

/**
 * `CredentialsProvider` of the first provider that is configured. A `profile` that is chosen here does not count for
 * the variables: the chain looks at it where it looks at profiles.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: ProfileCredentials.Options,
  cache?: CredentialsProvider.Options
): Layer.Layer<CredentialsProvider.CredentialsProvider, never, ProfileCredentials.Requirements> =>
  CredentialsProvider.firstConfigured([
    EnvironmentCredentials.resolve,
    WebIdentityCredentials.resolveEnvironment,
    ProfileCredentials.resolve(options),
    ContainerCredentials.resolve,
    InstanceMetadataCredentials.resolve
  ], cache)
