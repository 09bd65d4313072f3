import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Clock,
  DateTime,
  Duration,
  Effect,
  Either,
  Equal,
  Exit,
  FastCheck as fc,
  Fiber,
  Logger,
  LogLevel,
  Option,
  Redacted
} from "effect"
import {
  Credentials,
  CredentialsProvider,
  IdentityError,
  Region,
  SsoOidc,
  SsoSession,
  SsoTokenCache
} from "effect-aws-identity"
import { SsoTokenProvider } from "effect-aws-identity"

// Whatever happens, in whatever order: the providers against a model of the service, on a clock that only events move.

const second = 1000
const start = 1_700_000_000_000

/** A clock that only events move. A sleep ends when nothing else is left to run; see `settled`. */
class FakeClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: typeof Clock.ClockTypeId = Clock.ClockTypeId
  now = start
  readonly unsafeCurrentTimeMillis = () => this.now
  readonly unsafeCurrentTimeNanos = () => BigInt(this.now) * 1_000_000n
  readonly currentTimeMillis = Effect.sync(this.unsafeCurrentTimeMillis)
  readonly currentTimeNanos = Effect.sync(this.unsafeCurrentTimeNanos)
  private sleepers: Array<{ left: number; readonly wake: () => void }> = []
  readonly sleep = (duration: Duration.Duration) =>
    // No sequence reaches a time limit.
    Duration.toMinutes(duration) >= 5 ? Effect.never : Effect.async<void>((resume) => {
      const sleeper = { left: Duration.toMillis(duration), wake: () => resume(Effect.void) }
      this.sleepers.push(sleeper)
      return Effect.sync(() => {
        this.sleepers = this.sleepers.filter((other) => other !== sleeper)
      })
    })
  /** Runs an effect to its end, and moves the clock to the next wake-up whenever all of its fibers sleep. */
  readonly settled = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Effect.fork(effect), (fiber) =>
      Effect.gen(this, function*() {
        for (let idle = 0; Option.isNone(yield* Fiber.poll(fiber)); idle++) {
          yield* Effect.yieldNow()
          if (idle < 100) continue
          const next = Math.min(...this.sleepers.map(({ left }) => left))
          if (next === Infinity) continue
          idle = 0
          this.now += next
          const woken = this.sleepers.filter(({ left }) => left === next)
          this.sleepers = this.sleepers.filter(({ left }) => left > next)
          for (const sleeper of this.sleepers) sleeper.left -= next
          for (const { wake } of woken) wake()
        }
        return yield* Fiber.join(fiber)
      }))
}

/** Runs what a sequence does; a promise, because renewals run on fibers of their own. */
const run = <A, E>(clock: Clock.Clock, effect: Effect.Effect<A, E>): Promise<A> =>
  Effect.runPromise(effect.pipe(Effect.withClock(clock), Logger.withMinimumLogLevel(LogLevel.None)))

/** A property that runs too long fails and prints its seed, which a time limit of the test would not. */
const withSeed = { interruptAfterTimeLimit: 240_000, markInterruptAsFailure: true }

const seconds = fc.oneof(
  fc.integer({ min: 1, max: 60 }),
  fc.integer({ min: 60, max: 600 }),
  fc.integer({ min: 600, max: 4 * 3600 })
)
const lifetimes = fc.constantFrom(1, 20, 60, 300, 301, 600, 3600, 3600, 8 * 3600)

type Which = 0 | 1

/** How the service takes the next request for a token. */
interface Answer {
  readonly kind:
    | "issued"
    | "issued without a refresh token"
    | "unreachable"
    | "lost"
    | "500"
    | "throttled"
    | "invalid_grant"
  readonly lifetime: number
  /** What happens between the request and the answer. */
  readonly meanwhile: ReadonlyArray<Outside>
  /** Whether the service has made up its mind before that, or does so after it. */
  readonly early: boolean
}

/** What happens around the provider. */
type Outside =
  | { readonly _tag: "Pass"; readonly seconds: number }
  | { readonly _tag: "Back"; readonly seconds: number }
  | { readonly _tag: "OtherProcessRenews"; readonly which: Which; readonly lifetime: number }
  | {
    readonly _tag: "SignIn"
    readonly which: Which
    readonly lifetime: number
    readonly renewable: boolean
    readonly registration: number
  }
  | { readonly _tag: "SignOut"; readonly which: Which }
  | { readonly _tag: "Corrupt"; readonly which: Which }
  | { readonly _tag: "Mend"; readonly which: Which }
  | { readonly _tag: "Unwritable"; readonly is: boolean }
  | { readonly _tag: "RegistrationEnds"; readonly which: Which }

