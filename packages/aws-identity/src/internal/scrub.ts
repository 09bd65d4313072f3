/**
 * Redacts known secrets in the output of a server or a program, in whatever encoding the output repeats them.
 *
 * The text is decoded layer by layer: percent-encoding, HTML entities, JSON escapes, quoted-printable, base64, hex and
 * lists of bytes, also nested. Each layer is compared with each spelling of each secret (plain, base64, hex). The
 * comparison ignores letter case, white space and the characters that differ between encodings. Every run of 16
 * characters that a layer shares with a secret is redacted in the original text.
 *
 * Time and memory are linear in the text and the secrets.
 */
import * as Encoding from "effect/Encoding"

/** The secrets of a request or a program, which must not get into an error, a log or a span. */
export interface Secrets {
  /** Replaces secrets by `<redacted>`, and each run of control characters by a space. */
  readonly scrub: (text: string) => string
  /** Whether the text holds a secret or a part of one. */
  readonly isSecret: (text: string) => boolean
}

export const makeSecrets = (secrets: ReadonlyArray<string>): Secrets => {
  let compiled: Compiled | undefined
  const rangesIn = (text: string) => secretRanges(text, compiled ??= compile(secrets))
  return {
    scrub: (text) => redact(text, rangesIn(text)).replace(/\p{Cc}+/gu, " "),
    isSecret: (text) => rangesIn(text).length > 0
  }
}

/** Redacts everything that looks like a secret, for a text whose secrets are not known. */
export const withoutSecretLooking = (text: string): string =>
  secretLooking.reduce((text, pattern) => text.replace(pattern, "$1<redacted>"), text)

