import { type Fault, type FaultKind, faultKey } from './fault.ts'

/** The link of a PLC to its clients, as far as faults break it. Each does nothing when it is done already. */
export interface Link {
  /** Closes what is connected and refuses what comes: `dropped-link`. */
  drop(): Promise<void>
  /** Takes connections again, at the same address. */
  restore(): Promise<void>
  /** Lets the connections that are open hang: `half-open`. */
  hang(): void
  /** Resets the connections that hang. */
  reset(): void
  /** Closes the sessions that are open, where there is such a thing: `session-closed`. */
  closeSessions?(): void
  /** Shows the certificate that the faults now say, where there is such a thing: `wrong-certificate`. */
  showCertificate?(): Promise<void>
}

/** What a plant has that a fault can aim at. */
export interface FaultTargets {
  readonly actuators: ReadonlySet<string>
  readonly measurements: ReadonlySet<string>
  readonly plcs: ReadonlySet<string>
}

/** A fault of the link cannot be cleared now: something else has its address, say. */
export class LinkStaysDown extends Error {
  override readonly name = 'LinkStaysDown'
}

type OfKind<Kind extends FaultKind> = Extract<Fault, { kind: Kind }>

/** The faults that concern one PLC. */
export interface PlcFaults {
  of<Kind extends FaultKind>(kind: Kind): OfKind<Kind>[]
}

/** The faults that are set on a running plant. */
export class Faults {
  /** What they can aim at. */
  readonly targets: FaultTargets
  readonly #set = new Map<string, Fault>()
  readonly #links: ReadonlyMap<string, Link>

  constructor(targets: FaultTargets, links: ReadonlyMap<string, Link>) {
    this.targets = targets
    this.#links = links
  }

  /** What is set now. */
  get active(): readonly Fault[] {
    return [...this.#set.values()]
  }

  /** The faults of one kind that are set now. */
  of<Kind extends FaultKind>(kind: Kind): OfKind<Kind>[] {
    const found: OfKind<Kind>[] = []
    for (const fault of this.#set.values()) if (isKind(fault, kind)) found.push(fault)
    return found
  }

  /** The faults as one PLC has them. */
  on(plc: string): PlcFaults {
    return { of: kind => this.of(kind).filter(fault => isOn(fault, plc)) }
  }

  /**
   * Sets a fault, or changes it if it is set on the same target. It acts at once; the promise resolves when a link that
   * had to be dropped is down. Rejects with RangeError when the plant has no such element, signal or PLC.
   */
  async set(fault: Fault): Promise<void> {
    const missing = missingTarget(fault, this.targets)
    if (missing !== undefined) throw new RangeError(missing)
    this.#set.set(faultKey(fault), fault)
    const links = [...this.#links].filter(([plc]) => isOn(fault, plc)).map(([, link]) => link)
    if (fault.kind === 'half-open') for (const link of links) link.hang()
    if (fault.kind === 'session-closed') for (const link of links) link.closeSessions?.()
    if (fault.kind === 'wrong-certificate') await Promise.all(links.map(link => link.showCertificate?.()))
    if (fault.kind === 'dropped-link') await Promise.all(links.map(link => link.drop()))
  }

  /**
   * Clears every fault of a kind, or all of them. The promise resolves, with what it cleared, when a link that was down
   * is up again; it rejects with LinkStaysDown where one does not come up.
   */
  clear(kind?: FaultKind): Promise<readonly Fault[]> {
    return this.#end(fault => kind === undefined || fault.kind === kind)
  }

  /** Clears the fault that is set on the same target as this one, whatever its values; nothing where there is none. */
  mend(fault: Fault): Promise<readonly Fault[]> {
    const key = faultKey(fault)
    return this.#end(one => faultKey(one) === key)
  }

  async #end(isMeant: (fault: Fault) => boolean): Promise<readonly Fault[]> {
    const cleared: Fault[] = []
    for (const [key, fault] of this.#set) {
      if (isMeant(fault) && this.#set.delete(key)) cleared.push(fault)
    }
    const concerned = (kind: FaultKind) =>
      [...this.#links].filter(([plc]) => cleared.some(fault => fault.kind === kind && isOn(fault, plc)))
    const healed = (kind: FaultKind) => concerned(kind).filter(([plc]) => this.on(plc).of(kind).length === 0)
    for (const [, link] of healed('half-open')) link.reset()
    await Promise.all(concerned('wrong-certificate').map(([, link]) => link.showCertificate?.()))
    const down = await Promise.all(healed('dropped-link').map(([plc, link]) => this.#restore(plc, link)))
    const reasons = down.filter(reason => reason !== undefined)
    if (reasons.length > 0) throw new LinkStaysDown(reasons.join('; '))
    return cleared
  }

  /** A link that does not come up again is still dropped: its fault is set again, so that it can be cleared later. */
  async #restore(plc: string, link: Link): Promise<string | undefined> {
    try {
      await link.restore()
      return undefined
    } catch (error) {
      const fault: Fault = { kind: 'dropped-link', plc }
      this.#set.set(faultKey(fault), fault)
      return `${plc} stays dropped: ${(error as Error).message}`
    }
  }
}

function isKind<Kind extends FaultKind>(fault: Fault, kind: Kind): fault is OfKind<Kind> {
  return fault.kind === kind
}

function isOn(fault: Fault, plc: string): boolean {
  return !('plc' in fault) || fault.plc === undefined || fault.plc === plc
}

/** Which key of a fault names what does not exist, and that in words; undefined when all is well. */
export function missingKey(
  fault: Fault,
  targets: FaultTargets,
): { key: string; message: string } | undefined {
  if ('element' in fault && !targets.actuators.has(fault.element)) {
    const message = `no valve or pump is called ${fault.element}; there is ${list(targets.actuators)}`
    return { key: 'element', message }
  }
  if ('signal' in fault && !targets.measurements.has(fault.signal)) {
    const message = `no measurement is called ${fault.signal}; there is ${list(targets.measurements)}`
    return { key: 'signal', message }
  }
  if ('plc' in fault && fault.plc !== undefined && !targets.plcs.has(fault.plc)) {
    return { key: 'plc', message: `no PLC is called ${fault.plc}; there is ${list(targets.plcs)}` }
  }
  return undefined
}

/** Says in words which target of a fault does not exist; undefined when all is well. */
export function missingTarget(fault: Fault, targets: FaultTargets): string | undefined {
  return missingKey(fault, targets)?.message
}

function list(names: ReadonlySet<string>): string {
  return names.size === 0 ? 'none' : [...names].join(', ')
}
