/** The README's first program. */
import { Console, Effect } from "effect"
import { CredentialsProvider } from "effect-aws-identity"
import * as NodeIdentity from "effect-aws-identity/NodeIdentity"

const program = Effect.gen(function*() {
  const { accessKeyId } = yield* CredentialsProvider.get
  yield* Console.log(accessKeyId)
})

Effect.runPromise(Effect.provide(program, NodeIdentity.layer()))
