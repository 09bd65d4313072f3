import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { makeSecrets } from "../src/internal/scrub.js"

const alphabets = {
  base64: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=",
  base64url: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.",
  printable: Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).join("")
}

const textOf = (alphabet: string, minLength: number, maxLength: number) =>
  FastCheck.array(FastCheck.constantFrom(...alphabet), { minLength, maxLength }).map((all) => all.join(""))

const token = FastCheck.oneof(textOf(alphabets.base64, 24, 120), textOf(alphabets.base64url, 24, 120))

const hex = (character: string) => character.charCodeAt(0).toString(16).padStart(2, "0")

/** Spellings whose encoding does not depend on the text around them, each with its decoder. */
const encodings: ReadonlyArray<
  readonly [name: string, encode: (text: string) => string, decode: (text: string) => string]
> = [
  ["as it is", (text) => text, (text) => text],
  ["percent-encoded", encodeURIComponent, decodeURIComponent],
  [
    "percent-encoded in lower case",
    (text) => encodeURIComponent(text).replace(/%../g, (c) => c.toLowerCase()),
    decodeURIComponent
  ],
  [
    "percent-encoded in every character",
    (text) => [...text].map((c) => c < "\u0080" ? `%${hex(c)}` : encodeURIComponent(c)).join(""),
    decodeURIComponent
  ],
  [
    "HTML",
    (text) => [...text].map((c) => /\w/.test(c) ? c : `&#${c.charCodeAt(0)};`).join(""),
    (text) => text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
  ],
  [
    "JSON",
    (text) => [...text].map((c) => /[\w<> ]/.test(c) ? c : `\\u${hex(c).padStart(4, "0")}`).join(""),
    (text) => text.replace(/\\u(....)/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)))
  ],
  [
    "JSON with escaped slashes",
    (text) => text.replaceAll("/", "\\/"),
    (text) => text.replaceAll("\\/", "/")
  ],
  ["with line breaks", (text) => text.replace(/.{9}/g, "$&\r\n "), (text) => text.replace(/\s+/g, "")],
  ["with zero-width spaces", (text) => text.replace(/.{2}/g, "$&\u200b"), (text) => text.replaceAll("\u200b", "")],
  ["upper case", (text) => text.toUpperCase(), (text) => text.toLowerCase()]
]

const layered = FastCheck.array(FastCheck.constantFrom(...encodings), { minLength: 1, maxLength: 2 })

const runs = (text: string, length = 16): ReadonlyArray<string> =>
  Array.from({ length: Math.max(text.length - length + 1, 0) }, (_, at) => text.slice(at, at + length))