type Event =
  | Outside
  | { readonly _tag: "Answer"; readonly answer: Answer }
  | { readonly _tag: "Reject"; readonly which: Which; readonly ago: number }
  | { readonly _tag: "Get"; readonly which: Which; readonly profiles: 1 | 2 }

const which = fc.constantFrom<Which>(0, 0, 0, 1)

const outsides = {
  pass: fc.record({ _tag: fc.constant("Pass" as const), seconds }),
  back: fc.record({ _tag: fc.constant("Back" as const), seconds }),
  other: fc.record({ _tag: fc.constant("OtherProcessRenews" as const), which, lifetime: lifetimes }),
  signIn: fc.record({
    _tag: fc.constant("SignIn" as const),
    which,
    lifetime: lifetimes,
    renewable: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    registration: fc.constantFrom(3600, 90 * 86_400, 90 * 86_400)
  }),
  signOut: fc.record({ _tag: fc.constant("SignOut" as const), which }),
  corrupt: fc.record({ _tag: fc.constant("Corrupt" as const), which }),
  mend: fc.record({ _tag: fc.constant("Mend" as const), which }),
  unwritable: fc.record({ _tag: fc.constant("Unwritable" as const), is: fc.boolean() }),
  registration: fc.record({ _tag: fc.constant("RegistrationEnds" as const), which })
}
const outside: fc.Arbitrary<Outside> = fc.oneof(...Object.values(outsides))

const answer: fc.Arbitrary<Answer> = fc.record({
  kind: fc.constantFrom<Answer["kind"]>(
    "issued",
    "issued",
    "issued",
    "issued without a refresh token",
    "unreachable",
    "unreachable",
    "lost",
    "500",
    "throttled",
    "invalid_grant"
  ),
  lifetime: lifetimes,
  meanwhile: fc.oneof(fc.constant([]), fc.array(outside, { maxLength: 3 })),
  early: fc.boolean()
})

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ _tag: fc.constant("Get" as const), which, profiles: fc.constantFrom<1 | 2>(1, 2) })
  },
  { weight: 5, arbitrary: outsides.pass },
  { weight: 4, arbitrary: fc.record({ _tag: fc.constant("Answer" as const), answer }) },
  { weight: 2, arbitrary: fc.record({ _tag: fc.constant("Reject" as const), which, ago: fc.nat(2) }) },
  { weight: 6, arbitrary: outside }
)

interface Issued {
  readonly token: SsoTokenCache.SsoToken
  /** Which sign-in it came of. */
  readonly epoch: number
  /** How many requests the service had when it was issued. */
  readonly issuedAfter: number
  /** Since when the portal has rejected it. */
  rejectedAt: number
  /** How many requests the service had then. */
  rejectedAfter: number
  /** It was given to us in the place of a rejected one. */
  readonly isReplacement: boolean
}

interface Renewal {
  readonly which: Which
  readonly epoch: number
  isLive: boolean
  /** The one that came in its place was given to us. */
  isReplaced: boolean
}

interface Place {
  epoch: number
  shown: Option.Option<SsoTokenCache.SsoToken>
  isCorrupt: boolean
  /** The newest token of this sign-in, be it in the cache or ours alone. */
  newest: Option.Option<SsoTokenCache.SsoToken>
  /** What we last saw the cache show. */
  seenEpoch: number | undefined
  lastRequestAt: number
  /** Which of the service's requests that was. */
  lastRequest: number
  readonly handedOut: Array<SsoTokenCache.SsoToken>
}

const nameOf = (token: SsoTokenCache.SsoToken): string => Redacted.value(token.accessToken)
const endOf = (token: SsoTokenCache.SsoToken): number => DateTime.toEpochMillis(token.expiresAt)
const names = ["first", "second"] as const
const sessionOf = (which: Which, profile: string): SsoSession.SsoSession =>
  new SsoSession.SsoSession({
    name: Option.some(names[which]),
    profile: Option.some(profile),
    startUrl: `https://${names[which]}.awsapps.com/start`,
    region: Region.make("us-east-1")
  })

/** The service, the shared cache, and what is right at any moment. */
class World {
  readonly clock = new FakeClock()
  readonly violations: Array<string> = []
  readonly answers: Array<Answer> = []
  readonly issued = new Map<string, Issued>()
  readonly renewals = new Map<string, Renewal>()
  readonly places: readonly [Place, Place] = [World.place(), World.place()]
  isUnwritable = false
  requests = 0
  private count = 0

