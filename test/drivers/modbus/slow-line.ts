import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { withCheckSum } from './rtu-gateway.ts'

/** A line with units that answer when the test says so. */
export async function slowLine() {
  const requests: Buffer[] = []
  let line: Socket | undefined
  const server = createServer(socket => {
    line = socket
    socket.on('error', () => {})
    socket.on('data', bytes => requests.push(Buffer.from(bytes)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    requests,
    say: (hex: string) => line?.write(withCheckSum(Buffer.from(hex, 'hex'))),
    hangUp: () => line?.destroy(),
    asked: async (count: number) => {
      while (requests.length < count) await new Promise(resolve => setImmediate(resolve))
    },
    [Symbol.asyncDispose]: async () => {
      line?.destroy()
      server.close()
    },
  }
}
