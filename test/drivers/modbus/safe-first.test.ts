import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { ReadResult } from '../../../drivers/driver.ts'
import { serialWay } from '../../../drivers/modbus/serial.ts'
import { rtuOverTcpWay, tcpWay } from '../../../drivers/modbus/tcp.ts'
import { startPlant } from '../../../simulator/plant.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { valueIn } from '../driver.contract.ts'
import { Connected } from './connected.ts'
import { OddServer, reply } from './odd-server.ts'
import { slowLine } from './slow-line.ts'
import { Witness } from './witness.ts'

const LATER = 5000
const POINTS = { valve: { holding_register: 3 }, seen: { holding_register: 9 } }
const CLOSED = 0
const OPEN = 100
/** The valve closes where it is safe. */
const SAFE = new Map([['valve', CLOSED]])

const PLC = {
  scan_cycle: '10ms',
  modbus: {
    host: '127.0.0.1',
    port: 0,
    coils: [],
    discrete_inputs: [],
    holding_registers: [{ address: 3 }, { address: 9 }],
    input_registers: [],
  },
}

/** A simulated PLC on a pseudo terminal, and a driver at its other end. */
async function serialPlc() {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const [ours, its] = [join(folder.path, 'ours'), join(folder.path, 'its')]
  stack.use(await Witness.cable(ours, its))
  const serial = { path: its, baud: 115_200, parity: 'none' } as const
  const plc = { ...PLC, modbus: { ...PLC.modbus, serial } }
  const plant = stack.use(
    await startPlant({ plant: { plant: 'serial-line', plc, elements: {} } }, { clock: new VirtualClock() }),
  )
  const port = { path: ours, baudRate: 115_200, dataBits: 8, parity: 'none', stopBits: 1 } as const
  const clock = new VirtualClock()
  const connected = stack.use(await Connected.to(serialWay(port), { units: 2, timeout: LATER }, clock))
  const driver = connected.driver(POINTS, { safe: SAFE })
  const running = stack.move()
  /** Lets the line be silent for as long as it wants to after an answer. */
  const silence = async () => await clock.advance(2)
  return { plant, driver, clock, silence, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** Units on a line that answer when the test says so, each with a valve that closes where it is safe. */
async function valvesOnALine(units: number, timeout = 50) {
  await using stack = new AsyncDisposableStack()
  const line = stack.use(await slowLine())
  const clock = new VirtualClock()
  const way = rtuOverTcpWay({ host: '127.0.0.1', port: line.port })
  const connected = stack.use(await Connected.to(way, { units, timeout }, clock))
  const drivers = Array.from({ length: units }, (_, at) =>
    connected.driver(POINTS, { unit: at + 1, safe: SAFE }),
  )
  const running = stack.move()
  const asked = () => line.requests.map(request => request.toString('hex').slice(0, -4))
  return { line, clock, connected, drivers, asked, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

const CLOSE = '0600030000'
const LOOK = '0300090001'

describe('a write towards the safe state', () => {
  it('reaches a unit on a serial line that rests because it answers no reads; any other write waits', async () => {
    await using plc = await serialPlc()
    assert.deepEqual(await plc.driver.write('valve', OPEN, LATER), { kind: 'accepted' })
    await plc.silence()
    await plc.plant.faults.set({ kind: 'silent', on: 'reads' })
    const looking = plc.driver.read('seen', LATER)
    await plc.clock.advance(LATER)
    assert.equal((await looking).kind, 'failed')
    const other = await plc.driver.write('valve', OPEN, LATER)
    assert.match(other.kind === 'unreachable' ? other.reason : '', /unit 1 owes an answer/)
    assert.deepEqual(await plc.driver.write('valve', CLOSED, LATER), { kind: 'accepted' })
    assert.equal(plc.plant.image.holdingRegister(3), CLOSED)
    await plc.silence()
    // It has answered, so that nothing is owed any more and the valve can be looked at.
    await plc.plant.faults.clear()
    assert.equal(valueIn(await plc.driver.read('valve', LATER)), CLOSED)
  })

  it('goes before commands and reads that waited longer, and as soon as the line is free', async () => {
    await using rig = await valvesOnALine(3)
    const [one, two, three] = rig.drivers
    assert.ok(one && two && three)
    const looking = one.read('seen', 50)
    await rig.line.asked(1)
    const waiting = [two.read('seen', LATER), three.write('valve', OPEN, LATER)]
    const closing = two.write('valve', CLOSED, LATER)
    await rig.clock.advance(50)
    await looking
    await rig.line.asked(2)
    rig.line.say(`02${CLOSE}`)
    assert.equal((await closing).kind, 'accepted')
    await rig.line.asked(3)
    rig.line.say('030600030064')
    await rig.line.asked(4)
    rig.line.say('0203020001')
    await Promise.all(waiting)
    assert.deepEqual(rig.asked(), [`01${LOOK}`, `02${CLOSE}`, '030600030064', `02${LOOK}`])
  })

  it('does not wait longer for a command that it overrules than that one had left', async () => {
    await using rig = await valvesOnALine(1, 1000)
    const [one] = rig.drivers
    assert.ok(one)
    const overruled = new AbortController()
    const opening = one.write('valve', OPEN, LATER, overruled.signal)
    await rig.line.asked(1)
    await rig.clock.advance(700)
    overruled.abort()
    assert.equal((await opening).kind, 'unknown')
    const closing = one.write('valve', CLOSED, LATER)
    await rig.clock.advance(299)
    assert.equal(rig.line.requests.length, 1)
    await rig.clock.advance(1)
    await rig.line.asked(2)
    // What comes first is the late answer to the command, and not to this.
    rig.line.say('010600030064')
    rig.line.say(`01${CLOSE}`)
    assert.deepEqual(await closing, { kind: 'accepted' })
  })

  it('that may have got the answer to an equal one before it is unknown', async () => {
    await using rig = await valvesOnALine(2)
    const [one] = rig.drivers
    assert.ok(one)
    const first = one.write('valve', CLOSED, 50)
    await rig.clock.advance(50)
    assert.equal((await first).kind, 'unknown')
    const again = one.write('valve', CLOSED, LATER)
    await rig.line.asked(2)
    rig.line.say(`01${CLOSE}`)
    const result = await again
    assert.match(result.kind === 'unknown' ? result.reason : '', /may be the late answer to an equal request/)
    // The second answer comes as well: nothing is owed any more.
    rig.line.say(`01${CLOSE}`)
    const seen = new AbortController()
    const looks: Promise<ReadResult>[] = []
    while (rig.line.requests.length < 3) {
      looks.push(one.read('seen', LATER, seen.signal))
      await new Promise(resolve => setImmediate(resolve))
    }
    seen.abort()
    for (const look of looks) assert.equal((await look).kind, 'failed')
  })

  it('to a unit that is dead does not keep the others on the line from being asked', async () => {
    await using rig = await valvesOnALine(2)
    const [dead, alive] = rig.drivers
    assert.ok(dead && alive)
    const first = dead.write('valve', CLOSED, 50)
    await rig.clock.advance(50)
    assert.equal((await first).kind, 'unknown')
    const looking = alive.read('seen', LATER)
    await rig.line.asked(2)
    const closing = [dead.write('valve', CLOSED, LATER), dead.write('valve', CLOSED, LATER)]
    const next = alive.write('valve', OPEN, LATER)
    rig.line.say('0203020001')
    await looking
    await rig.line.asked(3)
    rig.line.say('020600030064')
    await next
    await rig.line.asked(4)
    assert.deepEqual(rig.asked(), [`01${CLOSE}`, `02${LOOK}`, '020600030064', `01${CLOSE}`])
    await rig.connected.link[Symbol.asyncDispose]()
    await Promise.all(closing)
  })

  it('that found no turn behind a slow unit has the next one, when it comes again', async () => {
    await using rig = await valvesOnALine(3, LATER)
    const [one, two, three] = rig.drivers
    assert.ok(one && two && three)
    const dead = [two.read('seen', LATER), three.read('seen', 3 * LATER)]
    await rig.line.asked(1)
    await rig.clock.advance(LATER - 700)
    const unsent = one.write('valve', CLOSED, 500)
    await rig.clock.advance(500)
    assert.equal((await unsent).kind, 'unreachable')
    // The line is free 200 ms later, and the write is there again after 500; what waited before it is not what goes out.
    await rig.clock.advance(500)
    assert.equal((await dead[0])?.kind, 'failed')
    const again = one.write('valve', CLOSED, 500)
    await rig.line.asked(2)
    rig.line.say(`01${CLOSE}`)
    assert.deepEqual(await again, { kind: 'accepted' })
    await rig.line.asked(3)
    assert.deepEqual(rig.asked(), [`02${LOOK}`, `01${CLOSE}`, `03${LOOK}`])
    rig.line.say('0303020001')
    assert.equal(valueIn(await (dead[1] ?? assert.fail())), 1)
  })

  it('that found no turn, and does not come again, keeps the others waiting for three quarters of a second', async () => {
    await using rig = await valvesOnALine(3, 1000)
    const [one, two, three] = rig.drivers
    assert.ok(one && two && three)
    const dead = two.read('seen', 1000)
    const waiting = three.read('seen', LATER)
    await rig.line.asked(1)
    const unsent = one.write('valve', CLOSED, 900)
    await rig.clock.advance(900)
    assert.equal((await unsent).kind, 'unreachable')
    await rig.clock.advance(749)
    assert.equal((await dead).kind, 'failed')
    assert.equal(rig.line.requests.length, 1)
    await rig.clock.advance(1)
    await rig.line.asked(2)
    rig.line.say('0303020001')
    assert.equal(valueIn(await waiting), 1)
  })

  it('goes behind those of units that answer once its own has not, also where it waits already', async () => {
    await using rig = await valvesOnALine(3, LATER)
    const [one, two, three] = rig.drivers
    assert.ok(one && two && three)
    const looking = two.read('seen', LATER)
    await rig.line.asked(1)
    const closing = [two.write('valve', CLOSED, 2 * LATER), three.write('valve', CLOSED, 2 * LATER)]
    const opening = one.write('valve', OPEN, 2 * LATER)
    await rig.clock.advance(LATER)
    assert.equal((await looking).kind, 'failed')
    await rig.line.asked(2)
    rig.line.say(`03${CLOSE}`)
    await rig.line.asked(3)
    rig.line.say(`02${CLOSE}`)
    await rig.line.asked(4)
    rig.line.say('010600030064')
    for (const result of await Promise.all([...closing, opening])) assert.equal(result.kind, 'accepted')
    assert.deepEqual(rig.asked(), [`02${LOOK}`, `03${CLOSE}`, `02${CLOSE}`, '010600030064'])
  })

  it('is confirmed before anybody else is asked as soon as its unit answers reads again', async () => {
    await using rig = await valvesOnALine(2, LATER)
    const [one, two] = rig.drivers
    assert.ok(one && two)
    const silent = one.read('seen', LATER)
    await rig.clock.advance(LATER)
    assert.equal((await silent).kind, 'failed')
    // Its time for the late answer is over.
    await rig.clock.advance(LATER)
    const reading = one.read('seen', LATER)
    await rig.line.asked(2)
    const others = [two.read('seen', LATER), one.read('valve', LATER)]
    await Promise.resolve()
    const look = one.read('seen', LATER, undefined, 'confirm-safe')
    await Promise.resolve()
    rig.line.say('0103020001')
    assert.equal(valueIn(await reading), 1)
    await rig.line.asked(3)
    rig.line.say('0103020000')
    assert.equal(valueIn(await look), 0)
    await rig.line.asked(4)
    rig.line.say('0203020002')
    await rig.line.asked(5)
    rig.line.say('0103020003')
    assert.deepEqual((await Promise.all(others)).map(valueIn), [2, 3])
  })

  it('that waits is sent before a device that does not answer is connected to anew', async () => {
    await using server = await OddServer.start(request =>
      request.pdu.readUInt16BE(3) === CLOSED ? reply(request, request.pdu) : undefined,
    )
    await using connected = await Connected.to(tcpWay({ host: '127.0.0.1', port: server.port }))
    const driver = connected.driver(POINTS, { safe: SAFE })
    const opening = driver.write('valve', OPEN, 100)
    const closing = driver.write('valve', CLOSED, LATER)
    assert.equal((await opening).kind, 'unknown')
    assert.deepEqual(await closing, { kind: 'accepted' })
    assert.equal(server.connections.count, 1)
  })
})
