import type { ClearAlarm, RaiseAlarm } from '../model/alarm.ts'
import type { Clock, Millis } from '../model/time.ts'
import type { AuditLog } from './audit/log.ts'
import type { NoteSigner } from './audit/note.ts'
import { publishCheckpointKey } from './checkpoint-key.ts'
import type { Config } from './config/config.ts'

/** Time between two tries to publish a key. */
const RETRY: Millis = 30_000

/**
 * The keys that sign the checkpoints of a running agent's log. Each is published before anything is signed with it, whoever had it made
 * and however that ended: a checkpoint that no public key fits looks like a forged one. Until then the one before goes on signing.
 */
export class CheckpointKeys implements AsyncDisposable {
  readonly #config: Config
  readonly #audit: Pick<AuditLog, 'checkpointWith'>
  readonly #clock: Clock
  readonly #alarms: { readonly raise: RaiseAlarm; readonly clear: ClearAlarm }
  readonly #stop = new AbortController()
  /** The file is read and replaced by one at a time. */
  #publishing: Promise<unknown> = Promise.resolve()
  #newest: NoteSigner | undefined

  constructor(
    config: Config,
    audit: Pick<AuditLog, 'checkpointWith'>,
    clock: Clock,
    alarms: { readonly raise: RaiseAlarm; readonly clear: ClearAlarm },
  ) {
    this.#config = config
    this.#audit = audit
    this.#clock = clock
    this.#alarms = alarms
  }

  /** Puts the public key into `audit.vkey`, where it is not there yet. Rejects when that cannot be read or written. */
  async publish(signer: NoteSigner): Promise<void> {
    const published = this.#publishing.then(() => publishCheckpointKey(this.#config, signer))
    this.#publishing = published.catch(() => {})
    await published
  }

  /** Signs with this key as soon as it is published, and tries that until it is. Returns at once. */
  signWith(signer: NoteSigner): void {
    this.#newest = signer
    void this.#take(signer)
  }

  /** Tries no more. Waits for no disk. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
  }

  async #take(signer: NoteSigner): Promise<void> {
    const { signal } = this.#stop
    while (this.#newest === signer && !signal.aborted) {
      const failure = await this.publish(signer).catch((error: Error) => error)
      if (this.#newest !== signer || signal.aborted) return
      if (failure === undefined) {
        this.#audit.checkpointWith(signer)
        return this.#alarms.clear('checkpoint-key-unpublished', 'audit.vkey has the key')
      }
      this.#alarms.raise('checkpoint-key-unpublished', `audit.vkey does not take it: ${failure.message}`)
      await this.#clock.sleep(RETRY, signal)
    }
  }
}
