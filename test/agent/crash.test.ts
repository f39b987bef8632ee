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

/** What each coil and value is, of the example's plant. Towards safe is not here: it waits 250 ms for the log and no longer. */
const AWAY: Readonly<Record<string, readonly [actuator: string, asked: string]>> = {
  '0=1': ['inlet-valve', 'open'],
  '1=0': ['coolant-pump', 'off'],
}
const ORDERS = [...Object.values(AWAY), ['inlet-valve', 'closed'], ['coolant-pump', 'on']] as const

interface Acknowledged {
  readonly command: Json | undefined
  readonly outcome: Json | undefined
}

/** One life of the agent: a load on it, what the plant saw, and what was acknowledged, until it is killed. */
class Life implements Disposable {
  readonly acknowledged: Acknowledged[] = []
  /** Writes away from safe that had no intent on the disk at that moment. */
  readonly unheralded: string[] = []
  writes = 0
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
      const order = AWAY[coil]
      if (table === 'coil' && order) {
        const count = (this.#written.get(coil) ?? 0) + 1
        this.#written.set(coil, count)
        const intents = counts.pluck().get(...order) as number
        if (intents < count) this.unheralded.push(`${order.join(' ')}: ${count} writes, ${intents} intents`)
      }
      this.#happened()
    })
  }

  /** Sends commands until nobody answers any more. */
  async load(agent: RunningAgent, credential: Credential, lane: number): Promise<void> {
    const client = this.#gateway.client(agent.address, credential, AHEAD)
    for (let turn = lane; ; turn += 1) {
      const [actuator, setpoint] = ORDERS[turn % ORDERS.length] ?? ['', '']
      const answer = await client.command(actuator, setpoint)
      if (answer.kind === 'unreachable') return
      this.#note(answer)
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

  #note(answer: Answer): void {
    const body = (
      answer.kind === 'answered' ? answer.body : answer.kind === 'problem' ? answer.problem : {}
    ) as Record<string, Json>
    if (body.recorded === true && body.command !== undefined)
      this.acknowledged.push({ command: body.command, outcome: body.outcome })
  }

  #happened(): void {
    this.#events += 1
    if (this.#killAt && this.#events >= this.#killAt.events) this.#killAt.resolve()
  }
}

test(`an agent that is killed ${CRASHES} times under load writes nothing without its intent, loses no acknowledged outcome, and leaves a log that verifies`, async t => {
  await using gateway = await Gateway.start()
  const entropy = seededEntropy(SEED)
  const random = (below: number) => entropy(4).readUInt32BE() % below
  const publicKey = readFileSync(join(dirname(gateway.auditLog), 'audit.vkey'), 'utf8')
  let credential: Credential | undefined
  let writes = 0
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
    writes += life.writes
    outcomes += life.acknowledged.length
  }
  assert.ok(
    writes > CRASHES && outcomes > CRASHES,
    `the load was one: ${writes} writes, ${outcomes} outcomes`,
  )
  t.diagnostic(
    `${CRASHES} kills, ${writes} writes, ${outcomes} acknowledged outcomes, ${gateway.records().length} records`,
  )
})
