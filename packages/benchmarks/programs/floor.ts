/** The least plain Node that gives the right answer. */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { get } from "node:http"
import { text } from "node:stream/consumers"
import { readSection } from "./section.js"

const { AWS_ENDPOINT_URL_SSO, AWS_PROFILE, HOME } = process.env
const config = readFileSync(`${HOME}/.aws/config`, "utf8")
const profile = readSection(`profile ${AWS_PROFILE}`, config)
const session = profile.get("sso_session") ?? ""
const cacheFile = createHash("sha1").update(session).digest("hex")
const token: { readonly accessToken: string } = JSON.parse(
  readFileSync(`${HOME}/.aws/sso/cache/${cacheFile}.json`, "utf8")
)
const path = `/federation/credentials?account_id=${profile.get("sso_account_id")}&role_name=${
  profile.get("sso_role_name")
}`
get(AWS_ENDPOINT_URL_SSO + path, { headers: { "x-amz-sso_bearer_token": token.accessToken } }, async (response) => {
  console.log(JSON.parse(await text(response)).roleCredentials.accessKeyId)
})
