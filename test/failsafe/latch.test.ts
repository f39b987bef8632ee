import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { FailsafeKeeper } from '../../failsafe/keeper.ts'
import { LatchFile, NOTHING_KEPT } from '../../failsafe/latch.ts'

const folder = () => mkdtemp(join(tmpdir(), 'holdfast-latch-'))
const record = { cause: 'authentication-failures', detail: 'forged', at: 1 } as const

test('what is saved is loaded again, and the file is its owner’s alone', async () => {
  const path = join(await folder(), 'state', 'latches.json')
  const file = new LatchFile(path)
  assert.deepEqual(await file.load(), NOTHING_KEPT)
  const kept = {
    latches: { valve: { record, safe: true } },
    suspended: { eve: { reason: 'forged', actuator: 'valve' } },
  }
  await file.save(kept)
  assert.deepEqual(await new LatchFile(path).load(), kept)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
})

test('of many saves at once the last one is what is kept', async () => {
  const path = join(await folder(), 'latches.json')
  const file = new LatchFile(path)
  await Promise.all(
    Array.from({ length: 50 }, (_, at) =>
      file.save({ latches: { valve: { record: { ...record, at }, safe: true } }, suspended: {} }),
    ),
  )
  assert.equal(JSON.parse(await readFile(path, 'utf8')).latches.valve.record.at, 49)
})

test('a file that cannot be understood is not taken for no latches', async () => {
  const path = join(await folder(), 'latches.json')
  for (const text of ['', '{', '{}', '{"latches":3,"suspended":{}}']) {
    await writeFile(path, text)
    await assert.rejects(new LatchFile(path).load(), SyntaxError, text)
  }
})

test('a disk that does not take the latches is reported, and nothing throws', async () => {
  const path = join(await folder(), 'not-a-folder', 'latches.json')
  await writeFile(join(path, '..'), 'a file where a folder should be')
  await chmod(join(path, '..'), 0o600)
  const troubles: string[] = []
  const keeper = new FailsafeKeeper(new LatchFile(path), detail => troubles.push(detail))
  await keeper.save()
  assert.equal(troubles.length, 1)
  assert.match(troubles[0] ?? '', /EEXIST|ENOTDIR/)
})
