import { randomBytes } from 'node:crypto'
import type { AuditEntry } from '../model/audit.ts'
import { Refusal } from '../model/refusal.ts'
import type { Clock, UnixMs } from '../model/time.ts'
import type { AuditLog } from './audit/log.ts'
import type { NoteSigner } from './audit/note.ts'
import type { Appended } from './audit/queue.ts'
import { deriveCheckpointKey } from './checkpoint-key.ts'
import { acceptedOf } from './command/accepted.ts'
import type { Rotated, Rotating, Rotator } from './command/rotate.ts'
import type { Config } from './config/config.ts'
import type { EpochKeys } from './credential/epoch-keys.ts'
import { parseScheme } from './credential/escrow/scheme.ts'
import { addGeneration } from './credential/tpm/enrolment.ts'
import { type KeySurroundings, openMasterKeys } from './master-keys.ts'

/** What a rotation has the rest of the agent do. */
export interface RotationParts {
  /** Publishes the key that signs checkpoints from now on. Rejects when that fails. */
  publish(signer: NoteSigner): Promise<void>
  /** Has the rest of the agent take up the new keys. */
  onRotated(): void
}

/** Makes new generations of the master key while the agent runs. The one before stays good for the grace. */
export class TpmRotator implements Rotator {
  readonly #config: Config
  readonly #around: KeySurroundings
  readonly #keys: EpochKeys
  readonly #audit: AuditLog
  readonly #clock: Clock
  readonly #parts: RotationParts
  #running = false

  constructor(
    config: Config,
    around: KeySurroundings,
    keys: EpochKeys,
    audit: AuditLog,
    clock: Clock,
    parts: RotationParts,
  ) {
    this.#config = config
    this.#around = around
    this.#keys = keys
    this.#audit = audit
    this.#clock = clock
    this.#parts = parts
  }

  async rotate(by: Rotating, escrow: string | undefined): Promise<Rotated | Refusal> {
    const { masterKey } = this.#config
    if (masterKey.source !== 'tpm') {
      return new Refusal(
        'rotation-elsewhere',
        `the master key comes from ${masterKey.source}: it is rotated there`,
        'docs/KEY_SOURCES.md says how',
      )
    }
    if (this.#running)
      return new Refusal('command-in-progress', 'the key is being rotated already', 'wait for it')
    this.#running = true
    try {
      return await this.#rotate(masterKey, by, escrow)
    } finally {
      this.#running = false
    }
  }

  async #rotate(
    { tcti, pcrs, timeout }: { tcti: string; pcrs: string; timeout: number },
    by: Rotating,
    escrow: string | undefined,
  ): Promise<Rotated | Refusal> {
    const { environment, gateway, stateDir } = this.#config
    const scheme = escrow === undefined ? undefined : parseScheme(escrow)
    if (scheme?.kind === 'refused') return new Refusal('body-malformed', `escrow ${escrow}: ${scheme.detail}`)
    const added = await addGeneration({
      tcti,
      pcrs,
      stateDir,
      entropy: randomBytes,
      clock: this.#clock,
      signal: AbortSignal.timeout(timeout * 6),
      ...(scheme ? { escrow: { ...scheme, environment, gateway } } : {}),
    })
    if (added.kind !== 'enrolled') return new Refusal('master-key-unavailable', added.detail, added.remedy)
    // From here on the key is there: its shares are told, and it is recorded, whatever fails.
    const taken = await this.#takeUp(timeout)
    const { retiresAt } = taken
    const entry: AuditEntry = {
      kind: 'key-rotated',
      generation: added.generation,
      key: added.keyId,
      ...by.record,
      escrow: escrow ?? null,
      previous_until: retiresAt === undefined ? null : new Date(retiresAt).toISOString(),
      ...acceptedOf(by, this.#clock),
    }
    const appended = await this.#audit.appendOrKeep(entry)
    this.#parts.onRotated()
    const { generation, keyId, shares } = added
    return { generation, keyId, retiresAt, shares, trouble: troubleOf(taken, appended) }
  }

  /** Goes over to the new generation, and publishes the key that signs its checkpoints. Never rejects. */
  async #takeUp(timeout: number): Promise<TakenUp> {
    let retiresAt: UnixMs | undefined
    try {
      const { generations } = await openMasterKeys(this.#config, this.#around)
      retiresAt = generations.at(-2)?.retiresAt
      this.#keys.replaceGenerations(generations)
      await this.#keys.refresh(timeout)
      const newest = generations.at(-1)
      const checkpoint = newest && (await deriveCheckpointKey(this.#config, newest.master))
      if (checkpoint?.kind === 'signer') await this.#parts.publish(checkpoint.signer)
      return { retiresAt, failure: undefined }
    } catch (error) {
      return { retiresAt, failure: (error as Error).message }
    }
  }
}

/** Until when the generation before is good, where that is known, and why not all of the agent knows the new one. */
interface TakenUp {
  readonly retiresAt: UnixMs | undefined
  readonly failure: string | undefined
}

function troubleOf({ failure }: TakenUp, appended: Appended): Refusal | undefined {
  const unrecorded =
    appended.kind === 'durable' ? undefined : `that is not in the audit log yet: ${appended.detail}`
  if (failure !== undefined)
    return new Refusal(
      'audit-unwritable',
      `the key is rotated, and the agent has not all of it: ${failure}${unrecorded ? `; ${unrecorded}` : ''}`,
      'mend what it says, then rotate once more',
    )
  return unrecorded === undefined
    ? undefined
    : new Refusal(
        'audit-unwritable',
        `the key is rotated, and ${unrecorded}`,
        'see the audit log in `holdfast status`',
      )
}
