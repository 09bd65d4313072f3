/** The part of fast-xml-parser that is used. A module of its own, so that bundlers leave out the rest. */
export { XMLParser, XMLValidator } from "fast-xml-parser"
