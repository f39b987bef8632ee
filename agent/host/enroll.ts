import { EXIT } from '../../model/exit.ts'
import { jsonLine, plainLines } from '../../model/plain.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblems } from '../config/problem.ts'
import { parseScheme } from '../credential/escrow/scheme.ts'
import { KeyFiles } from '../credential/tpm/key-files.ts'
import type { KeySurroundings } from '../master-keys.ts'
import { vkeyPath } from '../paths.ts'
import { lockState } from '../state-lock.ts'
import { actAsOwner } from '../state-owner.ts'
import { beginLog, enrolGateway } from './enrolment.ts'

export interface EnrollOptions {
  readonly config: string
  readonly mode?: 'auto' | 'resident' | 'sealed'
  /** `3-of-5`: print so many shares of the key, of which so many give it back. */
  readonly escrow?: string
  /** Seal an emergency key too, and print the line for its sheet. */
  readonly breakGlass?: boolean
  readonly json?: boolean
}

/**
 * `holdfast enroll`: makes the master key and begins the audit log. Done once for a gateway. Where the key comes from
 * elsewhere (a file, systemd, Vault) it only begins the log. Resolves with the exit code: 0 done, 2 the configuration or
 * the machine is not as it must be.
 */
export async function enroll(options: EnrollOptions, surroundings: KeySurroundings): Promise<number> {
  const loaded = await loadConfig(options.config)
  if (loaded.kind === 'problems') return fail(formatProblems(loaded.problems))
  const { config } = loaded
  const scheme = options.escrow === undefined ? undefined : parseScheme(options.escrow)
  if (scheme?.kind === 'refused') return fail(`--escrow ${options.escrow}: ${scheme.detail}`)
  if (scheme && config.masterKey.source !== 'tpm') {
    return fail('--escrow is for a key that is made here, in a TPM; a key from elsewhere is kept safe there')
  }
  const around = { ...surroundings, user: actAsOwner(config.stateDir, process) }
  const lock = await lockState(config.stateDir)
  if (lock instanceof Error) return fail(lock.message)
  await using _lock = lock
  if ((await new KeyFiles(config.stateDir).newest()) !== undefined) {
    return fail(
      `${config.environment}/${config.gateway} is enrolled already: there is a master key in ${config.stateDir}\nNothing was changed. After a change of the TPM or its PCRs: holdfast recover. For a new key: holdfast key rotate.`,
    )
  }

  const begun = await beginLog(config)
  if (begun.kind !== 'begun') return fail(begun.detail)
  await using _log = begun.log
  const { environment, gateway } = config
  const wish = { mode: options.mode ?? 'auto', scheme, breakGlass: options.breakGlass ?? false } as const
  const enrolled = await enrolGateway(config, begun, around, wish)
  if (enrolled.kind === 'not-enrolled') return fail(enrolled.detail)
  const { description, generation, notes, mode, pcrs, shares, keyId, sheet, vkey } = enrolled
  if (options.json) {
    const about = { enrolled: true, mode, pcrs, generation, notes, checkpoint_key: vkey }
    process.stdout.write(
      jsonLine({
        ...about,
        ...(shares.length > 0 ? { key: keyId, shares } : {}),
        ...(sheet ? { sheet } : {}),
      }),
    )
    return EXIT.done
  }
  process.stdout.write(
    plainLines(
      [
        `Enrolled ${environment}/${gateway}: ${description}, generation ${generation}.`,
        ...notes.map(note => `Note: ${note.replace(/\.?$/, '.')}`),
        `The audit log's public key is in ${vkeyPath(config)}; keep a copy of it away from this machine.`,
        ...escrowLines(keyId, shares, scheme?.threshold),
        ...(sheet
          ? ['The emergency sheet, for an envelope of its own. It is shown now, and never again.', sheet]
          : []),
        '',
      ].join('\n'),
    ),
  )
  return EXIT.done
}

/** What is said about shares, the one time that they are shown. */
export function escrowLines(
  keyId: string,
  shares: readonly string[],
  threshold: number | undefined,
): string[] {
  if (shares.length === 0) return []
  return [
    `Escrow of the key ${keyId}: ${shares.length} shares, any ${threshold} give it back. They are shown now, and never again.`,
    ...shares,
  ]
}

function fail(message: string): number {
  process.stderr.write(plainLines(`${message}\n`))
  return EXIT.usage
}
