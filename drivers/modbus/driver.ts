import type { Clock, Millis } from '../../model/time.ts'
import type { Driver, ReadPurpose, ReadResult, WriteResult } from '../driver.ts'
import type { Identity } from '../identity.ts'
import { type Asked, ask, type Manner, written } from './ask.ts'
import type { Patience } from './deadlines.ts'
import type { Addressee } from './exchange.ts'
import { identify } from './identity.ts'
import { Joint } from './joint.ts'
import type { ModbusLink } from './link.ts'
import {
  maskWriteQuestion,
  type Question,
  readQuestion,
  writeCoilQuestion,
  writeRegistersQuestion,
} from './pdu.ts'
import type { ReadLimits } from './plan.ts'
import { isBit, isWritable, type ModbusPoint, type NumberPoint, spanOf } from './point.ts'
import { Reads } from './reads.ts'
import { decodeNumber, encode, maskOnWire } from './value.ts'

/** One unit. */
export interface ModbusUnit extends Addressee {
  /** How long the other units behind the connection may hold it: the end of a pulse waits so long for its turn, and is sent then. */
  readonly turnWithin: Millis
  readonly limits: ReadLimits
  /** The value of a point, by its name, that is towards the safe state. Writing it goes before everything else. */
  readonly safe: ReadonlyMap<string, number>
}

/** The points of one unit behind a link. The link is somebody else's, who disposes of it after its drivers. */
export class ModbusDriver implements Driver {
  readonly link: ModbusLink
  readonly #unit: ModbusUnit
  readonly #points: ReadonlyMap<string, ModbusPoint>
  readonly #clock: Clock
  /** Apart from each other, so that a look does not wait for whatever else is read. */
  readonly #reads: Readonly<Record<ReadPurpose, Reads>>
  readonly #stop = new AbortController()
  /** The writes towards the safe state, of each point. */
  readonly #joints = new Map<string, Joint>()
  readonly #pulses = new Set<Promise<WriteResult>>()
  /** The latest write to each point: a pulse that it overtook is not cleared into the middle of it. */
  readonly #latest = new Map<string, Promise<WriteResult>>()
  /** Who changes bits of a register by reading and writing it does so alone. */
  readonly #changing = new Map<number, Promise<void>>()

