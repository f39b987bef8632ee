import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerBefore } from '../../../../agent/credential/file/deadline.ts'
import type { MasterKeyAnswer, MasterKeyUnavailable } from '../../../../agent/credential/master-key.ts'

const LATE: MasterKeyUnavailable = { kind: 'unavailable', reason: 'timeout', detail: 'late', remedy: 'Wait.' }

describe('deadline of a source in software', () => {
  it('gives the answer, and does not begin when the deadline is over', async () => {
    const mac: MasterKeyAnswer = { kind: 'mac', mac: Uint8Array.of(1) }
    assert.equal(await answerBefore(new AbortController().signal, LATE, async () => mac), mac)
    assert.equal(await answerBefore(AbortSignal.abort(), LATE, () => assert.fail('begun')), LATE)
  })

  it('does not wait for a disk that hangs, and wipes what it gives after all', async () => {
    const deadline = new AbortController()
    const disk = Promise.withResolvers<MasterKeyAnswer>()
    const answer = answerBefore(deadline.signal, LATE, () => disk.promise)
    deadline.abort()
    assert.equal(await answer, LATE)
    const mac = Uint8Array.of(1, 2, 3)
    disk.resolve({ kind: 'mac', mac })
    await disk.promise
    await Promise.resolve()
    assert.deepEqual([...mac], [0, 0, 0])
  })

  it('passes a bug on', async () => {
    const bug = answerBefore(new AbortController().signal, LATE, () => Promise.reject(new TypeError('bug')))
    await assert.rejects(bug, TypeError)
  })
})
