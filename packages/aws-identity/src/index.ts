/**
 * The ids of AWS accounts.
 *
 * @since 0.1.0
 */
export * as AccountId from "./AccountId.js"

/**
 * Restricts a program to credentials of the accounts that it may act in.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { AccountId, AllowedAccounts, AwsIdentity } from "effect-aws-identity"
 *
 * export const credentials = AllowedAccounts.layer({ accounts: [AccountId.make("111122223333")] }).pipe(
 *   Layer.provide(AwsIdentity.layer({ profile: "test" }))
 * )
 * ```
 *
 * @since 0.1.0
 */
export * as AllowedAccounts from "./AllowedAccounts.js"

/**
 * Credentials of a role that other credentials may assume: a chain of roles is one such layer on top of another.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { AssumeRoleCredentials, WebIdentityCredentials, WebIdentityToken } from "effect-aws-identity"
 *
 * // Needs an Sts and an HttpClient
 * export const credentials = AssumeRoleCredentials.layer({ roleArn: "arn:aws:iam::444455556666:role/deploy" }).pipe(
 *   Layer.provide(WebIdentityCredentials.layer({
 *     roleArn: "arn:aws:iam::111122223333:role/ci",
 *     token: WebIdentityToken.githubActions()
 *   }))
 * )
 * ```
 *
 * @since 0.1.0
 */
export * as AssumeRoleCredentials from "./AssumeRoleCredentials.js"

/**
 * Everything wired up, on the user's own AWS files and the real endpoints.
 *
 * @since 0.1.0
 */
export * as AwsIdentity from "./AwsIdentity.js"

/**
 * The bridge to the AWS SDK for JavaScript v3: its clients with our credentials, and its providers as ours.
 *
 * The types are the SDK's by structure, under its own names; nothing of it is imported.
 *
 * @example
 * ```ts
 * import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts"
 * import { Effect } from "effect"
 * import { AwsSdk } from "effect-aws-identity"
 *
 * export const program = Effect.gen(function*() {
 *   const sts = new STSClient(yield* AwsSdk.clientConfig)
 *   return yield* Effect.tryPromise(() => sts.send(new GetCallerIdentityCommand({})))
 * })
 * ```
 *
 * @since 0.1.0
 */
export * as AwsSdk from "./AwsSdk.js"

/**
 * How the clients of `Sso`, `SsoOidc` and `Sts` reach AWS: endpoints, retries, time limits.
 *
 * Every setting has a default that follows AWS's SDKs. `layer` of a client takes the settings as they are.
 * `layerEnvironment` completes them from the environment, and `layerProfile` from the environment and the profile, as
 * AWS's SDKs do.
 *
 * The application's `HttpClient` handles proxies, certificates and connections. Give this library a client that sends a
 * request to the URL it was made for: without `HttpClient.followRedirects`, because AWS does not redirect, and without
 * a base URL (`HttpClient.mapRequest` with `HttpClientRequest.prependUrl`), because the server there would receive
 * tokens. A request that would go to another server is not sent and fails with `InvalidInput`. A redirect fails with
 * `InvalidResponse`. Headers may be added. To reach AWS through another host, set `endpoint`.
 *
 * @example
 * ```ts
 * import { Schedule } from "effect"
 * import { Sso, SsoOidc } from "effect-aws-identity"
 *
 * // In a test environment that has LocalStack on a host of its own
 * export const portal = Sso.layer({ endpoint: "http://localstack:4566", allowPlainHttp: ["localstack"] })
 *
 * // One attempt more, each a second after the last
 * export const oidc = SsoOidc.layer({ retry: Schedule.spaced("1 second").pipe(Schedule.intersect(Schedule.recurs(3))) })
 * ```
 *
 * @since 0.1.0
 */
export * as ClientConfig from "./ClientConfig.js"

