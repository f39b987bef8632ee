import { type Clock, formatDuration, type Millis, type MonotonicMs } from '../../model/time.ts'
import { compareFallbacks, replaceStaleCommands } from './commissioning.ts'
import type { GuardedDevice } from './guarded-device.ts'
import { Registers, Trouble } from './registers.ts'
import { type Turn, turnOf } from './turn.ts'
import { type Look, type Watchdog, watchdogOf } from './watchdog.ts'

/** Whether a device would make the plant safe without this agent. */
export type GuardState =
  | { readonly kind: 'armed' }
  /** Nobody knows yet what it falls back to. */
  | { readonly kind: 'uncommissioned'; readonly detail: string }
  /** It falls back to something else than the declared safe state. */
  | { readonly kind: 'disagrees'; readonly detail: string }
  /** Its watchdog does not run as declared, or could not be fed. */
  | { readonly kind: 'unguarded'; readonly detail: string }
  /** It is not fed, because the agent cannot carry out commands. */
  | { readonly kind: 'starved'; readonly detail: string }

export interface GuardListener {
  /** What the device's state has become. */
  changed(device: string, state: GuardState): void
  expired(device: string, detail: string): void
  /** Its watchdog was set as declared, and runs. */
  armed(device: string, detail: string): void
}

const RETRY_MAX: Millis = 1000
const LOOK_AGAIN: Millis = 20

/**
 * Keeps one device's watchdog: compares the fallback with the safe states, arms it, feeds it at a third of its time, and does all
 * of that again after a reconnect or when it has expired. Nothing here writes an output away from its fallback.
 *
 * It is fed only while `stuck` has nothing to say. A device whose fallback is known to be safe is not fed when anything else is wrong:
 * then it makes the plant safe itself. One whose fallback is not known to be safe is kept fed if its watchdog runs already: letting
 * that run out would move the plant nobody knows where.
 */
export class Guard {
  readonly device: GuardedDevice
  readonly #watchdog: Watchdog
  readonly #registers: Registers
  readonly #clock: Clock
  readonly #stuck: () => string | undefined
  readonly #listener: GuardListener
  #state: GuardState = { kind: 'uncommissioned', detail: 'it was not asked yet' }
  #isTold = false
  /** Whether the fallback was seen to agree, over this connection. */
  #isCommissioned = false
  #isArmed = false
  /** The connection over which it was asked last. */
  #connection: number | undefined
  #isExpiryTold = false
  /** The device has said so, and was not armed since. */
  #hasFallenBack = false
  #fedAt: MonotonicMs | undefined

  constructor(device: GuardedDevice, clock: Clock, stuck: () => string | undefined, listener: GuardListener) {
    this.device = device
    this.#registers = new Registers(device.driver, device.timeout)
    this.#watchdog = watchdogOf(device.watchdog, this.#registers)
    this.#clock = clock
    this.#stuck = stuck
    this.#listener = listener
  }

