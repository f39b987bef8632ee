import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import modbusSerial from 'modbus-serial'
import { formatRtuFrame } from '../../../simulator/modbus/rtu-frame.ts'
import { type PlantFile, startPlant } from '../../../simulator/plant.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { connect, WATER_PLANT } from '../water-plant.ts'
import { PtyPair } from './pty-pair.ts'
import { RawClient } from './raw-client.ts'

const rtu = (unit: number, pdu: string) =>
  formatRtuFrame({ transaction: 0, unit, pdu: Buffer.from(pdu.replaceAll(' ', ''), 'hex') }).toString('hex')

/** The water plant, which speaks RTU too. */
async function start(more: Partial<NonNullable<PlantFile['plc']>['modbus']>) {
  const clock = new VirtualClock()
  const { plc } = WATER_PLANT
  const plant = await startPlant(
    { plant: { ...WATER_PLANT, plc: { ...plc, modbus: { ...plc.modbus, ...more } } } },
    { clock },
  )
  return { clock, plant }
}

async function startRtuOverTcp() {
  const { clock, plant } = await start({ rtu_over_tcp: { port: 0 } })
  const address = plant.plc('plc').rtuAddress
  assert.ok(address)
  const raw = await RawClient.connect({ address })
  return {
    clock,
    plant,
    raw,
    address,
    async [Symbol.asyncDispose]() {
      raw[Symbol.dispose]()
      await plant[Symbol.asyncDispose]()
    },
  }
}

/** Runs mbpoll, an RTU master on top of libmodbus; resolves with what it says, rejects when a write fails. */
async function poll(...args: string[]): Promise<string> {
  const line = ['-m', 'rtu', '-b', '19200', '-P', 'none', '-a', '1', '-0', '-1']
  return (await promisify(execFile)('mbpoll', [...line, ...args])).stdout
}

describe('RTU over TCP', () => {
  it('serves the same image as Modbus TCP, at the same time, to a client of another make', async () => {
    await using rig = await startRtuOverTcp()
    const tcp = await connect(rig.plant)
    const client = new modbusSerial.default()
    await client.connectTelnet(rig.address.host, { port: rig.address.port })
    client.setID(1)
    client.setTimeout(10_000)
    await client.writeRegisters(0, [0x1234, 0xffff])
    await client.writeCoil(0, true)
    assert.deepEqual((await tcp.readHoldingRegisters(0, 2)).data, [0x1234, 0xffff])
    assert.equal((await client.readCoils(0, 1)).data[0], true)
    await rig.clock.advance(310)
    assert.deepEqual((await client.readInputRegisters(0, 2)).data, [1000, 1200])
    await assert.rejects(client.readInputRegisters(9, 1), { modbusCode: 2 })
    await new Promise<void>(resolve => client.close(() => resolve()))
    tcp.destroy(() => {})
  })

  it('is silent for other units, and carries out what is written to all without an answer', async () => {
    await using rig = await startRtuOverTcp()
    rig.raw.send(
      rtu(2, '06 0000 0009') + rtu(0, '06 0001 0008') + rtu(0, '03 0000 0001') + rtu(1, '03 0000 0002'),
    )
    assert.equal(await rig.raw.receive(9), rtu(1, '03 04 0007 0008'))
  })

  it('passes over noise and wrong checksums, and answers the next sound request', async () => {
    await using rig = await startRtuOverTcp()
    const wrong = Buffer.from(rtu(1, '06 0000 0009'), 'hex')
    wrong.writeUInt8(wrong.readUInt8(5) ^ 1, 5)
    rig.raw.send(`00ff17${wrong.toString('hex')}${rtu(1, '03 0000 0001')}`)
    assert.equal(await rig.raw.receive(7), rtu(1, '03 02 0007'))
  })

  it('lives through garbage on a line, and answers the sound request behind it', async () => {
    await using rig = await startRtuOverTcp()
    const noise = fc.uint8Array({ minLength: 1, maxLength: 600 })
    // What begins like a request and is none: a long write that never comes to its end, a wrong checksum, odd functions.
    const plausible = fc
      .tuple(fc.constantFrom(0, 1, 2, 255), fc.constantFrom(1, 3, 5, 6, 15, 16, 43), noise)
      .map(([unit, functionCode, tail]) => Uint8Array.of(unit, functionCode, ...tail))
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(noise, plausible), { minLength: 1, maxLength: 4 }), async chunks => {
        using raw = await RawClient.connect({ address: rig.address })
        for (const chunk of chunks) raw.send(Buffer.from(chunk))
        raw.send(rtu(1, '04 0001 0001'))
        const answer = rtu(1, '04 02 04b0')
        let received = ''
        for (let bytes = 7; !received.endsWith(answer); bytes++) received = await raw.receive(bytes)
      }),
      { numRuns: 300, seed: 20_260_102 },
    )
  })

  it('has the faults of the wire', async () => {
    await using rig = await startRtuOverTcp()
    await rig.plant.faults.set({ kind: 'exception', code: 6 })
    rig.raw.send(rtu(1, '03 0000 0001'))
    assert.equal(await rig.raw.receive(5), rtu(1, '83 06'))
    await rig.plant.faults.set({ kind: 'dropped-link' })
    await rig.raw.closed
    await assert.rejects(RawClient.connect({ address: rig.address }), { code: 'ECONNREFUSED' })
  })
})

