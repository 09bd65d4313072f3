/** The keys of one section of a config file, as simply as may be. */
export const readSection = (section: string, file: string) => {
  const start = file.indexOf(`[${section}]`)
  const end = file.indexOf("\n[", start)
  const lines = file.slice(start, end === -1 ? undefined : end).split("\n").slice(1)
  return new Map(lines.map((line) => {
    const equals = line.indexOf("=")
    return [line.slice(0, equals).trim(), line.slice(equals + 1).trim()]
  }))
}
