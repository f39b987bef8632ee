/** A limit that the PLC keeps by itself: while a sensor shows a signal beyond it, one command is forced. */
export interface InterlockSpec {
  /** What it looks at, such as `tank.level`: as the sensor shows it, not as it is. */
  readonly signal: string
  /** It acts above this value, or below that one, in the signal's unit. One of the two is given. */
  readonly above?: number | undefined
  readonly below?: number | undefined
  /** It goes on acting until the signal is back here, so that it does not chatter; at the limit itself unless given. */
  readonly clears_at?: number | undefined
  /** The command that it forces, such as `inlet-valve.command`, and to what. */
  readonly force: string
  readonly to: number
  /** The discrete input that shows that it acts. */
  readonly discrete_input?: number | undefined
}

/** An interlock of a PLC's program. It resets itself: the master's own command stands again once the signal is back. */
export class Interlock {
  readonly spec: InterlockSpec
  #isActing = false

  constructor(spec: InterlockSpec) {
    this.spec = spec
  }

  /** Whether it acts, now that the sensor shows `value`; as before when there is none. */
  look(value: number | undefined): boolean {
    const { above, below, clears_at } = this.spec
    if (value === undefined) return this.#isActing
    if (above !== undefined) {
      this.#isActing = value > (this.#isActing ? Math.min(clears_at ?? above, above) : above)
    } else if (below !== undefined) {
      this.#isActing = value < (this.#isActing ? Math.max(clears_at ?? below, below) : below)
    }
    return this.#isActing
  }
}
