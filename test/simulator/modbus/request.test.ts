import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseRequest } from '../../../simulator/modbus/request.ts'

const parse = (pdu: string) => parseRequest(Buffer.from(pdu.replaceAll(' ', ''), 'hex'))

describe('a request', () => {
  it('is read as the examples of the standard show it (§6.1 to §6.12)', () => {
    assert.deepEqual(parse('01 0013 0013'), {
      functionCode: 1,
      kind: 'read',
      table: 'coil',
      address: 19,
      quantity: 19,
    })
    assert.deepEqual(parse('02 00c4 0016'), {
      functionCode: 2,
      kind: 'read',
      table: 'discrete-input',
      address: 196,
      quantity: 22,
    })
    assert.deepEqual(parse('03 006b 0003'), {
      functionCode: 3,
      kind: 'read',
      table: 'holding-register',
      address: 107,
      quantity: 3,
    })
    assert.deepEqual(parse('04 0008 0001'), {
      functionCode: 4,
      kind: 'read',
      table: 'input-register',
      address: 8,
      quantity: 1,
    })
    assert.deepEqual(parse('05 00ac ff00'), {
      functionCode: 5,
      kind: 'write',
      table: 'coil',
      address: 172,
      values: [1],
    })
    assert.deepEqual(parse('06 0001 0003'), {
      functionCode: 6,
      kind: 'write',
      table: 'holding-register',
      address: 1,
      values: [3],
    })
    assert.deepEqual(parse('0f 0013 000a 02 cd01'), {
      functionCode: 15,
      kind: 'write',
      table: 'coil',
      address: 19,
      values: [1, 0, 1, 1, 0, 0, 1, 1, 1, 0],
    })
    assert.deepEqual(parse('10 0001 0002 04 000a 0102'), {
      functionCode: 16,
      kind: 'write',
      table: 'holding-register',
      address: 1,
      values: [10, 258],
    })
  })

  it('that changes bits, exchanges registers or asks what the device is, as well (§6.16, §6.17, §6.21)', () => {
    assert.deepEqual(parse('16 0004 00f2 0025'), { kind: 'mask', address: 4, and: 0xf2, or: 0x25 })
    assert.deepEqual(parse('17 0003 0006 000e 0003 06 00ff 00fe 00fd'), {
      kind: 'exchange',
      read: { kind: 'read', functionCode: 23, table: 'holding-register', address: 3, quantity: 6 },
      write: {
        kind: 'write',
        functionCode: 23,
        table: 'holding-register',
        address: 14,
        values: [255, 254, 253],
      },
    })
    assert.deepEqual(parse('2b 0e 01 00'), { kind: 'identify', code: 1, object: 0 })
    assert.deepEqual(parse('2b 0e 04 ff'), { kind: 'identify', code: 4, object: 255 })
  })

  it('is an illegal function when its code is not served', () => {
    for (const pdu of ['00', '07', '08 0000 0000', '11', '2b 0d', '2b 0d 01 00', '80', '81 0000 0001']) {
      assert.deepEqual(parse(pdu), { kind: 'unparsed', code: 1 }, pdu)
    }
  })

  it('is an illegal value when its quantity, value or length is', () => {
    const illegal = [
      '01 0000 0000',
      '01 0000 07d1',
      '02 0000 07d1',
      '03 0000 0000',
      '03 0000 007e',
      '04 0000 007e',
      '05 0000 0001',
      '05 0000 ffff',
      '05 0000 ff00 00',
      '06 0000',
      '03',
      '0f 0000 0000 00',
      '0f 0000 0009 01 ff',
      '0f 0000 0008 01',
      '0f 0000 07b1 f7 00',
      '10 0000 0000 00',
      '10 0000 0001 01 00',
      '10 0000 0001 02 00',
      '10 0000 0001 02 000000',
      '10 0000 007c f8 00',
      '16 0000 0000',
      '16 0000 0000 0000 00',
      '17',
      '17 0000 0000 0000 0001 02 0000',
      '17 0000 007e 0000 0001 02 0000',
      '17 0000 0001 0000 0000 00',
      `17 0000 0001 0000 007a f4 ${'0000'.repeat(122)}`,
      '17 0000 0001 0000 0001 01 00',
      '17 0000 0001 0000 0001 02 00',
      '17 0000 0001 0000 0001 02 000000',
      '2b',
      '2b 0e',
      '2b 0e 01',
      '2b 0e 01 00 00',
      '2b 0e 00 00',
      '2b 0e 05 00',
    ]
    for (const pdu of illegal) assert.deepEqual(parse(pdu), { kind: 'unparsed', code: 3 }, pdu)
  })

  it('never makes the parser throw or run past the PDU, whatever its bytes', () => {
    const pdus = fc.uint8Array({ minLength: 1, maxLength: 253 })
    const codes = fc.constantFrom(1, 2, 3, 4, 5, 6, 15, 16, 22, 23, 43)
    fc.assert(
      fc.property(pdus, codes, (bytes, code) => {
        bytes[0] = code
        const request = parseRequest(Buffer.from(bytes))
        const write = request.kind === 'exchange' ? request.write : request
        if (write.kind === 'write') assert.ok(write.values.every(value => value >= 0 && value <= 0xffff))
      }),
      { numRuns: 2000, seed: 20_260_107 },
    )
  })
})
