import assert from 'node:assert/strict'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { temporaryFolder } from '../../temporary-folder.ts'
import { requireTools } from './debian.ts'
import { VolatileDisk } from './volatile-disk.ts'

// The disk of the virtual machine decides what its power cuts can find: it is held to its word by qemu's own tool.

requireTools({ 'qemu-io': 'qemu-utils' })

/** A disk of 64 KiB, and a hand that reads and writes it (qemu-io(1)); `abort` leaves without the flush that tidy programs do. */
async function makeDisk(folder: string) {
  const image = join(folder, 'image')
  writeFileSync(image, '')
  truncateSync(image, 65536)
  const disk = await VolatileDisk.serve(image, join(folder, 'disk.sock'))
  const io = async (...commands: readonly string[]) => {
    const words = commands.flatMap(command => ['-c', command])
    const { stdout } = await execa(
      'qemu-io',
      ['-f', 'raw', '-t', 'writeback', ...words, `nbd+unix:///?socket=${disk.path}`],
      {
        reject: false,
      },
    )
    return stdout
  }
  /** Whether every byte there is that one. */
  const holds = async (byte: number, where: string) =>
    !/Pattern verification failed/.test(await io(`read -P ${byte} ${where}`))
  return { disk, io, holds }
}

test('what was flushed survives a power cut, and of what was not, only what the disk had come round to', async () => {
  await using folder = await temporaryFolder()
  const { disk, io, holds } = await makeDisk(folder.path)
  await using _ = disk
  await io('write -P 1 0 16k', 'flush', 'write -P 2 4k 4k', 'write -P 2 8k 4k', 'abort')
  let turn = 0
  assert.deepEqual(
    disk.forget(() => turn++ > 0),
    { unflushed: 2, kept: 1 },
  )
  assert.equal(await holds(1, '0 8k'), true, 'the first was lost')
  assert.equal(await holds(2, '8k 4k'), true, 'the second was kept')
  assert.equal(await holds(1, '12k 4k'), true)
})

test('a forced write is durable when it is answered, and takes nothing else along', async () => {
  await using folder = await temporaryFolder()
  const { disk, io, holds } = await makeDisk(folder.path)
  await using _ = disk
  await io('write -P 3 0 4k', 'write -f -P 4 8k 4k', 'abort')
  assert.deepEqual(
    disk.forget(() => false),
    { unflushed: 1, kept: 0 },
  )
  assert.equal(await holds(0, '0 4k'), true)
  assert.equal(await holds(4, '8k 4k'), true)
})

test('what is in the cache is read from there: writes smaller than a block, and over the edge of one, keep what is beside them', async () => {
  await using folder = await temporaryFolder()
  const { disk, io, holds } = await makeDisk(folder.path)
  await using _ = disk
  await io('write -P 5 0 12k', 'write -P 6 3584 1k', 'write -P 7 8704 512', 'abort')
  for (const [byte, where] of [
    [5, '0 3584'],
    [6, '3584 1k'],
    [5, '4608 4096'],
    [7, '8704 512'],
    [5, '9216 3072'],
  ] as const)
    assert.equal(await holds(byte, where), true, where)
})

test('a disk whose power fails amid writes has the last of them in its cache, flushes nothing any more, and tells nobody', async () => {
  await using folder = await temporaryFolder()
  const { disk, io, holds } = await makeDisk(folder.path)
  await using _ = disk
  const silent = disk.silentAfter(2)
  let heard: string | undefined
  const writer = io('write -P 8 0 4k', 'flush', 'write -f -P 9 4k 4k', 'flush').then(said => {
    heard = said
  })
  await silent
  // As long as another program takes, so does whoever would have been told.
  await execa('qemu-io', ['--version'])
  assert.equal(heard, undefined)
  assert.deepEqual(
    disk.forget(() => false),
    { unflushed: 1, kept: 0 },
  )
  await writer
  assert.equal(await holds(8, '0 4k'), true)
  assert.equal(await holds(0, '4k 4k'), true)
})

test('a disk that dies fails whatever it is asked, and has all that was flushed once it works again', async () => {
  await using folder = await temporaryFolder()
  const { disk, io, holds } = await makeDisk(folder.path)
  await using _ = disk
  await io('write -P 1 0 4k', 'flush')
  disk.die()
  const said = await io('write -P 2 0 4k', 'write -f -P 2 0 4k', 'read 0 4k')
  assert.equal(said.match(/Input\/output error/g)?.length, 3, said)
  assert.deepEqual(
    disk.forget(() => true),
    { unflushed: 0, kept: 0 },
  )
  assert.equal(await holds(1, '0 4k'), true)
})

test('a disk that ails fails as many writes as it is to, carries none of them out, and does all else', async () => {
  await using folder = await temporaryFolder()
  const { disk, io, holds } = await makeDisk(folder.path)
  await using _ = disk
  disk.ail(1)
  const said = await io('read 0 4k', 'write -P 1 0 4k', 'write -P 2 4k 4k', 'flush')
  assert.equal(said.match(/Input\/output error/g)?.length, 1, said)
  assert.deepEqual(
    disk.forget(() => false),
    { unflushed: 0, kept: 0 },
  )
  assert.equal(await holds(0, '0 4k'), true)
  assert.equal(await holds(2, '4k 4k'), true)
})
