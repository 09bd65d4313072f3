import { Console, Effect } from "effect"
import { CredentialsProvider } from "effect-aws-identity"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"

const program = Effect.gen(function*() {
  const credentials = yield* CredentialsProvider.get // cached, refreshed before they expire, one request for all
  yield* Console.log(credentials.accessKeyId) // the secrets beside it are Redacted
})

Effect.runPromise(Effect.provide(program, NodeIdentity.layer({ profile: "dev" })))
