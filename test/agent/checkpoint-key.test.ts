import assert from 'node:assert/strict'
import { chmod, link, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { formatVkey, signerFrom, verifierOf } from '../../agent/audit/note.ts'
import { publishCheckpointKey } from '../../agent/checkpoint-key.ts'
import type { Config } from '../../agent/config/config.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const signerOf = (generation: number) => signerFrom('plant/gateway-1', Buffer.alloc(32, generation))
const vkeyOf = (generation: number) => formatVkey(verifierOf(signerOf(generation)))

test('the public key of each generation is put below those before it, once', async () => {
  await using folder = await temporaryFolder()
  const config = { stateDir: folder.path } as Config
  for (const generation of [1, 2, 2, 1])
    assert.equal(await publishCheckpointKey(config, signerOf(generation)), vkeyOf(generation))
  const text = await readFile(join(folder.path, 'audit.vkey'), 'utf8')
  assert.equal(text, `${vkeyOf(1)}\n${vkeyOf(2)}\n`)
})

test('no moment is without the public keys of earlier generations: the file is replaced whole and never written over', async () => {
  await using folder = await temporaryFolder()
  const config = { stateDir: folder.path } as Config
  await publishCheckpointKey(config, signerOf(1))
  const path = join(folder.path, 'audit.vkey')
  await link(path, join(folder.path, 'as it was'))
  await publishCheckpointKey(config, signerOf(2))
  assert.equal(await readFile(join(folder.path, 'as it was'), 'utf8'), `${vkeyOf(1)}\n`)
  await mkdir(`${path}.new`)
  await assert.rejects(publishCheckpointKey(config, signerOf(3)))
  assert.equal(await readFile(path, 'utf8'), `${vkeyOf(1)}\n${vkeyOf(2)}\n`)
})

test('a file of public keys that cannot be read is not taken for none, and stands', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'audit.vkey')
  await writeFile(path, `${vkeyOf(1)}\n`)
  // To be written and not to be read, by somebody who is not root: root reads everything.
  await chmod(path, 0o222)
  await chmod(folder.path, 0o777)
  const module = JSON.stringify(join(import.meta.dirname, '../../agent/checkpoint-key.ts'))
  const text = `
    const { publishCheckpointKey } = await import(${module})
    const { signerFrom } = await import(${module.replace('checkpoint-key', 'audit/note')})
    if (process.getuid() === 0) process.setuid(54321)
    const signer = signerFrom('plant/gateway-1', Buffer.alloc(32, 2))
    await publishCheckpointKey({ stateDir: ${JSON.stringify(folder.path)} }, signer).catch(error => console.log(error.code))
  `
  const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', text], { reject: false })
  assert.equal(stdout, 'EACCES')
  await chmod(path, 0o600)
  assert.equal(await readFile(path, 'utf8'), `${vkeyOf(1)}\n`)
})