  private static place(): Place {
    return {
      epoch: 0,
      shown: Option.none(),
      isCorrupt: false,
      newest: Option.none(),
      seenEpoch: undefined,
      lastRequestAt: -Infinity,
      lastRequest: 0,
      handedOut: []
    }
  }

  wrong(what: string): void {
    this.violations.push(`${what} (at ${(this.clock.now - start) / second} s)`)
  }

  newRefreshToken(which: Which): string {
    const name = `refresh-${names[which]}-${++this.count}`
    this.renewals.set(name, { which, epoch: this.places[which].epoch, isLive: true, isReplaced: false })
    return name
  }

  /** A token as a process would put it into the cache. */
  token(
    which: Which,
    fields: {
      readonly name: string
      readonly at: number
      readonly lifetime: number
      readonly refreshToken: Option.Option<Redacted.Redacted>
      readonly registrationExpiresAt: Option.Option<DateTime.Utc>
    }
  ): SsoTokenCache.SsoToken {
    return new SsoTokenCache.SsoToken({
      accessToken: Redacted.make(fields.name),
      expiresAt: DateTime.unsafeMake(fields.at + fields.lifetime * second),
      clientId: Option.some(names[which]),
      clientSecret: Option.some(Redacted.make("secret")),
      registrationExpiresAt: fields.registrationExpiresAt,
      refreshToken: fields.refreshToken
    })
  }

  remember(which: Which, token: SsoTokenCache.SsoToken, epoch: number, isReplacement = false): void {
    this.issued.set(nameOf(token), {
      token,
      epoch,
      issuedAfter: this.requests,
      rejectedAt: Infinity,
      rejectedAfter: Infinity,
      isReplacement
    })
    if (this.places[which].epoch === epoch) this.places[which].newest = Option.some(token)
  }

  newName(which: Which): string {
    return `access-${names[which]}-${++this.count}`
  }

  happens(event: Outside): void {
    switch (event._tag) {
      case "Pass":
        this.clock.now += event.seconds * second
        return
      case "Back":
        this.clock.now -= event.seconds * second
        return
      case "Unwritable":
        this.isUnwritable = event.is
        return
    }
    const place = this.places[event.which]
    switch (event._tag) {
      case "SignIn": {
        place.epoch += 1
        const token = this.token(event.which, {
          name: this.newName(event.which),
          at: this.clock.now,
          lifetime: event.lifetime,
          refreshToken: event.renewable
            ? Option.some(Redacted.make(this.newRefreshToken(event.which)))
            : Option.none(),
          registrationExpiresAt: Option.some(DateTime.unsafeMake(this.clock.now + event.registration * second))
        })
        this.remember(event.which, token, place.epoch)
        place.shown = Option.some(token)
        place.isCorrupt = false
        return
      }
      case "SignOut":
        place.epoch += 1
        place.shown = Option.none()
        place.newest = Option.none()
        place.isCorrupt = false
        return
      case "Corrupt":
        place.isCorrupt = true
        return
      case "Mend":
        place.isCorrupt = false
        return
      case "OtherProcessRenews": {
        if (place.isCorrupt || Option.isNone(place.shown)) return
        const old = place.shown.value
        const spent = Option.map(old.refreshToken, Redacted.value)
        const renewal = Option.isSome(spent) ? this.renewals.get(spent.value) : undefined
        if (renewal === undefined || !renewal.isLive) return
        renewal.isLive = false
        const token = this.token(event.which, {
          name: this.newName(event.which),
          at: this.clock.now,
          lifetime: event.lifetime,
          refreshToken: Option.some(Redacted.make(this.newRefreshToken(event.which))),
          registrationExpiresAt: old.registrationExpiresAt
        })
        this.remember(event.which, token, place.epoch)
        place.shown = Option.some(token)
        return
      }
      case "RegistrationEnds": {
        if (Option.isNone(place.shown) || place.isCorrupt) return
        const old = place.shown.value
        const token = new SsoTokenCache.SsoToken({
          ...old,
          registrationExpiresAt: Option.some(DateTime.unsafeMake(this.clock.now))
        })
        const issued = this.issued.get(nameOf(old))
        this.issued.set(nameOf(old), {
          epoch: place.epoch,
          issuedAfter: this.requests,
          isReplacement: false,
          rejectedAt: Infinity,
          rejectedAfter: Infinity,
          ...issued,
          token
        })
        if (Option.exists(place.newest, (newest) => nameOf(newest) === nameOf(old))) place.newest = Option.some(token)
        place.shown = Option.some(token)
      }
    }
  }

