import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { audit, RunningAudit } from './command.ts'
import { entry, Folder, intent, OpenLog, readRecords, writeLog } from './fixture.ts'

describe('holdfast audit query', () => {
  it('prints a table with the newest last, and changes nothing in the folder', () => {
    using folder = new Folder()
    writeLog(folder.log, 25, 10)
    const before = readFileSync(folder.log)
    const { code, lines, err } = audit('query', folder.log, '--credential', 'credential-1', '--limit', '2')
    assert.deepEqual([code, err], [0, ''])
    assert.match(lines[0] ?? '', /^TIME +RECORD +KIND +ACTUATOR +OUTCOME +WHO +WHAT$/)
    assert.match(lines[1] ?? '', /^2026-01-01T00:00:19\.000Z +19 +command-intent +valve-1 +setpoint open$/)
    assert.match(lines[2] ?? '', /^2026-01-01T00:00:22\.000Z +22 /)
    assert.equal(lines.length, 3)
    assert.deepEqual(readdirSync(folder.path), ['audit.db'])
    assert.deepEqual(readFileSync(folder.log), before)
  })

  it('prints the records as they are with --json, all of them with --all', () => {
    using folder = new Folder()
    writeLog(folder.log, 150, 50)
    assert.equal(audit('query', folder.log, '--json').lines.length, 100)
    const { lines } = audit('query', folder.log, '--json', '--all')
    assert.deepEqual(
      lines.map(text => JSON.parse(text)),
      readRecords(folder.log),
    )
  })

  it('finds what a running agent has only just recorded, and does not keep it from recording', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    for (let index = 0; index < 3; index += 1) {
      assert.equal((await open.log.append(intent(index))).kind, 'durable')
      assert.equal(audit('query', folder.log, '--json').lines.length, index + 1)
    }
  })

  it('prints CSV that a spreadsheet reads and does not carry out, and a table that moves no cursor', async () => {
    using folder = new Folder()
    {
      await using open = await OpenLog.open(folder.log)
      await open.log.append(
        entry('reset', {
          subject: '@alice',
          actuator: 'valve',
          reason: '=HYPERLINK("http://x"),\u001b[2J\u202e',
          latency_ms: -1,
        }),
      )
    }
    const { out } = audit('query', folder.log, '--csv')
    const [header, row = ''] = out.split('\r\n')
    assert.match(header ?? '', /^seq,time,boot,kind,actor,.*,record$/)
    assert.match(row, /,'@alice,'@alice,/)
    assert.ok(row.includes(`"'=HYPERLINK(""http://x""),`))
    assert.ok(row.includes(',-1,'), 'a number stays one')
    const { lines } = audit('query', folder.log)
    assert.doesNotMatch(lines[1] ?? '', /\p{Cc}|\p{Cf}/u)
    assert.match(lines[1] ?? '', /reason: =HYPERLINK\("http:\/\/x"\),\ufffd\[2J\ufffd/)
  })

  it('finds what was done about the credentials of somebody, and says whose they are', async () => {
    using folder = new Folder()
    {
      await using open = await OpenLog.open(folder.log)
      await open.log.append(
        entry('credential-issued', { subject: 'olga', issuer: 'erika', role: 'operator' }),
      )
      await open.log.append(entry('command-intent', { subject: 'olga', actuator: 'valve', asked: 'open' }))
      await open.log.append(entry('revocation', { subject: 'olga', by: 'erika', revoked: 'subject' }))
      await open.log.append(entry('revocation', { subject: 'paul', by: 'erika', revoked: 'subject' }))
    }
    const { code, lines } = audit('query', folder.log, '--subject', 'olga')
    assert.equal(code, 0)
    assert.match(lines[1] ?? '', / credential-issued .* erika +for olga; role operator$/)
    assert.match(lines[2] ?? '', / revocation .* erika +for olga; revoked subject$/)
    assert.equal(lines.length, 3)
  })

  it('says what is wrong with the question or the file, and ends with 2', () => {
    using folder = new Folder()
    writeLog(folder.log, 5, 10)
    const wrong: [words: string[], says: RegExp][] = [
      [
        [folder.log, '--since', 'yesterday'],
        /^--since yesterday: expected a time such as 2026-01-31T12:00:00Z/,
      ],
      [[folder.log, '--kind', 'party'], /^--kind party: there is no such kind; there are log-created, /],
      [
        [folder.log, '--outcome', 'verfied'],
        /^--outcome verfied: there is no such outcome; there are verified, mismatch, unknown, accepted, refused$/m,
      ],
      [[folder.log, '--outcome', 'toString'], /^--outcome toString: there is no such outcome/],
      [[folder.log, '--limit', '0'], /^--limit 0: expected a number from 1 on/],
      [[folder.log, '--limit', 'some'], /expected a number such as 100/],
      [[folder.log, '--json', '--csv'], /cannot be used with/],
      [[join(folder.path, 'nothing.db')], /^cannot read the log: .*nothing\.db/],
    ]
    for (const [words, says] of wrong) {
      const { code, out, err } = audit('query', ...words)
      assert.equal(code, 2, err)
      assert.match(err, says)
      assert.equal(out, '')
    }
  })
})

