import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { dictionaryFaults } from '../../model/audit-kinds.ts'
import { Gateway, type LogLine } from './gateway.ts'

const WHO = ['subject', 'credential', 'channel', 'source']

/** Asserts that a record has members with these values; `undefined` asserts that there is such a member. */
function carries(record: LogLine | undefined, members: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined)
      assert.notEqual(record?.[name], undefined, `${name} of ${JSON.stringify(record)}`)
    else assert.deepEqual(record?.[name], value, `${name} of ${JSON.stringify(record)}`)
  }
}

test('every record is as the dictionary says, and each about a command says who did what', async () => {
  await using gateway = await Gateway.start({ unattributed: 'count' })
  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator')
  const alice = gateway.client(agent.address, credential)
  await alice.command('inlet-valve', 'open', 'morning filling')
  await gateway.client(gateway.operatorSocket, credential).command('inlet-valve', 'closed')
  await alice.command('inlet-valve', 'sideways')
  const forger = gateway.client(agent.address, {
    keyid: credential.keyid,
    secret: randomBytes(32).toString('base64url'),
  })
  for (let count = 0; count < 5; count += 1) await forger.command('inlet-valve', 'open')
  await agent.line(({ event, actuator }) => event === 'trip-safe' && actuator === 'coolant-pump')
  await alice.command('inlet-valve', 'open', 'try again')
  const erika = gateway.client(agent.address, (await gateway.issue('erika', 'engineer')).credential)
  await erika.acknowledge('coolant-pump')
  await erika.reset('coolant-pump', 'source found')
  await gateway.holdfast(
    'credential',
    'revoke',
    '--agent',
    gateway.adminSocket,
    '--subject',
    'alice',
    '--reason',
    'left',
  )
  await gateway.holdfast('key', 'rotate', '--agent', gateway.adminSocket)
  await alice.command('inlet-valve', 'closed')
  assert.equal(await agent.kill('SIGTERM'), 0)

  const records = gateway.records()
  for (const record of records) assert.deepEqual(dictionaryFaults(record), [], JSON.stringify(record))
  const kinds = new Set(records.map(({ kind }) => kind))
  for (const kind of [
    'log-created',
    'enrolled',
    'credential-issued',
    'trip',
    'reset',
    'revocation',
    'key-rotated',
  ])
    assert.ok(kinds.has(kind), kind)

  const who = {
    ...Object.fromEntries(WHO.map(name => [name, undefined])),
    subject: 'alice',
    source: '127.0.0.1',
  }
  const of = (kind: string) => records.filter(record => record.kind === kind)
  const [intent, overSocket] = of('command-intent')
  const [outcome] = of('command-outcome')
  const asked = { actuator: 'inlet-valve', asked: 'open', reason: 'morning filling' }
  carries(intent, { ...who, ...asked })
  carries(outcome, { ...who, ...asked, outcome: 'verified', found: 'open', latency_ms: undefined })
  carries(overSocket, { channel: 'operators', source: 'local', identity: undefined })
  const refused = of('refusal')
  carries(
    refused.find(({ code }) => code === 'setpoint-unknown'),
    { ...who, actuator: 'inlet-valve', latency_ms: undefined },
  )
  carries(
    refused.find(({ code }) => code === 'signature-invalid'),
    {
      ...{
        actuator: 'inlet-valve',
        outcome: 'refused',
        source: '127.0.0.1',
        channel: undefined,
        latency_ms: undefined,
      },
    },
  )
  carries(
    refused.find(({ code }) => code === 'tripped'),
    {
      ...{ ...who, ...asked, reason: 'try again', outcome: 'refused', latency_ms: undefined },
    },
  )
})

// The log makes a checkpoint by itself a minute after the start, and with each count of the TPM's counter: neither is waited for here.
test('a trip is under a signed checkpoint at once', { timeout: 45_000 }, async () => {
  await using gateway = await Gateway.start({ settings: [[['audit'], { tpm_counter: 'off' }]] })
  const agent = await gateway.startAgent()
  const { file } = await gateway.issue('erika', 'engineer')
  await agent.line(({ event }) => event === 'checkpoint')
  await gateway.holdfast('trip', 'coolant-pump', '--agent', agent.address, '--credential', file)
  const isTrip = ({ kind, actuator }: Record<string, unknown>) =>
    kind === 'trip' && actuator === 'coolant-pump'
  // A checkpoint is told once all that it covers is on the disk.
  const covers = (size: unknown) =>
    gateway.records().some(record => isTrip(record) && Number(record.seq) < Number(size))
  const line = await agent.line(({ event, size }) => event === 'checkpoint' && covers(size))
  assert.match(String(line.note), /^demo\/waterworks-1\n\d+\n[^\n]+\n\n— demo\/waterworks-1 /)
})
