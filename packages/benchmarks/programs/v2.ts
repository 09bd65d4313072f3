/** aws-sdk v2, of which no more is loaded than it needs. */
import "aws-sdk/clients/sso.js"
import AWS from "aws-sdk/global.js"

// It knows no AWS_ENDPOINT_URL_SSO.
Object.assign(AWS.config, { sso: { endpoint: process.env["AWS_ENDPOINT_URL_SSO"] } })

const credentials = new AWS.SsoCredentials()
credentials.getPromise().then(() => console.log(credentials.accessKeyId))
