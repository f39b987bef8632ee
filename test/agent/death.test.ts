import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { AgentClient } from '../../client/agent-client.ts'
import type { GatewayOptions, RunningAgent } from './gateway.ts'
import { guardedGateway, isFallenBack, untilPlant } from './guarded-gateway.ts'
import { evaluate, INSPECTED } from './inspector.ts'

/** A gateway whose inlet valve an operator has opened, with its coolant pump off: both away from safe. */
async function openedGateway(env: Record<string, string> = {}, options: GatewayOptions = {}) {
  const gateway = await guardedGateway(options)
  try {
    const agent = await gateway.startAgent(env)
    const { credential } = await gateway.issue('alice', 'operator', '--lifetime', '1h')
    const opened = await gateway.client(agent.address, credential).command('inlet-valve', 'open')
    assert.equal(outcomeOf(opened), 'verified')
    const moved: string[] = []
    gateway.plant.onWrite(({ table, address, value }) => {
      if (table === 'coil') moved.push(`coil ${address} := ${value}`)
    })
    return {
      gateway,
      agent,
      credential,
      /** Every write to an output since then. */
      moved,
      [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
    }
  } catch (error) {
    await gateway[Symbol.asyncDispose]()
    throw error
  }
}

function outcomeOf(answer: Awaited<ReturnType<AgentClient['command']>>): unknown {
  return answer.kind === 'answered' ? (answer.body as { outcome?: unknown }).outcome : answer.kind
}

type Opened = Awaited<ReturnType<typeof openedGateway>>

/** Waits until the device alone has made the plant safe, and says how long it took. */
async function fallsBack(t: TestContext, { gateway: { plant }, moved }: Opened): Promise<void> {
  const outputs = await untilPlant(plant, () => plant.image.coil(0) === 0 && plant.image.coil(1) === 1)
  const followed = outputs + (await untilPlant(plant, () => isFallenBack(plant)))
  assert.equal(plant.watchdog, 'expired')
  assert.deepEqual(moved, [], 'nobody wrote an output')
  t.diagnostic(
    `outputs at their fallback after ${Math.round(outputs)} ms, the plant after ${Math.round(followed)} ms`,
  )
}

/** The agent is back: it tells of the expiry, has moved nothing, guards again, and the operator can command again. */
async function isBack(opened: Opened, agent: RunningAgent): Promise<void> {
  const { gateway, credential, moved } = opened
  await agent.line(({ alarm, device }) => alarm === 'watchdog-expired' && device === 'plc')
  await untilPlant(gateway.plant, () => gateway.plant.watchdog === 'running')
  assert.deepEqual(moved, [])
  assert.ok(isFallenBack(gateway.plant))
  await agent.line(
    line =>
      line.event === 'watchdog-armed' &&
      agent.log.indexOf(line) > agent.log.findIndex(({ alarm }) => alarm === 'watchdog-expired'),
  )
  const again = await gateway.client(agent.address, credential).command('inlet-valve', 'open')
  assert.equal(outcomeOf(again), 'verified', JSON.stringify(again))
  const expired = gateway.records().filter(({ kind }) => kind === 'watchdog-expired')
  assert.deepEqual(
    expired.map(({ device }) => device),
    ['plc'],
  )
}

test('SIGKILL: the device makes the plant safe; the next run says so, moves nothing and takes commands', async t => {
  await using opened = await openedGateway()
  await opened.agent.kill('SIGKILL')
  await fallsBack(t, opened)
  await isBack(opened, await opened.gateway.startAgent())
})

test('SIGTERM: the agent leaves the plant as it is and the watchdog running, and so the device makes the plant safe', async t => {
  await using opened = await openedGateway()
  assert.equal(await opened.agent.kill('SIGTERM'), 0)
  await fallsBack(t, opened)
  await isBack(opened, await opened.gateway.startAgent())
})

test('SIGTERM with on_stop: safe: the agent makes the plant safe before it exits, in the order of the trip group, and that latches', async t => {
  await using opened = await openedGateway(
    {},
    {
      settings: [
        [['actuators', 'inlet-valve', 'on_stop'], 'safe'],
        [['actuators', 'coolant-pump', 'on_stop'], 'safe'],
      ],
    },
  )
  const { gateway, agent, credential, moved } = opened
  const began = performance.now()
  assert.equal(await agent.kill('SIGTERM'), 0)
  t.diagnostic(`stopped, and the plant safe, after ${Math.round(performance.now() - began)} ms`)
  assert.ok(isFallenBack(gateway.plant))
  assert.notEqual(gateway.plant.watchdog, 'expired', 'the agent did it, not the device')
  assert.deepEqual(moved, ['coil 1 := 1', 'coil 0 := 0'])
  const records = gateway.records()
  for (const actuator of ['inlet-valve', 'coolant-pump']) {
    const trip = records.find(record => record.kind === 'trip' && record.actuator === actuator)
    assert.equal(trip?.cause, 'agent-stopping')
    assert.ok(records.some(record => record.kind === 'trip-safe' && record.actuator === actuator))
  }
  moved.length = 0
  const second = await gateway.startAgent()
  const refused = await gateway.client(second.address, credential).command('inlet-valve', 'open')
  assert.equal(refused.kind === 'problem' && refused.problem.code, 'tripped')
  const engineer = gateway.client(second.address, (await gateway.issue('erika', 'engineer')).credential)
  assert.equal((await engineer.acknowledge('inlet-valve')).kind, 'answered')
  assert.equal((await engineer.reset('inlet-valve')).kind, 'answered')
  assert.deepEqual(moved, [])
  const again = await gateway.client(second.address, credential).command('inlet-valve', 'open')
  assert.equal(outcomeOf(again), 'verified')
})

test('SIGTERM with a valve that is stuck: the agent exits all the same, says so, and leaves the device its watchdog', async () => {
  await using opened = await openedGateway(
    {},
    {
      settings: [
        [['actuators', 'inlet-valve', 'on_stop'], 'safe'],
        [['actuators', 'coolant-pump', 'on_stop'], 'safe'],
        [['devices', 'plc', 'watchdog', 'on_stop'], 'stop'],
      ],
    },
  )
  const { gateway, agent } = opened
  await gateway.plant.faults.set({ kind: 'stuck', element: 'inlet-valve' })
  assert.equal(await agent.kill('SIGTERM'), 0)
  const alarm = agent.log.find(line => line.alarm === 'stopped-unsafe')
  assert.equal(alarm?.actuator, 'inlet-valve')
  await untilPlant(gateway.plant, () => gateway.plant.watchdog === 'expired')
})

test('SIGTERM with a watchdog that is to be stopped: the outputs stay as they are', async () => {
  await using opened = await openedGateway(
    {},
    { settings: [[['devices', 'plc', 'watchdog', 'on_stop'], 'stop']] },
  )
  const { gateway, agent, moved } = opened
  assert.equal(await agent.kill('SIGTERM'), 0)
  let scans = 0
  // Twice its time, in scans of 10 ms.
  await untilPlant(gateway.plant, () => {
    scans += 1
    return scans > 400
  })
  assert.equal(gateway.plant.watchdog, 'off')
  assert.ok(gateway.plant.valve('inlet-valve').isOpen)
  assert.deepEqual(moved, [])
})

test('SIGSTOP: the device makes the plant safe; after SIGCONT the agent says so, moves nothing and takes commands', async t => {
  await using opened = await openedGateway()
  process.kill(opened.agent.pid, 'SIGSTOP')
  await fallsBack(t, opened)
  process.kill(opened.agent.pid, 'SIGCONT')
  await isBack(opened, opened.agent)
})

test('an event loop that is blocked for 10 s: the device makes the plant safe; then the agent says so, moves nothing and takes commands', async t => {
  await using opened = await openedGateway({ NODE_OPTIONS: INSPECTED })
  const blocked = evaluate(opened.agent, 'const end = Date.now() + 10000; while (Date.now() < end);')
  await fallsBack(t, opened)
  await blocked
  await isBack(opened, opened.agent)
})

test('out of memory: the process ends and the device makes the plant safe; the next run says so, moves nothing and takes commands', async t => {
  await using opened = await openedGateway({ NODE_OPTIONS: `${INSPECTED} --max-old-space-size=96` })
  const full = evaluate(opened.agent, 'const held = []; for (;;) held.push(new Array(100000).fill(0.5));')
  await fallsBack(t, opened)
  await full
  await opened.agent.kill('SIGKILL')
  await isBack(opened, await opened.gateway.startAgent())
})
