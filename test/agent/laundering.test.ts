import assert from 'node:assert/strict'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { execa } from 'execa'
import { counterIndex } from '../../agent/credential/tpm/nv-counter.ts'
import { dictionaryFaults } from '../../model/audit-kinds.ts'
import type { Credential } from '../../model/credential.ts'
import { appendByHand, cutTo, newestNote, rewriteFrom, takeOut } from './audit/forgery.ts'
import { Gateway, type RunningAgent } from './gateway.ts'

const verify = (gateway: Gateway, ...more: string[]) =>
  gateway.holdfast('audit', 'verify', gateway.auditLog, '--records-only', ...more)
const counts = (gateway: Gateway) => gateway.records().filter(({ kind }) => kind === 'log-counted')
const auditAlarms = (agent: RunningAgent) =>
  agent.log.flatMap(({ alarm }) => (String(alarm ?? '').startsWith('audit') ? [String(alarm)] : []))

/** Runs an agent until it has counted once more, and ends it. */
async function runOnce(
  gateway: Gateway,
  work?: (agent: RunningAgent) => Promise<void>,
): Promise<RunningAgent> {
  const before = new Set(gateway.records().map(({ boot }) => boot))
  const agent = await gateway.startAgent()
  await work?.(agent)
  while (!gateway.records().some(({ kind, boot }) => kind === 'log-counted' && !before.has(boot)))
    await fetch(`${agent.address}/healthz`)
  assert.equal(await agent.kill('SIGTERM'), 0)
  return agent
}

/** The case is what happens to a log, not what a valve does meanwhile: it moves at once. */
const AT_ONCE = { plant: [[['elements', 'inlet-valve', 'stroke_time'], '10ms']] } as const

/** A gateway whose log says what mallory did, more than a checkpoint is ever behind; as it was is kept, to be put back for each case. */
class BusyGateway implements AsyncDisposable {
  readonly gateway: Gateway
  /** The checkpoint that was kept beside the log before mallory came. */
  readonly keptBefore: string
  readonly #copy: string

  private constructor(gateway: Gateway, keptBefore: string) {
    this.gateway = gateway
    this.keptBefore = keptBefore
    this.#copy = join(gateway.folder, 'copy')
  }

