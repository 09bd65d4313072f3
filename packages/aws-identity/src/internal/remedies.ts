/** What to do about an error that AWS returned, by its code and its description. */

/** The fields of an error that tell its cause. */
export interface Cause {
  readonly operation: string
  readonly code: string
  readonly status: number
  readonly description?: string | undefined
  readonly detailCode?: string | undefined
}

const kmsRemedy = "The KMS key of the IAM Identity Center cannot be used: ask its administrator to look at the key " +
  "and its policy."
const throttled = "AWS asks for fewer requests: wait a moment, then try again."
const clock = "Set the clock of this machine: AWS accepts signatures that are at most 5 minutes off."
const assumeRole =
  "The role's trust policy has to name the caller (and the external id, if it asks for one), and the " +
  "caller's own policies have to allow sts:AssumeRole on the role."
const assumeRoleWithWebIdentity = "Check the role's ARN, and its trust policy: its principal has to be the token's " +
  "issuer, and its conditions have to fit the token's audience and subject."

/** How to find the start URL and the region of an Identity Center. */
export const portalRemedy = "Copy both from the IAM Identity Center console (Settings: \"AWS access portal URL\" and " +
  "\"Region\"), or ask your administrator. A start URL looks like https://d-1234567890.awsapps.com/start, " +
  "https://my-alias.awsapps.com/start or https://ssoins-1234567890abcdef.portal.us-east-1.app.aws."

/** The code without the suffix `Exception`, AWS's description, and the remedy. The first row that matches is used. */
const rows: ReadonlyArray<readonly [code: RegExp, words: RegExp, remedy: string]> = [
  [/^(Throttl|TooManyRequests|RequestLimitExceeded|RequestThrottled|SlowDown$)/, /^/, throttled],
  [
    /^AccessDenied$/,
    /MultiFactorAuthentication failed with invalid MFA/i,
    "The code of the MFA device is wrong, or was used before. Wait for the next code of the device, use each code " +
    "once, and check that mfa_serial names this device and that its clock is right."
  ],
  [
    /^AccessDenied$/,
    /MultiFactorAuthentication failed|MFA serial/i,
    "Check mfa_serial: it has to be the ARN or serial number of an MFA device of the user who signs."
  ],
  [
    /^AccessDenied$/,
    /sts:TagSession/,
    "The role's trust policy and the caller's policies have to allow sts:TagSession beside sts:AssumeRole, or leave " +
    "out the tags."
  ],
  [
    /^AccessDenied$/,
    /explicit deny/i,
    "A policy denies this: look for its Deny statement in the policies of the caller, the organization (SCPs) and the " +
    "session."
  ],
  [
    /^ValidationError$/,
    /role chaining/i,
    "A role that is assumed with the credentials of another role lasts one hour at most. Remove duration_seconds " +
    "(sessionDuration in code), or set it to 3600 or less."
  ],
  [
    /^ValidationError$/,
    /MaxSessionDuration/i,
    "Lower duration_seconds (sessionDuration in code), or raise the maximum session duration of the role in IAM."
  ],
  [
    /^InvalidClientTokenId$|^UnrecognizedClient$/,
    /^/,
    "The access key that signed was deleted or deactivated, or is a temporary one (ASIA...) without its own session " +
    "token (AWS_SESSION_TOKEN, aws_session_token). If it works elsewhere: the region is an opt-in region that the " +
    "account has not enabled, or of another partition."
  ],
  [
    /^(SignatureDoesNotMatch|RequestExpired|InvalidSignature|RequestTimeTooSkewed)$/,
    /Signature (expired|not yet)/i,
    clock
  ],
  [/^(RequestExpired|RequestTimeTooSkewed|RequestInTheFuture)$/, /^/, clock],
  [
    /^(SignatureDoesNotMatch|InvalidSignature)$/,
    /^/,
    "The secret key is not that of the access key (look for a cut, quoted or mixed-up value), or a proxy changes the " +
    "request on its way."
  ],
  [
    /^InvalidIdentityToken$/,
    /No OpenIDConnect provider/i,
    "The account of the role has no IAM OIDC provider for the token's issuer. Create one there with exactly that " +
    "issuer URL, or correct the account in the role's ARN."
  ],
  [
    /^InvalidIdentityToken$/,
    /audience/i,
    "Request the token for an audience (sts.amazonaws.com by default) that the account's IAM OIDC provider lists " +
    "among its client ids, or add the token's audience there."
  ],
  [
    /^InvalidIdentityToken$/,
    /retrieve verification key|communicat|reach/i,
    "AWS could not fetch the issuer's keys: its /.well-known/openid-configuration and jwks_uri have to be reachable " +
    "from the internet over https. Try again if it is."
  ],
  [
    /^InvalidIdentityToken$/,
    /thumbprint|certificate/i,
    "Update the thumbprint of the IAM OIDC provider: the certificate of the issuer has changed."
  ],
  [
    /^InvalidIdentityToken$/,
    /expired|issued|not yet|future/i,
    "Get a new token, and check the clock of the machine that issued it."
  ],
  [
    /^InvalidIdentityToken$/,
    /^/,
    "The account of the role needs an IAM OIDC provider for the token's issuer that lists its audience, and the " +
    "issuer has to publish the key that signed it."
  ],
  [/^InvalidScope$/, /^/, "Check sso_registration_scopes."],
  [
    /^MalformedPolicyDocument$/,
    /^/,
    "Correct the session policy: it has to be a JSON policy without Principal, and policyArns have to be ARNs of " +
    "managed policies."
  ],
  [
    /^PackedPolicyTooLarge$/,
    /^/,
    "Shorten the session policies and tags, or use fewer policyArns: AWS limits their packed size."
  ],
  [
    /^RegionDisabled$/,
    /^/,
    "Activate STS in that region (IAM console, account settings), or call it in another one: set AWS_REGION or the " +
    "profile's region."
  ],
  [/^ExpiredToken$/, /^/, "The credentials that signed the request have expired: get new ones."]
]

/** The remedy for an error that AWS returned; undefined if its cause is not known. */
export const remedyFor = ({ code, description = "", detailCode, operation, status }: Cause): string | undefined => {
  if (detailCode?.startsWith("KMS_") === true) return kmsRemedy
  if (status === 407) {
    return "Give the credentials of the proxy to the HttpClient, or except AWS's hosts from the proxy."
  }
  if (status === 429) return throttled
  // `awsAnswer` describes an answer without an AWS error like this.
  if (code === "Unknown" && description.startsWith("the answer is ")) {
    return `${
      status >= 500 ? "Wait a moment and try again. If it stays so, check" : "Check"
    } the network, the proxy and AWS_ENDPOINT_URL*: the answer has no error of AWS's in it.`
  }
  const name = code.replace(/Exception$/, "")
  if (operation === "startDeviceAuthorization" && /^(Invalid(Request|Grant)|UnauthorizedClient)$/.test(name)) {
    return `AWS does not know this start URL in this region. ${portalRemedy}`
  }
  if (operation === "createToken" && name === "InvalidGrant") {
    return `Sign in again. If that does not help, start URL and region do not belong together. ${portalRemedy}`
  }
  const row = rows.find(([codes, words]) => codes.test(name) && words.test(description))
  if (row !== undefined) return row[2]
  if (status >= 500) return "The fault is on AWS's side: try again; health.aws.amazon.com tells of outages."
  if (name === "AccessDenied" && operation === "assumeRole") return assumeRole
  return name === "AccessDenied" && operation === "assumeRoleWithWebIdentity" ? assumeRoleWithWebIdentity : undefined
}
