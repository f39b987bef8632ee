import { accessSync, constants } from 'node:fs'
import { execa } from 'execa'

const PROBE_MS = 20_000

/**
 * What runs a virtual machine's instructions here: the processor (`kvm`), or qemu, which any host can (`tcg`). HOLDFAST_ACCELERATOR names one;
 * otherwise a kernel is started to see: within another virtual machine /dev/kvm may be there, and hang.
 */
export async function accelerator(kernel: string): Promise<'kvm' | 'tcg'> {
  const wished = process.env.HOLDFAST_ACCELERATOR
  if (wished === 'kvm' || wished === 'tcg') return wished
  if (wished !== undefined) throw new Error(`HOLDFAST_ACCELERATOR=${wished}: expected kvm or tcg`)
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK)
  } catch {
    return 'tcg'
  }
  // Without a disk it ends by itself, in a panic.
  const { stdout } = await execa(
    'qemu-system-x86_64',
    [
      ...['-accel', 'kvm', '-machine', 'q35', '-nodefaults', '-display', 'none', '-serial', 'stdio'],
      ...['-no-reboot', '-kernel', kernel, '-append', 'console=ttyS0 panic=-1'],
    ],
    { timeout: PROBE_MS, killSignal: 'SIGKILL', reject: false, stdin: 'ignore' },
  )
  return /Kernel panic/.test(stdout) ? 'kvm' : 'tcg'
}
