import { resolve } from 'node:path'
import { EXIT } from '../../model/exit.ts'
import { jsonLine } from '../../model/plain.ts'
import type { Clock } from '../../model/time.ts'
import { loadConfig } from '../config/load.ts'
import type { ConfigProblem } from '../config/problem.ts'
import { error, type Finding, notChecked, ok } from '../doctor/finding.ts'
import { formatReport, type Reported, reportJson } from '../doctor/report.ts'
import { describeWhole } from './check.ts'
import { CHECKS, type Check, HOST_CHECKS } from './doctor-checks.ts'
import { findSubject, type Subject } from './doctor-subject.ts'

export interface DoctorOptions {
  readonly config: string
  readonly offline?: boolean
  readonly json?: boolean
}

export interface DoctorSurroundings {
  readonly clock: Clock
  readonly user: number
  readonly credentialsDirectory: string | undefined
  out(text: string): void
}

/**
 * `holdfast doctor`: looks at everything that a gateway stands on, says what is wrong and what to do about it, and changes nothing.
 * Resolves with the exit code: 0 no errors, 2 the configuration is one, 6 something else is.
 */
export async function doctor(options: DoctorOptions, around: DoctorSurroundings): Promise<number> {
  const file = resolve(options.config)
  const reported: Reported[] = []
  const report = (check: string, findings: readonly Finding[]): void => {
    for (const finding of findings) reported.push({ check, finding })
  }
  for (const { name, run } of HOST_CHECKS) report(name, await run())
  const loaded = await loadConfig(file)
  if (loaded.kind === 'problems') {
    report('configuration', loaded.problems.map(ofProblem))
    for (const { name } of CHECKS) report(name, [notChecked('the configuration is to be mended first')])
  } else {
    report('configuration', [ok(describeWhole(file, loaded.config))])
    const subject = await findSubject(file, loaded.config, options.offline ?? false, around)
    for (const check of CHECKS) report(check.name, await perform(check, subject))
  }
  around.out(options.json ? jsonLine(reportJson(reported)) : formatReport(reported))
  if (loaded.kind === 'problems') return EXIT.usage
  return reported.some(({ finding }) => finding.level === 'error') ? EXIT.blocked : EXIT.done
}

/** One check; why not, where it cannot be done. A mistake in one of them does not keep the others from being seen. */
async function perform({ needs, run }: Check, subject: Subject): Promise<readonly Finding[]> {
  if (needs === 'devices' && subject.offline) return [notChecked('--offline: no device is touched')]
  if (needs === 'state' && !subject.seesState)
    return [notChecked(`this user may not look into ${subject.config.stateDir}`, 'run this as root')]
  try {
    return await run(subject)
  } catch (failure) {
    const { code, message } = failure as NodeJS.ErrnoException
    if (code === undefined) throw failure
    return [notChecked(message, 'run this as root')]
  }
}

function ofProblem({ file, line, column, path, message }: ConfigProblem): Finding {
  return error(
    `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`,
    'mend it with an editor; holdfast check',
  )
}
