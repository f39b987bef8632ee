import assert from 'node:assert/strict'
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { readSheet } from '../../agent/credential/break-glass/sheet.ts'
import type { Credential } from '../../model/credential.ts'
import { Gateway, HOLDFAST } from './gateway.ts'

interface Status {
  break_glass: { state: string }
  master_key: { available: boolean }
}

const ROOT_ALONE = { skip: process.getuid?.() === 0 ? false : 'only root opens an emergency key' }

test(
  'with the TPM gone, the sheet and a restart by root give one credential that works, loudly, once',
  ROOT_ALONE,
  async () => {
    await using gateway = await Gateway.start({ enrolled: false })
    const { stdout } = await gateway.holdfast('enroll', '--config', gateway.config, '--break-glass', '--json')
    const { sheet } = JSON.parse(stdout) as { sheet: string }
    assert.match(sheet, /^hf-glass-1 demo\/waterworks-1 /)
    const before = await gateway.startAgent()
    const open = (line: string, out: string) =>
      execa(HOLDFAST, ['break-glass', 'open', '--config', gateway.config, '--out', out], {
        reject: false,
        cwd: gateway.folder,
        input: `${line}\n`,
      })
    const statusOf = async (): Promise<Status> =>
      JSON.parse(
        (await gateway.holdfast('status', '--agent', gateway.operatorSocket, '--json')).stdout,
      ) as Status
    assert.equal((await statusOf()).break_glass.state, 'sealed')
    await gateway.tpm[Symbol.asyncDispose]()

    const wrong = await open(sheet.replace(/.$/, sheet.endsWith('0') ? '1' : '0'), 'emergency.credential')
    assert.equal(wrong.exitCode, 2)
    assert.match(wrong.stderr, /the sheet: group 8 .*\nNothing was changed/)
    const opened = await open(sheet, 'emergency.credential')
    assert.equal(opened.exitCode, 0, opened.stderr)
    assert.match(opened.stdout, /^The glass is broken: .*systemctl restart holdfast/s)
    const file = join(gateway.folder, 'emergency.credential')
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    const credential = JSON.parse(await readFile(file, 'utf8')) as Credential
    assert.match(credential.keyid, /^hf1:demo\/waterworks-1\/0\/0\/[^;]+;sub=break-glass;role=break-glass;/)
    const early = await gateway.client(before.address, credential).command('inlet-valve', 'open')
    assert.equal(early.kind === 'problem' && early.problem.code, 'key-expired', 'not before a restart')
    const twice = await open(sheet, 'another.credential')
    assert.match(twice.stderr, /^it is opened already, .*systemctl restart holdfast.*\nNothing was changed/)
    await before.kill('SIGTERM')

    const agent = await gateway.startAgent()
    await agent.line(({ alarm }) => alarm === 'break-glass')
    const words = await gateway.holdfast('status', '--agent', gateway.operatorSocket)
    assert.match(words.stdout, /NO NEW SIGNATURES CAN BE CHECKED, BREAK-GLASS IN USE UNTIL 2/)
    const client = gateway.client(agent.address, credential)
    const moved = await client.command('inlet-valve', 'open', 'the TPM is gone and the tank runs dry')
    assert.equal(moved.kind, 'answered', JSON.stringify(moved))
    const issue = await client.issue({ subject: 'eve', role: 'admin', lifetime: '1h' })
    assert.equal(issue.kind === 'problem' && issue.problem.code, 'role-denied', 'it issues nothing')

    const closed = await gateway.holdfast('break-glass', 'close', '--agent', gateway.adminSocket)
    assert.equal(closed.exitCode, 0, closed.stderr)
    const late = await client.command('inlet-valve', 'open')
    assert.equal(late.kind === 'problem' && late.problem.code, 'key-expired')
    await agent.kill('SIGTERM')
    const again = await gateway.startAgent()
    const never = await gateway.client(again.address, credential).command('inlet-valve', 'open')
    assert.equal(never.kind === 'problem' && never.problem.code, 'key-expired')
    assert.match((await open(sheet, 'second.credential')).stderr, /nothing is sealed in .*: it was used/)

    const sealed = await gateway.holdfast('break-glass', 'seal', '--agent', gateway.adminSocket, '--json')
    assert.equal(sealed.exitCode, 0, sealed.stderr)
    assert.notEqual((JSON.parse(sealed.stdout) as { sheet: string }).sheet, sheet)
    assert.equal((await statusOf()).break_glass.state, 'sealed')
    const end = gateway.records().find(({ kind }) => kind === 'break-glass-closed')
    assert.deepEqual([end?.channel, end?.source, end?.outcome], ['admin', 'local', 'accepted'])
    assert.deepEqual([typeof end?.by, typeof end?.latency_ms], ['string', 'number'])
    const kinds = gateway.records().map(({ kind, subject }) => (subject ? `${kind} ${subject}` : kind))
    for (const kind of [
      'break-glass-opened',
      'command-intent break-glass',
      'break-glass-closed',
      'break-glass-sealed',
    ])
      assert.ok(kinds.includes(kind), kind)
    const everything = JSON.stringify(gateway.records()) + JSON.stringify([...before.log, ...agent.log])
    for (const secret of [sheet, sheet.split(' ')[2] ?? sheet, credential.secret])
      assert.ok(!everything.includes(secret), 'no secret in a log')
  },
)

