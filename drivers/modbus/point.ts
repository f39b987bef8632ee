/** The four Modbus tables (Modbus Application Protocol V1.1b3 §4.3). */
export type ModbusTable = 'coil' | 'discrete-input' | 'holding-register' | 'input-register'

/** One point of a Modbus device. Addresses count from 0, as they do on the wire (not 1, 10001, 40001). */
export interface ModbusPoint {
  readonly table: ModbusTable
  readonly address: number
}

/** Whether a table can be written at all. */
export function isWritable(table: ModbusTable): boolean {
  return table === 'coil' || table === 'holding-register'
}

/** Whether a value fits the table: 0 or 1 for a bit, a whole number of 16 bits for a register. */
export function fitsTable(table: ModbusTable, value: number): boolean {
  const max = table === 'coil' || table === 'discrete-input' ? 1 : 0xffff
  return Number.isInteger(value) && value >= 0 && value <= max
}
