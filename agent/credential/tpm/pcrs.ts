import { readFile } from 'node:fs/promises'
import type { ToolFailure } from './tool.ts'
import type { Turn } from './turn.ts'

/** PCRs as tpm2-tools take them: `sha256:7`, `sha256:0,2,7`, `sha1:7+sha256:7`. */
export const PCRS_FORM = pcrsForm()

function pcrsForm(): RegExp {
  const index = '(?:[0-9]|1[0-9]|2[0-3])'
  const bank = `(?:sha1|sha256|sha384|sha512):${index}(?:,${index})*`
  return new RegExp(`^${bank}(?:\\+${bank})*$`)
}

/** Values of PCRs, hexadecimal, by name: `sha256:7`. */
export type PcrValues = Readonly<Record<string, string>>

export type PcrsAnswer = { readonly kind: 'values'; readonly values: PcrValues } | ToolFailure

/** Reads what is in these PCRs now. The TPM must have them all. */
export async function readPcrs(turn: Turn, pcrs: string): Promise<PcrsAnswer> {
  const values: Record<string, string> = {}
  for (const pcr of namesOf(pcrs)) {
    const path = turn.work.path('pcr')
    const read = await turn.run('tpm2_pcrread', ['--quiet', '-o', path, pcr])
    if (read.kind === 'failed') return read
    values[pcr] = (await readFile(path)).toString('hex')
  }
  return { kind: 'values', values }
}

/**
 * Reads `sha1:7+sha256:7,0` as `sha1:7`, `sha256:0`, `sha256:7`: banks as they are written, indexes in rising order, as a TPM takes
 * them when it hashes their values.
 */
export function namesOf(pcrs: string): string[] {
  return pcrs.split('+').flatMap(selection => {
    const [bank, indexes = ''] = selection.split(':')
    const rising = [...new Set(indexes.split(',').map(Number))].sort((one, other) => one - other)
    return rising.map(index => `${bank}:${index}`)
  })
}
