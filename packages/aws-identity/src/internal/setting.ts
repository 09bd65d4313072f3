/**
 * Parses the settings of config files and environment variables. For a value that AWS does not accept, says what is
 * wrong with it and what to write.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as AccountId from "../AccountId.js"
import { Region } from "../Region.js"
import { isEndpointUrl } from "./endpoint.js"

/** The values that a setting can have. */
export interface Setting<A> {
  /** Completes "Write …": `the 12 digits of the account id`. */
  readonly description: string
  readonly parse: (text: string) => A | undefined
  /** Explains mistakes that are specific to this setting. `problem` completes "a value that …". */
  readonly explain?: (text: string) => Mistake | undefined
  /** Whether a wrong value could hold a secret, such as the password in a URL. */
  readonly isHidden?: boolean
}

/** What is wrong with a value, as a clause whose subject is the value, and what to do. */
export interface Mistake {
  readonly problem: string
  readonly remedy: string
}

/** Where the text of a setting comes from. */
export type Place = "file" | "variable"

/** Parses a setting without its outer white space, or says what is wrong with its text. */
export const readSetting = <A>(setting: Setting<A>, text: string, place: Place): Either.Either<A, Mistake> => {
  const trimmed = text.trim()
  const value = setting.parse(trimmed)
  return value === undefined ? Either.left(mistakeIn(setting, trimmed, place)) : Either.right(value)
}

/** Parses a setting, or fails with the error that `toError` makes of the mistake. */
export const checkSetting = <A, E>(
  setting: Setting<A>,
  text: string,
  place: Place,
  toError: (mistake: Mistake) => E
): Effect.Effect<A, E> =>
  Either.match(readSetting(setting, text, place), {
    onLeft: (mistake) => Effect.fail(toError(mistake)),
    onRight: Effect.succeed
  })

/** Names the setting, its value if it is not secret, and the mistake: `sso_account_id = 1234, which has 4 digits …`. */
export const describeMistake = (
  name: string,
  text: string,
  { isHidden = false }: Pick<Setting<unknown>, "isHidden">,
  { problem }: Mistake
): string =>
  isHidden || mayHoldSecret(text)
    ? `a value of ${name} that ${problem}`
    : `${name} = ${visible(text.trim())}, which ${problem}`

/** Writes characters outside printable ASCII as `\u{…}`, and cuts the text after 80 characters. */
export const visible = (text: string): string => {
  const characters = [...text].map((character) =>
    /[\x20-\x7e]/.test(character) ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  )
  return characters.length > 80 ? `${characters.slice(0, 80).join("")}…` : characters.join("")
}

/**
 * Whether the text may hold a JWT, an access key, a token or the password of a URL by mistake. Errors do not show such a
 * text.
 */
const mayHoldSecret = (text: string): boolean =>
  /eyJ[\w-]{8}/.test(text) ||
  /:\/\/[^/\s]*@/.test(text) ||
  (!/^["']?(?:arn:|https?:|[/~.])/.test(text.trim()) &&
    /(?=[\w+/=.-]*\d)(?=[\w+/=.-]*[A-Za-z])[\w+/=.-]{32}/.test(text))

const mistakeIn = (setting: Setting<unknown>, text: string, place: Place): Mistake =>
  generalMistake(text, place, setting.isHidden) ??
    setting.explain?.(text) ??
    lookAlike(setting, text) ??
    { problem: `is not ${setting.description}`, remedy: `Write ${setting.description}.` }

/** Mistakes that every setting can have. */
const generalMistake = (text: string, place: Place, isHidden = false): Mistake | undefined => {
  if (/[\r\n]/.test(text)) {
    return {
      problem: "goes on after the end of its line",
      remedy: place === "file"
        ? "Write it in one line. A line that begins with white space continues the line above."
        : "Set it to one line."
    }
  }
  const [placeholder] =
    /\$\{[^}]{0,40}\}?|\$\([^)]{0,40}\)?|\$[A-Za-z_]\w*|\{\{.{0,40}\}\}|%[A-Za-z_]\w*%/.exec(text) ?? []
  if (placeholder !== undefined) {
    return {
      problem: `contains ${isHidden ? "a placeholder" : visible(placeholder)}, which ${
        place === "file" ? "is not expanded in this file" : "nothing has expanded"
      }`,
      remedy: "Write the value itself."
    }
  }
  if (/^<.*>$/.test(text)) {
    return { problem: "is in brackets", remedy: "Write the value itself, without < and >." }
  }
  if (/^["'`\u2018-\u201f\u00ab\u00bb]|["'`\u2018-\u201f\u00ab\u00bb]$/.test(text)) {
    return {
      problem: place === "file" ? "is in quotes: AWS's config files have none" : "is in quotes",
      remedy: "Remove the quotes."
    }
  }
  const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.exec(text)?.[0]
  return invisible === undefined ? undefined : {
    problem: `contains the invisible character ${codePointOf(invisible)}`,
    remedy: "Type it anew: invisible characters come from copied text."
  }
}

