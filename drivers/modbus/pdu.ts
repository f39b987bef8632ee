import { isBitTable, type ModbusTable, type Span } from './point.ts'

/**
 * One question to a device: the request, and how to tell whether an answer is the one to it. Both are PDUs (Modbus
 * Application Protocol V1.1b3 §4.1): a function code and its data, without addressing and check sums.
 */
export interface Question {
  readonly request: Buffer
  /** The data of an answer with the right function code; or, as text, why it is none to this question. */
  readonly data: (answer: Buffer) => Buffer | string
}

export type Understood =
  | { readonly kind: 'data'; readonly data: Buffer }
  | { readonly kind: 'exception'; readonly code: number; readonly reason: string }
  | { readonly kind: 'nonsense'; readonly reason: string }

/** V1.1b3 §7. */
const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: 'illegal function: the device does not know this kind of request',
  2: 'illegal data address: the device has no such point',
  3: 'illegal data value: the device does not take this value or so many at once',
  4: 'server device failure',
  5: 'acknowledge: the device is still at it',
  6: 'server device busy',
  7: 'negative acknowledge',
  8: 'memory parity error',
  10: 'gateway path unavailable',
  11: 'gateway target device failed to respond',
}

/** Takes an answer apart. Whatever is not exactly an answer to the question is nonsense. */
export function understand({ request, data }: Question, answer: Buffer): Understood {
  const [asked = 0] = request
  const [code = 0, exception = 0] = answer
  if (code === (asked | 0x80) && answer.length === 2) {
    const reason = `exception ${exception}: ${EXCEPTIONS[exception] ?? 'not one that Modbus knows'}`
    return { kind: 'exception', code: exception, reason }
  }
  if (code !== asked)
    return { kind: 'nonsense', reason: `function code ${code} in answer to ${asked}, ${answer.length} bytes` }
  const found = data(answer)
  return typeof found === 'string' ? { kind: 'nonsense', reason: found } : { kind: 'data', data: found }
}

/** Whether a PDU can be an answer to a question, be it a yes or a no. */
export function isAnswer(question: Question, pdu: Buffer): boolean {
  return understand(question, pdu).kind !== 'nonsense'
}

const READ_FUNCTIONS: Readonly<Record<ModbusTable, number>> = {
  coil: 1,
  'discrete-input': 2,
  'holding-register': 3,
  'input-register': 4,
}

/** Reads addresses that lie side by side (§6.1 to §6.4). Its data: bits, eight a byte from the lowest on; or registers. */
export function readQuestion({ table, address, count }: Span): Question {
  const bytes = isBitTable(table) ? Math.ceil(count / 8) : 2 * count
  return {
    request: pdu(READ_FUNCTIONS[table], address, count),
    data: answer =>
      answer.length === 2 + bytes && answer[1] === bytes
        ? answer.subarray(2)
        : `${answer.length} bytes that speak of ${answer[1]}, where ${bytes} of data were asked for`,
  }
}

/** Writes one coil (§6.5, §6.11). */
export function writeCoilQuestion(code: 5 | 15, address: number, value: number): Question {
  if (code === 5) return echoed(pdu(5, address, value === 0 ? 0 : 0xff00))
  return headEchoed(Buffer.concat([pdu(15, address, 1), Buffer.from([1, value])]))
}

/** Writes registers that lie side by side (§6.6, §6.12). Function code 6 writes one. */
export function writeRegistersQuestion(code: 6 | 16, address: number, registers: Buffer): Question {
  if (code === 6) return echoed(pdu(6, address, registers.readUInt16BE()))
  const head = pdu(16, address, registers.length / 2)
  return headEchoed(Buffer.concat([head, Buffer.from([registers.length]), registers]))
}

/** Mask write register (§6.16): the device itself computes (held AND `and`) OR (`or` AND NOT `and`). */
export function maskWriteQuestion(address: number, and: number, or: number): Question {
  const request = Buffer.alloc(7)
  request.writeUInt8(22, 0)
  request.writeUInt16BE(address, 1)
  request.writeUInt16BE(and, 3)
  request.writeUInt16BE(or, 5)
  return echoed(request)
}

function pdu(code: number, first: number, second: number): Buffer {
  const bytes = Buffer.alloc(5)
  bytes.writeUInt8(code, 0)
  bytes.writeUInt16BE(first, 1)
  bytes.writeUInt16BE(second, 3)
  return bytes
}

/** A device that echoes another write has not confirmed this one. */
function echoed(request: Buffer, echo = request): Question {
  return {
    request,
    data: answer =>
      answer.equals(echo)
        ? Buffer.alloc(0)
        : `the device confirmed another write: ${answer.toString('hex')} and not ${echo.toString('hex')}`,
  }
}

function headEchoed(request: Buffer): Question {
  return echoed(request, request.subarray(0, 5))
}

/** Read device identification (§6.21): the objects from one on, of the basic (1) or the regular (2) kind. Its data: all after the code. */
export function identificationQuestion(kind: 1 | 2, object: number): Question {
  return {
    request: Buffer.from([43, 14, kind, object]),
    data: answer =>
      answer[1] === 14 && answer[2] === kind && answer.length >= 7
        ? answer.subarray(1)
        : `an identification of ${answer.length} bytes of another kind`,
  }
}
