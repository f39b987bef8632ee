import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { createServer, type SecureVersion, type Server } from 'node:tls'

/** Puts TLS with certificates at both ends before a Modbus TCP device. */
export class TlsFront implements AsyncDisposable {
  readonly #device: { readonly host: string; readonly port: number }
  readonly #files: { readonly certificate: string; readonly key: string }
  readonly #ca: string
  readonly #versions: { readonly minVersion?: SecureVersion; readonly maxVersion?: SecureVersion }
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  port = 0

  constructor(
    device: { readonly host: string; readonly port: number },
    files: { readonly certificate: string; readonly key: string },
    ca: string,
    versions: { readonly minVersion?: SecureVersion; readonly maxVersion?: SecureVersion } = {},
  ) {
    this.#device = device
    this.#files = files
    this.#ca = ca
    this.#versions = versions
  }

  async restore(): Promise<void> {
    if (this.#server) return
    const options = {
      cert: await readFile(this.#files.certificate),
      key: await readFile(this.#files.key),
      ca: await readFile(this.#ca),
      requestCert: true,
      rejectUnauthorized: true,
      ...this.#versions,
    }
    const server = createServer(options, socket => {
      const device = connect(this.#device)
      for (const one of [socket, device]) {
        one.on('error', () => {})
        one.on('close', () => {
          socket.destroy()
          device.destroy()
        })
      }
      socket.pipe(device).pipe(socket)
    })
    server.on('tlsClientError', () => {})
    // Those whose handshake is not over yet are closed as well.
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    server.listen(this.port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (typeof address === 'object' && address) this.port = address.port
    this.#server = server
  }

  async drop(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drop()
  }
}