/**
 * Credentials of a container: those of an ECS task role, of EKS Pod Identity, of Greengrass, or of any other server that
 * the environment names. `AWS.ECSCredentials` and `AWS.RemoteCredentials` as a provider.
 *
 * | variable | |
 * | --- | --- |
 * | `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` | a path at `http://169.254.170.2`, ECS's agent; counts before a full URI |
 * | `AWS_CONTAINER_CREDENTIALS_FULL_URI` | a URL: https, or http at this machine or at the agents of ECS and EKS |
 * | `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` | a file with the `Authorization` header, read each time; counts first |
 * | `AWS_CONTAINER_AUTHORIZATION_TOKEN` | the header itself |
 *
 * All requests go through the `Transport`. If that uses a proxy, exclude these hosts from the proxy. `NodeIdentity` never
 * sends requests to link-local hosts through its agent or dispatcher.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { ContainerCredentials, CredentialsProvider } from "effect-aws-identity"
 * import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
 *
 * export const credentials: Layer.Layer<CredentialsProvider.CredentialsProvider> = ContainerCredentials.layer({
 *   background: true
 * }).pipe(Layer.provide(NodeIdentity.layerPorts()))
 * ```
 *
 * @since 0.1.0
 */
export * as ContainerCredentials from "./ContainerCredentials.js"

/**
 * AWS credentials: the value that providers return and signers take.
 *
 * @example
 * ```ts
 * import { Redacted } from "effect"
 * import { Credentials } from "effect-aws-identity"
 *
 * const credentials = new Credentials.Credentials({
 *   accessKeyId: "AKIAIOSFODNN7EXAMPLE",
 *   secretAccessKey: Redacted.make("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
 * })
 *
 * console.log(String(credentials.secretAccessKey)) // <redacted>
 * ```
 *
 * @since 0.1.0
 */
export * as Credentials from "./Credentials.js"

/**
 * Cached credentials that are refreshed before they expire: the one service that an application depends on.
 *
 * A provider resolves credentials once and keeps no state. This module caches the credentials of any provider.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { CredentialsProvider } from "effect-aws-identity"
 *
 * export const program = Effect.gen(function*() {
 *   const { accessKeyId } = yield* CredentialsProvider.get
 *   yield* Console.log(accessKeyId)
 * })
 * ```
 *
 * @since 0.1.0
 */
export * as CredentialsProvider from "./CredentialsProvider.js"

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
export * as DefaultCredentials from "./DefaultCredentials.js"

/**
 * Credentials from environment variables: `AWS.EnvironmentCredentials` with the prefix `AWS`.
 *
 * They are read from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_CREDENTIAL_EXPIRATION`
 * and `AWS_ACCOUNT_ID`, as all AWS SDKs do. Names that only some of them know are not read, so that a program does not
 * act with an unexpected identity: `AMAZON_…` (SDK for JavaScript v2), `AWS_ACCESS_KEY` and `AWS_SECRET_KEY` (Go),
 * `AWS_SECURITY_TOKEN` (Python).
 *
 * @example
 * ```ts
 * import { ConfigProvider, Effect } from "effect"
 * import { EnvironmentCredentials } from "effect-aws-identity"
 *
 * const environment = ConfigProvider.fromMap(
 *   new Map([["AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"], ["AWS_SECRET_ACCESS_KEY", "example"]])
 * )
 * const credentials = Effect.runSync(
 *   EnvironmentCredentials.resolve().pipe(Effect.withConfigProvider(environment))
 * )
 *
 * console.log(credentials.accessKeyId) // AKIDEXAMPLE
 * ```
 *
 * @since 0.1.0
 */
export * as EnvironmentCredentials from "./EnvironmentCredentials.js"

/**
 * The files of this library: config, credentials, token caches, locks and web identity tokens. Everything of this library
 * that reads or writes a file uses this port.
 *
 * `NodeIdentity` makes it from `node:fs`, and `PlatformPorts` from the `FileSystem` and `Path` of `@effect/platform`. Each
 * member is one operation of the file system, so that a test can let any of them fail, or stop between two of them.
 *
 * @since 0.1.0
 */
export * as Files from "./Files.js"

/**
 * The errors of this library as tagged classes: `IdentityError` while credentials are resolved, `LoginError` while a
 * person signs in.
 *
 * Each message names the file, the profile or session, the cause, and what to do next. The fields hold text and numbers
 * only: no request, response or raw cause, and never a secret.
 *
 * @since 0.1.0
 */
export * as IdentityError from "./IdentityError.js"

