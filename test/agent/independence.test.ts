import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parseAgentAddress } from '../../client/agent-client.ts'
import type { Credential } from '../../model/credential.ts'
import { Gateway, type LogLine, type RunningAgent } from './gateway.ts'
import { deleteAuditLog, fillDisk, noSmallDisk, onSmallDisk, stateOf } from './small-disk.ts'

const TEN_YEARS = 10 * 365 * 86_400_000
const STEPPABLE = join(import.meta.dirname, 'programs', 'steppable-wall-clock.ts')

/** What a trip must not depend on, and how it is taken away. */
interface Loss {
  readonly name: string
  /** From a running agent. */
  take(gateway: Gateway, agent: RunningAgent): unknown
  /** From one that starts without it. The disk is full for its program alone, which is done as that starts. */
  takeBefore(gateway: Gateway): unknown
  /** What a running agent says of it, if it notices, and what one says that starts without it. */
  readonly noticed: { readonly running?: string; readonly starting?: string }
}

const FULL_DISK: Loss = {
  name: 'the disk is full',
  take: fillDisk,
  takeBefore: () => {},
  noticed: { running: 'audit-unwritable', starting: 'audit-unwritable' },
}

const LOSSES: readonly Loss[] = [
  {
    name: 'the TPM is gone',
    take: async gateway => await gateway.tpm.stop(),
    takeBefore: async gateway => await gateway.tpm.stop(),
    // A running agent asks it once a day.
    noticed: { starting: 'master-key-unavailable' },
  },
  {
    name: 'the audit log is deleted',
    take: (gateway, agent) => deleteAuditLog(stateOf(gateway, agent)),
    takeBefore: ({ folder }) => deleteAuditLog(join(folder, 'state')),
    noticed: { running: 'audit-unwritable' },
  },
  FULL_DISK,
  {
    name: 'the clock is ten years off',
    // The wall clock of this one process, at its source: a time namespace has none, and the machine's is everybody's.
    take: (_, { pid }) => process.kill(pid, 'SIGUSR2'),
    // The latest time that the gateway has known is ten years ahead, so that the system's clock is ten years behind.
    takeBefore: ({ folder }) =>
      writeFileSync(join(folder, 'state', 'clock.json'), JSON.stringify({ floor: Date.now() + TEN_YEARS })),
    noticed: { running: 'clock-stepped', starting: 'clock-behind' },
  },
]

const ROWS = LOSSES.flatMap((one, index) => [[one], ...LOSSES.slice(index + 1).map(other => [one, other])])

interface Scene extends AsyncDisposable {
  readonly gateway: Gateway
  readonly agent: RunningAgent
  readonly credential: Credential
}

/** A plant whose inlet valve is open and whose coolant pump stands still, each tripping by itself. */
async function openValve(losses: readonly Loss[]): Promise<Scene> {
  const gateway = await Gateway.start({ unattributed: 'count', settings: [[['trip_groups'], {}]] })
  const inside = losses.includes(FULL_DISK) ? onSmallDisk(gateway, 'roomy') : []
  const agent = await gateway.startAgent({ NODE_OPTIONS: `--import ${STEPPABLE}` }, inside)
  const { credential } = await gateway.issue('alice', 'operator')
  const opened = await gateway.client(agent.address, credential).command('inlet-valve', 'open')
  assert.equal(opened.kind, 'answered', JSON.stringify(opened))
  return { gateway, agent, credential, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() }
}

/** Waits until an agent has said what it lacks. Somebody asks for something, so that it has to write that down. */
async function noticed(gateway: Gateway, agent: RunningAgent, alarms: readonly string[]): Promise<void> {
  await gateway.client(agent.address).command('no-such-actuator', 'open')
  for (const name of new Set(alarms)) await agent.line(({ alarm }) => alarm === name)
}

/** Sends a command with half a signature: whoever that is meant to sign, and does it wrongly. */
async function spoilt(address: string): Promise<void> {
  const to = parseAgentAddress(address)
  if (to?.kind !== 'tcp') throw new TypeError(`no address of TCP: ${address}`)
  const path = '/v1/actuators/inlet-valve/commands'
  const asked = request({ ...to, method: 'POST', path, headers: { Signature: 'sig1=:AAAA:' }, agent: false })
  asked.end('{"setpoint":"open"}')
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  answer.resume()
  await once(answer, 'end')
  assert.equal(answer.statusCode, 400)
}

const isSafe = (id: string) => (line: LogLine) => line.event === 'trip-safe' && line.actuator === id

/** Five forgeries on the listener that counts them, then a trip by hand; each must end in its verified safe state. */
async function mustTrip(
  { gateway, agent }: Pick<Scene, 'gateway' | 'agent'>,
  forge: () => Promise<unknown>,
  stop: () => ReturnType<ReturnType<Gateway['client']>['trip']>,
  context: TestContext,
): Promise<void> {
  for (let count = 1; count < 5; count += 1) await forge()
  const began = performance.now()
  await Promise.all([forge(), agent.line(isSafe('inlet-valve'))])
  context.diagnostic(`fifth forgery: safe after ${Math.round(performance.now() - began)} ms`)
  assert.ok(gateway.plant.valve('inlet-valve').isClosed)

  const stopped = performance.now()
  const answer = await stop()
  const phase = answer.kind === 'answered' && (answer.body as { phase: string }).phase
  assert.equal(phase, 'tripped', JSON.stringify(answer))
  context.diagnostic(`by hand: safe after ${Math.round(performance.now() - stopped)} ms`)
  await agent.line(isSafe('coolant-pump'))
  assert.ok(gateway.plant.pump('coolant-pump').isRunning)
}

for (const losses of ROWS) {
  const what = losses.map(({ name }) => name).join(' and ')
  const skip = losses.includes(FULL_DISK) && noSmallDisk()

  test(`${what} while the agent runs, and a trip reaches its verified safe state`, {
    skip,
  }, async context => {
    await using scene = await openValve(losses)
    const { gateway, agent, credential } = scene
    for (const { take } of losses) await take(gateway, agent)
    const alarms = losses.flatMap(({ noticed: { running } }) => running ?? [])
    await noticed(gateway, agent, alarms)
    const forged = { keyid: credential.keyid, secret: randomBytes(32).toString('base64url') }
    const forger = gateway.client(agent.address, forged)
    const alice = gateway.client(agent.address, credential)
    await mustTrip(
      scene,
      () => forger.command('inlet-valve', 'open'),
      () => alice.trip('coolant-pump'),
      context,
    )
  })

  test(`${what} when the agent starts, and a trip reaches its verified safe state`, {
    skip,
  }, async context => {
    await using scene = await openValve(losses)
    const { gateway } = scene
    await scene.agent.kill('SIGKILL')
    for (const { takeBefore } of losses) await takeBefore(gateway)
    const agent = await gateway.startAgent({}, losses.includes(FULL_DISK) ? onSmallDisk(gateway, 'full') : [])
    const alarms = losses.flatMap(({ noticed: { starting } }) => starting ?? [])
    await noticed(gateway, agent, alarms)
    // Without a key no signature can be checked, so these are none; nobody's would be dated right, so root it is.
    const root = gateway.client(gateway.adminSocket)
    await mustTrip(
      { gateway, agent },
      () => spoilt(agent.address),
      () => root.trip('coolant-pump'),
      context,
    )
  })
}
