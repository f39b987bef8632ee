import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { EXIT } from '../../model/exit.ts'
import { jsonLine } from '../../model/plain.ts'
import type { Clock } from '../../model/time.ts'
import type { Config } from '../config/config.ts'
import { loadConfig, parseConfig } from '../config/load.ts'
import { formatProblems } from '../config/problem.ts'
import { KeyFiles } from '../credential/tpm/key-files.ts'
import { firstConfig } from '../init/first-config.ts'
import { interview } from '../init/interview.ts'
import { findAgentUser, lookAround } from '../init/known.ts'
import { nextSteps } from '../init/next-steps.ts'
import { describeOutcome, type InitOutcome, outcomeJson } from '../init/outcome.ts'
import { type Place, placeOf } from '../init/place.ts'
import type { Answers } from '../init/questions.ts'
import { Terminal } from '../init/terminal.ts'
import { auditPath } from '../paths.ts'
import { beginStateApart } from './begin-state-process.ts'
import { describeWhole } from './check.ts'
import { InitFailure, makePlace, tryDevices } from './init-steps.ts'

export interface InitOptions extends Answers {
  readonly config: string
  /** Where the first credential goes; `<admin>.credential` here unless given. */
  readonly credential?: string
  readonly yes?: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
}

export interface InitSurroundings {
  readonly stdin: NodeJS.ReadStream
  readonly stderr: NodeJS.WriteStream
  readonly user: number
  /** How this program is called here. */
  readonly holdfast: string
  readonly clock: Clock
  out(text: string): void
  err(text: string): void
  /** Aborts when somebody ends the program. */
  readonly signal: AbortSignal
}

/**
 * `holdfast init`: from nothing to a configuration, a master key and a first credential. Nothing that is there is written over, so
 * that it can be run again, whatever ended it. Resolves with the exit code: 0 done, 2 an option is wrong or missing, 3 nobody
 * confirmed it, 6 the host is in its way.
 */
export async function init(options: InitOptions, around: InitSurroundings): Promise<number> {
  try {
    return await initialise(options, around)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (error instanceof InitFailure) around.err(`${message}\n`)
    else if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      around.err(
        `${message}\nRun it as root. For a trial, in a folder of your own: holdfast init --config ./holdfast.yaml\n`,
      )
    } else if (code !== undefined)
      around.err(`${message}\nMend that and run it again: it goes on from there.\n`)
    else throw error
    return EXIT.blocked
  }
}

async function initialise(options: InitOptions, around: InitSurroundings): Promise<number> {
  const place = placeOf(options.config, around.user, await findAgentUser())
  const there = await exists(place.config)
  if (!there && !options.dryRun) await mustBeWritable(dirname(place.config))
  const planned = await plan(options, place, there, around)
  if (typeof planned === 'number') return planned
  const { config, text, answers } = planned
  const probe = config.devices.size === 0 ? undefined : await tryDevices(config)
  if (!options.dryRun && planned.isAsked) {
    if (probe) around.err(`\n${probe.reached ? 'The device answers:' : 'THE DEVICE DOES NOT ANSWER:'}\n`)
    for (const line of probe?.lines ?? []) around.err(`  ${line}\n`)
    if (!(await confirmed(place, around))) return leave(around)
  }
  const file = resolve(options.credential ?? `${answers.admin}.credential`)
  const done = options.dryRun
    ? await dryRun(config, there, file, answers)
    : await makePlace({ place, config, text, answers, credential: file }, beginStateApart, around.signal)
  const outcome: InitOutcome = {
    ...done,
    dryRun: options.dryRun ?? false,
    config: { file: place.config, state: there ? 'kept' : options.dryRun ? 'would-write' : 'written' },
    probe,
    next: nextSteps(place, config.actuators.size > 0, around.holdfast),
  }
  if (options.json) around.out(jsonLine(outcomeJson(outcome, options.dryRun && !there ? text : undefined)))
  else {
    if (options.dryRun && !there) around.out(`${text}\n`)
    if (options.dryRun) around.out('Nothing was written.\n')
    else around.out(`${describeWhole(place.config, config)}\n`)
    around.out(describeOutcome(outcome))
  }
  return done.credential.state === 'not-issued' ? EXIT.blocked : EXIT.done
}