const codePointOf = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`

/** Characters of other alphabets that look like those of AWS: full-width digits, long dashes, Cyrillic letters. */
const lookAlike = (setting: Setting<unknown>, text: string): Mistake | undefined => {
  const foreign = /[^\x20-\x7e]/u.exec(text)?.[0]
  if (foreign === undefined) return undefined
  const plain = text.normalize("NFKC").replace(/[\u2010-\u2015\u2212]/g, "-")
  return {
    problem: `contains the character ${codePointOf(foreign)}, which is not ASCII`,
    remedy: `Write ${
      setting.parse(plain) === undefined || setting.isHidden === true || mayHoldSecret(plain)
        ? setting.description
        : plain
    }.`
  }
}

/** The characters of AWS's `[\w+=,.@-]`. */
const nameCharacters = "letters, digits and _+=,.@-"

/** A text of `min` to `max` allowed characters. */
const textOf = (
  { allowed, description, max, min, pattern }: {
    readonly description: string
    readonly min: number
    readonly max: number
    /** One character that is not allowed. */
    readonly pattern: RegExp
    readonly allowed: string
  }
): Setting<string> => ({
  description,
  parse: (text) => {
    // AWS's models count characters, not UTF-16 units.
    const { length } = [...text]
    return length >= min && length <= max && !pattern.test(text) ? text : undefined
  },
  explain: (text) => {
    const { length } = [...text]
    const refused = pattern.exec(text)?.[0]
    if (refused !== undefined && /[\x20-\x7e]/.test(refused)) {
      return { problem: `contains "${refused}"`, remedy: `Use ${allowed} only.` }
    }
    return length >= min && length <= max ? undefined : {
      problem: `has ${length} ${length === 1 ? "character" : "characters"}`,
      remedy: `Use ${min} to ${max} characters.`
    }
  }
})

export const accountId: Setting<AccountId.AccountId> = {
  description: "the 12 digits of the account id",
  parse: (text) => Option.getOrUndefined(AccountId.option(text)),
  explain: (text) => {
    if (/^\d+$/.test(text)) {
      return {
        problem: `has ${text.length} ${text.length === 1 ? "digit" : "digits"} instead of 12`,
        remedy: text.length < 12 ? "Write all 12 digits, also the zeros at the beginning." : "Write the 12 digits."
      }
    }
    const digits = text.replace(/[ \-.,_]/g, "")
    if (/^\d{12}$/.test(digits)) {
      return { problem: "has other characters between its digits", remedy: `Write ${digits}.` }
    }
    const inArn = /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(text)?.[1]
    if (inArn !== undefined) return { problem: "is an ARN", remedy: `Write its account id: ${inArn}.` }
    return /^[A-Za-z][\w .-]*$/.test(text)
      ? { problem: "is a name", remedy: "Write the 12 digits of the account id: names and aliases do not work here." }
      : undefined
  }
}

/** The name of a permission set. AWS itself enforces its limit of 32 characters. */
export const roleName: Setting<string> = (() => {
  const setting = textOf({
    description: "the name of the permission set",
    min: 1,
    max: 64,
    pattern: /[^\w+=,.@-]/,
    allowed: nameCharacters
  })
  return {
    ...setting,
    explain: (text) =>
      text.startsWith("arn:")
        ? { problem: "is an ARN", remedy: "Write the name of the permission set, such as AdministratorAccess." }
        : setting.explain?.(text)
  }
})()

export const roleArn: Setting<string> = {
  description: "the ARN of a role, such as arn:aws:iam::123456789012:role/name",
  parse: (text) => arnProblem(text) === undefined ? text : undefined,
  explain: (text) => arnProblem(text)
}

const arnRemedy = "Write the ARN of a role: arn:aws:iam::123456789012:role/name."

/** What is wrong with an ARN. Servers other than AWS have their own partitions and accounts, or no account. */
const arnProblem = (text: string): Mistake | undefined => {
  const [scheme = "", partition = "", service = "", region = "", account = "", ...rest] = text.split(":")
  const resource = rest.join(":")
  if (/[^\x20-\x7e]/.test(text)) return lookAlike({ description: "the ARN of a role", parse: () => undefined }, text)
  if (/\s/.test(text)) return { problem: "contains white space", remedy: "Remove it." }
  const odd = /[$%{}<>"'`\\]/.exec(text)?.[0]
  if (odd !== undefined) return { problem: `contains ${odd}`, remedy: arnRemedy }
  if (scheme !== "arn") {
    return /^[\w+=,.@/-]+$/.test(text)
      ? { problem: "is not an ARN", remedy: arnRemedy }
      : { problem: "does not begin with arn:", remedy: arnRemedy }
  }
  if (service === "sts" && resource.startsWith("assumed-role/")) {
    return {
      problem: "is the ARN of a session, which cannot be assumed",
      remedy: `Write the ARN of its role: arn:${partition}:iam::${account}:role/${resource.split("/")[1] ?? "name"}.`
    }
  }
  if (service === "iam" && /^\d+$/.test(account) && account.length !== 12) {
    return {
      problem: `has an account id of ${account.length} digits instead of 12`,
      remedy: account.length < 12 ? "Write all 12 digits, also the zeros at the beginning." : "Write the 12 digits."
    }
  }
  if (service === "iam" && /^[\d -]+$/.test(account) && !/^\d+$/.test(account)) {
    return {
      problem: "has other characters between the digits of its account id",
      remedy: "Write the account id as 12 digits."
    }
  }
  const other = /^(user|group|policy|instance-profile|oidc-provider|saml-provider|root|mfa)\b/.exec(resource)?.[1]
  if (service === "iam" && other !== undefined) {
    return { problem: `is the ARN of another kind (${other}), not of a role`, remedy: arnRemedy }
  }
  if (partition === "" || service === "" || resource === "" || region.includes("/")) {
    return { problem: "lacks a part of an ARN", remedy: arnRemedy }
  }
  const { length } = [...text]
  return length >= 20 && length <= 2048 ? undefined : {
    problem: `has ${length} characters, and an ARN has 20 to 2048`,
    remedy: arnRemedy
  }
}

