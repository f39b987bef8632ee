import type { Verdict } from './verify.ts'

export type Intact = Extract<Verdict, { kind: 'intact' }>

/** A verdict, and what else was asked: of the TPM, or of nobody. */
export type Judgement =
  | Exclude<Verdict, { kind: 'intact' }>
  /** `counter` is where the TPM's counter stands, which the log has come to; undefined where it was not asked. */
  | (Intact & { readonly counter?: number })
  /** Everything fits together, and nothing that an intruder could not have made anew was looked at. */
  | (Omit<Intact, 'kind'> & { readonly kind: 'unproven' })
  | { readonly kind: 'rolled-back'; readonly detail: string; readonly at: number | undefined }

/** What a verification could rest on. */
export interface Trust {
  /** A public key was given or found. */
  readonly hasKey: boolean
  /** Records that a checkpoint covers which was kept elsewhere. */
  readonly heldUpTo: number | undefined
}

/** The verdict for a program. Its members are a promise to scripts: none is renamed. */
export function jsonOf(judgement: Judgement, trust: Trust) {
  const whole = judgement.kind === 'intact' || judgement.kind === 'unproven' ? judgement : undefined
  return {
    verified: judgement.kind === 'intact',
    records: whole?.records ?? null,
    pruned: whole?.pruned ?? null,
    tamper_detected_at: judgement.kind === 'tampered' ? (judgement.at ?? null) : null,
    detail: 'detail' in judgement ? judgement.detail : coverOf(judgement, trust),
    root: whole?.root ?? null,
    signed_up_to: whole?.signedUpTo ?? (judgement.kind === 'unsigned' ? judgement.signedUpTo : null),
    signed_late: whole?.signedLate ?? null,
    counter: judgement.kind === 'intact' ? (judgement.counter ?? null) : null,
  }
}

/** The verdict for a person. */
export function lineOf(judgement: Judgement, trust: Trust): string {
  switch (judgement.kind) {
    case 'intact':
      return `intact: ${judgement.records} records${prunedWords(judgement)}, root ${judgement.root}; ${coverOf(judgement, trust)}${lateWords(judgement)}${counterWords(judgement.counter)}`
    case 'unproven':
      return `NOT PROVEN: ${judgement.records} records fit together${prunedWords(judgement)}, root ${judgement.root}; ${coverOf(judgement, trust)}`
    case 'tampered':
      return `TAMPERED${judgement.at === undefined ? '' : ` at record ${judgement.at}`}: ${judgement.detail}`
    case 'unsigned':
      return `UNSIGNED from record ${judgement.signedUpTo}: ${judgement.detail}`
    case 'rolled-back':
      return `ROLLED BACK${judgement.at === undefined ? '' : ` before record ${judgement.at}`}: ${judgement.detail}`
    case 'unreadable':
      return `cannot verify: ${judgement.detail}`
  }
}

type Whole = Omit<Intact, 'kind'>

function prunedWords({ pruned, archived }: Whole): string {
  if (pruned === 0) return ''
  const archive = archived === undefined ? '' : `; the archive has ${archived} of them as they were written`
  return ` (of records 0 to ${pruned - 1}, which were pruned, the hashes${archive})`
}

function lateWords({ signedLate }: Whole): string {
  if (signedLate.length === 0) return ''
  const stretches = signedLate.slice(0, STRETCHES_MAX).map(({ from, to }) => `${from} to ${to - 1}`)
  const more = signedLate.length - stretches.length
  return `; SIGNED LATE: records ${stretches.join(', ')}${more > 0 ? `, and ${more} stretches more` : ''} had no signature for longer than while the agent has its key, and nothing vouches for them before it signed them`
}

/** As many stretches are named on a line. */
const STRETCHES_MAX = 8

function counterWords(counter: number | undefined): string {
  return counter === undefined ? '' : `; the TPM's counter stands at ${counter}, as the log says`
}

/** What vouches for the records, in words: an intact log that no signature covers proves little. */
function coverOf({ records, signedUpTo, unsignedTail }: Whole, { hasKey, heldUpTo }: Trust): string {
  if (!hasKey && heldUpTo === undefined)
    return 'no signature was checked, as there is no public key: whoever can write the file could have made all of it anew. Give the key (--key), or a checkpoint that was kept elsewhere (--checkpoint)'
  if (!hasKey)
    return `the checkpoint that was kept elsewhere covers ${heldUpTo} records, and nothing the last ${records - (heldUpTo ?? 0)}; no signature was checked, as there is no public key`
  if (unsignedTail === 0) return 'every record is covered by a signed checkpoint'
  return `signed checkpoints cover ${signedUpTo} records; the last ${unsignedTail} are covered by none`
}
