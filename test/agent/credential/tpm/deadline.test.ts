import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerInTime } from '../../../../agent/credential/tpm/deadline.ts'

const never = new AbortController().signal

describe('deadline', () => {
  it('gives what the work comes to, also when it ends in the moment of grace', async () => {
    assert.equal(await answerInTime(Promise.resolve('done'), never), 'done')
    assert.equal(
      await answerInTime(new Promise(resolve => setImmediate(resolve, 'tidied up')), AbortSignal.abort()),
      'tidied up',
    )
  })

  it('answers without work that never ends, whether the signal aborts before or after the start', async () => {
    const controller = new AbortController()
    const started = answerInTime(new Promise<never>(() => undefined), controller.signal)
    controller.abort()
    for (const answer of [
      await started,
      await answerInTime(new Promise<never>(() => undefined), AbortSignal.abort()),
    ])
      assert.equal(answer.cause, 'aborted')
  })

  it('passes a bug on', async () => {
    await assert.rejects(answerInTime(Promise.reject(new TypeError('bug')), never), TypeError)
  })
})
