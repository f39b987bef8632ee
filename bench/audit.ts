import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { type AuditLog, openAuditLog } from '../agent/audit/log.ts'
import { signerFrom } from '../agent/audit/note.ts'
import { systemClock } from '../agent/time/system-clock.ts'
import type { AuditEntry } from '../model/audit.ts'
import { Block } from './block.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { Folder } from './folder.ts'
import { interleave, rateOf, timeEach } from './sample.ts'

const SINGLES = 100
const TURNS = 20

const AGAINST =
  'writing over one 4 KiB block of a file on the same disk and fdatasync, from this thread, without a database'

/** Records that are on the disk, a second: one after the other, and many waiting at once, which share their commits. */
export async function measureAudit({ signal, progress }: Run): Promise<Figure[]> {
  progress('writing an audit log')
  await using folder = await Folder.make()
  await using log = await openLog(join(folder.path, 'audit.db'))
  await using block = await Block.make()
  const append = () => mustAppend(log)
  const sides = {
    single: async () => [await rateOf(1, SINGLES, append)],
    eight: async () => [await rateOf(8, 50, append)],
    some: async () => [await rateOf(32, 25, append)],
    many: async () => [await rateOf(128, 10, append)],
    bare: async () => [await rateOf(1, SINGLES, () => block.keep())],
    intent: () => timeEach(SINGLES, append),
    sync: () => timeEach(SINGLES, () => block.keep()),
  }
  await interleave(2, sides, signal)
  const { single, eight, some, many, bare, intent, sync } = await interleave(TURNS, sides, signal)
  const records = (name: string, ours: number) =>
    figure({ name, unit: '1/s', ours, limit: bare.median, better: 'more', against: AGAINST })
  return [
    records('durable audit records, one after the other', single.median),
    records('durable audit records, 8 in flight', eight.median),
    records('durable audit records, 32 in flight', some.median),
    records('durable audit records, 128 in flight', many.median),
    figure({
      name: 'latency that one durable intent adds to a command',
      unit: 'ms',
      ours: intent.median,
      limit: sync.median,
      better: 'less',
      against: AGAINST,
      p50: intent.median,
      p99: intent.percentile(99),
    }),
  ]
}

async function openLog(path: string): Promise<AuditLog> {
  const opened = await openAuditLog({
    path,
    boot: randomUUID(),
    clock: systemClock,
    mode: 'create',
    onTrouble: () => {},
  })
  if (opened.kind !== 'opened') throw new Error(`${opened.detail} ${opened.remedy}`)
  opened.log.checkpointWith(signerFrom('bench/bench-1', randomBytes(32)))
  return opened.log
}

async function mustAppend(log: AuditLog): Promise<void> {
  const answer = await log.append(intentEntry())
  if (answer.kind !== 'durable') throw new Error(`a record was not taken: ${answer.detail}`)
}

/** What the agent records of a command before it moves anything. */
function intentEntry(): AuditEntry {
  return {
    kind: 'command-intent',
    command: randomUUID(),
    actuator: 'inlet-valve',
    asked: 'open',
    towards_safe: false,
    subject: 'olive',
    credential: 'AAAAAAAAAAAAAAAA',
    nonce: randomBytes(16).toString('base64url'),
    created: Math.floor(systemClock.wall() / 1000),
    channel: 'plant-lan',
    source: '10.1.2.3',
  }
}
