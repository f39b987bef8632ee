import { RC_NO_SUCH_HANDLE } from './fault.ts'
import { PERSISTENT_ROOT } from './storage-root.ts'
import type { ToolFailure } from './tool.ts'
import type { Turn } from './turn.ts'

/** What a TPM says about itself (TPM 2.0 Part 2, 6.13, TPM_PT). */
export interface Properties {
  readonly kind: 'properties'
  /** `IFX`, `STM`, `IBM`. */
  readonly manufacturer: string
  readonly vendor: string
  /** Two words whose meaning is the vendor's: to compare with its list of releases. */
  readonly firmware: string
  /** The count of wrong passwords, for objects of others: holdfast's own are outside of it. */
  readonly lockOut: {
    readonly active: boolean
    readonly counter: number
    readonly max: number
    /** After that long without a wrong password the count goes down by one, in seconds. */
    readonly intervalSeconds: number
  }
  readonly free: { readonly objects: number; readonly sessions: number; readonly persistent: number }
  /** Whether the storage root key is kept; `other` when there is something else in its place. */
  readonly storageRoot: 'persistent' | 'absent' | 'other'
}

export async function readProperties(turn: Turn): Promise<Properties | ToolFailure> {
  const fixed = await turn.run('tpm2_getcap', ['properties-fixed'])
  if (fixed.kind === 'failed') return fixed
  const variable = await turn.run('tpm2_getcap', ['properties-variable'])
  if (variable.kind === 'failed') return variable
  const root = await turn.run('tpm2_readpublic', ['-c', PERSISTENT_ROOT])
  if (root.kind === 'failed' && root.code !== RC_NO_SUCH_HANDLE) return root
  const rootKind =
    root.kind === 'failed' ? 'absent' : isStorageKey(textOf(root.stdout)) ? 'persistent' : 'other'
  const text = textOf(fixed.stdout) + textOf(variable.stdout)
  const vendor = [1, 2, 3, 4].map(part => words(text, `TPM2_PT_VENDOR_STRING_${part}`))
  const firmware = [1, 2].map(part => number(text, `TPM2_PT_FIRMWARE_VERSION_${part}`))
  return {
    kind: 'properties',
    manufacturer: words(text, 'TPM2_PT_MANUFACTURER').trim(),
    vendor: vendor.join('').replaceAll(/ +/g, ' ').trim(),
    firmware: firmware.map(word => word.toString(16).padStart(8, '0')).join('.'),
    lockOut: {
      active: number(text, 'inLockout') === 1,
      counter: number(text, 'TPM2_PT_LOCKOUT_COUNTER'),
      max: number(text, 'TPM2_PT_MAX_AUTH_FAIL'),
      intervalSeconds: number(text, 'TPM2_PT_LOCKOUT_INTERVAL'),
    },
    free: {
      objects: number(text, 'TPM2_PT_HR_TRANSIENT_AVAIL'),
      sessions: number(text, 'TPM2_PT_HR_ACTIVE_AVAIL'),
      persistent: number(text, 'TPM2_PT_HR_PERSISTENT_AVAIL'),
    },
    storageRoot: rootKind,
  }
}

/** A key that other keys can be under is restricted to decrypting (TPM 2.0 Part 1, 25.2). */
function isStorageKey(text: string): boolean {
  const [, attributes = ''] = /^attributes:\n\s+value: (\S+)/m.exec(text) ?? []
  return attributes.includes('restricted') && attributes.includes('decrypt')
}

/** The number of `NAME: 0x3`, `  NAME:   1` or `NAME:\n  raw: 0x3`; 0 when there is none. */
function number(text: string, name: string): number {
  const [, value = '0'] =
    new RegExp(`^\\s*${name}:\\s+(?:raw: )?(0x[0-9A-Fa-f]+|[0-9]+)$`, 'm').exec(text) ?? []
  return Number(value)
}

/** The text of `NAME:\n  raw: 0x53572020\n  value: "SW  "`: four characters, from the number, where the tool leaves spaces out. */
function words(text: string, name: string): string {
  return number(text, name)
    .toString(16)
    .padStart(8, '0')
    .replaceAll(/../g, byte => String.fromCharCode(Number.parseInt(byte, 16)))
    .replaceAll(/[^\x20-\x7e]/g, '')
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}
