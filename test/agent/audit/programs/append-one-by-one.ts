import { writeSync } from 'node:fs'
import Database from 'better-sqlite3'
import { systemClock } from '../../../../agent/time/system-clock.ts'
import { intent, OpenLog } from '../fixture.ts'

// Writes so many records one after the other and says `durable` on standard output after each: with the log, or, to have
// something to compare with, with SQLite as better-sqlite3 sets it up when nobody asks for more.
const [path = '', count = '', how] = process.argv.slice(2)

async function withLog(): Promise<void> {
  await using open = await OpenLog.open(path, { clock: systemClock })
  for (let index = 0; index < Number(count); index += 1) {
    const answer = await open.log.append(intent(index))
    if (answer.kind !== 'durable') throw new Error(answer.detail)
    writeSync(1, 'durable\n')
  }
}

function withDefaults(): void {
  const database = new Database(path)
  database.pragma('journal_mode = WAL')
  database.exec('CREATE TABLE record (bytes TEXT)')
  const insert = database.prepare('INSERT INTO record VALUES (?)')
  for (let index = 0; index < Number(count); index += 1) {
    insert.run(String(index))
    writeSync(1, 'durable\n')
  }
}

if (how === 'defaults') withDefaults()
else await withLog()
