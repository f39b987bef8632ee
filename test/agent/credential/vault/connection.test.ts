import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chown, copyFile, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import { ME } from '../file/directory.ts'
import { Authority } from './certificates.ts'
import { VaultHost } from './host.ts'
import { TransitServer } from './transit-server.ts'

describe('connection to a Vault', () => {
  let host: VaultHost
  before(async () => {
    host = await VaultHost.start()
  })
  afterEach(() => {
    host.server.silent = false
  })
  after(() => host[Symbol.asyncDispose]())

  async function detail(more = {}): Promise<string> {
    const answer = await host.ask(more)
    return answer.kind === 'mac' ? 'mac' : `${answer.reason}: ${answer.detail}`
  }

  it('is refused, and no token sent, when the certificate is from another authority, for another name, or over', async () => {
    const stranger = await Authority.create(host.directory, 'stranger')
    await using renamed = await TransitServer.start(
      await host.authority.issue('renamed', { names: 'DNS:other' }),
    )
    await using over = await TransitServer.start(await host.authority.issue('over', { days: -1 }))
    host.server.seen.length = 0
    const told = [
      await detail({ caFile: stranger.caFile }),
      await detail({ address: renamed.address }),
      await detail({ address: over.address }),
    ]
    assert.match(told[0] ?? '', /^failed: .*not issued by an authority in ca_file/)
    assert.match(told[1] ?? '', /^failed: .*is for another name/)
    assert.match(told[2] ?? '', /^failed: .*not valid now \(CERT_HAS_EXPIRED\)/)
    assert.deepEqual(
      [host.server, renamed, over].flatMap(({ seen }) => seen),
      [],
    )
  })

  it('is refused all the same when the environment says that certificates do not matter', async () => {
    const stranger = await Authority.create(host.directory, 'stranger-again')
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      assert.equal(await host.gist({ caFile: stranger.caFile }), 'failed')
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
    }
  })

  it("needs the authorities' file: there, sound, and writable by nobody else", async () => {
    const caFile = host.directory.file('authorities.pem')
    assert.equal(await host.gist({ caFile }), 'absent')
    for (const content of ['', 'not PEM', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n']) {
      await host.directory.write('authorities.pem', content, 0o644)
      assert.match(await detail({ caFile }), /^failed: .*ca_file/, content)
    }
    await copyFile(host.authority.caFile, caFile)
    assert.equal(await detail({ caFile }), 'mac')
    await rm(caFile)
    await host.directory.write('authorities.pem', 'x', 0o666)
    assert.match(await detail({ caFile }), /^failed: .*mode 0666/)
  })

  it('is `absent` when nobody listens', async () => {
    assert.match(await detail({ address: 'https://127.0.0.1:1' }), /^absent: .*ECONNREFUSED/)
  })

  it('is `failed` when what answers does not speak TLS', async () => {
    await using plain = await talker(socket => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
    assert.match(await detail({ address: plain.address }), /^failed: the connection/)
  })

  it('is `absent` when the other end hangs up', async () => {
    await using abrupt = await talker(socket => socket.destroy())
    assert.match(await detail({ address: abrupt.address }), /^absent: .*ECONNRESET/)
  })

  it('ends with the deadline, whether the Vault is mute before the handshake or after the request', async () => {
    await using mute = await talker(() => undefined)
    host.server.silent = true
    for (const address of [mute.address, host.server.address]) {
      const deadline = new AbortController()
      const master = host.open({ address })
      const asked = master.hmac(Buffer.from('message'), deadline.signal)
      setTimeout(() => deadline.abort(), 50)
      const answer = await asked
      assert.equal(answer.kind === 'unavailable' && answer.reason, 'timeout')
    }
    host.server.silent = false
    assert.equal(await detail(), 'mac')
  })

  it('is closed when the deadline comes', { timeout: 10_000 }, async () => {
    const deadline = new AbortController()
    const closed = Promise.withResolvers<void>()
    await using mute = await talker(socket => {
      socket.on('data', () => deadline.abort()).on('close', () => closed.resolve())
    })
    await host.open({ address: mute.address }).hmac(Buffer.from('message'), deadline.signal)
    await closed.promise
  })

  it('trusts nobody but root and the agent with its files', async t => {
    if (ME !== 0) return t.skip('only root can give files away')
    const tokenFile = await host.directory.write('their-token', 'hvs.theirs')
    await chown(tokenFile, 12345, 0)
    assert.match(await detail({ tokenFile }), /^failed: .*belongs to user 12345/)
  })
})

/** Something that listens and is no Vault. */
async function talker(talk: (socket: Socket) => void): Promise<AsyncDisposable & { address: string }> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket.on('error', () => undefined))
    talk(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
