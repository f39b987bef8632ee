import { plain } from '../../model/plain.ts'
import { wrap } from '../../model/wrap.ts'

/** What came of `holdfast init`, part by part. */
export interface InitOutcome {
  readonly dryRun: boolean
  readonly config: { readonly file: string; readonly state: 'written' | 'kept' | 'would-write' }
  /** Undefined where there is no device yet. */
  readonly probe: ProbeOutcome | undefined
  readonly key: KeyOutcome
  readonly credential: CredentialOutcome
  /** Files that hold or hand on the key, and were made. */
  readonly files: readonly string[]
  /** What is to be typed next. */
  readonly next: readonly string[]
}

export interface ProbeOutcome {
  readonly reached: boolean
  /** A line for each point that was asked for. */
  readonly lines: readonly string[]
}

export interface KeyOutcome {
  readonly source: string
  readonly state: 'made' | 'kept' | 'would-make' | 'busy'
  readonly description: string | undefined
  readonly notes: readonly string[]
  /** Shown once. */
  readonly shares: readonly string[]
}

export interface CredentialOutcome {
  readonly file: string
  readonly state: 'written' | 'kept' | 'would-write' | 'not-issued'
  readonly subject: string
  /** Until when it is good, or why there is none, or what the one that was kept is. */
  readonly detail: string
}

const WIDTH = 80
const MARGIN = 13

const DID: Readonly<Record<InitOutcome['config']['state'] | CredentialOutcome['state'], string>> = {
  written: 'written',
  kept: 'kept as it was',
  'would-write': 'would be written',
  'not-issued': 'NOT ISSUED',
}
const KEY_DID = {
  made: 'made',
  kept: 'kept as it was',
  'would-make': 'would be made',
  busy: 'NOT LOOKED AT: an agent runs here',
} as const

/** For a person: what was done, and what comes next. Ends with a line feed. */
export function describeOutcome({ config, probe, key, credential, files, next }: InitOutcome): string {
  const row = (what: string, text: string) =>
    wrap(plain(text), WIDTH - MARGIN)
      .map((line, index) => `${(index === 0 ? what : '').padEnd(MARGIN)}${line}`)
      .join('\n')
  return [
    row('config', `${config.file}: ${DID[config.state]}`),
    ...(probe
      ? [
          row('device', probe.reached ? 'it answers; nothing was written to it' : 'IT DOES NOT ANSWER'),
          ...probe.lines.map(line => row('', line)),
        ]
      : [row('device', 'none in the configuration yet')]),
    ...files.map(file => row('', `${file}: written`)),
    row('master key', `${key.description ?? key.source}: ${KEY_DID[key.state]}`),
    ...key.notes.map(note => row('', `note: ${note}`)),
    row('credential', `${credential.file}: ${DID[credential.state]}`),
    row('', credential.detail),
    ...(key.shares.length > 0
      ? [
          '',
          'The shares of the key, one line for each sheet of paper. They are shown now, and never again.',
          ...key.shares,
        ]
      : []),
    '',
    'Next:',
    ...next.map(command => `  ${plain(command)}`),
    '',
  ].join('\n')
}

/** The same for a program. Its members are a promise to scripts. */
export function outcomeJson(outcome: InitOutcome, text: string | undefined) {
  const { dryRun, config, probe, key, credential, files, next } = outcome
  return {
    dry_run: dryRun,
    config: { ...config, ...(text === undefined ? {} : { text }) },
    device: probe ? { reached: probe.reached, points: probe.lines } : null,
    master_key: { ...key, description: key.description ?? null },
    credential,
    files,
    next,
  }
}
