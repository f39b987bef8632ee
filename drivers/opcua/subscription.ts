import type { DataValue, PublishResponse, StatusCode } from 'node-opcua-client'
import { type Clock, type Millis, type MonotonicMs, TIMER_MAX } from '../../model/time.ts'
import { type Item, monitor } from './monitored.ts'
import type { Session } from './once.ts'
import { isGood } from './status.ts'

/** So many requests wait at the server for something to tell: one on its way there never leaves it without. */
const PUBLISHES = 2
/** After so many publishing intervals without a request of ours the server forgets the subscription. */
const LIFETIME = 60
/** How long the server may keep a request until it has something to tell, or longer where its own sign of life comes less often. */
const PATIENCE: Millis = 60_000
/** A sign of life answers one of the requests that wait: the last of them waits for as many as there are. One more is for the way. */
const KEEP_ALIVE_MAX: Millis = PATIENCE / (PUBLISHES + 1)
/** Before this year no server has told anything: its clock is not set, or it says no time. */
const CLOCK_IS_SET = Date.UTC(2000, 0, 1)

export interface Pace {
  /** How often the server tells what has changed. */
  readonly publishing: Millis
  /** How long it may say nothing at all when nothing has changed. It is asked for a sign of life every 20 s at least. */
  readonly keepAlive: Millis
}

interface Told {
  readonly value: DataValue
  readonly sampling: Millis
}

/** Nothing was told that way: why. */
export interface NotSubscribed {
  readonly refused: string
}

/**
 * One subscription on one session. Only the newest value of each node is kept, on both sides (queue size 1). A value holds for as
 * long as the server goes on saying that nothing has changed; what it says is numbered, so that a word that was lost ends it.
 */
export class Subscription implements AsyncDisposable {
  readonly #session: Session
  readonly #id: number
  readonly #patience: Millis
  readonly #clock: Clock
  readonly #sampling = new Map<number, { readonly name: string; readonly sampling: Millis }>()
  readonly #told = new Map<string, Told>()
  readonly #acknowledge: number[] = []
  #expected: number | undefined
  #heard: MonotonicMs
  #leastDelay = Number.POSITIVE_INFINITY
  #over: string | undefined
  /** After so long without a word it is dead, or as good as. */
  readonly silence: Millis
  /** How many of the nodes the server does not tell of, and what it says about the first. */
  readonly untold: { readonly count: number; readonly why: string }

  private constructor(
    session: Session,
    id: number,
    clock: Clock,
    period: Millis,
    items: ReadonlyMap<number, { readonly name: string; readonly sampling: Millis }>,
    untold: { readonly count: number; readonly why: string },
  ) {
    this.#session = session
    this.#id = id
    this.#clock = clock
    this.#sampling = new Map(items)
    this.#heard = clock.monotonic()
    this.#patience = Math.min(Math.max(PATIENCE, (PUBLISHES + 1) * period), TIMER_MAX)
    this.silence = 2 * period + SLACK
    this.untold = untold
  }

  /**
   * Subscribes to some nodes, of which the server takes no more than `limit` in one request. Resolves with what the server says
   * where it does not do such things; rejects without an answer.
   */
  static async open(
    session: Session,
    items: readonly Item[],
    pace: Pace,
    clock: Clock,
    limit = Number.POSITIVE_INFINITY,
  ): Promise<Subscription | NotSubscribed> {
    const keepAliveCount = Math.max(1, Math.round(Math.min(pace.keepAlive, KEEP_ALIVE_MAX) / pace.publishing))
    const created = await session.createSubscription({
      requestedPublishingInterval: pace.publishing,
      requestedMaxKeepAliveCount: keepAliveCount,
      requestedLifetimeCount: Math.max(LIFETIME, keepAliveCount * 3),
      maxNotificationsPerPublish: 0,
      publishingEnabled: true,
      priority: 0,
    })
    const { subscriptionId, revisedPublishingInterval, revisedMaxKeepAliveCount } = created
    const monitored = await monitor(session, subscriptionId, items, limit).catch(async error => {
      await forget(session, subscriptionId)
      throw error
    })
    const told = new Map<number, { name: string; sampling: Millis }>()
    let why: StatusCode | undefined
    for (const [handle, { name }] of items.entries()) {
      const result = monitored[handle]
      // 0 is a server that tells by itself when the value changes; below it would be nonsense.
      if (result && isGood(result.statusCode))
        told.set(handle, { name, sampling: Math.max(0, result.revisedSamplingInterval) })
      else why ??= result?.statusCode
    }
    const period = revisedPublishingInterval * Math.max(1, revisedMaxKeepAliveCount)
    const subscription = new Subscription(session, subscriptionId, clock, period, told, {
      count: items.length - told.size,
      why: why?.name ?? 'nothing',
    })
    if (items.length > 0 && told.size === 0) {
      await subscription[Symbol.asyncDispose]()
      return { refused: subscription.untold.why }
    }
    for (let ahead = 0; ahead < PUBLISHES; ahead += 1) subscription.#publish()
    return subscription
  }

