import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Credential } from '../../../model/credential.ts'
import { seededEntropy } from '../../seeded-entropy.ts'
import { machineFolder } from './ability.ts'
import { EXHIBITS, Inquest } from './inquest.ts'
import { Load } from './load.ts'
import type { PoweredGateway } from './powered-gateway.ts'
import type { Remains } from './volatile-disk.ts'

const LANES = 4
/** So many writes and answers are seen before a cut, at most. */
const EVENTS_MAX = 40
/** So many trips and resets are answered before a cut that comes right after one, or after the death of the disk, at most. */
const TURNS_MAX = 4
/** So many writes of the disk come after that, at most: the cut falls between a write and its flush. */
const DISK_WRITES_MAX = 20
/** A disk that is not written to for so long is cut off all the same. */
const IDLE_MS = 20_000
/** An agent that says nothing of its dead or ailing disk for so long is cut off all the same. */
const MUTE_MS = 120_000
/** A load of which so little is seen for so long is none. */
const GIVEN_UP_MS = 900_000
/** So many writes are failed by a disk that ails, at most. */
const AILING_WRITES_MAX = 8

/**
 * When a life ends: as soon as a trip or a reset is answered, so that no later write has carried the latch to the disk; or amid writes of
 * the disk. Or, which no power cut does and disks do: a while after the disk has died under it, or has failed some writes and gone on.
 */
type End = 'answered' | 'amid writes' | 'dead disk' | 'ailing disk'
const ENDS: readonly End[] = [
  'answered',
  'amid writes',
  'answered',
  'dead disk',
  'amid writes',
  'ailing disk',
]

/** What all cuts together came to. */
export interface Tally {
  lives: number
  /** How often somebody had been told whether the valve is tripped, with nothing under way. */
  toldLatches: number
  /** Trips and resets that were answered as done, and how many of these as not on the disk; without those of a dead disk. */
  turns: number
  unkept: number
  deadDisks: number
  unkeptByDeadDisks: number
  refusedForDeadDisks: number
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
    turns: 0,
    unkept: 0,
    deadDisks: 0,
    unkeptByDeadDisks: 0,
    refusedForDeadDisks: 0,
    writes: 0,
    acknowledged: 0,
    unflushed: 0,
    lost: 0,
    readyMs: [],
  }
  readonly #gateway: PoweredGateway
  readonly #operator: Credential
  readonly #engineer: Credential
  readonly #seed: string
  readonly #inquest = new Inquest()
  #lives = 0

  constructor(gateway: PoweredGateway, operator: Credential, engineer: Credential, seed: string) {
    this.#gateway = gateway
    this.#operator = operator
    this.#engineer = engineer
    this.#seed = seed
  }

  /**
   * One life of the gateway, which is on and ready: a load, the cut, and the inquest before and after the next power-on. Says what it came
   * to. Where it finds something wrong, the disk as the cut left it, what was on it and what was answered stay in a folder that is named.
   */
  async next(): Promise<string> {
    const end = ENDS[this.#lives % ENDS.length] ?? 'answered'
    // Each life has numbers of its own, and so has its disk: the moments do not hang on how much was unflushed before.
    const below = numbersBelow(`${this.#seed} ${this.#lives}`)
    const disk = numbersBelow(`${this.#seed} ${this.#lives} disk`)
    this.#lives += 1
    using load = new Load(this.#gateway.plant, await this.#latch())
    await this.#live(load, end, below)
    const remains = [await this.#cut(disk)]
    await load.hasEnded()
    const moments = this.#moments(below)
    for (const moment of moments) {
      await this.#gateway.machine.switchOn()
      await pause(moment)
      remains.push(await this.#cut(disk))
    }

    const folder = machineFolder('holdfast-cut')
    try {
      await this.#gateway.machine.salvage(EXHIBITS, folder)
      assert.deepEqual(load.lies, [])
      const left = this.#inquest.hold(folder, load)
      const ready = await this.#powerOn()
      const found = await this.#latch()
      assert.equal(found, left, 'it is tripped where its disk says so, and nowhere else')
      rmSync(folder, { recursive: true })
      this.#count(load, end, remains, ready)
      return describe(load, end, found, { remains, moments, ready })
    } catch (error) {
      writeFileSync(join(folder, 'told.txt'), `${load.told.join('\n')}\n${end}, then ${error}\n`)
      writeFileSync(join(folder, 'machine.txt'), await this.#lookAtMachine())
      const { message } = error as Error
      throw new Error(`${message}\nWhat the cut left, and what was told: ${folder}`, { cause: error })
    }
  }

  /** Lets the load on until the cut is to come. */
  async #live(load: Load, end: End, below: (limit: number) => number): Promise<void> {
    const operator = this.#gateway.client(this.#operator)
    const engineer = this.#gateway.client(this.#engineer)
    const turns = 1 + below(TURNS_MAX)
    if (end === 'answered') return await load.start(operator, engineer, LANES, turns)
    void load.start(operator, engineer, LANES, Number.POSITIVE_INFINITY)
    const events = 1 + below(EVENTS_MAX)
    if (!(await isWithin(GIVEN_UP_MS, this.#gateway.machine.whileAlive(load.hasSeen(events)))))
      throw new Error(`waited for a quarter of an hour for ${events} events, and saw ${load.events}`)
    await this.#goOn(load, end, turns, below)
  }

  /** What comes between the events that were waited for and the cut. */
  async #goOn(
    load: Load,
    end: Exclude<End, 'answered'>,
    turns: number,
    below: (limit: number) => number,
  ): Promise<boolean> {
    const { machine } = this.#gateway
    switch (end) {
      case 'amid writes':
        return await isWithin(IDLE_MS, machine.diskSilentAfter(1 + below(DISK_WRITES_MAX)))
      case 'dead disk':
        machine.diskDies()
        // The agent may be dead, too, of memory that was to be read from the disk.
        return await isWithin(MUTE_MS, Promise.race([load.afterDeath(turns), load.hasEnded()]))
      case 'ailing disk':
        machine.diskAils(1 + below(AILING_WRITES_MAX))
        return await isWithin(MUTE_MS, Promise.race([load.hasSeen(2 * load.events), load.hasEnded()]))
    }
  }

  /** One in four comes back for a moment only, as the power of a plant does: somewhere in the boot or the agent's start. */
  #moments(below: (limit: number) => number): number[] {
    const [isAgain, share] = [below(4) === 0, below(1000) / 1000]
    return isAgain ? [share * Math.max(...this.tally.readyMs, 20_000)] : []
  }

  /** The power fails. How much of its cache the disk has written by then is anything from nothing to nearly all. */
  #cut(below: (limit: number) => number): Promise<Remains> {
    const share = below(100)
    return this.#gateway.machine.cut(() => below(100) < share)
  }

  /** Returns how long it took until the agent was ready, in milliseconds. */
  async #powerOn(): Promise<number> {
    const on = performance.now()
    await this.#gateway.machine.powerOn()
    await this.#gateway.isReady()
    return performance.now() - on
  }

  /** What all cuts together came to, in words. */
  get summary(): readonly string[] {
    const { writes, acknowledged, toldLatches, unflushed, lost, turns, unkept } = this.tally
    const { deadDisks, unkeptByDeadDisks, refusedForDeadDisks } = this.tally
    return [
      `${writes} writes, ${acknowledged} acknowledged outcomes, ${toldLatches} told latches, ${lost} of ${unflushed} unflushed blocks lost`,
      `of ${turns} trips and resets that act, ${unkept} were said to be unkept by a disk that lived`,
      `${deadDisks} disks that died first: ${unkeptByDeadDisks} trips said to be unkept, ${refusedForDeadDisks} trips and resets refused`,
    ]
  }

  #count(load: Load, end: End, remains: readonly Remains[], ready: number): void {
    const { tally } = this
    tally.lives += 1
    if (load.latch !== 'unknown') tally.toldLatches += 1
    if (end === 'dead disk') tally.deadDisks += 1
    tally.turns += load.turns - load.deadDisk.unkept
    tally.unkept += load.unkept - load.deadDisk.unkept
    tally.unkeptByDeadDisks += load.deadDisk.unkept
    tally.refusedForDeadDisks += load.deadDisk.refused
    tally.writes += load.writes
    tally.acknowledged += load.acknowledged.length
    tally.readyMs.push(ready)
    for (const { unflushed, kept } of remains) {
      tally.unflushed += unflushed
      tally.lost += unflushed - kept
    }
  }

  /** How the machine is, for whoever wonders, where it is on and says so. */
  async #lookAtMachine(): Promise<string> {
    const { machine } = this.#gateway
    const look = 'date --rfc-3339=ns; dmesg; holdfast status; journalctl --no-pager --boot --unit=holdfast'
    const said = await machine.run('sh', '-c', look).catch(error => ({ stdout: String(error) }))
    return `${new Date().toISOString()} here\n${machine.console}\n${said.stdout}\n`
  }

  async #latch(): Promise<'tripped' | 'normal'> {
    const answer = await this.#gateway.client(this.#operator).status()
    if (answer.kind !== 'answered') throw new Error(JSON.stringify(answer))
    const { actuators } = answer.body as { actuators: readonly { id: string; phase: string }[] }
    return actuators.find(({ id }) => id === 'inlet-valve')?.phase === 'normal' ? 'normal' : 'tripped'
  }
}

