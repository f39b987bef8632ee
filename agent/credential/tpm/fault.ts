import type { MasterKeyUnavailable, Unavailability } from '../master-key.ts'
import type { ToolFailure, TpmAccess } from './tool.ts'

/** Says in plain words why a tool failed, and what to do about it. */
export function explain(failure: ToolFailure, access: TpmAccess): MasterKeyUnavailable {
  switch (failure.cause) {
    case 'missing':
      return unavailable(
        'absent',
        `the program ${failure.tool} is not installed`,
        `Install the package ${failure.tool === 'flock' ? 'util-linux' : 'tpm2-tools'}.`,
      )
    case 'aborted':
      return unavailable(
        'timeout',
        'the TPM did not answer before the deadline',
        'If this keeps happening, look for other programs that use the TPM, then restart the host.',
      )
    case 'exit':
      return failure.code === undefined || isTransportCode(failure.code)
        ? explainTransport(failure, access)
        : explainCode(failure, failure.code)
  }
}

export function unavailable(reason: Unavailability, detail: string, remedy: string): MasterKeyUnavailable {
  return { kind: 'unavailable', reason, detail, remedy }
}

/** Whether the operating system said no: a full disk, a missing permission. Such errors are answers; others are bugs. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error
}

/** TPM_RC_HANDLE for the first handle: there is no object behind a persistent handle. */
export const RC_NO_SUCH_HANDLE = 0x18b

/** Codes of format 0 (TPM 2.0 Part 2, 6.6.3, tables 16 and 17): the code says it all. */
const BUSY: ReadonlySet<number> = new Set([
  0x902, 0x903, 0x904, 0x905, 0x906, 0x908, 0x909, 0x90a, 0x920, 0x922, 0x923,
])
const RC_INITIALIZE = 0x100
const RC_FAILURE = 0x101
const RC_PCR_CHANGED = 0x128
const RC_LOCKOUT = 0x921

/** Codes of format 1: bit 7 is set, six bits are the error, the others say which parameter, handle or session. */
const FORMAT_1 = 0x080
const FORMAT_1_ERROR = 0x0bf
const RC_AUTH_FAIL = 0x08e
const RC_BAD_AUTH = 0x0a2
const RC_POLICY_FAIL = 0x09d
const RC_INTEGRITY = 0x09f

function explainCode(failure: ToolFailure, code: number): MasterKeyUnavailable {
  const error = code & FORMAT_1 ? code & FORMAT_1_ERROR : code
  if (BUSY.has(error))
    return unavailable(
      'busy',
      `the TPM has no room or no time at the moment (${hex(code)})`,
      'It is tried again. If it keeps happening, use /dev/tpmrm0, which shares the TPM between programs.',
    )
  switch (error) {
    case RC_LOCKOUT:
      return unavailable(
        'locked-out',
        'the TPM is in dictionary-attack lock-out: some program gave it wrong passwords',
        'Wait until the lock-out ends, or clear it with the lock-out password: tpm2_dictionarylockout --clear-lockout.',
      )
    case RC_POLICY_FAIL:
    case RC_PCR_CHANGED:
      return unavailable(
        'policy',
        'the host did not start in the state that the master key is bound to (its PCR values differ)',
        'Undo the change of firmware, Secure Boot or boot loader and restart; after a change that you intended, run holdfast recover.',
      )
    case RC_INTEGRITY:
      return unavailable(
        'replaced',
        'the enrolled key does not belong to this TPM: the TPM was cleared or replaced since enrolment',
        'Run holdfast recover with the escrow shares; without them, every credential has to be made anew.',
      )
    case RC_AUTH_FAIL:
    case RC_BAD_AUTH:
      return unavailable(
        'failed',
        'the TPM asks for a password that holdfast does not have (owner or storage root)',
        'Have the TPM owner provision a storage root key without a password at 0x81000001, then try again.',
      )
    case RC_INITIALIZE:
      return unavailable(
        'absent',
        'the TPM was not started up',
        'Restart the host; a software TPM needs --flags not-need-init,startup-clear.',
      )
    case RC_FAILURE:
      return unavailable(
        'failed',
        'the TPM reports that its self-test failed',
        'Restart the host; if it stays, replace the TPM.',
      )
    default:
      return unavailable(
        'failed',
        `${failure.tool} failed: ${lastLine(failure.stderr)}`,
        'Look the code up with tpm2_rc_decode; holdfast tpm status shows more.',
      )
  }
}

function explainTransport({ tool, stderr }: ToolFailure, { tcti }: TpmAccess): MasterKeyUnavailable {
  if (/Device or resource busy/.test(stderr))
    return unavailable(
      'busy',
      `another program holds the TPM (${tcti})`,
      'Use /dev/tpmrm0, which can be shared.',
    )
  if (/Permission denied/.test(stderr))
    return unavailable('absent', `this user may not use the TPM (${tcti})`, 'Add the user to the group tss.')
  const module = tcti.split(':', 1)[0]
  if (/Could not load tcti/.test(stderr) && !/Could not initialize TCTI file/.test(stderr))
    return unavailable(
      'absent',
      `there is no way to reach a TPM called "${module}"`,
      `Correct it, or install the package libtss2-tcti-${module}0.`,
    )
  if (/tcti/i.test(stderr)) return unavailable('absent', `no TPM answers at ${tcti}`, absentRemedy(module))
  return unavailable(
    'failed',
    `${tool} failed: ${lastLine(stderr)}`,
    'Check that tpm2-tools 5.4 or later is installed.',
  )
}

function absentRemedy(module: string | undefined): string {
  switch (module) {
    case 'device':
      return 'Enable the TPM in the firmware set-up, and check that the device exists.'
    case 'swtpm':
      return 'Start the software TPM (package swtpm), and check its address.'
    default:
      return 'Check that the TPM, or the program that stands in for it, is running.'
  }
}

/** Response codes above 16 bits are the software stack's: 0xA is its transport layer (TSS 2.0 overview, 3.5). */
function isTransportCode(code: number): boolean {
  return code >> 16 === 0xa
}

/** The last line that says something; the very last one is always `ERROR: Unable to run tpm2_…`. */
function lastLine(stderr: string): string {
  const lines = stderr
    .split('\n')
    .filter(line => line.startsWith('ERROR: ') && !line.startsWith('ERROR: Unable to run'))
  return lines.at(-1)?.slice('ERROR: '.length, 207) ?? 'it gave no reason'
}

function hex(code: number): string {
  return `0x${code.toString(16).toUpperCase()}`
}
