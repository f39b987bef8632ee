import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { link, mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { WorkDirectory } from '../../../../agent/credential/tpm/work-directory.ts'

describe('work directory', () => {
  let root: string
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'hf-work-'))
  })
  after(() => rm(root, { recursive: true, force: true }))

  it('is for its owner alone, and in memory unless told otherwise', async () => {
    await using work = await WorkDirectory.create(undefined)
    assert.match(work.path('x'), /^\/dev\/shm\/holdfast-/)
    assert.equal((await stat(work.path('.'))).mode & 0o777, 0o700)
  })

  it('takes away, overwritten, what a killed process left, and nothing of one that runs', async () => {
    const place = await mkdtemp(join(root, 'place-'))
    const { pid } = spawnSync('true')
    const left = join(place, `holdfast-${pid}-AbCdEf`)
    const inUse = `holdfast-${process.ppid}-AbCdEf`
    await mkdir(left)
    await mkdir(join(place, inUse))
    await mkdir(join(place, 'holdfast-of-somebody'))
    await writeFile(join(left, 'message'), 'sensitive')
    await link(join(left, 'message'), join(place, 'witness'))
    {
      await using _work = await WorkDirectory.create(place)
    }
    assert.deepEqual((await readdir(place)).sort(), [inUse, 'holdfast-of-somebody', 'witness'].sort())
    assert.deepEqual(await readFile(join(place, 'witness')), Buffer.alloc(9))
    await rm(place, { recursive: true })
  })

  it('overwrites what is in it before it goes', async () => {
    {
      await using work = await WorkDirectory.create(root)
      await writeFile(work.path('context'), 'sensitive')
      await link(work.path('context'), join(root, 'witness'))
    }
    assert.deepEqual(await readFile(join(root, 'witness')), Buffer.alloc(9))
    assert.deepEqual(await readdir(root), ['witness'])
  })

  it('keeps a secret where no name leads to it, readable as standard input, and overwrites it at the end', async () => {
    await using work = await WorkDirectory.create(root)
    let witness: Awaited<ReturnType<typeof open>>
    {
      await using secret = await work.keepSecret(Buffer.from('key material\n'))
      assert.deepEqual(await readdir(work.path('.')), [])
      witness = await open(`/proc/self/fd/${secret.file.fd}`)
      assert.equal(await witness.readFile('latin1'), 'key material\n')
    }
    assert.deepEqual((await witness.read(Buffer.alloc(20), 0, 20, 0)).buffer, Buffer.alloc(20))
    await witness.close()
  })
})
