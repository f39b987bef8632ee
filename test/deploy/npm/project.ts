import { copyFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import { ROOT } from '../../agent/gateway.ts'
import { temporaryFolder } from '../../temporary-folder.ts'

/**
 * What programs of the host see: nothing of what npm and the test runner say to those that they run. So `node` is the host's own, and
 * npm installs where it stands.
 */
const HOST: NodeJS.ProcessEnv = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:npm_|NODE_)/i.test(name))),
  PATH: (process.env.PATH ?? '')
    .split(delimiter)
    .filter(folder => !folder.includes('node_modules'))
    .join(delimiter),
}

/** Somebody else's project. */
export interface Project {
  readonly path: string
  at(...path: string[]): string
  /** Runs a program in it, as whoever has the project does. Rejects when it ends with anything but 0. */
  run(program: string, ...args: string[]): Promise<string>
}

/** A project into which npm has installed the simulator, packed, beside a plant file. Node's types are in it too. */
export async function projectWithSimulator(): Promise<Project & AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const { path } = stack.use(await temporaryFolder())
  const at = (...parts: string[]) => join(path, ...parts)
  const run = async (program: string, ...args: string[]) =>
    (await execa(program, args, { cwd: path, env: HOST, extendEnv: false, stdin: 'ignore' })).stdout
  await writeFile(at('package.json'), '{ "name": "mine", "private": true, "type": "module" }\n')
  await copyFile(join(ROOT, 'examples/water-treatment/plant.yaml'), at('plant.yaml'))
  const packed = await run(process.execPath, join(ROOT, 'deploy/npm/main.ts'), '--out', at('vendor'))
  await run(
    'npm',
    'install',
    '--save-dev',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    packed,
    join(ROOT, 'node_modules/@types/node'),
  )
  const made = stack.move()
  return { path, at, run, [Symbol.asyncDispose]: () => made.disposeAsync() }
}
