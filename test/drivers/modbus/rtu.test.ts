import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rtu } from '../../../drivers/modbus/rtu.ts'
import { withCheckSum } from './rtu-gateway.ts'

const read = Buffer.from('0300000001', 'hex')
const answer = withCheckSum(Buffer.from('1103020007', 'hex'))

/** What the framing makes of bytes that come in these pieces, after unit 17 was asked for a register. */
function heard(...pieces: readonly Buffer[]): string[] {
  const rtu = new Rtu(0)
  rtu.frame(1, 17, read)
  return pieces
    .flatMap(piece => [...rtu.accept(piece)])
    .map(arrival => (arrival.kind === 'answer' ? arrival.pdu.toString('hex') : arrival.reason))
}

test('a request has its check sum, low byte first', () => {
  // From MODBUS over Serial Line V1.02 and every manual since: unit 17, read 3 registers from 107.
  const frame = new Rtu(0).frame(1, 17, Buffer.from('03006b0003', 'hex'))
  assert.equal(frame.toString('hex'), '1103006b00037687')
})

test('an answer is found however it is cut', () => {
  for (let at = 1; at < answer.length; at += 1)
    assert.deepEqual(heard(answer.subarray(0, at), answer.subarray(at)), ['03020007'])
})

test('noise before an answer does not hide it, even where it looks like the beginning of one', () => {
  for (const noise of ['00', 'ff00', '11', '1103', '1103ff', '1103020007', '110302000700'])
    assert.deepEqual(heard(Buffer.from(noise, 'hex'), answer), ['03020007'], noise)
})

test('a wrong check sum, another unit and another function are no answer', () => {
  const wrong = Buffer.from(answer)
  wrong[4] = 8
  assert.deepEqual(heard(wrong), [])
  assert.deepEqual(heard(withCheckSum(Buffer.from('1203020007', 'hex'))), [])
  assert.deepEqual(heard(withCheckSum(Buffer.from('1104020007', 'hex'))), [])
})

test('an exception is an answer', () => {
  assert.deepEqual(heard(withCheckSum(Buffer.from('118302', 'hex'))), ['8302'])
})

test('an answer that nobody asked for is dropped, and a second one is not hidden by the first', () => {
  assert.deepEqual([...new Rtu(0).accept(answer)], [])
  const late = withCheckSum(Buffer.from('1103020009', 'hex'))
  assert.deepEqual(heard(late, answer), ['03020009', '03020007'])
  assert.deepEqual(heard(Buffer.concat([late, Buffer.of(0xff), answer])), ['03020009', '03020007'])
})

test('an identification is as long as its objects say', () => {
  const rtu = new Rtu(0)
  rtu.frame(1, 17, Buffer.from('2b0e0100', 'hex'))
  const body = withCheckSum(Buffer.from('112b0e0101000002000441434d45010131', 'hex'))
  assert.equal([...rtu.accept(body.subarray(0, 12))].length, 0)
  assert.equal([...rtu.accept(body.subarray(12))].length, 1)
})
