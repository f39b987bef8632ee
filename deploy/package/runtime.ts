import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { ARCHITECTURES, type Architecture, checkMachine } from './elf.ts'
import type { Locked } from './lock-file.ts'

/** Where Node's program for an architecture is, and its licence. */
export interface Runtime {
  readonly program: string
  readonly licence: string
}

/**
 * The Node runtime that the lock file pins. npm installs only this machine's: another one is fetched with `npm pack` and
 * compared with the hash in the lock file, in a folder of `work`. Throws when it is another, or for another machine.
 */
export async function nodeRuntime(
  root: string,
  architecture: Architecture,
  locked: Locked,
  work: string,
): Promise<Runtime> {
  const installed = join(root, 'node_modules', ARCHITECTURES[architecture].runtime)
  const folder = existsSync(join(installed, 'bin/node'))
    ? installed
    : await fetchRuntime(locked, join(work, locked.name))
  const program = join(folder, 'bin/node')
  checkMachine(program, architecture)
  return { program, licence: join(folder, 'LICENSE') }
}

async function fetchRuntime({ name, version, integrity }: Locked, folder: string): Promise<string> {
  mkdirSync(folder)
  const { stdout } = await execa('npm', ['pack', '--silent', '--prefer-offline', `${name}@${version}`], {
    cwd: folder,
    stdin: 'ignore',
  })
  const archive = join(folder, stdout.trim())
  const hash = createHash('sha512').update(readFileSync(archive)).digest('base64')
  if (`sha512-${hash}` !== integrity)
    throw new Error(`${name}@${version}: the registry's package is not the one in package-lock.json`)
  await execa('tar', ['-xzf', archive, '-C', folder])
  return join(folder, 'package')
}