  /** Why it is over; undefined while it is not. */
  get over(): string | undefined {
    if (this.#over !== undefined) return this.#over
    return this.#clock.monotonic() - this.#heard > this.silence ? 'the server has gone silent' : undefined
  }

  /**
   * What the server told of a point, and how old that may be: as old as its last word, and as the server's own looking. Undefined
   * when it has told nothing, or is over.
   */
  latest(name: string): { readonly value: DataValue; readonly age: Millis } | undefined {
    const told = this.#told.get(name)
    if (!told || this.over !== undefined) return undefined
    return { value: told.value, age: this.#clock.monotonic() - this.#heard + told.sampling }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over ??= 'it was ended'
    await forget(this.#session, this.#id)
  }

  #publish(): void {
    const subscriptionAcknowledgements = this.#acknowledge
      .splice(0)
      .map(sequenceNumber => ({ subscriptionId: this.#id, sequenceNumber }))
    const request = { requestHeader: { timeoutHint: this.#patience }, subscriptionAcknowledgements }
    this.#session.publish(request as never, (error, response) => {
      if (this.#over !== undefined) return
      if (error || !response) {
        this.#over = error?.message.split('\n')[0] ?? 'no answer'
        return
      }
      if (response.subscriptionId === this.#id) this.#take(response)
      if (this.#over === undefined) this.#publish()
    })
  }

  #take({ notificationMessage }: PublishResponse): void {
    const { sequenceNumber, publishTime, notificationData } = notificationMessage
    const data = notificationData ?? []
    // A keep-alive has the number that the next message will have (OPC 10000-4 §5.13.1.2).
    if (this.#expected !== undefined && sequenceNumber !== this.#expected) {
      this.#over = 'a notification was lost'
      return
    }
    this.#expected =
      data.length === 0 ? sequenceNumber : sequenceNumber === 0xffff_ffff ? 1 : sequenceNumber + 1
    if (data.length > 0) this.#acknowledge.push(sequenceNumber)
    this.#heard = this.#clock.monotonic() - this.#delayOf(publishTime)
    for (const notification of data) {
      const { status, monitoredItems } = notification as unknown as {
        status?: StatusCode
        monitoredItems?: readonly { clientHandle: number; value: DataValue }[] | null
      }
      if (status) this.#over = `the server ended it: ${status.name}`
      for (const { clientHandle, value } of monitoredItems ?? []) {
        const item = this.#sampling.get(clientHandle)
        if (item) this.#told.set(item.name, { value, sampling: item.sampling })
      }
    }
  }

  /**
   * How much longer a message was on its way than the quickest one before. The server's clock need not be right for that, it must
   * only run: what was held up somewhere must not look young when it comes at last. Where a clock was set, this is
   * wrong until the subscription, which then looks silent, has been made anew; meanwhile values are read.
   */
  #delayOf(publishTime: Date | null): Millis {
    const sent = publishTime?.getTime() ?? 0
    if (sent < CLOCK_IS_SET) return 0
    const delay = this.#clock.monotonic() - sent
    this.#leastDelay = Math.min(this.#leastDelay, delay)
    return delay - this.#leastDelay
  }
}

/** What a busy machine may add to two keep-alives. */
const SLACK: Millis = 100

/** Has the server forget a subscription. Without an answer it does so by itself, after its lifetime. */
async function forget(session: Session, subscriptionId: number): Promise<void> {
  const deleted = session.deleteSubscriptions({ subscriptionIds: [subscriptionId] })
  await (deleted as unknown as Promise<unknown>).catch(() => {})
}
