import type { CounterReading, MonotonicCounter } from '../../../../agent/audit/counter/counter.ts'

/** A counter in memory; the promises of the real one are kept in test/agent/credential/tpm/nv-counter.test.ts. */
export class FakeCounter implements MonotonicCounter {
  readonly index = '0x01800001'
  /** Undefined while there is none. */
  value: number | undefined
  /** How many more calls are answered before it is gone. */
  answers = Number.POSITIVE_INFINITY
  /** Whether the last thing that it does before it is gone is done, and only its answer lost. */
  losesAnswers = false
  /** How often it was written to. */
  writes = 0

  async read(): Promise<CounterReading> {
    return this.#take() ?? this.#reading()
  }

  /** The highest count that this TPM has ever come to, as a TPM remembers it. */
  highest = 0

  async first(): Promise<CounterReading> {
    const gone = this.#take()
    if (gone && !this.losesAnswers) return gone
    this.highest += 1
    this.writes += 1
    return gone ?? { kind: 'value', value: this.highest + 1 }
  }

  async increment(): Promise<CounterReading> {
    return await this.#write(() => (this.value ?? 0) + 1)
  }

  async begin(): Promise<CounterReading> {
    return await this.#write(() => this.value ?? this.highest + 1)
  }

  async #write(next: () => number): Promise<CounterReading> {
    const gone = this.#take()
    if (gone && !this.losesAnswers) return gone
    this.value = next()
    this.writes += 1
    return gone ?? this.#reading()
  }

  #take(): CounterReading | undefined {
    this.answers -= 1
    return this.answers < 0 ? { kind: 'unavailable', detail: 'the TPM is gone', remedy: 'Wait.' } : undefined
  }

  #reading(): CounterReading {
    return this.value === undefined ? { kind: 'absent' } : { kind: 'value', value: this.value }
  }
}
