import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { commandLimitForms } from './command-limits.ts'
import type { Config } from './config.ts'
import { resolveConfig } from './meaning.ts'
import { type ConfigProblem, locate, type Path } from './problem.ts'
import { ConfigFile } from './schema.ts'

export type Loaded =
  | { readonly kind: 'config'; readonly config: Config }
  /** Every problem that was found, in the order of the file. */
  | { readonly kind: 'problems'; readonly problems: readonly ConfigProblem[]; readonly isReadable: boolean }

/** Reads and checks a configuration file: first that it is YAML, then its form, then what it means. All of it at once. */
export async function loadConfig(file: string): Promise<Loaded> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const message = `cannot be read: ${(error as Error).message}`
    return {
      kind: 'problems',
      problems: [{ file, line: 1, column: 1, path: '', message }],
      isReadable: false,
    }
  }
  return parseConfig(text, file)
}

/** The same for a text that was read from `file`; relative paths in it start from that file's folder. */
export function parseConfig(text: string, file: string): Loaded {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    stringKeys: true,
  })
  const problems: ConfigProblem[] = [...document.errors, ...document.warnings].map(error => {
    const { line, col } = lines.linePos(error.pos[0])
    return { file, line, column: col, path: '', message: error.message }
  })
  // A key that stands twice is no reason to keep quiet about the rest; a text that is no YAML is.
  if (document.errors.some(({ code }) => code !== 'DUPLICATE_KEY'))
    return { kind: 'problems', problems, isReadable: true }

  const report = (path: Path, message: string): void => {
    problems.push({ file, ...locate(document, lines, path), path: path.join('.'), message })
  }
  let raw: Raw
  try {
    raw = (document.toJS() ?? {}) as Raw
  } catch (error) {
    // An alias to nothing, or so many aliases that they could only be meant to fill memory.
    report([], (error as Error).message)
    return { kind: 'problems', problems, isReadable: true }
  }
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    report([], 'expected a configuration: environment, gateway, master_key, listeners, devices, actuators')
    return { kind: 'problems', problems, isReadable: true }
  }
  const names = {
    devices: keysOf(raw, 'devices'),
    actuators: keysOf(raw, 'actuators'),
    readings: keysOf(raw, 'readings'),
  }
  const parsed = ConfigFile.safeParse(raw)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) reportIssue(issue, report)
  }
  // What the parts mean together is checked over what is well formed, so that one mistake does not hide another.
  const sound = parsed.success ? parsed : ConfigFile.safeParse(withoutFaults(raw, parsed.error.issues))
  const config = sound.success ? resolveConfig(sound.data, names, dirname(resolve(file)), report) : undefined
  if (config && problems.length === 0) return { kind: 'config', config }
  problems.sort((a, b) => a.line - b.line || a.column - b.column)
  return { kind: 'problems', problems, isReadable: true }
}

type Raw = Record<string, unknown>

/** Stand-ins for fields of an actuator that are malformed, with which the others can still be checked. */
const HARMLESS: Raw = {
  travel_time: '1s',
  tolerance: 0,
  description: '',
  feedback: { discrete_input: 65_535 },
  ...Object.fromEntries(Object.keys(commandLimitForms).map(key => [key, undefined])),
}

function keysOf(raw: Raw, key: string): string[] {
  const value = raw[key]
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}

/**
 * A copy without the entries that are malformed, with stand-ins for what no configuration can lack and for listeners,
 * whose place in the list counts. It is checked, and never run.
 */
function withoutFaults(raw: Raw, issues: readonly z.core.$ZodIssue[]): Raw {
  const copy = structuredClone(raw)
  for (const issue of issues) {
    const [section = '', entry = ''] = issue.path
    const value = copy[String(section)]
    if (issue.code === 'unrecognized_keys') {
      const holder = issue.path.reduce<unknown>(
        (node, step) => (node as Raw | undefined)?.[String(step)],
        copy,
      )
      for (const key of issue.keys)
        if (typeof holder === 'object' && holder) Reflect.deleteProperty(holder, key)
    } else if (section === 'actuators' && String(issue.path[2]) in HARMLESS) {
      const actuator = (value as Record<string, Raw>)[String(entry)]
      if (actuator) actuator[String(issue.path[2])] = HARMLESS[String(issue.path[2])]
    } else if (Array.isArray(value))
      value[Number(entry)] = { name: `stand-in-${String(entry)}`, unix: 'stand-in' }
    else if (typeof value === 'object' && value !== null && entry !== '') Reflect.deleteProperty(value, entry)
    else Reflect.deleteProperty(copy, section)
  }
  const listeners = [{ name: 'stand-in', unix: 'stand-in' }]
  const masterKey = { source: 'tpm', ...(copy.master_key as Raw | undefined) }
  return {
    environment: 'stand-in',
    gateway: 'stand-in',
    devices: {},
    actuators: {},
    listeners,
    ...copy,
    master_key: masterKey,
  }
}

function reportIssue(issue: z.core.$ZodIssue, report: (path: Path, message: string) => void): void {
  const path = issue.path.map(step => (typeof step === 'number' ? step : String(step)))
  const inner =
    issue.code === 'custom' && issue.params ? (issue.params as unknown as z.core.$ZodIssue) : issue
  if (inner.code === 'unrecognized_keys') {
    for (const key of inner.keys) report([...path, key], 'this key is not known here')
    return
  }
  const missing = inner.code === 'invalid_type' && inner.message.includes('received undefined')
  report(
    path,
    missing
      ? `is missing: ${inner.message.replace(/^Invalid input: /, '').replace(', received undefined', '')}`
      : inner.message.replace(/^Invalid input: /, ''),
  )
}
