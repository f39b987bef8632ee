import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type OpcUaUser, showsPassword } from '../../../drivers/opcua/endpoint.ts'

const POLICY = 'http://opcfoundation.org/UA/SecurityPolicy#'
const OLIVE: OpcUaUser = { kind: 'password', name: 'olive', passwordFile: '/etc/holdfast/password' }

/** What the server says of its users' tokens (1 is a user's name), and whether a password would be sent for all to read. */
const CASES: readonly (readonly [
  user: OpcUaUser,
  mode: 'Sign' | 'SignAndEncrypt',
  type: number,
  policy: string | null,
  shown: boolean,
])[] = [
  [OLIVE, 'Sign', 1, `${POLICY}None`, true],
  [OLIVE, 'Sign', 1, `${POLICY}Basic256Sha256`, false],
  [OLIVE, 'Sign', 1, null, false],
  [OLIVE, 'Sign', 0, `${POLICY}None`, false],
  [OLIVE, 'SignAndEncrypt', 1, `${POLICY}None`, false],
  [{ kind: 'anonymous' }, 'Sign', 1, `${POLICY}None`, false],
]

for (const [user, securityMode, tokenType, securityPolicyUri, shown] of CASES)
  test(`${user.kind}, ${securityMode}, a token of type ${tokenType} under ${securityPolicyUri}: a password is ${shown ? '' : 'not '}shown`, () => {
    assert.equal(showsPassword({ user, securityMode }, [{ tokenType, securityPolicyUri }]), shown)
  })
