import type { Driver, ReadResult, WriteResult } from '../driver.ts'
import type { Connection, ModbusLink } from './link.ts'
import { fitsTable, type ModbusPoint } from './point.ts'

/**
 * modbus-serial matches answers by a transaction number that wraps at 256 and loses some when more are in flight.
 * Half of that leaves room for requests that were given up and are still unanswered.
 */
const IN_FLIGHT_MAX = 128

/** A Modbus exception answer (Modbus Application Protocol V1.1b3 §7): the device said no. */
interface ModbusException extends Error {
  readonly modbusCode?: number
}

/** Modbus over one link: the points of one unit. */
export class ModbusDriver implements Driver {
  readonly #link: ModbusLink
  readonly #points: ReadonlyMap<string, ModbusPoint>
  #inFlight = 0

  constructor(link: ModbusLink, points: ReadonlyMap<string, ModbusPoint>) {
    this.#link = link
    this.#points = points
  }

  async read(name: string, signal: AbortSignal): Promise<ReadResult> {
    const { table, address } = this.#point(name)
    const result = await this.#ask(signal, async ({ modbus }) => {
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
    const value = result.answer[0]
    return value === undefined
      ? { kind: 'failed', reason: 'the device answered without a value' }
      : { kind: 'value', value: Number(value) }
  }

  async write(name: string, value: number, signal: AbortSignal): Promise<WriteResult> {
    const { table, address } = this.#point(name)
    if (!fitsTable(table, value)) throw new RangeError(`${value} does not fit the ${table} of ${name}`)
    const result = await this.#ask(signal, async ({ modbus }) => {
      switch (table) {
        case 'coil': {
          const echo = await modbus.writeCoil(address, value === 1)
          return { address: echo.address, value: Number(echo.state) }
        }
        case 'holding-register': {
          const echo = await modbus.writeRegister(address, value)
          return { address: echo.address, value: echo.value }
        }
        default:
          throw new RangeError(`${name} is a ${table}: it cannot be written`)
      }
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

  /** Sends one request and waits for its answer, the connection's end or the signal, whichever comes first. */
  async #ask<Answer>(
    signal: AbortSignal,
    send: (connection: Connection) => Promise<Answer>,
  ): Promise<
    | { kind: 'answered'; answer: Answer }
    | { kind: 'exception' | 'unreachable' | 'unanswered'; reason: string }
  > {
    const connection = this.#link.connection
    if ('trouble' in connection) return { kind: 'unreachable', reason: connection.trouble }
    if (signal.aborted) return { kind: 'unreachable', reason: 'given up before it was sent' }
    if (this.#inFlight >= IN_FLIGHT_MAX)
      return { kind: 'unreachable', reason: 'too many requests wait for this device' }
    const gone = Promise.withResolvers<'lost' | 'given-up'>()
    const onLost = () => gone.resolve('lost')
    const onAbort = () => gone.resolve('given-up')
    connection.lost.addEventListener('abort', onLost)
    signal.addEventListener('abort', onAbort)
    this.#inFlight += 1
    try {
      const sent = send(connection).then(
        answer => ({ kind: 'answered', answer }) as const,
        (error: ModbusException) => {
          if (error instanceof RangeError) throw error
          if (error.modbusCode !== undefined) return { kind: 'exception', reason: error.message } as const
          this.#link.renew(connection, `the device answered nonsense: ${error.message}`)
          return { kind: 'unanswered', reason: `the device answered nonsense: ${error.message}` } as const
        },
      )
      const first = await Promise.race([sent, gone.promise])
      if (first === 'lost')
        return { kind: 'unanswered', reason: 'the connection was lost before the answer came' }
      if (first !== 'given-up') return first
      // Overruled is no fault of the device's. A deadline that passed is: its answer may still come, too late.
      const timedOut = (signal.reason as Error | undefined)?.name === 'TimeoutError'
      if (timedOut) this.#link.renew(connection, 'the device did not answer in time')
      return {
        kind: 'unanswered',
        reason: timedOut ? 'the device did not answer in time' : 'given up before the answer came',
      }
    } finally {
      this.#inFlight -= 1
      connection.lost.removeEventListener('abort', onLost)
      signal.removeEventListener('abort', onAbort)
    }
  }
}