/** The first group of each pattern matches the text that stays visible before the secret. */
const secretLooking: ReadonlyArray<RegExp> = [
  // The value of a key with such a name
  /((?:secret|token|password|passwd|credential|api_?key|access_?key)\w*["']?\s*[:=]\s*["']?)(?!<redacted>)[^\s"']{6,}/gi,
  /(\b(?:bearer|basic)\s+)[^\s"']{6,}/gi,
  // A JSON Web Token
  /()\beyJ[\w-]+(?:\.[\w-]*)*/g,
  // AWS's secret access keys (40 characters) and session tokens are base64. In a URL, base64 has percent signs. In
  // PHP's JSON, it has escaped slashes. Long role names contain characters that base64 does not have.
  /()(?:[A-Za-z0-9+/=%]|\\\/){40,}/g,
  // base64url, longer than any name in AWS
  /()[\w-]{65,}/g
]

/** A text that shares so many characters with a secret reveals it. A shorter run may be chance: `https://example`. */
const shortestRun = 16

/** The least length of a run after `canonical` has dropped white space and the like. */
const seedLength = 8

// ---------------------------------------------------------------------------------------------------------------
// Secrets
// ---------------------------------------------------------------------------------------------------------------

interface Compiled {
  /** Secrets of which every run of 16 characters is searched. */
  readonly long: ReadonlyArray<Canonical>
  /** Secrets that are searched as a whole. */
  readonly short: ReadonlyArray<{ readonly text: string; readonly asWord: boolean }>
}

const compile = (secrets: ReadonlyArray<string>): Compiled => {
  const long: Array<Canonical> = []
  const short: Array<Compiled["short"][number]> = []
  const add = (spelling: string, asWord: boolean, isWorthHiding: boolean) => {
    const form = canonical(firstLayer(spelling))
    if (spelling.length >= shortestRun && form.text.length >= seedLength) long.push(form)
    else if (isWorthHiding && form.text !== "") short.push({ text: form.text, asWord })
  }
  for (const secret of new Set(secrets)) {
    if (secret === "") continue
    const isWord = /^[a-z]+$/i.test(secret)
    // "The latest test failed" must stay readable when the secret of a test is `test`. AWS's only secrets that short
    // are MFA codes, which are digits.
    const isWorthHiding = secret.length >= (isWord ? seedLength : 4)
    add(secret, isWord || secret.length < seedLength, isWorthHiding)
    const decoded = nextLayer(firstLayer(secret))
    if (decoded !== undefined && decoded.text.length >= shortestRun) add(decoded.text, false, false)
    const bytes = new TextEncoder().encode(secret)
    // Decoded layers hold one character for each byte, so the UTF-8 bytes of the secret are searched too.
    if (bytes.length > secret.length) add(String.fromCharCode(...bytes.subarray(0, longestEncoded)), false, false)
    // AWS accepts no longer token. The output of a program may be a megabyte, and encoding it would be slow.
    if (bytes.length > longestEncoded) continue
    for (const spelling of [...base64Spellings(bytes), Encoding.encodeHex(bytes)]) {
      add(spelling, false, secret.length >= seedLength && spelling.length >= seedLength)
    }
  }
  return { long, short }
}

const longestEncoded = 65_536

/** The base64 of the bytes inside a longer text. It depends on the number of bytes before them, modulo 3. */
const base64Spellings = (bytes: Uint8Array): ReadonlyArray<string> =>
  [0, 1, 2].map((before) => {
    const padded = new Uint8Array(before + bytes.length)
    padded.set(bytes, before)
    const whole = Encoding.encodeBase64(padded).replace(/=+$/, "")
    // The characters at both ends also encode bits of the bytes around these.
    return whole.slice(before === 0 ? 0 : before + 1, padded.length % 3 === 0 ? undefined : -1)
  })

// ---------------------------------------------------------------------------------------------------------------
// Layers of a text
// ---------------------------------------------------------------------------------------------------------------

/** A decoded text, and where each of its characters begins in the original text. */
interface Layer {
  readonly text: string
  /** Has one entry more than `text` has characters. The last entry is the length of the original text. */
  readonly starts: Int32Array
}

const firstLayer = (text: string): Layer => ({
  text,
  starts: Int32Array.from({ length: text.length + 1 }, (_, index) => index)
})

/** JSON in JSON in a query has three layers of escapes. Real texts do not have more than four. */
const mostEscapes = 4
/** A header of Basic authentication in JSON in base64 has two layers of bytes. */
const mostBytes = 2

interface Layers {
  /** Escapes decoded. */
  readonly texts: ReadonlyArray<Layer>
  /** Bytes decoded, and escapes in them. */
  readonly bytes: ReadonlyArray<Layer>
}

const layersOf = (text: string): Layers => {
  const first = firstLayer(text)
  const layers = { texts: new Array<Layer>(), bytes: new Array<Layer>() }
  const add = (layer: Layer | undefined, escapes: number, bytes: number): void => {
    if (layer === undefined) return
    layers[bytes === 0 ? "texts" : "bytes"].push(layer)
    if (escapes < mostEscapes) add(nextLayer(layer), escapes + 1, bytes)
    if (bytes < mostBytes) add(bytesLayer(layer), escapes, bytes + 1)
  }
  add(first, 0, 0)
  // Only from the original text and without further layers, because `=ab` in `token=ab…` is not quoted-printable.
  add(decodeLayer(first, quotedPrintable), mostEscapes, 0)
  return layers
}

/** Bytes are decoded only in the first so many characters of a text. Messages show less than that. */
const longestDecoded = 32_768

/** Bytes as base64 of both alphabets, hex, or decimal numbers, wrapped or not. */
const byteRuns = {
  base64: /[\w+/-](?:[\s\p{Cf}\\]*[\w+/-]){21,}/gu,
  hex: /[0-9a-f]{2}(?:[\s:-]?[0-9a-f]{2}){15,}/gi,
  decimal: /\b\d{1,3}(?:[\s,]+\d{1,3}\b){15,}/g
}

const base64Digits: ReadonlyMap<string, number> = new Map([
  ...Array.from(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    (digit, value) => [digit, value] as const
  ),
  ["-", 62] as const,
  ["_", 63] as const
])

/** Separates decoded runs. U+FFFF is not a character, so texts do not contain it and no decoding drops it. */
const endOfRun = 0xffff

/** The bytes that the layer's runs encode, one character for each byte; undefined if the layer has no such run. */
const bytesLayer = (layer: Layer): Layer | undefined => {
  const text = layer.text.slice(0, longestDecoded)
  let result = ""
  const starts: Array<number> = []
  const emit = (byte: number, at: number): void => {
    result += String.fromCharCode(byte)
    starts.push(layer.starts[at] ?? 0)
  }
  /** Decodes digits of `bits` bits, once from each of the first digits: another word may stand before them. */
  const decode = (pattern: RegExp, bits: 4 | 6, valueOf: (digit: string) => number | undefined): void => {
    const perGroup = bits === 6 ? 4 : 2
    for (const { 0: run, index } of text.matchAll(pattern)) {
      const digits: Array<readonly [value: number, at: number]> = []
      for (let at = 0; at < run.length; at++) {
        const value = valueOf(run.charAt(at))
        if (value !== undefined) digits.push([value, index + at])
      }
      for (let first = 0; first < perGroup; first++) {
        for (let digit = first; digit + 1 < digits.length; digit++) {
          const [value, at] = digits[digit] ?? [0, 0]
          const next = digits[digit + 1]?.[0] ?? 0
          const place = (digit - first) % perGroup
          if (place === perGroup - 1) continue
          emit((bits === 4 ? value << 4 | next : value << 2 + 2 * place | next >> 4 - 2 * place) & 0xff, at)
        }
        emit(endOfRun, index + run.length)
      }
    }
  }
  decode(byteRuns.base64, 6, (digit) => base64Digits.get(digit))
  decode(byteRuns.hex, 4, (digit) => /[0-9a-f]/i.test(digit) ? parseInt(digit, 16) : undefined)
  for (const { 0: run, index } of text.matchAll(byteRuns.decimal)) {
    for (const number of run.matchAll(/\d+/g)) emit(Number(number[0]) & 0xff, index + number.index)
    emit(endOfRun, index + run.length)
  }
  if (starts.length === 0) return undefined
  return { text: result, starts: Int32Array.from([...starts, layer.starts[text.length] ?? 0]) }
}

/** A text with one layer of its escapes decoded. */
export const unescape = (text: string): string => nextLayer(firstLayer(text))?.text ?? text

const nextLayer = (layer: Layer): Layer | undefined => {
  const unwrapped = decodeLayer(layer, wrapping)
  return decodeLayer(unwrapped ?? layer, escapes) ?? unwrapped
}

/**
 * A line break with the indentation of the next line, invisible characters, and HTML elements without attributes such
 * as `<wbr>`. Each of them may stand in the middle of an escape.
 */
const wrapping = /[\r\n]\s*|[\p{Cc}\p{Cf}]+|<\/?[a-z]{1,10}\s?\/?>/gui

const escapes =
  /((?:%[c-f][0-9a-f])(?:%[89ab][0-9a-f]){1,3})|%u([0-9a-f]{4})|%([0-9a-f]{2})|&#(\d{1,7});?|&#x([0-9a-f]{1,6});?|&([a-z]{2,15});|\\u([0-9a-f]{4})|\\u\{([0-9a-f]{1,6})\}|\\x([0-9a-f]{2})|\\([^])/gi

const quotedPrintable = /((?:=[c-f][0-9a-f])(?:=[89ab][0-9a-f]){1,3})|=([0-9a-f]{2})|=\r?\n/gi

const decodeLayer = ({ starts, text }: Layer, pattern: RegExp): Layer | undefined => {
  const decoded = new Int32Array(starts.length)
  let result = ""
  let end = 0
  const copyUntil = (next: number) => {
    decoded.set(starts.subarray(end, next), result.length)
    result += text.slice(end, next)
  }
  for (const match of text.matchAll(pattern)) {
    const character = pattern === wrapping ? "" : characterOf(match)
    if (character === undefined) continue
    copyUntil(match.index)
    decoded.fill(starts[match.index] ?? 0, result.length, result.length + character.length)
    result += character
    end = match.index + match[0].length
  }
  if (end === 0) return undefined
  copyUntil(text.length)
  decoded[result.length] = starts[text.length] ?? 0
  return { text: result, starts: decoded.subarray(0, result.length + 1) }
}

const characterOf = (match: RegExpMatchArray): string | undefined => {
  const [whole, ...groups] = match
  const index = groups.findIndex((group) => group !== undefined)
  const group = groups[index]
  if (group === undefined) return "\n"
  // UTF-8 of a character outside ASCII
  if (index === 0) return decoder.decode(Uint8Array.from(group.slice(1).split(/[%=]/), (byte) => parseInt(byte, 16)))
  if (whole.startsWith("&") && !whole.startsWith("&#")) return entities.get(group) ?? entities.get(group.toLowerCase())
  if (whole.startsWith("\\") && index === 9) return jsonEscapes.get(group) ?? group
  const code = parseInt(group, /^&#\d/.test(whole) ? 10 : 16)
  return code > 0x10ffff ? undefined : String.fromCodePoint(code)
}

const decoder = /* @__PURE__ */ new TextDecoder()

const jsonEscapes: ReadonlyMap<string, string> = new Map([
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"]
])

/** HTML's names of the characters that stand in tokens, URLs and passwords. */
const entities: ReadonlyMap<string, string> = new Map(Object.entries({
  amp: "&",
  apos: "'",
  ast: "*",
  bsol: "\\",
  colon: ":",
  comma: ",",
  commat: "@",
  dollar: "$",
  equals: "=",
  excl: "!",
  grave: "`",
  gt: ">",
  hat: "^",
  hyphen: "-",
  dash: "-",
  lbrace: "{",
  lbrack: "[",
  lcub: "{",
  lowbar: "_",
  lpar: "(",
  lsqb: "[",
  lt: "<",
  nbsp: " ",
  newline: "\n",
  num: "#",
  percnt: "%",
  period: ".",
  plus: "+",
  quest: "?",
  quot: "\"",
  rbrace: "}",
  rbrack: "]",
  rcub: "}",
  rpar: ")",
  rsqb: "]",
  semi: ";",
  shy: "-",
  sol: "/",
  tab: "\t",
  tilde: "~",
  verbar: "|",
  vert: "|",
  zerowidthspace: "\n"
}))

/** The form of a layer that is compared: without the differences that encodings, line breaks and letter case make. */
interface Canonical {
  readonly text: string
  /** Where each character stands in the layer. */
  readonly places: Int32Array
  readonly layer: Layer
}

const canonical = (layer: Layer): Canonical => {
  const places = new Int32Array(layer.text.length)
  let text = ""
  for (const { 0: run, index: start } of layer.text.matchAll(compared)) {
    for (let index = 0; index < run.length; index++) places[text.length + index] = start + index
    text += run
  }
  return {
    text: text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()).replaceAll("_", "/"),
    places: places.subarray(0, text.length),
    layer
  }
}

/**
 * The characters that are compared. White space and invisible characters are left out because wrapping adds them, `\`
 * because it escapes, `+` because it is a space in a form, and `-` because base64url has it instead of `+`.
 */
const compared = /[^\s\p{Cc}\p{Cf}\\+-]+/gu

// ---------------------------------------------------------------------------------------------------------------
// Comparison
// ---------------------------------------------------------------------------------------------------------------

type Range = readonly [start: number, end: number]

/** The ranges of the text that hold secrets, in order and without overlap. */
const secretRanges = (text: string, { long, short }: Compiled): ReadonlyArray<Range> => {
  if (long.length + short.length === 0) return []
  const { bytes, texts } = layersOf(text)
  const readable = texts.map(canonical)
  const layers = [...readable, ...bytes.map(canonical)]
  const ranges: Array<Range> = []
  const mark = ({ layer: { starts }, places }: Canonical, at: number, length: number) => {
    const start = starts[places[at] ?? 0] ?? 0
    let end = starts[(places[at + length - 1] ?? 0) + 1] ?? text.length
    // Decoding drops the white space between the secret and the next word. That space is not part of the secret.
    while (end > start && /[\s\p{Cc}\p{Cf}]/u.test(text.charAt(end - 1))) end--
    ranges.push([start, end])
  }

  const runs = sharedRuns(layers, long)
  if (runs.seeds.size > 0) {
    for (const layer of layers) {
      eachSeed(layer.text, (seed, at) => {
        if (!runs.seeds.has(seed)) return
        for (const length of runs.lengths) {
          if (runs.texts.has(layer.text.slice(at, at + length))) mark(layer, at, length)
        }
      })
    }
  }
  for (const layer of readable) {
    for (const { asWord, text } of short) {
      for (let at = layer.text.indexOf(text); at >= 0; at = layer.text.indexOf(text, at + text.length)) {
        if (!asWord || isWordAt(layer, at, text.length)) mark(layer, at, text.length)
      }
    }
  }
  return merged(ranges)
}

/** The runs of 16 characters of the secrets whose first `seedLength` characters also occur in a layer. */
const sharedRuns = (layers: ReadonlyArray<Canonical>, secrets: ReadonlyArray<Canonical>) => {
  // Most secrets do not occur in the text. A table of hashes finds that out without a string for each run.
  const size = 2 ** Math.ceil(Math.log2(1024 + 8 * layers.reduce((sum, { text }) => sum + text.length, 0)))
  const table = new Uint8Array(size)
  for (const { text } of layers) {
    eachSeed(text, (seed) => {
      table[seed & (size - 1)] = 1
    })
  }
  const seeds = new Set<number>()
  const texts = new Set<string>()
  const lengths = new Set<number>()
  for (const { layer, places, text } of secrets) {
    eachSeed(text, (seed, at) => {
      if (table[seed & (size - 1)] !== 1) return
      // A run may begin with characters that `canonical` drops. Such a run has fewer of the compared characters.
      for (const start of new Set([at === 0 ? 0 : (places[at - 1] ?? 0) + 1, places[at] ?? 0])) {
        if (at > 0 && start + shortestRun > layer.text.length) continue
        let length = seedLength
        while ((places[at + length] ?? Infinity) < start + shortestRun) length++
        seeds.add(seed)
        lengths.add(length)
        texts.add(text.slice(at, at + length))
      }
    })
  }
  return { seeds, texts, lengths }
}

/** Calls `visit` with a rolling hash of every 8 characters. The cost for each character does not depend on the 8. */
const eachSeed = (text: string, visit: (seed: number, at: number) => void): void => {
  let seed = 0
  for (let index = 0; index < text.length; index++) {
    seed = Math.imul(seed, multiplier) + text.charCodeAt(index) | 0
    if (index >= seedLength) seed = seed - Math.imul(text.charCodeAt(index - seedLength), multiplierOfDropped) | 0
    // The low bits of a polynomial hash depend on the last characters only.
    if (index >= seedLength - 1) visit(seed ^ (seed >>> 15), index - seedLength + 1)
  }
}

const multiplier = 0x01000193
const multiplierOfDropped = Array.from({ length: seedLength }).reduce<number>(
  (power) => Math.imul(power, multiplier),
  1
)

const isWordAt = ({ layer: { text }, places }: Canonical, at: number, length: number): boolean => {
  const first = places[at] ?? 0
  const last = places[at + length - 1] ?? 0
  return !/[\p{L}\p{N}]/u.test(text.charAt(first - 1)) && !/[\p{L}\p{N}]/u.test(text.charAt(last + 1))
}

const merged = (ranges: ReadonlyArray<Range>): ReadonlyArray<Range> => {
  const result: Array<[start: number, end: number]> = []
  for (const [start, end] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1)
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end)
    else result.push([start, end])
  }
  return result
}

const redact = (text: string, ranges: ReadonlyArray<Range>): string => {
  let result = ""
  let shownFrom = 0
  for (const [start, end] of ranges) {
    result += `${text.slice(shownFrom, start)}<redacted>`
    shownFrom = end
  }
  return result + text.slice(shownFrom)
}
