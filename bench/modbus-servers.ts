import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import modbusSerial from 'modbus-serial'

// What the simulator's server stands beside, in a process of their own: one that answers every request of twelve bytes
// with the same register, without looking at it (no server can do less), and modbus-serial's. Says their ports.

/** Unit 1, function 3, one register of 0; the transaction's number is the request's. */
const ANSWER = Buffer.from('000000000005010302 0000'.replaceAll(' ', ''), 'hex')
const REQUEST_BYTES = 12

const plain = createServer(socket => {
  socket.setNoDelay(true)
  socket.on('error', () => {})
  socket.on('data', (bytes: Buffer) => {
    const answers: Buffer[] = []
    for (let at = 0; at + REQUEST_BYTES <= bytes.length; at += REQUEST_BYTES) {
      const answer = Buffer.from(ANSWER)
      bytes.copy(answer, 0, at, at + 2)
      answers.push(answer)
    }
    socket.write(Buffer.concat(answers))
  })
})
plain.listen(0, '127.0.0.1')
await once(plain, 'listening')

const { ServerTCP } = modbusSerial
const peer = new ServerTCP({ getHoldingRegister: () => 0 }, { host: '127.0.0.1', port: 0, unitID: 1 })
const port = await new Promise<number>(resolve => {
  peer.on('initialized', () => resolve((peer as unknown as Listening)._server.address().port))
})
process.stdout.write(`${JSON.stringify({ plain: (plain.address() as AddressInfo).port, peer: port })}\n`)

interface Listening {
  readonly _server: { address(): AddressInfo }
}
