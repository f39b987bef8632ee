import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXIT } from '../../model/exit.ts'
import { guardedGateway, untilPlant } from './guarded-gateway.ts'

test('an agent whose device falls back to what is not safe does not start, and says what to do', async () => {
  await using gateway = await guardedGateway({
    plant: [[['plc', 'modbus', 'coils', 1, 'fallback'], 0]],
  })
  const { exitCode, stderr } = await gateway.holdfast('agent', '--config', gateway.config)
  assert.equal(exitCode, EXIT.device, stderr)
  assert.equal(
    stderr,
    'coolant-pump: without this agent plc sets it to 0, and its safe state on is 1: set the device\'s fallback to 1, or, where the device is right, correct "safe" of coolant-pump in the configuration',
  )
  assert.equal(gateway.plant.watchdog, 'off')
})

test('an agent arms the watchdog at its start, says so, and takes commands', async () => {
  await using gateway = await guardedGateway()
  const writes: string[] = []
  gateway.plant.onWrite(({ table, address, value }) => writes.push(`${table} ${address} := ${value}`))
  const agent = await gateway.startAgent()
  assert.equal(gateway.plant.watchdog, 'running')
  assert.equal(gateway.plant.image.holdingRegister(102), 2000)
  assert.ok(!writes.some(write => write.startsWith('coil')), 'bumpless: no output was written')
  const { credential } = await gateway.issue('alice', 'operator')
  assert.equal(
    (await gateway.client(agent.address, credential).command('inlet-valve', 'open')).kind,
    'answered',
  )
  const armed = gateway.records().find(({ kind }) => kind === 'watchdog-armed')
  assert.equal(armed?.device, 'plc')
  const { stdout } = await gateway.holdfast('status', '--agent', gateway.operatorSocket, '--json')
  assert.match(stdout, /"device_watchdogs":\s*\{\s*"plc":\s*\{\s*"kind":\s*"armed"/)
})

test('an agent that cannot reach the device starts, refuses what leads away from safe, and heals by itself', async () => {
  await using gateway = await guardedGateway()
  await gateway.plant.faults.set({ kind: 'dropped-link' })
  const agent = await gateway.startAgent()
  assert.ok(agent.log.some(({ alarm, device }) => alarm === 'device-unguarded' && device === 'plc'))
  const { credential } = await gateway.issue('alice', 'operator')
  const client = gateway.client(agent.address, credential)
  const refused = await client.command('inlet-valve', 'open')
  assert.equal(refused.kind === 'problem' && refused.problem.code, 'device-uncommissioned')
  const status = await gateway.holdfast('status', '--agent', gateway.operatorSocket)
  assert.match(status.stdout, /! device plc: what it falls back to is not known: /)
  await agent.line(({ alarm, device }) => alarm === 'device-disconnected' && device === 'plc')
  await gateway.plant.faults.clear()
  await agent.line(({ cleared }) => cleared === 'device-unguarded')
  await agent.line(({ cleared, device }) => cleared === 'device-disconnected' && device === 'plc')
  assert.equal((await client.command('inlet-valve', 'open')).kind, 'answered')
  await untilPlant(gateway.plant, () => gateway.plant.watchdog === 'running')
})

test('a disagreement that is found later is an alarm, and nothing leaves its safe state', async () => {
  await using gateway = await guardedGateway({
    plant: [[['plc', 'modbus', 'coils', 1, 'fallback'], 0]],
  })
  await gateway.plant.faults.set({ kind: 'dropped-link' })
  const agent = await gateway.startAgent()
  await gateway.plant.faults.clear()
  await agent.line(({ alarm, cause }) => alarm === 'device-unguarded' && cause === 'disagrees')
  const { credential } = await gateway.issue('alice', 'operator')
  const client = gateway.client(agent.address, credential)
  const open = await client.command('inlet-valve', 'open')
  assert.equal(open.kind === 'problem' && open.problem.code, 'device-uncommissioned')
  assert.match(
    open.kind === 'problem' ? open.problem.detail : '',
    /coolant-pump: without this agent plc sets it to 0/,
  )
  assert.equal((await client.command('coolant-pump', 'on')).kind, 'answered', 'towards safe is never refused')
  assert.equal(gateway.plant.watchdog, 'off')
})
