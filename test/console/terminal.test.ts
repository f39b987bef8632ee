import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../agent/time/system-clock.ts'
import { acknowledgeAlarm, alarms, shelveAlarm, unshelveAlarm } from '../../console/alarm.ts'
import { closeGlass, sealGlass } from '../../console/break-glass.ts'
import { acceptClock } from '../../console/clock.ts'
import { command, reset, select } from '../../console/command.ts'
import { issueCredential, listCredentials, revokeCredential } from '../../console/credential.ts'
import { drillRevocation } from '../../console/drill.ts'
import { acknowledge, liftSuspension, openListener, trip } from '../../console/intervention.ts'
import { rotateKey, showKey } from '../../console/key.ts'
import { removeLockout, setLockout } from '../../console/lockout.ts'
import { showRoles } from '../../console/roles.ts'
import type { SessionOptions, Surroundings } from '../../console/session.ts'
import { status } from '../../console/status.ts'
import { terminal } from '../../console/terminal.ts'
import type { Json } from '../../model/json.ts'
import { hostileText, isPlain } from '../hostile-text.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const KEYID = 'hf1:demo/waterworks-1/1/20779/AAECAwQFBgcICQoL;sub=alice;role=operator;exp=1795328793'
const LOCKOUT = { subject: 'erika', reason: 'new seal', until: 'u' }
const ALARM = {
  ...{ id: 1, alarm: 'trip', state: 'shelved', severity: 'warning', priority: 2, actuator: 'valve' },
  ...{ detail: 'd', consequence: 'c', remedy: 'r', count: 2, first: 'f', last: 'l' },
  acknowledged: { by: 'b', at: 'a' },
  shelved: { by: 'b', until: 'u', reason: 'r' },
}
const ACTUATOR = {
  ...{ id: 'valve', description: 'd', position: 'open', quality: 'good', phase: 'tripped', safe: 'closed' },
  ...{ takes: 't', detail: 'd', held: 'h', unmet: { kind: 'k', detail: 'd' } },
  first_out: { cause: 'manual', detail: 'd', at: 'a', acknowledged: { by: 'b', at: 'a' } },
  locked_out: [LOCKOUT],
  awaiting_approval: [{ action: 'a', setpoint: 's', subject: 's', until: 'u' }],
  selected: [{ setpoint: 's', subject: 's', until: 'u' }],
}
/** Whatever any answer of the agent has, in one: each program takes what it knows. */
const ANSWER: Record<string, Json> = {
  ...{ environment: 'plant', gateway: 'g', time: 't', uptime_ms: 7, troubles: ['t'], detail: 'd' },
  alarms: [ALARM, { ...ALARM, state: 'latched' }],
  actuators: [ACTUATOR],
  clock: { state: 'holdover', synchronised: false },
  master_key: {
    ...{ source: 's', available: false, detail: 'd', remedy: 'r' },
    generations: [{ generation: 1, since: 's', until: 'u' }],
  },
  audit: { records: 1, queue: 0, unwritable: 'u' },
  break_glass: { state: 'open', until: 'u' },
  device_watchdogs: {},
  suspended: { someone: 'reason' },
  closed_listeners: { lan: 'reason' },
  roles: [{ role: 'r', may: ['m'] }],
  credentials: [{ credential: 'c', subject: 's', roles: ['r'], not_after: 'n', revoked: 'r' }],
  ...{
    trouble: 't',
    sheet: 's',
    closed: true,
    before: 'b',
    now: 'n',
    outcome: 'selected',
    asked: 'a',
    until: 'u',
  },
  cleared: { cause: 'c', detail: 'd', at: 'a' },
  ...{ unkept: 'u', generation: 2, key: 'k', previous_until: 'p', shares: ['s'], opened: 'o', lifted: 'l' },
  first_out: { cause: 'c', detail: 'd', at: 'a', acknowledged: { by: 'b' } },
  ...{
    ...LOCKOUT,
    ended: LOCKOUT,
    locked_out: [LOCKOUT],
    keyid: 'k',
    secret: 's',
    serial: 's',
    not_after: 'n',
  },
}
const PROBLEM = { type: 't', title: 't', status: 409, detail: 'd', code: 'c', remedy: 'r', shares: ['s'] }

