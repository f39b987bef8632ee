import assert from 'node:assert/strict'
import { chmod, chown, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { BreakGlass, breakGlassEpochKey } from '../../../../agent/credential/break-glass/break-glass.ts'
import { leaveHandover, takeHandover } from '../../../../agent/credential/break-glass/handover.ts'
import { openBreakGlass, sealBreakGlass } from '../../../../agent/credential/break-glass/seal.ts'
import { formatSheet, readSheet } from '../../../../agent/credential/break-glass/sheet.ts'
import { VirtualClock } from '../../../../simulator/virtual-clock.ts'
import { seededEntropy } from '../../../seeded-entropy.ts'
import { temporaryFolder } from '../../../temporary-folder.ts'

const OWNER = { environment: 'demo', gateway: 'waterworks-1' }
const USER = process.getuid?.() ?? 0
const HOUR = 3_600_000

test('a sheet is read as it was written, however a person types it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), code => {
      const line = formatSheet(code, OWNER)
      for (const typed of [
        line,
        line.toLowerCase(),
        ` ${line}  `,
        line.split(' ')[2] ?? '',
        line
          .replaceAll('-', ' - ')
          .replace('hf - glass - 1', 'hf-glass-1')
          .replace('waterworks - 1', 'waterworks-1'),
      ]) {
        const read = readSheet(typed, OWNER)
        assert.deepEqual(read.kind === 'code' && Buffer.from(read.code), Buffer.from(code), typed)
      }
    }),
  )
})

test('a sheet with a wrong character, or of another gateway, is refused and says where', () => {
  const line = formatSheet(new Uint8Array(20).fill(7), OWNER)
  const wrong = readSheet(line.replace(/.$/, 'Z'), OWNER)
  assert.match(wrong.kind === 'refused' ? wrong.detail : '', /group 8/)
  const other = readSheet(line.replace('waterworks-1', 'waterworks-2'), OWNER)
  assert.match(other.kind === 'refused' ? other.detail : '', /is for demo\/waterworks-2/)
  for (const text of ['', ' ', 'hf-glass-1', 'hf-glass-2 demo/waterworks-1 XXXXX'])
    assert.equal(readSheet(text, OWNER).kind, 'refused', text)
})

test('the envelope opens with its own code, on its own gateway, and with nothing that is on the disk', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'break-glass.sealed')
  const entropy = seededEntropy('break-glass')
  const first = await sealBreakGlass(path, OWNER, entropy)
  const codeOf = (line: string) => {
    const read = readSheet(line, OWNER)
    return read.kind === 'code' ? read.code : assert.fail()
  }
  const opened = await openBreakGlass(path, codeOf(first), OWNER, USER)
  assert.equal(opened.kind === 'opened' && opened.key.length, 32)
  const onDisk = await readFile(path)
  assert.ok(!onDisk.includes(Buffer.from(opened.kind === 'opened' ? opened.key : '')))
  assert.equal((await stat(path)).mode & 0o777, 0o600)

  const elsewhere = await openBreakGlass(path, codeOf(first), { ...OWNER, gateway: 'waterworks-2' }, USER)
  assert.equal(elsewhere.kind, 'refused')
  const second = await sealBreakGlass(path, OWNER, entropy)
  assert.match(
    JSON.stringify(await openBreakGlass(path, codeOf(first), OWNER, USER)),
    /is it the newest sheet/,
    'an older sheet is worth nothing',
  )
  assert.equal((await openBreakGlass(path, codeOf(second), OWNER, USER)).kind, 'opened')
  const missing = await openBreakGlass(join(folder.path, 'none'), codeOf(second), OWNER, USER)
  assert.match(JSON.stringify(missing), /nothing is sealed/)
  await chmod(path, 0o644)
  assert.match(
    JSON.stringify(await openBreakGlass(path, codeOf(second), OWNER, USER)),
    /not to be trusted \(mode\)/,
  )
})

const ROOT_ALONE = { skip: USER === 0 ? false : 'only root leaves one' }

