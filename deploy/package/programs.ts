import { cpSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'

/**
 * Compiles the programs into `folder`: what `holdfast` reaches, and nothing of tests, demo and bench. The package ships JavaScript
 * because stripping types costs at every start, and needs WebAssembly, which there is none of under --jitless.
 */
export async function compilePrograms(root: string, folder: string): Promise<void> {
  // The panel is compiled by itself: it runs in a browser, and must not compile with what only Node has.
  for (const project of ['deploy/package', 'console/panel']) {
    const words = ['-p', join(root, project), '--noEmit', 'false', '--outDir', folder]
    await execa(join(root, 'node_modules/.bin/tsc'), words, { cwd: root, stdin: 'ignore' })
  }
  // Pages that the simulator and the agent serve.
  for (const file of globSync(['simulator/**/*.{css,html,js}', 'console/panel/*.{css,html,svg}'], {
    cwd: root,
  }))
    cpSync(join(root, file), join(folder, file))
}

/** The names of the npm packages that compiled programs import, at once or later. */
export function importedPackages(folder: string): Set<string> {
  const names = new Set<string>()
  for (const file of globSync('**/*.js', { cwd: folder })) {
    const text = readFileSync(join(folder, file), 'utf8')
    for (const [, specifier = ''] of text.matchAll(
      /(?:^(?:import|export|\}).*\bfrom |^import |\bimport\()['"]([^'"]+)['"]/gm,
    )) {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) continue
      names.add(
        specifier
          .split('/')
          .slice(0, specifier.startsWith('@') ? 2 : 1)
          .join('/'),
      )
    }
  }
  return names
}
