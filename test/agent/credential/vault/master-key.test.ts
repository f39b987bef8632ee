import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { after, afterEach, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { VaultMasterKey } from '../../../../agent/credential/vault/master-key.ts'
import {
  assertSilent,
  type MasterKeySource,
  masterKeyContract,
  rekeyContract,
} from '../master-key.contract.ts'
import { TOKEN, VaultHost } from './host.ts'
import { errors, type Replacement, success } from './transit-server.ts'

const provide = async (): Promise<Required<MasterKeySource>> => {
  const host = await VaultHost.start()
  return {
    master: host.open(),
    secret: host.secret,
    away: 'busy',
    takeAway: async () => {
      host.server.sealed = true
    },
    bringBack: async () => {
      host.server.sealed = false
    },
    rekey: async key => host.server.keep('holdfast', new Uint8Array(key)),
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  }
}

masterKeyContract('a Vault', provide)
rekeyContract('a Vault', provide)

describe('Vault master key', () => {
  let host: VaultHost
  before(async () => {
    host = await VaultHost.start()
  })
  afterEach(async () => {
    host.server.replacement = undefined
    host.server.silent = false
    await host.directory.write('token', `${TOKEN}\n`)
  })
  after(() => host[Symbol.asyncDispose]())

  it('asks what the documentation of transit says, and tells nothing else', async () => {
    host.server.seen.length = 0
    assert.deepEqual(await host.ask(), host.mac())
    const [{ line, headers, body } = assert.fail(), ...more] = host.server.seen
    assert.deepEqual(more, [])
    assert.equal(line, 'POST /v1/transit/hmac/holdfast/sha2-256')
    assert.deepEqual(JSON.parse(body), { input: 'bWVzc2FnZQ==', key_version: 1 })
    const { host: to, ...told } = headers
    assert.equal(`https://${to}`, host.server.address)
    assert.deepEqual(told, {
      'x-vault-token': TOKEN,
      'x-vault-request': 'true',
      'content-type': 'application/json',
      'content-length': String(body.length),
      connection: 'close',
    })
  })

  it('uses the namespace and the mount that it is given', async () => {
    host.server.mounts.add('plant/north/keys/transit')
    const there = { namespace: 'plant/north/', mount: 'keys/transit' }
    assert.deepEqual(await host.ask(there), host.mac())
    assert.equal(await host.gist({ ...there, namespace: 'plant/south' }), 'not-enrolled')
    assert.equal(await host.gist({ mount: 'elsewhere' }), 'not-enrolled')
  })

  it('stays with the version of the key that is its generation, whatever is rotated in the Vault', async () => {
    const [first, second] = [randomBytes(32), randomBytes(32)]
    host.server.keep('rotated', first)
    const master = { key: 'rotated' }
    assert.deepEqual(await host.ask(master), host.mac(first))
    assert.equal(await host.gist({ ...master, generation: 2 }), 'not-enrolled')
    host.server.keep('rotated', first, second)
    assert.deepEqual(await host.ask(master), host.mac(first))
    assert.deepEqual(await host.ask({ ...master, generation: 2 }), host.mac(second))
    const kept = host.server.keys.get('rotated') ?? assert.fail()
    kept.minEncryptionVersion = 2
    assert.equal(await host.gist(master), 'not-enrolled')
    assert.equal(await host.gist({ key: 'unknown' }), 'not-enrolled')
  })

  it('reads the token at each use, so that a Vault Agent can renew it', async () => {
    const [old, renewed] = ['hvs.first', 'hvs.second']
    const master = host.open()
    const ask = async () => (await master.hmac(Buffer.from('message'), AbortSignal.timeout(30_000))).kind
    host.server.tokens.add(old)
    await host.directory.write('token', old)
    assert.equal(await ask(), 'mac')
    host.server.tokens.delete(old)
    host.server.tokens.add(renewed)
    assert.equal(await host.gist(), 'policy')
    await host.directory.write('token', `${renewed}\r\n`, 0o400)
    assert.equal(await ask(), 'mac')
  })

  it('does not send a token that others may read, or what is no token', async () => {
    host.server.seen.length = 0
    await host.directory.write('token', TOKEN, 0o640)
    assert.equal(await host.gist(), 'failed')
    for (const content of [
      '',
      '\n',
      `${TOKEN}\n\n`,
      `${TOKEN}\nX-More: yes`,
      ` ${TOKEN}`,
      'hvs.\x00',
      'x'.repeat(5000),
    ]) {
      await host.directory.write('token', content)
      assert.equal(await host.gist(), 'failed', JSON.stringify(content.slice(0, 40)))
    }
    await rm(host.directory.file('token'))
    assert.equal(await host.gist(), 'absent')
    assert.deepEqual(host.server.seen, [])
  })

  const reasons: readonly (readonly [string, Replacement])[] = [
    ['policy', errors(403, '1 error occurred:\n\t* permission denied\n\n')],
    ['not-enrolled', errors(404, 'no handler for route "transit/hmac/x". route entry not found.')],
    ['not-enrolled', { status: 404, body: '' }],
    ['failed', errors(400, 'unsupported algorithm')],
    ['failed', errors(405, 'unsupported operation')],
    ['busy', errors(412, 'required index state not present')],
    ['busy', errors(429, 'request path "transit/hmac": rate limit quota exceeded')],
    ['busy', { status: 472, body: '' }],
    ['busy', { status: 473, body: '' }],
    ['failed', errors(500, 'internal error')],
    ['busy', errors(502, 'no answer from a third party')],
    ['busy', errors(503, 'Vault is sealed')],
    ['busy', { status: 504, body: '<html>gateway timeout</html>' }],
    ['failed', { ...success(`vault:v1:${'A'.repeat(43)}=`), status: 201 }],
    ['failed', { status: 204, body: '' }],
  ]
  for (const [reason, replacement] of reasons)
    it(`is \`${reason}\` when the Vault answers ${replacement.status} ${replacement.body.slice(0, 60).trim()}`, async () => {
      host.server.replacement = replacement
      const answer = await host.ask()
      assert.equal(answer.kind === 'unavailable' && answer.reason, reason)
      if (answer.kind === 'unavailable')
        assert.match(`${answer.detail}\n${answer.remedy}`, /^[\x20-\x7e]+\n[A-Z].*\.$/)
    })

  const MAC = Buffer.alloc(32, 7).toString('base64')
  const malformed: Readonly<Record<string, Replacement>> = {
    'no JSON': { status: 200, body: 'vault' },
    'an empty answer': { status: 200, body: '' },
    'JSON without data': { status: 200, body: '{}' },
    'data that is null': { status: 200, body: '{"data":null}' },
    'an hmac that is a number': { status: 200, body: '{"data":{"hmac":7}}' },
    'an hmac inherited from elsewhere': {
      status: 200,
      body: `{"data":{"__proto__":{"hmac":"vault:v1:${MAC}"}}}`,
    },
    'no prefix': success(MAC),
    'another prefix': success(`bao:v1:${MAC}`),
    'version 0': success(`vault:v0:${MAC}`),
    'another version': success(`vault:v2:${MAC}`),
    'a version with a zero in front': success(`vault:v01:${MAC}`),
    'a mac of 31 bytes': success(`vault:v1:${Buffer.alloc(31).toString('base64')}`),
    'a mac of 64 bytes': success(`vault:v1:${Buffer.alloc(64).toString('base64')}`),
    'a mac without padding': success(`vault:v1:${MAC.slice(0, -1)}`),
    base64url: success(`vault:v1:${'_'.repeat(43)}=`),
    'base64 that is not canonical': success(`vault:v1:${'A'.repeat(42)}B=`),
    'something behind the mac': success(`vault:v1:${MAC}\n`),
    'more than an answer': { status: 200, body: `${' '.repeat(70_000)}${success(`vault:v1:${MAC}`).body}` },
  }
  for (const [name, replacement] of Object.entries(malformed))
    it(`refuses ${name}`, async () => {
      host.server.replacement = replacement
      assert.equal(await host.gist(), 'failed')
    })

  it('does not follow a redirect: the token goes to the one address', async () => {
    await using other = await VaultHost.start()
    const location = `${other.server.address}/v1/transit/hmac/holdfast/sha2-256`
    host.server.replacement = { status: 307, headers: { Location: location }, body: '' }
    assert.equal(await host.gist(), 'busy')
    assert.deepEqual(other.server.seen, [])
  })

  it('says nothing of the token, also when what is in between repeats it', async () => {
    host.server.replacement = errors(
      400,
      `bad header X-Vault-Token: ${TOKEN}\x1b[31m${TOKEN}`,
      'x'.repeat(999),
    )
    const answer = await host.ask()
    assert.equal(answer.kind, 'unavailable')
    if (answer.kind !== 'unavailable') return
    assert.match(answer.detail, /bad header X-Vault-Token: \(token\) \[31m\(token\); x/)
    assert.ok(answer.detail.length < 300)
    assertSilent(inspect([answer, host.open()], { depth: 9, showHidden: true }), Buffer.from(TOKEN))
  })

  it('warns at every start that nothing new begins while the Vault is away', () => {
    assert.match(host.open().warnings.join(), /no new epoch begins/)
  })

  for (const [name, wrong] of Object.entries({
    'an address without TLS': { address: 'http://vault.example:8200' },
    'an address with a password': { address: 'https://me:word@vault.example' },
    'an address with a path': { address: 'https://vault.example/v1' },
    'an address with a port that is none': { address: 'https://vault.example:99999' },
    'a mount that climbs': { mount: '../sys' },
    'a key that climbs': { key: '..' },
    'a key with a query': { key: 'holdfast?x=1' },
    'a namespace with a line end': { namespace: 'plant\r\nX-More: yes' },
    'generation 0, which would be the newest version': { generation: 0 },
  }))
    it(`is not made with ${name}`, () => {
      assert.throws(() => new VaultMasterKey(host.options(wrong)), RangeError)
    })
})