test(
  'a sheet is not used up where it would do no good: no file for its credential, or a time that the agent will not believe, or a start that fails',
  ROOT_ALONE,
  async () => {
    await using gateway = await Gateway.start({ enrolled: false })
    const { stdout } = await gateway.holdfast('enroll', '--config', gateway.config, '--break-glass', '--json')
    const { sheet } = JSON.parse(stdout) as { sheet: string }
    const open = (out: string) =>
      execa(HOLDFAST, ['break-glass', 'open', '--config', gateway.config, '--out', out], {
        reject: false,
        cwd: gateway.folder,
        input: `${sheet}\n`,
      })
    const nowhere = await open('nowhere/emergency.credential')
    assert.equal(nowhere.exitCode, 2)
    assert.match(nowhere.stderr, /cannot be made: ENOENT.*\nNothing was changed\. The sheet is still good\.$/)
    const floor = join(gateway.folder, 'state', 'clock.json')
    await writeFile(floor, JSON.stringify({ floor: Date.now() + 3_600_000 }))
    const early = await open('emergency.credential')
    assert.equal(early.exitCode, 2)
    assert.match(early.stderr, /the system clock says .* it has been .* already\. .*\nNothing was changed\./)
    await rm(floor)
    const opened = await open('emergency.credential')
    assert.equal(opened.exitCode, 0, opened.stderr)

    const socket = join(gateway.folder, 'run', 'operator.sock')
    await mkdir(dirname(socket))
    await writeFile(socket, 'somebody else has this name')
    await assert.rejects(
      gateway.startAgent(),
      /the agent ended with 10/,
      'a start that fails uses up nothing',
    )
    await rm(socket)
    const agent = await gateway.startAgent()
    assert.ok(agent.log.some(({ alarm }) => alarm === 'break-glass'))
  },
)

test(
  'an agent that is not root takes up what root left for it, and nothing that its own user did',
  ROOT_ALONE,
  async () => {
    await using gateway = await Gateway.start({ enrolled: false })
    const enrolled = await gateway.holdfast('enroll', '--config', gateway.config, '--break-glass', '--json')
    const { sheet } = JSON.parse(enrolled.stdout) as { sheet: string }
    await gateway.tpm[Symbol.asyncDispose]()
    const state = join(gateway.folder, 'state')
    const run = join(gateway.folder, 'run')
    await mkdir(run)
    await chmod(gateway.folder, 0o755)
    await execa('chown', ['-R', '12345:12345', state, run])
    const start = () =>
      gateway.startAgent({}, ['setpriv', '--reuid=12345', '--regid=12345', '--clear-groups', '--'])
    const read = readSheet(sheet, { environment: 'demo', gateway: 'waterworks-1' })
    const code = read.kind === 'code' ? Buffer.from(read.code).toString('base64url') : assert.fail()
    const handover = join(state, 'break-glass.open')
    await writeFile(handover, JSON.stringify({ code, until: Date.now() + 3_600_000 }), { mode: 0o600 })
    await chown(handover, 12_345, 12_345)
    {
      await using agent = await start()
      const alarm = await agent.line(({ alarm }) => alarm === 'break-glass-unused')
      assert.match(String(alarm.msg), /belongs to user 12345, and only root leaves it/)
    }
    await rm(handover)

    const out = join(gateway.folder, 'emergency.credential')
    const opened = await execa(
      HOLDFAST,
      ['break-glass', 'open', '--config', gateway.config, '--out', out, '--for', '8h'],
      { reject: false, input: `${sheet}\n` },
    )
    assert.equal(opened.exitCode, 0, opened.stderr)
    assert.equal((await stat(handover)).uid, 0)
    await using agent = await start()
    await agent.line(({ alarm }) => alarm === 'break-glass')
    const credential = JSON.parse(await readFile(out, 'utf8')) as Credential
    const moved = await gateway.client(agent.address, credential).command('inlet-valve', 'open', 'TPM dead')
    assert.equal(moved.kind, 'answered', JSON.stringify(moved))
    await assert.rejects(stat(handover), { code: 'ENOENT' })
  },
)

test(
  'where no emergency key was ever sealed, a file that hands one over is believed by nobody, and never for months',
  ROOT_ALONE,
  async () => {
    await using gateway = await Gateway.start()
    const handover = join(gateway.folder, 'state', 'break-glass.open')
    for (const [lasts, why] of [
      [3_600_000, /nothing is sealed in /],
      [300 * 86_400_000, /8h is the most/],
    ] as const) {
      const code = Buffer.alloc(20, 7).toString('base64url')
      await writeFile(handover, JSON.stringify({ code, until: Date.now() + lasts }), { mode: 0o600 })
      await using agent = await gateway.startAgent()
      const alarm = await agent.line(({ alarm }) => alarm === 'break-glass-unused')
      assert.match(String(alarm.msg), why)
    }
    assert.ok(gateway.records().every(({ kind }) => kind !== 'break-glass-opened'))
  },
)
