import { existsSync, readFileSync } from 'node:fs'
import { parseCheckpoint, RECORDS_PER_CHECKPOINT } from '../audit/checkpoint.ts'
import { Evidence } from '../audit/evidence.ts'
import { AuditFailure } from '../audit/failure.ts'
import { cursorFile, type Position } from '../audit/forward/cursor.ts'
import { isSignedBy, type NoteVerifier, parseVkey } from '../audit/note.ts'
import { error, type Finding, notChecked, ok, warning } from './finding.ts'

/** Where everything about an audit log is. */
export interface LogFiles {
  readonly path: string
  readonly vkey: string
  readonly cursor: string
  /** Whether the configuration has it sent to another host. */
  readonly isForwarded: boolean
}

const PUT_BACK = 'copy audit.vkey back from where you keep it'
const SOMEBODY_CHANGED_IT = 'holdfast audit verify; docs/runbooks/incident.md'
/** More than that many records wait only when nobody has taken any for hours. */
const BACKLOG_MUCH = 10_000

/**
 * A quick look at the audit log: that it is one, that a key of this gateway has signed its newest checkpoint, and how far it was sent
 * to another host. Whether every record is what was written is for `holdfast audit verify`. Changes nothing; never rejects.
 */
export async function checkLog({ path, vkey, cursor, isForwarded }: LogFiles): Promise<Finding[]> {
  if (!existsSync(path))
    return [error(`there is no audit log ${path}`, 'holdfast init, or holdfast enroll, begins it')]
  try {
    using evidence = Evidence.open(path)
    const { database } = evidence
    const [last] = database.prepare('SELECT max(seq) AS seq FROM record').all() as { seq: number | null }[]
    const [pruned] = database.prepare('SELECT max(seq) AS seq FROM pruned').all() as { seq: number | null }[]
    const size = Math.max(last?.seq ?? -1, pruned?.seq ?? -1) + 1
    const [newest] = database
      .prepare('SELECT size, note FROM checkpoint WHERE note IS NOT NULL ORDER BY size DESC LIMIT 1')
      .all() as { size: number; note: string }[]
    return [
      ok(`${path}: ${size} records; holdfast audit verify reads them all`),
      ofCheckpoint(size, newest, vkey),
      ...(isForwarded ? [ofForwarding(size, (await sentUntil(cursor))?.next)] : []),
    ]
  } catch (failure) {
    const { code, message } = failure as NodeJS.ErrnoException
    if (code === 'EACCES') return [notChecked(`${path}: this user may not read it`, 'run this as root')]
    if (failure instanceof AuditFailure) return [error(failure.failure.detail, failure.failure.remedy)]
    return [
      error(
        `${path} cannot be read: ${message}`,
        'holdfast audit verify says more; docs/runbooks/incident.md',
      ),
    ]
  }
}

function ofCheckpoint(
  size: number,
  newest: { readonly size: number; readonly note: string } | undefined,
  vkey: string,
): Finding {
  const keys = readKeys(vkey)
  if (keys === undefined) return error('the public key of its checkpoints is not there', PUT_BACK)
  if (newest === undefined)
    return warning(
      'no checkpoint of it is signed yet',
      'start the agent: it signs once it has the master key',
    )
  const checkpoint = parseCheckpoint(newest.note)
  if (checkpoint?.size !== newest.size)
    return error('its newest checkpoint is not what an agent writes', SOMEBODY_CHANGED_IT)
  const verifiers = keys.split('\n').flatMap(line => parseVkey(line) ?? [])
  if (verifiers.length === 0) return error(`there is no public key in ${vkey}`, PUT_BACK)
  const { note } = checkpoint
  const signer = ({ name, id }: Pick<NoteVerifier, 'name' | 'id'>) =>
    `${name}+${Buffer.from(id).toString('hex')}`
  const signers = note.signatures.map(signer)
  if (!verifiers.some(key => signers.includes(signer(key))))
    return error(
      `${vkey} is not the public key of this log: it has ${verifiers.map(signer).join(', ')}, and the newest checkpoint is signed by ${signers.join(', ')}`,
      `${PUT_BACK}; where your copy has no other key, somebody put another log here: docs/runbooks/incident.md`,
    )
  if (!verifiers.some(key => isSignedBy(note, key)))
    return error('its newest checkpoint is not what its key signed', SOMEBODY_CHANGED_IT)
  const open = size - checkpoint.size
  return open <= RECORDS_PER_CHECKPOINT
    ? ok(`its newest checkpoint is signed and covers ${checkpoint.size} of ${size} records`)
    : warning(
        `no signed checkpoint covers its last ${open} records: the agent runs without its key`,
        'holdfast status says what is wrong with the master key',
      )
}

/** How far it was sent; undefined where nobody knows. */
async function sentUntil(cursor: string): Promise<Position | undefined> {
  return await cursorFile(cursor)
    .load()
    .catch(() => undefined)
}

function ofForwarding(size: number, next: number | undefined): Finding {
  const backlog = size - (next ?? 0)
  if (backlog < BACKLOG_MUCH) return ok(`${backlog} records wait to be sent to the other host`)
  return warning(
    `${backlog} records wait to be sent to the other host`,
    'is its receiver running? The alarm audit-not-forwarded says what it answered: journalctl -u holdfast',
  )
}

function readKeys(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}
