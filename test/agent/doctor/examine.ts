import { execa } from 'execa'
import { type Gateway, HOLDFAST } from '../gateway.ts'

export interface Told {
  readonly ok: boolean
  readonly errors: number
  readonly findings: readonly {
    readonly check: string
    readonly level: string
    readonly text: string
    readonly remedy: string | null
  }[]
}

/** Runs `holdfast doctor --json` on a gateway; `inside` are the words of a command that becomes it. */
export async function examine(of: Gateway, words: readonly string[] = [], inside: readonly string[] = []) {
  const [file = '', ...rest] = [...inside, HOLDFAST, 'doctor', '--config', of.config, '--json', ...words]
  const { exitCode, stdout, stderr } = await execa(file, rest, { reject: false, stdin: 'ignore' })
  const told = JSON.parse(stdout || '{"findings":[]}') as Told
  const saidAs = (wished: string) =>
    told.findings.filter(({ level }) => level === wished).map(({ check, text }) => `${check}: ${text}`)
  return { exitCode, stderr, told, errors: saidAs('error'), warnings: saidAs('warning') }
}
