import { EXIT } from '../../model/exit.ts'
import { jsonLine, plain, plainLines } from '../../model/plain.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblems } from '../config/problem.ts'

/** `holdfast check`: reads a configuration and says everything that is wrong with it. Exit code 0 or 2. */
export async function check(options: { config: string; json?: boolean }): Promise<number> {
  const loaded = await loadConfig(options.config)
  const problems = loaded.kind === 'problems' ? loaded.problems : []
  if (options.json) {
    process.stdout.write(jsonLine({ ok: problems.length === 0, problems }))
  } else if (loaded.kind === 'problems') {
    process.stderr.write(plainLines(`${formatProblems(problems)}\n`))
  } else {
    process.stdout.write(plainLines(`${describeWhole(options.config, loaded.config)}\n`))
  }
  return problems.length === 0 ? EXIT.done : EXIT.usage
}

/** What is said of a configuration that has no mistake. */
export function describeWhole(file: string, { environment, gateway, ...of }: Config): string {
  const { devices, actuators, listeners } = of
  return `${plain(file)} is whole: ${environment}/${gateway}, ${devices.size} device(s), ${actuators.size} actuator(s), ${listeners.length} listener(s).`
}
