import { figures } from "./figures.js"
import { type Client, portsOf } from "./http.js"
import { type Contender, median, type Work } from "./measure.js"
import { atMost, of, times } from "./report.js"
import type { Scenario } from "./scenarios.js"

const accounts = 5000
const concurrency = 16
const region = "eu-central-1"

/** So many at a time, and how many roles they have. */
const counted = async (
  ids: ReadonlyArray<string>,
  rolesOf: (accountId: string) => Promise<number>
): Promise<string> => {
  let next = 0
  let roles = 0
  const worker = async () => {
    for (let id = ids[next++]; id !== undefined; id = ids[next++]) {
      const found = await rolesOf(id)
      roles += found
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return String(roles)
}

const floor: Contender = async () => {
  const { Agent, get } = await import("node:http")
  const { text } = await import("node:stream/consumers")
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  const options = { agent, headers: { "x-amz-sso_bearer_token": `list-${accounts}` } }
  const ask = async (path: string) =>
    JSON.parse(
      await new Promise<string>((resolve, reject) =>
        get(process.env["AWS_ENDPOINT_URL_SSO"] + path, options, (response) => resolve(text(response)))
          .on("error", reject)
      )
    )
  return async () => {
    const ids: Array<string> = []
    let next = ""
    do {
      const page = await ask(`/assignment/accounts${next === "" ? "" : `?next_token=${next}`}`)
      for (const { accountId } of page.accountList) ids.push(accountId)
      next = page.nextToken ?? ""
    } while (next !== "")
    return counted(ids, async (id) => (await ask(`/assignment/roles?account_id=${id}`)).roleList.length)
  }
}

const v2: Contender = async () => {
  const { default: AWS } = await import("aws-sdk")
  const sso = new AWS.SSO({ region, endpoint: process.env["AWS_ENDPOINT_URL_SSO"] ?? "" })
  const accessToken = `list-${accounts}`
  return async () => {
    const ids: Array<string> = []
    let nextToken: string | undefined
    do {
      const page = await sso.listAccounts({ accessToken, ...(nextToken === undefined ? {} : { nextToken }) }).promise()
      for (const { accountId } of page.accountList ?? []) ids.push(accountId ?? "")
      nextToken = page.nextToken
    } while (nextToken !== undefined)
    return counted(
      ids,
      async (accountId) => (await sso.listAccountRoles({ accessToken, accountId }).promise()).roleList?.length ?? 0
    )
  }
}

const v3: Contender = async () => {
  const { ListAccountRolesCommand, paginateListAccounts, SSOClient } = await import("@aws-sdk/client-sso")
  const client = new SSOClient({ region })
  const accessToken = `list-${accounts}`
  return async () => {
    const ids: Array<string> = []
    for await (const { accountList } of paginateListAccounts({ client }, { accessToken })) {
      for (const { accountId } of accountList ?? []) ids.push(accountId ?? "")
    }
    return counted(
      ids,
      async (accountId) =>
        (await client.send(new ListAccountRolesCommand({ accessToken, accountId }))).roleList?.length ?? 0
    )
  }
}

/** What is not ours to make faster: Effect's client at the same requests, with nothing around them. */
const effectClient: Contender = async () => {
  const { HttpClient } = await import("@effect/platform")
  const { NodeHttpClient } = await import("@effect/platform-node")
  const { Effect, ManagedRuntime } = await import("effect")
  const runtime = ManagedRuntime.make(NodeHttpClient.layerUndici)
  const get = (path: string) =>
    Effect.gen(function*() {
      const client = HttpClient.withTracerDisabledWhen(yield* HttpClient.HttpClient, () => true)
      const response = yield* client.get(`${process.env["AWS_ENDPOINT_URL_SSO"]}${path}`, {
        headers: { "x-amz-sso_bearer_token": `list-${accounts}` }
      })
      return JSON.parse(yield* response.text)
    })
  const list = Effect.gen(function*() {
    const ids: Array<string> = []
    for (let next: string | undefined = ""; next !== undefined;) {
      const page: { readonly accountList: ReadonlyArray<{ readonly accountId: string }>; readonly nextToken?: string } =
        yield* get(`/assignment/accounts?next_token=${next}`)
      for (const { accountId } of page.accountList) ids.push(accountId)
      next = page.nextToken
    }
    const counts = yield* Effect.forEach(
      ids,
      (id) => Effect.map(get(`/assignment/roles?account_id=${id}`), ({ roleList }) => roleList.length),
      { concurrency }
    )
    return String(counts.reduce((sum: number, count: number) => sum + count, 0))
  })
  return () => runtime.runPromise(list)
}

/** And the most memory that is held meanwhile, in MB, if it is to be looked at. */
const ours = (
  accounts: number,
  watchMemory: boolean,
  client: Client = "node:http"
): Contender =>
async () => {
  const { Effect, Layer, ManagedRuntime, Redacted, Stream } = await import("effect")
  const { Region, Sso } = await import("effect-aws-identity")
  const endpoint = process.env["AWS_ENDPOINT_URL_SSO"]
  const runtime = ManagedRuntime.make(Layer.provide(Sso.layer({ endpoint }), await portsOf(client)))
  const roles = Sso.streamAllRoles({
    region: Region.make(region),
    accessToken: Redacted.make(`list-${accounts}`)
  }, { concurrency })
  return async () => {
    let count = 0
    await runtime.runPromise(Stream.runForEach(roles, () =>
      Effect.sync(() => {
        count += 1
        if (!watchMemory || count % 1000 !== 0) return
        globalThis.gc?.()
        figures["MB"] = Math.max(figures["MB"] ?? 0, process.memoryUsage().heapUsed / 1e6)
      })))
    return String(count)
  }
}

/** A page of the accounts holds 50; each account's roles are one page. */
const requests = (accounts: number) => accounts / 50 + accounts

const work: Work = {
  contenders: {
    "plain Node": floor,
    "Effect's client, forEach": effectClient,
    "aws-sdk v2": v2,
    "AWS SDK v3": v3,
    "ours": ours(accounts, false),
    "ours, undici": ours(accounts, false, "undici")
  },
  answer: String(2 * accounts),
  warmUp: 0,
  operations: 1,
  requests: () => requests(accounts)
}

const memory = (accounts: number): Work => ({
  contenders: { "ours": ours(accounts, true) },
  answer: String(2 * accounts),
  warmUp: 0,
  operations: 1,
  requests: () => requests(accounts)
})
const few = memory(2500)
const many = memory(10_000)

export const listing: Scenario = {
  id: "S9",
  title: "All roles of 5,000 accounts, 16 requests at a time",
  works: { work, few, many },
  run: async (bench) => {
    const samples = await bench.compare("S9", "work", work, bench.quick ? 1 : 5)
    const held = async (name: string, work: Work) => {
      const samples = await bench.compare("S9", name, work, bench.quick ? 1 : 3)
      return median(of(samples, "ours").map(({ figures }) => figures?.["MB"] ?? NaN))
    }
    const growth = await held("many", many) / await held("few", few)
    return {
      tables: [times("The whole list", "ms", samples, "aws-sdk v2")],
      budgets: [
        atMost("the whole list", samples, "ours", "aws-sdk v2", 0.7),
        { what: "memory held at 10,000 accounts: ≤ 1.1 × at 2,500", value: growth, limit: 1.1 }
      ]
    }
  }
}
