import { createHmac, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AuditLog, openAuditLog } from '../../../agent/audit/log.ts'
import type { Actuator } from '../../../agent/command/actuator.ts'
import { Approvals } from '../../../agent/command/approvals.ts'
import type { Authenticator } from '../../../agent/command/authenticate.ts'
import { Controls } from '../../../agent/command/controls.ts'
import { Lockouts, lockoutFile } from '../../../agent/command/lockouts.ts'
import type { Pace } from '../../../agent/command/pace.ts'
import { Pacing } from '../../../agent/command/pacing.ts'
import { type CommandAnswer, type Commands, carryOut } from '../../../agent/command/pipeline.ts'
import { Progress } from '../../../agent/command/progress.ts'
import { Rates } from '../../../agent/command/rates.ts'
import type { Channel, Received } from '../../../agent/command/received.ts'
import { Refusals } from '../../../agent/command/refusals.ts'
import type { Resets } from '../../../agent/command/reset.ts'
import { Selections } from '../../../agent/command/selections.ts'
import type { ManualTrips } from '../../../agent/command/trip.ts'
import { EpochKeys } from '../../../agent/credential/epoch-keys.ts'
import type { MasterKey } from '../../../agent/credential/master-key.ts'
import { Mint } from '../../../agent/credential/mint.ts'
import { ReplayMemory } from '../../../agent/credential/replay.ts'
import { Revocations, revocationFile } from '../../../agent/credential/revocations.ts'
import { signRequest } from '../../../client/sign.ts'
import { AuthenticationFailures } from '../../../failsafe/authentication-failures.ts'
import { Trips } from '../../../failsafe/trips.ts'
import type { AuditEntry } from '../../../model/audit.ts'
import type { Caveat } from '../../../model/caveat.ts'
import type { Credential } from '../../../model/credential.ts'
import { Refusal } from '../../../model/refusal.ts'
import { DEFAULT_ROLES } from '../../../model/role.ts'
import type { Millis } from '../../../model/time.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { FakeDriver } from '../../drivers/fake-driver.ts'

export const NOW = Date.UTC(2026, 5, 1, 12)
const DAY = 86_400_000

/** A master key in memory: the tests of the TPM are elsewhere. */
export function memoryKey(secret = 'a master key for tests', generation = 1): MasterKey & { gone: boolean } {
  return {
    generation,
    description: 'memory',
    gone: false,
    async hmac(message) {
      return this.gone
        ? { kind: 'unavailable', reason: 'absent', detail: 'the TPM is gone', remedy: 'look for it' }
        : { kind: 'mac', mac: createHmac('sha256', secret).update(message).digest() }
    },
  }
}

export const LAN: Channel = { name: 'lan', unattributed: 'count', admin: false }

export interface SignOptions {
  readonly method?: string
  readonly path?: string
  readonly query?: string
  readonly authority?: string
  readonly body?: string
  /** Seconds since 1970; now unless given. */
  readonly created?: number
  readonly nonce?: Uint8Array
  readonly channel?: Channel
  readonly source?: string
}

export interface RigSettings {
  readonly unattributed?: 'count' | 'alarm'
  readonly approvals?: number
  readonly selectionLasts?: Millis
  readonly pace?: Partial<Pace>
  /** A damper of 0 to 100 with the safe state 0, in place of the valve. */
  readonly range?: boolean
}

