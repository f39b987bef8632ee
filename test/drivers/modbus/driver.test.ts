import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '../../../agent/time/system-clock.ts'
import { tcpWay } from '../../../drivers/modbus/tcp.ts'
import type { Clock } from '../../../model/time.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { valueIn } from '../driver.contract.ts'
import { Connected } from './connected.ts'
import { type OddRequest, OddServer, registerDevice, reply } from './odd-server.ts'

const SOON = 300
const LATER = 5000

/** A driver on a server that answers what it is told to. */
async function oddDevice(
  answer: (request: OddRequest, socket: Socket) => Buffer | undefined,
  inFlight = 1,
  clock: Clock = systemClock,
) {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await OddServer.start(answer))
  const connected = stack.use(
    await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }), { inFlight }, clock),
  )
  const driver = connected.driver({
    out: { coil: 0 },
    register: { holding_register: 3 },
    field: { holding_register: 3, mask: 0x00f0, write_function: 6 },
    'other-field': { holding_register: 3, bit: 0, write_function: 6 },
    masked: { holding_register: 3, mask: 0x00f0, write_function: 22 },
    pulsed: { holding_register: 3, pulse: '20ms' },
  })
  const running = stack.move()
  return { driver, server, connected, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

test('a device that confirms another value, or another address, has not confirmed this write', async () => {
  for (const [offset, byte] of [
    [10, 0x00],
    [9, 0x05],
  ] as const) {
    await using odd = await oddDevice(({ frame }) => {
      const echo = Buffer.from(frame)
      echo[offset] = byte
      return echo
    })
    const result = await odd.driver.write('out', 1, LATER)
    assert.equal(result.kind, 'unknown')
    assert.match(result.kind === 'unknown' ? result.reason : '', /confirmed another write/)
  }
})

for (const [code, kind] of [
  [1, 'rejected'],
  [2, 'rejected'],
  [3, 'rejected'],
  [4, 'unknown'],
  [5, 'unknown'],
  [6, 'rejected'],
  [8, 'unknown'],
  [10, 'rejected'],
  [11, 'unknown'],
] as const) {
  test(`exception ${code} in answer to a write is ${kind}`, async () => {
    await using odd = await oddDevice(request => reply(request, [0x85, code]))
    assert.equal((await odd.driver.write('out', 1, LATER)).kind, kind)
  })
}

test('an answer that claims more bytes than it has is a failed reading, not a mistake of ours', async () => {
  await using odd = await oddDevice(request => reply(request, [3, 200, 0, 1]))
  assert.equal((await odd.driver.read('register', LATER)).kind, 'failed')
})

test('a device that answers nonsense is not believed, and is connected to anew', async () => {
  await using odd = await oddDevice(request => reply(request, [0x55, 1, 2, 3]))
  assert.equal((await odd.driver.write('out', 1, LATER)).kind, 'unknown')
  await odd.connected.connected(true)
  await odd.connected.connected(true)
  assert.equal(odd.server.connections.count, 2)
})

test('where a device takes several requests, reads cannot take the room that a write needs', async () => {
  await using odd = await oddDevice(() => undefined, 2)
  const reads = ['register', 'out', 'register'].map(point => odd.driver.read(point, SOON))
  const write = await odd.driver.write('out', 1, SOON)
  await Promise.all(reads)
  assert.equal(write.kind, 'unknown')
  assert.deepEqual(odd.server.requests.map(({ pdu }) => pdu[0]).toSorted(), [3, 5])
})

test('where a device takes one request at a time, a write goes before every read that waits', async () => {
  const registers = new Map([[3, 7]])
  const device = registerDevice(registers)
  await using odd = await oddDevice(request =>
    request.pdu[0] === 5 ? reply(request, request.pdu) : device(request),
  )
  // The first read is on its way when the others come.
  const first = odd.driver.read('register', LATER)
  await Promise.resolve()
  const second = odd.driver.read('field', LATER)
  const write = odd.driver.write('out', 1, LATER)
  assert.equal((await write).kind, 'accepted')
  await Promise.all([first, second])
  assert.deepEqual(
    odd.server.requests.map(({ pdu }) => pdu[0]),
    [3, 5, 3],
  )
})

test('a write that waits behind a read which the device never answers is sent all the same, on the same connection', async () => {
  await using odd = await oddDevice(request =>
    request.pdu[0] === 5 ? reply(request, request.pdu) : undefined,
  )
  const read = odd.driver.read('register', SOON)
  await Promise.resolve()
  const write = odd.driver.write('out', 1, LATER)
  assert.equal((await write).kind, 'accepted')
  assert.equal((await read).kind, 'failed')
  assert.equal(odd.server.connections.count, 1)
})

test('a write that is out when the deadline of a read passes has its own time for an answer', async () => {
  let confirm: (() => void) | undefined
  const clock = new VirtualClock()
  const device = (request: OddRequest, socket: Socket) => {
    if (request.pdu[0] === 5) confirm = () => void socket.write(reply(request, request.pdu))
    return undefined
  }
  await using odd = await oddDevice(device, 2, clock)
  const read = odd.driver.read('register', SOON)
  await Promise.resolve()
  const write = odd.driver.write('out', 1, LATER)
  while (!confirm) await new Promise(resolve => setImmediate(resolve))
  await clock.advance(SOON)
  assert.equal((await read).kind, 'failed')
  confirm()
  assert.deepEqual(await write, { kind: 'accepted' })
  assert.equal(odd.server.connections.count, 1)
})

test('a value that does not fit its point is a mistake of ours and sends nothing', async () => {
  await using odd = await oddDevice(() => undefined)
  await assert.rejects(odd.driver.write('out', 2, SOON), RangeError)
  await assert.rejects(odd.driver.write('register', 70_000, SOON), RangeError)
  await assert.rejects(odd.driver.write('register', 1.5, SOON), RangeError)
  await assert.rejects(odd.driver.write('field', 16, SOON), RangeError)
  assert.equal(odd.server.requests.length, 0)
})

test('only as many requests are out as the device takes, and what was not sent is known not to be', async () => {
  await using odd = await oddDevice(() => undefined, 3)
  const results = await Promise.all(Array.from({ length: 20 }, () => odd.driver.write('out', 1, SOON)))
  assert.equal(results.filter(({ kind }) => kind === 'unknown').length, 3)
  assert.equal(results.filter(({ kind }) => kind === 'unreachable').length, 17)
  assert.equal(odd.server.requests.length, 3)
})

test('a flood is refused, and not kept', async () => {
  await using odd = await oddDevice(() => undefined)
  const results = await Promise.all(Array.from({ length: 2000 }, () => odd.driver.write('out', 1, SOON)))
  const refused = results.filter(result => 'reason' in result && result.reason.includes('too many requests'))
  assert.equal(refused.length, 2000 - 1024 - 1)
})

test('a late answer is not taken for the answer to the next request', async () => {
  let held: Buffer | undefined
  const clock = new VirtualClock()
  const device = (request: OddRequest) => {
    if (request.pdu[0] !== 3) return reply(request, request.pdu)
    if (held === undefined) {
      held = reply(request, [3, 2, 0xde, 0xad])
      return undefined
    }
    // The answer that is owed, and then the one to this request.
    return Buffer.concat([held, reply(request, [3, 2, 0, 7])])
  }
  await using odd = await oddDevice(device, 2, clock)
  const late = odd.driver.read('register', SOON)
  // A write that is answered meanwhile keeps the connection.
  await Promise.resolve()
  assert.equal((await odd.driver.write('out', 1, LATER)).kind, 'accepted')
  await clock.advance(SOON)
  assert.equal((await late).kind, 'failed')
  assert.equal(valueIn(await odd.driver.read('register', LATER)), 7)
  assert.equal(odd.server.connections.count, 1)
})

test('a field is changed without touching the other bits, by mask write or by reading and writing', async () => {
  for (const point of ['field', 'masked']) {
    const registers = new Map([[3, 0xabcd]])
    await using odd = await oddDevice(registerDevice(registers))
    assert.deepEqual(await odd.driver.write(point, 5, LATER), { kind: 'accepted' })
    assert.equal(registers.get(3), 0xab5d)
    assert.equal(valueIn(await odd.driver.read(point, LATER)), 5)
  }
})

test('two fields of one register that are changed at once both arrive', async () => {
  const registers = new Map([[3, 0xabcc]])
  await using odd = await oddDevice(registerDevice(registers), 8)
  const results = await Promise.all([
    odd.driver.write('field', 5, LATER),
    odd.driver.write('other-field', 1, LATER),
  ])
  assert.deepEqual(results, [{ kind: 'accepted' }, { kind: 'accepted' }])
  assert.equal(registers.get(3), 0xab5d)
})

test('a field that does not hold what was written is unknown, though the device confirmed', async () => {
  await using odd = await oddDevice(request =>
    request.pdu[0] === 3 ? reply(request, [3, 2, 0, 0]) : reply(request, request.pdu),
  )
  const result = await odd.driver.write('field', 5, LATER)
  assert.equal(result.kind, 'unknown')
  assert.match(result.kind === 'unknown' ? result.reason : '', /now holds 0000/)
})

test('a field whose register cannot be read is not written', async () => {
  await using odd = await oddDevice(request => reply(request, [(request.pdu[0] ?? 0) | 0x80, 2]))
  assert.equal((await odd.driver.write('field', 5, LATER)).kind, 'rejected')
  assert.deepEqual(
    odd.server.requests.map(({ pdu }) => pdu[0]),
    [3],
  )
})

test('a field whose register is not told in time is not written, and is known not to be', async () => {
  await using odd = await oddDevice(() => undefined)
  assert.equal((await odd.driver.write('field', 5, SOON)).kind, 'unreachable')
})

/** What was written, in order, by function code 6. */
function writesOf(server: OddServer): number[] {
  return server.requests.filter(({ pdu }) => pdu[0] === 6).map(({ pdu }) => pdu.readUInt16BE(3))
}

test('a pulse is written, waited for, and cleared', async () => {
  const registers = new Map([[3, 0]])
  await using odd = await oddDevice(registerDevice(registers))
  const began = performance.now()
  assert.deepEqual(await odd.driver.write('pulsed', 9, LATER), { kind: 'accepted' })
  assert.ok(performance.now() - began >= 19)
  assert.deepEqual(writesOf(odd.server), [9, 0])
})

test('a pulse that is given up is cleared at once, and so is one that the agent leaves behind', async () => {
  for (const end of ['abort', 'dispose'] as const) {
    const registers = new Map([[3, 0]])
    await using server = await OddServer.start(registerDevice(registers))
    await using connected = await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }))
    const driver = connected.driver({ pulsed: { holding_register: 3, pulse: '1h' } })
    const overruled = new AbortController()
    const writing = driver.write('pulsed', 9, LATER, overruled.signal)
    while (registers.get(3) !== 9) await new Promise(resolve => setImmediate(resolve))
    // The answer has to be back as well, for the pulse to have begun.
    await new Promise(resolve => setTimeout(resolve, 20))
    if (end === 'abort') overruled.abort()
    else await driver[Symbol.asyncDispose]()
    assert.equal((await writing).kind, 'unknown')
    assert.deepEqual(writesOf(server), [9, 0])
  }
})

