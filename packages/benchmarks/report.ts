/** What was measured, as Markdown: ratios first, for they carry over to other machines and the times do not. */
import { p99, ratio, type Samples, typical } from "./measure.js"

/** What was promised: a ratio to a peer of the same run, or a figure. */
export interface Budget {
  readonly what: string
  readonly value: number
  readonly limit: number
  /** Whether it is the more the better. */
  readonly atLeast?: boolean
}

export interface Table {
  readonly title: string
  readonly unit: "ms" | "µs" | "ns" | "kB"
  /** To whom the others are compared. */
  readonly peer: string
  readonly rows: ReadonlyArray<Row>
}

interface Row {
  readonly name: string
  readonly value: number
  readonly worst: number | undefined
  readonly ratio: number
  /** Of the time of processors, which others on the machine disturb less. */
  readonly cpuRatio?: number
}

export interface Result {
  readonly tables: ReadonlyArray<Table>
  readonly budgets: ReadonlyArray<Budget>
}

const perUnit = { ms: 1, µs: 1e3, ns: 1e6, kB: 1 }

export const of = (samples: Samples, name: string) => {
  const found = samples.get(name)
  if (found === undefined) throw new Error(`There is no contender ${name}`)
  return found
}

export const times = (
  title: string,
  unit: Exclude<Table["unit"], "kB">,
  samples: Samples,
  peer: string
): Table => ({
  title,
  unit,
  peer,
  rows: [...samples].map(([name, all]) => ({
    name,
    value: typical(all) * perUnit[unit],
    worst: p99(all) * perUnit[unit],
    ratio: ratio(all, of(samples, peer)),
    cpuRatio: ratio(all, of(samples, peer), ({ cpu }) => cpu)
  }))
})

/** As many operations in the same time as a ratio of times says. */
export const atLeast = (what: string, samples: Samples, ours: string, peer: string, limit: number): Budget => ({
  what: `${what}: ≥ ${limit} × ${peer}`,
  value: 1 / ratio(of(samples, ours), of(samples, peer)),
  limit,
  atLeast: true
})

export const atMost = (what: string, samples: Samples, ours: string, peer: string, limit: number): Budget => ({
  what: `${what}: ≤ ${limit} × ${peer}`,
  value: ratio(of(samples, ours), of(samples, peer)),
  limit
})

export const isMet = ({ atLeast, limit, value }: Budget): boolean => atLeast === true ? value >= limit : value <= limit

const digits = (value: number): string => value >= 100 ? value.toFixed(0) : value.toPrecision(3)

export const markdown = ({ budgets, tables }: Result): string =>
  [
    ...tables.map(({ peer, rows, title, unit }) =>
      [
        `${title}:`,
        "",
        `| | × ${peer} | of processor time | median, ${unit} | p99 |`,
        "| --- | ---: | ---: | ---: | ---: |",
        ...rows.map(({ cpuRatio, name, ratio, value, worst }) =>
          `| ${
            [
              name,
              ratio.toFixed(2),
              cpuRatio?.toFixed(2) ?? "",
              digits(value),
              worst === undefined ? "" : digits(worst)
            ].join(" | ")
          } |`
        )
      ].join("\n")
    ),
    [
      "| budget | measured | |",
      "| --- | ---: | --- |",
      ...budgets.map((budget) => `| ${budget.what} | ${digits(budget.value)} | ${isMet(budget) ? "met" : "missed"} |`)
    ].join("\n")
  ].join("\n\n")
