import { NodeContext, NodeHttpClient, NodeRuntime, NodeStream } from "@effect/platform-node"
import { Console, Effect, Either, Layer, Redacted, Stream } from "effect"
import { AwsIdentity, SharedConfig, SsoTokenProvider } from "effect-aws-identity"
import { shiftedClock } from "./shiftedClock.js"

// One of many processes on one token file. It says that it is ready; then each line of its input is how far its clock
// is to be ahead of the machine's, in ms, and each line of its output the token it has then, or what went wrong.

const { clock, shift } = shiftedClock()

const main = Effect.gen(function*() {
  const session = yield* SharedConfig.session("corp")
  const tokens = yield* SsoTokenProvider.SsoTokenProvider
  yield* Console.log("ready")
  yield* NodeStream.fromReadable(() => process.stdin, (error) => error).pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.runForEach((line) =>
      Effect.gen(function*() {
        shift(Number(line))
        const token = yield* Effect.either(tokens.get(session))
        yield* Console.log(
          Either.match(token, {
            onLeft: (error) => `error ${error.message}`,
            onRight: ({ accessToken }) => `token ${Redacted.value(accessToken)}`
          })
        )
      })
    )
  )
}).pipe(
  Effect.provide(AwsIdentity.layer().pipe(Layer.provide([NodeContext.layer, NodeHttpClient.layer]))),
  Effect.withClock(clock)
)

NodeRuntime.runMain(main)