export const roleSessionName = textOf({
  description: "a name of 2 to 64 characters",
  min: 2,
  max: 64,
  pattern: /[^\w+=,.@-]/,
  allowed: nameCharacters
})

/** Hidden, because third parties may treat it as a secret. */
export const externalId: Setting<string> = {
  ...textOf({
    description: "an external id of 2 to 1224 characters",
    min: 2,
    max: 1224,
    pattern: /[^\w+=,.@:/-]/,
    allowed: "letters, digits and _+=,.@:/-"
  }),
  isHidden: true
}

export const mfaSerial = textOf({
  description: "the serial number or the ARN of the MFA device",
  min: 9,
  max: 256,
  pattern: /[^\w+=/:,.@-]/,
  allowed: "letters, digits and _+=/:,.@-"
})

export const durationSeconds: Setting<number> = {
  description: "a whole number of seconds from 900 to 43200",
  parse: (text) => {
    const seconds = /^\d{1,9}$/.test(text) ? Number(text) : 0
    return seconds >= 900 && seconds <= 43_200 ? seconds : undefined
  },
  explain: (text) =>
    /^-?\d+$/.test(text)
      ? { problem: "is not from 900 to 43200", remedy: "Write seconds, 15 minutes to 12 hours: 900 to 43200." }
      : /^\d+ *[A-Za-z]+$/.test(text)
      ? { problem: "has a unit", remedy: "Write the number of seconds alone, such as 3600." }
      : undefined
}

