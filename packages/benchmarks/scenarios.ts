/** All scenarios, in their order. */
import { bundleSize } from "./bundleSize.js"
import { cachedGet } from "./cachedGet.js"
import { coldStart } from "./coldStart.js"
import type { Bench, Work } from "./measure.js"
import type { Result } from "./report.js"
import { resolve } from "./resolve.js"

export interface Scenario {
  readonly id: string
  readonly title: string
  /** What runs in processes of its own, by name. */
  readonly works: Readonly<Record<string, Work>>
  readonly run: (bench: Bench) => Promise<Result>
}

export const scenarios: ReadonlyArray<Scenario> = [coldStart, bundleSize, resolve, cachedGet]
