import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Frame, formatFrame, takeFrame } from '../../../simulator/modbus/frame.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const frames = fc.record(
  {
    transaction: fc.integer({ min: 0, max: 0xffff }),
    unit: fc.integer({ min: 0, max: 0xff }),
    pdu: fc.uint8Array({ minLength: 1, maxLength: 253 }).map(bytes => Buffer.from(bytes)),
  },
  { noNullPrototype: true },
)

describe('a frame', () => {
  it('is laid out as the standard shows it', () => {
    const frame = { transaction: 0x1501, unit: 0xff, pdu: hex('03 0004 0001') }
    assert.deepEqual(formatFrame(frame), hex('1501 0000 0006 ff 03 0004 0001'))
  })

  it('is taken off a run of bytes wherever the run ends, with the rest left over', () => {
    fc.assert(
      fc.property(fc.array(frames, { maxLength: 5 }), fc.nat(), (sent: Frame[], cut) => {
        const bytes = Buffer.concat(sent.map(formatFrame))
        const end = bytes.length === 0 ? 0 : cut % (bytes.length + 1)
        let rest: Buffer = bytes.subarray(0, end)
        const got: Frame[] = []
        for (let taken = takeFrame(rest); taken.kind === 'frame'; taken = takeFrame(rest)) {
          got.push(taken.frame)
          rest = taken.rest
        }
        assert.equal(takeFrame(rest).kind, 'incomplete')
        assert.deepEqual(got, sent.slice(0, got.length))
        assert.ok(rest.length < 260)
      }),
    )
  })

  it('is malformed as soon as its protocol id or its length is seen to be wrong', () => {
    const rows: [string, string][] = [
      ['0001 0001', 'malformed'],
      ['0001 0000', 'incomplete'],
      ['0001 0000 00', 'incomplete'],
      ['0001 0000 0000', 'malformed'],
      ['0001 0000 0001', 'malformed'],
      ['0001 0000 0002', 'incomplete'],
      ['0001 0000 00fe', 'incomplete'],
      ['0001 0000 00ff', 'malformed'],
      ['0001 0000 ffff', 'malformed'],
    ]
    for (const [bytes, kind] of rows) assert.equal(takeFrame(hex(bytes)).kind, kind, bytes)
  })
})