  readonly cache: SsoTokenCache.SsoTokenCache["Type"] = {
    location: (key) => key,
    exclusively: () => (effect) => effect,
    get: (key) =>
      Effect.suspend(() => {
        const place = this.places[key === names[0] ? 0 : 1]
        if (place.isCorrupt) {
          return Effect.fail(new SsoTokenCache.CorruptToken({ location: key, problem: "it is torn" }))
        }
        place.seenEpoch = place.epoch
        return Effect.succeed(place.shown)
      }),
    set: (key, token) =>
      Effect.suspend(() => {
        if (this.isUnwritable) {
          return Effect.fail(new IdentityError.FileError({ path: key, operation: "write", code: "PermissionDenied" }))
        }
        const place = this.places[key === names[0] ? 0 : 1]
        const issued = this.issued.get(nameOf(token))
        if (issued === undefined) this.wrong("what nobody issued is written")
        else if (issued.epoch !== place.epoch && !place.isCorrupt) this.wrong("a sign-in or sign-out is overwritten")
        place.epoch = issued?.epoch ?? place.epoch
        place.shown = Option.some(token)
        place.newest = Option.some(token)
        place.isCorrupt = false
        return Effect.succeed(true)
      }),
    remove: () => Effect.dieMessage("nobody here removes")
  }

  readonly createToken = (input: SsoOidc.CreateTokenInput): Effect.Effect<
    SsoOidc.CreateTokenOutput,
    IdentityError.CreateTokenError
  > =>
    Effect.suspend(() => {
      this.requests += 1
      const at = this.clock.now
      const presented = "refreshToken" in input ? Redacted.value(input.refreshToken) : ""
      const renewal = this.renewals.get(presented)
      if (renewal === undefined) return Effect.dieMessage(`nobody issued "${presented}"`)
      const { which } = renewal
      const place = this.places[which]
      if (input.clientId !== names[which]) this.wrong("a refresh token is sent with another session's client")
      if (renewal.isReplaced) this.wrong(`${presented} is sent again, though another was given in its place`)
      const renewed = [...this.issued.values()].filter(({ token }) =>
        Option.exists(token.refreshToken, (token) => Redacted.value(token) === presented)
      ).at(-1)
      const end = renewed === undefined ? Infinity : Math.min(endOf(renewed.token), renewed.rejectedAt)
      const since = at - place.lastRequestAt
      // The first request after the end of a token need not wait. Nor need that of a token which was issued by the last
      // request or after it: the clock does not say so when it was set back in between.
      const isFirst = renewed === undefined || end <= at && place.lastRequestAt < end ||
        end <= at && renewed.issuedAfter >= place.lastRequest ||
        renewed.rejectedAfter < Infinity && renewed.rejectedAfter >= place.lastRequest
      if (since >= 0 && since < 30 * second && !isFirst) this.wrong(`two requests within ${since / second} s`)
      place.lastRequestAt = at
      place.lastRequest = this.requests
      const next = this.answers.shift() ?? { kind: "issued", lifetime: 3600, meanwhile: [], early: true }

      const decide = (): Either.Either<SsoOidc.CreateTokenOutput, IdentityError.CreateTokenError> => {
        const call = { service: "SSO OIDC", operation: "createToken" }
        const refused = (code: string, status: number) => ({ ...call, code, status })
        if (next.kind === "unreachable") {
          return Either.left(new IdentityError.ServiceUnreachable({ ...call, endpoint: "", code: "ECONNRESET" }))
        }
        if (next.kind === "500") {
          return Either.left(new IdentityError.ServiceError(refused("InternalServerException", 500)))
        }
        if (next.kind === "throttled") {
          return Either.left(new IdentityError.SlowDownException(refused("SlowDownException", 400)))
        }
        if (next.kind === "invalid_grant" || !renewal.isLive) {
          renewal.isLive = false
          return Either.left(new IdentityError.InvalidGrantException(refused("InvalidGrantException", 400)))
        }
        if (next.kind === "lost") {
          renewal.isLive = false
          return Either.left(new IdentityError.ServiceUnreachable({ ...call, endpoint: "", code: "ECONNRESET" }))
        }
        const isRotated = next.kind === "issued"
        const accessToken = Redacted.make(this.newName(which))
        let refreshToken = Option.none<Redacted.Redacted>()
        if (isRotated) {
          renewal.isLive = false
          renewal.isReplaced = true
          const name = `refresh-${names[which]}-${++this.count}`
          this.renewals.set(name, { which, epoch: renewal.epoch, isLive: true, isReplaced: false })
          refreshToken = Option.some(Redacted.make(name))
        }
        this.remember(
          which,
          this.token(which, {
            name: Redacted.value(accessToken),
            at,
            lifetime: next.lifetime,
            refreshToken: isRotated ? refreshToken : Option.some(Redacted.make(presented)),
            registrationExpiresAt: renewed?.token.registrationExpiresAt ?? Option.none()
          }),
          renewal.epoch,
          renewed !== undefined && renewed.rejectedAt < Infinity
        )
        return Either.right({
          accessToken,
          tokenType: Option.some("Bearer"),
          expiresIn: next.lifetime,
          refreshToken,
          idToken: Option.none()
        })
      }

      const early = next.early ? decide() : undefined
      for (const event of next.meanwhile) this.happens(event)
      return Effect.zipRight(Effect.yieldNow(), early ?? decide())
    })

