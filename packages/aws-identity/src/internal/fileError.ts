import type { FilesError } from "../Files.js"
import { FileError } from "../IdentityError.js"
import type { Unreadable } from "./boundedFile.js"
import { noHomeCode } from "./noHome.js"
import { shownPath } from "./shownPath.js"

export const fileError =
  (path: string, operation: FileError["operation"]) => (error: FilesError | Unreadable): FileError =>
    new FileError({
      path: shownPath(path),
      operation,
      code: error._tag === "Unreadable" ? error.problem : error.code
    })

/** The error of a path below a home directory that is not known. */
export const noHome = (path: string, operation: FileError["operation"]): FileError =>
  new FileError({ path: shownPath(path), operation, code: noHomeCode })

export const isNotFound = (error: FilesError | Unreadable): boolean =>
  error._tag === "FilesError" && error.reason === "NotFound"
