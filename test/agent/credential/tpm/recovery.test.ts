import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { chainSecret, epochMessage } from '../../../../agent/credential/chain.ts'
import { joinShares, splitKey } from '../../../../agent/credential/escrow/escrow.ts'
import { keyIdOf } from '../../../../agent/credential/escrow/key-id.ts'
import type { MasterKey } from '../../../../agent/credential/master-key.ts'
import { enrollTpm } from '../../../../agent/credential/tpm/enrolment.ts'
import { compareKey, type RecoveryAnswer, recoverTpm } from '../../../../agent/credential/tpm/recovery.ts'
import { ask, TpmHost } from './host.ts'

const OF = { environment: 'north-works', gateway: 'gateway-7' }
const EXTEND = `tpm2_pcrextend 7:sha256=${'ab'.repeat(32)}`

describe('recovery from escrow shares', () => {
  let host: TpmHost
  before(async () => {
    host = await TpmHost.start()
  })
  after(() => host[Symbol.asyncDispose]())

  for (const mode of ['resident', 'sealed'] as const)
    it(`brings a ${mode} key back after a change of firmware: the same secrets, from three of five shares`, async () => {
      const shares = await enrolWithShares(host, mode, mode)
      const master = await host.open(mode)
      const credential = await secretOf(master)
      await host.tool(EXTEND)
      assert.equal(await ask(master, 'message'), 'policy')
      const answer = await recover(host, mode, [shares[4], shares[0], shares[2]])
      assert.equal(answer.kind, 'recovered')
      // The object that was opened before, as a daemon that runs has it.
      assert.equal(await secretOf(master), credential)
      assert.equal(answer.kind === 'recovered' && answer.mode, mode)
    })

  it('keeps what it replaced, for a host that is put back into its former state', async () => {
    await host.tpm.restart()
    const shares = await enrolWithShares(host, 'back', 'resident')
    const mac = await ask(await host.open('back'), 'message')
    await host.tool(EXTEND)
    const answer = await recover(host, 'back', shares)
    const replaced = answer.kind === 'recovered' ? (answer.replaced ?? '') : ''
    assert.match(replaced, /\/generation-1\.replaced-20260102T030405000Z\.json$/)
    await host.tpm.restart()
    assert.equal(await ask(await host.open('back'), 'message'), 'policy')
    await cp(replaced, host.path('back', 'master-key', 'generation-1.json'))
    assert.equal(await ask(await host.open('back'), 'message'), mac)
  })

  it('leaves a key as old as it is: what counts from its making is not put off', async () => {
    const shares = await enrolWithShares(host, 'aged', 'resident')
    const file = host.path('aged', 'master-key', 'generation-1.json')
    const made = JSON.parse(await readFile(file, 'utf8')) as { enrolledAt: string }
    const late = { ...host.options('aged').clock, wall: () => Date.parse(made.enrolledAt) + 3_600_000 }
    const answer = await recover(host, 'aged', shares, late)
    assert.match(answer.kind === 'recovered' ? (answer.replaced ?? '') : '', /20260102T040405000Z\.json$/)
    const after = JSON.parse(await readFile(file, 'utf8')) as { enrolledAt: string }
    assert.equal(after.enrolledAt, made.enrolledAt)
  })

  it('recovers on another board, with the disk of the old one and with an empty one', async () => {
    const shares = await enrolWithShares(host, 'state', 'resident')
    const credential = await secretOf(await host.open())
    await using board = await TpmHost.start()
    await cp(host.path('state'), board.path('state'), { recursive: true })
    assert.equal(await ask(await board.open(), 'message'), 'replaced')
    assert.equal((await recover(board, 'state', shares.slice(2))).kind, 'recovered')
    assert.equal(await secretOf(await board.open()), credential)
    const empty = await recover(board, 'empty', shares.slice(0, 3))
    assert.equal(empty.kind === 'recovered' && empty.replaced, undefined)
    assert.equal(await secretOf(await board.open('empty')), credential)
    await board.tool('tpm2_clear -c p')
    assert.equal(await ask(await board.open(), 'message'), 'replaced')
    assert.equal((await recover(board, 'state', shares)).kind, 'recovered')
    assert.equal(await secretOf(await board.open()), credential)
  })

  it('refuses shares of another key before it touches the TPM or a file', async () => {
    await enrolWithShares(host, 'other', 'resident')
    const before = await readFile(host.path('other', 'master-key', 'generation-1.json'), 'utf8')
    const strangers = splitKey({
      key: randomBytes(32),
      threshold: 2,
      shares: 2,
      of: { ...OF, generation: 1 },
      entropy: randomBytes,
    })
    await host.fake('tpm2_getcap', 'echo touched >touched; exec "$real" "$@"')
    const answer = await recover(host, 'other', strangers)
    await host.mend('tpm2_getcap')
    assert.equal(answer.kind === 'refused' && answer.reason, 'another-key')
    assert.match(
      answer.kind === 'refused' ? answer.detail : '',
      /is the key [0-9a-f]{12}, and the shares give/,
    )
    assert.equal(await host.text('touched').catch(() => 'untouched'), 'untouched')
    assert.deepEqual(await readdir(host.path('other', 'master-key')), ['generation-1.json'])
    assert.equal(await readFile(host.path('other', 'master-key', 'generation-1.json'), 'utf8'), before)
  })

  it('says in a drill whether shares give the enrolled key, without the TPM', async () => {
    const key = randomBytes(32)
    await host.enrol({ state: 'drill', key })
    await host.tpm.stop()
    const stateDir = host.path('drill')
    const same = await compareKey({ stateDir, generation: 1, key })
    const other = await compareKey({ stateDir, generation: 1, key: randomBytes(32) })
    const none = await compareKey({ stateDir, generation: 2, key })
    await host.tpm.restart()
    assert.equal(same.kind === 'same' && same.keyId, keyIdOf(key))
    assert.equal(other.kind === 'refused' && other.reason, 'another-key')
    assert.equal(none.kind === 'refused' && none.reason, 'not-enrolled')
  })

  it('leaves the old enrolment as it was when the TPM fails half-way', async () => {
    const shares = await enrolWithShares(host, 'half', 'resident')
    const mac = await ask(await host.open('half'), 'message')
    for (const [tool, script] of [
      ['tpm2_import', 'exit 1'],
      ['tpm2_hmac', 'head -c 32 /dev/zero'],
    ] as const) {
      await host.fake(tool, script)
      assert.equal((await recover(host, 'half', shares)).kind, 'unavailable')
      await host.mend(tool)
    }
    assert.deepEqual(await readdir(host.path('half', 'master-key')), ['generation-1.json'])
    assert.equal(await ask(await host.open('half'), 'message'), mac)
  })

  it('recovers when the enrolment is damaged, and says that it was', async () => {
    const shares = await enrolWithShares(host, 'damaged', 'resident')
    const mac = await ask(await host.open('damaged'), 'message')
    await writeFile(host.path('damaged', 'master-key', 'generation-1.json'), '{')
    const answer = await recover(host, 'damaged', shares)
    assert.match(answer.kind === 'recovered' ? answer.notes.join() : '', /is damaged: .* shares alone/)
    assert.equal(await ask(await host.open('damaged'), 'message'), mac)
  })

  it('goes not over what a newer holdfast wrote, and says whose it is, in a drill too', async () => {
    const shares = await enrolWithShares(host, 'newer', 'resident')
    const path = host.path('newer', 'master-key', 'generation-1.json')
    const newer = '{\n  "generation": 1,\n  "version": 2\n}\n'
    await writeFile(path, newer)
    const key = Buffer.alloc(32)
    const drill = await compareKey({ stateDir: host.path('newer'), generation: 1, key })
    for (const answer of [await recover(host, 'newer', shares), drill]) {
      assert.ok(answer.kind === 'refused' && answer.reason === 'newer')
      assert.equal(answer.detail, `${path} was written by a newer holdfast`)
    }
    assert.equal(await readFile(path, 'utf8'), newer)
  })

  it('writes the shares nowhere: not into arguments, the environment or a file', async () => {
    const tools = ['getcap', 'pcrread', 'getrandom', 'createpolicy', 'import', 'load', 'hmac'].map(
      tool => `tpm2_${tool}`,
    )
    const spy = '{ echo "$0 $*"; env; cat work/*/* 2>/dev/null; } >>seen; cd - >/dev/null; exec "$real" "$@"'
    for (const tool of tools) await host.fake(tool, spy)
    const shares = await enrolWithShares(host, 'spied', 'resident')
    await recover(host, 'spied', shares)
    for (const tool of tools) await host.mend(tool)
    const files = await readdir(host.path('spied', 'master-key'))
    const texts = await Promise.all(files.map(name => host.text('spied', 'master-key', name)))
    const seen = [await host.text('seen'), ...texts].join('').toUpperCase()
    assert.match(seen, /TPM2_IMPORT/)
    for (const share of shares) assert.ok(!seen.includes(share.toUpperCase().slice(-40)))
  })
})

