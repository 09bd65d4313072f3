/** All scenarios, in their order. */
import { bundleSize } from "./bundleSize.js"
import { cachedGet } from "./cachedGet.js"
import { coldStart } from "./coldStart.js"
import { crowdOfCallers } from "./crowd.js"
import { listing } from "./listing.js"
import { manyProfiles } from "./manyProfiles.js"
import type { Bench, Work } from "./measure.js"
import { readConfig } from "./readConfig.js"
import { refresh } from "./refresh.js"
import type { Result } from "./report.js"
import { resolve } from "./resolve.js"
import { signing } from "./signing.js"
import { webIdentity } from "./webIdentity.js"

export interface Scenario {
  readonly id: string
  readonly title: string
  /** What runs in processes of its own, by name. */
  readonly works: Readonly<Record<string, Work>>
  readonly run: (bench: Bench) => Promise<Result>
}

export const scenarios: ReadonlyArray<Scenario> = [
  coldStart,
  bundleSize,
  resolve,
  cachedGet,
  crowdOfCallers,
  readConfig,
  webIdentity,
  signing,
  listing,
  refresh,
  manyProfiles
]
