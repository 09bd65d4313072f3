import { typical, type Work } from "./measure.js"
import { atMost, of, times } from "./report.js"
import { contenders } from "./resolve.js"
import type { Scenario } from "./scenarios.js"

const work = (profiles: number): Work => ({
  contenders,
  profiles,
  warmUp: 5,
  operations: profiles > 1000 ? 10 : 40,
  requests: (operations) => operations
})
const thousand = work(1000)
const tenThousand = work(10_000)

export const manyProfiles: Scenario = {
  id: "S11",
  title: "Resolving again and again in a process whose config file has many profiles",
  works: { thousand, tenThousand },
  run: async (bench) => {
    const rounds = bench.quick ? 1 : 3
    const some = await bench.compare("S11", "thousand", thousand, rounds)
    const many = await bench.compare("S11", "tenThousand", tenThousand, rounds)
    const peer = "AWS SDK v3, one client"
    return {
      tables: [times("1,000 profiles", "ms", some, peer), times("10,000 profiles", "ms", many, peer)],
      budgets: [
        atMost("10,000 profiles", many, "ours", peer, 0.02),
        {
          what: "stretch: ten times the profiles: ≤ 1.2 × the time",
          value: typical(of(many, "ours")) / typical(of(some, "ours")),
          limit: 1.2
        }
      ]
    }
  }
}