  constructor(link: ModbusLink, unit: ModbusUnit, points: ReadonlyMap<string, ModbusPoint>, clock: Clock) {
    this.link = link
    this.#unit = unit
    this.#points = points
    this.#clock = clock
    this.#reads = {
      any: new Reads(link, unit, unit.limits, 'read'),
      'confirm-safe': new Reads(link, unit, unit.limits, 'look'),
    }
  }

  get connections(): number {
    return this.link.connections
  }

  async read(
    name: string,
    timeout: Millis,
    stop?: AbortSignal,
    purpose: ReadPurpose = 'any',
  ): Promise<ReadResult> {
    const point = this.#point(name)
    const asked = await this.#reads[purpose].read(spanOf(point), this.link.deadlines.from(timeout, stop))
    if (asked.kind !== 'data') return { kind: 'failed', reason: asked.reason }
    const decoded = isBit(point) ? { value: asked.data[0] ?? 0 } : decodeNumber(point, asked.data)
    return 'value' in decoded
      ? { kind: 'value', value: decoded.value, age: this.#clock.monotonic() - asked.sent }
      : { kind: 'failed', reason: decoded.unclear }
  }

  async write(name: string, value: number, timeout: Millis, stop?: AbortSignal): Promise<WriteResult> {
    const point = this.#point(name)
    if (!isWritable(point.table)) throw new RangeError(`${name} is a ${point.table}: it cannot be written`)
    const bytes = encode(point, value)
    if (!bytes) throw new RangeError(`${value} does not fit the ${point.table} of ${name}`)
    const patience = this.link.deadlines.from(timeout, stop)
    if (this.#unit.safe.get(name) !== value)
      return await this.#write(name, point, bytes, { kind: 'write', turnOf: undefined, patience })
    const known = this.#joints.get(name)
    if (known) return await known.write(patience)
    const joint = new Joint(this.link.deadlines, (within, onSent) =>
      this.#write(name, point, bytes, { kind: 'safe', turnOf: name, patience: within, onSent }),
    )
    this.#joints.set(name, joint)
    return await joint.write(patience)
  }

  async #write(name: string, point: ModbusPoint, bytes: Buffer, manner: Manner): Promise<WriteResult> {
    const isPulse = point.pulse !== undefined && bytes.some(byte => byte !== 0)
    const isOvertaken = async () => {
      const latest = this.#latest.get(name)
      return latest !== writing && !notWritten(await latest)
    }
    const writing: Promise<WriteResult> = isPulse
      ? this.#pulse(point, bytes, manner, isOvertaken)
      : this.#put(point, bytes, manner)
    this.#latest.set(name, writing)
    if (isPulse) this.#pulses.add(writing)
    try {
      return await writing
    } finally {
      this.#pulses.delete(writing)
    }
  }

  /** What the device says about itself. */
  async identify(timeout: Millis): Promise<Identity> {
    const ask = (question: Question, patience: Patience) =>
      this.#ask({ kind: 'read', turnOf: undefined, patience }, question)
    return await identify(ask, this.link.deadlines.from(timeout))
  }

  /** Ends what is under way: a pulse is cleared at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await Promise.allSettled(this.#pulses)
  }

  #point(name: string): ModbusPoint {
    const point = this.#points.get(name)
    if (!point) throw new RangeError(`the device has no point ${name}`)
    return point
  }

  async #put(point: ModbusPoint, bytes: Buffer, manner: Manner): Promise<WriteResult> {
    if (isBit(point)) {
      const question = writeCoilQuestion(point.writeFunction, point.address, bytes[0] ?? 0)
      return written(await this.#ask(manner, question))
    }
    const { address, mask, writeFunction } = point
    if (writeFunction === 22) {
      const or = bytes.readUInt16BE()
      return written(await this.#ask(manner, maskWriteQuestion(address, ~maskOnWire(point) & 0xffff, or)))
    }
    if (mask !== undefined) return await this.#change(point, writeFunction, bytes, manner)
    return written(await this.#ask(manner, writeRegistersQuestion(writeFunction, address, bytes)))
  }

  /**
   * Changes a field of a register for a device without mask write: reads the register, writes it with the field changed, and
   * looks whether the field is there. What another master changes between the first two of these is lost.
   */
  async #change(
    point: NumberPoint,
    writeFunction: 6 | 16,
    field: Buffer,
    manner: Manner,
  ): Promise<WriteResult> {
    const { address } = point
    const before = this.#changing.get(address)
    const { promise: changed, resolve: done } = Promise.withResolvers<void>()
    this.#changing.set(address, changed)
    await before
    try {
      const keep = ~maskOnWire(point) & 0xffff
      const look = readQuestion(spanOf(point))
      const held = await this.#ask(manner, look)
      const rest = this.#restOf(manner)
      if (held.kind !== 'data') {
        const reason = `the register could not be read, and was not changed: ${held.reason}`
        return { kind: held.kind === 'exception' ? 'rejected' : 'unreachable', reason }
      }
      const register = Buffer.alloc(2)
      register.writeUInt16BE((held.data.readUInt16BE() & keep) | field.readUInt16BE())
      const result = written(await this.#ask(rest, writeRegistersQuestion(writeFunction, address, register)))
      if (result.kind !== 'accepted') return result
      const found = await this.#ask(rest, look)
      if (found.kind !== 'data')
        return {
          kind: 'unknown',
          reason: `the device confirmed, and could not be read afterwards: ${found.reason}`,
        }
      if ((found.data.readUInt16BE() & ~keep & 0xffff) === field.readUInt16BE()) return result
      const now = found.data.toString('hex')
      return {
        kind: 'unknown',
        reason: `the device confirmed, and its register now holds ${now} (hexadecimal)`,
      }
    } finally {
      done()
      if (this.#changing.get(address) === changed) this.#changing.delete(address)
    }
  }

  /**
   * Writes, waits, and clears. It is cleared early when patience ends, and in any case after a write that may have
   * arrived: an output that is meant to be set for a moment is not left set, so its end goes before what others ask for, and waits
   * for a unit that holds the line. One that a later write has overtaken is that
   * write's to clear: a trip's pulse is not cut short by the command that it overruled.
   */
  async #pulse(
    point: ModbusPoint,
    bytes: Buffer,
    manner: Manner,
    isOvertaken: () => Promise<boolean>,
  ): Promise<WriteResult> {
    const set = await this.#put(point, bytes, manner)
    if (notWritten(set)) return set
    const { patience: rest } = this.#restOf(manner)
    const stop = AbortSignal.any([this.#stop.signal, ...(rest.stop ? [rest.stop] : [])])
    const left = rest.until - this.#clock.monotonic()
    if (set.kind === 'accepted') await this.#clock.sleep(Math.min(point.pulse ?? 0, left), stop)
    const wasCut = stop.aborted || this.link.deadlines.isOver(rest)
    if (await isOvertaken()) return { kind: 'unknown', reason: 'another write took the place of the pulse' }
    const cleared = await this.#put(point, Buffer.alloc(bytes.length), {
      kind: 'safe',
      turnOf: undefined,
      patience: this.link.deadlines.from(this.#unit.timeout + this.#unit.turnWithin),
    })
    if (cleared.kind !== 'accepted')
      return { kind: 'unknown', reason: `the pulse is not known to be cleared: ${cleared.reason}` }
    if (set.kind === 'accepted' && wasCut)
      return { kind: 'unknown', reason: 'the pulse was given up and cleared early' }
    return set
  }

  /** How the rest is asked of a write that has begun: one towards safe that had to wait long for its turn is not left half done. */
  #restOf({ kind, patience }: Manner): Manner {
    if (kind !== 'safe') return { kind, turnOf: undefined, patience }
    const { until } = this.link.deadlines.from(this.#unit.timeout)
    return { kind, turnOf: undefined, patience: { ...patience, until: Math.max(patience.until, until) } }
  }

  #ask(manner: Manner, question: Question): Promise<Asked> {
    return ask(this.link, this.#unit, manner, question)
  }
}

function notWritten(result: WriteResult | undefined): boolean {
  return result?.kind === 'rejected' || result?.kind === 'unreachable'
}
