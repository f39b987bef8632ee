import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Authenticated, authenticate } from '../../../agent/command/authenticate.ts'
import { liftSuspension } from '../../../agent/command/lift-suspension.ts'
import { openListener } from '../../../agent/command/open-listener.ts'
import type { Received } from '../../../agent/command/received.ts'
import { Refused } from '../../../agent/command/refused.ts'
import { acknowledge } from '../../../agent/command/trip.ts'
import { commandRig } from './rig.ts'

type Rig = Awaited<ReturnType<typeof commandRig>>

interface Given {
  readonly rig: Rig
  readonly received: Received
  readonly by: Authenticated | undefined
  /** What is on the disk, or why not. */
  readonly kept?: Promise<string | undefined>
  /** Why replays cannot be told. */
  readonly trouble?: string
  /** Hears what is let go. */
  readonly done?: (what: string) => void
}

/** Each way to let something go that is not a reset: what it answers, and what was let go meanwhile. */
const WAYS = {
  'lifting a suspension': {
    path: '/v1/suspensions/lift',
    body: '{"identity":"subject eve"}',
    ask: ({ rig, received, by, kept, trouble, done }: Given) =>
      liftSuspension(received, by, {
        audit: rig.audit,
        clock: rig.clock,
        replayTrouble: () => trouble,
        keeper: {
          liftOne: identity => {
            done?.(identity)
            return true
          },
          kept: async () => await kept,
        },
      }),
    what: 'subject eve',
    answer: { identity: 'subject eve' },
  },
  'opening a listener': {
    path: '/v1/listeners/open',
    body: '{"listener":"lan"}',
    ask: ({ rig, received, by, kept, trouble, done }: Given) =>
      openListener(received, by, {
        audit: rig.audit,
        clock: rig.clock,
        replayTrouble: () => trouble,
        keeper: { kept: async () => await kept },
        listeners: {
          open: async listener => {
            done?.(listener)
            return true
          },
        },
      }),
    what: 'lan',
    answer: { listener: 'lan' },
  },
} as const

function sign(rig: Rig, { path, body }: { path: string; body: string }, created?: number) {
  const received = rig.sign(rig.issue([], 'engineer'), {
    path,
    body,
    ...(created === undefined ? {} : { created }),
  })
  const by = authenticate(received, rig.authenticator)
  assert.ok(!(by instanceof Refused))
  return { received, by }
}

for (const [name, way] of Object.entries(WAYS)) {
  describe(name, () => {
    test('is refused where it was signed before the agent started, or replays cannot be told: replay-memory-lost', async () => {
      await using rig = await commandRig()
      await rig.clock.advance(5000)
      const done = () => assert.fail('nothing is let go')
      const asked = sign(rig, way)
      const lost = await way.ask({ rig, ...asked, trouble: 'the log was lost', done })
      assert.ok(lost instanceof Refused)
      assert.deepEqual([lost.refusal.code, lost.refusal.detail], ['replay-memory-lost', 'the log was lost'])
      rig.replay.beginAt(rig.clock.wall())
      const created = Math.floor(rig.clock.wall() / 1000) - 1
      const old = await way.ask({ rig, ...sign(rig, way, created), done })
      assert.ok(old instanceof Refused)
      assert.match(old.refusal.detail, /signed before this agent started/)
    })

    test('by whoever may without a signature is none that could be replayed', async () => {
      await using rig = await commandRig()
      const { received } = sign(rig, way)
      const said: string[] = []
      const done = (what: string) => void said.push(what)
      const answer = await way.ask({ rig, received, by: undefined, trouble: 'the log was lost', done })
      assert.deepEqual([answer, said], [{ ...way.answer, unkept: undefined }, [way.what]])
    })

    test('is answered when it is on the disk, not before, and the answer says where the disk does not take it', async () => {
      await using rig = await commandRig()
      for (const unkept of [undefined, 'the disk is full']) {
        const disk = Promise.withResolvers<string | undefined>()
        const said: string[] = []
        const done = (what: string) => void said.push(what)
        let isAnswered = false
        const answer = way.ask({ rig, ...sign(rig, way), kept: disk.promise, done })
        void answer.then(() => {
          isAnswered = true
        })
        await rig.clock.advance(10_000)
        assert.deepEqual([said, isAnswered], [[way.what], false], 'it acts at once')
        disk.resolve(unkept)
        assert.deepEqual(await answer, { ...way.answer, unkept })
      }
    })
  })
}

test('an acknowledgement is answered when it is on the disk, not before, and the answer says where the disk does not take it', async () => {
  await using rig = await commandRig()
  rig.trips.trip('valve', 'manual', 'a test')
  await rig.clock.advance(1000)
  const { received } = sign(rig, { path: '/v1/actuators/valve/acknowledge', body: '{}' })
  const disk = Promise.withResolvers<string | undefined>()
  let isAnswered = false
  const keeper = { kept: () => disk.promise }
  const answer = acknowledge(received, undefined, 'valve', { ...rig.manualTrips, keeper })
  void answer.then(() => {
    isAnswered = true
  })
  await rig.clock.advance(10_000)
  assert.deepEqual([rig.trips.firstOut('valve')?.acknowledged !== undefined, isAnswered], [true, false])
  disk.resolve('the disk is full')
  const seen = await answer
  assert.ok(!(seen instanceof Refused))
  assert.deepEqual([seen.first.cause, seen.unkept], ['manual', 'the disk is full'])
})
