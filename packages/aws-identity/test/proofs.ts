/**
 * How often properties run, as a multiple of what a quick run of the tests takes. The environment variable
 * IDENTITY_PROOFS sets it: 1 by default, more in CI and for long proofs.
 */
const factor = Math.max(1, Number(process.env["IDENTITY_PROOFS"] ?? 1) || 1)

/** The number of runs of a property: the given number times IDENTITY_PROOFS. */
export const runsOf = (runs: number) => ({ numRuns: Math.round(runs * factor) })

/** The time limit of these runs in milliseconds. */
export const timeOf = (milliseconds: number): number => milliseconds * factor
