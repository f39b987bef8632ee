import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type Figure, figure, type Run } from './figure.ts'
import { startPlantProcess } from './gateway.ts'
import { plantWith } from './plant.ts'
import { Program } from './program.ts'
import { interleave, type Sample, timeEach } from './sample.ts'

const WARM_UP = 500
const TURN = 200
const TURNS = 20
const IN_FLIGHT = 64
/** Transaction, protocol, length, unit 1, function 3, address 0, one register. */
const REQUEST = Buffer.from('000100000006010300000001', 'hex')
const ANSWER_BYTES = 11

const PLAIN = 'a server in Node that answers without looking at the request'

/** How soon and how often the simulator's PLC answers over Modbus TCP. */
export async function measureSimulator({ signal, progress }: Run): Promise<Figure[]> {
  progress('starting a plant and two other servers')
  await using plant = await startPlantProcess(plantWith(1))
  await using others = new Program(process.execPath, [join(import.meta.dirname, './modbus-servers.ts')])
  const ports = await others.line(line => 'plain' in line)
  using ours = await Asker.connect(plant.plc.port)
  using plain = await Asker.connect(Number(ports.plain))
  using peer = await Asker.connect(Number(ports.peer))

  progress('answers one at a time')
  for (const asker of [ours, plain, peer]) await timeEach(WARM_UP, () => asker.ask(1))
  const single = await interleave(
    TURNS,
    {
      ours: () => timeEach(TURN, () => ours.ask(1)),
      plain: () => timeEach(TURN, () => plain.ask(1)),
      peer: () => timeEach(TURN, () => peer.ask(1)),
    },
    signal,
  )
  progress(`${IN_FLIGHT} requests in flight`)
  const rate = async (asker: Asker) =>
    (await timeEach(TURN / 10, () => asker.ask(IN_FLIGHT))).map(ms => (IN_FLIGHT * 1000) / ms)
  const rates = await interleave(
    TURNS,
    { ours: () => rate(ours), plain: () => rate(plain), peer: () => rate(peer) },
    signal,
  )
  return [
    compared('simulator: one answer over Modbus TCP', 'ms', 'less', single),
    compared(`simulator: answers over Modbus TCP, ${IN_FLIGHT} in flight`, '1/s', 'more', rates),
  ]
}

function compared(
  name: string,
  unit: string,
  better: 'less' | 'more',
  { ours, plain, peer }: Readonly<Record<'ours' | 'plain' | 'peer', Sample>>,
): Figure {
  return figure({
    name,
    unit,
    ours: ours.median,
    limit: plain.median,
    better,
    against: PLAIN,
    p50: ours.median,
    p99: ours.percentile(99),
    also: { modbus_serial: peer.median },
  })
}

/** A connection on which the same request is sent again and again. */
class Asker implements Disposable {
  readonly #socket: Socket
  #missing = 0
  #done: () => void = () => {}

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (bytes: Buffer) => {
      this.#missing -= bytes.length
      if (this.#missing <= 0) this.#done()
    })
  }

  static async connect(port: number): Promise<Asker> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await once(socket, 'connect')
    return new Asker(socket)
  }

  /** Asks so often in one go, and waits for all answers. */
  ask(times: number): Promise<void> {
    this.#missing = times * ANSWER_BYTES
    const answered = new Promise<void>(resolve => (this.#done = resolve))
    this.#socket.write(Buffer.concat(Array.from({ length: times }, () => REQUEST)))
    return answered
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }
}
