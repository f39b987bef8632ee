import type { FailsafeKeeper } from '../failsafe/keeper.ts'
import type { ClearAlarm, RaiseAlarm } from '../model/alarm.ts'
import type { Clock } from '../model/time.ts'
import { type Handler, type Listening, listen } from './api/listener.ts'
import { PanelFiles } from './api/panel.ts'
import type { AuditLog } from './audit/log.ts'
import { Rates } from './command/rates.ts'
import type { Config } from './config/config.ts'

/** Who hears of it when attacks have closed a listener. */
export interface ListenersTell {
  readonly audit: Pick<AuditLog, 'note'>
  readonly alarms: { readonly raise: RaiseAlarm; readonly clear: ClearAlarm }
}

/** The listeners of a configuration. One that attacks have closed stays closed, over restarts, until somebody opens it again. */
export class Listeners implements AsyncDisposable {
  readonly #config: Config
  readonly #keeper: FailsafeKeeper
  readonly #clock: Clock
  readonly #tell: ListenersTell
  readonly #listening = new Map<string, Listening>()
  #handler: Handler | undefined

  constructor(config: Config, keeper: FailsafeKeeper, clock: Clock, tell: ListenersTell) {
    this.#config = config
    this.#keeper = keeper
    this.#clock = clock
    this.#tell = tell
  }

  get listening(): readonly Listening[] {
    return [...this.#listening.values()]
  }

  /** Opens all of them, but for those that are closed. Throws ListenFailure where one cannot be opened. */
  async start(handler: Handler): Promise<void> {
    this.#handler = handler
    for (const { name } of this.#config.listeners) {
      const reason = this.#keeper.closed[name]
      if (reason === undefined) await this.#open(name)
      else this.#told(name, reason)
    }
  }

  /** Lets nobody in over a listener any more, and whoever is in out. */
  close(name: string, reason: string): void {
    const listening = this.#listening.get(name)
    if (!listening) return
    this.#listening.delete(name)
    this.#keeper.closeListener(name, reason)
    this.#tell.audit.note({ kind: 'listener-closed', listener: name, detail: reason })
    this.#told(name, reason)
    void listening[Symbol.asyncDispose]()
  }

  /** Opens a closed listener again. False when there is no such, or it is not closed. Throws ListenFailure. */
  async open(name: string): Promise<boolean> {
    if (!Object.hasOwn(this.#keeper.closed, name)) return false
    await this.#open(name)
    this.#keeper.openListener(name)
    this.#tell.alarms.clear('listener-closed', `${name} is open again`, { listener: name })
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.listening.map(one => one[Symbol.asyncDispose]()))
  }

  #told(listener: string, reason: string): void {
    const detail = `${listener} is closed: ${reason}. When it is over: holdfast listener open ${listener}`
    this.#tell.alarms.raise('listener-closed', detail, { listener })
  }

  async #open(name: string): Promise<void> {
    const config = this.#config.listeners.find(listener => listener.name === name)
    if (!config || !this.#handler) return
    this.#listening.set(name, await listen(config, this.#handler, this.#clock))
  }
}

/** Counts how often each source asks, of the listeners that limit it. */
export function openRates({ listeners }: Config, clock: Clock): Rates {
  const limited = listeners.flatMap(listener =>
    listener.kind === 'unix' ? [] : [[listener.name, listener.rate] as const],
  )
  return new Rates(new Map(limited), clock)
}

/** Reads the operator panel, where a listener serves it. */
export function openPanel({ listeners }: Config): PanelFiles | undefined {
  return listeners.some(listener => listener.kind !== 'unix' && listener.panel) ? new PanelFiles() : undefined
}
