import { access, constants } from 'node:fs/promises'
import type { PcrValues } from './pcrs.ts'
import type { Turn } from './turn.ts'

/** What firmware and boot loader measured, as Linux shows it to root (TCG PC Client Platform Firmware Profile, 10). */
export const EVENT_LOG = '/sys/kernel/security/tpm0/binary_bios_measurements'

/**
 * The values that PCRs had when the operating system took over, which are those after the next start if nothing that is measured
 * changes. Empty when this host keeps no such log or does not show it to this user.
 */
export async function readBootValues(turn: Turn, path: string): Promise<PcrValues> {
  const readable = await access(path, constants.R_OK).then(
    () => true,
    () => false,
  )
  if (!readable) return {}
  const read = await turn.run('tpm2_eventlog', [path])
  return read.kind === 'failed' ? {} : parseBootValues(Buffer.from(read.stdout).toString('latin1'))
}

/** Reads the end of what tpm2_eventlog prints: `pcrs:`, then each bank and `    7  : 0x…`. */
export function parseBootValues(text: string): PcrValues {
  const values: Record<string, string> = {}
  const [, list = ''] = /^pcrs:\n((?: .*\n?)*)/m.exec(text) ?? []
  let bank = ''
  for (const line of list.split('\n')) {
    const [, name] = /^ {2}(\w+):$/.exec(line) ?? []
    const [, index, value] = /^ {4}([0-9]+)\s*: 0x([0-9a-fA-F]+)$/.exec(line) ?? []
    if (name) bank = name
    if (index !== undefined && value !== undefined) values[`${bank}:${index}`] = value.toLowerCase()
  }
  return values
}
