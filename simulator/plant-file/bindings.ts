import type { Binding } from '../binding.ts'
import type { Table } from '../image.ts'
import type { Order } from '../register.ts'
import type { PlcFileSpec } from './plc-form.ts'

type Cell = Partial<Binding> & {
  readonly address: number
  readonly byte_order?: Order
  readonly word_order?: Order | undefined
  readonly fallback_register?: number | undefined
}

/** The address map of a PLC as one list of bindings. */
export function bindingsOf({ modbus }: PlcFileSpec): Binding[] {
  const bind = (table: Table) => (cell: Cell) => ({
    table,
    address: cell.address,
    signal: cell.signal,
    type: cell.type ?? 'uint16',
    byteOrder: cell.byte_order ?? 'big',
    wordOrder: cell.word_order ?? 'big',
    scale: cell.scale ?? 1,
    offset: cell.offset ?? 0,
    initial: cell.initial ?? 0,
    fallback: cell.fallback,
    fallbackRegister: cell.fallback_register,
  })
  return [
    ...modbus.coils.map(bind('coil')),
    ...modbus.discrete_inputs.map(bind('discrete-input')),
    ...modbus.holding_registers.map(bind('holding-register')),
    ...modbus.input_registers.map(bind('input-register')),
  ]
}