test('a pulse whose end is refused is not called accepted', async () => {
  await using odd = await oddDevice(request =>
    request.pdu.readUInt16BE(3) === 0 ? reply(request, [0x86, 4]) : reply(request, request.pdu),
  )
  const result = await odd.driver.write('pulsed', 9, LATER)
  assert.equal(result.kind, 'unknown')
  assert.match(result.kind === 'unknown' ? result.reason : '', /not known to be cleared: exception 4/)
})

test('a pulse that is overruled does not cut short the one that overrules it', async () => {
  const registers = new Map([[3, 0]])
  await using server = await OddServer.start(registerDevice(registers))
  await using connected = await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }), {
    inFlight: 4,
  })
  const driver = connected.driver({ pulsed: { holding_register: 3, pulse: '300ms' } })
  const overruled = new AbortController()
  const opening = driver.write('pulsed', 1, LATER, overruled.signal)
  while (registers.get(3) !== 1) await new Promise(resolve => setImmediate(resolve))
  await new Promise(resolve => setTimeout(resolve, 20))
  // In the order in which a trip does it.
  overruled.abort()
  const closing = driver.write('pulsed', 2, 1000)
  assert.deepEqual(await closing, { kind: 'accepted' })
  assert.equal((await opening).kind, 'unknown')
  assert.deepEqual(writesOf(server), [1, 2, 0])
})
