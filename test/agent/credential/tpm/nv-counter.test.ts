import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { counterIndex, NvCounter } from '../../../../agent/credential/tpm/nv-counter.ts'
import { TpmHost } from './host.ts'

const NAME = 'north-works/gateway-7'

describe('a counter in the TPM', () => {
  let host: TpmHost
  before(async () => {
    host = await TpmHost.start()
  })
  after(() => host[Symbol.asyncDispose]())

  const open = (name = NAME, timeout = 30_000) =>
    new NvCounter({ ...host.access, name, lock: host.path('state'), timeout })
  const undefine = (name = NAME) => host.tool(`tpm2_nvundefine ${counterIndex(name)} -C o`)

  it('has an index of the owner that its name alone gives, another for each name', () => {
    assert.match(counterIndex(NAME), /^0x01[89ab][0-9a-f]{5}$/)
    assert.equal(counterIndex(NAME), counterIndex(NAME))
    assert.notEqual(counterIndex(NAME), counterIndex('north-works/gateway-8'))
  })

  it('is absent before it is begun, and counts by one from then on', async () => {
    assert.deepEqual(await open().read(), { kind: 'absent' })
    assert.equal((await open().increment()).kind, 'unavailable')
    const begun = await open().begin()
    assert.equal(begun.kind, 'value')
    const value = begun.kind === 'value' ? begun.value : Number.NaN
    assert.deepEqual(await open().read(), begun)
    assert.deepEqual(await open().increment(), { kind: 'value', value: value + 1 })
    assert.deepEqual(await open().begin(), { kind: 'value', value: value + 1 }, 'it is begun once')
    assert.equal(await host.occupied(), '', 'nothing is left in the TPM')
  })

  it('keeps its count over a power cycle', async () => {
    const before = await open().read()
    await host.tpm.restart()
    assert.deepEqual(await open().read(), before)
  })

  it('tells a counter that was made and has never counted, and begins it', async () => {
    const name = 'unused'
    await host.tool(`tpm2_nvdefine -Q ${counterIndex(name)} -C o -s 8 -a authread|authwrite|nt=counter`)
    assert.deepEqual(await open(name).read(), { kind: 'unused' })
    assert.equal((await open(name).begin()).kind, 'value')
  })

  it('cannot be set back: made anew, and after the TPM was cleared, it begins above where it was', async () => {
    const before = await open().read()
    const last = before.kind === 'value' ? before.value : Number.NaN
    await undefine()
    const again = await open().begin()
    assert.ok(again.kind === 'value' && again.value > last)
    assert.equal((await host.tool('tpm2_clear -Q -c p')).failed, false)
    assert.deepEqual(await open().read(), { kind: 'absent' })
    const cleared = await open().begin()
    assert.ok(cleared.kind === 'value' && cleared.value > again.value)
  })

  it('says where the next one begins, and leaves none behind: of a TPM that counted before, and of one that was cleared', async () => {
    for (const clears of [false, true]) {
      await undefine()
      if (clears) await host.tool('tpm2_clear -Q -c p')
      const first = await open().first()
      assert.equal(first.kind, 'value')
      assert.deepEqual(await open().read(), { kind: 'absent' })
      assert.deepEqual(await open().begin(), first)
    }
  })

  it('is not taken in by eight bytes that somebody wrote in its place', async () => {
    const name = 'forged'
    await host.tool(`tpm2_nvdefine -Q ${counterIndex(name)} -C o -s 8 -a authread|authwrite`)
    await host.tool(
      `tpm2_nvwrite -Q -C ${counterIndex(name)} -i - ${counterIndex(name)}`,
      '\0\0\0\0\0\0\0\x05',
    )
    const reading = await open(name).read()
    assert.match(reading.kind === 'unavailable' ? reading.detail : '', /is not a counter/)
  })

  it('is used while another program has brought the TPM into dictionary-attack lock-out', async () => {
    await host.enrol()
    await host.lockOut()
    assert.equal((await open().increment()).kind, 'value')
    await host.tool('tpm2_dictionarylockout -c')
  })

  it('says how the owner makes it where the TPM asks for a password', async () => {
    await host.tool('tpm2_changeauth -c o secret')
    const asked = await open('owned').begin()
    assert.match(asked.kind === 'unavailable' ? asked.remedy : '', /tpm2_nvdefine 0x01\S+ -C o -P PASSWORD/)
    const [, line = ''] = /once: (.*)\.$/.exec(asked.kind === 'unavailable' ? asked.remedy : '') ?? []
    const made = await host.tool(line.replace('PASSWORD', 'secret').replaceAll('"', ''))
    assert.equal(made.failed, false, made.stderr)
    assert.equal((await open('owned').begin()).kind, 'value', 'from then on it needs no password')
    await host.tool('tpm2_changeauth -c o -p secret')
  })

  it('answers in time, and in words, when the TPM does not', async () => {
    await host.tpm.stop()
    const gone = await open().read()
    assert.match(gone.kind === 'unavailable' ? gone.detail : '', /no TPM answers/)
    await host.tpm.restart()
    host.tpm.pause()
    const hangs = await open(NAME, 200).read()
    assert.match(hangs.kind === 'unavailable' ? hangs.detail : '', /did not answer before the deadline/)
    host.tpm.resume()
  })
})
