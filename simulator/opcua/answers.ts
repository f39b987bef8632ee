import type { Clock, Millis, MonotonicMs } from '../../model/time.ts'
import type { Chance } from '../chance.ts'
import { concerns } from '../fault.ts'
import type { PlcFaults } from '../faults.ts'

/** What a service of OPC UA does; `other` is sessions, browsing and subscribing, which faults of one direction pass over. */
type Does = 'read' | 'write' | 'other'

const SERVICES: Readonly<Record<string, Does>> = {
  ReadRequest: 'read',
  PublishRequest: 'read',
  RepublishRequest: 'read',
  WriteRequest: 'write',
  CallRequest: 'write',
}

/** Which answers leave, and when, as far as faults decide. Answers on one channel keep their order. */
export class Answers {
  readonly #faults: PlcFaults
  readonly #clock: Clock
  readonly #chance: Chance
  readonly #stop = new AbortController()

  constructor(faults: PlcFaults, clock: Clock, chance: Chance) {
    this.#faults = faults
    this.#clock = clock
    this.#chance = chance
  }

  /** Whether a request is carried out at all. `service` is its name in the specification, such as ReadRequest. */
  carriesOut(service: string): boolean {
    return this.#silent(service)?.effect !== 'lost'
  }

  /** How late an answer is that is ready now; undefined when it never leaves. */
  delayOf(service: string): Millis | undefined {
    if (this.#silent(service)) return undefined
    const fault = this.#faults.of('latency').find(fault => isOn(fault, service))
    return fault ? fault.ms + (fault.jitter_ms ?? 0) * this.#chance.next() : 0
  }

  /** What takes the answers of one channel: it sends each when it is due, or never. */
  queue(): (service: string, send: () => void) => void {
    const late: { readonly due: MonotonicMs; readonly send: () => void }[] = []
    const drain = async () => {
      for (let head = late[0]; head && !this.#stop.signal.aborted; head = late[0]) {
        await this.#clock.sleep(Math.max(0, head.due - this.#clock.monotonic()), this.#stop.signal)
        if (!this.#stop.signal.aborted) head.send()
        late.shift()
      }
    }
    return (service, send) => {
      const delay = this.delayOf(service)
      if (delay === undefined) return
      if (delay === 0 && late.length === 0) return send()
      late.push({ due: this.#clock.monotonic() + delay, send })
      if (late.length === 1) void drain()
    }
  }

  /** Nothing that is late leaves any more. */
  close(): void {
    this.#stop.abort()
  }

  #silent(service: string) {
    return this.#faults.of('silent').find(fault => isOn(fault, service))
  }
}

function isOn(fault: Parameters<typeof concerns>[0], service: string): boolean {
  const does = SERVICES[service] ?? 'other'
  return does === 'other' ? fault.on === undefined : concerns(fault, does)
}
