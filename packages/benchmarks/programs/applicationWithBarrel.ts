/** The application with our provider out of our barrel. */
import { Effect, Layer } from "effect"
import { AwsIdentity, CredentialsProvider } from "effect-aws-identity"
import { main, platform } from "./application.js"

main(
  Effect.gen(function*() {
    const provider = yield* CredentialsProvider.CredentialsProvider
    return (yield* provider.get).accessKeyId
  }).pipe(Effect.provide(Layer.provide(AwsIdentity.layer(), platform)))
)
