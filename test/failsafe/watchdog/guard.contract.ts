import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type GuardCase, guardRig } from './guard-rig.ts'

/** What every kind of device watchdog has to do under a guard. `time` of the case is 2 s. */
export function describeGuard(name: string, guarded: GuardCase): void {
  describe(`a guard over ${name}`, () => {
    it('arms it as declared and keeps it running as long as it is fed, without a write to any output', async () => {
      await using rig = await guardRig(guarded)
      await rig.guard.turn()
      assert.deepEqual(rig.state, { kind: 'armed' })
      for (let turns = 0; turns < 9; turns += 1) {
        await rig.pass(667)
        await rig.guard.turn()
        assert.equal(rig.plant.watchdog, 'running')
      }
      assert.deepEqual(rig.moved, [])
      assert.deepEqual(rig.events, ['told that it runs', 'armed'])
    })

    it('lets the device make the plant safe within its time once nobody feeds it', async () => {
      await using rig = await guardRig(guarded)
      await rig.guard.turn()
      await rig.command('inlet-valve', 1)
      await rig.pass(1900)
      assert.deepEqual(rig.outputs(), [1, 0])
      await rig.pass(200)
      assert.equal(rig.plant.watchdog, 'expired')
      assert.deepEqual(rig.outputs(), [0, 1])
      assert.equal(rig.state.kind, 'unguarded', 'this agent knows it without having asked')
    })

    it('tells of an expiry once, arms it again without moving an output, and takes commands again', async () => {
      await using rig = await guardRig(guarded)
      await rig.guard.turn()
      await rig.command('inlet-valve', 1)
      rig.moved.length = 0
      await rig.pass(10_000)
      await rig.guard.turn()
      await rig.pass(20)
      assert.deepEqual(rig.state, { kind: 'armed' })
      assert.deepEqual(rig.outputs(), [0, 1])
      assert.deepEqual(rig.moved, [])
      assert.equal(rig.events.filter(event => event === 'told of its expiry').length, 1)
      assert.deepEqual(await rig.command('inlet-valve', 1), { kind: 'accepted' })
      await rig.pass(600)
      assert.deepEqual(rig.outputs(), [1, 1])
      await rig.pass(2000)
      assert.deepEqual(rig.outputs(), [0, 1], 'it guards again')
    })

    it('does not feed it while the command path is stuck, and arms it again when it is not any more', async () => {
      await using rig = await guardRig(guarded)
      await rig.guard.turn()
      await rig.command('inlet-valve', 1)
      rig.stick('a command to inlet-valve has not ended for 9s')
      for (let turns = 0; turns < 4; turns += 1) {
        await rig.pass(667)
        await rig.guard.turn()
      }
      assert.equal(rig.state.kind, 'starved')
      assert.deepEqual([rig.plant.watchdog, ...rig.outputs()], ['expired', 0, 1])
      rig.stick(undefined)
      await rig.guard.turn()
      await rig.pass(20)
      assert.deepEqual([rig.state.kind, rig.plant.watchdog, ...rig.outputs()], ['armed', 'running', 0, 1])
    })

    it('asks a device that could not be reached again, compares its fallback, and arms it', async () => {
      await using rig = await guardRig(guarded)
      await rig.plant.faults.set({ kind: 'dropped-link' })
      await rig.connected.connected(false)
      await rig.guard.turn()
      await rig.guard.turn()
      assert.equal(rig.state.kind, 'uncommissioned')
      await rig.plant.faults.clear()
      await rig.connected.connected(true)
      await rig.guard.turn()
      await rig.pass(20)
      assert.deepEqual([rig.state.kind, rig.plant.watchdog], ['armed', 'running'])
      assert.deepEqual(rig.events, ['uncommissioned', 'told that it runs', 'armed'])
      assert.deepEqual(rig.moved, [])
    })

    it('asks what it falls back to again once it was connected anew, however soon: it may be another device', async () => {
      await using rig = await guardRig(guarded)
      await rig.guard.turn()
      await rig.command('inlet-valve', 1)
      rig.moved.length = 0
      await rig.pass(300)
      await rig.plant.faults.set({ kind: 'dropped-link' })
      await rig.connected.connected(false)
      await rig.plant.faults.clear()
      await rig.connected.connected(true)
      const { kind: unasked } = rig.state
      await rig.plant.faults.set({ kind: 'exception', code: 6, on: 'reads' })
      await rig.guard.turn()
      assert.deepEqual([unasked, rig.state.kind], ['unguarded', 'uncommissioned'])
      await rig.plant.faults.clear()
      await rig.guard.turn()
      await rig.pass(20)
      assert.deepEqual([rig.state.kind, rig.plant.watchdog, ...rig.outputs()], ['armed', 'running', 1, 0])
      assert.deepEqual(rig.moved, [])
    })

    it('is taken over by the next run of the agent while it runs, without an expiry or a move', async () => {
      await using rig = await guardRig(guarded)
      await rig.guard.turn()
      await rig.command('inlet-valve', 1)
      rig.moved.length = 0
      await rig.pass(1500)
      const next = rig.start()
      assert.deepEqual(await next.compare(), [])
      await next.turn()
      await rig.pass(1500)
      await next.turn()
      await rig.pass(20)
      assert.deepEqual([next.state.kind, rig.plant.watchdog, ...rig.outputs()], ['armed', 'running', 1, 0])
      assert.deepEqual(rig.moved, [])
    })

    it('is told of by the next run of the agent when it had expired, and armed again without a move', async () => {
      await using rig = await guardRig(guarded)
      await rig.guard.turn()
      await rig.command('inlet-valve', 1)
      rig.moved.length = 0
      await rig.pass(5000)
      rig.events.length = 0
      const next = rig.start()
      assert.deepEqual(await next.compare(), [])
      await next.turn()
      await rig.pass(20)
      assert.deepEqual([next.state.kind, rig.plant.watchdog, ...rig.outputs()], ['armed', 'running', 0, 1])
      assert.deepEqual(rig.moved, [])
      const isShown = guarded.spec.kind !== 'register' || guarded.spec.showsStatus
      assert.deepEqual(rig.events, [...(isShown ? ['told of its expiry'] : []), 'told that it runs', 'armed'])
    })

    it('does not start it where it would fall back to what is not safe, and says what disagrees', async () => {
      await using rig = await guardRig(guarded, 0)
      await rig.guard.turn()
      assert.equal(rig.state.kind, 'disagrees')
      assert.match(
        rig.state.kind === 'disagrees' ? rig.state.detail : '',
        /coolant-pump: without this agent plc sets it to 1, and its safe state on is 0: set the device's fallback to 0, or/,
      )
      await rig.pass(10_000)
      await rig.guard.turn()
      assert.notEqual(rig.plant.watchdog, 'expired')
      assert.deepEqual(rig.moved, [])
    })

    it('survives a line that is lost and comes back in time: it was never fed too late', async () => {
      await using rig = await guardRig(guarded)
      await rig.guard.turn()
      await rig.command('inlet-valve', 1)
      await rig.plant.faults.set({ kind: 'dropped-link' })
      await rig.connected.connected(false)
      await rig.pass(600)
      await rig.guard.turn()
      assert.equal(rig.state.kind, 'unguarded')
      await rig.plant.faults.clear()
      await rig.connected.connected(true)
      await rig.pass(600)
      await rig.guard.turn()
      await rig.pass(1500)
      await rig.guard.turn()
      assert.deepEqual([rig.state.kind, rig.plant.watchdog, ...rig.outputs()], ['armed', 'running', 1, 0])
      assert.ok(!rig.events.includes('told of its expiry'))
    })
  })
}
