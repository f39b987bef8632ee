import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { Frames } from '../../../simulator/opcua/frames.ts'

function chunk(type: string, length: number): Buffer {
  const frame = Buffer.alloc(length)
  frame.write(type, 'latin1')
  frame.writeUInt32LE(length, 4)
  return frame
}

it('counts the requests that are whole, whatever pieces they come in', () => {
  const types = fc.constantFrom('HELF', 'OPNF', 'MSGF', 'MSGC', 'MSGA', 'CLOF')
  const chunks = fc.array(fc.tuple(types, fc.integer({ min: 8, max: 60 })), { maxLength: 12 })
  fc.assert(
    fc.property(chunks, fc.array(fc.nat(500)), (list, cuts) => {
      const stream = Buffer.concat(list.map(([type, length]) => chunk(type, length)))
      const at = [0, ...cuts.map(cut => cut % (stream.length + 1)), stream.length].sort((a, b) => a - b)
      const frames = new Frames()
      let requests = 0
      let closes = false
      for (const [index, start] of at.entries()) {
        const brought = frames.take(stream.subarray(start, at[index + 1] ?? stream.length))
        if (brought === 'unknown') return assert.fail()
        requests += brought.requests
        closes ||= brought.closes
      }
      assert.equal(requests, list.filter(([type]) => type === 'MSGF').length)
      assert.equal(
        closes,
        list.some(([type]) => type === 'CLOF'),
      )
    }),
    { seed: 62541, numRuns: 500 },
  )
})

it('knows a chunk that no client sends by its head, before the rest of it has come', () => {
  for (const type of ['ACKF', 'ERRF', 'RHEF', 'XYZF', 'msgF', 'MSGX', 'MSG\0']) {
    const frames = new Frames()
    assert.deepEqual(frames.take(chunk('MSGF', 20)), { requests: 1, closes: false })
    assert.deepEqual(frames.take(chunk(type, 100).subarray(0, 7)), { requests: 0, closes: false })
    assert.equal(frames.take(chunk(type, 100).subarray(7, 8)), 'unknown', type)
  }
})
