/** The keys of AWS's shared config files, and what a misspelt one was meant to be. */

/** A profile with one of these has credentials of its own, or says where they come from. */
export const credentialKeys = [
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

export type CredentialKey = typeof credentialKeys[number]

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