test('a handover is taken once, and only as root left it', ROOT_ALONE, async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'break-glass.open')
  const code = Buffer.alloc(20, 9)
  for (const [owner, mode] of [
    [{ uid: 0, gid: 0 }, 0o600],
    [{ uid: 12_345, gid: 12_346 }, 0o640],
  ] as const) {
    await chown(folder.path, owner.uid, owner.gid)
    await leaveHandover(path, { code, until: 1000 }, owner)
    const left = await stat(path)
    assert.deepEqual([left.uid, left.gid, left.mode & 0o777], [0, owner.gid, mode])
    const taken = await takeHandover(path, owner.uid)
    assert.ok(taken.kind === 'taken')
    assert.deepEqual([Buffer.from(taken.code), taken.until], [code, 1000])
    assert.deepEqual(await takeHandover(path, owner.uid), { kind: 'none' })

    await writeFile(path, '{"code":"short","until":1}', { mode: 0o600 })
    assert.equal((await takeHandover(path, owner.uid)).kind, 'refused')
    assert.deepEqual(await takeHandover(path, owner.uid), { kind: 'none' }, 'what is no handover is gone too')
    await leaveHandover(path, { code, until: 1000 }, owner)
    await chmod(path, 0o644)
    assert.match(JSON.stringify(await takeHandover(path, owner.uid)), /not to be trusted: mode/)
    await chmod(path, mode)
    await chown(path, 12_345, 12_346)
    assert.match(
      JSON.stringify(await takeHandover(path, owner.uid)),
      /not to be trusted: it belongs to user 12345, and only root leaves it/,
    )
  }
})

/** An envelope, the code that opens it, and the glass that it belongs to. */
async function sealed(path: string, clock: VirtualClock, onClosed: (why: string) => void = () => {}) {
  const sheet = readSheet(await sealBreakGlass(path, OWNER, seededEntropy('break-glass')), OWNER)
  const code = sheet.kind === 'code' ? sheet.code : assert.fail()
  return { code, glass: new BreakGlass(path, OWNER, clock, onClosed) }
}

test('the emergency key is good until its time is over, to the millisecond, also when the clock is set back', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'sealed')
  const clock = new VirtualClock()
  const closed: string[] = []
  const { code, glass } = await sealed(path, clock, why => closed.push(why))
  await using _glass = glass
  assert.deepEqual(glass.keyFor(0), { kind: 'expired' })
  assert.deepEqual(await glass.state(), { kind: 'sealed' })
  const opened = await openBreakGlass(path, code, OWNER, USER)
  const expected = opened.kind === 'opened' ? breakGlassEpochKey(opened.key, OWNER) : assert.fail()
  assert.equal(await glass.open({ code, until: clock.wall() + HOUR }, USER), undefined)
  assert.deepEqual(Buffer.from(code), Buffer.alloc(20), 'what was handed in is wiped')
  const answer = glass.keyFor(0)
  assert.deepEqual(answer.kind === 'key' && Buffer.from(answer.key), expected)
  assert.deepEqual(glass.keyFor(1), { kind: 'expired' })
  await clock.advance(HOUR - 1)
  assert.equal(glass.keyFor(0).kind, 'key')
  await clock.advance(1)
  assert.deepEqual(glass.keyFor(0), { kind: 'expired' })
  assert.deepEqual(closed, ['its time is over'])
  assert.equal(glass.close('again'), false)
})

test('an envelope opens once: a handover that somebody kept a copy of is worth nothing', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'sealed')
  const clock = new VirtualClock()
  const { code, glass } = await sealed(path, clock)
  const copy = Uint8Array.from(code)
  assert.equal(await glass.open({ code, until: clock.wall() + HOUR }, USER), undefined)
  await glass[Symbol.asyncDispose]()
  await using later = new BreakGlass(path, OWNER, clock, () => {})
  assert.match(
    (await later.open({ code: copy, until: clock.wall() + HOUR }, USER)) ?? '',
    /^nothing is sealed/,
  )
  assert.deepEqual(later.keyFor(0), { kind: 'expired' })
})

for (const [what, length, change, why] of [
  ['whose time was over before the start', 0, undefined, /^its time was over at .*the sheet is still good$/],
  [
    'of more than eight hours',
    8 * HOUR + 60_001,
    undefined,
    /^it would be good until .*, and 8h is the most$/,
  ],
  ['with a code that the envelope does not open with', HOUR, 'code', /^this is not the code of the key/],
  ['where nothing was ever sealed', HOUR, 'envelope', /^nothing is sealed in /],
] as const) {
  test(`an emergency ${what} is none, and uses up no envelope`, async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'sealed')
    const clock = new VirtualClock()
    const { code, glass } = await sealed(path, clock)
    await using _glass = glass
    if (change === 'code') code.fill(1)
    if (change === 'envelope') await rm(path)
    const before = await glass.state()
    assert.match((await glass.open({ code, until: clock.wall() + length }, USER)) ?? '', why)
    assert.deepEqual(Buffer.from(code), Buffer.alloc(20), 'what was handed in is wiped')
    assert.deepEqual(glass.keyFor(0), { kind: 'expired' })
    assert.deepEqual(await glass.state(), before)
  })
}
