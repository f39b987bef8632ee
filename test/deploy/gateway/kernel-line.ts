import { readFileSync } from 'node:fs'

/** Where the disk is; that the kernel need not take its own memory apart to be safe from a guest's neighbours; and what is of no use here. */
const ROOT =
  'root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 edd=off nokaslr mitigations=off apparmor=0 audit=0'
/**
 * The kernel of a guest in software measures at boot how fast its time stamp counter is, and whether its timer works. Where the host has other
 * things to do just then, the one comes out as 112 MHz instead of 2596, and the clock runs fast by as much; the other as a no, and a panic.
 */
const CLOCK = 'tsc=reliable no_timer_check'

/** What the kernel of a machine in software is told. */
export function kernelLine(): string {
  const rate = counterRate(readFileSync('/proc/cpuinfo', 'utf8'))
  return `${ROOT} ${CLOCK}${rate === undefined ? '' : ` tsc_early_khz=${rate}`}`
}

/** How fast the time stamp counter of this host is, in kHz, which is that of a guest too. Linux says twice its MHz, as BogoMIPS. */
function counterRate(cpuinfo: string): number | undefined {
  const [, bogomips] = /^bogomips\s*:\s*([\d.]+)$/m.exec(cpuinfo) ?? []
  return bogomips === undefined ? undefined : Math.round(Number(bogomips) * 500)
}
