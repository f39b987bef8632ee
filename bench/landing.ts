import type { PlcHandle } from '../simulator/plant.ts'
import { realClock } from '../simulator/real-clock.ts'

/** A value that is waited for in a register of a PLC. */
export interface Landing {
  readonly plc: Pick<PlcHandle, 'onWrite'>
  readonly register: number
  readonly value: number
}

/**
 * Milliseconds from calling `send` until every one of the values has landed in its register, as the PLCs themselves see it.
 * Waits for what `send` does besides.
 */
export async function untilLanded(
  landings: readonly Landing[],
  send: () => Promise<unknown>,
): Promise<number> {
  const began = realClock.monotonic()
  const landed = landings.map(({ plc, register, value: wished }) => {
    const { promise, resolve } = Promise.withResolvers<number>()
    const stop = plc.onWrite(({ address, value, monotonicMs }) => {
      if (address === register && value === wished) resolve(monotonicMs)
    })
    return promise.finally(stop)
  })
  const [times] = await Promise.all([Promise.all(landed), send()])
  return Math.max(...times) - began
}
