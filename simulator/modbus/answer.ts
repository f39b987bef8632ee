/** Answers as PDUs (MODBUS Application Protocol V1.1b3 §6, §7). */

/** Answers a read of coils or discrete inputs: eight to a byte, the first in the lowest bit. */
export function bitsAnswer(functionCode: number, bits: readonly number[]): Buffer {
  const pdu = Buffer.alloc(2 + Math.ceil(bits.length / 8))
  pdu.writeUInt8(functionCode, 0)
  pdu.writeUInt8(pdu.length - 2, 1)
  for (const [i, bit] of bits.entries()) {
    const at = 2 + (i >> 3)
    pdu.writeUInt8(pdu.readUInt8(at) | (bit << (i & 7)), at)
  }
  return pdu
}

/** Answers a read of registers: two bytes each, high byte first. */
export function registersAnswer(functionCode: number, registers: readonly number[]): Buffer {
  const pdu = Buffer.alloc(2 + registers.length * 2)
  pdu.writeUInt8(functionCode, 0)
  pdu.writeUInt8(registers.length * 2, 1)
  for (const [i, register] of registers.entries()) pdu.writeUInt16BE(register, 2 + i * 2)
  return pdu
}

/** Answers a write: function, address, and value or quantity, which are the first five bytes of the request. */
export function echoAnswer(request: Buffer): Buffer {
  return request.subarray(0, 5)
}

export function exceptionAnswer(functionCode: number, code: number): Buffer {
  return Buffer.of(functionCode | 0x80, code)
}
