import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rtuOverTcpWay, tcpWay } from '../../../drivers/modbus/tcp.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { Connected, type PointText } from './connected.ts'
import { OddServer, reply } from './odd-server.ts'
import { slowLine } from './slow-line.ts'

const TIMEOUT = 1000
const LATER = 5000
const POINTS = { one: { holding_register: 1 }, two: { holding_register: 2 } }
const SAFE = new Map([['one', 7]])
/** Writes of 7 to either, as they are on a serial line. */
const [ONE, TWO] = ['010600010007', '010600020007']

/** So many units on a serial line, and a driver for the first. */
async function serialLine(
  units: number,
  {
    points = POINTS,
    safe = new Map(),
  }: { points?: Record<string, PointText>; safe?: Map<string, number> } = {},
) {
  await using stack = new AsyncDisposableStack()
  const line = stack.use(await slowLine())
  const clock = new VirtualClock()
  const way = rtuOverTcpWay({ host: '127.0.0.1', port: line.port })
  const connected = stack.use(await Connected.to(way, { units, timeout: TIMEOUT }, clock))
  const driver = connected.driver(points, { safe })
  const running = stack.move()
  const slowUnitAsked = async () => {
    void connected.driver(POINTS, { unit: 2, timeout: LATER }).read('one', LATER)
    await line.asked(1)
  }
  return { line, clock, driver, slowUnitAsked, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** A write that waits behind another, and is sent 60 ms before its deadline. */
async function waitedAndSent({ line, clock, driver }: Awaited<ReturnType<typeof serialLine>>) {
  const first = driver.write('one', 7, LATER)
  await line.asked(1)
  const waited = driver.write('two', 7, TIMEOUT)
  await clock.advance(TIMEOUT - 60)
  line.say(ONE)
  await line.asked(2)
  assert.equal((await first).kind, 'accepted')
  return { waited }
}

describe('a request that waited for its turn and went out just before its deadline', () => {
  it('does not put a unit on a serial line to rest that has had no time to answer', async () => {
    await using rig = await serialLine(1)
    const { line, clock, driver } = rig
    const { waited } = await waitedAndSent(rig)
    await clock.advance(60)
    assert.equal((await waited).kind, 'unknown')
    // The line is the unit's for as long as it may take to answer, and no longer.
    const next = driver.write('one', 7, LATER)
    await clock.advance(TIMEOUT - 61)
    assert.equal(line.requests.length, 2)
    line.say(TWO)
    await line.asked(3)
    line.say(ONE)
    assert.deepEqual(await next, { kind: 'accepted' })
  })

  it('puts the unit to rest once it has had its time and has not answered', async () => {
    await using rig = await serialLine(2)
    const { clock, driver } = rig
    const { waited } = await waitedAndSent(rig)
    const next = driver.write('one', 7, LATER)
    await clock.advance(TIMEOUT)
    assert.equal((await waited).kind, 'unknown')
    const refused = await next
    assert.match(refused.kind === 'unreachable' ? refused.reason : refused.kind, /unit 1 owes an answer/)
  })

  it('does not cut a device off that answers everything, only slowly', async () => {
    const held: (() => void)[] = []
    await using server = await OddServer.start((request, socket) => {
      held.push(() => void socket.write(reply(request, request.pdu)))
      return undefined
    })
    const asked = async (count: number) => {
      while (held.length < count) await new Promise(resolve => setImmediate(resolve))
    }
    const clock = new VirtualClock()
    const way = tcpWay({ host: '127.0.0.1', port: server.port })
    await using connected = await Connected.to(way, { timeout: TIMEOUT }, clock)
    const driver = connected.driver(POINTS, { safe: new Map([['one', 0]]) })
    const writes = [1, 2, 3, 4, 5].map(value => driver.write('one', value, TIMEOUT))
    // Each takes three tenths of a second: four go out, and three of them are answered before the deadline that all five have.
    for (let answered = 1; answered <= 3; answered += 1) {
      await asked(answered)
      await clock.advance(300)
      held[answered - 1]?.()
    }
    await asked(4)
    await clock.advance(100)
    const kinds = (await Promise.all(writes)).map(({ kind }) => kind)
    assert.deepEqual(kinds, ['accepted', 'accepted', 'accepted', 'unknown', 'unreachable'])
    const closing = driver.write('one', 0, TIMEOUT)
    await clock.advance(200)
    held[3]?.()
    await asked(5)
    held[4]?.()
    assert.deepEqual(await closing, { kind: 'accepted' })
    assert.equal(server.connections.count, 1)
  })

  it('has its whole time for the answer where it is towards the safe state, or confirms that', async () => {
    for (const what of ['write', 'look'] as const) {
      await using rig = await serialLine(3, { safe: SAFE })
      const { line, clock, driver } = rig
      await rig.slowUnitAsked()
      const waited =
        what === 'write'
          ? driver.write('one', 7, TIMEOUT)
          : driver.read('one', TIMEOUT, undefined, 'confirm-safe')
      await clock.advance(TIMEOUT - 10)
      line.say('0203020001')
      await line.asked(2)
      await clock.advance(TIMEOUT - 1)
      line.say(what === 'write' ? ONE : '0103020001')
      assert.equal((await waited).kind, what === 'write' ? 'accepted' : 'value')
      const silent =
        what === 'write'
          ? driver.write('one', 7, TIMEOUT)
          : driver.read('one', TIMEOUT, undefined, 'confirm-safe')
      await line.asked(3)
      await clock.advance(TIMEOUT)
      assert.equal((await silent).kind, what === 'write' ? 'unknown' : 'failed')
    }
  })

  it('and is a pulse towards the safe state is held for as long as any other', async () => {
    await using rig = await serialLine(3, {
      points: { one: { holding_register: 1, pulse: '300ms' } },
      safe: SAFE,
    })
    const { line, clock, driver } = rig
    await rig.slowUnitAsked()
    const waited = driver.write('one', 7, TIMEOUT)
    await clock.advance(TIMEOUT - 10)
    line.say('0203020001')
    await line.asked(2)
    line.say(ONE)
    await clock.advance(299)
    assert.equal(line.requests.length, 2)
    await clock.advance(1)
    await line.asked(3)
    line.say('010600010000')
    assert.deepEqual(await waited, { kind: 'accepted' })
  })
})
