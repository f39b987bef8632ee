import { type Fault, type FaultKind, faultKey } from './fault.ts'

/** The link whose loss `dropped-link` is. */
export interface Link {
  /** Closes what is connected and refuses what comes. */
  drop(): Promise<void>
  /** Takes connections again, at the same address. */
  restore(): Promise<void>
}

/** What a plant has that a fault can aim at. */
export interface FaultTargets {
  readonly actuators: ReadonlySet<string>
  readonly measurements: ReadonlySet<string>
}

/** The faults that are set on a running plant. */
export class Faults {
  readonly #set = new Map<string, Fault>()
  readonly #targets: FaultTargets
  readonly #link: Link

  constructor(targets: FaultTargets, link: Link) {
    this.#targets = targets
    this.#link = link
  }

  /** What is set now. */
  get active(): readonly Fault[] {
    return [...this.#set.values()]
  }

  /** The faults of one kind that are set now. */
  of<Kind extends FaultKind>(kind: Kind): Extract<Fault, { kind: Kind }>[] {
    const found: Extract<Fault, { kind: Kind }>[] = []
    for (const fault of this.#set.values()) if (isKind(fault, kind)) found.push(fault)
    return found
  }

  /**
   * Sets a fault, or changes it if it is set on the same target. It acts at once; the promise resolves when a link that
   * had to be dropped is down. Rejects with RangeError when the plant has no such element or signal.
   */
  async set(fault: Fault): Promise<void> {
    const missing = missingTarget(fault, this.#targets)
    if (missing !== undefined) throw new RangeError(missing)
    this.#set.set(faultKey(fault), fault)
    if (fault.kind === 'dropped-link') await this.#link.drop()
  }

  /** Clears every fault of a kind, or all of them. The promise resolves when a link that was down is up again. */
  async clear(kind?: FaultKind): Promise<void> {
    const wasDropped = this.of('dropped-link').length > 0
    for (const [key, fault] of this.#set) {
      if (kind === undefined || fault.kind === kind) this.#set.delete(key)
    }
    if (wasDropped && this.of('dropped-link').length === 0) await this.#link.restore()
  }
}

function isKind<Kind extends FaultKind>(fault: Fault, kind: Kind): fault is Extract<Fault, { kind: Kind }> {
  return fault.kind === kind
}

/** Says in words which target of a fault does not exist; undefined when all is well. */
export function missingTarget(fault: Fault, targets: FaultTargets): string | undefined {
  if ('element' in fault && !targets.actuators.has(fault.element)) {
    return `no valve or pump is called ${fault.element}; there is ${list(targets.actuators)}`
  }
  if ('signal' in fault && !targets.measurements.has(fault.signal)) {
    return `no measurement is called ${fault.signal}; there is ${list(targets.measurements)}`
  }
  return undefined
}

function list(names: ReadonlySet<string>): string {
  return names.size === 0 ? 'none' : [...names].join(', ')
}