/**
 * The schema of this library's errors, for programs that send them over a wire: to a worker, another service or a log
 * that is read back.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { IdentityError, IdentityErrorSchema } from "effect-aws-identity"
 *
 * const sent = Schema.encodeSync(IdentityErrorSchema.IdentityErrorSchema)(new IdentityError.LoginDenied({ session: "corp" }))
 * const received = Schema.decodeUnknownSync(IdentityErrorSchema.IdentityErrorSchema)(JSON.parse(JSON.stringify(sent)))
 *
 * console.log(received.message) // The sign-in to SSO session "corp" was refused in the browser. …
 * ```
 *
 * @since 0.1.0
 */
export * as IdentityErrorSchema from "./IdentityErrorSchema.js"

/**
 * Credentials of the role of an EC2 instance, from its metadata service (IMDS). `AWS.EC2MetadataCredentials` as a
 * provider.
 *
 * | variable | |
 * | --- | --- |
 * | `AWS_EC2_METADATA_DISABLED` | anything but `false`: this provider is not used |
 * | `AWS_EC2_METADATA_SERVICE_ENDPOINT` | where to ask instead of `http://169.254.169.254` |
 * | `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE` | `IPv6` for `http://[fd00:ec2::254]`, if no endpoint is named |
 *
 * Only version 2 of the service is used, whatever `AWS_EC2_METADATA_V1_DISABLED` says. Every instance has it. Version 1
 * gives the role's credentials to an attacker who can make any program on the instance, or a proxy, send a GET. AWS's
 * SDKs fall back to it for compatibility only. In a container on an instance, version 2 needs a hop limit
 * (`HttpPutResponseHopLimit`) of 2.
 *
 * The settings of the same names in config files are not read, so that this provider needs no files: an instance has its
 * environment from its launch template.
 *
 * All requests go through the `Transport`. If that uses a proxy, exclude this host from the proxy. `NodeIdentity` never
 * sends requests to link-local hosts through its agent or dispatcher.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { CredentialsProvider, InstanceMetadataCredentials } from "effect-aws-identity"
 * import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
 *
 * export const credentials: Layer.Layer<CredentialsProvider.CredentialsProvider> = InstanceMetadataCredentials.layer({
 *   background: true
 * }).pipe(Layer.provide(NodeIdentity.layerPorts()))
 * ```
 *
 * @since 0.1.0
 */
export * as InstanceMetadataCredentials from "./InstanceMetadataCredentials.js"

/**
 * The ports of this library from the services of `@effect/platform`, on any runtime that has them.
 *
 * A program on Node needs `NodeIdentity` instead, which loads faster and costs less per call. These layers are for other
 * runtimes, and for programs that have an `HttpClient` or a `FileSystem` of their own.
 *
 * @since 0.1.0
 */
export * as PlatformPorts from "./PlatformPorts.js"

/**
 * Credentials that a program writes to its standard output (`credential_process`): `AWS.ProcessCredentials` as a
 * provider.
 *
 * The program writes one JSON object: `Version` (1), `AccessKeyId`, `SecretAccessKey`, and optionally `SessionToken`,
 * `Expiration` (RFC 3339) and `AccountId`. It inherits the environment, has no terminal and an empty standard input, and
 * must end with exit code 0 within its time limit. If it fails, the error quotes its standard error, with secrets
 * redacted.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { ProcessCredentials } from "effect-aws-identity"
 *
 * const program = Effect.gen(function*() {
 *   const credentials = yield* ProcessCredentials.resolve(`"/opt/company tools/aws-login" --role Developer`, {
 *     timeout: "20 seconds"
 *   })
 *   yield* Effect.log(credentials.accessKeyId)
 * })
 * ```
 *
 * @since 0.1.0
 */
export * as ProcessCredentials from "./ProcessCredentials.js"

/**
 * The credentials that a profile of the config files describes.
 *
 * The first row whose keys a profile has, counts:
 *
 * | keys | credentials |
 * | --- | --- |
 * | `role_arn`, `web_identity_token_file` | of the role, for the token; a `source_profile` beside them does not count |
 * | `role_arn`, `source_profile` | of the role, by those of the other profile, which may be of any kind itself |
 * | `role_arn`, `credential_source` | of the role, by those of `Environment`, `EcsContainer` or `Ec2InstanceMetadata` |
 * | `sso_account_id`, `sso_role_name` | of the role in IAM Identity Center: those of an old copy in the credentials file do not count |
 * | `aws_access_key_id`, `aws_secret_access_key` | these, with `aws_session_token` and `aws_account_id` |
 * | `credential_process` | what the program writes |
 *
 * A profile that is the `source_profile` of another and has keys gives these keys, also if it names a role. So a profile
 * may be its own `source_profile`.
 *
 * Where AWS's tools disagree, this module follows AWS's documentation and most of the SDKs: a token file comes before
 * `source_profile` (the SDK for JavaScript v3 has it the other way round), and SSO comes before keys.
 *
 * @since 0.1.0
 */
