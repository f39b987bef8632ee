import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import modbusSerial from 'modbus-serial'
import type { PlcAddress } from './gateway.ts'

const ModbusRtu = modbusSerial.default
const DEADLINE = 10_000

/** The limit: the usual client of this runtime, by itself, on a connection made the same way. */
export class RawClient implements Disposable {
  /** Of the package: `8.0.25`. */
  static readonly version: string = JSON.parse(
    readFileSync(new URL(import.meta.resolve('modbus-serial/package.json')), 'utf8'),
  ).version
  readonly #modbus = new ModbusRtu()
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  static async connect({ host, port }: PlcAddress): Promise<RawClient> {
    const socket = connect({ host, port, noDelay: true, keepAlive: true })
    await once(socket, 'connect')
    const client = new RawClient(socket)
    await client.#modbus.linkTCP(socket, { port })
    client.#modbus.on('error', () => {})
    client.#modbus.setID(1)
    client.#modbus.setTimeout(DEADLINE)
    return client
  }

  async write(register: number, value: number): Promise<void> {
    await this.#modbus.writeRegister(register, value)
  }

  async writeAndReadBack(register: number, value: number): Promise<void> {
    await this.#modbus.writeRegister(register, value)
    const { data } = await this.#modbus.readHoldingRegisters(register, 1)
    if (data[0] !== value)
      throw new Error(`register ${register} reads back ${data[0]} after ${value} was written`)
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }
}
