import type { TpmMode } from './key-record.ts'
import { namesOf } from './pcrs.ts'
import type { ToolFailure } from './tool.ts'
import type { Turn } from './turn.ts'

/** What the TPM says about itself, as far as enrolment needs it. */
export interface Capabilities {
  readonly kind: 'capabilities'
  /** The best mode that it can do. */
  readonly mode: TpmMode
  /** PCRs that were asked for and that the TPM does not have, as `sha384:7`. */
  readonly missingPcrs: readonly string[]
}

/** A resident key needs two commands that a TPM may lack (TPM 2.0 Part 3: both are optional in the PC Client profile). */
const RESIDENT_NEEDS = ['TPM2_CC_HMAC', 'TPM2_CC_Import']

export async function askCapabilities(turn: Turn, pcrs: string): Promise<Capabilities | ToolFailure> {
  const commands = await turn.run('tpm2_getcap', ['commands'])
  if (commands.kind === 'failed') return commands
  const banks = await turn.run('tpm2_getcap', ['pcrs'])
  if (banks.kind === 'failed') return banks
  const listed = new Set(textOf(commands.stdout).match(/^TPM2_CC_\w+/gm))
  const existing = readBanks(textOf(banks.stdout))
  const missingPcrs = namesOf(pcrs).filter(pcr => !existing.has(pcr))
  const mode = RESIDENT_NEEDS.every(command => listed.has(command)) ? 'resident' : 'sealed'
  return { kind: 'capabilities', mode, missingPcrs }
}

/** Reads the lines `  - sha256: [ 0, 1, 2 ]` of `tpm2_getcap pcrs`, one for each bank. */
function readBanks(text: string): ReadonlySet<string> {
  const banks = text.matchAll(/^\s*- (\w+): \[([0-9, ]*)\]/gm)
  return new Set(
    [...banks].flatMap(([, bank, list = '']) => (list.match(/[0-9]+/g) ?? []).map(pcr => `${bank}:${pcr}`)),
  )
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}
