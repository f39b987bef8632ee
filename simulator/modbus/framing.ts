import { type Frame, formatFrame, type Taken, takeFrame } from './frame.ts'
import { formatRtuFrame, takeRtuFrame } from './rtu-frame.ts'

/** How requests and answers stand in a stream of bytes. */
export interface Framing {
  /** Takes the first frame off a run of bytes. */
  take(bytes: Buffer): Taken
  format(frame: Frame): Buffer
  /**
   * Whether the link is a bus that all hear: then another unit's request is none of our business, and one to unit 0 is
   * for everybody and answered by nobody (MODBUS over Serial Line V1.02 §2.1).
   */
  readonly isBus: boolean
}

export const tcpFraming: Framing = { take: takeFrame, format: formatFrame, isBus: false }
export const rtuFraming: Framing = { take: takeRtuFrame, format: formatRtuFrame, isBus: true }