  /** What must be given out, if anything: what the cache shows and neither the clock nor the portal speaks against. */
  mustGive(which: Which): boolean {
    const { isCorrupt, newest, shown } = this.places[which]
    return !isCorrupt &&
      Option.exists(
        shown,
        (token) =>
          endOf(token) > this.clock.now && this.issued.get(nameOf(token))?.rejectedAt === Infinity &&
          Option.exists(newest, (newest) => nameOf(newest) === nameOf(token))
      )
  }

  /** Looks at what `get` gave. */
  judge(which: Which, exit: Exit.Exit<SsoTokenCache.SsoToken, unknown>, mustGive: boolean): void {
    const place = this.places[which]
    if (Exit.isFailure(exit)) {
      if (!Cause.isFailType(exit.cause)) this.wrong(`get dies: ${Cause.pretty(exit.cause)}`)
      else if (mustGive && this.mustGive(which)) {
        this.wrong(`a token that counts is not given out: ${Cause.pretty(exit.cause)}`)
      }
      return
    }
    const token = exit.value
    const issued = this.issued.get(nameOf(token))
    place.handedOut.push(token)
    if (issued === undefined) return this.wrong(`${nameOf(token)} was never issued`)
    if (!nameOf(token).includes(names[which])) this.wrong(`${nameOf(token)} is another session's`)
    if (endOf(token) <= this.clock.now) this.wrong(`${nameOf(token)} has expired`)
    if (endOf(token) !== endOf(issued.token)) this.wrong(`${nameOf(token)} has another time`)
    if (issued.rejectedAt < Infinity) this.wrong(`${nameOf(token)} was rejected`)
    if (place.isCorrupt) {
      if (issued.epoch !== place.seenEpoch) this.wrong(`${nameOf(token)} is of another sign-in`)
    } else if (Option.isNone(place.shown)) this.wrong(`${nameOf(token)} was signed out`)
    else if (issued.epoch !== place.epoch) this.wrong(`${nameOf(token)} is of another sign-in`)
  }

  /** Whether a renewal would go well, did nothing more happen. */
  isRenewable(which: Which): boolean {
    const { isCorrupt, newest } = this.places[which]
    return !isCorrupt && Option.exists(newest, (token) => {
      const issued = this.issued.get(nameOf(token))
      const isRejectedTwice = issued !== undefined && issued.isReplacement && issued.rejectedAt < Infinity
      return !isRejectedTwice &&
        Option.exists(
          token.registrationExpiresAt,
          (end) => DateTime.toEpochMillis(end) > this.clock.now + 60 * second
        ) &&
        Option.exists(token.refreshToken, (name) => this.renewals.get(Redacted.value(name))?.isLive === true)
    })
  }
}

