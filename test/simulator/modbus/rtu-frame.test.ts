import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { crc } from '../../../simulator/modbus/crc.ts'
import { formatRtuFrame, takeRtuFrame } from '../../../simulator/modbus/rtu-frame.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

describe('the CRC', () => {
  it('is that of the standard’s example and of known frames, low byte first', () => {
    const rows: [bytes: string, crc: number][] = [
      // MODBUS over Serial Line V1.02 §6.2.2.
      ['02 07', 0x1241],
      ['01 03 0000 000a', 0xcdc5],
      ['01 06 0001 0003', 0x0b98],
    ]
    for (const [bytes, expected] of rows) assert.equal(crc(hex(bytes)), expected, bytes)
  })

  it('notices every burst of up to 16 wrong bits', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 4, maxLength: 253 }),
        fc.nat(),
        fc.integer({ min: 1, max: 0xffff }),
        (bytes, place, burst) => {
          const right = Buffer.from(bytes)
          const wrong = Buffer.from(bytes)
          const at = place % (bytes.length - 1)
          wrong.writeUInt16BE(wrong.readUInt16BE(at) ^ burst, at)
          assert.notEqual(crc(wrong), crc(right))
        },
      ),
    )
  })
})

const READ = formatRtuFrame({ transaction: 0, unit: 1, pdu: hex('03 0000 0001') })
const WRITE = formatRtuFrame({ transaction: 0, unit: 1, pdu: hex('10 0000 0002 04 0001 0002') })
const MASK = formatRtuFrame({ transaction: 0, unit: 1, pdu: hex('16 0004 00f2 0025') })
const EXCHANGE = formatRtuFrame({
  transaction: 0,
  unit: 1,
  pdu: hex('17 0003 0006 000e 0003 06 00ff 00ff 00ff'),
})
const IDENTIFY = formatRtuFrame({ transaction: 0, unit: 1, pdu: hex('2b 0e 01 00') })
const ODD = formatRtuFrame({ transaction: 0, unit: 1, pdu: hex('2b 0d 01 00 07') })

describe('an RTU frame', () => {
  it('is found in the stream with its unit and PDU', () => {
    for (const bytes of [READ, WRITE, MASK, EXCHANGE, IDENTIFY, ODD]) {
      const taken = takeRtuFrame(bytes)
      assert.ok(taken.kind === 'frame')
      assert.deepEqual(taken.frame, { transaction: 0, unit: 1, pdu: bytes.subarray(1, -2) })
      assert.equal(taken.rest.length, 0)
    }
  })

  it('is found behind noise, cut requests and other units’ answers', () => {
    const answer = formatRtuFrame({ transaction: 0, unit: 2, pdu: hex('03 02 0007') })
    for (const before of [
      hex('00'),
      hex('ff fe'),
      READ.subarray(0, 5),
      WRITE.subarray(0, 9),
      answer,
      answer.subarray(3),
    ]) {
      const taken = takeRtuFrame(Buffer.concat([before, READ]))
      assert.ok(taken.kind === 'frame', before.toString('hex'))
      assert.deepEqual(taken.frame.pdu, hex('03 0000 0001'))
    }
  })

  it('is waited for until it is complete, however it is cut up', () => {
    const stream = Buffer.concat([READ, WRITE, MASK, EXCHANGE, IDENTIFY, READ])
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: stream.length - 1 })), cuts => {
        const found: string[] = []
        let rest: Buffer = Buffer.alloc(0)
        let from = 0
        for (const to of [...cuts.sort((a, b) => a - b), stream.length]) {
          rest = Buffer.concat([rest, stream.subarray(from, to)])
          from = to
          for (let taken = takeRtuFrame(rest); ; taken = takeRtuFrame(rest)) {
            rest = taken.kind === 'malformed' ? rest : taken.rest
            if (taken.kind !== 'frame') break
            found.push(taken.frame.pdu.toString('hex'))
          }
        }
        assert.deepEqual(found, [
          '0300000001',
          '10000000020400010002',
          '16000400f20025',
          '1700030006000e00030600ff00ff00ff',
          '2b0e0100',
          '0300000001',
        ])
      }),
    )
  })

  it('never keeps more than a frame of what it cannot read, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1000 }), noise => {
        const taken = takeRtuFrame(Buffer.from(noise))
        if (taken.kind === 'incomplete') assert.ok(taken.rest.length < 256)
      }),
      { numRuns: 500, seed: 20_260_108 },
    )
  })
})
