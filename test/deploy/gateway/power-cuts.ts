import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { Credential } from '../../../model/credential.ts'
import { seededEntropy } from '../../seeded-entropy.ts'
import { AWAY, Load } from './load.ts'
import type { PoweredGateway } from './powered-gateway.ts'
import type { Remains } from './volatile-disk.ts'

const LANES = 4
/** So many writes and answers are seen before a cut, at most. */
const EVENTS_MAX = 40
const PAUSE_MS = 50

type AuditRecord = Readonly<Record<string, unknown>>

/** What all cuts together came to. */
export interface Tally {
  cuts: number
  writes: number
  acknowledged: number
  unflushed: number
  lost: number
  trips: number
  readyMs: number[]
}

/** Cuts the power of a gateway under load, at moments that a seed decides, and looks each time at what it is after that. */
export class PowerCuts {
  readonly tally: Tally = {
    cuts: 0,
    writes: 0,
    acknowledged: 0,
    unflushed: 0,
    lost: 0,
    trips: 0,
    readyMs: [],
  }
  readonly #gateway: PoweredGateway
  readonly #operator: Credential
  readonly #engineer: Credential
  readonly #below: (limit: number) => number
  readonly #boots = new Set<unknown>()

  constructor(gateway: PoweredGateway, operator: Credential, engineer: Credential, seed: string) {
    this.#gateway = gateway
    this.#operator = operator
    this.#engineer = engineer
    const entropy = seededEntropy(seed)
    this.#below = limit => entropy(4).readUInt32BE() % limit
  }

  /** One life of the gateway, which is on and ready: a load, the cut, and the inquest after the next power-on. Says what it came to. */
  async next(): Promise<string> {
    const { machine, plant } = this.#gateway
    using load = new Load(plant, await this.#latch())
    const began = new Date(Date.now() - 60_000)
    const events = 1 + this.#below(EVENTS_MAX)
    load.start(this.#gateway.client(this.#operator), this.#gateway.client(this.#engineer), LANES)
    await load.after(events)
    await pause(this.#below(PAUSE_MS))
    const first = await this.#cut()
    await load.hasEnded()
    // One in four comes back for a moment only, as the power of a plant does: somewhere in the boot or the agent's start.
    const moments = this.#below(4) === 0 ? [this.#below(Math.max(...this.tally.readyMs, 20_000))] : []
    const remains = [first]
    for (const moment of moments) {
      await machine.switchOn()
      await pause(moment)
      remains.push(await this.#cut())
    }

    const on = performance.now()
    await machine.powerOn()
    await this.#gateway.isReady()
    const ready = performance.now() - on
    await this.#look(load, began)

    const { tally } = this
    tally.cuts += remains.length
    tally.writes += load.writes
    tally.acknowledged += load.acknowledged.length
    tally.readyMs.push(ready)
    for (const { unflushed, kept } of remains) {
      tally.unflushed += unflushed
      tally.lost += unflushed - kept
    }
    const lost = remains.map(({ unflushed, kept }) => `${unflushed - kept} of ${unflushed}`).join(' and ')
    const again = moments.map(moment => `, and again ${(moment / 1000).toFixed(1)} s after power-on`).join('')
    return `cut after ${load.events} events${again}: ${load.writes} writes, ${load.acknowledged.length} acknowledged, valve ${load.latch}; the disk lost ${lost} unflushed blocks; ready ${(ready / 1000).toFixed(1)} s after power-on`
  }

  /** The power fails. How much of its cache the disk has written by then is anything from nothing to nearly all. */
  #cut(): Promise<Remains> {
    const share = this.#below(100)
    return this.#gateway.machine.cut(() => this.#below(100) < share)
  }

  async #look(load: Load, began: Date): Promise<void> {
    const { machine } = this.#gateway
    const { stdout, exitCode } = await machine.run('holdfast', 'audit', 'verify')
    assert.equal(exitCode, 0, `the log verifies: ${stdout}`)

    const since = began.toISOString()
    const text = await machine.shell(`holdfast audit query --all --json --since ${since}`)
    const records = text.split('\n').map(line => JSON.parse(line) as AuditRecord)
    const [now] = records.filter(({ kind }) => kind === 'agent-started').slice(-1)
    const theirs = records.filter(({ boot }) => boot !== now?.boot && !this.#boots.has(boot))
    for (const { boot } of theirs) this.#boots.add(boot)

    for (const [coil, [actuator, asked]] of Object.entries(AWAY)) {
      const intents = theirs.filter(
        record => record.kind === 'command-intent' && record.actuator === actuator && record.asked === asked,
      ).length
      const writes = load.away.get(coil) ?? 0
      assert.ok(writes <= intents, `${actuator} ${asked}: ${writes} writes, ${intents} intents`)
    }
    const outcomes = new Map(
      theirs.flatMap(({ kind, command, outcome }) =>
        kind === 'command-outcome' ? [[command, outcome]] : [],
      ),
    )
    for (const { command, outcome } of load.acknowledged)
      assert.equal(outcomes.get(command), outcome, `what was acknowledged is in the log: ${command}`)

    const latch = await this.#latch()
    if (latch === 'tripped') this.tally.trips += 1
    if (load.latch !== 'unknown') assert.equal(latch, load.latch, 'the latch is what somebody was told')
  }

  async #latch(): Promise<'tripped' | 'normal'> {
    const status = await this.#gateway.machine.shell('holdfast status')
    return /inlet-valve .*TRIPPED/i.test(status) ? 'tripped' : 'normal'
  }
}
