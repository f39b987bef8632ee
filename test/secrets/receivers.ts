import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { parseDocument } from 'yaml'
import { ReceiverProcess } from '../agent/audit/forward/receiver.ts'
import { Journald } from '../agent/audit/journal/journald.ts'
import { Authority } from '../agent/certificates.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import type { Day } from './day.ts'
import { issueTo } from './own-certificate.ts'

/** Everybody whom an agent tells something off the host: a syslog receiver, systemd's journal and a webhook, each with what it heard. */
export class Receivers implements AsyncDisposable {
  readonly #syslog: string[]
  readonly #journal: Journald
  readonly #webhook: string[]
  readonly #stack: AsyncDisposableStack

  private constructor(
    heard: { syslog: string[]; journal: Journald; webhook: string[] },
    stack: AsyncDisposableStack,
  ) {
    this.#syslog = heard.syslog
    this.#journal = heard.journal
    this.#webhook = heard.webhook
    this.#stack = stack
  }

  /** Begins to listen, and puts all of them into the gateway's configuration. Their own keys are elsewhere. */
  static async listen(day: Day): Promise<Receivers> {
    await using stack = new AsyncDisposableStack()
    const { gateway } = day
    const { path: folder } = stack.use(await temporaryFolder())
    const authority = await Authority.make(folder, 'receivers')
    const files = await authority.issue('receiver', 'IP:127.0.0.1')
    const syslog: string[] = []
    const { port } = stack.use(await ReceiverProcess.start(files, syslog, 0, '--client-ca', authority.path))
    const journal = stack.use(await Journald.listen(join(gateway.folder, 'journal')))
    const webhook: string[] = []
    const server = createServer(
      { cert: await readFile(files.certificate), key: await readFile(files.key) },
      async (incoming, response) => {
        const body = await text(incoming)
        webhook.push(JSON.stringify([incoming.url, incoming.rawHeaders]) + body)
        response.writeHead(204).end()
      },
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    stack.defer(async () => {
      server.closeAllConnections()
      server.close()
    })
    const secret = randomBytes(32)
    day.hold('webhook.secret', new Map([["the webhook's secret", secret]]))
    const secretFile = join(gateway.folder, 'webhook.secret')
    await writeFile(secretFile, `${secret.toString('base64')}\n`, { mode: 0o600 })
    const document = parseDocument(await readFile(gateway.config, 'utf8'))
    document.setIn(
      ['audit'],
      document.createNode({
        journal: join(gateway.folder, 'journal'),
        syslog: {
          tls: `127.0.0.1:${port}`,
          ca: authority.path,
          ...(await issueTo(day, authority, 'syslog')),
        },
      }),
    )
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
    document.setIn(
      ['alarms'],
      document.createNode({ webhook: { url, secret_file: secretFile, ca: authority.path } }),
    )
    await writeFile(gateway.config, document.toString())
    return new Receivers({ syslog, journal, webhook }, stack.move())
  }

  /** Resolves when the revocation, the last thing of the day, and an alarm have come through. */
  async haveHeard(): Promise<void> {
    while (!this.#syslog.some(message => message.includes('kind="revocation"'))) await turn()
    await this.#journal.find(({ HOLDFAST_KIND }) => HOLDFAST_KIND === 'revocation')
    while (this.#webhook.length === 0) await turn()
  }

  heard(): readonly (readonly [where: string, text: string])[] {
    return [
      ['syslog', this.#syslog.join('\n')],
      ['the journal', JSON.stringify(this.#journal.entries)],
      ['the webhook', this.#webhook.join('\n')],
    ]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

/** What Prometheus would get over a unix socket. */
export async function metricsOf(socket: string): Promise<string> {
  const sent = request({ socketPath: socket.replace(/^unix:/, ''), path: '/metrics' }).end()
  const [answer] = (await once(sent, 'response')) as [NodeJS.ReadableStream]
  const metrics = await text(answer)
  assert.match(metrics, /^holdfast_refusals_total\{/m)
  return metrics
}
