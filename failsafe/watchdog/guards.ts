import type { Clock } from '../../model/time.ts'
import { Guard, type GuardListener, type GuardState } from './guard.ts'
import type { GuardedDevice } from './guarded-device.ts'

/** The watchdogs of all devices that have one. Disposing of it ends the feeding, and with it, after its time, each watchdog. */
export class Guards implements AsyncDisposable {
  readonly #guards: ReadonlyMap<string, Guard>
  readonly #deviceOf = new Map<string, string>()
  readonly #stop = new AbortController()
  #kept: readonly Promise<void>[] = []

  /** `stuck` says why the agent cannot carry out commands, if it cannot: it is asked before each feed. */
  constructor(
    devices: readonly GuardedDevice[],
    clock: Clock,
    stuck: () => string | undefined,
    listener: GuardListener,
  ) {
    this.#guards = new Map(devices.map(device => [device.id, new Guard(device, clock, stuck, listener)]))
    for (const { id, outputs } of devices) {
      for (const { actuator } of outputs) this.#deviceOf.set(actuator, id)
    }
  }

  /**
   * Asks every device what it falls back to, and keeps all watchdogs from then on; or, where one falls back to something else than is
   * declared safe, arms none and returns what disagrees, in words.
   */
  async start(): Promise<readonly string[]> {
    const guards = [...this.#guards.values()]
    // First all, then any: a start that is refused must not leave a watchdog behind that nobody feeds.
    const disagreements = (await Promise.all(guards.map(guard => guard.compare()))).flat()
    if (disagreements.length > 0) return disagreements
    await Promise.all(guards.map(guard => guard.turn()))
    this.#kept = guards.map(guard => guard.keep(this.#stop.signal))
    return []
  }

  get states(): ReadonlyMap<string, GuardState> {
    return new Map([...this.#guards].map(([device, { state }]) => [device, state]))
  }

  /** The device of an actuator, and why it would not make the plant safe by itself now; undefined where nothing is wrong. */
  troubleOf(actuator: string): { readonly device: string; readonly state: GuardState } | undefined {
    const device = this.#deviceOf.get(actuator)
    const state = this.#guards.get(device ?? '')?.state
    return device === undefined || state === undefined || state.kind === 'armed'
      ? undefined
      : { device, state }
  }

  /** Ends the feeding, and switches those watchdogs off that are not to outlive the agent. Returns which could not be. */
  async stop(): Promise<readonly string[]> {
    await this[Symbol.asyncDispose]()
    const stopped = [...this.#guards.values()]
      .filter(({ device }) => device.onStop === 'stop')
      .map(async guard => {
        const trouble = await guard.stop()
        return trouble ? [`${guard.device.id}: its watchdog cannot be stopped: ${trouble.detail}`] : []
      })
    return (await Promise.all(stopped)).flat()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#kept)
  }
}
