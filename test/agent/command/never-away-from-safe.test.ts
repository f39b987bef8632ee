import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { authenticate } from '../../../agent/command/authenticate.ts'
import { carryOut } from '../../../agent/command/pipeline.ts'
import { Refused } from '../../../agent/command/refused.ts'
import { reset } from '../../../agent/command/reset.ts'
import { TRIP_CAUSES } from '../../../model/trip.ts'
import { commandRig } from './rig.ts'

type Rig = Awaited<ReturnType<typeof commandRig>>

/** What can happen to a valve. */
const happening = fc.oneof(
  fc.record({ what: fc.constantFrom('open', 'close', 'acknowledge', 'reset') }),
  fc.record({ what: fc.constant('pass'), ms: fc.integer({ min: 1, max: 5000 }) }),
  fc.record({ what: fc.constant('trip'), cause: fc.constantFrom(...TRIP_CAUSES) }),
  fc.record({ what: fc.constantFrom('stick', 'break', 'mend', 'push open', 'interlock healthy') }),
)

/** Makes it happen, without waiting for it: commands, trips and faults fall on top of each other. */
function happen(rig: Rig, event: { what: string; ms?: number; cause?: (typeof TRIP_CAUSES)[number] }): void {
  const { driver, trips } = rig
  switch (event.what) {
    case 'open':
    case 'close': {
      const body = JSON.stringify({ setpoint: event.what === 'open' ? 'open' : 'closed' })
      void carryOut(rig.sign(rig.issue(), { body }), 'valve', rig.commands)
      return
    }
    case 'acknowledge':
      trips.acknowledge('valve', 'erika')
      return
    case 'reset': {
      const received = rig.sign(rig.issue([], 'engineer'), { path: '/v1/actuators/valve/reset', body: '{}' })
      const by = authenticate(received, rig.authenticator)
      if (by instanceof Refused) return
      void reset(by, 'valve', rig.resets)
      return
    }
    case 'trip':
      return trips.trip('valve', event.cause ?? 'manual', 'a test')
    case 'stick':
      driver.onWrite = () => {}
      return
    case 'break':
      driver.nextWrite = { kind: 'unreachable', reason: 'no cable' }
      driver.nextRead = { kind: 'failed', reason: 'no cable' }
      return
    case 'push open':
      driver.values.set('valve.feedback', 1)
      return
    case 'interlock healthy':
      return trips.interlockHealthy('valve')
    case 'mend':
      return mend(rig)
  }
}

function mend({ driver }: Rig): void {
  driver.nextWrite = undefined
  driver.nextRead = undefined
  driver.onWrite = (point, value) => driver.values.set(point.replace('.command', '.feedback'), value)
  driver.values.set('valve.feedback', driver.values.get('valve.command') ?? 0)
}

test('whatever happens, nothing moves a tripped valve away from safe, and every trip ends verified, or is loud and still trying', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 1, maxLength: 25 }), async events => {
      await using rig = await commandRig()
      const phaseAtWrite: string[] = []
      const { write } = rig.driver
      rig.driver.write = async (point, value, signal) => {
        if (value !== rig.valve.safe?.write) phaseAtWrite.push(rig.trips.phase('valve'))
        return await write.call(rig.driver, point, value, signal)
      }
      for (const event of events) {
        happen(rig, event)
        await rig.clock.advance('ms' in event ? event.ms : 1)
      }
      assert.ok(
        phaseAtWrite.every(phase => phase === 'normal'),
        `written away from safe while ${phaseAtWrite.join()}`,
      )
      // Let it settle: a trip is then verified, or says that it is not and goes on.
      const tries = rig.driver.writes.length
      await rig.clock.advance(60_000)
      const phase = rig.trips.phase('valve')
      assert.ok(['normal', 'tripped', 'trip-failed', 'resetting'].includes(phase), phase)
      if (phase !== 'trip-failed') return
      assert.ok(rig.events.includes('trip-failed') && rig.events.some(event => event.startsWith('alarm')))
      if (!rig.driver.nextWrite) assert.ok(rig.driver.writes.length > tries, 'it is still tried')
      mend(rig)
      await rig.clock.advance(60_000)
      assert.equal(rig.trips.phase('valve'), 'tripped')
      assert.equal(rig.driver.values.get('valve.command'), 0)
    }),
    { numRuns: 60 },
  )
})
