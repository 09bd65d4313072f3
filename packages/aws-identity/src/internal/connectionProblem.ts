/** Explains the error codes of a failed connection, and says what to do about it. */

/** What went wrong, as a clause, and what to do about it. */
export interface ConnectionProblem {
  readonly problem: string
  readonly remedy: string
}

const authority = "A proxy that inspects TLS may have signed it: give the authority's certificate to Node as " +
  "NODE_EXTRA_CA_CERTS=/path/to/ca.pem, or to the HttpClient."
const clock = "Check the clock of this machine."

const notTrusted: ConnectionProblem = {
  problem: "its certificate is of an authority that this machine does not trust",
  remedy: authority
}
const otherHost: ConnectionProblem = {
  problem: "its certificate is for another host name",
  remedy:
    "Check the host in AWS_ENDPOINT_URL* and endpoint_url. If it is right, a proxy or captive portal answers in " +
    "its place."
}
const expired: ConnectionProblem = {
  problem: "its certificate has expired",
  remedy: `${clock} If it is right, the server, or the proxy that has signed the certificate, needs a new one.`
}
const notYetValid: ConnectionProblem = {
  problem: "its certificate is not valid yet",
  remedy: `${clock} If it is right, the server, or the proxy that has signed the certificate, needs another one.`
}

/** Keyed by the error codes of OpenSSL (Node, Bun) and of rustls (Deno). */
const certificates: ReadonlyMap<string, ConnectionProblem> = new Map<string, ConnectionProblem>([
  ["ERR_TLS_CERT_ALTNAME_INVALID", otherHost],
  ["ERR_TLS_CERT_ALTNAME_FORMAT", otherHost],
  ["HOSTNAME_MISMATCH", otherHost],
  ["NotValidForName", otherHost],
  ["CERT_HAS_EXPIRED", expired],
  ["Expired", expired],
  ["CERT_NOT_YET_VALID", notYetValid],
  ["NotValidYet", notYetValid],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", {
    problem: "its certificate is self-signed",
    remedy: "If that is meant, give the certificate to Node as NODE_EXTRA_CA_CERTS=/path/to/cert.pem, or to the " +
      "HttpClient."
  }],
  ["SELF_SIGNED_CERT_IN_CHAIN", notTrusted],
  ["UNABLE_TO_GET_ISSUER_CERT", notTrusted],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", notTrusted],
  ["CERT_UNTRUSTED", notTrusted],
  ["INVALID_CA", notTrusted],
  ["UnknownIssuer", notTrusted],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", {
    problem: "its certificate is of an authority that this machine does not know, or the server leaves out the " +
      "certificates in between",
    remedy: authority
  }],
  ["CERT_REVOKED", {
    problem: "its certificate was revoked",
    remedy: "The server, or the proxy that has signed the certificate, needs another one."
  }]
])

/** Other codes of certificate problems, such as `CERT_SIGNATURE_FAILURE`. */
const isOtherCertificate = /CERT|_ISSUER|^ERR_TLS_/

/** Codes of a server that does not speak TLS, or that shares no TLS version or cipher with the client. */
const isTls = /^(?:ERR_SSL_|EPROTO$)/

/** The problem with a certificate, by the code of the failed connection; undefined for other codes. */
export const certificateProblem = (code: string): ConnectionProblem | undefined =>
  certificates.get(code) ?? (isOtherCertificate.test(code)
    ? { problem: "its certificate cannot be verified", remedy: authority }
    : isTls.test(code)
    ? {
      problem: "the TLS handshake failed",
      remedy: "Check whether AWS_ENDPOINT_URL* or endpoint_url says https where http is spoken, and the proxy."
    }
    : undefined)

/** The codes of a host name that cannot be resolved. Clients without error codes report `Transport`. */
const isUnresolved = /^(?:ENOTFOUND|EAI_AGAIN|EAI_NONAME|EAI_NODATA|Transport)$/

/**
 * The remedy for a FIPS host name that cannot be resolved. AWS's endpoint rules make such a name for every region, and
 * most regions have no such host.
 */
export const fipsRemedy = (code: string, endpoint: string): string | undefined => {
  const [, prefix, region] = /^https:\/\/([a-z.]+)-fips\.([a-z0-9-]+)\./.exec(endpoint) ?? []
  if (prefix === undefined || !isUnresolved.test(code)) return undefined
  return `There may be no FIPS endpoint of ${prefix} in ${region}: AWS lists those there are at ` +
    "aws.amazon.com/compliance/fips (of sts: us-east-1, us-east-2, us-west-1, us-west-2 and the us-gov regions). Unset " +
    "AWS_USE_FIPS_ENDPOINT and use_fips_endpoint, or use such a region; else check the network."
}
