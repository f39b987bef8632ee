import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Session } from '../../../drivers/opcua/once.ts'
import { Subscription } from '../../../drivers/opcua/subscription.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'

const GOOD = { value: 0, name: 'Good' }
const ITEMS = [{ name: 'level', nodeId: 'ns=1;s=Level', sampling: 100 }]
const PACE = { publishing: 100, keepAlive: 200 }
const BORN = Date.UTC(2026, 0, 1)

type Published = (error: Error | null, response?: object) => void

/** A server that says what the test makes it say. */
class Server {
  readonly #waiting: Published[] = []
  readonly acknowledged: number[] = []
  readonly deleted: number[] = []
  /** How often it was asked for a sign of life. */
  keepAlive = 0
  /** How long the requests that wait at it may wait. */
  readonly patience: number[] = []
  /** How often it gives a sign of life at most, in publishing intervals. */
  revised = 2
  item: object = { statusCode: GOOD, revisedSamplingInterval: 100 }
  /** What it says about the nodes that it shall tell of, where that is no result for each. */
  itemsFail: Error | undefined

  readonly session = {
    createSubscription: async (request: Readonly<Record<string, number>>) => {
      this.keepAlive = (request.requestedMaxKeepAliveCount ?? 0) * (request.requestedPublishingInterval ?? 0)
      return { subscriptionId: 7, revisedPublishingInterval: 100, revisedMaxKeepAliveCount: this.revised }
    },
    createMonitoredItems: async () => {
      if (this.itemsFail) throw this.itemsFail
      return { results: [this.item] }
    },
    deleteSubscriptions: async ({ subscriptionIds }: { subscriptionIds: number[] }) =>
      void this.deleted.push(...subscriptionIds),
    publish: (
      request: {
        requestHeader: { timeoutHint: number }
        subscriptionAcknowledgements: { sequenceNumber: number }[]
      },
      answered: Published,
    ) => {
      this.acknowledged.push(...request.subscriptionAcknowledgements.map(each => each.sequenceNumber))
      this.patience.push(request.requestHeader.timeoutHint)
      this.#waiting.push(answered)
    },
  } as unknown as Session

  say(sequenceNumber: number, publishTime: Date | null, ...notificationData: object[]): void {
    const notificationMessage = { sequenceNumber, publishTime, notificationData }
    this.#waiting.shift()?.(null, { subscriptionId: 7, notificationMessage })
  }

  fault(message: string): void {
    this.#waiting.shift()?.(new Error(message))
  }
}

function level(value: number): object {
  return { monitoredItems: [{ clientHandle: 0, value: { statusCode: GOOD, value } }] }
}

async function opened() {
  const server = new Server()
  const clock = new VirtualClock()
  const subscription = await Subscription.open(server.session, ITEMS, PACE, clock)
  assert.ok(subscription instanceof Subscription)
  const latest = () => {
    const told = subscription.latest('level')
    return told && { value: told.value.value, age: told.age }
  }
  return { server, clock, subscription, latest, at: (ms: number) => new Date(BORN + ms) }
}

test('a value is as old as the last word of the server and its own looking, and each word is acknowledged', async () => {
  const { server, clock, latest, at } = await opened()
  assert.equal(latest(), undefined)
  server.say(1, at(0), level(5))
  assert.deepEqual(latest(), { value: 5, age: 100 })
  await clock.advance(150)
  assert.deepEqual(latest(), { value: 5, age: 250 })
  server.say(2, at(150))
  assert.deepEqual(latest(), { value: 5, age: 100 })
  await clock.advance(50)
  server.say(2, at(200), level(6))
  assert.deepEqual(latest(), { value: 6, age: 100 })
  server.say(3, at(200))
  assert.deepEqual(server.acknowledged, [1, 2])
})

test('what was held up on its way is as old as it is', async () => {
  const { server, clock, latest, at } = await opened()
  server.say(1, at(0), level(5))
  await clock.advance(300)
  server.say(2, at(100), level(6))
  assert.deepEqual(latest(), { value: 6, age: 300 })
})

test('a server without a clock is believed to be quick', async () => {
  const { server, clock, latest } = await opened()
  server.say(1, null, level(5))
  await clock.advance(300)
  server.say(2, null)
  assert.deepEqual(latest(), { value: 5, age: 100 })
})

test('a word that was lost ends the subscription: what it said is not known', async () => {
  for (const skipped of [[level(7)], []]) {
    const { server, subscription, latest, at } = await opened()
    server.say(1, at(0), level(5))
    server.say(3, at(0), ...skipped)
    assert.equal(subscription.over, 'a notification was lost')
    assert.equal(latest(), undefined)
  }
})

test('silence for longer than two keep-alives ends it, and so does the server, and a publish that fails', async () => {
  const silent = await opened()
  silent.server.say(1, silent.at(0), level(5))
  await silent.clock.advance(500)
  assert.equal(silent.subscription.over, undefined)
  await silent.clock.advance(1)
  assert.equal(silent.subscription.over, 'the server has gone silent')
  assert.equal(silent.latest(), undefined)

  const ended = await opened()
  ended.server.say(1, ended.at(0), { status: { value: 0x800a0000, name: 'BadTimeout' } })
  assert.equal(ended.subscription.over, 'the server ended it: BadTimeout')

  const failed = await opened()
  failed.server.fault('BadNoSubscription')
  assert.equal(failed.subscription.over, 'BadNoSubscription')
})

test('the number after the greatest is 1', async () => {
  const { server, subscription, latest, at } = await opened()
  server.say(0xffff_ffff, at(0), level(5))
  server.say(1, at(0), level(6))
  assert.equal(subscription.over, undefined)
  assert.equal(latest()?.value, 6)
})

test('a server that tells of none of the nodes gets its subscription back, with its reason', async () => {
  const server = new Server()
  server.item = { statusCode: { value: 0x80340000, name: 'BadNodeIdUnknown' }, revisedSamplingInterval: 0 }
  const opened = await Subscription.open(server.session, ITEMS, PACE, new VirtualClock())
  assert.deepEqual(opened, { refused: 'BadNodeIdUnknown' })
  assert.deepEqual(server.deleted, [7])
})

test('a server that does not say what becomes of the nodes gets its subscription back: a try leaves nothing there', async () => {
  const server = new Server()
  server.itemsFail = new Error('no answer')
  await assert.rejects(Subscription.open(server.session, ITEMS, PACE, new VirtualClock()), server.itemsFail)
  assert.deepEqual(server.deleted, [7])
  assert.deepEqual(server.patience, [], 'nothing waits at it to be told')
})

/** Two requests wait at the server, and each sign of life answers one: the second waits for two of them. */
const WAITING = 2

for (const [server, revised, pace] of [
  ['a server that need not be heard of for ten minutes', 2, { publishing: 500, keepAlive: 600_000 }],
  ['a server that gives a sign of life every two minutes, whatever it was asked for,', 1200, PACE],
] as const)
  test(`${server} is not given up before its sign of life can have come`, async () => {
    const server = new Server()
    server.revised = revised
    await Subscription.open(server.session, ITEMS, pace, new VirtualClock())
    assert.equal(server.patience.length, WAITING)
    const longest = WAITING * Math.max(server.keepAlive, revised * 100)
    for (const patience of server.patience) assert.ok(patience > longest, `${patience} > ${longest}`)
  })
