import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { AgentClient } from '../../client/agent-client.ts'
import type { Clock, Millis } from '../../model/time.ts'
import { formatDuration } from '../../model/time.ts'
import { isAnswering } from '../api/listener.ts'
import type { Config } from '../config/config.ts'
import type { RunningAgent } from '../doctor/ports.ts'
import type { Reader } from '../doctor/reader.ts'
import type { AgentWord } from '../doctor/running-agent.ts'
import { holdersOf, inodesAt } from '../doctor/sockets.ts'
import { findAgentUser } from '../init/known.ts'
import { UNIT_CONFIG } from '../init/place.ts'

/** What `holdfast doctor` looks at, and what it looks with. */
export interface Subject {
  readonly file: string
  /** The configuration that the package's unit reads. */
  readonly isPackaged: boolean
  readonly config: Config
  /** Whom the agent runs as, or would. */
  readonly agent: Reader
  /** Whether this user may look into the state directory. */
  readonly seesState: boolean
  /** Whether a process has the state directory. */
  readonly isHeld: boolean
  readonly running: RunningAgent
  readonly word: AgentWord | undefined
  /** Whether devices and a key that is elsewhere are to be left alone. */
  readonly offline: boolean
  readonly clock: Clock
  readonly credentialsDirectory: string | undefined
}

const DEADLINE: Millis = 10_000

/** Looks who is here, and who is running. Changes nothing. */
export async function findSubject(
  file: string,
  config: Config,
  offline: boolean,
  around: { readonly clock: Clock; readonly user: number; readonly credentialsDirectory: string | undefined },
): Promise<Subject> {
  const { clock, user, credentialsDirectory } = around
  const isPackaged = file === UNIT_CONFIG
  const seesState = await access(config.stateDir, constants.R_OK | constants.X_OK).then(
    () => true,
    (failure: NodeJS.ErrnoException) => failure.code === 'ENOENT',
  )
  const lock = join(config.stateDir, 'lock')
  const isHeld = seesState && (await isAnswering(lock))
  const [pid] = isHeld ? await holdersOf(new Set(await inodesAt(lock))) : []
  const word = await askAgent(config, clock)
  return {
    file,
    isPackaged,
    config,
    agent: await findAgent(config, isPackaged, user),
    seesState,
    isHeld,
    running: pid ?? (isHeld || word !== undefined ? 'unseen' : undefined),
    word,
    offline,
    clock,
    credentialsDirectory,
  }
}

/** Runs a program of the host's and returns what it printed; undefined where there is none, or it failed. */
export async function ask(program: string, ...words: string[]): Promise<string | undefined> {
  const { stdout, failed } = await execa(program, words, {
    reject: false,
    stdin: 'ignore',
    timeout: DEADLINE,
    extendEnv: false,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C' },
  })
  return failed ? undefined : stdout
}

/** The agent's user: the package's; or whose the state is; or who looks. */
async function findAgent({ stateDir }: Config, isPackaged: boolean, user: number): Promise<Reader> {
  const packaged = isPackaged ? await findAgentUser() : undefined
  const owner = packaged?.uid ?? (await stat(stateDir).catch(() => undefined))?.uid ?? user
  const [name = String(owner)] = (await ask('getent', 'passwd', String(owner)))?.split(':') ?? []
  const groups = (await ask('id', '-G', name))?.split(' ').map(Number) ?? []
  return { name, uid: owner, groups }
}

/** What an agent says over the first of its sockets that lets us in. */
async function askAgent({ listeners }: Config, clock: Clock): Promise<AgentWord | undefined> {
  for (const listener of listeners) {
    if (listener.kind !== 'unix') continue
    const client = new AgentClient(
      { kind: 'unix', path: listener.path },
      { deadline: DEADLINE, clock, entropy: length => new Uint8Array(length) },
    )
    const answer = await client.status()
    if (answer.kind !== 'answered') continue
    const { uptime_ms, troubles, actuators } = answer.body as unknown as {
      uptime_ms: number
      troubles: string[]
      actuators: { id: string; phase: string }[]
    }
    const phases = new Map(actuators.map(({ id, phase }) => [id, phase]))
    return { uptime: formatDuration(uptime_ms), troubles, phases }
  }
  return undefined
}
