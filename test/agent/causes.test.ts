import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { execa } from 'execa'
import type { Credential } from '../../model/credential.ts'
import type { TripCause } from '../../model/trip.ts'
import { Gateway, HOLDFAST, type RunningAgent } from './gateway.ts'
import { untilPlant } from './guarded-gateway.ts'

type Settings = NonNullable<Parameters<typeof Gateway.start>[0]>['settings']

const LEVEL = { device: 'plc', point: { input_register: 1 }, unit: 'mm', every: '100ms' }
const TEMPERATURE = {
  device: 'plc',
  point: { input_register: 2, type: 'int16', scale: 0.1 },
  unit: '°C',
  every: '100ms',
}

interface Scene {
  readonly gateway: Gateway
  readonly agent: RunningAgent
  /** An operator's. */
  readonly credential: Credential
}

/** What is done to a plant whose inlet valve is open; may start the agent anew. */
type Provoke = (scene: Scene) => Promise<RunningAgent | undefined>

/** Every cause that a configuration can choose, what the engineer writes for it, and what brings it about. */
const CAUSES: readonly (readonly [TripCause, Readonly<Record<string, unknown>>, Provoke])[] = [
  [
    'manual',
    {},
    async ({ gateway, agent, credential }) => {
      const answer = await gateway.client(agent.address, credential).trip('inlet-valve', 'a pipe has burst')
      assert.equal(answer.kind === 'answered' && (answer.body as { phase: string }).phase, 'tripped')
      return undefined
    },
  ],
  ['operator-heartbeat-lost', { operator_heartbeat: '1s' }, async () => undefined],
  [
    'device-unreachable',
    { device_unreachable: '500ms' },
    async ({ gateway, agent }) => {
      await gateway.plant.faults.set({ kind: 'dropped-link' })
      await agent.line(({ event }) => event === 'trip')
      // Nothing can be done while the cable is out; it is tried until it can.
      await gateway.plant.faults.clear()
      return undefined
    },
  ],
  [
    'feedback-mismatch',
    { feedback_mismatch: '500ms' },
    async ({ gateway, agent }) => {
      await gateway.plant.faults.set({
        kind: 'second-master',
        table: 'coil',
        address: 0,
        value: 0,
        every_ms: 50,
      })
      await agent.line(({ event }) => event === 'trip')
      await gateway.plant.faults.clear()
      return undefined
    },
  ],
  [
    'process-limit',
    { limits: [{ reading: 'tank-level', above: 1202, for: '200ms' }] },
    // Six litres a second come in and two go out.
    async () => undefined,
  ],
  [
    'master-key-unavailable',
    { master_key_unavailable: '500ms' },
    async ({ gateway, agent }) => {
      await agent.kill('SIGKILL')
      await gateway.tpm.stop()
      return await gateway.startAgent()
    },
  ],
  [
    'clock-untrusted',
    { clock_untrusted: '500ms' },
    async ({ gateway, agent }) => {
      await agent.kill('SIGKILL')
      await writeFile(
        join(gateway.folder, 'state', 'clock.json'),
        JSON.stringify({ floor: Date.now() + 10 * 365 * 86_400_000 }),
      )
      return await gateway.startAgent()
    },
  ],
  [
    'audit-unwritable',
    { audit_unwritable: '500ms' },
    async ({ gateway, agent, credential }) => {
      const other = new Database(gateway.auditLog)
      other.exec('BEGIN IMMEDIATE')
      // Somebody asks for something that is to be written down.
      void gateway.client(agent.address, credential).command('inlet-valve', 'open')
      await agent.line(({ event }) => event === 'trip-safe')
      other.exec('ROLLBACK')
      other.close()
      return undefined
    },
  ],
]

function settingsFor(tripsOn: Readonly<Record<string, unknown>>): Settings {
  return [
    [['readings'], { 'tank-level': LEVEL, coolant: TEMPERATURE }],
    [['actuators', 'inlet-valve', 'trips_on'], tripsOn],
  ]
}

async function openValve(settings: Settings): Promise<Scene & AsyncDisposable> {
  const gateway = await Gateway.start({ settings: settings ?? [] })
  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  const opened = await gateway.client(agent.address, credential).command('inlet-valve', 'open')
  assert.equal(opened.kind, 'answered', JSON.stringify(opened))
  return { gateway, agent, credential, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() }
}

