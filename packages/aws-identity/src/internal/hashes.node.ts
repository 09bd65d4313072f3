/// <reference types="node" />
// @effect-diagnostics nodeBuiltinImport:off
/** SHA-1, SHA-256 and HMAC of `node:crypto`, for runtimes that have it: Node, Bun and Deno. See `hashes.ts`. */
import { createHash, createHmac, createSecretKey } from "node:crypto"

/** SHA-1 of a text, in lower-case hex. The AWS tools name token files by it. */
export const sha1Hex = (text: string): string => createHash("sha1").update(text, "utf8").digest("hex")

/** SHA-256 of bytes or of a text in UTF-8, in lower-case hex. */
export const sha256Hex = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex")

/** HMAC-SHA-256 of a text. */
export const hmacSha256 = (key: Uint8Array | string, text: string): Uint8Array =>
  createHmac("sha256", key).update(text, "utf8").digest()

/** Prepares a key that signs many texts. The function returns the HMAC-SHA-256 of a text in lower-case hex. */
export const hmacSha256Hex = (key: Uint8Array): (text: string) => string => {
  const prepared = createSecretKey(key)
  return (text) => createHmac("sha256", prepared).update(text, "utf8").digest("hex")
}
