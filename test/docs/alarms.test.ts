import assert from 'node:assert/strict'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ALARM_NAMES, ALARMS } from '../../model/alarm.ts'
import { type AlarmForm, priorityOf } from '../../model/alarm-form.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const PAGE = join(ROOT, 'docs', 'ALARMS.md')
const TABLE = /(?<=<!-- alarms -->\n\n)[\s\S]*?(?=\n<!-- end of the alarms -->)/

/** The table of alarms as Markdown, from the one that there is. */
function table(): string {
  const rows = Object.entries<AlarmForm>(ALARMS).map(([name, form]) => {
    const { severity, worst, within, ends, cause, consequence, remedy } = form
    const first = priorityOf(severity, within)
    const degrees = worst ? `${severity} to ${worst}` : severity
    const priorities = worst ? `${first} to ${priorityOf(worst, within)}` : first
    return `| \`${name}\` | ${degrees} | ${within} | ${priorities} | ${ends} | ${cause} | ${consequence} | ${remedy} |`
  })
  return [
    '| alarm | severity | within | priority | ends by | cause | if nobody acts | what to do |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

test('docs/ALARMS.md has every alarm, as the model has it', () => {
  const page = readFileSync(PAGE, 'utf8')
  // HOLDFAST_WRITE_DOCS=1 writes the page anew.
  if (process.env.HOLDFAST_WRITE_DOCS)
    writeFileSync(
      PAGE,
      page.replace(TABLE, () => table()),
    )
  assert.equal(TABLE.exec(readFileSync(PAGE, 'utf8'))?.[0], table())
})

const sources = globSync('{agent,failsafe}/**/*.ts', { cwd: ROOT }).map(file =>
  readFileSync(join(ROOT, file), 'utf8'),
)

test('every alarm that is raised or recorded anywhere is in the table', () => {
  const raised = sources.flatMap(text =>
    [...text.matchAll(/(?:\b(?:alarm|raise|clear|cleared|see)\(\s*|\balarm: )'([a-z][a-z-]*)'/g)].map(
      ([, name = '']) => name,
    ),
  )
  const names: readonly string[] = ALARM_NAMES
  assert.ok(raised.length > 20, 'they are found')
  assert.deepEqual(
    raised.filter(name => !names.includes(name)),
    [],
  )
})

test('every alarm of the table is raised somewhere: nobody learns what cannot happen', () => {
  const all = sources.join('\n')
  assert.deepEqual(
    ALARM_NAMES.filter(name => !all.includes(`'${name}'`) && !new RegExp(`\\b${name}: `).test(all)),
    [],
  )
})

test('what an alarm says to do names only commands of holdfast that there are', () => {
  const program = globSync('bin/program/*.ts', { cwd: ROOT })
    .map(file => readFileSync(join(ROOT, file), 'utf8'))
    .join('\n')
  const commands = Object.values(ALARMS).flatMap(({ remedy }) =>
    [...remedy.matchAll(/`holdfast ([a-z -]+?)(?: --[a-z -]+| [A-Z]+)?`/g)].flatMap(([, words = '']) =>
      words.split(' '),
    ),
  )
  assert.ok(commands.length > 5)
  assert.deepEqual(
    commands.filter(
      word => !program.includes(`command('${word}')`) && !program.includes(`Command('${word}')`),
    ),
    [],
  )
})
