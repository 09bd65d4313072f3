import { HttpClient, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Cause, DateTime, Effect, Either, Exit, FastCheck as fc, Layer, Option, Redacted, Runtime } from "effect"
import { Credentials, IdentityError, Region, Sts } from "effect-aws-identity"
import { overClient } from "./ports.js"

// Servers other than AWS implement STS too, and each writes its own XML. A valid session is decoded. Any other answer
// is a typed error that says what is wrong, in bounded time.

const region = Region.make("eu-west-1")
const credentials = new Credentials.Credentials({
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: Redacted.make("secret"),
  sessionToken: Option.none()
})
const role = { region, roleArn: "arn:aws:iam::111122223333:role/r", roleSessionName: "session" }

const calls = {
  AssumeRole: Effect.flatMap(Sts.Sts, (sts) => sts.assumeRole({ ...role, credentials })),
  AssumeRoleWithWebIdentity: Effect.flatMap(
    Sts.Sts,
    (sts) => sts.assumeRoleWithWebIdentity({ ...role, webIdentityToken: Redacted.make("token") })
  )
}

type Action = keyof typeof calls
const actions: ReadonlyArray<Action> = ["AssumeRole", "AssumeRoleWithWebIdentity"]

const answering = (body: string, status: number) =>
  Sts.layer({ maxAttempts: 1 }).pipe(Layer.provide(overClient(
    HttpClient.make((request) => Effect.sync(() => HttpClientResponse.fromWeb(request, new Response(body, { status }))))
  )))

interface Understood {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiration: string
  readonly accountId?: string
  readonly user?: { readonly arn: string; readonly assumedRoleId: string }
}

/** The session that we decode from an answer, or our error. */
const understood = (action: Action, body: string, status = 200) =>
  Effect.map(
    Effect.either(Effect.provide(calls[action], answering(body, status))),
    Either.map(({ assumedRoleUser, credentials }): Understood => ({
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: Redacted.value(credentials.secretAccessKey),
      sessionToken: Redacted.value(Option.getOrThrow(credentials.sessionToken)),
      expiration: DateTime.formatIso(Option.getOrThrow(credentials.expiration)),
      ...Option.match(credentials.accountId, { onNone: () => ({}), onSome: (accountId) => ({ accountId }) }),
      ...Option.match(assumedRoleUser, { onNone: () => ({}), onSome: (user) => ({ user }) })
    }))
  )

const failureOf = (action: Action, body: string, status = 200) =>
  Effect.flatMap(understood(action, body, status), Either.flip)

// ---------------------------------------------------------------------------------------------------------------
// Answers of known servers
// ---------------------------------------------------------------------------------------------------------------

const accessKeyId = "ASIAIOSFODNN7EXAMPLE"
const secretAccessKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY"
const sessionToken = "FwoGZXIvYXdzEBAaDNHCE/uRYJ+x5FDjNSLzAT4A//u2vQ0=="
const expiration = "2026-11-30T13:34:56Z"
const roleArn = "arn:aws:sts::111122223333:assumed-role/r/session"
const assumedRoleId = "AROA3XFRBF535PLBIFPI4:session"
const namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

const identity = { accessKeyId, secretAccessKey, sessionToken }
const session: Understood = {
  ...identity,
  expiration: "2026-11-30T13:34:56.000Z",
  accountId: "111122223333",
  user: { arn: roleArn, assumedRoleId }
}
const { accountId: _, user: __, ...withoutUser } = session

const keys = `<AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>` +
  `<SessionToken>${sessionToken}</SessionToken>`
const issued = `<Credentials>${keys}<Expiration>${expiration}</Expiration></Credentials>`
const user = `<AssumedRoleUser><Arn>${roleArn}</Arn><AssumedRoleId>${assumedRoleId}</AssumedRoleId></AssumedRoleUser>`
const answer = (action: string, result: string) =>
  `<${action}Response xmlns="${namespace}"><${action}Result>${result}</${action}Result></${action}Response>`

