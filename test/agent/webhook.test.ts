import assert from 'node:assert/strict'
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { Authority } from './certificates.ts'
import { Gateway } from './gateway.ts'

const SECRET = randomBytes(32)

interface Received {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  readonly answered: number
}

/** Checks a message as RFC 9421 §3.2 says, with nothing of ours: the signature over the base that the header describes. */
function isSigned({ headers, body }: Received, authority: string): boolean {
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
  const params = String(headers['signature-input']).replace(/^[a-z]+=/, '')
  const base = [
    '"@method": POST',
    `"@authority": ${authority}`,
    '"@path": /hooks/holdfast',
    '"@query": ?',
    `"content-digest": ${digest}`,
    `"@signature-params": ${params}`,
  ].join('\n')
  const signature = createHmac('sha256', SECRET).update(base).digest('base64')
  return headers['content-digest'] === digest && headers.signature === `hf=:${signature}:`
}

test('a webhook over HTTPS that fails at first is told of every alarm in the end, in order, each signed', async () => {
  const received: Received[] = []
  const waiting: { wished: (list: readonly Received[]) => boolean; resolve: () => void }[] = []
  await using gateway = await Gateway.start()
  const authority = await Authority.make(gateway.folder, 'receivers')
  const files = await authority.issue('receiver', 'IP:127.0.0.1')
  const server = createServer(
    { cert: await readFile(files.certificate), key: await readFile(files.key) },
    (request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => {
        body += chunk
      })
      request.on('end', () => {
        const answered = received.length < 2 ? 503 : 204
        received.push({ headers: request.headers, body, answered })
        response.writeHead(answered).end()
        for (const { wished, resolve } of waiting) if (wished(received)) resolve()
      })
    },
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const secretFile = join(gateway.folder, 'webhook.secret')
    await writeFile(secretFile, `${SECRET.toString('base64')}\n`, { mode: 0o600 })
    await chmod(gateway.folder, 0o700)
    const text = await readFile(gateway.config, 'utf8')
    const webhook = {
      url: `https://127.0.0.1:${port}/hooks/holdfast`,
      secret_file: secretFile,
      ca: authority.path,
    }
    await writeFile(gateway.config, `${text}\nalarms: ${JSON.stringify({ webhook })}\n`)
    const agent = await gateway.startAgent()
    const { file } = await gateway.issue('erika', 'engineer')
    const done = new Promise<void>(resolve => {
      const wished = (list: readonly Received[]) =>
        list.some(({ body }) => body.includes('"event":"acknowledged"'))
      waiting.push({ wished, resolve })
    })
    const as = ['--agent', agent.address, '--credential', file]
    assert.equal((await gateway.holdfast('trip', 'coolant-pump', ...as)).exitCode, 0)
    assert.equal((await gateway.holdfast('acknowledge', 'coolant-pump', ...as)).exitCode, 0)
    await done

    const messages = received.map(({ body }) => JSON.parse(body) as Record<string, unknown>)
    assert.deepEqual(
      received.slice(0, 3).map(({ answered }) => answered),
      [503, 503, 204],
    )
    assert.equal(
      new Set(messages.slice(0, 3).map(({ id }) => id)).size,
      1,
      'the same message until it is taken',
    )
    const trip = messages.find(({ alarm }) => alarm === 'trip')
    assert.deepEqual([trip?.event, trip?.severity], ['raised', 'critical'])
    assert.equal(messages.find(({ event }) => event === 'acknowledged')?.acknowledged_by, 'erika')
    for (const message of received) assert.ok(isSigned(message, `127.0.0.1:${port}`), message.body)
    const [first] = received
    assert.ok(first && !isSigned({ ...first, body: `${first.body} ` }, `127.0.0.1:${port}`))
    const everything = JSON.stringify([agent.log, gateway.records(), received])
    assert.ok(!everything.includes(SECRET.toString('base64').slice(0, 40)), 'the secret is nowhere')
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('a secret that others can read is not used, and the alarm says why', async () => {
  await using gateway = await Gateway.start()
  const secretFile = join(gateway.folder, 'webhook.secret')
  await writeFile(secretFile, SECRET.toString('base64'))
  await chmod(secretFile, 0o644)
  const text = await readFile(gateway.config, 'utf8')
  const webhook = { url: 'http://127.0.0.1:9/', secret_file: secretFile }
  await writeFile(gateway.config, `${text}\nalarms: ${JSON.stringify({ webhook })}\n`)
  const agent = await gateway.startAgent()
  const { file } = await gateway.issue('erika', 'engineer')
  await gateway.holdfast('trip', 'coolant-pump', '--agent', agent.address, '--credential', file)
  const line = await agent.line(({ alarm }) => alarm === 'webhook-undelivered')
  assert.match(String(line.msg), /the secret .*webhook\.secret cannot be used \(mode\)/)
})
