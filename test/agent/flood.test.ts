import assert from 'node:assert/strict'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { execa } from 'execa'
import { Gateway, ROOT } from './gateway.ts'

/** Valid commands in the middle of the flood; or, for a soak, as many as there are in so many minutes. */
const COMMANDS = 20
const SOAK = Number(process.env.HOLDFAST_SOAK_MINUTES ?? 0) * 60_000
/** What a flood may make of a valid command, the valve's 300 ms included. Only a soak has a machine to itself. */
const SOAK_LATENCY_MAX = 1000
const ALARM_EVERY = 60_000

/** The alarms of a flood: of the actuator that it aims at, and of the thresholds that it goes over. */
const OF_A_FLOOD: ReadonlySet<string> = new Set([
  'authentication-failures',
  'failed-authentications',
  'refusals',
])

test('a flood of forgeries from many addresses on a listener that alarms moves nothing, alarms once a minute, and keeps no valid command out', {
  timeout: SOAK + 120_000,
}, async context => {
  await using gateway = await Gateway.start({ unattributed: 'alarm' })
  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('alice', 'operator', '--lifetime', '1h')
  const alice = gateway.client(agent.address, credential)
  const writes: string[] = []
  gateway.plant.onWrite(({ table, address, value }) => writes.push(`${table} ${address} = ${value}`))

  const began = performance.now()
  const { keyid } = credential
  const target = ['--keyid', keyid, '--actuator', 'inlet-valve', '--setpoint', 'open']
  const flood = execa(
    process.execPath,
    [join(ROOT, 'bench', 'flood-load.ts'), '--agent', agent.address.replace('http://', ''), ...target],
    { buffer: false, stdin: 'ignore', stderr: 'inherit' },
  )
  const said: Record<string, unknown>[] = []
  const flooding = Promise.withResolvers<void>()
  const lines = createInterface({ input: flood.stdout }).on('line', line => {
    said.push(JSON.parse(line))
    flooding.resolve()
  })
  const over = new Promise(resolve => lines.once('close', resolve))
  try {
    await flooding.promise
    const expected: string[] = []
    const latencies: number[] = []
    while (latencies.length < COMMANDS || performance.now() - began < SOAK) {
      const setpoint = latencies.length % 2 === 0 ? 'open' : 'closed'
      const asked = performance.now()
      const answer = await alice.command('inlet-valve', setpoint)
      latencies.push(performance.now() - asked)
      const outcome = answer.kind === 'answered' && (answer.body as { outcome: string }).outcome
      assert.equal(outcome, 'verified', JSON.stringify(answer))
      expected.push(`coil 0 = ${setpoint === 'open' ? 1 : 0}`)
    }
    flood.kill('SIGTERM')
    await Promise.all([flood, over])
    const { sent, answers } = said.at(-1) as { sent: number; answers: Record<string, number> }
    const seconds = (performance.now() - began) / 1000
    assert.deepEqual(writes, expected, 'nothing moved but what alice moved')
    assert.deepEqual(Object.keys(answers), ['403'], JSON.stringify(answers))
    const alarms = agent.log.flatMap(({ alarm }) => (typeof alarm === 'string' ? [alarm] : []))
    for (const name of new Set(alarms)) {
      assert.ok(OF_A_FLOOD.has(name), name)
      const times = alarms.filter(other => other === name).length
      assert.ok(times <= 1 + (seconds * 1000) / ALARM_EVERY, `${name}: ${times} times`)
    }
    assert.ok(alarms.includes('authentication-failures'))

    const sorted = latencies.toSorted((a, b) => a - b)
    const at = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN)
    context.diagnostic(`${sent} forgeries in ${Math.round(seconds)} s, from as many addresses`)
    context.diagnostic(
      `${sorted.length} valid commands, ms: p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}; the valve takes 300 of them`,
    )
    const late = sorted.filter(latency => latency >= SOAK_LATENCY_MAX).length
    context.diagnostic(
      `${late} of them took ${SOAK_LATENCY_MAX} ms or more; load ${loadavg()[0]?.toFixed(1)}`,
    )
    if (SOAK > 0) assert.ok(at(1) < SOAK_LATENCY_MAX, `a valid command took ${at(1)} ms`)
  } finally {
    flood.kill('SIGKILL')
  }
})