const servers: Readonly<Record<string, readonly [(action: Action) => string, Understood]>> = {
  "AWS": [
    (action) =>
      `<${action}Response xmlns="${namespace}">
  <${action}Result>
    <Audience>sts.amazonaws.com</Audience>
    <AssumedRoleUser>
      <AssumedRoleId>${assumedRoleId}</AssumedRoleId>
      <Arn>${roleArn}</Arn>
    </AssumedRoleUser>
    <Provider>arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com</Provider>
    <Credentials>
      <AccessKeyId>${accessKeyId}</AccessKeyId>
      <SecretAccessKey>${secretAccessKey}</SecretAccessKey>
      <SessionToken>${sessionToken}</SessionToken>
      <Expiration>${expiration}</Expiration>
    </Credentials>
    <SubjectFromWebIdentityToken>repo:me/app:ref:refs/heads/main</SubjectFromWebIdentityToken>
  </${action}Result>
  <ResponseMetadata>
    <RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId>
  </ResponseMetadata>
</${action}Response>
`,
    session
  ],
  "moto, indented by four and in another order": [
    (action) =>
      `<${action}Response xmlns="${namespace}">
    <${action}Result>
        <Credentials>
            <SessionToken>${sessionToken}</SessionToken>
            <SecretAccessKey>${secretAccessKey}</SecretAccessKey>
            <Expiration>2026-11-30T13:34:56.789Z</Expiration>
            <AccessKeyId>${accessKeyId}</AccessKeyId>
        </Credentials>
        <AssumedRoleUser>
            <Arn>${roleArn}</Arn>
            <AssumedRoleId>${assumedRoleId}</AssumedRoleId>
        </AssumedRoleUser>
        <PackedPolicySize>6</PackedPolicySize>
    </${action}Result>
    <ResponseMetadata>
        <RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId>
    </ResponseMetadata>
</${action}Response>`,
    { ...session, expiration: "2026-11-30T13:34:56.789Z" }
  ],
  "LocalStack, on one line after a declaration": [
    (action) =>
      `<?xml version='1.0' encoding='utf-8'?>\n${
        answer(action, issued + user + "<PackedPolicySize>6</PackedPolicySize>")
      }`,
    session
  ],
  "MinIO, which knows no role": [
    (action) =>
      `<?xml version="1.0" encoding="UTF-8"?>
<${action}Response xmlns="${namespace}"><${action}Result><AssumedRoleUser><Arn></Arn><AssumeRoleId></AssumeRoleId>` +
      `</AssumedRoleUser><Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}` +
      `</SecretAccessKey><Expiration>${expiration}</Expiration><SessionToken>${sessionToken}</SessionToken>` +
      `</Credentials><SubjectFromWebIdentityToken>me</SubjectFromWebIdentityToken></${action}Result>` +
      `<ResponseMetadata><RequestId>1600A9FF0D8DF5D6</RequestId></ResponseMetadata></${action}Response>`,
    withoutUser
  ],
  "MinIO's documentation, with empty elements": [
    (action) => answer(action, `<AssumedRoleUser><Arn/><AssumeRoleId/></AssumedRoleUser>${issued}<ResponseMetadata/>`),
    withoutUser
  ],
  "Ceph, with microseconds, a role of no account, and its own spelling": [
    (action) =>
      `<${action}Response><${action}Result><Credentials>${keys}<Expiration>2026-11-30T13:34:56.789012Z</Expiration>` +
      "</Credentials><AssumedRoleUser><Arn>arn:aws:sts:::assumed-role/r/session</Arn>" +
      `<AssumeRoleId>${assumedRoleId}</AssumeRoleId></AssumedRoleUser><PackedPolicySize>0</PackedPolicySize>` +
      `</${action}Result></${action}Response>`,
    {
      ...identity,
      expiration: "2026-11-30T13:34:56.789Z",
      user: { arn: "arn:aws:sts:::assumed-role/r/session", assumedRoleId }
    }
  ],
  "a namespace by prefix": [
    (action) => answer(action, issued + user).replaceAll(/<(\/?)/g, "<$1sts:").replace("xmlns=", "xmlns:sts="),
    session
  ],
  "a byte order mark": [(action) => `\ufeff<?xml version="1.0"?>${answer(action, issued + user)}`, session],
  "CDATA": [
    (action) => answer(action, (issued + user).replaceAll(/>([^<>]+)</g, "><![CDATA[$1]]><")),
    session
  ],
  "characters by their numbers": [
    (action) =>
      answer(action, issued + user).replace(
        sessionToken,
        [...sessionToken].map((c, index) => {
          const code = c.charCodeAt(0)
          return index % 2 === 0 ? `&#${code};` : `&#x${code.toString(16)};`
        }).join("")
      ),
    session
  ],
  "a long token in lines": [
    (action) =>
      answer(action, issued + user).replace(
        sessionToken,
        `\r\n${" ".repeat(8)}${`${sessionToken}abc${sessionToken}`.replaceAll(/.{11}/g, "$&\r\n\t")}\r\n`
      ),
    { ...session, sessionToken: `${sessionToken}abc${sessionToken}` }
  ],
  "attributes, comments and instructions": [
    (action) =>
      `<?xml version="1.0"?><?xml-stylesheet href="a>b"?><!-- <Credentials/> -->` +
      answer(
        action,
        `<!-- - --><Credentials xsi:type="a" title='"&lt;/Credentials>'>${keys}<?x <Expiration/> ?>` +
          `<Expiration when="now">${expiration}</Expiration></Credentials>${user}`
      ),
    session
  ],
  "elements that nobody knows, also of known names elsewhere": [
    (action) =>
      answer(
        action,
        `<Other><Credentials><AccessKeyId>no</AccessKeyId></Credentials></Other>${issued}${user}<Packed/><X a="1"/>` +
          "<SourceIdentity/><PackedPolicySize xsi:nil=\"true\"/><Tags><member>1</member><member>2</member></Tags>"
      ),
    session
  ],
  "nothing but credentials": [(action) => answer(action, issued), withoutUser],
  "an empty role": [(action) => answer(action, `<AssumedRoleUser/>${issued}`), withoutUser]
}

