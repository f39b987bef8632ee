import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { chown, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { enrollTpm } from '../../../../agent/credential/tpm/enrolment.ts'
import { ask, TpmHost } from './host.ts'

describe('TPM enrolment', () => {
  let host: TpmHost
  before(async () => {
    host = await TpmHost.start()
  })
  after(() => host[Symbol.asyncDispose]())

  it('makes a resident key where the TPM can, and says what it did', async () => {
    const answer = await host.enrol({ state: 'auto' })
    assert.equal(answer.kind, 'enrolled')
    if (answer.kind !== 'enrolled') return
    const { mode, pcrs, generation, name, keyId, shares } = answer
    assert.deepEqual(
      { mode, pcrs, generation, shares },
      { mode: 'resident', pcrs: 'sha256:7', generation: 1, shares: [] },
    )
    const record = JSON.parse(await host.text('auto', 'master-key', 'generation-1.json'))
    assert.deepEqual(
      { ...record, public: '', private: '' },
      {
        version: 1,
        generation: 1,
        mode: 'resident',
        pcrs: 'sha256:7',
        boundTo: { 'sha256:7': '00'.repeat(32) },
        keyId,
        name,
        enrolledAt: '2026-01-02T03:04:05.000Z',
        public: '',
        private: '',
      },
    )
    assert.match(name, /^000b[0-9a-f]{64}$/)
  })

  it('makes a sealed key where the TPM cannot import or use an HMAC key, and refuses `resident` there', async () => {
    await host.fake('tpm2_getcap', '"$real" "$@" | grep -v TPM2_CC_HMAC')
    const refused = await host.enrol({ mode: 'resident', state: 'unable' })
    const enrolled = await host.enrol({ state: 'unable' })
    await host.mend('tpm2_getcap')
    assert.equal(refused.kind === 'refused' && refused.reason, 'mode')
    assert.equal(enrolled.kind === 'enrolled' && enrolled.mode, 'sealed')
  })

  it('makes another key each time, from the entropy given and from the TPM’s own', async () => {
    const clock = { wall: () => 0, monotonic: () => 0, sleep: async () => undefined }
    const macs = new Set<string>()
    for (const state of ['weak-1', 'weak-2']) {
      const options = { ...host.access, stateDir: host.path(state), pcrs: 'sha256:7', clock }
      await enrollTpm({
        ...options,
        entropy: bytes => new Uint8Array(bytes),
        signal: AbortSignal.timeout(30_000),
      })
      macs.add(await ask(await host.open(state), 'message'))
    }
    // A TPM that has none: the entropy given must be enough.
    await host.fake('tpm2_getrandom', 'head -c 32 /dev/zero')
    const own = randomBytes(32)
    const options = { ...host.access, stateDir: host.path('weak-3'), pcrs: 'sha256:7', clock }
    await enrollTpm({ ...options, entropy: () => new Uint8Array(own), signal: AbortSignal.timeout(30_000) })
    await host.mend('tpm2_getrandom')
    assert.equal(
      await ask(await host.open('weak-3'), 'message'),
      createHmac('sha256', own).update('message').digest('hex'),
    )
    assert.equal(macs.size, 2)
  })

  it('refuses to enrol over an existing key and leaves it as it was', async () => {
    await host.enrol({ state: 'twice' })
    const master = await host.open('twice')
    const mac = await ask(master, 'message')
    const answer = await host.enrol({ state: 'twice', mode: 'sealed' })
    assert.equal(answer.kind === 'refused' && answer.reason, 'already-enrolled')
    assert.equal(await ask(master, 'message'), mac)
  })

  it('enrols once when asked twice at the same time', async () => {
    const answers = await Promise.all([host.enrol({ state: 'race' }), host.enrol({ state: 'race' })])
    assert.deepEqual(answers.map(({ kind }) => kind).sort(), ['enrolled', 'refused'])
  })

  it('keeps the files for their owner alone: 0700 and 0600, of the user that the state directory belongs to', async () => {
    await mkdir(host.path('owned'))
    const isRoot = process.getuid?.() === 0
    if (isRoot) await chown(host.path('owned'), 1234, 1234)
    await host.enrol({ state: 'owned' })
    const directory = host.path('owned', 'master-key')
    assert.equal((await stat(directory)).mode & 0o777, 0o700)
    assert.deepEqual(await readdir(directory), ['generation-1.json'])
    for (const name of ['', ...(await readdir(directory))]) {
      const { mode, uid } = await stat(`${directory}/${name}`)
      if (name) assert.equal(mode & 0o777, 0o600)
      if (isRoot) assert.equal(uid, 1234)
    }
  })

  it('refuses PCRs that are not PCRs, or that the TPM does not have, before anything is made', async () => {
    for (const pcrs of [
      '',
      '7',
      'sha256:24',
      'sha256:7,',
      'sha256:7 -o /tmp/x',
      'sha256:7+',
      'sha256:7sha1:7',
      'md5:7',
      '+sha256:7',
    ]) {
      const answer = await host.enrol({ state: 'pcrs', pcrs })
      assert.match(answer.kind === 'refused' ? answer.detail : '', /does not name PCRs/, pcrs)
    }
    await host.fake('tpm2_getcap', '"$real" "$@" | sed "s/sha384: .*/sha384: [ ]/"')
    const answer = await host.enrol({ state: 'pcrs', pcrs: 'sha256:7+sha384:0,7' })
    await host.mend('tpm2_getcap')
    assert.match(answer.kind === 'refused' ? answer.detail : '', /no sha384:0, sha384:7/)
    assert.deepEqual(await readdir(host.path('pcrs', 'master-key')), [])
  })

  it('binds to several PCRs, in whatever order they are written', async () => {
    await host.tool(`tpm2_pcrextend 23:sha256=${'cd'.repeat(32)}`)
    assert.equal((await host.enrol({ state: 'disorder', pcrs: 'sha256:23,2,0' })).kind, 'enrolled')
    assert.match(await ask(await host.open('disorder'), 'message'), /^[0-9a-f]{64}$/)
    const answer = await host.enrol({ state: 'several', pcrs: 'sha1:0+sha256:0,2,7' })
    assert.equal(answer.kind, 'enrolled')
    assert.equal((await host.open('several')).description, 'tpm (resident, sha1:0+sha256:0,2,7)')
    assert.match(await ask(await host.open('several'), 'message'), /^[0-9a-f]{64}$/)
  })

  it('tells the engineer when nothing is measured into the PCRs, because the binding then notices nothing', async () => {
    const answer = await host.enrol({ state: 'empty' })
    assert.match(answer.kind === 'enrolled' ? answer.notes.join() : '', /sha256:7/)
    await host.tool(`tpm2_pcrextend 16:sha256=${'ab'.repeat(32)}`)
    const measured = await host.enrol({ state: 'measured', pcrs: 'sha256:16' })
    assert.deepEqual(measured.kind === 'enrolled' && measured.notes, [])
  })

  it('shows the key to nobody: not in arguments, not in the environment, not in a file with a name', async () => {
    const tools = [
      'getcap',
      'pcrread',
      'getrandom',
      'readpublic',
      'createprimary',
      'evictcontrol',
      'createpolicy',
    ]
    const spied = [...tools, 'import', 'create', 'load', 'hmac', 'unseal', 'flushcontext'].map(
      tool => `tpm2_${tool}`,
    )
    const spy = '{ echo "$0 $*"; env; cat work/*/* 2>/dev/null; } >>seen; cd - >/dev/null; exec "$real" "$@"'
    for (const tool of spied) await host.fake(tool, spy)
    const key = randomBytes(32)
    for (const mode of ['resident', 'sealed'] as const) {
      await host.enrol({ mode, key, state: `spied-${mode}` })
      await ask(await host.open(`spied-${mode}`), 'message')
    }
    for (const tool of spied) await host.mend(tool)
    const state = await Promise.all(
      ['resident', 'sealed'].map(mode => host.text(`spied-${mode}`, 'master-key', 'generation-1.json')),
    )
    const blobs = state.flatMap(text => {
      const record = JSON.parse(text)
      return [record.public, record.private].map(blob => Buffer.from(blob, 'base64').toString('latin1'))
    })
    const seen = [await host.text('seen'), ...state, ...blobs].join('')
    assert.match(seen, /tpm2_import .*\/dev\/stdin/)
    for (const form of ['latin1', 'hex', 'base64', 'base64url'] as const)
      assert.ok(!seen.includes(key.toString(form)), form)
    const variables = new Set(seen.match(/^[A-Z][A-Z0-9_]*(?==)/gm))
    assert.deepEqual([...variables].filter(name => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name)).sort(), [
      'LANG',
      'PATH',
      'TPM2TOOLS_TCTI',
    ])
  })

  it('makes the storage root again each time when the TPM will not keep it', async () => {
    await using poor = await TpmHost.start()
    await poor.fake(
      'tpm2_evictcontrol',
      'echo "ERROR: Esys_EvictControl(0x14B) - tpm:error(2.0): NV space" >&2; exit 1',
    )
    const answer = await poor.enrol()
    assert.match(answer.kind === 'enrolled' ? answer.notes.join() : '', /made again each time/)
    assert.match(await ask(await poor.open(), 'message'), /^[0-9a-f]{64}$/)
    assert.equal((await poor.tool('tpm2_getcap handles-persistent')).stdout, '')
  })

  it('says that the owner has a password, and what to do, when the storage root cannot be made', async () => {
    await using owned = await TpmHost.start()
    await owned.tool('tpm2_changeauth -c o password')
    const answer = await owned.enrol()
    assert.equal(answer.kind === 'unavailable' && answer.reason, 'failed')
    assert.match(
      answer.kind === 'unavailable' ? `${answer.detail} ${answer.remedy}` : '',
      /password.*0x81000001/,
    )
  })

  it('writes nothing down when the TPM computes a wrong HMAC, or one of a wrong length', async () => {
    for (const length of [31, 32, 33]) {
      await host.fake('tpm2_hmac', `head -c ${length} /dev/zero`)
      const answer = await host.enrol({ state: 'wrong' })
      await host.mend('tpm2_hmac')
      assert.equal(answer.kind === 'unavailable' && answer.reason, 'failed')
      assert.deepEqual(await readdir(host.path('wrong', 'master-key')), [])
    }
  })

  it('is all or nothing: what an interrupted enrolment left behind is no key, and is replaced', async () => {
    const directory = host.path('torn', 'master-key')
    await mkdir(directory, { recursive: true })
    await writeFile(`${directory}/generation-1.json.new`, 'half')
    assert.equal(await ask(await host.open('torn'), 'message'), 'not-enrolled')
    assert.equal((await host.enrol({ state: 'torn' })).kind, 'enrolled')
    assert.match(await ask(await host.open('torn'), 'message'), /^[0-9a-f]{64}$/)
  })

  it('says so when the state directory cannot be written', async () => {
    await writeFile(host.path('file'), '')
    const answer = await host.enrol({ state: 'file' })
    assert.equal(answer.kind === 'refused' && answer.reason, 'state-dir')
  })

  it('says that there is no TPM, with the address, when there is none', async () => {
    await using gone = await TpmHost.start()
    await gone.tpm.stop()
    const answer = await gone.enrol()
    assert.equal(answer.kind === 'unavailable' && answer.reason, 'absent')
    assert.ok(answer.kind === 'unavailable' && answer.detail.includes(gone.tpm.tcti))
    assert.equal(
      await readFile(gone.path('state', 'master-key', 'generation-1.json')).catch(() => 'none'),
      'none',
    )
  })
})
