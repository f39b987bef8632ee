import { openTpmMasterKey } from '../../../../agent/credential/tpm/master-key.ts'
import { ask } from './host.ts'

// Another process of holdfast: asks the same key several times at once and prints what it was told.
const [options = '', times = ''] = process.argv.slice(2)
const master = await openTpmMasterKey(JSON.parse(options))
const answers = await Promise.all(Array.from({ length: Number(times) }, () => ask(master, 'message')))
process.stdout.write(answers.join('\n'))
