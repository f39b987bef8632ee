import type { Millis } from '../model/time.ts'
import type { WritableTable } from './image.ts'

/**
 * What can be made to go wrong, on demand. The first seven are in the field, where a client sees them only by what the
 * process does and the sensors show; the others are on the wire, of one PLC (`plc`) or, without it, of all. A fault acts
 * from the moment it is set until it is cleared. docs/SIMULATOR.md says what each does on Modbus and on OPC UA.
 */
export type Fault =
  /** A valve or pump stays as it is, whatever it is told. Writes are accepted; feedback tells the truth. */
  | { readonly kind: 'stuck'; readonly element: string }
  /** A valve or pump is wired the wrong way round: told to close, it opens. */
  | { readonly kind: 'reversed'; readonly element: string }
  /** A valve or pump takes `factor` times its stroke or spin-up time. */
  | { readonly kind: 'slow'; readonly element: string; readonly factor: number }
  /** A sensor goes on showing what it showed when the fault was set. */
  | { readonly kind: 'feedback-frozen'; readonly signal: string }
  /** A sensor shows `value`, in the signal's unit, whatever is true. */
  | { readonly kind: 'feedback-lies'; readonly signal: string; readonly value: number }
  /** A sensor's error grows by `per_second`, in the signal's unit, for as long as the fault stands. */
  | { readonly kind: 'drift'; readonly signal: string; readonly per_second: number }
  /**
   * A sensor knows that it is broken and says so where the wire has a word for it: OPC UA does, as a quality that is bad
   * or uncertain; Modbus has none. Its value stays what it was.
   */
  | {
      readonly kind: 'sensor-failed'
      readonly signal: string
      readonly quality?: 'bad' | 'uncertain' | undefined
    }
  /**
   * A write is answered with its normal echo and never lands: reading the cell back shows the old value. Without a
   * table, every write; with a table, all of that table; with an address too, that cell.
   */
  | ({
      readonly kind: 'write-ignored'
      readonly table?: WritableTable | undefined
      readonly address?: number | undefined
    } & OfPlc)
  /**
   * The request takes effect at once and its answer leaves `ms` later, and by chance up to `jitter_ms` later still.
   * Answers keep their order.
   */
  | ({
      readonly kind: 'latency'
      readonly ms: Millis
      readonly jitter_ms?: Millis | undefined
    } & OfRequests)
  /** The request has no effect and is answered with a Modbus exception of this code, on OPC UA with its status code. */
  | ({ readonly kind: 'exception'; readonly code: number } & OfRequests)
  /**
   * The connection stays open, requests are taken, and no answer ever comes. `effect: done` carries out what it does
   * not answer, `effect: lost` does not: to the client the two look the same.
   */
  | ({ readonly kind: 'silent'; readonly effect?: 'done' | 'lost' | undefined } & OfRequests)
  /**
   * The connections that are open when it is set are dead without having been closed: nothing that comes over them is
   * heard, nothing is answered, and no FIN comes. New connections are served. Clearing it resets the dead ones (RST),
   * as a peer that has restarted does.
   */
  | ({ readonly kind: 'half-open' } & OfPlc)
  /** Every connection is closed (FIN) and new ones are refused (RST to SYN), until the fault is cleared. */
  | ({ readonly kind: 'dropped-link' } & OfPlc)
  /** The sessions of OPC UA that are open when it is set are closed by the server; new ones are served. */
  | ({ readonly kind: 'session-closed' } & OfPlc)
  /**
   * The OPC UA server shows another certificate than its own to whoever connects: one that has expired, one that is not
   * valid yet, or a new one with a new key, as after an exchange of the PLC.
   */
  | ({ readonly kind: 'wrong-certificate'; readonly shows: WrongCertificate } & OfPlc)
  /**
   * Another master writes `value` into a cell every `every_ms`, beginning with the next scan. Its writes feed a
   * watchdog like any other's.
   */
  | ({
      readonly kind: 'second-master'
      readonly table: WritableTable
      readonly address: number
      readonly value: number
      readonly every_ms: Millis
    } & OfPlc)

export type FaultKind = Fault['kind']

/** Every kind there is. */
export const FAULT_KINDS = [
  'stuck',
  'reversed',
  'slow',
  'feedback-frozen',
  'feedback-lies',
  'drift',
  'sensor-failed',
  'write-ignored',
  'latency',
  'exception',
  'silent',
  'half-open',
  'dropped-link',
  'session-closed',
  'wrong-certificate',
  'second-master',
] as const satisfies readonly FaultKind[]

/** What a certificate can be that is not the server's own. */
export type WrongCertificate = 'expired' | 'not-yet-valid' | 'replaced'

/** Which requests a fault of the wire concerns; all of them when it is left out. */
export type Direction = 'reads' | 'writes'

/** Which PLC a fault of the wire concerns; all of them when it is left out. */
interface OfPlc {
  readonly plc?: string | undefined
}
interface OfRequests extends OfPlc {
  readonly on?: Direction | undefined
}

/** Two faults with the same key are the same fault with other values: setting one replaces the other. */
export function faultKey(fault: Fault): string {
  switch (fault.kind) {
    case 'stuck':
    case 'reversed':
    case 'slow':
      return `${fault.kind} ${fault.element}`
    case 'feedback-frozen':
    case 'feedback-lies':
    case 'drift':
    case 'sensor-failed':
      return `${fault.kind} ${fault.signal}`
    case 'write-ignored':
    case 'second-master':
      return `${fault.kind} ${fault.plc} ${fault.table} ${fault.address}`
    case 'latency':
    case 'exception':
    case 'silent':
      return `${fault.kind} ${fault.plc} ${fault.on}`
    case 'half-open':
    case 'dropped-link':
    case 'session-closed':
    case 'wrong-certificate':
      return `${fault.kind} ${fault.plc}`
  }
}

/** Whether a fault of the wire concerns a request of this kind. */
export function concerns(fault: { readonly on?: Direction | undefined }, kind: 'read' | 'write'): boolean {
  return fault.on === undefined || fault.on === `${kind}s`
}
