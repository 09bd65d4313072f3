/** Effect's clients as the library's README recommends them: undici for what runs long, node:http for what is brief. */
export type Client = "undici" | "node:http"

export const httpOf = async (client: Client) => {
  const { NodeHttpClient } = await import("@effect/platform-node")
  const { Layer } = await import("effect")
  return client === "undici"
    ? NodeHttpClient.layerUndici
    : Layer.provide(NodeHttpClient.layerWithoutAgent, NodeHttpClient.makeAgentLayer({ keepAlive: true }))
}
