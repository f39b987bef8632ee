import assert from 'node:assert/strict'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../temporary-folder.ts'
import { SerialLine } from './serial-line.ts'

/** As Linux 6.1 says them, on a console with the times on. */
const DEATHS = {
  'a panic': '[   12.345678] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000007',
  'an oops': '[   12.345678] Oops: 0002 [#1] PREEMPT SMP NOPTI',
  'a newer oops': '[   12.345678] Oops: general protection fault, probably for non-canonical address [#1]',
}

for (const [name, line] of Object.entries(DEATHS)) {
  test(`${name}: whoever waits for the machine hears of it at once, with its last lines, and whoever asks afterwards too`, async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'console')
    writeFileSync(path, `${line} of the life before\n`)
    using serial = new SerialLine(path)
    const never = new Promise<void>(() => {})
    const waiting = serial.whileAlive(never)
    writeFileSync(path, 'Debian GNU/Linux 12 ttyS0\n')
    appendFileSync(path, `${line}\r\nCall Trace:\r\n`)
    const why = ({ message }: Error) =>
      message.startsWith(`the machine's kernel has died: ${line}\n`) &&
      message.includes('Debian GNU/Linux 12 ttyS0') &&
      message.includes('Call Trace:')
    await assert.rejects(waiting, why)
    await assert.rejects(serial.whileAlive(never), why)
  })
}

test('a machine that is only slow has not died, and what was waited for comes', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'console')
  using serial = new SerialLine(path)
  const slow = Promise.withResolvers<string>()
  const waiting = serial.whileAlive(slow.promise)
  writeFileSync(
    path,
    'watchdog: BUG: soft lockup - CPU#0 stuck for 26s!\nrcu: INFO: rcu_sched self-detected stall on CPU\nEXT4-fs error (device vda)\n',
  )
  const seen = new SerialLine(join(folder.path, 'other'))
  // By the time that another one, which began later, has died, this one has been looked at.
  writeFileSync(join(folder.path, 'other'), DEATHS['a panic'])
  await assert.rejects(seen.whileAlive(new Promise<void>(() => {})))
  slow.resolve('up')
  assert.equal(await waiting, 'up')
  assert.match(serial.text, /soft lockup/)
})