/** Plays the sequence, and gives what went wrong first. */
const play = (events: ReadonlyArray<Event>): Promise<ReadonlyArray<string>> => {
  const world = new World()
  const ask = (tokens: SsoTokenProvider.SsoTokenProvider["Type"], which: Which, profiles: number) =>
    Effect.gen(function*() {
      const must = world.mustGive(which)
      const exits = yield* world.clock.settled(Effect.all(
        Array.from({ length: profiles }, (_, index) => Effect.exit(tokens.get(sessionOf(which, `profile${index}`)))),
        { concurrency: "unbounded" }
      ))
      for (const exit of exits) world.judge(which, exit, must)
      const [one, other] = exits
      if (one !== undefined && other !== undefined && Exit.isSuccess(one) && Exit.isSuccess(other)) {
        if (!Equal.equals(one.value.accessToken, other.value.accessToken)) world.wrong("two profiles get two tokens")
      }
      return exits.every(Exit.isSuccess)
    })
  return run(
    world.clock,
    Effect.gen(function*() {
      const tokens = yield* SsoTokenProvider.make
      for (const which of [0, 1] as const) {
        world.happens({ _tag: "SignIn", which, lifetime: 3600, renewable: true, registration: 90 * 86_400 })
      }
      for (const event of events) {
        if (event._tag === "Get") yield* ask(tokens, event.which, event.profiles)
        else if (event._tag === "Answer") world.answers.push(event.answer)
        else if (event._tag === "Reject") {
          const token = world.places[event.which].handedOut.at(-1 - event.ago)
          const issued = token && world.issued.get(nameOf(token))
          if (token !== undefined && issued !== undefined) {
            if (issued.rejectedAt === Infinity) {
              issued.rejectedAt = world.clock.now
              issued.rejectedAfter = world.requests
            }
            yield* tokens.invalidate(sessionOf(event.which, "profile0"), token)
          }
        } else world.happens(event)
        if (world.violations.length > 0) return world.violations
      }
      // The faults stop.
      world.answers.length = 0
      world.isUnwritable = false
      for (const which of [0, 1] as const) {
        if (!world.isRenewable(which)) {
          world.happens({ _tag: "SignIn", which, lifetime: 3600, renewable: true, registration: 90 * 86_400 })
        }
        if (!(yield* ask(tokens, which, 1))) {
          world.clock.now += 31 * second
          if (!(yield* ask(tokens, which, 1))) world.wrong("it does not recover")
        }
      }
      return world.violations
    }).pipe(
      Effect.scoped,
      Effect.provideService(SsoTokenCache.SsoTokenCache, world.cache),
      Effect.provideService(SsoOidc.SsoOidc, {
        createToken: world.createToken,
        createTokenWithIAM: () => Effect.dieMessage("not here"),
        registerClient: () => Effect.dieMessage("not here"),
        startDeviceAuthorization: () => Effect.dieMessage("not here")
      })
    )
  )
}

describe("SsoTokenProvider", () => {
  it("gives the right token or says why not, and recovers, whatever happens", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 40, size: "max" }), async (events) => {
        assert.deepStrictEqual(await play(events), [])
      }),
      { numRuns: 1000, ...withSeed }
    )
  }, 300_000)

  const pass = (seconds: number): Outside => ({ _tag: "Pass", seconds })
  const get: Event = { _tag: "Get", which: 0, profiles: 1 }
  const signOut: Outside = { _tag: "SignOut", which: 0 }
  const signIn = (lifetime: number): Outside => ({
    _tag: "SignIn",
    which: 0,
    lifetime,
    renewable: true,
    registration: 90 * 86_400
  })
  const reject = (ago: number): Event => ({ _tag: "Reject", which: 0, ago })
  const answered = (kind: Answer["kind"], meanwhile: ReadonlyArray<Outside> = []): Event => ({
    _tag: "Answer",
    answer: { kind, lifetime: 3600, meanwhile, early: true }
  })
  const unwritable: Outside = { _tag: "Unwritable", is: true }
  const corrupt: Outside = { _tag: "Corrupt", which: 0 }

  // What went wrong once.
  const once: Record<string, ReadonlyArray<Event>> = {
    "is signed out while a renewal fails": [answered("unreachable", [signOut]), pass(3300), get],
    "arrives when it has expired, for the machine slept": [answered("issued", [pass(7200)]), pass(3300), get],
    "is replaced by another's that has expired, for the machine slept": [
      answered("issued", [signIn(3600), pass(7200)]),
      pass(3300),
      get
    ],
    "is kept in memory while the cache cannot be read for a moment, and forgotten after it": [
      answered("issued", [unwritable, corrupt]),
      pass(3600),
      get,
      { _tag: "Mend", which: 0 },
      get
    ],
    "is kept in memory while the cache cannot be read, and signed out then": [
      answered("issued", [unwritable, corrupt]),
      pass(3300),
      get,
      signOut,
      get
    ],
    "is not renewed for half a minute, when somebody signs in for some minutes": [
      answered("unreachable", [pass(31), signIn(60)]),
      pass(3590),
      get
    ],
    "is rejected before the clock is set back": [get, reject(0), { _tag: "Back", seconds: 600 }, get],
    "is rejected before a late rejection of the one before it": [
      get,
      pass(3300),
      get,
      reject(0),
      reject(1),
      get
    ],
    "of another process expires after the clock was set back and forward (seed -1612843760)": [
      pass(3300),
      {
        _tag: "Answer",
        answer: { kind: "issued", lifetime: 1, meanwhile: [{ _tag: "Back", seconds: 600 }], early: false }
      },
      get,
      { _tag: "OtherProcessRenews", which: 0, lifetime: 1 },
      pass(600),
      { _tag: "Back", seconds: 60 },
      pass(60)
    ],
    "is rejected again and again while it cannot be renewed": [
      get,
      reject(0),
      answered("unreachable"),
      answered("unreachable"),
      get,
      pass(1),
      reject(0),
      get
    ]
  }
  for (const [name, events] of Object.entries(once)) {
    it(`gives the right token when one ${name}`, async () => {
      assert.deepStrictEqual(await play(events), [])
    })
  }
})

