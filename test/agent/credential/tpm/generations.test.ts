import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { joinShares } from '../../../../agent/credential/escrow/escrow.ts'
import { addGeneration } from '../../../../agent/credential/tpm/enrolment.ts'
import { openTpmMasterKey } from '../../../../agent/credential/tpm/master-key.ts'
import { recoverTpm } from '../../../../agent/credential/tpm/recovery.ts'
import { removeGeneration } from '../../../../agent/credential/tpm/removal.ts'
import { ask, TpmHost } from './host.ts'

describe('generations of a master key', () => {
  let host: TpmHost
  before(async () => {
    host = await TpmHost.start()
  })
  after(() => host[Symbol.asyncDispose]())

  const open = (generation?: number) =>
    openTpmMasterKey({ ...host.options(), ...(generation === undefined ? {} : { generation }) })

  it('adds none before the first', async () => {
    const answer = await addGeneration(host.options('none'))
    assert.equal(answer.kind === 'refused' && answer.reason, 'not-enrolled')
  })

  it('adds the next beside the one in use: another key, with shares of its own, and both answer', async () => {
    await host.enrol()
    const first = await ask(await open(), 'message')
    const escrow = { threshold: 2, shares: 3, environment: 'north-works', gateway: 'gateway-7' }
    const answer = await addGeneration({ ...host.options(), mode: 'sealed', escrow })
    assert.equal(answer.kind, 'enrolled')
    if (answer.kind !== 'enrolled') return
    assert.equal(answer.generation, 2)
    const joined = joinShares(answer.shares)
    assert.equal(joined.kind === 'key' && joined.generation, 2)
    assert.equal(joined.kind === 'key' && joined.keyId, answer.keyId)
    assert.equal((await open()).generation, 2)
    assert.equal(await ask(await open(1), 'message'), first)
    const second = await ask(await open(), 'message')
    assert.match(second, /^[0-9a-f]{64}$/)
    assert.notEqual(second, first)
  })

  it('recovers an older generation without touching the newer one', async () => {
    const newer = await ask(await open(2), 'message')
    const key = Buffer.alloc(32, 7)
    await host.enrol({ state: 'two', key })
    await addGeneration(host.options('two'))
    const answer = await recoverTpm({ ...host.options('two'), key, generation: 1 })
    assert.match(answer.kind === 'recovered' ? answer.notes.join() : '', /generation 2 is newer/)
    assert.equal((await host.open('two')).generation, 2)
    assert.equal(await ask(await open(2), 'message'), newer)
  })

  it('removes an older one with the copies that recoveries kept, and never the newest', async () => {
    const newest = await removeGeneration({ ...host.options('two'), generation: 2 })
    assert.equal(newest.kind === 'refused' && newest.reason, 'newest')
    const unknown = await removeGeneration({ ...host.options('two'), generation: 3 })
    assert.equal(unknown.kind === 'refused' && unknown.reason, 'not-enrolled')
    await host.tpm.stop()
    const answer = await removeGeneration({ ...host.options('two'), generation: 1 })
    await host.tpm.restart()
    assert.deepEqual(answer, { kind: 'removed', generation: 1, files: 2 })
    assert.deepEqual(await readdir(host.path('two', 'master-key')), ['generation-2.json'])
    const gone = await openTpmMasterKey({ ...host.options('two'), generation: 1 })
    assert.equal(await ask(gone, 'message'), 'not-enrolled')
    assert.match(await ask(await host.open('two'), 'message'), /^[0-9a-f]{64}$/)
  })
})
