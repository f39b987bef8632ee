import assert from 'node:assert/strict'
import { access, writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { parseBootValues } from '../../../../agent/credential/tpm/event-log.ts'
import { type GenerationStatus, type TpmStatus, tpmStatus } from '../../../../agent/credential/tpm/status.ts'
import { formatFindings } from '../../../../agent/credential/tpm/status-text.ts'
import { TpmHost } from './host.ts'

const ZERO = '00'.repeat(32)
const MEASURED = 'ab'.repeat(32)

describe('TPM status', () => {
  let host: TpmHost
  before(async () => {
    host = await TpmHost.start()
    await writeFile(host.path('log'), 'events')
  })
  after(() => host[Symbol.asyncDispose]())

  /** A boot after which the firmware's log says that PCR 7 had this value. */
  const logSays = (value: string) =>
    host.fake('tpm2_eventlog', `printf 'version: 1\\npcrs:\\n  sha256:\\n    7  : 0x${value}\\n'`)

  it('says that nothing is enrolled, and changes nothing by looking', async () => {
    const status = await statusOf(host, 'none')
    assert.deepEqual(status.generations, [])
    assert.match(textOf(status), /^notice {3}no master key is enrolled\n {9}Run holdfast enroll\.$/m)
    assert.equal(await access(host.path('none')).catch(() => 'missing'), 'missing')
    assert.equal((await host.tool('tpm2_getcap handles-persistent')).stdout, '')
  })

  it('says which TPM it is, what is free in it, and that the key works now', async () => {
    await host.enrol()
    const { tpm, generations, findings } = await statusOf(host)
    assert.equal(tpm.kind, 'properties')
    if (tpm.kind !== 'properties') return
    assert.equal(`${tpm.manufacturer} ${tpm.vendor}`, 'IBM SW TPM')
    assert.match(tpm.firmware, /^[0-9a-f]{8}\.[0-9a-f]{8}$/)
    assert.deepEqual(tpm.lockOut, { active: false, counter: 0, max: 3, intervalSeconds: 1000 })
    assert.deepEqual([tpm.free.objects, tpm.free.sessions, tpm.storageRoot], [3, 64, 'persistent'])
    const [generation] = generations
    assert.equal(nowOf(generation), 'works')
    assert.deepEqual(generation?.kind === 'enrolled' && generation.pcrs, [
      { pcr: 'sha256:7', bound: ZERO, now: ZERO, atStart: undefined },
    ])
    assert.equal(generation?.kind === 'enrolled' && generation.afterRestart, 'unknown')
    assert.deepEqual(
      findings.filter(({ level }) => level !== 'good').map(({ text }) => text),
      ['generation 1 is bound to sha256:7, into which nothing was measured: that notices no change'],
    )
  })

  it('says which PCR is not as it was, and that a restart helps when only the running system changed it', async () => {
    await host.tool(`tpm2_pcrextend 7:sha256=${MEASURED}`)
    const changed = await statusOf(host)
    assert.equal(nowOf(changed.generations[0]), 'policy')
    assert.match(
      textOf(changed),
      /^TROUBLE .*sha256:7 was 0000000000000000… and is [0-9a-f]{16}…\n.*holdfast recover/m,
    )
    await logSays(ZERO)
    const log = host.path('log')
    const known = await statusOf(host, 'state', log)
    assert.equal(known.generations[0]?.kind === 'enrolled' && known.generations[0].afterRestart, 'works')
    assert.match(textOf(known), /^TROUBLE .*\n {9}It was changed after the start of the host: restart it/m)
    await logSays(MEASURED)
    const firmware = await statusOf(host, 'state', log)
    assert.match(textOf(firmware), /^TROUBLE .*\n.*holdfast recover/m)
    await host.mend('tpm2_eventlog')
  })

  it('says beforehand that a key which works now will not after a restart', async () => {
    await host.enrol({ state: 'running' })
    await logSays(ZERO)
    const status = await statusOf(host, 'running', host.path('log'))
    await host.mend('tpm2_eventlog')
    assert.equal(nowOf(status.generations[0]), 'works')
    assert.match(textOf(status), /^TROUBLE {2}generation 1 will not work after a restart/m)
  })

  it('says that the key is of another TPM, that a file is damaged or of a newer holdfast, and that a lock-out does not matter', async () => {
    await using other = await TpmHost.start()
    await other.enrol({ key: Buffer.alloc(32, 1) })
    await other.tool('tpm2_clear -c p')
    const cleared = await statusOf(other)
    assert.equal(nowOf(cleared.generations[0]), 'replaced')
    assert.match(textOf(cleared), /the storage root key is not kept in the TPM/)
    await other.enrol({ state: 'second' })
    await writeFile(other.path('second', 'master-key', 'generation-1.json'), '{}')
    assert.match(
      textOf(await statusOf(other, 'second')),
      /^TROUBLE {2}generation 1: .*generation-1\.json is damaged/m,
    )
    await writeFile(other.path('second', 'master-key', 'generation-1.json'), '{"version":2}')
    assert.match(
      textOf(await statusOf(other, 'second')),
      /^TROUBLE {2}generation 1: .*generation-1\.json was written by a newer holdfast/m,
    )
    await other.enrol({ state: 'third' })
    await other.lockOut()
    const locked = await statusOf(other, 'third')
    assert.match(textOf(locked), /^notice {3}the TPM is in dictionary-attack lock-out/m)
    assert.equal(nowOf(locked.generations[0]), 'works')
  })

  it('tells what the files say when no TPM answers', async () => {
    await using gone = await TpmHost.start()
    await gone.enrol()
    await gone.tpm.stop()
    const status = await statusOf(gone)
    assert.equal(status.tpm.kind === 'unavailable' && status.tpm.reason, 'absent')
    assert.equal(nowOf(status.generations[0]), 'absent')
    assert.match(textOf(status), /^TROUBLE {2}TPM: no TPM answers at .*\n {9}Start the software TPM/m)
  })

  it('leaves nothing in the TPM', async () => {
    await statusOf(host)
    assert.equal(await host.occupied(), '')
  })

  it('reads what tpm2_eventlog prints at its end', () => {
    const text = `version: 1\nevents:\n- EventNum: 0\n  PCRIndex: 7\npcrs:\n  sha1:\n    7  : 0xAB\n  sha256:\n    0  : 0x01\n    14 : 0x0e\n`
    assert.deepEqual(parseBootValues(text), { 'sha1:7': 'ab', 'sha256:0': '01', 'sha256:14': '0e' })
    assert.deepEqual(parseBootValues('no list'), {})
  })
})

async function statusOf(host: TpmHost, state = 'state', eventLog = host.path('no-log')): Promise<TpmStatus> {
  return await tpmStatus({ ...host.options(state), eventLog })
}

function nowOf(generation: GenerationStatus | undefined): string {
  if (generation?.kind !== 'enrolled') return 'not enrolled'
  return generation.now.kind === 'works' ? 'works' : generation.now.reason
}

function textOf(status: TpmStatus): string {
  return formatFindings(status.findings)
}
