/** A unit of measurement as OPC UA has it (OPC 10000-8 §5.6.3): a code of UN/CEFACT Recommendation 20. */
export interface Unit {
  readonly code: string
  readonly symbol: string
  readonly name: string
}

/** The unit of each measured quantity, by the last part of a signal's name; contacts have none. */
const UNITS: Readonly<Record<string, Unit>> = {
  flow: { code: 'G51', symbol: 'l/s', name: 'litre per second' },
  outflow: { code: 'G51', symbol: 'l/s', name: 'litre per second' },
  overflow: { code: 'G51', symbol: 'l/s', name: 'litre per second' },
  level: { code: 'MTR', symbol: 'm', name: 'metre' },
  head: { code: 'MTR', symbol: 'm', name: 'metre' },
  temperature: { code: 'CEL', symbol: '°C', name: 'degree Celsius' },
  removed: { code: 'KWT', symbol: 'kW', name: 'kilowatt' },
  position: { code: 'C62', symbol: '1', name: 'one' },
  speed: { code: 'C62', symbol: '1', name: 'one' },
  command: { code: 'C62', symbol: '1', name: 'one' },
}

/** The unit of a signal such as `tank.level`. */
export function unitOf(signal: string): Unit | undefined {
  return UNITS[signal.slice(signal.lastIndexOf('.') + 1)]
}

/** The number that stands for a unit's code: its characters, as bytes, one after the other (OPC 10000-8 §5.6.3). */
export function unitId({ code }: Unit): number {
  return [...code].reduce((id, character) => id * 256 + character.charCodeAt(0), 0)
}
