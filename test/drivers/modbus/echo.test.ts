import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Echo } from '../../../drivers/modbus/echo.ts'
import { Rtu } from '../../../drivers/modbus/rtu.ts'
import { rtuOverTcpWay } from '../../../drivers/modbus/tcp.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { valueIn } from '../driver.contract.ts'
import { Connected } from './connected.ts'
import { withCheckSum } from './rtu-gateway.ts'
import { slowLine } from './slow-line.ts'

const TIMEOUT = 1000
const POINTS = {
  coil: { coil: 1 },
  register: { holding_register: 1 },
  bit: { holding_register: 1, bit: 0, write_function: 22 },
  wide: { holding_register: 1, write_function: 16 },
} as const
/** What a write of 1 to each of them is confirmed by. */
const CONFIRMED = {
  coil: '01050001ff00',
  register: '010600010001',
  bit: '01160001fffe0001',
  wide: '011000010001',
}

/** A line that hears itself, as far as `isDeaf` does not say otherwise. */
async function echoingLine() {
  await using stack = new AsyncDisposableStack()
  const line = stack.use(await slowLine())
  const clock = new VirtualClock()
  const way = rtuOverTcpWay({ host: '127.0.0.1', port: line.port })
  const connected = stack.use(await Connected.to(way, { timeout: TIMEOUT, units: 9 }, clock))
  const driver = connected.driver(POINTS)
  const running = stack.move()
  let count = 0
  /** Waits for the next request, and says it back, and then what the device says. */
  const echo = async (...said: readonly string[]) => {
    count += 1
    await line.asked(count)
    line.say((line.requests[count - 1] ?? assert.fail()).subarray(0, -2).toString('hex'))
    for (const answer of said) line.say(answer)
  }
  /** The same without the echo. */
  const answer = async (...said: readonly string[]) => {
    count += 1
    await line.asked(count)
    for (const one of said) line.say(one)
  }
  const read = async (reply: (...said: string[]) => Promise<void>) => {
    const reading = driver.read('register', TIMEOUT)
    await reply('0103020007')
    assert.equal(valueIn(await reading), 7)
  }
  return { clock, connected, driver, echo, answer, read, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

describe('on a line whose adapter hears itself', () => {
  for (const [point, confirmed] of Object.entries(CONFIRMED)) {
    it(`the echo of a write is no confirmation, and the one behind it is (${point})`, async () => {
      await using line = await echoingLine()
      await line.read(line.echo)
      const writing = line.driver.write(point, 1, TIMEOUT)
      await line.echo(confirmed)
      assert.deepEqual(await writing, { kind: 'accepted' })
      await line.read(line.echo)
      const unanswered = line.driver.write(point, 1, TIMEOUT)
      await line.echo()
      await line.clock.advance(TIMEOUT)
      assert.deepEqual(await unanswered, { kind: 'unknown', reason: 'the device did not answer in time' })
    })

    it(`a device that refuses a write has refused it (${point})`, async () => {
      await using line = await echoingLine()
      await line.read(line.echo)
      const refused = line.driver.write(point, 1, TIMEOUT)
      const code = (Number.parseInt(confirmed.slice(2, 4), 16) | 0x80).toString(16)
      await line.echo(`01${code}02`)
      assert.equal((await refused).kind, 'rejected')
    })
  }

  it('that is known after a new connection too', async () => {
    await using line = await echoingLine()
    await line.read(line.echo)
    const { line: live } = line.connected.link
    if ('end' in live) live.end('for the test')
    await line.connected.connected(false)
    while (!line.connected.link.isConnected) await line.clock.advance(50)
    const unanswered = line.driver.write('register', 1, TIMEOUT)
    await line.echo()
    await line.clock.advance(TIMEOUT)
    assert.equal((await unanswered).kind, 'unknown')
  })
})

describe('on a line without an echo', () => {
  it('a write is confirmed by the first answer', async () => {
    await using line = await echoingLine()
    await line.read(line.answer)
    const writing = line.driver.write('register', 1, TIMEOUT)
    await line.answer(CONFIRMED.register)
    assert.deepEqual(await writing, { kind: 'accepted' })
  })
})

/** What a framing makes of the answer to a write of unit 1 that comes once, after a read that was answered by these bytes. */
function confirmations(echo: Echo, ...pieces: readonly Buffer[]): number {
  const rtu = new Rtu(0, echo)
  rtu.frame(1, 1, Buffer.from('0300010001', 'hex'))
  for (const piece of pieces) Array.from(rtu.accept(piece))
  return Array.from(rtu.accept(rtu.frame(2, 1, Buffer.from('0600010001', 'hex')))).length
}

describe('an echo', () => {
  const request = withCheckSum(Buffer.from('010300010001', 'hex'))
  const answer = withCheckSum(Buffer.from('0103020007', 'hex'))

  it('is heard however it is cut, and also where no device answers', () => {
    const both = Buffer.concat([request, answer])
    for (let at = 1; at < both.length; at += 1)
      assert.equal(confirmations(new Echo(), both.subarray(0, at), both.subarray(at)), 0, String(at))
    assert.equal(confirmations(new Echo(), request), 0)
    assert.equal(confirmations(new Echo(), answer), 1)
  })

  it('that is gone is believed to be gone by the first answer on a new connection, and not by noise on an old one', () => {
    const echo = new Echo()
    assert.equal(confirmations(echo, request, answer), 0)
    assert.equal(confirmations(echo), 0)
    assert.equal(confirmations(echo, answer), 1)
    assert.equal(confirmations(echo, request, answer), 0)
  })
})