  /**
   * As it is now, whatever the last turn found: one that was not fed in time, because this agent stood still, is not armed, and
   * neither is one that was connected anew and has not been asked since: it may be another.
   */
  get state(): GuardState {
    if (this.#state.kind !== 'armed') return this.#state
    const since = this.#sinceFed()
    if (since !== undefined && since > this.#watchdog.time)
      return { kind: 'unguarded', detail: `its watchdog was last fed ${formatDuration(since)} ago` }
    return this.device.driver.connections === this.#connection
      ? this.#state
      : { kind: 'unguarded', detail: 'it was connected anew, and has not been asked again yet' }
  }

  /**
   * What of its outputs would not fall back to safe, in words; nothing also while it cannot be asked. A coupler that has expired is made to
   * answer for that; nothing is armed or fed.
   */
  async compare(): Promise<readonly string[]> {
    const look = await this.#watchdog.look()
    if (look === 'expired') {
      this.#tellExpiry(look)
      if (await this.#watchdog.clear()) return []
    }
    const compared = await compareFallbacks(this.device.id, this.device.outputs, this.#registers)
    return compared.kind === 'disagrees' ? compared.details : []
  }

  /** Keeps it until the signal aborts. The first turn is somebody else's. */
  async keep(signal: AbortSignal): Promise<void> {
    const third = this.#watchdog.time / 3
    let due = this.#clock.monotonic()
    while (!signal.aborted) {
      due += this.#state.kind === 'armed' ? third : Math.min(third, RETRY_MAX)
      // What was late is not made good: the next feed is a third after the one that came late.
      const now = this.#clock.monotonic()
      due = Math.max(due, now)
      await this.#clock.sleep(due - now, signal)
      if (!signal.aborted) await this.turn()
    }
  }

  /** One look, and what follows from it. */
  async turn(): Promise<void> {
    const before = this.#state
    this.#state = await this.#turn()
    if (this.#state.kind === before.kind && this.#isTold) return
    this.#isTold = true
    this.#listener.changed(this.device.id, this.#state)
  }

  /** Switches it off. */
  async stop(): Promise<Trouble | undefined> {
    return await this.#watchdog.stop()
  }

  async #turn(): Promise<GuardState> {
    const stuck = this.#stuck()
    if (stuck !== undefined) return { kind: 'starved', detail: `it is not fed: ${stuck}` }
    this.#noticeConnection()
    const look = await this.#watchdog.look()
    const turn = turnOf(look, {
      isArmed: this.#isArmed,
      sinceFed: this.#sinceFed(),
      time: this.#watchdog.time,
    })
    if (turn === 'wait') {
      this.#isArmed = false
      return this.#unanswered(look instanceof Trouble ? look.detail : '')
    }
    if (turn === 'expired') this.#tellExpiry(look)
    if (turn !== 'feed') {
      this.#isArmed = false
      const trouble = await this.#bring(turn, look)
      if (trouble) return trouble
    }
    return await this.#feed(turn)
  }

  /** What was found over another connection may have been another device. Asked before each turn, so that nothing slips in between. */
  #noticeConnection(): void {
    const { connections } = this.device.driver
    if (connections === this.#connection) return
    this.#connection = connections
    this.#isArmed = false
    this.#isCommissioned = false
  }

  /** Compares, and sets it as declared. Returns what stands against that. */
  async #bring(turn: Turn, look: Look | Trouble): Promise<GuardState | undefined> {
    const { id, outputs } = this.device
    if (turn === 'expired') {
      const refused = await this.#watchdog.clear()
      if (refused) return this.#unanswered(`it has expired, and cannot be reset: ${refused.detail}`)
    }
    const compared = await compareFallbacks(id, outputs, this.#registers)
    if (compared.kind !== 'agrees') {
      await this.#keepAlive(look)
      return compared.kind === 'disagrees'
        ? { kind: 'disagrees', detail: compared.details.join('; ') }
        : { kind: 'uncommissioned', detail: `what it falls back to is not known: ${compared.detail}` }
    }
    this.#isCommissioned = true
    // Only where the device itself has said so: one that has not fallen back would be moved by this.
    const stale = this.#hasFallenBack ? await replaceStaleCommands(outputs, this.#registers) : undefined
    const trouble = stale ?? (await this.#watchdog.arm())
    return trouble && { kind: 'unguarded', detail: `its watchdog cannot be armed: ${trouble.detail}` }
  }

  async #feed(turn: Turn): Promise<GuardState> {
    const asked = this.#clock.monotonic()
    const trouble = await this.#watchdog.feed()
    if (trouble) {
      this.#isArmed = false
      return { kind: 'unguarded', detail: `its watchdog cannot be fed: ${trouble.detail}` }
    }
    this.#fedAt = asked
    if (turn === 'feed') return { kind: 'armed' }
    if (!(await this.#runs())) {
      return { kind: 'unguarded', detail: 'its watchdog was armed and fed, and shows that it does not run' }
    }
    this.#isArmed = true
    this.#isExpiryTold = false
    this.#hasFallenBack = false
    this.#listener.armed(this.device.id, `its watchdog runs: ${formatDuration(this.#watchdog.time)}`)
    return { kind: 'armed' }
  }

  /** A program may need a scan or two until it shows it. */
  async #runs(): Promise<boolean> {
    const deadline = this.#clock.monotonic() + this.#watchdog.time / 3
    for (;;) {
      const look = await this.#watchdog.look()
      if (!(look instanceof Trouble) && look !== 'off' && look !== 'expired') return true
      if (this.#clock.monotonic() >= deadline) return false
      await this.#clock.sleep(LOOK_AGAIN)
    }
  }

  async #keepAlive(look: Look | Trouble): Promise<void> {
    const since = this.#sinceFed()
    const runs =
      look === 'running' || (look !== 'expired' && since !== undefined && since <= this.#watchdog.time)
    if (!runs) return
    const asked = this.#clock.monotonic()
    if ((await this.#watchdog.feed()) === undefined) this.#fedAt = asked
  }

  #tellExpiry(look: Look | Trouble): void {
    const since = this.#sinceFed()
    this.#fedAt = undefined
    if (look === 'expired') this.#hasFallenBack = true
    if (this.#isExpiryTold) return
    this.#isExpiryTold = true
    const when =
      since === undefined
        ? 'it was not fed by this run of the agent'
        : `it was fed last ${formatDuration(since)} ago`
    this.#listener.expired(
      this.device.id,
      look === 'expired'
        ? `the device's watchdog has expired and its outputs have fallen back; ${when}`
        : `the device's watchdog must have expired, though nothing shows it; ${when}`,
    )
  }

  #unanswered(detail: string): GuardState {
    return this.#isCommissioned
      ? { kind: 'unguarded', detail: `its watchdog cannot be asked: ${detail}` }
      : { kind: 'uncommissioned', detail: `what it falls back to is not known: ${detail}` }
  }

  #sinceFed(): Millis | undefined {
    return this.#fedAt === undefined ? undefined : this.#clock.monotonic() - this.#fedAt
  }
}
