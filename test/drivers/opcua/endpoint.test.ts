import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type OpcUaUser, showsPassword } from '../../../drivers/opcua/endpoint.ts'
import { Liar } from './liar.ts'
import { connect, site } from './site.ts'

const POLICY = 'http://opcfoundation.org/UA/SecurityPolicy#'
const OLIVE = { kind: 'password', name: 'olive', passwordFile: '/etc/holdfast/password' } satisfies OpcUaUser

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

const PASSWORD = 'a-password-of-olive'

/** What comes of logging in with a password over a channel that is only signed, past somebody who says `lie` where the server says `truth`. */
async function loggedIn(truth: string, lie: string, isUnencrypted: boolean) {
  await using plant = await site()
  if (isUnencrypted) plant.server.takePasswordsUnencrypted()
  await using liar = new Liar(plant.server.port, truth, lie)
  await liar.open()
  const passwordFile = join(plant.folder, 'password')
  await writeFile(passwordFile, PASSWORD)
  await using driver = await connect({
    ...plant.endpoint,
    url: `opc.tcp://127.0.0.1:${liar.port}`,
    securityMode: 'Sign',
    user: { ...OLIVE, passwordFile },
  })
  const { connection } = driver.link
  return {
    trouble: 'trouble' in connection ? connection.trouble : undefined,
    isShown: Buffer.concat(liar.heard).includes(PASSWORD),
  }
}

test('a password is not sent for all to read where somebody between has hidden that the server wants it so', async () => {
  const { trouble, isShown } = await loggedIn('SecurityPolicy#None', 'SecurityPolicy#Nome', true)
  assert.equal(isShown, false)
  assert.match(
    trouble ?? 'there is a session',
    /takes passwords unencrypted here: expected security_mode: SignAndEncrypt/,
  )
})

test('a server that offers something else over the secured channel than was said before is not logged in to', async () => {
  const { trouble, isShown } = await loggedIn('anonymous', 'anonymouz', false)
  assert.match(trouble ?? 'there is a session', /offers something else over the secured channel/)
  assert.equal(isShown, false)
})
