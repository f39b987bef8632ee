import { rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { PLAIN } from './debian.ts'

/** e2fsck(8): "file system errors corrected": the journal was played back, and free blocks were counted anew. */
const CORRECTED = 1

/**
 * Takes files off a disk whose machine is off, as the power cut left them, into `folder`; those that are not there are left out. A copy of
 * the disk stays beside them, as it is; the file system's journal is played back on another. Throws when it is not whole after that, as
 * none that asked for flushes should be.
 */
export async function salvage(disk: string, paths: readonly string[], folder: string): Promise<void> {
  const asItIs = join(folder, 'disk')
  const mended = join(folder, 'disk.mended')
  for (const copy of [asItIs, mended]) await execa('cp', ['--sparse=always', disk, copy])
  const { exitCode, stdout } = await execa('e2fsck', ['-f', '-p', mended], { env: PLAIN, reject: false })
  if (exitCode !== 0 && exitCode !== CORRECTED) throw new Error(`the file system is damaged:\n${stdout}`)
  for (const path of paths)
    await execa('debugfs', ['-R', `dump ${path} ${join(folder, basename(path))}`, mended], { env: PLAIN })
  rmSync(mended)
}