export * as ProfileCredentials from "./ProfileCredentials.js"

/**
 * Runs programs that print credentials or tokens: `credential_process`, and the command of a web identity token.
 *
 * `NodeIdentity` makes this port from `node:child_process`, and `PlatformPorts` from the `CommandExecutor` of
 * `@effect/platform`.
 *
 * @since 0.1.0
 */
export * as Programs from "./Programs.js"

/**
 * AWS regions, and the partition each belongs to.
 *
 * @since 0.1.0
 */
export * as Region from "./Region.js"

/**
 * AWS's shared config files, `~/.aws/config` and `~/.aws/credentials`: read as every AWS tool reads them, with the
 * file and line of each value, and written so that nothing else in them changes.
 *
 * An indented line continues the property above only if it is indented deeper than that property's own line. With the
 * same or less indentation it is a property of its own, as in the AWS CLI. A key with a one-line value, such as a
 * region, cannot be continued; such a line is an error. `diagnostics` reports every line that looks like a key or
 * header but continues a value.
 *
 * Both files are optional, and both are always read. If both have the same profile, the keys of the credentials file
 * take precedence. Where AWS's tools disagree about the grammar, this module follows the rule that AWS's SDKs share. A
 * line that breaks the rule is an error for its own section only.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { SharedConfig } from "effect-aws-identity"
 *
 * const program = Effect.gen(function*() {
 *   const profile = yield* SharedConfig.profile("dev")
 *   const region = profile.values.get("region")
 *   yield* Console.log(`${region?.value} says ${region?.file}:${region?.line}`)
 * }).pipe(Effect.provide(SharedConfig.layerMemory({ config: "[profile dev]\nregion = eu-west-1" })))
 *
 * Effect.runSync(program) // eu-west-1 says config:2
 * ```
 *
 * @since 0.1.0
 */
export * as SharedConfig from "./SharedConfig.js"

/**
 * AWS Signature Version 4 of requests as plain data: pure, for any way to send them. `SignedHttpClient` signs what an
 * `HttpClient` of Effect sends.
 *
 * What is signed is what must be sent: the URL is spelled as AWS spells it, with a space in the query as `%20` and never
 * as `+`, and for S3 the path as S3 spells it. `.` and `..` in a path are followed first, as in every URL.
 *
 * @since 0.1.0
 */
export * as SigV4 from "./SigV4.js"

/**
 * An `HttpClient` that signs what it sends with AWS Signature Version 4, for any AWS API that takes plain HTTP, such as
 * S3 or your own behind API Gateway.
 *
 * A request is signed at the moment it is sent, with the credentials and the time of that moment: a retry is signed
 * again, and refreshed credentials are used from then on. What is signed is what is sent, also if `HttpClient.mapRequest`
 * or the `baseUrl` of an `HttpApiClient` change the requests of a client that signs. The parameters of a request are put
 * into its URL, with a space as `%20` and never as `+`.
 *
 * A request that cannot be signed fails with `InvalidInput`, and nothing is sent: a stream or a form whose payload is
 * not `unsigned`, an unsigned payload over http, a header that is not ASCII.
 *
 * The signature and the session token are redacted in the client's spans, in its errors, and in the `request` of a
 * response.
 *
 * AWS APIs do not redirect, except S3. A redirect that `HttpClient.followRedirects` follows is signed for the URL it
 * leads to, and a client over `fetch` follows redirects with the headers of the first request. If you do not trust the
 * endpoint, leave `HttpClient.followRedirects` out, and provide `FetchHttpClient.RequestInit` with
 * `redirect: "manual"`.
 *
 * @example
 * ```ts
 * import { HttpClient } from "@effect/platform"
 * import { Effect } from "effect"
 * import { Region, SignedHttpClient } from "effect-aws-identity"
 *
 * // Needs a CredentialsProvider, and may fail with its errors.
 * export const pets = Effect.gen(function*() {
 *   const client = (yield* HttpClient.HttpClient).pipe(
 *     HttpClient.filterStatusOk,
 *     SignedHttpClient.withSignature({ service: "execute-api", region: Region.make("eu-central-1") })
 *   )
 *   const response = yield* client.get("https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/v1/pets", {
 *     urlParams: { name: "Miss Kitty" }
 *   })
 *   return yield* response.json
 * })
 * ```
 *
 * @since 0.1.0
 */
