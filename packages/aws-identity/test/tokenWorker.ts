import { NodeRuntime, NodeStream } from "@effect/platform-node"
import { Console, Effect, Either, Layer, Redacted, Stream } from "effect"
import { AwsIdentity, SharedConfig, SsoTokenProvider } from "effect-aws-identity"
import { nodeContext, nodeHttp } from "./ports.js"
import { shiftedClock } from "./shiftedClock.js"

// One of many processes on one token file. It prints `ready`. Each line of its input says how many ms its clock is
// ahead of the machine's. It answers each with `token` and the token it got, or with `error`, the tag and the message.

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
            onLeft: (error) => `error ${error._tag}: ${error.message}`,
            onRight: ({ accessToken }) => `token ${Redacted.value(accessToken)}`
          })
        )
      })
    )
  )
}).pipe(
  Effect.provide(AwsIdentity.layer().pipe(Layer.provide([nodeContext, nodeHttp]))),
  Effect.withClock(clock)
)

NodeRuntime.runMain(main)