describe("makeSecrets.scrub", () => {
  it("redacts every run of 16 characters of a cut secret, in any two nested spellings", () => {
    FastCheck.assert(
      FastCheck.property(token, layered, FastCheck.nat(), FastCheck.nat(), (secret, spellings, from, length) => {
        const start = from % (secret.length - 16)
        const part = secret.slice(start, start + 16 + length % secret.length)
        const spelled = spellings.reduce((text, [, encode]) => encode(text), part)
        const shown = makeSecrets([secret]).scrub(`refused "${spelled}": try again`)
        const decoded = spellings.reduceRight((text, [, , decode]) => {
          try {
            return decode(text)
          } catch {
            return text
          }
        }, shown).replace(/\s+/g, "").toLowerCase()
        assert.include(shown, "<redacted>")
        for (const run of runs(secret.toLowerCase())) assert.notInclude(decoded, run)
      }),
      { numRuns: 5000 }
    )
  })

  it("redacts the base64 and hex of a secret inside a longer encoded text", () => {
    const around = textOf(alphabets.printable, 0, 8)
    FastCheck.assert(
      FastCheck.property(token, around, around, (secret, before, after) => {
        const whole = `${before}${secret}${after}`
        for (const encoding of ["base64", "base64url", "hex"] as const) {
          const spelled = Buffer.from(whole).toString(encoding)
          const shown = makeSecrets([secret]).scrub(`got ${spelled}.`)
          assert.match(shown, /^got [\w+/=-]{0,19}<redacted>[\w+/=-]{0,19}\.$/, encoding)
        }
      }),
      { numRuns: 2000 }
    )
  })

  it("redacts a whole secret of 8 to 15 characters that is not a word, and leaves the text around it", () => {
    FastCheck.assert(
      FastCheck.property(textOf(alphabets.printable, 8, 15), (secret) => {
        FastCheck.pre(/^\w*\d\w*$/.test(secret))
        const { scrub } = makeSecrets([secret])
        assert.strictEqual(
          scrub(`PIN ${encodeURIComponent(secret)}, PIN ${secret}.`),
          "PIN <redacted>, PIN <redacted>."
        )
      }),
      { numRuns: 200 }
    )
  })

  it("returns a text without secrets unchanged, except for control characters", () => {
    FastCheck.assert(
      FastCheck.property(token, FastCheck.fullUnicodeString({ maxLength: 300 }), (secret, text) => {
        assert.strictEqual(makeSecrets([secret, "test", "s", ""]).scrub(text), text.replace(/\p{Cc}+/gu, " "))
      }),
      { numRuns: 3000 }
    )
  })

  it("keeps short secrets that are ordinary words, and redacts longer ones only as whole words", () => {
    const { scrub } = makeSecrets(["test", "secret", "password", "hunter2", "123456"])
    assert.strictEqual(
      scrub("the latest test of a secret, test.test, passwords, hunter22 and 1234567"),
      "the latest test of a secret, test.test, passwords, hunter22 and 1234567"
    )
    assert.strictEqual(scrub("wrong password: hunter2/123456"), "wrong <redacted>: <redacted>/<redacted>")
  })

  const spellings: Readonly<Record<string, string>> = {
    "HTML entities by name": "ab&plus;cd&sol;&equals;ef&lowbar;0123&period;456789",
    "HTML entities in hexadecimal": "ab&#x2b;cd&#x2F;&#x3d;ef&#x5f;0123&#x2e;456789",
    "escapes of JavaScript": "ab\\x2bcd\\x2f\\x3def\\x5f0123\\x2e456789",
    "quoted-printable": "ab+cd/=3D=\r\nef_0123.45=\n6789",
    "a form, in which a plus sign is a space": "ab cd/=ef_0123.456789",
    "base64url instead of base64": "ab-cd_=ef_0123.456789"
  }
  it.each(Object.entries(spellings))("redacts the whole secret in %s", (_, spelled) => {
    assert.strictEqual(makeSecrets(["ab+cd/=ef_0123.456789"]).scrub(`was "${spelled}".`), "was \"<redacted>\".")
  })

  const nested: Readonly<Record<string, (secret: string) => string>> = {
    "base64 of JSON with escaped slashes": (secret) =>
      Buffer.from(JSON.stringify({ token: secret }).replaceAll("/", "\\/")).toString("base64"),
    "Basic authentication in JSON in base64url": (secret) =>
      Buffer.from(`{"a":"Basic ${Buffer.from(`user:${secret}`).toString("base64")}"}`).toString("base64url"),
    "hex of percent-encoding": (secret) => Buffer.from(encodeURIComponent(secret)).toString("hex"),
    "hex with colons": (secret) => Buffer.from(secret).toString("hex").replace(/..(?!$)/g, "$&:"),
    "a buffer in JSON": (secret) => JSON.stringify(Buffer.from(secret)),
    "base64 in lines of MIME, percent-encoded": (secret) =>
      encodeURIComponent(Buffer.from(`x${secret}`).toString("base64").replace(/.{20}/g, "$&\r\n")),
    "HTML with word breaks": (secret) => secret.replace(/.{5}/g, "$&<wbr>"),
    "HTML with elements": (secret) => secret.replace(/.{5}/g, "<b>$&</b>")
  }
  it.each(Object.entries(nested))("redacts a secret as %s, and leaves the text around it", (_, spell) => {
    FastCheck.assert(
      FastCheck.property(token, (secret) => {
        const shown = makeSecrets([secret]).scrub(`the token ${spell(secret)} was refused`)
        assert.match(shown, /^the token .{0,30}<redacted>.{0,30} ?was refused$/)
        const bytes = shown.match(/[\w+/-]{12,}/g) ?? []
        for (const run of runs(secret)) {
          assert.notInclude(shown, run)
          for (const text of bytes) assert.notInclude(Buffer.from(text, "base64").toString(), run)
        }
      }),
      { numRuns: 200 }
    )
  })

  it("redacts a secret after a character that begins an escape in other texts", () => {
    const secret = "abcdef0123456789"
    const { scrub } = makeSecrets([secret])
    for (const before of ["%", "=", "\\u", "&", "&#", "%u", "client_secret=", "100%"]) {
      assert.strictEqual(scrub(before + secret), `${before}<redacted>`)
    }
  })

  it("redacts a secret with characters outside ASCII, plain and percent-encoded", () => {
    const secret = "Schlüssel-für-Größe-und-Übermut"
    assert.strictEqual(makeSecrets([secret]).scrub(`was ${encodeURIComponent(secret)}.`), "was <redacted>.")
    assert.strictEqual(makeSecrets([secret]).scrub(`was ${secret}.`), "was <redacted>.")
  })

  it("handles long repetitive texts with repetitive secrets of ten kilobytes", () => {
    const { scrub } = makeSecrets(["a".repeat(10_000), "ab1".repeat(3_000)])
    assert.strictEqual(scrub("a".repeat(262_144)), "<redacted>")
    for (const text of ["\\", "%", "%25", "&#", "&amp;", "=3D", "aaaaaaa ", "a%61"]) {
      scrub(text.repeat(10_000))
    }
  })
})
