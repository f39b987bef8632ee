/** The four tables of a Modbus device. */
export type Table = 'coil' | 'discrete-input' | 'holding-register' | 'input-register'
/** The two that a client can write. */
export type WritableTable = Extract<Table, 'coil' | 'holding-register'>

/**
 * Read access to what a Modbus client would see. Contacts are 0 or 1; each throws RangeError for an unmapped address.
 */
export interface ImageView {
  coil(address: number): number
  discreteInput(address: number): number
  holdingRegister(address: number): number
  inputRegister(address: number): number
}

/** A PLC's process image: the cells that its clients and its scan cycle share. Only mapped addresses exist. */
export class ProcessImage implements ImageView {
  readonly #tables: Readonly<Record<Table, Map<number, number>>> = {
    coil: new Map(),
    'discrete-input': new Map(),
    'holding-register': new Map(),
    'input-register': new Map(),
  }

  /** Maps a cell, or changes one. */
  set(table: Table, address: number, value: number): void {
    this.#tables[table].set(address, value)
  }

  /** Whether all of `quantity` cells from `address` on are mapped. */
  has(table: Table, address: number, quantity: number): boolean {
    for (let at = address; at < address + quantity; at++) {
      if (!this.#tables[table].has(at)) return false
    }
    return true
  }

  /** Every cell that is mapped, table by table, in the order of the addresses. */
  cells(): { readonly table: Table; readonly address: number }[] {
    return Object.entries(this.#tables).flatMap(([table, cells]) =>
      [...cells.keys()].sort((a, b) => a - b).map(address => ({ table: table as Table, address })),
    )
  }

  get(table: Table, address: number): number {
    const value = this.#tables[table].get(address)
    if (value === undefined) throw new RangeError(`the plant file maps no ${table} ${address}`)
    return value
  }

  coil(address: number): number {
    return this.get('coil', address)
  }

  discreteInput(address: number): number {
    return this.get('discrete-input', address)
  }

  holdingRegister(address: number): number {
    return this.get('holding-register', address)
  }

  inputRegister(address: number): number {
    return this.get('input-register', address)
  }
}