/** Everything that stands behind the command path, in one process, on time that stands still. */
export async function commandRig(settings: RigSettings = {}) {
  const clock = new VirtualClock(NOW)
  const master = memoryKey()
  const of = { environment: 'test', gateway: 'g1' }
  const keys = new EpochKeys([{ master, retiresAt: undefined }], { ...of, epoch: DAY, grace: DAY }, clock)
  await keys.refresh(1000)
  let drawn = 0
  const entropy = (bytes: number) => {
    drawn += 1
    const random = new Uint8Array(bytes)
    new DataView(random.buffer).setUint32(0, drawn)
    return random
  }
  const mint = new Mint(keys, { ...of, lifetimeMax: DAY / 3 }, clock, entropy)
  const driver = new FakeDriver({ 'valve.command': 0, 'valve.feedback': 0 })
  const valve: Actuator = {
    id: 'valve',
    description: '',
    driver,
    commandPoint: 'valve.command',
    feedbackPoint: 'valve.feedback',
    domain: settings.range
      ? { kind: 'range', min: 0, max: 100, step: 1, unit: '%' }
      : {
          kind: 'positions',
          positions: new Map([
            ['closed', { write: 0, feedback: 0 }],
            ['open', { write: 1, feedback: 1 }],
          ]),
        },
    safe: { setpoint: settings.range ? 0 : 'closed', write: 0, feedback: 0 },
    tolerance: 0,
    travelTime: 20_000,
    tripsOnFailures: true,
    approvals: { command: settings.approvals ?? 1, reset: settings.approvals ?? 1 },
    selectionLasts: settings.selectionLasts,
    pace: { minimumInterval: undefined, cyclesPerHour: undefined, rateOfChange: undefined, ...settings.pace },
    staysCommanded: true,
    deviceTimeout: 1000,
    turnWithin: 0,
  }
  const actuators = new Map([[valve.id, valve]])
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-command-'))
  const opened = await openAuditLog({
    path: join(folder, 'audit.db'),
    boot: 'test',
    clock,
    mode: 'create',
    onTrouble: () => {},
  })
  if (opened.kind !== 'opened') throw new Error(opened.detail)
  const audit: AuditLog = opened.log
  // The disk is real and time is not: while a record is on its way to the disk, time stands still.
  let writing = 0
  for (const way of ['append', 'appendOrKeep'] as const) {
    const append = audit[way].bind(audit)
    audit[way] = async entry => {
      writing += 1
      return await append(entry).finally(() => {
        writing -= 1
      })
    }
  }
  const controls = new Controls()
  const events: string[] = []
  const movements: string[] = []
  const noted: AuditEntry[] = []
  const trips = new Trips(actuators, [], clock, {
    alarm: (actuator, cause) => events.push(`alarm ${cause} ${actuator}`),
    record: kind => events.push(kind),
    latchesChanged: () => {},
    overrule: (actuator, detail) => controls.overrule(actuator, detail),
    mistake: () => events.push('mistake'),
  })
  const failures = new AuthenticationFailures(
    { limit: 5, warn: 3, leakEvery: 60_000, tripsPerDay: 10 },
    clock,
    () => {},
  )
  const suspended = new Map<string, string>()
  const troubles: {
    audit?: string
    replay?: string
    clock?: string
    held?: string
    unmet?: { kind: 'interlock' | 'permissive'; detail: string }
  } = {}
  const replay = new ReplayMemory(NOW - 600_000)
  const revocations = new Revocations(revocationFile(join(folder, 'revocations.json')), [], 2 * DAY)
  const rates = new Rates(new Map([['limited', { requests: 5, period: 1000 }]]), clock)
  const approvals = new Approvals(300_000, clock, revocations, entry => void noted.push(entry))
  const selections = new Selections(clock, revocations, entry => void noted.push(entry))
  const lockouts = new Lockouts(lockoutFile(join(folder, 'lockouts.json')), [], clock, {
    note: entry => void noted.push(entry),
    notKept: () => events.push('lockouts not kept'),
  })
  const pacing = new Pacing(clock, { moves: new Map(), knownSince: Number.NEGATIVE_INFINITY })
  const authenticator: Authenticator = { ...of, keys, replay, revocations, roles: DEFAULT_ROLES, clock }
  const refusals = new Refusals({
    audit,
    book: { admits: () => true, note: entry => void noted.push(entry), spend: () => {} },
    failures,
    trips,
    actuators,
    alarm: () => events.push('alarm'),
    suspend: (identity, _, reason) => {
      suspended.set(identity, reason)
      events.push(`suspended ${identity}`)
    },
    closeListener: listener => events.push(`closed ${listener}`),
  })
  const commands: Commands = {
    authenticator,
    actuators,
    permits: {
      rates,
      approvals,
      deviceGuards: { troubleOf: () => undefined },
      selections,
      lockouts,
      pacing,
      trips,
      controls,
      clockTrouble: () => troubles.clock,
      unmet: () => troubles.unmet,
      heldBy: () => troubles.held,
      auditTrouble: () => troubles.audit,
      replayTrouble: () => troubles.replay,
      suspension: identity => suspended.get(identity),
    },
    audit,
    refusals,
    supervision: {
      moving: id => movements.push(`moving ${id}`),
      moved: (id, { setpoint }, towardsSafe) =>
        movements.push(`moved ${id} ${setpoint}${towardsSafe ? ' towards safe' : ''}`),
    },
    clock,
    progress: new Progress(clock),
    newCommandId: randomUUID,
    onMistake: () => events.push('mistake'),
  }
  const keeper = { lift: () => {}, kept: async () => undefined }
  const resets: Resets = {
    actuators,
    trips,
    failures,
    persists: () => undefined,
    replayTrouble: () => undefined,
    warnLevel: 3,
    audit,
    approvals,
    keeper,
    clock,
  }
  const manualTrips: ManualTrips = { actuators, trips, audit, keeper, clock }
  const channel: Channel = { ...LAN, unattributed: settings.unattributed ?? 'count' }

  const issue = (
    caveats: readonly Caveat[] = [],
    role = 'operator',
    lifetime: Millis = 900_000,
    subject = 'alice',
  ): Credential => {
    const minted = mint.issue({ subject, role, caveats, lifetime })
    if (minted instanceof Refusal) throw new Error(minted.detail)
    return { keyid: minted.keyid, secret: minted.secret }
  }
  /** A request as it comes in, signed with a credential. */
  const sign = (credential: Credential, options: SignOptions = {}): Received => {
    const request = {
      method: options.method ?? 'POST',
      authority: options.authority ?? 'gateway:8440',
      path: options.path ?? '/v1/actuators/valve/commands',
      query: options.query ?? '',
      body: Buffer.from(options.body ?? '{"setpoint":"open"}'),
    }
    const created = options.created ?? Math.floor(clock.wall() / 1000)
    const headers = signRequest(request, credential, { created, nonce: options.nonce ?? entropy(16) })
    return {
      stage: 'received',
      channel: options.channel ?? channel,
      source: options.source ?? '10.1.2.3',
      method: request.method,
      authority: request.authority,
      path: request.path,
      query: `?${request.query}`,
      fields: new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value]])),
      body: request.body,
      tooEarly: rates.take(options.channel ?? channel, options.source ?? '10.1.2.3'),
      arrived: { wall: clock.wall(), monotonic: clock.monotonic() },
    }
  }
  /** Carries a request out, letting time pass while it waits. */
  const send = async (received: Received, id = 'valve'): Promise<CommandAnswer> => {
    let answer: CommandAnswer | undefined
    const done = carryOut(received, id, commands).then(given => {
      answer = given
    })
    while (!answer) {
      if (writing === 0) await clock.advance(10)
      await new Promise(resolve => setImmediate(resolve))
    }
    await done
    return answer
  }
  return {
    clock,
    master,
    keys,
    mint,
    driver,
    valve,
    audit,
    auditPath: join(folder, 'audit.db'),
    controls,
    trips,
    failures,
    suspended,
    troubles,
    events,
    movements,
    noted,
    replay,
    revocations,
    rates,
    approvals,
    selections,
    lockouts,
    pacing,
    authenticator,
    commands,
    resets,
    manualTrips,
    channel,
    issue,
    sign,
    send,
    [Symbol.asyncDispose]: async () => {
      await lockouts[Symbol.asyncDispose]()
      await trips[Symbol.asyncDispose]()
      await audit[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
