/** Requests of Effect's `HttpClient`, signed as plain data. */
import type * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as SigV4 from "../sigV4.js"

/** A request of Effect's client, signed in its headers. Its URL becomes the one that was signed. */
export const signRequest = (
  request: HttpClientRequest.HttpClientRequest,
  signer: SigV4.Signer
): SigV4.Result<HttpClientRequest.HttpClientRequest> =>
  Either.flatMap(fromClient("sign", request), (plain) =>
    Either.map(SigV4.sign(plain, signer), ({ headers, url }) =>
      // Made anew, because parameters that a request keeps apart from its URL are spelled otherwise when it is sent.
      HttpClientRequest.make(request.method)(url).pipe(
        HttpClientRequest.setBody(request.body),
        HttpClientRequest.setHeaders(headers)
      )))

/** The URL that does what a request of Effect's client would do. */
export const presignRequest = (
  request: HttpClientRequest.HttpClientRequest,
  signer: SigV4.Signer,
  expiresIn: number
): SigV4.Result<string> =>
  Either.flatMap(fromClient("presign", request), (plain) => SigV4.presign(plain, signer, expiresIn))

const fromClient = (
  operation: SigV4.Operation,
  request: HttpClientRequest.HttpClientRequest
): SigV4.Result<SigV4.Request> => {
  const url = HttpClientRequest.toUrl(request)
  return Option.isNone(url)
    ? SigV4.refuse(operation, "its URL is not absolute")
    : Either.right({ method: request.method, url: url.value, headers: request.headers, body: bodyOf(request.body) })
}

const bodyOf = (body: HttpBody.HttpBody): SigV4.Request["body"] => {
  switch (body._tag) {
    case "Empty":
      return ""
    case "Raw":
    case "Uint8Array":
      return typeof body.body === "string" || body.body instanceof Uint8Array ? body.body : undefined
    case "FormData":
    case "Stream":
      return undefined
  }
}
