/** What a contender measures beside its time, by name. */
export const figures: Record<string, number> = {}
