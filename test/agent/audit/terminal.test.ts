import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { formatCef } from '../../../agent/audit/export/cef.ts'
import { eventOf } from '../../../agent/audit/export/event.ts'
import { formatOcsf } from '../../../agent/audit/export/ocsf.ts'
import { formatRfc5424 } from '../../../agent/audit/export/rfc5424.ts'
import { leafHash } from '../../../agent/audit/merkle.ts'
import { Printer } from '../../../agent/audit/printer.ts'
import { parseRecord, recordLine } from '../../../agent/audit/words.ts'
import { canonicalJson } from '../../../model/json.ts'
import { hostileText, isPlain } from '../../hostile-text.ts'
import { audit } from './command.ts'
import { Folder, tamper, VKEY, writeLog } from './fixture.ts'

const VERDICT = '\u001b[2K\u001b[1Gintact: 5 records; every record is covered by a signed checkpoint\u001b[8m'

const folder = new Folder()
after(() => folder[Symbol.dispose]())
writeFileSync(join(folder.path, 'audit.vkey'), `${VKEY}\n`)

/** A log of five records, one of which somebody wrote who knows no key. */
function spoofed(name: string, change: (record: Record<string, unknown>) => void): string {
  const path = join(folder.path, name)
  writeLog(path, 5, 5)
  tamper(path, database => {
    const row = database.prepare('SELECT bytes FROM record WHERE seq = 2').get() as { bytes: string }
    const record = JSON.parse(row.bytes) as Record<string, never>
    change(record)
    const text = canonicalJson(record)
    database
      .prepare('UPDATE record SET bytes = ?, leaf = ? WHERE seq = 2')
      .run(text, leafHash(Buffer.from(text)))
  })
  return path
}

test('a record that says a verdict of its own as its place does not write it on the terminal of whoever verifies', () => {
  const path = spoofed('place.db', record => {
    record.seq = VERDICT
  })
  for (const words of [
    ['verify', path],
    ['verify', path, '--json'],
    ['query', path],
    ['export', path, '--format', 'jsonl'],
  ]) {
    const { out, err } = audit(...words)
    assert.ok(isPlain(out + err), JSON.stringify(out + err))
  }
  assert.match(audit('verify', path).out, /^TAMPERED at record 2: [^\n]*\n$/)
})

test('a table that is named like a verdict does not, either', () => {
  const path = join(folder.path, 'table.db')
  writeLog(path, 5, 5)
  tamper(path, database => database.exec(`CREATE TABLE "x\n${VERDICT}" (a)`))
  const { out, lines } = audit('verify', path)
  assert.ok(isPlain(out), JSON.stringify(out))
  assert.equal(lines.length, 1)
})

test("a member's name writes nothing on the terminal, and makes no line in what other systems are given", () => {
  const path = spoofed('member.db', record => {
    record['\u001b[2J\u001b]0;owned\u0007'] = 1
    record['a\n<13>1 forged line'] = '\u2028\u202e'
  })
  for (const words of [
    ['query', path],
    ['query', path, '--csv'],
  ])
    assert.ok(isPlain(audit(...words).out.replaceAll('\r\n', '\n')), words.join(' '))
  for (const format of ['rfc5424', 'cef', 'ocsf', 'jsonl']) {
    const { out, lines } = audit('export', path, '--format', format)
    assert.ok(isPlain(out.replaceAll('\ufeff', '')), format)
    // What was changed has no proof.
    if (format !== 'jsonl') assert.equal(lines.length, 5, format)
  }
})

test('whatever stands in a record, and however its members are named: one line for a person, one for each other system', () => {
  fc.assert(
    fc.property(
      fc.dictionary(hostileText, fc.oneof(hostileText, fc.array(hostileText), fc.integer()), { maxKeys: 6 }),
      hostileText,
      hostileText,
      (members, kind, text) => {
        const record = canonicalJson({
          ...members,
          kind,
          detail: text,
          time: text,
          actuator: kind,
          asked: text,
        })
        const source = { environment: 'plant', gateway: 'gateway-1' }
        const event = eventOf({ seq: 7, text: record }, source)
        const lines = [
          recordLine(parseRecord(record)),
          recordLine(parseRecord(text)),
          formatRfc5424(event).replace('\ufeff', ''),
          formatCef(event, '1.0.0'),
          formatOcsf(event, '1.0.0'),
        ]
        for (const line of lines) assert.ok(isPlain(line) && !line.includes('\n'), JSON.stringify(line))
        assert.equal((JSON.parse(lines[4] ?? '') as { raw_data: string }).raw_data, record)
      },
    ),
  )
})

test('a record that a program reads is as it is; a terminal is given the same JSON, escaped', async () => {
  const record = canonicalJson({ reason: '\u009b2K\u202e' })
  const printed = async (isTTY: boolean) => {
    const stream = Object.assign(new PassThrough(), { isTTY })
    await new Printer(stream).printJson(record)
    return String(stream.read())
  }
  assert.equal(await printed(false), `${record}\n`)
  assert.equal(await printed(true), '{"reason":"\\u009b2K\\u202e"}\n')
})
