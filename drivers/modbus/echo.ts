/**
 * Whether an adapter hears what it sends itself, as two-wire RS-485 does where nothing keeps it from it. A device confirms a write of one coil,
 * one register or a mask by the very bytes of the request: such an echo looks like a confirmation by a device that may not even be there.
 * Every other request gives the echo away, because no device answers it by its own bytes. What is known of a line outlives a connection.
 */
export class Echo {
  isHeard = false
}

/** The function codes whose right answer is the request itself (Modbus Application Protocol V1.1b3 §6.5, §6.6, §6.16). */
const CONFIRMED_BY_THEMSELVES: ReadonlySet<number> = new Set([5, 6, 22])

export function isConfirmedByItself(code: number): boolean {
  return CONFIRMED_BY_THEMSELVES.has(code)
}
