import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Queue } from '../../../../agent/credential/tpm/queue.ts'

const never = new AbortController().signal

describe('queue', () => {
  it('lets one in at a time, in order, however long each takes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 10 }), async (scheduler, count) => {
        const queue = new Queue()
        const events: string[] = []
        const turns = Array.from({ length: count }, async (_, index) => {
          using _place = await queue.take(never)
          events.push(`${index} in`)
          await scheduler.schedule(Promise.resolve())
          events.push(`${index} out`)
        })
        await scheduler.waitFor(Promise.all(turns))
        assert.deepEqual(
          events,
          turns.flatMap((_, index) => [`${index} in`, `${index} out`]),
        )
      }),
    )
  })

  it('passes the place of one that gave up on to the next, and not before its turn', async () => {
    const queue = new Queue()
    const first = await queue.take(never)
    const impatient = new AbortController()
    const second = queue.take(impatient.signal)
    const third = queue.take(never)
    impatient.abort()
    assert.equal(await second, undefined)
    let isIn = false
    const entered = third.then(() => {
      isIn = true
    })
    await new Promise(setImmediate)
    assert.equal(isIn, false)
    first?.[Symbol.dispose]()
    await entered
  })

  it('has no place for one that comes with its deadline over', async () => {
    assert.equal(await new Queue().take(AbortSignal.abort()), undefined)
  })
})
