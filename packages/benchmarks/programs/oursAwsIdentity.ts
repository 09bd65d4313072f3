/** With all the wiring in one layer, on what the library recommends for Node; modules by their path. */
import * as CredentialsProvider from "effect-aws-identity/CredentialsProvider"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"
import * as Effect from "effect/Effect"

const program = Effect.flatMap(CredentialsProvider.CredentialsProvider, ({ get }) => get)

Effect.runPromise(Effect.provide(
  program,
  NodeIdentity.layer()
)).then(({ accessKeyId }) => console.log(accessKeyId))
