import type { Plant } from '../plant.ts'
import { cellOf, type Write } from './schema.ts'

/** Writes as a master does, and says whether the answer is the one that was expected. */
export function answerTo(plant: Plant, write: Write, nth: number): { passed: boolean; found: string } {
  if (write.node !== undefined) return answerToNode(plant, write, write.node, nth)
  const cell = cellOf(write)
  if (cell?.table !== 'coil' && cell?.table !== 'holding-register') throw new RangeError('nothing to write')
  const plc = plant.plc(write.plc ?? plant.plcs[0]?.name ?? '')
  const reply = plc.answerWrite(cell.table, cell.address, rawOf(write, nth))
  if (!reply) return { passed: write.answer === 'none', found: 'no answer' }
  const isException = reply.pdu.readUInt8(0) > 0x7f
  const code = isException ? reply.pdu.readUInt8(1) : undefined
  const late = reply.delay > 0 ? ` after ${Math.round(reply.delay)} ms` : ''
  const found = (isException ? `exception ${code}` : 'ok') + late
  const isAsExpected = isException
    ? write.answer === 'exception' && (write.code === undefined || write.code === code)
    : write.answer === 'ok'
  return { passed: isAsExpected && reply.delay <= (write.within ?? Number.POSITIVE_INFINITY), found }
}

function answerToNode(plant: Plant, write: Write, node: string, nth: number) {
  const plc = plant.plc(write.plc ?? plant.plcs[0]?.name ?? '')
  const reply = plc.answerNodeWrite(node, rawOf(write, nth))
  if (!reply) return { passed: write.answer === 'none', found: 'no answer' }
  const { status, delay } = reply
  const isAsExpected =
    status === 'Good'
      ? write.answer === 'ok'
      : write.answer === 'bad' && (write.status === undefined || write.status === status)
  return {
    passed: isAsExpected && delay <= (write.within ?? Number.POSITIVE_INFINITY),
    found: `${status}${delay > 0 ? ` after ${Math.round(delay)} ms` : ''}`,
  }
}

/** A write in words: `writes coil 0 = 1`. */
export function describeWrite(write: Write, nth: number): string {
  const cell = cellOf(write)
  const expected = {
    ok: '',
    none: ', expects no answer',
    exception: `, expects exception ${write.code ?? ''}`,
    bad: `, expects ${write.status ?? 'a bad status'}`,
  }[write.answer]
  const plc = write.plc === undefined ? '' : `${write.plc}: `
  return `${plc}writes ${write.node ?? `${cell?.table} ${cell?.address}`} = ${rawOf(write, nth)}${expected.trimEnd()}`
}

/** A count stays within a register, and within a coil's one bit. */
function rawOf({ value, coil }: Write, nth: number): number {
  return value ?? (coil === undefined ? (nth + 1) % 0x10000 : (nth + 1) % 2)
}
