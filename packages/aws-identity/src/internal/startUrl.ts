/** Checks the start URL of an Identity Center, as far as that is possible without asking AWS. */
import { isLoopback } from "./endpoint.js"

const identityProviders = new RegExp(
  "(^|\\.)(okta(preview|-emea)?\\.com|microsoftonline\\.(com|us)|myapps\\.microsoft\\.com|myapplications\\.microsoft\\.com" +
    "|sts\\.windows\\.net|accounts\\.google\\.com|onelogin\\.com|auth0\\.com|jumpcloud\\.com|pingone\\.(com|eu|ca|asia)" +
    "|pingidentity\\.com|duosecurity\\.com|cloudflareaccess\\.com)$"
)

/** Why AWS will refuse a start URL, as a clause without its subject; undefined if only AWS can tell. */
export const startUrlProblem = (startUrl: string): string | undefined => {
  if (/^["'<]|["'>]$/.test(startUrl)) return "is in quotes or brackets, which belong to its value"
  if (startUrl.includes("\\")) return "has a backslash in it"
  if (/[\s\p{Cc}\p{Cf}]/u.test(startUrl)) return "has white space or an invisible character in it"
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(startUrl)) return "does not begin with https://"
  if (!URL.canParse(startUrl)) return "is not a URL"
  const { hostname, password, protocol, username } = new URL(startUrl)
  if (protocol !== "https:" && !(protocol === "http:" && isLoopback(hostname))) {
    return `begins with ${protocol}//, and has to begin with https://`
  }
  if (username !== "" || password !== "") return "has a user name in it"
  if (identityProviders.test(hostname)) return "is that of your identity provider, not of the AWS access portal"
  if (/(^|\.)(console|signin)\.(aws\.amazon\.com|amazonaws-us-gov\.com|amazonaws\.cn|aws\.eu)$/.test(hostname)) {
    return "is that of the AWS console, not of the AWS access portal"
  }
  return /^(oidc|portal\.sso)\.[a-z0-9-]+\.(amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|api\.aws)$/.test(hostname)
    ? "is that of an API of AWS, not of the AWS access portal"
    : undefined
}

/** The region in the host of a start URL: `https://….portal.<region>.app.aws`, `https://….<region>.portal.amazonaws.com`. */
export const regionOfStartUrl = (startUrl: string): string | undefined =>
  URL.canParse(startUrl)
    ? /\.portal\.([a-z]+(?:-[a-z]+)+-\d+)\.(?:app|api)\.|\.([a-z]+(?:-[a-z]+)+-\d+)\.portal\.amazonaws\./
      .exec(new URL(startUrl).hostname)?.slice(1).find((region) => region !== undefined)
    : undefined
