/** The keys of AWS's shared config files, and the key that a misspelt one stands for. */

/** The keys that hold credentials or say where a profile's credentials come from. */
const credentialKeys = [
  "aws_access_key_id",
  "aws_secret_access_key",
  "aws_session_token",
  "credential_process",
  "credential_source",
  "duration_seconds",
  "external_id",
  "login_session",
  "mfa_serial",
  "role_arn",
  "role_session_name",
  "source_profile",
  "sso_account_id",
  "sso_region",
  "sso_role_name",
  "sso_session",
  "sso_start_url",
  "web_identity_token_file",
  "web_identity_token_process"
] as const

type CredentialKey = typeof credentialKeys[number]

/** Keys whose value may have several lines, or lines nested below it. */
const openKeys: ReadonlySet<string> = new Set([
  // The AWS CLI splits the command line at line breaks, as at other white space.
  "credential_process",
  "web_identity_token_process"
])

const settingKeys = [
  "account_id_endpoint_mode",
  "aws_account_id",
  "ca_bundle",
  "cli_auto_prompt",
  "cli_binary_format",
  "cli_follow_urlparam",
  "cli_history",
  "cli_pager",
  "cli_timestamp_format",
  "defaults_mode",
  "disable_clock_skew_correction",
  "disable_request_compression",
  "ec2_metadata_service_endpoint",
  "ec2_metadata_service_endpoint_mode",
  "ec2_metadata_v1_disabled",
  "endpoint_discovery_enabled",
  "endpoint_url",
  "ignore_configured_endpoint_urls",
  "max_attempts",
  "metadata_service_num_attempts",
  "metadata_service_timeout",
  "output",
  "parameter_validation",
  "region",
  "request_checksum_calculation",
  "request_min_compression_size_bytes",
  "response_checksum_validation",
  "retry_mode",
  "sdk_ua_app_id",
  "services",
  "sigv4a_signing_region_set",
  "sts_regional_endpoints",
  "tcp_keepalive",
  "use_dualstack_endpoint",
  "use_fips_endpoint",
  "user_agent_appid"
]

const settings: ReadonlySet<string> = new Set(settingKeys)

const knownKeys: ReadonlySet<string> = new Set([
  ...credentialKeys,
  ...settingKeys,
  // Python's name of `aws_session_token`, which some programs write beside it.
  "aws_security_token"
])

/** Whether AWS's tools know the key. Keys are lower-case here. */
export const isKnownKey = (key: string): boolean => knownKeys.has(key)

/** Whether a value of several lines makes no sense for the key. */
export const isSingleLine = (key: string): boolean =>
  (knownKeys.has(key) && !openKeys.has(key)) || key.endsWith("_arn") || key.endsWith("_url")

/** Whether the value of a key is a secret. Also true for a misspelt key. */
export const isSecretKey = (key: string): boolean =>
  secretKeys.has(key) || (!isKnownKey(key) && secretKeys.has(resembled(key) ?? ""))

const secretKeys: ReadonlySet<string> = new Set([
  "aws_secret_access_key",
  "aws_session_token",
  "aws_security_token"
])

/** Stands for a letter outside ASCII, which may look like the right one: the Cyrillic "а" in `rolе_аrn`. */
const ANY = "?"

const lettersOf = (key: string): string =>
  key.normalize("NFKC").toLowerCase()
    .replace(/[^a-z0-9]/gu, (sign) => /\p{L}/u.test(sign) ? ANY : "")

const credentialLetters = credentialKeys.map((key) => [lettersOf(key), key] as const)