describe('holdfast audit query that finds nothing', () => {
  for (const form of [[], ['--json'], ['--csv']])
    it(`says so on standard error, and ends with 0${form.map(word => `, with ${word}`).join('')}`, () => {
      using folder = new Folder()
      writeLog(folder.log, 5, 10)
      const { code, lines, err } = audit('query', folder.log, '--outcome', 'mismatch', ...form)
      assert.deepEqual([code, err], [0, 'no record fits\n'])
      assert.ok(lines.length <= 1, 'at most the headings')
    })
})

describe('a directory in place of the log', () => {
  const commands: readonly (readonly string[])[] = [
    ['verify'],
    ['query'],
    ['tail'],
    ['prove', '--record', '0'],
    ['export', '--format', 'cef'],
    ['backup', '--out', '/nowhere/copy.db'],
  ]
  for (const [command = '', ...words] of commands)
    it(`is named as one by audit ${command}, with the file that is meant`, () => {
      using folder = new Folder()
      const said = () => {
        const { code, out, err } = audit(command, folder.path, ...words)
        assert.equal(code, 2)
        return command === 'verify' ? out : err
      }
      const is = `${folder.path} is a directory: `
      assert.ok(said().includes(`${is}expected the log's file, audit.db, which is not in it`), said())
      writeLog(folder.log, 1, 10)
      assert.ok(said().includes(`${is}say ${folder.log}`), said())
    })
})

describe('holdfast audit tail', () => {
  it('prints the last records and each new one, over a restart of the agent, until interrupted', async () => {
    using folder = new Folder()
    writeLog(folder.log, 5, 10)
    await using tail = new RunningAudit('tail', folder.log, '-n', '2', '--json')
    const next = async () => (JSON.parse(await tail.line()) as { seq: number }).seq
    assert.deepEqual([await next(), await next()], [3, 4])
    for (const boot of [1, 2]) {
      await using open = await OpenLog.open(folder.log)
      await open.log.append(intent(0))
      assert.equal(await next(), 3 + boot * 2)
      await open.log.append(intent(1))
      assert.equal(await next(), 4 + boot * 2)
    }
    assert.equal(await tail.interrupt(), 0)
  })

  it('prints a table for a person', async () => {
    using folder = new Folder()
    writeLog(folder.log, 5, 10)
    await using tail = new RunningAudit('tail', folder.log, '-n', '1')
    assert.match(await tail.line(), /^TIME/)
    assert.match(await tail.line(), /^2026-01-01T00:00:04\.000Z +4 +command-intent/)
  })

  it('says that there is no log, and ends with 2', () => {
    const { code, err } = audit('tail', '/nowhere/audit.db')
    assert.deepEqual([code, err.startsWith('cannot read the log: ')], [2, true])
  })
})
