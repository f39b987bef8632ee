import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alarmFile } from '../../../agent/alarms/alarm-file.ts'
import { Alarms, type AlarmTold } from '../../../agent/alarms/alarms.ts'
import { type Delivered, Webhook } from '../../../agent/alarms/webhook.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { temporaryFolder } from '../../temporary-folder.ts'

const SECOND = 1000
const FAILED: Delivered = { kind: 'failed', detail: 'nobody there' }

async function webhookRig() {
  const folder = await temporaryFolder()
  const clock = new VirtualClock()
  let teller: Webhook | undefined
  const alarms = new Alarms(alarmFile(`${folder.path}/alarms.json`), undefined, clock, {
    note: () => {},
    told: (told: AlarmTold) => teller?.tell(told),
    surplus: () => {},
  })
  const answers = { next: (): Delivered => ({ kind: 'delivered' }) }
  const tried: Record<string, unknown>[] = []
  let ids = 0
  const open = () => {
    teller = new Webhook({
      deliver: async message => {
        tried.push(message as Record<string, unknown>)
        return answers.next()
      },
      from: { environment: 'test', gateway: 'g1' },
      alarms,
      clock,
      newId: () => {
        ids += 1
        return `m${ids}`
      },
    })
  }
  const told = () => tried.map(({ id, event, alarm }) => `${id} ${event} ${alarm}`)
  return {
    ...{ clock, alarms, answers, tried, told, open },
    [Symbol.asyncDispose]: async () => {
      await teller?.[Symbol.asyncDispose]()
      await alarms[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

test('what stands at the start is told first; then each thing that happens, in its order', async () => {
  await using rig = await webhookRig()
  rig.alarms.raise('clock-stepped', 'a')
  rig.open()
  rig.alarms.raise('trip', 'forged', { actuator: 'valve' })
  rig.alarms.clear('clock-stepped')
  await rig.clock.advance(SECOND)
  assert.deepEqual(rig.told(), ['m1 raised clock-stepped', 'm2 raised trip', 'm3 cleared clock-stepped'])
  assert.deepEqual(rig.tried[1]?.about, { actuator: 'valve' })
})

test('a message that fails is the same when it comes again, after pauses that double; nothing passes it', async () => {
  await using rig = await webhookRig()
  rig.open()
  rig.answers.next = () => FAILED
  rig.alarms.raise('clock-stepped', 'a')
  rig.alarms.raise('rotation-due', 'b')
  await rig.clock.advance(0)
  const tries = [rig.tried.length]
  for (const pause of [1, 2, 4]) {
    await rig.clock.advance(pause * SECOND - 1)
    tries.push(rig.tried.length)
    await rig.clock.advance(1)
    tries.push(rig.tried.length)
  }
  assert.deepEqual(tries, [1, 1, 2, 2, 3, 3, 4])
  assert.deepEqual(new Set(rig.told()), new Set(['m1 raised clock-stepped']))
  rig.answers.next = () => ({ kind: 'delivered' })
  await rig.clock.advance(8 * SECOND)
  assert.deepEqual(rig.told().slice(-2), ['m1 raised clock-stepped', 'm2 raised rotation-due'])
})

test('a receiver that fails five times has an alarm, which is over when it takes alarms again', async () => {
  await using rig = await webhookRig()
  rig.open()
  rig.answers.next = () => FAILED
  rig.alarms.raise('clock-stepped', 'a')
  await rig.clock.advance(10 * SECOND)
  assert.equal(rig.alarms.list.length, 1)
  await rig.clock.advance(10 * SECOND)
  const own = () => rig.alarms.list.find(({ name }) => name === 'webhook-undelivered')
  assert.match(own()?.detail ?? '', /the webhook takes no alarms: nobody there; they wait/)
  rig.answers.next = () => ({ kind: 'delivered' })
  await rig.clock.advance(60 * SECOND)
  assert.equal(own()?.active, false)
  assert.deepEqual(rig.told().slice(-2), ['m2 raised webhook-undelivered', 'm3 cleared webhook-undelivered'])
})

test('one that the receiver refuses is not sent again, and does not hold up the next', async () => {
  await using rig = await webhookRig()
  rig.open()
  const answers: Delivered[] = [{ kind: 'refused', detail: 'it answered 422' }]
  rig.answers.next = () => answers.shift() ?? { kind: 'delivered' }
  rig.alarms.raise('clock-stepped', 'a')
  rig.alarms.raise('rotation-due', 'b')
  await rig.clock.advance(SECOND)
  assert.deepEqual(rig.told().slice(0, 2), ['m1 raised clock-stepped', 'm2 raised rotation-due'])
  assert.equal(rig.told().filter(text => text.startsWith('m1 ')).length, 1)
})

test('a receiver of twelve alarms of one name that are over knows that they all are', async () => {
  await using rig = await webhookRig()
  rig.open()
  const valves = Array.from({ length: 12 }, (_, at) => `valve-${at}`)
  for (const actuator of valves) rig.alarms.raise('trip', 'forged', { actuator })
  for (const actuator of valves) rig.alarms.clear('trip', undefined, { actuator })
  await rig.clock.advance(SECOND)
  const known = new Map(rig.tried.map(({ alarm_id, state }) => [alarm_id, state]))
  assert.deepEqual([...known.values()], Array(12).fill('cleared'))
})

test('of more than a thousand that wait the oldest go, and the next says exactly how many', async () => {
  await using rig = await webhookRig()
  rig.open()
  rig.answers.next = () => FAILED
  // Ten a minute of an alarm are told: a hundred minutes and a few.
  for (let minute = 0; minute < 110; minute += 1) {
    for (let count = 0; count < 10; count += 1) rig.alarms.raise('clock-stepped', `${minute} ${count}`)
    await rig.clock.advance(61 * SECOND)
  }
  rig.tried.length = 0
  rig.answers.next = () => ({ kind: 'delivered' })
  await rig.clock.advance(600 * SECOND)
  // The one that is being tried stays, and a thousand behind it.
  const [first, ...rest] = rig.tried.slice(0, 1001).map(({ id, lost_before }) => [id, lost_before])
  assert.deepEqual(first, ['m1', undefined])
  // Of 1102: 1100 of the clock, and two of the webhook itself, that it takes none and that it does again.
  assert.deepEqual(rest[0], ['m103', 101])
  assert.equal(rest.length, 1000)
  assert.ok(rest.every(([, lost]) => lost === 101))
})