/** Parts of keys that are about credentials, with the key that was meant. */
const alike: ReadonlyArray<readonly [part: string, key: CredentialKey]> = [
  ["accesskey", "aws_access_key_id"],
  ["accessid", "aws_access_key_id"],
  ["keyid", "aws_access_key_id"],
  ["secret", "aws_secret_access_key"],
  ["securitytoken", "aws_session_token"],
  ["sessiontoken", "aws_session_token"],
  ["awssession", "aws_session_token"],
  ["tokenfile", "web_identity_token_file"],
  ["webidentity", "web_identity_token_file"],
  ["sourceprof", "source_profile"],
  ["profilesource", "source_profile"],
  ["awsprofile", "source_profile"],
  ["credentialsource", "credential_source"],
  ["credential", "credential_process"],
  ["ssoaccount", "sso_account_id"],
  ["accountid", "sso_account_id"],
  ["ssorole", "sso_role_name"],
  ["permissionset", "sso_role_name"],
  ["ssourl", "sso_start_url"],
  ["starturl", "sso_start_url"],
  ["identitycenter", "sso_session"],
  ["rolearn", "role_arn"],
  ["iamrole", "role_arn"],
  ["assumerole", "role_arn"],
  ["rolename", "sso_role_name"]
]

/** Words that stand for a credential key when they are a whole word of the key. */
const words: ReadonlyMap<string, CredentialKey> = new Map<string, CredentialKey>([
  ["sso", "sso_session"],
  ["role", "role_arn"],
  ["arn", "role_arn"],
  ["saml", "role_arn"],
  ["mfa", "mfa_serial"],
  ["oidc", "web_identity_token_file"],
  ["process", "credential_process"],
  ["command", "credential_process"]
])

/** A longer key is not a misspelt one. */
const maxKeyLength = 100

/** The credential key that an unknown key is one edit away from, whatever its case and punctuation. */
export const misspelt = (key: string): CredentialKey | undefined => {
  if (isKnownKey(key) || key.length > maxKeyLength) return undefined
  const letters = lettersOf(key)
  return credentialLetters.find(([other]) => isOneEdit(lookingLike(letters, other), other))?.[1]
}

/**
 * The credential key that a key seems to mean, because it contains that key or a part of it. It guesses more than
 * `misspelt` does, so use it only for profiles without credentials.
 */
export const resembled = (key: string): CredentialKey | undefined => {
  if (key.length > maxKeyLength || settings.has(key)) return undefined
  const letters = lettersOf(key)
  return misspelt(key) ??
    credentialLetters.find(([other]) => letters.includes(other) || isTwoEdits(lookingLike(letters, other), other))
      ?.[1] ??
    alike.find(([part]) => letters.includes(part))?.[1] ??
    key.split(/[^a-z]+/).map((word) => words.get(word)).find((found) => found !== undefined)
}

/** Replaces letters that only look like ASCII by the letters of `other` at the same place. */
const lookingLike = (letters: string, other: string): string =>
  letters.length === other.length && letters.includes(ANY) && letters.split(ANY).length - 1 < letters.length / 2
    ? [...letters].map((letter, at) => letter === ANY ? other.charAt(at) : letter).join("")
    : letters

/** Both texts without their common beginning and end. */
const differences = (a: string, b: string): readonly [string, string] => {
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  return [a.slice(start, a.length - end), b.slice(start, b.length - end)]
}

/** Whether two texts are equal, or differ by one letter inserted, removed or changed, or by two swapped neighbours. */
export const isOneEdit = (a: string, b: string): boolean => {
  const [left, right] = differences(a, b)
  return (left.length <= 1 && right.length <= 1) ||
    (left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0])
}

/** Whether two texts differ by at most two such edits. Short texts that differ so much are different words. */
const isTwoEdits = (a: string, b: string): boolean => {
  if (b.length < 7 || Math.abs(a.length - b.length) > 2) return false
  const [left, right] = differences(a, b)
  // One of the two edits is at the beginning of the part that differs.
  return isOneEdit(left.slice(1), right) || isOneEdit(left, right.slice(1)) ||
    isOneEdit(left.slice(1), right.slice(1)) ||
    (left[0] === right[1] && left[1] === right[0] && isOneEdit(left.slice(2), right.slice(2)))
}
