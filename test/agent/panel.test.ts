import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { request } from 'node:https'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { temporaryFolder } from '../temporary-folder.ts'
import { Authority } from './certificates.ts'
import { Gateway, ROOT, type RunningAgent } from './gateway.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let gateway: Gateway
let agent: RunningAgent
let plant: Authority

before(async () => {
  folder = await temporaryFolder()
  plant = await Authority.make(folder.path, 'plant-ca')
  const server = await plant.issue('gateway', 'IP:127.0.0.1')
  const common = { allowed_networks: ['127.0.0.0/8'] }
  const tls = { certificate: server.certificate, key: server.key, client_ca: plant.path }
  gateway = await Gateway.start({
    settings: [
      [['listeners', 0, 'panel'], true],
      [['listeners', 3], { name: 'without', tcp: '127.0.0.1:0', unattributed_failures: 'alarm', ...common }],
      [['listeners', 4], { name: 'panels', tls: '127.0.0.1:0', panel: true, ...tls, ...common }],
      [
        ['listeners', 5],
        {
          name: 'slow',
          tcp: '127.0.0.1:0',
          unattributed_failures: 'alarm',
          panel: true,
          rate: { requests: 2, per: '1h' },
          ...common,
        },
      ],
    ],
  })
  agent = await gateway.startAgent()
})

after(async () => {
  await gateway[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const addressOf = (listener: string) =>
  String(agent.log.find(line => line.listener === listener && line.address)?.address)

test('the page and all its parts are served under strict policies, and are the same for everybody', async () => {
  const expected =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-ancestors 'none'; " +
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
  const types: Record<string, string> = {
    '/panel/': 'text/html; charset=utf-8',
    '/panel': 'text/html; charset=utf-8',
    '/panel/console/panel/style.css': 'text/css; charset=utf-8',
    '/panel/console/panel/icon.svg': 'image/svg+xml',
    '/panel/console/panel/main.js': 'text/javascript; charset=utf-8',
    '/panel/model/signature.js': 'text/javascript; charset=utf-8',
  }
  for (const [path, type] of Object.entries(types)) {
    const answer = await fetch(`${agent.address}${path}`)
    assert.equal(answer.status, 200, path)
    assert.equal(answer.headers.get('content-type'), type)
    assert.equal(answer.headers.get('content-security-policy'), expected)
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(answer.headers.get('referrer-policy'), 'no-referrer')
    assert.equal(answer.headers.get('cross-origin-opener-policy'), 'same-origin')
    assert.equal(answer.headers.get('cross-origin-resource-policy'), 'same-origin')
    assert.equal(answer.headers.get('cache-control'), 'no-store')
    assert.equal(answer.headers.get('set-cookie'), null)
    const text = await answer.text()
    for (const secret of ['waterworks', 'inlet-valve', 'Raw water']) assert.ok(!text.includes(secret), path)
    const head = await fetch(`${agent.address}${path}`, { method: 'HEAD' })
    assert.equal(head.headers.get('content-length'), String(Buffer.byteLength(text)))
    assert.equal(await head.text(), '')
  }
})

test('no name but theirs is answered, however it is written, and nothing but GET and HEAD', async () => {
  for (const path of [
    '/panel/console/panel/main.ts',
    '/panel/console/alarm.js',
    '/panel/../package.json',
    '/panel/%2e%2e/package.json',
    '/panel//model/time.js',
    '/panel/model/',
    '/Panel/',
  ]) {
    const { status } = await raw(agent.address, path)
    assert.equal(status, 404, path)
  }
  const post = await fetch(`${agent.address}/panel/`, { method: 'POST', body: 'x' })
  assert.equal(post.status, 405)
})

test('a listener without the key serves no panel, and one with it opens nothing that takes a signature', async () => {
  assert.equal((await fetch(`${addressOf('without')}/panel/`)).status, 404)
  for (const path of ['/v1/status', '/v1/alarms', '/v1/actuators', '/v1/roles', '/v1/credentials'])
    assert.equal((await fetch(`${agent.address}${path}`)).status, 401, path)
})

test("the listener's rate counts for the page, too", async () => {
  const slow = addressOf('slow')
  const statuses = []
  for (let asked = 0; asked < 3; asked += 1) statuses.push((await fetch(`${slow}/panel/`)).status)
  assert.deepEqual(statuses, [200, 200, 429])
})

test('over TLS it is served to whoever shows a certificate, and to nobody else', async () => {
  const { certificate, key, ca } = await plant.client('panel-1', 'URI:spiffe://plant/panel-1')
  const ask = (tls: object): Promise<number | string> => {
    const { promise, resolve } = Promise.withResolvers<number | string>()
    request(`${addressOf('panels')}/panel/`, { ca, ...tls }, answer => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
      .on('error', error => resolve(error.message))
      .end()
    return promise
  }
  assert.equal(await ask({ cert: certificate, key }), 200)
  assert.notEqual(await ask({}), 200)
})

test('what is served is what the page imports, and no more', async () => {
  const reached = new Set<string>()
  const follow = async (path: string): Promise<void> => {
    if (reached.has(path)) return
    reached.add(path)
    const answer = await fetch(`${agent.address}${path}`)
    assert.equal(answer.status, 200, path)
    for (const [, imported = ''] of (await answer.text()).matchAll(/ from '([^']+)'/g))
      await follow(join(dirname(path), imported))
  }
  await follow('/panel/console/panel/main.js')
  const candidates = globSync(['console/**/*.ts', 'model/**/*.ts', 'client/**/*.ts'], { cwd: ROOT })
  const served = []
  for (const file of candidates) {
    const path = `/panel/${file.replace(/\.ts$/, '.js')}`
    if ((await fetch(`${agent.address}${path}`, { method: 'HEAD' })).status === 200) served.push(path)
  }
  assert.deepEqual(served.sort(), [...reached].sort())
})

/** Asks for a path as it stands: fetch would make it another. */
async function raw(address: string, path: string): Promise<{ status: number }> {
  const { hostname, port } = new URL(address)
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect({ host: hostname, port: Number(port) })
  let said = ''
  socket.on('data', chunk => {
    said += String(chunk)
  })
  socket.on('end', () => resolve(said))
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(await promise)?.[1]) }
}
