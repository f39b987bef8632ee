import type { MasterKeyUnavailable } from '../master-key.ts'
import { UNUSABLE } from './key-record.ts'
import type { Properties } from './properties.ts'
import type { BoundPcr, GenerationStatus } from './status.ts'

/** Something that was found, in words for a person on shift. */
export type Finding =
  | { readonly level: 'good'; readonly text: string }
  /** `notice` can wait for the day shift, `trouble` cannot. */
  | { readonly level: 'notice' | 'trouble'; readonly text: string; readonly remedy: string }

/** Says what was found. `unreadable` is why the key files could not be read, if so. */
export function findingsOf(
  tpm: Properties | MasterKeyUnavailable,
  generations: readonly GenerationStatus[],
  unreadable: string | undefined,
): Finding[] {
  const findings = tpm.kind === 'properties' ? ofTpm(tpm) : [trouble(`TPM: ${tpm.detail}`, tpm.remedy)]
  if (unreadable !== undefined)
    return [...findings, trouble(`the key files cannot be read: ${unreadable}`, 'Run this as root.')]
  if (generations.length === 0)
    return [...findings, notice('no master key is enrolled', 'Run holdfast enroll.')]
  const rooted = tpm.kind === 'properties' ? ofRoot(tpm) : []
  return [...findings, ...rooted, ...generations.flatMap(ofGeneration)]
}

function ofTpm({ manufacturer, vendor, firmware, lockOut, free }: Properties): Finding[] {
  const findings: Finding[] = [good(`TPM: ${manufacturer} ${vendor}, firmware ${firmware}`)]
  const count = `${lockOut.counter} of ${lockOut.max} wrong passwords`
  if (lockOut.active)
    findings.push(
      notice(
        `the TPM is in dictionary-attack lock-out (${count}); holdfast's key is outside of it`,
        `Find the program that gives wrong passwords. The count goes down by one every ${lockOut.intervalSeconds} s.`,
      ),
    )
  else findings.push(good(`no lock-out: ${count} counted`))
  if (free.objects === 0)
    findings.push(
      notice(
        'the TPM has no room for another object: some program leaves its own there',
        'Use /dev/tpmrm0, which shares the TPM between programs.',
      ),
    )
  return findings
}

function ofRoot({ storageRoot, free }: Properties): Finding[] {
  switch (storageRoot) {
    case 'persistent':
      return [good('the storage root key is kept in the TPM')]
    case 'absent':
      return [
        notice(
          `the storage root key is not kept in the TPM (room for ${free.persistent} more): it is made again each time, which is slower`,
          'Nothing has to be done; holdfast recover keeps it where there is room.',
        ),
      ]
    case 'other':
      return [
        trouble(
          'at 0x81000001 the TPM keeps something that is no storage root key',
          'Find out who put it there; move it, then run holdfast recover.',
        ),
      ]
  }
}

function ofGeneration(status: GenerationStatus): Finding[] {
  if (status.kind !== 'enrolled') {
    const { is, remedy } = UNUSABLE[status.kind]
    return [trouble(`generation ${status.generation}: ${status.path} ${is}`, remedy)]
  }
  const { generation, mode, keyId, pcrs, now, afterRestart } = status
  const which = `generation ${generation} (${mode}, ${pcrs.map(({ pcr }) => pcr).join(', ')}, key ${keyId})`
  const empty = pcrs.filter(({ bound }) => /^0+$/.test(bound)).map(({ pcr }) => pcr)
  const unmeasured =
    empty.length === 0
      ? []
      : [
          notice(
            `generation ${generation} is bound to ${empty.join(', ')}, into which nothing was measured: that notices no change`,
            'Switch Secure Boot or measured boot on, then run holdfast recover to bind the key to it.',
          ),
        ]
  if (now.kind === 'unavailable') return [unusable(which, status.pcrs, now, afterRestart), ...unmeasured]
  const works = good(`${which} works: an HMAC took ${Math.round(now.took)} ms`)
  const restart = afterRestartOf(generation, pcrs, afterRestart)
  return [works, restart, ...unmeasured]
}

function unusable(
  which: string,
  pcrs: readonly BoundPcr[],
  now: MasterKeyUnavailable,
  afterRestart: 'works' | 'fails' | 'unknown',
): Finding {
  if (now.reason !== 'policy') return trouble(`${which} cannot be used: ${now.detail}`, now.remedy)
  const changed = pcrs
    .filter(pcr => pcr.now !== pcr.bound)
    .map(({ pcr, bound, now = '?' }) => `${pcr} was ${bound.slice(0, 16)}… and is ${now.slice(0, 16)}…`)
  return trouble(
    `${which} cannot be used: ${changed.join('; ') || now.detail}`,
    afterRestart === 'works'
      ? 'It was changed after the start of the host: restart it, and find out what changed it.'
      : now.remedy,
  )
}

function afterRestartOf(
  generation: number,
  pcrs: readonly BoundPcr[],
  afterRestart: 'works' | 'fails' | 'unknown',
): Finding {
  const names = pcrs.map(({ pcr }) => pcr).join(', ')
  switch (afterRestart) {
    case 'works':
      return good(
        `generation ${generation} works after a restart too, if firmware and boot loader stay as they are`,
      )
    case 'fails':
      return trouble(
        `generation ${generation} will not work after a restart: what is in ${names} now is not what the host started with`,
        'Restart at a time that suits, then run holdfast recover.',
      )
    case 'unknown':
      return good(
        `generation ${generation} works after a restart if ${names} ${pcrs.length === 1 ? 'is' : 'are'} then as now; nothing on this host foretells that`,
      )
  }
}

function good(text: string): Finding {
  return { level: 'good', text }
}

function notice(text: string, remedy: string): Finding {
  return { level: 'notice', text, remedy }
}

function trouble(text: string, remedy: string): Finding {
  return { level: 'trouble', text, remedy }
}
