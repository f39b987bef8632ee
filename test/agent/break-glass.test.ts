import assert from 'node:assert/strict'
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
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
