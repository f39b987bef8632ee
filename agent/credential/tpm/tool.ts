import type { FileHandle } from 'node:fs/promises'
import { execa } from 'execa'

/** How to reach a TPM. */
export interface TpmAccess {
  /** A TCTI as tpm2-tools take it: `device:/dev/tpmrm0`, `swtpm:path=/run/tpm.sock`, `swtpm:host=127.0.0.1,port=2321`. */
  readonly tcti: string
  /** Where tpm2-tools are looked for. Fixed, because whatever is found there is given the master key at enrolment. */
  readonly toolPath?: string
}

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const OUTPUT_BYTES_MAX = 1 << 20

export type ToolAnswer = { readonly kind: 'done'; readonly stdout: Uint8Array } | ToolFailure

export interface ToolFailure {
  readonly kind: 'failed'
  readonly tool: string
  /** `missing`: no such program. `aborted`: the deadline came. `exit`: it ran and says that it failed. */
  readonly cause: 'missing' | 'aborted' | 'exit'
  /** The TPM's own response code (TPM 2.0 Part 2, 6.6), when there is one. */
  readonly code: number | undefined
  readonly stderr: string
}

/**
 * Runs one command of tpm2-tools, in a process group of its own that is killed as a whole when `signal` aborts. Whoever
 * gets stdout wipes it if it is secret. execa decodes UTF-8 by default, and strips a last 0x0a even from bytes: both would
 * damage one random key in many. What execa throws carries stdout in its message, hence `reject: false`.
 */
export async function runTool(
  access: TpmAccess,
  tool: string,
  args: readonly string[],
  signal: AbortSignal,
  stdin?: FileHandle,
): Promise<ToolAnswer> {
  if (signal.aborted) return { kind: 'failed', tool, cause: 'aborted', code: undefined, stderr: '' }
  const result = await execa(tool, args, {
    ...ISOLATED,
    env: toolEnvironment(access),
    // execa takes any open file descriptor; its types know the first ten by number only.
    stdin: stdin ? (stdin.fd as 3) : 'ignore',
    encoding: 'buffer',
    maxBuffer: OUTPUT_BYTES_MAX,
    cancelSignal: signal,
  })
  if (!result.failed) return { kind: 'done', stdout: result.stdout }
  result.stdout?.fill(0)
  const stderr = Buffer.from(result.stderr ?? []).toString('utf8')
  const cause = result.isCanceled ? 'aborted' : result.code === 'ENOENT' ? 'missing' : 'exit'
  return { kind: 'failed', tool, cause, code: responseCode(stderr), stderr }
}

/** How every helper process is started: nothing inherited, nothing stripped, its whole process group killed at once. */
export const ISOLATED = {
  extendEnv: false,
  stripFinalNewline: false,
  killDescendants: true,
  killSignal: 'SIGKILL',
  forceKillAfterDelay: false,
  reject: false,
} as const

export function toolEnvironment({ tcti, toolPath }: TpmAccess): Record<string, string> {
  return { PATH: toolPath ?? SYSTEM_PATH, LANG: 'C', TPM2TOOLS_TCTI: tcti }
}

/** Finds the response code in what the tools print, `ERROR: Esys_HMAC(0x99D) - tpm:session(1):a policy check failed`. */
function responseCode(stderr: string): number | undefined {
  const [, hex] = /^ERROR: \w+\(0x([0-9A-Fa-f]{1,8})\)/m.exec(stderr) ?? []
  return hex === undefined ? undefined : Number.parseInt(hex, 16)
}
