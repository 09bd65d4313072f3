/** How a contender of ours reaches the server: the ports of `NodeIdentity`, or those of Effect's platform. */
export type Client = "node:http" | "undici" | "the platform's undici"

export const portsOf = async (client: Client) => {
  const { NodeContext, NodeHttpClient, Undici } = await import("@effect/platform-node")
  const { Layer } = await import("effect")
  const { PlatformPorts } = await import("effect-aws-identity")
  const { layerPorts } = await import("effect-aws-identity/NodeIdentity")
  switch (client) {
    case "node:http":
      return layerPorts()
    case "undici":
      return layerPorts({ dispatcher: Undici.getGlobalDispatcher() })
    case "the platform's undici":
      return Layer.provide(PlatformPorts.layer, [NodeContext.layer, NodeHttpClient.layerUndici])
  }
}
