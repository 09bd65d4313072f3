/**
 * SHA-1, SHA-256 and HMAC for runtimes without `node:crypto`. `#hashes` of package.json chooses between this module and
 * `hashes.node.ts`, which has the same exports and takes a third of the time.
 */
import { hmac } from "@noble/hashes/hmac.js"
import { sha1 } from "@noble/hashes/legacy.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"

const bytesOf = (data: Uint8Array | string): Uint8Array => typeof data === "string" ? utf8ToBytes(data) : data

/** SHA-1 of a text, in lower-case hex. The AWS tools name token files by it. */
export const sha1Hex = (text: string): string => bytesToHex(sha1(utf8ToBytes(text)))

/** SHA-256 of bytes or of a text in UTF-8, in lower-case hex. */
export const sha256Hex = (data: Uint8Array | string): string => bytesToHex(sha256(bytesOf(data)))

/** HMAC-SHA-256 of a text. */
export const hmacSha256 = (key: Uint8Array | string, text: string): Uint8Array =>
  hmac(sha256, bytesOf(key), utf8ToBytes(text))

/** Prepares a key that signs many texts. The function returns the HMAC-SHA-256 of a text in lower-case hex. */
export const hmacSha256Hex = (key: Uint8Array): (text: string) => string => {
  const prepared = hmac.create(sha256, key)
  return (text) => bytesToHex(prepared.clone().update(utf8ToBytes(text)).digest())
}
