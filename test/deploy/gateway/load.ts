import { setTimeout as pause } from 'node:timers/promises'
import type { AgentClient, Answer } from '../../../client/agent-client.ts'
import type { Json } from '../../../model/json.ts'
import type { Plant } from '../../../simulator/plant.ts'

/** What each coil and value is, of the example's plant. Towards safe is not here: it does not wait for the log. */
export const AWAY: Readonly<Record<string, readonly [actuator: string, asked: string]>> = {
  '0=1': ['inlet-valve', 'open'],
  '1=0': ['coolant-pump', 'off'],
}
const ORDERS = [...Object.values(AWAY), ['inlet-valve', 'closed'], ['coolant-pump', 'on']] as const
const GIVEN_UP_MS = 900_000

/** Whether the valve's trip must be latched after the power comes back; `unknown` where nobody was answered. */
export type Latch = 'tripped' | 'normal' | 'unknown'

/** What goes on between a power-on and a power cut: commands, a trip and its reset again and again, and who saw what of it. */
export class Load implements Disposable {
  /** Outcomes that somebody was told of as recorded. */
  readonly acknowledged: { readonly command: Json | undefined; readonly outcome: Json | undefined }[] = []
  /** How often the plant saw each write away from safe. */
  readonly away = new Map<string, number>()
  /** What was answered to each trip and reset, in words: for whoever wonders why the latch is not as it was told. */
  readonly told: string[] = []
  writes = 0
  latch: Latch
  readonly #stopListening: () => void
  readonly #lanes: Promise<void>[] = []
  #events = 0
  #cut: { readonly events: number; resolve(): void } | undefined

  constructor(plant: Plant, latch: Latch) {
    this.latch = latch
    this.#stopListening = plant.onWrite(({ table, address, value }) => {
      const coil = `${address}=${value}`
      this.writes += 1
      if (table === 'coil' && coil in AWAY) this.away.set(coil, (this.away.get(coil) ?? 0) + 1)
      this.#happened()
    })
  }

  /**
   * Sends commands in `lanes` at once, until nobody answers any more, and meanwhile trips the valve and resets it so many `turns`. Resolves
   * when the last of these is answered, and leaves the valve as it then is.
   */
  start(operator: AgentClient, engineer: AgentClient, lanes: number, turns: number): Promise<void> {
    const turned = this.#tripAndReset(engineer, turns)
    this.#lanes.push(turned)
    for (let lane = 0; lane < lanes; lane += 1) this.#lanes.push(this.#command(operator, lane))
    return turned
  }

  /** Resolves when so many writes and answers were seen. Rejects when that takes too long. */
  async after(events: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#cut = { events, resolve: () => resolve(true) }
    const given = new AbortController()
    const late = pause(GIVEN_UP_MS, false, { signal: given.signal })
    const isSo = await Promise.race([promise, late.catch(() => false)])
    given.abort()
    if (!isSo)
      throw new Error(`waited for a quarter of an hour for ${events} events, and saw ${this.#events}`)
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
      const answer = await client.command(actuator, setpoint)
      if (answer.kind === 'unreachable') return
      const { recorded, command, outcome } = bodyOf(answer)
      if (recorded === true && command !== undefined) this.acknowledged.push({ command, outcome })
      this.#happened()
    }
  }

  async #tripAndReset(client: AgentClient, turns: number): Promise<void> {
    for (let turn = 0; turn < turns; turn += 1) {
      const isTripped = this.latch === 'tripped'
      if (isTripped) await client.acknowledge('inlet-valve')
      const before = this.latch
      this.latch = 'unknown'
      const answer = isTripped
        ? await client.reset('inlet-valve', 'the load')
        : await client.trip('inlet-valve', 'the load')
      this.told.push(`${isTripped ? 'reset' : 'trip'}: ${JSON.stringify(answer)}`)
      if (answer.kind === 'unreachable') return
      if (answer.kind !== 'answered') this.latch = before
      // Where the disk has not taken it in time, that is what was told, and nothing else.
      else if (bodyOf(answer).unkept === undefined) this.latch = isTripped ? 'normal' : 'tripped'
      this.#happened()
    }
  }

  #happened(): void {
    this.#events += 1
    if (this.#cut && this.#events >= this.#cut.events) this.#cut.resolve()
  }
}

function bodyOf(answer: Answer): Record<string, Json> {
  if (answer.kind === 'answered') return answer.body as Record<string, Json>
  return answer.kind === 'problem' ? (answer.problem as Record<string, Json>) : {}
}
