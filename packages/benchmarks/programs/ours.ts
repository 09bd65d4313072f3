/** The minimal program: the services that SSO needs, on Node's own HTTP with connections kept; modules by their path. */
import * as CredentialsProvider from "effect-aws-identity/CredentialsProvider"
import * as NodePorts from "effect-aws-identity/NodePorts"
import * as SharedConfig from "effect-aws-identity/SharedConfig"
import * as Sso from "effect-aws-identity/Sso"
import * as SsoCredentials from "effect-aws-identity/SsoCredentials"
import * as SsoOidc from "effect-aws-identity/SsoOidc"
import * as SsoTokenCache from "effect-aws-identity/SsoTokenCache"
import * as SsoTokenProvider from "effect-aws-identity/SsoTokenProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const aws = CredentialsProvider.layer(SsoCredentials.resolveProfile()).pipe(
  Layer.provide(SsoTokenProvider.layer()),
  Layer.provide([Sso.layerProfile(), SsoOidc.layerProfile(), SsoTokenCache.layer()]),
  Layer.provide(SharedConfig.layer()),
  Layer.provide(NodePorts.layer())
)

const program = Effect.flatMap(CredentialsProvider.CredentialsProvider, ({ get }) => get)

Effect.runPromise(Effect.provide(program, aws)).then(({ accessKeyId }) => console.log(accessKeyId))