export * as SignedHttpClient from "./SignedHttpClient.js"

/**
 * The AWS access portal: `AWS.SSO` as a service.
 *
 * @since 0.1.0
 */
export * as Sso from "./Sso.js"

/**
 * Role credentials of a signed-in user: `AWS.SsoCredentials` as a provider.
 *
 * @since 0.1.0
 */
export * as SsoCredentials from "./SsoCredentials.js"

/**
 * Signs a person in to an IAM Identity Center. No AWS SDK for JavaScript does this.
 *
 * @since 0.1.0
 */
export * as SsoLogin from "./SsoLogin.js"

/**
 * The OIDC service of IAM Identity Center: `AWS.SSOOIDC` as a service.
 *
 * @since 0.1.0
 */
export * as SsoOidc from "./SsoOidc.js"

/**
 * The accounts and roles of a signed-in user, by session: a flow over `Sso` and `SsoTokenProvider`.
 *
 * @since 0.1.0
 */
export * as SsoRoles from "./SsoRoles.js"

/**
 * An IAM Identity Center to sign in to: an `[sso-session]` of the config file, the start URL and region of a legacy
 * profile, or one that the application names itself.
 *
 * @example
 * ```ts
 * import { Region, SsoSession } from "effect-aws-identity"
 *
 * const session = SsoSession.make({
 *   name: "corp",
 *   startUrl: "https://d-1234567890.awsapps.com/start",
 *   region: Region.make("eu-central-1")
 * })
 *
 * console.log(session.loginCommand) // aws sso login --sso-session corp
 * ```
 *
 * @since 0.1.0
 */
export * as SsoSession from "./SsoSession.js"

/**
 * The tokens of signed-in sessions, stored where every AWS tool stores them: one file for each session in
 * `~/.aws/sso/cache`.
 *
 * @since 0.1.0
 */
export * as SsoTokenCache from "./SsoTokenCache.js"

/**
 * A valid token for a signed-in session: `AWS.SSOTokenProvider` as a service.
 *
 * The token comes from the cache that all AWS tools share. Before it expires, it is refreshed with its refresh token
 * and written back. All callers share one refresh. A person has to sign in again only if the token cannot be refreshed.
 *
 * @since 0.1.0
 */
export * as SsoTokenProvider from "./SsoTokenProvider.js"

/**
 * The AWS Security Token Service, `AWS.STS`: the operations that web identities and chains of roles need.
 *
 * Names are AWS's with a small first letter. Signed operations take the credentials that sign.
 *
 * Each input may name its region. Otherwise, the region is that of the client's settings: with `Sts.layerEnvironment`,
 * that of `AWS_REGION` or `AWS_DEFAULT_REGION`; with `Sts.layerProfile`, also that of the profile. For a role, it is the
 * first of these that is in the role's partition. If there is none, it is the region of the partition's global
 * services, such as `us-gov-west-1` for a role of `arn:aws-us-gov:…`.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { CredentialsProvider, Region, Sts } from "effect-aws-identity"
 *
 * export const whoAmI = Effect.gen(function*() {
 *   const sts = yield* Sts.Sts
 *   const credentials = yield* CredentialsProvider.get
 *   const { arn } = yield* sts.getCallerIdentity({ region: Region.make("eu-central-1"), credentials })
 *   yield* Console.log(arn)
 * })
 * ```
 *
 * @since 0.1.0
 */
export * as Sts from "./Sts.js"

