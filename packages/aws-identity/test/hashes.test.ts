/**
 * Compares the two implementations of `#hashes` with published vectors and with each other.
 */
import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as Portable from "../src/internal/hashes.js"
import * as Node from "../src/internal/hashes.node.js"
import { runsOf } from "./proofs.js"

const text = FastCheck.string({ unit: "grapheme", maxLength: 300 })
const bytes = FastCheck.uint8Array({ maxLength: 300 })

describe.each([["node:crypto", Node], ["@noble/hashes", Portable]] as const)("hashes by %s", (_, hashes) => {
  it("computes the SHA-1 and SHA-256 of the examples in FIPS 180", () => {
    assert.strictEqual(hashes.sha1Hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d")
    assert.strictEqual(
      hashes.sha256Hex("abc"),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    assert.strictEqual(hashes.sha256Hex(new Uint8Array([0x61, 0x62, 0x63])), hashes.sha256Hex("abc"))
  })

  it("computes the HMAC-SHA-256 of RFC 4231, test case 2, each time the prepared key signs", () => {
    const expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    const sign = hashes.hmacSha256Hex(new TextEncoder().encode("Jefe"))
    assert.strictEqual(sign("what do ya want for nothing?"), expected)
    assert.strictEqual(sign("what do ya want for nothing?"), expected)
    assert.strictEqual(
      Array.from(
        hashes.hmacSha256("Jefe", "what do ya want for nothing?"),
        (byte) => byte.toString(16).padStart(2, "0")
      )
        .join(""),
      expected
    )
  })
})

describe("hashes", () => {
  it("are the same by node:crypto and by @noble/hashes for any text, bytes and key", () => {
    FastCheck.assert(
      FastCheck.property(text, bytes, (text, bytes) => {
        assert.strictEqual(Node.sha1Hex(text), Portable.sha1Hex(text))
        assert.strictEqual(Node.sha256Hex(text), Portable.sha256Hex(text))
        assert.strictEqual(Node.sha256Hex(bytes), Portable.sha256Hex(bytes))
        assert.strictEqual(Node.hmacSha256Hex(bytes)(text), Portable.hmacSha256Hex(bytes)(text))
        assert.deepStrictEqual(
          Array.from(Node.hmacSha256(text, text)),
          Array.from(Portable.hmacSha256(text, text))
        )
      }),
      runsOf(2000)
    )
  })
})