for (const [cause, tripsOn, provoke] of CAUSES) {
  test(`${cause}: the open valve is driven to closed, with the pump, and that is verified and recorded`, async (context: TestContext) => {
    await using scene = await openValve(settingsFor(tripsOn))
    const { gateway } = scene
    const began = performance.now()
    const agent = (await provoke(scene)) ?? scene.agent
    const trip = await agent.line(({ event, actuator }) => event === 'trip' && actuator === 'inlet-valve')
    assert.equal(trip.cause, cause, JSON.stringify(trip))
    await agent.line(({ event, actuator }) => event === 'trip-safe' && actuator === 'inlet-valve')
    await agent.line(({ event, actuator }) => event === 'trip-safe' && actuator === 'coolant-pump')
    context.diagnostic(`${cause}: safe after ${Math.round(performance.now() - began)} ms`)
    assert.ok(gateway.plant.valve('inlet-valve').isClosed)
    assert.ok(gateway.plant.pump('coolant-pump').isRunning)
    const refused = await gateway.client(agent.address, scene.credential).command('inlet-valve', 'open')
    assert.equal(refused.kind, 'problem')
    await agent.kill('SIGTERM')
    const recorded = gateway.records().filter(({ kind }) => kind === 'trip' || kind === 'trip-safe')
    if (cause !== 'audit-unwritable')
      assert.ok(recorded.some(({ kind, cause: of }) => kind === 'trip' && of === cause))
    assert.equal((await gateway.holdfast('audit', 'verify', gateway.auditLog)).exitCode, 0)
  })
}

test('a cause that the configuration does not choose trips nothing: the plant goes on without its master key', async () => {
  await using scene = await openValve(settingsFor({}))
  await scene.agent.kill('SIGKILL')
  await scene.gateway.tpm.stop()
  const agent = await scene.gateway.startAgent()
  await agent.line(({ alarm }) => alarm === 'master-key-unavailable')
  const status = await scene.gateway.client(scene.gateway.operatorSocket).status()
  assert.ok(status.kind === 'answered')
  assert.ok(scene.gateway.plant.valve('inlet-valve').isOpen)
})

test('a reset is refused while its cause persists, with the reason, and granted after it was acknowledged and mended', async () => {
  await using scene = await openValve(settingsFor({ limits: [{ reading: 'tank-level', above: 1800 }] }))
  const { gateway, agent } = scene
  await gateway.plant.faults.set({ kind: 'feedback-lies', signal: 'tank.level', value: 2 })
  await agent.line(({ event, actuator }) => event === 'trip-safe' && actuator === 'inlet-valve')
  const erika = await gateway.issue('erika', 'engineer')
  const run = (...words: string[]) =>
    gateway.holdfast(...words, '--agent', agent.address, '--credential', erika.file)
  const persists = await run('reset', 'inlet-valve')
  assert.equal(persists.exitCode, 3)
  assert.match(
    persists.stderr,
    /409 Conflict - Cause Persists\ninlet-valve would trip again at once: process-limit: tank-level must be below 1800 mm, and it is 2000 mm/,
  )
  await run('acknowledge', 'coolant-pump')
  assert.match(
    (await run('reset', 'coolant-pump')).stderr,
    /coolant-pump would trip again at once: process-limit of inlet-valve, with which it trips: tank-level/,
  )
  await gateway.plant.faults.clear()
  let unseen = await run('reset', 'inlet-valve')
  while (/Cause Persists/.test(unseen.stderr)) unseen = await run('reset', 'inlet-valve')
  assert.match(unseen.stderr, /409 Conflict - Not Acknowledged/)
  const seen = await run('acknowledge', 'inlet-valve')
  assert.match(seen.stdout, /acknowledged by erika. First-out: process-limit at/)
  const { stdout: status } = await gateway.holdfast('status', '--agent', gateway.operatorSocket)
  assert.match(status, /acknowledged by erika at .*; next: holdfast reset inlet-valve/)
  const writes: unknown[] = []
  gateway.plant.onWrite(event => writes.push(event))
  const reset = await run('reset', 'inlet-valve')
  assert.equal(reset.exitCode, 0, reset.stderr)
  assert.deepEqual(writes, [], 'bumpless')
})

