import type { AgentClient, Answer } from '../../../client/agent-client.ts'
import type { Json } from '../../../model/json.ts'
import type { Plant } from '../../../simulator/plant.ts'
import { type Latch, latchAfter } from './told-latch.ts'

/** What each coil and value is, of the example's plant. Towards safe is not here: it does not wait for the log. */
export const AWAY: Readonly<Record<string, readonly [actuator: string, asked: string]>> = {
  '0=1': ['inlet-valve', 'open'],
  '1=0': ['coolant-pump', 'off'],
}
/** So many trips and resets more are tried where a slow disk leaves it open whether the latch is on it. */
const TRIES_MORE = 8
const ORDERS = [...Object.values(AWAY), ['inlet-valve', 'closed'], ['coolant-pump', 'on']] as const

/** What was answered to requests that were made after the disk had died. */
export interface DeadDisk {
  /** Trips and resets that act, and of which was said that the disk has not taken them. */
  unkept: number
  refused: number
}

/** What goes on between a power-on and a power cut: commands, a trip and its reset again and again, and who saw what of it. */
export class Load implements Disposable {
  /** Outcomes that somebody was told of as recorded. */
  readonly acknowledged: { readonly command: Json | undefined; readonly outcome: Json | undefined }[] = []
  /** How often the plant saw each write away from safe. */
  readonly away = new Map<string, number>()
  /** What was answered to each trip and reset, in words: for whoever wonders why the latch is not as it was told. */
  readonly told: string[] = []
  /** Answers that cannot be true: that something is on a dead disk, or that a trip is over that nobody has reset. There must be none. */
  readonly lies: string[] = []
  readonly deadDisk: DeadDisk = { unkept: 0, refused: 0 }
  /** Trips and resets that were answered as done, and how many of these as not on the disk. */
  turns = 0
  unkept = 0
  writes = 0
  latch: Latch
  readonly #began = performance.now()
  readonly #stopListening: () => void
  readonly #lanes: Promise<void>[] = []
  #events = 0
  #awaited: { readonly events: number; resolve(): void } | undefined
  /** When the disk died, if it has, and who waits for what is said of that. */
  #died: { readonly at: number; readonly turns: number; resolve(): void } | undefined

  constructor(plant: Plant, latch: Latch) {
    this.latch = latch
    this.told.push(`it began ${latch}`)
    this.#stopListening = plant.onWrite(({ table, address, value }) => {
      const coil = `${address}=${value}`
      this.writes += 1
      if (table === 'coil' && coil in AWAY) this.away.set(coil, (this.away.get(coil) ?? 0) + 1)
      this.#happened()
    })
  }

  /**
   * Sends commands in `lanes` at once, until nobody answers any more, and meanwhile trips the valve and resets it until it was told so many
   * times which it is. Resolves when the last of these is answered, and leaves the valve as it then is.
   */
  start(operator: AgentClient, engineer: AgentClient, lanes: number, turns: number): Promise<void> {
    const turned = this.#tripAndReset(engineer, turns)
    this.#lanes.push(turned)
    for (let lane = 0; lane < lanes; lane += 1) this.#lanes.push(this.#command(operator, lane))
    return turned
  }

  /** Resolves when so many writes and answers were seen since it began. */
  hasSeen(events: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#awaited = { events, resolve }
    return promise
  }

  /** The disk has died just now. Resolves when so many trips and resets that were asked for since are answered. */
  afterDeath(turns: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#died = { at: performance.now(), turns, resolve }
    this.told.push(`${this.#now}: the disk died`)
    return promise
  }

  /** Resolves when every lane has noticed that the machine is off. */
  async hasEnded(): Promise<void> {
    await Promise.all(this.#lanes)
  }

  get events(): number {
    return this.#events
  }

  [Symbol.dispose](): void {
    this.#stopListening()
  }

  async #command(client: AgentClient, lane: number): Promise<void> {
    for (let turn = lane; ; turn += 1) {
      const [actuator, setpoint] = ORDERS[turn % ORDERS.length] ?? ['', '']
      const asked = performance.now()
      const answer = await client.command(actuator, setpoint)
      if (answer.kind === 'unreachable') return
      const { recorded, command, outcome } = bodyOf(answer)
      if (recorded === true && command !== undefined) this.acknowledged.push({ command, outcome })
      const isAway = Object.values(AWAY).some(([of, to]) => of === actuator && to === setpoint)
      // Away from safe nothing is done that cannot be recorded; towards safe it is, and said.
      const claims = recorded === true || (isAway && answer.kind === 'answered')
      this.#heard(asked, `${actuator} ${setpoint}`, answer, claims ? 'claim' : 'other')
      this.#happened()
    }
  }

  async #tripAndReset(client: AgentClient, turns: number): Promise<void> {
    for (let told = 0, tried = 0; told < turns && tried < turns + TRIES_MORE; tried += 1) {
      const deed = this.latch === 'tripped' ? 'reset' : 'trip'
      if (deed === 'reset') await client.acknowledge('inlet-valve')
      const before = this.latch
      this.latch = 'unknown'
      const asked = performance.now()
      const answer = await client[deed]('inlet-valve', 'the load')
      this.told.push(`${this.#now}: ${deed}: ${JSON.stringify(answer)}`)
      if (answer.kind === 'unreachable') return
      const isUnkept = bodyOf(answer).unkept !== undefined
      // A trip that is unkept acts, also where it was not seen to get there.
      if (answer.kind === 'answered' || isUnkept) this.turns += 1
      if (isUnkept) this.unkept += 1
      this.latch = latchAfter(before, deed, answer)
      if (deed === 'reset' && answer.kind === 'problem' && answer.problem.code === 'not-tripped')
        this.lies.push(`nobody had reset it: ${JSON.stringify(answer)}`)
      if (this.latch !== 'unknown') told += 1
      const says = isUnkept ? 'unkept' : answer.kind === 'problem' ? 'refused' : 'claim'
      this.#heard(asked, deed, answer, says)
      this.#happened()
    }
  }

  /** Somebody was answered; where the disk was dead when they asked, that is held against the agent. */
  #heard(asked: number, what: string, answer: Answer, says: 'unkept' | 'refused' | 'claim' | 'other'): void {
    const died = this.#died
    if (!died || asked < died.at || says === 'other') return
    if (says === 'claim') this.lies.push(`on a dead disk: ${what}: ${JSON.stringify(answer)}`)
    else this.deadDisk[says] += 1
    if (this.deadDisk.unkept + this.deadDisk.refused >= died.turns) died.resolve()
  }

  get #now(): string {
    return `${((performance.now() - this.#began) / 1000).toFixed(1)} s`
  }

  #happened(): void {
    this.#events += 1
    if (this.#awaited && this.#events >= this.#awaited.events) this.#awaited.resolve()
  }
}

function bodyOf(answer: Answer): Record<string, Json> {
  if (answer.kind === 'answered') return answer.body as Record<string, Json>
  return answer.kind === 'problem' ? (answer.problem as Record<string, Json>) : {}
}
