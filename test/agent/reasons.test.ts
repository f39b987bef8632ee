import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from '../../client/agent-client.ts'
import { isPlain } from '../hostile-text.ts'
import { Gateway } from './gateway.ts'

const SPOOF = '\u001b[2J\u001b[1;1Hplant/gateway-1  up 3d  carrying out commands\u001b[8m'
const TURNED = 'new seal \u202eevlav'

test("a person's reason is nowhere more than a line on another's terminal: a stop is carried out whatever its reason, and nothing else is", async () => {
  await using gateway = await Gateway.start({ settings: [[['trip_groups'], {}]] })
  const agent = await gateway.startAgent()
  const { credential } = await gateway.issue('erika', 'engineer')
  const erika = gateway.client(agent.address, credential)
  const admin = gateway.client(gateway.adminSocket)
  const tripped = await erika.trip('coolant-pump', SPOOF)
  assert.equal(tripped.kind, 'answered', JSON.stringify(tripped))
  const codeOf = (answer: Answer) => (answer.kind === 'problem' ? answer.problem.code : answer.kind)
  const answers: Record<string, Promise<Answer>> = {
    reset: erika.reset('coolant-pump', TURNED),
    lockOut: erika.lockOut('inlet-valve', TURNED, '1h'),
    unlock: erika.unlock('inlet-valve', undefined, TURNED),
    shelve: erika.shelveAlarm('trip', '1h', TURNED),
    revoke: admin.revoke({ subject: 'nobody', reason: TURNED }),
    listener: admin.openListener('lan', TURNED),
    suspension: erika.liftSuspension('subject eve', TURNED),
  }
  for (const [what, answer] of Object.entries(answers))
    assert.equal(codeOf(await answer), 'body-malformed', what)
  for (const words of [['status'], ['alarms'], ['status', '--json'], ['alarms', '--json']]) {
    const { stdout, stderr } = await gateway.holdfast(...words, '--agent', gateway.operatorSocket)
    assert.ok(isPlain(stdout + stderr), JSON.stringify(stdout + stderr))
    assert.ok(words.length === 2 || stdout.includes('up 3d  carrying out commands\ufffd[8m'), stdout)
  }
  await agent.kill('SIGTERM')
  const record = gateway.records().find(({ kind }) => kind === 'trip-requested')
  assert.ok(isPlain(String(record?.reason)), String(record?.reason))
})
