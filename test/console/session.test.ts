import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Answer } from '../../client/agent-client.ts'
import { report, type SessionOptions } from '../../console/session.ts'
import { realClock } from '../../simulator/real-clock.ts'

const UNSIGNED: Answer = {
  kind: 'problem',
  status: 401,
  problem: {
    type: 'urn:holdfast:signature-missing',
    title: '401 Unauthorized - Signature Missing',
    status: 401,
    detail: 'the request is not signed',
    code: 'signature-missing',
    remedy: 'sign it with a credential: docs/CREDENTIAL_FORMAT.md',
  },
}

function told(options: Partial<SessionOptions>) {
  const said = { out: '', err: '' }
  const code = report(
    UNSIGNED,
    { agent: 'unix:/run/holdfast/operator.sock', ...options },
    {
      clock: realClock,
      entropy: () => Buffer.alloc(0),
      out: text => {
        said.out += text
      },
      err: text => {
        said.err += text
      },
    },
    () => '',
  )
  return { code, ...said }
}

describe('an answer that the request is not signed', () => {
  it('says how a credential is given, where none was', () => {
    const { code, err } = told({})
    assert.equal(code, 3)
    assert.match(err, /^401 Unauthorized - Signature Missing\nthe request is not signed\nNext: /)
    assert.match(err, /credential: --credential FILE, or HOLDFAST_CREDENTIAL in the environment\.\n$/)
    assert.doesNotMatch(err, /CREDENTIAL_FORMAT/)
  })

  it("keeps the agent's own words where one was given, and in JSON", () => {
    assert.match(told({ credential: 'alice.credential' }).err, /docs\/CREDENTIAL_FORMAT\.md\.\n$/)
    assert.match(told({ json: true }).out, /CREDENTIAL_FORMAT/)
  })
})