const isRegion = Schema.is(Region)

export const regionName: Setting<Region> = {
  description: "a region name, such as us-east-1",
  parse: (text) => isRegion(text) ? text : undefined,
  explain: (text) => {
    const lower = text.toLowerCase()
    // The remedy repeats the text, in small letters.
    return lower !== text && isRegion(lower) && !mayHoldSecret(text)
      ? { problem: "has capital letters", remedy: `Write ${lower}.` }
      : /^https?:/i.test(text)
      ? { problem: "is a URL", remedy: "Write the name of the region alone, such as us-east-1." }
      : undefined
  }
}

export const ssoRegion: Setting<Region> = {
  ...regionName,
  description: "a region name, that of your IAM Identity Center, such as us-east-1"
}

/** Lenient: `startUrlProblem` checks at sign-in whether it can be the URL of an access portal. */
export const startUrl: Setting<string> = {
  description: "the URL of your AWS access portal, such as https://d-1234567890.awsapps.com/start",
  parse: (text) =>
    text !== "" && !/[\s"'`<>{}\u2018-\u201f\p{C}]/u.test(text) && !/^\$[A-Za-z_]/.test(text) ? text : undefined,
  explain: (text) => /\s/.test(text) ? { problem: "contains white space", remedy: "Remove it." } : undefined
}

/** A path. AWS's SDKs open it without expanding `~` or variables. */
export const tokenFile: Setting<string> = {
  description: "the path of a file",
  parse: (text) =>
    text === "" ||
      /[\p{Cc}\p{Cf}]|\$[{(]|\{\{|%[A-Za-z_]\w*%|^\$[A-Za-z_]|^~(?:[/\\]|$)|^(["'`]).*\1$|^[\u2018-\u201f]/u.test(text)
      ? undefined
      : text,
  explain: (text) =>
    text.startsWith("~")
      ? { problem: "begins with ~, which is not expanded here", remedy: "Write the whole path." }
      : undefined
}

/** A boolean that is written as one of two words. */
const eitherOf = (yes: string, no: string): Setting<boolean> => ({
  description: `${yes} or ${no}`,
  parse: (text) => text.toLowerCase() === yes ? true : text.toLowerCase() === no ? false : undefined
})

export const flag = eitherOf("true", "false")
export const regionalEndpoints = eitherOf("legacy", "regional")

/** A text that AWS does not restrict. */
export const anyText: Setting<string> = { description: "a text", parse: (text) => text }

export const positive: Setting<number> = {
  description: "a whole number from 1",
  parse: (text) => /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
}

/** Hidden, because a wrong URL may contain a password. */
export const endpointUrl: Setting<string> = {
  description: "an http or https URL without query",
  parse: (text) => isEndpointUrl(text) ? text : undefined,
  isHidden: true
}

/**
 * An access key id, secret access key or session token. Refuses values that are left over from copying or from a
 * template, because AWS would report them as a wrong signature. AWS itself allows fewer characters.
 */
export const credentialText: Setting<string> = {
  description: "printable ASCII characters without white space",
  parse: (text) =>
    /^[\x21-\x7e]+$/.test(text) && !/^["'`]|["'`]$|^\$[{(]|^\{\{|^<[^>]*>$|^%\w+%$/.test(text) ? text : undefined,
  isHidden: true
}
