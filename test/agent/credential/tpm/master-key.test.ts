import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { execa } from 'execa'
import type { MasterKey } from '../../../../agent/credential/master-key.ts'
import { openTpmMasterKey } from '../../../../agent/credential/tpm/master-key.ts'
import { type MasterKeySource, masterKeyContract } from '../master-key.contract.ts'
import { ask, TpmHost } from './host.ts'

for (const mode of ['resident', 'sealed'] as const) {
  masterKeyContract(`TPM, ${mode}`, async (): Promise<MasterKeySource> => {
    const host = await TpmHost.start()
    const secret = randomBytes(32)
    assert.equal((await host.enrol({ mode, key: secret })).kind, 'enrolled')
    return {
      master: await host.open(),
      secret,
      away: 'absent',
      takeAway: () => host.tpm.stop(),
      bringBack: () => host.tpm.restart(),
      [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
    }
  })
}

describe('TPM master key', () => {
  let host: TpmHost
  before(async () => {
    host = await TpmHost.start()
  })
  after(() => host[Symbol.asyncDispose]())

  it('is the same in both modes, and is what openssl computes', async () => {
    const key = randomBytes(32)
    const answers = []
    for (const mode of ['resident', 'sealed'] as const) {
      await host.enrol({ mode, key, state: `same-${mode}` })
      answers.push(await ask(await host.open(`same-${mode}`), 'epoch 20455'))
    }
    const { stdout } = await execa({
      input: 'epoch 20455',
    })`openssl dgst -sha256 -mac HMAC -macopt ${`hexkey:${key.toString('hex')}`} -r`
    assert.deepEqual(new Set(answers), new Set([stdout.slice(0, 64)]))
  })

  // One in 256 keys ends in a line feed, which much software strips. Each byte that some reader treats specially, at the end of
  // the key; test/agent/credential/tpm/tool.test.ts has all 256 of them at the end of a tool's output.
  for (const last of [0x00, 0x0a, 0x0d, 0x20, 0xff])
    it(`keeps a key that ends in 0x${last.toString(16).padStart(2, '0')} whole in both modes`, async () => {
      const key = randomBytes(32)
      key.fill(last, 30)
      const mac = createHmac('sha256', key).update('message').digest('hex')
      for (const mode of ['resident', 'sealed'] as const) {
        const state = `last-${last}-${mode}`
        await host.enrol({ mode, key, state })
        assert.equal(await ask(await host.open(state), 'message'), mac)
      }
    })

  it('is usable under its policy only, outside lock-out, and a resident one comes out of the TPM by no command', async () => {
    const use = '-c object -p pcr:sha256:7'
    for (const [mode, attributes] of Object.entries({
      resident: 'noda|sign',
      sealed: 'fixedtpm|fixedparent|noda',
    })) {
      await host.enrol({ mode: mode as 'resident', state: `bound-${mode}` })
      const record = JSON.parse(await host.text(`bound-${mode}`, 'master-key', 'generation-1.json'))
      await writeFile(host.path('public'), Buffer.from(record.public, 'base64'))
      await writeFile(host.path('private'), Buffer.from(record.private, 'base64'))
      await host.tool('tpm2_load -Q -C 0x81000001 -u public -r private -c object')
      await host.tool('tpm2_flushcontext -t')
      assert.ok(
        (await host.tool('tpm2_readpublic -c object')).stdout.includes(`value: ${attributes}\n`),
        mode,
      )
      await host.tool('tpm2_flushcontext -t')
      const password = await host.tool(
        mode === 'sealed' ? 'tpm2_unseal -c object' : 'tpm2_hmac -c object object',
      )
      assert.equal(password.failed, true)
      const duplicated = await host.tool(`tpm2_duplicate ${use} -C null -G null -r copy -s seed`)
      assert.match(duplicated.stderr, /Esys_Duplicate\(0x(99D|182)\)/)
      await host.tool('tpm2_flushcontext -t')
      if (mode === 'resident')
        assert.match((await host.tool(`tpm2_unseal ${use}`)).stderr, /Esys_Unseal\(0x182\)/)
      await host.tool('tpm2_flushcontext -t')
      await host.tool('tpm2_flushcontext -l')
    }
  })

  it('leaves nothing in the TPM and no file behind, after success and after failure', async () => {
    await host.enrol({ mode: 'resident', state: 'tidy' })
    const master = await host.open('tidy')
    await ask(master, 'message')
    await host.fake('tpm2_hmac', '"$real" "$@"; exit 1')
    assert.equal(await ask(master, 'message'), 'failed')
    await host.mend('tpm2_hmac')
    assert.equal(await host.occupied(), '')
    assert.deepEqual(await readdir(host.path('work')), [])
  })

  it('says `not-enrolled` before enrolment, and works from then on without being opened again', async () => {
    const master = await host.open('later')
    assert.equal(master.description, 'tpm (not enrolled)')
    assert.equal(await ask(master, 'message'), 'not-enrolled')
    await host.enrol({ mode: 'sealed', state: 'later' })
    assert.match(await ask(master, 'message'), /^[0-9a-f]{64}$/)
    assert.equal(master.description, 'tpm (sealed, sha256:7)')
    assert.equal(master.generation, 1)
  })

  it('ends a tool that hangs, with all its children, when the deadline comes, and then goes on', async () => {
    await host.enrol({ mode: 'resident', state: 'hang' })
    const master = await host.open('hang')
    await host.fake('tpm2_hmac', 'sleep 600 & echo $$ $! >pids; wait')
    await execa('mkfifo', [host.path('pids')])
    const controller = new AbortController()
    const hung = ask(master, 'message', controller.signal)
    const pids = (await host.text('pids')).trim().split(' ')
    controller.abort()
    assert.equal(await hung, 'timeout')
    assert.deepEqual(await Promise.all(pids.map(isRunning)), [false, false])
    await host.mend('tpm2_hmac')
    assert.match(await ask(master, 'message'), /^[0-9a-f]{64}$/)
  })

  it('answers in time when the TPM itself hangs, also to those who wait in the queue, and then goes on', async () => {
    await host.enrol({ mode: 'resident', state: 'frozen' })
    const master = await host.open('frozen')
    host.tpm.pause()
    const began = performance.now()
    const answers = await Promise.all(
      [1, 2, 3].map(n => ask(master, `message ${n}`, AbortSignal.timeout(300))),
    )
    assert.deepEqual(answers, ['timeout', 'timeout', 'timeout'])
    assert.ok(performance.now() - began < 3000, 'the answers come soon after the deadline')
    host.tpm.resume()
    assert.match(await ask(master, 'message'), /^[0-9a-f]{64}$/)
  })

  it('shares the TPM with another key that is kept elsewhere', async () => {
    const states = ['here', 'there', 'elsewhere']
    const enrolled = await Promise.all(states.map(state => host.enrol({ state })))
    assert.deepEqual(
      enrolled.map(({ kind }) => kind),
      ['enrolled', 'enrolled', 'enrolled'],
    )
    const masters = await Promise.all(states.map(state => host.open(state)))
    const answers = await Promise.all([...masters, ...masters].map(master => ask(master, 'message')))
    assert.deepEqual(answers.slice(0, 3), answers.slice(3))
    assert.equal(new Set(answers).size, 3)
  })

  it('shares the TPM with another process of holdfast', async () => {
    await host.enrol({ mode: 'resident', state: 'shared' })
    const { access } = host
    const caller = new URL('./caller.ts', import.meta.url).pathname
    const options = JSON.stringify({ ...access, stateDir: host.path('shared') })
    const reports = await Promise.all([1, 2, 3].map(() => execa(process.execPath, [caller, options, '5'])))
    const mac = await ask(await host.open('shared'), 'message')
    assert.deepEqual(
      reports.map(({ stdout }) => stdout.split('\n')),
      Array(3).fill(Array(5).fill(mac)),
    )
  })
})

describe('TPM master key, told why not', () => {
  it('is `policy` when the measured state of the host changed, in both modes, until the next good boot', async () => {
    await using host = await TpmHost.start()
    for (const mode of ['resident', 'sealed'] as const) {
      await host.enrol({ mode, state: mode })
      const master = await host.open(mode)
      await host.tool(`tpm2_pcrextend 7:sha256=${'ab'.repeat(32)}`)
      assert.equal(await ask(master, 'message'), 'policy')
      assert.equal(await host.occupied(), '')
      await host.tpm.restart()
      assert.match(await ask(master, 'message'), /^[0-9a-f]{64}$/)
    }
  })

  it('is `replaced` when the TPM was cleared', async () => {
    await using host = await TpmHost.start()
    await host.enrol()
    const master = await host.open()
    assert.equal((await host.tool('tpm2_clear -c p')).failed, false)
    assert.equal(await ask(master, 'message'), 'replaced')
  })

  it('is nothing at all when the TPM is in dictionary-attack lock-out: the key is outside of it', async () => {
    await using host = await TpmHost.start()
    await host.enrol()
    const master = await host.open()
    await host.lockOut()
    assert.match(await ask(master, 'message'), /^[0-9a-f]{64}$/)
  })

  it('is `locked-out` when a storage root that was there before is subject to lock-out, until that is cleared', async () => {
    await using host = await TpmHost.start()
    await host.tool('tpm2_createprimary -Q -C o -G ecc -c old-root')
    await host.tool('tpm2_evictcontrol -Q -C o -c old-root 0x81000001')
    await host.tool('tpm2_flushcontext -t')
    await host.enrol()
    const master = await host.open()
    await host.lockOut()
    assert.equal(await ask(master, 'message'), 'locked-out')
    await host.tool('tpm2_dictionarylockout -c')
    assert.match(await ask(master, 'message'), /^[0-9a-f]{64}$/)
  })

  it('is `busy` while another program occupies all of the TPM', async () => {
    await using host = await TpmHost.start()
    await host.enrol()
    const master = await host.open()
    await host.fake(
      'tpm2_load',
      'for n in 1 2 3; do tpm2_createprimary -Q -C n -G ecc -c x$n; done; exec "$real" "$@"',
    )
    assert.equal(await ask(master, 'message'), 'busy')
    await host.mend('tpm2_load')
    assert.match(await ask(master, 'message'), /^[0-9a-f]{64}$/)
  })

  it('is `absent` with the name of the package when a program is missing', async () => {
    await using host = await TpmHost.start()
    await host.enrol()
    const options = { ...host.access, toolPath: host.path('tools'), stateDir: host.path('state') }
    const master = await openTpmMasterKey(options)
    const remedies: string[] = []
    for (const present of [undefined, 'flock']) {
      if (present) await host.fake(present, 'shift 2; PATH=/usr/bin:/bin exec "$@"')
      const answer = await master.hmac(Buffer.from('message'), AbortSignal.timeout(30_000))
      remedies.push(answer.kind === 'unavailable' && answer.reason === 'absent' ? answer.remedy : answer.kind)
    }
    assert.deepEqual(remedies, ['Install the package util-linux.', 'Install the package tpm2-tools.'])
  })

  it('is `failed` when the record is damaged, and names the file', async () => {
    await using host = await TpmHost.start()
    await host.enrol()
    const record = host.path('state', 'master-key', 'generation-1.json')
    const sound = await readFile(record)
    for (const text of ['', '{}', sound.toString().replace('sha256:7', '-o /etc/passwd')]) {
      await writeFile(record, text)
      assert.match(await detail(await host.open()), /generation-1\.json is damaged/)
    }
  })

  it('is `failed` when a newer holdfast wrote the record, and sends nobody to recover over a good key', async () => {
    await using host = await TpmHost.start()
    await host.enrol()
    const record = host.path('state', 'master-key', 'generation-1.json')
    const { version, ...rest } = JSON.parse(await readFile(record, 'utf8')) as { version: number }
    await writeFile(record, JSON.stringify({ of: 'another form', ...rest, version: version + 1 }))
    const answer = await (await host.open()).hmac(Buffer.from('message'), AbortSignal.timeout(30_000))
    assert.ok(answer.kind === 'unavailable' && answer.reason === 'failed')
    assert.match(answer.detail, /generation-1\.json was written by a newer holdfast$/)
    assert.equal(answer.remedy, 'Install that one again: the key is not lost.')
  })

  it('is `failed` when a record was put together from two enrolments', async () => {
    await using host = await TpmHost.start()
    await host.enrol()
    await host.enrol({ state: 'other' })
    const [record, other] = await Promise.all(
      ['state', 'other'].map(async state =>
        JSON.parse(await host.text(state, 'master-key', 'generation-1.json')),
      ),
    )
    const mixed = { ...record, public: other.public, private: other.private }
    await writeFile(host.path('state', 'master-key', 'generation-1.json'), JSON.stringify(mixed))
    assert.match(await detail(await host.open()), /do not belong together/)
  })

  it('is `failed`, and no exception, when the system says no', async () => {
    await using host = await TpmHost.start()
    await host.enrol()
    const master = await host.open()
    await rm(host.path('work'), { recursive: true })
    assert.match(await detail(master), /ENOENT.*work/)
    await mkdir(host.path('work'))
    assert.match(await ask(master, 'message'), /^[0-9a-f]{64}$/)
  })
})

async function detail(master: MasterKey): Promise<string> {
  const answer = await master.hmac(Buffer.from('message'), AbortSignal.timeout(30_000))
  return answer.kind === 'unavailable' && answer.reason === 'failed' ? answer.detail : answer.kind
}

/** A process that ended and that nobody has waited for yet is not running. */
async function isRunning(pid: string): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')
  return !/\) [ZX]/.test(stat)
}
