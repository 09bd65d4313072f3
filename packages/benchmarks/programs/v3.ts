/** AWS SDK v3. */
import { fromSSO } from "@aws-sdk/credential-provider-sso"

fromSSO()().then(({ accessKeyId }) => console.log(accessKeyId))