test('an interlock closes the valve and lets it go again by itself; a permissive and a bad sensor refuse to open it, and never to close it', async () => {
  await using gateway = await Gateway.start({
    settings: [
      [['readings'], { 'tank-level': LEVEL, coolant: TEMPERATURE }],
      [['actuators', 'inlet-valve', 'interlocks'], [{ reading: 'tank-level', below: 1800 }]],
      [['actuators', 'inlet-valve', 'permissives'], [{ actuator: 'coolant-pump', is: 'on' }]],
    ],
  })
  const agent = await gateway.startAgent()
  const client = gateway.client(agent.address, (await gateway.issue('alice', 'operator')).credential)
  const codeOf = async (setpoint: string): Promise<string> => {
    const answer = await client.command('inlet-valve', setpoint)
    return answer.kind === 'problem' ? answer.problem.code : answer.kind
  }
  assert.equal(await codeOf('open'), 'permissive-missing', 'the pump does not run')
  await client.command('coolant-pump', 'on')
  let opened = await codeOf('open')
  while (opened === 'permissive-missing') opened = await codeOf('open')
  assert.equal(opened, 'answered')
  await gateway.plant.faults.set({ kind: 'feedback-lies', signal: 'tank.level', value: 2 })
  await agent.line(({ event, cause }) => event === 'trip' && cause === 'interlock')
  await agent.line(({ event }) => event === 'trip-safe')
  assert.ok(gateway.plant.valve('inlet-valve').isClosed)
  assert.ok(['tripped', 'interlock-violated'].includes(await codeOf('open')))
  const engineer = gateway.client(agent.address, (await gateway.issue('erika', 'engineer')).credential)
  await engineer.acknowledge('inlet-valve')
  const reset = await engineer.reset('inlet-valve')
  assert.match(
    reset.kind === 'problem' ? reset.problem.detail : '',
    /^an interlock keeps inlet-valve in its safe state/,
  )
  await gateway.plant.faults.clear()
  await agent.line(({ event }) => event === 'interlock-ended')
  assert.equal(await codeOf('open'), 'answered', 'no reset was needed')

  await gateway.plant.faults.set({ kind: 'silent', on: 'reads' })
  const status = async () => {
    const answer = await gateway.client(gateway.operatorSocket).status()
    const { actuators } = (answer.kind === 'answered' ? answer.body : {}) as {
      actuators: { id: string; unmet?: { kind: string; detail: string } }[]
    }
    return actuators.find(({ id }) => id === 'inlet-valve')?.unmet
  }
  while (!/bad quality/.test((await status())?.detail ?? '')) await client.status()
  const alarm = await agent.line(({ alarm, reading }) => alarm === 'reading-bad' && reading === 'tank-level')
  assert.match(
    String(alarm.msg),
    /^tank-level is of bad quality: .*\. Blind without it: the interlock of inlet-valve$/,
  )
  assert.equal(await codeOf('open'), 'interlock-violated')
  // Its outcome is unknown, because nothing can be read; it was written.
  let isWritten = false
  gateway.plant.onWrite(({ address, value }) => {
    if (address === 0 && value === 0) isWritten = true
  })
  // A device that answers no reads is connected to again and again: in between nothing can be sent, and that is told.
  while (!isWritten) assert.ok(['unknown', 'device-unreachable'].includes(await codeOf('closed')))
  await gateway.plant.faults.clear()
  await agent.line(({ cleared, reading }) => cleared === 'reading-bad' && reading === 'tank-level')
})

