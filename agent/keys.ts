import type { Logger } from 'pino'
import type { ClearAlarm, RaiseAlarm } from '../model/alarm.ts'
import { type Clock, formatDuration } from '../model/time.ts'
import type { AuditLog } from './audit/log.ts'
import { signerFrom, verifierOf } from './audit/note.ts'
import { CheckpointKeys } from './checkpoint-keys.ts'
import type { Config } from './config/config.ts'
import { BreakGlass } from './credential/break-glass/break-glass.ts'
import { takeHandover } from './credential/break-glass/handover.ts'
import { BREAK_GLASS_GENERATION } from './credential/break-glass/seal.ts'
import { type EpochKeyAnswer, EpochKeys } from './credential/epoch-keys.ts'
import { KeyKeeper } from './credential/key-keeper.ts'
import { removeGeneration } from './credential/tpm/removal.ts'
import { type KeySurroundings, openMasterKeys } from './master-keys.ts'
import { logName, openGlassPath, sealedGlassPath } from './paths.ts'
import { TpmRotator } from './rotation.ts'

interface AlarmsOfKeys {
  readonly raise: RaiseAlarm
  readonly clear: ClearAlarm
}

/** Everything that credentials hang on, wired together: epoch keys and who keeps them, rotation, and the emergency key. */
export interface Keys extends AsyncDisposable {
  readonly epochKeys: EpochKeys
  readonly rotator: TpmRotator
  readonly glass: BreakGlass
  /** The key that a credential hangs on, whatever its generation. */
  keyFor(generation: number, epoch: number): EpochKeyAnswer
  /** Whether the newest generation is older than it should get. */
  isRotationDue(): boolean
  /** Derives what is needed to begin with. Resolves too when the master key cannot be used. */
  start(): Promise<void>
  /** Looks at once which keys are good: the time has changed. */
  wake(): void
  /**
   * Takes up the emergency key that root left opened for this start. Called when all else of the start has succeeded: a
   * start that fails must not use up the one emergency.
   */
  takeUpGlass(): Promise<void>
}

export async function openKeys(
  config: Config,
  around: KeySurroundings,
  clock: Clock,
  audit: AuditLog,
  log: Logger,
  alarms: AlarmsOfKeys,
): Promise<Keys> {
  const { generations, warnings } = await openMasterKeys(config, around)
  for (const warning of warnings) log.warn(warning)
  const { environment, gateway, credentials } = config
  const epochKeys = new EpochKeys(generations, { environment, gateway, ...credentials }, clock)
  const checkpointKeys = new CheckpointKeys(config, audit, clock, alarms)
  const keeper = new KeyKeeper(
    epochKeys,
    { ...config, timeout: config.masterKey.timeout, rotationDue: credentials.rotationDue },
    clock,
    {
      unavailable: ({ reason, detail, remedy }) =>
        alarms.raise('master-key-unavailable', `${detail}. ${remedy}`, { reason }),
      restored: () => alarms.clear('master-key-unavailable', 'the master key can be used again'),
      checkpointSeed: (seed, earlier) => {
        const [signer, ...signers] = [seed, ...earlier].map(each => signerFrom(logName(config), each))
        if (signer !== undefined) checkpointKeys.signWith(signer, signers.map(verifierOf))
        for (const each of [seed, ...earlier]) each.fill(0)
      },
      retired: ({ master }) => void retire(config, master.generation, clock, audit, alarms.raise),
      rotationDue: age =>
        alarms.raise('rotation-due', `the master key is ${formatDuration(age)} old: holdfast key rotate`),
    },
  )
  const rotator = new TpmRotator(config, around, epochKeys, audit, clock, {
    publish: signer => checkpointKeys.publish(signer),
    onRotated: () => keeper.wake(),
  })
  const glass = new BreakGlass(sealedGlassPath(config), config, clock, (why, by) => {
    log.warn({ event: 'break-glass-closed' }, `the emergency credential is worth nothing now: ${why}`)
    audit.note({ kind: 'break-glass-closed', detail: why, ...by })
    alarms.clear('break-glass', why)
  })
  return {
    epochKeys,
    rotator,
    glass,
    keyFor: (generation, epoch) =>
      generation === BREAK_GLASS_GENERATION ? glass.keyFor(epoch) : epochKeys.keyFor(generation, epoch),
    isRotationDue: () => {
      const since = epochKeys.generations.at(-1)?.since
      return since !== undefined && clock.wall() - since >= credentials.rotationDue
    },
    start: () => keeper.start(),
    wake: () => keeper.wake(),
    takeUpGlass: () => takeUpGlass(glass, openGlassPath(config), around, audit, alarms),
    [Symbol.asyncDispose]: async () => {
      await glass[Symbol.asyncDispose]()
      await keeper[Symbol.asyncDispose]()
      await checkpointKeys[Symbol.asyncDispose]()
    },
  }
}

/** Opens the emergency key when root left it opened for this start. Nothing about that is quiet. */
async function takeUpGlass(
  glass: BreakGlass,
  path: string,
  { user }: KeySurroundings,
  audit: AuditLog,
  alarms: AlarmsOfKeys,
): Promise<void> {
  const handed = await takeHandover(path, user).catch((error: Error) => ({
    kind: 'refused' as const,
    detail: error.message,
  }))
  switch (handed.kind) {
    case 'none':
      break
    case 'refused':
      alarms.raise(
        'break-glass-unused',
        `somebody opened the emergency key, and it is not taken up: ${handed.detail}`,
      )
      break
    case 'taken': {
      const until = new Date(handed.until).toISOString()
      const trouble = await glass.open(handed, user).catch((error: Error) => error.message)
      if (trouble !== undefined) {
        alarms.raise('break-glass-unused', `the emergency key was to be opened, and is not: ${trouble}`)
        break
      }
      audit.note({ kind: 'break-glass-opened', until })
      alarms.raise(
        'break-glass',
        `THE EMERGENCY CREDENTIAL IS IN USE until ${until}: holdfast break-glass close`,
      )
    }
  }
}

/** A generation whose grace is over: its epoch keys are wiped already, and now its files are. */
async function retire(
  config: Config,
  generation: number,
  clock: Clock,
  audit: AuditLog,
  raise: RaiseAlarm,
): Promise<void> {
  const { masterKey, stateDir } = config
  if (masterKey.source !== 'tpm') return
  const signal = AbortSignal.timeout(masterKey.timeout * 3)
  const removed = await removeGeneration({
    tcti: masterKey.tcti,
    stateDir,
    generation,
    clock,
    signal,
  })
  if (removed.kind === 'removed') audit.note({ kind: 'key-retired', generation })
  else raise('key-not-removed', `generation ${generation} of the master key: ${removed.detail}`)
}
