import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { execa } from 'execa'
import { tamper } from '../agent/audit/fixture.ts'
import { Gateway, ROOT } from '../agent/gateway.ts'

// The recipes of docs/AUDIT_FORMAT.md as they stand there, over the log of a gateway that was at work. Whoever distrusts holdfast has these.

const PAGE = await readFile(join(ROOT, 'docs', 'AUDIT_FORMAT.md'), 'utf8')
const PROGRAM = PAGE.match(/```python\n(.*?)```/s)?.[1] ?? ''
const RECIPE = PAGE.match(/```sh\n(.*?)```/s)?.[1] ?? ''
const GO = PAGE.match(/```go\n(.*?)```/s)?.[1] ?? ''
const RUN_GO = PAGE.match(/^ {4}(GO111MODULE=.*)$/m)?.[1] ?? ''
const CHANGE = PAGE.match(/^ {4}(perl -pi .*)$/m)?.[1] ?? ''
const LOOK = PAGE.match(/^ {4}(sqlite3 .*)$/m)?.[1] ?? ''

let gateway: Gateway
let size: number
let note: string
let proof: string

before(async () => {
  gateway = await Gateway.start()
  const agent = await gateway.startAgent()
  const { file, credential } = await gateway.issue('erika', 'engineer')
  await gateway.client(agent.address, credential).command('inlet-valve', 'open', 'größer als früher – 5 µm')
  await gateway.holdfast('trip', 'coolant-pump', '--agent', agent.address, '--credential', file)
  assert.equal(await agent.kill('SIGTERM'), 0)
  const backup = await gateway.holdfast('audit', 'backup', gateway.auditLog, '--out', at('copy.db'))
  assert.equal(backup.exitCode, 0, backup.stderr)
  const proved = await gateway.holdfast('audit', 'prove', gateway.auditLog, '--record', '3')
  proof = proved.stdout
  const { tree_size, checkpoint } = JSON.parse(proof) as { tree_size: number; checkpoint: string }
  size = tree_size
  note = checkpoint
  await copyFile(join(dirname(gateway.auditLog), 'audit.vkey'), at('audit.vkey'))
})
after(async () => await gateway[Symbol.asyncDispose]())

const at = (name: string): string => join(gateway.folder, name)

/** Runs something of the page where the copy, the note and the key are. */
async function runs(file: string, ...words: string[]) {
  return await execa(file, words, { cwd: gateway.folder, reject: false, all: true })
}

/** The log with something done to it, without asking its triggers. */
async function tampered(name: string, change: string): Promise<string> {
  await copyFile(at('copy.db'), at(name))
  tamper(at(name), database => {
    database.function('leaf_of', bytes => createHash('sha256').update(`\0${bytes}`).digest())
    database.exec(change)
  })
  return name
}

describe('the Python program', () => {
  test('prints the size and the root of each checkpoint, the last one as the agent signed it', async () => {
    const { exitCode, stdout, all } = await runs('python3', '-c', PROGRAM, 'copy.db')
    assert.equal(exitCode, 0, all)
    const lines = stdout.split('\n')
    assert.ok(lines.length >= 3, stdout)
    const [, signed, root] = note.split('\n')
    assert.equal(Number(signed), size)
    assert.equal(lines.at(-1), `${size} ${root} signed`)
  })

  const changes: readonly (readonly [what: string, change: string, said: RegExp])[] = [
    [
      'a record was changed',
      `UPDATE record SET bytes = replace(bytes, 'erika', 'alice') WHERE bytes LIKE '%"command-intent"%'`,
      /record \d+ was changed/,
    ],
    ['a record was removed', 'DELETE FROM record WHERE seq = 4', /record 4 is missing or moved/],
    [
      'the end was cut off',
      'DELETE FROM record WHERE seq >= (SELECT max(seq) FROM record)',
      /the end was cut off/,
    ],
    [
      'a record and its hash were changed',
      `UPDATE record SET bytes = replace(bytes, 'erika', 'alice'), leaf = leaf_of(replace(bytes, 'erika', 'alice'))`,
      /do not have the root/,
    ],
  ]
  for (const [index, [what, change, said]] of changes.entries())
    test(`stops where ${what}`, async () => {
      const name = await tampered(`tampered-${index}.db`, change)
      const { exitCode, stderr } = await runs('python3', '-c', PROGRAM, name)
      assert.equal(exitCode, 1)
      assert.match(stderr, said)
    })
})

test('the line that changes every command in a copy changes it, and verify names the first', async () => {
  await copyFile(at('copy.db'), at('changed.db'))
  const before = await gateway.holdfast('audit', 'verify', at('changed.db'))
  assert.equal(before.exitCode, 0, before.stdout)
  const changed = await runs('sh', '-eu', '-c', CHANGE.replace('copy.db', 'changed.db'))
  assert.equal(changed.exitCode, 0, changed.all)
  const opened = gateway.records().find(({ asked }) => asked === 'open')
  const after = await gateway.holdfast('audit', 'verify', at('changed.db'))
  assert.equal(after.exitCode, 4, after.stdout)
  assert.ok(after.stdout.startsWith(`TAMPERED at record ${opened?.seq}: `), after.stdout)
})

test('the recipe for OpenSSL verifies the note of a checkpoint, and refuses one of another size', async () => {
  assert.match(RECIPE, /openssl pkeyutl/)
  await writeFile(at('note'), note)
  const right = await runs('sh', '-eu', '-c', RECIPE)
  assert.equal(right.exitCode, 0, right.all)
  assert.match(right.stdout, /Signature Verified Successfully/)
  await writeFile(at('note'), note.replace(`\n${size}\n`, `\n${size - 1}\n`))
  const wrong = await runs('sh', '-eu', '-c', RECIPE)
  assert.equal(wrong.exitCode, 1)
  assert.match(wrong.all, /Signature Verification Failure/)
})

test('the program for Go finds the record under its checkpoint, and refuses another record', async () => {
  await writeFile(at('check.go'), GO)
  await writeFile(at('proof'), proof)
  const env = { GOCACHE: at('go-cache'), GOFLAGS: '', GOPROXY: 'off' }
  const run = async () =>
    await execa('sh', ['-eu', '-c', RUN_GO], { cwd: gateway.folder, env, reject: false, all: true })
  const right = await run()
  assert.equal(right.exitCode, 0, right.all)
  assert.equal(right.stdout, `record 3 is one of the first ${size} of demo/waterworks-1`)
  await writeFile(at('proof'), proof.replace('mono_ms', 'mono_us'))
  const wrong = await run()
  assert.equal(wrong.exitCode, 1)
  assert.match(wrong.all, /invalid transparency proof/)
})

test('the line for sqlite3 prints the last records', async () => {
  const { exitCode, stdout, all } = await runs('sh', '-eu', '-c', LOOK)
  assert.equal(exitCode, 0, all)
  assert.match(stdout, new RegExp(`^${size - 1}\\|\\{"`))
})
