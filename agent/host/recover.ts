import { EXIT } from '../../model/exit.ts'
import { jsonLine, plainLines } from '../../model/plain.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblems } from '../config/problem.ts'
import { counterStatus } from '../counter-finding.ts'
import { joinShares } from '../credential/escrow/escrow.ts'
import { compareKey, recoverTpm } from '../credential/tpm/recovery.ts'
import { tpmStatus } from '../credential/tpm/status.ts'
import { formatFindings } from '../credential/tpm/status-text.ts'
import { actAsOwner } from '../state-owner.ts'
import { systemClock } from '../time/system-clock.ts'

/**
 * `holdfast recover`: puts the master key back into the TPM, from shares that `input` has one a line. With `check` it only
 * says whether the shares give the key that is enrolled. Exit code 0 or 2.
 */
export async function recover(
  options: { config: string; check?: boolean; json?: boolean },
  input: AsyncIterable<Buffer | string>,
): Promise<number> {
  const loaded = await loadConfig(options.config)
  if (loaded.kind === 'problems') return fail(formatProblems(loaded.problems))
  const { environment, gateway, masterKey, stateDir } = loaded.config
  if (masterKey.source !== 'tpm')
    return fail(`the master key comes from ${masterKey.source}: it is recovered there`)
  let text = ''
  for await (const chunk of input) text += String(chunk)
  const joined = joinShares(
    text.split('\n').filter(line => line.trim() !== ''),
    { environment, gateway },
  )
  if (joined.kind === 'refused') return fail(joined.detail)
  const { key, keyId, generation } = joined
  try {
    if (options.check) {
      const compared = await compareKey({ stateDir, generation, key })
      if (compared.kind === 'refused') return fail(`${compared.detail}\n${compared.remedy}`)
      print(options, { key: keyId, generation, same: true }, [
        `The shares give the key ${keyId} of ${environment}/${gateway}, generation ${generation}: it is the enrolled one. Nothing was changed.`,
      ])
      return EXIT.done
    }
    actAsOwner(stateDir, process)
    const answer = await recoverTpm({
      tcti: masterKey.tcti,
      pcrs: masterKey.pcrs,
      stateDir,
      key,
      generation,
      clock: systemClock,
      signal: AbortSignal.timeout(masterKey.timeout * 6),
    })
    if (answer.kind !== 'recovered') return fail(`${answer.detail}\n${answer.remedy}`)
    print(
      options,
      { key: keyId, generation, mode: answer.mode, pcrs: answer.pcrs, replaced: answer.replaced ?? null },
      [
        `Recovered ${environment}/${gateway}: the key ${keyId} of generation ${generation} is in the TPM, ${answer.mode}, bound to ${answer.pcrs}.`,
        ...answer.notes.map(note => `Note: ${note}.`),
        ...(answer.replaced ? [`What was there before is kept in ${answer.replaced}.`] : []),
      ],
    )
    return EXIT.done
  } finally {
    key.fill(0)
  }
}

/** `holdfast tpm status`: what is bound to what, the audit log too, and whether it still works. Exit code 0, or 2 when something is wrong. */
export async function showTpm(options: { config: string; json?: boolean }): Promise<number> {
  const loaded = await loadConfig(options.config)
  if (loaded.kind === 'problems') return fail(formatProblems(loaded.problems))
  const { masterKey, stateDir } = loaded.config
  if (masterKey.source !== 'tpm') return fail(`the master key comes from ${masterKey.source}, not from a TPM`)
  const status = await tpmStatus({
    tcti: masterKey.tcti,
    stateDir,
    clock: systemClock,
    signal: AbortSignal.timeout(masterKey.timeout * 3),
  })
  const counter = await counterStatus(loaded.config)
  const findings = [...status.findings, ...(counter ? [counter.finding] : [])]
  const json = { ...status, counter: counter ? { index: counter.index, ...counter.reading } : null, findings }
  print(options, json, [formatFindings(findings).trimEnd()])
  return findings.some(({ level }) => level === 'trouble') ? EXIT.usage : EXIT.done
}

function print(options: { json?: boolean }, json: object, words: readonly string[]): void {
  process.stdout.write(options.json ? jsonLine(json) : plainLines(`${words.join('\n')}\n`))
}

function fail(message: string): number {
  process.stderr.write(plainLines(`${message}\n`))
  return EXIT.usage
}