describe("Sts decodes the session of", () => {
  for (const action of actions) {
    it.effect.each(Object.entries(servers))(
      `${action}: %s`,
      ([, [body, expected]]) =>
        Effect.map(
          understood(action, body(action)),
          (result) => assert.deepStrictEqual(Either.getOrThrow(result), expected)
        )
    )
  }

  it.effect.each<readonly [string, string]>([
    ["2026-11-30T13:34:56.789012345Z", "2026-11-30T13:34:56.789Z"],
    ["2026-11-30T13:34:56.7Z", "2026-11-30T13:34:56.700Z"],
    ["2026-11-30T13:34Z", "2026-11-30T13:34:00.000Z"],
    ["2026-11-30T19:04:56.123456+05:30", "2026-11-30T13:34:56.123Z"],
    ["2026-11-30T05:34:56-08:00", "2026-11-30T13:34:56.000Z"],
    ["2026-11-30T13:34:56+0000", "2026-11-30T13:34:56.000Z"],
    // Python's isoformat writes no time zone. The time is UTC, whatever the local time zone.
    ["2026-11-30T13:34:56.123456", "2026-11-30T13:34:56.123Z"],
    ["\n  2026-11-30T13:34:56Z\n", "2026-11-30T13:34:56.000Z"],
    ["2026-11-30T13&#58;34:56Z", "2026-11-30T13:34:56.000Z"]
  ])("ends at %j", ([written, read]) =>
    Effect.map(
      understood("AssumeRole", answer("AssumeRole", issued.replace(expiration, written))),
      (result) => assert.strictEqual(Either.getOrThrow(result).expiration, read)
    ))
})

// ---------------------------------------------------------------------------------------------------------------
// Equivalent spellings of one answer
// ---------------------------------------------------------------------------------------------------------------

interface Node {
  readonly name: string
  readonly content: string | ReadonlyArray<Node>
}

const nodeOf = (name: string, content: Record<string, unknown> | string): Node => ({
  name,
  content: typeof content === "string"
    ? content
    : Object.entries(content).map(([name, content]) => nodeOf(name, content as string))
})

const some = (text: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...text), minLength, maxLength })
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
/** Values of servers whose keys and tokens are not base64. */
const opaque = some(`${letters}+/=_-.&<>"'%;#]![é日😀`, 1, 80)

const sessions: fc.Arbitrary<Understood> = fc.record({
  accessKeyId: some(letters, 4, 20),
  secretAccessKey: opaque,
  sessionToken: opaque,
  expiration: fc.date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true }).map((date) =>
    date.toISOString()
  ),
  accountId: some("0123456789", 12, 12),
  assumedRoleId: opaque,
  name: opaque
}).map(({ accountId, assumedRoleId, name, ...session }) => ({
  ...session,
  accountId,
  user: { arn: `arn:aws:sts::${accountId}:assumed-role/${name}`, assumedRoleId }
}))