interface Planned {
  readonly config: Config
  readonly text: string
  readonly answers: Answers
  readonly isAsked: boolean
}

/** What is to be: as it stands in the configuration that is there, or as it is answered. An exit code where it is not to be. */
async function plan(
  options: InitOptions,
  place: Place,
  there: boolean,
  around: InitSurroundings,
): Promise<Planned | number> {
  const { config: _, credential: __, yes, dryRun: ___, json: ____, ...given } = options
  const known = await lookAround(place.isPackaged, around.user)
  const kept = there ? await loadConfig(place.config) : undefined
  if (kept?.kind === 'problems') {
    around.err(
      `${formatProblems(kept.problems)}\n${place.config} was there already and is kept. Mend it first.\n`,
    )
    return EXIT.usage
  }
  const isAsked = around.stdin.isTTY === true && yes !== true
  using terminal = isAsked ? new Terminal(around) : undefined
  if (kept) terminal?.say(`${place.config} is there already and is kept.\n`)
  else
    terminal?.say(
      `${place.config} is going to be written. Enter takes what is in brackets; Ctrl-C leaves all as it is.\n`,
    )
  const settled = kept ? { ...(await settledBy(kept.config)), ...pick(given) } : given
  const answered = await interview(settled, known, terminal, yes ?? false)
  if (answered.kind === 'interrupted') return leave(around)
  if (answered.kind === 'mistakes') {
    around.err(`${answered.mistakes.join('\n')}\n`)
    return EXIT.usage
  }
  const { answers } = answered
  if (kept) return { config: kept.config, text: '', answers, isAsked: false }
  const text = firstConfig(answers, place, new Date(around.clock.wall()).toISOString().slice(0, 10))
  const parsed = parseConfig(text, place.config)
  if (parsed.kind === 'config') return { config: parsed.config, text, answers, isAsked }
  const said = parsed.problems.map(({ path, message }) => `${path}: ${message}`)
  around.err(`These answers do not go together:\n${said.join('\n')}\nNothing was written.\n`)
  return EXIT.usage
}

/** The answers that a configuration which is there has given already: only the admin is left to ask, and the escrow of a new key. */
async function settledBy({ environment, gateway, masterKey, stateDir }: Config): Promise<Answers> {
  const isMade = masterKey.source !== 'tpm' || (await new KeyFiles(stateDir).newest()) !== undefined
  return {
    environment,
    gateway,
    ...(isMade ? { key: 'file' } : { key: 'tpm', tcti: 'device:/dev/tpmrm0' }),
    listen: 'none',
    device: 'later',
  }
}

/** What can still be said where there is a configuration. */
function pick({ admin, escrow }: Answers): Answers {
  return { ...(admin === undefined ? {} : { admin }), ...(escrow === undefined ? {} : { escrow }) }
}

async function dryRun(
  config: Config,
  there: boolean,
  file: string,
  { admin = '' }: Answers,
): Promise<Pick<InitOutcome, 'files' | 'key' | 'credential'>> {
  const { source } = config.masterKey
  const isMade = there && (await exists(auditPath(config)))
  const isIssued = await exists(file)
  return {
    files: [],
    key: { source, state: isMade ? 'kept' : 'would-make', description: undefined, notes: [], shares: [] },
    credential: {
      file,
      state: isIssued ? 'kept' : 'would-write',
      subject: admin,
      detail: isIssued ? `holdfast credential show ${file}` : `role admin, for ${admin}`,
    },
  }
}

async function confirmed(place: Place, around: InitSurroundings): Promise<boolean> {
  using terminal = new Terminal(around)
  const answer = await terminal.ask(`\nWrite ${place.config}, make the key, issue the credential? [yes]: `)
  return answer !== undefined && ['', 'y', 'yes'].includes(answer.trim().toLowerCase())
}

function leave({ err }: InitSurroundings): number {
  err('\nNothing was written.\n')
  return EXIT.refused
}

/** Before anybody answers questions for nothing. Rejects with what the file system says. */
async function mustBeWritable(folder: string): Promise<void> {
  let at = folder
  while (!(await exists(at)) && at !== dirname(at)) at = dirname(at)
  await access(at, constants.W_OK | constants.X_OK)
}

/** Rejects where this user may not even look. */
async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
