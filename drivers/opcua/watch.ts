import type { Clock, Millis, MonotonicMs } from '../../model/time.ts'
import type { Driver, ReadResult } from '../driver.ts'
import { idOf } from './ask.ts'
import { limitsOf } from './limits.ts'
import type { Connection, OpcUaLink } from './link.ts'
import type { Session } from './once.ts'
import type { OpcUaPoint } from './point.ts'
import { faultIn, isRefusal } from './status.ts'
import { Subscription } from './subscription.ts'
import { valueIn } from './value.ts'

/** How a point is to be looked at. */
export interface Wish {
  /** How often. */
  readonly every: Millis
  /** How old its value may get. */
  readonly staleAfter: Millis
}

/** A subscription that ended, or could not be made, is made again after this long, and at once on a new session. */
const AGAIN: Millis = 5000
const UNHURRIED: Millis = 500

/**
 * Looks at points that readings and guards are made of: what the server tells of by itself is taken from there, with its age; the
 * rest, and all of it while there is no subscription, is read from the server when asked for. There is one subscription at a time. It
 * is not carried over to a new session: a new one begins with every node's value of now, and what the old one had not told
 * yet is nothing that anybody should act on.
 */
export class Watch implements AsyncDisposable {
  readonly #reader: Pick<Driver, 'read'>
  readonly #link: OpcUaLink
  readonly #points: ReadonlyMap<string, OpcUaPoint>
  readonly #wishes: ReadonlyMap<string, Wish>
  readonly #clock: Clock
  #session: Session | undefined
  #subscription: Subscription | undefined
  #opening: Promise<void> | undefined
  #notBefore: MonotonicMs = 0
  #trouble: { readonly why: string; readonly isFinal: boolean } | undefined
  #ended = false

  constructor(
    reader: Pick<Driver, 'read'>,
    link: OpcUaLink,
    points: ReadonlyMap<string, OpcUaPoint>,
    wishes: ReadonlyMap<string, Wish>,
    clock: Clock,
  ) {
    this.#reader = reader
    this.#link = link
    this.#points = points
    this.#wishes = wishes
    this.#clock = clock
  }

  /** What the server told last, where that is young enough; else what it says now. */
  async read(name: string, timeout: Millis, stop?: AbortSignal): Promise<ReadResult> {
    this.#tend()
    const wish = this.#wishes.get(name)
    const point = this.#points.get(name)
    const told = this.#subscription?.latest(name)
    if (!point || !wish || !told || told.age > wish.staleAfter)
      return await this.#reader.read(name, timeout, stop)
    const value = valueIn(point, told.value)
    return typeof value === 'string'
      ? { kind: 'failed', reason: value }
      : { kind: 'value', value, age: told.age }
  }

  /** How values come here, in words, after a try to subscribe if there was none yet. */
  async describe(signal: AbortSignal): Promise<string> {
    this.#tend()
    const aborted = new Promise<void>(resolve =>
      signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }),
    )
    await Promise.race([this.#opening, aborted])
    const { untold } = this.#subscription ?? {}
    if (untold && untold.count === 0) return 'told by the server, by subscription'
    if (untold) return `told by the server, by subscription, but for ${untold.count}: ${untold.why}`
    return `asked for one by one: ${this.#trouble ? `the server gives no subscription (${this.#trouble.why})` : 'not subscribed yet'}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    await this.#opening
    await this.#subscription?.[Symbol.asyncDispose]()
    this.#subscription = undefined
  }

  /** Sees that there is a subscription on the session that there is, and never waits for it. */
  #tend(): void {
    const { connection } = this.#link
    if (this.#ended || this.#opening !== undefined) return
    if ('trouble' in connection) {
      this.#subscription = undefined
      return
    }
    if (connection.session !== this.#session) {
      // The one on the session before has ended with it.
      this.#subscription = undefined
      this.#trouble = undefined
      this.#session = connection.session
      this.#notBefore = 0
    }
    const over = this.#subscription?.over
    if (this.#subscription && over === undefined) return
    if (over !== undefined) {
      this.#subscription?.[Symbol.asyncDispose]().catch(() => {})
      this.#subscription = undefined
      this.#trouble = { why: over, isFinal: false }
    }
    if (this.#trouble?.isFinal || this.#clock.monotonic() < this.#notBefore) return
    this.#notBefore = this.#clock.monotonic() + AGAIN
    this.#opening = this.#open(connection).finally(() => {
      this.#opening = undefined
    })
  }

  async #open(connection: Connection): Promise<void> {
    const wishes = [...this.#wishes.values()]
    const publishing = Math.min(UNHURRIED, ...wishes.map(({ every }) => every))
    const keepAlive = Math.max(publishing, Math.min(...wishes.map(({ staleAfter }) => staleAfter)) / 4)
    const items = [...this.#wishes].flatMap(([name, { every }]) => {
      const point = this.#points.get(name)
      const nodeId = point && idOf(point.node, connection)
      return nodeId === undefined ? [] : [{ name, nodeId, sampling: every }]
    })
    const pace = { publishing, keepAlive: Number.isFinite(keepAlive) ? keepAlive : publishing }
    try {
      const { monitoredItemsPerCall } = await limitsOf(connection.session)
      const opened = await Subscription.open(
        connection.session,
        items,
        pace,
        this.#clock,
        monitoredItemsPerCall,
      )
      if ('refused' in opened) this.#trouble = { why: opened.refused, isFinal: true }
      else if (this.#link.connection === connection) this.#subscription = opened
      else await opened[Symbol.asyncDispose]()
    } catch (error) {
      const status = faultIn(error)
      const why = status?.name ?? (error as Error).message.split('\n')[0] ?? ''
      this.#trouble = { why, isFinal: status !== undefined && isRefusal(status) }
    }
  }
}
