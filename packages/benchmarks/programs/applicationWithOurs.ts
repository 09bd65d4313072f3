/** The application with our provider. */
import { Effect, Layer } from "effect"
import * as AwsIdentity from "effect-aws-identity/AwsIdentity"
import * as CredentialsProvider from "effect-aws-identity/CredentialsProvider"
import { main, platform } from "./application.js"

main(
  Effect.gen(function*() {
    const provider = yield* CredentialsProvider.CredentialsProvider
    return (yield* provider.get).accessKeyId
  }).pipe(Effect.provide(Layer.provide(AwsIdentity.layer(), platform)))
)
