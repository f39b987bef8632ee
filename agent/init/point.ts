/** A point as it is answered, `coil:0` or `input_register 3`, and what of it is known. */
export interface AnsweredPoint {
  readonly table: 'coil' | 'discrete_input' | 'holding_register' | 'input_register'
  readonly address: number
}

const FORM = /^(coil|discrete_input|holding_register|input_register)[: ]\s*([0-9]{1,5})$/

/** Reads `coil:0`; undefined when it is none. */
export function parsePoint(text: string): AnsweredPoint | undefined {
  const [, table, digits] = FORM.exec(text.trim()) ?? []
  const address = Number(digits)
  if (table === undefined || address > 65_535) return undefined
  return { table: table as AnsweredPoint['table'], address }
}

export function isBit({ table }: AnsweredPoint): boolean {
  return table === 'coil' || table === 'discrete_input'
}

/** A position as it is answered: the value that commands it and the one that shows it, `1,1000`. */
export interface AnsweredPosition {
  readonly write: number
  readonly feedback: number
}

/** Reads `1,1000`; undefined when it is none. */
export function parsePosition(text: string): AnsweredPosition | undefined {
  const [, write, feedback] =
    /^(-?[0-9]{1,9}(?:\.[0-9]{1,6})?)\s*[, ]\s*(-?[0-9]{1,9}(?:\.[0-9]{1,6})?)$/.exec(text.trim()) ?? []
  return write === undefined ? undefined : { write: Number(write), feedback: Number(feedback) }
}

/** Where a Modbus device is: `10.1.2.5`, `plc-7:502`, `[fd00::5]:1502`. */
export interface AnsweredDevice {
  readonly host: string
  readonly port: number
}

const MODBUS_PORT = 502

/** Reads `10.1.2.5:502`; undefined when it is none. An IPv6 address is in brackets. */
export function parseDevice(text: string): AnsweredDevice | undefined {
  const [, bracketed, plain, digits] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]{1,253}))(?::([0-9]{1,5}))?$/.exec(text.trim()) ?? []
  const host = bracketed ?? plain
  const port = digits === undefined ? MODBUS_PORT : Number(digits)
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port }
}
