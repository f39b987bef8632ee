import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { Rtu } from '../../../drivers/modbus/rtu.ts'
import { tcpWay } from '../../../drivers/modbus/tcp.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { valueIn } from '../driver.contract.ts'
import { Connected } from './connected.ts'
import { OddServer, registerDevice, reply } from './odd-server.ts'

const LATER = 5000
const POINTS = { one: { holding_register: 0 }, two: { holding_register: 1 } }

/** What a device makes of a request that came, some other time. */
type Held = () => void

test('a device that answers byte by byte is understood, and one that is too slow at it does not spoil the next answer', async () => {
  const device = registerDevice(new Map([[0, 7]]))
  let isSlow = false
  await using server = await OddServer.start((request, socket) => {
    const answer = device(request)
    if (!isSlow) for (const byte of answer) socket.write(Buffer.of(byte))
    // All but the last byte, which comes when nobody waits any more.
    else socket.write(answer.subarray(0, -1))
    return undefined
  })
  await using connected = await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }))
  const driver = connected.driver(POINTS)
  assert.equal(valueIn(await driver.read('one', LATER)), 7)
  isSlow = true
  assert.match(String(valueIn(await driver.read('one', 50))), /did not answer in time/)
  isSlow = false
  // It has its time to answer, and is then connected to anew.
  await connected.connected(false)
  await connected.connected(true)
  assert.equal(valueIn(await driver.read('one', LATER)), 7)
})

test('a write that lands after its deadline is unknown, is sent once, and is seen by the next look', async () => {
  const registers = new Map([[0, 0]])
  const device = registerDevice(registers)
  const held: Held[] = []
  await using server = await OddServer.start((request, socket) => {
    if (request.pdu[0] !== 6) return device(request)
    held.push(() => void socket.write(device(request)))
    return undefined
  })
  await using connected = await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }), {
    inFlight: 2,
    units: 2,
  })
  const driver = connected.driver(POINTS)
  const written = await driver.write('one', 9, 50)
  assert.equal(written.kind, 'unknown')
  assert.equal(valueIn(await driver.read('one', LATER)), 0)
  for (const land of held) land()
  while (valueIn(await driver.read('one', LATER)) !== 9);
  assert.equal(server.requests.filter(({ pdu }) => pdu[0] === 6).length, 1)
})

test('an answer that comes twice is taken once, and what was asked next gets its own', async () => {
  const registers = new Map([
    [0, 7],
    [1, 8],
  ])
  const device = registerDevice(registers)
  await using server = await OddServer.start(request => Buffer.concat([device(request), device(request)]))
  await using connected = await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }))
  const driver = connected.driver(POINTS)
  for (let round = 0; round < 20; round += 1) {
    assert.equal(valueIn(await driver.read('one', LATER)), 7)
    assert.equal(valueIn(await driver.read('two', LATER)), 8)
  }
  assert.equal(server.connections.count, 1)
})

test('a gateway that answers for a unit whose line is dead fails that unit alone', async () => {
  const device = registerDevice(new Map([[0, 7]]))
  await using server = await OddServer.start(request =>
    request.unit === 2 ? reply(request, [0x83, 11]) : device(request),
  )
  await using connected = await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }), { units: 2 })
  const [alive, dead] = [connected.driver(POINTS), connected.driver(POINTS, { unit: 2 })]
  const [one, other] = await Promise.all([alive.read('one', LATER), dead.read('one', LATER)])
  assert.equal(valueIn(one), 7)
  assert.match(String(valueIn(other)), /exception 11: gateway target device failed to respond/)
  assert.equal(server.connections.count, 1)
})

test('a line that babbles is given up before it takes the time of everything else', () => {
  const rtu = new Rtu(0)
  rtu.frame(1, 17, Buffer.from('0300000001', 'hex'))
  // All of it looks like the beginning of an answer.
  const noise = Buffer.alloc(4096, Buffer.from([17, 3]))
  const said = Array.from({ length: 17 }, () => [...rtu.accept(noise)]).flat()
  assert.deepEqual(
    said.map(arrival => arrival.kind),
    ['nonsense'],
  )
  // A new request begins anew.
  rtu.frame(2, 17, Buffer.from('0300000001', 'hex'))
  assert.deepEqual([...rtu.accept(noise)], [])
})

test('a device that says without end what nobody asked it is cut off', async () => {
  let said = 0
  const stray = Buffer.concat(
    Array.from({ length: 1000 }, () => Buffer.from('9999000000050103020007', 'hex')),
  )
  await using server = await OddServer.start((request, socket) => {
    const on = () => {
      if (said > 100) return
      said += 1
      if (socket.writable) socket.write(stray, on)
    }
    on()
    return reply(request, [3, 2, 0, 7])
  })
  await using connected = await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }), { units: 9 })
  const driver = connected.driver(POINTS)
  const { line } = connected.link
  await driver.read('one', LATER)
  await connected.connected(false)
  assert.equal(
    'trouble' in line && line.trouble,
    'the device answered nonsense: more than 65536 bytes that nobody asked for',
  )
})

test('a connection that carries nothing is asked after five seconds whether its other end is there', async () => {
  await using server = await OddServer.start(() => undefined)
  await using connected = await Connected.to(
    tcpWay({ host: '127.0.0.1', port: server.port }),
    {},
    new VirtualClock(),
  )
  await connected.connected(true)
  const port = server.port.toString(16).toUpperCase().padStart(4, '0')
  // proc(5): ours is the established one (01) whose far end is the server. Timer 02 is the one that keeps a connection alive; how
  // long it has to run is in hundredths of a second.
  const line = (await readFile('/proc/net/tcp', 'utf8'))
    .split('\n')
    .find(one => one.includes(`0100007F:${port} 01 `))
  const [timer = '', left = ''] = line?.trim().split(/\s+/)[5]?.split(':') ?? []
  assert.equal(timer, '02', String(line))
  assert.ok(Number.parseInt(left, 16) <= 500, String(line))
})
