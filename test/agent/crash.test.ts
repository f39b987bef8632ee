import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { verifyAuditLog } from '../../agent/audit/verify.ts'
import type { Answer } from '../../client/agent-client.ts'
import type { Credential } from '../../model/credential.ts'
import type { Json } from '../../model/json.ts'
import { seededEntropy } from '../seeded-entropy.ts'
import { Gateway, type RunningAgent } from './gateway.ts'

/** So often the agent is killed. HOLDFAST_CRASHES=200 makes it as many as the release wants. */
const CRASHES = Number(process.env.HOLDFAST_CRASHES ?? 20)
const SEED = process.env.HOLDFAST_SEED ?? 'crash'
/** Commands that are under way at once. */
const LANES = 6
/** Signatures are made a little ahead, as those from before the agent's start move nothing away from safe. */
const AHEAD = 3000

/** So long a command towards safe waits for the log; a timer may be a millisecond early. */
const PATIENCE = 250 - 1

interface Order {
  readonly actuator: string
  readonly setpoint: string
  readonly towardsSafe: boolean
}

/** What each coil and value is, of the example's plant. */
const ORDERS: Readonly<Record<string, Order>> = {
  '0=1': { actuator: 'inlet-valve', setpoint: 'open', towardsSafe: false },
  '1=0': { actuator: 'coolant-pump', setpoint: 'off', towardsSafe: false },
  '0=0': { actuator: 'inlet-valve', setpoint: 'closed', towardsSafe: true },
  '1=1': { actuator: 'coolant-pump', setpoint: 'on', towardsSafe: true },
}
const COILS = Object.keys(ORDERS)

interface Acknowledged {
  readonly command: Json | undefined
  readonly outcome: Json | undefined
}

/** One life of the agent: a load on it, what the plant saw, and what was acknowledged, until it is killed. */
class Life implements Disposable {
  readonly acknowledged: Acknowledged[] = []
  /** Writes that had no intent on the disk at that moment, and had to have one. */
  readonly unheralded: string[] = []
  writes = 0
  writesTowardsSafe = 0
  /** Writes towards safe that the log let wait for too long, and that went without it. */
  late = 0
  /** Commands under way, by their lane. */
  readonly #asked = new Map<number, { readonly coil: string; readonly at: number }>()
  /** Commands that were answered as carried out and not recorded, by coil. */
  readonly #unrecorded = new Map<string, number>()
  readonly #gateway: Gateway
  readonly #log: Database.Database
  readonly #written = new Map<string, number>()
  readonly #stopListening: () => void
  #events = 0
  #killAt: { readonly events: number; resolve(): void } | undefined

  constructor(gateway: Gateway) {
    this.#gateway = gateway
    this.#log = new Database(gateway.auditLog, { readonly: true })
    const counts = this.#log.prepare(
      "SELECT count(*) FROM record WHERE kind = 'command-intent' AND actuator = ? AND bytes ->> '$.asked' = ? AND bytes ->> '$.boot' = (SELECT bytes ->> '$.boot' FROM record WHERE kind = 'agent-started' ORDER BY seq DESC LIMIT 1)",
    )
    this.#stopListening = gateway.plant.onWrite(({ table, address, value }) => {
      this.writes += 1
      const coil = `${address}=${value}`
      const order = ORDERS[coil]
      if (table === 'coil' && order) {
        const count = (this.#written.get(coil) ?? 0) + 1
        this.#written.set(coil, count)
        const intents = counts.pluck().get(order.actuator, order.setpoint) as number
        const missing = Math.max(0, count - intents)
        const isFree = order.towardsSafe && missing <= this.#withoutIntent(coil)
        if (order.towardsSafe) this.writesTowardsSafe += 1
        if (missing > 0 && isFree) this.late += 1
        if (missing > 0 && !isFree)
          this.unheralded.push(`${order.actuator} ${order.setpoint}: ${count} writes, ${intents} intents`)
      }
      this.#happened()
    })
  }

  /** Sends commands until nobody answers any more. */
  async load(agent: RunningAgent, credential: Credential, lane: number): Promise<void> {
    const client = this.#gateway.client(agent.address, credential, AHEAD)
    for (let turn = lane; ; turn += 1) {
      const coil = COILS[turn % COILS.length] ?? ''
      const { actuator = '', setpoint = '' } = ORDERS[coil] ?? {}
      this.#asked.set(lane, { coil, at: performance.now() })
      const answer = await client.command(actuator, setpoint)
      this.#asked.delete(lane)
      if (answer.kind === 'unreachable') return
      this.#note(answer, coil)
      this.#happened()
    }
  }

  /** Resolves when so many writes and answers were seen. */
  async after(events: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#killAt = { events, resolve }
    await promise
  }

  [Symbol.dispose](): void {
    this.#stopListening()
    this.#log.close()
  }

  /** How many writes towards safe may stand without their intent: those that waited for it, and those that were answered so. */
  #withoutIntent(coil: string): number {
    const now = performance.now()
    const waited = [...this.#asked.values()].filter(
      asked => asked.coil === coil && now - asked.at >= PATIENCE,
    )
    return waited.length + (this.#unrecorded.get(coil) ?? 0)
  }

  #note(answer: Answer, coil: string): void {
    const body = (
      answer.kind === 'answered' ? answer.body : answer.kind === 'problem' ? answer.problem : {}
    ) as Record<string, Json>
    if (body.recorded === true && body.command !== undefined)
      this.acknowledged.push({ command: body.command, outcome: body.outcome })
    if (body.recorded === false && body.command !== undefined)
      this.#unrecorded.set(coil, (this.#unrecorded.get(coil) ?? 0) + 1)
  }

  #happened(): void {
    this.#events += 1
    if (this.#killAt && this.#events >= this.#killAt.events) this.#killAt.resolve()
  }
}

