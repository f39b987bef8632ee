import type { Driver, ReadResult, WriteResult } from '../driver.ts'
import type { Connection, ModbusLink } from './link.ts'
import { fitsTable, isWritable, type ModbusPoint } from './point.ts'
import { Slots } from './slots.ts'

/** A Modbus exception answer (Modbus Application Protocol V1.1b3 §7): the device said no. */
interface ModbusException extends Error {
  readonly modbusCode?: number
}

/**
 * The exceptions that say that nothing was done: illegal function, address or value, device busy, no path behind a gateway.
 * The others (failure while doing it, acknowledge, no answer from behind a gateway) leave open what was.
 */
const REFUSING: ReadonlySet<number> = new Set([1, 2, 3, 6, 10])

type Asked<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer }
  | { readonly kind: 'exception' | 'unreachable' | 'unanswered'; readonly reason: string }

/** Modbus over one link: the points of one unit. */
export class ModbusDriver implements Driver {
  readonly #link: ModbusLink
  readonly #points: ReadonlyMap<string, ModbusPoint>
  #slots: { readonly connection: Connection; readonly slots: Slots } | undefined

  constructor(link: ModbusLink, points: ReadonlyMap<string, ModbusPoint>) {
    this.#link = link
    this.#points = points
  }

  async read(name: string, signal: AbortSignal): Promise<ReadResult> {
    const { table, address } = this.#point(name)
    const result = await this.#ask(signal, 'read', async ({ modbus }) => {
      switch (table) {
        case 'coil':
          return (await modbus.readCoils(address, 1)).data
        case 'discrete-input':
          return (await modbus.readDiscreteInputs(address, 1)).data
        case 'holding-register':
          return (await modbus.readHoldingRegisters(address, 1)).data
        case 'input-register':
          return (await modbus.readInputRegisters(address, 1)).data
      }
    })
    if (result.kind !== 'answered') return { kind: 'failed', reason: result.reason }
    const value = Number(result.answer[0])
    return fitsTable(table, value)
      ? { kind: 'value', value }
      : { kind: 'failed', reason: 'the device answered without a value' }
  }

  async write(name: string, value: number, signal: AbortSignal): Promise<WriteResult> {
    const { table, address } = this.#point(name)
    if (!isWritable(table)) throw new RangeError(`${name} is a ${table}: it cannot be written`)
    if (!fitsTable(table, value)) throw new RangeError(`${value} does not fit the ${table} of ${name}`)
    const result = await this.#ask(signal, 'write', async ({ modbus }) => {
      if (table === 'coil') {
        const echo = await modbus.writeCoil(address, value === 1)
        return { address: echo.address, value: Number(echo.state) }
      }
      const echo = await modbus.writeRegister(address, value)
      return { address: echo.address, value: echo.value }
    })
    switch (result.kind) {
      case 'answered':
        // The library resolves whatever the echo says; a device that echoes another write did not confirm this one.
        return result.answer.address === address && result.answer.value === value
          ? { kind: 'accepted' }
          : {
              kind: 'unknown',
              reason: `the device confirmed another write: ${result.answer.value} at ${result.answer.address}`,
            }
      case 'exception':
        return { kind: 'rejected', reason: result.reason }
      case 'unreachable':
        return { kind: 'unreachable', reason: result.reason }
      case 'unanswered':
        return { kind: 'unknown', reason: result.reason }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]()
  }

  #point(name: string): ModbusPoint {
    const point = this.#points.get(name)
    if (!point) throw new RangeError(`the device has no point ${name}`)
    return point
  }

  /**
   * Sends one request and waits for its answer, the connection's end or the signal, whichever comes first. Whatever the
   * library throws is the device's doing: what could be ours was checked before.
   */
  async #ask<Answer>(
    signal: AbortSignal,
    kind: 'read' | 'write',
    send: (connection: Connection) => Promise<Answer>,
  ): Promise<Asked<Answer>> {
    const connection = this.#link.connection
    if ('trouble' in connection) return { kind: 'unreachable', reason: connection.trouble }
    if (signal.aborted) return { kind: 'unreachable', reason: 'given up before it was sent' }
    const slots = this.#slotsOf(connection)
    const slot = slots.take(kind)
    if (!slot) return { kind: 'unreachable', reason: 'too many requests wait for this device' }
    // The slot is held until the answer is there, also when nobody waits for it any more: its number is still in use.
    const sent = send(connection).then(
      (answer): Asked<Answer> => {
        slot.answered()
        return { kind: 'answered', answer }
      },
      (error: ModbusException): Asked<Answer> => {
        slot.answered()
        if (error.modbusCode !== undefined) {
          return { kind: REFUSING.has(error.modbusCode) ? 'exception' : 'unanswered', reason: error.message }
        }
        const reason = `the device answered nonsense: ${error.message}`
        this.#link.renew(connection, reason)
        return { kind: 'unanswered', reason }
      },
    )
    const gone = Promise.withResolvers<'lost' | 'given-up'>()
    const onLost = () => gone.resolve('lost')
    const onAbort = () => gone.resolve('given-up')
    connection.lost.addEventListener('abort', onLost)
    signal.addEventListener('abort', onAbort)
    try {
      const first = await Promise.race([sent, gone.promise])
      if (first === 'lost') {
        return { kind: 'unanswered', reason: 'the connection was lost before the answer came' }
      }
      if (first !== 'given-up') return first
      // To be overruled is no fault of the device's; a deadline that passed is.
      if ((signal.reason as Error | undefined)?.name !== 'TimeoutError') {
        return { kind: 'unanswered', reason: 'given up before the answer came' }
      }
      const reason = 'the device did not answer in time'
      // A slow answer is no reason to cut everybody off; a device that has answered nothing since is.
      if (slots.silentSince(slot)) this.#link.renew(connection, reason)
      return { kind: 'unanswered', reason }
    } finally {
      connection.lost.removeEventListener('abort', onLost)
      signal.removeEventListener('abort', onAbort)
    }
  }

  #slotsOf(connection: Connection): Slots {
    if (this.#slots?.connection !== connection) this.#slots = { connection, slots: new Slots() }
    return this.#slots.slots
  }
}
