import { stat } from 'node:fs/promises'
import type { Finding as TpmFinding } from '../credential/tpm/findings.ts'
import { error, type Finding, notChecked, ok, warning } from './finding.ts'
import { mayReadAndWrite, type Reader } from './reader.ts'

/** Whether the agent may use the TPM's device: whoever runs this may be root, and may everything. */
export async function checkTpmDevice(tcti: string, agent: Reader): Promise<Finding[]> {
  const [, path] = /^device:(.+)$/.exec(tcti) ?? []
  if (path === undefined)
    return tcti.startsWith('swtpm')
      ? [
          warning(
            'the TPM is in software: it keeps nothing from root',
            'for trials only; a gateway has a TPM of its own',
          ),
        ]
      : []
  const found = await stat(path).catch((failure: NodeJS.ErrnoException) => failure)
  if (found instanceof Error)
    return found.code === 'ENOENT'
      ? [
          error(
            `there is no ${path}: Linux sees no TPM`,
            'switch it on in the firmware set-up; dmesg | grep -i tpm',
          ),
        ]
      : [notChecked(`${path}: ${found.message}`, 'run this as root')]
  if (!mayReadAndWrite(agent, found))
    return [
      error(
        `${agent.name} may not use ${path}`,
        `usermod --append --groups tss ${agent.name}; is tpm-udev installed? Then restart the agent`,
      ),
    ]
  return path.startsWith('/dev/tpmrm')
    ? [ok(`${agent.name} may use ${path}`)]
    : [warning(`${path} goes past the kernel's resource manager`, 'tcti: device:/dev/tpmrm0')]
}

const LEVELS = { good: 'ok', notice: 'warning', trouble: 'error' } as const

/** What `holdfast tpm status` finds, in the words of this report. */
export function tpmFindings(found: readonly TpmFinding[]): Finding[] {
  return found.map(finding =>
    finding.level === 'good'
      ? ok(finding.text)
      : { level: LEVELS[finding.level], text: finding.text, remedy: finding.remedy },
  )
}
