import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { execa } from 'execa'
import { type Entry, Journald } from './audit/journal/journald.ts'
import { Gateway } from './gateway.ts'
import { NAMESPACE, noSmallDisk } from './small-disk.ts'

const isKind =
  (kind: string) =>
  (entry: Entry): boolean =>
    entry.HOLDFAST_KIND === kind
const seqs = (entries: readonly Entry[]): number[] => entries.map(({ HOLDFAST_SEQ }) => Number(HOLDFAST_SEQ))

async function withJournal(socketIn: (gateway: Gateway) => string): Promise<Gateway> {
  const gateway = await Gateway.start({ settings: [[['audit', 'journal'], '/to-be-set']] })
  await execa('sed', ['-i', `s,/to-be-set,${socketIn(gateway)},`, gateway.config])
  return gateway
}

test('each new record is in the journal once and in order, over an outage of the journal and a restart of the agent, and no command waits for it', async () => {
  const socketIn = ({ folder }: Gateway) => join(folder, 'journal')
  await using gateway = await withJournal(socketIn)
  const first = await Journald.listen(socketIn(gateway))
  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  const client = gateway.client(agent.address, credential)
  assert.equal((await client.command('inlet-valve', 'open')).kind, 'answered')
  const outcome = await first.find(isKind('command-outcome'))
  assert.deepEqual(
    [outcome.HOLDFAST_ACTUATOR, outcome.HOLDFAST_OUTCOME, outcome.HOLDFAST_SUBJECT],
    ['inlet-valve', 'verified', 'alice'],
  )
  // What a journal that is killed has not read yet is gone: it has read everything, the counter's record too.
  const isAllRead = () => {
    const kept = gateway.records().filter(({ kind }) => kind !== 'command-intent')
    const isCounted = kept.findLast(({ kind }) => kind === 'log-counted' || kind === 'agent-started')
    return isCounted?.kind === 'log-counted' && seqs(first.entries).at(-1) === kept.at(-1)?.seq
  }
  while (!isAllRead()) await turn()
  await first[Symbol.asyncDispose]()
  assert.equal((await client.command('inlet-valve', 'closed')).kind, 'answered')
  await agent.line(({ alarm }) => alarm === 'audit-not-journaled')
  assert.equal(await agent.kill('SIGTERM'), 0)

  await using second = await Journald.listen(socketIn(gateway))
  const again = await gateway.startAgent()
  await again.line(({ cleared }) => cleared === 'audit-not-journaled')
  // A line of the agent's own was the alarm: its record is an entry beside it, by another name, and rings no second time.
  const record = await second.find(
    entry => isKind('alarm')(entry) && entry.HOLDFAST_ALARM === 'audit-not-journaled',
  )
  assert.deepEqual([record.SYSLOG_IDENTIFIER, record.PRIORITY], ['holdfast-audit', '6'])
  const boot = gateway.records().at(-1)?.boot
  await second.find(entry => isKind('agent-started')(entry) && entry.HOLDFAST_BOOT === boot)
  const sent = seqs([...first.entries, ...second.entries])
  const [from = 0, to = 0] = [sent[0], sent.at(-1)]
  const wanted = gateway
    .records()
    .filter(({ kind, seq }) => kind !== 'command-intent' && Number(seq) >= from && Number(seq) <= to)
  assert.deepEqual(
    sent,
    wanted.map(({ seq }) => seq),
  )
})

test('journalctl finds the records of one actuator in the journal of a real systemd-journald', {
  skip: noSmallDisk(),
}, async () => {
  await using gateway = await withJournal(() => '/run/systemd/journal/socket')
  // A journald of its own, in a mount namespace of its own.
  const script =
    'mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal /run/log && mount -t tmpfs tmpfs /var/log && exec /usr/lib/systemd/systemd-journald'
  const journald = spawn('unshare', [...NAMESPACE, 'sh', '-c', script], { stdio: 'ignore' })
  try {
    const inside = [
      'nsenter',
      '--target',
      String(journald.pid),
      '--user',
      '--preserve-credentials',
      '--mount',
      '--',
    ]
    const within = process.getuid?.() === 0 ? inside.filter(word => !/user|preserve/.test(word)) : inside
    const [run = '', ...words] = within
    const journalctl = async (): Promise<Entry[]> => {
      const args = [
        'journalctl',
        '--directory=/run/log/journal',
        'HOLDFAST_ACTUATOR=inlet-valve',
        '-o',
        'json',
      ]
      const { stdout } = await execa(run, [...words, ...args], { reject: false })
      return stdout.split('\n').flatMap(line => (line.startsWith('{') ? [JSON.parse(line) as Entry] : []))
    }
    const agent = await gateway.startAgent({}, within)
    const { credential } = await gateway.issue('alice', 'operator')
    await gateway.client(agent.address, credential).command('inlet-valve', 'open', 'for a try')
    let found: Entry[] = []
    while (!found.some(isKind('command-outcome'))) found = await journalctl()
    const outcome = found.find(isKind('command-outcome'))
    assert.deepEqual(
      [outcome?.HOLDFAST_OUTCOME, outcome?.HOLDFAST_REASON, outcome?.PRIORITY, outcome?._TRANSPORT],
      ['verified', 'for a try', '6', 'journal'],
    )
    assert.equal(await agent.kill('SIGTERM'), 0)
  } finally {
    journald.kill('SIGKILL')
    await once(journald, 'close')
  }
})
