import { writeSync } from 'node:fs'
import { openAuditLog } from '../../../../agent/audit/log.ts'
import { systemClock } from '../../../../agent/time/system-clock.ts'
import { entry, intent, SIGNER } from '../fixture.ts'

// Appends without end, several at a time, and writes the number of each record on standard output once it is
// acknowledged. Whoever started it ends it.
const [path = '', boot = ''] = process.argv.slice(2)
const opened = await openAuditLog({
  path,
  boot,
  clock: systemClock,
  mode: 'create',
  onTrouble: () => process.exit(9),
})
if (opened.kind !== 'opened') throw new Error(opened.detail)
const { log } = opened
log.checkpointWith(SIGNER)

/** Says it before anything else is done, however slowly the other side reads. */
function say(text: string): void {
  for (let isSaid = false; !isSaid; ) {
    try {
      writeSync(1, text)
      isSaid = true
    } catch (error) {
      // The pipe is full.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}

async function append(): Promise<never> {
  for (let index = 0; ; index += 1) {
    log.note(entry('refusal', { code: 'signature-invalid' }))
    const answer = await log.append(intent(index))
    if (answer.kind === 'durable') say(`${answer.seq}\n`)
  }
}

await Promise.all([append(), append(), append()])
