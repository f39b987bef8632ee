import { EXIT } from '../../model/exit.ts'
import { jsonLine, plain } from '../../model/plain.ts'
import { Evidence } from './evidence.ts'
import { lastSeq } from './search.ts'

export interface AuditBackupOptions {
  readonly path: string
  /** The file that is made; it must not be there yet. */
  readonly out: string
  readonly json?: boolean
}

/**
 * `holdfast audit backup`: copies the log as it is at one moment into one file, beside a running agent too. Returns the exit code: 0
 * done, 2 it could not be read or written; then there is no file.
 */
export async function auditBackup({ path, out, json }: AuditBackupOptions): Promise<number> {
  try {
    await copy(path, out)
    using made = Evidence.open(out)
    const records = lastSeq(made.database) + 1
    const words = `Copied ${records} records to ${out}. Verify it there: holdfast audit verify ${out} --key audit.vkey`
    process.stdout.write(json ? jsonLine({ backup: out, records }) : `${plain(words)}\n`)
    return EXIT.done
  } catch (error) {
    process.stderr.write(
      `${plain(`cannot back up: ${error instanceof Error ? error.message : String(error)}`)}\n`,
    )
    return EXIT.usage
  }
}

async function copy(path: string, out: string): Promise<void> {
  using evidence = Evidence.open(path)
  await evidence.copyTo(out)
}
