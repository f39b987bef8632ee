import { once } from 'node:events'
import { createServer } from 'node:net'

const SUPPORTED_VERSIONS = 0x002b

/** What a client says first to whoever it finds at a port of this host; nothing answers it, and the connection is closed. */
export async function clientHelloOf(dial: (port: number) => Promise<unknown>): Promise<Buffer> {
  const said = Promise.withResolvers<Buffer>()
  await using server = createServer(socket => {
    let bytes = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (more: Buffer) => {
      bytes = Buffer.concat([bytes, more])
      // RFC 8446 §5.1: five bytes of header, of which the last two are the length.
      if (bytes.length < 5 || bytes.length < 5 + bytes.readUInt16BE(3)) return
      said.resolve(bytes.subarray(5))
      socket.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await dial(typeof address === 'object' && address ? address.port : 0)
  return await said.promise
}

/** The versions that a ClientHello offers (RFC 8446 §4.1.2 and §4.2.1), as 0x0304 for TLS 1.3. */
export function offeredIn(hello: Buffer): number[] {
  // Four bytes of handshake header, two of version, 32 of random; then session id, cipher suites and compression methods.
  let at = 38
  at += 1 + hello.readUInt8(at)
  at += 2 + hello.readUInt16BE(at)
  at += 1 + hello.readUInt8(at)
  for (at += 2; at < hello.length; at += 4 + hello.readUInt16BE(at + 2)) {
    if (hello.readUInt16BE(at) !== SUPPORTED_VERSIONS) continue
    const length = hello.readUInt8(at + 4)
    return Array.from({ length: length / 2 }, (_, index) => hello.readUInt16BE(at + 5 + 2 * index))
  }
  throw new RangeError('a ClientHello without supported_versions')
}
