import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { execa } from 'execa'
import type { Credential } from '../../model/credential.ts'
import { Gateway, ROOT, type RunningAgent } from '../agent/gateway.ts'

// Signers that share no code with ours, against a real agent: one in Python and one in Perl, each from what the language
// brings along and from docs/CREDENTIAL_FORMAT.md alone, and the recipe for openssl and curl that stands on that page.

const SIGNERS = [
  ['Python', 'python3', 'sign.py'],
  ['Perl', 'perl', 'sign.pl'],
] as const
const PAGE = readFileSync(join(ROOT, 'docs', 'CREDENTIAL_FORMAT.md'), 'utf8')
const RECIPE = PAGE.match(/```sh\n(.*?)```/s)?.[1] ?? ''
const PATH = '/v1/actuators/inlet-valve/commands'
const OPEN = '{"setpoint":"open"}'
const CLOSED = '{"setpoint":"closed"}'

let gateway: Gateway
let agent: RunningAgent
let alice: { file: string; credential: Credential }

before(async () => {
  gateway = await Gateway.start({ unattributed: 'alarm' })
  agent = await gateway.startAgent()
  alice = await gateway.issue('alice', 'operator', '--actuator', 'inlet-valve')
})

after(async () => {
  await gateway[Symbol.asyncDispose]()
})

interface Sent {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** The value that stands behind a name in a block of worked bytes. */
function worked(block: string, name: string): string {
  return block.match(new RegExp(`^${name} +(.+)$`, 'm'))?.[1] ?? ''
}

for (const [language, program, script] of SIGNERS) {
  const run = async (...words: string[]): Promise<unknown> => {
    const { stdout } = await execa(program, [join(import.meta.dirname, script), ...words])
    return JSON.parse(stdout)
  }
  const send = async (to: string, file: string, ...request: string[]): Promise<Sent> =>
    (await run('send', '--agent', to, '--credential', file, ...request)) as Sent
  const headers = async (
    credential: string,
    [authority, created, nonce]: readonly [string, string, string],
    ...request: string[]
  ): Promise<Record<string, string>> => {
    const freshness = ['--authority', authority, '--created', created, '--nonce', nonce]
    return (await run('headers', '--credential', credential, ...freshness, ...request)) as Record<
      string,
      string
    >
  }

  describe(`a signer in ${language}, written from the page alone`, () => {
    test('signs the worked requests of the page as they stand there', async () => {
      const [, posted = '', , got = ''] = (PAGE.split('## Worked bytes')[1] ?? '').split('```')
      const [, keyid = ''] = /keyid="([^"]+)"/.exec(worked(posted, 'Signature-Input')) ?? []
      const file = join(gateway.folder, `worked-${script}.credential`)
      await writeFile(file, JSON.stringify({ keyid, secret: worked(posted, 'secret') }), { mode: 0o600 })
      const of = (authority: string) =>
        [authority, '1795327893', worked(posted, 'nonce bytes')] as [string, string, string]
      const post = await headers(file, of('127.0.0.1:8440'), 'POST', PATH, worked(posted, 'body'))
      for (const [name, value] of Object.entries(post)) assert.equal(value, worked(posted, name), name)

      const caveat = worked(got, 'narrowed by')
      const narrowed = (await run('narrow', '--credential', file, caveat)) as Credential
      assert.equal(narrowed.secret, worked(got, 'narrowed secret'))
      await writeFile(file, JSON.stringify(narrowed))
      const get = await headers(file, of('[::1]:8440'), 'GET', '/v1/actuators?page=1')
      for (const [name, value] of Object.entries(get)) assert.equal(value, worked(got, name), name)
      assert.deepEqual(Object.keys(get).toSorted(), ['Content-Digest', 'Signature', 'Signature-Input'])
    })

    test('commands a valve over TCP and over a unix socket', async () => {
      const opened = await send(agent.address, alice.file, 'POST', PATH, OPEN)
      assert.equal(opened.status, 200)
      assert.equal(opened.body.outcome, 'verified')
      assert.ok(gateway.plant.truth('inlet-valve.position') > 0.98)
      const closed = await send(gateway.operatorSocket, alice.file, 'POST', PATH, CLOSED)
      assert.equal(closed.body.outcome, 'verified')
      assert.equal((await send(agent.address, alice.file, 'GET', '/v1/actuators')).status, 200)
    })

    test('narrows a credential, which then does what is left of it and no more', async () => {
      const narrowed = await run('narrow', '--credential', alice.file, 'act=inlet-valve:closed')
      const file = join(gateway.folder, `narrowed-${script}.credential`)
      await writeFile(file, JSON.stringify(narrowed), { mode: 0o600 })
      const closed = await send(agent.address, file, 'POST', PATH, CLOSED)
      assert.equal(closed.body.outcome, 'verified')
      const open = await send(agent.address, file, 'POST', PATH, OPEN)
      assert.equal(open.body.code, 'scope-denied')
    })

    test('signs what passes as it was signed, while every tampered twin of it is refused', async () => {
      const { host } = new URL(agent.address)
      const now = String(Math.floor(Date.now() / 1000))
      const nonce = randomBytes(16).toString('hex')
      const signed = await headers(alice.file, [host, now, nonce], 'POST', PATH, CLOSED)
      const forOpen = await headers(alice.file, [host, now, nonce], 'POST', PATH, OPEN)
      const post = async (
        fields: Record<string, string>,
        body: string,
        path = PATH,
      ): Promise<Sent['body']> => {
        const answer = await fetch(`${agent.address}${path}`, { method: 'POST', headers: fields, body })
        return (await answer.json()) as Sent['body']
      }
      const later = signed['Signature-Input']?.replace(now, String(Number(now) + 1)) ?? ''
      const wider = signed['Signature-Input']?.replace('role=operator', 'role=engineer') ?? ''
      const digest = forOpen['Content-Digest'] ?? ''
      const twins = [
        ['digest-mismatch', await post(signed, OPEN)],
        ['signature-invalid', await post({ ...signed, 'Content-Digest': digest }, OPEN)],
        ['signature-invalid', await post(signed, CLOSED, '/v1/actuators/coolant-pump/commands')],
        ['signature-invalid', await post({ ...signed, 'Signature-Input': later }, CLOSED)],
        ['signature-invalid', await post({ ...signed, 'Signature-Input': wider }, CLOSED)],
        ['signature-invalid', await post({ ...signed, Signature: forOpen.Signature ?? '' }, CLOSED)],
      ] as const
      for (const [code, answer] of twins) assert.equal(answer.code, code)
      assert.equal((await post(signed, CLOSED)).outcome, 'verified')
      assert.equal((await post(signed, CLOSED)).code, 'replayed')
    })
  })
}

test('the recipe for openssl and curl on the page works as it stands there, and its tampered twin is refused', async () => {
  assert.match(RECIPE, /openssl dgst/)
  const env = {
    keyid: alice.credential.keyid,
    secret: alice.credential.secret,
    authority: new URL(agent.address).host,
    path: PATH,
  }
  const send = async (recipe: string): Promise<Sent['body']> =>
    JSON.parse((await execa('sh', ['-eu', '-c', recipe], { env })).stdout) as Sent['body']
  const tampered = RECIPE.replace('--data-binary "$body"', `--data-binary '${CLOSED}'`)
  assert.notEqual(tampered, RECIPE)
  assert.equal((await send(tampered)).code, 'digest-mismatch')
  assert.equal((await send(RECIPE)).outcome, 'verified')
})