interface Aftermath {
  readonly remains: readonly Remains[]
  readonly moments: readonly number[]
  readonly ready: number
}

function describe(load: Load, end: End, found: string, { remains, moments, ready }: Aftermath): string {
  const seconds = (ms: number) => (ms / 1000).toFixed(1)
  const { deadDisk } = load
  return [
    `${end}, ${load.events} events${moments.map(moment => `, and again ${seconds(moment)} s after power-on`).join('')}`,
    `${load.writes} writes, ${load.acknowledged.length} acknowledged`,
    `${load.turns} trips and resets, ${load.unkept} unkept`,
    ...(end === 'dead disk'
      ? [`of the dead disk: ${deadDisk.unkept} unkept, ${deadDisk.refused} refused`]
      : []),
    `valve told ${load.latch} and ${found}`,
    `the disk lost ${remains.map(({ unflushed, kept }) => `${unflushed - kept} of ${unflushed}`).join(' and ')} unflushed blocks`,
    `ready ${seconds(ready)} s after power-on`,
  ].join('; ')
}

/** Waits for something, and no longer than so many milliseconds. False when it took longer. */
async function isWithin(limit: number, something: Promise<void>): Promise<boolean> {
  const over = new AbortController()
  const late = pause(limit, false, { signal: over.signal })
  const isSo = await Promise.race([something.then(() => true), late.catch(() => false)])
  over.abort()
  return isSo
}

/** Numbers below a limit, the same for the same seed. */
function numbersBelow(seed: string): (limit: number) => number {
  const entropy = seededEntropy(seed)
  return limit => entropy(4).readUInt32BE() % limit
}