const treeOf = (action: Action, { accessKeyId, expiration, secretAccessKey, sessionToken, user }: Understood) =>
  nodeOf(`${action}Response`, {
    [`${action}Result`]: {
      Credentials: {
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        SessionToken: sessionToken,
        Expiration: expiration
      },
      AssumedRoleUser: { AssumedRoleId: user?.assumedRoleId ?? "", Arn: user?.arn ?? "" },
      PackedPolicySize: "6"
    },
    ResponseMetadata: { RequestId: "1234-abc" }
  })

/** Chooses the spelling: each step takes the next number. */
const write = (choices: ReadonlyArray<number>) => {
  let step = 0
  const pick = <A>(...options: readonly [A, ...ReadonlyArray<A>]): A =>
    options[(choices[step++ % choices.length] ?? 0) % options.length] ?? options[0]
  const prefix = pick("", "", "sts:", "ns0:")
  const newline = pick("", "\n", "\r\n", "\n\n")
  const indent = pick("", "  ", "\t", "    ")
  const escape = (text: string) =>
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", pick("&gt;", "&#62;")).replaceAll(
      "\"",
      pick("&quot;", "\"")
    )
  const numbered = (text: string) =>
    [...text].map((c) => pick(`&#${c.codePointAt(0)};`, `&#x${c.codePointAt(0)?.toString(16)};`)).join("")
  const cdata = (text: string) => `<![CDATA[${text.replaceAll("]]>", "]]]]><![CDATA[>")}]]>`
  const written = (text: string) => {
    const [characters, at] = [[...text], pick(0, 1, 5, 60)]
    const [first, rest] = [characters.slice(0, at).join(""), characters.slice(at).join("")]
    return pick(escape, numbered, cdata)(first) + pick("", "<!-- & -->") + pick(escape, numbered, cdata)(rest)
  }
  const attribute = () => pick("", "", " a=\"1\"", " xml:lang='en > de'", "\n  b = \"&lt;\"")
  const unknown = () =>
    pick(
      [],
      [],
      [""],
      ["<Unknown/>"],
      ["<Unknown2>1</Unknown2>", `<${prefix}Unknown2 a="1">2</${prefix}Unknown2>`],
      ["<Other><Credentials>no</Credentials><a><b>c</b></a></Other>"],
      ["<!-- <Credentials> -->", "<?target data?>"]
    )
  const render = ({ content, name }: Node, depth: number): string => {
    const tag = `${prefix}${name}`
    const around = newline === "" ? "" : `${newline}${indent.repeat(depth)}`
    if (typeof content === "string") {
      const padding = pick("", around)
      return `<${tag}${attribute()}>${padding}${written(content)}${padding}</${tag}${pick("", " ")}>`
    }
    const parts = [...content.map((node) => render(node, depth + 1)), ...unknown()]
    const turned = pick(0, 1, 2, 3) % parts.length
    const ordered = [...parts.slice(turned), ...parts.slice(0, turned)]
    const inOrder = pick(true, false) ? ordered : ordered.reverse()
    return `<${tag}${attribute()}>${inOrder.map((part) => around + part).join("")}${around}</${tag}>`
  }
  return (root: Node) =>
    pick("", "<?xml version=\"1.0\"?>", "\ufeff<?xml version='1.0' encoding='UTF-8'?>\n", newline) +
    render(root, 0).replace(/^<[^\s>]+/, `$& xmlns${prefix === "" ? "" : `:${prefix.slice(0, -1)}`}="${namespace}"`) +
    pick("", "\n", "<!-- the end -->")
}

it.effect("Sts decodes equivalent spellings of one XML document to the same session", () =>
  Effect.gen(function*() {
    const runtime = yield* Effect.runtime()
    yield* Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...actions),
          sessions,
          fc.array(fc.nat(1000), { minLength: 1, maxLength: 100 }),
          async (action, session, choices) => {
            const body = write(choices)(treeOf(action, session))
            const result = await Runtime.runPromise(runtime)(understood(action, body))
            assert.deepStrictEqual(result, Either.right(session), body)
          }
        ),
        { numRuns: 300 }
      )
    )
  }))

