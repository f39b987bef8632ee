import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tcpWay } from '../../../drivers/modbus/tcp.ts'
import { valueIn } from '../driver.contract.ts'
import { Connected, LIMITS, type PointText } from './connected.ts'
import { type OddRequest, OddServer, registerDevice, reply } from './odd-server.ts'

const LATER = 5000

/** A device with registers of which each holds ten times its address, and points named after addresses. */
async function device(addresses: readonly number[], options: { inFlight?: number; gap?: number } = {}) {
  await using stack = new AsyncDisposableStack()
  const registers = new Map(addresses.map(address => [address, 10 * address]))
  const answer = registerDevice(registers)
  const server = stack.use(await OddServer.start(answer))
  const connected = stack.use(
    await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }), { inFlight: options.inFlight ?? 1 }),
  )
  const points: Record<string, PointText> = Object.fromEntries(
    Array.from({ length: 1000 }, (_, address) => [String(address), { holding_register: address }]),
  )
  const driver = connected.driver(points, { limits: { ...LIMITS, gap: options.gap ?? 0 } })
  const running = stack.move()
  return { driver, server, registers, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

const upTo = (count: number) => Array.from({ length: count }, (_, address) => address)

/** What was asked for: `0+125`. */
function askedOf(server: OddServer): string[] {
  return server.requests.map(({ pdu }) => `${pdu.readUInt16BE(1)}+${pdu.readUInt16BE(3)}`)
}

test('a thousand points that are asked for at one moment are eight requests', async () => {
  await using plc = await device(upTo(1000))
  const results = await Promise.all(upTo(1000).map(address => plc.driver.read(String(address), LATER)))
  assert.deepEqual(
    results.map(valueIn),
    upTo(1000).map(address => 10 * address),
  )
  assert.deepEqual(
    askedOf(plc.server),
    upTo(8).map(index => `${125 * index}+125`),
  )
})

test('what gathers while the device is busy goes out together', async () => {
  await using plc = await device(upTo(10))
  const first = plc.driver.read('0', LATER)
  await new Promise(resolve => setImmediate(resolve))
  const others: Promise<unknown>[] = []
  for (const address of [4, 2, 3]) {
    others.push(plc.driver.read(String(address), LATER))
    await Promise.resolve()
    await Promise.resolve()
  }
  await Promise.all([first, ...others])
  assert.deepEqual(askedOf(plc.server), ['0+1', '2+3'])
})

test('a reading is never older than the asking: a read that comes while another is out is asked for anew', async () => {
  await using plc = await device(upTo(3))
  const first = plc.driver.read('1', LATER)
  while (plc.server.requests.length === 0) await new Promise(resolve => setImmediate(resolve))
  plc.registers.set(1, 77)
  assert.equal(valueIn(await plc.driver.read('1', LATER)), 77)
  await first
})

test('an address that the device does not have fails alone, and costs its neighbours little from then on', async () => {
  const held = upTo(100).filter(address => address !== 37 && address !== 80)
  await using plc = await device(held)
  const read = () => Promise.all(upTo(100).map(address => plc.driver.read(String(address), LATER)))
  const results = await read()
  for (const [address, result] of results.entries()) {
    if (held.includes(address)) assert.equal(valueIn(result), 10 * address)
    else assert.match(result.kind === 'failed' ? result.reason : '', /exception 2: illegal data address/)
  }
  const before = plc.server.requests.length
  assert.deepEqual((await read()).map(valueIn), results.map(valueIn))
  const again = plc.server.requests.length - before
  assert.ok(again < before && again < 20, `${before} requests at first, ${again} from then on`)
})

test('an address between two points that cannot be read does not fail either of them', async () => {
  await using plc = await device([1, 3], { gap: 5 })
  for (let round = 0; round < 2; round += 1) {
    const results = await Promise.all(['1', '3'].map(point => plc.driver.read(point, LATER)))
    assert.deepEqual(results.map(valueIn), [10, 30])
  }
  assert.deepEqual(askedOf(plc.server), ['1+3', '1+1', '3+1', '1+1', '3+1'])
})

test('who gives up does not take the others with him', async () => {
  let held: (() => void) | undefined
  const answer = registerDevice(
    new Map([
      [1, 10],
      [2, 20],
    ]),
  )
  await using server = await OddServer.start((request: OddRequest, socket) => {
    held = () => void socket.write(answer(request))
    return undefined
  })
  await using connected = await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }))
  const driver = connected.driver({ one: { holding_register: 1 }, two: { holding_register: 2 } })
  const leaver = new AbortController()
  const gone = driver.read('one', LATER, leaver.signal)
  const staying = driver.read('two', LATER)
  while (!held) await new Promise(resolve => setImmediate(resolve))
  leaver.abort()
  assert.deepEqual(await gone, { kind: 'failed', reason: 'given up before the answer came' })
  held()
  assert.equal(valueIn(await staying), 20)
  assert.equal(server.requests.length, 1)
})

test('two units behind one connection are asked apart, and one that is dead does not cut the other off', async () => {
  const answer = registerDevice(new Map([[1, 10]]))
  await using server = await OddServer.start(request => (request.unit === 1 ? answer(request) : undefined))
  await using connected = await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }), { units: 2 })
  const points = { one: { holding_register: 1 } }
  const alive = connected.driver(points)
  const dead = connected.driver(points, { unit: 2 })
  for (let round = 0; round < 3; round += 1) {
    const [one, other] = await Promise.all([alive.read('one', LATER), dead.read('one', 60)])
    assert.equal(valueIn(one), 10)
    assert.deepEqual(other, { kind: 'failed', reason: 'the device did not answer in time' })
    assert.equal((await alive.read('one', LATER)).kind, 'value')
  }
  assert.equal(server.connections.count, 1)
})

test('a unit that answers for another is not believed', async () => {
  await using server = await OddServer.start(request => reply({ ...request, unit: 9 }, [3, 2, 0, 1]))
  await using connected = await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }))
  const driver = connected.driver({ one: { holding_register: 1 } })
  const result = await driver.read('one', LATER)
  assert.match(result.kind === 'failed' ? result.reason : '', /nonsense: as unit 9 where 1 was asked/)
})
