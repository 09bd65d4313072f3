/** The application with the provider of AWS SDK v3. */
import { fromSSO } from "@aws-sdk/credential-provider-sso"
import { Effect } from "effect"
import { main, platform } from "./application.js"

main(
  Effect.map(Effect.promise(() => fromSSO()()), ({ accessKeyId }) => accessKeyId).pipe(Effect.provide(platform))
)
