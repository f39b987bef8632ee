import { writeSync } from 'node:fs'
import { systemClock } from '../../../../agent/time/system-clock.ts'
import { intent, OpenLog } from '../fixture.ts'

// Writes records one after the other until so many are durable, whatever the disk says meanwhile, and says `durable` on
// standard output after each of these.
const [path = '', count = ''] = process.argv.slice(2)
const RETRY = 10

await using open = await OpenLog.open(path, { clock: systemClock, limits: { retry: RETRY } })
for (let durable = 0, index = 0; durable < Number(count); index += 1) {
  // Nobody waits for it: after an error it is tried again, and looked for in the file first.
  open.log.note(intent(1000 + index))
  const { kind } = await open.log.append(intent(index))
  if (kind !== 'durable') {
    await systemClock.sleep(RETRY)
    continue
  }
  durable += 1
  writeSync(1, 'durable\n')
}