type Program = (options: SessionOptions, around: Surroundings) => Promise<number>
const ORDER = { subject: 'alice', role: 'operator', lifetime: '1h', out: '-' }
const PROGRAMS: Readonly<Record<string, Program>> = {
  status,
  alarms,
  'alarm acknowledge': (options, around) => acknowledgeAlarm('1', options, around),
  'alarm shelve': (options, around) => shelveAlarm('1', { ...options, for: '1h', reason: 'r' }, around),
  'alarm unshelve': (options, around) => unshelveAlarm('1', options, around),
  'break-glass seal': sealGlass,
  'break-glass close': closeGlass,
  'clock accept': acceptClock,
  command: (options, around) => command('valve', 'open', options, around),
  select: (options, around) => select('valve', 'open', options, around),
  reset: (options, around) => reset('valve', options, around),
  trip: (options, around) => trip('valve', options, around),
  acknowledge: (options, around) => acknowledge('valve', options, around),
  'listener open': (options, around) => openListener('lan', options, around),
  'suspension lift': (options, around) => liftSuspension('eve', options, around),
  'lockout set': (options, around) => setLockout('valve', { ...options, reason: 'r', until: '1h' }, around),
  'lockout remove': (options, around) => removeLockout('valve', options, around),
  roles: showRoles,
  'key rotate': rotateKey,
  'key status': showKey,
  'credential list': listCredentials,
  'credential issue': (options, around) => issueCredential({ ...options, ...ORDER }, around),
  'credential revoke': (options, around) => revokeCredential({ ...options, subject: 'eve' }, around),
  'credential drill': drillRevocation,
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let credential: string
let answer: { status: number; body: Json } = { status: 200, body: {} }
let asked = 0
const agent = createServer((request, response) => {
  asked += 1
  request.resume()
  response.writeHead(answer.status, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(answer.body))
})

before(async () => {
  folder = await temporaryFolder()
  credential = join(folder.path, 'alice.credential')
  await writeFile(
    credential,
    JSON.stringify({ keyid: KEYID, secret: Buffer.alloc(32).toString('base64url') }),
    {
      mode: 0o600,
    },
  )
  agent.listen(join(folder.path, 'agent.sock'))
  await once(agent, 'listening')
})

after(async () => {
  agent.close()
  agent.closeAllConnections()
  await folder[Symbol.asyncDispose]()
})

/** The same value, with hostile texts at the end of each text and of each name that is data. */
function spoiled(value: Json, texts: readonly string[], at = { next: 0 }): Json {
  const next = () => texts[at.next++ % texts.length] ?? ''
  if (typeof value === 'string') return `${value}${next()}`
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(item => spoiled(item, texts, at))
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => [
      [name, spoiled(member, texts, at)],
      ...(name === 'someone' || name === 'lan' ? [[`${name}${next()}`, member]] : []),
    ]),
  )
}

/** How many lines an answer takes whose texts are as they should be: no text makes another. */
const linesOf = (text: string) => text.split('\n').length

for (const [name, run] of Object.entries(PROGRAMS)) {
  test(`holdfast ${name}: whatever the agent answers, nothing on the terminal steers it, and no text makes a line of its own`, async () => {
    const options = { agent: `unix:${join(folder.path, 'agent.sock')}`, credential }
    const print = async (kind: 'answer' | 'problem', texts: readonly string[], json: boolean) => {
      const isProblem = kind === 'problem'
      answer = { status: isProblem ? 409 : 200, body: spoiled(isProblem ? PROBLEM : ANSWER, texts) }
      let said = ''
      const out = (text: string) => {
        said += text
      }
      // The drill waits for a refusal that never comes.
      let now = 0
      const clock = { ...systemClock, monotonic: () => (now += 1000) }
      const around = { clock, entropy: randomBytes, ...terminal(out, out) }
      await run(json ? { ...options, json } : options, around)
      return said
    }
    const before = asked
    const lines = { answer: linesOf(await print('answer', ['x'], false)), problem: 0 }
    assert.notEqual(asked, before, 'no agent was asked')
    lines.problem = linesOf(await print('problem', ['x'], false))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('answer' as const, 'problem' as const),
        fc.array(hostileText, { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        async (kind, texts, json) => {
          const said = await print(kind, texts, json)
          assert.notEqual(said, '')
          assert.ok(isPlain(said), JSON.stringify(said))
          if (!json) assert.equal(linesOf(said), lines[kind], said)
        },
      ),
      { numRuns: 30, seed: 7 },
    )
  })
}