// ---------------------------------------------------------------------------------------------------------------
// Answers without a valid session
// ---------------------------------------------------------------------------------------------------------------

const action = "AssumeRoleWithWebIdentity"
const whole = answer(action, issued + user)

describe("Sts names what is wrong with an answer that is not a valid session:", () => {
  it.effect.each<readonly [string, string, string]>([
    ["of another operation", answer("AssumeRole", issued), "it has no AssumeRoleWithWebIdentityResult"],
    ["an error with status 200", "<ErrorResponse><Error><Code>X</Code></Error></ErrorResponse>", "it has no"],
    ["a proxy's page", "<html><head><title>Sign in</title></head><body><p>Hello</p></body></html>", "an HTML page"],
    ["a page that is not XML", "<html><body><p>Hello<br></body></html>", "an HTML page"],
    ["a page with a document type", "<!DOCTYPE html><html></html>", "an HTML page"],
    ["XML with a document type", "<!DOCTYPE a><a></a>", "it has a document type"],
    ["JSON", JSON.stringify({ AssumeRoleWithWebIdentityResponse: {} }), "it is not well-formed XML"],
    ["without credentials", answer(action, user), "\"Credentials\" is missing"],
    ["with empty credentials", answer(action, "<Credentials/>"), "\"Credentials\" is missing"],
    ["with credentials twice", answer(action, issued + issued), "\"Credentials\""],
    ["without a key", whole.replace(/<AccessKeyId>.*<\/AccessKeyId>/, ""), "\"Credentials.AccessKeyId\" is missing"],
    ["with an empty key", whole.replace(accessKeyId, ""), "\"Credentials.AccessKeyId\" is missing"],
    ["with a key of white space", whole.replace(accessKeyId, " \n "), "\"Credentials.AccessKeyId\" is missing"],
    ["with two keys", whole.replace("<AccessKeyId>", "<AccessKeyId>A</AccessKeyId>$&"), "\"Credentials.AccessKeyId\""],
    ["with a key of elements", whole.replace(accessKeyId, "<A>1</A>"), "\"Credentials.AccessKeyId\""],
    [
      "without an expiration",
      whole.replace(/<Expiration>.*<\/Expiration>/, ""),
      "\"Credentials.Expiration\" is missing"
    ],
    ["with an expiration that is not a time", whole.replace(expiration, "tomorrow"), "\"Credentials.Expiration\""],
    ["with an expiration on a day that does not exist", whole.replace("11-30", "13-45"), "\"Credentials.Expiration\""],
    [
      "with a packed policy size that is not a number",
      answer(action, `${issued}<PackedPolicySize>x</PackedPolicySize>`),
      "PackedPolicySize"
    ],
    ["cut in half", whole.slice(0, whole.length / 2), "it is not well-formed XML"],
    ["with an end tag of another name", whole.replace("</Credentials>", "</Credential>"), "it is not well-formed XML"]
  ])("%s", ([, body, problem]) =>
    Effect.map(failureOf(action, body), (error) => {
      assert.instanceOf(error, IdentityError.InvalidResponse)
      assert.include(error.message, problem)
      for (const secret of [secretAccessKey, sessionToken]) assert.notInclude(error.message, secret)
    }))

  const error =
    "<Error><Type>Sender</Type><Code>MalformedPolicyDocument</Code><Message>a &lt;b&gt;\n c</Message></Error>"
  const requestId = "<RequestId>1600A9FF0D8DF5D6</RequestId>"

  it.effect.each<readonly [string, string]>([
    ["with a namespace", `<ErrorResponse xmlns="${namespace}">${error}${requestId}</ErrorResponse>`],
    ["without one", `<?xml version="1.0" encoding="UTF-8"?>\n<ErrorResponse>${requestId}${error}</ErrorResponse>`],
    [
      "with a prefix",
      `<s:ErrorResponse xmlns:s="${namespace}">${error}${requestId}</s:ErrorResponse>`.replaceAll(
        /<(\/?)(Error|Code|Message)>/g,
        "<$1s:$2>"
      )
    ],
    ["of Ceph, as S3's", `<?xml version="1.0"?>${error.replace("</Error>", `${requestId}<HostId>h</HostId></Error>`)}`],
    ["of an old Query service", `<Response><Errors>${error}</Errors>${requestId.replaceAll("Id", "ID")}</Response>`],
    ["of several", `<ErrorResponse><Errors>${error}<Error><Code>X</Code></Error></Errors>${requestId}</ErrorResponse>`],
    [
      "with CDATA",
      `<ErrorResponse>${error.replace("a &lt;b&gt;\n c", "<![CDATA[a <b>\n c]]>")}${requestId}</ErrorResponse>`
    ]
  ])("an error %s", ([, body]) =>
    Effect.map(failureOf(action, body, 400), (error) => {
      assert.instanceOf(error, IdentityError.ServiceError)
      assert.deepInclude({ ...error }, {
        code: "MalformedPolicyDocument",
        status: 400,
        requestId: "1600A9FF0D8DF5D6"
      })
      assert.match(error.description ?? "", /^a <b>\s+c$/)
    }))
})

