import modbusSerial from 'modbus-serial'

/** What stands in the PLC's registers: read over a connection of its own, past the agent. */
export interface Registers {
  readonly valveCommand: number
  readonly pumpCommand: number
  readonly valvePosition: number
  readonly pumpRunning: number
}

/** A second pair of eyes on the PLC, so that what the agent says can be held against what is. */
export class PlcWatch implements AsyncDisposable {
  readonly #client = new modbusSerial.default()

  static async open(plc: { host: string; port: number }): Promise<PlcWatch> {
    const watch = new PlcWatch()
    await watch.#client.connectTCP(plc.host, { port: plc.port })
    watch.#client.setID(1)
    watch.#client.setTimeout(5000)
    return watch
  }

  async read(): Promise<Registers> {
    const coils = await this.#client.readCoils(0, 2)
    const position = await this.#client.readInputRegisters(0, 1)
    const running = await this.#client.readDiscreteInputs(0, 1)
    return {
      valveCommand: Number(coils.data[0]),
      pumpCommand: Number(coils.data[1]),
      valvePosition: position.data[0] ?? Number.NaN,
      pumpRunning: Number(running.data[0]),
    }
  }

  /** Reads without pause until the registers are as wished. Returns when they were first seen so, on `now`'s clock. */
  async until(
    wished: (registers: Registers) => boolean,
    now: () => number,
    within: number,
  ): Promise<number | undefined> {
    const deadline = now() + within
    while (now() < deadline) {
      if (wished(await this.read())) return now()
    }
    return undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>(resolve => this.#client.close(() => resolve()))
  }
}

export function isClosed({ valvePosition }: Registers): boolean {
  return valvePosition <= 10
}

/** The plant's own feedback shows the safe state: valve closed, pump running. */
export function isSafe(registers: Registers): boolean {
  return isClosed(registers) && registers.pumpRunning === 1
}
