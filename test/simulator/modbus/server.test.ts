import assert from 'node:assert/strict'
import { connect as connectSocket } from 'node:net'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { connect, startRig } from '../water-plant.ts'
import { frame, RawClient } from './raw-client.ts'

describe('the Modbus server', () => {
  it('serves its functions to a client of another make', async () => {
    await using rig = await startRig()
    const { client } = rig
    await client.writeCoil(2, false)
    assert.equal((await client.readCoils(2, 1)).data[0], false)
    await client.writeCoils(0, [true, false, true])
    assert.deepEqual((await client.readCoils(0, 3)).data.slice(0, 3), [true, false, true])
    await client.writeRegister(0, 0xabcd)
    await client.writeRegisters(0, [1, 0xffff])
    assert.deepEqual((await client.readHoldingRegisters(0, 2)).data, [1, 0xffff])
    assert.deepEqual((await client.readInputRegisters(1, 1)).data, [1200])
    assert.deepEqual((await client.readDiscreteInputs(1, 1)).data[0], true)
  })

  it('answers what it will not do with the exception that says why', async () => {
    await using rig = await startRig()
    using raw = await RawClient.connect(rig.plant)
    const rows: [pdu: string, answer: string][] = [
      ['07', '8701'],
      ['2b 0d 01 00', 'ab01'],
      ['2b 0e 05 00', 'ab03'],
      ['2b 0e 04 07', 'ab02'],
      ['03 0000 0000', '8303'],
      ['05 0000 1234', '8503'],
      ['01 0003 0001', '8102'],
      ['01 0002 0002', '8102'],
      ['04 ffff 007d', '8402'],
      ['06 0002 0001', '8602'],
      ['10 0001 0002 04 0001 0001', '9002'],
      ['0f 0002 0002 01 03', '8f02'],
      ['16 0002 0000 0000', '9602'],
      ['17 0000 0003 0001 0001 02 0009', '9702'],
      ['17 0000 0001 0001 0002 04 0009 0009', '9702'],
      ['17 0000 007e 0001 0001 02 0009', '9703'],
    ]
    let expected = ''
    for (const [i, [pdu, answer]] of rows.entries()) {
      raw.send(frame(i, pdu))
      expected += frame(i, answer)
      assert.equal(await raw.receive(expected.length / 2), expected, pdu)
    }
    // A write that reaches over the end of the map has written nothing.
    assert.deepEqual([rig.plant.image.holdingRegister(1), rig.plant.image.coil(2)], [0, 1])
  })

  it('changes the bits of a register that the mask leaves open, and echoes the request', async () => {
    await using rig = await startRig()
    using raw = await RawClient.connect(rig.plant)
    // The standard's example: 0x12 AND 0xF2 OR (0x25 AND NOT 0xF2) = 0x17 (§6.16).
    raw.send(frame(1, '06 0001 0012') + frame(2, '16 0001 00f2 0025') + frame(3, '03 0001 0001'))
    const answers = frame(1, '06 0001 0012') + frame(2, '16 0001 00f2 0025') + frame(3, '03 02 0017')
    assert.equal(await raw.receive(answers.length / 2), answers)
  })

  it('writes before it reads where one request does both', async () => {
    await using rig = await startRig()
    using raw = await RawClient.connect(rig.plant)
    raw.send(frame(1, '17 0000 0002 0001 0001 02 abcd'))
    assert.equal(await raw.receive(13), frame(1, '17 04 0007 abcd'))
  })

  it('lets faults of reads and of writes concern what does both, and of writes what changes bits', async () => {
    await using rig = await startRig()
    using raw = await RawClient.connect(rig.plant)
    const exchange = '17 0000 0001 0001 0001 02 0009'
    let expected = ''
    const asks = async (pdu: string, answer: string) => {
      raw.send(frame(1, pdu))
      expected += frame(1, answer)
      assert.equal(await raw.receive(expected.length / 2), expected, pdu)
    }
    for (const on of ['reads', 'writes'] as const) {
      await rig.plant.faults.set({ kind: 'exception', code: 6, on })
      await asks(exchange, '9706')
      assert.equal(rig.plant.image.holdingRegister(1), 0)
      await asks('16 0001 0000 0009', on === 'writes' ? '9606' : '16 0001 0000 0009')
      await asks('2b 0e 04 00', on === 'reads' ? 'ab06' : '2b 0e 04 82 00 00 01 00 08 686f6c6466617374')
      await asks('06 0001 0000', on === 'writes' ? '8606' : '06 0001 0000')
      await rig.plant.faults.clear()
    }
    await rig.plant.faults.set({ kind: 'write-ignored' })
    await asks(exchange, '17 02 0007')
    await asks('16 0001 0000 0009', '16 0001 0000 0009')
    assert.equal(rig.plant.image.holdingRegister(1), 0)
  })

  it('answers another unit’s request as a gateway that cannot reach it, and does nothing', async () => {
    await using rig = await startRig()
    using raw = await RawClient.connect(rig.plant)
    raw.send(frame(1, '05 0000 ff00', 2))
    assert.equal(await raw.receive(9), frame(1, '85 0b', 2))
    assert.equal(rig.plant.image.coil(0), 0)
  })

  it('answers pipelined requests in order, each with its own transaction id', async () => {
    await using rig = await startRig()
    using raw = await RawClient.connect(rig.plant)
    const count = 500
    const writes = Array.from({ length: count }, (_, i) =>
      frame(i, `06 0000 ${i.toString(16).padStart(4, '0')}`),
    )
    raw.send(writes.join(''))
    assert.equal(await raw.receive(count * 12), writes.join(''))
  })

  it('answers the same however the bytes of the requests are cut up', async () => {
    await using rig = await startRig()
    const requests = [
      frame(1, '06 0000 0102'),
      frame(2, '03 0000 0002'),
      frame(3, '0f 0000 0003 01 05'),
      frame(4, '01 0000 0003'),
      frame(5, '99'),
    ]
    const stream = Buffer.from(requests.join(''), 'hex')
    const answers = [
      frame(1, '06 0000 0102'),
      frame(2, '03 04 0102 0000'),
      frame(3, '0f 0000 0003'),
      frame(4, '01 01 05'),
      frame(5, '99 01'),
    ].join('')
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: stream.length - 1 }))
    await fc.assert(
      fc.asyncProperty(cuts, async places => {
        using raw = await RawClient.connect(rig.plant)
        let from = 0
        for (const to of [...places.sort((a, b) => a - b), stream.length]) {
          raw.send(stream.subarray(from, to))
          // Lets the piece leave by itself.
          await new Promise(resolve => setImmediate(resolve))
          from = to
        }
        assert.equal(await raw.receive(answers.length / 2), answers)
      }),
      { numRuns: 60, seed: 20_260_106 },
    )
  })

  it('closes a connection whose framing is lost, after answering what came before', async () => {
    await using rig = await startRig()
    for (const garbage of ['0002 0001 0006 01 03 0000 0001', '0002 0000 0000', '0002 0000 0100']) {
      using raw = await RawClient.connect(rig.plant)
      raw.send(frame(1, '03 0000 0001') + garbage.replaceAll(' ', ''))
      await raw.closed
      assert.equal(raw.received, frame(1, '03 02 0007'))
    }
  })

  it('lives through garbage and then serves the next client as if nothing had been', async () => {
    await using rig = await startRig()
    const word = fc.integer({ min: 0, max: 0xffff })
    const plausible = fc
      .record({ length: word, unit: fc.constantFrom(0, 1, 255), tail: fc.uint8Array({ maxLength: 300 }) })
      .map(({ length, unit, tail }) => {
        const header = Buffer.from([0, 1, 0, 0, length >> 8, length & 0xff, unit])
        return Buffer.concat([header, tail])
      })
    const framed = fc
      .tuple(fc.constantFrom(1, 2, 3, 4, 5, 6, 15, 16, 22, 23, 43), fc.uint8Array({ maxLength: 252 }))
      .map(([code, tail]) => Buffer.from(frame(9, Buffer.from([code, ...tail]).toString('hex')), 'hex'))
    const noise = fc.uint8Array({ minLength: 1, maxLength: 600 }).map(bytes => Buffer.from(bytes))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(noise, plausible, framed), { minLength: 1, maxLength: 4 }),
        async chunks => {
          using raw = await RawClient.connect(rig.plant)
          for (const chunk of chunks) raw.send(chunk)
          using next = await RawClient.connect(rig.plant)
          next.send(frame(7, '04 0001 0001'))
          assert.equal(await next.receive(11), frame(7, '04 02 04b0'))
        },
      ),
      { numRuns: 200, seed: 20_260_101 },
    )
  })

  it('answers each spoiled request with the one exception that fits, and none of them lands', async () => {
    await using rig = await startRig()
    const { image } = rig.plant
    const held = () => [
      ...[0, 1, 2].map(at => image.coil(at)),
      ...[0, 1, 10].map(at => image.holdingRegister(at)),
    ]
    const before = held()
    const sound = [
      '05 0000 ff00',
      '06 0000 0102',
      '0f 0000 0003 01 05',
      '10 0000 0002 04 0001 0002',
      '16 0000 0000 0102',
      '17 0000 0001 0000 0002 04 0001 0002',
      '2b 0e 01 00',
    ].map(pdu => Buffer.from(pdu.replaceAll(' ', ''), 'hex'))
    const request = fc.constantFrom(...sound)
    const more = fc.uint8Array({ minLength: 1, maxLength: 240 })
    const unknown = fc.constantFrom(0, 7, 8, 17, 20, 24, 99, 127)
    const spoiled = fc.oneof(
      fc.tuple(request, fc.nat()).map(([pdu, cut]) => ({
        pdu: pdu.subarray(0, 1 + (cut % (pdu.length - 1))),
        unit: 1,
        code: 3,
      })),
      fc.tuple(request, more).map(([pdu, bytes]) => ({ pdu: Buffer.concat([pdu, bytes]), unit: 1, code: 3 })),
      fc.tuple(unknown, more).map(([code, bytes]) => ({ pdu: Buffer.of(code, ...bytes), unit: 1, code: 1 })),
      // Other kinds of encapsulated interface than the identification.
      fc.tuple(fc.integer({ min: 0, max: 13 }), more).map(([kind, bytes]) => ({
        pdu: Buffer.of(43, kind, ...bytes),
        unit: 1,
        code: 1,
      })),
      fc.tuple(request, fc.integer({ min: 2, max: 255 })).map(([pdu, unit]) => ({ pdu, unit, code: 0x0b })),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(spoiled, { minLength: 1, maxLength: 20 }), async requests => {
        using raw = await RawClient.connect(rig.plant)
        const sent = requests.map(({ pdu, unit }, i) => frame(i, pdu.toString('hex'), unit))
        raw.send(sent.join('') + frame(7, '04 0001 0001'))
        const refused = requests.map(({ pdu, unit, code }, i) =>
          frame(i, Buffer.of(pdu.readUInt8(0) | 0x80, code).toString('hex'), unit),
        )
        const answers = refused.join('') + frame(7, '04 02 04b0')
        assert.equal(await raw.receive(answers.length / 2), answers)
        assert.deepEqual(held(), before)
      }),
      { numRuns: 100, seed: 20_260_103 },
    )
  })

  it('does not hoard answers for a client that never reads, and still serves others', async () => {
    await using rig = await startRig()
    const { createConnection } = await import('node:net')
    const deaf = createConnection(rig.plant.address)
    deaf.on('error', () => {})
    deaf.pause()
    const burst = Buffer.from(frame(1, '03 0000 0002').repeat(20_000), 'hex')
    // The server stops reading; the socket's buffers fill; the write is never flushed.
    let isFlushed = false
    deaf.write(Buffer.concat(Array.from({ length: 200 }, () => burst)), () => {
      isFlushed = true
    })
    const other = await connect(rig.plant)
    for (let i = 0; i < 50; i++) assert.deepEqual((await other.readHoldingRegisters(0, 1)).data, [7])
    assert.equal(isFlushed, false)
    deaf.destroy()
    other.destroy(() => {})
  })

  it('survives whoever breaks off in the middle of a request, or before its answer', async () => {
    await using rig = await startRig()
    const { host, port } = rig.plant.address
    for (const sent of [frame(1, '03 0000 0001').slice(0, 10), frame(1, '03 0000 0001')]) {
      for (const breakOff of ['resetAndDestroy', 'destroy'] as const) {
        const socket = connectSocket(port, host)
        socket.on('error', () => {})
        const isGone = new Promise(resolve => socket.once('close', resolve))
        socket.write(Buffer.from(sent, 'hex'), () => socket[breakOff]())
        await isGone
      }
    }
    assert.equal((await rig.client.readInputRegisters(0, 1)).data.length, 1)
  })
})
