import type { AuditEntryOf } from '../../../model/audit.ts'
import {
  type Clock,
  type Entropy,
  formatDuration,
  type Millis,
  type MonotonicMs,
  type UnixMs,
} from '../../../model/time.ts'
import { epochMessage, hmacSha256 } from '../chain.ts'
import type { EpochKeyAnswer } from '../epoch-keys.ts'
import { BREAK_GLASS_MAX, type Handover } from './handover.ts'
import { BREAK_GLASS_GENERATION, isSealed, openBreakGlass, removeSeal, sealBreakGlass } from './seal.ts'
import type { SheetOwner } from './sheet.ts'

/** By how much the agent's clock may be behind the system's, which root reckoned with. */
const LEEWAY: Millis = 60_000

/** What emergency credentials name as theirs: a generation that no master key has, and one key for their whole short life. */
export const BREAK_GLASS_HANGS_ON = { generation: BREAK_GLASS_GENERATION, epoch: 0 }

/** The key that emergency credentials hang on, from the key in the envelope. */
export function breakGlassEpochKey(key: Uint8Array, owner: SheetOwner): Buffer {
  const { environment, gateway } = owner
  return hmacSha256(key, epochMessage({ environment, gateway, ...BREAK_GLASS_HANGS_ON }))
}

/** What is recorded of the person who closed the glass; nothing where it ended by itself. */
export type ClosedBy = Omit<AuditEntryOf<'break-glass-closed'>, 'kind' | 'detail'>

/** Where the glass stands. */
export type GlassState =
  | { readonly kind: 'none' }
  | { readonly kind: 'sealed' }
  | { readonly kind: 'open'; readonly until: UnixMs }

/**
 * The broken glass of one run of the agent: while it is open, one emergency credential is good that no master key is
 * needed for. It ends by itself, by being closed, and with this run; it cannot be opened from outside, nor again.
 */
export class BreakGlass implements AsyncDisposable {
  readonly #path: string
  readonly #owner: SheetOwner
  readonly #clock: Clock
  readonly #onClosed: (why: string, by: ClosedBy) => void
  readonly #stop = new AbortController()
  #open: { readonly key: Buffer; readonly until: UnixMs; readonly ends: MonotonicMs } | undefined

  /** `path` is the envelope's. `onClosed` hears once, whatever closed it. */
  constructor(path: string, owner: SheetOwner, clock: Clock, onClosed: (why: string, by: ClosedBy) => void) {
    this.#path = path
    this.#owner = owner
    this.#clock = clock
    this.#onClosed = onClosed
  }

  /**
   * Opens the envelope with a sheet's code and takes up its key until then; wipes the code. The envelope is gone before its key is of
   * any use: it opens once. `user` is `process.getuid()`. Returns why not, and then the envelope is as it was. Rejects when the disk
   * will not let go of it.
   */
  async open({ code, until }: Handover, user: number): Promise<string | undefined> {
    using _code = { [Symbol.dispose]: () => void code.fill(0) }
    const left: Millis = until - this.#clock.wall()
    if (left <= 0) return `its time was over at ${new Date(until).toISOString()}; the sheet is still good`
    if (left > BREAK_GLASS_MAX + LEEWAY)
      return `it would be good until ${new Date(until).toISOString()}, and ${formatDuration(BREAK_GLASS_MAX)} is the most`
    const opened = await openBreakGlass(this.#path, code, this.#owner, user)
    if (opened.kind === 'refused') return opened.detail
    try {
      await removeSeal(this.#path)
      // The end is told by the clock on the wall and kept by the one that cannot be set back.
      const ends = this.#clock.monotonic() + left
      this.#open = { key: breakGlassEpochKey(opened.key, this.#owner), until, ends }
      void this.#clock.sleep(left, this.#stop.signal).then(() => this.close('its time is over'))
    } finally {
      opened.key.fill(0)
    }
    return undefined
  }

  /** The key that a credential of generation 0 hangs on. */
  keyFor(epoch: number): EpochKeyAnswer {
    if (this.#open && this.#clock.monotonic() >= this.#open.ends) this.close('its time is over')
    return this.#open && epoch === BREAK_GLASS_HANGS_ON.epoch
      ? { kind: 'key', key: this.#open.key }
      : { kind: 'expired' }
  }

  /** Makes the emergency credential worthless; `by` is what is recorded of whoever asked for it. False when there is none that is good. */
  close(why: string, by: ClosedBy = {}): boolean {
    if (!this.#open) return false
    this.#open.key.fill(0)
    this.#open = undefined
    this.#stop.abort()
    this.#onClosed(why, by)
    return true
  }

  /** Seals a new emergency key, in place of an older one, and returns the line for the sheet. It is told once. */
  async seal(entropy: Entropy): Promise<string> {
    return await sealBreakGlass(this.#path, this.#owner, entropy)
  }

  async state(): Promise<GlassState> {
    if (this.#open) return { kind: 'open', until: this.#open.until }
    return (await isSealed(this.#path)) ? { kind: 'sealed' } : { kind: 'none' }
  }

  /** Until when it is open, if it is. */
  get until(): UnixMs | undefined {
    return this.#open?.until
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close('the agent is stopping')
    this.#stop.abort()
  }
}