describe('RTU on a serial line', () => {
  it('is read and written by mbpoll on the line’s other end, which shares no code with ours', async () => {
    await using pty = await PtyPair.open()
    const { clock, plant } = await start({ serial: { path: pty.ours, parity: 'none' } })
    await using _ = plant
    await poll('-t', '4', '-r', '0', pty.theirs, '4711', '815')
    assert.deepEqual([plant.image.holdingRegister(0), plant.image.holdingRegister(1)], [4711, 815])
    assert.match(await poll('-t', '4', '-r', '0', '-c', '2', pty.theirs), /\[0\]:\s+4711\n\[1\]:\s+815\n/)
    await poll('-t', '0', '-r', '0', pty.theirs, '1')
    assert.equal(plant.image.coil(0), 1)
    await clock.advance(310)
    assert.match(await poll('-t', '3', '-r', '0', '-c', '2', pty.theirs), /\[0\]:\s+1000\n\[1\]:\s+1200\n/)
    assert.match(await poll('-t', '1', '-r', '1', pty.theirs), /\[1\]:\s+0\n/)
  })

  it('passes every byte, those too that a terminal takes for its own', async () => {
    await using pty = await PtyPair.open()
    const { plant } = await start({ serial: { path: pty.ours, parity: 'none' } })
    await using _ = plant
    // Interrupt, end of file, line ends, XON and XOFF, delete.
    for (const byte of [0x03, 0x04, 0x0a, 0x0d, 0x11, 0x13, 0x1a, 0x7f, 0xff]) {
      const value = (byte << 8) | byte
      await poll('-t', '4', '-r', '0', pty.theirs, `${value}`)
      assert.equal(plant.image.holdingRegister(0), value)
      assert.match(await poll('-t', '4', '-r', '0', pty.theirs), new RegExp(`\\[0\\]:\\s+${value}\\b`))
    }
  })

  it('has the faults of the wire: a dropped link closes the port, a half-open one stays silent', async () => {
    await using pty = await PtyPair.open()
    const { plant } = await start({ serial: { path: pty.ours, parity: 'none' } })
    await using _ = plant
    for (const kind of ['dropped-link', 'half-open'] as const) {
      await plant.faults.set({ kind })
      await assert.rejects(poll('-t', '4', '-r', '0', '-o', '0.2', pty.theirs, '99'), /timed out/)
      await plant.faults.clear(kind)
      assert.match(await poll('-t', '4', '-r', '0', pty.theirs), /\[0\]:\s+7\n/)
    }
  })

  it('ends, and can be dropped and cleared, when the line has been pulled out', async () => {
    const pty = await PtyPair.open()
    const { plant } = await start({ serial: { path: pty.ours, parity: 'none' } })
    await pty[Symbol.asyncDispose]()
    await plant.faults.set({ kind: 'dropped-link' })
    await assert.rejects(plant.faults.clear(), /plc stays dropped: .*cannot be set up as a serial port/)
    assert.deepEqual(plant.faults.active, [{ kind: 'dropped-link', plc: 'plc' }])
    await plant[Symbol.asyncDispose]()
  })

  it('says so when the port cannot be had, or cannot do what is asked of it', async () => {
    await using pty = await PtyPair.open()
    await assert.rejects(start({ serial: { path: pty.ours, parity: 'even' } }), {
      name: 'SerialLineError',
      message: /A pty has no parity: set parity: none$/,
    })
    await assert.rejects(start({ serial: { path: '/dev/none' } }), {
      name: 'SerialLineError',
      message:
        /^\/dev\/none cannot be set up as a serial port: stty: \/dev\/none: No such file or directory$/,
    })
  })
})
