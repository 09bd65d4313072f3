/** A home directory as `aws configure sso` and `aws sso login` leave it, and the environment that leads there. */
import { createHash } from "node:crypto"
import { mkdirSync, utimesSync, writeFileSync } from "node:fs"

const accountId = "111122223333"
/** What every contender has to come up with. */
export const accessKeyId = `ASIA${accountId}`

/** Of a config file with so many other profiles. */
const configText = (profiles: number): string =>
  `[sso-session corp]\nsso_start_url = https://d-1234567890.awsapps.com/start\nsso_region = eu-central-1\n` +
  `\n[profile dev]\nsso_session = corp\nsso_account_id = ${accountId}\nsso_role_name = Developer\n` +
  `region = eu-central-1\n` +
  Array.from(
    { length: profiles },
    (_, index) =>
      `\n[profile account-${index}.Administrator]\nsso_session = corp\nsso_account_id = ${100_000_000_000 + index}\n` +
      `sso_role_name = Administrator\nregion = eu-west-1\noutput = json\n`
  ).join("")

/** Where every tool keeps the token of the session. */
export const tokenFile = (home: string): string =>
  `${home}/.aws/sso/cache/${createHash("sha1").update("corp").digest("hex")}.json`

export const tokenText = (expiresAt: number): string =>
  JSON.stringify({
    startUrl: "https://d-1234567890.awsapps.com/start",
    region: "eu-central-1",
    accessToken: "token",
    expiresAt: new Date(expiresAt).toISOString().replace(/\.\d+/, ""),
    clientId: "client",
    clientSecret: "secret",
    registrationExpiresAt: new Date(expiresAt + 80 * 86_400_000).toISOString().replace(/\.\d+/, ""),
    refreshToken: "refresh"
  })

/** An unsigned web identity token. */
const jwt = [{ alg: "none" }, { iss: "https://token.example.com", sub: "subject", aud: "sts.amazonaws.com" }]
  .map((part) =>
    Buffer.from(JSON.stringify({ ...part, exp: Math.floor(Date.now() / 1000) + 86_400 })).toString("base64url")
  )
  .join(".") + ".c2lnbmF0dXJl"

export const makeHome = (home: string, profiles = 0): void => {
  mkdirSync(`${home}/.aws/sso/cache`, { recursive: true })
  writeFileSync(`${home}/.aws/config`, configText(profiles))
  writeFileSync(tokenFile(home), tokenText(Date.now() + 8 * 3_600_000), { mode: 0o600 })
  writeFileSync(`${home}/web-identity-token`, jwt)
  // A file that has been at rest: a fresh one is read again each time, to be on the safe side.
  utimesSync(`${home}/.aws/config`, 1e9, 1e9)
}

/** Nothing of the environment that the benchmark is run in. */
export const environmentOf = (home: string, endpoint: string): Record<string, string> => ({
  HOME: home,
  PATH: process.env["PATH"] ?? "",
  AWS_PROFILE: "dev",
  AWS_REGION: "eu-central-1",
  AWS_ENDPOINT_URL_SSO: endpoint,
  AWS_ENDPOINT_URL_SSO_OIDC: endpoint,
  AWS_ENDPOINT_URL_STS: endpoint,
  AWS_SDK_LOAD_CONFIG: "1",
  AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE: "1"
})

/** What leads to a web identity as well: a default chain takes it before the profile. */
export const webIdentityOf = (home: string): Record<string, string> => ({
  AWS_WEB_IDENTITY_TOKEN_FILE: `${home}/web-identity-token`,
  AWS_ROLE_ARN: `arn:aws:iam::${accountId}:role/deploy`,
  AWS_ROLE_SESSION_NAME: "session"
})
