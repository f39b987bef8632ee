import { rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { PLAIN } from './debian.ts'

/**
 * Takes files off a disk whose machine is off, as the power cut left them, into `folder`; those that are not there are left out. The file
 * system's journal is played back on a copy. Throws when the file system is not whole after that.
 */
export async function salvage(disk: string, paths: readonly string[], folder: string): Promise<void> {
  const copy = join(folder, 'disk')
  await execa('cp', ['--sparse=always', disk, copy])
  const check = (...words: string[]) => execa('e2fsck', [...words, copy], { env: PLAIN, reject: false })
  await check('-E', 'journal_only', '-p')
  const { exitCode, stdout } = await check('-f', '-n')
  if (exitCode !== 0) throw new Error(`the file system has suffered, which no program could help:\n${stdout}`)
  for (const path of paths)
    await execa('debugfs', ['-R', `dump ${path} ${join(folder, basename(path))}`, copy], { env: PLAIN })
  rmSync(copy)
}