// ---------------------------------------------------------------------------------------------------------------
// Hostile answers
// ---------------------------------------------------------------------------------------------------------------

const mebibyte = 1_048_576
const errorOf = (code: string) => `<ErrorResponse><Error><Code>${code}</Code></Error></ErrorResponse>`
/** Repeats a text as often as it fits into 1 MiB beside the rest of an answer. */
const filled = (text: string) => text.repeat(Math.floor((mebibyte - 2000) / text.length))
const manyOf = (make: (index: number) => string) => Array.from({ length: 50_000 }, (_, index) => make(index)).join("")
const entity = (text: string) => `<!DOCTYPE x [${text}]>${whole.replace(accessKeyId, "&a;")}`
const laughs = Array.from(
  { length: 30 },
  (_, index) => `<!ENTITY l${index + 1} "${`&l${index};`.repeat(10)}">`
).join("")

/** Each is an error with status 200 and 400, or is decoded as if the hostile part were absent. */
const hostile: Readonly<Record<string, string>> = {
  "an entity": entity("<!ENTITY a 'b'>"),
  "a billion laughs": entity(`<!ENTITY l0 "lol">${laughs}<!ENTITY a "&l30;">`),
  "as many laughs as there is room for": entity(`<!ENTITY l0 "lol">${filled("<!ENTITY a '&l0;'>")}`),
  "a long entity many times": `<!DOCTYPE x [<!ENTITY a "${"a".repeat(500_000)}">]><a>${"&a;".repeat(150_000)}</a>`,
  "parameter entities": entity("<!ENTITY % p SYSTEM 'http://127.0.0.1:1/x.dtd'>%p;"),
  "an external entity": entity("<!ENTITY a SYSTEM 'file:///etc/passwd'>"),
  "an external document type": `<!doctype x SYSTEM "http://127.0.0.1:1/x.dtd">${whole}`,
  "10,000 levels": answer(action, `${issued}${"<a>".repeat(10_000)}${"</a>".repeat(10_000)}`),
  "levels that do not end": filled("<a>"),
  "many elements": answer(action, issued + filled("<b/>")),
  "many elements of a name that counts": answer(action, `${issued}<Credentials>${filled("<a/>")}</Credentials>`),
  "many credentials": answer(action, filled(issued)),
  "many elements of many names": answer(action, issued + manyOf((index) => `<b${index}/>`)),
  "many elements and texts": answer(action, issued + filled("x<b/>\n")),
  "many attributes": whole.replace("<Credentials", `$& ${manyOf((index) => `a${index}="1" `)}`),
  "one attribute many times": whole.replace("<Credentials", `$& ${filled("a=\"1\" ")}`),
  "one long attribute": whole.replace("<Credentials", `$& a="${filled("x")}"`),
  "an attribute that does not end": whole.replace("<Credentials", `$& a="${filled("x")}`),
  "spaces before an attribute": whole.replace("<Credentials", `$&${filled(" ")}a="1"`),
  "spaces before a sign": whole.replace("<Credentials", `$& a="1"${filled(" ")}="x"`),
  "a long name": answer(action, `${issued}<${filled("n")}/>`),
  "many prefixes": answer(action, `${issued}<${filled("n:")}n/>`),
  "a long text": whole.replace(secretAccessKey, filled("s")),
  "a long time": whole.replace(expiration, filled("1")),
  "a time of many spaces": whole.replace(expiration, `2026-11-30T${filled(" ")}13:34:56Z`),
  "a long number": answer(action, `${issued}<PackedPolicySize>${filled("9")}</PackedPolicySize>`),
  "a token of spaces": whole.replace(sessionToken, `x${filled(" ")}x`),
  "many references": whole.replace(sessionToken, filled("&#x41;")),
  "many ampersands": whole.replace(sessionToken, filled("&amp;")),
  "many unknown entities": whole.replace(sessionToken, filled("&x;")),
  "a long reference": whole.replace(sessionToken, `&#${filled("1")};`),
  "many signs of references": whole.replace(sessionToken, filled("&")),
  "CDATA that does not end": whole.replace(sessionToken, `<![CDATA[${filled("x")}`),
  "much CDATA": whole.replace(sessionToken, filled("<![CDATA[x]]>")),
  "CDATA that always begins": whole.replace(sessionToken, filled("<![CDATA[")),
  "many comments": answer(action, issued + filled("<!---->")),
  "comments that always begin": answer(action, issued + filled("<!--")),
  "many instructions": answer(action, issued + filled("<?x?>")),
  "instructions that always begin": answer(action, issued + filled("<?")),
  "only beginnings": filled("<"),
  "only ends": filled("</a>"),
  "a record called __proto__": answer(action, `${issued}<__proto__><AssumedRoleUser>x</AssumedRoleUser></__proto__>`),
  "credentials from a prototype": answer(action, `<__proto__>${issued}</__proto__>`),
  "names of objects' members": answer(
    action,
    `${issued}<constructor><prototype>1</prototype></constructor><hasOwnProperty/><toString>1</toString><then>1</then>`
  ),
  "attributes of such names": whole.replace(
    "<Credentials",
    "$& __proto__=\"1\" hasOwnProperty=\"2\" constructor=\"3\""
  ),
  "no characters": whole.replace(sessionToken, "&#0;&#xD800;&#x110000;\u0000\uFFFF"),
  "an error with a long code": errorOf(filled("C")),
  "an error with a long message": errorOf(`X</Code><Message>${filled("m\u0007")}</Message><Code>`),
  "many errors": `<ErrorResponse>${filled(errorOf("X").slice(15, -16))}</ErrorResponse>`,
  "an error called __proto__": "<__proto__><Error><Code>X</Code></Error></__proto__>",
  "an error in a constructor": "<ErrorResponse><constructor><Code>X</Code></constructor></ErrorResponse>"
}

