import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ClockKeeper } from '../../../agent/time/clock-keeper.ts'
import { floorFile, KeptClock } from '../../../agent/time/kept-clock.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { SteppableClock } from './steppable-clock.ts'

const NOW = Date.UTC(2026, 5, 1, 12)
const HOUR = 3_600_000

async function keeperRig(synchronised: boolean | undefined, known?: number) {
  const folder = await temporaryFolder()
  const system = new SteppableClock(NOW)
  const clock = new KeptClock(system, known)
  const file = floorFile(join(folder.path, 'clock.json'))
  const events: string[] = []
  const said = { synchronised, asked: 0 }
  const keeper = new ClockKeeper(
    clock,
    file,
    async () => {
      said.asked += 1
      return said.synchronised
    },
    {
      alarm: (name, detail) => events.push(`${name}: ${detail}`),
      cleared: name => events.push(`cleared ${name}`),
      adopted: async () => void events.push('adopted'),
    },
  )
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 1000) await system.advance(Math.min(left, 1000))
  }
  return {
    folder,
    system,
    clock,
    file,
    keeper,
    said,
    events,
    pass,
    [Symbol.asyncDispose]: async () => {
      await keeper[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

test('the latest trusted time is kept over a restart, and a time that is not trusted is not', async () => {
  await using rig = await keeperRig(undefined)
  await rig.pass(61_000)
  rig.system.step(10 * HOUR)
  await rig.pass(120_000)
  await rig.keeper[Symbol.asyncDispose]()
  const kept = await rig.file.load()
  assert.ok(kept && kept.floor >= NOW + 60_000 && kept.floor < NOW + HOUR, String(kept?.floor))
})

test('a step is told once, with what to do, and its end too', async () => {
  await using rig = await keeperRig(undefined)
  await rig.pass(2000)
  rig.system.step(HOUR)
  await rig.pass(30_000)
  assert.deepEqual(rig.events, [
    'clock-stepped: the system clock was set 1h ahead; the agent counts on by itself. When the new time is right: holdfast clock accept',
  ])
  assert.equal(await rig.keeper.accept(), NOW + 32_000)
  assert.deepEqual(rig.events.slice(1), ['cleared clock-stepped', 'adopted'])
  assert.equal((await rig.file.load())?.floor, NOW + HOUR + 32_000)
})

test('after a step the system is asked anew whether it is synchronised, and then believed', async () => {
  await using rig = await keeperRig(true)
  await rig.pass(2000)
  assert.equal(rig.said.asked, 1)
  rig.said.synchronised = false
  rig.system.step(HOUR)
  await rig.pass(1000)
  assert.equal(rig.said.asked, 2, 'what it said before the step counts for nothing')
  assert.equal(rig.clock.state.kind, 'holdover')
  rig.said.synchronised = true
  await rig.pass(10_000)
  assert.equal(rig.clock.state.kind, 'agreed')
  assert.equal(rig.clock.wall(), rig.system.wall())
  assert.deepEqual(rig.events.slice(-2), ['cleared clock-stepped', 'adopted'])
})

test('a time that has been is told with what to do', async () => {
  await using rig = await keeperRig(undefined, NOW + HOUR)
  await rig.pass(1000)
  assert.match(
    rig.events.join(),
    /^clock-behind: .* set the clock, or when it is right: holdfast clock accept$/,
  )
})

test('a clock that nothing synchronises is told after a quarter of an hour, and not before', async () => {
  await using rig = await keeperRig(false)
  await rig.pass(14 * 60_000)
  assert.deepEqual(rig.events, [])
  await rig.pass(2 * 60_000)
  assert.deepEqual(rig.events, ['clock-unsynchronised: nothing has synchronised the system clock for 15m'])
  rig.said.synchronised = true
  await rig.pass(61_000)
  assert.deepEqual(rig.events.slice(1), ['cleared clock-unsynchronised'])
  assert.equal(rig.keeper.synchronised, true)
})

test('a disk that does not take the time is told once', async () => {
  await using rig = await keeperRig(undefined)
  await writeFile(join(rig.folder.path, 'clock.json.new'), '')
  await rig.folder[Symbol.asyncDispose]()
  await writeFile(rig.folder.path, 'a file where the folder was')
  await rig.pass(130_000)
  await rig.keeper[Symbol.asyncDispose]()
  assert.equal(rig.events.filter(event => event.startsWith('clock-not-kept')).length, 1)
})

test('a step that nobody confirms for a day keeps commands waiting, and that is an alarm of its own', async () => {
  await using rig = await keeperRig(undefined)
  await rig.pass(2000)
  rig.system.step(2 * HOUR)
  await rig.pass(2000)
  assert.match(rig.events.join('\n'), /^clock-stepped: the system clock was set 2h ahead; [^\n]*$/)
  rig.events.length = 0
  for (let hour = 0; hour < 24; hour += 1) await rig.system.advance(HOUR)
  await rig.pass(2000)
  assert.match(
    rig.events.join('\n'),
    /^cleared clock-stepped\nclock-behind: the system clock was set 2h ahead and nobody has confirmed that for 24h; [^\n]*$/,
  )
  assert.ok(rig.clock.trouble)
  rig.events.length = 0
  await rig.keeper.accept()
  assert.deepEqual(rig.events, ['cleared clock-behind', 'adopted'])
})