/**
 * One HTTP exchange: a request and its whole answer. Everything of this library that speaks HTTP uses this port.
 *
 * `NodeIdentity` makes it from `node:http`, and `PlatformPorts` from an `HttpClient` of `@effect/platform`. A transport of
 * your own can send requests through a Unix socket, add a proxy, or record what is sent.
 *
 * A transport sends each request as it is, to its URL and to no other. It follows no redirect, because another server must
 * not get the secrets in the request. It has no retries and no timeout: its callers retry, and interrupt it when their
 * time is over. It records no header and no body in spans, logs or errors.
 *
 * @since 0.1.0
 */
export * as Transport from "./Transport.js"

/**
 * Credentials of a role in exchange for a web identity token: `AWS.WebIdentityCredentials`, with a new token for each
 * exchange.
 *
 * Wherever `AWS.WebIdentityCredentials` takes a token, this takes an effect that gets one, and runs it for each
 * exchange: see `WebIdentityToken` for those of Kubernetes, GitHub Actions and others.
 *
 * @example
 * ```ts
 * import { WebIdentityCredentials, WebIdentityToken } from "effect-aws-identity"
 *
 * // Needs an HttpClient and an Sts: with Sts.layerEnvironment, in the region of the environment
 * export const credentials = WebIdentityCredentials.layer({
 *   roleArn: "arn:aws:iam::111122223333:role/deploy",
 *   token: WebIdentityToken.githubActions()
 * })
 * ```
 *
 * @since 0.1.0
 */
export * as WebIdentityCredentials from "./WebIdentityCredentials.js"

/**
 * Where web identity tokens come from. Each function makes a source: an Effect that is run for each exchange, so that
 * credentials do not end with the first token.
 *
 * | where the program runs | source |
 * | --- | --- |
 * | Kubernetes (EKS roles for service accounts, any projected token), SPIFFE (`spiffe-helper` writes JWT-SVIDs) | `fromFile` |
 * | GitHub Actions | `githubActions` |
 * | GitLab CI, CircleCI, Bitbucket Pipelines | `fromVariable`, with the name that the job gives it: `AWS_ID_TOKEN`, `CIRCLE_OIDC_TOKEN_V2`, `BITBUCKET_STEP_OIDC_TOKEN` |
 * | Buildkite | `buildkite` |
 * | Google Compute Engine, Cloud Run, GKE | `googleMetadata` |
 * | Fly.io | `fly`; with `AWS_ROLE_ARN` among the secrets, Fly.io writes a file: `WebIdentityCredentials.layerConfig` reads it |
 * | Vercel | `vercel`; in a function, `fromEffect` of the request's header `x-vercel-oidc-token` |
 * | wherever a program prints a token and nothing else | `fromCommand`, with a command of the table below |
 * | anywhere else | `fromEffect` |
 *
 * Commands for `fromCommand`. Their standard output must be one token; white space around it is ignored. No shell is run:
 * a pipe needs `sh -c`.
 *
 * | program | a command that prints the token alone |
 * | --- | --- |
 * | SPIRE | `spire-agent api fetch jwt` prints several lines (`token(spiffe://…):`, the token, `bundle(…):`). `sh -c "spire-agent api fetch jwt -audience sts.amazonaws.com -output json \| jq -r '.[0].svids[0].svid'"`, or `fromFile` beside `spiffe-helper` |
 * | Kubernetes | `kubectl create token NAME --audience sts.amazonaws.com` |
 * | Google Cloud | `gcloud auth print-identity-token --audiences=sts.amazonaws.com`: a service account's (`--impersonate-service-account`); users' tokens take no audience |
 * | Azure | `az account get-access-token --resource api://APP --query accessToken --output tsv`; without the query it prints JSON |
 * | Vault | `vault read -field=token identity/oidc/token/ROLE`; without `-field` it prints a table |
 * | Buildkite | `buildkite-agent oidc request-token --audience sts.amazonaws.com`, which `buildkite` runs |
 * | CircleCI | `circleci run oidc get --claims '{"aud":"sts.amazonaws.com"}'` for an audience of one's own; else the variable |
 * | GitHub, GitLab | `gh auth token` and `glab auth token` print access tokens, which AWS does not take: use `githubActions`, or `id_tokens` with `fromVariable` |
 *
 * Each source returns one signed JSON web token that has not expired, or fails with a `CredentialsUnavailable` that names
 * the source, the cause and what to do.
 *
 * @since 0.1.0
 */
export * as WebIdentityToken from "./WebIdentityToken.js"
