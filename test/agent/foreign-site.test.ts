import assert from 'node:assert/strict'
import { createServer, type RequestOptions, request as requestHttp } from 'node:http'
import { request } from 'node:https'
import { after, before, test } from 'node:test'
import { Browser } from '../browser.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { Authority } from './certificates.ts'
import { Gateway, type RunningAgent } from './gateway.ts'

const VENDOR = 'https://manuals.vendor.example'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let gateway: Gateway
let agent: RunningAgent
let identity: Awaited<ReturnType<Authority['client']>>

before(async () => {
  folder = await temporaryFolder()
  const plant = await Authority.make(folder.path, 'plant-ca')
  const server = await plant.issue('gateway', 'IP:127.0.0.1')
  identity = await plant.client('panel-1', 'URI:spiffe://plant/panel-1')
  gateway = await Gateway.start({
    unattributed: 'count',
    settings: [
      [['listeners', 0, 'panel'], true],
      [
        ['listeners', 3],
        {
          name: 'panels',
          tls: '127.0.0.1:0',
          certificate: server.certificate,
          key: server.key,
          client_ca: plant.path,
          allowed_networks: ['127.0.0.0/8'],
          panel: true,
        },
      ],
      [
        ['listeners', 4],
        {
          name: 'programs',
          tcp: '127.0.0.1:0',
          unattributed_failures: 'count',
          allowed_networks: ['127.0.0.0/8'],
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

/** Sends what a browser would, header by header, and resolves with the problem's code, or the status. */
function send(address: string, path: string, options: RequestOptions, body?: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const url = new URL(path, address)
  const tls = { cert: identity.certificate, key: identity.key, ca: identity.ca }
  const sent = (url.protocol === 'https:' ? request : requestHttp)(
    url,
    { ...tls, agent: false, ...options },
    answer => {
      let text = ''
      answer.setEncoding('utf8').on('data', chunk => {
        text += chunk
      })
      answer.on('end', () => {
        const code = /"code":"([^"]+)"/.exec(text)?.[1]
        resolve(code ?? String(answer.statusCode))
      })
    },
  )
  sent.on('connect', (answer, socket) => {
    socket.destroy()
    resolve(String(answer.statusCode))
  })
  sent.on('error', reject).end(body)
  return promise
}

const phaseOf = async (actuator: string) => {
  const { stdout } = await gateway.holdfast('status', '--agent', gateway.operatorSocket, '--json')
  const { actuators } = JSON.parse(stdout) as { actuators: { id: string; phase: string }[] }
  return actuators.find(({ id }) => id === actuator)?.phase
}

const alarms = async () => {
  const { stdout } = await gateway.holdfast('alarms', '--agent', gateway.operatorSocket, '--json')
  return (JSON.parse(stdout) as { alarms: { alarm: string; listener?: string; detail: string }[] }).alarms
}

test('a real browser, with a page of somebody else that asks as often as it likes, moves nothing', async () => {
  const evil = createServer((_, answer) => {
    answer.setHeader('Content-Type', 'text/html')
    const url = `${agent.address}/v1/actuators/inlet-valve/commands`
    answer.end(
      `<script>for (let i = 0; i < 12; i++) fetch('${url}', {method:'POST', mode:'no-cors', body:'x'}).catch(() => {}); new WebSocket('${url.replace('http', 'ws')}')</script>a manual`,
    )
  })
  await new Promise<void>(resolve => evil.listen(0, '127.0.0.1', resolve))
  const { port } = evil.address() as { port: number }
  try {
    await using _browser = await Browser.open(`http://localhost:${port}/`)
    const named = (line: Record<string, unknown>) =>
      line.event === 'refusal' && String(line.detail).includes(`http://localhost:${port}`)
    assert.equal((await agent.line(named)).code, 'foreign-site')
  } finally {
    evil.close()
  }
  const { stdout } = await gateway.holdfast('status', '--agent', gateway.operatorSocket, '--json')
  const { actuators } = JSON.parse(stdout) as { actuators: { id: string; phase: string }[] }
  assert.deepEqual([...new Set(actuators.map(({ phase }) => phase))], ['normal'])
})

test('a page of another site trips nothing and suspends nobody, over the control room’s own certificate either: foreign-site, with an alarm that names it', async () => {
  const panels = addressOf('panels')
  const { credential } = await gateway.issue('alice', 'operator')
  const alice = gateway.client(panels, credential, 0, identity)
  for (let count = 0; count < 12; count += 1) {
    const headers = { Origin: VENDOR, 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' }
    const path = '/v1/actuators/inlet-valve/commands'
    assert.equal(await send(panels, path, { method: 'POST', headers }, 'x'), 'foreign-site')
  }
  assert.equal(await phaseOf('inlet-valve'), 'normal')
  const answer = await alice.command('inlet-valve', 'open')
  assert.equal(answer.kind, 'answered', JSON.stringify(answer))
  const foreign = (await alarms()).filter(
    ({ alarm, listener }) => alarm === 'foreign-site' && listener === 'panels',
  )
  assert.equal(foreign.length, 1)
  assert.match(foreign[0]?.detail ?? '', /https:\/\/manuals\.vendor\.example/)
  assert.equal((await alarms()).filter(({ alarm }) => alarm === 'authentication-failures').length, 0)
})

const FOREIGN: readonly (readonly [what: string, listener: string, options: RequestOptions])[] = [
  ['a POST from another origin, where the browser says no more', 'panels', post({ Origin: VENDOR })],
  ['a POST from a page that hides its origin', 'panels', post({ Origin: 'null' })],
  ['a POST from the same computer at another port', 'panels', post({ 'Sec-Fetch-Site': 'same-site' })],
  ['a POST whose origin is ours without TLS', 'panels', post({ Origin: 'http://HOST' })],
  [
    'two origins, one of them ours',
    'panels',
    post({ Origin: ['https://HOST', VENDOR] as unknown as string }),
  ],
  ['a name that was made to lead here', 'tcp', post({ Host: 'evil.example', Origin: 'http://evil.example' })],
  ['any page at all, where no panel is served', 'programs', post({ Origin: 'http://HOST' })],
  ['any page at all, as its browser says', 'programs', post({ 'Sec-Fetch-Site': 'same-origin' })],
  [
    'a web socket of another site',
    'tcp',
    { headers: { Origin: VENDOR, Upgrade: 'websocket', Connection: 'Upgrade' } },
  ],
  [
    'a page that is asked for by another page’s script',
    'panels',
    { headers: { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' }, path: '/panel/' },
  ],
]

function post(headers: Record<string, string>): RequestOptions {
  return { method: 'POST', path: '/v1/actuators/inlet-valve/commands', headers }
}

for (const [what, listener, { headers, ...options }] of FOREIGN) {
  test(`${what}: refused as foreign-site, before anything is asked about a signature`, async () => {
    const address = listener === 'tcp' ? agent.address : addressOf(listener)
    const { host } = new URL(address)
    const filled = Object.entries(headers as Record<string, string | string[]>).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(one => one.replace('HOST', host)) : value.replace('HOST', host),
    ])
    const path = String(options.path ?? '/v1/status')
    assert.equal(
      await send(address, path, { ...options, headers: Object.fromEntries(filled) }),
      'foreign-site',
    )
  })
}

test('CONNECT from another site is foreign-site as well; from a program it is what it was', async () => {
  const connect = (headers: Record<string, string>) =>
    send(agent.address, '/', { method: 'CONNECT', path: 'plc:502', headers })
  assert.equal(await connect({ Origin: VENDOR }), '403')
  assert.equal(await connect({}), '405')
})

test('our own page, a bookmark, a link to the panel and a program without a browser are not foreign', async () => {
  const panels = addressOf('panels')
  const { host } = new URL(panels)
  const own = post({ Origin: `https://${host}`, 'Sec-Fetch-Site': 'same-origin' })
  const path = String(own.path)
  // What is wrong with them is that nobody has signed them.
  assert.equal(await send(panels, path, own), 'signature-missing')
  assert.equal(await send(panels, path, { method: 'POST' }), 'signature-missing')
  const typed = { headers: { 'Sec-Fetch-Site': 'none', 'Sec-Fetch-Mode': 'navigate' } }
  assert.equal(await send(panels, '/panel/', typed), '200')
  const linked = {
    headers: { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
  }
  assert.equal(await send(panels, '/panel/', linked), '200')
  assert.equal(await send(panels, '/v1/status', linked), 'foreign-site')
})

test('a request that nobody signed is no evidence, however often it comes: an alarm, and no trip', async () => {
  const path = '/v1/actuators/coolant-pump/commands'
  for (let count = 0; count < 12; count += 1)
    assert.equal(await send(addressOf('panels'), path, { method: 'POST' }, 'x'), 'signature-missing')
  assert.equal(await phaseOf('coolant-pump'), 'normal')
  const told = (await alarms()).find(({ alarm, detail }) => /coolant-pump/.test(`${alarm} ${detail}`))
  assert.match(told?.detail ?? '', /unsigned requests aimed at coolant-pump by certificate spiffe/)
})

test('the records of it are counted like those of any other unsigned refusal', async () => {
  for (let count = 0; count < 40; count += 1)
    await send(agent.address, '/v1/status', { headers: { Origin: `https://${count}.example` } })
  const whole = gateway.records().filter(({ kind, code }) => kind === 'refusal' && code === 'foreign-site')
  assert.ok(whole.length > 0 && whole.length < 40, String(whole.length))
})
