import assert from 'node:assert/strict'
import { test } from 'node:test'
import { interview } from '../../../agent/init/interview.ts'
import type { Answers, Known } from '../../../agent/init/questions.ts'

const HOST: Known = {
  hostname: 'gw1',
  login: 'kim',
  hasTpm: false,
  hasCredentials: false,
  isPackaged: false,
}
const TRIAL: Answers = { environment: 'trial', gateway: 'g1', listen: 'none', device: 'later', admin: 'kim' }

/** What is said of options, where nobody is there to ask. */
async function mistakesOf(options: Answers, known: Known): Promise<readonly string[]> {
  const answer = await interview({ ...TRIAL, ...options }, known, undefined, true)
  return answer.kind === 'mistakes' ? answer.mistakes : []
}

test('without a TPM it says so and takes no other place by itself', async () => {
  const [unchosen, ...more] = await mistakesOf({}, HOST)
  assert.match(unchosen ?? '', /^--key is missing\. .*IN CLEAR on the disk/)
  assert.deepEqual(more, [])
  const [absent] = await mistakesOf({ key: 'tpm' }, HOST)
  assert.match(absent ?? '', /^--key tpm: this host shows no TPM \(\/dev\/tpmrm0\)/)
})

test('a TPM is taken where there is one, or where somebody says how to reach one', async () => {
  assert.deepEqual(await mistakesOf({}, { ...HOST, hasTpm: true }), [])
  assert.deepEqual(await mistakesOf({ tcti: 'swtpm:path=/run/swtpm.sock' }, HOST), [])
})
