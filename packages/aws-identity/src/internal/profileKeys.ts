/** The keys of AWS's shared config files, and what a misspelt one was meant to be. */

/** A profile with one of these has credentials of its own, or says where they come from. */
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
  "aws_security_token",
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

const knownKeys: ReadonlySet<string> = new Set([...credentialKeys, ...settingKeys])

/** Whether AWS's tools know the key. Keys are lower-case here. */
export const isKnownKey = (key: string): boolean => knownKeys.has(key)

/** Whether a value of several lines makes no sense for the key. */
export const isSingleLine = (key: string): boolean =>
  (knownKeys.has(key) && !openKeys.has(key)) || key.endsWith("_arn") || key.endsWith("_url")

/** Whether the value of a key is a secret, also if the key is misspelt. */
export const isSecretKey = (key: string): boolean =>
  secretKeys.has(key) || (!isKnownKey(key) && secretKeys.has(resembled(key) ?? ""))

const secretKeys: ReadonlySet<string> = new Set([
  "aws_secret_access_key",
  "aws_session_token",
  "aws_security_token"
])

const lettersOf = (key: string): string => key.toLowerCase().replace(/[^a-z0-9]/g, "")

const credentialLetters = credentialKeys.map((key) => [lettersOf(key), key] as const)

/** Parts of keys that are about credentials, with the key that was meant. */
const alike: ReadonlyArray<readonly [part: string, key: CredentialKey]> = [
  ["accesskey", "aws_access_key_id"],
  ["secretkey", "aws_secret_access_key"],
  ["secretaccess", "aws_secret_access_key"],
  ["securitytoken", "aws_session_token"],
  ["sessiontoken", "aws_session_token"],
  ["credentialsprocess", "credential_process"],
  ["rolearn", "role_arn"],
  ["ssoaccount", "sso_account_id"],
  ["ssorole", "sso_role_name"],
  ["ssourl", "sso_start_url"],
  ["starturl", "sso_start_url"],
  ["webidentity", "web_identity_token_file"]
]

/** Longer keys are not slips of the pen. */
const maxKeyLength = 100

/** The credential key that an unknown key is one edit away from, whatever its case and punctuation. */
export const misspelt = (key: string): CredentialKey | undefined => {
  if (isKnownKey(key) || key.length > maxKeyLength) return undefined
  const letters = lettersOf(key)
  return credentialLetters.find(([other]) => isOneEdit(letters, other))?.[1]
}

/** The credential key that a key seems to mean, if only because it holds it or a part of it. */
export const resembled = (key: string): CredentialKey | undefined => {
  if (key.length > maxKeyLength) return undefined
  const letters = lettersOf(key)
  return misspelt(key) ?? [...credentialLetters, ...alike].find(([part]) => letters.includes(part))?.[1]
}

/** Whether two texts are equal but for one letter put in, left out or changed, or two neighbours swapped. */
export const isOneEdit = (a: string, b: string): boolean => {
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)]
  return (left.length <= 1 && right.length <= 1) ||
    (left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0])
}
