/**
 * Describes why a value does not fit its schema, without showing the value as a `ParseError` does: it may be a secret.
 */
import * as Option from "effect/Option"
import type * as ParseResult from "effect/ParseResult"
import * as SchemaAST from "effect/SchemaAST"

/** The first problem, such as `"roleCredentials.expiration" is missing`. */
export const schemaProblem = (error: ParseResult.ParseError): string => {
  const path: Array<string> = []
  let issue = error.issue
  for (;;) {
    switch (issue._tag) {
      case "Pointer": {
        path.push(...[issue.path].flat().map(String))
        issue = issue.issue
        break
      }
      case "Composite": {
        issue = Array.isArray(issue.issues) ? issue.issues[0] : issue.issues
        break
      }
      case "Refinement": {
        if (issue.kind === "Predicate") return `${at(path)} is not ${expected(issue.ast)}`
        issue = issue.issue
        break
      }
      case "Transformation": {
        issue = issue.issue
        break
      }
      case "Missing":
        return `${at(path)} is missing`
      case "Unexpected":
        return `${at(path)} is not known`
      default:
        return `${at(path)} is not ${expected(issue.ast)}`
    }
  }
}

const at = (path: ReadonlyArray<string>): string => path.length === 0 ? "the whole" : `"${path.join(".")}"`

const expected = (ast: SchemaAST.AST): string =>
  Option.getOrElse(SchemaAST.getDescriptionAnnotation(ast), () => String(ast))