  static async start(): Promise<BusyGateway> {
    const gateway = await Gateway.start(AT_ONCE)
    const busy = new BusyGateway(gateway, await readFile(`${gateway.auditLog}${KEPT}`, 'utf8'))
    await runOnce(gateway, async agent => {
      const { credential } = await gateway.issue('mallory', 'operator')
      const client = gateway.client(agent.address, credential)
      for (let turn = 0; turn < 40; turn += 1)
        await client.command('inlet-valve', turn % 2 === 0 ? 'open' : 'closed')
    })
    assert.ok(gateway.records().filter(({ subject }) => subject === 'mallory').length > 64)
    await gateway.tpm.stop()
    for (const part of PARTS)
      await cp(join(gateway.folder, part), join(busy.#copy, part), { recursive: true })
    await gateway.tpm.restart()
    return busy
  }

  /** The gateway as it was, its TPM with its counter too. */
  async asItWas(): Promise<Gateway> {
    const { folder, tpm } = this.gateway
    await tpm.stop()
    for (const part of PARTS) {
      await rm(join(folder, part), { recursive: true })
      await cp(join(this.#copy, part), join(folder, part), { recursive: true })
    }
    await tpm.restart()
    return this.gateway
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]()
  }
}

/** All that a gateway keeps. */
const PARTS = ['state', 'tpm'] as const
const KEPT = '-checkpoint'

let busy: BusyGateway
before(async () => {
  busy = await BusyGateway.start()
})
after(async () => await busy[Symbol.asyncDispose]())

test('a log that was changed with every hash, and its signatures taken out, is not signed over: the next start moves it aside', async () => {
  const gateway = await busy.asItWas()
  rewriteFrom(gateway.auditLog, text => text.replaceAll('mallory', 'alice'))
  const agent = await runOnce(gateway)
  assert.deepEqual(auditAlarms(agent), ['audit-log-corrupt'])
  const [created] = gateway.records()
  assert.match(String(created?.detail), /changed or cut/)
  for (const each of gateway.records()) assert.deepEqual(dictionaryFaults(each), [])
})

for (const [what, change] of [
  ['deleted', (path: string) => rm(path)],
  ['emptied', (path: string) => writeFile(path, '')],
] as const)
  test(`the same with the kept checkpoint ${what} is signed with a record that says so, and never verifies until somebody answers for it`, async () => {
    const gateway = await busy.asItWas()
    const first = rewriteFrom(gateway.auditLog, text => text.replaceAll('mallory', 'alice'))
    await change(`${gateway.auditLog}${KEPT}`)
    const agent = await runOnce(gateway)
    assert.ok(auditAlarms(agent).includes('audit-log-unproven'), auditAlarms(agent).join())
    const { exitCode, stdout } = await verify(gateway)
    assert.equal(exitCode, 4)
    const place = Number(/^(?:UNSIGNED from|TAMPERED at) record (\d+): /.exec(stdout)?.[1])
    assert.ok(place <= first, stdout)
  })

test('the same with an older checkpoint put in its place is found against the counter of the TPM, and by audit verify', async () => {
  const gateway = await busy.asItWas()
  // A count behind what mallory did: his own run may have counted before it.
  await runOnce(gateway)
  rewriteFrom(gateway.auditLog, text => text.replaceAll('mallory', 'alice'))
  await writeFile(`${gateway.auditLog}${KEPT}`, busy.keptBefore)
  const agent = await runOnce(gateway)
  assert.deepEqual(auditAlarms(agent).toSorted(), ['audit-log-rolled-back', 'audit-log-unproven'])
  assert.equal((await verify(gateway)).exitCode, 4)
  const meant = await gateway.holdfast(
    ...['audit', 'restored', '--config', gateway.config, '--reason', 'looked into, report 7'],
  )
  assert.equal(meant.exitCode, 0, meant.stderr)
  const answered = await verify(gateway, '--tpm', gateway.tpm.tcti)
  assert.equal(answered.exitCode, 0, answered.stdout)
  assert.match(answered.stdout, /SIGNED LATE: records \d+ to \d+ /, 'which stays')
})

test("a log that was cut is no better for a forged count of the TPM's own value, nor for being cut where the counter was begun", async () => {
  const gateway = await busy.asItWas()
  const [begun, first, last] = [counts(gateway)[0], counts(gateway)[1], counts(gateway).at(-1)]
  const { counter_index } = last ?? {}
  for (const [what, cut] of [
    [
      'a forged count',
      () => {
        cutTo(gateway.auditLog, Number(first?.seq) + 1)
        appendByHand(gateway.auditLog, { kind: 'log-counted', counter: last?.counter, counter_index })
      },
    ],
    ['where it was begun', () => cutTo(gateway.auditLog, Number(begun?.seq) + 1)],
  ] as const) {
    await busy.asItWas()
    cut()
    const found = await verify(gateway, '--tpm', gateway.tpm.tcti)
    assert.match(found.stdout, /^ROLLED BACK: /, what)
    // With the checkpoint that was kept of that time, which an intruder finds in the log.
    await writeFile(
      `${gateway.auditLog}${KEPT}`,
      JSON.stringify({ version: 1, state: newestNote(gateway.auditLog) }),
    )
    const agent = await runOnce(gateway)
    assert.deepEqual(auditAlarms(agent), ['audit-log-rolled-back'], what)
    assert.match(
      (await verify(gateway, '--tpm', gateway.tpm.tcti)).stdout,
      /^ROLLED BACK before record /,
      what,
    )
  }
})

test('records that were taken out with a forged word of their pruning are missed, before and after a start', async () => {
  const gateway = await busy.asItWas()
  const size = gateway.records().length
  takeOut(gateway.auditLog, size - 2)
  appendByHand(gateway.auditLog, {
    ...{ kind: 'log-pruned', by: 'user 0', pruned_to: size - 2, pruned_before: '2020-01-01T00:00:00.000Z' },
    ...{ root: '', archive: '/x', archive_sha256: '' },
  })
  const before = await verify(gateway)
  assert.match(before.stdout, /^TAMPERED at record 0: .* no signed record says that they were pruned/)
  const agent = await runOnce(gateway)
  assert.ok(auditAlarms(agent).includes('audit-log-unproven'))
  assert.equal((await verify(gateway)).exitCode, 4)
})

test('a counter that somebody else moved while the agent was stopped looks like a roll-back, and the alarm says what else it may be', async () => {
  await using gateway = await Gateway.start()
  const { environment, gateway: name } = gateway.records()[0] ?? {}
  const index = counterIndex(`${environment}/${name}`)
  await execa('tpm2_nvincrement', ['-C', index, index], { env: { TPM2TOOLS_TCTI: gateway.tpm.tcti } })
  const agent = await gateway.startAgent()
  const alarm = await agent.line(({ alarm }) => alarm === 'audit-log-rolled-back')
  assert.match(String(alarm.msg), /or something else than this gateway's agent moved the counter/)
})

test('neither an upright end nor a hard one, nor a rotation of the key, raises an alarm about the log', async () => {
  await using gateway = await Gateway.start(AT_ONCE)
  let credential: Credential | undefined
  // Each after each: the first start is after the upright end of the enrolment.
  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGKILL', 'SIGTERM'] as const) {
    const agent = await gateway.startAgent()
    credential ??= (await gateway.issue('alice', 'operator')).credential
    const client = gateway.client(agent.address, credential)
    await Promise.all([1, 2, 3].map(() => client.command('inlet-valve', 'open')))
    if (signal === 'SIGTERM') await gateway.holdfast('key', 'rotate', '--agent', gateway.adminSocket)
    await agent.kill(signal)
    assert.deepEqual(auditAlarms(agent), [])
  }
  const verdict = await verify(gateway, '--tpm', gateway.tpm.tcti)
  assert.equal(verdict.exitCode, 0, verdict.stdout)
})
