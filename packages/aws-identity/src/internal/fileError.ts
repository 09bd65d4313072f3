import type { PlatformError } from "@effect/platform/Error"
import { FileError } from "../IdentityError.js"
import type { Unreadable } from "./boundedFile.js"
import { noHomeCode } from "./noHome.js"
import { shownPath } from "./shownPath.js"

export const fileError =
  (path: string, operation: FileError["operation"]) => (error: PlatformError | Unreadable): FileError =>
    new FileError({
      path: shownPath(path),
      operation,
      code: error._tag === "SystemError" ? error.reason : error._tag === "Unreadable" ? error.problem : error._tag
    })

/** The error of a path below a home directory that is not known. */
export const noHome = (path: string, operation: FileError["operation"]): FileError =>
  new FileError({ path: shownPath(path), operation, code: noHomeCode })

export const isNotFound = (error: PlatformError | Unreadable): boolean =>
  error._tag === "SystemError" && error.reason === "NotFound"
