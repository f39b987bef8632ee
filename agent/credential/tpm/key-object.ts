import { createHmac } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { type KeyBlobs, layOut } from './key-files.ts'
import type { KeyRecord, TpmMode } from './key-record.ts'
import type { PcrValues } from './pcrs.ts'
import { underStorageRoot } from './storage-root.ts'
import type { ToolAnswer, ToolFailure } from './tool.ts'
import type { Turn } from './turn.ts'

/** Of the key, and of its HMAC-SHA256. */
export const KEY_BYTES = 32

const TEMPLATES = {
  resident: ['tpm2_import', '-G', 'hmac', '-a', 'sign|noda'],
  sealed: ['tpm2_create', '-a', 'fixedtpm|fixedparent|noda'],
} as const satisfies Record<TpmMode, readonly string[]>

/**
 * Puts a 256-bit key under the storage root, bound to a PCR policy: only the policy authorizes its use (no `userwithauth`), no
 * wrong password locks it (`noda`), and nothing duplicates it, because that takes a policy that allows TPM2_Duplicate by name.
 *
 * `resident` imports it, encrypted to the root's public key, so that it does not cross the bus to the TPM in the clear.
 * `sealed` does cross it in the clear, here and at each use: one more reason why it is not the default.
 */
export async function createKeyObject(
  turn: Turn,
  options: KeyBlobs & {
    readonly root: string
    readonly mode: TpmMode
    readonly pcrs: string
    /** The PCRs' values that the key is bound to. */
    readonly boundTo: PcrValues
    readonly key: Uint8Array
  },
): Promise<ToolAnswer> {
  const policy = turn.work.path('policy')
  const values = turn.work.path('pcrs')
  await writeFile(values, Buffer.from(Object.values(options.boundTo).join(''), 'hex'), { mode: 0o600 })
  const bound = ['--policy-pcr', '-l', options.pcrs, '-f', values, '-L', policy]
  const made = await turn.run('tpm2_createpolicy', ['--quiet', ...bound])
  if (made.kind === 'failed') return made
  await using secret = await turn.work.keepSecret(options.key)
  const { root, publicPath, privatePath } = options
  const object = ['-C', root, '-L', policy, '-u', publicPath, '-r', privatePath, '-i', '/dev/stdin']
  const [tool, ...template] = TEMPLATES[options.mode]
  return await turn.run(tool, ['--quiet', '-g', 'sha256', ...template, ...object], secret.file)
}

export type MacAnswer =
  | { readonly kind: 'mac'; readonly mac: Uint8Array; readonly name: string }
  | ToolFailure

/** Loads a key object and has it authenticate a message. Also returns the TPM's name for the object. */
export async function macWithKeyObject(
  turn: Turn,
  { publicPath, privatePath, mode, pcrs }: KeyBlobs & { readonly mode: TpmMode; readonly pcrs: string },
  message: Uint8Array,
): Promise<MacAnswer> {
  const context = turn.work.path('key.context')
  const nameFile = turn.work.path('key.name')
  const blobs = ['-u', publicPath, '-r', privatePath]
  const loaded = await underStorageRoot(turn, root =>
    turn.run('tpm2_load', ['--quiet', '-C', root, ...blobs, '-c', context, '-n', nameFile]),
  )
  if (loaded.kind === 'failed') return loaded
  const name = (await readFile(nameFile)).toString('hex')
  const answer = await useKey(turn, mode, ['-c', context, '-p', `pcr:${pcrs}`], message)
  if (answer.kind === 'failed') return answer
  const output = answer.stdout
  if (output.length !== KEY_BYTES) return wrongLength(output)
  // A copy in memory of its own, because Buffers share a pool: whoever gets it can wipe it.
  const mac = new Uint8Array(
    mode === 'resident' ? output : createHmac('sha256', output).update(message).digest(),
  )
  output.fill(0)
  return { kind: 'mac', mac, name }
}

/** The same, for a key as it is written down. */
export async function macWithRecord(turn: Turn, record: KeyRecord, message: Uint8Array): Promise<MacAnswer> {
  const blobs = await layOut(record, name => turn.work.path(name))
  return await macWithKeyObject(turn, { ...blobs, mode: record.mode, pcrs: record.pcrs }, message)
}

/** A resident key gives its mac, a sealed one itself: 32 bytes either way. */
async function useKey(turn: Turn, mode: TpmMode, use: string[], message: Uint8Array): Promise<ToolAnswer> {
  if (mode === 'sealed') return await turn.run('tpm2_unseal', use)
  // From a file: from standard input the tool uses a sequence, which a policy session cannot authorize (0x12F).
  const input = turn.work.path('message')
  await writeFile(input, message, { mode: 0o600 })
  return await turn.run('tpm2_hmac', ['-g', 'sha256', ...use, input])
}

function wrongLength(output: Uint8Array): ToolFailure {
  const stderr = `ERROR: it gave ${output.length} bytes instead of ${KEY_BYTES}\n`
  output.fill(0)
  return { kind: 'failed', tool: 'tpm2-tools', cause: 'exit', code: undefined, stderr }
}