test(`an agent that is killed ${CRASHES} times under load writes nothing without its intent, towards safe only what waited 250 ms for it, loses no acknowledged outcome, and leaves a log that verifies`, async t => {
  await using gateway = await Gateway.start()
  const entropy = seededEntropy(SEED)
  const random = (below: number) => entropy(4).readUInt32BE() % below
  const publicKey = readFileSync(join(dirname(gateway.auditLog), 'audit.vkey'), 'utf8')
  let credential: Credential | undefined
  const sum = { writes: 0, towardsSafe: 0, late: 0 }
  let outcomes = 0
  for (let crash = 0; crash < CRASHES; crash += 1) {
    const agent = await gateway.startAgent()
    credential ??= (await gateway.issue('alice', 'operator', '--lifetime', '8h')).credential
    using life = new Life(gateway)
    const lanes = Array.from({ length: LANES }, (_, lane) => life.load(agent, credential as Credential, lane))
    await life.after(1 + random(30))
    await pause(random(20))
    await agent.kill('SIGKILL')
    await Promise.all(lanes)

    const when = `seed ${SEED}, crash ${crash}`
    assert.deepEqual(life.unheralded, [], when)
    const chain = verifyAuditLog({ path: gateway.auditLog })
    assert.equal(chain.kind, 'intact', `${when}: ${JSON.stringify(chain)}`)
    // The key comes a moment after the agent is ready: one that is killed again and again before that leaves records unsigned.
    const signed = verifyAuditLog({ path: gateway.auditLog, publicKey })
    assert.match(signed.kind, /^(?:intact|unsigned)$/, `${when}: ${JSON.stringify(signed)}`)
    const recorded = new Map(
      gateway
        .records()
        .flatMap(({ kind, command, outcome }) => (kind === 'command-outcome' ? [[command, outcome]] : [])),
    )
    for (const { command, outcome } of life.acknowledged) assert.equal(recorded.get(command), outcome, when)
    sum.writes += life.writes
    sum.towardsSafe += life.writesTowardsSafe
    sum.late += life.late
    outcomes += life.acknowledged.length
  }
  const { writes, towardsSafe, late } = sum
  assert.ok(
    writes - towardsSafe > CRASHES / 2 && towardsSafe > CRASHES && outcomes > CRASHES,
    `the load was one: ${writes} writes, ${towardsSafe} of them towards safe, ${outcomes} outcomes`,
  )
  t.diagnostic(
    `${CRASHES} kills, ${writes} writes, ${towardsSafe} of them towards safe and ${late} of those without intent after waiting for it, ${outcomes} acknowledged outcomes, none lost, ${gateway.records().length} records`,
  )
})
