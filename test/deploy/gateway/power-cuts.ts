import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { verifyAuditLog } from '../../../agent/audit/verify.ts'
import type { Credential } from '../../../model/credential.ts'
import { seededEntropy } from '../../seeded-entropy.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { AWAY, Load } from './load.ts'
import type { PoweredGateway } from './powered-gateway.ts'
import type { Remains } from './volatile-disk.ts'

const LANES = 4
/** So many writes and answers are seen before a cut, at most. */
const EVENTS_MAX = 40
/** So many trips and resets are answered before a cut that comes right after one, at most. */
const TURNS_MAX = 4
/** So many writes of the disk come after that, at most: the cut falls between a write and its flush. */
const DISK_WRITES_MAX = 20
/** A disk that is not written to for so long is cut off all the same. */
const IDLE_MS = 20_000

type AuditRecord = Readonly<Record<string, unknown>>

/** What all cuts together came to. */
export interface Tally {
  lives: number
  /** How often somebody had been told whether the valve is tripped, with nothing under way. */
  toldLatches: number
  writes: number
  acknowledged: number
  unflushed: number
  lost: number
  readyMs: number[]
}

/** Cuts the power of a gateway under load, at moments that a seed decides, and looks each time at what it is after that. */
export class PowerCuts {
  readonly tally: Tally = {
    lives: 0,
    toldLatches: 0,
    writes: 0,
    acknowledged: 0,
    unflushed: 0,
    lost: 0,
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
    const events = 1 + this.#below(EVENTS_MAX)
    const operator = this.#gateway.client(this.#operator)
    const engineer = this.#gateway.client(this.#engineer)
    // Every other cut comes as soon as a trip or a reset is answered: no later write has carried the latch to the disk.
    if (this.tally.lives % 2 === 0) await load.start(operator, engineer, LANES, 1 + this.#below(TURNS_MAX))
    else {
      void load.start(operator, engineer, LANES, Number.POSITIVE_INFINITY)
      await load.after(events)
      await this.#amidWrites()
    }
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

    const left = await this.#inquire(load)

    const on = performance.now()
    await machine.powerOn()
    await this.#gateway.isReady()
    const ready = performance.now() - on
    const latch = await this.#latch()
    if (load.latch !== 'unknown')
      assert.equal(
        latch,
        load.latch,
        `the latch is what somebody was told: ${['', ...load.told, `on the disk: ${left}`].join('\n')}`,
      )

    const { tally } = this
    tally.lives += 1
    if (load.latch !== 'unknown') tally.toldLatches += 1
    tally.writes += load.writes
    tally.acknowledged += load.acknowledged.length
    tally.readyMs.push(ready)
    for (const { unflushed, kept } of remains) {
      tally.unflushed += unflushed
      tally.lost += unflushed - kept
    }
    const lost = remains.map(({ unflushed, kept }) => `${unflushed - kept} of ${unflushed}`).join(' and ')
    const again = moments.map(moment => `, and again ${(moment / 1000).toFixed(1)} s after power-on`).join('')
    return `cut after ${load.events} events${again}: ${load.writes} writes, ${load.acknowledged.length} acknowledged, valve told ${load.latch} and ${latch}; the disk lost ${lost} unflushed blocks; ready ${(ready / 1000).toFixed(1)} s after power-on`
  }

  async #amidWrites(): Promise<void> {
    const idle = new AbortController()
    const failed = this.#gateway.machine.diskFailsAfter(1 + this.#below(DISK_WRITES_MAX))
    await Promise.race([failed, pause(IDLE_MS, undefined, { signal: idle.signal }).catch(() => undefined)])
    idle.abort()
  }

  /** The power fails. How much of its cache the disk has written by then is anything from nothing to nearly all. */
  #cut(): Promise<Remains> {
    const share = this.#below(100)
    return this.#gateway.machine.cut(() => this.#below(100) < share)
  }

  /** Looks at the log as the cut left it, before anybody has mended anything. Returns the latches that it left. */
  async #inquire(load: Load): Promise<string> {
    await using folder = await temporaryFolder()
    const files = ['audit.db', 'audit.db-wal', 'audit.vkey', 'latches.json'].map(
      name => `/var/lib/holdfast/${name}`,
    )
    await this.#gateway.machine.salvage(files, folder.path)
    const path = join(folder.path, 'audit.db')
    const chain = verifyAuditLog({ path })
    assert.equal(chain.kind, 'intact', JSON.stringify(chain))
    // One that is cut off before its key comes, again and again, leaves records unsigned.
    const signed = verifyAuditLog({ path, publicKey: readFileSync(join(folder.path, 'audit.vkey'), 'utf8') })
    assert.match(signed.kind, /^(?:intact|unsigned)$/, JSON.stringify(signed))

    const records = readAll(path)
    const theirs = records.filter(({ boot }) => !this.#boots.has(boot))
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
    return readFileSync(join(folder.path, 'latches.json'), 'utf8')
  }

  async #latch(): Promise<'tripped' | 'normal'> {
    const answer = await this.#gateway.client(this.#operator).status()
    if (answer.kind !== 'answered') throw new Error(JSON.stringify(answer))
    const { actuators } = answer.body as { actuators: readonly { id: string; phase: string }[] }
    return actuators.find(({ id }) => id === 'inlet-valve')?.phase === 'normal' ? 'normal' : 'tripped'
  }
}

function readAll(path: string): AuditRecord[] {
  const database = new Database(path, { readonly: true })
  try {
    const rows = database.prepare<[], { bytes: string }>('SELECT bytes FROM record ORDER BY seq').all()
    return rows.map(({ bytes }) => JSON.parse(bytes) as AuditRecord)
  } finally {
    database.close()
  }
}
