import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Refusals } from '../../../agent/command/refusals.ts'
import { refuse } from '../../../agent/command/refused.ts'
import { commandRig } from './rig.ts'

type Kind = { readonly code: string; readonly source: string; readonly actuator?: string }

async function refusalsRig() {
  const rig = await commandRig()
  const admitted: (Kind & { isSigned: boolean })[] = []
  const { noted, audit, failures, trips, commands } = rig
  const refusals = new Refusals({
    audit,
    book: {
      admits: (kind, isSigned) => admitted.push({ ...kind, isSigned }) > 0,
      note: entry => void noted.push(entry),
      spend: () => {},
    },
    failures,
    trips,
    actuators: commands.actuators,
    alarm: () => {},
    suspend: () => {},
    closeListener: () => {},
  })
  return { ...rig, refusals, admitted }
}

/** What costs most bytes of all that a path may have in it: each is two in JSON. */
const LONG = `/${'"'.repeat(8000)}`

test('what nobody signed is recorded with the beginning of its path and of what was said of it, in less than 1200 bytes', async () => {
  await using rig = await refusalsRig()
  const received = { ...rig.sign(rig.issue()), path: LONG, source: 'fd00:aaaa:bbbb:cccc:dddd:eeee:ffff:1111' }
  await rig.refusals.of(received, refuse('not-found', `there is nothing at ${LONG}`), `a${'-'.repeat(62)}`)
  const [entry] = rig.noted
  assert.equal(entry?.path, `/${'"'.repeat(199)}… (7801 more)`)
  assert.match(String(entry?.detail), /^there is nothing at \/"{179}… \(7821 more\)$/)
  assert.ok(Buffer.byteLength(JSON.stringify(entry)) < 1200)
})

test('half a character is not kept where a text is cut', async () => {
  await using rig = await refusalsRig()
  await rig.refusals.of(rig.sign(rig.issue()), refuse('not-found', `${'x'.repeat(199)}😀`))
  assert.match(String(rig.noted[0]?.detail), /x\ufffd… \(1 more\)/)
})

test('what somebody signed is recorded with all that was said of it, by who signed it; a copy of it by where it came from', async () => {
  await using rig = await refusalsRig()
  const detail = 'x'.repeat(500)
  const who = { subject: 'alice', serial: 's', nonce: 'n', created: 1 }
  const received = rig.sign(rig.issue())
  await rig.refusals.of(received, refuse('tripped', detail, undefined, who), 'valve')
  assert.deepEqual(rig.admitted, [{ code: 'tripped', source: 'alice', actuator: 'valve', isSigned: true }])
  assert.equal((await rig.audit.records('refusal', 0, 1)).kind, 'records')
  await rig.refusals.of(received, refuse('replayed', 'seen', undefined, who), 'valve')
  assert.deepEqual(rig.admitted[1], {
    code: 'replayed',
    source: '10.1.2.3',
    actuator: 'valve',
    isSigned: false,
  })
})

test('an actuator that there is not makes no kind of its own', async () => {
  await using rig = await refusalsRig()
  for (const id of ['ghost-1', 'ghost-2'])
    await rig.refusals.of(rig.sign(rig.issue()), refuse('signature-invalid', ''), id)
  assert.deepEqual(
    rig.admitted.map(({ actuator }) => actuator),
    [undefined, undefined],
  )
  assert.equal(rig.noted[0]?.actuator, 'ghost-1', 'and the record says what was aimed at')
})