describe("CredentialsProvider", () => {
  type Step =
    | { readonly _tag: "Pass"; readonly seconds: number }
    | { readonly _tag: "Back"; readonly seconds: number }
    | { readonly _tag: "Get"; readonly callers: number }
    | { readonly _tag: "Reject"; readonly ago: number }
    | {
      readonly _tag: "Answer"
      readonly kind: "issued" | "issued for ever" | "expired" | "unreachable" | "refused" | "not signed in" | "dies"
      readonly lifetime: number
      readonly takes: number
    }

  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        _tag: fc.constant("Pass" as const),
        seconds: fc.oneof({ weight: 1, arbitrary: fc.constantFrom(0.25, 0.75) }, { weight: 2, arbitrary: seconds })
      })
    },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("Back" as const), seconds }) },
    { weight: 6, arbitrary: fc.record({ _tag: fc.constant("Get" as const), callers: fc.integer({ min: 1, max: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("Reject" as const), ago: fc.nat(2) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        _tag: fc.constant("Answer" as const),
        kind: fc.constantFrom<Extract<Step, { _tag: "Answer" }>["kind"]>(
          "issued",
          "issued",
          "issued",
          "issued for ever",
          "expired",
          "unreachable",
          "refused",
          "not signed in",
          "dies"
        ),
        lifetime: fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 600, max: 12 * 3600 })),
        takes: fc.constantFrom(0, 0, 0, 1, 45, 7200)
      })
    }
  )

  /** Plays the sequence, and gives what went wrong. */
  const playSteps = (sequence: ReadonlyArray<Step>): Promise<ReadonlyArray<string>> => {
    const clock = new FakeClock()
    const violations: Array<string> = []
    const wrong = (what: string) => void violations.push(`${what} (at ${(clock.now - start) / second} s)`)
    const answers: Array<Extract<Step, { _tag: "Answer" }>> = []
    const rejected = new Set<string>()
    const given: Array<Credentials.Credentials> = []
    let count = 0
    let underWay = 0
    let resolutions = 0
    /** When a resolution failed, if none has gone well since. */
    let failedAt = -Infinity
    /** How long after `failedAt` the source is not asked, and from when on it is asked (s). */
    let pause: readonly [shortest: number, longest: number] = [0, 0]
    let current: Credentials.Credentials | undefined
    const endOfKeys = (value: Credentials.Credentials) =>
      Option.match(value.expiration, { onNone: () => Infinity, onSome: DateTime.toEpochMillis })
    const counts = (value: Credentials.Credentials) => endOfKeys(value) > clock.now && !rejected.has(value.accessKeyId)

    const resolve = Effect.gen(function*() {
      underWay += 1
      resolutions += 1
      if (underWay > 1) wrong("two are resolved at a time")
      const since = clock.now - failedAt
      // Half a minute, less up to a third by chance.
      if (current !== undefined && counts(current) && since >= 0 && since < 20 * second) {
        wrong(`tried again after ${since / second} s`)
      }
      if ((current === undefined || !counts(current)) && since >= 0 && since < pause[0] * second) {
        wrong(`asked again ${since / second} s after a failure`)
      }
      const next = answers.shift() ?? { kind: "issued", lifetime: 3600, takes: 0 }
      const expiration = next.kind === "expired" ? clock.now - second : clock.now + next.lifetime * second
      yield* Effect.yieldNow()
      clock.now += next.takes * second
      const isIssued = next.kind === "issued" || next.kind === "issued for ever"
      if (!isIssued || (next.kind === "issued" && expiration <= clock.now)) {
        failedAt = clock.now
        pause = current !== undefined && counts(current)
          ? [0, 0]
          : next.kind === "refused"
          ? [1, 5]
          : next.kind === "not signed in"
          ? [0, 0]
          : [0.5, 1]
        // A clock that is set back does not bring back what had expired.
        if (current !== undefined && !counts(current)) current = undefined
      }
      if (next.kind === "refused") {
        return yield* new IdentityError.RoleNotAssigned({ accountId: "111122223333", roleName: "Developer" })
      }
      if (next.kind === "not signed in") {
        return yield* new IdentityError.SsoLoginRequired({
          reason: "NoToken",
          session: "example",
          command: "sign in",
          startUrl: "https://example.awsapps.com/start",
          region: "eu-west-1"
        })
      }
      if (next.kind === "dies") return yield* Effect.dieMessage("a bug")
      if (next.kind === "unreachable") {
        return yield* new IdentityError.ServiceUnreachable({
          service: "SSO",
          operation: "getRoleCredentials",
          endpoint: "",
          code: "ECONNRESET"
        })
      }
      const value = new Credentials.Credentials({
        accessKeyId: `KEY${++count}`,
        secretAccessKey: Redacted.make("secret"),
        expiration: next.kind === "issued for ever" ? Option.none() : Option.some(DateTime.unsafeMake(expiration))
      })
      if (endOfKeys(value) > clock.now) {
        current = value
        failedAt = -Infinity
      }
      return value
    }).pipe(Effect.ensuring(Effect.sync(() => {
      underWay -= 1
    })))

    const ask = (provider: CredentialsProvider.Service, callers: number) =>
      Effect.gen(function*() {
        const before = resolutions
        const since = clock.now - failedAt
        const exits = yield* Effect.all(
          Array.from({ length: callers }, () =>
            // Judged when the caller has it: a slow renewal in the background may take until later.
            Effect.tap(Effect.exit(provider.get), (exit) => {
              if (Exit.isFailure(exit)) {
                if (current !== undefined && counts(current)) wrong("what counts is not given out")
                if (resolutions === before && (since < 0 || since >= pause[1] * second)) {
                  wrong(`the pause goes on after ${since / second} s`)
                }
                return Effect.void
              }
              given.push(exit.value)
              if (endOfKeys(exit.value) <= clock.now) wrong(`${exit.value.accessKeyId} has expired`)
              if (rejected.has(exit.value.accessKeyId)) wrong(`${exit.value.accessKeyId} was rejected`)
              return Effect.void
            })),
          { concurrency: "unbounded" }
        )
        // What runs in the background ends before the next step.
        // And what it gave is in the cache some turns after it was resolved.
        for (let turns = 0, idle = 0; turns < 200 && idle < 20; turns++) {
          yield* Effect.yieldNow()
          idle = underWay > 0 ? 0 : idle + 1
        }
        return exits.every(Exit.isSuccess)
      })

    return run(
      clock,
      Effect.gen(function*() {
        const provider = yield* CredentialsProvider.make(resolve)
        for (const step of sequence) {
          if (step._tag === "Reject") {
            const value = given.at(-1 - step.ago)
            if (value === undefined) continue
            rejected.add(value.accessKeyId)
            yield* provider.invalidate(value)
            // It ends the pause.
            pause = [0, 0]
          } else if (step._tag === "Pass") clock.now += step.seconds * second
          else if (step._tag === "Back") clock.now -= step.seconds * second
          else if (step._tag === "Answer") answers.push(step)
          else yield* ask(provider, step.callers)
          if (violations.length > 0) return violations
        }
        answers.length = 0
        if (!(yield* ask(provider, 1))) {
          clock.now += 31 * second
          if (!(yield* ask(provider, 1))) wrong("it does not recover")
        }
        return violations
      }).pipe(Effect.scoped)
    )
  }

  it("gives credentials that count, one resolution at a time, and recovers, whatever happens", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40, size: "max" }), async (steps) => {
        assert.deepStrictEqual(await playSteps(steps), [])
      }),
      { numRuns: 1000, ...withSeed }
    )
  }, 300_000)
})