describe("Sts answers within 10 s with a typed error, or the session, for a hostile answer:", () => {
  it.effect.each(Object.entries(hostile))("%s", ([, body]) =>
    Effect.gen(function*() {
      assert.isAtMost(body.length, mebibyte + 500_000)
      for (const status of [200, 400]) {
        const begun = performance.now()
        const exit = yield* Effect.exit(Effect.provide(calls[action], answering(body, status)))
        // An idle machine needs at most a fifth of this time.
        assert.isBelow(performance.now() - begun, 10_000)
        if (Exit.isSuccess(exit)) {
          assert.strictEqual(status, 200)
          assert.strictEqual(exit.value.credentials.accessKeyId, accessKeyId)
          continue
        }
        const error = Option.getOrThrow(Cause.failureOption(exit.cause))
        assert.strictEqual(error._tag, status === 200 ? "InvalidResponse" : "ServiceError")
        assert.isBelow(error.message.length, 2000, "what is wrong, not what was sent")
        assert.notInclude(error.message, secretAccessKey)
      }
      assert.notProperty({}, "AssumedRoleUser")
    }))

  it.effect.each(
    Object.keys(hostile).filter((name) => /entit|laugh|document type/.test(name) && !/unknown/.test(name))
  )(
    "%s is refused before it is parsed",
    (name) =>
      Effect.map(failureOf(action, hostile[name] ?? ""), (error) => {
        assert.match(error.message, /it has a document type|longer than 1 MiB/)
      })
  )

  it.effect("an answer of 1 MiB is read, and a longer one is refused", () =>
    Effect.gen(function*() {
      const sized = (size: number) => `${whole}<!--${" ".repeat(size - whole.length - 7)}-->`
      assert.deepStrictEqual(yield* understood(action, sized(mebibyte)), Either.right(session))
      assert.include((yield* failureOf(action, sized(mebibyte + 1))).message, "longer than 1 MiB")
    }))
})
