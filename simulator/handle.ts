/** Reads the true value of a signal, in its unit. */
type Truth = (signal: string) => number

/** Something of the plant, as it truly is: whatever its sensors show and its master was told. */
abstract class Handle {
  readonly name: string
  readonly #truth: Truth

  constructor(name: string, truth: Truth) {
    this.name = name
    this.#truth = truth
  }

  protected of(signal: string): number {
    return this.#truth(`${this.name}.${signal}`)
  }
}

export class ValveHandle extends Handle {
  /** 0 closed … 1 open. */
  get position(): number {
    return this.of('position')
  }

  get isOpen(): boolean {
    return this.of('open') === 1
  }

  get isClosed(): boolean {
    return this.of('closed') === 1
  }

  get flow_l_s(): number {
    return this.of('flow')
  }
}

export class PumpHandle extends Handle {
  /** 0 standstill … 1 full speed. */
  get speed(): number {
    return this.of('speed')
  }

  get isRunning(): boolean {
    return this.of('running') === 1
  }

  get flow_l_s(): number {
    return this.of('flow')
  }

  get head_m(): number {
    return this.of('head')
  }
}

export class TankHandle extends Handle {
  get level_m(): number {
    return this.of('level')
  }

  /** What the consumers get. */
  get outflow_l_s(): number {
    return this.of('outflow')
  }

  get overflow_l_s(): number {
    return this.of('overflow')
  }
}

export class CoolingLoopHandle extends Handle {
  get temperature_c(): number {
    return this.of('temperature')
  }

  /** What coolant and surroundings carry off. */
  get removed_kw(): number {
    return this.of('removed')
  }
}
