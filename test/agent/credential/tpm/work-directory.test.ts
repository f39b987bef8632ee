import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmod,
  chown,
  link,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { WorkDirectory } from '../../../../agent/credential/tpm/work-directory.ts'

describe('work directory', () => {
  let root: string
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'hf-work-'))
  })
  after(() => rm(root, { recursive: true, force: true }))

  it('is for its owner alone, in memory and where nobody else can put anything, unless told otherwise', async () => {
    await using work = await WorkDirectory.create(undefined)
    const expected = process.getuid?.() === 0 ? /^\/run\/holdfast-/ : /^\/dev\/shm\/holdfast-/
    assert.match(work.path('x'), expected)
    assert.equal((await stat(work.path('.'))).mode & 0o777, 0o700)
  })

  it('takes away, overwritten, what a killed process left, and nothing of one that runs', async () => {
    const place = await mkdtemp(join(root, 'place-'))
    const left = await leftIn(place)
    const inUse = `holdfast-${process.ppid}-AbCdEf`
    await mkdir(join(place, inUse), { mode: 0o700 })
    await mkdir(join(place, 'holdfast-of-somebody'))
    await writeFile(join(left, 'message'), 'sensitive')
    await using witness = await open(join(left, 'message'))
    {
      await using _work = await WorkDirectory.create(place)
    }
    assert.deepEqual((await readdir(place)).sort(), [inUse, 'holdfast-of-somebody'].sort())
    assert.deepEqual(await witness.readFile(), Buffer.alloc(9))
    await rm(place, { recursive: true })
  })

  it('sweeps nothing where others can put things, whatever it is called', async () => {
    const place = await mkdtemp(join(root, 'everybodys-'))
    await chmod(place, 0o1777)
    const left = await leftIn(place)
    await writeFile(join(left, 'message'), 'sensitive')
    {
      await using _work = await WorkDirectory.create(place)
    }
    assert.equal(await readFile(join(left, 'message'), 'latin1'), 'sensitive')
    await rm(place, { recursive: true })
  })

  const planted: readonly (readonly [what: string, lay: (left: string, victim: string) => Promise<void>])[] =
    [
      ['a symbolic link', (left, victim) => symlink(victim, join(left, 'a'))],
      ['a second name of the file', (left, victim) => link(victim, join(left, 'a'))],
      [
        'a directory with a mode that work directories never have',
        async (left, victim) => {
          await chmod(left, 0o755)
          await link(victim, join(left, 'a'))
        },
      ],
      [
        'a symbolic link in the place of the directory',
        async (left, victim) => {
          await rm(left, { recursive: true })
          await symlink(dirname(victim), left)
        },
      ],
    ]
  for (const [what, lay] of planted) {
    it(`overwrites and removes no other file: ${what}`, async () => {
      const place = await mkdtemp(join(root, 'planted-'))
      const kept = await mkdtemp(join(root, 'kept-'))
      const victim = join(kept, 'victim')
      await writeFile(victim, 'somebody keeps this')
      await lay(await leftIn(place), victim)
      {
        await using _work = await WorkDirectory.create(place)
      }
      assert.equal(await readFile(victim, 'latin1'), 'somebody keeps this')
    })
  }

  it("leaves another user's directory alone", {
    skip: process.getuid?.() === 0 ? false : 'only root can make one',
  }, async () => {
    const place = await mkdtemp(join(root, 'another-'))
    const left = await leftIn(place)
    await writeFile(join(left, 'message'), 'sensitive')
    await chown(left, 65_534, 65_534)
    {
      await using _work = await WorkDirectory.create(place)
    }
    assert.equal(await readFile(join(left, 'message'), 'latin1'), 'sensitive')
  })

  it('is not held up by a pipe that somebody left', async () => {
    const place = await mkdtemp(join(root, 'pipe-'))
    const left = await leftIn(place)
    assert.equal(spawnSync('mkfifo', [join(left, 'a')]).status, 0)
    {
      await using _work = await WorkDirectory.create(place)
    }
    assert.deepEqual(await readdir(place), [])
  })

  it('overwrites what is in it before it goes', async () => {
    const place = await mkdtemp(join(root, 'own-'))
    const work = await WorkDirectory.create(place)
    await writeFile(work.path('context'), 'sensitive')
    await using witness = await open(work.path('context'))
    await work[Symbol.asyncDispose]()
    assert.deepEqual(await witness.readFile(), Buffer.alloc(9))
    assert.deepEqual(await readdir(place), [])
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

/** A work directory as a process leaves it that was killed. */
async function leftIn(place: string): Promise<string> {
  const { pid } = spawnSync('true')
  const left = join(place, `holdfast-${pid}-AbCdEf`)
  await mkdir(left, { mode: 0o700 })
  return left
}