async function enrolWithShares(
  host: TpmHost,
  state: string,
  mode: 'resident' | 'sealed',
): Promise<readonly string[]> {
  const escrow = { threshold: 3, shares: 5, ...OF }
  const answer = await enrollTpm({ ...host.options(state), mode, escrow })
  assert.equal(answer.kind, 'enrolled')
  if (answer.kind !== 'enrolled') return []
  assert.equal(answer.shares.length, 5)
  return answer.shares
}

async function recover(
  host: TpmHost,
  state: string,
  shares: readonly (string | undefined)[],
  clock = host.options(state).clock,
): Promise<RecoveryAnswer> {
  const joined = joinShares(
    shares.map(share => share ?? ''),
    OF,
  )
  assert.equal(joined.kind, 'key', joined.kind === 'refused' ? joined.detail : '')
  if (joined.kind !== 'key') throw new Error('no key')
  return await recoverTpm({ ...host.options(state), clock, key: joined.key, generation: joined.generation })
}

/** The secret of a credential that was issued in epoch 20455. */
async function secretOf(master: MasterKey): Promise<string> {
  const message = epochMessage({ ...OF, generation: 1, epoch: 20455 })
  const answer = await master.hmac(message, AbortSignal.timeout(30_000))
  return answer.kind === 'mac'
    ? chainSecret(answer.mac, 'credential', ['act=inlet-valve:closed']).toString('hex')
    : answer.reason
}