test('cooling is held on for its time and until the loop is cold, over a restart; no credential shortens it', async () => {
  await using gateway = await Gateway.start({
    settings: [
      [['readings'], { 'tank-level': LEVEL, coolant: TEMPERATURE }],
      [['actuators', 'coolant-pump', 'hold'], { for: '1h', until: { reading: 'coolant', below: 30 } }],
    ],
  })
  const first = await gateway.startAgent()
  const { credential } = await gateway.issue('anna', 'admin')
  const off = async (agent: RunningAgent) => {
    const answer = await gateway.client(agent.address, credential).command('coolant-pump', 'off')
    return answer.kind === 'problem' ? `${answer.problem.code}: ${answer.problem.detail}` : answer.kind
  }
  assert.equal(
    (await gateway.client(first.address, credential).command('coolant-pump', 'on')).kind,
    'answered',
  )
  assert.match(await off(first), /^held: coolant-pump: it is held in its safe state until .* at least$/)
  // It is written down as it begins, and nobody's answer waits for that.
  const kept = () => readFile(join(gateway.folder, 'state', 'latches.json'), 'utf8').catch(() => '')
  while (!/"holds":\{"coolant-pump":/.test(await kept())) await turn()
  await first.kill('SIGKILL')
  const second = await gateway.startAgent()
  assert.match(await off(second), /^held: coolant-pump: it is held in its safe state until .* at least$/)
  assert.ok(gateway.plant.pump('coolant-pump').isRunning)
})

test('a limit whose reading is of bad quality moves nothing and is an alarm, or trips where the engineer chose that', async () => {
  for (const choice of ['alarm', 'trip'] as const) {
    await using scene = await openValve([
      [['readings'], { 'tank-level': LEVEL, coolant: TEMPERATURE }],
      [
        ['actuators', 'inlet-valve', 'trips_on'],
        { limits: [{ reading: 'tank-level', above: 2700, for: '3s', on_bad_quality: choice }] },
      ],
    ])
    const { gateway, agent } = scene
    await gateway.plant.faults.set({ kind: 'silent', on: 'reads' })
    const alarm = await agent.line(
      ({ alarm, reading }) => alarm === 'reading-bad' && reading === 'tank-level',
    )
    assert.match(String(alarm.msg), /Blind without it: the limit of inlet-valve$/)
    if (choice === 'trip') {
      const trip = await agent.line(({ event, actuator }) => event === 'trip' && actuator === 'inlet-valve')
      assert.equal(trip.cause, 'process-limit')
      assert.match(String(trip.msg), /tank-level is of bad quality/)
    } else {
      assert.ok(gateway.plant.valve('inlet-valve').isOpen)
      assert.ok(!agent.log.some(({ event }) => event === 'trip'))
    }
  }
})

test('`holdfast heartbeat` keeps the valve open for as long as it runs, and no longer', async () => {
  await using scene = await openValve(settingsFor({ operator_heartbeat: '3s' }))
  const { gateway, agent } = scene
  const { file } = await gateway.issue('bob', 'operator')
  const words = [
    'heartbeat',
    'inlet-valve',
    '--every',
    '300ms',
    '--agent',
    agent.address,
    '--credential',
    file,
  ]
  const beating = execa(HOLDFAST, words, { reject: false, stdin: 'ignore' })
  let scans = 0
  // Twice its time, in scans of 10 ms.
  await untilPlant(gateway.plant, () => {
    scans += 1
    return scans > 600
  })
  assert.ok(gateway.plant.valve('inlet-valve').isOpen)
  assert.ok(!agent.log.some(({ event }) => event === 'trip'))
  beating.kill('SIGINT')
  const { exitCode, stderr } = await beating
  assert.equal(exitCode, 0)
  assert.match(stderr, /^heard, and again every 300ms; Ctrl-C ends it$/m)
  const trip = await agent.line(({ event }) => event === 'trip')
  assert.equal(trip.cause, 'operator-heartbeat-lost')
})

test('an interlock whose sensor fails goes on acting: nobody has seen that it holds again', async () => {
  await using gateway = await Gateway.start({
    settings: [
      [['readings'], { 'tank-level': LEVEL }],
      [['actuators', 'inlet-valve', 'interlocks'], [{ reading: 'tank-level', below: 1800 }]],
    ],
  })
  const agent = await gateway.startAgent()
  const client = gateway.client(agent.address, (await gateway.issue('alice', 'operator')).credential)
  while ((await client.command('inlet-valve', 'open')).kind !== 'answered');
  await gateway.plant.faults.set({ kind: 'feedback-lies', signal: 'tank.level', value: 2 })
  await agent.line(({ event, actuator }) => event === 'trip-safe' && actuator === 'inlet-valve')
  await gateway.plant.faults.set({ kind: 'silent', on: 'reads' })
  const valve = async () => {
    const answer = await gateway.client(gateway.operatorSocket).status()
    const { actuators } = (answer.kind === 'answered' ? answer.body : {}) as {
      actuators: { id: string; trip: { phase: string }; unmet?: { detail: string } }[]
    }
    return actuators.find(({ id }) => id === 'inlet-valve')
  }
  while (!/bad quality/.test((await valve())?.unmet?.detail ?? '')) await client.status()
  // The causes are looked at ten times a second; a status that finds no feedback takes longer than that.
  await valve()
  assert.ok(!agent.log.some(({ event }) => event === 'interlock-ended'))
  await gateway.plant.faults.clear()
  await agent.line(({ event }) => event === 'interlock-ended')
})

test('a trip by hand of what is tripped already is on record, takes an acknowledgement of its own, and is no success while nobody can see it', async () => {
  await using scene = await openValve([[['trip_groups'], {}]])
  const { gateway, agent } = scene
  const alice = gateway.client(agent.address, scene.credential)
  await alice.trip('inlet-valve', 'the first')
  await alice.acknowledge('inlet-valve')
  assert.equal((await alice.trip('inlet-valve', 'the second')).kind, 'answered')
  const erika = gateway.client(agent.address, (await gateway.issue('erika', 'engineer')).credential)
  const early = await erika.reset('inlet-valve')
  assert.equal(early.kind === 'problem' && early.problem.code, 'not-acknowledged')
  await gateway.plant.faults.set({ kind: 'dropped-link' })
  const unseen = await alice.trip('inlet-valve', 'the third')
  assert.equal(unseen.kind === 'problem' && unseen.problem.code, 'trip-failed', JSON.stringify(unseen))
  await agent.kill('SIGTERM')
  const details = gateway.records().flatMap(({ kind, detail }) => (kind === 'trip' ? [detail] : []))
  assert.deepEqual(details, ['by alice: the first', 'by alice: the second', 'by alice: the third'])
})
