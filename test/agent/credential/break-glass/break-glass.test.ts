import assert from 'node:assert/strict'
import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
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

test('a handover is taken once, and only as it was left', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'break-glass.open')
  const { uid, gid } = await stat(folder.path)
  const key = Buffer.alloc(32, 9)
  await leaveHandover(path, { key, until: 1000 }, { uid, gid })
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  const taken = await takeHandover(path, USER)
  assert.ok(taken.kind === 'taken')
  assert.deepEqual([Buffer.from(taken.key), taken.until], [key, 1000])
  assert.deepEqual(await takeHandover(path, USER), { kind: 'none' })

  await writeFile(path, '{"key":"short","until":1}', { mode: 0o600 })
  assert.equal((await takeHandover(path, USER)).kind, 'refused')
  assert.deepEqual(await takeHandover(path, USER), { kind: 'none' }, 'what is no handover is gone too')
  await leaveHandover(path, { key, until: 1000 }, { uid, gid })
  await chmod(path, 0o640)
  assert.match(JSON.stringify(await takeHandover(path, USER)), /not to be trusted: mode/)
})

test('the emergency key is good until its time is over, to the millisecond, also when the clock is set back', async () => {
  await using folder = await temporaryFolder()
  const clock = new VirtualClock()
  const closed: string[] = []
  await using glass = new BreakGlass(join(folder.path, 'sealed'), OWNER, clock, why => closed.push(why))
  assert.deepEqual(glass.keyFor(0), { kind: 'expired' })
  assert.deepEqual(await glass.state(), { kind: 'none' })
  const key = Buffer.alloc(32, 5)
  const expected = breakGlassEpochKey(key, OWNER)
  assert.equal(glass.open(key, clock.wall() + HOUR), true)
  assert.deepEqual(key, Buffer.alloc(32), 'what was handed in is wiped')
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

test('an emergency whose time was over before the start is none', async () => {
  await using folder = await temporaryFolder()
  const clock = new VirtualClock()
  await using glass = new BreakGlass(join(folder.path, 'sealed'), OWNER, clock, () => {})
  assert.equal(glass.open(Buffer.alloc(32, 5), clock.wall()), false)
  assert.deepEqual(glass.keyFor(0), { kind: 'expired' })
})
